/* list.c - the job-list service (RFC 43)
 *
 * A listing is a walk over the table in slices of a millisecond, so that it
 * does not hold up the jobs.  Answers follow what they show into the KVS, as
 * all answers of the job part do.
 */
#include "modules/job/list.h"

#include <errno.h>
#include <time.h>

#include "base/errmsg.h"
#include "core/builtin.h"
#include "modules/job/mgr.h"
#include "spec/constraint.h"

#define SLICE_SECONDS 0.001
#define CHUNK 256              /* jobs in one response of a stream */
#define STATS_SECONDS 0.5      /* between responses of a job-stats stream */

struct scan {
    struct list_node node;
    struct lister *l;
    const flux_msg_t *msg;
    struct jobcursor cursor;
    struct constraint *constraint;
    uint64_t mask;
    json_int_t left;           /* entries to go; -1: no limit */
    double since;
    bool stream;
    bool first;                /* no response yet */
    uint32_t only_user;        /* private mode, else FLUX_USERID_UNKNOWN */
    struct idhash *seen;       /* active jobs that were listed */
    json_t *jobs;
    flux_watcher_t *timer;
};

struct statewait {
    struct list_node node;     /* active.statewaits */
    struct list_node all;      /* lister.statewaits */
    struct lister *l;
    const flux_msg_t *msg;
    uint64_t mask;
    int state;
};

struct lister {
    flux_t *h;
    struct jobtab *t;
    flux_msg_handler_t **handlers;
    struct list_node scans;
    struct list_node statewaits;    /* of all jobs */
    struct flux_msglist *stats;     /* streaming job-stats */
    flux_watcher_t *stats_timer;
    bool private_mode;
};

/* ---- answers ---- */

static void answer_text (struct lister *l, const flux_msg_t *msg, char *text)
{
    if (l->t->mgr)
        turn_respond (l->t->mgr->turn, l->h, msg, text, NULL);
    else {
        if (flux_respond (l->h, msg, text) < 0)
            flux_log_error (l->h, "job-list");
        free (text);
    }
}

/* Takes o. */
static void answer (struct lister *l, const flux_msg_t *msg, json_t *o)
{
    char *text = o ? json_dumps (o, JSON_COMPACT) : NULL;

    json_decref (o);
    if (text)
        answer_text (l, msg, text);
    else if (flux_respond_error (l->h, msg, ENOMEM, NULL) < 0)
        flux_log_error (l->h, "job-list");
}

static void answer_error (struct lister *l, const flux_msg_t *msg, int errnum,
                          const char *text)
{
    if (l->t->mgr)
        turn_respond_error (l->t->mgr->turn, l->h, msg, errnum, text);
    else if (flux_respond_error (l->h, msg, errnum, text) < 0)
        flux_log_error (l->h, "job-list");
}

/* In private mode a guest sees only jobs of this user. */
static uint32_t visible_user (const struct lister *l, const flux_msg_t *msg)
{
    uint32_t userid;

    if (!l->private_mode || mgr_request_privileged (msg)
        || flux_msg_get_userid (msg, &userid) < 0)
        return FLUX_USERID_UNKNOWN;
    return userid;
}

/* ---- list ---- */

static void scan_free (struct scan *s)
{
    list_del (&s->node);
    jobcursor_fini (&s->cursor);
    flux_watcher_destroy (s->timer);
    flux_msg_decref (s->msg);
    constraint_free (s->constraint);
    idhash_free (s->seen);
    json_decref (s->jobs);
    free (s);
}

static void scan_flush (struct scan *s)
{
    json_t *o = s->stream && s->first ? json_pack ("{s:O s:i}", "jobs", s->jobs, "version", 1)
                                      : json_pack ("{s:O}", "jobs", s->jobs);

    answer (s->l, s->msg, o);
    s->first = false;
    json_array_clear (s->jobs);
}

static void scan_end (struct scan *s)
{
    if (!s->stream || s->first || json_array_size (s->jobs) > 0)
        scan_flush (s);
    if (s->stream)
        answer_error (s->l, s->msg, ENODATA, NULL);
    scan_free (s);
}

static bool scan_wants (struct scan *s, const struct job *job)
{
    if (s->only_user != FLUX_USERID_UNKNOWN && job->st.userid != s->only_user)
        return false;
    if (s->constraint && !constraint_match (s->constraint, job))
        return false;
    /* it may have moved on since it was listed */
    return !idhash_get (s->seen, job->id);
}

