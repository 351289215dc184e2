/* jobfields.c - the output fields of a job
 */
#include <math.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <flux/core.h>

#include "base/buf.h"
#include "base/duration.h"
#include "base/fluid.h"
#include "cmd/cmd.h"
#include "cmd/jobfields.h"
#include "cmd/jobinstance.h"

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double get_real (json_t *job, const char *key)
{
    return json_number_value (json_object_get (job, key));
}

static int get_int (json_t *job, const char *key)
{
    return json_integer_value (json_object_get (job, key));
}

static const char *get_str (json_t *job, const char *key)
{
    const char *s = json_string_value (json_object_get (job, key));

    return s ? s : "";
}

static json_t *copy (json_t *job, const char *key)
{
    return json_incref (json_object_get (job, key));
}

static json_t *id_as (json_t *job, enum fluid_form form)
{
    flux_jobid_t id = json_integer_value (json_object_get (job, "id"));
    char s[256];

    if (form == FLUID_F58)
        return json_string (cmd_f58 (id, s, sizeof (s)));
    if (fluid_encode (id, form, s, sizeof (s)) < 0)
        return NULL;
    return json_string (s);
}

static json_t *username (json_t *job)
{
    static uid_t last = (uid_t)-1;
    static char name[64];
    uid_t uid = get_int (job, "userid");

    if (uid != last) {
        struct passwd *pw = getpwuid (uid);
        if (pw)
            snprintf (name, sizeof (name), "%s", pw->pw_name);
        else
            snprintf (name, sizeof (name), "%u", uid);
        last = uid;
    }
    return json_string (name);
}

/* State, result, and the mix of them that is called status */

static int state_of (json_t *job)
{
    return get_int (job, "state");
}

static json_t *state_name (json_t *job, const char *fmt)
{
    return json_string (flux_job_statetostr (state_of (job), fmt));
}

static json_t *result_name (json_t *job, const char *fmt)
{
    int result = get_int (job, "result");

    if (state_of (job) != FLUX_JOB_STATE_INACTIVE || result == 0)
        return json_string ("");
    return json_string (flux_job_resulttostr (result, fmt));
}

static json_t *status_name (json_t *job, const char *fmt)
{
    if (state_of (job) == FLUX_JOB_STATE_INACTIVE)
        return result_name (job, fmt);
    return state_name (job, fmt);
}

static const char *emoji_of_state (int state)
{
    switch (state) {
        case FLUX_JOB_STATE_DEPEND:
            return "\xe2\x9b\x93\xef\xb8\x8f";
        case FLUX_JOB_STATE_PRIORITY:
            return "\xe2\x9a\x96\xef\xb8\x8f";
        case FLUX_JOB_STATE_SCHED:
            return "\xf0\x9f\x93\x85";
        case FLUX_JOB_STATE_RUN:
            return "\xf0\x9f\x8f\x83";
        case FLUX_JOB_STATE_CLEANUP:
            return "\xf0\x9f\xa7\xb9";
        case FLUX_JOB_STATE_INACTIVE:
            return "\xf0\x9f\x92\xa4";
    }
    return "";
}

static const char *emoji_of_result (int result)
{
    switch (result) {
        case FLUX_JOB_RESULT_COMPLETED:
            return "\xe2\x9c\x85";
        case FLUX_JOB_RESULT_FAILED:
            return "\xe2\x9d\x8c";
        case FLUX_JOB_RESULT_CANCELED:
            return "\xf0\x9f\x9a\xab";
        case FLUX_JOB_RESULT_TIMEOUT:
            return "\xe2\x8c\x9b";
    }
    return "";
}

/* Times */

static double runtime (json_t *job)
{
    double start = get_real (job, "t_run");
    double end = get_real (job, "t_cleanup");

    if (start == 0)
        return 0;
    if (end == 0)
        end = get_real (job, "t_inactive");
    if (end == 0)
        end = now ();
    return end > start ? end - start : 0;
}

static json_t *remaining (json_t *job)
{
    double expiration = get_real (job, "expiration");
    double left = expiration - now ();

    if (state_of (job) != FLUX_JOB_STATE_RUN || expiration == 0)
        return json_string ("");
    return json_real (left > 0 ? left : 0);
}

static json_t *contextual_time (json_t *job)
{
    if (state_of (job) < FLUX_JOB_STATE_RUN)
        return copy (job, "duration");
    return json_real (runtime (job));
}

/* Ends */

