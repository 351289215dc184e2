/* log.c - the log service
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/list.h"
#include "broker/log.h"
#include "broker/logring.h"

#define LINE_MAX_BYTES 4096

struct follower {
    struct list_node node;
    const flux_msg_t *msg;
};

struct broker_log {
    flux_t *h;
    struct attrs *attrs;
    uint32_t rank;
    struct logring *ring;
    struct list_node followers;
    flux_msg_handler_t **handlers;
    FILE *file;
    bool syslog_open;
    int level;
    int forward_level;
    int critical_level;
    int stderr_level;
    int syslog_level;
    bool stderr_local;
    bool syslog_enable;
};

static const struct {
    const char *name;
    const char *value;
} defaults[] = {
    { "log-ring-size", "1024" },
    { "log-forward-level", "3" },
    { "log-critical-level", "2" },
    { "log-stderr-level", "3" },
    { "log-stderr-mode", "leader" },
    { "log-level", "7" },
    { "log-syslog-enable", "0" },
    { "log-syslog-level", "2" },
};

static int check (const struct attrs *a, flux_error_t *err)
{
    static const char *const levels[] = {
        "log-forward-level", "log-critical-level", "log-stderr-level", "log-level",
        "log-syslog-level",
    };
    const char *mode = attrs_get (a, "log-stderr-mode", NULL);
    int n, rc;

    for (size_t i = 0; i < sizeof (levels) / sizeof (levels[0]); i++)
        if ((rc = attrs_get_int (a, levels[i], INT_MIN, 7, &n, err)) < 0)
            return rc;
    if ((rc = attrs_get_int (a, "log-ring-size", 0, 10000000, &n, err)) < 0
        || (rc = attrs_get_int (a, "log-syslog-enable", 0, INT_MAX, &n, err)) < 0)
        return rc;
    if (!mode || (strcmp (mode, "leader") != 0 && strcmp (mode, "local") != 0))
        return errmsg (err, -EINVAL, "log-stderr-mode is '%s': must be leader or"
                       " local", mode ? mode : "");
    return 0;
}

int broker_log_init_attrs (struct attrs *attrs, flux_error_t *err)
{
    for (size_t i = 0; i < sizeof (defaults) / sizeof (defaults[0]); i++)
        if (attrs_default (attrs, defaults[i].name, defaults[i].value, 0) < 0)
            return errmsg (err, -ENOMEM, "out of memory");
    return check (attrs, err);
}

/* --- where a message goes --- */

static void put_stream (FILE *f, const struct logmsg *m)
{
    char line[LINE_MAX_BYTES];
    size_t n = logmsg_format (m, line, sizeof (line));

    (void)!fwrite (line, 1, n, f);
    fflush (f);
}

static void forward (struct broker_log *bl, const char *text, size_t len)
{
    flux_future_t *f = flux_rpc_raw (bl->h, "log.append", text, len,
                                     FLUX_NODEID_UPSTREAM, FLUX_RPC_NORESPONSE);
    flux_future_destroy (f);
}

static void to_syslog (struct broker_log *bl, const struct logmsg *m)
{
    if (!bl->syslog_open) {
        openlog ("flux", LOG_NDELAY | LOG_PID, LOG_USER);
        bl->syslog_open = true;
    }
    syslog (m->severity, "%.*s.%s[%.*s]: %.*s", (int)m->appname_len, m->appname,
            logmsg_severity_name (m->severity), (int)m->hostname_len, m->hostname,
            (int)m->msg_len, m->msg);
}

static bool wants_stderr (struct broker_log *bl, const struct logmsg *m, bool own)
{
    if (own && m->severity <= bl->critical_level)
        return true;
    if (m->severity > bl->stderr_level)
        return false;
    return bl->stderr_local ? own : bl->rank == 0;
}

static bool wants_forward (struct broker_log *bl, const struct logmsg *m)
{
    return bl->rank > 0 && m->severity <= bl->forward_level;
}

static void stream_to (struct broker_log *bl, const char *text)
{
    list_foreach (&bl->followers, n)
        flux_respond (bl->h, list_entry (n, struct follower, node)->msg, text);
}

static void dispose (struct broker_log *bl, const struct logmsg *m, bool own,
                     const char *text, size_t len)
{
    if (m->severity <= bl->level && logring_append (bl->ring, text, len) == 0)
        stream_to (bl, text);
    if (wants_stderr (bl, m, own))
        put_stream (stderr, m);
    if (bl->file && bl->rank == 0)
        put_stream (bl->file, m);
    if (own && bl->syslog_enable && m->severity <= bl->syslog_level)
        to_syslog (bl, m);
    if (wants_forward (bl, m))
        forward (bl, text, len);
}

