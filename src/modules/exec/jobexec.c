/* jobexec.c - the job-exec service (RFC 32)
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "base/forkserver.h"
#include "core/builtin.h"
#include "core/kvs_proto.h"
#include "modules/exec/commits.h"
#include "modules/exec/exec.h"
#include "modules/exec/guest.h"
#include "modules/exec/job.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part.h"
#include "modules/exec/recover.h"
#include "modules/exec/state.h"
#include "spec/topo.h"

#define HELLO_RETRY_SECONDS 0.1

/* The outbox */

struct queued {
    struct list_node node;
    const flux_msg_t *msg;
    char *text;
};

static void queued_free (struct queued *q)
{
    list_del (&q->node);
    flux_msg_decref (q->msg);
    free (q->text);
    free (q);
}

void jobexec_kick (struct jobexec *ctx)
{
    (void)due_post (ctx->r, &ctx->due);
}

int jobexec_respond (struct jobexec *ctx, const flux_msg_t *msg, const char *fmt, ...)
{
    struct queued *q = calloc (1, sizeof (*q));
    va_list ap;
    int n;

    if (!q)
        return -ENOMEM;
    va_start (ap, fmt);
    n = vasprintf (&q->text, fmt, ap);
    va_end (ap);
    if (n < 0) {
        free (q);
        return -ENOMEM;
    }
    q->msg = flux_msg_incref (msg);
    list_append (&ctx->responses, &q->node);
    jobexec_kick (ctx);
    return 0;
}

void jobexec_forget (struct jobexec *ctx, const flux_msg_t *msg)
{
    list_foreach (&ctx->responses, n) {
        struct queued *q = list_entry (n, struct queued, node);
        if (q->msg == msg)
            queued_free (q);
    }
}

flux_kvs_txn_t *jobexec_txn (struct jobexec *ctx)
{
    if (!ctx->txn)
        ctx->txn = flux_kvs_txn_create ();
    return ctx->txn;
}

/* Calls whose result matters only if it is an error. */
struct logged {
    struct list_node node;
    flux_t *h;
    flux_future_t *f;
    const char *what;
};

static void logged_free (struct logged *lg)
{
    list_del (&lg->node);
    flux_future_destroy (lg->f);
    free (lg);
}

static void logged_cb (flux_future_t *f, void *arg)
{
    struct logged *lg = arg;

    if (flux_future_get (f, NULL) < 0)
        flux_log (lg->h, LOG_ERR, "%s: %s", lg->what, flux_future_error_string (f));
    logged_free (lg);
}

void jobexec_log_future (struct jobexec *ctx, flux_future_t *f, const char *what)
{
    struct logged *lg = NULL;

    if (!f || !(lg = calloc (1, sizeof (*lg)))
        || flux_future_then (f, -1., logged_cb, lg) < 0) {
        flux_log_error (ctx->h, "%s", what);
        flux_future_destroy (f);
        free (lg);
        return;
    }
    lg->h = ctx->h;
    lg->f = f;
    lg->what = what;
    list_append (&ctx->logged, &lg->node);
}

void jobexec_flush_txn (struct jobexec *ctx)
{
    flux_kvs_txn_t *txn = ctx->txn;

    if (!txn)
        return;
    ctx->txn = NULL;
    commits_add (ctx->commits, KVS_PRIMARY_NAMESPACE, txn, "commit");
}

void jobexec_flush (struct jobexec *ctx)
{
    struct list_node *n;

    while ((n = list_first (&ctx->guests)))
        guest_flush_node (n);
    jobexec_flush_txn (ctx);
    while ((n = list_first (&ctx->responses))) {
        struct queued *q = list_entry (n, struct queued, node);
        if (flux_respond (ctx->h, q->msg, q->text) < 0)
            flux_log_error (ctx->h, "start response");
        queued_free (q);
    }
    while ((n = list_first (&ctx->reap)))
        execjob_free (list_entry (n, struct job, reap_node));
}

static void due_cb (struct due *d)
{
    jobexec_flush (list_entry (d, struct jobexec, due));
}

/* Hello */

static void say_hello (struct jobexec *ctx);

static void hello_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents,
                            void *arg)
{
    say_hello (arg);
}

static void hello_again (struct jobexec *ctx)
{
    flux_future_destroy (ctx->f_hello);
    ctx->f_hello = NULL;
    if (!ctx->hello_w)
        ctx->hello_w = flux_timer_watcher_create (ctx->r, HELLO_RETRY_SECONDS, 0.,
                                                  hello_timer_cb, ctx);
    if (!ctx->hello_w)
        return;
    flux_timer_watcher_reset (ctx->hello_w, HELLO_RETRY_SECONDS, 0.);
    flux_watcher_start (ctx->hello_w);
}