static json_t *returncode (json_t *job)
{
    json_t *w = json_object_get (job, "waitstatus");
    int status = json_integer_value (w);

    if (!w) {
        if (get_int (job, "result") == FLUX_JOB_RESULT_CANCELED)
            return json_integer (-128);
        return json_string ("");
    }
    return json_integer (WIFSIGNALED (status) ? -WTERMSIG (status) : WEXITSTATUS (status));
}

static json_t *exception (json_t *job, const char *what)
{
    json_t *occurred = json_object_get (job, "exception_occurred");
    char key[64];

    if (strcmp (what, "occurred") == 0)
        return occurred ? json_incref (occurred) : json_string ("");
    if (!json_is_true (occurred))
        return json_string ("");
    snprintf (key, sizeof (key), "exception_%s", what);
    return copy (job, key);
}

/* That ended the shell, or, as it reports by 128 + signal, a task; or 0. */
static int signal_of (int status)
{
    int code = WIFEXITED (status) ? WEXITSTATUS (status) : 0;

    if (WIFSIGNALED (status))
        return WTERMSIG (status);
    return code > 128 && code <= 128 + SIGRTMAX ? code - 128 : 0;
}

static json_t *inactive_reason (json_t *job)
{
    json_t *w = json_object_get (job, "waitstatus");
    int status = json_integer_value (w);
    const char *note = get_str (job, "exception_note");

    if (state_of (job) != FLUX_JOB_STATE_INACTIVE)
        return json_string ("");
    if (get_int (job, "result") == FLUX_JOB_RESULT_CANCELED)
        return *note ? json_sprintf ("Canceled: %s", note) : json_string ("Canceled");
    if (get_int (job, "result") == FLUX_JOB_RESULT_TIMEOUT)
        return json_string ("Timeout");
    if (w && signal_of (status) > 0)
        return json_string (strsignal (signal_of (status)));
    if (w)
        return json_sprintf ("Exit %d", WEXITSTATUS (status));
    return json_sprintf ("Exception: %s", get_str (job, "exception_type"));
}

static json_t *dependencies (json_t *job)
{
    json_t *a = json_object_get (job, "dependencies");
    struct buf b = BUF_INIT;
    json_t *o;
    size_t i;

    json_array_foreach (a, i, o)
        buf_addf (&b, "%s%s", i ? "," : "", json_string_value (o));
    o = json_string (b.data);
    buf_release (&b);
    return o;
}

/* annotations.sched.reason_pending, sched.X, user.X */
static json_t *annotation (json_t *job, const char *path)
{
    json_t *o = json_object_get (job, "annotations");
    char key[128];

    while (o && *path) {
        size_t n = strcspn (path, ".");
        if (n >= sizeof (key))
            return json_string ("");
        memcpy (key, path, n);
        key[n] = '\0';
        o = json_object_get (o, key);
        path += n + (path[n] == '.');
    }
    return o ? json_incref (o) : json_string ("");
}

/* "eta:1.5h: waits for 2 more cores; first free at 14:02" */
static json_t *expected (double left, const char *reason)
{
    double step = left < 60. ? 1. : left < 3600. ? 6. : left < 86400. ? 360. : 8640.;
    char eta[64] = "now";

    if (left > 0)   /* to a tenth of a minute, an hour, a day */
        (void)duration_format (ceil (left / step) * step, eta, sizeof (eta));
    return json_sprintf ("eta:%s%s%s", eta, *reason ? ": " : "", reason);
}

/* When the scheduler thinks it will start, and why it does not. */
static json_t *pending_info (json_t *job)
{
    json_t *t, *reason, *info;

    if (get_int (job, "priority") == 0)
        return json_string (get_int (job, "urgency") == 0 ? "held" : "priority-hold");
    if (jobfields_unexplained (job))
        return copy (job, JOBFIELDS_STOPPED);
    t = annotation (job, "sched.t_estimate");
    reason = annotation (job, "sched.reason_pending");
    info = json_is_number (t) ? expected (json_number_value (t) - now (),
                                          json_is_string (reason) ? json_string_value (reason) : "")
                              : json_incref (reason);
    json_decref (t);
    json_decref (reason);
    return info;
}

static json_t *contextual_info (json_t *job)
{
    switch (state_of (job)) {
        case FLUX_JOB_STATE_DEPEND:
            return json_sprintf ("depends:%s", json_string_value (dependencies (job)));
        case FLUX_JOB_STATE_PRIORITY:
            return json_string ("priority-wait");
        case FLUX_JOB_STATE_SCHED:
            return pending_info (job);
    }
    return copy (job, "nodelist");
}

