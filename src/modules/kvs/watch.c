/* watch.c - see watch.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "core/kvs_proto.h"
#include "modules/kvs/lookup.h"
#include "modules/kvs/places.h"
#include "modules/kvs/refq.h"
#include "modules/kvs/rfc11.h"
#include "modules/kvs/watch.h"

enum { STREAM_PIECE = 1024 * 1024 };

struct sender {
    char *id;
    struct list_node watchers;
};

struct watcher {
    int refs;
    struct watches *all;
    struct list_node node;         /* of all->list */
    struct list_node sender_node;
    struct sender *sender;
    flux_t *h;
    const flux_msg_t *msg;         /* NULL: it has ended */
    struct lookup_args args;
    char *ns, *key;                /* key is normalized */
    struct reg *regs;
    size_t nregs, sregs;
    bool reg_failed;               /* no memory for one of them */
    struct buf where;              /* what regs were made from */
    struct tnode *last;            /* what the last answer was made from */
    struct tnode *next;            /* what is being answered */
    bool started;                  /* the first answer is out */
    bool busy;                     /* references are being computed */
    bool again, again_named;       /* look again after that */
    struct list_node mark;         /* is to look again */
    bool named;
};

struct watches {
    struct kvs *kvs;
    struct places *places;
    struct hash *senders;
    struct list_node list;
    size_t count;
    size_t deep;                   /* watchers for which wants_deep() holds */
};

static void look (struct watcher *w, bool named);

/* -- life ------------------------------------------------------------------- */

static void sender_free (void *arg)
{
    struct sender *s = arg;
    free (s->id);
    free (s);
}

struct watches *watches_new (struct kvs *kvs)
{
    struct watches *all = calloc (1, sizeof (*all));
    if (!all)
        return NULL;
    all->kvs = kvs;
    list_init (&all->list);
    if (!(all->places = places_new ())
        || !(all->senders = hash_new (sender_free))) {
        watches_free (all);
        return NULL;
    }
    return all;
}

void watches_free (struct watches *all)
{
    if (!all)
        return;
    watches_flush (all);
    places_free (all->places);
    hash_free (all->senders);
    free (all);
}

bool watches_any (const struct watches *all)
{
    return all->count > 0;
}

size_t watches_count (const struct watches *all)
{
    return all->count;
}

static bool wants_deep (const struct watcher *w)
{
    return (w->args.flags & FLUX_KVS_WATCH_FULL)
           && (w->args.flags & (FLUX_KVS_READDIR | FLUX_KVS_TREEOBJ));
}

static void unregister (struct watcher *w)
{
    for (size_t i = 0; i < w->nregs; i++)
        places_del (w->all->places, &w->regs[i]);
    w->nregs = 0;
}

static void watcher_unref (struct watcher *w)
{
    if (!w || --w->refs > 0)
        return;
    if (w->sender && list_empty (&w->sender->watchers))
        hash_del (w->all->senders, w->sender->id);
    tnode_unref (w->last);
    tnode_unref (w->next);
    flux_msg_decref (w->msg);
    buf_release (&w->where);
    free (w->regs);
    free (w->ns);
    free (w->key);
    free (w);
}

/* No more answers.  The watcher stays while somebody holds it. */
static void watcher_end (struct watcher *w)
{
    if (!w->msg)
        return;
    unregister (w);
    list_del (&w->node);
    list_del (&w->sender_node);
    list_del (&w->mark);
    if (list_empty (&w->sender->watchers))
        hash_del (w->all->senders, w->sender->id);
    w->sender = NULL;
    flux_msg_decref (w->msg);
    w->msg = NULL;
    w->all->count--;
    w->all->deep -= wants_deep (w);
    watcher_unref (w);
}

static void watcher_fail (struct watcher *w, int rc, const char *text)
{
    if (w->msg)
        kvs_respond_error (w->h, w->msg, rc, text);
    watcher_end (w);
}

static struct sender *sender_get (struct watches *all, const flux_msg_t *msg)
{
    const char *id = flux_msg_route_first (msg);
    id = id ? id : "";
    struct sender *s = hash_get (all->senders, id);
    if (s)
        return s;
    if (!(s = calloc (1, sizeof (*s))) || !(s->id = strdup (id))
        || hash_set (all->senders, id, s) < 0) {
        if (s)
            sender_free (s);
        return NULL;
    }
    list_init (&s->watchers);
    return s;
}

