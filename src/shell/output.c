/* output.c - standard output and error of tasks (flux-shell(1), I/O handling)
 *
 *   task pipe ─► this shell ─┬─► a file of its own (template names node or task)
 *                            └─► leader shell ─┬─► the job's file
 *                                              └─► output eventlog (RFC 24)
 *
 * The leader is done when it has seen the end of both streams of every task it
 * gets; a follower when all that it forwarded was answered.
 */
#define FLUX_SHELL_PLUGIN_NAME "output"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "shell/builtins.h"
#include "shell/forward.h"
#include "shell/internal.h"
#include "shell/outfile.h"
#include "spec/eventlog.h"
#include "spec/iodata.h"

#define FORWARD_HWM 1000            /* messages not yet answered by the leader */
#define FORWARD_LWM 100
#define KVS_HIGH (16 * 1024 * 1024) /* bytes not yet in the KVS */
#define KVS_LOW (4 * 1024 * 1024)

enum kind { TO_KVS, TO_FILE, TO_TERM };

struct stream {
    const char *name;           /* "stdout" or "stderr" */
    enum kind kind;
    const char *path;           /* template, if TO_FILE */
    bool per_shell;             /* the template differs by node or task */
    bool per_task;
    bool label;
    bool line_buffered;
    size_t kvs_bytes;           /* written to the KVS so far */
    bool truncated;
};

struct output {
    flux_shell_t *shell;
    struct stream streams[2];
    struct outfiles *files;
    double batch_timeout;
    size_t limit;               /* per stream in the KVS */
    bool append;
    bool header_done;
    bool leader;
    int eofs_expected;          /* leader: streams still open */
    int *eofs_of;               /* the same by shell */
    int kvs_eofs;               /* leader: ends of streams not yet in the KVS */
    json_t *last_eof;           /* leader: kept until the shell exits, as it ends the log */
    struct forward *forward;    /* follower: to the leader */
    json_int_t *seq_of;         /* leader: last that has come, by shell */
    int hwm;
    int lwm;
    bool stopped;               /* task output is held back */
    struct flux_msglist *held;  /* leader: writers that wait while stopped */
};

/* Holding tasks back */

static void set_flow (struct output *out, bool stop)
{
    if (out->stopped == stop)
        return;
    out->stopped = stop;
    list_foreach (&out->shell->tasks, n) {
        struct shell_task *task = list_entry (n, struct shell_task, node);
        if (task->pty)
            shell_pty_hold (task->pty, stop);
        for (int i = 0; i < 2 && task->proc && !task->pty; i++) {
            if (stop)
                flux_subprocess_stream_stop (task->proc, out->streams[i].name);
            else
                flux_subprocess_stream_start (task->proc, out->streams[i].name);
        }
    }
}

static void forward_flow (void *arg, bool stop)
{
    set_flow (arg, stop);
}

static void respond (struct output *out, const flux_msg_t *msg)
{
    if (flux_respond (out->shell->h, msg, NULL) < 0)
        fprintf (stderr, "flux-shell: flux_respond: %s\n", strerror (errno));
}

static void kvs_drained (void *arg)
{
    struct output *out = arg;
    const flux_msg_t *msg;

    set_flow (out, false);
    while ((msg = flux_msglist_pop (out->held))) {
        respond (out, msg);
        flux_msg_decref (msg);
    }
}

/* To the KVS */

static int append_event (struct output *out, const char *name, json_t *context)
{
    char *text = context ? json_dumps (context, JSON_COMPACT) : NULL;
    char *line = text ? eventlog_line (0, name, text) : NULL;
    int rc = line ? kvslog_append (out->shell->kvslog, "output", line, out->batch_timeout) : -ENOMEM;

    json_decref (context);
    free (text);
    free (line);
    if (rc == 0 && !out->stopped && kvslog_pending (out->shell->kvslog) > KVS_HIGH) {
        set_flow (out, true);
        kvslog_on_drain (out->shell->kvslog, KVS_LOW, kvs_drained, out);
    }
    return rc;
}

static int put_header (struct output *out)
{
    int n = out->shell->info.total_ntasks;
    int n1 = out->streams[0].kind == TO_KVS ? n : 0;
    int n2 = out->streams[1].kind == TO_KVS ? n : 0;

    if (out->header_done)
        return 0;
    out->header_done = true;
    return append_event (out, "header",
                         json_pack ("{s:i s:{s:s s:s} s:{s:i s:i} s:{}}", "version", 1,
                                    "encoding", "stdout", "UTF-8", "stderr", "UTF-8",
                                    "count", "stdout", n1, "stderr", n2, "options"));
}