/* 1: go on, 0: that was all, or a negative errno. */
static int scan_step (struct scan *s)
{
    struct job *job = jobcursor_next (s->l->t, &s->cursor);
    json_t *o;

    if (!job || s->left == 0)
        return 0;
    if (s->since > 0. && job->st.state == FLUX_JOB_STATE_INACTIVE
        && job->st.t_inactive <= s->since)
        return 0;              /* so are all that follow */
    if (!scan_wants (s, job))
        return 1;
    if (!(o = list_attrs_get (job, s->mask)) || json_array_append_new (s->jobs, o) < 0)
        return -ENOMEM;
    if (job->st.state != FLUX_JOB_STATE_INACTIVE && idhash_set (s->seen, job->id, s) < 0)
        return -ENOMEM;
    if (s->left > 0)
        s->left--;
    if (s->stream && json_array_size (s->jobs) >= CHUNK)
        scan_flush (s);
    return 1;
}

static double monotime (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + 1e-9 * ts.tv_nsec;
}

static void scan_slice (struct scan *s)
{
    double end = monotime () + SLICE_SECONDS;
    int rc = 1;

    for (unsigned n = 1; rc == 1; n++) {
        rc = scan_step (s);
        if (rc == 1 && n % 32 == 0 && monotime () > end) {
            flux_timer_watcher_reset (s->timer, 0., 0.);
            flux_watcher_start (s->timer);
            return;
        }
    }
    if (rc < 0) {
        answer_error (s->l, s->msg, -rc, NULL);
        scan_free (s);
    }
    else
        scan_end (s);
}

static void scan_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    scan_slice (arg);
}

static struct scan *scan_new (struct lister *l, const flux_msg_t *msg)
{
    struct scan *s = calloc (1, sizeof (*s));

    if (!s)
        return NULL;
    s->l = l;
    s->msg = flux_msg_incref (msg);
    s->first = true;
    s->stream = flux_msg_is_streaming (msg);
    s->only_user = visible_user (l, msg);
    list_append (&l->scans, &s->node);
    jobcursor_init (l->t, &s->cursor);
    s->jobs = json_array ();
    s->seen = idhash_new (NULL);
    s->timer = flux_timer_watcher_create (flux_get_reactor (l->h), 0., 0., scan_timer_cb, s);
    if (!s->jobs || !s->seen || !s->timer) {
        scan_free (s);
        return NULL;
    }
    return s;
}

static void list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct lister *l = arg;
    json_t *attrs, *constraint = NULL;
    json_int_t max;
    double since = 0.;
    struct scan *s;
    flux_error_t err;

    if (jobtab_defer (l->t, h, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:o s?F s?o}", "max_entries", &max,
                             "attrs", &attrs, "since", &since,
                             "constraint", &constraint) < 0) {
        answer_error (l, msg, EPROTO, "invalid payload");
        return;
    }
    if (max < 0 || !json_is_array (attrs)) {
        answer_error (l, msg, EPROTO, max < 0 ? "invalid payload: max_entries < 0 not allowed"
                                              : "invalid payload: attrs must be an array");
        return;
    }
    if (!(s = scan_new (l, msg))) {
        answer_error (l, msg, ENOMEM, NULL);
        return;
    }
    s->left = max > 0 ? max : -1;
    s->since = since;
    if (list_attrs_parse (attrs, &s->mask, &err) < 0
        || (constraint && !(s->constraint = list_constraint (l->t->mgr, constraint, &err)))) {
        answer_error (l, msg, EINVAL, err.text);
        scan_free (s);
        return;
    }
    scan_slice (s);
}

/* ---- list-id ---- */

static void statewait_free (struct statewait *w)
{
    list_del (&w->node);
    list_del (&w->all);
    flux_msg_decref (w->msg);
    free (w);
}

static void answer_job (struct lister *l, const flux_msg_t *msg, const struct job *job,
                        uint64_t mask)
{
    json_t *o = list_attrs_get (job, mask);

    answer (l, msg, o ? json_pack ("{s:o}", "job", o) : NULL);
}

/* States are bits in the order in which they are entered. */
static bool reached (const struct job *job, int state)
{
    return (int)job->st.state >= state;
}

