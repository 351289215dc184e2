/* tree.h - the KVS tree: nodes, values, directories
 *
 * A namespace is a pointer to its root directory.  A node that has more than one
 * reference never changes; one that has a single reference may be changed in
 * place.  So a snapshot is tnode_ref() of a root, costs nothing, and what is
 * changed after it copies only the way from the root to the change:
 *
 *     root --> dir --> B+tree of slots (name, node), 32 wide, sorted
 *                 |        inner and leaf blocks are shared and copied like nodes
 *                 +-> val:  length, lineage, tail --> chunk --> chunk
 *                 +-> link: namespace, target
 *                 +-> ref:  RFC 11 references to content that is not loaded
 *                 +-> cold: a directory that is frozen in the store
 *
 * A value's bytes are a chain of chunks, last first.  A value sees only its own
 * length of the last chunk, so values that extend one another share chunks and
 * an append is O(bytes appended).  The lineage is a number that is new with each
 * put and inherited by appends: b extends a if the lineage is equal and b is not
 * shorter.  0: unknown (read back from the store).
 *
 * One thread: counts are not atomic, and memory is the thread's.  No function recurses by the depth of the
 * tree.  Functions return 0 or a negative errno (-ENOMEM, unless stated); a
 * failure leaves the tree as it was.
 */
#ifndef KVS_TREE_H
#define KVS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tnode_kind {
    TNODE_VAL = 1,
    TNODE_DIR,
    TNODE_LINK,
    TNODE_REF,
    TNODE_COLD,
};

struct tnode;

/* The calling thread ends, and has no trees: its memory for them goes back. */
void tree_thread_ends (void);

enum tnode_kind tnode_kind (const struct tnode *n);
struct tnode *tnode_ref (const struct tnode *n);  /* NULL gives NULL */
void tnode_unref (struct tnode *n);
bool tnode_shared (const struct tnode *n);
/* DIR, COLD and a REF to a directory. */
bool tnode_is_dir (const struct tnode *n);

/* Values */
struct tnode *tval_new (const void *data, size_t len, uint64_t lineage);
/* Extend *np; a shared value is replaced by a new one. */
int tval_append (struct tnode **np, const void *data, size_t len);
size_t tval_len (const struct tnode *n);
uint64_t tval_lineage (const struct tnode *n);
/* Copy len bytes from offset; the range must lie in the value. */
void tval_read (const struct tnode *n, size_t offset, size_t len, void *out);
bool tval_equal (const struct tnode *a, const struct tnode *b);
/* b is a with nothing or something appended. */
bool tval_extends (const struct tnode *b, const struct tnode *a);

/* Symlinks.  ns may be NULL. */
struct tnode *tlink_new (const char *ns, const char *target);
const char *tlink_ns (const struct tnode *n);
const char *tlink_target (const struct tnode *n);

/* References: count blobrefs, each a string, from an RFC 11 valref or dirref. */
struct tnode *tref_new (bool dir, const char *const *refs, size_t count);
size_t tref_count (const struct tnode *n);
const char *tref_get (const struct tnode *n, size_t i);

/* Cold directories: row 'id' of the store.  'mem', if not NULL, is the directory
 * itself while it is on its way to the store.  The digest is of its RFC 11
 * object, NULL while unknown.  The owner, which may be NULL and must outlive the
 * node, is told when nothing refers to the row any more. */
struct tcold_owner {
    void (*gone) (struct tcold_owner *owner, uint64_t id);
};
struct tnode *tcold_new (uint64_t id, const struct tnode *mem,
                         struct tcold_owner *owner);
uint64_t tcold_id (const struct tnode *n);
const struct tnode *tcold_mem (const struct tnode *n);
void tcold_set_stored (struct tnode *n, const void *digest, size_t len);
const unsigned char *tcold_digest (const struct tnode *n, size_t *len);

/* Directories */
struct tnode *tdir_new (void);
size_t tdir_count (const struct tnode *dir);
struct tnode *tdir_get (const struct tnode *dir, const char *name, size_t len);
/* Make *dirp a directory that may be changed, and drop its cached reference. */
int tdir_own (struct tnode **dirp);
/* The rest changes a directory that tdir_own() was called on. */
int tdir_set (struct tnode *dir, const char *name, size_t len,
              const struct tnode *n);                    /* takes a reference */
int tdir_del (struct tnode *dir, const char *name, size_t len); /* or -ENOENT */
/* The place of an entry, for a change below it, or NULL with *rc -ENOENT or
 * -ENOMEM.  Valid until the directory is changed. */
struct tnode **tdir_slot (struct tnode *dir, const char *name, size_t len,
                          int *rc);

/* In order of names (bytes).  The directory must not change meanwhile. */
#define TDIR_MAXDEPTH 16
struct tdir_iter {
    const void *block[TDIR_MAXDEPTH];
    uint16_t pos[TDIR_MAXDEPTH];
    int depth;
};
void tdir_iter_init (struct tdir_iter *it, const struct tnode *dir);
/* The next entry or NULL; the name is not NUL terminated. */
struct tnode *tdir_iter_next (struct tdir_iter *it, const char **name,
                              size_t *len);

/* The RFC 11 reference cached on a directory or a large value: any string that
 * rfc11.c likes; NULL if there is none.  Takes ownership (free). */
const char *tnode_cached_ref (const struct tnode *n);
void tnode_cache_ref (const struct tnode *n, char *ref);

#endif /* !KVS_TREE_H */
