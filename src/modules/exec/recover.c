/* recover.c - a running job whose broker has gone and come back
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "base/list.h"
#include "modules/exec/guest.h"
#include "modules/exec/job.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part.h"
#include "modules/exec/reap.h"
#include "modules/exec/recover.h"
#include "modules/exec/state.h"
#include "spec/eventlog.h"

#define RETRY_SECONDS 0.2
#define GIVE_UP_SECONDS 15.
#define GRACE_SECONDS 1.       /* for shells that are about to end */
#define GRACE_LOOK_SECONDS 0.05

enum { LINK, LOG };

struct ask {
    struct list_node node;
    struct recovery *rv;
    uint32_t rank;
    flux_future_t *f;
};

struct recovery {
    struct job *job;
    char tag[64];
    struct idset *left;        /* ranks that have not answered */
    struct list_node asks;
    double t0;
    int killed;
    flux_watcher_t *retry_w;
    flux_future_t *f[2];       /* LINK, LOG */
    bool has_link;             /* the guest namespace is there */
    bool has_guest;            /* ... or was linked already */
    bool complete, done;       /* events of exec.eventlog */
    bool recoverable;
    int status;
    struct idset *ended;       /* ranks whose shells ended before */
    int ended_status;
    bool decided;              /* to end what is left */
};

static void ask_free (struct ask *a)
{
    list_del (&a->node);
    flux_future_destroy (a->f);
    free (a);
}

void recovery_free (struct recovery *rv)
{
    if (!rv)
        return;
    int saved_errno = errno;
    list_foreach (&rv->asks, n)
        ask_free (list_entry (n, struct ask, node));
    flux_watcher_destroy (rv->retry_w);
    flux_future_destroy (rv->f[LINK]);
    flux_future_destroy (rv->f[LOG]);
    idset_destroy (rv->left);
    idset_destroy (rv->ended);
    free (rv);
    errno = saved_errno;
}

/* Conclusion */

/* The namespace as it was found, or if the broker ended before it was made, a new
 * one; none if it was grafted. */
static void find_guest (struct recovery *rv)
{
    struct job *job = rv->job;

    if (rv->has_link)
        job->guest = guest_recover (job->ctx, job->id);
    else if (!rv->has_guest)
        job->guest = guest_create (job->ctx, job->id, job->userid, NULL, NULL);
    if (job->guest && rv->done)
        guest_is_done (job->guest);
}

static void drain_left (struct recovery *rv)
{
    struct jobexec *ctx = rv->job->ctx;
    char *ranks = idset_encode (rv->left, IDSET_FLAG_RANGE);
    char reason[128];
    flux_future_t *f = NULL;

    (void)snprintf (reason, sizeof (reason), "processes of job %s may be left from"
                    " before a restart", rv->job->idf58);
    if (ranks)
        f = flux_rpc_pack (ctx->h, "resource.drain", 0, 0, "{s:s s:s s:s}",
                           "targets", ranks, "mode", "update", "reason", reason);
    jobexec_log_future (ctx, f, "resource.drain");
    free (ranks);
}

static void conclude (struct recovery *rv)
{
    struct job *job = rv->job;

    if (!idset_empty (rv->left))
        drain_left (rv);
    find_guest (rv);
    idset_clear_all (job->active);
    job->nstarted = job->nranks;
    job->start_told = true;
    job_respond (job, "reattached", "{}");
    job->complete_told = rv->complete;
    if (rv->complete) {
        job->status = rv->status;
        /* its exception is told after this was written, and may not have been */
        if (WIFSIGNALED (rv->status))
            job_raise (job, 0, "exec", "job shell: %s (found when the broker was started again)",
                       strsignal (WTERMSIG (rv->status)));
    }
    else {
        job->status = SIGKILL;
        job_raise (job, 0, "exec", "lost with its broker: the job was running when the"
                   " broker ended (processes killed after its restart: %d)", rv->killed);
    }
    job->recovery = NULL;
    job_check_done (job);
    recovery_free (rv);
}

static bool can_take_over (const struct recovery *rv)
{
    const struct jobexec *ctx = rv->job->ctx;

    return rv->recoverable && !rv->complete && rv->has_link
           && ctx->conf.reconnect_timeout > 0. && !strcmp (ctx->conf.service, "rexec")
           && execstate_same_uri (parts_state (ctx->parts));
}

