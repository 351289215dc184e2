/* bulk.c - submit many jobs at once
 *
 *   bulk_submit ─► [window of requests under way] ─► id ─► watch eventlog, output
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/attach.h"
#include "cmd/bar.h"
#include "cmd/bulk.h"
#include "cmd/cmd.h"
#include "spec/eventlog.h"
#include "spec/iodata.h"

#define WINDOW 512           /* submissions under way */
#define WATCH_WINDOW 2048    /* jobs watched at a time */

struct bulk {
    flux_t *h;
    flux_reactor_t *r;
    struct bulk_opts opts;
    size_t total;            /* for the progress bar */
    size_t submitting;
    size_t submitted;
    size_t watching;
    size_t running;
    size_t complete;
    size_t failed;
    double t0;
    double t_drawn;
    bool bar;
    flux_watcher_t *tick;    /* the bar has a clock */
    int rc;
    size_t limit_submit;     /* run the reactor until no more are under way */
    size_t limit_watch;
};

struct job {
    struct bulk *b;
    flux_jobid_t id;
    FILE *out;
    FILE *err;
    flux_future_t *events;
    flux_future_t *output;
    json_t *header;          /* of the output, or NULL */
    bool events_done;
    bool output_done;
    bool started;
    int status;
};

/* Progress */

/* The colors of the terminal are those of a job's output, where that left some. */
static void draw_bar (struct bulk *b, bool force)
{
    double now = flux_reactor_time ();
    struct bar bar = {
        .total = b->total, .done = b->opts.wait_event ? b->complete + b->failed : b->submitted,
        .running = b->running, .complete = b->complete, .failed = b->failed,
        .elapsed = now - b->t0, .jps = b->opts.jps,
    };
    char *s;

    if (!b->bar || (!force && now - b->t_drawn < 0.1))
        return;
    b->t_drawn = now;
    if ((s = bar_format (&bar, bar_columns ())))
        fprintf (stderr, "%s\r%s\033[K", b->opts.watch ? "\033[0m" : "", s);
    fflush (stderr);
    free (s);
}

static void tick_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    draw_bar (arg, false);
}

static void start_bar (struct bulk *b)
{
    b->bar = true;
    b->tick = flux_timer_watcher_create (b->r, 0.5, 0.5, tick_cb, b);
    if (b->tick) {
        flux_watcher_start (b->tick);
        flux_watcher_unref (b->tick);
    }
}

static void erase_bar (struct bulk *b)
{
    if (b->bar)
        fprintf (stderr, "\r\033[K");
}

/* Flow */

static void check_limits (struct bulk *b)
{
    draw_bar (b, false);
    if (b->submitting <= b->limit_submit && b->watching <= b->limit_watch)
        flux_reactor_stop (b->r);
}

static void run_until (struct bulk *b, size_t submitting, size_t watching)
{
    if (b->submitting <= submitting && b->watching <= watching)
        return;
    b->limit_submit = submitting;
    b->limit_watch = watching;
    if (flux_reactor_run (b->r, 0) < 0)
        cmd_die (1, "lost connection to the broker");
}

static void job_end (struct job *job)
{
    struct bulk *b = job->b;

    if (!job->events_done || !job->output_done)
        return;
    if (job->started)
        b->running--;
    if (job->status == 0)
        b->complete++;
    else
        b->failed++;
    if (attach_exit_code (job->status) > b->rc)
        b->rc = attach_exit_code (job->status);
    flux_future_destroy (job->events);
    flux_future_destroy (job->output);
    json_decref (job->header);
    free (job);
    b->watching--;
    check_limits (b);
}

/* Output */

static void print_data (struct job *job, const struct iodata *io)
{
    FILE *f = strcmp (io->stream, "stderr") == 0 ? job->err : job->out;

    if (io->len == 0)
        return;
    erase_bar (job->b);
    for (int i = 0; i < io->repeat; i++) {
        if (job->b->opts.label)
            fprintf (f, "%s: ", io->rank);
        fwrite (io->data, 1, io->len, f);
    }
    fflush (f);
}

static void print_output (struct job *job, const char *event)
{
    json_t *o = eventlog_entry_decode (event, strlen (event), NULL);
    const json_t *context;
    const char *name;
    struct iodata io;
    double t;

    if (!o || eventlog_entry_parse (o, &t, &name, &context) < 0)
        ;
    else if (strcmp (name, "header") == 0) {
        json_decref (job->header);
        job->header = json_incref ((json_t *)context);
    }
    else if (strcmp (name, "data") == 0
             && iodata_decode_event (context, job->header, &io) == 0) {
        print_data (job, &io);
        iodata_release (&io);
    }
    json_decref (o);
}

static void output_cb (flux_future_t *f, void *arg)
{
    struct job *job = arg;
    const char *event;

    if (flux_job_event_watch_get (f, &event) < 0) {
        job->output_done = true;
        job_end (job);
        return;
    }
    print_output (job, event);
    flux_future_reset (f);
}

static void watch_output (struct job *job)
{
    if (job->output || !job->b->opts.watch)
        return;
    job->output_done = false;
    job->output = flux_job_event_watch (job->b->h, job->id, "guest.output",
                                        FLUX_JOB_EVENT_WATCH_WAITCREATE);
    if (!job->output || flux_future_then (job->output, -1., output_cb, job) < 0)
        cmd_die (1, "cannot watch output: %s", flux_strerror (errno));
}

/* Events */

