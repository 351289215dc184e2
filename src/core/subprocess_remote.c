/* subprocess_remote.c - a process that a subprocess server runs for us (RFC 42)
 *
 *   us                        SERVICE (rexec, sdexec, UID-shell-JOBID.rexec)
 *   exec or attach ──────────►
 *         ◄──────────────────  add-credit, started or attached
 *   write (no response) ─────►
 *         ◄──────────────────  output ..., add-credit ...
 *   kill ────────────────────►
 *         ◄──────────────────  finished, output with eof for each stream
 *         ◄──────────────────  ENODATA, or another error
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <flux/core.h>

#include "core/command_private.h"
#include "core/subprocess_private.h"
#include "core/subprocess_server.h"
#include "spec/iodata.h"

struct remote {
    flux_future_t *f;    /* the exec or attach stream */
    char *service;
    uint32_t matchtag;
};

static flux_future_t *vcall (flux_subprocess_t *p, const char *method, int flags,
                             const char *fmt, ...)
{
    struct remote *rm = p->impl;
    char topic[256];
    va_list ap;
    flux_future_t *f;

    if (snprintf (topic, sizeof (topic), "%s.%s", rm->service, method)
        >= (int)sizeof (topic)) {
        errno = EINVAL;
        return NULL;
    }
    va_start (ap, fmt);
    f = flux_rpc_vpack (p->h, topic, p->rank, flags, fmt, ap);
    va_end (ap);
    return f;
}

static int send_input (flux_subprocess_t *p, struct sp_channel *ch,
                       const char *buf, size_t len, bool eof)
{
    struct remote *rm = p->impl;
    flux_future_t *f;
    json_t *io;

    if (!rm->f)
        return -EPIPE;
    if (!(io = iodata_encode (ch->name, "0", buf, len, eof)))
        return -ENOMEM;
    if (!(f = vcall (p, "write", FLUX_RPC_NORESPONSE, "{s:I s:o}",
                     "matchtag", (json_int_t)rm->matchtag, "io", io)))
        return -errno;
    flux_future_destroy (f);
    return 0;
}

static int remote_write (flux_subprocess_t *p, struct sp_channel *ch,
                         const char *buf, size_t len)
{
    return send_input (p, ch, buf, len, false);
}

static int remote_close (flux_subprocess_t *p, struct sp_channel *ch)
{
    int rc = send_input (p, ch, NULL, 0, true);

    if (rc == 0)
        ch->closing = ch->closed = true;
    return rc;
}

static flux_future_t *remote_kill (flux_subprocess_t *p, int signum)
{
    const char *label = flux_cmd_get_label (p->cmd);

    if (p->pid < 0 && !label) {
        errno = ESRCH; /* not started yet: there is no way to name it */
        return NULL;
    }
    if (label)
        return vcall (p, "kill", 0, "{s:i s:i s:s}",
                      "pid", p->pid, "signum", signum, "label", label);
    return vcall (p, "kill", 0, "{s:i s:i}", "pid", p->pid, "signum", signum);
}

static void remote_flow (struct sp_channel *ch)
{
    /* what comes meanwhile is kept in ch->out */
}

static void remote_quit (flux_subprocess_t *p)
{
    struct remote *rm = p->impl;

    flux_future_destroy (rm->f);
    rm->f = NULL;
}

static void remote_free (flux_subprocess_t *p)
{
    struct remote *rm = p->impl;

    remote_quit (p);
    free (rm->service);
    free (rm);
    flux_decref (p->h);
}

static const struct sp_method remote_method = {
    .write = remote_write,
    .close = remote_close,
    .kill = remote_kill,
    .flow = remote_flow,
    .quit = remote_quit,
    .free = remote_free,
};

/* Responses */

static int channel_fill (struct sp_channel *ch, const struct iodata *io)
{
    if (io->len > iobuf_space (&ch->out)) /* the server cannot be held off */
        ch->out.max = iobuf_len (&ch->out) + io->len;
    return iobuf_add (&ch->out, io->data, io->len);
}

static void channel_lend (struct sp_channel *ch, const struct iodata *io)
{
    ch->lent = io->data;
    ch->lent_len = io->len;
    ch->output_f (ch->p, ch->name);
    ch->lent = NULL;
}