bool jobfields_unexplained (json_t *job)
{
    return state_of (job) == FLUX_JOB_STATE_SCHED && get_int (job, "priority") > 0
        && !json_object_get (json_object_get (job, "annotations"), "sched");
}

/* The table */

static json_t *plain (json_t *job, const char *field)
{
    return copy (job, field);
}

static json_t *f_id (json_t *j) { return copy (j, "id"); }
static json_t *f_f58 (json_t *j) { return id_as (j, FLUID_F58); }
static json_t *f_f58plain (json_t *j) { return id_as (j, FLUID_F58_PLAIN); }
static json_t *f_dec (json_t *j) { return id_as (j, FLUID_DEC); }
static json_t *f_hex (json_t *j) { return id_as (j, FLUID_HEX); }
static json_t *f_dothex (json_t *j) { return id_as (j, FLUID_DOTHEX); }
static json_t *f_words (json_t *j) { return id_as (j, FLUID_WORDS); }
static json_t *f_emoji (json_t *j) { return id_as (j, FLUID_EMOJI); }
static json_t *f_state (json_t *j) { return state_name (j, "L"); }
static json_t *f_state1 (json_t *j) { return state_name (j, "S"); }
static json_t *f_result (json_t *j) { return result_name (j, "L"); }
static json_t *f_result2 (json_t *j) { return result_name (j, "S"); }
static json_t *f_status (json_t *j) { return status_name (j, "L"); }
static json_t *f_status2 (json_t *j) { return status_name (j, "S"); }
static json_t *f_runtime (json_t *j) { return json_real (runtime (j)); }

static json_t *f_state_emoji (json_t *j)
{
    return json_string (emoji_of_state (state_of (j)));
}

static json_t *f_result_emoji (json_t *j)
{
    return json_string (emoji_of_result (get_int (j, "result")));
}

static json_t *f_status_emoji (json_t *j)
{
    return state_of (j) == FLUX_JOB_STATE_INACTIVE ? f_result_emoji (j) : f_state_emoji (j);
}

static json_t *f_success (json_t *j)
{
    return state_of (j) == FLUX_JOB_STATE_INACTIVE ? copy (j, "success") : json_string ("");
}

static const struct {
    const char *name;
    const char *heading;
    json_t *(*get) (json_t *job);     /* NULL: the attribute of that name */
} fields[] = {
    { "id", "JOBID", f_id }, { "id.f58", "JOBID", f_f58 }, { "id.f58plain", "JOBID", f_f58plain },
    { "id.dec", "JOBID", f_dec }, { "id.hex", "JOBID", f_hex }, { "id.dothex", "JOBID", f_dothex },
    { "id.words", "JOBID", f_words }, { "id.emoji", "JOBID", f_emoji },
    { "userid", "UID", NULL }, { "username", "USER", username }, { "urgency", "URG", NULL },
    { "priority", "PRI", NULL }, { "state", "STATE", f_state }, { "state_single", "S", f_state1 },
    { "state_emoji", "STATE", f_state_emoji }, { "name", "NAME", NULL }, { "cwd", "CWD", NULL },
    { "queue", "QUEUE", NULL }, { "project", "PROJECT", NULL }, { "bank", "BANK", NULL },
    { "ntasks", "NTASKS", NULL }, { "ncores", "NCORES", NULL }, { "duration", "DURATION", NULL },
    { "nnodes", "NNODES", NULL }, { "expiration", "EXPIRATION", NULL },
    { "t_remaining", "T_REMAINING", remaining }, { "ranks", "RANKS", NULL },
    { "nodelist", "NODELIST", NULL }, { "success", "SUCCESS", f_success },
    { "result", "RESULT", f_result }, { "result_abbrev", "RS", f_result2 },
    { "result_emoji", "RESULT", f_result_emoji }, { "t_submit", "T_SUBMIT", NULL },
    { "t_depend", "T_DEPEND", NULL }, { "t_priority", "T_PRIORITY", NULL },
    { "t_sched", "T_SCHED", NULL }, { "t_run", "T_RUN", NULL },
    { "t_cleanup", "T_CLEANUP", NULL }, { "t_inactive", "T_INACTIVE", NULL },
    { "runtime", "RUNTIME", f_runtime }, { "status", "STATUS", f_status },
    { "status_abbrev", "ST", f_status2 }, { "status_emoji", "STATUS", f_status_emoji },
    { "waitstatus", "WSTATUS", NULL }, { "returncode", "RC", returncode },
    { "dependencies", "DEPENDENCIES", dependencies },
    { "contextual_info", "INFO", contextual_info }, { "contextual_time", "TIME", contextual_time },
    { "inactive_reason", "INACTIVE-REASON", inactive_reason },
};
#define NFIELDS (sizeof (fields) / sizeof (fields[0]))

