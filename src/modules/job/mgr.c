/* mgr.c - the job-manager service: its parts and its table of requests
 */
#include "modules/job/mgr.h"

#include <errno.h>
#include <syslog.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "base/similar.h"
#include "core/builtin.h"
#include "modules/job/housekeeping.h"
#include "modules/job/info.h"
#include "modules/job/list.h"
#include "modules/job/records.h"
#include "modules/job/tap.h"

static void committed (struct job *job, size_t from, void *arg)
{
    struct mgr *m = arg;
    struct active *a = job->a;

    info_committed (m->t, job, from);
    journal_entries (m, job, a->log.data + from, a->log_committed - from);
}

/* The job's submission could not be recorded. */
static void undone (struct job *job, void *arg)
{
    struct mgr *m = arg;

    tap_notify (m, job, "job.destroy");
    mgr_forget_job (m, job);
}

static const struct turn_ops turn_ops = {
    .committed = committed,
    .undone = undone,
};

void mgr_forget_job (struct mgr *m, struct job *job)
{
    if (job->a) {
        alloc_unlink (m, job);
        tap_job_done (m, job);
    }
    records_gone (m, job);
    info_job_gone (m->t, job);
    list_job_gone (m->t, job);
    if (!job->gone) {
        job_ref (job);
        jobtab_remove (m->t, job);
        job_count (m->t, job, job->st.state, 0);
        job_unref (m->t, job);
    }
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct mgr *m = arg;

    alloc_disconnect (m, msg);
    start_disconnect (m, msg);
    waits_disconnect (m, msg);
    journal_disconnect (m, msg);
    drains_disconnect (m, msg);
}

/* Plugins may have keys of their own in the table, so a name that is not known is no error
 * (flux-config-job-manager(5)): but it may be misspelt. */
static int check_keys (struct mgr *m, const flux_conf_t *conf, flux_error_t *err)
{
    static const char *const known[] = {
        "inactive-age-limit", "inactive-num-limit", "stop-queues-on-restart", "plugins",
        "housekeeping", "prolog", "epilog", "perilog", NULL,
    };
    json_t *table = NULL, *val;
    const char *key;

    if (flux_conf_unpack (conf, err, "{s?o}", "job-manager", &table) < 0)
        return -errno;
    if (table && !json_is_object (table))
        return errmsg (err, -EINVAL, "job-manager: must be a table");
    json_object_foreach (table, key, val) {
        const char *near = similar_nearest (key, known);
        if (!strcmp (key, "journal-size-limit"))
            flux_log (m->h, LOG_WARNING, "job-manager.journal-size-limit has no effect:"
                      " the journal is kept as long as its jobs");
        else if (!near || strcmp (near, key) != 0)
            flux_log (m->h, LOG_WARNING, "job-manager.%s has no effect, unless a jobtap plugin"
                      " reads it%s%s%s", key, near ? ": is '" : "", near ? near : "",
                      near ? "' meant?" : "");
    }
    return 0;
}

static int configure (struct mgr *m, const flux_conf_t *conf, flux_error_t *err)
{
    int rc;

    if ((rc = job_sign_read_conf (&m->sign, err)) < 0
        || (rc = queues_configure (m, conf, err)) < 0
        || (rc = check_keys (m, conf, err)) < 0
        || (rc = purge_configure (m, conf, err)) < 0
        || (rc = housekeeping_configure (m, conf, err)) < 0
        || (rc = tap_configure (m, conf, err)) < 0)
        return rc;
    return 0;
}

static void config_reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                              void *arg)
{
    struct mgr *m = arg;
    flux_conf_t *conf;
    flux_error_t err;
    int rc;

    if (flux_module_config_request_decode (msg, &conf) < 0) {
        mgr_respond_error (m, msg, errno, NULL);
        return;
    }
    if ((rc = configure (m, conf, &err)) < 0) {
        flux_conf_decref (conf);
        mgr_respond_error (m, msg, -rc, "%s", err.text);
        return;
    }
    if (flux_set_conf_new (h, conf) < 0) {
        flux_conf_decref (conf);
        mgr_respond_error (m, msg, errno, NULL);
        return;
    }
    feasibility_changed (m->t);
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "config-reload");
}