static size_t within_limit (struct output *out, struct stream *st, size_t len)
{
    size_t room = out->limit - st->kvs_bytes;

    if (len <= room)
        return len;
    if (!st->truncated) {
        st->truncated = true;
        shell_warn ("%s: truncated after %zu bytes (output.limit)", st->name, out->limit);
    }
    return room;
}

static int put_kvs (struct output *out, struct stream *st, int rank,
                    const char *data, size_t len, bool eof)
{
    char rankstr[16];
    size_t n = within_limit (out, st, len);

    if (n == 0 && !eof)
        return 0;
    st->kvs_bytes += n;
    snprintf (rankstr, sizeof (rankstr), "%d", rank);
    if (eof && --out->kvs_eofs == 0) {
        out->last_eof = iodata_encode (st->name, rankstr, data, n, true);
        return out->last_eof ? 0 : -ENOMEM;
    }
    return append_event (out, "data", iodata_encode (st->name, rankstr, data, n, eof));
}

/* To files */

static int put_file (struct output *out, struct stream *st, const char *path, int rank,
                     const char *data, size_t len)
{
    char prefix[16];
    flux_error_t err;
    struct outfile *f = outfiles_open (out->files, path, out->append, &err);

    if (!f)
        return errmsg (&err, -errno, "%s", err.text);
    snprintf (prefix, sizeof (prefix), "%d: ", rank);
    return outfile_write (f, st->label ? prefix : NULL, data, len);
}

static char *render_path (struct output *out, struct stream *st, int rank)
{
    if (!st->per_task)
        return flux_shell_mustache_render (out->shell, st->path);
    list_foreach (&out->shell->tasks, n) {
        struct shell_task *task = list_entry (n, struct shell_task, node);
        if (task->rank == rank)
            return flux_shell_task_mustache_render (out->shell, task, st->path);
    }
    return NULL;
}

static int put_rendered (struct output *out, struct stream *st, int rank,
                         const char *data, size_t len)
{
    char *path = render_path (out, st, rank);
    int rc = path ? put_file (out, st, path, rank, data, len) : -ENOMEM;

    free (path);
    return rc;
}

static int put_term (struct output *out, struct stream *st, int rank,
                     const char *data, size_t len)
{
    FILE *f = strcmp (st->name, "stdout") == 0 ? stdout : stderr;

    if (st->label)
        fprintf (f, "%d: ", rank);
    fwrite (data, 1, len, f);
    fflush (f);
    return 0;
}

/* Leader: so many streams of a shell have ended. */
static void count_eofs (struct output *out, int node, int n)
{
    if (node < 0 || node >= out->shell->info.nshells || n > out->eofs_of[node])
        return;
    out->eofs_of[node] -= n;
    out->eofs_expected -= n;
    if (n > 0 && out->eofs_expected == 0)
        flux_shell_remove_completion_ref (out->shell, "output");
}

/* The leader's end: all output of the job that is not written elsewhere. */
static void sink (struct output *out, struct stream *st, int rank,
                  const char *data, size_t len, bool eof)
{
    int rc = 0;

    if (st->kind == TO_KVS)
        rc = put_kvs (out, st, rank, data, len, eof);
    else if (len > 0 && st->kind == TO_FILE)
        rc = put_rendered (out, st, rank, data, len);
    else if (len > 0)
        rc = put_term (out, st, rank, data, len);
    if (rc < 0)
        shell_die (1, "cannot write %s of task %d: %s", st->name, rank, strerror (-rc));
    if (eof)
        count_eofs (out, taskmap_nodeid (out->shell->info.taskmap, rank), 1);
}

static void put (struct output *out, struct stream *st, int rank,
                 const char *data, size_t len, bool eof)
{
    char rankstr[16];

    if (st->kind == TO_FILE && st->per_shell) {
        int rc = len > 0 ? put_rendered (out, st, rank, data, len) : 0;
        if (rc < 0)
            shell_die (1, "cannot write %s of task %d: %s", st->name, rank, strerror (-rc));
        if (eof && out->leader)
            count_eofs (out, 0, 1);
        return;
    }
    if (out->leader) {
        sink (out, st, rank, data, len, eof);
        return;
    }
    snprintf (rankstr, sizeof (rankstr), "%d", rank);
    forward_put (out->forward, "data", iodata_encode (st->name, rankstr, data, len, eof));
}

static struct stream *find_stream (struct output *out, const char *name)
{
    for (int i = 0; i < 2; i++) {
        if (strcmp (out->streams[i].name, name) == 0)
            return &out->streams[i];
    }
    return NULL;
}

