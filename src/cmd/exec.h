/* exec.h - flux exec (flux-exec(1))
 */
#ifndef CMD_EXEC_H
#define CMD_EXEC_H

int cmd_exec (int argc, char **argv);

#endif /* !CMD_EXEC_H */
