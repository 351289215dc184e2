/* subprocess_server.c - runs processes for remote clients (RFC 42)
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "core/command_private.h"
#include "core/subprocess_server_private.h"
#include "spec/iodata.h"

struct shutdown {
    struct list_node node;
    flux_future_t *f;
};

void server_log (struct subprocess_server *s, int level, const char *fmt, ...)
{
    va_list ap;

    if (!s->log_fn)
        return;
    va_start (ap, fmt);
    s->log_fn (s->log_data, __FILE__, __LINE__, __func__, s->service,
               level, fmt, ap);
    va_end (ap);
}

void server_check_shutdown (struct subprocess_server *s)
{
    list_foreach (&s->procs, n) {
        struct server_proc *proc = list_entry (n, struct server_proc, node);
        if (flux_subprocess_active (proc->p))
            return;
    }
    list_foreach (&s->shutdowns, n) {
        struct shutdown *sd = list_entry (n, struct shutdown, node);
        list_del (n);
        flux_future_fulfill (sd->f, NULL, NULL);
        flux_future_decref (sd->f);
        free (sd);
    }
}

/* Requests */

static int authorize (struct subprocess_server *s, const flux_msg_t *msg,
                      flux_error_t *err)
{
    const json_t *signature;

    /* of whatever type: it says that the rest of the payload is not to be used */
    if (flux_request_unpack (msg, NULL, "{s:o}", "signature", &signature) == 0)
        return errmsg (err, -EPERM, "signed requests are not supported here");
    if (s->has_user && flux_msg_authorize (msg, s->user) < 0)
        return errmsg (err, -EPERM, "this belongs to another user");
    return s->auth_fn ? s->auth_fn (msg, s->auth_arg, err) : 0;
}

static struct server_proc *proc_find (struct subprocess_server *s, pid_t pid,
                               const char *label)
{
    return label ? hash_get (s->by_label, label) : idhash_get (s->by_pid, pid);
}

static void respond_error (flux_t *h, const flux_msg_t *msg, int rc,
                           const flux_error_t *err)
{
    if (flux_msg_is_noresponse (msg))
        return;
    if (flux_respond_error (h, msg, -rc, err && err->text[0] ? err->text : NULL) < 0)
        FLUX_LOG_ERROR (h);
}

static int exec_flags (const flux_msg_t *msg, int flags, int lflags,
                       flux_error_t *err)
{
    const int lvalid = FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH
                       | FLUX_SUBPROCESS_FLAGS_NO_SETPGRP
                       | FLUX_SUBPROCESS_FLAGS_FORK_EXEC;

    if ((flags & ~31) || (lflags & ~lvalid))
        return errmsg (err, -EINVAL, "unknown flags");
    if (flux_msg_is_streaming (msg))
        return lflags;
    if ((flags & SUBPROCESS_REXEC_WRITE_CREDIT))
        return errmsg (err, -EINVAL,
                       "write-credit cannot be used in the background");
    if ((lflags & FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH))
        return errmsg (err, -EINVAL,
                       "stdio-fallthrough cannot be used in the background");
    return lflags | SP_FLAG_STDIN_NULL;
}

static int exec_check (struct subprocess_server *s, flux_cmd_t *cmd,
                       flux_error_t *err)
{
    const char *label = flux_cmd_get_label (cmd);

    if (s->shutting_down)
        return errmsg (err, -ENOSYS, "subprocess server is shutting down");
    if (label && hash_get (s->by_label, label))
        return errmsg (err, -EEXIST, "label '%s' is in use", label);
    return 0;
}