static void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    const struct jobcounts *c = &m->t->counts;
    int active = 0;

    for (int i = 0; i < 6; i++)
        active += c->state[i];
    mgr_respond (m, msg, json_pack ("{s:i s:i s:i s:I s:i s:o}",
                                "active_jobs", active,
                                "inactive_jobs", (int)m->t->ninactive,
                                "alloc_requests", alloc_outstanding (m),
                                "max_jobid", (json_int_t)jobtab_max_id (m->t),
                                "scheduler_ready", alloc_ready (m),
                                "housekeeping", housekeeping_stats (m)));
}

#define OWNER 0
#define USER FLUX_ROLE_USER
#define ADMIN FLUX_ROLE_ADMIN

static const struct flux_msg_handler_spec table[] = {
    { FLUX_MSGTYPE_REQUEST, "sched-hello", alloc_hello_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "sched-ready", alloc_ready_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "alloc-query", alloc_query_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "exec-hello", start_hello_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "raise", raise_cb, USER | ADMIN },
    { FLUX_MSGTYPE_REQUEST, "raiseall", raiseall_cb, USER | ADMIN },
    { FLUX_MSGTYPE_REQUEST, "kill", kill_cb, USER | ADMIN },
    { FLUX_MSGTYPE_REQUEST, "killall", killall_cb, USER | ADMIN },
    { FLUX_MSGTYPE_REQUEST, "urgency", urgency_cb, USER | ADMIN },
    { FLUX_MSGTYPE_REQUEST, "memo", memo_cb, USER | ADMIN },
    { FLUX_MSGTYPE_REQUEST, "update", update_cb, USER | ADMIN },
    { FLUX_MSGTYPE_REQUEST, "getattr", getattr_cb, USER | ADMIN },
    { FLUX_MSGTYPE_REQUEST, "getinfo", getinfo_cb, USER | ADMIN },
    { FLUX_MSGTYPE_REQUEST, "wait", wait_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "purge", purge_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "purge-id", purge_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "drain", drain_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "idle", idle_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "events-journal", journal_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "events-journal-cancel", journal_cancel_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "queue-list", queue_list_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "queue-status", queue_status_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "queue-enable", queue_enable_cb, ADMIN },
    { FLUX_MSGTYPE_REQUEST, "queue-start", queue_start_cb, ADMIN },
    { FLUX_MSGTYPE_REQUEST, "jobtap", tap_jobtap_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "jobtap-query", tap_query_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "housekeeping-kill", housekeeping_kill_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "disconnect", disconnect_cb, USER | ADMIN },
    { FLUX_MSGTYPE_REQUEST, "config-reload", config_reload_cb, OWNER },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_get_cb, USER },
    FLUX_MSGHANDLER_TABLE_END,
};

/* Until the table is ready. */
static void defer_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;

    if (!jobtab_defer (m->t, h, msg) && !flux_msg_is_noresponse (msg))
        mgr_respond_error (m, msg, EAGAIN, "job-manager is not ready");
}

static const struct flux_msg_handler_spec early_table[] = {
    { FLUX_MSGTYPE_REQUEST, "*", defer_cb, FLUX_ROLE_ALL },
    FLUX_MSGHANDLER_TABLE_END,
};

static const struct flux_msg_handler_spec responses[] = {
    { FLUX_MSGTYPE_RESPONSE, "sched.alloc", alloc_response_cb, OWNER },
    { FLUX_MSGTYPE_RESPONSE, "sched.free", free_response_cb, OWNER },
    FLUX_MSGHANDLER_TABLE_END,
};

/* A state directory that the broker made for itself goes with it. */
static struct turn *create_turn (struct mgr *m)
{
    struct turn *b = turn_new (m->h, m->t, &turn_ops, m);
    const char *name = flux_attr_cache_first (m->h);

    /* only what the host has cached: asking would wait */
    while (name && strcmp (name, "statedir-cleanup") != 0)
        name = flux_attr_cache_next (m->h);
    if (b && name && strcmp (flux_attr_get (m->h, name), "1") == 0)
        turn_set_durable (b, false);
    return b;
}

