/* reslog.c - the resource eventlog
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "modules/resource/reslog.h"
#include "spec/eventlog.h"

struct batch {
    flux_kvs_txn_t *txn;
    struct flux_msglist *waiters;
};

struct reslog {
    flux_t *h;
    json_t *events;
    json_t *journal_R;
    json_t *kept;                   /* posted to the KVS before the journal opened */
    int max;
    bool open;                      /* journal requests are answered */
    struct flux_msglist *journal;   /* streams */
    struct batch next;
    struct batch active;
    flux_future_t *commit;          /* of 'active' */
    flux_watcher_t *timer;          /* end of this turn of the loop */
};

static void start_commit (struct reslog *l);

/* -- batches -- */

static int batch_init (struct batch *b)
{
    b->txn = flux_kvs_txn_create ();
    b->waiters = flux_msglist_create ();
    return b->txn && b->waiters ? 0 : -ENOMEM;
}

static void respond_waiters (struct reslog *l, struct batch *b, int errnum,
                             const char *text)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (b->waiters))) {
        int rc = errnum ? flux_respond_error (l->h, msg, errnum, text)
                        : flux_respond (l->h, msg, NULL);

        if (rc < 0)
            flux_log_error (l->h, "resource: error responding");
        flux_msg_decref (msg);
    }
}

static void batch_release (struct reslog *l, struct batch *b)
{
    if (b->waiters)
        respond_waiters (l, b, ENOSYS, NULL);
    flux_msglist_destroy (b->waiters);
    flux_kvs_txn_destroy (b->txn);
    b->waiters = NULL;
    b->txn = NULL;
}

/* An instance without a KVS has nothing to lose. */
static void committed (flux_future_t *f, void *arg)
{
    struct reslog *l = arg;
    int errnum = 0;

    if (flux_future_get (f, NULL) < 0 && errno != ENOSYS) {
        errnum = errno;
        flux_log (l->h, LOG_ERR, "resource.eventlog: %s", future_strerror (f, errno));
    }
    respond_waiters (l, &l->active, errnum,
                     "the change could not be recorded in the KVS");
    flux_kvs_txn_clear (l->active.txn);
    flux_future_destroy (f);
    l->commit = NULL;
    start_commit (l);
}

static void start_commit (struct reslog *l)
{
    struct batch tmp = l->next;

    if (l->commit)
        return;
    if (flux_kvs_txn_is_empty (l->next.txn)) {
        respond_waiters (l, &l->next, 0, NULL);
        return;
    }
    if (!(l->commit = flux_kvs_commit (l->h, NULL, 0, l->next.txn))
        || flux_future_then (l->commit, -1., committed, l) < 0) {
        flux_log_error (l->h, "resource.eventlog: commit");
        respond_waiters (l, &l->next, errno, "the change could not be recorded in "
                                             "the KVS");
        flux_future_destroy (l->commit);
        l->commit = NULL;
        return;
    }
    l->next = l->active;
    l->active = tmp;
}

static void turn_ended (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    start_commit (arg);
}

static void schedule_commit (struct reslog *l)
{
    if (!flux_watcher_is_active (l->timer)) {
        flux_timer_watcher_reset (l->timer, 0., 0.);
        flux_watcher_start (l->timer);
    }
}

/* -- life -- */

struct reslog *reslog_new (flux_t *h, int journal_max)
{
    struct reslog *l = calloc (1, sizeof (*l));

    if (!l)
        return NULL;
    l->h = h;
    l->max = journal_max;
    if (!(l->events = json_array ()) || !(l->kept = json_array ()) || batch_init (&l->next) < 0
        || batch_init (&l->active) < 0 || !(l->journal = flux_msglist_create ())
        || !(l->timer = flux_timer_watcher_create (flux_get_reactor (h), 0., 0.,
                                                   turn_ended, l))) {
        reslog_free (l);
        errno = ENOMEM;
        return NULL;
    }
    return l;
}