/* A message that was made here has no host name yet: it gets the rank. */
void broker_log_append (struct broker_log *bl, const char *text, size_t len)
{
    struct logmsg m;
    struct buf b = BUF_INIT;

    if (logmsg_parse (text, len, &m) < 0)
        return;
    len = m.msg + m.msg_len - text;
    if (m.hostname_len != 1 || m.hostname[0] != '-')
        goto keep;
    buf_add (&b, text, m.hostname - text);
    buf_addf (&b, "%u", (unsigned int)bl->rank);
    buf_add (&b, m.hostname + 1, text + len - m.hostname - 1);
    if (!b.failed && logmsg_parse (b.data, b.len, &m) == 0)
        dispose (bl, &m, true, b.data, b.len);
    buf_release (&b);
    return;
keep:
    if (buf_add (&b, text, len) == 0 && logmsg_parse (b.data, b.len, &m) == 0)
        dispose (bl, &m, false, b.data, b.len);
    buf_release (&b);
}

void broker_logf (struct broker_log *bl, int level, const char *fmt, ...)
{
    struct timespec now;
    struct tm tm;
    char when[40];
    struct buf b = BUF_INIT;
    va_list ap;

    va_start (ap, fmt);
    if (!bl) {
        fprintf (stderr, "flux-broker: ");
        vfprintf (stderr, fmt, ap);
        fputc ('\n', stderr);
        va_end (ap);
        return;
    }
    clock_gettime (CLOCK_REALTIME, &now);
    gmtime_r (&now.tv_sec, &tm);
    strftime (when, sizeof (when), "%Y-%m-%dT%H:%M:%S", &tm);
    buf_addf (&b, "<%d>1 %s.%06ldZ - broker %d - - ", LOG_USER | level, when,
              now.tv_nsec / 1000, (int)getpid ());
    buf_vaddf (&b, fmt, ap);
    va_end (ap);
    if (!b.failed)
        broker_log_append (bl, b.data, b.len);
    buf_release (&b);
}

/* --- attributes --- */

static int open_file (struct broker_log *bl, const char *path, flux_error_t *err)
{
    FILE *f = NULL;

    if (bl->rank == 0 && path && !(f = fopen (path, "ae")))
        return errmsg (err, -errno, "log-filename %s: %s", path, strerror (errno));
    if (bl->file)
        fclose (bl->file);
    bl->file = f;
    return 0;
}

static void read_int (struct broker_log *bl, const char *name, int max, int *valp)
{
    flux_error_t err;

    if (attrs_get_int (bl->attrs, name, INT_MIN, max, valp, &err) < 0)
        broker_logf (bl, LOG_ERR, "%s", err.text);
}

static void read_levels (struct broker_log *bl)
{
    const char *mode = attrs_get (bl->attrs, "log-stderr-mode", NULL);
    int enable = 0;

    read_int (bl, "log-level", 7, &bl->level);
    read_int (bl, "log-forward-level", 7, &bl->forward_level);
    read_int (bl, "log-critical-level", 7, &bl->critical_level);
    read_int (bl, "log-stderr-level", 7, &bl->stderr_level);
    read_int (bl, "log-syslog-level", 7, &bl->syslog_level);
    read_int (bl, "log-syslog-enable", INT_MAX, &enable);
    bl->syslog_enable = enable != 0;
    bl->stderr_local = mode && !strcmp (mode, "local");
}

static int changed (const char *name, const char *value, flux_error_t *err, void *arg)
{
    struct broker_log *bl = arg;
    int size, rc;

    if (!strcmp (name, "log-filename"))
        return open_file (bl, value, err);
    if ((rc = check (bl->attrs, err)) < 0)
        return rc;
    if (!strcmp (name, "log-ring-size")
        && attrs_get_int (bl->attrs, name, 0, 10000000, &size, NULL) == 0)
        logring_resize (bl->ring, size);
    read_levels (bl);
    return 0;
}

/* --- requests --- */

static void append_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct broker_log *bl = arg;
    const void *data;
    size_t len;

    if (flux_request_decode_raw (msg, NULL, &data, &len) < 0 || len == 0) {
        if (!flux_msg_is_noresponse (msg))
            flux_respond_error (h, msg, EPROTO, NULL);
        return;
    }
    broker_log_append (bl, data, len);
    if (!flux_msg_is_noresponse (msg))
        flux_respond (h, msg, NULL);
}