/* The request is a streaming one that has one answer: so it stays open, and the
 * broker ends it with ENOSYS when the job manager goes, or is not there yet. */
static void hello_cb (flux_future_t *f, void *arg)
{
    struct jobexec *ctx = arg;

    if (flux_future_get (f, NULL) == 0)
        flux_future_reset (f);
    else if (errno == ENOSYS)
        hello_again (ctx);
    else if (errno != ENODATA)
        flux_log (ctx->h, LOG_CRIT, "job-manager.exec-hello: %s",
                  flux_future_error_string (f));
}

static void say_hello (struct jobexec *ctx)
{
    if (ctx->f_hello)
        return;
    ctx->f_hello = flux_rpc_pack (ctx->h, "job-manager.exec-hello", 0,
                                  FLUX_RPC_STREAMING, "{s:s}", "service", "job-exec");
    if (!ctx->f_hello || flux_future_then (ctx->f_hello, -1., hello_cb, ctx) < 0)
        flux_log_error (ctx->h, "job-manager.exec-hello");
}

/* Requests */

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct jobexec *ctx = arg;

    parts_disconnect (ctx->parts, msg);
    if (ctx->rank == 0 && jobs_disconnect (ctx, msg))
        hello_again (ctx);
}

static json_t *config_stats (struct jobexec *ctx)
{
    double t = execconf_effective_max_kill_timeout (&ctx->conf);
    char cwd[4096];

    return json_pack ("{s:s s:s s:s s:f s:I s:i}",
                      "default_cwd", getcwd (cwd, sizeof (cwd)) ? cwd : "/",
                      "default_job_shell", ctx->conf.job_shell,
                      "exec_service", ctx->conf.service,
                      "default_barrier_timeout", ctx->conf.barrier_timeout,
                      "sdexec_stop_timer_sec",
                      ctx->conf.sdexec_stop_sec < 0 ? (json_int_t)ceil (t)
                                                    : (json_int_t)ctx->conf.sdexec_stop_sec,
                      "sdexec_stop_timer_signal", ctx->conf.sdexec_stop_signal);
}

static void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                          void *arg)
{
    struct jobexec *ctx = arg;
    const struct execconf *c = &ctx->conf;
    char term[32], kill[32];

    if (flux_respond_pack (h, msg, "{s:s s:f s:s s:s s:i s:f s:f s:o s:o s:i}",
                           "method", "bulk-exec",
                           "kill-timeout", c->kill_timeout,
                           "term-signal", signal_name (c->term_signal, term, sizeof (term)),
                           "kill-signal", signal_name (c->kill_signal, kill, sizeof (kill)),
                           "max-kill-count", c->max_kill_count,
                           "max-kill-timeout", c->max_kill_timeout,
                           "effective-max-kill-timeout",
                           execconf_effective_max_kill_timeout (c),
                           "jobs", jobs_stats (ctx),
                           "config", config_stats (ctx),
                           "parts", (int)parts_count (ctx->parts)) < 0)
        FLUX_LOG_ERROR (h);
}

static void config_reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                              void *arg)
{
    struct jobexec *ctx = arg;
    flux_error_t err = { "" };
    flux_conf_t *conf;
    struct execconf new;
    int rc;

    if (flux_module_config_request_decode (msg, &conf) < 0)
        goto error;
    if ((rc = execconf_parse (&new, conf, ctx->argc, ctx->argv, &err)) < 0) {
        flux_conf_decref (conf);
        errno = -rc;
        goto error;
    }
    execconf_release (&ctx->conf);
    ctx->conf = new;
    if (flux_set_conf_new (h, conf) < 0)
        goto error;
    if (flux_respond (h, msg, NULL) < 0)
        FLUX_LOG_ERROR (h);
    return;
error:
    if (flux_respond_error (h, msg, errno, err.text[0] ? err.text : NULL) < 0)
        FLUX_LOG_ERROR (h);
}

