/* attach.c - follow a job on this terminal
 *
 *   eventlog ────────────► state, exceptions, exit code
 *   guest.exec.eventlog ─► the shell's service, for stdin
 *   guest.output ────────► stdout, stderr, log messages of the shell
 *   stdin ──"<service>.stdin"──► leader shell
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/attach.h"
#include "cmd/attach_pty.h"
#include "cmd/attach_stdin.h"
#include "cmd/cmd.h"
#include "cmd/mpir.h"
#include "cmd/procs.h"
#include "spec/eventlog.h"
#include "spec/iodata.h"

#define DETACH_WINDOW 2.   /* seconds between two Ctrl-C that cancel */

struct line {
    char *stream;
    char *text;
};

struct attach {
    flux_t *h;
    flux_reactor_t *r;
    flux_jobid_t id;
    char idstr[32];
    const struct attach_opts *opts;
    flux_future_t *eventlog;
    flux_future_t *exec;
    flux_future_t *output;
    char service[64];        /* of the shells, and where */
    int leader;
    struct attach_stdin *input;
    struct attach_pty *pty;  /* the terminal of pty_rank is this one */
    int pty_rank;
    bool pty_shown;          /* there was a session */
    struct buf pty_data;     /* captured, while it is not known if there is one */
    bool pty_capture;        /* what it shows is in the output eventlog too */
    bool events_done;        /* the event waited for was seen, or the log ended */
    bool output_done;
    json_t *header;          /* of the output, or NULL */
    bool no_streams;         /* all output goes to files */
    bool exec_done;          /* it was read to its end, or is not watched */
    bool mid_line[2];
    double t_submit;
    double last_sigint;
    int exit_code;
    bool started;
    bool finished;
    bool detached_early;     /* at the user's --wait-event: the job goes on */
    struct line *tail;       /* ring of opts->tail lines */
    int tail_next;
    flux_watcher_t *status_timer;
    bool status_shown;
    const char *phase;       /* what the job waits for, for the status line */
};

int attach_exit_code (int status)
{
    if (WIFSIGNALED (status))
        return 128 + WTERMSIG (status);
    return WEXITSTATUS (status);
}

/* The status line */

static void clear_status (struct attach *a)
{
    if (a->status_shown)
        fprintf (stderr, "\r\033[K");
    a->status_shown = false;
}

static void show_status (struct attach *a)
{
    int s = flux_reactor_time () - a->t_submit;

    if (!a->phase || a->t_submit == 0)
        return;
    fprintf (stderr, "\rflux-job: %s %-40s %02d:%02d:%02d\r", a->idstr, a->phase,
             s / 3600, s % 3600 / 60, s % 60);
    fflush (stderr);
    a->status_shown = true;
}

static void status_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    show_status (arg);
}

static void init_status (struct attach *a)
{
    bool tty = isatty (STDIN_FILENO) && isatty (STDOUT_FILENO) && isatty (STDERR_FILENO);
    double first = a->opts->show_status ? 0. : 2.;

    if (a->opts->show_events || getenv ("FLUX_ATTACH_NONINTERACTIVE"))
        return;
    if (!tty && !a->opts->show_status)
        return;
    a->status_timer = flux_timer_watcher_create (a->r, first, 1., status_cb, a);
    flux_watcher_start (a->status_timer);
    flux_watcher_unref (a->status_timer);
}

static const char *eol (const struct attach *a)
{
    return attach_pty_raw (a->pty) ? "\r\n" : "\n";
}

/* The end */

static void check_done (struct attach *a)
{
    /* with no streams there may be messages to come, but not for who does not stay to the end */
    bool output_done = a->output_done || (a->no_streams && a->detached_early);

    if (a->events_done && output_done && a->exec_done && !a->pty)
        flux_reactor_stop (a->r);
}

static void end_events (struct attach *a)
{
    a->events_done = true;
    attach_stdin_free (a->input);
    a->input = NULL;
    /* a job that never ran has no output to wait for */
    if (!a->started && a->output) {
        flux_future_destroy (a->output);
        a->output = NULL;
        a->output_done = true;
    }
    if (!a->output)
        a->output_done = true;
    if (!a->exec || a->detached_early)
        a->exec_done = true;
    check_done (a);
}

/* Output */

static void flush_tail (struct attach *a)
{
    for (int i = 0; a->tail && i < a->opts->tail; i++) {
        struct line *l = &a->tail[(a->tail_next + i) % a->opts->tail];
        if (l->text)
            fputs (l->text, strcmp (l->stream, "stderr") == 0 ? stderr : stdout);
        free (l->text);
        free (l->stream);
    }
    free (a->tail);
    a->tail = NULL;
}

