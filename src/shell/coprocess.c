/* coprocess.c - helpers that run beside the tasks (shell option coprocess)
 *
 *   helper ─► this shell ─┬─► a file of its own (output names the node)
 *                         └─coprocess.write─► leader: one file
 *
 * They end with the local tasks: SIGTERM, and after coprocess-kill-timeout SIGKILL.
 */
#define FLUX_SHELL_PLUGIN_NAME "coprocess"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>

#include "shell/builtins.h"
#include "shell/internal.h"
#include "shell/outfile.h"
#include "spec/iodata.h"

#define KILL_TIMEOUT 10.

struct coproc {
    struct list_node node;
    struct coprocess *cp;
    const char *name;
    const json_t *command;
    char *output;               /* template */
    bool own_file;              /* each shell writes its own */
    struct idset *ranks;        /* NULL: all */
    flux_subprocess_t *proc;
    int writers;                /* leader, one file: shells that have not finished */
    bool *finished;             /* ... by rank */
};

struct coprocess {
    flux_shell_t *shell;
    struct list_node procs;
    struct outfiles *files;
    flux_watcher_t *kill_w;
    double kill_timeout;
};

static void coproc_free (struct coproc *c)
{
    list_del (&c->node);
    flux_subprocess_destroy (c->proc);
    idset_destroy (c->ranks);
    free (c->finished);
    free (c->output);
    free (c);
}

static void coprocess_free (void *arg)
{
    struct coprocess *cp = arg;

    list_foreach (&cp->procs, n)
        coproc_free (list_entry (n, struct coproc, node));
    outfiles_free (cp->files);
    flux_watcher_destroy (cp->kill_w);
    free (cp);
}

static bool runs_on (const struct coproc *c, int rank)
{
    return !c->ranks || idset_test (c->ranks, rank);
}

/* Output */

static void write_file (struct coproc *c, const char *data, size_t len)
{
    char *path = flux_shell_mustache_render (c->cp->shell, c->output);
    flux_error_t err = { "out of memory" };
    struct outfile *f = path ? outfiles_open (c->cp->files, path, false, &err) : NULL;
    int rc = 0;

    if (!f || (rc = outfile_write (f, NULL, data, len)) < 0)
        shell_log_error ("%s: %s", c->name, f ? strerror (-rc) : err.text);
    free (path);
}

/* Leader: the helper of a shell has finished, or the shell is lost. */
static void writer_done (struct coproc *c, int rank)
{
    if (c->own_file || !runs_on (c, rank) || c->finished[rank])
        return;
    c->finished[rank] = true;
    c->writers--;
    flux_shell_remove_completion_ref (c->cp->shell, "coprocess-%s", c->name);
}

static void written_cb (flux_future_t *f, void *arg)
{
    struct coproc *c = arg;

    if (flux_future_get (f, NULL) < 0)
        shell_log_error ("%s: output is lost: %s", c->name, future_strerror (f, errno));
    flux_future_destroy (f);
    flux_shell_remove_completion_ref (c->cp->shell, "coprocess-forward");
}

static void to_leader (struct coproc *c, const char *data, size_t len, bool eof)
{
    char rank[16];
    flux_future_t *f;
    json_t *o;

    snprintf (rank, sizeof (rank), "%d", c->cp->shell->info.shell_rank);
    if (!(o = iodata_encode ("stdout", rank, data, len, eof))
        || !(f = flux_shell_rpc_pack (c->cp->shell, "coprocess.write", 0, 0, "{s:s s:o}",
                                      "name", c->name, "io", o)))
        return;
    if (flux_future_then (f, -1., written_cb, c) < 0)
        flux_future_destroy (f);
    else
        flux_shell_add_completion_ref (c->cp->shell, "coprocess-forward");
}

static void put (struct coproc *c, const char *data, size_t len, bool eof)
{
    if (!c->own_file && c->cp->shell->info.shell_rank > 0) {
        to_leader (c, data, len, eof);
        return;
    }
    if (len > 0)
        write_file (c, data, len);
    if (eof)
        writer_done (c, c->cp->shell->info.shell_rank);
}

static struct coproc *find (struct coprocess *cp, const char *name)
{
    list_foreach (&cp->procs, n) {
        struct coproc *c = list_entry (n, struct coproc, node);
        if (strcmp (c->name, name) == 0)
            return c;
    }
    return NULL;
}

