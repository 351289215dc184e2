/* logring.c - the last N log messages
 */
#include <errno.h>
#include <syslog.h>
#include <time.h>

#include "broker/logring.h"

struct slot {
    char *text;
    size_t len;
};

/* Message number n is in slots[n % size] while it is in (last - count, last]. */
struct logring {
    struct slot *slots;
    size_t size;
    size_t count;
    uint64_t last;
};

struct logring *logring_new (size_t size)
{
    struct logring *r = calloc (1, sizeof (*r));

    if (r && size > 0 && !(r->slots = calloc (size, sizeof (*r->slots)))) {
        free (r);
        return NULL;
    }
    if (r)
        r->size = size;
    return r;
}

void logring_free (struct logring *r)
{
    if (!r)
        return;
    logring_clear (r, r->last);
    free (r->slots);
    free (r);
}

static struct slot *slot_of (const struct logring *r, uint64_t seq)
{
    return &r->slots[seq % r->size];
}

int logring_resize (struct logring *r, size_t size)
{
    struct logring *n = logring_new (size);
    struct logring old;
    size_t keep;

    if (!n)
        return -ENOMEM;
    keep = r->count < size ? r->count : size;
    n->last = r->last;
    n->count = keep;
    for (size_t i = 0; i < keep; i++) {
        uint64_t seq = r->last - keep + 1 + i;
        *slot_of (n, seq) = *slot_of (r, seq);
        slot_of (r, seq)->text = NULL;
    }
    old = *r;
    *r = *n;
    *n = old;
    logring_free (n);
    return 0;
}

int logring_append (struct logring *r, const char *text, size_t len)
{
    char *copy;
    struct slot *s;

    r->last++;
    if (r->size == 0)
        return 0;
    if (!(copy = malloc (len + 1))) {
        r->last--;
        return -ENOMEM;
    }
    memcpy (copy, text, len);
    copy[len] = '\0';
    s = slot_of (r, r->last);
    free (s->text);
    s->text = copy;
    s->len = len;
    if (r->count < r->size)
        r->count++;
    return 0;
}

void logring_clear (struct logring *r, uint64_t seq)
{
    while (r->count > 0 && r->last - r->count + 1 <= seq) {
        struct slot *s = slot_of (r, r->last - r->count + 1);
        free (s->text);
        s->text = NULL;
        r->count--;
    }
}

uint64_t logring_last (const struct logring *r)
{
    return r->last;
}

const char *logring_next (const struct logring *r, uint64_t after, uint64_t *seqp,
                          size_t *lenp)
{
    uint64_t seq = r->last - r->count + 1;
    struct slot *s;

    if (after + 1 > seq)
        seq = after + 1;
    if (r->count == 0 || seq > r->last)
        return NULL;
    s = slot_of (r, seq);
    *seqp = seq;
    if (lenp)
        *lenp = s->len;
    return s->text;
}

/* A field ends at a space; the structured data may be "-" or [..] elements. */
static const char *field (const char *p, const char *end, const char **start,
                          size_t *len)
{
    const char *sp = p < end ? memchr (p, ' ', end - p) : NULL;

    if (!sp || sp == p)
        return NULL;
    *start = p;
    *len = sp - p;
    return sp + 1;
}

static const char *skip_structured_data (const char *p, const char *end)
{
    if (p < end && *p == '-')
        return p + 1;
    while (p < end && *p == '[') {
        for (p++; p < end && *p != ']'; p++)
            if (*p == '\\' && p + 1 < end)
                p++;
        if (p == end)
            return NULL;
        p++;
    }
    return p;
}

static const char *priority (const char *p, const char *end, int *severity)
{
    int pri = 0;
    int digits = 0;

    if (p == end || *p++ != '<')
        return NULL;
    for (; p < end && *p >= '0' && *p <= '9' && digits < 3; p++, digits++)
        pri = pri * 10 + (*p - '0');
    if (digits == 0 || pri > 191 || end - p < 3 || memcmp (p, ">1 ", 3) != 0)
        return NULL;
    *severity = pri & 7;
    return p + 3;
}

int logmsg_parse (const char *text, size_t len, struct logmsg *m)
{
    const char *end = text + len;
    const char *p, *skip;
    size_t skiplen;
    struct logmsg out;

    if (!(p = priority (text, end, &out.severity))
        || !(p = field (p, end, &out.timestamp, &out.timestamp_len))
        || !(p = field (p, end, &out.hostname, &out.hostname_len))
        || !(p = field (p, end, &out.appname, &out.appname_len))
        || !(p = field (p, end, &skip, &skiplen))
        || !(p = field (p, end, &skip, &skiplen))
        || !(p = skip_structured_data (p, end)))
        return -EPROTO;
    if (p < end && *p == ' ')
        p++;
    out.msg = p;
    out.msg_len = end - p;
    while (out.msg_len > 0
           && (p[out.msg_len - 1] == '\n' || p[out.msg_len - 1] == '\0'))
        out.msg_len--;
    *m = out;
    return 0;
}

const char *logmsg_severity_name (int severity)
{
    static const char *const names[] = {
        "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
    };
    return severity >= 0 && severity <= 7 ? names[severity] : "unknown";
}

/* 2025-11-28T22:30:11.123456Z, in local time; as it is if it is not that. */
static void format_time (const struct logmsg *m, char *buf, size_t size)
{
    char ts[40];
    struct tm tm = { 0 };
    struct tm local;
    time_t t;
    const char *frac;
    char head[32], tail[32];
    int usec = 0;

    if (m->timestamp_len >= sizeof (ts)) {
        snprintf (buf, size, "-");
        return;
    }
    memcpy (ts, m->timestamp, m->timestamp_len);
    ts[m->timestamp_len] = '\0';
    if (!(frac = strptime (ts, "%Y-%m-%dT%H:%M:%S", &tm))
        || (t = timegm (&tm)) == (time_t)-1 || !localtime_r (&t, &local)) {
        snprintf (buf, size, "%s", ts);
        return;
    }
    if (*frac == '.') {
        int digits = 0;
        for (frac++; digits < 6; digits++)
            usec = usec * 10 + (*frac >= '0' && *frac <= '9' ? *frac++ - '0' : 0);
    }
    strftime (head, sizeof (head), "%b %d %H:%M:%S", &local);
    strftime (tail, sizeof (tail), "%Z %Y", &local);
    snprintf (buf, size, "%s.%06d %s", head, usec, tail);
}

size_t logmsg_format (const struct logmsg *m, char *buf, size_t size)
{
    char when[80];
    int n;

    format_time (m, when, sizeof (when));
    n = snprintf (buf, size, "%s %.*s.%s[%.*s]: %.*s\n", when,
                  (int)m->appname_len, m->appname,
                  logmsg_severity_name (m->severity),
                  (int)m->hostname_len, m->hostname, (int)m->msg_len, m->msg);
    if (n < 0)
        return 0;
    if ((size_t)n >= size) {
        buf[size - 2] = '\n';
        n = size - 1;
    }
    return n;
}