static void keep_line (struct attach *a, const char *stream, const char *text, size_t len)
{
    struct line *l = &a->tail[a->tail_next];

    free (l->text);
    free (l->stream);
    l->text = strndup (text, len);
    l->stream = strdup (stream);
    a->tail_next = (a->tail_next + 1) % a->opts->tail;
}

static void put_bytes (struct attach *a, const char *stream, const char *data, size_t len)
{
    if (a->tail)
        keep_line (a, stream, data, len);
    else
        fwrite (data, 1, len, strcmp (stream, "stderr") == 0 ? stderr : stdout);
}

/* What a captured terminal shows is not shown again, unless there is no session. */
static bool shown_by_pty (struct attach *a, const struct iodata *io)
{
    if (!a->pty_capture || (!a->pty && !a->pty_shown) || strcmp (io->stream, "stdout") != 0
        || strtol (io->rank, NULL, 10) != a->pty_rank)
        return false;
    if (a->pty && !attach_pty_attached (a->pty))
        buf_add (&a->pty_data, io->data, io->len);
    return true;
}

static void put_data (struct attach *a, const struct iodata *io)
{
    int which = strcmp (io->stream, "stderr") == 0;
    const char *p = io->data;
    size_t left = io->len;

    if (shown_by_pty (a, io))
        return;
    while (left > 0) {
        const char *nl = memchr (p, '\n', left);
        size_t n = nl ? (size_t)(nl + 1 - p) : left;
        if (a->opts->label && !a->mid_line[which]) {
            char label[32];
            int m = snprintf (label, sizeof (label), "%s: ", io->rank);
            put_bytes (a, io->stream, label, m);
        }
        put_bytes (a, io->stream, p, n);
        a->mid_line[which] = !nl;
        p += n;
        left -= n;
    }
    if (!a->tail)
        fflush (which ? stderr : stdout);
}

static void put_log (struct attach *a, double t, const json_t *context)
{
    static const char *names[] = { "FATAL", "FATAL", "FATAL", "ERROR", "WARN", "", "DEBUG", "TRACE" };
    const char *message;
    const char *component = NULL;
    const char *program = "flux-shell";
    int level;
    int rank = -1;

    if (json_unpack ((json_t *)context, "{s:i s:s s?s s?i s?s}", "level", &level, "message", &message,
                     "component", &component, "rank", &rank, "program", &program) < 0)
        return;
    clear_status (a);
    fprintf (stderr, "%.3fs: %s", t - a->t_submit, program);
    if (rank >= 0)
        fprintf (stderr, "[%d]", rank);
    fprintf (stderr, ": ");
    if (level >= 0 && level < 8 && *names[level])
        fprintf (stderr, "%s: ", names[level]);
    fprintf (stderr, "%s%s%s%s", component ? component : "", component ? ": " : "", message, eol (a));
}

static void put_redirect (struct attach *a, const json_t *context)
{
    const char *stream;
    const char *rank;
    const char *path = NULL;

    if (json_unpack ((json_t *)context, "{s:s s:s s?s}", "stream", &stream, "rank", &rank,
                     "path", &path) < 0)
        return;
    clear_status (a);
    fprintf (stderr, "%s: %s redirected%s%s%s", rank, stream, path ? " to " : "",
             path ? path : "", eol (a));
}

/* How many streams there are to come. */
static void take_header (struct attach *a, const json_t *context)
{
    int out = 1;
    int err = 1;

    json_decref (a->header);
    a->header = json_incref ((json_t *)context);
    json_unpack (a->header, "{s:{s?i s?i}}", "count", "stdout", &out, "stderr", &err);
    a->no_streams = out + err == 0;
    check_done (a);
}

static void output_event (struct attach *a, const char *event)
{
    json_t *o = eventlog_entry_decode (event, strlen (event), NULL);
    const char *name;
    const json_t *context;
    struct iodata io;
    double t;

    if (!o || eventlog_entry_parse (o, &t, &name, &context) < 0) {
        json_decref (o);
        return;
    }
    if (strcmp (name, "data") == 0 && iodata_decode_event (context, a->header, &io) == 0) {
        clear_status (a);
        for (int i = 0; i < io.repeat; i++)
            put_data (a, &io);
        iodata_release (&io);
    }
    else if (strcmp (name, "header") == 0)
        take_header (a, context);
    else if (strcmp (name, "log") == 0)
        put_log (a, t, context);
    else if (strcmp (name, "redirect") == 0)
        put_redirect (a, context);
    json_decref (o);
}

