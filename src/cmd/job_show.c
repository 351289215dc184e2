/* job_show.c - flux job eventlog, info, id, last, taskmap, timeleft
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "base/duration.h"
#include "base/fluid.h"
#include "cmd/cmd.h"
#include "cmd/eventlog_print.h"
#include "cmd/job.h"
#include "spec/eventlog.h"

/* eventlog */

static const char *eventlog_path (const char *s)
{
    if (strcmp (s, "exec") == 0)
        return "guest.exec.eventlog";
    if (strcmp (s, "output") == 0 || strcmp (s, "guest.output") == 0)
        return "guest.output";
    if (strcmp (s, "input") == 0)
        return "guest.input";
    return s;
}

static char *lookup_key (flux_t *h, flux_jobid_t id, const char *idstr, const char *key, int flags)
{
    flux_future_t *f = flux_rpc_pack (h, "job-info.lookup", FLUX_NODEID_ANY, 0,
                                      "{s:I s:[s] s:i}", "id", id, "keys", key, "flags", flags);
    const char *s;
    char *copy;

    if (!f || flux_rpc_get_unpack (f, "{s:s}", key, &s) < 0) {
        if (errno == ENOENT)
            cmd_die (1, "%s: no such job, or it has no '%s'", idstr, key);
        cmd_die (1, "%s: %s", idstr, f ? future_strerror (f, errno) : flux_strerror (errno));
    }
    if (!(copy = strdup (s)))
        cmd_die (1, "out of memory");
    flux_future_destroy (f);
    return copy;
}

static void print_text (struct eventlog_printer *pr, const char *text)
{
    size_t pos = 0;
    size_t len;
    const char *line;

    while (eventlog_next_line (text, strlen (text), &pos, &line, &len) > 0) {
        json_t *o = eventlog_entry_decode (line, len, NULL);
        if (o)
            eventlog_print (pr, stdout, NULL, o);
        json_decref (o);
    }
}

static void follow_log (flux_t *h, flux_jobid_t id, const char *idstr, const char *path,
                        struct eventlog_printer *pr)
{
    flux_future_t *f = flux_job_event_watch (h, id, path, FLUX_JOB_EVENT_WATCH_WAITCREATE);
    const char *event;

    if (!f)
        cmd_die (1, "%s: %s", idstr, flux_strerror (errno));
    while (flux_job_event_watch_get (f, &event) == 0) {
        json_t *o = eventlog_entry_decode (event, strlen (event), NULL);
        if (o)
            eventlog_print (pr, stdout, NULL, o);
        json_decref (o);
        flux_future_reset (f);
    }
    if (errno != ENODATA)
        cmd_die (1, "%s: %s", idstr, errno == ENOENT ? "no such job" : future_strerror (f, errno));
    flux_future_destroy (f);
}

static bool want_color (optparse_t *p)
{
    const char *when = optparse_get_str (p, "color", "auto");

    if (!when || strcmp (when, "always") == 0)
        return true;
    if (strcmp (when, "never") == 0)
        return false;
    if (strcmp (when, "auto") != 0)
        cmd_die (1, "--color=%s: there are always, never and auto", when);
    return isatty (STDOUT_FILENO) && !(getenv ("NO_COLOR") && *getenv ("NO_COLOR"));
}

int job_eventlog (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *path = eventlog_path (optparse_get_str (p, "path", "eventlog"));
    const char *tf = optparse_get_str (p, "time-format", "raw");
    const char *fmt = optparse_get_str (p, "format", "text");
    struct eventlog_printer pr = { .color = want_color (p) };
    flux_t *h;

    if (n != argc - 1) {
        optparse_print_usage (p);
        return 1;
    }
    if (eventlog_time_parse (tf, &pr.time) < 0)
        cmd_die (1, "--time-format=%s: there are raw, iso, offset, human", tf);
    if (optparse_hasopt (p, "human"))
        pr.time = EVENTLOG_TIME_HUMAN;
    if (strcmp (fmt, "json") != 0 && strcmp (fmt, "text") != 0)
        cmd_die (1, "--format=%s: there are text and json", fmt);
    pr.json = strcmp (fmt, "json") == 0;
    flux_jobid_t id = cmd_parse_id (argv[n]);
    h = cmd_open ();
    if (optparse_hasopt (p, "follow"))
        follow_log (h, id, argv[n], path, &pr);
    else {
        char *text = lookup_key (h, id, argv[n], path, 0);
        print_text (&pr, text);
        free (text);
    }
    flux_close (h);
    return 0;
}

