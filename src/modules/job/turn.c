/* turn.c - one KVS commit for all that happened in a turn of the loop
 */
#include "modules/job/turn.h"

#include <errno.h>
#include <syslog.h>

#include "core/kvs_proto.h"

#define RETRY_SECONDS 1.
#define LAZY_SECONDS 0.005
#define LAZY_SECONDS_DURABLE 0.002

struct held {
    struct list_node node;
    struct job *job;          /* reference, or NULL */
    turn_f fn;               /* or a response: */
    void *arg;
    flux_t *h;
    const flux_msg_t *req;
    char *payload;            /* or the text of an error */
    int errnum;
};

struct extra {
    struct list_node node;
    char *value;              /* NULL: unlink */
    char key[];
};

/* A job in the commit under way. */
struct member {
    struct job *job;          /* reference */
    size_t sent;              /* its log_sent */
    bool J, jobspec, R;
};

struct turn {
    flux_t *h;
    struct jobtab *t;
    const struct turn_ops *ops;
    void *arg;
    struct list_node dirty;   /* active.dirty: what the next commit takes */
    struct list_node extra;
    struct list_node held;

    flux_kvs_txn_t *txn;      /* its memory is used again: it gets large */
    flux_future_t *f;         /* the commit under way, or NULL */
    struct member *members;
    size_t nmembers, nalloc;
    struct list_node f_extra;
    struct list_node f_held;

    flux_watcher_t *prepare;
    flux_watcher_t *timer;
    flux_watcher_t *lazy;
    bool hurry;               /* someone waits for what was gathered */
    bool urgent;              /* there is more in it than may wait for company */
    int error;
    bool durable;
    struct list_node unheld;  /* commits whose answer nothing waits for */
};

static void commit_start (struct turn *b);

static void held_free (struct jobtab *t, struct held *e)
{
    list_del (&e->node);
    job_unref (t, e->job);
    flux_msg_decref (e->req);
    free (e->payload);
    free (e);
}

static void held_respond (struct turn *b, struct held *e)
{
    int rc;

    if (e->errnum)
        rc = flux_respond_error (e->h, e->req, e->errnum, e->payload);
    else if (e->job && e->job->gone && b->error)
        rc = flux_respond_error (e->h, e->req, b->error,
                                 b->error == ENOSPC
                                 ? "no space is left to record the job: free some on the"
                                   " disk that holds statedir, then submit again" : NULL);
    else
        rc = flux_respond (e->h, e->req, e->payload);
    if (rc < 0)
        flux_log_error (b->h, "cannot respond");
}

static void held_release (struct turn *b, struct held *e)
{
    if (e->req)
        held_respond (b, e);
    else if (!e->job || !e->job->gone)
        e->fn (e->job, e->arg);
}

static bool gathering (const struct turn *b)
{
    return !list_empty (&b->dirty) || !list_empty (&b->extra);
}

bool turn_idle (const struct turn *b)
{
    return !gathering (b) && !b->f && list_empty (&b->held);
}

int turn_error (const struct turn *b)
{
    return b->error;
}

static void wake (struct turn *b);

/* Returns false if there is nothing to wait for. */
static bool hold (struct turn *b, struct held *e)
{
    if (gathering (b) || !list_empty (&b->held)) {
        list_append (&b->held, &e->node);
        wake (b);
    }
    else if (b->f)
        list_append (&b->f_held, &e->node);
    else
        return false;
    return true;
}

static void hold_or_release (struct turn *b, const struct held *src)
{
    struct held *e = malloc (sizeof (*e));

    if (!e) {
        /* Late is better than never, but early would be a lie. */
        flux_log (b->h, LOG_CRIT, "out of memory: a message is lost");
        free (src->payload);
        return;
    }
    *e = *src;
    list_init (&e->node);
    if (e->job)
        job_ref (e->job);
    if (e->req)
        flux_msg_incref (e->req);
    if (!hold (b, e)) {
        held_release (b, e);
        held_free (b->t, e);
    }
}

void turn_hold (struct turn *b, turn_f fn, struct job *job, void *arg)
{
    struct held e = { .fn = fn, .job = job, .arg = arg };

    hold_or_release (b, &e);
}

void turn_respond (struct turn *b, flux_t *h, const flux_msg_t *req, char *payload,
                    struct job *job)
{
    struct held e = { .h = h, .req = req, .payload = payload, .job = job };

    hold_or_release (b, &e);
}

void turn_respond_error (struct turn *b, flux_t *h, const flux_msg_t *req, int errnum,
                          const char *text)
{
    struct held e = { .h = h, .req = req, .errnum = errnum,
                      .payload = text ? strdup (text) : NULL };

    hold_or_release (b, &e);
}