static void output_cb (flux_future_t *f, void *arg)
{
    struct attach *a = arg;
    const char *event;

    if (flux_job_event_watch_get (f, &event) < 0) {
        if (errno != ENODATA && errno != ENOENT)
            cmd_err ("output of %s: %s", a->idstr, future_strerror (f, errno));
        flux_future_destroy (f);
        a->output = NULL;
        a->output_done = true;
        check_done (a);
        return;
    }
    output_event (a, event);
    flux_future_reset (f);
}

static int watch_output (struct attach *a)
{
    if (a->output || a->output_done)
        return 0;
    a->output = flux_job_event_watch (a->h, a->id, "guest.output",
                                      FLUX_JOB_EVENT_WATCH_WAITCREATE);
    if (!a->output || flux_future_then (a->output, -1., output_cb, a) < 0)
        return -1;
    return 0;
}

/* The exec eventlog */

static void show_event (struct attach *a, const char *prefix, double t, const char *name,
                        const json_t *context)
{
    char *s = context ? json_dumps (context, JSON_COMPACT) : NULL;

    clear_status (a);
    fprintf (stderr, "%.3fs: %s%s%s%s%s", t - a->t_submit, prefix, name, s ? " " : "",
             s ? s : "", eol (a));
    free (s);
}

/* The session at the job's terminal is over, or there was none to be had. */
static void pty_done (void *arg, int errnum)
{
    struct attach *a = arg;
    bool tty = isatty (STDIN_FILENO);

    a->pty_shown = errnum == 0;
    if (errnum != 0)
        put_bytes (a, "stdout", a->pty_data.data, a->pty_data.len);
    attach_pty_free (a->pty);
    a->pty = NULL;
    if (errnum == ECANCELED) {
        a->exit_code = 0;
        flux_reactor_stop (a->r);
        return;
    }
    if (errnum == 0 && tty && strcmp (cmd_name (), "flux-alloc") != 0)
        fprintf (stderr, "[detached: session exiting]\n");
    if (errnum != 0 && errnum != ENOSYS)
        cmd_err ("%s: the terminal of the job: %s", a->idstr, flux_strerror (errnum));
    check_done (a);
}

/* The shells are there: connect our standard input with the job's. */
static void start_input (struct attach *a, const json_t *context)
{
    const char *service;
    int leader;
    int capture = 0;
    json_t *pty = json_object_get (context, "pty");

    if (json_unpack ((json_t *)context, "{s:s s:i}", "service", &service, "leader-rank", &leader) < 0
        || a->opts->read_only || a->finished || a->input || a->pty)
        return;
    if (!pty || json_unpack (pty, "{s:i s?b}", "rank", &a->pty_rank, "capture", &capture) < 0) {
        a->input = attach_stdin_start (a->h, service, leader, a->opts->stdin_ranks);
        return;
    }
    a->pty_capture = capture;
    if (!(a->pty = attach_pty_start (a->h, service, leader, pty_done, a)))
        cmd_err ("%s: the terminal of the job: %s", a->idstr, flux_strerror (errno));
}

/* The debugger */

static void continued_cb (flux_future_t *f, void *arg)
{
    struct attach *a = arg;

    if (flux_future_get (f, NULL) < 0)
        cmd_err ("%s: SIGCONT: %s", a->idstr, future_strerror (f, errno));
    flux_future_destroy (f);
}

static void show_tasks_cb (flux_future_t *f, void *arg)
{
    struct attach *a = arg;
    bool stopped = false;
    json_t *tasks = procs_get (f, &stopped);
    int rc = tasks ? mpir_show (tasks) : -errno;
    flux_future_t *k;

    if (rc == 0)
        rc = mpir_start_tool (a->id);
    if (rc < 0)
        cmd_err ("%s: the tasks are not there for a debugger: %s", a->idstr,
                 rc == -ENOSYS ? "they have ended" : flux_strerror (-rc));
    flux_future_destroy (f);
    if (!stopped)
        return;
    k = flux_job_kill (a->h, a->id, SIGCONT);
    if (!k || flux_future_then (k, -1., continued_cb, a) < 0) {
        cmd_err ("%s: SIGCONT: %s", a->idstr, flux_strerror (errno));
        flux_future_destroy (k);
    }
}

static void remember_service (struct attach *a, const json_t *context)
{
    const char *s;

    if (json_unpack ((json_t *)context, "{s:s s:i}", "service", &s, "leader-rank", &a->leader) == 0)
        snprintf (a->service, sizeof (a->service), "%s", s);
}

