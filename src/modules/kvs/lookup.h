/* lookup.h - from a look-up to the body of its answer
 */
#ifndef KVS_LOOKUP_H
#define KVS_LOOKUP_H

#include "base/buf.h"
#include "modules/kvs/state.h"

struct lookup_args {
    const char *ns;
    const char *key;          /* as it was sent; normalized here */
    int flags;                /* FLUX_KVS_READDIR and so on */
    const char *at;           /* text of a tree object, or NULL */
    struct flux_msg_cred cred;
};

/* Find the node that args ask for, loaded; place->node is it.  The place is of
 * interest after -ENOENT too (twalk.h).
 * 0, or -ENOTSUP no such namespace, -EPERM, -EINVAL, -ENOENT, -ENOTDIR,
 * -EISDIR, -ELOOP, -EIO, -ENOMEM, with err->text. */
int lookup_find (struct kvs *kvs, const struct lookup_args *args,
                 struct twalk_place *place, flux_error_t *err);

/* -EAGAIN: refq_compute() the node first. */
int lookup_encode (struct kvs *kvs, const struct tnode *n, int flags,
                   struct buf *out);

#endif /* !KVS_LOOKUP_H */
