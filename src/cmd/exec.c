/* exec.c - flux exec (flux-exec(1)): processes on brokers' ranks
 *
 *   exec ──rexec.exec──► the broker of each rank (RFC 42), all at once
 *   exec ──UID-shell-JOBID.rexec.exec──► with --jobid: that job's shells
 *
 * Input goes to all processes; it is read only as fast as the slowest takes it.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/fluid.h"
#include "cmd/cmd.h"
#include "cmd/exec.h"
#include "cmd/subs.h"

#define EX_NOHOST 68
#define FORCE_EXIT_SECONDS 1.0   /* between two SIGINTs */

extern char **environ;

struct proc {
    struct exec *x;
    flux_subprocess_t *p;
    unsigned int rank;
    int credit;              /* bytes of input it can take */
    bool takes_input;
    bool done;
    int code;                /* exit code, if done */
    int signum;              /* that ended it, or 0 */
};

struct exec {
    optparse_t *p;
    flux_t *h;
    flux_reactor_t *r;
    const char *service;     /* NULL: rexec */
    char service_buf[64];
    struct proc *procs;
    size_t n;
    size_t running;
    bool label_io;
    bool attach;
    bool quiet;
    flux_watcher_t *in;      /* standard input, or NULL */
    flux_watcher_t *signals[2];
    double last_int;         /* time of the last SIGINT */
};

/* Which ranks */

static struct idset *decode_ranks (const char *option, const char *s)
{
    struct idset *ids = idset_decode (s);

    if (!ids)
        cmd_die (1, "--%s=%s: not an idset like 0-3,7", option, s);
    return ids;
}

static uint32_t instance_size (flux_t *h)
{
    uint32_t size;

    if (flux_get_size (h, &size) < 0)
        cmd_die (1, "cannot get the size of the instance: %s", flux_strerror (errno));
    return size;
}

/* Ranks of a running job; sets the name of its shells' service. */
static struct idset *job_ranks (struct exec *x, const char *arg)
{
    flux_jobid_t id = cmd_parse_id (arg);
    flux_future_t *f = flux_rpc_pack (x->h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[sss]}",
                                      "id", (json_int_t)id, "attrs", "ranks", "state", "userid");
    const char *ranks = NULL;
    struct idset *ids;
    char fluid[32];
    int state;
    int userid;

    if (f && flux_future_get (f, NULL) < 0 && errno == ENOENT)
        cmd_die (1, "--jobid=%s: there is no such job", arg);
    cmd_check (f, arg);
    if (flux_rpc_get_unpack (f, "{s:{s?s s:i s:i}}", "job", "ranks", &ranks, "state", &state,
                             "userid", &userid) < 0)
        cmd_die (1, "job-list.list-id: %s", flux_strerror (errno));
    if (state != FLUX_JOB_STATE_RUN || !ranks || !(ids = idset_decode (ranks)))
        cmd_die (1, "--jobid=%s: the job is not running", arg);
    if (fluid_encode (id, FLUID_F58_PLAIN, fluid, sizeof (fluid)) < 0)
        cmd_die (1, "out of memory");
    snprintf (x->service_buf, sizeof (x->service_buf), "%u-shell-%s.rexec",
              (unsigned int)userid, fluid);
    x->service = x->service_buf;
    flux_future_destroy (f);
    return ids;
}

/* Members of 'all' at the places that 'index' has. */
static struct idset *pick (const struct idset *all, const struct idset *index, bool *missing)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    unsigned int place = 0;

    if (!ids)
        cmd_die (1, "out of memory");
    for (unsigned int id = idset_first (all); id != IDSET_INVALID_ID; id = idset_next (all, id)) {
        if (idset_test (index, place++))
            idset_set (ids, id);
    }
    *missing = !idset_empty (index) && idset_last (index) >= place;
    return ids;
}

static struct idset *choose (struct exec *x, struct idset *all)
{
    const char *rank = optparse_get_str (x->p, "rank", "all");
    const char *exclude = optparse_get_str (x->p, "exclude", NULL);
    struct idset *index;
    struct idset *ids;
    bool missing;

