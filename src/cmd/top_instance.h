/* top_instance.h - what flux top shows of one instance, kept up to date
 *
 *   top ──attr.get────────────────────────────► broker        once
 *       ──config.get──────────────────────────► broker        once: the queues
 *       ──job-list.job-stats (streaming)──────► job-list      at each change
 *           └─► job-list.list, resource.sched-status          after it, and each heartbeat
 *       ──heartbeat.pulse (subscribed)
 *
 * No request waits: the picture stays alive when an instance does not answer.
 */
#ifndef CMD_TOP_INSTANCE_H
#define CMD_TOP_INSTANCE_H

#include <stdbool.h>
#include <flux/core.h>
#include <jansson.h>

struct top_instance;

enum { TOP_NODES, TOP_CORES, TOP_GPUS, TOP_KINDS };

struct top_data {
    char *path;              /* of job ids, "/" at the top; "" if it is not known */
    char *version;           /* of its brokers */
    int size, depth;
    bool owner;              /* we are the instance owner */
    double starttime;
    double expiration;       /* 0: not known */
    struct { size_t total, used, down; } res[TOP_KINDS];
    int pending, running, inactive, successful, failed;
    json_t *jobs;            /* that run, newest first: as of job-list */
    bool beat;               /* a heartbeat came: whoever shows it clears it */
    char error[160];         /* what does not answer; "": all is well */
};

typedef void (*top_changed_f) (struct top_instance *t, void *arg);

/* Takes 'h', which must have the caller's reactor.  'queue': what to limit to, or NULL.
 * NULL with err: h is closed.  'changed' is called from the reactor. */
struct top_instance *top_instance_new (flux_t *h, const char *queue, top_changed_f changed,
                                       void *arg, flux_error_t *err);
void top_instance_free (struct top_instance *t);

struct top_data *top_instance_data (struct top_instance *t);
/* All that is shown at first has been answered (or refused). */
bool top_instance_ready (const struct top_instance *t);

/* The queue that is shown; NULL: all.  And go to the next (or -1: the previous): all come
 * between the last and the first. */
const char *top_instance_queue (const struct top_instance *t);
bool top_instance_has_queues (const struct top_instance *t);
void top_instance_rotate (struct top_instance *t, int step);

#endif /* !CMD_TOP_INSTANCE_H */
