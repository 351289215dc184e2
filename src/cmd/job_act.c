/* job_act.c - flux job attach, cancel, kill, raise, urgency, purge; flux cancel
 */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/duration.h"
#include "base/fluid.h"
#include "cmd/attach.h"
#include "cmd/cmd.h"
#include "cmd/job.h"
#include "cmd/jobopts.h"

int job_signal_parse (const char *s)
{
    char *end;
    long n = strtol (s, &end, 10);

    if (*end == '\0' && end != s)
        return n > 0 && n < NSIG ? n : -1;
    if (strncasecmp (s, "SIG", 3) == 0)
        s += 3;
    for (int i = 1; i < NSIG; i++) {
        const char *abbrev = sigabbrev_np (i);
        if (abbrev && strcasecmp (abbrev, s) == 0)
            return i;
    }
    return -1;
}

static int usage (optparse_t *p)
{
    optparse_print_usage (p);
    return 1;
}

int job_attach (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *tail = optparse_get_str (p, "tail", NULL);
    struct attach_opts opts = {
        .debug = optparse_hasopt (p, "debug"),
        .label = optparse_hasopt (p, "label-io"),
        .read_only = optparse_hasopt (p, "read-only"),
        .show_events = optparse_hasopt (p, "show-events"),
        .show_exec = optparse_hasopt (p, "show-exec"),
        .show_status = optparse_hasopt (p, "show-status"),
        .stdin_ranks = optparse_get_str (p, "stdin-ranks", NULL),
        .wait_event = optparse_get_str (p, "wait-event", NULL),
        .verbose = optparse_getopt (p, "verbose", NULL),
        .tail = optparse_hasopt (p, "tail") ? tail ? strtol (tail, NULL, 10) : 10 : 0,
    };
    flux_t *h;
    int rc;

    if (n != argc - 1)
        return usage (p);
    if (opts.tail < 0 || (optparse_hasopt (p, "tail") && opts.tail == 0))
        cmd_die (1, "--tail=%s: want a positive number", tail);
    flux_jobid_t id = cmd_parse_id (argv[n]);
    h = cmd_open ();
    rc = attach_job (h, id, &opts);
    flux_close (h);
    return rc;
}

/* Send one request a job id, then take in the answers: errors are shown, and make
 * the exit code 1. */
typedef flux_future_t *(*act_f) (flux_t *h, flux_jobid_t id, void *arg);

static int for_each_job (int n, char **ids, act_f act, void *arg)
{
    flux_future_t **f = calloc (n, sizeof (*f));
    flux_jobid_t *id = calloc (n, sizeof (*id));
    flux_t *h;
    int rc = 0;

    if (!f || !id)
        cmd_die (1, "out of memory");
    for (int i = 0; i < n; i++)    /* all are ids before anything is done to one */
        id[i] = cmd_parse_id (ids[i]);
    h = cmd_open ();
    for (int i = 0; i < n; i++)
        f[i] = act (h, id[i], arg);
    for (int i = 0; i < n; i++) {
        if (!f[i] || flux_future_get (f[i], NULL) < 0) {
            cmd_err ("%s: %s", ids[i], f[i] ? future_strerror (f[i], errno) : flux_strerror (errno));
            rc = 1;
        }
        flux_future_destroy (f[i]);
    }
    free (f);
    free (id);
    flux_close (h);
    return rc;
}

/* The ids come first; what follows, or what follows "--", is the message. */
static int count_ids (int argc, char **argv, char **notep)
{
    struct buf b = BUF_INIT;
    int n = 0;
    int rest;
    uint64_t id;

    while (n < argc && strcmp (argv[n], "--") != 0 && fluid_parse (argv[n], &id) == 0)
        n++;
    rest = n + (n < argc && strcmp (argv[n], "--") == 0);
    for (int i = rest; i < argc; i++)
        buf_addf (&b, "%s%s", i > rest ? " " : "", argv[i]);
    *notep = b.len > 0 ? buf_take (&b) : NULL;
    return n;
}