    if (strcmp (rank, "all") == 0)
        ids = idset_copy (all);
    else {
        index = decode_ranks ("rank", rank);
        ids = pick (all, index, &missing);
        if (missing)
            cmd_die (EX_NOHOST, "--rank=%s: there are ranks 0-%zu", rank, idset_count (all) - 1);
        idset_destroy (index);
    }
    if (exclude) {
        struct idset *without;
        index = decode_ranks ("exclude", exclude);
        without = pick (all, index, &missing);
        if (idset_subtract (ids, without) < 0)
            cmd_die (1, "out of memory");
        idset_destroy (index);
        idset_destroy (without);
    }
    idset_destroy (all);
    if (idset_empty (ids))
        cmd_die (1, "no ranks are left to run on");
    return ids;
}

static struct idset *target_ranks (struct exec *x)
{
    const char *jobid = optparse_get_str (x->p, "jobid", NULL);
    struct idset *all;

    if (jobid)
        return choose (x, job_ranks (x, jobid));
    if (!(all = idset_create (0, IDSET_FLAG_AUTOGROW))
        || idset_range_set (all, 0, instance_size (x->h) - 1) < 0)
        cmd_die (1, "out of memory");
    return choose (x, all);
}

/* Output */

static void copy_lines (struct proc *pr, const char *stream, FILE *f)
{
    const char *line;
    int len;

    while ((len = flux_subprocess_getline (pr->p, stream, &line)) > 0)
        fprintf (f, "%u: %.*s%s", pr->rank, len, line, line[len - 1] == '\n' ? "" : "\n");
    fflush (f);
}

static void on_output (flux_subprocess_t *p, const char *stream)
{
    struct proc *pr = flux_subprocess_aux_get (p, "proc");
    FILE *f = strcmp (stream, "stderr") == 0 ? stderr : stdout;
    const char *data;
    int len;

    if (pr->x->label_io) {
        copy_lines (pr, stream, f);
        return;
    }
    while ((len = flux_subprocess_read (p, stream, &data)) > 0)
        fwrite (data, 1, len, f);
    fflush (f);
}

/* Input */

static int least_credit (const struct exec *x)
{
    int least = 65536;

    for (size_t i = 0; i < x->n; i++) {
        if (x->procs[i].takes_input && x->procs[i].credit < least)
            least = x->procs[i].credit;
    }
    return least;
}

static bool anyone_takes_input (const struct exec *x)
{
    for (size_t i = 0; i < x->n; i++) {
        if (x->procs[i].takes_input)
            return true;
    }
    return false;
}

static void update_input (struct exec *x)
{
    if (!x->in)
        return;
    if (anyone_takes_input (x) && least_credit (x) > 0)
        flux_watcher_start (x->in);
    else
        flux_watcher_stop (x->in);
}

static void no_more_input (struct proc *pr)
{
    pr->takes_input = false;
    update_input (pr->x);
}

static void send_input (struct exec *x, const char *buf, int len)
{
    for (size_t i = 0; i < x->n; i++) {
        struct proc *pr = &x->procs[i];
        if (!pr->takes_input)
            continue;
        if (flux_subprocess_write (pr->p, "stdin", buf, len) == len)
            pr->credit -= len;
        else
            pr->takes_input = false;      /* it has closed its end */
    }
}

static void close_input (struct exec *x)
{
    for (size_t i = 0; i < x->n; i++) {
        if (x->procs[i].takes_input)
            (void)flux_subprocess_close (x->procs[i].p, "stdin");
        x->procs[i].takes_input = false;
    }
    flux_watcher_destroy (x->in);
    x->in = NULL;
}

static void on_input (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct exec *x = arg;
    char buf[65536];
    int room = least_credit (x);
    ssize_t n = read (STDIN_FILENO, buf, room);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        close_input (x);
        return;
    }
    send_input (x, buf, n);
    update_input (x);
}

static void on_credit (flux_subprocess_t *p, const char *stream, int bytes)
{
    struct proc *pr = flux_subprocess_aux_get (p, "proc");

    if (strcmp (stream, "stdin") != 0)
        return;
    pr->credit += bytes;
    update_input (pr->x);
}

/* Ends */

static void proc_done (struct proc *pr)
{
    if (pr->done)
        return;
    pr->done = true;
    no_more_input (pr);
    if (--pr->x->running == 0)
        flux_reactor_stop (pr->x->r);
}

static int code_of_error (int errnum)
{
    switch (errnum) {
        case EHOSTUNREACH:
            return EX_NOHOST;
        case ENOENT:
            return 127;
        case EPERM:
        case EACCES:
            return 126;
        default:
            return 1;
    }
}

