/* gc.c - see gc.h */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/blobref.h"
#include "modules/kvs/batch.h"
#include "modules/kvs/content.h"
#include "modules/kvs/gc.h"
#include "modules/kvs/redo.h"
#include "modules/kvs/rfc11.h"

/* A request of others takes several turns of the loop, each of which may have a slice. */
enum { SLICE_USEC = 500, DELETE_MAX = 1000 };

struct level {
    struct tnode *dir;       /* a reference */
    struct tdir_iter it;
};

/* A request that takes more than a turn of the loop. */
struct task {
    struct list_node node;
    struct gc *gc;
    flux_t *h;
    const flux_msg_t *msg;
    /* 1: not done yet; 0 or a negative errno ends it */
    int (*step) (struct task *t);
    void (*end) (struct task *t, int rc);

    uint64_t epoch;
    /* roots */
    struct tnode **root;
    size_t nroots, next;
    size_t heads;            /* so many of them are counted */
    struct rfc11_job *job;   /* the references of the next one */
    struct level *level;
    size_t depth, size;
    json_t *seen[2];         /* valrefs, dirrefs: {ref: null} */
    uint64_t marked;
    /* sweep */
    struct content_sweep sweep;
    json_int_t cursor, high, window;
    int cap;
};

struct gc {
    struct kvs *kvs;
    uint64_t epoch;
    struct list_node tasks;
    flux_watcher_t *turn;    /* fires in the next turn of the loop, while there are tasks */
    flux_watcher_t *timer;
    uint64_t seq;            /* the primary's version when the period began */
};

struct gc *gc_new (struct kvs *kvs)
{
    struct gc *gc = calloc (1, sizeof (*gc));
    if (gc) {
        gc->kvs = kvs;
        gc->epoch = 1;
        list_init (&gc->tasks);
    }
    return gc;
}

void gc_free (struct gc *gc)
{
    if (gc) {
        gc_flush (gc, NULL);
        flux_watcher_destroy (gc->turn);
        flux_watcher_destroy (gc->timer);
        free (gc);
    }
}

/* -- epochs ------------------------------------------------------------------- */

uint64_t gc_epoch (const struct gc *gc)
{
    return gc->epoch;
}

void gc_checkpoint (struct gc *gc, struct buf *redo)
{
    char s[24];
    gc->epoch++;
    snprintf (s, sizeof (s), "%" PRIu64, gc->epoch);
    if (batcher_durable (gc->kvs->batcher))
        redo_meta (redo, "epoch", s);
}

static void period_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct gc *gc = arg;
    struct kvs *kvs = gc->kvs;
    struct change ch = CHANGE_INIT;
    (void)r;
    (void)w;
    (void)revents;
    if (kvs->primary->seq == gc->seq)
        return;
    gc->seq = kvs->primary->seq;
    gc_checkpoint (gc, &ch.redo);
    ch.sync = true;
    batcher_submit (kvs->batcher, &ch, kvs->h, NULL, NULL);
    change_release (&ch);
}

int gc_set_period (struct gc *gc, double seconds)
{
    flux_watcher_destroy (gc->timer);
    gc->timer = NULL;
    if (seconds == 0)
        return 0;
    gc->timer = flux_timer_watcher_create (gc->kvs->reactor, seconds, seconds, period_cb, gc);
    if (!gc->timer)
        return -errno;
    flux_watcher_start (gc->timer);
    return 0;
}

void gc_restarted (struct gc *gc, const char *epoch)
{
    uint64_t n = strtoull (epoch, NULL, 10);
    if (n >= gc->epoch && n < INT64_MAX - 1)
        gc->epoch = n + 1;
}

static void mark (struct gc *gc, const char *ref, uint64_t epoch, struct buf *redo)
{
    content_mark (gc->kvs->content, ref, epoch);
    if (batcher_has_store (gc->kvs->batcher))
        redo_touch_blob (redo, ref, epoch);
}

void gc_keep (struct gc *gc, const char *ref, struct buf *redo)
{
    mark (gc, ref, gc->epoch, redo);
}

/* -- tasks -------------------------------------------------------------------- */

static void task_free (struct task *t)
{
    list_del (&t->node);
    while (t->depth > 0)
        tnode_unref (t->level[--t->depth].dir);
    for (size_t i = 0; i < t->nroots; i++)
        tnode_unref (t->root[i]);
    rfc11_job_free (t->job);
    free (t->level);
    free (t->root);
    json_decref (t->seen[0]);
    json_decref (t->seen[1]);
    flux_msg_decref (t->msg);
    free (t);
}

