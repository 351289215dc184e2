/* kvs.h - the key value store (RFC 11; man3 flux_kvs_namespace_create)
 *
 * Values under hierarchical keys: components joined by '.', the root is ".".
 * Leading, trailing and repeated periods do not count.  A namespace is a tree of
 * its own with an owner; where a function takes 'ns', NULL means the environment
 * variable FLUX_KVS_NAMESPACE, or else "primary".
 *
 * Everybody reads what was committed before, on any rank.  Functions that return
 * a future return NULL with errno set if the request could not be sent; an error
 * of the request itself is the future's, with a text that names the key.
 */
#ifndef _FLUX_CORE_KVS_H
#define _FLUX_CORE_KVS_H

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

/* Flags of flux_kvs_lookup(), and FLUX_KVS_APPEND of the put functions. */
enum kvs_op {
    FLUX_KVS_READDIR = 1,       /* a directory, not a value */
    FLUX_KVS_READLINK = 2,      /* the symlink itself */
    FLUX_KVS_WATCH = 4,         /* go on answering when the key is committed */
    FLUX_KVS_WAITCREATE = 8,    /* wait until there is such a key */
    FLUX_KVS_TREEOBJ = 16,      /* the RFC 11 object as it is in its directory */
    FLUX_KVS_APPEND = 32,       /* add to the value */
    FLUX_KVS_WATCH_FULL = 64,   /* answer each change, also of a parent */
    FLUX_KVS_WATCH_UNIQ = 128,  /* answer only if the value is another */
    FLUX_KVS_WATCH_APPEND = 256,/* answer with what was appended */
    FLUX_KVS_STREAM = 512,      /* in pieces, then ENODATA */
    FLUX_KVS_WATCH_INITIAL_SENTINEL = 1024, /* after what there is, an empty one */
};

#define KVS_PRIMARY_NAMESPACE "primary"

/* The namespace's version, which each commit advances.  Blocks.  -1 with errno. */
int flux_kvs_get_version (flux_t *h, const char *ns, int *versionp);

/* Create a namespace, for the instance owner only.  owner: a user id, who may
 * read and write it, or FLUX_USERID_UNKNOWN for the instance owner; flags: 0.
 * EEXIST. */
flux_future_t *flux_kvs_namespace_create (flux_t *h,
                                          const char *ns,
                                          uint32_t owner,
                                          int flags);

/* The same, with the directory that rootref (a blobref, or an RFC 11 object) stands
 * for as its first content. */
flux_future_t *flux_kvs_namespace_create_with (flux_t *h,
                                               const char *ns,
                                               const char *rootref,
                                               uint32_t owner,
                                               int flags);

/* Remove a namespace; who watches it gets ENOTSUP. */
flux_future_t *flux_kvs_namespace_remove (flux_t *h, const char *ns);

/* Block until the namespace has this version or a later one. */
int flux_kvs_wait_version (flux_t *h, const char *ns, int version);

#ifdef __cplusplus
}
#endif

#include <flux/core/kvs_dir.h>
#include <flux/core/kvs_lookup.h>
#include <flux/core/kvs_getroot.h>
#include <flux/core/kvs_txn.h>
#include <flux/core/kvs_commit.h>
#include <flux/core/kvs_copy.h>

#endif /* !_FLUX_CORE_KVS_H */
