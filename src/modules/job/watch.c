/* watch.c - the job-info service: following eventlogs and updates
 *
 *   "eventlog" of an active job    from the table: fed by each commit
 *   any other key                  a KVS watch, which is cancelled when the job
 *                                  is inactive; what it sent before that is all
 *   of an inactive job             one look-up
 *
 * All end with ENODATA.
 */
#include <errno.h>
#include <inttypes.h>

#include <flux/idset.h>

#include "modules/job/info_private.h"
#include "spec/eventlog.h"

struct watcher {
    struct list_node node;     /* info.watchers */
    struct list_node job_node; /* active.watchers */
    struct watcher *next_tag;  /* of another sender, with the same matchtag */
    struct info *in;
    const flux_msg_t *msg;
    flux_jobid_t id;
    int flags;
    char *path;
    flux_future_t *f;          /* a KVS look-up, or NULL */
    bool watching;             /* ... that goes on */
    bool canceled;             /* ... and was cancelled since the job ended */
    bool checked;              /* what is there is an eventlog */
    int streams, closed;       /* guest.output: tasks' streams, those at eof */
};

struct update_watch {
    struct list_node node;     /* info.updates */
    const flux_msg_t *msg;
    flux_jobid_t id;
    bool R;                    /* else jobspec */
};

static uint32_t tag_of (const flux_msg_t *msg)
{
    uint32_t tag = FLUX_MATCHTAG_NONE;

    (void)flux_msg_get_matchtag (msg, &tag);
    return tag;
}

static int tag_add (struct watcher *w)
{
    w->next_tag = idhash_get (w->in->by_tag, tag_of (w->msg));
    return idhash_set (w->in->by_tag, tag_of (w->msg), w);
}

static void tag_del (struct watcher *w)
{
    struct watcher *p = idhash_get (w->in->by_tag, tag_of (w->msg));

    if (p == w && w->next_tag)
        (void)idhash_set (w->in->by_tag, tag_of (w->msg), w->next_tag);  /* replaced: no memory */
    else if (p == w)
        idhash_del (w->in->by_tag, tag_of (w->msg));
    else {
        while (p && p->next_tag != w)
            p = p->next_tag;
        if (p)
            p->next_tag = w->next_tag;
    }
}

static void watcher_free (struct watcher *w)
{
    if (w->watching && !w->canceled)
        (void)flux_kvs_lookup_cancel (w->f);
    tag_del (w);
    list_del (&w->node);
    list_del (&w->job_node);
    flux_future_destroy (w->f);
    flux_msg_decref (w->msg);
    free (w->path);
    free (w);
}

static void watcher_end (struct watcher *w, int errnum, const char *text)
{
    if (flux_respond_error (w->in->h, w->msg, errnum, text) < 0)
        flux_log_error (w->in->h, "eventlog-watch");
    watcher_free (w);
}

static void send_line (struct watcher *w, const char *line, size_t len)
{
    if (flux_respond_pack (w->in->h, w->msg, "{s:s%}", "event", line, len) < 0)
        flux_log_error (w->in->h, "eventlog-watch");
}

static void send_sentinel (struct watcher *w)
{
    if ((w->flags & FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL)
        && flux_respond_pack (w->in->h, w->msg, "{s:n}", "event") < 0)
        flux_log_error (w->in->h, "eventlog-watch");
}

/* ---- events that end an eventlog (RFC 41) ---- */

static void note_header (struct watcher *w, const json_t *context)
{
    int out = 0, err = 0;

    if (json_unpack ((json_t *)context, "{s:{s?i s?i}}", "count", "stdout", &out,
                     "stderr", &err) == 0)
        w->streams = out + err;
}

static void note_eof (struct watcher *w, const json_t *context)
{
    const json_t *rank = json_object_get (context, "rank");
    struct idset *ids;

    if (!json_is_true (json_object_get (context, "eof")))
        return;
    if (json_is_string (rank) && (ids = idset_decode (json_string_value (rank)))) {
        w->closed += (int)idset_count (ids);
        idset_destroy (ids);
    }
    else
        w->closed++;
}