/* A response finds its way by the routes of its request, whoever sends it. */
static void adopt (struct list_node *head, flux_t *h, flux_t *own)
{
    list_foreach (head, pos) {
        struct held *e = list_entry (pos, struct held, node);
        if (e->h == h)
            e->h = own;
    }
}

void turn_adopt (struct turn *b, flux_t *h)
{
    adopt (&b->held, h, b->h);
    adopt (&b->f_held, h, b->h);
}

/* Is there a reason to commit now? */
static bool wanted (const struct turn *b)
{
    return (b->durable && b->urgent) || b->hurry || !list_empty (&b->held);
}

static void wake (struct turn *b)
{
    if (b->f || b->error)
        return;
    if (wanted (b))
        flux_watcher_start (b->prepare);
    else if (!flux_watcher_is_active (b->lazy)) {
        flux_timer_watcher_reset (b->lazy, b->durable ? LAZY_SECONDS_DURABLE
                                                      : LAZY_SECONDS, 0.);
        flux_watcher_start (b->lazy);
    }
}

void turn_hurry (struct turn *b)
{
    b->hurry = true;
    wake (b);
}

void turn_flush (struct turn *b)
{
    if (!gathering (b))
        return;
    if (b->durable)
        turn_hurry (b);
    else if (!b->f && !b->error)
        commit_start (b);
}

void turn_dirty (struct turn *b, struct job *job, bool urgent)
{
    if (job->gone || !job->a)
        return;
    b->urgent |= urgent;
    if (list_empty (&job->a->dirty))
        list_append (&b->dirty, &job->a->dirty);
    wake (b);
}

static void extra_free (struct extra *e)
{
    list_del (&e->node);
    free (e->value);
    free (e);
}

int turn_put (struct turn *b, const char *key, const char *value)
{
    size_t n = strlen (key) + 1;
    struct extra *e = malloc (sizeof (*e) + n);

    if (!e)
        return -ENOMEM;
    e->value = value ? strdup (value) : NULL;
    if (value && !e->value) {
        free (e);
        return -ENOMEM;
    }
    memcpy (e->key, key, n);
    list_append (&b->extra, &e->node);
    b->urgent = true;
    wake (b);
    return 0;
}

/* ---- making a commit ---- */

static int put_text (flux_kvs_txn_t *txn, int flags, char *key, size_t prefix,
                     size_t size, const char *name, const char *text, size_t len)
{
    snprintf (key + prefix, size - prefix, ".%s", name);
    return flux_kvs_txn_put_raw (txn, flags, key, text, len);
}

static int put_job (flux_kvs_txn_t *txn, struct member *m)
{
    struct active *a = m->job->a;
    const char *text;
    char key[64];
    int n = flux_job_kvs_key (key, sizeof (key), m->job->id, NULL);
    size_t len;

    if (m->J && put_text (txn, 0, key, n, sizeof (key), "J", a->J, strlen (a->J)) < 0)
        return -1;
    if (m->jobspec) {
        text = jobdoc_text (a->base ? a->base : a->doc, &len);
        if (!text || put_text (txn, 0, key, n, sizeof (key), "jobspec", text, len) < 0)
            return -1;
    }
    if (m->R && put_text (txn, 0, key, n, sizeof (key), "R", a->R, strlen (a->R)) < 0)
        return -1;
    if (m->sent == a->log_sent)
        return 0;
    return put_text (txn, FLUX_KVS_APPEND, key, n, sizeof (key), "eventlog",
                     a->log.data + a->log_sent, m->sent - a->log_sent);
}

static int grow (struct turn *b)
{
    size_t n = b->nalloc ? 2 * b->nalloc : 64;
    struct member *new = realloc (b->members, n * sizeof (*new));

    if (!new)
        return -1;
    b->members = new;
    b->nalloc = n;
    return 0;
}

/* Move what was gathered into the commit. */
static int take_jobs (struct turn *b, flux_kvs_txn_t *txn)
{
    list_foreach (&b->dirty, pos) {
        struct active *a = list_entry (pos, struct active, dirty);
        struct member *m;
        if (b->nmembers == b->nalloc && grow (b) < 0)
            return -1;
        m = &b->members[b->nmembers];
        *m = (struct member){ .job = a->job, .sent = a->log.len, .J = a->put_J,
                              .jobspec = a->put_jobspec, .R = a->put_R };
        if (put_job (txn, m) < 0)
            return -1;
        job_ref (m->job);
        b->nmembers++;
        a->log_sent = m->sent;
        a->put_J = a->put_jobspec = a->put_R = false;
        list_del (&a->dirty);
    }
    return 0;
}

