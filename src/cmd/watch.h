/* watch.h - flux watch (flux-watch(1))
 */
#ifndef CMD_WATCH_H
#define CMD_WATCH_H

int cmd_watch (int argc, char **argv);

#endif /* !CMD_WATCH_H */
