/* queue.h - flux queue (flux-queue(1))
 */
#ifndef CMD_QUEUE_H
#define CMD_QUEUE_H

#include <flux/optparse.h>

int cmd_queue (int argc, char **argv);
int queue_list (optparse_t *p, int argc, char **argv);

#endif /* !CMD_QUEUE_H */
