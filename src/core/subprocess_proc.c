/* subprocess_proc.c - a process of the subprocess server, and its client
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
#include "core/command_private.h"
#include "core/subprocess_server_private.h"
#include "spec/iodata.h"

#define RETAIN_MAX 65536   /* bytes of output kept for the wait response */

const char *server_proc_name (struct server_proc *proc)
{
    const char *path = flux_cmd_arg (flux_subprocess_get_cmd (proc->p), 0);
    const char *p = strrchr (path, '/');

    return p && p[1] ? p + 1 : path;
}

void server_proc_free (struct server_proc *proc)
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
    server_check_shutdown (s);
}

/* Responses to the client */

static void client_pack (struct server_proc *proc, const char *fmt, ...)
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
        server_log (proc->server, LOG_ERR, "error responding to client: %s",
              strerror (errno));
    flux_msg_destroy (msg);
}

void server_proc_client_end (struct server_proc *proc, int errnum, const char *errstr)
{
    if (!proc->client)
        return;
    if (flux_respond_error (proc->server->h, proc->client, errnum, errstr) < 0)
        server_log (proc->server, LOG_ERR, "error responding to client: %s",
              strerror (errno));
    flux_msg_decref (proc->client);
    proc->client = NULL;
}

static bool client_wants (struct server_proc *proc, const char *stream)
{
    int flag = SUBPROCESS_REXEC_CHANNEL;

    if (!strcmp (stream, "stdout"))
        flag = SUBPROCESS_REXEC_STDOUT;
    else if (!strcmp (stream, "stderr"))
        flag = SUBPROCESS_REXEC_STDERR;
    return proc->client && (proc->flags & flag);
}

static void client_output (struct server_proc *proc, json_t *io)
{
    client_pack (proc, "{s:s s:i s:O}",
                 "type", "output", "pid", proc->pid, "io", io);
}

static void client_eof (struct server_proc *proc, const char *stream)
{
    json_t *io = iodata_encode (stream, proc->server->rank, NULL, 0, true);

    if (io)
        client_output (proc, io);
    json_decref (io);
}

static void client_finished (struct server_proc *proc)
{
    client_pack (proc, "{s:s s:i}", "type", "finished",
                 "status", flux_subprocess_status (proc->p));
}

/* Output */

static size_t io_size (const json_t *io)
{
    return json_string_length (json_object_get (io, "data"));
}

static void retain (struct server_proc *proc, json_t *io)
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

static void log_lines (struct server_proc *proc, const char *stream,
                       const char *data, size_t len)
{
    int level = !strcmp (stream, "stderr") ? LOG_ERR : LOG_INFO;
    const char *name = server_proc_name (proc);

    while (len > 0) {
        const char *nl = memchr (data, '\n', len);
        size_t n = nl ? (size_t)(nl - data) : len;
        server_log (proc->server, level, "%s[%d]: %.*s", name, proc->pid, (int)n, data);
        n += nl ? 1 : 0;
        data += n;
        len -= n;
    }
}

static void output_cb (flux_subprocess_t *p, const char *stream)
{
    struct server_proc *proc = flux_subprocess_aux_get (p, "proc");
    const char *data;
    json_t *io;
    int len;

    /* all the lines there are: the client splits them again */
    if ((len = sp_read_lines (p, stream, &data)) < 0)
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
        server_log (proc->server, LOG_ERR, "out of memory, output is lost");
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
    struct server_proc *proc = flux_subprocess_aux_get (p, "proc");

    client_pack (proc, "{s:s s:{s:i}}", "type", "add-credit",
                 "channels", stream, bytes);
}

/* State */

static void answer_waiter (struct server_proc *proc)
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
        server_log (proc->server, LOG_ERR, "error responding to wait: %s",
              strerror (errno));
}

static void log_exit (struct server_proc *proc, int status)
{
    const char *name = server_proc_name (proc);

    if (WIFSIGNALED (status))
        server_log (proc->server, LOG_INFO, "%s[%d]: %s", name, proc->pid,
              strsignal (WTERMSIG (status)));
    else if (WEXITSTATUS (status) != 0)
        server_log (proc->server, LOG_INFO, "%s[%d]: exited with status %d",
              name, proc->pid, WEXITSTATUS (status));
}