static bool is_last (struct watcher *w, const char *line, size_t len)
{
    bool output = !strcmp (w->path, "guest.output"), last = false;
    const json_t *context;
    const char *name;
    json_t *e;
    double t;

    if (!strcmp (w->path, "guest.exec.eventlog"))
        return memmem (line, len, "\"name\":\"done\"", 13) != NULL;
    if (!output && strcmp (w->path, "guest.input") != 0)
        return false;
    if (!memmem (line, len, "\"eof\":true", 10)
        && !memmem (line, len, "\"name\":\"header\"", 15))
        return false;
    if (!(e = eventlog_entry_decode (line, len, NULL)))
        return false;
    if (eventlog_entry_parse (e, &t, &name, &context) == 0 && context) {
        if (!strcmp (name, "header"))
            note_header (w, context);
        else if (!strcmp (name, "data")) {
            note_eof (w, context);
            last = output ? w->streams > 0 && w->closed >= w->streams : w->closed > 0;
        }
    }
    json_decref (e);
    return last;
}

/* Each answer is one event: other keys of the job cannot be watched. */
static bool is_eventlog (const char *text, size_t len)
{
    const char *line;
    size_t pos = 0, n;
    int rc = eventlog_next_line (text, len, &pos, &line, &n);
    json_t *e = rc == 1 ? eventlog_entry_decode (line, n, NULL) : NULL;

    json_decref (e);
    return rc == 0 || e;
}

/* Returns true if the eventlog has ended, and so the watch. */
static bool send_lines (struct watcher *w, const char *text, size_t len)
{
    const char *line;
    size_t pos = 0, n;

    if (!w->checked && !is_eventlog (text, len)) {
        watcher_end (w, EINVAL, "the value of this key is not an eventlog");
        return true;
    }
    w->checked = true;
    while (eventlog_next_line (text, len, &pos, &line, &n) == 1) {
        send_line (w, line, n);
        if (is_last (w, line, n)) {
            watcher_end (w, ENODATA, NULL);
            return true;
        }
    }
    return false;
}

/* ---- the primary eventlog of an active job ---- */

static bool log_complete (const struct job *job)
{
    return job->st.state == FLUX_JOB_STATE_INACTIVE
           && job->a->log_committed == job->a->log.len;
}

static void watch_active (struct watcher *w, struct job *job)
{
    struct active *a = job->a;

    (void)send_lines (w, a->log.data, a->log_committed);
    send_sentinel (w);
    if (log_complete (job))
        watcher_end (w, ENODATA, NULL);
    else
        list_append (&a->watchers, &w->job_node);
}

/* KVS watches of a job that has ended: what they have is complete. */
static void kvs_watch_end (struct watcher *w)
{
    list_del (&w->job_node);   /* the active part of the job goes */
    if (w->watching && !w->canceled && flux_kvs_lookup_cancel (w->f) == 0)
        w->canceled = true;
}

static void updates_end (struct info *in, flux_jobid_t id)
{
    list_foreach (&in->updates, pos) {
        struct update_watch *u = list_entry (pos, struct update_watch, node);
        if (u->id != id)
            continue;
        flux_respond_error (in->h, u->msg, ENODATA, NULL);
        list_del (pos);
        flux_msg_decref (u->msg);
        free (u);
    }
}

void info_committed (struct jobtab *t, struct job *job, size_t from)
{
    struct active *a = job->a;
    bool complete = log_complete (job);

    list_foreach (&a->watchers, pos) {
        struct watcher *w = list_entry (pos, struct watcher, job_node);
        if (!w->f) {
            (void)send_lines (w, a->log.data + from, a->log_committed - from);
            if (complete)
                watcher_end (w, ENODATA, NULL);
        }
        else if (complete)
            kvs_watch_end (w);
    }
    if (complete && t->info)
        updates_end (t->info, job->id);
}

void info_job_gone (struct jobtab *t, struct job *job)
{
    if (job->a) {
        list_foreach (&job->a->watchers, pos) {
            struct watcher *w = list_entry (pos, struct watcher, job_node);
            watcher_end (w, ENODATA, NULL);
        }
    }
    if (t->info)
        updates_end (t->info, job->id);
}

/* ---- other keys, other jobs: from the KVS ---- */

