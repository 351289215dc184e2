/* specs.h - the jobspecs of sched.alloc requests, each decoded once
 *
 * Thousands of requests may differ only in their job: what a jobspec was decoded to is
 * kept by its text.  One thread.
 */
#ifndef SCHED_SPECS_H
#define SCHED_SPECS_H

#include <flux/core.h>

struct specs;

struct specs_ops {
    /* A new object for a jobspec (borrowed), or NULL with err->text.  'arg' as below. */
    void *(*decode) (void *arg, json_t *jobspec, flux_error_t *err);
    void *(*ref) (void *spec);
    void (*unref) (void *spec);
};

/* NULL: no memory. */
struct specs *specs_new (const struct specs_ops *ops, void *arg);
void specs_free (struct specs *s);
/* What was decoded is not used any more: the next are decoded anew. */
void specs_forget (struct specs *s);

/* The id, the priority and the jobspec of a sched.alloc request: a new reference, or
 * NULL with the reason in err (*id is -1 if it could not be read). */
void *specs_request (struct specs *s, const flux_msg_t *msg, json_int_t *id,
                     json_int_t *priority, flux_error_t *err);

#endif /* !SCHED_SPECS_H */