static int do_exec (struct subprocess_server *s, const flux_msg_t *msg,
                    flux_error_t *err)
{
    flux_cmd_t *cmd = NULL;
    struct server_proc *proc = NULL;
    int flags, lflags = 0, rc;
    json_t *o;

    if ((rc = authorize (s, msg, err)) < 0)
        return rc;
    if (flux_request_unpack (msg, NULL, "{s:o s:i s?i}", "cmd", &o,
                             "flags", &flags, "local_flags", &lflags) < 0)
        return -EPROTO;
    if ((lflags = exec_flags (msg, flags, lflags, err)) < 0)
        return lflags;
    if (!(cmd = cmd_from_json (o, err)))
        return -errno;
    if ((rc = exec_check (s, cmd, err)) < 0)
        goto done;
    rc = -ENOMEM;
    if (!(proc = server_proc_new (s)))
        goto done;
    proc->background = !flux_msg_is_streaming (msg);
    proc->waitable = (flags & SUBPROCESS_REXEC_WAITABLE);
    proc->flags = flags;
    if ((rc = server_proc_start (proc, cmd, lflags, err)) < 0)
        goto done;
    if (!proc->background)
        proc->client = flux_msg_incref (msg);
    if (flux_respond_pack (s->h, msg, "{s:s s:i}",
                           "type", "started", "pid", proc->pid) < 0)
        FLUX_LOG_ERROR (s->h);
done:
    if (rc < 0 && proc)
        server_proc_free (proc);
    flux_cmd_destroy (cmd);
    return rc;
}

static void exec_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    flux_error_t err = { "" };
    int rc = do_exec (arg, msg, &err);

    if (rc < 0)
        respond_error (h, msg, rc, &err);
}

static int do_attach (struct subprocess_server *s, const flux_msg_t *msg,
                      flux_error_t *err)
{
    const char *label = NULL;
    struct server_proc *proc;
    int pid, flags, rc;

    if (!flux_msg_is_streaming (msg))
        return -EPROTO;
    if ((rc = authorize (s, msg, err)) < 0)
        return rc;
    if (flux_request_unpack (msg, NULL, "{s:i s:i s?s}", "pid", &pid,
                             "flags", &flags, "label", &label) < 0)
        return -EPROTO;
    if ((flags & ~7))
        return errmsg (err, -EINVAL, "unknown flags");
    if (!(proc = proc_find (s, pid, label)))
        return errmsg (err, -ENOENT, "no such process");
    if (!proc->background)
        return errmsg (err, -EBUSY, "process is not in the background");
    if (proc->client || proc->waiter)
        return errmsg (err, -EBUSY, "process has a client already");
    server_proc_attach (proc, msg, flags);
    return 0;
}

static void attach_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    flux_error_t err = { "" };
    int rc = do_attach (arg, msg, &err);

    if (rc < 0)
        respond_error (h, msg, rc, &err);
}

static struct server_proc *find_by_matchtag (struct subprocess_server *s,
                                      const flux_msg_t *msg, uint32_t matchtag)
{
    list_foreach (&s->procs, n) {
        struct server_proc *proc = list_entry (n, struct server_proc, node);
        uint32_t tag;
        if (proc->client
            && flux_msg_get_matchtag (proc->client, &tag) == 0
            && tag == matchtag
            && flux_disconnect_match (proc->client, msg))
            return proc;
    }
    return NULL;
}

/* Data that cannot be passed on must not be lost silently. */
static void input_overrun (struct server_proc *proc, const char *stream)
{
    flux_future_t *f = flux_subprocess_kill (proc->p, SIGKILL);

    flux_future_destroy (f);
    server_log (proc->server, LOG_ERR, "%s[%d]: %s buffer overrun, process killed",
          server_proc_name (proc), proc->pid, stream);
    server_proc_client_end (proc, ENOSPC, "input buffer overrun");
}

static void write_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct subprocess_server *s = arg;
    struct server_proc *proc;
    struct iodata io;
    json_int_t matchtag;
    json_t *o;

    if (authorize (s, msg, NULL) < 0
        || flux_request_unpack (msg, NULL, "{s:I s:o}",
                                "matchtag", &matchtag, "io", &o) < 0
        || matchtag < 0 || matchtag > UINT32_MAX
        || !(proc = find_by_matchtag (s, msg, (uint32_t)matchtag))
        || proc->background
        || iodata_decode (o, NULL, &io) < 0)
        return;
    if (io.len > 0
        && flux_subprocess_write (proc->p, io.stream, io.data, io.len) < 0
        && errno == ENOSPC)
        input_overrun (proc, io.stream);
    if (io.eof)
        (void)flux_subprocess_close (proc->p, io.stream);
    iodata_release (&io);
}