/* All tasks have been started; the job may be over by now. */
static void show_tasks (struct attach *a)
{
    flux_future_t *f;

    if (!(a->opts->debug || mpir_wanted ()) || a->finished || !a->service[0])
        return;
    f = procs_request (a->h, a->service, a->leader);
    if (!f || flux_future_then (f, -1., show_tasks_cb, a) < 0) {
        cmd_err ("%s: %s", a->idstr, flux_strerror (errno));
        flux_future_destroy (f);
    }
}

static void end_exec (struct attach *a)
{
    a->exec_done = true;
    check_done (a);
}

static void exec_event (struct attach *a, const char *event)
{
    json_t *o = eventlog_entry_decode (event, strlen (event), NULL);
    const char *name;
    const json_t *context;
    double t;

    if (!o || eventlog_entry_parse (o, &t, &name, &context) < 0) {
        json_decref (o);
        return;
    }
    if (a->opts->show_exec || a->opts->verbose > 2)
        show_event (a, "exec.", t, name, context);
    if (strcmp (name, "shell.init") == 0 && context) {
        remember_service (a, context);
        start_input (a, context);
    }
    if (strcmp (name, "shell.start") == 0)
        show_tasks (a);
    if (strcmp (name, "done") == 0)
        end_exec (a);
    if (strcmp (name, "log") == 0 && context) {
        const char *data = json_string_value (json_object_get (context, "data"));
        const char *component = json_string_value (json_object_get (context, "component"));
        if (data)
            fprintf (stderr, "%s: %s%s", component ? component : "job-exec", data,
                     strchr (data, '\n') ? "" : eol (a));
    }
    json_decref (o);
}

static void exec_cb (flux_future_t *f, void *arg)
{
    struct attach *a = arg;
    const char *event;

    if (flux_job_event_watch_get (f, &event) < 0) {
        flux_future_destroy (f);
        a->exec = NULL;
        end_exec (a);
        return;
    }
    exec_event (a, event);
    flux_future_reset (f);
}

static int watch_exec (struct attach *a)
{
    if (a->exec)
        return 0;
    a->exec = flux_job_event_watch (a->h, a->id, "guest.exec.eventlog",
                                    FLUX_JOB_EVENT_WATCH_WAITCREATE);
    if (!a->exec || flux_future_then (a->exec, -1., exec_cb, a) < 0)
        return -1;
    return 0;
}

/* The eventlog */

static void exception (struct attach *a, double t, const json_t *context)
{
    const char *type = "?";
    const char *note = "";
    int severity = -1;

    json_unpack ((json_t *)context, "{s:s s:i s?s}", "type", &type, "severity", &severity,
                 "note", &note);
    clear_status (a);
    fprintf (stderr, "%.3fs: job.exception %s type=%s severity=%d %s%s", t - a->t_submit,
             a->idstr, type, severity, note, eol (a));
    if (severity == 0 && a->exit_code == 0 && !a->started)
        a->exit_code = 1;
}

static void start_watching (struct attach *a)
{
    a->started = true;
    a->phase = NULL;
    clear_status (a);
    if (watch_output (a) < 0 || watch_exec (a) < 0)
        cmd_die (1, "%s: cannot watch the job: %s", a->idstr, flux_strerror (errno));
}

static void finish (struct attach *a, const json_t *context)
{
    flux_error_t how;
    int status;

    if (json_unpack ((json_t *)context, "{s:i}", "status", &status) < 0)
        return;
    if (!a->started)    /* shells may have left messages all the same */
        start_watching (a);
    a->finished = true;
    a->exit_code = attach_exit_code (status);
    clear_status (a);
    if (flux_job_waitstatus_to_exitcode (status, &how) != 0)
        fprintf (stderr, "flux-job: %s\n", how.text);
}

static void job_event (struct attach *a, const char *event)
{
    const char *until = a->opts->wait_event ? a->opts->wait_event : "finish";
    json_t *o = eventlog_entry_decode (event, strlen (event), NULL);
    const char *name;
    const json_t *context;
    double t;

    if (!o || eventlog_entry_parse (o, &t, &name, &context) < 0) {
        json_decref (o);
        return;
    }
    if (strcmp (name, "submit") == 0)
        a->t_submit = t;
    if (a->opts->show_events || a->opts->verbose > 1)
        show_event (a, "job.", t, name, context);
    if (strcmp (name, "exception") == 0)
        exception (a, t, context);
    else if (strcmp (name, "depend") == 0)
        a->phase = "waiting for priority assignment";
    else if (strcmp (name, "priority") == 0)
        a->phase = "waiting for resources";
    else if (strcmp (name, "alloc") == 0)
        a->phase = "starting";
    else if (strcmp (name, "start") == 0)
        start_watching (a);
    else if (strcmp (name, "finish") == 0)
        finish (a, context);
    a->detached_early = a->opts->wait_event && !a->finished;
    if (strcmp (name, until) == 0 || strcmp (name, "clean") == 0)
        end_events (a);
    json_decref (o);
}

