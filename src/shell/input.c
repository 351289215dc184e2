/* input.c - standard input of tasks (flux-shell(1), I/O handling)
 *
 *   flux job attach ──stdin──► leader ─┬─► input eventlog (the record)
 *                                      ├─► its tasks
 *                                      └─► other shells, by a tree:
 *                                          shell ──stdin──► shells below
 *
 * A request is answered when all tasks it is for have taken the data, here and
 * below: so a slow task holds back the sender.
 *
 * Or a file, which is then the task's standard input as it is.
 */
#define FLUX_SHELL_PLUGIN_NAME "input"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "base/duration.h"
#include "core/iobuf.h"
#include "shell/builtins.h"
#include "shell/internal.h"
#include "spec/eventlog.h"
#include "spec/iodata.h"

#define DEFAULT_LIMIT (10UL * 1024 * 1024)
#define FANOUT 8
#define CHUNK 65536
#define BACKLOG_MAX ((size_t)1 << 30)

/* What a task has still to take. */
struct feed {
    struct shell_task *task;
    struct iobuf backlog;
    bool started;              /* the task runs; until then all is backlog */
    bool eof;                  /* close after the backlog */
    bool closed;
};

struct input {
    flux_shell_t *shell;
    const char *path;          /* file, or NULL: the service */
    double batch_timeout;
    size_t limit;
    size_t total;
    bool leader;
    bool header_done;
    struct feed *feeds;        /* by local id */
    struct list_node requests; /* not yet answered */
};

struct request {
    struct list_node node;
    struct input *in;
    const flux_msg_t *msg;
    json_t *o;
    int relays;                /* shells below that have not answered */
};

static void request_free (struct request *rq)
{
    list_del (&rq->node);
    flux_msg_decref (rq->msg);
    json_decref (rq->o);
    free (rq);
}

static void input_free (void *arg)
{
    struct input *in = arg;

    list_foreach (&in->requests, n)
        request_free (list_entry (n, struct request, node));
    for (int i = 0; in->feeds && i < in->shell->info.ntasks; i++)
        iobuf_release (&in->feeds[i].backlog);
    free (in->feeds);
    free (in);
}

/* The record */

static int append_event (struct input *in, const char *name, json_t *context, double delay)
{
    char *text = context ? json_dumps (context, JSON_COMPACT) : NULL;
    char *line = text ? eventlog_line (0, name, text) : NULL;
    int rc = line ? kvslog_append (in->shell->kvslog, "input", line, delay) : -ENOMEM;

    json_decref (context);
    free (text);
    free (line);
    return rc;
}

static void put_header (struct input *in)
{
    if (in->header_done)
        return;
    in->header_done = true;
    append_event (in, "header",
                  json_pack ("{s:i s:{s:s} s:{s:i} s:{}}", "version", 1, "encoding", "stdin",
                             "UTF-8", "count", "stdin", 1, "options"), in->batch_timeout);
}

/* Returns false if it is more than the job may have. */
static bool record (struct input *in, json_t *o, const struct iodata *io)
{
    put_header (in);
    append_event (in, "data", json_incref (o), io->eof ? 0. : in->batch_timeout);
    in->total += io->len;
    if (in->total <= in->limit)
        return true;
    flux_shell_raise ("exec", 0, "input.limit: more than %zu bytes of standard input", in->limit);
    return false;
}

/* To the tasks of this shell */

static bool busy (const struct input *in)
{
    for (int i = 0; i < in->shell->info.ntasks; i++) {
        if (iobuf_len (&in->feeds[i].backlog) > 0)
            return true;
    }
    return false;
}

static void answer_requests (struct input *in)
{
    if (busy (in))
        return;
    list_foreach (&in->requests, n) {
        struct request *rq = list_entry (n, struct request, node);
        if (rq->relays > 0)
            continue;
        if (flux_respond (in->shell->h, rq->msg, NULL) < 0)
            shell_log_errno ("flux_respond");
        request_free (rq);
    }
}

/* Nothing more goes to this task. */
static void feed_close (struct feed *fd)
{
    if (fd->closed)
        return;
    fd->closed = true;
    iobuf_release (&fd->backlog);
    if (fd->task->exited)
        return;
    if (fd->task->pty)
        shell_pty_eof (fd->task->pty);
    else if (fd->task->proc)
        flux_subprocess_close (fd->task->proc, "stdin");
}

static int feed_write (struct shell_task *task, const char *data, size_t len)
{
    return task->pty ? shell_pty_write (task->pty, data, len)
                     : flux_subprocess_write (task->proc, "stdin", data, len);
}

static void feed_push (struct feed *fd)
{
    while (!fd->closed && iobuf_len (&fd->backlog) > 0) {
        size_t len = iobuf_len (&fd->backlog);
        size_t n = len < CHUNK ? len : CHUNK;
        if (feed_write (fd->task, iobuf_peek (&fd->backlog), n) < 0) {
            if (errno == ENOSPC)
                return;             /* goes on with credit_cb */
            feed_close (fd);
            return;
        }
        iobuf_consume (&fd->backlog, n);
    }
    if (fd->eof)
        feed_close (fd);
}

