/* subprocess_server.c - runs processes for remote clients (RFC 42)
 *
 * A process in the foreground belongs to the client whose exec request is
 * streaming; if the client goes, the process is killed.  One in the background
 * belongs to the server; a client may attach to it for a while.
 *
 *   exec (streaming) ─► foreground ─► exited ─► output at EOF ─► gone
 *   exec             ─► background ─► exited ─► output at EOF ─┬► gone
 *                       ▲      │                               └► zombie, if
 *                attach └──────┘ detach                           waitable
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <flux/core.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "base/list.h"
#include "core/command_private.h"
#include "core/subprocess_private.h"
#include "core/subprocess_server.h"
#include "spec/iodata.h"

#define RETAIN_MAX 65536   /* bytes of output kept for the wait response */

struct subprocess_server {
    flux_t *h;
    char *service;
    char *local_uri;
    char rank[16];
    subprocess_log_f log_fn;
    void *log_data;
    subprocess_server_auth_f auth_fn;
    void *auth_arg;
    flux_msg_handler_t **handlers;
    struct list_node procs;
    struct idhash *by_pid;
    struct hash *by_label;
    bool shutting_down;
    struct list_node shutdowns;
    flux_error_t exec_error;      /* why the last start failed */
};

struct proc {
    struct list_node node;
    struct subprocess_server *server;
    flux_subprocess_t *p;
    pid_t pid;
    const char *label;            /* the command's, or NULL */
    bool background;
    bool waitable;
    const flux_msg_t *client;     /* exec request, or attach request */
    const flux_msg_t *waiter;
    int flags;                    /* what 'client' wants to see */
    json_t *retained;             /* array of I/O objects */
    size_t retained_len;
};

struct shutdown {
    struct list_node node;
    flux_future_t *f;
};

static void vlog (struct subprocess_server *s, int level, const char *fmt, ...)
{
    va_list ap;

    if (!s->log_fn)
        return;
    va_start (ap, fmt);
    s->log_fn (s->log_data, __FILE__, __LINE__, __func__, s->service,
               level, fmt, ap);
    va_end (ap);
}

static const char *base_name (const char *path)
{
    const char *p = strrchr (path, '/');

    return p && p[1] ? p + 1 : path;
}

