/* part_shell.c - the shell of a job on this broker
 *
 * Started here:         launch ─► shell_start ─► ... ─► exited, with its wait status
 *
 * Started by a broker that is gone:
 *   launch {reattach}          shell (it has lost its connection)
 *        │                       │ job-exec.reattach {id, pid}, over a new one
 *        └────────── both ───────┘ ─► shell_adopt ─► answered: it goes on
 *        │                                └─► job-exec.goodbye {id, status}, its end
 *        └── no such process, or it does not come: what it left is killed, and the
 *            part tells that it has failed with ESRCH
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

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/fluid.h"
#include "base/forkserver.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part_private.h"
#include "modules/exec/reap.h"
#include "modules/exec/shell.h"

#define SHELL_LOG_MAX 65536   /* bytes of a shell's own output that are kept */
#define FIRST_LOOK_SECONDS 0.3
#define LOOK_SECONDS 1.
#define ASK_AGAIN_SECONDS 0.05
#define ASK_TRIES 100

/* A request for a shell that is being taken over. */
struct ask {
    struct list_node node;
    struct part *part;
    char *topic;
    char *args;
    flux_future_t *f;
    int tries;
};

/* A shell that looks for its job; the job may not have been heard of yet. */
struct announced {
    struct list_node node;
    uint64_t id;
    pid_t pid;
    const flux_msg_t *msg;
};

static void part_update_one (struct part *part, uint32_t rank,
                             int (*fn) (struct update *u, uint32_t rank, int val,
                                        const char *text),
                             int val, const char *text)
{
    struct update u = { 0 };

    (void)fn (&u, rank, val, text);
    part_update (part, &u);
    update_clear (&u);
}

static int one_started (struct update *u, uint32_t rank, int val, const char *text)
{
    struct idset *ids = update_rank (rank);
    int rc = ids ? update_started (u, ids) : -ENOMEM;

    idset_destroy (ids);
    return rc;
}

static int one_exited (struct update *u, uint32_t rank, int val, const char *text)
{
    struct idset *ids = update_rank (rank);
    int rc = ids ? update_exited (u, val, ids) : -ENOMEM;

    idset_destroy (ids);
    return rc;
}

static int one_failed (struct update *u, uint32_t rank, int val, const char *text)
{
    return update_failed (u, rank, val, text);
}

static void reaped (struct reap *rp, int killed, void *arg)
{
    struct part *part = arg;

    reap_free (part->reap);
    part->reap = NULL;
    part_update_one (part, part->rank, one_exited, part->wait_status, NULL);
}

/* The tasks of a shell that was killed have nobody to end them but us, and it
 * has not ended here before they have. */
static void shell_exited (struct shell *sh, int status, void *arg)
{
    struct part *part = arg;
    struct jobexec *ctx = part->parts->ctx;

    shell_free (part->shell);
    part->shell = NULL;
    part->wait_status = status;
    if (WIFSIGNALED (status) && ctx
        && (part->reap = reap_new (ctx->r, part->own_tag, reaped, part)))
        return;
    part_update_one (part, part->rank, one_exited, status, NULL);
}

static void shell_output (struct shell *sh, const char *stream, const char *data,
                          size_t len, void *arg)
{
    static const char dropped[] = "(further output of the job shell is dropped)";
    struct part *part = arg;
    struct update u = { 0 };

    if (part->logged > SHELL_LOG_MAX)
        return;
    if ((part->logged += len + 1) > SHELL_LOG_MAX) {
        data = dropped;
        len = sizeof (dropped) - 1;
    }
    if (update_log (&u, part->rank, stream, data, len) == 0)
        part_update (part, &u);
    update_clear (&u);
}

static const struct shell_ops shell_ops = {
    .exited = shell_exited,
    .output = shell_output,
};

static const char *shell_path (const struct jobexec *ctx, const json_t *jobspec)
{
    static const char *keys[] = { "attributes", "system", "exec", "job_shell" };
    const json_t *o = jobspec;

    for (size_t i = 0; o && i < 4; i++)
        o = json_object_get (o, keys[i]);
    return json_is_string (o) ? json_string_value (o) : ctx->conf.job_shell;
}

/* The shell reads the start request, with what is known only here in front. */
static int make_info (struct buf *b, struct part *part, uint32_t rank,
                      const struct idset *ranks, const char *text)
{
    int shell_rank = 0;

    for (unsigned int r = idset_first (ranks); r != rank; r = idset_next (ranks, r))
        shell_rank++;
    text += strspn (text, " \t\r\n");
    if (*text != '{')
        return -EPROTO;
    buf_reserve (b, strlen (text) + 80);
    buf_addf (b, "{\"rank\":%" PRIu32 ",\"shell_rank\":%d,\"nshells\":%zu,",
              rank, shell_rank, idset_count (ranks));
    buf_adds (b, text + 1);
    return b->failed ? -ENOMEM : 0;
}

