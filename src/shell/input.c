/* input.c - standard input of tasks (flux-shell(1), I/O handling)
 *
 *   flux job attach ──stdin──► leader ─┬─► input eventlog (the record)
 *                                      └─► its tasks, and other shells:
 *                                          leader ──stdin──► shell
 *
 * or a file, of which each task's input is a copy.
 */
#define FLUX_SHELL_PLUGIN_NAME "input"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/idset.h>

#include "base/duration.h"
#include "shell/builtins.h"
#include "shell/internal.h"
#include "spec/eventlog.h"
#include "spec/iodata.h"

#define DEFAULT_LIMIT (10UL * 1024 * 1024)

struct input {
    flux_shell_t *shell;
    const char *path;          /* file, or NULL: the service */
    double batch_timeout;
    size_t limit;
    size_t total;
    bool leader;
    bool header_done;
};

static void input_free (void *arg)
{
    free (arg);
}

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

static bool rank_matches (const struct idset *ranks, int rank)
{
    return !ranks || idset_test (ranks, rank);
}

/* To the tasks of this shell. */
static int deliver (struct input *in, const struct iodata *io)
{
    struct idset *ranks = NULL;

    if (strcmp (io->rank, "all") != 0 && !(ranks = idset_decode (io->rank)))
        return -EINVAL;
    list_foreach (&in->shell->tasks, n) {
        struct shell_task *task = list_entry (n, struct shell_task, node);
        if (!task->proc || task->exited || !rank_matches (ranks, task->rank))
            continue;
        if (io->len > 0 && flux_subprocess_write (task->proc, "stdin", io->data, io->len) < 0
            && errno != EPIPE)
            shell_debug ("task %d does not take its input: %s", task->rank, strerror (errno));
        if (io->eof)
            flux_subprocess_close (task->proc, "stdin");
    }
    idset_destroy (ranks);
    return 0;
}

static void relay_cb (flux_future_t *f, void *arg)
{
    flux_future_destroy (f);
}

static void relay (struct input *in, json_t *o)
{
    for (int i = 1; i < in->shell->info.nshells; i++) {
        flux_future_t *f = flux_shell_rpc_pack (in->shell, "stdin", i, 0, "O", o);
        if (f && flux_future_then (f, -1., relay_cb, NULL) < 0)
            flux_future_destroy (f);
    }
}

static void record (struct input *in, json_t *o, const struct iodata *io)
{
    put_header (in);
    append_event (in, "data", json_incref (o), io->eof ? 0. : in->batch_timeout);
    in->total += io->len;
    if (in->total > in->limit)
        flux_shell_raise ("exec", 0, "input.limit: more than %zu bytes of standard input",
                          in->limit);
    else
        relay (in, o);
}

/* {"stream":"stdin", "rank":"all"|idset, "data":, "eof":} */
static void stdin_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct input *in = arg;
    struct iodata io;
    json_t *o;
    int rc;

    if (flux_request_unpack (msg, NULL, "o", &o) < 0 || iodata_decode (o, NULL, &io) < 0) {
        if (flux_respond_error (h, msg, EPROTO, "stdin: malformed request") < 0)
            shell_log_errno ("flux_respond_error");
        return;
    }
    if (in->leader)
        record (in, o, &io);
    rc = deliver (in, &io);
    iodata_release (&io);
    if (rc < 0)
        rc = flux_respond_error (h, msg, -rc, "stdin: rank is not an idset");
    else
        rc = flux_respond (h, msg, NULL);
    if (rc < 0)
        shell_log_errno ("flux_respond");
}

/* From a file */

static void feed_file (struct input *in, struct shell_task *task)
{
    char *path = flux_shell_task_mustache_render (in->shell, task, in->path);
    int fd = path ? open (path, O_RDONLY | O_CLOEXEC) : -1;
    char buf[65536];
    ssize_t n;

    if (fd < 0)
        shell_die_errno (1, "cannot open input file %s", path ? path : in->path);
    while ((n = read (fd, buf, sizeof (buf))) > 0) {
        if (flux_subprocess_write (task->proc, "stdin", buf, n) < 0)
            break;
    }
    close (fd);
    free (path);
    flux_subprocess_close (task->proc, "stdin");
}

static int input_fork (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct input *in = flux_plugin_aux_get (p, "input");

    if (in->path)
        feed_file (in, flux_shell_current_task (in->shell));
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

    if (!in || flux_plugin_aux_set (p, "input", in, input_free) < 0) {
        free (in);
        return -1;
    }
    in->shell = shell;
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
    { "task.fork", input_fork, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin input_builtin = { "input", NULL, handlers };
