/* batch.c - see batch.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "core/due.h"
#include "modules/kvs/batch.h"
#include "modules/kvs/content.h"
#include "modules/kvs/load.h"
#include "modules/kvs/pack.h"
#include "modules/kvs/redo.h"
#include "modules/kvs/store.h"
#include "modules/kvs/thawed.h"
#include "modules/kvs/waiter.h"

enum { RESERVE = 1000 };

/* How much may wait, and how long, of what is only to be frozen */
enum { LAZY_BYTES = 64 * 1024 };
#define LAZY_SECONDS 0.02

/* A request that waits for its answer. */
struct pending {
    struct list_node node;
    flux_t *h;
    const flux_msg_t *msg;
    request_f again;
    struct kvsns *ns;        /* of a commit */
    uint64_t seq;
    struct tnode *root;      /* of that version, if it is to be kept */
    unsigned char reply[CHANGE_REPLY_MAX];
    size_t reply_len;
    char blob[72];
};

/* A namespace at the end of a step. */
struct moved {
    struct kvsns *ns;
    struct tnode *root;
    uint64_t seq;
};

struct step {
    struct list_node node;
    struct list_node pending;
    struct touch *touch;
    size_t ntouch, stouch;
    struct moved *moved;
    size_t nmoved, smoved;
    struct kvsns **created;
    size_t ncreated;
    struct kvsns **removed;
    size_t nremoved;
    bool nomerge;
    bool sealed;             /* roots are captured */
};

struct batch {
    struct list_node steps;
    struct buf redo;
    struct tnode **frozen;   /* in order of 'Z' operations */
    size_t nfrozen;
    bool sync;
    bool urgent;             /* there is more in it than what is to be frozen */
    size_t changes;
};

struct batcher {
    struct kvs *kvs;
    struct store *store;
    bool durable;
    bool full;               /* the last transaction failed: said once */
    struct batch *cur;       /* gathered */
    struct batch *busy;      /* written now */
    struct list_node later;  /* struct pending: requests to do then */
    struct due due;
    flux_watcher_t *idle_w;  /* what is not urgent goes out then */
    struct tcold_owner owner;
    uint64_t cold_id;
    struct thawed thawed;
    struct batcher_stats stats;
};

/* -- life ----------------------------------------------------------------------------- */

static void pending_free (struct pending *p)
{
    list_del (&p->node);
    flux_msg_decref (p->msg);
    tnode_unref (p->root);
    free (p);
}

static void step_free (struct step *s)
{
    list_foreach (&s->pending, n)
        pending_free (list_entry (n, struct pending, node));
    touch_free (s->touch, s->ntouch);
    for (size_t i = 0; i < s->nmoved; i++)
        tnode_unref (s->moved[i].root);
    free (s->moved);
    free (s->created);
    free (s->removed);
    list_del (&s->node);
    free (s);
}

static void batch_free (struct batch *x)
{
    if (!x)
        return;
    list_foreach (&x->steps, n)
        step_free (list_entry (n, struct step, node));
    for (size_t i = 0; i < x->nfrozen; i++)
        tnode_unref (x->frozen[i]);
    free (x->frozen);
    buf_release (&x->redo);
    free (x);
}

static struct batch *batch_new (void)
{
    struct batch *x = calloc (1, sizeof (*x));
    if (x) {
        list_init (&x->steps);
        x->redo = (struct buf)BUF_INIT;
    }
    return x;
}

static void flush_cb (struct due *d);
static void cold_gone (struct tcold_owner *owner, uint64_t id);

struct batcher *batcher_new (struct kvs *kvs)
{
    struct batcher *b = calloc (1, sizeof (*b));
    if (b) {
        b->kvs = kvs;
        list_init (&b->later);
        due_init (&b->due, flush_cb);
        b->owner.gone = cold_gone;
        if (!(b->cur = batch_new ())) {
            free (b);
            b = NULL;
        }
    }
    return b;
}

static void save_versions (struct batcher *b);

void batcher_close (struct batcher *b)
{
    if (!b || !b->store)
        return;
    batcher_drain (b);
    if (b->durable) {
        save_versions (b);
        batcher_drain (b);
    }
    due_cancel (&b->due);
    flux_watcher_destroy (b->idle_w);
    b->idle_w = NULL;
    store_close (b->store);
    b->store = NULL;
    thawed_release (&b->thawed);
}

