/* rset.h - R, a set of resources (RFC 20), as a value
 *
 * Per execution target (rank): host name, core ids, gpu ids, and properties of
 * ranks; plus starttime, expiration and an opaque "scheduling" key that is
 * carried along.  Host names are kept shared; a rank with the same children as
 * its neighbour costs nothing to write (R_lite is compressed on encode).
 */
#ifndef SPEC_RSET_H
#define SPEC_RSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>

struct idset;
struct hostlist;
struct rset;

struct rset *rset_new (void);
void rset_free (struct rset *r);
struct rset *rset_copy (const struct rset *r);
/* Decode version 1.  NULL with errno and err->text naming the key. */
struct rset *rset_decode (const char *s, size_t len, flux_error_t *err);
struct rset *rset_from_json (const json_t *o, flux_error_t *err);
/* Encode: compact JSON text, the caller frees; or a new json reference. */
char *rset_encode (const struct rset *r);
json_t *rset_to_json (const struct rset *r);

/* Build.  'cores' and 'gpus' are idset strings or NULL.  0 or -EEXIST,
 * -EINVAL, -ENOMEM. */
int rset_add_rank (struct rset *r, uint32_t rank, const char *host,
                   const char *cores, const char *gpus);
int rset_remove_ranks (struct rset *r, const struct idset *ranks);
int rset_set_property (struct rset *r, const char *name,
                       const struct idset *ranks, flux_error_t *err);
int rset_remove_property (struct rset *r, const char *name,
                          const struct idset *ranks);

/* Sets.  All return a new set or NULL (errno). */
struct rset *rset_copy_ranks (const struct rset *r, const struct idset *ranks);
struct rset *rset_union (const struct rset *a, const struct rset *b);
struct rset *rset_diff (const struct rset *a, const struct rset *b);
struct rset *rset_intersect (const struct rset *a, const struct rset *b);
/* The ranks that match an RFC 31 constraint object. */
struct rset *rset_copy_constraint (const struct rset *r, const json_t *constraint,
                                   flux_error_t *err);
/* Append 'b' in place: same rank twice with overlapping ids is -EEXIST. */
int rset_append (struct rset *r, const struct rset *b);
/* Ranks become 0..n-1 in order: what an enclosing instance's R means inside. */
int rset_remap_ranks (struct rset *r);
/* Give each rank the host names of 'hl' in rank order. */
int rset_set_hosts (struct rset *r, const struct hostlist *hl);

/* Ask. */
size_t rset_nnodes (const struct rset *r);
size_t rset_count (const struct rset *r, const char *type); /* "core", "gpu", "node" */
const struct idset *rset_ranks (const struct rset *r);       /* never NULL */
const struct idset *rset_ids (const struct rset *r, uint32_t rank, const char *type);
const char *rset_host (const struct rset *r, uint32_t rank); /* or NULL */
struct hostlist *rset_hosts (const struct rset *r);          /* in rank order; caller destroys */
bool rset_has_property (const struct rset *r, uint32_t rank, const char *name);
json_t *rset_properties (const struct rset *r);              /* {"name": "idset"} */
/* "rank[0-1]/core[0-3],gpu0": for logs and flux resource list -v; caller frees. */
char *rset_dumps (const struct rset *r);

double rset_starttime (const struct rset *r);    /* 0 if unset */
double rset_expiration (const struct rset *r);   /* 0 if unset */
void rset_set_starttime (struct rset *r, double t);
void rset_set_expiration (struct rset *r, double t);
const json_t *rset_scheduling (const struct rset *r);
int rset_set_scheduling (struct rset *r, json_t *o); /* takes a reference; NULL clears */

#endif /* !SPEC_RSET_H */
