/* kvs_lookup.h - look-ups and watches (man3 flux_kvs_lookup)
 *
 * flux_kvs_lookup() asks; the _get functions block for the answer and read it as
 * one kind of thing.  They return 0, or -1 with errno: ENOENT no such key, EISDIR,
 * ENOTDIR, EINVAL (not a symlink, or not a value), ENOTSUP no such namespace,
 * EPERM it is another user's, ELOOP, ENODATA the end of a stream.  What they
 * return lives until the future is reset or destroyed.
 *
 * A watch answers many times: flux_future_reset() after each answer.  It ends
 * with an error: the key or the namespace was removed, or ENODATA after
 * flux_kvs_lookup_cancel().
 */
#ifndef _FLUX_CORE_KVS_LOOKUP_H
#define _FLUX_CORE_KVS_LOOKUP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/kvs_dir.h>

#ifdef __cplusplus
extern "C" {
#endif

/* flags: of enum kvs_op (flux/core/kvs.h).  A watch follows symlinks, and their
 * changes. */
flux_future_t *flux_kvs_lookup (flux_t *h,
                                const char *ns,
                                int flags,
                                const char *key);

/* End a watch, or a wait for a key: the future gets ENODATA. */
int flux_kvs_lookup_cancel (flux_future_t *f);

/* The value as a string; an empty one is NULL. */
int flux_kvs_lookup_get (flux_future_t *f, const char **value);

/* The directory, after FLUX_KVS_READDIR. */
int flux_kvs_lookup_get_dir (flux_future_t *f, const flux_kvsdir_t **dir);

/* The key that was asked for; does not wait.  NULL with EINVAL. */
const char *flux_kvs_lookup_get_key (flux_future_t *f);

int flux_kvs_lookup_get_raw (flux_future_t *f, const void **data, size_t *len);

/* After FLUX_KVS_READLINK.  *ns is NULL if the link has none. */
int flux_kvs_lookup_get_symlink (flux_future_t *f,
                                 const char **ns,
                                 const char **target);

/* Any answer as an RFC 11 object in JSON.  Of a directory the first call makes a
 * further request. */
int flux_kvs_lookup_get_treeobj (flux_future_t *f, const char **treeobj);

/* The value decoded as JSON, by json_unpack() format.  EPROTO. */
int flux_kvs_lookup_get_unpack (flux_future_t *f, const char *fmt, ...);

/* Look up in the snapshot that a tree object stands for; NULL: as
 * flux_kvs_lookup(), in the default namespace.  For the instance owner.  Not with
 * flags that wait. */
flux_future_t *flux_kvs_lookupat (flux_t *h,
                                  int flags,
                                  const char *key,
                                  const char *treeobj);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_LOOKUP_H */