static void write_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct coprocess *cp = arg;
    struct coproc *c;
    struct iodata io;
    const char *name;
    json_t *o;
    int rank;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:s s:o}", "name", &name, "io", &o) < 0
        || !(c = find (cp, name)) || c->own_file || iodata_decode (o, NULL, &io) < 0)
        rc = flux_respond_error (h, msg, EPROTO, NULL);
    else {
        rank = strtol (io.rank, NULL, 10);
        if (io.len > 0)
            write_file (c, io.data, io.len);
        if (io.eof && rank > 0 && rank < cp->shell->info.nshells)
            writer_done (c, rank);
        iodata_release (&io);
        rc = flux_respond (h, msg, NULL);
    }
    if (rc < 0)
        shell_log_errno ("flux_respond");
}

/* The process */

static void output_cb (flux_subprocess_t *p, const char *stream)
{
    struct coproc *c = flux_subprocess_aux_get (p, "coproc");
    const char *data;
    int n = sp_read_lines (p, stream, &data);

    if (n > 0)
        put (c, data, n, false);
}

static void completion_cb (flux_subprocess_t *p)
{
    struct coproc *c = flux_subprocess_aux_get (p, "coproc");

    put (c, NULL, 0, true);
    flux_shell_remove_completion_ref (c->cp->shell, "coproc-%s", c->name);
}

static const flux_subprocess_ops_t ops = {
    .on_completion = completion_cb,
    .on_stdout = output_cb,
    .on_stderr = output_cb,
};

static int add_env (flux_shell_t *shell, flux_cmd_t *cmd)
{
    const char *name;
    json_t *val;

    json_object_foreach (shell->env, name, val) {
        if (json_is_string (val)
            && flux_cmd_setenvf (cmd, 1, name, "%s", json_string_value (val)) < 0)
            return -1;
    }
    return 0;
}

static flux_cmd_t *make_cmd (struct coproc *c)
{
    flux_cmd_t *cmd = flux_cmd_create (0, NULL, NULL);
    size_t i;
    json_t *val;

    if (!cmd || add_env (c->cp->shell, cmd) < 0)
        goto error;
    json_array_foreach ((json_t *)c->command, i, val) {
        char *s = flux_shell_mustache_render (c->cp->shell, json_string_value (val));
        int rc = s ? flux_cmd_argv_append (cmd, s) : -1;
        free (s);
        if (rc < 0)
            goto error;
    }
    return cmd;
error:
    flux_cmd_destroy (cmd);
    return NULL;
}

static void start (struct coproc *c)
{
    flux_shell_t *shell = c->cp->shell;
    struct sp_stdio stdio = SP_STDIO_INIT;
    flux_cmd_t *cmd = make_cmd (c);

    if (cmd)
        c->proc = sp_local_exec (shell->r, SP_FLAG_STDIN_NULL | SP_FLAG_NO_STOPPED, cmd, &ops, NULL,
                                 &stdio, NULL, NULL);
    if (!c->proc || flux_subprocess_aux_set (c->proc, "coproc", c, NULL) < 0
        || flux_shell_add_completion_ref (shell, "coproc-%s", c->name) < 0) {
        shell_log_errno ("%s: %s", c->name, json_string_value (json_array_get (c->command, 0)));
        put (c, NULL, 0, true);
    }
    flux_cmd_destroy (cmd);
}

/* Once all shells are there: the leader can take output. */
static int coprocess_post_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                                void *data)
{
    struct coprocess *cp = flux_plugin_aux_get (p, "coprocess");

    list_foreach (&cp->procs, n) {
        struct coproc *c = list_entry (n, struct coproc, node);
        if (runs_on (c, cp->shell->info.shell_rank))
            start (c);
    }
    return 0;
}

static void signal_all (struct coprocess *cp, int sig)
{
    list_foreach (&cp->procs, n) {
        struct coproc *c = list_entry (n, struct coproc, node);
        pid_t pid = c->proc ? flux_subprocess_pid (c->proc) : -1;
        if (pid > 0)
            (void)kill (-pid, sig);
    }
}

static void kill_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    signal_all (arg, SIGKILL);
}

static int coprocess_finish (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                             void *data)
{
    struct coprocess *cp = flux_plugin_aux_get (p, "coprocess");

    signal_all (cp, SIGTERM);
    flux_watcher_start (cp->kill_w);
    flux_watcher_unref (cp->kill_w);
    return 0;
}