void batcher_free (struct batcher *b)
{
    if (b) {
        batcher_close (b);
        batch_free (b->cur);
        free (b);
    }
}

bool batcher_durable (const struct batcher *b)
{
    return b->durable;
}

bool batcher_has_store (const struct batcher *b)
{
    return b->store != NULL;
}

void batcher_get_stats (const struct batcher *b, struct batcher_stats *st)
{
    *st = b->stats;
    st->durable = b->durable;
}

/* -- opening ---------------------------------------------------------------------------- */

static int open_durable (struct batcher *b, const char *statedir,
                         flux_error_t *err)
{
    char *path;
    if (asprintf (&path, "%s/content.sqlite", statedir) < 0)
        return errmsg (err, -ENOMEM, "kvs: out of memory");
    int rc = store_open (path, b->kvs->hashtype, b->kvs->reactor, &b->store,
                         err);
    free (path);
    if (rc < 0)
        return rc;
    if ((rc = load_all (b->kvs, b->store, &b->owner, &b->cold_id, err)) < 0) {
        store_close (b->store);
        b->store = NULL;
        return rc;
    }
    b->durable = true;
    return 0;
}

int batcher_open (struct batcher *b, flux_t *h, flux_error_t *err)
{
    const char *statedir = kvs_attr (h, "statedir");
    const char *cleanup = kvs_attr (h, "statedir-cleanup");
    /* one that goes with the instance is not there to keep anything */
    if (!statedir || b->store || (cleanup && !strcmp (cleanup, "1")))
        return 0;
    return open_durable (b, statedir, err);
}

int batcher_need_store (struct batcher *b, flux_error_t *err)
{
    if (b->store)
        return 0;
    return store_open (NULL, b->kvs->hashtype, b->kvs->reactor, &b->store, err);
}

/* -- gathering --------------------------------------------------------------------------- */

/* With nothing on its way the head is what is visible. */
static void settle (struct kvsns *ns)
{
    if (ns->steps == 0 && ns->root) {
        tnode_unref (ns->root);
        ns->root = NULL;
    }
}

void batcher_abort (struct batcher *b, struct kvsns *ns)
{
    (void)b;
    settle (ns);
}

static int step_moves (struct step *s, struct kvsns *ns)
{
    if (!ns || ns->step == s)
        return 0;
    if (s->nmoved == s->smoved) {
        size_t n = s->smoved ? 2 * s->smoved : 4;
        struct moved *x = realloc (s->moved, n * sizeof (*x));
        if (!x)
            return -ENOMEM;
        s->moved = x;
        s->smoved = n;
    }
    s->moved[s->nmoved++] = (struct moved){ .ns = ns };
    ns->step = s;
    ns->steps++;
    return 0;
}

static int list_ns (struct kvsns ***list, size_t *n, struct kvsns *ns)
{
    if (!ns)
        return 0;
    struct kvsns **x = realloc (*list, (*n + 1) * sizeof (*x));
    if (!x)
        return -ENOMEM;
    x[(*n)++] = ns;
    *list = x;
    return 0;
}

/* Nothing more joins this step: remember where it leads. */
static void step_seal (struct step *s)
{
    if (s->sealed)
        return;
    s->sealed = true;
    for (size_t i = 0; i < s->nmoved; i++) {
        struct kvsns *ns = s->moved[i].ns;
        s->moved[i].root = tnode_ref (ns->head);
        s->moved[i].seq = ns->seq;
        ns->step = NULL;
    }
}

static struct step *step_last (struct batcher *b)
{
    return list_empty (&b->cur->steps)
               ? NULL : list_entry (b->cur->steps.prev, struct step, node);
}

/* Heads are changed already: batcher_begin() has closed the last step if this
 * change must not join it. */
static struct step *step_for (struct batcher *b, const struct change *ch)
{
    struct step *s = step_last (b);
    if (s && !s->sealed)
        return s;
    if (!(s = calloc (1, sizeof (*s))))
        return NULL;
    list_init (&s->pending);
    s->nomerge = ch->nomerge;
    list_append (&b->cur->steps, &s->node);
    return s;
}