static bool create_parts (struct mgr *m)
{
    return (m->turn = create_turn (m))
        && (m->tap = tap_new (m))
        && (m->alloc = alloc_new (m))
        && (m->start = start_new (m))
        && (m->waits = waits_new (m))
        && (m->queues = jobqueues_new (m))
        && (m->journal = journal_new (m))
        && (m->purge = purge_new (m))
        && (m->drains = drains_new (m))
        && (m->updates = updates_new (m))
        && (m->extensions = extensions_new (m))
        && (m->housekeeping = housekeeping_new (m))
        && (m->records = records_new (m));
}

/* Jobs stay in the table; what only this run of the service knows about them
 * goes. */
static void mgr_free (struct mgr *m)
{
    if (!m)
        return;
    restart_end (m);
    flux_msg_handler_delvec (m->handlers);
    flux_msg_handler_delvec (m->responses);
    records_free (m->records);
    housekeeping_free (m->housekeeping);
    extensions_free (m->extensions);
    updates_free (m->updates);
    drains_free (m->drains);
    purge_free (m->purge);
    journal_free (m->journal);
    jobqueues_free (m->queues);
    waits_free (m->waits);
    start_free (m->start);
    alloc_free (m->alloc);
    tap_free (m->tap);
    turn_free (m->turn);
    free (m);
}

static uint32_t instance_owner (flux_t *h)
{
    const char *s = flux_attr_get (h, "security.owner");
    char *end;
    unsigned long n;

    if (!s || !*s)
        return getuid ();
    errno = 0;
    n = strtoul (s, &end, 10);
    return errno || *end || n > UINT32_MAX ? getuid () : (uint32_t)n;
}

int mgr_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err)
{
    struct jobtab *t = builtin_data (h);
    struct mgr *m;
    int rc = -ENOMEM;

    if (!t || t->mgr)
        return errmsg (err, -EINVAL, "job-manager has no table of jobs to itself");
    if (argc > 0)
        return errmsg (err, -EINVAL, "unknown argument %s", argv[0]);
    if (!(m = calloc (1, sizeof (*m))))
        return errmsg (err, rc, "out of memory");
    m->h = h;
    m->t = t;
    m->owner = instance_owner (h);
    if (!create_parts (m)) {
        errmsg (err, rc, "out of memory");
        goto error;
    }
    if ((rc = tap_load_configured (m, flux_get_conf (h), err)) < 0
        || (rc = configure (m, flux_get_conf (h), err)) < 0)
        goto error;
    if (flux_msg_handler_addvec_ex (h, "job-manager", early_table, m, &m->handlers) < 0
        || flux_msg_handler_addvec (h, responses, m, &m->responses) < 0) {
        rc = errmsg (err, -errno, "registering handlers: %s", flux_strerror (errno));
        goto error;
    }
    t->mgr = m;
    t->loading = true;
    if ((rc = restart_begin (m, err)) < 0)
        goto error;
    *ctxp = m;
    return 0;
error:
    t->mgr = NULL;
    t->loading = false;
    mgr_free (m);
    return rc;
}

void mgr_set_ready (struct mgr *m)
{
    flux_msg_handler_t **early = m->handlers;

    m->handlers = NULL;
    flux_msg_handler_delvec (early);
    if (flux_msg_handler_addvec_ex (m->h, "job-manager", table, m, &m->handlers) < 0)
        flux_log_error (m->h, "registering handlers");
    m->ready = true;
    turn_resume (m->turn);
    jobtab_ready (m->t);
    ingest_ready (m->t);
    if (flux_module_set_running (m->h) < 0)
        flux_log_error (m->h, "module.status");
}

/* What is in the log and not in a commit goes with the first commit of the
 * next run. */
void mgr_stop (void *ctx)
{
    struct mgr *m = ctx;

    if (m) {
        m->t->mgr = NULL;
        m->t->loading = false;
        jobtab_forget (m->t, m->h);
        mgr_free (m);
    }
}
