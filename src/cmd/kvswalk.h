/* kvswalk.h - all keys below a root, read from the content service alone
 *
 * Keys come in the order of their directories, depth first.  The content of those to
 * come is asked for ahead, up to 'maxreqs' requests at a time:
 *
 *   todo:  a.b.c ─ a.d ─ e ─ f ...      the first is taken, a directory is replaced by
 *          └─ requests under way ─┘     its entries
 *
 * The KVS service is not needed.
 */
#ifndef CMD_KVSWALK_H
#define CMD_KVSWALK_H

#include <flux/core.h>
#include <jansson.h>

struct kvswalk {
    flux_t *h;
    int maxreqs;
    bool bypass;        /* the backing store in place of the cache */
    bool check;         /* values are looked for only; .value gets no bytes */
    /* Each is called with 'arg'; a NULL is not called. */
    /* A reference is met, before what it refers to is asked for.  With this, values are
     * not asked for, nor a directory for which it says no. */
    bool (*meet) (void *arg, const char *ref, bool dir);
    void (*value) (void *arg, const char *key, const void *data, size_t len);
    void (*symlink) (void *arg, const char *key, const char *ns, const char *target);
    /* A key that cannot be read: 'ref' is missing (ENOENT), or what it stands for is no
     * RFC 11 object (EINVAL).  'dir': all below the key is lost. */
    void (*bad) (void *arg, const char *key, bool dir, const char *ref, int errnum);
    void *arg;
};

/* Walk what 'rootref' stands for.  The key of the root is ".". */
void kvswalk_run (const struct kvswalk *w, const char *rootref);

#endif /* !CMD_KVSWALK_H */
