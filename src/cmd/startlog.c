/* startlog.c - flux startlog
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "cmd/cmd.h"
#include "cmd/startlog.h"
#include "spec/eventlog.h"

struct show {
    bool quiet;
    bool version;
    bool open;             /* there was a start, and no finish yet */
    bool crashed;          /* the run before the last did not finish */
    double t_start;
    char core_version[64];
};

static void print_time (double t)
{
    time_t sec = t;
    struct tm tm;
    char s[32] = "?";

    if (localtime_r (&sec, &tm))
        strftime (s, sizeof (s), "%FT%T", &tm);
    printf ("%s", s);
}

/* "START - END (1.5h)", or a word in place of the end. */
static void print_run (const struct show *s, double t_end, const char *word)
{
    char fsd[32] = "";

    if (s->quiet)
        return;
    print_time (s->t_start);
    printf (" - ");
    if (word)
        printf ("%s", word);
    else
        print_time (t_end);
    if (t_end >= s->t_start && duration_format (t_end - s->t_start, fsd, sizeof (fsd)) == 0)
        printf (" (%s)", fsd);
    if (s->version)
        printf (" %s", s->core_version);
    printf ("\n");
}

static void entry (struct show *s, const json_t *o)
{
    const json_t *context;
    const char *name, *version;
    double t;

    if (eventlog_entry_parse (o, &t, &name, &context) < 0)
        return;
    if (strcmp (name, "start") == 0) {
        if (s->open)
            print_run (s, -1, "crashed");
        s->crashed = s->open;
        s->open = true;
        s->t_start = t;
        version = json_string_value (json_object_get (context, "core_version"));
        snprintf (s->core_version, sizeof (s->core_version), "%s", version ? version : "?");
    }
    else if (strcmp (name, "finish") == 0 && s->open) {
        print_run (s, t, NULL);
        s->open = false;
    }
}

int cmd_startlog (int argc, char **argv)
{
    static const struct optparse_option opts[] = {
        { .name = "check", .usage = "Exit with 1 if the instance has restarted from a crash" },
        { .name = "quiet", .usage = "Suppress non-error output" },
        { .name = "show-version", .key = 'v', .usage = "Show the version of each start" },
        OPTPARSE_TABLE_END,
    };
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS]", "List the start and stop times of the instance", opts,
                               argc, argv, &n);
    struct show s = {
        .quiet = optparse_hasopt (p, "quiet"), .version = optparse_hasopt (p, "show-version"),
    };
    flux_future_t *f;
    const char *text;
    json_t *log, *o;
    flux_error_t err;
    size_t i;
    flux_t *h;

    if (n != argc) {
        optparse_print_usage (p);
        return 1;
    }
    h = cmd_open ();
    f = flux_kvs_lookup (h, KVS_PRIMARY_NAMESPACE, 0, "admin.eventlog");
    if (!f || flux_kvs_lookup_get (f, &text) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    if (!(log = eventlog_decode (text ? text : "", text ? strlen (text) : 0, &err)))
        cmd_die (1, "admin.eventlog: %s", err.text);
    json_array_foreach (log, i, o)
        entry (&s, o);
    if (s.open) {
        struct timespec ts;
        clock_gettime (CLOCK_REALTIME, &ts);
        print_run (&s, ts.tv_sec + 1e-9 * ts.tv_nsec, "running");
    }
    json_decref (log);
    flux_future_destroy (f);
    flux_close (h);
    return optparse_hasopt (p, "check") && s.crashed ? 1 : 0;
}