void batcher_begin (struct batcher *b, struct kvsns *ns, bool nomerge)
{
    struct step *s = step_last (b);
    if (!b->durable)
        return;
    if (s && (nomerge || s->nomerge))
        step_seal (s);
    if (!ns->root) {
        ns->root = tnode_ref (ns->head);
        ns->root_seq = ns->seq;
    }
}

static struct pending *pending_new (flux_t *h, const flux_msg_t *msg,
                                    request_f again)
{
    struct pending *p = calloc (1, sizeof (*p));
    if (p) {
        list_init (&p->node);
        p->h = h;
        p->msg = msg ? flux_msg_incref (msg) : NULL;
        p->again = again;
    }
    return p;
}

static void idle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct batcher *b = arg;
    flush_cb (&b->due);
}

/* Nobody waits for a directory to be frozen but the memory that it takes; waking
 * the thread for each of many costs more than freezing them.  False: cannot wait. */
static bool wait_for_more (struct batcher *b)
{
    flux_reactor_t *r = b->kvs->reactor;
    if (b->cur->urgent || b->cur->redo.len >= LAZY_BYTES || !r)
        return false;
    if (!b->idle_w
        && !(b->idle_w = flux_timer_watcher_create (r, LAZY_SECONDS, 0., idle_cb, b)))
        return false;
    if (!flux_watcher_is_active (b->idle_w)) {
        flux_timer_watcher_reset (b->idle_w, LAZY_SECONDS, 0.);
        flux_watcher_start (b->idle_w);
    }
    return true;
}

static void kick (struct batcher *b)
{
    if (!b->busy && b->store
        && (!list_empty (&b->cur->steps) || b->cur->redo.len > 0)
        && !wait_for_more (b) && due_post (b->kvs->reactor, &b->due) < 0)
        flush_cb (&b->due);
}

/* -- visibility and answers --------------------------------------------------------------- */

static void respond (const struct pending *p)
{
    int rc;
    if (!p->msg || flux_msg_is_noresponse (p->msg))
        return;
    if (p->reply_len > 0)
        rc = flux_respond_raw (p->h, p->msg, p->reply, (int)p->reply_len);
    else if (p->ns)
        rc = flux_respond_pack (p->h, p->msg, "{s:i}", "rootseq",
                                kvs_wire_seq (p->seq));
    else
        rc = flux_respond (p->h, p->msg, NULL);
    if (rc < 0)
        flux_log_error (p->h, "kvs: responding");
}

static void remove_ns (struct kvs *kvs, struct kvsns *ns)
{
    char *name = strdup (ns->name);
    waiters_fail (ns);
    kvsns_free (ns);
    if (name)
        watches_ns_removed (kvs->watches, name);
    free (name);
}

static void publish (struct batcher *b, struct step *s)
{
    struct kvs *kvs = b->kvs;
    for (size_t i = 0; i < s->ncreated; i++)
        s->created[i]->visible = true;
    for (size_t i = 0; i < s->nremoved; i++)
        s->removed[i]->visible = false;
    watches_touched (kvs->watches, s->touch, s->ntouch);
    for (size_t i = 0; i < s->ncreated; i++)
        watches_ns_created (kvs->watches, s->created[i]->name);
    for (size_t i = 0; i < s->nmoved; i++) {
        waiters_check (s->moved[i].ns);
        kvsns_age_roots (s->moved[i].ns);
    }
    for (size_t i = 0; i < s->nremoved; i++)
        remove_ns (kvs, s->removed[i]);
}

static void keep_roots (struct step *s)
{
    list_foreach (&s->pending, n) {
        struct pending *p = list_entry (n, struct pending, node);
        if (p->root)
            kvsns_keep_root (p->ns, p->seq, p->root);
    }
}

/* A namespace may be gone by now. */
static void answer_all (struct batcher *b, struct step *s)
{
    list_foreach (&s->pending, n) {
        struct pending *p = list_entry (n, struct pending, node);
        if (p->blob[0])
            content_drop_blob (b->kvs->content, p->blob);
        respond (p);
        pending_free (p);
    }
}