static void take_over (struct recovery *rv)
{
    struct job *job = rv->job;
    struct idset *active = idset_difference (job->ranks, rv->ended);
    flux_error_t err = { "out of memory" };

    job->recovery = NULL;
    if (!active || job_take_over (job, active, rv->ended_status, &err) < 0) {
        idset_clear_all (job->active);
        job_raise (job, 0, "exec", "%s", err.text);
    }
    idset_destroy (active);
    recovery_free (rv);
    job_check_done (job);
}

static void ask_all (struct recovery *rv);

/* All that the KVS knows is known. */
static void decide (struct recovery *rv)
{
    rv->decided = true;
    ask_all (rv);
    flux_watcher_start (rv->retry_w);
}

static void check (struct recovery *rv)
{
    bool late = flux_reactor_now (rv->job->ctx->r) - rv->t0 >= GIVE_UP_SECONDS;

    if (rv->f[LINK] || rv->f[LOG])
        return;
    if (can_take_over (rv)) {
        take_over (rv);
        return;
    }
    if (!rv->decided)
        decide (rv);
    if (idset_empty (rv->left) || late)
        conclude (rv);
}

/* Ranks */

static void ask_cb (flux_future_t *f, void *arg)
{
    struct ask *a = arg;
    struct recovery *rv = a->rv;
    int killed;

    if (flux_rpc_get_unpack (f, "{s:i}", "killed", &killed) == 0) {
        rv->killed += killed;
        idset_clear (rv->left, a->rank);
    } /* else: it is not online yet, and is asked again */
    ask_free (a);
    check (rv);
}

static bool is_asked (const struct recovery *rv, uint32_t rank)
{
    list_foreach ((struct list_node *)&rv->asks, n) {
        if (list_entry (n, struct ask, node)->rank == rank)
            return true;
    }
    return false;
}

static void ask_rank (struct recovery *rv, uint32_t rank)
{
    struct ask *a = calloc (1, sizeof (*a));

    if (!a)
        return;
    list_append (&rv->asks, &a->node);
    a->rv = rv;
    a->rank = rank;
    a->f = flux_rpc_pack (rv->job->ctx->h, "job-exec.reap", rank, 0, "{s:s}",
                          "tag", rv->tag);
    if (!a->f || flux_future_then (a->f, -1., ask_cb, a) < 0)
        ask_free (a);
}

static void ask_all (struct recovery *rv)
{
    for (unsigned int r = idset_first (rv->left); r != IDSET_INVALID_ID;
         r = idset_next (rv->left, r)) {
        if (!is_asked (rv, r))
            ask_rank (rv, r);
    }
}

static void retry_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct recovery *rv = arg;

    ask_all (rv);
    check (rv);
}

/* What the KVS knows */

static void parse_rank_exit (struct recovery *rv, json_t *context)
{
    const char *ranks;
    int status = 0;

    if (json_unpack (context, "{s:s s?i}", "ranks", &ranks, "wait_status", &status) < 0
        || idset_decode_add (rv->ended, ranks, -1, NULL) < 0)
        return;
    if (status > rv->ended_status)
        rv->ended_status = status;
}

static void parse_critical (struct recovery *rv, json_t *context)
{
    struct job *job = rv->job;
    const char *ranks;
    struct idset *ids;

    if (json_unpack (context, "{s:s}", "ranks", &ranks) < 0 || !(ids = idset_decode (ranks)))
        return;
    idset_destroy (job->critical);
    job->critical = ids;
}

static void parse_log (struct recovery *rv, const char *log)
{
    size_t len = strlen (log), pos = 0, n;
    const char *line, *name;
    json_t *entry;

    while (eventlog_next_line (log, len, &pos, &line, &n) == 1
           && (entry = eventlog_entry_decode (line, n, NULL))) {
        json_t *context = json_object_get (entry, "context");
        name = json_string_value (json_object_get (entry, "name"));
        if (name && !strcmp (name, "complete")
            && json_unpack (context, "{s:i}", "status", &rv->status) == 0)
            rv->complete = true;
        if (name && !strcmp (name, "done"))
            rv->done = true;
        if (name && !strcmp (name, "recoverable"))
            rv->recoverable = true;
        if (name && !strcmp (name, RANK_EXIT_EVENT))
            parse_rank_exit (rv, context);
        if (name && !strcmp (name, CRITICAL_EVENT))
            parse_critical (rv, context);
        json_decref (entry);
    }
}

