/* rset_ops.c - set operations on R, and selection by constraint (RFC 31)
 */
#include <errno.h>
#include <string.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "spec/constraint.h"
#include "spec/rset_impl.h"

typedef struct idset *(*ids_op_f) (const struct idset *a, const struct idset *b);

/* The last result: neighbours mostly have the same children. */
struct memo {
    ids_op_f op;
    struct kids *a;      /* borrowed */
    struct kids *b;
    struct kids *result; /* NULL: nothing is left */
};

static int op_ids (ids_op_f op, const struct idset *a, const struct idset *b,
                   struct idset **ip)
{
    *ip = NULL;
    if (!a || (!b && op == idset_intersect))
        return 0;
    *ip = b ? op (a, b) : idset_copy (a);
    return *ip ? 0 : -ENOMEM;
}

static int op_kids (struct memo *m, struct kids *a, struct kids *b)
{
    struct idset *ids[NTYPES] = { NULL };

    if (m->a == a && m->b == b)
        return 0;
    kids_unref (m->result);
    m->a = m->b = m->result = NULL;
    for (int i = 0; i < NTYPES; i++) {
        if (op_ids (m->op, a->ids[i], b->ids[i], &ids[i]) < 0) {
            idset_destroy (ids[CORE]);
            return -ENOMEM;
        }
    }
    if (kids_new (ids[CORE], ids[GPU], &m->result) < 0)
        return -ENOMEM;
    m->a = a;
    m->b = b;
    return 0;
}

static int inherit_properties (struct rset *r, const struct rset *from)
{
    for (size_t i = 0; i < from->nprops; i++) {
        struct idset *ranks = idset_intersect (from->props[i].ranks, r->ranks);
        int rc = ranks ? 0 : -ENOMEM;

        if (ranks && !idset_empty (ranks))
            rc = rset_add_property (r, from->props[i].name, ranks);
        idset_destroy (ranks);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int rset_inherit (struct rset *r, const struct rset *from)
{
    r->starttime = from->starttime;
    r->expiration = from->expiration;
    rset_set_scheduling (r, from->scheduling);
    return inherit_properties (r, from);
}

/* Settle and return r, or free it. */
static struct rset *finish (struct rset *r, int rc, const struct rset *from,
                            bool overlap)
{
    if (rc == 0)
        rc = rset_settle (r, overlap, NULL);
    if (rc == 0)
        rc = rset_inherit (r, from);
    if (rc < 0) {
        rset_free (r);
        errno = -rc;
        return NULL;
    }
    return r;
}

static int push_node (struct rset *r, const struct node *node)
{
    return rset_push (r, node->rank, node->kids, node->host);
}

struct rset *rset_copy_ranks (const struct rset *r, const struct idset *ranks)
{
    struct rset *out = rset_new ();
    int rc = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < r->count && rc == 0; i++) {
        if (idset_test (ranks, r->nodes[i].rank))
            rc = push_node (out, &r->nodes[i]);
    }
    return finish (out, rc, r, false);
}

struct rset *rset_union (const struct rset *a, const struct rset *b)
{
    struct rset *out = rset_new ();
    int rc = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < a->count && rc == 0; i++)
        rc = push_node (out, &a->nodes[i]);
    for (size_t i = 0; i < b->count && rc == 0; i++)
        rc = push_node (out, &b->nodes[i]);
    if (!(out = finish (out, rc, a, true)))
        return NULL;
    if (inherit_properties (out, b) < 0) {
        rset_free (out);
        errno = ENOMEM;
        return NULL;
    }
    if (!out->scheduling)
        rset_set_scheduling (out, b->scheduling);
    return out;
}

/* Of each rank of 'a': what op makes of it and the same rank of b. */
static struct rset *combine (const struct rset *a, const struct rset *b, ids_op_f op)
{
    struct memo m = { .op = op };
    struct rset *out = rset_new ();
    size_t j = 0;
    int rc = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < a->count && rc == 0; i++) {
        const struct node *node = &a->nodes[i];

        while (j < b->count && b->nodes[j].rank < node->rank)
            j++;
        if (j < b->count && b->nodes[j].rank == node->rank) {
            if ((rc = op_kids (&m, node->kids, b->nodes[j].kids)) == 0 && m.result)
                rc = rset_push (out, node->rank, m.result, node->host);
        }
        else if (op == idset_difference)
            rc = push_node (out, node);
    }
    kids_unref (m.result);
    return finish (out, rc, a, false);
}

struct rset *rset_diff (const struct rset *a, const struct rset *b)
{
    return combine (a, b, idset_difference);
}

struct rset *rset_intersect (const struct rset *a, const struct rset *b)
{
    return combine (a, b, idset_intersect);
}

int rset_append (struct rset *r, const struct rset *b)
{
    struct rset *out = rset_new ();
    struct rset tmp;
    int rc = 0;

    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < r->count && rc == 0; i++)
        rc = push_node (out, &r->nodes[i]);
    for (size_t i = 0; i < b->count && rc == 0; i++)
        rc = push_node (out, &b->nodes[i]);
    if (rc == 0 && (rc = rset_settle (out, false, NULL)) == 0
        && (rc = rset_inherit (out, r)) == 0)
        rc = inherit_properties (out, b);
    if (rc < 0) {
        rset_free (out);
        return rc;
    }
    out->nslots = r->nslots;
    if (!out->scheduling)
        rset_set_scheduling (out, b->scheduling);
    tmp = *r;
    *r = *out;
    *out = tmp;
    rset_free (out);
    return 0;
}