static void task_end (struct task *t, int rc)
{
    if (rc < 0)
        kvs_respond_error (t->h, t->msg, rc, NULL);
    else
        t->end (t, rc);
    task_free (t);
}

static uint64_t now_usec (void)
{
    struct timespec ts;
    clock_gettime (CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void turn_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);

/* A timer, as descriptors have their turn before it: what is due is run many times before
 * (core/due.h). */
static int next_turn (struct gc *gc)
{
    if (!gc->turn
        && !(gc->turn = flux_timer_watcher_create (gc->kvs->reactor, 0., 0., turn_cb, gc)))
        return -ENOMEM;
    flux_timer_watcher_reset (gc->turn, 0., 0.);
    flux_watcher_start (gc->turn);
    return 0;
}

/* A slice of the task.  1: there is more to do. */
static int work (struct task *t)
{
    uint64_t stop = now_usec () + SLICE_USEC;
    int rc;
    while ((rc = t->step (t)) == 1 && now_usec () < stop)
        ;
    if (rc == 1 && (rc = next_turn (t->gc)) == 0)
        return 1;
    task_end (t, rc);
    return 0;
}

static void turn_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct gc *gc = arg;
    struct task *t;
    (void)r;
    (void)w;
    (void)revents;
    if (list_empty (&gc->tasks))
        return;
    t = list_entry (list_first (&gc->tasks), struct task, node);
    if (work (t)) {
        list_del (&t->node);
        list_append (&gc->tasks, &t->node);
    }
    if (!list_empty (&gc->tasks) && next_turn (gc) < 0)
        gc_flush (gc, NULL);
}

static struct task *task_new (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    struct task *t = calloc (1, sizeof (*t));
    if (t) {
        t->gc = kvs->gc;
        t->h = h;
        t->msg = flux_msg_incref (msg);
        list_append (&kvs->gc->tasks, &t->node);
    }
    return t;
}

void gc_flush (struct gc *gc, const flux_t *h)
{
    list_foreach (&gc->tasks, n) {
        struct task *t = list_entry (n, struct task, node);
        if (!h || t->h == h)
            task_end (t, -ENOSYS);
    }
}

/* -- roots -------------------------------------------------------------------- */

static int push (struct task *t, const struct tnode *dir)
{
    if (t->depth == t->size) {
        size_t size = t->size ? 2 * t->size : 8;
        struct level *x = realloc (t->level, size * sizeof (*x));
        if (!x)
            return -ENOMEM;
        t->level = x;
        t->size = size;
    }
    struct level *l = &t->level[t->depth++];
    l->dir = tnode_ref (dir);
    tdir_iter_init (&l->it, dir);
    return 1;
}

/* Directories and large values are blobs in RFC 11 form, if somebody asks. */
static void count (struct task *t, size_t blobs)
{
    if (t->next <= t->heads)
        t->marked += blobs;
}

static void mark_pin (struct task *t, const char *ref)
{
    content_mark (t->gc->kvs->content, ref, t->epoch);
}

static int visit_ref (struct task *t, const struct tnode *n)
{
    json_t *seen = t->seen[tnode_is_dir (n)];
    for (size_t i = 0; i < tref_count (n); i++)
        if (json_object_set_new (seen, tref_get (n, i), json_null ()) < 0)
            return -ENOMEM;
    return 1;
}

/* What is below a frozen directory was given out only if it was. */
static int visit_cold (struct task *t, const struct tnode *n)
{
    struct kvs *kvs = t->gc->kvs;
    char room[72];
    int rc = 0;
    if (tcold_mem (n))
        return push (t, tcold_mem (n));
    const char *ref = rfc11_dir_ref (n, kvs->hashtype, room);
    if (!ref || !content_pinned_dir (kvs->content, ref))
        return 1;
    mark_pin (t, ref);
    struct tnode *dir = content_load_node (kvs->content, n, &rc);
    if (!dir)
        return rc;
    if ((rc = rfc11_compute (kvs->hashtype, dir)) == 0)
        rc = push (t, dir);
    tnode_unref (dir);
    return rc;
}