static void on_failed (struct proc *pr)
{
    int errnum = flux_subprocess_fail_errno (pr->p);
    const char *text = flux_subprocess_fail_error (pr->p);

    cmd_err ("rank %u: %s", pr->rank, text && *text ? text : strerror (errnum));
    pr->code = code_of_error (errnum);
    proc_done (pr);
}

static void on_state (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    struct proc *pr = flux_subprocess_aux_get (p, "proc");

    if (optparse_hasopt (pr->x->p, "verbose"))
        fprintf (stderr, "%s: rank %u: pid %d: %s\n", cmd_name (), pr->rank,
                 (int)flux_subprocess_pid (p), flux_subprocess_state_string (state));
    if (state == FLUX_SUBPROCESS_RUNNING && !pr->x->in && !pr->x->attach)
        (void)flux_subprocess_close (p, "stdin");
    else if (state == FLUX_SUBPROCESS_FAILED)
        on_failed (pr);
}

static void on_completion (flux_subprocess_t *p)
{
    struct proc *pr = flux_subprocess_aux_get (p, "proc");
    int status = flux_subprocess_status (p);

    if (WIFSIGNALED (status)) {
        pr->signum = WTERMSIG (status);
        pr->code = 128 + pr->signum;
    }
    else
        pr->code = WEXITSTATUS (status);
    proc_done (pr);
}

/* "[1-3]: Exit 2": ranks with the same bad end on one line. */
static void report_ends (const struct exec *x)
{
    for (size_t i = 0; i < x->n; i++) {
        const struct proc *pr = &x->procs[i];
        struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
        bool first = true;
        char *s;
        if (!ids)
            cmd_die (1, "out of memory");
        for (size_t j = 0; j < x->n; j++) {
            if (x->procs[j].code == pr->code && x->procs[j].signum == pr->signum) {
                first = first && j >= i;
                idset_set (ids, x->procs[j].rank);
            }
        }
        if (pr->code != 0 && first
            && (s = idset_encode (ids, IDSET_FLAG_RANGE | IDSET_FLAG_BRACKETS))) {
            if (pr->signum)
                fprintf (stderr, "%s: %s\n", s, strsignal (pr->signum));
            else
                fprintf (stderr, "%s: Exit %d\n", s, pr->code);
            free (s);
        }
        idset_destroy (ids);
    }
}

/* Signals */

static void kill_done (flux_future_t *f, void *arg)
{
    if (flux_future_get (f, NULL) < 0 && errno != ESRCH && errno != ENOENT)
        cmd_err ("cannot signal a process: %s", future_strerror (f, errno));
    flux_future_destroy (f);
}

static void kill_all (struct exec *x, int signum)
{
    for (size_t i = 0; i < x->n; i++) {
        flux_future_t *f;
        if (x->procs[i].done || !(f = flux_subprocess_kill (x->procs[i].p, signum)))
            continue;
        if (flux_future_then (f, -1, kill_done, x) < 0)
            flux_future_destroy (f);
    }
}

static void on_signal (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct exec *x = arg;
    int signum = flux_signal_watcher_get_signum (w);
    double now = flux_reactor_now (r);

    if (signum == SIGINT && x->attach) {
        fprintf (stderr, "%s: detached\n", cmd_name ());
        exit (0);
    }
    if (signum == SIGINT && now - x->last_int < FORCE_EXIT_SECONDS)
        cmd_die (128 + SIGINT, "interrupted twice: not waiting for %zu processes", x->running);
    if (signum == SIGINT) {
        x->last_int = now;
        fprintf (stderr, "%s: sending SIGINT to %zu processes; interrupt again within %.0fs"
                 " to exit at once\n", cmd_name (), x->running, FORCE_EXIT_SECONDS);
    }
    kill_all (x, signum);
}

static void watch_signals (struct exec *x)
{
    static const int signums[2] = { SIGINT, SIGTERM };

    for (int i = 0; i < 2; i++) {
        if (!(x->signals[i] = flux_signal_watcher_create (x->r, signums[i], on_signal, x)))
            cmd_die (1, "out of memory");
        flux_watcher_start (x->signals[i]);
    }
}

/* Starting */