/* It has come before, and the answer was lost. */
static bool is_repeated (struct output *out, const flux_msg_t *msg)
{
    json_int_t seq;
    int rank;

    if (flux_request_unpack (msg, NULL, "{s:i s:I}", "shell", &rank, "seq", &seq) < 0
        || rank < 0 || rank >= out->shell->info.nshells)
        return false;
    if (seq <= out->seq_of[rank])
        return true;
    out->seq_of[rank] = seq;
    return false;
}

/* A follower wrote: {"name":"data"|"log", "context":{...}, "shell"?, "seq"?} */
static void write_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct output *out = arg;
    const char *name;
    json_t *context;
    struct iodata io;

    if (flux_request_unpack (msg, NULL, "{s:s s:o}", "name", &name, "context", &context) < 0)
        goto error;
    if (is_repeated (out, msg))
        name = "";
    if (strcmp (name, "data") == 0) {
        struct stream *st;
        if (iodata_decode (context, NULL, &io) < 0) {
            errno = EPROTO;
            goto error;
        }
        if ((st = find_stream (out, io.stream)))
            sink (out, st, strtol (io.rank, NULL, 10), io.data, io.len, io.eof);
        iodata_release (&io);
    }
    else if (*name && append_event (out, name, json_incref (context)) < 0) {
        errno = ENOMEM;
        goto error;
    }
    if (!out->stopped || flux_msglist_append (out->held, msg) < 0)
        respond (out, msg);
    return;
error:
    if (flux_respond_error (h, msg, errno, NULL) < 0)
        shell_log_errno ("flux_respond_error");
}

/* Task output */

static void task_cb (struct shell_task *task, const char *name, void *arg)
{
    struct output *out = arg;
    struct stream *st = find_stream (out, name);
    flux_subprocess_t *p = task->proc;
    const char *data;
    int n;

    n = sp_read_lines (p, name, &data);
    if (n > 0)
        put (out, st, task->rank, data, n, false);
    else if (n == 0 && flux_subprocess_read_stream_closed (p, name))
        put (out, st, task->rank, NULL, 0, true);
}

void shell_output_put (flux_shell_t *shell, const char *stream, int rank, const char *data,
                       size_t len, bool eof)
{
    struct output *out = flux_shell_aux_get (shell, "flux::output");
    struct stream *st = out ? find_stream (out, stream) : NULL;

    if (st)
        put (out, st, rank, data, len, eof);
}

void shell_output_end (flux_shell_t *shell)
{
    struct output *out = flux_shell_aux_get (shell, "flux::output");
    json_t *o = out ? out->last_eof : NULL;

    if (!o)
        return;
    out->last_eof = NULL;
    if (append_event (out, "data", o) < 0)
        fprintf (stderr, "flux-shell: out of memory\n");
}

/* Set-up */

static int string_option (const json_t *o, const char *key, const char **valp)
{
    const json_t *v = json_object_get (o, key);

    if (!v)
        return 0;
    if (!(*valp = json_string_value (v)))
        return -EINVAL;
    return 1;
}

static int set_type (struct stream *st, const char *type)
{
    if (strcmp (type, "kvs") == 0)
        st->kind = TO_KVS;
    else if (strcmp (type, "file") == 0)
        st->kind = TO_FILE;
    else if (strcmp (type, "term") == 0)
        st->kind = TO_TERM;
    else {
        shell_log_error ("output.%s.type '%s': there are kvs, file and term", st->name, type);
        return -1;
    }
    return 0;
}

static int init_stream (struct output *out, struct stream *st, const char *name, bool line)
{
    char path[64];
    const json_t *o;
    const char *type = NULL;
    const char *buffer = NULL;

    st->name = name;
    st->line_buffered = line;
    snprintf (path, sizeof (path), "output.%s", name);
    o = shell_option (out->shell, path);
    if (strcmp (name, "stderr") == 0) {   /* what is not set follows stdout */
        st->kind = out->streams[0].kind;
        st->path = out->streams[0].path;
        st->label = out->streams[0].label;
    }
    if (string_option (o, "type", &type) < 0 || string_option (o, "path", &st->path) < 0
        || string_option (json_object_get (o, "buffer"), "type", &buffer) < 0) {
        shell_log_error ("output.%s: type, path and buffer.type are strings", name);
        return -1;
    }
    if (type && set_type (st, type) < 0)
        return -1;
    if (st->kind == TO_FILE && !st->path) {
        shell_log_error ("output.%s.type is file, but output.%s.path is not set", name, name);
        return -1;
    }
    if (buffer && strcmp (buffer, "none") != 0 && strcmp (buffer, "line") != 0) {
        shell_log_error ("output.%s.buffer.type '%s' is neither none nor line", name, buffer);
        return -1;
    }
    if (buffer)
        st->line_buffered = strcmp (buffer, "line") == 0;
    if (json_object_get (o, "label"))
        st->label = !json_is_false (json_object_get (o, "label"));
    st->per_task = st->path && (strstr (st->path, "{{task.") || strstr (st->path, "{{taskid"));
    st->per_shell = st->path
                    && (st->per_task || flux_shell_mustache_is_per_rank (out->shell, st->path));
    return 0;
}