static void show_roots (struct step *s)
{
    for (size_t i = 0; i < s->nmoved; i++) {
        struct moved *m = &s->moved[i];
        m->ns->steps--;
        if (m->ns->root) {
            tnode_unref (m->ns->root);
            m->ns->root = m->root;
            m->ns->root_seq = m->seq;
            m->root = NULL;
            settle (m->ns);
        }
    }
}

/* Without a durable store there is nothing to wait for. */
static void submit_now (struct batcher *b, struct change *ch, flux_t *h,
                        const flux_msg_t *msg)
{
    struct step s = {
        .touch = ch->touch, .ntouch = ch->count,
        .created = &ch->created, .ncreated = ch->created != NULL,
        .removed = &ch->removed, .nremoved = ch->removed != NULL,
    };
    struct moved m = { .ns = ch->ns };
    struct pending p = {
        .h = h, .msg = msg, .ns = ch->ns, .seq = ch->seq,
        .reply_len = ch->reply_len,
    };
    memcpy (p.reply, ch->reply, sizeof (p.reply));
    if (ch->ns) {
        s.moved = &m;
        s.nmoved = 1;
    }
    if (ch->keep_root)
        kvsns_keep_root (ch->ns, ch->seq, ch->ns->head);
    publish (b, &s);
    respond (&p);
}

static int batch_freeze (struct batch *x, struct tnode *cold)
{
    struct tnode **f = realloc (x->frozen, (x->nfrozen + 1) * sizeof (*f));
    if (!f)
        return -ENOMEM;
    f[x->nfrozen++] = tnode_ref (cold);
    x->frozen = f;
    return 0;
}

/* Writing each version would cost a page a transaction.  So the store has one
 * that is ahead; after a crash versions go on from there, after a regular end
 * from where they were (save_versions). */
static void reserve_version (struct batcher *b, const struct change *ch)
{
    if (!ch->ns || ch->seq <= ch->ns->seq_reserved)
        return;
    ch->ns->seq_reserved = ch->seq + RESERVE;
    redo_seq (&b->cur->redo, ch->ns->id, ch->ns->seq_reserved);
}

static void save_versions (struct batcher *b)
{
    struct kvsns *ns;
    for (size_t pos = 0; (ns = hash_next (b->kvs->namespaces, &pos, NULL));) {
        if (ns->seq_reserved > ns->seq && !ns->removed)
            redo_seq (&b->cur->redo, ns->id, ns->seq);
        ns->seq_reserved = 0;
    }
}

static int gather (struct batcher *b, struct change *ch, struct pending *p)
{
    struct step *s = step_for (b, ch);
    size_t before = b->cur->redo.len;
    if (!s || !p)
        return -ENOMEM;
    buf_add (&b->cur->redo, ch->redo.data, ch->redo.len);
    if (b->durable)
        reserve_version (b, ch);
    if (b->cur->redo.failed
        || step_moves (s, ch->ns) < 0 || step_moves (s, ch->frozen_in) < 0
        || list_ns (&s->created, &s->ncreated, ch->created) < 0
        || list_ns (&s->removed, &s->nremoved, ch->removed) < 0
        || (ch->frozen && batch_freeze (b->cur, ch->frozen) < 0)) {
        b->cur->redo.len = before;
        if (ch->ns)
            ch->ns->seq_reserved = 0;
        return -ENOMEM;
    }
    for (size_t i = 0; i < ch->count; i++) {
        if (touch_add (&s->touch, &s->ntouch, &s->stouch, ch->touch[i]) < 0)
            continue;
        ch->touch[i].key = NULL;
    }
    list_append (&s->pending, &p->node);
    b->cur->sync |= ch->sync;
    b->cur->urgent |= !ch->frozen;
    b->cur->changes++;
    return 0;
}

