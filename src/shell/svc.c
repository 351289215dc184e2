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
