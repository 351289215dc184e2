/* entry.c - see entry.h
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "modules/cron/crontab.h"
#include "modules/cron/entry.h"

enum type { INTERVAL, EVENT, DATETIME };

static const char *const types[] = { "interval", "event", "datetime" };

struct entry {
    flux_t *h;
    int id;
    enum type type;
    json_t *request;           /* as it came */
    const char *name;          /* these are of it */
    const char *command;
    const char *cwd;
    const char *topic;
    json_t *environ;
    int rank;
    int repeat;                /* 0: no end */
    int history;
    int stop_on_failure;
    double timeout;
    double interval;           /* or min-interval of an event */
    double after;
    int nth;
    int after_events;
    struct crontab crontab;
    double time;               /* datetime: once, at that; 0: crontab */
    entry_may_run_f may_run;
    void *arg;

    bool stopped;
    bool deferred;
    flux_watcher_t *timer;
    int events;                /* since the start */
    int runs;                  /* since the start */
    int failures;              /* since the start */
    double ctime, starttime, lastrun;
    int count, failcount, success, ndeferred;

    flux_subprocess_t *proc;
    flux_watcher_t *limit;     /* --timeout */
    json_t *task;              /* the one that runs */
    json_t *tasks;             /* those that ended, latest first */
};

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return ts.tv_sec + 1e-9 * ts.tv_nsec;
}

/* ---- tasks ---- */

static void task_over (struct entry *e, const char *state, int code)
{
    json_object_set_new (e->task, "state", json_string (state));
    json_object_set_new (e->task, "code", json_integer (code));
    json_object_set_new (e->task, "end-time", json_real (now ()));
    json_array_insert (e->tasks, 0, e->task);
    while (json_array_size (e->tasks) > (size_t)e->history)
        json_array_remove (e->tasks, json_array_size (e->tasks) - 1);
    json_decref (e->task);
    e->task = NULL;
    flux_subprocess_destroy (e->proc);
    e->proc = NULL;
    flux_watcher_stop (e->limit);
    if (code == 0 && strcmp (state, "Exited") == 0) {
        e->success++;
        return;
    }
    e->failcount++;
    e->failures++;
    flux_log (e->h, LOG_ERR, "cron-%d: command \"%s\": %s: code=%d", e->id, e->command, state, code);
    if (e->stop_on_failure > 0 && e->failures > e->stop_on_failure) {
        flux_log (e->h, LOG_ERR, "cron-%d: exceeded stop-on-failure, stopping", e->id);
        entry_stop (e);
    }
}

static void on_completion (flux_subprocess_t *p)
{
    struct entry *e = flux_subprocess_aux_get (p, "entry");
    int status = flux_subprocess_status (p);

    task_over (e, "Exited", WIFSIGNALED (status) ? 128 + WTERMSIG (status)
                                                 : WEXITSTATUS (status));
}

static void on_state (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    struct entry *e = flux_subprocess_aux_get (p, "entry");

    if (state == FLUX_SUBPROCESS_RUNNING)
        json_object_set_new (e->task, "pid", json_integer (flux_subprocess_pid (p)));
    else if (state == FLUX_SUBPROCESS_FAILED)
        task_over (e, "Failed", flux_subprocess_fail_errno (p));
}

static void on_output (flux_subprocess_t *p, const char *stream)
{
    struct entry *e = flux_subprocess_aux_get (p, "entry");
    const char *line;
    int n = flux_subprocess_getline (p, stream, &line);

    if (n > 0)
        flux_log (e->h, strcmp (stream, "stderr") == 0 ? LOG_ERR : LOG_INFO,
                  "cron-%d[%d]: rank=%d: command=\"%s\": \"%.*s\"", e->id,
                  (int)flux_subprocess_pid (p), e->rank, e->command,
                  line[n - 1] == '\n' ? n - 1 : n, line);
}

static void on_limit (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct entry *e = arg;

    if (e->proc) {
        flux_log (e->h, LOG_ERR, "cron-%d: command \"%s\" timed out after %gs", e->id, e->command,
                  e->timeout);
        flux_future_destroy (flux_subprocess_kill (e->proc, SIGTERM));
    }
}

static flux_cmd_t *make_command (struct entry *e)
{
    char *argv[] = { (char *)"sh", (char *)"-c", (char *)e->command };
    flux_cmd_t *cmd = flux_cmd_create (3, argv, environ);
    char *own = e->cwd ? NULL : get_current_dir_name ();
    const char *key;
    json_t *val;
    int rc = cmd ? flux_cmd_setcwd (cmd, e->cwd ? e->cwd : own ? own : "/") : -1;

    free (own);
    if (rc < 0)
        goto error;
    json_object_foreach (e->environ, key, val) {
        if (json_is_string (val)
            && flux_cmd_setenvf (cmd, 1, key, "%s", json_string_value (val)) < 0)
            goto error;
    }
    return cmd;
error:
    flux_cmd_destroy (cmd);
    return NULL;
}