void batcher_submit (struct batcher *b, struct change *ch, flux_t *h,
                     const flux_msg_t *msg, request_f again)
{
    if (!b->durable && ch->redo.len == 0) {
        submit_now (b, ch, h, msg);
        return;
    }
    struct pending *p = pending_new (h, msg, again);
    if (p) {
        p->ns = ch->ns;
        p->seq = ch->seq;
        p->reply_len = ch->reply_len;
        memcpy (p->reply, ch->reply, sizeof (p->reply));
        memcpy (p->blob, ch->blob, sizeof (p->blob));
        if (ch->keep_root)
            p->root = tnode_ref (ch->ns->head);
    }
    if (gather (b, ch, p) < 0) {
        /* the head has it, the store would not: no way to go on from here */
        flux_log (h, LOG_CRIT, "kvs: out of memory, a change is lost");
        if (msg)
            kvs_respond_error (h, msg, -ENOMEM, NULL);
        if (p)
            pending_free (p);
    }
    kick (b);
}

void batcher_later (struct batcher *b, flux_t *h, const flux_msg_t *msg,
                    request_f again)
{
    struct pending *p = pending_new (h, msg, again);
    if (!p) {
        kvs_respond_error (h, msg, -ENOMEM, NULL);
        return;
    }
    list_append (&b->later, &p->node);
    b->cur->urgent = true;
    kick (b);
    if (!b->busy && list_empty (&b->cur->steps) && b->kvs->reactor)
        (void)due_post (b->kvs->reactor, &b->due);
}

/* -- a transaction ends --------------------------------------------------------------------- */

static void do_again (struct batcher *b, struct list_node *list)
{
    struct list_node todo;
    list_init (&todo);
    while (!list_empty (list)) {
        struct list_node *n = list_first (list);
        list_del (n);
        list_append (&todo, n);
    }
    while (!list_empty (&todo)) {
        struct pending *p =
            list_entry (list_first (&todo), struct pending, node);
        list_del (&p->node);
        if (p->msg)
            p->again (b->kvs, p->h, p->msg);
        pending_free (p);
    }
}

static void succeed (struct batcher *b, struct batch *x,
                     const struct store_frozen *frozen, size_t count)
{
    for (size_t i = 0; i < x->nfrozen && i < count; i++)
        tcold_set_stored (x->frozen[i], frozen[i].digest, frozen[i].digest_len);
    b->stats.frozen += x->nfrozen;
    list_foreach (&x->steps, n) {
        struct step *s = list_entry (n, struct step, node);
        show_roots (s);
        keep_roots (s);
        publish (b, s);
        answer_all (b, s);
    }
}

/* What a step did is undone; its requests are left. */
static void revert_step (struct step *s)
{
    for (size_t i = 0; i < s->nremoved; i++)
        s->removed[i]->removed = false;
    for (size_t i = 0; i < s->nmoved; i++) {
        struct kvsns *ns = s->moved[i].ns;
        ns->steps = 0;
        ns->step = NULL;
        ns->seq_reserved = 0;
        if (ns->root) {
            tnode_unref (ns->head);
            ns->head = ns->root;
            ns->seq = ns->root_seq;
            ns->root = NULL;
        }
    }
}

static void drop_created (struct step *s)
{
    for (size_t i = 0; i < s->ncreated; i++)
        kvsns_free (s->created[i]);
}

static void revert (struct batch *x, struct list_node *requests)
{
    list_foreach (&x->steps, n) {
        struct step *s = list_entry (n, struct step, node);
        revert_step (s);
        while (!list_empty (&s->pending)) {
            struct list_node *p = list_first (&s->pending);
            list_del (p);
            list_append (requests, p);
        }
    }
}

static void drop_all_created (struct batch *x)
{
    list_foreach (&x->steps, n)
        drop_created (list_entry (n, struct step, node));
}

static void fail (struct batcher *b, struct batch *x, int rc, const char *text)
{
    struct list_node failed, again;
    struct batch *next = batch_new ();
    if (b->kvs->h && !b->full)
        flux_log (b->kvs->h, LOG_CRIT, "kvs: the store cannot be written: %s",
                  text && *text ? text : strerror (-rc));
    b->full = true;
    b->stats.failed++;
    list_init (&failed);
    list_init (&again);
    revert (x, &failed);
    if (b->durable) {
        revert (b->cur, &again);
        drop_all_created (b->cur);
        drop_all_created (x);
        if (next) {
            batch_free (b->cur);
            b->cur = next;
        }
    }
    else
        batch_free (next);
    while (!list_empty (&failed)) {
        struct pending *p =
            list_entry (list_first (&failed), struct pending, node);
        if (p->blob[0])
            content_drop_blob (b->kvs->content, p->blob);
        if (p->msg)
            kvs_respond_error (p->h, p->msg, rc, rc == -ENOSPC
                               ? "the disk that holds statedir is full: free some"
                                 " space, then try again" : text);
        pending_free (p);
    }
    do_again (b, &again);
}