static int handle_output (flux_subprocess_t *p, flux_future_t *f)
{
    struct sp_channel *ch;
    struct iodata io;
    json_t *o;
    int rc;

    if (flux_rpc_get_unpack (f, "{s:o}", "io", &o) < 0)
        return -EPROTO;
    if ((rc = iodata_decode (o, NULL, &io)) < 0)
        return rc;
    if ((ch = sp_channel_find (p, io.stream)) && ch->output_f && !ch->eof) {
        if (io.len > 0) {
            if ((p->flags & FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF))
                channel_lend (ch, &io);
            else
                rc = channel_fill (ch, &io);
        }
        if (io.eof)
            ch->eof = true;
        if (!p->dead)
            sp_channel_deliver (ch);
    }
    iodata_release (&io);
    return rc;
}

static int handle_credit (flux_subprocess_t *p, flux_future_t *f)
{
    const char *name;
    json_t *o, *val;

    if (flux_rpc_get_unpack (f, "{s:o}", "channels", &o) < 0)
        return -EPROTO;
    json_object_foreach (o, name, val) {
        json_int_t n = json_integer_value (val);
        if (n < 0 || n > INT32_MAX)
            return -EPROTO;
        if (p->ops.on_credit && !p->dead && n > 0)
            p->ops.on_credit (p, name, (int)n);
    }
    return 0;
}

static int handle_attached (flux_subprocess_t *p, flux_future_t *f)
{
    flux_error_t err;
    json_t *cmd;
    int pid;

    if (flux_rpc_get_unpack (f, "{s:i s:o}", "pid", &pid, "cmd", &cmd) < 0)
        return -EPROTO;
    flux_cmd_destroy (p->cmd);
    if (!(p->cmd = cmd_from_json (cmd, &err)))
        return -errno;
    if (!list_empty (&p->channels))
        return -EPROTO;
    int rc = sp_channels_create (p, true, p->ops.on_stdout, p->ops.on_stderr);
    if (rc == 0)
        sp_set_running (p, pid);
    return rc;
}

static int handle_started (flux_subprocess_t *p, flux_future_t *f)
{
    int pid;

    if (flux_rpc_get_unpack (f, "{s:i}", "pid", &pid) < 0
        || p->state != FLUX_SUBPROCESS_INIT)
        return -EPROTO;
    sp_set_running (p, pid);
    return 0;
}

static int handle_finished (flux_subprocess_t *p, flux_future_t *f)
{
    int status;

    if (flux_rpc_get_unpack (f, "{s:i}", "status", &status) < 0
        || !flux_subprocess_active (p))
        return -EPROTO;
    sp_set_exited (p, status);
    return 0;
}

static int handle_response (flux_subprocess_t *p, flux_future_t *f)
{
    const char *type;

    if (flux_rpc_get_unpack (f, "{s:s}", "type", &type) < 0)
        return -EPROTO;
    if (!strcmp (type, "output"))
        return handle_output (p, f);
    if (!strcmp (type, "add-credit"))
        return handle_credit (p, f);
    if (!strcmp (type, "started"))
        return handle_started (p, f);
    if (!strcmp (type, "attached"))
        return handle_attached (p, f);
    if (!strcmp (type, "finished"))
        return handle_finished (p, f);
    if (!strcmp (type, "stopped")) {
        sp_set_stopped (p, true);
        return 0;
    }
    return -EPROTO;
}

/* The stream has ended: what has not come will not come. */
static void close_output (flux_subprocess_t *p)
{
    list_foreach (&p->channels, n) {
        struct sp_channel *ch = list_entry (n, struct sp_channel, node);
        if (!ch->eof && !p->dead) {
            ch->eof = true;
            sp_channel_deliver (ch);
        }
    }
}

static void stream_end (flux_subprocess_t *p, int errnum, const char *errstr)
{
    struct remote *rm = p->impl;

    flux_future_destroy (rm->f);
    rm->f = NULL;
    if (p->state == FLUX_SUBPROCESS_EXITED)
        close_output (p);
    else if (errnum == ENODATA)
        sp_set_failed (p, EPROTO, "server ended the stream without a status");
    else
        sp_set_failed (p, errnum, "%s", errstr);
    if (!p->dead)
        sp_check_completed (p);
}