static void clear_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct broker_log *bl = arg;

    logring_clear (bl->ring, logring_last (bl->ring));
    flux_respond (h, msg, NULL);
}

static int follow (struct broker_log *bl, const flux_msg_t *msg)
{
    struct follower *f = calloc (1, sizeof (*f));

    if (!f)
        return -1;
    list_init (&f->node);
    f->msg = flux_msg_incref (msg);
    list_append (&bl->followers, &f->node);
    return 0;
}

static void dmesg_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct broker_log *bl = arg;
    int do_follow = 0, nobacklog = 0;
    uint64_t seq = 0;
    const char *text;

    if (flux_request_unpack (msg, NULL, "{s?b s?b}", "follow", &do_follow,
                             "nobacklog", &nobacklog) < 0)
        goto error;
    if (!flux_msg_is_streaming (msg)) {
        errno = EPROTO;
        goto error;
    }
    while (!nobacklog && (text = logring_next (bl->ring, seq, &seq, NULL)))
        if (flux_respond (h, msg, text) < 0)
            return;
    if (!do_follow)
        flux_respond_error (h, msg, ENODATA, NULL);
    else if (follow (bl, msg) < 0)
        goto error;
    return;
error:
    flux_respond_error (h, msg, errno, NULL);
}

static void unfollow (struct broker_log *bl, const flux_msg_t *msg, bool cancel)
{
    list_foreach (&bl->followers, n) {
        struct follower *f = list_entry (n, struct follower, node);
        if (cancel ? !flux_cancel_match (msg, f->msg)
                   : !flux_disconnect_match (msg, f->msg))
            continue;
        if (cancel)
            flux_respond_error (bl->h, f->msg, ENODATA, NULL);
        list_del (&f->node);
        flux_msg_decref (f->msg);
        free (f);
    }
}

static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    unfollow (arg, msg, true);
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    unfollow (arg, msg, false);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "log.append", append_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "log.clear", clear_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "log.dmesg", dmesg_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "log.cancel", cancel_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "log.disconnect", disconnect_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static int hook_attrs (struct broker_log *bl)
{
    for (size_t i = 0; i < sizeof (defaults) / sizeof (defaults[0]); i++)
        if (attrs_hook (bl->attrs, defaults[i].name, changed, bl) < 0)
            return -1;
    return attrs_hook (bl->attrs, "log-filename", changed, bl);
}

/* What any handle of the broker's own logs goes straight in. */
static void from_handle (const char *buf, int len, void *arg)
{
    broker_log_append (arg, buf, len);
}

struct broker_log *broker_log_new (flux_t *h, struct attrs *attrs, uint32_t rank)
{
    struct broker_log *bl = calloc (1, sizeof (*bl));
    flux_error_t err;
    int size = 1024;

    if (!bl)
        return NULL;
    list_init (&bl->followers);
    bl->h = h;
    bl->attrs = attrs;
    bl->rank = rank;
    (void)attrs_get_int (attrs, "log-ring-size", 0, 10000000, &size, NULL);
    if (!(bl->ring = logring_new (size)))
        goto error;
    read_levels (bl);
    if (open_file (bl, attrs_get (attrs, "log-filename", NULL), &err) < 0)
        broker_logf (bl, LOG_ERR, "%s", err.text);
    if (flux_msg_handler_addvec (h, htab, bl, &bl->handlers) < 0
        || hook_attrs (bl) < 0)
        goto error;
    flux_log_set_appname (h, "broker");
    flux_log_set_redirect (h, from_handle, bl);
    return bl;
error:
    broker_log_free (bl);
    return NULL;
}

void broker_log_free (struct broker_log *bl)
{
    if (!bl)
        return;
    flux_log_set_redirect (bl->h, NULL, NULL);
    for (size_t i = 0; i < sizeof (defaults) / sizeof (defaults[0]); i++)
        (void)attrs_hook (bl->attrs, defaults[i].name, NULL, NULL);
    (void)attrs_hook (bl->attrs, "log-filename", NULL, NULL);
    flux_msg_handler_delvec (bl->handlers);
    list_foreach (&bl->followers, n) {
        struct follower *f = list_entry (n, struct follower, node);
        flux_respond_error (bl->h, f->msg, ENODATA, NULL);
        list_del (&f->node);
        flux_msg_decref (f->msg);
        free (f);
    }
    if (bl->file)
        fclose (bl->file);
    logring_free (bl->ring);
    free (bl);
}
