/* subprocess_io.c - the streams of a subprocess
 *
 * Output: bytes arrive in ch->out; sp_channel_deliver() calls the user as long
 * as that makes progress, and once more, with nothing to read, for EOF.  What
 * the user leaves unread is offered again when more comes.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <flux/core.h>

#include "core/command_private.h"
#include "core/subprocess_private.h"

/* "4096", "64k", "4M": 0 if it is not a size. */
static size_t parse_size (const char *s)
{
    char *end;
    unsigned long long n;

    if (*s < '0' || *s > '9')
        return 0;
    errno = 0;
    n = strtoull (s, &end, 10);
    if (errno != 0 || n > INT_MAX)
        return 0;
    if (*end) {
        const char *suffix = "kmg";
        const char *p;
        if (end[1] || !(p = strchr (suffix, *end | 0x20)))
            return 0;
        n <<= 10 * (p - suffix + 1);
    }
    return n <= INT_MAX ? n : 0;
}

static bool opt_is_true (const char *s, bool dflt)
{
    return s ? !strcasecmp (s, "true") : dflt;
}

struct sp_channel *sp_channel_new (flux_subprocess_t *p, const char *name,
                                   flux_subprocess_output_f output_f,
                                   bool writable)
{
    struct sp_channel *ch;
    size_t bufsize = SP_BUFSIZE_DEFAULT;
    const char *opt;

    if ((opt = cmd_stream_opt (p->cmd, name, "BUFSIZE"))
        && (bufsize = parse_size (opt)) == 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(ch = calloc (1, sizeof (*ch))))
        return NULL;
    ch->p = p;
    ch->fd = -1;
    ch->writable = writable;
    ch->output_f = output_f;
    if (!output_f)
        ch->eof = ch->eof_told = true;
    iobuf_init (&ch->out, bufsize);
    iobuf_init (&ch->in, bufsize);
    ch->line_buffered = opt_is_true (cmd_stream_opt (p->cmd, name, "LINE_BUFFER"),
                                     true);
    ch->stopped = opt_is_true (cmd_stream_opt (p->cmd, name, "STREAM_STOP"), false);
    list_append (&p->channels, &ch->node);
    if (!(ch->name = strdup (name))) {
        sp_channel_free (ch);
        errno = ENOMEM;
        return NULL;
    }
    return ch;
}

void sp_channel_free (struct sp_channel *ch)
{
    list_del (&ch->node);
    iobuf_release (&ch->out);
    iobuf_release (&ch->in);
    free (ch->name);
    free (ch);
}

struct sp_channel *sp_channel_find (flux_subprocess_t *p, const char *name)
{
    list_foreach (&p->channels, n) {
        struct sp_channel *ch = list_entry (n, struct sp_channel, node);
        if (!strcmp (ch->name, name))
            return ch;
    }
    return NULL;
}

int sp_channels_create (flux_subprocess_t *p, bool with_stdin,
                        bool with_stdout, bool with_stderr)
{
    struct sp_channel *ch;
    const char *name;

    if ((with_stdin && !sp_channel_new (p, "stdin", NULL, true))
        || (with_stdout && !sp_channel_new (p, "stdout", p->ops.on_stdout, false))
        || (with_stderr && !sp_channel_new (p, "stderr", p->ops.on_stderr, false)))
        return -errno;
    for (size_t i = 0; (name = cmd_channel (p->cmd, i)); i++) {
        if (!(ch = sp_channel_new (p, name, p->ops.on_channel_out, true)))
            return -errno;
        ch->aux = true;
    }
    return 0;
}

static bool deliverable (struct sp_channel *ch)
{
    if (ch->stopped || iobuf_len (&ch->out) == 0)
        return false;
    return !ch->line_buffered
           || ch->eof
           || iobuf_space (&ch->out) == 0
           || iobuf_line (&ch->out) > 0;
}

void sp_channel_deliver (struct sp_channel *ch)
{
    flux_subprocess_t *p = ch->p;
    size_t before = 0;

    if (!ch->output_f || p->dead)
        return;
    sp_incref (p);
    while (!p->dead && deliverable (ch) && iobuf_len (&ch->out) != before) {
        before = iobuf_len (&ch->out);
        ch->output_f (p, ch->name);
    }
    if (!p->dead && ch->eof && !ch->eof_told && !ch->stopped) {
        ch->eof_told = true;
        if (iobuf_len (&ch->out) == 0)
            ch->output_f (p, ch->name);
        sp_check_completed (p);
    }
    sp_decref (p);
}

void sp_channel_credit (struct sp_channel *ch, int bytes)
{
    if (ch->p->ops.on_credit && bytes > 0) {
        ch->credit += bytes;
        sp_kick (ch->p);
    }
}

bool sp_channels_done (flux_subprocess_t *p)
{
    list_foreach (&p->channels, n) {
        struct sp_channel *ch = list_entry (n, struct sp_channel, node);
        if (!ch->eof_told || ch->refs > 0)
            return false;
    }
    return true;
}

/* Callbacks may create no channels, so the list does not change under us. */
void sp_channels_run_due (flux_subprocess_t *p)
{
    list_foreach (&p->channels, n) {
        struct sp_channel *ch = list_entry (n, struct sp_channel, node);
        int credit = ch->credit;

        ch->credit = 0;
        if (credit > 0 && !p->dead)
            p->ops.on_credit (p, ch->name, credit);
        if (!p->dead && (deliverable (ch) || ch->eof))
            sp_channel_deliver (ch);
        if (p->dead)
            break;
    }
}

/* The public calls */

static struct sp_channel *find (flux_subprocess_t *p, const char *stream)
{
    struct sp_channel *ch;

