/* shutdown.h - flux shutdown (flux-shutdown(1))
 */
#ifndef CMD_SHUTDOWN_H
#define CMD_SHUTDOWN_H

int cmd_shutdown (int argc, char **argv);

#endif /* !CMD_SHUTDOWN_H */