static void response_cb (flux_future_t *f, void *arg)
{
    flux_subprocess_t *p = sp_incref (arg);
    int rc;

    if (flux_rpc_get (f, NULL) < 0) {
        int errnum = errno;
        flux_error_t err;
        (void)snprintf (err.text, sizeof (err.text), "%s",
                        flux_future_error_string (f));
        stream_end (p, errnum, err.text);
    }
    else if ((rc = handle_response (p, f)) < 0) {
        if (!p->dead)
            stream_end (p, -rc, "malformed response from subprocess server");
    }
    else if (!p->dead)
        flux_future_reset (f);
    sp_decref (p);
}

/* Start */

static flux_subprocess_t *remote_new (flux_t *h, const char *service, int rank,
                                      int flags, const flux_cmd_t *cmd,
                                      const flux_subprocess_ops_t *ops)
{
    flux_reactor_t *r = flux_get_reactor (h);
    flux_subprocess_t *p;
    struct remote *rm;

    if (!r || !(p = sp_create (r, flags, cmd, ops)))
        return NULL;
    if (!(rm = calloc (1, sizeof (*rm)))
        || !(rm->service = strdup (service ? service : "rexec"))) {
        free (rm);
        sp_decref (p);
        errno = ENOMEM;
        return NULL;
    }
    p->impl = rm;
    p->method = &remote_method;
    p->h = flux_incref (h);
    p->rank = rank;
    return p;
}

/* Takes over 'f', which may be NULL (errno is set). */
static flux_subprocess_t *remote_start (flux_subprocess_t *p, flux_future_t *f)
{
    struct remote *rm = p->impl;

    rm->f = f;
    if (!f || flux_future_then (f, -1., response_cb, p) < 0) {
        p->dead = true;
        sp_decref (p);
        return NULL;
    }
    rm->matchtag = flux_rpc_get_matchtag (f);
    return p;
}

static int output_flags (const flux_subprocess_ops_t *ops)
{
    int flags = 0;

    if (ops && ops->on_stdout)
        flags |= SUBPROCESS_REXEC_STDOUT;
    if (ops && ops->on_stderr)
        flags |= SUBPROCESS_REXEC_STDERR;
    if (ops && ops->on_channel_out)
        flags |= SUBPROCESS_REXEC_CHANNEL;
    return flags;
}

#define LOCAL_FLAGS (FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH \
                     | FLUX_SUBPROCESS_FLAGS_NO_SETPGRP \
                     | FLUX_SUBPROCESS_FLAGS_FORK_EXEC)

#define REXEC_FLAGS (LOCAL_FLAGS \
                     | FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF \
                     | FLUX_SUBPROCESS_FLAGS_WAITABLE)

/* A signature (RFC 39) takes a signer that we do not have. */
static int check_flags (int flags, int valid)
{
    if ((flags & FLUX_SUBPROCESS_FLAGS_SIGN))
        errno = ENOTSUP;
    else if ((flags & ~valid))
        errno = EINVAL;
    else
        return 0;
    return -1;
}

flux_subprocess_t *flux_rexec_ex (flux_t *h,
                                  const char *service_name,
                                  int rank,
                                  int flags,
                                  const flux_cmd_t *cmd,
                                  const flux_subprocess_ops_t *ops,
                                  subprocess_log_f log_fn,
                                  void *log_data)
{
    flux_subprocess_t *p;
    int rflags = output_flags (ops);
    json_t *o;

    if (!h || !cmd || flux_cmd_argc (cmd) == 0
        || (rank < 0 && rank != (int)FLUX_NODEID_ANY)) {
        errno = EINVAL;
        return NULL;
    }
    if (check_flags (flags, REXEC_FLAGS) < 0
        || !(p = remote_new (h, service_name, rank, flags, cmd, ops)))
        return NULL;
    p->log_fn = log_fn;
    p->log_data = log_data;
    if ((flags & FLUX_SUBPROCESS_FLAGS_WAITABLE))
        rflags |= SUBPROCESS_REXEC_WAITABLE;
    if (p->ops.on_credit)
        rflags |= SUBPROCESS_REXEC_WRITE_CREDIT;
    int rc = sp_channels_create (p, true, p->ops.on_stdout, p->ops.on_stderr);
    if (rc < 0 || !(o = cmd_to_json (cmd))) {
        if (rc < 0)
            errno = -rc;
        return remote_start (p, NULL);
    }
    return remote_start (p, vcall (p, "exec", FLUX_RPC_STREAMING,
                                   "{s:o s:i s:i}",
                                   "cmd", o,
                                   "flags", rflags,
                                   "local_flags", flags & LOCAL_FLAGS));
}