static void lookup_cb (flux_future_t *f, void *arg)
{
    struct recovery *rv = arg;
    const char *s = NULL;

    if (f == rv->f[LOG]) {
        if (flux_kvs_lookup_get (f, &s) == 0 && s)
            parse_log (rv, s);
        rv->f[LOG] = NULL;
    }
    else {
        if (flux_kvs_lookup_get_symlink (f, NULL, &s) == 0)
            rv->has_link = true;
        else if (errno != ENOENT)
            rv->has_guest = true;
        rv->f[LINK] = NULL;
    }
    flux_future_destroy (f);
    check (rv);
}

static int look_up (struct recovery *rv)
{
    static const char *names[] = { "guest", "guest.exec.eventlog" };
    static const int flags[] = { FLUX_KVS_READLINK, 0 };
    struct job *job = rv->job;
    char key[96];

    for (int i = LINK; i <= LOG; i++) {
        if (flux_job_kvs_key (key, sizeof (key), job->id, names[i]) < 0
            || !(rv->f[i] = flux_kvs_lookup (job->ctx->h, KVS_PRIMARY_NAMESPACE,
                                             flags[i], key))
            || flux_future_then (rv->f[i], -1., lookup_cb, rv) < 0)
            return -errno;
    }
    return 0;
}

int recovery_start (struct job *job, flux_error_t *err)
{
    struct jobexec *ctx = job->ctx;
    struct recovery *rv = calloc (1, sizeof (*rv));
    int rc = -ENOMEM;

    if (!rv)
        return errmsg (err, -ENOMEM, "out of memory");
    list_init (&rv->asks);
    rv->job = job;
    rv->t0 = flux_reactor_now (ctx->r);
    reap_tag (rv->tag, sizeof (rv->tag),
              execstate_cookie (parts_state (ctx->parts)), job->id);
    rv->retry_w = flux_timer_watcher_create (ctx->r, RETRY_SECONDS, RETRY_SECONDS,
                                             retry_cb, rv);
    if (!(rv->left = idset_copy (job->ranks)) || !rv->retry_w
        || !(rv->ended = idset_create (0, IDSET_FLAG_AUTOGROW))
        || (rc = look_up (rv)) < 0) {
        recovery_free (rv);
        return errmsg (err, rc, "recovery: %s", strerror (-rc));
    }
    job->recovery = rv;
    return 0;
}

/* Each broker */

struct reap_request {
    struct list_node node;
    flux_t *h;
    const flux_msg_t *msg;
    const char *tag;
    flux_watcher_t *w;         /* until the shell has ended by itself */
    double kill_at;
    struct reap *reap;
};

static void reap_request_free (struct reap_request *rq)
{
    list_del (&rq->node);
    flux_watcher_destroy (rq->w);
    reap_free (rq->reap);
    flux_msg_decref (rq->msg);
    free (rq);
}

void reap_requests_free (struct list_node *requests)
{
    list_foreach (requests, n)
        reap_request_free (list_entry (n, struct reap_request, node));
}

static void reaped_cb (struct reap *rp, int killed, void *arg)
{
    struct reap_request *rq = arg;

    if (flux_respond_pack (rq->h, rq->msg, "{s:i}", "killed", killed) < 0)
        flux_log_error (rq->h, "reap response");
    reap_request_free (rq);
}

/* A shell that has lost its broker for good puts away what it has made, and ends. */
static void grace_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct reap_request *rq = arg;

    if (flux_reactor_now (r) < rq->kill_at && reap_shell_lives (rq->tag))
        return;
    flux_watcher_stop (w);
    if ((rq->reap = reap_new (r, rq->tag, reaped_cb, rq)))
        return;
    if (flux_respond_error (rq->h, rq->msg, errno, NULL) < 0)
        FLUX_LOG_ERROR (rq->h);
    reap_request_free (rq);
}

void reap_request_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct jobexec *ctx = arg;
    struct reap_request *rq = NULL;
    const char *tag;

    if (flux_request_unpack (msg, NULL, "{s:s}", "tag", &tag) < 0 || !strchr (tag, '/')) {
        errno = EPROTO;
        goto error;
    }
    if (!(rq = calloc (1, sizeof (*rq))))
        goto error;
    list_append (&ctx->reaps, &rq->node);
    rq->h = h;
    rq->msg = flux_msg_incref (msg);
    rq->tag = tag;
    rq->kill_at = flux_reactor_now (ctx->r) + GRACE_SECONDS;
    if (!(rq->w = flux_timer_watcher_create (ctx->r, 0., GRACE_LOOK_SECONDS, grace_cb, rq))) {
        reap_request_free (rq);
        goto error;
    }
    flux_watcher_start (rq->w);
    return;
error:
    if (flux_respond_error (h, msg, errno, NULL) < 0)
        FLUX_LOG_ERROR (h);
}
