/* flog.c - log messages to the broker
 *
 * A message is encoded as RFC 5424 text and sent as a log.append request that
 * wants no response.  The local broker puts its rank in place of the host name.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <flux/core.h>

#include "base/buf.h"

#define LOG_AUX "flux::log"

/* Longest of each field in RFC 5424 */
enum { APPNAME_MAX = 48, PROCID_MAX = 128, HOSTNAME_MAX = 255 };

struct log_state {
    char appname[APPNAME_MAX + 1];
    char procid[PROCID_MAX + 1];
    char hostname[HOSTNAME_MAX + 1];
    flux_log_f redirect;
    void *redirect_arg;
    bool busy; /* in redirect: what it logs goes nowhere */
};

/* Printable ASCII without blanks, never empty. */
static void set_field (char *dst, size_t size, const char *s)
{
    size_t n = 0;

    for (; s && *s && n < size - 1; s++)
        dst[n++] = isgraph ((unsigned char)*s) ? *s : '_';
    if (n == 0)
        dst[n++] = '-';
    dst[n] = '\0';
}

static struct log_state *log_state (flux_t *h)
{
    struct log_state *l;
    char pid[16];

    if ((l = flux_aux_get (h, LOG_AUX)))
        return l;
    if (!(l = calloc (1, sizeof (*l))))
        return NULL;
    snprintf (pid, sizeof (pid), "%d", (int)getpid ());
    set_field (l->appname, sizeof (l->appname), program_invocation_short_name);
    set_field (l->procid, sizeof (l->procid), pid);
    set_field (l->hostname, sizeof (l->hostname), NULL);
    if (flux_aux_set (h, LOG_AUX, l, free) < 0) {
        free (l);
        return NULL;
    }
    return l;
}

void flux_log_set_appname (flux_t *h, const char *s)
{
    struct log_state *l = h ? log_state (h) : NULL;

    if (l && s)
        set_field (l->appname, sizeof (l->appname), s);
}

void flux_log_set_procid (flux_t *h, const char *s)
{
    struct log_state *l = h ? log_state (h) : NULL;

    if (l && s)
        set_field (l->procid, sizeof (l->procid), s);
}

void flux_log_set_hostname (flux_t *h, const char *s)
{
    struct log_state *l = h ? log_state (h) : NULL;

    if (l && s)
        set_field (l->hostname, sizeof (l->hostname), s);
}

void flux_log_set_redirect (flux_t *h, flux_log_f fun, void *arg)
{
    struct log_state *l = h ? log_state (h) : NULL;

    if (l) {
        l->redirect = fun;
        l->redirect_arg = arg;
    }
}

static int add_header (struct buf *b, const struct log_state *l, int level)
{
    struct timeval tv;
    struct tm tm;
    char ts[32];

    if (gettimeofday (&tv, NULL) < 0
        || !gmtime_r (&tv.tv_sec, &tm)
        || strftime (ts, sizeof (ts), "%FT%T", &tm) == 0)
        return -EINVAL;
    return buf_addf (b, "<%d>1 %s.%06ldZ %s %s %s - - ",
                     LOG_USER | (level & LOG_PRIMASK), ts, (long)tv.tv_usec,
                     l->hostname, l->appname, l->procid);
}

static void trim (struct buf *b, size_t from)
{
    while (b->len > from && isspace ((unsigned char)b->data[b->len - 1]))
        b->data[--b->len] = '\0';
}

static int log_send (flux_t *h, const struct buf *b)
{
    flux_msg_t *msg;
    int rc = -1;

    if (!(msg = flux_request_encode_raw ("log.append", b->data, b->len)))
        return -1;
    if (flux_msg_set_noresponse (msg) == 0)
        rc = flux_send_new (h, &msg, 0);
    flux_msg_decref (msg);
    return rc;
}

static int log_stderr (int level, const char *fmt, va_list ap)
{
    static const char *const names[] = {
        "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
    };
    struct buf b = BUF_INIT;
    int rc = buf_vaddf (&b, fmt, ap);

    trim (&b, 0);
    if (rc == 0)
        fprintf (stderr, "%s: %s\n", names[level & LOG_PRIMASK], b.data);
    buf_release (&b);
    errno = -rc;
    return rc < 0 ? -1 : 0;
}

static int log_deliver (flux_t *h, struct log_state *l, const struct buf *b)
{
    if (!l->redirect)
        return log_send (h, b);
    if (!l->busy) {
        l->busy = true;
        l->redirect (b->data, (int)b->len, l->redirect_arg);
        l->busy = false;
    }
    return 0;
}

int flux_vlog (flux_t *h, int level, const char *fmt, va_list ap)
{
    int saved_errno = errno; // also for %m
    struct buf b = BUF_INIT;
    struct log_state *l;
    size_t start;
    int rc;

    if (!fmt) {
        errno = EINVAL;
        return -1;
    }
    if (!h)
        return log_stderr (level, fmt, ap);
    if (!(l = log_state (h)))
        return -1;
    rc = add_header (&b, l, level);
    start = b.len;
    errno = saved_errno;
    if (rc == 0 && (rc = buf_vaddf (&b, fmt, ap)) == 0) {
        trim (&b, start);
        if (log_deliver (h, l, &b) < 0)
            rc = -errno;
    }
    buf_release (&b);
    errno = rc < 0 ? -rc : saved_errno;
    return rc < 0 ? -1 : 0;
}

int flux_log (flux_t *h, int level, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_vlog (h, level, fmt, ap);
    va_end (ap);
    return rc;
}

void flux_log_verror (flux_t *h, const char *fmt, va_list ap)
{
    int saved_errno = errno;
    struct buf b = BUF_INIT;

    if (fmt && buf_vaddf (&b, fmt, ap) == 0)
        (void)flux_log (h, LOG_ERR, "%s: %s", b.data, flux_strerror (saved_errno));
    buf_release (&b);
    errno = saved_errno;
}

void flux_log_error (flux_t *h, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    flux_log_verror (h, fmt, ap);
    va_end (ap);
}

void flux_llog (void *arg,
                const char *file,
                int line,
                const char *func,
                const char *subsys,
                int level,
                const char *fmt,
                va_list ap)
{
    (void)flux_vlog (arg, level, fmt, ap);
}