static void state_cb (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    struct server_proc *proc = flux_subprocess_aux_get (p, "proc");

    if (state == FLUX_SUBPROCESS_STOPPED)
        client_pack (proc, "{s:s}", "type", "stopped");
    else if (state == FLUX_SUBPROCESS_EXITED) {
        client_finished (proc);
        if (proc->background)
            log_exit (proc, flux_subprocess_status (p));
        server_check_shutdown (proc->server);
    }
    else if (state == FLUX_SUBPROCESS_FAILED) {
        server_proc_client_end (proc, flux_subprocess_fail_errno (p),
                    flux_subprocess_fail_error (p));
        server_proc_free (proc);
    }
}

static void completion_cb (flux_subprocess_t *p)
{
    struct server_proc *proc = flux_subprocess_aux_get (p, "proc");
    bool reaped = !proc->background || !proc->waitable;

    if (proc->client) {
        server_proc_client_end (proc, ENODATA, NULL);
        reaped = true;
    }
    if (proc->waiter) {
        answer_waiter (proc);
        reaped = true;
    }
    if (reaped)
        server_proc_free (proc);
}

/* Start */

static void exec_log (void *arg, const char *file, int line, const char *func,
                      const char *subsys, int level, const char *fmt, va_list ap)
{
    struct subprocess_server *s = arg;

    (void)vsnprintf (s->exec_error.text, sizeof (s->exec_error.text), fmt, ap);
}

static int start (struct server_proc *proc, flux_cmd_t *cmd, int lflags,
                       flux_error_t *err)
{
    struct subprocess_server *s = proc->server;
    bool bg = proc->background;
    int wants = proc->flags;
    flux_subprocess_ops_t ops = {
        .on_completion = completion_cb,
        .on_state_change = state_cb,
        .on_channel_out = bg || (wants & SUBPROCESS_REXEC_CHANNEL) ? output_cb : NULL,
        .on_stdout = bg || (wants & SUBPROCESS_REXEC_STDOUT) ? output_cb : NULL,
        .on_stderr = bg || (wants & SUBPROCESS_REXEC_STDERR) ? output_cb : NULL,
        .on_credit = (wants & SUBPROCESS_REXEC_WRITE_CREDIT) ? credit_cb : NULL,
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

static int enter_tables (struct server_proc *proc)
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

struct server_proc *server_proc_new (struct subprocess_server *s)
{
    struct server_proc *proc = calloc (1, sizeof (*proc));

    if (proc) {
        proc->server = s;
        list_append (&s->procs, &proc->node);
    }
    return proc;
}

int server_proc_start (struct server_proc *proc, flux_cmd_t *cmd, int flags,
                       flux_error_t *err)
{
    int rc = start (proc, cmd, flags, err);

    return rc < 0 ? rc : enter_tables (proc);
}

void server_proc_wait (struct server_proc *proc, const flux_msg_t *msg)
{
    proc->waiter = flux_msg_incref (msg);
    if (proc->p->completed) {
        answer_waiter (proc);
        server_proc_free (proc);
    }
}

/* Attach, detach */

/* Replay to a client that attaches: streams that are at their end already. */
static void attach_eofs (struct server_proc *proc)
{
    list_foreach (&proc->p->channels, n) {
        struct sp_channel *ch = list_entry (n, struct sp_channel, node);
        if (ch->output_f && ch->eof_told && client_wants (proc, ch->name))
            client_eof (proc, ch->name);
    }
}

void server_proc_attach (struct server_proc *proc, const flux_msg_t *msg, int flags)
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
        server_proc_client_end (proc, ENODATA, NULL);
        server_proc_free (proc);
    }
}

void server_proc_client_gone (struct server_proc *proc)
{
    flux_msg_decref (proc->client);
    proc->client = NULL;
    if (!proc->background)
        flux_future_destroy (flux_subprocess_kill (proc->p, SIGKILL));
}
