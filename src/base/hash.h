/* hash.h - hash tables keyed by string or by 64-bit integer
 *
 * Both map a key to a non-NULL void pointer.  The table owns its values if it
 * was created with a destructor: then a value is destroyed when it is
 * replaced, deleted, or the table is freed; _take() hands it back instead.
 * Open addressing, grows and shrinks by itself, order of iteration is
 * unspecified but stable while nothing is inserted.  Deleting the current key
 * during iteration is allowed; inserting is not.
 *
 * Functions that can fail return 0, or -ENOMEM or -EINVAL (NULL value) with the
 * table unchanged.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef void (*hash_free_f) (void *val);

struct hash;   /* string -> pointer; keys are copied */

struct hash *hash_new (hash_free_f free_fn);
void hash_free (struct hash *h);
void *hash_get (const struct hash *h, const char *key);
int hash_set (struct hash *h, const char *key, void *val);
void hash_del (struct hash *h, const char *key);
void *hash_take (struct hash *h, const char *key);
size_t hash_count (const struct hash *h);
/* Iterate: start with *pos = 0; returns the value or NULL at the end, with
 * *keyp (may be NULL) set to the key, borrowed from the table. */
void *hash_next (const struct hash *h, size_t *pos, const char **keyp);

struct idhash; /* uint64_t -> pointer */

struct idhash *idhash_new (hash_free_f free_fn);
void idhash_free (struct idhash *h);
void *idhash_get (const struct idhash *h, uint64_t key);
int idhash_set (struct idhash *h, uint64_t key, void *val);
void idhash_del (struct idhash *h, uint64_t key);
void *idhash_take (struct idhash *h, uint64_t key);
size_t idhash_count (const struct idhash *h);
void *idhash_next (const struct idhash *h, size_t *pos, uint64_t *keyp);

#endif /* !BASE_HASH_H */