static void credit_cb (struct shell_task *task, void *arg)
{
    struct input *in = arg;
    struct feed *fd = &in->feeds[task->localid];

    if (iobuf_len (&fd->backlog) == 0)
        return;
    feed_push (fd);
    answer_requests (in);
}

static void feed_add (struct feed *fd, const struct iodata *io)
{
    if (fd->closed || fd->eof)
        return;
    if (io->len > 0 && iobuf_add (&fd->backlog, io->data, io->len) < 0)
        shell_die (1, "out of memory");
    fd->eof = io->eof;
    if (fd->started)
        feed_push (fd);
}

/* Request and relay */

static bool wanted_below (struct input *in, int rank, const struct idset *ranks)
{
    const struct idset *ids = taskmap_taskids (in->shell->info.taskmap, rank);

    if (!ranks || (ids && idset_has_intersection (ids, ranks)))
        return true;
    for (int i = 1; i <= FANOUT; i++) {
        int child = rank * FANOUT + i;
        if (child < in->shell->info.nshells && wanted_below (in, child, ranks))
            return true;
    }
    return false;
}

static void relay_below (struct request *rq, int rank, const struct idset *ranks);

struct relay {
    struct request *rq;
    int rank;
};

/* A shell that is lost cannot pass it on: those below it get it from here. */
static void relay_cb (flux_future_t *f, void *arg)
{
    struct relay *rl = arg;
    struct request *rq = rl->rq;

    if (flux_future_get (f, NULL) < 0)
        relay_below (rq, rl->rank, NULL);
    rq->relays--;
    answer_requests (rq->in);
    flux_future_destroy (f);    /* and rl */
}

static void relay_to (struct request *rq, int rank)
{
    struct relay *rl = malloc (sizeof (*rl));
    flux_future_t *f = NULL;

    if (rl) {
        *rl = (struct relay){ .rq = rq, .rank = rank };
        f = flux_shell_rpc_pack (rq->in->shell, "stdin", rank, 0, "O", rq->o);
    }
    if (!f || flux_future_aux_set (f, NULL, rl, free) < 0) {
        free (rl);
        flux_future_destroy (f);
        shell_log_errno ("stdin cannot be passed on");
        return;
    }
    if (shell_then (rq->in->shell, f, relay_cb, rl) < 0) {
        flux_future_destroy (f);
        return;
    }
    rq->relays++;
}

static void relay_below (struct request *rq, int rank, const struct idset *ranks)
{
    for (int i = 1; i <= FANOUT; i++) {
        int child = rank * FANOUT + i;
        if (child < rq->in->shell->info.nshells && wanted_below (rq->in, child, ranks))
            relay_to (rq, child);
    }
}

/* 0 or -EINVAL; *ranksp is NULL for all. */
static int decode_ranks (const char *s, struct idset **ranksp)
{
    *ranksp = NULL;
    if (strcmp (s, "all") == 0)
        return 0;
    return (*ranksp = idset_decode (s)) ? 0 : -EINVAL;
}

/* {"except":RANKS}: all others get no input. */
static json_t *eof_of_others (struct input *in, const char *except)
{
    struct idset *all = idset_create (in->shell->info.total_ntasks, 0);
    char *s = NULL;
    json_t *o = NULL;

    if (all && idset_range_set (all, 0, in->shell->info.total_ntasks - 1) == 0
        && idset_decode_subtract (all, except, -1, NULL) == 0
        && (s = idset_encode (all, IDSET_FLAG_RANGE)))
        o = iodata_encode ("stdin", s, NULL, 0, true);
    free (s);
    idset_destroy (all);
    return o;
}

static int accept_request (struct input *in, const flux_msg_t *msg, json_t *o)
{
    struct request *rq;
    struct idset *ranks;
    struct iodata io;

    if (iodata_decode (o, NULL, &io) < 0)
        return -EPROTO;
    if (decode_ranks (io.rank, &ranks) < 0 || !(rq = calloc (1, sizeof (*rq)))) {
        iodata_release (&io);
        return -EINVAL;
    }
    rq->in = in;
    rq->msg = flux_msg_incref (msg);
    rq->o = json_incref (o);
    list_append (&in->requests, &rq->node);
    if (!in->leader || record (in, o, &io)) {
        for (int i = 0; i < in->shell->info.ntasks; i++) {
            struct feed *fd = &in->feeds[i];
            if (!ranks || idset_test (ranks, fd->task->rank))
                feed_add (fd, &io);
        }
        relay_below (rq, in->shell->info.shell_rank, ranks);
    }
    answer_requests (in);
    idset_destroy (ranks);
    iodata_release (&io);
    return 0;
}