/* Fields of instances with a heading of their own. */
static const struct {
    const char *name;
    const char *heading;
} instance[] = {
    { "instance.stats", "STATS" }, { "instance.stats.total", "NJOBS" },
    { "instance.utilization", "CORE%" }, { "instance.gpu_utilization", "GPU%" },
    { "instance.progress", "PROG" }, { "instance.resources.all.ncores", "CORES" },
    { "instance.resources.all.ngpus", "GPUS" }, { "instance.resources.up.ncores", "UP" },
    { "instance.resources.allocated.ncores", "USED" },
};

/* In the order in which they are printed. */
static const char *const json_fields[] = {
    "id", "userid", "username", "urgency", "priority", "state", "status", "name", "cwd",
    "queue", "project", "bank", "ntasks", "ncores", "duration", "nnodes", "ranks", "nodelist",
    "expiration", "t_remaining", "t_submit", "t_depend", "t_priority", "t_sched", "t_run",
    "t_cleanup", "t_inactive", "runtime", "success", "result", "waitstatus", "returncode",
};

static bool is_there (json_t *job, const char *field, json_t *value)
{
    if (!value || json_is_null (value)
        || (json_is_string (value) && !*json_string_value (value)))
        return false;
    return strcmp (field, "runtime") != 0 || json_object_get (job, "t_run");
}

static json_t *exception_object (json_t *job)
{
    static const char *const keys[] = { "occurred", "severity", "type", "note" };
    json_t *o = json_object ();

    for (int i = 0; i < 4; i++) {
        json_t *value = exception (job, keys[i]);
        if (is_there (job, keys[i], value))
            json_object_set (o, keys[i], value);
        json_decref (value);
    }
    return o;
}

json_t *jobfields_json (json_t *job)
{
    static const char *const objects[] = { "dependencies", "annotations" };
    json_t *o = json_object ();

    for (size_t i = 0; i < sizeof (json_fields) / sizeof (json_fields[0]); i++) {
        json_t *value = jobfields_value (job, json_fields[i], NULL);
        if (is_there (job, json_fields[i], value))
            json_object_set (o, json_fields[i], value);
        json_decref (value);
    }
    if (json_object_get (job, "exception_occurred"))
        json_object_set_new (o, "exception", exception_object (job));
    for (int i = 0; i < 2; i++)
        if (json_object_get (job, objects[i]))
            json_object_set (o, objects[i], json_object_get (job, objects[i]));
    return o;
}

static bool dotted (const char *field, const char *prefix, const char **rest)
{
    size_t n = strlen (prefix);

    if (strncmp (field, prefix, n) != 0 || (field[n] != '.' && field[n] != '\0'))
        return false;
    *rest = field + n + (field[n] == '.');
    return true;
}

const char *jobfields_heading (const char *field, void *arg)
{
    static char upper[128];
    const char *rest;

    for (size_t i = 0; i < NFIELDS; i++) {
        if (strcmp (fields[i].name, field) == 0)
            return fields[i].heading;
    }
    if (!dotted (field, "annotations", &rest) && !dotted (field, "sched", &rest)
        && !dotted (field, "user", &rest) && !dotted (field, "instance", &rest)
        && !(dotted (field, "exception", &rest) && *rest
             && strstr ("occurred severity type note", rest)))
        return NULL;
    for (size_t i = 0; i < sizeof (instance) / sizeof (instance[0]); i++) {
        if (strcmp (instance[i].name, field) == 0)
            return instance[i].heading;
    }
    snprintf (upper, sizeof (upper), "%s", field);
    for (char *s = upper; *s; s++)
        *s = *s == '.' && dotted (field, "exception", &rest) ? '-'
             : *s >= 'a' && *s <= 'z' ? *s - 32 : *s;
    return upper;
}

json_t *jobfields_value (const void *item, const char *field, void *arg)
{
    json_t *job = (json_t *)item;
    const char *rest;

    for (size_t i = 0; i < NFIELDS; i++) {
        if (strcmp (fields[i].name, field) == 0)
            return fields[i].get ? fields[i].get (job) : plain (job, field);
    }
    if (dotted (field, "exception", &rest))
        return exception (job, rest);
    if (dotted (field, "instance", &rest))
        return jobinstance_value (job, rest);
    if (dotted (field, "annotations", &rest))
        return annotation (job, rest);
    return annotation (job, field);
}
