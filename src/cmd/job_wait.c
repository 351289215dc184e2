/* job_wait.c - flux job status, wait, wait-event
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/fluid.h"
#include "cmd/attach.h"
#include "cmd/cmd.h"
#include "cmd/eventlog_print.h"
#include "cmd/job.h"
#include "spec/eventlog.h"

/* status */

static int show_result (optparse_t *p, const char *idstr, flux_future_t *f)
{
    int except = optparse_get_int (p, "exception-exit-code", -1);
    const char *json;
    int occurred = 0;
    int severity = 0;
    int status = -1;
    const char *type = NULL;
    const char *note = NULL;
    flux_error_t how;
    int code;

    if (flux_job_result_get (f, &json) < 0
        || flux_job_result_get_unpack (f, "{s?b s?i s?i s?s s?s}", "exception_occurred", &occurred,
                                       "waitstatus", &status, "exception_severity", &severity,
                                       "exception_type", &type, "exception_note", &note) < 0) {
        if (errno == ENOENT)
            cmd_die (1, "%s: no such job", idstr);
        cmd_die (1, "%s: %s", idstr, future_strerror (f, errno));
    }
    if (optparse_hasopt (p, "json"))
        printf ("%s\n", json);
    code = status >= 0 ? attach_exit_code (status) : 1;
    if (occurred && severity == 0) {
        if (optparse_hasopt (p, "verbose"))
            fprintf (stderr, "%s: exception type=%s note=%s\n", idstr, type ? type : "",
                     note ? note : "");
        if (except >= 0)
            code = except;
        else if (code == 0)
            code = 1;
    }
    else if (optparse_hasopt (p, "verbose")) {
        (void)flux_job_waitstatus_to_exitcode (status, &how);
        fprintf (stderr, "%s: %s\n", idstr, code ? how.text : "exited with exit code 0");
    }
    return code;
}

int job_status (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_future_t **f;
    flux_t *h;
    int rc = 0;

    if (n == argc) {
        optparse_print_usage (p);
        return 1;
    }
    if (!(f = calloc (argc, sizeof (*f))))
        cmd_die (1, "out of memory");
    h = cmd_open ();
    for (int i = n; i < argc; i++) {
        if (!(f[i] = flux_job_result (h, cmd_parse_id (argv[i]), 0)))
            cmd_die (1, "%s: %s", argv[i], flux_strerror (errno));
    }
    for (int i = n; i < argc; i++) {
        int code = show_result (p, argv[i], f[i]);
        if (code > rc)
            rc = code;
        flux_future_destroy (f[i]);
    }
    free (f);
    flux_close (h);
    return rc;
}

/* wait */

/* 0 good, 1 failed, 2 nothing to wait for */
static int wait_one (flux_t *h, flux_jobid_t id, bool print_id, bool verbose)
{
    flux_future_t *f = flux_job_wait (h, id);
    const char *errstr = "";
    bool success;
    char idstr[32];
    int rc = 0;

    if (!f || flux_job_wait_get_status (f, &success, &errstr) < 0
        || (id == FLUX_JOBID_ANY && flux_job_wait_get_id (f, &id) < 0)) {
        if (errno != ECHILD || id != FLUX_JOBID_ANY)
            cmd_err ("%s", f ? future_strerror (f, errno) : flux_strerror (errno));
        rc = 2;
    }
    else {
        cmd_f58 (id, idstr, sizeof (idstr));
        if (print_id)
            printf ("%s\n", idstr);
        if (!success)
            fprintf (stderr, "%s: %s\n", idstr, errstr);
        else if (verbose)
            fprintf (stderr, "%s: job completed successfully\n", idstr);
        rc = success ? 0 : 1;
    }
    flux_future_destroy (f);
    return rc;
}

int job_wait (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    bool verbose = optparse_hasopt (p, "verbose");
    flux_t *h;
    int rc;

    if (argc - n > 1 || (optparse_hasopt (p, "all") && n < argc)) {
        optparse_print_usage (p);
        return 2;
    }
    h = cmd_open ();
    if (optparse_hasopt (p, "all")) {
        int one;
        rc = 0;
        while ((one = wait_one (h, FLUX_JOBID_ANY, true, verbose)) != 2)
            rc |= one;
    }
    else if (n < argc) {
        uint64_t id;
        if (fluid_parse (argv[n], &id) < 0)
            cmd_die (2, "'%s' is not a job id", argv[n]);
        rc = wait_one (h, id, false, verbose);
    }
    else
        rc = wait_one (h, FLUX_JOBID_ANY, true, verbose);
    flux_close (h);
    return rc;
}

/* wait-event */

struct want {
    const char *event;
    const char *match_key;      /* -m KEY=VAL, or NULL */
    const char *match_val;
    int count;
};