static void lookup_continuation (flux_future_t *f, void *arg)
{
    struct watcher *w = arg;
    const char *text;

    if (flux_kvs_lookup_get (f, &text) < 0) {
        /* waiting for a key that can never be created any more */
        bool never = errno == ENOENT && (w->flags & FLUX_JOB_EVENT_WATCH_WAITCREATE);
        watcher_end (w, never ? ENODATA : errno, NULL);
        return;
    }
    if (text && send_lines (w, text, strlen (text)))
        return;
    send_sentinel (w);
    watcher_end (w, ENODATA, NULL);
}

static void watch_continuation (flux_future_t *f, void *arg)
{
    struct watcher *w = arg;
    const char *text;

    if (flux_kvs_lookup_get (f, &text) < 0) {
        w->watching = false;
        watcher_end (w, errno == ECANCELED ? ENODATA : errno, NULL);
        return;
    }
    if (!text)
        send_sentinel (w);
    else if (send_lines (w, text, strlen (text)))
        return;
    flux_future_reset (f);
}

static int watch_kvs (struct watcher *w, struct job *job)
{
    bool over = !job->a || log_complete (job);
    int flags = over ? 0 : FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND;
    char key[1024];

    if (strlen (w->path) > 900
        || flux_job_kvs_key (key, sizeof (key), job->id, w->path) < 0)
        return -EINVAL;
    if (!over && (w->flags & FLUX_JOB_EVENT_WATCH_WAITCREATE))
        flags |= FLUX_KVS_WAITCREATE;
    if (!over && (w->flags & FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL))
        flags |= FLUX_KVS_WATCH_INITIAL_SENTINEL;
    w->f = flux_kvs_lookup (w->in->h, KVS_PRIMARY_NAMESPACE, flags, key);
    if (!w->f || flux_future_then (w->f, -1., over ? lookup_continuation
                                                   : watch_continuation, w) < 0)
        return -errno;
    if (!over) {
        w->watching = true;
        list_append (&job->a->watchers, &w->job_node);
    }
    return 0;
}

void eventlog_watch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const int known = FLUX_JOB_EVENT_WATCH_WAITCREATE
                      | FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL;
    struct info *in = arg;
    struct watcher *w;
    struct job *job;
    json_int_t id;
    const char *path;
    int flags, rc;

    if (jobtab_defer (in->t, h, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:s s:i}", "id", &id, "path", &path,
                             "flags", &flags) < 0
        || (flags & ~known) || !*path) {
        info_error (in, msg, EPROTO, "malformed request, or unknown flags");
        return;
    }
    if (!flux_msg_is_streaming (msg)) {
        info_error (in, msg, EPROTO, "eventlog-watch is a streaming RPC");
        return;
    }
    if (!(job = info_request_job (in, msg, id)))
        return;
    if (in->t->mgr)
        turn_flush (in->t->mgr->turn);
    if (!(w = calloc (1, sizeof (*w))) || !(w->path = strdup (path))) {
        free (w);
        info_error (in, msg, ENOMEM, NULL);
        return;
    }
    w->in = in;
    w->msg = flux_msg_incref (msg);
    w->id = id;
    w->flags = flags;
    list_init (&w->job_node);
    list_append (&in->watchers, &w->node);
    if (tag_add (w) < 0) {
        watcher_end (w, ENOMEM, NULL);
        return;
    }
    if (job->a && !strcmp (path, "eventlog"))
        watch_active (w, job);
    else if ((rc = watch_kvs (w, job)) < 0)
        watcher_end (w, -rc, NULL);
}

void eventlog_watch_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct info *in = arg;
    struct watcher *w;
    json_int_t tag;

    if (flux_request_unpack (msg, NULL, "{s:I}", "matchtag", &tag) < 0)
        return;
    for (w = idhash_get (in->by_tag, tag); w; w = w->next_tag) {
        if (flux_cancel_match (msg, w->msg)) {
            watcher_end (w, ENODATA, NULL);
            return;
        }
    }
}

/* ---- updates of jobspec and R ---- */

static json_t *update_value (struct job *job, bool R)
{
    char *text;
    json_t *o;

    if (!job->a)
        return NULL;
    if (!R) {
        text = NULL;
        o = json_loads (jobdoc_text (job->a->doc, NULL), 0, NULL);
    }
    else {
        if (!(text = job_get_R (job)))
            return NULL;
        o = json_loads (text, 0, NULL);
    }
    free (text);
    return o;
}

