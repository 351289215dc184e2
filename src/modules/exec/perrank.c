/* perrank.c - shells by a subprocess service other than rexec (exec.service)
 *
 * One remote subprocess (RFC 42) a rank, from rank 0.  The shell inherits
 * nothing from us: it connects by FLUX_URI and looks its job up.
 *
 *   RUNNING ─► EXITED ─┬─► completion: all output is here ─► the shell has ended
 *                      └─► LINGER seconds: something it left keeps a stream open ─┘
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "base/fluid.h"
#include "modules/exec/guest.h"
#include "modules/exec/job.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part.h"
#include "modules/exec/reap.h"
#include "modules/exec/state.h"

#define LINGER 2.     /* that output is waited for, in seconds */

struct remote_shell {
    struct list_node node;
    struct perrank *pr;
    uint32_t rank;
    flux_subprocess_t *p;
    flux_watcher_t *linger_w;
    bool ended;          /* the job was told */
};

struct waiter {
    struct list_node node;
    char *name;
    const flux_msg_t *msg;
};

struct perrank {
    struct job *job;
    struct list_node shells;
    struct list_node waiters;
};

static struct remote_shell *shell_of (flux_subprocess_t *p)
{
    return flux_subprocess_aux_get (p, "exec::shell");
}

/* It has ended, and what it wrote last was taken before this. */
static void tell_exited (struct remote_shell *sh)
{
    struct idset *rank;
    struct update u = { 0 };

    if (sh->ended || !(rank = update_rank (sh->rank)))
        return;
    sh->ended = true;
    flux_watcher_stop (sh->linger_w);
    if (update_exited (&u, flux_subprocess_status (sh->p), rank) == 0)
        job_update (&u, sh->pr->job);
    update_clear (&u);
    idset_destroy (rank);
}

static void completion_cb (flux_subprocess_t *p)
{
    tell_exited (shell_of (p));
}

static void linger_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    tell_exited (arg);
}

static void exited (struct remote_shell *sh)
{
    struct jobexec *ctx = sh->pr->job->ctx;

    if ((sh->linger_w = flux_timer_watcher_create (ctx->r, LINGER, 0., linger_cb, sh)))
        flux_watcher_start (sh->linger_w);
    else
        tell_exited (sh);
}

static void state_cb (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    struct remote_shell *sh = shell_of (p);
    struct idset *rank = update_rank (sh->rank);
    struct update u = { 0 };
    int errnum;

    if (!rank)
        return;
    if (state == FLUX_SUBPROCESS_RUNNING)
        (void)update_started (&u, rank);
    else if (state == FLUX_SUBPROCESS_EXITED)
        exited (sh);
    else if (state == FLUX_SUBPROCESS_FAILED) {
        errnum = flux_subprocess_fail_errno (p);
        if (errnum == EHOSTUNREACH)
            (void)update_lost (&u, rank);
        else
            (void)update_failed (&u, sh->rank, errnum, flux_subprocess_fail_error (p));
    }
    job_update (&u, sh->pr->job);
    update_clear (&u);
    idset_destroy (rank);
}

static void output_cb (flux_subprocess_t *p, const char *stream)
{
    struct remote_shell *sh = shell_of (p);
    struct update u = { 0 };
    const char *data;
    int len = flux_subprocess_getline (p, stream, &data);

    if (len <= 0 || sh->ended)
        return;
    if (data[len - 1] == '\n')
        len--;
    if (update_log (&u, sh->rank, stream, data, len) == 0)
        job_update (&u, sh->pr->job);
    update_clear (&u);
}

static const flux_subprocess_ops_t ops = {
    .on_completion = completion_cb,
    .on_state_change = state_cb,
    .on_stdout = output_cb,
    .on_stderr = output_cb,
};

static flux_cmd_t *make_command (struct job *job)
{
    struct jobexec *ctx = job->ctx;
    const char *outer = flux_attr_get (ctx->h, "jobid-path");
    const char *outer_tag = getenv (REAP_ENV);
    char id[32], tag[64];
    flux_cmd_t *cmd = flux_cmd_create (0, NULL, ctx->env);

    if (!outer || !strcmp (outer, "/"))
        outer = "";
    (void)fluid_encode (job->id, FLUID_F58_PLAIN, id, sizeof (id));
    reap_tag (tag, sizeof (tag), execstate_cookie (parts_state (ctx->parts)), job->id);
    flux_cmd_unsetenv (cmd, "FLUX_URI"); /* each server has its own */
    if (!cmd
        || flux_cmd_argv_append (cmd, ctx->conf.job_shell) < 0
        || flux_cmd_argv_append (cmd, id) < 0
        || flux_cmd_setenvf (cmd, 1, "FLUX_KVS_NAMESPACE", "%s",
                             guest_namespace (job->guest)) < 0
        || flux_cmd_setenvf (cmd, 1, "FLUX_JOB_ID_PATH", "%s/%s", outer,
                             job->idf58) < 0
        || flux_cmd_setenvf (cmd, 1, REAP_ENV, "%s%s%s", outer_tag ? outer_tag : "",
                             outer_tag ? " " : "", tag) < 0) {
        flux_cmd_destroy (cmd);
        return NULL;
    }
    return cmd;
}