static int take_extra (struct turn *b, flux_kvs_txn_t *txn)
{
    list_foreach (&b->extra, pos) {
        struct extra *e = list_entry (pos, struct extra, node);
        if ((e->value ? flux_kvs_txn_put (txn, 0, e->key, e->value)
                      : flux_kvs_txn_unlink (txn, 0, e->key)) < 0)
            return -1;
        list_del (&e->node);
        list_append (&b->f_extra, &e->node);
    }
    return 0;
}

static void move_list (struct list_node *from, struct list_node *to)
{
    list_foreach (from, pos) {
        list_del (pos);
        list_append (to, pos);
    }
}

/* ---- its answer ---- */

static void members_release (struct turn *b)
{
    for (size_t i = 0; i < b->nmembers; i++)
        job_unref (b->t, b->members[i].job);
    b->nmembers = 0;
}

static void members_committed (struct turn *b)
{
    for (size_t i = 0; i < b->nmembers; i++) {
        struct member *m = &b->members[i];
        struct active *a = m->job->a;
        size_t from;
        if (!a || m->job->gone)
            continue;
        if (m->J) {
            free (a->J);
            a->J = NULL;
        }
        from = a->log_committed;
        a->log_committed = m->sent;
        if (b->ops->committed && from < m->sent)
            b->ops->committed (m->job, from, b->arg);
    }
}

static void commit_done (struct turn *b)
{
    struct list_node held;

    b->error = 0;
    members_committed (b);
    members_release (b);
    list_foreach (&b->f_extra, pos)
        extra_free (list_entry (pos, struct extra, node));
    /* what is released may hold again: with the next commit */
    list_init (&held);
    move_list (&b->f_held, &held);
    list_foreach (&held, pos) {
        struct held *e = list_entry (pos, struct held, node);
        held_release (b, e);
        held_free (b->t, e);
    }
}

/* New jobs are undone, all else is gathered again, before what came since. */
static void members_failed (struct turn *b)
{
    for (size_t i = b->nmembers; i-- > 0;) {
        struct member *m = &b->members[i];
        struct active *a = m->job->a;
        if (!a || m->job->gone)
            continue;
        if (a->log_committed == 0) {
            if (b->ops->undone)
                b->ops->undone (m->job, b->arg);
            continue;
        }
        a->log_sent = a->log_committed;
        a->put_J |= m->J;
        a->put_jobspec |= m->jobspec;
        a->put_R |= m->R;
        list_del (&a->dirty);
        list_prepend (&b->dirty, &a->dirty);
    }
    members_release (b);
}

static void held_failed (struct turn *b)
{
    struct list_node keep;

    list_init (&keep);
    list_foreach (&b->f_held, pos) {
        struct held *e = list_entry (pos, struct held, node);
        if (e->job && e->job->gone) {
            held_release (b, e);
            held_free (b->t, e);
        }
        else {
            list_del (pos);
            list_append (&keep, pos);
        }
    }
    move_list (&b->held, &keep);
    move_list (&keep, &b->held);
}

static void commit_failed (struct turn *b, int errnum, const char *text)
{
    if (b->error != errnum)
        flux_log (b->h, LOG_ERR, "recording job events: %s: trying again each second",
                  text ? text : flux_strerror (errnum));
    b->error = errnum;
    b->urgent = true;
    members_failed (b);
    move_list (&b->extra, &b->f_extra);
    move_list (&b->f_extra, &b->extra);
    held_failed (b);
    flux_timer_watcher_reset (b->timer, RETRY_SECONDS, 0.);
    flux_watcher_start (b->timer);
}

static void commit_continuation (flux_future_t *f, void *arg)
{
    struct turn *b = arg;
    int rc = flux_future_get (f, NULL), errnum = errno;

    b->f = NULL;
    if (rc < 0)
        commit_failed (b, errnum, flux_future_error_string (f));
    else
        commit_done (b);
    flux_future_destroy (f);
    if (gathering (b))
        wake (b);
    else if (!b->f && !b->error) {
        /* held, but what it waited for failed or is done */
        move_list (&b->held, &b->f_held);
        commit_done (b);
    }
}

/* The commit of an instance that keeps nothing: it fails only for want of memory. */
struct unheld {
    struct list_node node;     /* turn.unheld */
    struct turn *b;
    flux_future_t *f;
};

static void unheld_free (struct unheld *u)
{
    list_del (&u->node);
    flux_future_destroy (u->f);
    free (u);
}

static void unheld_continuation (flux_future_t *f, void *arg)
{
    struct unheld *u = arg;

    if (flux_future_get (f, NULL) < 0)
        flux_log (u->b->h, LOG_ERR, "recording job events: %s", future_strerror (f, errno));
    unheld_free (u);
}

/* The KVS takes the commit before anything that is sent after it, so that who acts
 * on what is released finds it there: no need to wait for the answer. */
