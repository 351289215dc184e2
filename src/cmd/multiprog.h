/* multiprog.h - flux multi-prog (flux-multi-prog(1)): another command for each task
 */
#ifndef CMD_MULTIPROG_H
#define CMD_MULTIPROG_H

int cmd_multi_prog (int argc, char **argv);

#endif /* !CMD_MULTIPROG_H */
