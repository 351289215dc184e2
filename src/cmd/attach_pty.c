/* attach_pty.c - this process's terminal as that of a job
 *
 *   stdin ──pty.write──► leader shell ──► the task's terminal
 *   stdout ◄─pty.attach─ leader shell ◄──
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/attach_pty.h"
#include "cmd/attach_stdin.h"
#include "cmd/cmd.h"

#define CHUNK 4096
#define ACK_EACH 32768
#define ESCAPE '~'
#define CTRL_Z 0x1a

struct attach_pty {
    flux_t *h;
    char *service;
    int rank;
    attach_pty_f done;
    void *arg;
    flux_future_t *session;
    flux_future_t *writing;
    flux_watcher_t *stdin_w;
    flux_watcher_t *winch_w;
    bool attached;
    bool tty;
    bool raw;
    bool at_start;          /* of a line, as the user typed it */
    bool escaped;
    size_t unacked;
    struct termios saved;
};

/* For atexit(): the terminal is put back however the process ends. */
static struct attach_pty *active;

/* The local terminal */

static void make_raw (struct attach_pty *ap)
{
    struct termios t = ap->saved;

    if (!ap->tty || ap->raw)
        return;
    cfmakeraw (&t);
    if (tcsetattr (STDIN_FILENO, TCSADRAIN, &t) == 0)
        ap->raw = true;
}

static void make_cooked (struct attach_pty *ap)
{
    if (ap->raw)
        (void)tcsetattr (STDIN_FILENO, TCSADRAIN, &ap->saved);
    ap->raw = false;
}

static void restore_at_exit (void)
{
    if (active)
        make_cooked (active);
}

static void get_size (int *rows, int *cols)
{
    struct winsize ws;

    *rows = 24;
    *cols = 80;
    if (ioctl (STDIN_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 && ws.ws_col > 0) {
        *rows = ws.ws_row;
        *cols = ws.ws_col;
    }
}

static void put (const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write (STDOUT_FILENO, data, len);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };
            (void)poll (&pfd, 1, -1);
        }
        else if (n < 0 && errno != EINTR)
            return;
        if (n > 0) {
            data += n;
            len -= n;
        }
    }
}

/* Requests */

static flux_future_t *request (struct attach_pty *ap, const char *method, int flags,
                               const char *fmt, ...)
{
    char topic[256];
    flux_future_t *f;
    va_list ap2;

    snprintf (topic, sizeof (topic), "%s.pty.%s", ap->service, method);
    va_start (ap2, fmt);
    f = flux_rpc_vpack (ap->h, topic, ap->rank, flags, fmt, ap2);
    va_end (ap2);
    return f;
}

static void tell_size (struct attach_pty *ap)
{
    int rows;
    int cols;

    get_size (&rows, &cols);
    flux_future_destroy (request (ap, "resize", FLUX_RPC_NORESPONSE, "{s:i s:i}", "rows", rows,
                                  "cols", cols));
}

static void winch_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    tell_size (arg);
}

static void finish (struct attach_pty *ap, int errnum)
{
    flux_watcher_stop (ap->stdin_w);
    flux_watcher_stop (ap->winch_w);
    make_cooked (ap);
    ap->done (ap->arg, errnum);
}

static void written_cb (flux_future_t *f, void *arg)
{
    struct attach_pty *ap = arg;

    if (flux_future_get (f, NULL) == 0 && ap->session)
        flux_watcher_start (ap->stdin_w);
    flux_future_destroy (f);
    ap->writing = NULL;
}

/* Send what was typed; none means end of file. */
static void send (struct attach_pty *ap, const char *data, size_t len)
{
    char topic[256];

    snprintf (topic, sizeof (topic), "%s.pty.write", ap->service);
    ap->writing = flux_rpc_raw (ap->h, topic, data, len, ap->rank, 0);
    flux_watcher_stop (ap->stdin_w);
    if (len > 0 && ap->writing && flux_future_then (ap->writing, -1., written_cb, ap) < 0) {
        flux_future_destroy (ap->writing);
        ap->writing = NULL;
    }
}

/* Escapes */

static void detach (struct attach_pty *ap)
{
    flux_future_destroy (request (ap, "detach", FLUX_RPC_NORESPONSE, "{}"));
    flux_future_destroy (ap->session);
    ap->session = NULL;
    make_cooked (ap);
    fprintf (stderr, "\n[detached]\n");
    finish (ap, ECANCELED);
}