static void release_unheld (struct turn *b)
{
    struct unheld *u = malloc (sizeof (*u));

    if (u) {
        *u = (struct unheld){ .b = b, .f = b->f };
        list_append (&b->unheld, &u->node);
        if (flux_future_then (u->f, -1., unheld_continuation, u) < 0)
            unheld_free (u);
    }
    else
        flux_future_destroy (b->f);
    b->f = NULL;
    commit_done (b);
}

static void commit_start (struct turn *b)
{
    flux_kvs_txn_t *txn = b->txn;

    b->hurry = b->urgent = false;
    (void)flux_kvs_txn_clear (txn);
    if (take_jobs (b, txn) == 0 && take_extra (b, txn) == 0) {
        move_list (&b->held, &b->f_held);
        b->f = flux_kvs_commit (b->h, KVS_PRIMARY_NAMESPACE, KVS_COMMIT_NOREF, txn);
        if (b->f && !b->durable) {
            release_unheld (b);
            return;
        }
        if (b->f && flux_future_then (b->f, -1., commit_continuation, b) < 0) {
            flux_future_destroy (b->f);
            b->f = NULL;
        }
    }
    if (!b->f)
        commit_failed (b, errno ? errno : ENOMEM, NULL);
}

/* What is gathered and not wanted waits for the timer. */
static void wake_rest (struct turn *b)
{
    if (gathering (b))
        wake (b);
}

static void prepare_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct turn *b = arg;

    flux_watcher_stop (w);
    /* what is released may gather more, and the loop sleeps after this */
    while (!b->f && !b->error && gathering (b) && wanted (b))
        commit_start (b);
    wake_rest (b);
}

static void lazy_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    turn_flush (arg);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct turn *b = arg;

    if (b->f)
        return;
    if (gathering (b))
        commit_start (b);
    else {
        b->error = 0;
        move_list (&b->held, &b->f_held);
        commit_done (b);
    }
}

struct turn *turn_new (flux_t *h, struct jobtab *t, const struct turn_ops *ops,
                         void *arg)
{
    flux_reactor_t *r = flux_get_reactor (h);
    struct turn *b = calloc (1, sizeof (*b));

    if (!b)
        return NULL;
    *b = (struct turn){ .h = h, .t = t, .ops = ops, .arg = arg, .durable = true };
    list_init (&b->dirty);
    list_init (&b->extra);
    list_init (&b->held);
    list_init (&b->f_extra);
    list_init (&b->f_held);
    list_init (&b->unheld);
    if (!(b->txn = flux_kvs_txn_create ())
        || !(b->prepare = flux_prepare_watcher_create (r, prepare_cb, b))
        || !(b->timer = flux_timer_watcher_create (r, RETRY_SECONDS, 0., timer_cb, b))
        || !(b->lazy = flux_timer_watcher_create (r, LAZY_SECONDS, 0., lazy_cb, b))) {
        turn_free (b);
        return NULL;
    }
    return b;
}

void turn_set_durable (struct turn *b, bool durable)
{
    b->durable = durable;
}

bool turn_durable (const struct turn *b)
{
    return b->durable;
}

static void leave (struct turn *b, struct list_node *head)
{
    list_foreach (head, pos) {
        struct held *e = list_entry (pos, struct held, node);
        if (!e->req) {
            held_free (b->t, e);
            continue;
        }
        list_del (pos);
        list_append (&b->t->unanswered, pos);
    }
}

void turn_resume (struct turn *b)
{
    list_foreach (&b->t->unanswered, pos) {
        struct held *e = list_entry (pos, struct held, node);
        list_del (pos);
        e->h = b->h;
        if (!hold (b, e)) {
            held_release (b, e);
            held_free (b->t, e);
        }
    }
}

void turn_drop_left (struct jobtab *t)
{
    list_foreach (&t->unanswered, pos)
        held_free (t, list_entry (pos, struct held, node));
}

void turn_free (struct turn *b)
{
    if (!b)
        return;
    flux_watcher_destroy (b->prepare);
    flux_watcher_destroy (b->timer);
    flux_watcher_destroy (b->lazy);
    flux_future_destroy (b->f);
    flux_kvs_txn_destroy (b->txn);
    list_foreach (&b->unheld, pos)
        unheld_free (list_entry (pos, struct unheld, node));
    leave (b, &b->f_held);
    leave (b, &b->held);
    list_foreach (&b->extra, pos)
        extra_free (list_entry (pos, struct extra, node));
    list_foreach (&b->f_extra, pos)
        extra_free (list_entry (pos, struct extra, node));
    for (size_t i = 0; i < b->nmembers; i++) {
        if (b->members[i].job->a)
            b->members[i].job->a->log_committed = b->members[i].sent;
    }
    list_foreach (&b->dirty, pos)
        list_del (pos);
    members_release (b);
    free (b->members);
    free (b);
}