/* Each broker */
static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "barrier", barrier_enter_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "barrier-release", barrier_release_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "ask", part_ask_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "launch", part_launch_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "goodbye", part_goodbye_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "reattach", part_reattach_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "reap", reap_request_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "signal", part_signal_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "config-reload", config_reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "disconnect", disconnect_cb, FLUX_ROLE_ALL },
    /* Rank 0 */
    { FLUX_MSGTYPE_REQUEST, "start", job_start_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "kill", job_kill_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "expiration", job_expiration_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "critical-ranks", job_critical_ranks_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "override", mock_override_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_EVENT, "job-exception", job_exception_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "shell-*.kill", job_kill_event_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

/* Life */

enum { SPARES = 4 };

/* The shell of a job must not take the enclosing instance's job for its own. */
static bool env_passes (const char *s)
{
    static const char *blocked[] = {
        "FLUX_JOB_", "FLUX_TASK_", "FLUX_KVS_NAMESPACE=", "FLUX_SHELL_", "FLUX_URI=", "FLUX_EXEC_TAG=",
        "FLUX_PROXY_REMOTE=", "PMI_", "PMI2_", "PMIX_", "NOTIFY_SOCKET=",
    };

    for (size_t i = 0; i < sizeof (blocked) / sizeof (blocked[0]); i++) {
        if (!strncmp (s, blocked[i], strlen (blocked[i])))
            return false;
    }
    return strchr (s, '=') != NULL;
}

/* Temporary directories that shells left to be used again (shell/tmpdir.c) */
static void remove_spares (struct jobexec *ctx)
{
    const char *dir = builtin_attr (ctx->h, "rundir");
    char path[PATH_MAX];

    for (int i = 0; dir && i < SPARES; i++) {
        if (snprintf (path, sizeof (path), "%s/jobtmp-%d", dir, i) < (int)sizeof (path))
            (void)rmdir (path);
    }
}

static int add_env (struct jobexec *ctx, size_t *n, const char *name, const char *value)
{
    if (value && asprintf (&ctx->env[*n], "%s=%s", name, value) < 0) {
        ctx->env[*n] = NULL;
        return -ENOMEM;
    }
    *n += value != NULL;
    return 0;
}

static int make_env (struct jobexec *ctx)
{
    size_t n = 0, count = 0;

    while (environ[count])
        count++;
    if (!(ctx->env = calloc (count + 3, sizeof (ctx->env[0]))))
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (env_passes (environ[i]) && !(ctx->env[n++] = strdup (environ[i])))
            return -ENOMEM;
    }
    return add_env (ctx, &n, "FLUX_URI", ctx->local_uri) < 0
                   || add_env (ctx, &n, "FLUX_SHELL_SPARE_DIR",
                               builtin_attr (ctx->h, "rundir")) < 0
               ? -ENOMEM : 0;
}

static int make_topo (struct jobexec *ctx, flux_error_t *err)
{
    const char *scheme = flux_attr_get (ctx->h, "tbon.topo");
    json_t *hosts = NULL;

    (void)flux_conf_unpack (flux_get_conf (ctx->h), NULL, "{s?{s?o}}",
                            "bootstrap", "hosts", &hosts);
    if (!scheme || ctx->size == 1)
        scheme = "kary:2";
    if (!(ctx->topo = topo_new (scheme, ctx->size, hosts, err)))
        return -EINVAL;
    return 0;
}

static uint32_t instance_owner (flux_t *h)
{
    const char *s = flux_attr_get (h, "security.owner");
    char *end;
    unsigned long n;

    if (s) {
        errno = 0;
        n = strtoul (s, &end, 10);
        if (errno == 0 && end != s && !*end && n <= UINT32_MAX)
            return (uint32_t)n;
    }
    return getuid ();
}

static int copy_args (struct jobexec *ctx, int argc, char **argv)
{
    if (!(ctx->argv = calloc (argc + 1, sizeof (ctx->argv[0]))))
        return -ENOMEM;
    for (int i = 0; i < argc; i++) {
        if (!(ctx->argv[i] = strdup (argv[i])))
            return -ENOMEM;
        ctx->argc++;
    }
    return 0;
}

static void jobexec_stop (void *arg)
{
    struct jobexec *ctx = arg;
    struct job *job;
    size_t pos = 0;

    if (!ctx)
        return;
    flux_msg_handler_delvec (ctx->handlers);
    if (ctx->jobs) {
        while ((job = idhash_next (ctx->jobs, &pos, NULL)))
            execjob_free (job);
        jobexec_flush (ctx);
    }
    if (ctx->parts)
        (void)parts_attach (ctx->parts, NULL);
    due_cancel (&ctx->due);
    reap_requests_free (&ctx->reaps);
    list_foreach (&ctx->logged, n)
        logged_free (list_entry (n, struct logged, node));
    flux_future_destroy (ctx->f_hello);
    flux_watcher_destroy (ctx->hello_w);
    commits_free (ctx->commits);
    mocks_free (ctx->mocks);
    lastspec_release (&ctx->lastspec);
    idhash_free (ctx->jobs);
    topo_free (ctx->topo);
    execconf_release (&ctx->conf);
    forkserver_free (ctx->forkserver);
    remove_spares (ctx);
    for (size_t i = 0; ctx->env && ctx->env[i]; i++)
        free (ctx->env[i]);
    free (ctx->env);
    for (int i = 0; i < ctx->argc; i++)
        free (ctx->argv[i]);
    free (ctx->argv);
    free (ctx);
}