static void list_id_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct lister *l = arg;
    json_int_t id;
    json_t *attrs;
    int state = 0;
    uint64_t mask;
    uint32_t user = visible_user (l, msg);
    struct statewait *w;
    struct job *job;
    flux_error_t err;

    if (jobtab_defer (l->t, h, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:o s?i}", "id", &id, "attrs", &attrs,
                             "state", &state) < 0) {
        answer_error (l, msg, EPROTO, "invalid payload");
        return;
    }
    if (list_attrs_parse (attrs, &mask, &err) < 0) {
        answer_error (l, msg, EINVAL, err.text);
        return;
    }
    if (state < 0 || state > FLUX_JOB_STATE_INACTIVE || (state & (state - 1))) {
        answer_error (l, msg, EPROTO, "invalid payload: state must be one job state");
        return;
    }
    if (!(job = jobtab_get (l->t, id))
        || (user != FLUX_USERID_UNKNOWN && user != job->st.userid)) {
        answer_error (l, msg, ENOENT, "unknown job id");
        return;
    }
    if (reached (job, state) || !job->a) {
        answer_job (l, msg, job, mask);
        return;
    }
    if (!(w = calloc (1, sizeof (*w)))) {
        answer_error (l, msg, ENOMEM, NULL);
        return;
    }
    *w = (struct statewait){ .l = l, .msg = flux_msg_incref (msg), .mask = mask,
                             .state = state };
    list_append (&job->a->statewaits, &w->node);
    list_append (&l->statewaits, &w->all);
}

static void stats_changed (struct lister *l);

void list_state_changed (struct jobtab *t, struct job *job)
{
    if (t->lister)
        stats_changed (t->lister);
    if (!job->a)
        return;
    list_foreach (&job->a->statewaits, pos) {
        struct statewait *w = list_entry (pos, struct statewait, node);
        if (reached (job, w->state)) {
            answer_job (w->l, w->msg, job, w->mask);
            statewait_free (w);
        }
    }
}

void list_job_gone (struct jobtab *t, struct job *job)
{
    if (t->lister)
        stats_changed (t->lister);
    if (!job->a)
        return;
    list_foreach (&job->a->statewaits, pos) {
        struct statewait *w = list_entry (pos, struct statewait, node);
        answer_error (w->l, w->msg, ENOENT, "unknown job id");
        statewait_free (w);
    }
}

/* ---- list-attrs ---- */

static void list_attrs_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    answer (arg, msg, json_pack ("{s:o}", "attrs", list_attrs_names ()));
}

/* ---- job-stats ---- */

static json_t *counts_json (const struct jobcounts *c)
{
    json_t *states = json_object ();
    int total = 0;

    for (int i = 1; states && i <= 6; i++) {
        json_object_set_new (states, flux_job_statetostr (1 << i, "l"),
                             json_integer (c->state[i]));
        total += c->state[i];
    }
    if (!states || json_object_set_new (states, "total", json_integer (total)) < 0)
        return NULL;
    /* failed counts all that did not succeed (flux-jobs(1)) */
    return json_pack ("{s:o s:i s:i s:i s:i s:i}", "job_states", states,
                      "successful", c->successful,
                      "failed", c->failed + c->canceled + c->timeout,
                      "canceled", c->canceled, "timeout", c->timeout,
                      "inactive_purged", c->inactive_purged);
}

static json_t *stats_json (struct lister *l)
{
    json_t *o = counts_json (&l->t->counts), *queues = json_array (), *q;
    struct jobcounts *c;
    const char *name;
    size_t pos = 0;

    while (o && queues && (c = hash_next (l->t->queue_counts, &pos, &name))) {
        if (!(q = counts_json (c)) || json_object_set_new (q, "name", json_string (name)) < 0
            || json_array_append_new (queues, q) < 0)
            break;
    }
    if (o)
        (void)json_object_set_new (o, "queues", queues);
    return o;
}

static void stats_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct lister *l = arg;
    const flux_msg_t *msg;

    for (msg = flux_msglist_first (l->stats); msg; msg = flux_msglist_next (l->stats))
        answer (l, msg, stats_json (l));
}

static void stats_changed (struct lister *l)
{
    if (flux_msglist_count (l->stats) > 0 && !flux_watcher_is_active (l->stats_timer)) {
        flux_timer_watcher_reset (l->stats_timer, STATS_SECONDS, 0.);
        flux_watcher_start (l->stats_timer);
    }
}

static void job_stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct lister *l = arg;

    if (jobtab_defer (l->t, h, msg))
        return;
    if (visible_user (l, msg) != FLUX_USERID_UNKNOWN) {
        answer_error (l, msg, EPERM, "job statistics are for the instance owner");
        return;
    }
    answer (l, msg, stats_json (l));
    if (flux_msg_is_streaming (msg) && flux_msglist_append (l->stats, msg) < 0)
        answer_error (l, msg, errno, NULL);
}

static void job_stats_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                                 void *arg)
{
    struct lister *l = arg;

    (void)flux_msglist_cancel (h, l->stats, msg);
}