void reslog_free (struct reslog *l)
{
    const flux_msg_t *msg;

    if (!l)
        return;
    /* what was posted in this turn still goes to the KVS, unanswered */
    if (l->timer && l->next.txn && !flux_kvs_txn_is_empty (l->next.txn))
        flux_future_destroy (flux_kvs_commit (l->h, NULL, 0, l->next.txn));
    flux_watcher_destroy (l->timer);
    flux_future_destroy (l->commit);
    batch_release (l, &l->next);
    batch_release (l, &l->active);
    while (l->journal && (msg = flux_msglist_pop (l->journal))) {
        flux_respond_error (l->h, msg, ENOSYS, NULL);
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (l->journal);
    json_decref (l->events);
    json_decref (l->journal_R);
    json_decref (l->kept);
    free (l);
}

/* -- memory -- */

/* Replace the oldest events by one that says so. */
static void truncate_events (struct reslog *l)
{
    size_t size = json_array_size (l->events);
    size_t drop;
    double timestamp;
    json_t *entry;

    if (size <= (size_t)l->max)
        return;
    drop = size - (size_t)l->max + 1;
    if (eventlog_entry_parse (json_array_get (l->events, drop - 1), &timestamp, NULL,
                              NULL) < 0
        || !(entry = eventlog_entry_create (timestamp, "truncate", NULL)))
        return;
    while (--drop > 0)
        json_array_remove (l->events, 0);
    json_array_set_new (l->events, 0, entry);
}

int reslog_load (struct reslog *l, const json_t *entries)
{
    json_t *all = json_copy ((json_t *)entries);

    if (!all || json_array_extend (all, l->events) < 0) {
        json_decref (all);
        return -ENOMEM;
    }
    json_decref (l->events);
    l->events = all;
    truncate_events (l);
    return 0;
}

void reslog_set_max (struct reslog *l, int journal_max)
{
    l->max = journal_max;
    truncate_events (l);
}

void reslog_set_journal_R (struct reslog *l, json_t *R)
{
    json_incref (R);
    json_decref (l->journal_R);
    l->journal_R = R;
}

/* -- journal -- */

static bool has_define (const json_t *events)
{
    size_t index;
    json_t *entry;

    json_array_foreach ((json_t *)events, index, entry) {
        const char *name = json_string_value (json_object_get (entry, "name"));

        if (name && strcmp (name, "resource-define") == 0)
            return true;
    }
    return false;
}

static int send_events (struct reslog *l, const flux_msg_t *msg, json_t *events)
{
    if (l->journal_R && has_define (events))
        return flux_respond_pack (l->h, msg, "{s:O s:O}", "events", events, "R",
                                  l->journal_R);
    return flux_respond_pack (l->h, msg, "{s:O}", "events", events);
}

static void send_history (struct reslog *l, const flux_msg_t *msg)
{
    if ((json_array_size (l->events) > 0 && send_events (l, msg, l->events) < 0)
        || flux_respond_pack (l->h, msg, "{s:[]}", "events") < 0)
        flux_log_error (l->h, "resource.journal: error responding");
}

void reslog_open_journal (struct reslog *l)
{
    const flux_msg_t *msg = flux_msglist_first (l->journal);

    if (l->open)
        return;
    l->open = true;
    json_decref (l->kept);
    l->kept = NULL;
    for (; msg; msg = flux_msglist_next (l->journal))
        send_history (l, msg);
}

void reslog_journal (struct reslog *l, const flux_msg_t *msg)
{
    if (!flux_msg_is_streaming (msg)) {
        flux_respond_error (l->h, msg, EPROTO, "resource.journal is a streaming request");
        return;
    }
    if (flux_msglist_append (l->journal, msg) < 0) {
        flux_respond_error (l->h, msg, errno, NULL);
        return;
    }
    if (l->open)
        send_history (l, msg);
}

void reslog_journal_cancel (struct reslog *l, const flux_msg_t *msg)
{
    const flux_msg_t *req = flux_msglist_first (l->journal);

    for (; req; req = flux_msglist_next (l->journal)) {
        if (flux_cancel_match (msg, req)) {
            flux_respond_error (l->h, req, ENODATA, NULL);
            flux_msglist_delete (l->journal);
            return;
        }
    }
}

void reslog_disconnect (struct reslog *l, const flux_msg_t *msg)
{
    flux_msglist_disconnect (l->journal, msg);
    flux_msglist_disconnect (l->next.waiters, msg);
    flux_msglist_disconnect (l->active.waiters, msg);
}

static void publish (struct reslog *l, json_t *entry)
{
    const flux_msg_t *msg = flux_msglist_first (l->journal);
    json_t *events = msg && l->open ? json_pack ("[O]", entry) : NULL;

    for (; msg && events; msg = flux_msglist_next (l->journal)) {
        if (send_events (l, msg, events) < 0)
            flux_log_error (l->h, "resource.journal: error responding");
    }
    json_decref (events);
}

/* -- posting -- */

static int put_entry (struct reslog *l, const json_t *entry)
{
    char *s = eventlog_entry_encode (entry);
    int rc = s ? flux_kvs_txn_put (l->next.txn, FLUX_KVS_APPEND, "resource.eventlog", s)
               : -1;

    free (s);
    if (rc < 0 || (l->kept && json_array_append (l->kept, (json_t *)entry) < 0))
        return -errno;
    schedule_commit (l);
    return 0;
}

int reslog_post (struct reslog *l, double timestamp, const char *name,
                 json_t *context, bool keep)
{
    json_t *entry = eventlog_entry_create (timestamp, name, context);
    int rc = 0;

    json_decref (context);
    if (!entry || json_array_append (l->events, entry) < 0) {
        json_decref (entry);
        return -ENOMEM;
    }
    truncate_events (l);
    publish (l, entry);
    if (keep)
        rc = put_entry (l, entry);
    json_decref (entry);
    return rc;
}

int reslog_put_R (struct reslog *l, const char *R)
{
    if (flux_kvs_txn_put (l->next.txn, 0, "resource.R", R) < 0)
        return -errno;
    schedule_commit (l);
    return 0;
}

int reslog_rewrite (struct reslog *l, const json_t *entries)
{
    json_t *all = json_copy ((json_t *)entries);
    char *s = NULL;
    int rc = -1;

    if (all && (!l->kept || json_array_extend (all, l->kept) == 0)
        && (s = eventlog_encode (all)))
        rc = flux_kvs_txn_put (l->next.txn, 0, "resource.eventlog", s);
    free (s);
    json_decref (all);
    if (rc < 0)
        return -errno;
    schedule_commit (l);
    return 0;
}

void reslog_respond (struct reslog *l, const flux_msg_t *msg)
{
    if (flux_msglist_append (l->next.waiters, msg) < 0) {
        flux_respond_error (l->h, msg, errno, NULL);
        return;
    }
    schedule_commit (l);
}
