/* stopjobs.h - end the jobs of an instance that ends
 *
 * What runs is cancelled and waited for; what is pending stays so, for a restart
 * from the state directory.  In terms of commands:
 *
 *     flux queue stop --all --nocheckpoint
 *     flux cancel --user=all --states=RUN
 *     flux queue idle
 */
#ifndef BROKER_STOPJOBS_H
#define BROKER_STOPJOBS_H

#include <flux/core.h>

struct stopjobs;

/* rc is 0 or a negative errno, text what went wrong.  May free the object. */
typedef void (*stopjobs_done_f) (void *arg, int rc, const char *text);

/* For an instance with a job manager.  'done' is called once, from the loop.
 * NULL: errno. */
struct stopjobs *stopjobs_begin (flux_t *h, stopjobs_done_f done, void *arg);
/* Also while it goes on: then 'done' is not called. */
void stopjobs_free (struct stopjobs *s);

#endif /* !BROKER_STOPJOBS_H */