/* ---- the service ---- */

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct lister *l = arg;

    (void)flux_msglist_disconnect (l->stats, msg);
    list_foreach (&l->scans, pos) {
        struct scan *s = list_entry (pos, struct scan, node);
        if (flux_disconnect_match (msg, s->msg))
            scan_free (s);
    }
    list_foreach (&l->statewaits, pos) {
        struct statewait *w = list_entry (pos, struct statewait, all);
        if (flux_disconnect_match (msg, w->msg))
            statewait_free (w);
    }
}

static int configure (struct lister *l, const flux_conf_t *conf, flux_error_t *err)
{
    int private = 0;

    if (flux_conf_unpack (conf, err, "{s?{s?b}}", "access", "private-mode", &private) < 0)
        return -EINVAL;
    l->private_mode = private;
    return 0;
}

static void config_reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                              void *arg)
{
    struct lister *l = arg;
    flux_conf_t *conf;
    flux_error_t err;

    if (flux_module_config_request_decode (msg, &conf) < 0) {
        answer_error (l, msg, errno, NULL);
        return;
    }
    if (configure (l, conf, &err) < 0) {
        answer_error (l, msg, EINVAL, err.text);
        flux_conf_decref (conf);
        return;
    }
    if (flux_set_conf_new (h, conf) < 0)
        flux_conf_decref (conf);
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "config-reload");
}

static void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct lister *l = arg;
    const struct jobcounts *c = &l->t->counts;
    int pending = 0;

    for (int i = 0; i < 4; i++)
        pending += c->state[i];
    answer (l, msg, json_pack ("{s:{s:i s:i s:i} s:i}", "jobs", "pending", pending,
                               "running", c->state[4] + c->state[5],
                               "inactive", c->state[6],
                               "stats_watchers", flux_msglist_count (l->stats)));
}

#define USER (FLUX_ROLE_USER | FLUX_ROLE_ADMIN)

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "list", list_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "list-id", list_id_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "list-attrs", list_attrs_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "job-stats", job_stats_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "job-stats-cancel", job_stats_cancel_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "disconnect", disconnect_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_get_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "config-reload", config_reload_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void end_statewaits (struct lister *l)
{
    list_foreach (&l->statewaits, pos) {
        struct statewait *w = list_entry (pos, struct statewait, all);
        flux_respond_error (l->h, w->msg, ENOSYS, NULL);
        statewait_free (w);
    }
}

static void lister_free (struct lister *l)
{
    flux_msg_handler_delvec (l->handlers);
    flux_msglist_destroy (l->stats);
    flux_watcher_destroy (l->stats_timer);
    free (l);
}

void list_stop (void *ctx)
{
    struct lister *l = ctx;
    const flux_msg_t *msg;

    if (!l)
        return;
    if (l->t->mgr)
        turn_adopt (l->t->mgr->turn, l->h);
    jobtab_forget (l->t, l->h);
    list_foreach (&l->scans, pos) {
        struct scan *s = list_entry (pos, struct scan, node);
        flux_respond_error (l->h, s->msg, ENOSYS, NULL);
        scan_free (s);
    }
    while ((msg = flux_msglist_pop (l->stats))) {
        flux_respond_error (l->h, msg, ENOSYS, NULL);
        flux_msg_decref (msg);
    }
    end_statewaits (l);
    l->t->lister = NULL;
    lister_free (l);
}

int list_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err)
{
    struct jobtab *t = builtin_data (h);
    struct lister *l;
    int rc = -ENOMEM;

    if (argc > 0)
        return errmsg (err, -EINVAL, "unknown argument %s", argv[0]);
    if (!t || t->lister)
        return errmsg (err, -EINVAL, "job-list has no table of jobs to itself");
    if (!(l = calloc (1, sizeof (*l))))
        return errmsg (err, rc, "out of memory");
    l->h = h;
    l->t = t;
    list_init (&l->scans);
    list_init (&l->statewaits);
    l->stats = flux_msglist_create ();
    l->stats_timer = flux_timer_watcher_create (flux_get_reactor (h), STATS_SECONDS, 0.,
                                                stats_timer_cb, l);
    if (!l->stats || !l->stats_timer) {
        errmsg (err, rc, "out of memory");
        goto error;
    }
    if ((rc = configure (l, flux_get_conf (h), err)) < 0)
        goto error;
    if (flux_msg_handler_addvec_ex (h, "job-list", handlers, l, &l->handlers) < 0) {
        rc = errmsg (err, -errno, "registering handlers: %s", flux_strerror (errno));
        goto error;
    }
    t->lister = l;
    *ctxp = l;
    return 0;
error:
    lister_free (l);
    return rc;
}
