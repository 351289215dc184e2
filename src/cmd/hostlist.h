/* hostlist.h - flux hostlist (flux-hostlist(1))
 */
#ifndef CMD_HOSTLIST_H
#define CMD_HOSTLIST_H

int cmd_hostlist (int argc, char **argv);

#endif /* !CMD_HOSTLIST_H */