static flux_future_t *act_cancel (flux_t *h, flux_jobid_t id, void *arg)
{
    return flux_job_cancel (h, id, arg);
}

int job_cancel (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *message = optparse_get_str (p, "message", NULL);
    char *note;
    int ids = count_ids (argc - n, argv + n, &note);

    if (ids == 0)
        return usage (p);
    if (message && note)
        cmd_die (1, "the message is given by --message and on the command line");
    return for_each_job (ids, argv + n, act_cancel, message ? (void *)message : note);
}

struct raise {
    const char *type;
    const char *note;
    int severity;
};

static flux_future_t *act_raise (flux_t *h, flux_jobid_t id, void *arg)
{
    struct raise *r = arg;

    return flux_job_raise (h, id, r->type, r->severity, r->note);
}

int job_raise (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *message = optparse_get_str (p, "message", NULL);
    char *note;
    int ids = count_ids (argc - n, argv + n, &note);
    struct raise r = {
        .type = optparse_get_str (p, "type", "cancel"),
        .severity = optparse_get_int (p, "severity", 0),
        .note = message ? message : note,
    };

    if (ids == 0)
        return usage (p);
    if (message && note)
        cmd_die (1, "the message is given by --message and on the command line");
    if (r.severity < 0 || r.severity > 7)
        cmd_die (1, "--severity=%d: want 0 (fatal) to 7", r.severity);
    return for_each_job (ids, argv + n, act_raise, &r);
}

static flux_future_t *act_kill (flux_t *h, flux_jobid_t id, void *arg)
{
    return flux_job_kill (h, id, *(int *)arg);
}

int job_kill (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *s = optparse_get_str (p, "signal", "SIGTERM");
    int sig = job_signal_parse (s);

    if (n == argc)
        return usage (p);
    if (sig < 0)
        cmd_die (1, "--signal=%s: no such signal", s);
    return for_each_job (argc - n, argv + n, act_kill, &sig);
}

/* In bulk */

static int parse_user (const char *s)
{
    struct passwd *pw;
    char *end;
    long n;

    if (!s)
        return getuid ();
    if (strcmp (s, "all") == 0)
        return -1;
    n = strtol (s, &end, 10);
    if (*end == '\0' && end != s && n >= 0)
        return n;
    if (!(pw = getpwnam (s)))
        cmd_die (1, "--user=%s: no such user", s);
    return pw->pw_uid;
}

static int parse_states (const char *list)
{
    static const struct {
        const char *name;
        int mask;
    } groups[] = {
        { "pending", FLUX_JOB_STATE_PENDING }, { "running", FLUX_JOB_STATE_RUNNING },
        { "active", FLUX_JOB_STATE_ACTIVE },
    };
    char *copy = strdup (list);
    char *save = NULL;
    int mask = 0;

    for (char *s = copy ? strtok_r (copy, ",", &save) : NULL; s; s = strtok_r (NULL, ",", &save)) {
        flux_job_state_t state;
        int m = 0;
        for (int i = 0; i < 3; i++) {
            if (strcasecmp (groups[i].name, s) == 0)
                m = groups[i].mask;
        }
        if (m == 0 && (flux_job_strtostate (s, &state) < 0
                       || (m = state) == FLUX_JOB_STATE_INACTIVE))
            cmd_die (1, "--states=%s: there are depend, priority, sched, run, cleanup, pending,"
                     " running, active", s);
        mask |= m;
    }
    free (copy);
    return mask;
}