/* "flux-imp run" before the words of the command. */
static flux_cmd_t *imp_command (struct exec *x, int argc, char **argv)
{
    flux_future_t *f = flux_rpc (x->h, "config.get", NULL, FLUX_NODEID_ANY, 0);
    char **v = calloc (argc + 3, sizeof (*v));
    const char *imp = NULL;
    flux_cmd_t *cmd;

    if (!v)
        cmd_die (1, "out of memory");
    cmd_check (f, "configuration");
    (void)flux_rpc_get_unpack (f, "{s?{s?s}}", "exec", "imp", &imp);
    if (!imp)
        cmd_die (1, "--with-imp: the configuration has no exec.imp: there is no IMP to run under");
    v[0] = (char *)imp;
    v[1] = (char *)"run";
    memcpy (v + 2, argv, argc * sizeof (*v));
    cmd = flux_cmd_create (argc + 2, v, environ);
    free (v);
    flux_future_destroy (f);
    return cmd;
}

static flux_cmd_t *make_command (struct exec *x, int argc, char **argv)
{
    flux_cmd_t *cmd = optparse_hasopt (x->p, "with-imp") ? imp_command (x, argc, argv)
                                                         : flux_cmd_create (argc, argv, environ);
    const char *dir = optparse_get_str (x->p, "dir", NULL);
    const char *label = optparse_get_str (x->p, "label", NULL);
    char *cwd = dir ? NULL : getcwd (NULL, 0);
    bool lines = x->label_io || x->n > 1;

    if (!cmd || (!dir && !cwd))
        cmd_die (1, "%s", cmd ? "cannot get the working directory" : "out of memory");
    if (flux_cmd_setcwd (cmd, dir ? dir : cwd) < 0
        || (label && flux_cmd_set_label (cmd, label) < 0)
        || (!lines && (flux_cmd_setopt (cmd, "stdout_LINE_BUFFER", "false") < 0
                       || flux_cmd_setopt (cmd, "stderr_LINE_BUFFER", "false") < 0)))
        cmd_die (1, "%s", label && !*label ? "--label: an empty label" : strerror (errno));
    free (cwd);
    return cmd;
}

static void make_procs (struct exec *x, struct idset *ids)
{
    size_t i = 0;

    x->n = x->running = idset_count (ids);
    if (!(x->procs = calloc (x->n, sizeof (*x->procs))))
        cmd_die (1, "out of memory");
    for (unsigned int r = idset_first (ids); r != IDSET_INVALID_ID; r = idset_next (ids, r), i++) {
        x->procs[i].x = x;
        x->procs[i].rank = r;
    }
    idset_destroy (ids);
}

static const flux_subprocess_ops_t ops = {
    .on_completion = on_completion,
    .on_state_change = on_state,
    .on_stdout = on_output,
    .on_stderr = on_output,
    .on_credit = on_credit,
};

static void keep (struct proc *pr, const char *what)
{
    if (!pr->p || flux_subprocess_aux_set (pr->p, "proc", pr, NULL) < 0)
        cmd_die (1, "rank %u: %s: %s", pr->rank, what, flux_strerror (errno));
}

static void start_all (struct exec *x, int argc, char **argv)
{
    flux_cmd_t *cmd = make_command (x, argc, argv);

    if (!optparse_hasopt (x->p, "noinput")
        && !(x->in = flux_fd_watcher_create (x->r, STDIN_FILENO, FLUX_POLLIN, on_input, x)))
        cmd_die (1, "standard input: %s", strerror (errno));
    for (size_t i = 0; i < x->n; i++) {
        struct proc *pr = &x->procs[i];
        pr->takes_input = x->in != NULL;
        pr->p = flux_rexec_ex (x->h, x->service, pr->rank, 0, cmd, &ops, NULL, NULL);
        keep (pr, argv[0]);
    }
    flux_cmd_destroy (cmd);
}

static void attach_all (struct exec *x, const char *who)
{
    char *end;
    long pid = strtol (who, &end, 10);
    bool is_pid = isdigit ((unsigned char)*who) && *end == '\0' && pid > 0 && pid <= 0x7fffffff;

    for (size_t i = 0; i < x->n; i++) {
        struct proc *pr = &x->procs[i];
        pr->p = flux_rexec_attach (x->h, x->service, pr->rank, 0, is_pid ? pid : -1,
                                   is_pid ? NULL : who, &ops);
        keep (pr, who);
    }
}