/* info */

static void print_original (flux_t *h, flux_jobid_t id, const char *idstr)
{
    char *J = lookup_key (h, id, idstr, "J", 0);
    flux_error_t err;
    char *s = flux_unwrap_string (J, false, NULL, &err);

    if (!s)
        cmd_die (1, "%s: J: %s", idstr, err.text);
    printf ("%s\n", s);
    free (s);
    free (J);
}

int job_info (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_t *h;
    char *s;
    bool current;
    const char *key;

    if (n != argc - 2) {
        optparse_print_usage (p);
        return 1;
    }
    flux_jobid_t id = cmd_parse_id (argv[n]);
    key = argv[n + 1];
    h = cmd_open ();
    if (optparse_hasopt (p, "original")) {
        if (strcmp (key, "jobspec") != 0)
            cmd_die (1, "--original is for jobspec only");
        print_original (h, id, argv[n]);
    }
    else {
        current = !optparse_hasopt (p, "base")
                  && (strcmp (key, "jobspec") == 0 || strcmp (key, "R") == 0);
        s = lookup_key (h, id, argv[n], key, current ? FLUX_JOB_LOOKUP_CURRENT : 0);
        fputs (s, stdout);
        if (*s && s[strlen (s) - 1] != '\n')
            fputc ('\n', stdout);
        free (s);
    }
    flux_close (h);
    return 0;
}

/* id */

static void convert_id (const char *s, const char *to)
{
    flux_jobid_t id = cmd_parse_id (s);
    char buf[256];

    if (strcmp (to, "f58") == 0)
        cmd_f58 (id, buf, sizeof (buf));
    else if (flux_job_id_encode (id, to, buf, sizeof (buf)) < 0) {
        if (errno == ENOTSUP)
            cmd_die (1, "--to=words: FLUX_FLUID_WORDS names no file with the words of RFC 19");
        cmd_die (1, "--to=%s: there are dec, hex, dothex, kvs, f58, f58plain, words, emoji", to);
    }
    printf ("%s\n", buf);
}

int job_id (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *to = optparse_get_str (p, "to", "dec");
    char *line = NULL;
    size_t size = 0;

    for (int i = n; i < argc; i++)
        convert_id (argv[i], to);
    if (n < argc)
        return 0;
    while (getline (&line, &size, stdin) >= 0) {
        line[strcspn (line, "\r\n")] = '\0';
        if (*line)
            convert_id (line, to);
    }
    free (line);
    return 0;
}

/* last */

/* [start:stop[:step]], as Python slices */
struct slice {
    bool has_start, has_stop;
    long start, stop, step;
};

static int parse_slice (const char *s, struct slice *sl)
{
    char *end;

    memset (sl, 0, sizeof (*sl));
    sl->step = 1;
    if (*s++ != '[')
        return -1;
    if (*s != ':') {
        sl->has_start = true;
        sl->start = strtol (s, &end, 10);
        if (end == s)
            return -1;
        s = end;
    }
    if (*s++ != ':')
        return -1;
    if (*s != ':' && *s != ']') {
        sl->has_stop = true;
        sl->stop = strtol (s, &end, 10);
        if (end == s)
            return -1;
        s = end;
    }
    if (*s == ':' && s[1] != ']') {
        sl->step = strtol (s + 1, &end, 10);
        if (end == s + 1 || sl->step == 0)
            return -1;
        s = end;
    }
    else if (*s == ':')
        s++;
    return strcmp (s, "]") == 0 ? 0 : -1;
}

static long clamp (long i, long n, long lo, long hi)
{
    if (i < 0)
        i += n;
    return i < lo ? lo : i > hi ? hi : i;
}