/* -- constraints -- */

#define MAX_HASHED_HOSTS 65536

/* A leaf is the ranks that it matches. */
static int leaf_properties (const struct rset *r, const json_t *values,
                            struct idset *ranks, flux_error_t *err)
{
    size_t index;
    json_t *value;

    if (idset_add (ranks, r->ranks) < 0)
        return -ENOMEM;
    json_array_foreach ((json_t *)values, index, value) {
        const char *s = json_string_value (value);
        bool negate = s[0] == '^';
        struct idset *have = NULL;
        struct idset *next;

        for (size_t i = 0; i < r->nprops && !have; i++) {
            if (strcmp (r->props[i].name, s + negate) == 0)
                have = r->props[i].ranks;
        }
        if (!rset_property_name_valid (s + negate))
            return errmsg (err, -EINVAL, "constraint properties: '%s' is not the name "
                           "of a property", s);
        if (!have) {
            if (!negate)
                idset_clear_all (ranks);
            continue;
        }
        next = negate ? idset_difference (ranks, have) : idset_intersect (ranks, have);
        if (!next)
            return -ENOMEM;
        idset_clear_all (ranks);
        if (idset_add (ranks, next) < 0) {
            idset_destroy (next);
            return -ENOMEM;
        }
        idset_destroy (next);
    }
    return 0;
}

static struct hash *hash_hosts (struct hostlist *hl)
{
    struct hash *h = hash_new (NULL);

    for (const char *s = hostlist_first (hl); h && s; s = hostlist_next (hl)) {
        if (hash_set (h, s, h) < 0) {
            hash_free (h);
            h = NULL;
        }
    }
    return h;
}

static int leaf_hostlist (const struct rset *r, const json_t *values,
                          struct idset *ranks, flux_error_t *err)
{
    struct hostlist *hl = hostlist_create ();
    struct hash *names = NULL;
    size_t index;
    json_t *value;
    int rc = hl ? 0 : -ENOMEM;

    json_array_foreach ((json_t *)values, index, value) {
        if (rc == 0 && hostlist_append (hl, json_string_value (value)) < 0)
            rc = errmsg (err, -EINVAL, "constraint hostlist: '%s' is not a host list",
                         json_string_value (value));
    }
    if (rc == 0 && hostlist_count (hl) <= MAX_HASHED_HOSTS
        && !(names = hash_hosts (hl)))
        rc = -ENOMEM;
    for (size_t i = 0; i < r->count && rc == 0; i++) {
        const char *host = r->nodes[i].host ? r->nodes[i].host->name : NULL;

        if (host && (names ? hash_get (names, host) != NULL
                           : hostlist_find (hl, host) >= 0)
            && idset_set (ranks, r->nodes[i].rank) < 0)
            rc = -ENOMEM;
    }
    hash_free (names);
    hostlist_destroy (hl);
    return rc;
}

static int leaf_ranks (const struct rset *r, const json_t *values,
                       struct idset *ranks, flux_error_t *err)
{
    size_t index;
    json_t *value;

    json_array_foreach ((json_t *)values, index, value) {
        if (idset_decode_add (ranks, json_string_value (value), -1, NULL) < 0)
            return errmsg (err, -EINVAL, "constraint ranks: '%s' is not an idset",
                           json_string_value (value));
    }
    return 0;
}

static int leaf_compile (const char *op, const json_t *values, void **leaf,
                         void *arg, flux_error_t *err)
{
    const struct rset *r = arg;
    struct idset *ranks;
    size_t index;
    json_t *value;
    int rc;

    json_array_foreach ((json_t *)values, index, value) {
        if (!json_is_string (value))
            return errmsg (err, -EINVAL, "constraint %s: values must be strings", op);
    }
    if (!(ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return errmsg (err, -ENOMEM, "out of memory");
    if (strcmp (op, "properties") == 0)
        rc = leaf_properties (r, values, ranks, err);
    else if (strcmp (op, "hostlist") == 0)
        rc = leaf_hostlist (r, values, ranks, err);
    else if (strcmp (op, "ranks") == 0)
        rc = leaf_ranks (r, values, ranks, err);
    else
        rc = errmsg (err, -EINVAL, "unknown constraint operator '%s': expected "
                     "properties, hostlist, ranks, and, or, not", op);
    if (rc < 0) {
        if (rc == -ENOMEM)
            errmsg (err, rc, "out of memory");
        idset_destroy (ranks);
        return rc;
    }
    *leaf = ranks;
    return 0;
}

static bool leaf_match (void *leaf, const void *object, void *arg)
{
    return idset_test (leaf, ((const struct node *)object)->rank);
}

static void leaf_free (void *leaf)
{
    idset_destroy (leaf);
}

struct rset *rset_copy_constraint (const struct rset *r, const json_t *constraint,
                                   flux_error_t *err)
{
    static const struct constraint_ops ops = { leaf_compile, leaf_match, leaf_free };
    struct constraint *c = constraint_compile (constraint, &ops, (void *)r, err);
    struct rset *out;
    int rc = 0;

    if (!c)
        return NULL;
    if (!(out = rset_new ())) {
        constraint_free (c);
        return NULL;
    }
    for (size_t i = 0; i < r->count && rc == 0; i++) {
        if (constraint_match (c, &r->nodes[i]))
            rc = push_node (out, &r->nodes[i]);
    }
    constraint_free (c);
    return finish (out, rc, r, false);
}