static int coprocess_lost (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct coprocess *cp = flux_plugin_aux_get (p, "coprocess");
    int rank;

    if (cp->shell->info.shell_rank > 0
        || flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "shell_rank", &rank) < 0)
        return 0;
    list_foreach (&cp->procs, n)
        writer_done (list_entry (n, struct coproc, node), rank);
    return 0;
}

/* Set-up */

static bool command_ok (const json_t *command)
{
    size_t i;
    json_t *val;

    if (json_array_size (command) == 0)
        return false;
    json_array_foreach ((json_t *)command, i, val) {
        if (!json_is_string (val))
            return false;
    }
    return true;
}

/* The leader waits for what others have to write. */
static int expect_writers (struct coproc *c)
{
    flux_shell_t *shell = c->cp->shell;

    if (c->own_file || shell->info.shell_rank > 0)
        return 0;
    if (!(c->finished = calloc (shell->info.nshells, sizeof (c->finished[0]))))
        return -1;
    for (int i = 0; i < shell->info.nshells; i++) {
        if (!runs_on (c, i))
            continue;
        c->writers++;
        if (flux_shell_add_completion_ref (shell, "coprocess-%s", c->name) < 0)
            return -1;
    }
    return 0;
}

static int add (struct coprocess *cp, const char *name, const json_t *o)
{
    const json_t *output = json_object_get (o, "output");
    const json_t *ranks = json_object_get (o, "ranks");
    struct coproc *c = calloc (1, sizeof (*c));

    if (!c)
        return -1;
    c->cp = cp;
    c->name = name;
    list_init (&c->node);
    list_append (&cp->procs, &c->node);
    c->command = json_object_get (o, "command");
    if (!command_ok (c->command) || (output && !json_is_string (output))
        || (ranks && !json_is_string (ranks))) {
        shell_log_error ("coprocess.%s: want {\"command\": [STRING, ...], \"output\": STRING, "
                         "\"ranks\": IDSET}", name);
        return -1;
    }
    if (ranks && strcmp (json_string_value (ranks), "all") != 0
        && !(c->ranks = idset_decode (json_string_value (ranks)))) {
        shell_log_error ("coprocess.%s.ranks: '%s' is no idset", name, json_string_value (ranks));
        return -1;
    }
    if (output)
        c->output = strdup (json_string_value (output));
    else if (asprintf (&c->output, "coproc-%s-{{id}}.log", name) < 0)
        c->output = NULL;
    if (!c->output)
        return -1;
    c->own_file = flux_shell_mustache_is_per_rank (cp->shell, c->output);
    return expect_writers (c);
}

static int coprocess_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    const json_t *all = shell_option (shell, "coprocess");
    struct coprocess *cp = calloc (1, sizeof (*cp));
    const char *name;
    json_t *o;

    if (!cp)
        return -1;
    cp->shell = shell;
    list_init (&cp->procs);
    if (flux_plugin_aux_set (p, "coprocess", cp, coprocess_free) < 0) {
        free (cp);
        return -1;
    }
    cp->kill_timeout = KILL_TIMEOUT;
    if (shell_option_duration (shell, "coprocess-kill-timeout", &cp->kill_timeout) < 0
        || isinf (cp->kill_timeout)) {
        shell_log_error ("coprocess-kill-timeout: want a duration, as 10s");
        return -1;
    }
    if (!(cp->files = outfiles_new ())
        || !(cp->kill_w = flux_timer_watcher_create (shell->r, cp->kill_timeout, 0., kill_cb, cp)))
        return -1;
    if (!json_is_object (all)) {
        shell_log_error ("coprocess: want an object, {NAME: {\"command\": ...}}");
        return -1;
    }
    json_object_foreach ((json_t *)all, name, o) {
        if (add (cp, name, o) < 0)
            return -1;
    }
    if (shell->info.shell_rank == 0 && shell->info.nshells > 1)
        return flux_shell_service_register (shell, "coprocess.write", write_cb, cp);
    return 0;
}

static bool coprocess_wanted (flux_shell_t *shell)
{
    return shell_option (shell, "coprocess") != NULL;
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", coprocess_init, NULL },
    { "shell.post-init", coprocess_post_init, NULL },
    { "shell.finish", coprocess_finish, NULL },
    { "shell.lost", coprocess_lost, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin coprocess_builtin = { "coprocess", coprocess_wanted, handlers };
