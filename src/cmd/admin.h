/* admin.h - flux admin (flux-admin(1)): for administrators
 */
#ifndef CMD_ADMIN_H
#define CMD_ADMIN_H

int cmd_admin (int argc, char **argv);

#endif /* !CMD_ADMIN_H */