static void written (int rc, const char *text,
                     const struct store_frozen *frozen, size_t count, void *arg)
{
    struct batcher *b = arg;
    struct batch *x = b->busy;
    b->busy = NULL;
    if (rc == 0) {
        b->full = false;
        b->stats.syncs += x->sync;
        succeed (b, x, frozen, count);
    }
    else
        fail (b, x, rc, text);
    batch_free (x);
    if (list_empty (&b->cur->steps))
        do_again (b, &b->later);
    kick (b);
}

static void flush (struct batcher *b)
{
    struct batch *x = b->cur;
    if (b->busy || !b->store
        || (list_empty (&x->steps) && x->redo.len == 0))
        return;
    struct batch *next = batch_new ();
    if (!next)
        return;  /* when there is memory again */
    if (step_last (b))
        step_seal (step_last (b));
    b->cur = next;
    b->busy = x;
    b->stats.batches++;
    b->stats.changes += x->changes;
    int rc = store_write (b->store, &x->redo, x->sync, written, b);
    if (rc < 0)
        written (rc, NULL, NULL, 0, b);
}

static void flush_cb (struct due *d)
{
    struct batcher *b = list_entry (d, struct batcher, due);
    if (!b->busy && list_empty (&b->cur->steps))
        do_again (b, &b->later);
    flush (b);
}

void batcher_drain (struct batcher *b)
{
    for (int i = 0; i < 1000 && b->store; i++) {
        if (b->busy)
            store_drain (b->store);
        else if (list_empty (&b->cur->steps) && b->cur->redo.len == 0)
            break;
        else
            flush (b);
    }
}

/* -- frozen directories and blobs -------------------------------------------------------------- */

static void cold_gone (struct tcold_owner *owner, uint64_t id)
{
    struct batcher *b = list_entry (owner, struct batcher, owner);
    thawed_forget (&b->thawed, id);
    if (b->store && b->cur) {
        redo_drop_frozen (&b->cur->redo, id);
        kick (b);
    }
}

struct tnode *batcher_new_cold (struct batcher *b, const struct tnode *dir)
{
    return tcold_new (++b->cold_id, dir, &b->owner);
}

bool batcher_has_blob (struct batcher *b, const char *ref)
{
    return b->store && store_has_blob (b->store, ref);
}

int batcher_load_blob (struct batcher *b, const char *ref, struct buf *out)
{
    void *data;
    size_t len;
    int rc = b->store ? store_get_blob (b->store, ref, &data, &len) : -ENOENT;
    if (rc < 0)
        return rc;
    rc = len > 0 ? buf_add (out, data, len) : 0;
    free (data);
    return rc;
}

int batcher_max_blob (struct batcher *b, int64_t *max)
{
    *max = 0;
    return b->store ? store_max_blob (b->store, max) : 0;
}

int batcher_old_blobs (struct batcher *b, int64_t after, int64_t upto, int64_t epoch,
                       int64_t *ids, size_t *count)
{
    if (b->store)
        return store_old_blobs (b->store, after, upto, epoch, ids, count);
    *count = 0;
    return 0;
}

struct tnode *batcher_load_cold (struct batcher *b, const struct tnode *n,
                                 int *rc)
{
    void *data;
    size_t len;
    uint64_t id = tcold_id (n);
    struct tnode *dir = thawed_get (&b->thawed, id);
    if (dir)
        return dir;
    if (!b->store) {
        *rc = -EIO;
        return NULL;
    }
    if ((*rc = store_get_cold (b->store, id, &data, &len)) < 0)
        return NULL;
    dir = unpack_dir (data, len, rc);
    free (data);
    if (dir)
        thawed_put (&b->thawed, id, dir);
    return dir;
}
