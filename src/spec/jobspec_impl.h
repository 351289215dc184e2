/* jobspec_impl.h - what the files of the jobspec decoder share
 *
 * The path of the key at hand is a chain of structs on the stack, and becomes
 * text only when something is wrong with it.
 */
#ifndef SPEC_JOBSPEC_IMPL_H
#define SPEC_JOBSPEC_IMPL_H

#include "spec/jobspec.h"

struct hash;

#define JOBSPEC_INLINE_LABELS 8

struct jobspec {
    unsigned int refcount;
    json_t *root;
    int version;
    struct jobspec_request req;
    int per_slot;              /* tasks[0].count; 0: another form */
    int total;
    const char *slot_label;
    const json_t *command;
    json_t *command_array;     /* owned; tasks[0].command was one string */
    const json_t *attributes;
    const json_t *sys;         /* attributes.system */
    const char *cwd;
    const json_t *environment;
    const char *queue;
    const char *name;
    const json_t *dependencies;
};

struct path {
    const struct path *up;
    const char *key;           /* NULL: 'index' in an array */
    size_t index;
};

struct label {
    const char *text;
    const json_t *slot;        /* NULL: the label of another resource */
};

struct decoder {
    struct jobspec *js;
    flux_error_t *err;
    struct label labels[JOBSPEC_INLINE_LABELS];
    size_t nlabels;
    struct hash *more;         /* label to its vertex, beyond the array */
};

#define path_key(up, k) (&(const struct path){ (up), (k), 0 })
#define path_index(up, i) (&(const struct path){ (up), NULL, (i) })

/* All return 0 or a negative errno with err->text filled. */
int jobspec_bad (struct decoder *d, const struct path *p, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));
int jobspec_unknown_key (struct decoder *d, const struct path *p, const char *key,
                         const char *allowed);
int jobspec_missing (struct decoder *d, const struct path *p, const char *key);

/* 'key' is below 'p'; *sp may be NULL. */
int jobspec_decode_string (struct decoder *d, const struct path *p, const char *key,
                           const json_t *value, const char **sp);
int jobspec_decode_positive (struct decoder *d, const struct path *p,
                             const json_t *o, int *valp);
int jobspec_decode_environment (struct decoder *d, const struct path *p,
                                const json_t *o);

/* In this order: a task names a slot, and some checks want the request. */
int jobspec_decode_resources (struct decoder *d, const json_t *resources);
int jobspec_decode_request (struct decoder *d, const json_t *resources);
int jobspec_decode_tasks (struct decoder *d, const json_t *tasks);

const json_t *jobspec_vertex_by_label (struct decoder *d, const char *text);
bool jobspec_is_slot (const json_t *vertex);

#endif /* !SPEC_JOBSPEC_IMPL_H */
