/* ttxn.h - changing a tree, all or nothing
 *
 * A transaction changes *root in place as far as nobody else holds it, and keeps
 * what it replaced until ttxn_commit() or ttxn_abort().  Values and
 * parents in the way of a key are replaced; intermediate symlinks within the
 * namespace are followed, a last one is replaced.  A failed operation leaves
 * the tree as it was before that operation.
 *
 * Each change of an entry is told to 'changed', by its path without links.  The
 * root itself has the path "".
 */
#ifndef KVS_TTXN_H
#define KVS_TTXN_H

#include "modules/kvs/twalk.h"

enum ttxn_change {
    TTXN_SET,     /* old (NULL: none) became node */
    TTXN_APPEND,  /* node is old with bytes after 'from' appended */
    TTXN_DEL,     /* old is gone; node is the directory it was in */
    TTXN_THAW,    /* old stood for node, which took its place */
};

typedef void (*ttxn_changed_f) (void *arg, enum ttxn_change what,
                                const char *path, size_t len,
                                const struct tnode *old,
                                const struct tnode *node, size_t from);

struct ttxn;

/* 'ns' names the namespace of *rootp: a link to it is like one without.  All
 * are borrowed until the end. */
struct ttxn *ttxn_new (struct tnode **rootp, const char *ns,
                               const struct twalk_env *env,
                               ttxn_changed_f changed, void *arg);
void ttxn_commit (struct ttxn *t);
/* 0, or -ENOMEM: then the tree is damaged, as it was shared and had to be
 * copied on the way back. */
int ttxn_abort (struct ttxn *t);

/* 0, -EINVAL (a link to another namespace is in the way; the root can only
 * become a directory), -ELOOP, -ENAMETOOLONG, -ENOMEM, or what loading gave.
 * Keys are normalized and NUL terminated. */
int ttxn_set (struct ttxn *t, const char *key, const struct tnode *n);
/* Also -EISDIR, and -EOPNOTSUPP if the key is a symlink. */
int ttxn_append (struct ttxn *t, const char *key, const void *data,
                     size_t len, uint64_t lineage);
/* Nothing happens if there is no such key. */
int ttxn_unlink (struct ttxn *t, const char *key);

#endif /* !KVS_TTXN_H */