void part_start_shell (struct part *part, const struct idset *ranks,
                         const char *text, const json_t *jobspec, const char *J)
{
    struct jobexec *ctx = part->parts->ctx;
    char tags[sizeof (part->tag) + sizeof (part->own_tag) + 1];
    struct shell_args args = { .h = ctx->h, .id = part->id, .tag = tags,
                               .env = ctx->env };
    struct buf info = BUF_INIT;
    flux_error_t err = { "" };
    char ns[64];
    int rc;

    (void)snprintf (tags, sizeof (tags), "%s %s", part->tag, part->own_tag);
    args.reconnect = part->userid == ctx->owner ? part->reconnect : 0.;
    args.path = shell_path (ctx, jobspec);
    if (ctx->forkserver && strcmp (args.path, forkserver_path (ctx->forkserver)) == 0)
        args.fs = ctx->forkserver;
    if (part->userid != ctx->owner) {
        args.imp = ctx->conf.imp;
        args.J = J;
    }
    if ((rc = make_info (&info, part, ctx->rank, ranks, text)) < 0)
        errmsg (&err, rc, "%s", strerror (-rc));
    else {
        flux_job_kvs_namespace (ns, sizeof (ns), part->id);
        args.ns = ns;
        args.info = info.data;
        args.info_len = info.len;
        if (!(part->shell = shell_start (&args, &shell_ops, part, &err)))
            rc = -errno;
    }
    buf_release (&info);
    if (rc < 0)
        part_update_one (part, ctx->rank, one_failed, -rc, err.text);
    else
        part_update_one (part, ctx->rank, one_started, 0, NULL);
}

/* Requests to the shell */

static void ask_free (struct ask *a)
{
    list_del (&a->node);
    flux_future_destroy (a->f);
    free (a->topic);
    free (a->args);
    free (a);
}

void part_forget_asks (struct part *part)
{
    list_foreach (&part->asks, n)
        ask_free (list_entry (n, struct ask, node));
    flux_watcher_destroy (part->asks_w);
    part->asks_w = NULL;
}

static void send_asks (struct part *part);

static void asks_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_watcher_stop (w);
    send_asks (arg);
}

static void asked_cb (flux_future_t *f, void *arg)
{
    struct ask *a = arg;
    struct part *part = a->part;
    flux_reactor_t *r = part->parts->ctx->r;

    if (flux_future_get (f, NULL) == 0 || errno != ENOSYS || ++a->tries == ASK_TRIES) {
        ask_free (a);
        return;
    }
    flux_future_destroy (a->f);      /* it has not registered its service again yet */
    a->f = NULL;
    if (!part->asks_w && !(part->asks_w = flux_timer_watcher_create (r, 0., 0., asks_cb, part)))
        return;
    flux_timer_watcher_reset (part->asks_w, ASK_AGAIN_SECONDS, 0.);
    flux_watcher_start (part->asks_w);
}

static void send_asks (struct part *part)
{
    struct jobexec *ctx = part->parts->ctx;

    list_foreach (&part->asks, n) {
        struct ask *a = list_entry (n, struct ask, node);
        if (a->f)
            continue;
        a->f = flux_rpc (ctx->h, a->topic, a->args, ctx->rank, 0);
        if (!a->f || flux_future_then (a->f, -1., asked_cb, a) < 0)
            ask_free (a);
    }
}

/* Sent once and for all to a shell that was started here: it is there, or has ended. */
static void ask_once (struct part *part, const char *topic, const char *args)
{
    struct jobexec *ctx = part->parts->ctx;
    flux_future_t *f = flux_rpc (ctx->h, topic, args, ctx->rank, FLUX_RPC_NORESPONSE);

    if (!f)
        flux_log_error (ctx->h, "%s", topic);
    flux_future_destroy (f);
}

static int add_ask (struct part *part, const char *topic, const char *args)
{
    struct ask *a = calloc (1, sizeof (*a));

    if (!a)
        return -ENOMEM;
    a->part = part;
    list_append (&part->asks, &a->node);
    if (!(a->topic = strdup (topic)) || !(a->args = strdup (args))) {
        ask_free (a);
        return -ENOMEM;
    }
    return 0;
}

void part_ask_local_shell (struct part *part, const char *method, const char *args)
{
    char topic[128], id[32];

    (void)fluid_encode (part->id, FLUID_F58_PLAIN, id, sizeof (id));
    (void)snprintf (topic, sizeof (topic), "%" PRIu32 "-shell-%s.%s",
                    part->userid, id, method);
    if (!part->recovered)
        ask_once (part, topic, args);
    else if (add_ask (part, topic, args) == 0 && !part->awaited)
        send_asks (part);
}

/* The shell forwards a few signals by itself; any other is asked of it. */
void part_signal_local_tasks (struct part *part, int signum)
{
    char args[32];

    if (signum == SIGINT || signum == SIGTERM || signum == SIGALRM) {
        (void)shell_signal (part->shell, signum);
        return;
    }
    (void)snprintf (args, sizeof (args), "{\"signum\":%d}", signum);
    part_ask_local_shell (part, "kill", args);
}


