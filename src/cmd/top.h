/* top.h - flux top (flux-top(1)): an instance and its running jobs, as they change
 */
#ifndef CMD_TOP_H
#define CMD_TOP_H

int cmd_top (int argc, char **argv);

#endif /* !CMD_TOP_H */