static int do_kill (struct subprocess_server *s, const flux_msg_t *msg,
                    flux_error_t *err)
{
    const char *label = NULL;
    struct server_proc *proc;
    flux_future_t *f;
    int pid, signum, rc;

    if ((rc = authorize (s, msg, err)) < 0)
        return rc;
    if (flux_request_unpack (msg, NULL, "{s:i s:i s?s}", "pid", &pid,
                             "signum", &signum, "label", &label) < 0)
        return -EPROTO;
    if (!(proc = proc_find (s, pid, label)))
        return errmsg (err, -ESRCH, "no such process");
    if (!(f = flux_subprocess_kill (proc->p, signum))
        || flux_future_get (f, NULL) < 0)
        rc = -errno;
    flux_future_destroy (f);
    return rc;
}

static void kill_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    flux_error_t err = { "" };
    int rc = do_kill (arg, msg, &err);

    if (rc < 0)
        respond_error (h, msg, rc, &err);
    else if (!flux_msg_is_noresponse (msg) && flux_respond (h, msg, NULL) < 0)
        FLUX_LOG_ERROR (h);
}

static int do_wait (struct subprocess_server *s, const flux_msg_t *msg,
                    flux_error_t *err)
{
    const char *label = NULL;
    struct server_proc *proc;
    int pid, rc;

    if ((rc = authorize (s, msg, err)) < 0)
        return rc;
    if (flux_request_unpack (msg, NULL, "{s:i s?s}", "pid", &pid,
                             "label", &label) < 0)
        return -EPROTO;
    if (!(proc = proc_find (s, pid, label)))
        return errmsg (err, -ESRCH, "no such process");
    if (!proc->waitable)
        return errmsg (err, -EINVAL, "process is not waitable");
    if (proc->waiter)
        return errmsg (err, -EBUSY, "process is being waited for already");
    server_proc_wait (proc, msg);
    return 0;
}

static void wait_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    flux_error_t err = { "" };
    int rc = do_wait (arg, msg, &err);

    if (rc < 0)
        respond_error (h, msg, rc, &err);
}

static json_t *proc_to_json (struct server_proc *proc)
{
    char *cmd = flux_cmd_stringify (flux_subprocess_get_cmd (proc->p));
    bool running = flux_subprocess_active (proc->p);
    json_t *o;

    o = json_pack ("{s:i s:s s:s s:s}",
                   "pid", proc->pid,
                   "cmd", cmd ? cmd : "",
                   "state", running ? "R" : "Z",
                   "label", proc->label ? proc->label : "");
    free (cmd);
    return o;
}

static void list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct subprocess_server *s = arg;
    flux_error_t err = { "" };
    json_t *procs = NULL;
    int rc;

    if ((rc = authorize (s, msg, &err)) < 0)
        goto error;
    rc = -ENOMEM;
    if (!(procs = json_array ()))
        goto error;
    list_foreach (&s->procs, n) {
        if (json_array_append_new (procs,
                                   proc_to_json (list_entry (n, struct server_proc,
                                                             node))) < 0)
            goto error;
    }
    if (flux_respond_pack (h, msg, "{s:i s:o}", "rank", (int)strtol (s->rank, NULL, 10),
                           "procs", procs) < 0)
        FLUX_LOG_ERROR (h);
    return;