static int get_count (const json_t *o, int def, int *np)
{
    if (o && (!json_is_integer (o) || json_integer_value (o) < 0
              || json_integer_value (o) > INT_MAX))
        return -1;
    *np = o ? (int)json_integer_value (o) : def;
    return 0;
}

static int init_limits (struct output *out)
{
    const json_t *limit = shell_option (out->shell, "output.limit");
    const json_t *mode = shell_option (out->shell, "output.mode");
    const json_t *batch = shell_option (out->shell, "output.batch-timeout");
    const json_t *hwm = shell_option (out->shell, "output.client.hwm");
    const json_t *lwm = shell_option (out->shell, "output.client.lwm");

    out->limit = 1UL << 30;
    out->batch_timeout = 0.5;
    if (get_count (hwm, FORWARD_HWM, &out->hwm) < 0
        || get_count (lwm, FORWARD_LWM, &out->lwm) < 0
        || out->hwm < 1 || out->lwm >= out->hwm) {
        shell_log_error ("output.client: want integers 0 <= lwm < hwm (default: %d, %d)",
                         FORWARD_LWM, FORWARD_HWM);
        return -1;
    }
    if (limit && shell_parse_size (limit, 1UL << 30, &out->limit) < 0) {
        shell_log_error ("output.limit: want a size of at most 1G, as 10M");
        return -1;
    }
    if (json_is_number (batch))
        out->batch_timeout = json_number_value (batch);
    else if (batch && (!json_is_string (batch)
                       || duration_parse (json_string_value (batch), &out->batch_timeout) < 0)) {
        shell_log_error ("output.batch-timeout: want a duration, as 0.5s");
        return -1;
    }
    if (out->batch_timeout < 0 || isinf (out->batch_timeout)) {
        shell_log_error ("output.batch-timeout: want a finite duration");
        return -1;
    }
    if (mode) {
        const char *s = json_string_value (mode);
        if (!s || (strcmp (s, "append") != 0 && strcmp (s, "truncate") != 0)) {
            shell_log_error ("output.mode: there are truncate and append");
            return -1;
        }
        out->append = strcmp (s, "append") == 0;
    }
    return 0;
}

/* The tasks of the shell that writes: the leader, for a file of the whole job. */
static void put_redirects (struct output *out)
{
    const struct shell_info *info = &out->shell->info;
    const struct idset *ids = taskmap_taskids (info->taskmap, info->shell_rank);
    char *ranks = ids ? idset_encode (ids, IDSET_FLAG_RANGE) : NULL;

    for (int i = 0; i < 2; i++) {
        struct stream *st = &out->streams[i];
        char *path;
        if (st->kind != TO_FILE)
            continue;
        path = st->per_task ? strdup (st->path) : flux_shell_mustache_render (out->shell, st->path);
        append_event (out, "redirect", json_pack ("{s:s s:s s:s*}", "stream", st->name, "rank",
                                                  ranks ? ranks : "0", "path", path));
        free (path);
    }
    free (ranks);
}

/* Files are opened before tasks start, so that a bad path fails the job early. */
static int open_files (struct output *out)
{
    for (int i = 0; i < 2; i++) {
        struct stream *st = &out->streams[i];
        if (st->kind != TO_FILE || (!st->per_shell && !out->leader))
            continue;
        list_foreach (&out->shell->tasks, n) {
            struct shell_task *task = list_entry (n, struct shell_task, node);
            char *path = render_path (out, st, task->rank);
            flux_error_t err;
            if (!path || !outfiles_open (out->files, path, out->append, &err)) {
                shell_log_error ("%s: %s", st->name, path ? err.text : "out of memory");
                free (path);
                return -1;
            }
            free (path);
        }
    }
    return 0;
}

static void output_free (void *arg)
{
    struct output *out = arg;

    outfiles_free (out->files);
    forward_free (out->forward);
    free (out->seq_of);
    flux_msglist_destroy (out->held);
    json_decref (out->last_eof);
    free (out->eofs_of);
    free (out);
}