static void suspend (struct attach_pty *ap)
{
    make_cooked (ap);
    raise (SIGSTOP);
    make_raw (ap);
    tell_size (ap);
}

/* Copy what is for the job to 'out', which has room for len + 1 bytes.  Returns the
 * length, or -1 if the user detached. */
static ssize_t filter (struct attach_pty *ap, const char *in, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = in[i];
        if (ap->escaped) {
            ap->escaped = false;
            if (c == '.')
                return -1;
            if (c == CTRL_Z) {
                suspend (ap);
                continue;
            }
            if (c != ESCAPE)
                out[n++] = ESCAPE;
        }
        else if (ap->at_start && c == ESCAPE) {
            ap->escaped = true;
            continue;
        }
        ap->at_start = c == '\r' || c == '\n';
        out[n++] = c;
    }
    return n;
}

static void stdin_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct attach_pty *ap = arg;
    char buf[CHUNK];
    char out[CHUNK + 1];
    ssize_t n = read (STDIN_FILENO, buf, sizeof (buf));
    const char *data = buf;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0 && ap->tty) {
        if ((n = filter (ap, buf, n, out)) < 0) {
            detach (ap);
            return;
        }
        if (n == 0)
            return;
        data = out;
    }
    send (ap, data, n > 0 ? n : 0);
}

/* The session */

static void take_output (struct attach_pty *ap, const char *data, size_t len)
{
    if (!ap->attached) {
        ap->attached = true;
        make_raw (ap);
        flux_watcher_start (ap->stdin_w);
        flux_watcher_start (ap->winch_w);
    }
    put (data, len);
    ap->unacked += len;
    if (ap->unacked >= ACK_EACH) {
        flux_future_destroy (request (ap, "ack", FLUX_RPC_NORESPONSE, "{s:I}", "bytes",
                                      (json_int_t)ap->unacked));
        ap->unacked = 0;
    }
}

static void session_cb (flux_future_t *f, void *arg)
{
    struct attach_pty *ap = arg;
    const void *data;
    size_t len;
    int errnum;

    if (flux_rpc_get_raw (f, &data, &len) == 0) {
        take_output (ap, data, len);
        flux_future_reset (f);
        return;
    }
    errnum = errno == ENODATA ? 0 : errno;
    flux_future_destroy (f);
    ap->session = NULL;
    finish (ap, errnum);
}

struct attach_pty *attach_pty_start (flux_t *h, const char *service, int rank,
                                     attach_pty_f done, void *arg)
{
    struct attach_pty *ap = calloc (1, sizeof (*ap));
    flux_reactor_t *r = flux_get_reactor (h);
    int rows;
    int cols;

    if (!ap || !(ap->service = strdup (service))) {
        free (ap);
        return NULL;
    }
    ap->h = h;
    ap->rank = rank;
    ap->done = done;
    ap->arg = arg;
    ap->at_start = true;
    ap->tty = tcgetattr (STDIN_FILENO, &ap->saved) == 0;
    get_size (&rows, &cols);
    ap->stdin_w = attach_stdin_watcher (r, stdin_cb, ap);    /* NULL: it is closed */
    if (!(ap->winch_w = flux_signal_watcher_create (r, SIGWINCH, winch_cb, ap))
        || !(ap->session = request (ap, "attach", FLUX_RPC_STREAMING, "{s:i s:i}", "rows", rows,
                                    "cols", cols))
        || flux_future_then (ap->session, -1., session_cb, ap) < 0) {
        attach_pty_free (ap);
        return NULL;
    }
    if (!active)
        atexit (restore_at_exit);
    active = ap;
    return ap;
}

bool attach_pty_attached (const struct attach_pty *ap)
{
    return ap->attached;
}

bool attach_pty_raw (const struct attach_pty *ap)
{
    return ap && ap->raw;
}

void attach_pty_free (struct attach_pty *ap)
{
    if (!ap)
        return;
    make_cooked (ap);
    if (active == ap)
        active = NULL;
    flux_watcher_destroy (ap->stdin_w);
    flux_watcher_destroy (ap->winch_w);
    flux_future_destroy (ap->session);
    flux_future_destroy (ap->writing);
    free (ap->service);
    free (ap);
}