error:
    json_decref (procs);
    respond_error (h, msg, rc, &err);
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh,
                           const flux_msg_t *msg, void *arg)
{
    struct subprocess_server *s = arg;

    list_foreach (&s->procs, n) {
        struct server_proc *proc = list_entry (n, struct server_proc, node);
        if (proc->waiter && flux_disconnect_match (proc->waiter, msg)) {
            flux_msg_decref (proc->waiter);
            proc->waiter = NULL;
        }
        if (proc->client && flux_disconnect_match (proc->client, msg))
            server_proc_client_gone (proc);
    }
}

/* Life of the server */

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "exec", exec_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "attach", attach_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "write", write_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "kill", kill_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "wait", wait_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "list", list_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "disconnect", disconnect_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

struct subprocess_server *subprocess_server_create (flux_t *h,
                                                    const char *service,
                                                    const char *local_uri,
                                                    subprocess_log_f log_fn,
                                                    void *log_data)
{
    struct subprocess_server *s;
    uint32_t rank;

    if (!h || !service) {
        errno = EINVAL;
        return NULL;
    }
    if (flux_get_rank (h, &rank) < 0 || !(s = calloc (1, sizeof (*s))))
        return NULL;
    s->h = h;
    s->log_fn = log_fn;
    s->log_data = log_data;
    list_init (&s->procs);
    list_init (&s->shutdowns);
    (void)snprintf (s->rank, sizeof (s->rank), "%u", rank);
    if (!(s->service = strdup (service))
        || (local_uri && !(s->local_uri = strdup (local_uri)))
        || !(s->by_pid = idhash_new (NULL))
        || !(s->by_label = hash_new (NULL))
        || flux_msg_handler_addvec_ex (h, service, htab, s, &s->handlers) < 0) {
        subprocess_server_destroy (s);
        return NULL;
    }
    return s;
}

void subprocess_server_destroy (struct subprocess_server *s)
{
    if (!s)
        return;
    int saved_errno = errno;
    flux_msg_handler_delvec (s->handlers);
    list_foreach (&s->procs, n) {
        struct server_proc *proc = list_entry (n, struct server_proc, node);
        flux_future_destroy (flux_subprocess_kill (proc->p, SIGKILL));
        server_proc_client_end (proc, ENOSYS, "subprocess server is shutting down");
        if (proc->waiter)
            respond_error (s->h, proc->waiter, -ENOSYS, NULL);
        server_proc_free (proc);
    }
    server_check_shutdown (s);
    idhash_free (s->by_pid);
    hash_free (s->by_label);
    free (s->local_uri);
    free (s->service);
    free (s);
    errno = saved_errno;
}

void subprocess_server_allow_user (struct subprocess_server *s, uint32_t userid)
{
    s->has_user = true;
    s->user = userid;
    for (int i = 0; s->handlers[i]; i++)
        flux_msg_handler_allow_rolemask (s->handlers[i], FLUX_ROLE_USER);
}

void subprocess_server_set_auth (struct subprocess_server *s,
                                 subprocess_server_auth_f fn, void *arg)
{
    s->auth_fn = fn;
    s->auth_arg = arg;
}

flux_future_t *subprocess_server_shutdown (struct subprocess_server *s,
                                           int signum)
{
    struct shutdown *sd;

    if (!(sd = calloc (1, sizeof (*sd))))
        return NULL;
    list_init (&sd->node);
    if (!(sd->f = flux_future_create (NULL, NULL))) {
        free (sd);
        return NULL;
    }
    flux_future_set_flux (sd->f, s->h);
    flux_future_set_reactor (sd->f, flux_get_reactor (s->h));
    flux_future_incref (sd->f);
    flux_future_t *f = sd->f;
    list_append (&s->shutdowns, &sd->node);
    s->shutting_down = true;
    list_foreach (&s->procs, n) {
        struct server_proc *proc = list_entry (n, struct server_proc, node);
        flux_future_destroy (flux_subprocess_kill (proc->p, signum));
    }
    server_check_shutdown (s);
    return f;
}

size_t subprocess_server_count (const struct subprocess_server *s)
{
    return idhash_count (s->by_pid);
}