static int expect_eofs (struct output *out)
{
    struct shell_info *info = &out->shell->info;

    if (!(out->eofs_of = calloc (info->nshells, sizeof (out->eofs_of[0]))))
        return -1;
    for (int i = 0; i < 2; i++) {
        bool own = out->streams[i].kind == TO_FILE && out->streams[i].per_shell;
        if (out->streams[i].kind == TO_KVS)
            out->kvs_eofs += info->total_ntasks;
        for (int node = 0; node < info->nshells; node++) {
            int n = own && node > 0 ? 0 : taskmap_ntasks (info->taskmap, node);
            out->eofs_of[node] += n > 0 ? n : 0;
            out->eofs_expected += n > 0 ? n : 0;
        }
    }
    if (out->eofs_expected > 0 && flux_shell_add_completion_ref (out->shell, "output") < 0)
        return -1;
    return 0;
}

static int output_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct output *out = calloc (1, sizeof (*out));

    if (!out)
        return -1;
    if (!(out->files = outfiles_new ()) || !(out->held = flux_msglist_create ())
        || flux_plugin_aux_set (p, "output", out, output_free) < 0) {
        output_free (out);
        return -1;
    }
    out->shell = shell;
    if (flux_shell_aux_set (shell, "flux::output", out, NULL) < 0)
        return -1;
    out->leader = shell->info.shell_rank == 0;
    if (init_limits (out) < 0 || init_stream (out, &out->streams[0], "stdout", true) < 0
        || init_stream (out, &out->streams[1], "stderr", false) < 0)
        return -1;
    if (!out->leader)
        return (out->forward = forward_new (shell, out->hwm, out->lwm, forward_flow, out)) ? 0 : -1;
    if (!(out->seq_of = calloc (shell->info.nshells, sizeof (out->seq_of[0]))))
        return -1;
    if (shell->info.nshells > 1 && flux_shell_service_register (shell, "write", write_cb, out) < 0)
        return -1;
    if (expect_eofs (out) < 0)
        return -1;
    put_header (out);
    put_redirects (out);
    return 0;
}

static int output_post_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                             void *data)
{
    return open_files (flux_plugin_aux_get (p, "output"));
}

static int output_task (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct output *out = flux_plugin_aux_get (p, "output");
    struct shell_task *task = flux_shell_current_task (out->shell);

    if (task->pty)
        return 0;
    for (int i = 0; i < 2; i++) {
        const struct stream *st = &out->streams[i];
        if (flux_shell_task_channel_subscribe (task, st->name, task_cb, out) < 0) {
            if (errno != EEXIST)
                return -1;
            continue;
        }
        if (!st->line_buffered) {
            char opt[32];
            snprintf (opt, sizeof (opt), "%s_LINE_BUFFER", st->name);
            if (flux_cmd_setopt (task->cmd, opt, "false") < 0)
                return -1;
        }
    }
    return 0;
}

/* A log message of the shell becomes an event of the output eventlog. */
static int output_log (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct output *out = flux_plugin_aux_get (p, "output");
    char *s;
    json_t *o;

    if (!out || (out->forward && forward_is_cut_off (out->forward)) || flux_plugin_arg_get (args, FLUX_PLUGIN_ARG_IN, &s) < 0)
        return 0;
    o = json_loads (s, 0, NULL);
    free (s);
    if (out->leader) {
        put_header (out);
        append_event (out, "log", o);
    }
    else
        forward_put (out->forward, "log", o);
    flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:b}", "kept", 1);
    return 0;
}

/* The streams of a lost shell will not end any more. */
static int output_lost (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct output *out = flux_plugin_aux_get (p, "output");
    int rank;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "shell_rank", &rank) < 0
        || rank < 0 || rank >= out->shell->info.nshells)
        return 0;
    if (rank == 0 && out->forward)
        forward_cut_off (out->forward);
    if (rank > 0 && out->leader)
        count_eofs (out, rank, out->eofs_of[rank]);
    return 0;
}

/* A task that never started has streams that end all the same. */
static int output_finish (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct output *out = flux_plugin_aux_get (p, "output");

    list_foreach (&out->shell->tasks, n) {
        struct shell_task *task = list_entry (n, struct shell_task, node);
        for (int i = 0; i < 2 && !task->proc; i++)
            put (out, &out->streams[i], task->rank, NULL, 0, true);
    }
    return 0;
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", output_init, NULL },
    { "shell.post-init", output_post_init, NULL },
    { "task.init", output_task, NULL },
    { "shell.finish", output_finish, NULL },
    { "shell.log", output_log, NULL },
    { "shell.lost", output_lost, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin output_builtin = { "output", NULL, handlers };
