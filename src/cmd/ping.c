/* ping.c - flux ping (flux-ping(1))
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/cmd.h"
#include "cmd/ping.h"

struct ping {
    flux_t *h;
    flux_reactor_t *r;
    flux_watcher_t *timer;
    char *topic;
    char *target;      /* as shown: "kvs", "2!kvs" */
    uint32_t nodeid;
    char *pad;
    int count;         /* 0: no end */
    bool batch;
    bool userid;
    int sent;
    int received;
    int rc;
};

static double monotime_ms (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void done (struct ping *p)
{
    if (p->count && p->received == p->count)
        flux_reactor_stop (p->r);
}

static void show (struct ping *p, int seq, double ms, const char *route,
                  uint32_t userid, uint32_t rolemask)
{
    char cred[64] = "";

    if (p->userid)
        snprintf (cred, sizeof (cred), " userid=%u rolemask=0x%x", userid, rolemask);
    printf ("%s pad=%zu%s seq=%d time=%0.3f ms (%s)\n",
            p->target, strlen (p->pad), cred, seq, ms, route);
    fflush (stdout);
}

static void pong_cb (flux_future_t *f, void *arg)
{
    struct ping *p = arg;
    double t0;
    const char *route;
    const char *pad;
    int seq;
    uint32_t userid = FLUX_USERID_UNKNOWN;
    uint32_t rolemask = 0;

    p->received++;
    if (flux_rpc_get_unpack (f, "{s:i s:F s:s s:s s?i s?i}",
                             "seq", &seq, "time", &t0, "pad", &pad, "route", &route,
                             "userid", &userid, "rolemask", &rolemask) < 0) {
        cmd_err ("%s: %s", p->target, future_strerror (f, errno));
        p->rc = 1;
        flux_reactor_stop (p->r);
    }
    else if (strcmp (pad, p->pad) != 0) {
        cmd_err ("%s: the padding came back changed", p->target);
        p->rc = 1;
    }
    else
        show (p, seq, monotime_ms () - t0, route, userid, rolemask);
    flux_future_destroy (f);
    done (p);
}

static void send_one (struct ping *p)
{
    flux_future_t *f = flux_rpc_pack (p->h, p->topic, p->nodeid, 0, "{s:i s:f s:s}",
                                      "seq", p->sent, "time", monotime_ms (), "pad", p->pad);

    if (!f || flux_future_then (f, -1, pong_cb, p) < 0)
        cmd_die (1, "%s: %s", p->topic, flux_strerror (errno));
    p->sent++;
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct ping *p = arg;

    send_one (p);
    if (p->count && p->sent == p->count)
        flux_watcher_stop (w);
}

/* "4!kvs", "kvs", "4", "host!kvs", "host" -> nodeid and service */
static void set_target (struct ping *p, const char *arg, const char *rank)
{
    char *copy = strdup (arg);
    char *bang = copy ? strchr (copy, '!') : NULL;
    const char *service = copy;
    const char *where = rank;
    char *end;

    if (!copy)
        cmd_die (1, "out of memory");
    if (bang) {
        *bang = '\0';
        where = copy;
        service = bang + 1;
    }
    else if (!rank && *arg) {
        strtoul (arg, &end, 10);
        if (*end == '\0' || flux_get_rankbyhost (p->h, arg) >= 0) {
            where = arg;
            service = "broker";
        }
    }
    p->nodeid = FLUX_NODEID_ANY;
    if (where && strcmp (where, "upstream") == 0)
        p->nodeid = FLUX_NODEID_UPSTREAM;
    else if (where && strcmp (where, "any") != 0) {
        unsigned long n = strtoul (where, &end, 10);
        int r = *end == '\0' && n < FLUX_NODEID_UPSTREAM ? (int)n : flux_get_rankbyhost (p->h, where);
        if (r < 0)
            cmd_die (1, "'%s' is neither a rank nor a host of this instance", where);
        p->nodeid = r;
    }
    if (asprintf (&p->topic, "%s.ping", service) < 0
        || (where ? asprintf (&p->target, "%s!%s.ping", where, service)
                  : asprintf (&p->target, "%s.ping", service)) < 0)
        cmd_die (1, "out of memory");
    free (copy);
}

static void set_pad (struct ping *p, uint64_t n)
{
    if (n > (1UL << 30) || !(p->pad = malloc (n + 1)))
        cmd_die (1, "--pad=%ju is over the limit of 1G", (uintmax_t)n);
    memset (p->pad, 'p', n);
    p->pad[n] = '\0';
}

static const struct optparse_option opts[] = {
    { .name = "rank", .key = 'r', .has_arg = 1, .arginfo = "N",
      .usage = "Find target on a specific broker rank, 'any' or 'upstream'" },
    { .name = "pad", .key = 'p', .has_arg = 1, .arginfo = "N",
      .usage = "Include in the payload a string of length N bytes (k,K,M,G)" },
    { .name = "interval", .key = 'i', .has_arg = 1, .arginfo = "FSD",
      .usage = "Delay between successive requests (default 1.0s)" },
    { .name = "count", .key = 'c', .has_arg = 1, .arginfo = "N",
      .usage = "Stop after N requests (default: unlimited)" },
    { .name = "batch", .key = 'b', .has_arg = 0,
      .usage = "Begin processing responses after all requests are sent" },
    { .name = "userid", .key = 'u', .has_arg = 0,
      .usage = "Include userid and rolemask in the output" },
    OPTPARSE_TABLE_END,
};

static void run (struct ping *p, double interval)
{
    p->r = flux_get_reactor (p->h);
    if (p->batch) {
        while (p->sent < p->count)
            send_one (p);
    }
    else {
        p->timer = flux_timer_watcher_create (p->r, 0., interval > 0 ? interval : 1e-6,
                                              timer_cb, p);
        if (!p->timer)
            cmd_die (1, "timer: %s", strerror (errno));
        flux_watcher_start (p->timer);
    }
    if (flux_reactor_run (p->r, 0) < 0)
        cmd_die (1, "the broker closed the connection");
    flux_watcher_destroy (p->timer);
}

int cmd_ping (int argc, char **argv)
{
    struct ping p = { 0 };
    int n;
    optparse_t *o = cmd_parse ("[OPTIONS] target", "Measure round-trip latency to a service",
                               opts, argc, argv, &n);
    double interval = optparse_get_duration (o, "interval", 1.);

    if (n != argc - 1) {
        optparse_print_usage (o);
        exit (1);
    }
    p.count = optparse_get_int (o, "count", 0);
    p.batch = optparse_hasopt (o, "batch");
    p.userid = optparse_hasopt (o, "userid");
    if (p.count < 0)
        cmd_die (1, "--count=%d: want a positive number", p.count);
    if (p.batch && p.count == 0)
        cmd_die (1, "--batch needs --count");
    set_pad (&p, optparse_get_size (o, "pad", "0"));
    p.h = cmd_open ();
    set_target (&p, argv[n], optparse_get_str (o, "rank", NULL));
    run (&p, interval);
    free (p.topic);
    free (p.target);
    free (p.pad);
    flux_close (p.h);
    optparse_destroy (o);
    return p.rc;
}