static int visit (struct task *t, const struct tnode *n)
{
    char ref[72];
    switch (tnode_kind (n)) {
    case TNODE_REF:
        return visit_ref (t, n);
    case TNODE_COLD:
        count (t, 1);
        return visit_cold (t, n);
    case TNODE_DIR:
        count (t, 1);
        if (tnode_cached_ref (n))
            mark_pin (t, tnode_cached_ref (n));
        return push (t, n);
    case TNODE_VAL:
        count (t, rfc11_val_blobs (n));
        if (tnode_cached_ref (n))
            for (size_t i = 0; rfc11_val_ref (n, i, ref) == 0; i++)
                mark_pin (t, ref);
        return 1;
    default:
        return 1;
    }
}

/* A pin is found by its reference, so all that there are must be known. */
static int next_root (struct task *t)
{
    struct kvs *kvs = t->gc->kvs;
    int rc;
    if (t->next == t->nroots)
        return 0;
    if (!t->job && !(t->job = rfc11_job_new (kvs->hashtype, t->root[t->next])))
        return -ENOMEM;
    if ((rc = rfc11_job_step (t->job, SLICE_USEC / 2)) != 0)
        return rc;
    rfc11_job_free (t->job);
    t->job = NULL;
    return visit (t, t->root[t->next++]);
}

static int roots_step (struct task *t)
{
    const char *name;
    size_t len;
    if (t->depth == 0)
        return next_root (t);
    struct level *l = &t->level[t->depth - 1];
    struct tnode *n = tdir_iter_next (&l->it, &name, &len);
    if (n)
        return visit (t, n);
    tnode_unref (l->dir);
    t->depth--;
    return 1;
}

static json_t *keys_of (json_t *o)
{
    json_t *a = json_array (), *value;
    const char *key;
    json_object_foreach (o, key, value)
        if (json_array_append_new (a, json_string (key)) < 0) {
            json_decref (a);
            return NULL;
        }
    return a;
}

/* What "content.checkpoint-get" names, but for the current root, which is here. */
static json_t *checkpoint_refs (const struct kvs *kvs)
{
    json_t *a = json_array (), *o;
    size_t i;
    json_array_foreach (kvs->checkpoints, i, o)
        if (json_array_append (a, json_object_get (o, "rootref")) < 0) {
            json_decref (a);
            return NULL;
        }
    return a;
}

static void roots_end (struct task *t, int rc)
{
    json_t *dirs = keys_of (t->seen[1]), *vals = keys_of (t->seen[0]);
    json_t *checkpoints = checkpoint_refs (t->gc->kvs);
    (void)rc;
    if (!dirs || !vals || !checkpoints)
        kvs_respond_error (t->h, t->msg, -ENOMEM, NULL);
    else if (flux_respond_pack (t->h, t->msg, "{s:O s:O s:O s:I}", "dirrefs", dirs,
                                "valrefs", vals, "checkpoints", checkpoints, "marked",
                                (json_int_t)t->marked) < 0)
        flux_log_error (t->h, "content: responding");
    json_decref (dirs);
    json_decref (vals);
    json_decref (checkpoints);
}

/* Of each namespace what readers see, and what commits are about to show them. */
static int add_roots (struct task *t, const struct kvs *kvs)
{
    struct kvsns *ns;
    t->root = calloc (2 * hash_count (kvs->namespaces), sizeof (t->root[0]));
    if (!t->root)
        return -ENOMEM;
    for (size_t pos = 0; (ns = hash_next (kvs->namespaces, &pos, NULL));)
        t->root[t->nroots++] = tnode_ref (ns->head);
    t->heads = t->nroots;
    for (size_t pos = 0; (ns = hash_next (kvs->namespaces, &pos, NULL));)
        if (ns->root && ns->root != ns->head)
            t->root[t->nroots++] = tnode_ref (ns->root);
    return 0;
}

void gc_roots_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    json_int_t epoch;
    struct task *t;
    if (flux_request_unpack (msg, NULL, "{s:I}", "epoch", &epoch) < 0 || epoch < 0) {
        kvs_respond_error (h, msg, -EPROTO, NULL);
        return;
    }
    if (!(t = task_new (kvs, h, msg))) {
        kvs_respond_error (h, msg, -ENOMEM, NULL);
        return;
    }
    t->step = roots_step;
    t->end = roots_end;
    t->epoch = (uint64_t)epoch;
    t->seen[0] = json_object ();
    t->seen[1] = json_object ();
    if (!t->seen[0] || !t->seen[1] || add_roots (t, kvs) < 0)
        task_end (t, -ENOMEM);
    else
        (void)work (t);
}

