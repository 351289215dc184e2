/* rset_impl.h - what the files of rset share
 */
#ifndef SPEC_RSET_IMPL_H
#define SPEC_RSET_IMPL_H

#include "spec/rset.h"

enum { CORE, GPU, NTYPES };

/* Children of a rank: immutable, shared, atomically counted.  At least one
 * member is not NULL; no member is empty. */
struct kids {
    unsigned int refs;
    struct idset *ids[NTYPES];
    char *text[NTYPES];         /* "0-47", equal if and only if the sets are */
};

struct rhost {
    unsigned int refs;
    char name[];
};

struct node {
    uint32_t rank;
    struct kids *kids;
    struct rhost *host;         /* or NULL */
};

struct property {
    char *name;
    struct idset *ranks;        /* not empty, all present */
};

struct rset {
    struct node *nodes;         /* ascending ranks, unless a loader is at work */
    size_t count;
    size_t size;
    struct idset *ranks;
    struct property *props;
    size_t nprops;
    double starttime;
    double expiration;
    int nslots;
    json_t *scheduling;
};

/* Ranks that have equal children. */
struct group {
    const struct kids *kids;
    struct idset *ranks;
};

int rset_type (const char *type);   /* enum, or -1 */

/* Takes both sets, also on failure.  *kp is NULL if both are empty or NULL.  0
 * or -ENOMEM. */
int kids_new (struct idset *core, struct idset *gpu, struct kids **kp);
struct kids *kids_ref (struct kids *k);
void kids_unref (struct kids *k);

struct rhost *rhost_new (const char *name);   /* NULL: ENOMEM */
struct rhost *rhost_ref (struct rhost *h);
void rhost_unref (struct rhost *h);

/* Append without order: takes references of its own.  0 or -ENOMEM. */
int rset_push (struct rset *r, uint32_t rank, struct kids *kids, struct rhost *host);
/* Sort what was pushed and join what was pushed twice; then 'ranks' is right
 * again.  0, -ENOMEM, or -EEXIST if ids overlap and 'overlap' is false, with
 * *dup (may be NULL) set to the rank. */
int rset_settle (struct rset *r, bool overlap, uint32_t *dup);
struct node *rset_find (const struct rset *r, uint32_t rank);
/* Add ranks to a property without a check.  0 or -ENOMEM. */
int rset_add_property (struct rset *r, const char *name, const struct idset *ranks);
/* The properties, times and scheduling key of 'from', for the ranks of r. */
int rset_inherit (struct rset *r, const struct rset *from);

/* In order of their first rank.  0 or -ENOMEM; the caller frees by
 * rset_groups_free(). */
int rset_groups (const struct rset *r, struct group **gp, size_t *countp);
void rset_groups_free (struct group *g, size_t count);

#endif /* !SPEC_RSET_IMPL_H */