static void run_task (struct entry *e)
{
    static const flux_subprocess_ops_t ops = {
        .on_completion = on_completion,
        .on_state_change = on_state,
        .on_stdout = on_output,
        .on_stderr = on_output,
    };
    flux_cmd_t *cmd = make_command (e);

    e->deferred = false;
    e->lastrun = now ();
    e->count++;
    e->runs++;
    e->task = json_pack ("{s:s s:i s:f s:i}", "state", "Running", "rank", e->rank, "start-time",
                         e->lastrun, "pid", 0);
    e->proc = cmd && e->task ? flux_rexec (e->h, e->rank, 0, cmd, &ops) : NULL;
    if (!e->proc || flux_subprocess_aux_set (e->proc, "entry", e, NULL) < 0)
        task_over (e, "Failed", errno);
    else if (e->timeout > 0) {
        flux_timer_watcher_reset (e->limit, e->timeout, 0);
        flux_watcher_start (e->limit);
    }
    flux_cmd_destroy (cmd);
    if (e->repeat > 0 && e->runs >= e->repeat)
        entry_stop (e);
}

/* A task that still runs is not run twice. */
static void due (struct entry *e)
{
    if (e->proc)
        flux_log (e->h, LOG_INFO, "cron-%d: the last task still runs: skipped", e->id);
    else if (e->may_run (e->arg))
        run_task (e);
    else {
        e->ndeferred += !e->deferred;
        e->deferred = true;
    }
}

void entry_run_deferred (struct entry *e)
{
    if (e->deferred && !e->proc && !e->stopped)
        run_task (e);
}

/* ---- triggers ---- */

static int arm_datetime (struct entry *e)
{
    double t = now ();
    double next = e->time > 0 ? e->time : (double)crontab_next (&e->crontab, (time_t)t);

    if (next < 0 || (e->time > 0 && e->time < t - 1))
        return -1;
    flux_timer_watcher_reset (e->timer, next > t ? next - t : 0.001, 0);
    flux_watcher_start (e->timer);
    return 0;
}

static void on_timer (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct entry *e = arg;

    if (e->type == EVENT) {         /* min-interval is over */
        entry_event (e);
        return;
    }
    due (e);
    if (e->type == DATETIME && !e->stopped && (e->time > 0 || arm_datetime (e) < 0))
        entry_stop (e);
}

static bool event_counts (struct entry *e)
{
    int n = e->events - e->after_events;

    return n >= 0 && (e->nth <= 1 || (e->after_events > 0 ? n % e->nth == 0
                                                          : e->events % e->nth == 0));
}

void entry_event (struct entry *e)
{
    double t = now ();

    if (e->stopped)
        return;
    e->events++;
    if (!event_counts (e))
        return;
    if (e->interval > 0 && t - e->lastrun < e->interval)
        return;
    due (e);
}

int entry_start (struct entry *e, flux_error_t *err)
{
    e->events = e->runs = e->failures = 0;
    e->stopped = false;
    e->starttime = now ();
    if (e->type == INTERVAL) {
        flux_timer_watcher_reset (e->timer, e->after >= 0 ? e->after : e->interval, e->interval);
        flux_watcher_start (e->timer);
    }
    else if (e->type == DATETIME && arm_datetime (e) < 0) {
        e->stopped = true;
        return errmsg (err, -EINVAL, "that time will not come");
    }
    return 0;
}

void entry_stop (struct entry *e)
{
    e->stopped = true;
    flux_watcher_stop (e->timer);
}

/* ---- life ---- */

