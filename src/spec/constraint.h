/* constraint.h - constraint objects (RFC 31) and their query text (RFC 35)
 *
 * RFC 31: {"op": [values]}, with "properties", "hostlist", "ranks", and the
 * connectives "and", "or", "not".  What an operator means is the caller's: job
 * constraints and job-list constraints (RFC 43) share this evaluator.
 */
#ifndef SPEC_CONSTRAINT_H
#define SPEC_CONSTRAINT_H

#include <stdbool.h>
#include <jansson.h>
#include <flux/core/types.h>

struct constraint;

/* Compile one leaf {op: values}.  *leaf is passed to 'match' and 'free'.
 * 0 or a negative errno with err->text. */
struct constraint_ops {
    int (*compile) (const char *op, const json_t *values, void **leaf,
                    void *arg, flux_error_t *err);
    bool (*match) (void *leaf, const void *object, void *arg);
    void (*free) (void *leaf);
};

/* An empty or absent (NULL) object matches everything.  Depth is limited to
 * 64. */
struct constraint *constraint_compile (const json_t *o,
                                       const struct constraint_ops *ops,
                                       void *arg, flux_error_t *err);
bool constraint_match (const struct constraint *c, const void *object);
void constraint_free (struct constraint *c);

/* RFC 35 text ("rank:0-3 and -gpu", "host:a or host:b") to an RFC 31 object.
 * Bare words become 'default_op' (e.g. "properties").  New reference, or NULL
 * with err->text naming the place. */
json_t *constraint_parse (const char *s, const char *default_op, flux_error_t *err);

#endif /* !SPEC_CONSTRAINT_H */