static void print_slice (const json_t *ids, const struct slice *sl)
{
    long n = json_array_size (ids);
    bool up = sl->step > 0;
    long i = sl->has_start ? clamp (sl->start, n, up ? 0 : -1, up ? n : n - 1) : up ? 0 : n - 1;
    long stop = sl->has_stop ? clamp (sl->stop, n, up ? 0 : -1, up ? n : n - 1) : up ? n : -1;
    char idstr[32];

    for (; up ? i < stop : i > stop; i += sl->step)
        printf ("%s\n", cmd_f58 (json_integer_value (json_array_get (ids, i)), idstr,
                                 sizeof (idstr)));
}

int job_last (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct slice sl = { .has_stop = true, .stop = 1, .step = 1 };
    flux_future_t *f;
    json_t *ids;
    char *end;
    flux_t *h;

    if (argc - n > 1) {
        optparse_print_usage (p);
        return 1;
    }
    if (n < argc && argv[n][0] == '[') {
        if (parse_slice (argv[n], &sl) < 0)
            cmd_die (1, "'%s' is not a slice like [0:4]", argv[n]);
    }
    else if (n < argc) {
        sl.stop = strtol (argv[n], &end, 10);
        if (*end || end == argv[n] || sl.stop < 1)
            cmd_die (1, "'%s' is neither a positive number nor a slice like [0:4]", argv[n]);
    }
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.history.get", FLUX_NODEID_ANY, 0, "{}");
    if (!f || flux_rpc_get_unpack (f, "{s:o}", "jobs", &ids) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    if (json_array_size (ids) == 0)
        cmd_die (1, "job history is empty");
    print_slice (ids, &sl);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* taskmap */

static struct taskmap *taskmap_of_job (flux_t *h, flux_jobid_t id, const char *idstr)
{
    flux_future_t *f = flux_job_event_watch (h, id, "guest.exec.eventlog",
                                             FLUX_JOB_EVENT_WATCH_WAITCREATE);
    struct taskmap *map = NULL;
    const char *event;

    while (!map && f && flux_job_event_watch_get (f, &event) == 0) {
        json_t *o = eventlog_entry_decode (event, strlen (event), NULL);
        const json_t *context;
        const char *name;
        double t;
        if (o && eventlog_entry_parse (o, &t, &name, &context) == 0
            && strcmp (name, "shell.start") == 0) {
            char *s = json_dumps (json_object_get (context, "taskmap"), JSON_COMPACT);
            map = s ? taskmap_decode (s, NULL) : NULL;
            free (s);
        }
        json_decref (o);
        flux_future_reset (f);
    }
    if (!map)
        cmd_die (1, "%s: the job has no task map", idstr);
    flux_future_destroy (f);
    return map;
}

static struct hostlist *hosts_of_job (flux_t *h, flux_jobid_t id, const char *idstr)
{
    char *R = lookup_key (h, id, idstr, "R", 0);
    json_t *o = json_loads (R, 0, NULL);
    json_t *nodelist = json_object_get (json_object_get (o, "execution"), "nodelist");
    struct hostlist *hl = hostlist_create ();
    size_t i;
    json_t *s;

    json_array_foreach (nodelist, i, s)
        hostlist_append (hl, json_string_value (s));
    json_decref (o);
    free (R);
    return hl;
}

static int int_option (optparse_t *p, const char *name)
{
    const char *s = optparse_get_str (p, name, "");
    char *end;
    long n = strtol (s, &end, 10);

    if (*end || end == s || n < 0 || n > INT_MAX)
        cmd_die (1, "--%s=%s: want a number", name, s);
    return n;
}

static void print_map (struct taskmap *map, struct hostlist *hl, const char *to)
{
    char *s = NULL;

    if (strcmp (to, "multiline") == 0) {
        for (int i = 0; i < taskmap_total_ntasks (map); i++)
            printf ("%d: %d\n", i, taskmap_nodeid (map, i));
        return;
    }
    if (strcmp (to, "hosts") == 0) {
        if (!hl)
            cmd_die (1, "--to=hosts needs a job id");
        for (int i = 0; i < taskmap_nnodes (map); i++) {
            s = idset_encode (taskmap_taskids (map, i), IDSET_FLAG_RANGE);
            const char *host = hostlist_nth (hl, i);
            printf ("%s: %s\n", host ? host : "?", s ? s : "");
            free (s);
        }
        return;
    }
    if (strcmp (to, "raw") == 0)
        s = taskmap_encode (map, TASKMAP_ENCODE_RAW);
    else if (strcmp (to, "pmi") == 0)
        s = taskmap_encode (map, TASKMAP_ENCODE_PMI);
    else if (strcmp (to, "map") == 0)
        s = taskmap_encode (map, 0);
    else
        cmd_die (1, "--to=%s: there are raw, pmi, multiline and hosts", to);
    printf ("%s\n", s ? s : "");
    free (s);
}

static void check_one_option (optparse_t *p)
{
    static const char *const names[] = { "taskids", "ntasks", "nodeid", "hostname", "to" };
    const char *first = NULL;

    for (int i = 0; i < 5; i++) {
        if (!optparse_hasopt (p, names[i]))
            continue;
        if (first)
            cmd_die (1, "--%s and --%s exclude one another", first, names[i]);
        first = names[i];
    }
}

int job_taskmap (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct taskmap *map;
    struct hostlist *hl = NULL;
    flux_error_t err;
    uint64_t id;

    if (n != argc - 1) {
        optparse_print_usage (p);
        return 1;
    }
    check_one_option (p);
    if (fluid_parse (argv[n], &id) == 0) {
        flux_t *h = cmd_open ();
        map = taskmap_of_job (h, id, argv[n]);
        hl = hosts_of_job (h, id, argv[n]);
        flux_close (h);
    }
    else if (!(map = taskmap_decode (argv[n], &err)))
        cmd_die (1, "'%s' is neither a job id nor a task map: %s", argv[n], err.text);
    if (optparse_hasopt (p, "taskids") || optparse_hasopt (p, "ntasks")) {
        bool ids = optparse_hasopt (p, "taskids");
        int node = int_option (p, ids ? "taskids" : "ntasks");
        const struct idset *set = taskmap_taskids (map, node);
        if (!set)
            cmd_die (1, "no node %d in the task map", node);
        char *s = idset_encode (set, IDSET_FLAG_RANGE);
        if (ids)
            printf ("%s\n", s);
        else
            printf ("%zu\n", idset_count (set));
        free (s);
    }
    else if (optparse_hasopt (p, "nodeid") || optparse_hasopt (p, "hostname")) {
        bool host = optparse_hasopt (p, "hostname");
        int task = int_option (p, host ? "hostname" : "nodeid");
        int node = taskmap_nodeid (map, task);
        if (node < 0)
            cmd_die (1, "no task %d in the task map", task);
        if (host && !hl)
            cmd_die (1, "--hostname needs a job id");
        if (host)
            printf ("%s\n", hostlist_nth (hl, node));
        else
            printf ("%d\n", node);
    }
    else
        print_map (map, hl, optparse_get_str (p, "to", "map"));
    taskmap_destroy (map);
    hostlist_destroy (hl);
    return 0;
}

/* timeleft */

int job_timeleft (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    char text[64];
    flux_error_t err;
    double left;
    flux_t *h;

    if (argc - n > 1) {
        optparse_print_usage (p);
        return 1;
    }
    if (n < argc) {
        char idstr[32];
        cmd_f58 (cmd_parse_id (argv[n]), idstr, sizeof (idstr));
        setenv ("FLUX_JOB_ID", idstr, 1);
    }
    h = cmd_open ();
    if (flux_job_timeleft (h, &err, &left) < 0)
        cmd_die (1, "%s", err.text);
    if (optparse_hasopt (p, "human")) {
        if (isinf (left))
            snprintf (text, sizeof (text), "infinity");
        else
            duration_format (left, text, sizeof (text));
        printf ("%s\n", text);
    }
    else
        printf ("%lu\n", isinf (left) ? UINT_MAX : (unsigned long)left);
    flux_close (h);
    return 0;
}