/* Taking over */

static void announced_free (struct announced *an)
{
    list_del (&an->node);
    flux_msg_decref (an->msg);
    free (an);
}

void announced_forget (struct parts *ps, const flux_msg_t *sender)
{
    list_foreach (&ps->announced, n) {
        struct announced *an = list_entry (n, struct announced, node);
        if (!sender || flux_disconnect_match (an->msg, sender))
            announced_free (an);
    }
}

static void stop_waiting (struct part *part)
{
    part->awaited = false;
    flux_watcher_destroy (part->await_w);
    part->await_w = NULL;
}

/* What the shell may have left has ended too. */
static void proven_dead (struct reap *rp, int killed, void *arg)
{
    struct part *part = arg;
    char text[128];

    reap_free (part->reap);
    part->reap = NULL;
    (void)snprintf (text, sizeof (text), "lost with its broker: it was not there when the broker"
                    " was back (processes killed then: %d)", killed);
    part_update_one (part, part->rank, one_failed, ESRCH, text);
}

static void give_up (struct part *part)
{
    stop_waiting (part);
    part->reap = reap_new (part->parts->ctx->r, part->own_tag, proven_dead, part);
    if (!part->reap)
        part_update_one (part, part->rank, one_failed, ENOMEM, "out of memory");
}

static void look_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct part *part = arg;

    if (flux_reactor_now (r) >= part->give_up || !reap_shell_lives (part->own_tag))
        give_up (part);
}

/* 0, or a negative errno: it is not what it says it is. */
static int adopt (struct part *part, pid_t pid)
{
    part->shell = shell_adopt (part->parts->ctx->r, pid, part->own_tag, &shell_ops, part);
    if (!part->shell)
        return -errno;
    if (part->awaited) {
        stop_waiting (part);
        part_update_one (part, part->rank, one_started, 0, NULL);
        send_asks (part);
    }
    return 0;
}

static void answer (flux_t *h, const flux_msg_t *msg, int rc, const char *text)
{
    if ((rc < 0 ? flux_respond_error (h, msg, -rc, text) : flux_respond (h, msg, NULL)) < 0)
        FLUX_LOG_ERROR (h);
}

static int take_announced (struct part *part, const struct announced *an)
{
    int rc = adopt (part, an->pid);

    answer (part->parts->ctx->h, an->msg, rc, NULL);
    return rc;
}

void part_await_shell (struct part *part)
{
    struct jobexec *ctx = part->parts->ctx;

    if (!part->awaited)
        part->give_up = flux_reactor_now (ctx->r) + part->reconnect;
    part->awaited = true;
    list_foreach (&part->parts->announced, n) {
        struct announced *an = list_entry (n, struct announced, node);
        bool taken = an->id == part->id && take_announced (part, an) == 0;
        if (an->id == part->id)
            announced_free (an);
        if (taken)
            return;
    }
    part->await_w = flux_timer_watcher_create (ctx->r, FIRST_LOOK_SECONDS, LOOK_SECONDS,
                                               look_cb, part);
    if (part->await_w)
        flux_watcher_start (part->await_w);
    else
        give_up (part);
}

void part_release_shell (struct part *part)
{
    stop_waiting (part);
    part_forget_asks (part);
    shell_free (part->shell);
    reap_free (part->reap);
}

/* Requests of shells */

static int announce (struct parts *ps, uint64_t id, pid_t pid, const flux_msg_t *msg)
{
    struct announced *an = calloc (1, sizeof (*an));

    if (!an)
        return -ENOMEM;
    an->id = id;
    an->pid = pid;
    an->msg = flux_msg_incref (msg);
    list_append (&ps->announced, &an->node);
    return 0;
}

void part_reattach_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct jobexec *ctx = arg;
    const char *text = NULL;
    struct part *part;
    json_int_t id;
    int pid, rc;

    if (flux_request_unpack (msg, NULL, "{s:I s:i}", "id", &id, "pid", &pid) < 0 || pid <= 1)
        rc = -EPROTO;
    else if (!(part = parts_get (ctx->parts, id))) {
        if ((rc = announce (ctx->parts, id, pid, msg)) == 0)
            return;           /* answered when rank 0 has told of the job */
    }
    else if (part->awaited)
        rc = adopt (part, pid);
    else {
        /* only the connection was lost */
        rc = part->shell && shell_pid (part->shell) == pid ? 0 : -ENOENT;
        text = "this broker does not wait for a shell of this job";
    }
    answer (h, msg, rc, text);
}

void part_goodbye_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct jobexec *ctx = arg;
    struct part *part;
    json_int_t id;
    int status, rc = 0;

    if (flux_request_unpack (msg, NULL, "{s:I s:i}", "id", &id, "status", &status) < 0
        || status < 0 || status > 0xffff)
        rc = -EPROTO;
    else if (!(part = parts_get (ctx->parts, id)) || !part->shell)
        rc = -ENOENT;
    else
        shell_set_status (part->shell, status);
    answer (h, msg, rc, NULL);
}
