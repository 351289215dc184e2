/* sproc.h - flux sproc (flux-sproc(1)): processes of subprocess servers
 */
#ifndef CMD_SPROC_H
#define CMD_SPROC_H

int cmd_sproc (int argc, char **argv);

#endif /* !CMD_SPROC_H */
