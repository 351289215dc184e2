/* hostrun.h - runs of host names that differ in one number
 *
 * A name is split at its last group of digits (at most 18 of them):
 *
 *   "node007.example"   stem "node" + ".example", value 7, width 3
 *   "node10"            stem "node" + "",         value 10, width 0
 *   "login"             stem "login" + "",        no number
 *
 * width is the length of the number if it starts with a superfluous zero,
 * otherwise 0: so each name has exactly one split, and two names are equal if
 * and only if stem, width and value are.  A run is lo..hi of one stem and
 * width; a million hosts are one run.
 */
#ifndef BASE_HOSTRUN_H
#define BASE_HOSTRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define HOSTRUN_MAX_DIGITS 18

struct stem {               /* shared by the runs of one list */
    unsigned int refs;
    size_t prefix_len;
    size_t suffix_len;
    bool numbered;
    char text[];            /* prefix NUL suffix NUL */
};

struct hostrun {
    struct stem *stem;
    uint64_t lo;
    uint64_t hi;
    int width;
    size_t start;           /* index in the list of its first host */
};

struct hostruns {
    struct hostrun *run;
    size_t count;           /* runs */
    size_t size;
    size_t hosts;           /* at most INT_MAX */
};

#define HOSTRUNS_INIT { .run = NULL, .count = 0, .size = 0, .hosts = 0 }

void hostruns_release (struct hostruns *r);

/* Append, joining with the last run where it continues it.  'src' gives its
 * stem, which gains a reference.  0, -ENOMEM, -ERANGE (too many hosts). */
int hostruns_add (struct hostruns *r, const struct hostrun *src);

/* Append the hosts of an RFC 29 string.  0, -EINVAL, -ENOMEM, -ERANGE; on
 * failure r holds part of them. */
int hostruns_parse (struct hostruns *r, const char *s);

/* Make *run the split of one name; its stem is new: see stem_unref(). */
int hostrun_split (struct hostrun *run, const char *name, size_t len);
void stem_unref (struct stem *stem);

/* A total order: stems first, numbers last.  hostrun_cmp_class() leaves out
 * the numbers: it is 0 for runs that could be joined. */
int hostrun_cmp_class (const struct hostrun *a, const struct hostrun *b);

/* Append the name of the n'th host of the run. */
int hostrun_name (const struct hostrun *run, uint64_t n, struct buf *b);

#endif /* !BASE_HOSTRUN_H */
