/* env.h - the environments of jobspecs
 *
 * Nearly all of a jobspec is its environment, and the jobs of one submission
 * have nearly the same.  A text is stored as what differs from one of the few
 * seen last: a middle piece between a prefix and a suffix that are shared.
 *
 * What is stored is the slice of the jobspec's text that makes the difference
 * between the jobspec and its redacted form: ,"environment":{...}
 *
 * One thread.
 */
#ifndef JOB_ENV_H
#define JOB_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "spec/jobenv.h"

struct envset;
struct envbase;

struct envset *envset_new (void);
void envset_free (struct envset *set);

/* A text as a difference: base[0, prefix) middle base[.. -suffix) */
struct env_diff {
    struct envbase *base;   /* NULL: like none that is known */
    size_t prefix, suffix, middle;
    bool valid;             /* that the base is valid JSON makes this so, too */
};

/* Compare with the ones seen last. */
struct env_diff env_compare (struct envset *set, const char *s, size_t len);
/* Make 's' a base of its own if it is like none; takes a reference on the base.
 * 0 or -ENOMEM. */
int env_hold (struct envset *set, struct env_diff *d, const char *s, size_t len);
void env_release (struct env_diff *d);

static inline size_t env_len (const struct env_diff *d)
{
    return d->prefix + d->middle + d->suffix;
}
/* The shared ends. */
const char *env_prefix (const struct env_diff *d);
const char *env_suffix (const struct env_diff *d);

#endif /* !JOB_ENV_H */