/* The job of a request {"id", "key": "R" | "jobspec", "flags"}. */
static struct job *update_request (struct info *in, const flux_msg_t *msg, bool *R)
{
    json_int_t id;
    const char *key;
    int flags = 0;

    if (flux_request_unpack (msg, NULL, "{s:I s:s s?i}", "id", &id, "key", &key,
                             "flags", &flags) < 0 || flags
        || (strcmp (key, "R") && strcmp (key, "jobspec"))) {
        info_error (in, msg, EPROTO, "key must be R or jobspec, flags 0");
        return NULL;
    }
    *R = *key == 'R';
    return info_request_job (in, msg, id);
}

static void send_update (struct info *in, const flux_msg_t *msg, struct job *job, bool R)
{
    json_t *val = update_value (job, R);

    if (val)
        info_answer (in, msg, json_pack ("{s:I s:o}", "id", (json_int_t)job->id,
                                         R ? "R" : "jobspec", val));
}

void update_lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct info *in = arg;
    struct job *job;
    bool R;

    if (jobtab_defer (in->t, h, msg) || !(job = update_request (in, msg, &R)))
        return;
    if (!job->a || (R && !job->a->R))
        info_error (in, msg, ENOENT, !job->a ? "job is inactive: use job-info.lookup"
                                             : "job has no resources yet");
    else
        send_update (in, msg, job, R);
}

void update_watch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct info *in = arg;
    struct update_watch *u;
    bool R;
    struct job *job;

    if (jobtab_defer (in->t, h, msg))
        return;
    if (!flux_msg_is_streaming (msg)) {
        info_error (in, msg, EPROTO, "update-watch is a streaming RPC");
        return;
    }
    if (!(job = update_request (in, msg, &R)))
        return;
    if (!job->a) {
        info_error (in, msg, ENODATA, NULL);
        return;
    }
    if (R && !job->a->R) {
        info_error (in, msg, ENOENT, "job has no resources yet");
        return;
    }
    if (!(u = calloc (1, sizeof (*u)))) {
        info_error (in, msg, ENOMEM, NULL);
        return;
    }
    u->msg = flux_msg_incref (msg);
    u->id = job->id;
    u->R = R;
    list_append (&in->updates, &u->node);
    send_update (in, msg, job, R);
}

void info_updated (struct jobtab *t, struct job *job)
{
    if (!t->info)
        return;
    list_foreach (&t->info->updates, pos) {
        struct update_watch *u = list_entry (pos, struct update_watch, node);
        if (u->id == job->id)
            send_update (t->info, u->msg, job, u->R);
    }
}

static void update_watch_free (struct update_watch *u)
{
    list_del (&u->node);
    flux_msg_decref (u->msg);
    free (u);
}

void update_watch_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                             void *arg)
{
    struct info *in = arg;

    list_foreach (&in->updates, pos) {
        struct update_watch *u = list_entry (pos, struct update_watch, node);
        if (flux_cancel_match (msg, u->msg)) {
            flux_respond_error (in->h, u->msg, ENODATA, NULL);
            update_watch_free (u);
        }
    }
}

/* ---- the ends ---- */

void eventlog_watch_disconnect (struct info *in, const flux_msg_t *msg)
{
    list_foreach (&in->watchers, pos) {
        struct watcher *w = list_entry (pos, struct watcher, node);
        if (flux_disconnect_match (msg, w->msg))
            watcher_free (w);
    }
    list_foreach (&in->updates, pos2) {
        struct update_watch *u = list_entry (pos2, struct update_watch, node);
        if (flux_disconnect_match (msg, u->msg))
            update_watch_free (u);
    }
}

void eventlog_watch_stop (struct info *in)
{
    list_foreach (&in->watchers, pos)
        watcher_end (list_entry (pos, struct watcher, node), ENOSYS, NULL);
    list_foreach (&in->updates, pos2) {
        struct update_watch *u = list_entry (pos2, struct update_watch, node);
        flux_respond_error (in->h, u->msg, ENOSYS, NULL);
        update_watch_free (u);
    }
}