static void note_exception (struct job *job, const json_t *context)
{
    const char *type = "?";
    const char *note = "";
    int severity = -1;
    char id[32];

    json_unpack ((json_t *)context, "{s:s s:i s?s}", "type", &type, "severity", &severity,
                 "note", &note);
    if (severity != 0)
        return;
    erase_bar (job->b);
    fprintf (job->err, "%s: exception: type=%s note=%s\n", cmd_f58 (job->id, id, sizeof (id)),
             type, note);
    if (job->status == 0)
        job->status = 1 << 8;
}

/* Returns true if this was the event to wait for. */
static bool job_event (struct job *job, const char *event)
{
    json_t *o = eventlog_entry_decode (event, strlen (event), NULL);
    const json_t *context;
    const char *name;
    bool done = false;
    double t;

    if (o && eventlog_entry_parse (o, &t, &name, &context) == 0) {
        const char *until = job->b->opts.wait_event;
        if (strncmp (until, "exec.", 5) == 0)
            until += 5;
        if (strcmp (name, "start") == 0 && !job->started) {
            job->started = true;
            job->b->running++;
            watch_output (job);
        }
        else if (strcmp (name, "exception") == 0 && context)
            note_exception (job, context);
        else if (strcmp (name, "finish") == 0 && context)
            job->status = json_integer_value (json_object_get (context, "status"));
        done = strcmp (name, until) == 0;
    }
    json_decref (o);
    return done;
}

static void events_cb (flux_future_t *f, void *arg)
{
    struct job *job = arg;
    const char *event;

    if (flux_job_event_watch_get (f, &event) < 0) {
        char id[32];
        if (errno == ENODATA && job->status == 0 && strcmp (job->b->opts.wait_event, "clean") != 0) {
            cmd_err ("%s: ended without event '%s'", cmd_f58 (job->id, id, sizeof (id)),
                     job->b->opts.wait_event);
            job->status = 1 << 8;
        }
        else if (errno != ENODATA) {
            cmd_err ("%s: %s", cmd_f58 (job->id, id, sizeof (id)), future_strerror (f, errno));
            job->status = 1 << 8;
        }
        job->events_done = true;
    }
    else if (job_event (job, event)) {
        job->events_done = true;
        flux_job_event_watch_cancel (f);
    }
    if (job->events_done) {
        job_end (job);    /* may free it */
        return;
    }
    flux_future_reset (f);
    draw_bar (job->b, false);
}

static void watch_job (struct job *job)
{
    const char *path = strncmp (job->b->opts.wait_event, "exec.", 5) == 0 ? "guest.exec.eventlog"
                                                                           : "eventlog";

    job->output_done = true;
    job->events = flux_job_event_watch (job->b->h, job->id, path,
                                        *path == 'g' ? FLUX_JOB_EVENT_WATCH_WAITCREATE : 0);
    if (!job->events || flux_future_then (job->events, -1., events_cb, job) < 0)
        cmd_die (1, "cannot watch the job: %s", flux_strerror (errno));
    job->b->watching++;
}

/* Submission */

static void submitted_cb (flux_future_t *f, void *arg)
{
    struct job *job = arg;
    struct bulk *b = job->b;
    char id[32];

    b->submitting--;
    if (flux_job_submit_get_id (f, &job->id) < 0) {
        erase_bar (b);
        fprintf (job->err, "%s: ERROR: %s\n", cmd_name (), future_strerror (f, errno));
        b->rc = b->rc > 1 ? b->rc : 1;
        b->failed++;
        free (job);
    }
    else {
        b->submitted++;
        if (!b->opts.quiet) {
            erase_bar (b);
            fprintf (job->out, "%s\n", cmd_f58 (job->id, id, sizeof (id)));
        }
        if (b->opts.wait_event)
            watch_job (job);
        else
            free (job);
    }
    flux_future_destroy (f);
    check_limits (b);
}

void bulk_submit (struct bulk *b, const char *jobspec, int urgency, int flags,
                  FILE *out, FILE *err)
{
    struct job *job = calloc (1, sizeof (*job));
    flux_future_t *f;

    if (!job)
        cmd_die (1, "out of memory");
    job->b = b;
    job->out = out;
    job->err = err;
    f = flux_job_submit (b->h, jobspec, urgency, flags);
    if (!f || flux_future_then (f, -1., submitted_cb, job) < 0)
        cmd_die (1, "cannot submit: %s", flux_strerror (errno));
    b->submitting++;
    run_until (b, WINDOW - 1, WATCH_WINDOW - 1);
}

void bulk_watch (struct bulk *b, flux_jobid_t id, FILE *out, FILE *err)
{
    struct job *job = calloc (1, sizeof (*job));

    if (!job)
        cmd_die (1, "out of memory");
    job->b = b;
    job->id = id;
    job->out = out;
    job->err = err;
    b->submitted++;
    watch_job (job);
    run_until (b, WINDOW - 1, WATCH_WINDOW - 1);
}

void bulk_set_start (struct bulk *b, double t)
{
    b->t0 = t;
}

struct bulk *bulk_new (flux_t *h, const struct bulk_opts *opts, size_t total)
{
    struct bulk *b = calloc (1, sizeof (*b));

    if (!b)
        cmd_die (1, "out of memory");
    b->h = h;
    b->r = flux_get_reactor (h);
    b->opts = *opts;
    b->total = total;
    b->t0 = flux_reactor_time ();
    if (opts->progress && isatty (STDERR_FILENO))
        start_bar (b);
    else if (opts->progress)
        cmd_err ("--progress: standard error is not a terminal, no bar is shown");
    return b;
}

int bulk_finish (struct bulk *b)
{
    int rc;

    run_until (b, 0, 0);
    draw_bar (b, true);
    if (b->bar)
        fprintf (stderr, "\n");
    fflush (stdout);
    rc = b->rc;
    flux_watcher_destroy (b->tick);
    free (b);
    return rc;
}
