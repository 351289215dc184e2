/* R.h - flux R (flux-R(1)): write, read and combine resource sets (RFC 20)
 */
#ifndef CMD_R_H
#define CMD_R_H

int cmd_R (int argc, char **argv);

#endif /* !CMD_R_H */
