/* svc.c - the job's own service on each broker: "<userid>-shell-<jobid>"
 *
 *   another shell, flux job attach ──► broker ──► this shell
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/fluid.h"
#include "base/list.h"
#include "shell/internal.h"

struct method {
    struct list_node node;
    flux_shell_t *shell;
    flux_msg_handler_t *mh;
    int type;
    char *topic;
    flux_msg_handler_f cb;
    void *arg;
};

/* The owner of the job may call; so may the instance owner. */
static void dispatch (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct method *m = arg;

    if (flux_msg_authorize (msg, m->shell->info.userid) < 0) {
        if (flux_respond_error (h, msg, EPERM, "this job belongs to another user") < 0)
            shell_log_errno ("flux_respond_error");
        return;
    }
    m->cb (h, mh, msg, m->arg);
}

static void method_free (struct method *m)
{
    list_del (&m->node);
    flux_msg_handler_destroy (m->mh);
    free (m->topic);
    free (m);
}

/* The last to register a name has it. */
static void remove_handler (flux_shell_t *shell, int type, const char *topic)
{
    list_foreach (&shell->methods, n) {
        struct method *m = list_entry (n, struct method, node);
        if (m->type == type && type == FLUX_MSGTYPE_REQUEST && strcmp (m->topic, topic) == 0)
            method_free (m);
    }
}

static int add_handler (flux_shell_t *shell, int type, const char *topic,
                        flux_msg_handler_f cb, void *arg)
{
    struct flux_match match = { .typemask = type, .matchtag = FLUX_MATCHTAG_NONE,
                                .topic_glob = topic };
    struct method *m = calloc (1, sizeof (*m));

    if (!m)
        return -1;
    list_init (&m->node);
    m->shell = shell;
    m->cb = cb;
    m->arg = arg;
    m->type = type;
    if (!(m->topic = strdup (topic))
        || !(m->mh = flux_msg_handler_create (shell->h, match, dispatch, m))) {
        method_free (m);
        return -1;
    }
    remove_handler (shell, type, topic);
    if (type == FLUX_MSGTYPE_REQUEST)
        flux_msg_handler_allow_rolemask (m->mh, FLUX_ROLE_USER);
    flux_msg_handler_start (m->mh);
    list_append (&shell->methods, &m->node);
    return 0;
}

static int add_method (flux_shell_t *shell, int type, const char *prefix, const char *method,
                       flux_msg_handler_f cb, void *arg)
{
    char *topic = NULL;
    int rc;

    if (!shell || !method || !cb) {
        errno = EINVAL;
        return -1;
    }
    if (asprintf (&topic, "%s.%s", prefix, method) < 0)
        return -1;
    rc = add_handler (shell, type, topic, cb, arg);
    free (topic);
    return rc;
}

int flux_shell_service_register (flux_shell_t *shell, const char *method,
                                 flux_msg_handler_f cb, void *arg)
{
    return add_method (shell, FLUX_MSGTYPE_REQUEST, shell ? shell->service : "", method, cb, arg);
}

int flux_shell_add_event_handler (flux_shell_t *shell, const char *subtopic,
                                  flux_msg_handler_f cb, void *arg)
{
    char prefix[64];

    if (!shell || !subtopic || !cb) {
        errno = EINVAL;
        return -1;
    }
    snprintf (prefix, sizeof (prefix), "shell-%ju", (uintmax_t)shell->info.jobid);
    char *topic = NULL;
    if (asprintf (&topic, "%s.%s", prefix, subtopic) < 0)
        return -1;
    int rc = flux_event_subscribe (shell->h, topic);
    free (topic);
    return rc < 0 ? rc : add_method (shell, FLUX_MSGTYPE_EVENT, prefix, subtopic, cb, arg);
}

flux_future_t *shell_rpc (flux_shell_t *shell, const char *method, int shell_rank, const char *s)
{
    char topic[256];

    snprintf (topic, sizeof (topic), "%s.%s", shell->service, method);
    return flux_rpc (shell->h, topic, s, shell->info.nodes[shell_rank].broker_rank, 0);
}

flux_future_t *flux_shell_rpc_pack (flux_shell_t *shell, const char *method, int shell_rank,
                                    int flags, const char *fmt, ...)
{
    char topic[256];
    flux_future_t *f;
    va_list ap;

    if (!shell || !method || !fmt || shell_rank < 0 || shell_rank >= shell->info.nshells) {
        errno = EINVAL;
        return NULL;
    }
    snprintf (topic, sizeof (topic), "%s.%s", shell->service, method);
    va_start (ap, fmt);
    f = flux_rpc_vpack (shell->h, topic, shell->info.nodes[shell_rank].broker_rank, flags,
                        fmt, ap);
    va_end (ap);
    return f;
}

/* Telling */

#define RETRY_SECONDS 0.1
#define ABSENT_SECONDS 3.    /* by then a shell that was taken over is registered again */