static int read_args (struct entry *e, const char *type, json_t *args, flux_error_t *err)
{
    const char *line = NULL;
    json_error_t jerr;

    for (e->type = INTERVAL; e->type <= DATETIME; e->type++) {
        if (strcmp (types[e->type], type) == 0)
            break;
    }
    if (e->type > DATETIME)
        return errmsg (err, -EINVAL, "type '%.20s': there are interval, event and datetime", type);
    if (e->type == INTERVAL
        && (json_unpack_ex (args, &jerr, 0, "{s:F s?F}", "interval", &e->interval, "after",
                            &e->after) < 0 || !(e->interval > 0) || e->interval > 1e9))
        return errmsg (err, -EINVAL, "interval: want a number of seconds above 0");
    if (e->type == EVENT
        && (json_unpack_ex (args, &jerr, 0, "{s:s s?i s?i s?F}", "topic", &e->topic, "nth",
                            &e->nth, "after", &e->after_events, "min_interval",
                            &e->interval) < 0 || e->nth < 0 || e->after_events < 0))
        return errmsg (err, -EINVAL, "event: want a topic, and numbers of zero or more");
    if (e->type == DATETIME
        && json_unpack_ex (args, &jerr, 0, "{s?s s?F}", "crontab", &line, "time", &e->time) < 0)
        return errmsg (err, -EINVAL, "datetime: %s", jerr.text);
    if (e->type == DATETIME && line)
        return crontab_parse (line, &e->crontab, NULL, err);
    if (e->type == DATETIME && !(e->time > 0))
        return errmsg (err, -EINVAL, "datetime: want crontab or time");
    return 0;
}

static int read_request (struct entry *e, json_t *o, flux_error_t *err)
{
    const char *type;
    json_t *args;
    json_error_t jerr;

    if (json_unpack_ex (o, &jerr, 0, "{s:s s:s s:o s?s s?i s?i s?o s?s s?i s?i s?F}", "type",
                        &type, "command", &e->command, "args", &args, "name", &e->name, "repeat",
                        &e->repeat, "rank", &e->rank, "environ", &e->environ, "cwd", &e->cwd,
                        "task-history-count", &e->history, "stop-on-failure",
                        &e->stop_on_failure, "timeout", &e->timeout) < 0)
        return errmsg (err, -EINVAL, "cron.create: %s", jerr.text);
    if (!*e->command)
        return errmsg (err, -EINVAL, "the command is empty");
    if (e->repeat < 0 || e->rank < 0 || e->history < 1 || e->history > 1000
        || e->stop_on_failure < 0 || e->timeout < 0)
        return errmsg (err, -EINVAL, "repeat, rank, stop-on-failure and timeout are zero or more,"
                       " task-history-count 1 to 1000");
    return read_args (e, type, args, err);
}

struct entry *entry_new (flux_t *h, int id, json_t *request, entry_may_run_f may_run, void *arg,
                         flux_error_t *err)
{
    struct entry *e = calloc (1, sizeof (*e));
    flux_reactor_t *r = flux_get_reactor (h);
    int rc = -ENOMEM;

    errmsg (err, 0, "out of memory");
    if (!e)
        return NULL;
    *e = (struct entry){ .h = h, .id = id, .history = 1, .after = -1, .may_run = may_run,
                         .arg = arg, .ctime = now (), .request = json_incref (request) };
    if (!(e->tasks = json_array ()) || !(e->timer = flux_timer_watcher_create (r, 1, 0, on_timer, e))
        || !(e->limit = flux_timer_watcher_create (r, 1, 0, on_limit, e))
        || (rc = read_request (e, request, err)) < 0 || (rc = entry_start (e, err)) < 0) {
        entry_free (e, false);
        errno = -rc;
        return NULL;
    }
    return e;
}

void entry_free (struct entry *e, bool kill)
{
    if (!e)
        return;
    if (e->proc && kill)
        flux_future_destroy (flux_subprocess_kill (e->proc, SIGTERM));
    flux_subprocess_destroy (e->proc);
    flux_watcher_destroy (e->timer);
    flux_watcher_destroy (e->limit);
    json_decref (e->task);
    json_decref (e->tasks);
    json_decref (e->request);
    free (e);
}

int entry_id (const struct entry *e)
{
    return e->id;
}

bool entry_is_stopped (const struct entry *e)
{
    return e->stopped;
}

const char *entry_topic (const struct entry *e)
{
    return e->topic;
}

json_t *entry_json (const struct entry *e)
{
    json_t *tasks = json_copy (e->tasks);
    json_t *o;

    if (tasks && e->task)
        json_array_insert (tasks, 0, e->task);
    o = json_pack ("{s:i s:s s:s s:s s:i s:i s:b s:i s:f s:i s:O s:o s:{s:f s:f s:f s:i s:i s:i"
                   " s:i}}",
                   "id", e->id, "name", e->name ? e->name : "", "command", e->command, "type",
                   types[e->type], "rank", e->rank, "repeat", e->repeat, "stopped", e->stopped,
                   "stop-on-failure", e->stop_on_failure, "timeout", e->timeout,
                   "task-history-count", e->history, "typedata",
                   json_object_get (e->request, "args"), "tasks", tasks, "stats", "ctime",
                   e->ctime, "starttime", e->starttime, "lastrun", e->lastrun, "count", e->count,
                   "failcount", e->failcount, "success", e->success, "deferred", e->ndeferred);
    return o;
}
