/* idset.h - sets of non-negative integers (RFC 22)
 *
 * Manual: idset_create(3), idset_encode(3), idset_decode(3), idset_add(3),
 * idset_alloc(3).
 *
 * A set has a universe: ids below its size may be members.  Memory and time
 * follow the runs of consecutive ids in the set, not the size of the universe;
 * test, set, clear, first, last, next and prev take time that grows with the
 * logarithm of the largest member.
 *
 * Unless it says otherwise, a function that returns int gives 0, or -1 with
 * errno set: EINVAL (NULL, IDSET_INVALID_ID, or an id outside of a universe
 * that may not grow), ERANGE (the universe would exceed IDSET_MAX_UNIVERSE),
 * ENOMEM.  One that returns a set or string gives NULL with errno set.  On
 * failure nothing is changed.  One set must not be used by two threads at once
 * if one of them changes it.
 */
#ifndef _FLUX_IDSET_H
#define _FLUX_IDSET_H

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct idset;

#ifdef __cplusplus
extern "C" {
#endif

enum idset_flags {
    IDSET_FLAG_AUTOGROW = 1,
    IDSET_FLAG_BRACKETS = 2,
    IDSET_FLAG_RANGE = 4,
    IDSET_FLAG_INITFULL = 8,
    IDSET_FLAG_COUNT_LAZY = 16,
    IDSET_FLAG_ALLOC_RR = 32,
};

#ifndef FLUX_DEPRECATED
#define FLUX_DEPRECATED(...) __VA_ARGS__ __attribute__ ((deprecated))
#endif
#define IDSET_INVALID_ID (UINT_MAX - 1)
#define IDSET_MAX_UNIVERSE ((size_t)(INT_MAX) + 1)
#define idset_clear_all(x) idset_range_clear ((x), 0, IDSET_INVALID_ID)

typedef struct {
    char text[160];
} idset_error_t;

/* Add the members of b to a. */
int idset_add (struct idset *a, const struct idset *b);

/* Take the lowest id (with ALLOC_RR: the next after the last one taken, then
 * round again) out of a set that was created with INITFULL, and give it in
 * *val.  When none is left an AUTOGROW set grows, any other gives ENOSPC. */
int idset_alloc (struct idset *idset, unsigned int *val);

/* Take id out.  That it is not a member, or is beyond the universe, is no
 * error; an AUTOGROW set created with INITFULL grows first. */
int idset_clear (struct idset *idset, unsigned int id);

/* A new set with the same members, universe and flags. */
struct idset *idset_copy (const struct idset *idset);

/* The number of members, in constant time; 0 if idset is NULL. */
size_t idset_count (const struct idset *idset);

/* Create a set with ids 0 to size - 1 as its universe; size 0 stands for a
 * default and is only valid with AUTOGROW.  Flags:
 *   AUTOGROW    the universe is doubled when an id outside of it is set
 *   INITFULL    all ids are members from the start; so are those that growth adds
 *   ALLOC_RR    see idset_alloc()
 *   COUNT_LAZY  accepted; counting is cheap here without it */
struct idset *idset_create (size_t size, int flags);

/* Create an AUTOGROW set from text like "1-3,7" or "[1-3,7]".  Ids may come in
 * any order, but not twice. */
struct idset *idset_decode (const char *s);

/* Add, in one step, the ids in at most len bytes of s (-1: all of it).  On
 * failure *error, if not NULL, says what is wrong where. */
int idset_decode_add (struct idset *idset,
                      const char *s,
                      ssize_t len,
                      idset_error_t *error);

/* Is it the text of the empty set, "" or "[]"?  False too if it is invalid. */
bool idset_decode_empty (const char *s, ssize_t len);

/* As idset_decode(), of at most len bytes of s (-1: all of it), to a set that
 * was created with size and flags; size 0 is a default size, -1 one that just
 * fits the largest id (and fails for the empty set, unless with AUTOGROW). */
struct idset *idset_decode_ex (const char *s,
                               ssize_t len,
                               ssize_t size,
                               int flags,
                               idset_error_t *error);

/* Parse without making a set.  *count (may be NULL) is set to the number of ids,
 * *maxid (may be NULL) to the largest, or IDSET_INVALID_ID if there is none. */
int idset_decode_info (const char *s,
                       ssize_t len,
                       size_t *count,
                       unsigned int *maxid,
                       idset_error_t *error);

/* Take out the ids in s; see idset_decode_add(). */
int idset_decode_subtract (struct idset *idset,
                           const char *s,
                           ssize_t len,
                           idset_error_t *error);

/* NULL is ignored; errno is kept. */
void idset_destroy (struct idset *idset);

/* A new set: the members of a that are not in b. */
struct idset *idset_difference (const struct idset *a, const struct idset *b);

/* True also if idset is NULL. */
bool idset_empty (const struct idset *idset);

/* Text of the set, to be freed with free().  Flags: RANGE writes consecutive
 * ids as "1-3"; BRACKETS encloses the text in "[]" unless it is one id. */
char *idset_encode (const struct idset *idset, int flags);

/* Have a and b the same members?  Their universes may differ.  False if either
 * is NULL. */
bool idset_equal (const struct idset *a, const struct idset *);

/* The lowest member, or IDSET_INVALID_ID. */
unsigned int idset_first (const struct idset *idset);

/* Give back an id that came from idset_alloc(). */
void idset_free (struct idset *idset, unsigned int val);

/* The same; EEXIST if the id is in the set, that is, not allocated. */
int idset_free_check (struct idset *idset, unsigned int val);

/* Have a and b a member in common?  False if either is NULL. */
bool idset_has_intersection (const struct idset *a, const struct idset *b);

/* A new set: the members of a that are in b too. */
struct idset *idset_intersect (const struct idset *a, const struct idset *b);

/* The highest member, or IDSET_INVALID_ID. */
unsigned int idset_last (const struct idset *idset);

/* The lowest member above id (which need not be one), or IDSET_INVALID_ID. */
unsigned int idset_next (const struct idset *idset, unsigned int id);

/* The highest member below id (which need not be one), or IDSET_INVALID_ID. */
unsigned int idset_prev (const struct idset *idset, unsigned int id);

/* Take out lo to hi inclusive, whichever is larger.  hi may lie beyond the
 * universe. */
int idset_range_clear (struct idset *idset, unsigned int lo, unsigned int hi);

/* Add lo to hi inclusive, whichever is larger. */
int idset_range_set (struct idset *idset, unsigned int lo, unsigned int hi);

/* Add id; that it is a member already is no error. */
int idset_set (struct idset *idset, unsigned int id);

/* Take the members of b out of a. */
int idset_subtract (struct idset *a, const struct idset *b);

/* Is id a member? */
bool idset_test (const struct idset *idset, unsigned int id);

/* A new set: the members of a and of b. */
struct idset *idset_union (const struct idset *a, const struct idset *b);

/* One more than the largest id that fits now; 0 if idset is NULL. */
size_t idset_universe_size (const struct idset *idset);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_IDSET_H */
