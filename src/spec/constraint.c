/* constraint.c - constraint objects (RFC 31), compiled and matched
 *
 *   {"and": [{"properties": ["ssd"]},          AND
 *            {"not": [{"ranks": ["0"]}]}]}      |-- leaf properties
 *                                               '-- NOT
 *                                                    '-- leaf ranks
 */
#include <errno.h>
#include <string.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "spec/constraint.h"
#include "spec/rset.h"

#define MAX_DEPTH 64

enum kind {
    KIND_LEAF,
    KIND_AND,
    KIND_OR,
    KIND_NOT,       /* of the AND of its children */
};

struct constraint {
    enum kind kind;
    const struct constraint_ops *ops;
    void *arg;
    void *leaf;
    size_t count;
    struct constraint *child[];
};

static struct constraint *compile_object (const json_t *o,
                                          const struct constraint_ops *ops,
                                          void *arg, int depth, flux_error_t *err);

static struct constraint *node_new (enum kind kind, size_t count,
                                    const struct constraint_ops *ops, void *arg,
                                    flux_error_t *err)
{
    struct constraint *c = calloc (1, sizeof (*c) + count * sizeof (c->child[0]));

    if (!c) {
        errmsg (err, -ENOMEM, "out of memory");
        errno = ENOMEM;
        return NULL;
    }
    c->kind = kind;
    c->ops = ops;
    c->arg = arg;
    return c;
}

void constraint_free (struct constraint *c)
{
    if (!c)
        return;
    if (c->kind == KIND_LEAF && c->leaf && c->ops->free)
        c->ops->free (c->leaf);
    for (size_t i = 0; i < c->count; i++)
        constraint_free (c->child[i]);
    free (c);
}

static enum kind op_kind (const char *op)
{
    if (strcmp (op, "and") == 0)
        return KIND_AND;
    if (strcmp (op, "or") == 0)
        return KIND_OR;
    if (strcmp (op, "not") == 0)
        return KIND_NOT;
    return KIND_LEAF;
}

static struct constraint *compile_op (const char *op, const json_t *values,
                                      const struct constraint_ops *ops,
                                      void *arg, int depth, flux_error_t *err)
{
    enum kind kind = op_kind (op);
    struct constraint *c;
    size_t index;
    json_t *value;
    int rc;

    if (!json_is_array (values)) {
        errmsg (err, -EINVAL, "constraint %s: values must be an array", op);
        errno = EINVAL;
        return NULL;
    }
    if (!(c = node_new (kind, kind == KIND_LEAF ? 0 : json_array_size (values),
                        ops, arg, err)))
        return NULL;
    if (kind == KIND_LEAF) {
        if ((rc = ops->compile (op, values, &c->leaf, arg, err)) < 0) {
            c->leaf = NULL;
            constraint_free (c);
            errno = -rc;
            return NULL;
        }
        return c;
    }
    json_array_foreach ((json_t *)values, index, value) {
        if (!(c->child[index] = compile_object (value, ops, arg, depth + 1, err))) {
            int saved = errno;

            constraint_free (c);
            errno = saved;
            return NULL;
        }
        c->count = index + 1;
    }
    return c;
}

/* More than one operator in an object: all must match. */
static struct constraint *compile_object (const json_t *o,
                                          const struct constraint_ops *ops,
                                          void *arg, int depth, flux_error_t *err)
{
    struct constraint *c;
    const char *op;
    json_t *values;

    if (!json_is_object (o) || depth > MAX_DEPTH) {
        if (depth > MAX_DEPTH)
            errmsg (err, -EINVAL, "constraint is nested deeper than %d", MAX_DEPTH);
        else
            errmsg (err, -EINVAL, "constraint must be an object");
        errno = EINVAL;
        return NULL;
    }
    if (json_object_size (o) == 1) {
        void *iter = json_object_iter ((json_t *)o);

        return compile_op (json_object_iter_key (iter),
                           json_object_iter_value (iter), ops, arg, depth, err);
    }
    if (!(c = node_new (KIND_AND, json_object_size (o), ops, arg, err)))
        return NULL;
    json_object_foreach ((json_t *)o, op, values) {
        struct constraint *child = compile_op (op, values, ops, arg, depth, err);

        if (!child) {
            int saved = errno;

            constraint_free (c);
            errno = saved;
            return NULL;
        }
        c->child[c->count++] = child;
    }
    return c;
}

struct constraint *constraint_compile (const json_t *o,
                                       const struct constraint_ops *ops,
                                       void *arg, flux_error_t *err)
{
    if (!o)
        return node_new (KIND_AND, 0, ops, arg, err);
    return compile_object (o, ops, arg, 1, err);
}

static bool match_all (const struct constraint *c, const void *object)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!constraint_match (c->child[i], object))
            return false;
    }
    return true;
}

bool constraint_match (const struct constraint *c, const void *object)
{
    switch (c->kind) {
        case KIND_LEAF:
            return c->ops->match (c->leaf, object, c->arg);
        case KIND_AND:
            return match_all (c, object);
        case KIND_NOT:
            return !match_all (c, object);
        default:
            break;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (constraint_match (c->child[i], object))
            return true;
    }
    return c->count == 0;
}

static int validate_property (const char *s, flux_error_t *err)
{
    const char *name = *s == '^' ? s + 1 : s;

    if (rset_property_name_valid (name))
        return 0;
    return errmsg (err, -EINVAL, "constraint properties: '%s': a name must not be empty "
                   "or contain any of ! & ' \" ^ ` | ( )", s);
}

static int validate_hostlist (const char *s, flux_error_t *err)
{
    struct hostlist *hl = hostlist_decode (s);
    int rc = hl ? 0 : -errno;

    hostlist_destroy (hl);
    if (rc == -EINVAL)
        return errmsg (err, rc, "constraint hostlist: '%s' is not a host list", s);
    return rc < 0 ? errmsg (err, rc, "constraint hostlist: '%.40s': %s", s, strerror (-rc)) : 0;
}

static int validate_ranks (const char *s, flux_error_t *err)
{
    idset_error_t iderr;

    if (idset_decode_info (s, -1, NULL, NULL, &iderr) < 0)
        return errmsg (err, -EINVAL, "constraint ranks: '%s': %s", s, iderr.text);
    return 0;
}

static int validate_leaf (const char *op, const json_t *values, void **leaf,
                          void *arg, flux_error_t *err)
{
    static const struct {
        const char *op;
        int (*validate) (const char *s, flux_error_t *err);
    } known[] = {
        { "properties", validate_property },
        { "hostlist", validate_hostlist },
        { "ranks", validate_ranks },
    };
    size_t index;
    json_t *value;
    int rc;

    for (size_t i = 0; i < sizeof (known) / sizeof (known[0]); i++) {
        if (strcmp (known[i].op, op) != 0)
            continue;
        json_array_foreach ((json_t *)values, index, value) {
            if (!json_is_string (value))
                return errmsg (err, -EINVAL, "constraint %s: values must be "
                               "strings", op);
            if ((rc = known[i].validate (json_string_value (value), err)) < 0)
                return rc;
        }
        return 0;
    }
    return errmsg (err, -EINVAL, "unknown constraint operator '%s': expected "
                   "properties, hostlist, ranks, and, or, not", op);
}

int constraint_validate (const json_t *o, flux_error_t *err)
{
    static const struct constraint_ops ops = { .compile = validate_leaf };
    struct constraint *c = constraint_compile (o, &ops, NULL, err);

    if (!c)
        return -errno;
    constraint_free (c);
    return 0;
}