static void eventlog_cb (flux_future_t *f, void *arg)
{
    struct attach *a = arg;
    const char *event;

    if (flux_job_event_watch_get (f, &event) < 0) {
        if (errno == ENOENT)
            cmd_err ("%s: no such job", a->idstr);
        else if (errno != ENODATA)
            cmd_err ("%s: %s", a->idstr, future_strerror (f, errno));
        if (errno != ENODATA)
            a->exit_code = 1;
        flux_future_destroy (f);
        a->eventlog = NULL;
        end_events (a);
        return;
    }
    job_event (a, event);
    if (!a->events_done)
        flux_future_reset (f);
}

/* Signals */

static void kill_done (flux_future_t *f, void *arg)
{
    if (flux_future_get (f, NULL) < 0)
        cmd_err ("%s", future_strerror (f, errno));
    flux_future_destroy (f);
}

static void forward_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct attach *a = arg;
    flux_future_t *f = flux_job_kill (a->h, a->id, flux_signal_watcher_get_signum (w));

    if (!f || flux_future_then (f, -1., kill_done, a) < 0)
        flux_future_destroy (f);
}

static void sigint_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct attach *a = arg;
    double now = flux_reactor_now (r);
    flux_future_t *f;

    clear_status (a);
    if (now - a->last_sigint > DETACH_WINDOW) {
        a->last_sigint = now;
        fprintf (stderr, "flux-job: one more ctrl-C within %gs to cancel or ctrl-Z to detach\n",
                 DETACH_WINDOW);
        return;
    }
    fprintf (stderr, "flux-job: canceling job %s\n", a->idstr);
    f = flux_job_cancel (a->h, a->id, "interrupted by ctrl-C");
    if (!f || flux_future_then (f, -1., kill_done, a) < 0)
        flux_future_destroy (f);
}

static void sigtstp_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct attach *a = arg;

    if (flux_reactor_now (r) - a->last_sigint <= DETACH_WINDOW) {
        fprintf (stderr, "flux-job: detaching...\n");
        a->exit_code = 0;
        flux_reactor_stop (r);
    }
    else
        raise (SIGSTOP);
}

struct signals {
    flux_watcher_t *w[7];
};

static void catch_signals (struct attach *a, struct signals *s)
{
    static const int forwarded[] = { SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGUSR2 };

    memset (s, 0, sizeof (*s));
    if (a->opts->read_only)
        return;
    for (int i = 0; i < 5; i++)
        s->w[i] = flux_signal_watcher_create (a->r, forwarded[i], forward_cb, a);
    s->w[5] = flux_signal_watcher_create (a->r, SIGINT, sigint_cb, a);
    s->w[6] = flux_signal_watcher_create (a->r, SIGTSTP, sigtstp_cb, a);
    for (int i = 0; i < 7; i++)
        flux_watcher_start (s->w[i]);
}

static void release_signals (struct signals *s)
{
    for (int i = 0; i < 7; i++)
        flux_watcher_destroy (s->w[i]);
}

int attach_job (flux_t *h, flux_jobid_t id, const struct attach_opts *opts)
{
    struct attach a = { .h = h, .r = flux_get_reactor (h), .id = id, .opts = opts,
                        .pty_data = BUF_INIT };
    struct signals signals;

    cmd_f58 (id, a.idstr, sizeof (a.idstr));
    if (opts->tail > 0 && !(a.tail = calloc (opts->tail, sizeof (*a.tail))))
        cmd_die (1, "out of memory");
    a.eventlog = flux_job_event_watch (h, id, "eventlog", 0);
    if (!a.eventlog || flux_future_then (a.eventlog, -1., eventlog_cb, &a) < 0)
        cmd_die (1, "%s: %s", a.idstr, flux_strerror (errno));
    a.phase = "resolving dependencies";
    init_status (&a);
    catch_signals (&a, &signals);
    if (flux_reactor_run (a.r, 0) < 0)
        cmd_die (1, "lost connection to the broker");
    clear_status (&a);
    flush_tail (&a);
    fflush (stdout);
    release_signals (&signals);
    attach_stdin_free (a.input);
    attach_pty_free (a.pty);
    buf_release (&a.pty_data);
    json_decref (a.header);
    flux_watcher_destroy (a.status_timer);
    flux_future_destroy (a.eventlog);
    flux_future_destroy (a.exec);
    flux_future_destroy (a.output);
    return a.exit_code;
}