/* A state directory that is removed with the broker has nothing to remember. */
static int open_state (struct jobexec *ctx, flux_error_t *err)
{
    const char *dir = NULL;
    bool temporary = false;

    for (const char *s = flux_attr_cache_first (ctx->h); s;
         s = flux_attr_cache_next (ctx->h)) {
        if (!strcmp (s, "statedir"))
            dir = flux_attr_get (ctx->h, s);
        else if (!strcmp (s, "statedir-cleanup"))
            temporary = !strcmp (flux_attr_get (ctx->h, s), "1");
    }
    return parts_open_state (ctx->parts, temporary ? NULL : dir,
                             ctx->local_uri ? ctx->local_uri : "", err);
}

/* Copies of a shell that is ready cost a third of starting one.  Only our own is
 * known to be able to do that. */
static int make_forkserver (struct jobexec *ctx, flux_error_t *err)
{
    const char *shell = flux_conf_builtin_get ("shell_path", FLUX_CONF_AUTO);

    if (shell && strcmp (shell, ctx->conf.job_shell) == 0
        && !(ctx->forkserver = forkserver_new (shell, ctx->env)))
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

static int jobexec_init (struct jobexec *ctx, int argc, char **argv,
                         flux_error_t *err)
{
    flux_t *h = ctx->h;
    int rc;

    if (flux_get_rank (h, &ctx->rank) < 0 || flux_get_size (h, &ctx->size) < 0)
        return errmsg (err, -errno, "rank and size: %s", flux_strerror (errno));
    ctx->owner = instance_owner (h);
    ctx->local_uri = flux_attr_get (h, "local-uri");
    if (!(ctx->jobs = idhash_new (NULL))
        || !(ctx->commits = commits_new (h))
        || copy_args (ctx, argc, argv) < 0
        || make_env (ctx) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    if ((rc = execconf_parse (&ctx->conf, flux_get_conf (h), argc, argv, err)) < 0
        || (rc = make_topo (ctx, err)) < 0
        || (rc = make_forkserver (ctx, err)) < 0)
        return rc;
    if (flux_msg_handler_addvec_ex (h, "job-exec", htab, ctx, &ctx->handlers) < 0)
        return errmsg (err, -errno, "%s", flux_strerror (errno));
    if (!(ctx->parts = builtin_data (h)))
        return errmsg (err, -EINVAL, "no table of shells");
    if (ctx->rank == 0 && (rc = open_state (ctx, err)) < 0)
        return rc;
    return parts_attach (ctx->parts, ctx);
}

static int jobexec_start (flux_t *h, int argc, char **argv, void **ctxp,
                          flux_error_t *err)
{
    struct jobexec *ctx;
    int rc;

    if (!(ctx = calloc (1, sizeof (*ctx))))
        return errmsg (err, -ENOMEM, "out of memory");
    ctx->h = h;
    ctx->r = flux_get_reactor (h);
    due_init (&ctx->due, due_cb);
    list_init (&ctx->responses);
    list_init (&ctx->guests);
    list_init (&ctx->reaps);
    list_init (&ctx->reap);
    list_init (&ctx->logged);
    rc = jobexec_init (ctx, argc, argv, err);
    if (rc < 0) {
        jobexec_stop (ctx);
        return rc;
    }
    if (ctx->rank == 0) {
        jobexec_log_future (ctx, flux_event_subscribe_ex (h, "job-exception", 0),
                            "event.subscribe");
        /* on behalf of all shells, so that none of them has to */
        jobexec_log_future (ctx, flux_event_subscribe_ex (h, "shell-", 0),
                            "event.subscribe");
        say_hello (ctx);
    }
    *ctxp = ctx;
    return 0;
}

static void *data_create (void)
{
    return parts_new ();
}

static void data_destroy (void *data)
{
    parts_free (data);
}

const struct builtin_data job_exec_data = {
    .name = "job-exec",
    .create = data_create,
    .destroy = data_destroy,
};

const struct builtin job_exec_builtin = {
    .name = "job-exec",
    .data = "job-exec",
    .start = jobexec_start,
    .stop = jobexec_stop,
};
