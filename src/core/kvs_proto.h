/* kvs_proto.h - what travels between the KVS client library and the service
 *
 * Keys.  A key is path components joined by '.'.  kvs_key_normalize() makes the
 * one form that is compared, watched and stored: no leading, trailing or
 * repeated '.'; the root is ".".  Keys are UTF-8, at most KVS_KEY_MAX bytes.
 *
 * Commit (request "kvs.commit", raw payload).  Integers are LEB128 varints,
 * strings a varint length and the bytes:
 *
 *   'K' 1 | flags | namespace | op count | op ...
 *   op:  'p' key value      put              'a' key value    append
 *        'd' key            make directory   'u' key          unlink
 *        'l' key ns target  symlink ("" = same namespace)
 *        't' key json       RFC 11 tree object
 *        'c' key ns source  copy by reference from (ns, source)
 *
 * so a transaction is built by appending bytes, is forwarded as it came, and is
 * read without a copy.  The answer is JSON {"rootseq":i}.
 *
 * Look-up (request "kvs.lookup" or "kvs-watch.lookup"), JSON:
 *   {"key":s, "namespace":s, "flags":i, "at"?:s}   at: an RFC 11 tree object
 * The answer is raw; its last byte is a NUL that is not part of the data:
 *   'v' bytes              the value
 *   'j' JSON               an RFC 11 tree object
 *   'd' (type name)...     a directory: type is 'v', 'd' or 'l', name a string;
 *                          sorted by name
 */
#ifndef CORE_KVS_PROTO_H
#define CORE_KVS_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <flux/core.h>

#include "base/buf.h"

#define KVS_KEY_MAX 65535
#define KVS_NAMESPACE_MAX 255

/* Internal look-up flag: with FLUX_KVS_READDIR, the complete RFC 11 object. */
#define KVS_LOOKUP_DIROBJ (1 << 16)
/* Internal commit flag: the caller will not ask for the root reference, so the
 * service need not keep the snapshot for a later "kvs.rootref". */
#define KVS_COMMIT_NOREF (1 << 16)

/* 0, -EINVAL (empty, not UTF-8) or -ENAMETOOLONG.  'out' has room for
 * strlen (key) + 2 bytes. */
int kvs_key_normalize (const char *key, char *out);
bool kvs_namespace_valid (const char *ns);
/* ns if not NULL, else $FLUX_KVS_NAMESPACE, else "primary". */
const char *kvs_namespace_default (const char *ns);
/* 0 or -EINVAL. */
int kvs_lookup_flags_check (int flags);

struct kvs_txnop {
    char type;
    const char *key;    /* normalized, not NUL terminated */
    size_t keylen;
    const char *ns;     /* 'l', 'c' */
    size_t nslen;
    const char *data;   /* value, target, json, source */
    size_t len;
};

struct kvs_commit {
    uint64_t flags;
    const char *ns;
    size_t nslen;
    uint64_t count;     /* operations left */
    const char *p;
    const char *end;
};

/* Writing.  Failure sticks to b (b->failed). */
void kvs_put_varint (struct buf *b, uint64_t n);
void kvs_put_str (struct buf *b, const void *s, size_t len);
void kvs_put_op (struct buf *b, const struct kvs_txnop *op);
void kvs_put_commit (struct buf *b, int flags, const char *ns, uint64_t count);

/* Reading: 0 or -EPROTO.  kvs_commit_next() returns 1 for an operation, 0 at the
 * end; it checks the key's form. */
int kvs_get_varint (const char **p, const char *end, uint64_t *n);
int kvs_get_str (const char **p, const char *end, const char **s, size_t *len);
int kvs_commit_begin (struct kvs_commit *c, const void *data, size_t len);
int kvs_commit_next (struct kvs_commit *c, struct kvs_txnop *op);

/* The next directory entry of a 'd' answer: 1, 0 at the end, or -EPROTO. */
int kvs_get_dirent (const char **p, const char *end, char *type,
                    const char **name, size_t *len);

/* The operations of a transaction, encoded. */
const struct buf *kvs_txn_ops (const flux_kvs_txn_t *txn, uint64_t *count);
/* Join appends to the same key (FLUX_KVS_TXN_COMPACT).  0 or -ENOMEM. */
int kvs_txn_compact (const flux_kvs_txn_t *txn, struct buf *out, uint64_t *count);
/* Copy from (ns, source) to key.  0 or a negative errno. */
int kvs_txn_copy (flux_kvs_txn_t *txn, const char *ns, const char *source,
                  const char *key);

/* A kvsdir over the body of a 'd' answer.  NULL with errno. */
flux_kvsdir_t *kvsdir_from_listing (flux_t *h, const char *rootref,
                                    const char *key, const char *data,
                                    size_t len);

#endif /* !CORE_KVS_PROTO_H */