flux_subprocess_t *flux_rexec (flux_t *h,
                               int rank,
                               int flags,
                               const flux_cmd_t *cmd,
                               const flux_subprocess_ops_t *ops)
{
    return flux_rexec_ex (h, NULL, rank, flags, cmd, ops, NULL, NULL);
}

flux_subprocess_t *flux_rexec_attach (flux_t *h,
                                      const char *service_name,
                                      int rank,
                                      int flags,
                                      pid_t pid,
                                      const char *label,
                                      const flux_subprocess_ops_t *ops)
{
    flux_subprocess_t *p;
    flux_cmd_t *none;

    if (!h || (pid <= 0 && !label)) {
        errno = EINVAL;
        return NULL;
    }
    if (check_flags (flags, FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF) < 0
        || !(none = flux_cmd_create (0, NULL, NULL)))
        return NULL;
    p = remote_new (h, service_name, rank, flags, none, ops);
    flux_cmd_destroy (none);
    if (!p)
        return NULL;
    if (label)
        return remote_start (p, vcall (p, "attach", FLUX_RPC_STREAMING,
                                       "{s:i s:i s:s}",
                                       "pid", pid,
                                       "flags", output_flags (ops),
                                       "label", label));
    return remote_start (p, vcall (p, "attach", FLUX_RPC_STREAMING,
                                   "{s:i s:i}",
                                   "pid", pid,
                                   "flags", output_flags (ops)));
}

static int topic_make (char *buf, size_t size, const char *service,
                       const char *method)
{
    if (snprintf (buf, size, "%s.%s", service ? service : "rexec", method)
        >= (int)size) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

flux_future_t *flux_rexec_bg (flux_t *h,
                              const char *service_name,
                              int rank,
                              int flags,
                              const flux_cmd_t *cmd)
{
    const int valid = FLUX_SUBPROCESS_FLAGS_NO_SETPGRP
                      | FLUX_SUBPROCESS_FLAGS_FORK_EXEC
                      | FLUX_SUBPROCESS_FLAGS_WAITABLE;
    int rflags = 0;
    char topic[256];
    json_t *o;

    if (!h || !cmd || flux_cmd_argc (cmd) == 0) {
        errno = EINVAL;
        return NULL;
    }
    if (check_flags (flags, valid) < 0
        || topic_make (topic, sizeof (topic), service_name, "exec") < 0
        || !(o = cmd_to_json (cmd)))
        return NULL;
    if ((flags & FLUX_SUBPROCESS_FLAGS_WAITABLE))
        rflags |= SUBPROCESS_REXEC_WAITABLE;
    return flux_rpc_pack (h, topic, rank, 0, "{s:o s:i s:i}",
                          "cmd", o,
                          "flags", rflags,
                          "local_flags", flags & LOCAL_FLAGS);
}

flux_future_t *flux_rexec_wait (flux_t *h,
                                const char *service_name,
                                int rank,
                                pid_t pid,
                                const char *label)
{
    char topic[256];

    if (!h || (pid <= 0 && !label)) {
        errno = EINVAL;
        return NULL;
    }
    if (topic_make (topic, sizeof (topic), service_name, "wait") < 0)
        return NULL;
    if (label)
        return flux_rpc_pack (h, topic, rank, 0, "{s:i s:s}",
                              "pid", pid, "label", label);
    return flux_rpc_pack (h, topic, rank, 0, "{s:i}", "pid", pid);
}