/* raiseall: how many jobs matched; errors are those of the jobs that did not take it. */
static int raise_all (const char *type, int severity, const char *note, int userid, int states,
                      bool dry_run, int *errorsp)
{
    flux_t *h = cmd_open ();
    flux_future_t *f;
    int count;

    f = flux_rpc_pack (h, "job-manager.raiseall", FLUX_NODEID_ANY, 0,
                       "{s:b s:i s:i s:s s:i s:s}", "dry_run", dry_run, "userid", userid,
                       "states", states, "type", type, "severity", severity,
                       "note", note ? note : "");
    if (!f || flux_rpc_get_unpack (f, "{s:i s:i}", "count", &count, "errors", errorsp) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
    flux_close (h);
    return count;
}

int job_raiseall (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    bool force = optparse_hasopt (p, "force");
    char *note = NULL;
    int errors;
    int count;

    if (n == argc)
        return usage (p);
    if (n + 1 < argc)
        note = argv[n + 1];
    count = raise_all (argv[n], optparse_get_int (p, "severity", 7), note,
                       parse_user (optparse_get_str (p, "user", NULL)),
                       parse_states (optparse_get_str (p, "states", "active")), !force, &errors);
    fprintf (stderr, force ? "flux-job: raised exception on %d jobs (%d errors)\n"
                           : "flux-job: %d jobs match (use --force to raise, %d errors)\n",
             count - errors, errors);
    return errors ? 1 : 0;
}

int job_killall (optparse_t *p, int argc, char **argv)
{
    const char *s = optparse_get_str (p, "signal", "SIGTERM");
    int sig = job_signal_parse (s);
    bool force = optparse_hasopt (p, "force");
    flux_future_t *f;
    flux_t *h;
    int count;
    int errors;

    if (optparse_option_index (p) != argc)
        return usage (p);
    if (sig < 0)
        cmd_die (1, "--signal=%s: no such signal", s);
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.killall", FLUX_NODEID_ANY, 0, "{s:b s:i s:i}",
                       "dry_run", !force, "userid",
                       parse_user (optparse_get_str (p, "user", NULL)), "signum", sig);
    if (!f || flux_rpc_get_unpack (f, "{s:i s:i}", "count", &count, "errors", &errors) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    fprintf (stderr, force ? "flux-job: killed %d jobs (%d errors)\n"
                           : "flux-job: %d jobs match (use --force to kill, %d errors)\n",
             count - errors, errors);
    flux_future_destroy (f);
    flux_close (h);
    return errors ? 1 : 0;
}

static int parse_urgency (const char *s)
{
    char *end;
    long n;

    if (strcasecmp (s, "hold") == 0)
        return FLUX_JOB_URGENCY_HOLD;
    if (strcasecmp (s, "default") == 0)
        return FLUX_JOB_URGENCY_DEFAULT;
    if (strcasecmp (s, "expedite") == 0)
        return FLUX_JOB_URGENCY_EXPEDITE;
    n = strtol (s, &end, 10);
    if (*end || end == s || n < FLUX_JOB_URGENCY_MIN || n > FLUX_JOB_URGENCY_MAX)
        cmd_die (1, "urgency '%s': want 0 to 31, hold, default or expedite", s);
    return n;
}

static const char *urgency_name (int n, char *buf, size_t size)
{
    if (n == FLUX_JOB_URGENCY_HOLD)
        return "held";
    if (n == FLUX_JOB_URGENCY_EXPEDITE)
        return "expedited";
    snprintf (buf, size, "%d", n);
    return buf;
}

int job_urgency (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    int urgency;
    int old;
    char buf[16];
    flux_future_t *f;
    flux_t *h;

    if (n != argc - 2)
        return usage (p);
    flux_jobid_t id = cmd_parse_id (argv[n]);
    urgency = parse_urgency (argv[n + 1]);
    h = cmd_open ();
    f = flux_job_set_urgency (h, id, urgency);
    cmd_check (f, argv[n]);
    if (flux_rpc_get_unpack (f, "{s:i}", "old_urgency", &old) == 0) {
        if (optparse_hasopt (p, "verbose") && urgency != old)
            fprintf (stderr, "old urgency: %s\n", urgency_name (old, buf, sizeof (buf)));
    }
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int purge_ids (int n, char **argv)
{
    json_t *ids = json_array ();
    flux_t *h = cmd_open ();
    flux_future_t *f;
    int count = 0;

    for (int i = 0; i < n; i++)
        json_array_append_new (ids, json_integer (cmd_parse_id (argv[i])));
    f = flux_rpc_pack (h, "job-manager.purge-id", FLUX_NODEID_ANY, 0, "{s:o}", "ids", ids);
    if (!f || flux_rpc_get_unpack (f, "{s?i}", "count", &count) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    printf ("purged %d inactive jobs\n", count);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

int job_purge (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    double age = -1;
    int num = optparse_get_int (p, "num-limit", -1);
    const char *s = optparse_get_str (p, "age-limit", NULL);
    bool force = optparse_hasopt (p, "force");
    flux_future_t *f;
    flux_t *h;
    int count;

    if (n < argc && (s || optparse_hasopt (p, "num-limit")))
        cmd_die (1, "limits are for jobs that are not named: give ids, or limits");
    if (n < argc)
        return purge_ids (argc - n, argv + n);
    if (s && duration_parse (s, &age) < 0)
        cmd_die (1, "--age-limit=%s: want a duration, like 1h", s);
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.purge", FLUX_NODEID_ANY, 0, "{s:f s:i s:b}",
                       "age_limit", age, "num_limit", num, "force", force);
    if (!f || flux_rpc_get_unpack (f, "{s:i}", "count", &count) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    printf (force ? "purged %d inactive jobs\n"
                  : "use --force to purge %d of the inactive jobs\n", count);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* flux cancel */

static const struct optparse_option cancel_opts[] = {
    { .name = "dry-run", .key = 'n', .has_arg = 0,
      .usage = "Do not cancel any jobs, but print how many would be" },
    { .name = "message", .key = 'm', .has_arg = 1, .arginfo = "NOTE",
      .usage = "Set optional cancel exception note" },
    { .name = "user", .key = 'u', .has_arg = 1, .arginfo = "USER",
      .usage = "Set target user or 'all' (instance owner only)" },
    { .name = "states", .key = 'S', .has_arg = 1, .arginfo = "STATES",
      .usage = "Set target job states (default: active)" },
    { .name = "quiet", .key = 'q', .has_arg = 0,
      .usage = "Suppress output if no jobs match" },
    { .name = "all", .key = 0, .has_arg = 0, .usage = "Target all jobs" },
    OPTPARSE_TABLE_END,
};

static int cancel_all (optparse_t *p)
{
    bool dry = optparse_hasopt (p, "dry-run");
    int errors;
    int count = raise_all ("cancel", 0, optparse_get_str (p, "message", NULL),
                           parse_user (optparse_get_str (p, "user", NULL)),
                           parse_states (optparse_get_str (p, "states", "active")), dry, &errors);

    if (count > 0 || !optparse_hasopt (p, "quiet")) {
        if (count == 0)
            fprintf (stderr, "flux-cancel: Matched 0 jobs\n");
        else if (dry)
            fprintf (stderr, "flux-cancel: Would cancel %d job%s\n", count, count == 1 ? "" : "s");
        else
            fprintf (stderr, "flux-cancel: Canceled %d job%s (%d error%s)\n", count - errors,
                     count - errors == 1 ? "" : "s", errors, errors == 1 ? "" : "s");
    }
    return errors ? 1 : 0;
}

int cmd_cancel (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] [JOBID...]", "Cancel one or more jobs", cancel_opts,
                               argc, argv, &n);
    const char *message = optparse_get_str (p, "message", NULL);
    bool select = optparse_hasopt (p, "all") || optparse_hasopt (p, "user")
                  || optparse_hasopt (p, "states");
    int rc;

    if (n < argc && select)
        cmd_die (1, "job ids and --all, --user or --states exclude one another");
    if (n == argc && !select)
        cmd_die (1, "Target user (-u, --user), states (--states) or --all required if no job ids"
                 " are given");
    if (n < argc && optparse_hasopt (p, "dry-run")) {
        fprintf (stderr, "flux-cancel: Would cancel %d job%s\n", argc - n, argc - n == 1 ? "" : "s");
        rc = 0;
    }
    else if (n < argc)
        rc = for_each_job (argc - n, argv + n, act_cancel, (void *)message);
    else
        rc = cancel_all (p);
    optparse_destroy (p);
    return rc;
}