bool shell_may_retry (flux_shell_t *shell, struct shell_retry *retry, int errnum)
{
    double now = flux_reactor_time ();   /* some callers wait outside of the reactor */
    bool absent = errnum == ENOSYS;

    if (!shell->reconnect
        || (errnum != ECONNRESET
            && (shell->patience == 0. || (errnum != EHOSTUNREACH && !absent))))
        return false;
    if (retry->since == 0.)
        retry->since = now;
    retry->absent = !absent ? 0. : retry->absent > 0. ? retry->absent : now;
    return (shell->patience == 0. || now - retry->since < shell->patience)
           && (!absent || now - retry->absent < ABSENT_SECONDS);
}

struct tell {
    flux_shell_t *shell;
    char *method;
    int rank;
    json_t *args;
    struct shell_retry retry;
    flux_watcher_t *w;
};

static void tell_free (struct tell *t)
{
    flux_watcher_destroy (t->w);
    json_decref (t->args);
    free (t->method);
    free (t);
}

static void tell_done (struct tell *t)
{
    flux_shell_remove_completion_ref (t->shell, "tell");
    tell_free (t);
}

static void told_cb (flux_future_t *f, void *arg)
{
    struct tell *t = arg;
    bool again = flux_future_get (f, NULL) < 0 && shell_may_retry (t->shell, &t->retry, errno);

    flux_future_destroy (f);
    if (!again) {
        tell_done (t);
        return;
    }
    flux_timer_watcher_reset (t->w, RETRY_SECONDS, 0.);
    flux_watcher_start (t->w);
}

static void tell_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct tell *t = arg;
    flux_future_t *f = flux_shell_rpc_pack (t->shell, t->method, t->rank, 0, "O", t->args);

    flux_watcher_stop (t->w);
    if (!f || flux_future_then (f, -1., told_cb, t) < 0) {
        flux_future_destroy (f);
        tell_done (t);
    }
}

static void tell_surely (flux_shell_t *shell, const char *method, int shell_rank, json_t *args)
{
    struct tell *t = calloc (1, sizeof (*t));

    if (!t || !(t->w = flux_timer_watcher_create (shell->r, 0., 0., tell_cb, t))
        || !(t->method = strdup (method))) {
        shell_log_error ("%s: out of memory", method);
        if (t)
            tell_free (t);
        return;
    }
    t->shell = shell;
    t->rank = shell_rank;
    t->args = json_incref (args);
    flux_shell_add_completion_ref (shell, "tell");
    tell_cb (shell->r, t->w, 0, t);
}

void shell_tell (flux_shell_t *shell, const char *method, int shell_rank, json_t *args)
{
    if (shell->patience > 0.)
        tell_surely (shell, method, shell_rank, args);
    else
        flux_future_destroy (flux_shell_rpc_pack (shell, method, shell_rank, FLUX_RPC_NORESPONSE,
                                                  "O", args));
    json_decref (args);
}

void shell_got_told (flux_t *h, const flux_msg_t *msg)
{
    if (!flux_msg_is_noresponse (msg) && flux_respond (h, msg, NULL) < 0)
        shell_log_errno ("flux_respond");
}

struct answer {
    struct list_node node;
    flux_future_t *f;            /* owns it */
};

static void answer_free (void *arg)
{
    struct answer *a = arg;

    list_del (&a->node);
    free (a);
}

int shell_then (flux_shell_t *shell, flux_future_t *f, flux_continuation_f cb, void *arg)
{
    struct answer *a = malloc (sizeof (*a));

    if (!a)
        return -1;
    list_init (&a->node);
    a->f = f;
    if (flux_future_aux_set (f, NULL, a, answer_free) < 0) {
        free (a);
        return -1;
    }
    list_append (&shell->answers, &a->node);
    return flux_future_then (f, -1., cb, arg);
}

static void registered (flux_future_t *f, void *arg)
{
    if (flux_future_get (f, NULL) < 0)
        shell_warn ("cannot register the shell's service: %s", future_strerror (f, errno));
    flux_future_destroy (f);
}

/* The answer is not waited for: what reaches other shells after this passes the
 * broker after the registration. */
int shell_svc_init (flux_shell_t *shell)
{
    char id[32];

    list_init (&shell->methods);
    list_init (&shell->answers);
    if (fluid_encode (shell->info.jobid, FLUID_F58_PLAIN, id, sizeof (id)) < 0
        || asprintf (&shell->service, "%u-shell-%s", shell->info.userid, id) < 0)
        return -ENOMEM;
    return shell_svc_register (shell);
}

int shell_svc_register (flux_shell_t *shell)
{
    flux_future_t *f;

    list_foreach (&shell->methods, n) {
        struct method *m = list_entry (n, struct method, node);
        if (m->type == FLUX_MSGTYPE_EVENT)
            flux_future_destroy (flux_event_subscribe_ex (shell->h, m->topic, 0));
    }
    if (!(f = flux_service_register (shell->h, shell->service))
        || shell_then (shell, f, registered, shell) < 0) {
        flux_future_destroy (f);
        return -errno;
    }
    return 0;
}