static int start_one (struct perrank *pr, flux_cmd_t *cmd, uint32_t rank)
{
    struct jobexec *ctx = pr->job->ctx;
    struct remote_shell *sh = calloc (1, sizeof (*sh));

    if (!sh)
        return -ENOMEM;
    sh->pr = pr;
    sh->rank = rank;
    list_append (&pr->shells, &sh->node);
    if (!(sh->p = flux_rexec_ex (ctx->h, ctx->conf.service, rank, 0, cmd, &ops,
                                 flux_llog, ctx->h))
        || flux_subprocess_aux_set (sh->p, "exec::shell", sh, NULL) < 0)
        return -errno;
    (void)flux_subprocess_close (sh->p, "stdin");
    return 0;
}

int perrank_start (struct job *job, const json_t *jobspec, flux_error_t *err)
{
    struct perrank *pr;
    flux_cmd_t *cmd;
    unsigned int r;
    int rc = 0;

    if (job->userid != job->ctx->owner)
        return errmsg (err, -ENOTSUP, "jobs of guests are launched by service rexec"
                       " only, not by %s", job->ctx->conf.service);
    if (!(pr = calloc (1, sizeof (*pr))))
        return errmsg (err, -ENOMEM, "out of memory");
    pr->job = job;
    list_init (&pr->shells);
    list_init (&pr->waiters);
    job->perrank = pr;
    if (!(cmd = make_command (job)))
        return errmsg (err, -ENOMEM, "out of memory");
    for (r = idset_first (job->ranks); rc == 0 && r != IDSET_INVALID_ID;
         r = idset_next (job->ranks, r))
        rc = start_one (pr, cmd, r);
    flux_cmd_destroy (cmd);
    return rc < 0 ? errmsg (err, rc, "%s", strerror (-rc)) : 0;
}

void perrank_free (struct perrank *pr)
{
    if (!pr)
        return;
    list_foreach (&pr->shells, n) {
        struct remote_shell *sh = list_entry (n, struct remote_shell, node);
        list_del (n);
        flux_watcher_destroy (sh->linger_w);
        flux_subprocess_destroy (sh->p);
        free (sh);
    }
    list_foreach (&pr->waiters, n) {
        struct waiter *w = list_entry (n, struct waiter, node);
        list_del (n);
        flux_msg_decref (w->msg);
        free (w->name);
        free (w);
    }
    free (pr);
}

static void ask_shell (struct remote_shell *sh, const char *method, const char *args)
{
    struct job *job = sh->pr->job;
    char topic[128], id[32];
    flux_future_t *f;

    (void)fluid_encode (job->id, FLUID_F58_PLAIN, id, sizeof (id));
    (void)snprintf (topic, sizeof (topic), "%" PRIu32 "-shell-%s.%s",
                    job->userid, id, method);
    if (!(f = flux_rpc (job->ctx->h, topic, args, sh->rank, FLUX_RPC_NORESPONSE)))
        flux_log_error (job->ctx->h, "%s", topic);
    flux_future_destroy (f);
}

void perrank_ask_shells (struct job *job, const char *method, const char *args)
{
    list_foreach (&job->perrank->shells, n) {
        struct remote_shell *sh = list_entry (n, struct remote_shell, node);
        if (flux_subprocess_active (sh->p))
            ask_shell (sh, method, args);
    }
}

void perrank_signal (struct job *job, int signum, bool kill)
{
    bool forwarded = signum == SIGINT || signum == SIGTERM || signum == SIGALRM;
    char args[32];

    (void)snprintf (args, sizeof (args), "{\"signum\":%d}", signum);
    if (!kill && !forwarded) {
        perrank_ask_shells (job, "kill", args);
        return;
    }
    list_foreach (&job->perrank->shells, n) {
        struct remote_shell *sh = list_entry (n, struct remote_shell, node);
        if (flux_subprocess_active (sh->p))
            flux_future_destroy (flux_subprocess_kill (sh->p, signum));
    }
}

int perrank_enter_barrier (struct job *job, const char *name, uint32_t rank,
                           const flux_msg_t *msg)
{
    struct waiter *w = calloc (1, sizeof (*w));
    struct idset *ranks = update_rank (rank);

    if (!w || !ranks || !(w->name = strdup (name))) {
        free (w);
        idset_destroy (ranks);
        return -ENOMEM;
    }
    w->msg = flux_msg_incref (msg);
    list_append (&job->perrank->waiters, &w->node);
    job_barrier (job, name, ranks);
    idset_destroy (ranks);
    return 0;
}

void perrank_release_barrier (struct job *job, const char *name, int errnum)
{
    flux_t *h = job->ctx->h;

    list_foreach (&job->perrank->waiters, n) {
        struct waiter *w = list_entry (n, struct waiter, node);
        if (strcmp (w->name, name) != 0)
            continue;
        if ((errnum ? flux_respond_error (h, w->msg, errnum,
                                          "a shell of this job has ended")
                    : flux_respond (h, w->msg, NULL)) < 0)
            FLUX_LOG_ERROR (h);
        list_del (n);
        flux_msg_decref (w->msg);
        free (w->name);
        free (w);
    }
}
