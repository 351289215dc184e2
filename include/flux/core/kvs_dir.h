/* kvs_dir.h - a KVS directory as an object
 *
 * The names in a directory and what they are, as of one look-up.  Made by
 * flux_kvs_lookup_get_dir(), which lends it, or flux_kvsdir_create().
 */
#ifndef _FLUX_CORE_KVS_DIR_H
#define _FLUX_CORE_KVS_DIR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct flux_kvsdir flux_kvsdir_t;
typedef struct flux_kvsitr flux_kvsitr_t;

/* A copy of its own.  NULL with errno. */
flux_kvsdir_t *flux_kvsdir_copy (const flux_kvsdir_t *dir);

/* From the text of an RFC 11 dir object.  rootref may be NULL; the handle is only
 * remembered.  NULL with EINVAL, ENOMEM. */
flux_kvsdir_t *flux_kvsdir_create (flux_t *handle,
                                   const char *rootref,
                                   const char *key,
                                   const char *json_str);

/* Drop a reference; NULL is allowed.  errno is kept. */
void flux_kvsdir_destroy (flux_kvsdir_t *dir);

/* Is there an entry of this name; is it a directory, a symlink? */
bool flux_kvsdir_exists (const flux_kvsdir_t *dir, const char *name);

/* The number of entries. */
int flux_kvsdir_get_size (const flux_kvsdir_t *dir);

void *flux_kvsdir_handle (const flux_kvsdir_t *dir);

void flux_kvsdir_incref (flux_kvsdir_t *dir);

bool flux_kvsdir_isdir (const flux_kvsdir_t *dir, const char *name);

bool flux_kvsdir_issymlink (const flux_kvsdir_t *dir, const char *name);

const char *flux_kvsdir_key (const flux_kvsdir_t *dir);

/* The full key of an entry; the caller frees it.  NULL with errno. */
char *flux_kvsdir_key_at (const flux_kvsdir_t *dir, const char *key);

/* The tree object of flux_kvs_lookupat() that it was found at, or NULL. */
const char *flux_kvsdir_rootref (const flux_kvsdir_t *dir);

/* The names in order.  The directory must outlive the iterator. */
flux_kvsitr_t *flux_kvsitr_create (const flux_kvsdir_t *dir);

void flux_kvsitr_destroy (flux_kvsitr_t *itr);

const char *flux_kvsitr_next (flux_kvsitr_t *itr);

void flux_kvsitr_rewind (flux_kvsitr_t *itr);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_DIR_H */
