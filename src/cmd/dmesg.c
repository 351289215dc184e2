/* dmesg.c - flux dmesg, flux logger (flux-dmesg(1), flux-logger(1)); services log.*
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/dmesg.h"
#include "cmd/eventlog_print.h"

static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice",
                                      "info", "debug" };

/* One RFC 5424 line: <PRI>1 TIME HOST APP PROCID MSGID SD MSG */
struct line {
    int severity;
    char time[64];
    char host[128];
    char app[128];
    const char *msg;
};

static int parse (const char *s, struct line *l)
{
    int pri;
    int n = 0;

    if (sscanf (s, "<%d>%*d %63s %127s %127s %*s %*s %*s %n", &pri, l->time, l->host, l->app, &n) < 4
        || n == 0)
        return -1;
    l->severity = pri & 7;
    l->msg = s + n;
    return 0;
}

static double to_epoch (const char *s)
{
    struct tm tm = { 0 };
    const char *rest = strptime (s, "%Y-%m-%dT%H:%M:%S", &tm);

    if (!rest)
        return 0;
    return timegm (&tm) + (*rest == '.' ? strtod (rest, NULL) : 0);
}

struct human {
    bool on;
    bool delta;
    bool color;
    double ref;        /* last absolute time */
    double last;
    long minute;
};

static void print_human_time (struct human *hm, const char *time)
{
    double t = to_epoch (time);
    time_t sec = t;
    struct tm tm;
    char text[32];

    if ((long)(t / 60) != hm->minute) {
        localtime_r (&sec, &tm);
        strftime (text, sizeof (text), "%b%d %H:%M", &tm);
        printf ("[%s]", text);
        hm->minute = t / 60;
        hm->ref = t;
    }
    else
        printf ("[%+11.6f]", t - (hm->delta ? hm->last : hm->ref));
    hm->last = t;
}

static void print_line (struct human *hm, const char *s)
{
    struct line l;
    const char *on = "";
    const char *off = "";
    char iso[64];

    if (parse (s, &l) < 0) {
        printf ("%s\n", s);
        return;
    }
    if (hm->color && l.severity <= LOG_WARNING) {
        on = l.severity <= LOG_ERR ? "\033[31m" : "\033[33m";
        off = "\033[0m";
    }
    if (hm->on)
        print_human_time (hm, l.time);
    else
        printf ("%s", eventlog_time_iso (to_epoch (l.time), iso, sizeof (iso)));
    printf (" %s.%s[%s]: %s%s%s", l.app, levels[l.severity], l.host, on, l.msg, off);
    if (!*l.msg || l.msg[strlen (l.msg) - 1] != '\n')
        putchar ('\n');
    fflush (stdout);
}

void dmesg_print (FILE *f, const char *line, int severity)
{
    struct line l;

    if (parse (line, &l) < 0)
        fprintf (f, "%s\n", line);
    else if (l.severity <= severity)
        fprintf (f, "%s.%s[%s]: %.*s\n", l.app, levels[l.severity], l.host,
                 (int)strcspn (l.msg, "\n"), l.msg);
}

static void clear_log (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "log.clear", "{}", FLUX_NODEID_ANY, 0);

    cmd_check (f, "log.clear");
    flux_future_destroy (f);
}

int cmd_dmesg (int argc, char **argv)
{
    static const struct optparse_option opts[] = {
        { .name = "clear", .key = 'C', .usage = "Clear the ring buffer" },
        { .name = "read-clear", .key = 'c', .usage = "Clear the ring buffer contents after printing" },
        { .name = "follow", .key = 'f', .usage = "Track new entries as they are logged" },
        { .name = "new", .key = 'n', .usage = "Follow only new log entries" },
        { .name = "human", .key = 'H', .usage = "Human readable output" },
        { .name = "delta", .key = 'd', .usage = "With --human, show the time since the last line" },
        { .name = "color", .key = 'L', .has_arg = 2, .arginfo = "WHEN",
          .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG,
          .usage = "Colorize output: always, never, auto" },
        OPTPARSE_TABLE_END,
    };
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS...]", "Print or manipulate broker log ring buffer", opts,
                               argc, argv, &n);
    struct human hm = { .on = optparse_hasopt (p, "human"), .delta = optparse_hasopt (p, "delta"),
                        .minute = -1 };
    bool new = optparse_hasopt (p, "new");
    bool follow = optparse_hasopt (p, "follow") || new;
    const char *s;
    flux_future_t *f;
    flux_t *h;

    if (n != argc)
        cmd_die (1, "unexpected argument '%s'", argv[n]);
    hm.color = optparse_get_color (p, "color");
    h = cmd_open ();
    if (optparse_hasopt (p, "clear")) {
        clear_log (h);
        flux_close (h);
        return 0;
    }
    f = flux_rpc_pack (h, "log.dmesg", FLUX_NODEID_ANY, FLUX_RPC_STREAMING, "{s:b s:b}",
                       "follow", follow, "nobacklog", new);
    if (!f)
        cmd_die (1, "log.dmesg: %s", flux_strerror (errno));
    while (flux_rpc_get (f, &s) == 0) {
        print_line (&hm, s);
        flux_future_reset (f);
    }
    if (errno != ENODATA)
        cmd_die (1, "log.dmesg: %s", future_strerror (f, errno));
    flux_future_destroy (f);
    if (optparse_hasopt (p, "read-clear"))
        clear_log (h);
    flux_close (h);
    optparse_destroy (p);
    return 0;
}

int cmd_logger (int argc, char **argv)
{
    static const struct optparse_option opts[] = {
        { .name = "severity", .key = 's', .has_arg = 1, .arginfo = "SEVERITY",
          .usage = "Specify log severity (default: info)" },
        { .name = "appname", .key = 'n', .has_arg = 1, .arginfo = "NAME",
          .usage = "Specify application name (default: logger)" },
        OPTPARSE_TABLE_END,
    };
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] message...", "Create a Flux log entry", opts, argc, argv, &n);
    const char *sev = optparse_get_str (p, "severity", "info");
    struct buf b = BUF_INIT;
    int level = -1;
    flux_t *h;

    if (n == argc) {
        optparse_print_usage (p);
        return 1;
    }
    for (int i = 0; i < 8; i++) {
        if (strcmp (levels[i], sev) == 0)
            level = i;
    }
    if (level < 0)
        cmd_die (1, "--severity=%s: there are emerg alert crit err warning notice info debug", sev);
    for (int i = n; i < argc; i++)
        buf_addf (&b, "%s%s", i > n ? " " : "", argv[i]);
    h = cmd_open ();
    flux_log_set_appname (h, optparse_get_str (p, "appname", "logger"));
    if (flux_log (h, level, "%s", b.data) < 0)
        cmd_die (1, "%s", flux_strerror (errno));
    buf_release (&b);
    flux_close (h);
    optparse_destroy (p);
    return 0;
}
