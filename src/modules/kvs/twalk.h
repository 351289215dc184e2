/* twalk.h - finding a key from a root
 *
 * Keys are normalized (core/kvs_proto.h).  Symlinks are followed, also to other
 * namespaces; the last component's only if asked.  What is not in memory is
 * loaded through the environment.
 */
#ifndef KVS_TWALK_H
#define KVS_TWALK_H

#include "base/buf.h"
#include "modules/kvs/tree.h"

#define TWALK_MAXLINKS 32
#define TWALK_MAXPATH (1024 * 1024)  /* of a key with its links followed */

/* How a walk reaches what is beyond the tree it started in. */
struct twalk_env {
    /* A new reference to what a REF or COLD node stands for, or NULL with a
     * negative errno in *rc. */
    struct tnode *(*load) (void *arg, const struct tnode *n, int *rc);
    /* The root of a namespace, borrowed, or NULL with *rc. */
    const struct tnode *(*root) (void *arg, const char *ns, int *rc);
    void *arg;
};

/* Where a walk ended.  Initialise with TWALK_PLACE_INIT. */
struct twalk_place {
    struct tnode *node;   /* a reference, or NULL */
    struct buf ns;        /* empty: the one it started in */
    struct buf key;       /* without links; of what is missing too */
    bool linked;          /* a link was followed */
    struct buf via;       /* where the links are: ns NUL key NUL ... */
};
#define TWALK_PLACE_INIT \
    { .node = NULL, .ns = BUF_INIT, .key = BUF_INIT, .via = BUF_INIT }

void twalk_place_release (struct twalk_place *p);

/* 0 and place->node, or -ENOENT, -ENOTDIR (a value is in the way), -ELOOP,
 * -ENAMETOOLONG, -ENOMEM, or what the environment returned. On -ENOENT and
 * -ENOTDIR place->ns and place->key tell what was not there. */
int twalk (const struct twalk_env *env, const struct tnode *root,
               const char *key, bool follow_last, struct twalk_place *place);

/* twalk_place.key + "." + what follows: the rest of a key behind a link. */
int twalk_join (const char *target, const char *rest, size_t restlen,
                    struct buf *out);

#endif /* !KVS_TWALK_H */
