/* kvstree.c - see kvstree.h
 *
 * Directories that are loaded or new are "dir" objects inside their parent; storing
 * puts a "dirref" in place of each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/kvstree.h"
#include "core/blob.h"
#include "spec/treeobj.h"

struct kvstree {
    flux_t *h;
    bool bypass;
    char hash[16];
    json_t *root;
    flux_future_t **window;    /* a ring of stores under way */
    int size;
    int pos;
};

static json_t *must (json_t *o)
{
    if (!o)
        cmd_die (1, "out of memory");
    return o;
}

static json_t *load_dir (struct kvstree *t, const char *ref)
{
    flux_future_t *f = blob_load (t->h, ref, t->bypass);
    const void *data;
    size_t len;
    json_t *dir;

    if (!f || blob_load_get (f, &data, &len) < 0)
        cmd_die (1, "%s: %s", ref, f ? future_strerror (f, errno) : flux_strerror (errno));
    if (!(dir = treeobj_decode (data, len)) || !treeobj_is (dir, "dir"))
        cmd_die (1, "%s: not a directory (an RFC 11 object of type dir)", ref);
    flux_future_destroy (f);
    return dir;
}

struct kvstree *kvstree_new (flux_t *h, int maxreqs, bool bypass, const char *rootref)
{
    struct kvstree *t = calloc (1, sizeof (*t));
    const char *hash = flux_attr_get (h, "content.hash");

    if (!t || !(t->window = calloc (maxreqs, sizeof (t->window[0]))))
        cmd_die (1, "out of memory");
    t->h = h;
    t->bypass = bypass;
    t->size = maxreqs;
    snprintf (t->hash, sizeof (t->hash), "%s", hash ? hash : "sha1");
    t->root = rootref ? load_dir (t, rootref) : must (treeobj_dir ());
    return t;
}

void kvstree_free (struct kvstree *t)
{
    if (t) {
        for (int i = 0; i < t->size; i++)
            flux_future_destroy (t->window[i]);
        free (t->window);
        json_decref (t->root);
        free (t);
    }
}

static void wait_slot (struct kvstree *t, int i)
{
    if (t->window[i] && flux_future_get (t->window[i], NULL) < 0)
        cmd_die (1, "store: %s", future_strerror (t->window[i], errno));
    flux_future_destroy (t->window[i]);
    t->window[i] = NULL;
}

static void store (struct kvstree *t, const void *data, size_t len,
                   char ref[BLOBREF_MAX_STRING])
{
    int rc = blobref_hash (t->hash, data, len, ref);

    if (rc < 0)
        cmd_die (1, "cannot hash with %s: %s", t->hash, strerror (-rc));
    wait_slot (t, t->pos);
    if (!(t->window[t->pos] = blob_store (t->h, data, len, t->bypass)))
        cmd_die (1, "store: %s", flux_strerror (errno));
    t->pos = (t->pos + 1) % t->size;
}

json_t *kvstree_value (struct kvstree *t, const void *data, size_t len)
{
    char ref[BLOBREF_MAX_STRING];

    if (len < sizeof (ref))        /* shorter than its reference */
        return must (treeobj_val (data, len));
    store (t, data, len, ref);
    return must (treeobj_valref (ref));
}

/* The directory 'name' of 'dir', as a dir; NULL if there is none and none is to be made. */
static json_t *enter (struct kvstree *t, json_t *dir, const char *name, bool create)
{
    json_t *o = treeobj_dir_get (dir, name);
    json_t *child;

    if (o && treeobj_is (o, "dir"))
        return o;
    if (o && treeobj_is (o, "dirref") && treeobj_ref (o, 0))
        child = load_dir (t, treeobj_ref (o, 0));
    else if (create)
        child = must (treeobj_dir ());
    else
        return NULL;
    if (treeobj_dir_set (dir, name, child) < 0)
        cmd_die (1, "out of memory");
    json_decref (child);
    return child;
}

/* The directory that has the last component of key, to which *namep points in 'copy'. */
static json_t *parent_of (struct kvstree *t, char *copy, const char **namep, bool create)
{
    json_t *dir = t->root;
    char *save = NULL;
    char *name = strtok_r (copy, ".", &save);
    char *next;

    for (; name && dir && (next = strtok_r (NULL, ".", &save)); name = next)
        dir = enter (t, dir, name, create);
    *namep = name;
    return name ? dir : NULL;
}

void kvstree_put (struct kvstree *t, const char *key, json_t *o)
{
    char *copy = strdup (key);
    const char *name;
    json_t *dir = copy ? parent_of (t, copy, &name, true) : NULL;

    if (!copy)
        cmd_die (1, "out of memory");
    if (!dir)
        cmd_die (1, "'%s' is not a key", key);
    if (treeobj_dir_set (dir, name, must (o)) < 0)
        cmd_die (1, "out of memory");
    json_decref (o);
    free (copy);
}

json_t *kvstree_take (struct kvstree *t, const char *key)
{
    char *copy = strdup (key);
    const char *name;
    json_t *dir = copy ? parent_of (t, copy, &name, false) : NULL;
    json_t *o = dir ? json_incref (treeobj_dir_get (dir, name)) : NULL;

    if (!copy)
        cmd_die (1, "out of memory");
    if (o)
        treeobj_dir_del (dir, name);
    free (copy);
    return o;
}

static void store_dir (struct kvstree *t, json_t *dir, char ref[BLOBREF_MAX_STRING])
{
    const char *name;
    json_t *o;
    void *tmp;
    char *s;

    json_object_foreach_safe (json_object_get (dir, "data"), tmp, name, o) {
        if (!treeobj_is (o, "dir"))
            continue;
        store_dir (t, o, ref);
        json_t *dirref = must (treeobj_dirref (ref));
        if (treeobj_dir_set (dir, name, dirref) < 0)
            cmd_die (1, "out of memory");
        json_decref (dirref);
    }
    if (!(s = treeobj_encode (dir)))
        cmd_die (1, "out of memory");
    store (t, s, strlen (s), ref);
    free (s);
}

void kvstree_store (struct kvstree *t, char rootref[BLOBREF_MAX_STRING])
{
    store_dir (t, t->root, rootref);
    for (int i = 0; i < t->size; i++)
        wait_slot (t, i);
}