static struct watcher *watcher_new (struct watches *all, flux_t *h,
                                    const flux_msg_t *msg,
                                    const struct lookup_args *args)
{
    struct watcher *w = calloc (1, sizeof (*w));
    if (!w)
        return NULL;
    w->refs = 1;
    w->all = all;
    w->h = h;
    w->where = (struct buf)BUF_INIT;
    list_init (&w->node);
    list_init (&w->sender_node);
    list_init (&w->mark);
    w->ns = strdup (args->ns);
    w->key = malloc (strlen (args->key) + 2);
    w->sender = sender_get (all, msg);
    if (!w->ns || !w->key || !w->sender
        || kvs_key_normalize (args->key, w->key) < 0) {
        watcher_unref (w);
        return NULL;
    }
    w->args = *args;
    w->args.ns = w->ns;
    w->args.key = w->key;
    w->msg = flux_msg_incref (msg);
    list_append (&all->list, &w->node);
    list_append (&w->sender->watchers, &w->sender_node);
    all->count++;
    all->deep += wants_deep (w);
    return w;
}

/* -- registration ------------------------------------------------------------ */

/* regs must not move once they are on lists, so the room is counted first. */
static void reg_add (struct watcher *w, const char *ns, const char *key,
                     size_t len, bool below)
{
    if (w->nregs == w->sregs
        || places_add (w->all->places, &w->regs[w->nregs], ns, key, len, below,
                       w) < 0)
        w->reg_failed = true;
    else
        w->nregs++;
}

static size_t depth (const char *key)
{
    size_t n = 1;
    for (const char *p = key; (p = strchr (p, '.')); p++)
        n++;
    return n;
}

static void reg_parents (struct watcher *w, const char *ns, const char *key)
{
    if (!strcmp (key, "."))
        return;
    reg_add (w, ns, ".", 1, true);
    for (const char *p = key; (p = strchr (p, '.')); p++)
        reg_add (w, ns, key, p - key, true);
}

/* Does a change other than of the key itself matter? */
static bool wants_below (const struct watcher *w, bool linked)
{
    return !w->started || linked || (w->args.flags & FLUX_KVS_WATCH_FULL);
}

static const char *place_ns (const struct watcher *w,
                             const struct twalk_place *place)
{
    return place->ns.len > 0 ? place->ns.data : w->ns;
}

static void reg_links (struct watcher *w, const struct twalk_place *place)
{
    const char *p = place->via.data, *end = p + place->via.len;
    while (p < end) {
        const char *ns = *p ? p : w->ns;
        const char *key = p + strlen (p) + 1;
        reg_add (w, ns, key, strlen (key), true);
        reg_parents (w, ns, key);
        p = key + strlen (key) + 1;
    }
    reg_add (w, place_ns (w, place), place->key.data, place->key.len, false);
    reg_parents (w, place_ns (w, place), place->key.data);
}

static size_t count_links (const struct twalk_place *place)
{
    size_t n = depth (place->key.data) + 2;
    const char *p = place->via.data, *end = p + place->via.len;
    while (p < end) {
        const char *key = p + strlen (p) + 1;
        n += depth (key) + 2;
        p = key + strlen (key) + 1;
    }
    return n;
}

/* What a registration depends on, as one string: is it still the same? */
static bool same_where (struct watcher *w, const struct twalk_place *place,
                        bool below)
{
    struct buf b = BUF_INIT;
    buf_addc (&b, below ? 'b' : '-');
    if (place->linked) {
        buf_add (&b, place->via.data, place->via.len);
        buf_addf (&b, "%s %s", place->ns.data, place->key.data);
    }
    bool same = w->nregs > 0 && !b.failed && b.len == w->where.len
                && !memcmp (b.data, w->where.data, b.len);
    buf_release (&w->where);
    w->where = b;
    return same;
}