    if (!p || !stream || !(ch = sp_channel_find (p, stream))) {
        errno = EINVAL;
        return NULL;
    }
    return ch;
}

static struct sp_channel *find_readable (flux_subprocess_t *p, const char *stream)
{
    struct sp_channel *ch = find (p, stream);

    if (ch && !ch->output_f) {
        errno = EINVAL;
        return NULL;
    }
    return ch;
}

static int take (struct sp_channel *ch, size_t len, bool trim, const char **bufp)
{
    const char *s;

    if (len > INT_MAX)
        len = INT_MAX;
    s = iobuf_take (&ch->out, len);
    if (trim && len > 0 && s[len - 1] == '\n') {
        /* in our own buffer, and consumed */
        ((char *)s)[--len] = '\0';
    }
    if (ch->paused && iobuf_space (&ch->out) > 0) {
        ch->paused = false;
        ch->p->method->flow (ch);
    }
    if (bufp)
        *bufp = s;
    return (int)len;
}

static int take_lent (struct sp_channel *ch, const char **bufp)
{
    size_t len = ch->lent_len;

    if (bufp)
        *bufp = ch->lent;
    ch->lent = NULL;
    return (int)len;
}

int flux_subprocess_read (flux_subprocess_t *p,
                          const char *stream,
                          const char **bufp)
{
    struct sp_channel *ch = find_readable (p, stream);

    if (!ch)
        return -1;
    if (ch->lent)
        return take_lent (ch, bufp);
    return take (ch, iobuf_len (&ch->out), false, bufp);
}

static int read_line (flux_subprocess_t *p, const char *stream, bool trim,
                      const char **bufp)
{
    struct sp_channel *ch = find_readable (p, stream);

    if (!ch)
        return -1;
    if (p->h && (p->flags & FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF)) {
        errno = EPERM;
        return -1;
    }
    return take (ch, iobuf_line (&ch->out), trim, bufp);
}

int flux_subprocess_read_line (flux_subprocess_t *p,
                               const char *stream,
                               const char **bufp)
{
    return read_line (p, stream, false, bufp);
}

int flux_subprocess_read_trimmed_line (flux_subprocess_t *p,
                                       const char *stream,
                                       const char **bufp)
{
    return read_line (p, stream, true, bufp);
}

int flux_subprocess_getline (flux_subprocess_t *p,
                             const char *stream,
                             const char **bufp)
{
    struct sp_channel *ch = find_readable (p, stream);
    size_t len;

    if (!ch)
        return -1;
    if (ch->lent)
        return take_lent (ch, bufp);
    if ((len = iobuf_line (&ch->out)) == 0
        && (ch->eof || !ch->line_buffered || iobuf_space (&ch->out) == 0))
        len = iobuf_len (&ch->out);
    return take (ch, len, false, bufp);
}

bool sp_has_stream (flux_subprocess_t *p, const char *stream)
{
    return sp_channel_find (p, stream) != NULL;
}

int sp_read_lines (flux_subprocess_t *p, const char *stream, const char **bufp)
{
    struct sp_channel *ch = find_readable (p, stream);
    size_t len;

    if (!ch)
        return -1;
    if (ch->lent)
        return take_lent (ch, bufp);
    len = iobuf_len (&ch->out);
    if (ch->line_buffered && !ch->eof && iobuf_space (&ch->out) > 0) {
        const char *s = iobuf_peek (&ch->out);
        const char *nl = memrchr (s, '\n', len);
        len = nl ? (size_t)(nl + 1 - s) : 0;
    }
    return take (ch, len, false, bufp);
}

bool flux_subprocess_read_stream_closed (flux_subprocess_t *p,
                                         const char *stream)
{
    struct sp_channel *ch = find_readable (p, stream);

    return ch ? ch->eof : false;
}

int flux_subprocess_write (flux_subprocess_t *p,
                           const char *stream,
                           const char *buf,
                           size_t len)
{
    struct sp_channel *ch = find (p, stream);
    int rc;

    if (!ch)
        return -1;
    if (!ch->writable || !buf || len == 0 || len > INT_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (ch->closing || ch->closed || !flux_subprocess_active (p)) {
        errno = EPERM;
        return -1;
    }
    if ((rc = p->method->write (p, ch, buf, len)) < 0) {
        errno = -rc;
        return -1;
    }
    return (int)len;
}

int flux_subprocess_close (flux_subprocess_t *p, const char *stream)
{
    struct sp_channel *ch = find (p, stream);
    int rc;

    if (!ch)
        return -1;
    if (!ch->writable) {
        errno = EINVAL;
        return -1;
    }
    if (ch->closing || ch->closed)
        return 0;
    if ((rc = p->method->close (p, ch)) < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

static void set_stopped (flux_subprocess_t *p, const char *stream, bool stopped)
{
    struct sp_channel *ch = find_readable (p, stream);

    if (!ch || ch->stopped == stopped)
        return;
    ch->stopped = stopped;
    p->method->flow (ch);
    if (!stopped && (iobuf_len (&ch->out) > 0 || ch->eof))
        sp_kick (p);
}

void flux_subprocess_stream_start (flux_subprocess_t *p, const char *stream)
{
    set_stopped (p, stream, false);
}

void flux_subprocess_stream_stop (flux_subprocess_t *p, const char *stream)
{
    set_stopped (p, stream, true);
}

void flux_subprocess_channel_incref (flux_subprocess_t *p, const char *name)
{
    struct sp_channel *ch = find (p, name);

    if (ch)
        ch->refs++;
}

void flux_subprocess_channel_decref (flux_subprocess_t *p, const char *name)
{
    struct sp_channel *ch = find (p, name);

    if (ch && ch->refs > 0 && --ch->refs == 0)
        sp_kick (p);
}