static void shutdown_check (struct subprocess_server *s)
{
    list_foreach (&s->procs, n) {
        struct proc *proc = list_entry (n, struct proc, node);
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

static void proc_free (struct proc *proc)
{
    struct subprocess_server *s = proc->server;

    list_del (&proc->node);
    if (proc->pid > 0 && idhash_get (s->by_pid, proc->pid) == proc)
        idhash_del (s->by_pid, proc->pid);
    if (proc->label && hash_get (s->by_label, proc->label) == proc)
        hash_del (s->by_label, proc->label);
    flux_msg_decref (proc->client);
    flux_msg_decref (proc->waiter);
    json_decref (proc->retained);
    flux_subprocess_destroy (proc->p);
    free (proc);
    shutdown_check (s);
}

/* Responses to the client */

static void client_pack (struct proc *proc, const char *fmt, ...)
{
    flux_msg_t *msg;
    va_list ap;
    int rc = -1;

    if (!proc->client)
        return;
    va_start (ap, fmt);
    if ((msg = flux_response_derive (proc->client, 0))
        && (rc = flux_msg_vpack (msg, fmt, ap)) == 0)
        rc = flux_send_new (proc->server->h, &msg, 0);
    va_end (ap);
    if (rc < 0)
        vlog (proc->server, LOG_ERR, "error responding to client: %s",
              strerror (errno));
    flux_msg_destroy (msg);
}

static void client_end (struct proc *proc, int errnum, const char *errstr)
{
    if (!proc->client)
        return;
    if (flux_respond_error (proc->server->h, proc->client, errnum, errstr) < 0)
        vlog (proc->server, LOG_ERR, "error responding to client: %s",
              strerror (errno));
    flux_msg_decref (proc->client);
    proc->client = NULL;
}

static bool client_wants (struct proc *proc, const char *stream)
{
    int flag = SUBPROCESS_REXEC_CHANNEL;

    if (!strcmp (stream, "stdout"))
        flag = SUBPROCESS_REXEC_STDOUT;
    else if (!strcmp (stream, "stderr"))
        flag = SUBPROCESS_REXEC_STDERR;
    return proc->client && (proc->flags & flag);
}

static void client_output (struct proc *proc, json_t *io)
{
    client_pack (proc, "{s:s s:i s:O}",
                 "type", "output", "pid", proc->pid, "io", io);
}

static void client_eof (struct proc *proc, const char *stream)
{
    json_t *io = iodata_encode (stream, proc->server->rank, NULL, 0, true);

    if (io)
        client_output (proc, io);
    json_decref (io);
}

static void client_finished (struct proc *proc)
{
    client_pack (proc, "{s:s s:i}", "type", "finished",
                 "status", flux_subprocess_status (proc->p));
}

/* Output */

static size_t io_size (const json_t *io)
{
    return json_string_length (json_object_get (io, "data"));
}

static void retain (struct proc *proc, json_t *io)
{
    if (!proc->retained && !(proc->retained = json_array ()))
        return;
    if (json_array_append (proc->retained, io) < 0)
        return;
    proc->retained_len += io_size (io);
    while (proc->retained_len > RETAIN_MAX
           && json_array_size (proc->retained) > 1) {
        proc->retained_len -= io_size (json_array_get (proc->retained, 0));
        json_array_remove (proc->retained, 0);
    }
}

static void log_lines (struct proc *proc, const char *stream,
                       const char *data, size_t len)
{
    int level = !strcmp (stream, "stderr") ? LOG_ERR : LOG_INFO;
    const char *name = base_name (flux_cmd_arg (flux_subprocess_get_cmd (proc->p), 0));

    while (len > 0) {
        const char *nl = memchr (data, '\n', len);
        size_t n = nl ? (size_t)(nl - data) : len;
        vlog (proc->server, level, "%s[%d]: %.*s", name, proc->pid, (int)n, data);
        n += nl ? 1 : 0;
        data += n;
        len -= n;
    }
}

/* A message carries all the lines there are: the client splits them again. */
static int read_chunk (flux_subprocess_t *p, const char *stream,
                       const char **data)
{
    struct sp_channel *ch = sp_channel_find (p, stream);
    size_t len = iobuf_len (&ch->out);
    const char *s, *nl;

    if (!ch->line_buffered || ch->eof || iobuf_line (&ch->out) == 0)
        return flux_subprocess_read (p, stream, data);
    s = iobuf_peek (&ch->out);
    nl = memrchr (s, '\n', len);
    *data = iobuf_take (&ch->out, nl - s + 1);
    if (ch->paused) {
        ch->paused = false;
        p->method->flow (ch);
    }
    return (int)(nl - s + 1);
}

static void output_cb (flux_subprocess_t *p, const char *stream)
{
    struct proc *proc = flux_subprocess_aux_get (p, "proc");
    const char *data;
    json_t *io;
    int len;

    if ((len = read_chunk (p, stream, &data)) < 0)
        return;
    if (len == 0) {
        if (client_wants (proc, stream))
            client_eof (proc, stream);
        return;
    }
    if (proc->background && proc->server->log_fn)
        log_lines (proc, stream, data, len);
    if (!client_wants (proc, stream) && !(proc->background && proc->waitable))
        return;
    if (!(io = iodata_encode (stream, proc->server->rank, data, len, false))) {
        vlog (proc->server, LOG_ERR, "out of memory, output is lost");
        return;
    }
    if (client_wants (proc, stream))
        client_output (proc, io);
    if (proc->background && proc->waitable)
        retain (proc, io);
    json_decref (io);
}

static void credit_cb (flux_subprocess_t *p, const char *stream, int bytes)
{
    struct proc *proc = flux_subprocess_aux_get (p, "proc");

    client_pack (proc, "{s:s s:{s:i}}", "type", "add-credit",
                 "channels", stream, bytes);
}

/* State */

static void answer_waiter (struct proc *proc)
{
    int status = flux_subprocess_status (proc->p);
    int rc;

    if (proc->retained)
        rc = flux_respond_pack (proc->server->h, proc->waiter, "{s:i s:O}",
                                "status", status, "output", proc->retained);
    else
        rc = flux_respond_pack (proc->server->h, proc->waiter, "{s:i}",
                                "status", status);
    if (rc < 0)
        vlog (proc->server, LOG_ERR, "error responding to wait: %s",
              strerror (errno));
}

static void log_exit (struct proc *proc, int status)
{
    const char *name = base_name (flux_cmd_arg (flux_subprocess_get_cmd (proc->p), 0));

    if (WIFSIGNALED (status))
        vlog (proc->server, LOG_INFO, "%s[%d]: %s", name, proc->pid,
              strsignal (WTERMSIG (status)));
    else if (WEXITSTATUS (status) != 0)
        vlog (proc->server, LOG_INFO, "%s[%d]: exited with status %d",
              name, proc->pid, WEXITSTATUS (status));
}

static void state_cb (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    struct proc *proc = flux_subprocess_aux_get (p, "proc");

    if (state == FLUX_SUBPROCESS_STOPPED)
        client_pack (proc, "{s:s}", "type", "stopped");
    else if (state == FLUX_SUBPROCESS_EXITED) {
        client_finished (proc);
        if (proc->background)
            log_exit (proc, flux_subprocess_status (p));
        shutdown_check (proc->server);
    }
    else if (state == FLUX_SUBPROCESS_FAILED) {
        client_end (proc, flux_subprocess_fail_errno (p),
                    flux_subprocess_fail_error (p));
        proc_free (proc);
    }
}

static void completion_cb (flux_subprocess_t *p)
{
    struct proc *proc = flux_subprocess_aux_get (p, "proc");
    bool reaped = !proc->background || !proc->waitable;

    if (proc->client) {
        client_end (proc, ENODATA, NULL);
        reaped = true;
    }
    if (proc->waiter) {
        answer_waiter (proc);
        reaped = true;
    }
    if (reaped)
        proc_free (proc);
}

/* Requests */

static int authorize (struct subprocess_server *s, const flux_msg_t *msg,
                      flux_error_t *err)
{
    const char *signature;

    if (flux_request_unpack (msg, NULL, "{s:s}", "signature", &signature) == 0)
        return errmsg (err, -EPERM, "signed requests are not supported here");
    return s->auth_fn ? s->auth_fn (msg, s->auth_arg, err) : 0;
}

static struct proc *proc_find (struct subprocess_server *s, pid_t pid,
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

static void exec_log (void *arg, const char *file, int line, const char *func,
                      const char *subsys, int level, const char *fmt, va_list ap)
{
    struct subprocess_server *s = arg;

    (void)vsnprintf (s->exec_error.text, sizeof (s->exec_error.text), fmt, ap);
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

static int exec_start (struct proc *proc, flux_cmd_t *cmd, int lflags,
                       flux_error_t *err)
{
    struct subprocess_server *s = proc->server;
    bool bg = proc->background;
    int flags = proc->flags;
    flux_subprocess_ops_t ops = {
        .on_completion = completion_cb,
        .on_state_change = state_cb,
        .on_channel_out = bg || (flags & SUBPROCESS_REXEC_CHANNEL) ? output_cb : NULL,
        .on_stdout = bg || (flags & SUBPROCESS_REXEC_STDOUT) ? output_cb : NULL,
        .on_stderr = bg || (flags & SUBPROCESS_REXEC_STDERR) ? output_cb : NULL,
        .on_credit = (flags & SUBPROCESS_REXEC_WRITE_CREDIT) ? credit_cb : NULL,
    };
    const char *name;

    if (s->local_uri && flux_cmd_setenvf (cmd, 1, "FLUX_URI", "%s", s->local_uri) < 0)
        return errmsg (err, -errno, "out of memory");
    s->exec_error.text[0] = '\0';
    proc->p = flux_local_exec_ex (flux_get_reactor (s->h), lflags, cmd, &ops, NULL,
                                  exec_log, s);
    if (!proc->p)
        return errmsg (err, -errno, "%s", s->exec_error.text[0]
                                          ? s->exec_error.text : strerror (errno));
    if (flux_subprocess_aux_set (proc->p, "proc", proc, NULL) < 0)
        return errmsg (err, -errno, "out of memory");
    for (size_t i = 0; bg && (name = cmd_channel (cmd, i)); i++)
        (void)flux_subprocess_close (proc->p, name);
    return 0;
}

static int proc_register (struct proc *proc)
{
    struct subprocess_server *s = proc->server;

    proc->pid = flux_subprocess_pid (proc->p);
    proc->label = flux_cmd_get_label (flux_subprocess_get_cmd (proc->p));
    if (idhash_set (s->by_pid, proc->pid, proc) < 0
        || (proc->label && hash_set (s->by_label, proc->label, proc) < 0)) {
        (void)kill (-proc->pid, SIGKILL);
        return -ENOMEM;
    }
    return 0;
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
    struct proc *proc = NULL;
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
    if (!(proc = calloc (1, sizeof (*proc))))
        goto done;
    list_append (&s->procs, &proc->node);
    proc->server = s;
    proc->background = !flux_msg_is_streaming (msg);
    proc->waitable = (flags & SUBPROCESS_REXEC_WAITABLE);
    proc->flags = flags;
    if ((rc = exec_start (proc, cmd, lflags, err)) < 0
        || (rc = proc_register (proc)) < 0)
        goto done;
    if (!proc->background)
        proc->client = flux_msg_incref (msg);
    if (flux_respond_pack (s->h, msg, "{s:s s:i}",
                           "type", "started", "pid", proc->pid) < 0)
        FLUX_LOG_ERROR (s->h);
done:
    if (rc < 0 && proc)
        proc_free (proc);
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

/* Replay to a client that attaches: streams that are at their end already. */
static void attach_eofs (struct proc *proc)
{
    list_foreach (&proc->p->channels, n) {
        struct sp_channel *ch = list_entry (n, struct sp_channel, node);
        if (ch->output_f && ch->eof_told && client_wants (proc, ch->name))
            client_eof (proc, ch->name);
    }
}

static void attach_start (struct proc *proc, const flux_msg_t *msg, int flags)
{
    json_t *cmd = cmd_to_json (flux_subprocess_get_cmd (proc->p));
    flux_subprocess_state_t state = flux_subprocess_state (proc->p);

    proc->client = flux_msg_incref (msg);
    proc->flags = flags;
    client_pack (proc, "{s:s s:i s:o}", "type", "attached",
                 "pid", proc->pid, "cmd", cmd);
    attach_eofs (proc);
    if (state == FLUX_SUBPROCESS_STOPPED)
        client_pack (proc, "{s:s}", "type", "stopped");
    if (state != FLUX_SUBPROCESS_EXITED)
        return;
    client_finished (proc);
    if (proc->p->completed) {
        client_end (proc, ENODATA, NULL);
        proc_free (proc);
    }
}

static int do_attach (struct subprocess_server *s, const flux_msg_t *msg,
                      flux_error_t *err)
{
    const char *label = NULL;
    struct proc *proc;
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
    attach_start (proc, msg, flags);
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

static struct proc *find_by_matchtag (struct subprocess_server *s,
                                      const flux_msg_t *msg, uint32_t matchtag)
{
    list_foreach (&s->procs, n) {
        struct proc *proc = list_entry (n, struct proc, node);
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
static void input_overrun (struct proc *proc, const char *stream)
{
    flux_future_t *f = flux_subprocess_kill (proc->p, SIGKILL);

    flux_future_destroy (f);
    vlog (proc->server, LOG_ERR, "%s[%d]: %s buffer overrun, process killed",
          base_name (flux_cmd_arg (flux_subprocess_get_cmd (proc->p), 0)),
          proc->pid, stream);
    client_end (proc, ENOSPC, "input buffer overrun");
}

static void write_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct subprocess_server *s = arg;
    struct proc *proc;
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
    struct proc *proc;
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
    struct proc *proc;
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
    proc->waiter = flux_msg_incref (msg);
    if (proc->p->completed) {
        answer_waiter (proc);
        proc_free (proc);
    }
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

static json_t *proc_to_json (struct proc *proc)
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
                                   proc_to_json (list_entry (n, struct proc,
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

static void client_gone (struct proc *proc)
{
    flux_msg_decref (proc->client);
    proc->client = NULL;
    if (!proc->background)
        flux_future_destroy (flux_subprocess_kill (proc->p, SIGKILL));
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh,
                           const flux_msg_t *msg, void *arg)
{
    struct subprocess_server *s = arg;

    list_foreach (&s->procs, n) {
        struct proc *proc = list_entry (n, struct proc, node);
        if (proc->waiter && flux_disconnect_match (proc->waiter, msg)) {
            flux_msg_decref (proc->waiter);
            proc->waiter = NULL;
        }
        if (proc->client && flux_disconnect_match (proc->client, msg))
            client_gone (proc);
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
        struct proc *proc = list_entry (n, struct proc, node);
        flux_future_destroy (flux_subprocess_kill (proc->p, SIGKILL));
        client_end (proc, ENOSYS, "subprocess server is shutting down");
        if (proc->waiter)
            respond_error (s->h, proc->waiter, -ENOSYS, NULL);
        proc_free (proc);
    }
    shutdown_check (s);
    idhash_free (s->by_pid);
    hash_free (s->by_label);
    free (s->local_uri);
    free (s->service);
    free (s);
    errno = saved_errno;
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
        struct proc *proc = list_entry (n, struct proc, node);
        flux_future_destroy (flux_subprocess_kill (proc->p, signum));
    }
    shutdown_check (s);
    return f;
}

size_t subprocess_server_count (const struct subprocess_server *s)
{
    return idhash_count (s->by_pid);
}