static bool value_is (const json_t *context, const char *key, const char *want)
{
    json_t *v = json_object_get (context, key);
    char *s;
    bool yes;

    if (json_is_string (v))
        return strcmp (json_string_value (v), want) == 0;
    s = v ? json_dumps (v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    yes = s && strcmp (s, want) == 0;
    free (s);
    return yes;
}

static bool event_matches (const struct want *w, const json_t *entry)
{
    const json_t *context;
    const char *name;
    double t;

    if (eventlog_entry_parse (entry, &t, &name, &context) < 0 || strcmp (name, w->event) != 0)
        return false;
    return !w->match_key || value_is (context, w->match_key, w->match_val);
}

static void split_match (struct want *w, const char *arg)
{
    char *copy = strdup (arg);
    char *eq = copy ? strchr (copy, '=') : NULL;

    if (!eq)
        cmd_die (1, "--match-context=%s: want KEY=VAL", arg);
    *eq = '\0';
    w->match_key = copy;
    w->match_val = eq + 1;
}

/* "exec", "output" ... -> guest.exec.eventlog, guest.output */
static const char *full_path (const char *path)
{
    if (strcmp (path, "exec") == 0)
        return "guest.exec.eventlog";
    if (strcmp (path, "output") == 0)
        return "guest.output";
    if (strcmp (path, "input") == 0)
        return "guest.input";
    return path;
}

static double get_timeout (optparse_t *p)
{
    const char *s = optparse_get_str (p, "timeout", NULL);
    double t = -1;

    if (s && (duration_parse (s, &t) < 0))
        cmd_die (1, "--timeout=%s: want a duration, like 10s", s);
    return t;
}

/* Returns true when the event was seen. */
static bool follow (flux_future_t *f, struct want *w, struct eventlog_printer *pr, optparse_t *p,
                    double deadline)
{
    const char *event;

    for (;;) {
        json_t *o;
        bool hit;
        double left = deadline < 0 ? -1 : deadline - flux_reactor_time ();
        if (deadline >= 0 && (left <= 0 || flux_future_wait_for (f, left) < 0)
            && !flux_future_is_ready (f)) {
            errno = ETIMEDOUT;
            return false;
        }
        if (flux_job_event_watch_get (f, &event) < 0)
            return false;
        if (!(o = eventlog_entry_decode (event, strlen (event), NULL)))
            cmd_die (1, "malformed event: %s", event);
        if (pr->t0 == 0)   /* offsets count from the first of the log, shown or not */
            eventlog_entry_parse (o, &pr->t0, NULL, NULL);
        hit = event_matches (w, o) && --w->count == 0;
        if (optparse_hasopt (p, "verbose") || (hit && !optparse_hasopt (p, "quiet")))
            eventlog_print (pr, stdout, NULL, o);
        json_decref (o);
        if (hit)
            return true;
        flux_future_reset (f);
    }
}

int job_wait_event (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *path = full_path (optparse_get_str (p, "path", "eventlog"));
    const char *tf = optparse_get_str (p, "time-format", "raw");
    const char *fmt = optparse_get_str (p, "format", "text");
    const char *match = optparse_get_str (p, "match-context", NULL);
    double timeout = get_timeout (p);
    struct eventlog_printer pr = { 0 };
    struct want w = { .count = optparse_get_int (p, "count", 1) };
    flux_future_t *f;
    flux_t *h;

    if (n != argc - 2) {
        optparse_print_usage (p);
        return 1;
    }
    flux_jobid_t id = cmd_parse_id (argv[n]);
    w.event = argv[n + 1];
    if (w.count < 1)
        cmd_die (1, "--count=%d: want a positive number", w.count);
    if (match)
        split_match (&w, match);
    if (eventlog_time_parse (tf, &pr.time) < 0)
        cmd_die (1, "--time-format=%s: there are raw, iso, offset, human", tf);
    if (strcmp (fmt, "json") != 0 && strcmp (fmt, "text") != 0)
        cmd_die (1, "--format=%s: there are text and json", fmt);
    pr.json = strcmp (fmt, "json") == 0;
    h = cmd_open ();
    f = flux_job_event_watch (h, id, path, optparse_hasopt (p, "waitcreate")
                                               ? FLUX_JOB_EVENT_WATCH_WAITCREATE : 0);
    if (!f)
        cmd_die (1, "%s: %s", argv[n], flux_strerror (errno));
    if (!follow (f, &w, &pr, p, timeout < 0 ? -1 : flux_reactor_time () + timeout)) {
        if (errno == ENODATA)
            cmd_die (1, "event '%s' never received", w.event);
        if (errno == ETIMEDOUT)
            cmd_die (1, "wait-event timeout on event '%s'", w.event);
        if (errno == ENOENT)
            cmd_die (1, "%s: no such job, or no %s of it yet (--waitcreate waits)", argv[n], path);
        cmd_die (1, "%s: %s", argv[n], future_strerror (f, errno));
    }
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}
