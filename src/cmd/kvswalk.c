/* kvswalk.c - see kvswalk.h
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/list.h"
#include "cmd/cmd.h"
#include "cmd/kvswalk.h"
#include "core/blob.h"
#include "spec/treeobj.h"

struct item {
    struct list_node node;
    char *key;               /* NULL: the root */
    json_t *o;               /* as it stands in its directory */
    flux_future_t **loads;   /* one a reference */
    size_t sent;
    size_t refs;
};

struct walk {
    const struct kvswalk *w;
    struct list_node todo;
    struct item *ahead;      /* the first that may have requests to be sent, or NULL */
    int inflight;
};

static struct item *item_of (struct walk *s, struct list_node *n)
{
    return n && n != &s->todo ? list_entry (n, struct item, node) : NULL;
}

static void *must (void *p)
{
    if (!p)
        cmd_die (1, "out of memory");
    return p;
}

static bool is_ref (const json_t *o)
{
    return treeobj_is (o, "dirref") || treeobj_is (o, "valref");
}

static struct item *item_new (const char *parent, const char *name, json_t *o)
{
    struct item *it = must (calloc (1, sizeof (*it)));

    if (name && asprintf (&it->key, "%s%s%s", parent ? parent : "", parent ? "." : "", name) < 0)
        cmd_die (1, "out of memory");
    it->o = json_incref (o);
    if (is_ref (o) && treeobj_refs (o, &it->refs) < 0)
        it->refs = 0;
    it->loads = must (calloc (it->refs + 1, sizeof (it->loads[0])));
    return it;
}

static void item_free (struct item *it)
{
    for (size_t i = 0; i < it->refs; i++)
        flux_future_destroy (it->loads[i]);
    free (it->loads);
    json_decref (it->o);
    free (it->key);
    free (it);
}

static const char *key_of (const struct item *it)
{
    return it->key ? it->key : ".";
}

static void send_one (struct walk *s, struct item *it)
{
    const char *ref = treeobj_ref (it->o, it->sent);
    bool look = s->w->check && treeobj_is (it->o, "valref");

    it->loads[it->sent] = look ? blob_validate (s->w->h, ref)
                               : blob_load (s->w->h, ref, s->w->bypass);
    if (!it->loads[it->sent])
        cmd_die (1, "%s: %s: %s", key_of (it), ref, flux_strerror (errno));
    it->sent++;
    s->inflight++;
}

/* Send requests for what comes next. */
static void send_ahead (struct walk *s)
{
    while (s->ahead && s->inflight < s->w->maxreqs) {
        if (s->ahead->sent < s->ahead->refs)
            send_one (s, s->ahead);
        else
            s->ahead = item_of (s, s->ahead->node.next);
    }
}

/* The bytes of one reference; NULL and the cause is reported if they are not there. */
static flux_future_t *take (struct walk *s, struct item *it, size_t i, const void **data,
                            size_t *len)
{
    flux_future_t *f;

    if (i == it->sent)
        send_one (s, it);
    f = it->loads[i];
    it->loads[i] = NULL;
    if (blob_load_get (f, data, len) < 0) {
        int errnum = errno;
        s->inflight--;
        if (errnum != ENOENT)
            cmd_die (1, "%s: %s: %s", key_of (it), treeobj_ref (it->o, i),
                     future_strerror (f, errnum));
        if (s->w->bad)
            s->w->bad (s->w->arg, key_of (it), treeobj_is (it->o, "dirref"),
                       treeobj_ref (it->o, i), ENOENT);
        flux_future_destroy (f);
        return NULL;
    }
    s->inflight--;
    send_ahead (s);
    return f;
}

static void valref (struct walk *s, struct item *it)
{
    struct buf b = BUF_INIT;
    bool whole = true;

    for (size_t i = 0; i < it->refs; i++) {
        const void *data;
        size_t len;
        flux_future_t *f = take (s, it, i, &data, &len);
        if (f && len > 0 && !s->w->check)
            buf_add (&b, data, len);
        whole = whole && f;
        flux_future_destroy (f);
    }
    if (b.failed)
        cmd_die (1, "%s: out of memory", key_of (it));
    if (whole && s->w->value)
        s->w->value (s->w->arg, key_of (it), b.data, b.len);
    buf_release (&b);
}

static void val (struct walk *s, struct item *it)
{
    void *data;
    size_t len;

    if (!s->w->value)
        return;
    if (treeobj_val_decode (it->o, &data, &len) < 0)
        cmd_die (1, "%s: malformed value", key_of (it));
    s->w->value (s->w->arg, key_of (it), data, len);
    free (data);
}

/* Is an entry to be walked?  (see 'meet') */
static bool wanted (const struct walk *s, json_t *o)
{
    bool dir = treeobj_is (o, "dirref"), want = false;
    size_t refs = 0;

    if (!s->w->meet || !is_ref (o))
        return true;
    if (treeobj_refs (o, &refs) < 0)
        refs = 0;
    for (size_t i = 0; i < refs; i++)
        if (s->w->meet (s->w->arg, treeobj_ref (o, i), dir))
            want = dir;
    return want;
}

/* Put the entries of a directory before the rest, in order. */
static void expand (struct walk *s, const struct item *it, json_t *dir)
{
    struct list_node *last = &s->todo;
    const char *name;
    json_t *o;

    json_object_foreach (json_object_get (dir, "data"), name, o) {
        if (!wanted (s, o))
            continue;
        struct item *child = item_new (it->key, name, o);
        list_insert_after (last, &child->node);
        last = &child->node;
    }
    if (last != &s->todo)
        s->ahead = item_of (s, list_first (&s->todo));
}

static void dirref (struct walk *s, struct item *it)
{
    const void *data;
    size_t len;
    flux_future_t *f = it->refs == 1 ? take (s, it, 0, &data, &len) : NULL;
    json_t *dir = f ? treeobj_decode (data, len) : NULL;

    if (dir && treeobj_is (dir, "dir"))
        expand (s, it, dir);
    else if (f && s->w->bad)
        s->w->bad (s->w->arg, key_of (it), true, treeobj_ref (it->o, 0), EINVAL);
    json_decref (dir);
    flux_future_destroy (f);
}

static void symlink_item (struct walk *s, struct item *it)
{
    const char *ns, *target;

    if (s->w->symlink && treeobj_symlink_parse (it->o, &ns, &target) == 0)
        s->w->symlink (s->w->arg, key_of (it), ns, target);
}

static void process (struct walk *s, struct item *it)
{
    if (treeobj_is (it->o, "valref"))
        valref (s, it);
    else if (treeobj_is (it->o, "val"))
        val (s, it);
    else if (treeobj_is (it->o, "dirref"))
        dirref (s, it);
    else if (treeobj_is (it->o, "dir"))
        expand (s, it, it->o);
    else
        symlink_item (s, it);
}

void kvswalk_run (const struct kvswalk *w, const char *rootref)
{
    struct walk s = { .w = w };
    json_t *root = must (treeobj_dirref (rootref));
    struct item *it = item_new (NULL, NULL, root);

    list_init (&s.todo);
    list_append (&s.todo, &it->node);
    s.ahead = it;
    while ((it = item_of (&s, list_first (&s.todo)))) {
        send_ahead (&s);
        if (s.ahead == it)
            s.ahead = item_of (&s, it->node.next);
        list_del (&it->node);
        process (&s, it);
        item_free (it);
    }
    json_decref (root);
}