/* In the background: their numbers are all that we wait for. */
static int start_bg (struct exec *x, int argc, char **argv)
{
    int flags = optparse_hasopt (x->p, "waitable") ? FLUX_SUBPROCESS_FLAGS_WAITABLE : 0;
    flux_cmd_t *cmd = make_command (x, argc, argv);
    flux_future_t **f = calloc (x->n, sizeof (*f));
    int code = 0;
    int pid;

    if (!f)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < x->n; i++)
        f[i] = flux_rexec_bg (x->h, x->service, x->procs[i].rank, flags, cmd);
    for (size_t i = 0; i < x->n; i++) {
        unsigned int rank = x->procs[i].rank;
        if (f[i] && flux_rpc_get_unpack (f[i], "{s:i}", "pid", &pid) == 0)
            printf ("%u: %d\n", rank, pid);
        else {
            int errnum = errno;
            cmd_err ("rank %u: %s", rank, f[i] ? future_strerror (f[i], errnum) : strerror (errnum));
            if (code_of_error (errnum) > code)
                code = code_of_error (errnum);
        }
        flux_future_destroy (f[i]);
    }
    free (f);
    flux_cmd_destroy (cmd);
    return code;
}

static int run (struct exec *x, int argc, char **argv)
{
    int code = 0;

    watch_signals (x);
    if (x->attach)
        attach_all (x, argv[0]);
    else
        start_all (x, argc, argv);
    if (flux_reactor_run (x->r, 0) < 0)
        cmd_die (1, "event loop: %s", strerror (errno));
    for (size_t i = 0; i < x->n; i++) {
        if (!x->procs[i].done)
            cmd_die (1, "lost the connection to the broker");
        if (x->procs[i].code > code)
            code = x->procs[i].code;
    }
    if (!x->quiet)
        report_ends (x);
    return code;
}

static void release (struct exec *x)
{
    for (size_t i = 0; i < x->n; i++)
        flux_subprocess_destroy (x->procs[i].p);
    free (x->procs);
    flux_watcher_destroy (x->in);
    flux_watcher_destroy (x->signals[0]);
    flux_watcher_destroy (x->signals[1]);
    flux_close (x->h);
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }

static const struct optparse_option opts[] = {
    OPT ("rank", 'r', "IDSET", "Specify target ranks. Default is \"all\""),
    OPT ("exclude", 'x', "IDSET", "Exclude ranks from target"),
    OPT ("jobid", 'j', "JOBID", "Run on the nodes of a job, by its shells"),
    OPT ("dir", 'd', "PATH", "Set the working directory (default: this one)"),
    OPT ("label-io", 'l', NULL, "Label lines of output with the source rank"),
    OPT ("noinput", 'n', NULL, "Do not forward standard input; it is at its end"),
    OPT ("verbose", 'v', NULL, "Run with more verbosity"),
    OPT ("quiet", 'q', NULL, "Suppress extraneous output"),
    OPT ("bg", 0, NULL, "Run in the background: print ranks and pids, and exit"),
    OPT ("waitable", 0, NULL, "With --bg, keep the exit status for 'flux sproc wait'"),
    OPT ("label", 0, "LABEL", "Set a label for the process"),
    OPT ("with-imp", 0, NULL, "Run the command under the IMP (flux-imp run)"),
    OPT ("attach", 0, NULL, "Attach to a background process, by PID or LABEL"),
    OPTPARSE_TABLE_END,
};

static void check_options (optparse_t *p, int nargs)
{
    if (optparse_hasopt (p, "waitable") && !optparse_hasopt (p, "bg"))
        cmd_die (1, "--waitable is for use with --bg");
    if (optparse_hasopt (p, "attach")) {
        if (nargs != 1)
            cmd_die (1, "--attach wants one PID or LABEL");
        if (optparse_hasopt (p, "bg") || optparse_hasopt (p, "label"))
            cmd_die (1, "--attach is for processes that run: not with --bg or --label");
    }
}

int cmd_exec (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] COMMAND...", "Execute processes across the ranks of a"
                               " Flux instance", opts, argc, argv, &n);
    struct exec x = { .p = p, .label_io = optparse_hasopt (p, "label-io"),
                      .attach = optparse_hasopt (p, "attach"),
                      .quiet = optparse_hasopt (p, "quiet") };
    int code;

    if (n == argc)
        return cmd_usage (p);
    check_options (p, argc - n);
    x.h = cmd_open ();
    x.r = flux_get_reactor (x.h);
    make_procs (&x, target_ranks (&x));
    if (optparse_hasopt (p, "bg"))
        code = start_bg (&x, argc - n, argv + n);
    else
        code = run (&x, argc - n, argv + n);
    release (&x);
    optparse_destroy (p);
    return code;
}
