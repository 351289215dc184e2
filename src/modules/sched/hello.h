/* hello.h - a scheduler's handshake with the job manager (RFC 27)
 *
 *   sched-hello ─► R of each running job from the KVS ─► job() ─► sched-ready
 *
 * and sched.free, which may overtake the answers to hello.  When the job manager
 * goes, hello is said again to the next one.  What both schedulers share; one thread.
 */
#ifndef SCHED_HELLO_H
#define SCHED_HELLO_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

struct hello;
struct rset;
struct idset;

struct hello_ops {
    /* Hello tells all that is asked and allocated: forget it. */
    void (*begin) (void *arg);
    /* A job has R, without the resources of the ranks in 'freed'.  0, or a negative
     * errno with err->text, which is logged. */
    int (*job) (void *arg, uint64_t id, const struct rset *R, const struct idset *freed,
                flux_error_t *err);
    /* sched.free of a job that is known. */
    void (*free) (void *arg, uint64_t id, const struct rset *R, bool final);
    /* What runs is known now, or there is no job manager to tell it.  May be NULL. */
    void (*settled) (void *arg);
};

/* Handles sched.free from here on.  'limit': requests the job manager may have
 * outstanding, 0: unlimited.  NULL: no memory. */
struct hello *hello_new (flux_t *h, int limit, const struct hello_ops *ops, void *arg);
void hello_destroy (struct hello *hello);
/* Say hello (again). */
void hello_begin (struct hello *hello);
/* The resources have gone: no hello until hello_begin(). */
void hello_stop (struct hello *hello);
/* Is hello over, until it is said again? */
bool hello_is_settled (const struct hello *hello);
/* sched-ready was sent: sched.alloc requests from before are to be ignored. */
bool hello_is_ready (const struct hello *hello);

#endif /* !SCHED_HELLO_H */
