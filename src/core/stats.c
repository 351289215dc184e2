/* stats.c - metrics to a statsd server
 *
 * On if FLUX_FRIPP_STATSD is HOST:PORT in the environment.  Metrics are
 * gathered per handle and sent as one datagram when the period ends; with a
 * period of 0 each is sent at once.  Counters and timings add up, the last value
 * of a gauge counts.
 */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <flux/core.h>

#include "base/buf.h"
#include "base/hash.h"

#define STATS_AUX "flux::stats"

enum { DATAGRAM_MAX = 1400 }; /* fits an Ethernet frame */

enum metric_kind { COUNT, GAUGE_SET, GAUGE_INC, TIMING };

struct metric {
    enum metric_kind kind;
    ssize_t value;
    double ms;
};

struct stats {
    flux_t *h;             /* borrowed: this is its aux item */
    int fd;                /* connected UDP socket, -1: off */
    char *prefix;
    double period;
    struct hash *metrics;  /* full name -> struct metric */
    flux_watcher_t *timer;
};

static int udp_connect (const char *host, const char *port)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM };
    struct addrinfo *res;
    int fd = -1;

    if (getaddrinfo (host, port, &hints, &res) != 0)
        return -1;
    for (struct addrinfo *ai = res; ai && fd < 0; ai = ai->ai_next) {
        fd = socket (ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && connect (fd, ai->ai_addr, ai->ai_addrlen) < 0) {
            close (fd);
            fd = -1;
        }
    }
    freeaddrinfo (res);
    return fd;
}

/* -1 if there is no server to send to */
static int server_connect (void)
{
    const char *s = getenv ("FLUX_FRIPP_STATSD");
    const char *colon = s ? strrchr (s, ':') : NULL;
    char host[256];

    if (!colon || colon == s || colon[1] == '\0'
        || (size_t)(colon - s) >= sizeof (host))
        return -1;
    memcpy (host, s, colon - s);
    host[colon - s] = '\0';
    return udp_connect (host, colon + 1);
}

static int add_metric (struct buf *b, const char *name, const struct metric *m)
{
    switch (m->kind) {
        case COUNT:
            return buf_addf (b, "%s:%zd|c\n", name, m->value);
        case GAUGE_SET:
            return buf_addf (b, "%s:%zd|g\n", name, m->value);
        case GAUGE_INC:
            return buf_addf (b, "%s:%+zd|g\n", name, m->value);
        case TIMING:
            return buf_addf (b, "%s:%.6f|ms\n", name, m->ms);
    }
    return 0;
}

/* Loss is acceptable: a metric must not disturb what it measures. */
static void datagram_send (struct stats *st, struct buf *b)
{
    if (b->len > 0)
        (void)!send (st->fd, b->data, b->len, MSG_NOSIGNAL);
    buf_clear (b);
}

static void stats_flush (struct stats *st)
{
    struct buf b = BUF_INIT;
    size_t pos = 0;
    const char *name;
    struct metric *m;

    while ((m = hash_next (st->metrics, &pos, &name))) {
        if (b.len + strlen (name) + 48 > DATAGRAM_MAX)
            datagram_send (st, &b);
        (void)add_metric (&b, name, m);
        hash_del (st->metrics, name);
    }
    datagram_send (st, &b);
    buf_release (&b);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    stats_flush (arg);
}

static void stats_destroy (void *arg)
{
    struct stats *st = arg;

    if (st) {
        if (st->fd >= 0 && st->metrics)
            stats_flush (st);
        flux_watcher_destroy (st->timer);
        hash_free (st->metrics);
        free (st->prefix);
        if (st->fd >= 0)
            close (st->fd);
        free (st);
    }
}

static struct stats *stats_create (flux_t *h)
{
    struct stats *st;

    if (!(st = calloc (1, sizeof (*st))))
        return NULL;
    st->h = h;
    st->period = 1.;
    st->fd = server_connect ();
    if (!(st->metrics = hash_new (free))
        || flux_aux_set (h, STATS_AUX, st, stats_destroy) < 0) {
        stats_destroy (st);
        return NULL;
    }
    return st;
}

static struct stats *stats_get (flux_t *h)
{
    struct stats *st;

    if (!h)
        return NULL;
    st = flux_aux_get (h, STATS_AUX);
    return st ? st : stats_create (h);
}

/* A pending flush does not keep the reactor running. */
static void schedule_flush (struct stats *st)
{
    if (!st->timer) {
        st->timer = flux_timer_watcher_create (flux_get_reactor (st->h), st->period, 0.,
                                               timer_cb, st);
        if (!st->timer) {
            stats_flush (st);
            return;
        }
        flux_watcher_unref (st->timer);
    }
    else if (!flux_watcher_is_active (st->timer))
        flux_timer_watcher_reset (st->timer, st->period, 0.);
    flux_watcher_start (st->timer);
}

static void stats_merge (struct metric *m, const struct metric *upd)
{
    if (upd->kind == COUNT || upd->kind == GAUGE_INC) {
        m->value += upd->value; // after GAUGE_SET it is a known sum
        return;
    }
    *m = *upd;
}

static void stats_update (struct stats *st, const char *name, const struct metric *upd)
{
    char full[512];
    struct metric *m;

    if (!name || !*name
        || snprintf (full, sizeof (full), "%s%s%s", st->prefix ? st->prefix : "",
                     st->prefix ? "." : "", name) >= (int)sizeof (full))
        return;
    if ((m = hash_get (st->metrics, full)))
        stats_merge (m, upd);
    else if ((m = malloc (sizeof (*m)))) {
        *m = *upd;
        if (hash_set (st->metrics, full, m) < 0) {
            free (m);
            return;
        }
    }
    if (st->period > 0)
        schedule_flush (st);
    else
        stats_flush (st);
}

static void stats_post (flux_t *h, const char *name, enum metric_kind kind,
                        ssize_t value, double ms)
{
    struct stats *st = stats_get (h);
    struct metric m = { .kind = kind, .value = value, .ms = ms };

    if (st && st->fd >= 0)
        stats_update (st, name, &m);
}

void flux_stats_count (flux_t *h, const char *name, ssize_t count)
{
    stats_post (h, name, COUNT, count, 0);
}

void flux_stats_gauge_set (flux_t *h, const char *name, ssize_t value)
{
    stats_post (h, name, GAUGE_SET, value, 0);
}

void flux_stats_gauge_inc (flux_t *h, const char *name, ssize_t inc)
{
    stats_post (h, name, GAUGE_INC, inc, 0);
}

void flux_stats_timing (flux_t *h, const char *name, double ms)
{
    stats_post (h, name, TIMING, 0, ms);
}

bool flux_stats_enabled (flux_t *h, const char *metric)
{
    struct stats *st = stats_get (h);

    return st && st->fd >= 0;
}

void flux_stats_set_period (flux_t *h, double period)
{
    struct stats *st = stats_get (h);

    if (!st || period < 0)
        return;
    st->period = period;
    if (period == 0)
        stats_flush (st);
}

void flux_stats_set_prefix (flux_t *h, const char *fmt, ...)
{
    struct stats *st = stats_get (h);
    char *prefix;
    va_list ap;
    int n;

    if (!st || !fmt)
        return;
    va_start (ap, fmt);
    n = vasprintf (&prefix, fmt, ap);
    va_end (ap);
    if (n >= 0) {
        free (st->prefix);
        st->prefix = prefix;
    }
}
