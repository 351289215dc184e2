/* rset.h - R, a set of resources (RFC 20), as a value
 *
 * Per execution target (rank): host name, core ids, gpu ids, and properties of
 * ranks; plus nslots, starttime, expiration and an opaque "scheduling" key that
 * is carried along.  Ranks with equal children share them, in memory and in the
 * text (R_lite is compressed on encode).
 *
 *   nodes (ascending)   0 ---.   1 ---.   2 ---.   7 ---.
 *                            |        |        |        |
 *   kids (immutable)         '--------+--> core 0-47    '--> core 0-3, gpu 0
 *
 * A set belongs to one thread, but copies share host names and children by
 * atomic reference counts, so a copy may be given to another thread.
 *
 * Limits against hostile input: RSET_MAX_RANKS ranks, ids up to RSET_MAX_ID.
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

#define RSET_MAX_RANKS (1u << 20)
#define RSET_MAX_ID ((1u << 20) - 1)

struct rset *rset_new (void);
void rset_free (struct rset *r);
struct rset *rset_copy (const struct rset *r);
/* Decode version 1.  NULL with errno and err->text naming the key. */
struct rset *rset_decode (const char *s, size_t len, flux_error_t *err);
struct rset *rset_from_json (const json_t *o, flux_error_t *err);
/* Encode: compact JSON text, the caller frees; or a new json reference. */
char *rset_encode (const struct rset *r);
json_t *rset_to_json (const struct rset *r);

/* Build.  'cores' and 'gpus' are idset strings or NULL, but not both NULL or
 * empty; 'host' is a plain name or NULL.  0 or -EEXIST (rank is present),
 * -EINVAL, -ENOMEM.  Ranks added in ascending order are cheap. */
int rset_add_rank (struct rset *r, uint32_t rank, const char *host,
                   const char *cores, const char *gpus);
int rset_remove_ranks (struct rset *r, const struct idset *ranks);
/* Not empty, and none of ! & ' " ^ ` | ( ) in it. */
bool rset_property_name_valid (const char *name);
/* 0 or -EINVAL (illegal character in the name), -ENOENT (rank is not present). */
int rset_set_property (struct rset *r, const char *name,
                       const struct idset *ranks, flux_error_t *err);
int rset_remove_property (struct rset *r, const char *name,
                          const struct idset *ranks);

/* Sets.  All return a new set or NULL (errno).  Times, properties of ranks that
 * remain, and the scheduling key are those of 'a' (and, in a union, properties
 * of both); nslots describes one allocation and does not survive.  A rank with
 * no resource left is dropped. */
struct rset *rset_copy_ranks (const struct rset *r, const struct idset *ranks);
struct rset *rset_union (const struct rset *a, const struct rset *b);
struct rset *rset_diff (const struct rset *a, const struct rset *b);
struct rset *rset_intersect (const struct rset *a, const struct rset *b);
/* The ranks that match an RFC 31 constraint object. */
struct rset *rset_copy_constraint (const struct rset *r, const json_t *constraint,
                                   flux_error_t *err);
/* Append 'b' in place: same rank twice with overlapping ids is -EEXIST, and then
 * *r is unchanged. */
int rset_append (struct rset *r, const struct rset *b);
/* Ranks become 0..n-1 in order: what an enclosing instance's R means inside. */
int rset_remap_ranks (struct rset *r);
/* Make the rank of each host its place in 'order' (a broker list: what is
 * configured by host name means in this instance); hosts that appear more than
 * once are taken in order.  -ENOENT, and nothing is changed, if 'order' lacks a
 * host of r. */
int rset_rerank_hosts (struct rset *r, const struct hostlist *order);
/* Give each rank the host names of 'hl' in rank order.  -EINVAL if there are
 * not as many. */
int rset_set_hosts (struct rset *r, const struct hostlist *hl);

/* Ask.  Iterate: rset_node_next() with *pos = 0 gives each rank in ascending
 * order; false at the end.  Outputs may be NULL. */
bool rset_node_next (const struct rset *r, size_t *pos, uint32_t *rank,
                     const char **host, const struct idset **cores,
                     const struct idset **gpus);
size_t rset_nnodes (const struct rset *r);
size_t rset_count (const struct rset *r, const char *type); /* "core", "gpu", "node" */
const struct idset *rset_ranks (const struct rset *r);       /* never NULL */
/* NULL if there is no such rank, or it has none of "core" or "gpu". */
const struct idset *rset_ids (const struct rset *r, uint32_t rank, const char *type);
const char *rset_host (const struct rset *r, uint32_t rank); /* or NULL */
struct hostlist *rset_hosts (const struct rset *r);          /* in rank order; caller destroys */
bool rset_has_property (const struct rset *r, uint32_t rank, const char *name);
json_t *rset_properties (const struct rset *r);              /* {"name": "idset"} */
/* "rank[0-1]/core[0-3],gpu0": for logs and flux resource list -v; caller frees. */
char *rset_dumps (const struct rset *r);

int rset_nslots (const struct rset *r);          /* 0 if unset */
void rset_set_nslots (struct rset *r, int n);
double rset_starttime (const struct rset *r);    /* 0 if unset */
double rset_expiration (const struct rset *r);   /* 0 if unset */
void rset_set_starttime (struct rset *r, double t);
void rset_set_expiration (struct rset *r, double t);
const json_t *rset_scheduling (const struct rset *r);
int rset_set_scheduling (struct rset *r, json_t *o); /* takes a reference; NULL clears */

#endif /* !SPEC_RSET_H */