static int register_at (struct watcher *w, const struct twalk_place *place)
{
    bool below = wants_below (w, place->linked);
    if (same_where (w, place, below))
        return 0;
    size_t room = 1 + (below ? depth (w->key) + 1 : 0)
                  + (place->linked ? count_links (place) : 0);
    unregister (w);
    if (room > w->sregs) {
        struct reg *x = realloc (w->regs, room * sizeof (*x));
        if (!x)
            return -ENOMEM;
        w->regs = x;
        w->sregs = room;
    }
    reg_add (w, w->ns, w->key, strlen (w->key), false);
    if (below)
        reg_parents (w, w->ns, w->key);
    if (place->linked)
        reg_links (w, place);
    return w->reg_failed ? -ENOMEM : 0;
}

/* -- answers ------------------------------------------------------------------ */

static int respond_piece (struct watcher *w, const struct tnode *n, size_t off,
                          size_t len)
{
    struct buf b = BUF_INIT;
    int rc = -ENOMEM;
    if (buf_reserve (&b, len + 2) == 0) {
        buf_addc (&b, 'v');
        tval_read (n, off, len, b.data + b.len);
        b.len += len;
        buf_addc (&b, '\0');
        rc = flux_respond_raw (w->h, w->msg, b.data, b.len) < 0 ? -errno : 0;
    }
    buf_release (&b);
    return rc;
}

/* Eventlogs are read piecewise too: end a piece with a line if possible. */
static size_t piece_len (const struct tnode *n, size_t off)
{
    size_t len = tval_len (n) - off;
    if (len <= STREAM_PIECE)
        return len;
    char tail[4096];
    size_t back = off + STREAM_PIECE - sizeof (tail);
    tval_read (n, back, sizeof (tail), tail);
    char *nl = memrchr (tail, '\n', sizeof (tail));
    return nl ? back + (nl + 1 - tail) - off : STREAM_PIECE;
}

static void stream (struct watcher *w, const struct tnode *n)
{
    int rc = 0;
    for (size_t off = 0; rc == 0 && off < tval_len (n);) {
        size_t len = piece_len (n, off);
        rc = respond_piece (w, n, off, len);
        off += len;
    }
    watcher_fail (w, rc < 0 ? rc : -ENODATA, NULL);
}

/* The node at hand has been answered. */
static void answered (struct watcher *w, const struct tnode *n)
{
    struct tnode *old = w->last;
    w->last = tnode_ref (n);
    tnode_unref (old);
    w->started = true;
    if (!(w->args.flags & FLUX_KVS_WATCH))
        watcher_end (w);
}

/* 0, or -EAGAIN: references are missing. */
static int answer_node (struct watcher *w, const struct tnode *n)
{
    struct buf b = BUF_INIT;
    int rc = lookup_encode (w->all->kvs, n, w->args.flags, &b);
    if (rc == 0 && flux_respond_raw (w->h, w->msg, b.data, b.len) < 0)
        rc = -errno;
    buf_release (&b);
    if (rc == 0)
        answered (w, n);
    return rc;
}

static void refs_ready (struct kvs *kvs, int rc, void *arg)
{
    struct watcher *w = arg;
    (void)kvs;
    w->busy = false;
    if (w->msg) {
        if (rc == 0)
            rc = answer_node (w, w->next);
        if (rc < 0)
            watcher_fail (w, rc, NULL);
    }
    tnode_unref (w->next);
    w->next = NULL;
    if (w->msg && w->again) {
        bool named = w->again_named;
        w->again = w->again_named = false;
        look (w, named);
    }
    watcher_unref (w);
}

static void answer (struct watcher *w, const struct tnode *n)
{
    int rc = answer_node (w, n);
    if (rc == -EAGAIN) {
        w->busy = true;
        w->next = tnode_ref (n);
        w->refs++;
        rc = refq_compute (w->all->kvs->refq, n, w->h, refs_ready, w);
        if (rc < 0) {
            w->busy = false;
            w->refs--;
        }
    }
    if (rc < 0)
        watcher_fail (w, rc, NULL);
}

static void answer_first (struct watcher *w, const struct tnode *n)
{
    if (w->args.flags & FLUX_KVS_STREAM) {
        stream (w, n);
        return;
    }
    if (!(w->args.flags & FLUX_KVS_WATCH_INITIAL_SENTINEL)) {
        answer (w, n);
        return;
    }
    /* what there is, if anything, and then nothing */
    int rc = 0;
    if (tval_len (n) > 0)
        rc = respond_piece (w, n, 0, tval_len (n));
    if (rc == 0)
        rc = respond_piece (w, n, 0, 0);
    if (rc < 0)
        watcher_fail (w, rc, NULL);
    else
        answered (w, n);
}

