/* forward.h - a follower's output on its way to the leader shell
 *
 * What is put in arrives in order, or not at all: after the first loss the rest is
 * dropped, with one message.  The shell does not end while something is under way.
 */
#ifndef SHELL_FORWARD_H
#define SHELL_FORWARD_H

#include <stdbool.h>
#include <jansson.h>
#include <flux/shell.h>

struct forward;

/* 'flow' is called with true when 'hwm' messages have no answer, and with false when
 * it is 'lwm' again.  NULL: out of memory. */
struct forward *forward_new (flux_shell_t *shell, int hwm, int lwm,
                             void (*flow) (void *arg, bool stop), void *arg);
void forward_free (struct forward *fw);
/* An event of the output eventlog: its name, which is not copied, and context, which is
 * taken (NULL: out of memory). */
void forward_put (struct forward *fw, const char *name, json_t *context);
/* The leader takes nothing any more; say no more about it. */
void forward_cut_off (struct forward *fw);
bool forward_is_cut_off (const struct forward *fw);

#endif /* !SHELL_FORWARD_H */