/* {"stream":"stdin", "rank":"all"|idset, "data":, "eof":}, or {"except":idset} */
static void stdin_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct input *in = arg;
    const char *except = NULL;
    json_t *o;
    int rc = -EPROTO;

    if (flux_request_unpack (msg, NULL, "o", &o) == 0
        && json_unpack (o, "{s?s}", "except", &except) == 0) {
        json_t *others = except ? eof_of_others (in, except) : json_incref (o);
        rc = others ? accept_request (in, msg, others) : -EINVAL;
        json_decref (others);
    }
    if (rc < 0 && flux_respond_error (h, msg, -rc, rc == -EINVAL
                                          ? "stdin: rank is not an idset"
                                          : "stdin: malformed request") < 0)
        shell_log_errno ("flux_respond_error");
}

/* Tasks */

static void open_file (struct input *in, struct shell_task *task)
{
    char *path = flux_shell_task_mustache_render (in->shell, task, in->path);

    if (!path || (task->stdio.fd[0] = open (path, O_RDONLY | O_CLOEXEC)) < 0)
        shell_die_errno (1, "cannot open input file %s", path ? path : in->path);
    free (path);
}

static int input_task_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                            void *data)
{
    struct input *in = flux_plugin_aux_get (p, "input");
    struct shell_task *task = flux_shell_current_task (in->shell);

    if (in->path)
        open_file (in, task);
    return 0;
}

static int input_task_fork (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                            void *data)
{
    struct input *in = flux_plugin_aux_get (p, "input");
    struct shell_task *task = flux_shell_current_task (in->shell);
    struct feed *fd = &in->feeds[task->localid];

    if (in->path)
        return 0;
    fd->started = true;
    task->credit_cb = credit_cb;
    task->credit_arg = in;
    feed_push (fd);
    answer_requests (in);
    return 0;
}

static int input_task_exit (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                            void *data)
{
    struct input *in = flux_plugin_aux_get (p, "input");
    struct feed *fd = &in->feeds[flux_shell_current_task (in->shell)->localid];

    feed_close (fd);
    answer_requests (in);
    return 0;
}

static int init_source (struct input *in)
{
    const json_t *type = shell_option (in->shell, "input.stdin.type");
    const json_t *path = shell_option (in->shell, "input.stdin.path");
    const char *s = type ? json_string_value (type) : "service";

    if (!s || (strcmp (s, "service") != 0 && strcmp (s, "file") != 0)) {
        shell_log_error ("input.stdin.type: there are service and file");
        return -1;
    }
    if (strcmp (s, "file") == 0 && !(in->path = json_string_value (path))) {
        shell_log_error ("input.stdin.type is file, but input.stdin.path is not set");
        return -1;
    }
    return 0;
}

static int init_limits (struct input *in)
{
    const json_t *batch = shell_option (in->shell, "input.batch-timeout");
    const json_t *limit = shell_option (in->shell, "input.limit");

    in->batch_timeout = 0.5;
    in->limit = DEFAULT_LIMIT;
    if (json_is_number (batch))
        in->batch_timeout = json_number_value (batch);
    else if (batch && (!json_is_string (batch)
                       || duration_parse (json_string_value (batch), &in->batch_timeout) < 0)) {
        shell_log_error ("input.batch-timeout: want a duration, as 0.5s");
        return -1;
    }
    if (limit && shell_parse_size (limit, 32UL * 1024 * 1024, &in->limit) < 0) {
        shell_log_error ("input.limit: want a size of at most 32M, as 1M");
        return -1;
    }
    return 0;
}

static int input_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct input *in = calloc (1, sizeof (*in));

    if (!in)
        return -1;
    in->shell = shell;
    list_init (&in->requests);
    if (!(in->feeds = calloc (shell->info.ntasks + 1, sizeof (in->feeds[0])))
        || flux_plugin_aux_set (p, "input", in, input_free) < 0) {
        input_free (in);
        return -1;
    }
    list_foreach (&shell->tasks, n) {
        struct shell_task *task = list_entry (n, struct shell_task, node);
        in->feeds[task->localid].task = task;
        iobuf_init (&in->feeds[task->localid].backlog, BACKLOG_MAX);
    }
    in->leader = shell->info.shell_rank == 0;
    if (init_source (in) < 0 || init_limits (in) < 0)
        return -1;
    if (in->path) {
        if (in->leader) {
            put_header (in);
            append_event (in, "redirect", json_pack ("{s:s s:s s:s}", "stream", "stdin", "rank",
                                                     "all", "path", in->path), in->batch_timeout);
        }
        return 0;
    }
    return flux_shell_service_register (shell, "stdin", stdin_cb, in);
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", input_init, NULL },
    { "task.init", input_task_init, NULL },
    { "task.fork", input_task_fork, NULL },
    { "task.exit", input_task_exit, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin input_builtin = { "input", NULL, handlers };
