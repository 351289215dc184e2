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

/* An empty or absent (NULL) object matches everything; an object of several
 * operators matches if all of them do.  "not" negates the "and" of its values.
 * Depth is limited to 64.  NULL with errno and err->text. */
struct constraint *constraint_compile (const json_t *o,
                                       const struct constraint_ops *ops,
                                       void *arg, flux_error_t *err);
bool constraint_match (const struct constraint *c, const void *object);
void constraint_free (struct constraint *c);

/* Is it a job constraint: known operators, whose values are names of properties
 * (RFC 20), host lists, idsets?  Whether there are such is not asked.  0 or
 * -EINVAL, -ENOMEM with err->text. */
int constraint_validate (const json_t *o, flux_error_t *err);

/* RFC 35 text ("rank:0-3 and -gpu", "host:a or host:b") to an RFC 31 object.
 * Bare words become 'default_op' (e.g. "properties"; NULL: they are an error).
 * Empty text becomes {}.  New reference, or NULL with errno and err->text naming
 * the place. */
json_t *constraint_parse (const char *s, const char *default_op, flux_error_t *err);
/* The same with the conventions of --requires (flux-submit(1)): bare words are
 * properties, "a,b" means both, host and hosts mean hostlist, rank means ranks. */
json_t *constraint_parse_job (const char *s, flux_error_t *err);

#endif /* !SPEC_CONSTRAINT_H */