/* -- info, mark --------------------------------------------------------------- */

void gc_info_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    int64_t max;
    int rc = batcher_max_blob (kvs->batcher, &max);
    if (rc < 0)
        kvs_respond_error (h, msg, rc, NULL);
    /* what is in memory is swept with the first ids, even if there are none */
    else if (flux_respond_pack (h, msg, "{s:I s:I}", "current_epoch",
                                (json_int_t)gc_epoch (kvs->gc), "high_water",
                                (json_int_t)(max > 0 ? max : 1)) < 0)
        flux_log_error (h, "content: responding");
}

void gc_mark_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    struct change ch = CHANGE_INIT;
    json_int_t epoch;
    json_t *refs, *o;
    size_t i;
    int rc = 0;
    if (flux_request_unpack (msg, NULL, "{s:I s:o}", "epoch", &epoch, "blobrefs", &refs) < 0
        || epoch < 0 || !json_is_array (refs))
        rc = -EPROTO;
    json_array_foreach (rc == 0 ? refs : NULL, i, o) {
        if (!blobref_valid (json_string_value (o)))
            rc = -EINVAL;
        else
            mark (kvs->gc, json_string_value (o), (uint64_t)epoch, &ch.redo);
    }
    if (rc == 0 && ch.redo.failed)
        rc = -ENOMEM;
    if (rc < 0)
        kvs_respond_error (h, msg, rc, rc == -EINVAL ? "not a blobref" : NULL);
    else
        batcher_submit (kvs->batcher, &ch, h, msg, gc_mark_request);
    change_release (&ch);
}

/* -- sweep -------------------------------------------------------------------- */

static int sweep_step (struct task *t)
{
    return content_sweep (t->gc->kvs->content, &t->sweep);
}

static void answer_sweep (struct kvs *kvs, flux_t *h, const flux_msg_t *msg,
                          struct change *ch, json_int_t cursor, uint64_t deleted)
{
    int n = snprintf ((char *)ch->reply, sizeof (ch->reply),
                      "{\"cursor\":%" JSON_INTEGER_FORMAT ",\"deleted\":%" PRIu64 "}", cursor,
                      deleted);
    ch->reply_len = (size_t)n + 1;
    batcher_submit (kvs->batcher, ch, h, msg, gc_sweep_request);
}

static void sweep_end (struct task *t, int rc)
{
    struct kvs *kvs = t->gc->kvs;
    struct change ch = CHANGE_INIT;
    int64_t ids[DELETE_MAX];
    size_t count = (size_t)t->cap;
    json_int_t upto = t->high - t->cursor > t->window ? t->cursor + t->window : t->high;
    rc = batcher_old_blobs (kvs->batcher, t->cursor, upto, (int64_t)t->epoch, ids, &count);
    if (rc < 0) {
        kvs_respond_error (t->h, t->msg, rc, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++)
        redo_del_blob (&ch.redo, ids[i], t->epoch);
    if (count == (size_t)t->cap)
        upto = ids[count - 1];
    if (upto == t->high)
        gc_checkpoint (kvs->gc, &ch.redo);
    if (ch.redo.failed)
        kvs_respond_error (t->h, t->msg, -ENOMEM, NULL);
    else
        answer_sweep (kvs, t->h, t->msg, &ch, upto, t->sweep.deleted + count);
    change_release (&ch);
}

void gc_sweep_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    json_int_t epoch, cursor, high, window;
    struct task *t;
    int cap;
    if (flux_request_unpack (msg, NULL, "{s:I s:I s:I s:i s:I}", "epoch", &epoch, "cursor",
                             &cursor, "high_water", &high, "delete_cap", &cap, "window",
                             &window) < 0
        || epoch < 0 || cursor < 0 || high < cursor || cap < 1 || window < 1) {
        kvs_respond_error (h, msg, -EPROTO, NULL);
        return;
    }
    if (!(t = task_new (kvs, h, msg))) {
        kvs_respond_error (h, msg, -ENOMEM, NULL);
        return;
    }
    t->step = sweep_step;
    t->end = sweep_end;
    t->epoch = t->sweep.epoch = (uint64_t)epoch;
    t->cursor = cursor;
    t->high = high;
    t->window = window;
    t->cap = cap < DELETE_MAX ? cap : DELETE_MAX;
    if (cursor == 0)
        (void)work (t);
    else
        task_end (t, 0);
}