static void answer_append (struct watcher *w, const struct tnode *n)
{
    size_t had = tval_len (w->last);
    if (!tval_extends (n, w->last)) {
        watcher_fail (w, -EINVAL, "the value was overwritten");
        return;
    }
    if (tval_len (n) == had)
        return;
    int rc = respond_piece (w, n, had, tval_len (n) - had);
    if (rc < 0)
        watcher_fail (w, rc, NULL);
    else
        answered (w, n);
}

static bool same_content (struct kvs *kvs, const struct tnode *a,
                          const struct tnode *b)
{
    if (a == b)
        return true;
    if (tnode_kind (a) != tnode_kind (b))
        return false;
    if (tnode_kind (a) == TNODE_VAL)
        return tval_equal (a, b);
    if (tnode_kind (a) == TNODE_LINK) {
        const char *x = tlink_ns (a), *y = tlink_ns (b);
        return !strcmp (tlink_target (a), tlink_target (b))
               && !strcmp (x ? x : "", y ? y : "");
    }
    const char *x = tnode_cached_ref (a), *y = tnode_cached_ref (b);
    (void)kvs;
    return x && y && !strcmp (x, y);
}

static void answer_next (struct watcher *w, const struct tnode *n, bool named)
{
    int flags = w->args.flags;
    if (flags & FLUX_KVS_WATCH_APPEND) {
        if (named)
            answer_append (w, n);
    }
    else if (flags & FLUX_KVS_WATCH_FULL) {
        if (!same_content (w->all->kvs, n, w->last))
            answer (w, n);
    }
    else if (flags & FLUX_KVS_WATCH_UNIQ) {
        if (named && !same_content (w->all->kvs, n, w->last))
            answer (w, n);
    }
    else if (named)
        answer (w, n);
}

/* Can what is missing still come? */
static bool is_waiting (const struct watcher *w, int rc,
                        const struct twalk_place *place)
{
    if (w->started || !(w->args.flags & FLUX_KVS_WAITCREATE))
        return false;
    if (rc == -ENOENT || rc == -ENOTSUP)
        return true;
    return rc == -ENOTDIR && place->node == NULL;
}

static void look (struct watcher *w, bool named)
{
    struct twalk_place place = TWALK_PLACE_INIT;
    flux_error_t err = { { 0 } };

    if (w->busy) {
        w->again = true;
        w->again_named |= named;
        return;
    }
    w->refs++;
    int rc = lookup_find (w->all->kvs, &w->args, &place, &err);
    if (rc == 0 && (rc = register_at (w, &place)) == 0) {
        if (w->started)
            answer_next (w, place.node, named);
        else
            answer_first (w, place.node);
        /* what is registered for a key that is awaited is too much now */
        if (w->msg && w->started && !w->busy)
            rc = register_at (w, &place);
    }
    else if (is_waiting (w, rc, &place))
        rc = register_at (w, &place);
    if (rc < 0)
        watcher_fail (w, rc, err.text);
    twalk_place_release (&place);
    watcher_unref (w);
}

/* -- changes ------------------------------------------------------------------- */

static void mark (struct watcher *w, struct list_node *marked, bool named)
{
    if (list_empty (&w->mark)) {
        list_append (marked, &w->mark);
        w->named = false;
    }
    w->named |= named;
}

static void mark_named (void *who, void *arg)
{
    mark (who, arg, true);
}

static void mark_unnamed (void *who, void *arg)
{
    mark (who, arg, false);
}

static void mark_deep (void *who, void *arg)
{
    if (wants_deep (who))
        mark (who, arg, false);
}

static void mark_touched (struct watches *all, const struct touch *t,
                          struct list_node *marked)
{
    const char *ns = t->ns->name;
    size_t len = strlen (t->key);
    places_each (all->places, ns, t->key, len, false, mark_named, marked);
    if (t->flags & TOUCH_BELOW)
        places_each (all->places, ns, t->key, len, true, mark_unnamed, marked);
    if (all->deep > 0 && strcmp (t->key, ".") != 0) {
        places_each (all->places, ns, ".", 1, false, mark_deep, marked);
        for (const char *p = t->key; (p = strchr (p, '.')); p++)
            places_each (all->places, ns, t->key, p - t->key, false, mark_deep,
                         marked);
    }
}

static void look_marked (struct list_node *marked)
{
    while (!list_empty (marked)) {
        struct watcher *w = list_entry (list_first (marked), struct watcher, mark);
        list_del (&w->mark);
        look (w, w->named);
    }
}

void watches_touched (struct watches *all, const struct touch *t, size_t count)
{
    struct list_node marked;
    if (all->count == 0)
        return;
    list_init (&marked);
    for (size_t i = 0; i < count; i++)
        mark_touched (all, &t[i], &marked);
    look_marked (&marked);
}

void watches_ns_created (struct watches *all, const char *ns)
{
    struct list_node marked;
    list_init (&marked);
    places_each_in (all->places, ns, mark_unnamed, &marked);
    look_marked (&marked);
}

void watches_ns_removed (struct watches *all, const char *ns)
{
    struct list_node marked;
    list_init (&marked);
    places_each_in (all->places, ns, mark_unnamed, &marked);
    while (!list_empty (&marked)) {
        struct watcher *w =
            list_entry (list_first (&marked), struct watcher, mark);
        list_del (&w->mark);
        if (!strcmp (w->ns, ns))
            watcher_fail (w, -ENOTSUP, "the namespace was removed");
        else
            look (w, false);
    }
}

/* -- requests -------------------------------------------------------------------- */

void watch_request (struct watches *all, flux_t *h, const flux_msg_t *msg)
{
    struct lookup_args args = { 0 };
    flux_error_t err = { { 0 } };
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:s s:s s:i}", "key", &args.key,
                             "namespace", &args.ns, "flags", &args.flags) < 0
        || flux_msg_get_cred (msg, &args.cred) < 0) {
        kvs_respond_error (h, msg, -errno, NULL);
        return;
    }
    if ((args.flags & (FLUX_KVS_WATCH | FLUX_KVS_STREAM))
        && !flux_msg_is_streaming (msg))
        rc = errmsg (&err, -EPROTO, "a watch must be a streaming request");
    else if ((rc = kvs_lookup_flags_check (args.flags)) < 0)
        errmsg (&err, rc, "these look-up flags do not go together: %#x",
                args.flags);
    else {
        struct watcher *w = watcher_new (all, h, msg, &args);
        if (w) {
            look (w, false);
            return;
        }
        char *norm = malloc (strlen (args.key) + 2);
        rc = norm ? kvs_key_normalize (args.key, norm) : -ENOMEM;
        free (norm);
        rc = rc < 0 ? errmsg (&err, rc, "invalid key") : -ENOMEM;
    }
    kvs_respond_error (h, msg, rc, err.text);
}

void watch_cancel (struct watches *all, const flux_msg_t *msg)
{
    const char *id = flux_msg_route_first (msg);
    struct sender *s = hash_get (all->senders, id ? id : "");
    if (!s)
        return;
    list_foreach (&s->watchers, n) {
        struct watcher *w = list_entry (n, struct watcher, sender_node);
        if (flux_cancel_match (msg, w->msg)) {
            watcher_fail (w, -ENODATA, NULL);
            return;
        }
    }
}

void watch_disconnect (struct watches *all, const flux_msg_t *msg)
{
    const char *id = flux_msg_route_first (msg);
    struct sender *s = hash_get (all->senders, id ? id : "");
    while (s) {
        struct watcher *found = NULL;
        list_foreach (&s->watchers, n) {
            struct watcher *w = list_entry (n, struct watcher, sender_node);
            if (flux_disconnect_match (msg, w->msg)) {
                found = w;
                break;
            }
        }
        if (!found)
            break;
        bool last = found->sender_node.next == found->sender_node.prev;
        watcher_end (found);
        if (last)
            break;
    }
}

void watches_flush (struct watches *all)
{
    while (!list_empty (&all->list))
        watcher_fail (list_entry (list_first (&all->list), struct watcher, node),
                      -ENOSYS, NULL);
}
