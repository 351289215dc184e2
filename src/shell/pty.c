/* pty.c - terminals of tasks (shell option pty)
 *
 *                        ┌──► output plugin, as stdout (pty.capture)
 *   task ◄─pty─► master ─┤
 *                        └◄─► ptysvc.c: flux job attach (pty.interactive, rank 0)
 *
 * A task with a terminal is the leader of a session of its own.  What comes by the
 * stdin service is typed at the terminal.
 */
#define FLUX_SHELL_PLUGIN_NAME "pty"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <flux/idset.h>

#include "shell/builtins.h"
#include "shell/internal.h"
#include "shell/pty.h"

#define CHUNK 16384
#define INPUT_MAX (1024 * 1024)

struct options {
    struct idset *ranks;        /* NULL: all */
    bool capture;
    bool interactive;
};

/* Output */

void pty_update (struct pty *pty)
{
    if (!pty->read_w)
        return;
    if (pty->held || ptysvc_full (pty))
        flux_watcher_stop (pty->read_w);
    else
        flux_watcher_start (pty->read_w);
}

void shell_pty_hold (struct pty *pty, bool hold)
{
    pty->held = hold;
    pty_update (pty);
}

/* No process has the terminal any more. */
static void ended (struct pty *pty)
{
    flux_watcher_destroy (pty->read_w);
    flux_watcher_destroy (pty->write_w);
    pty->read_w = pty->write_w = NULL;
    close (pty->master);
    pty->master = -1;
    iobuf_release (&pty->in);
    shell_output_put (pty->shell, "stdout", pty->task->rank, NULL, 0, true);
    shell_output_put (pty->shell, "stderr", pty->task->rank, NULL, 0, true);
    if (!pty->interactive || ptysvc_ended (pty))
        pty_finish (pty);
}

void pty_finish (struct pty *pty)
{
    if (pty->finished)
        return;
    pty->finished = true;
    flux_shell_remove_completion_ref (pty->shell, "pty%d", pty->task->rank);
}

static void read_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct pty *pty = arg;
    char buf[CHUNK];
    ssize_t n = read (pty->master, buf, sizeof (buf));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        ended (pty);
        return;
    }
    if (pty->capture)
        shell_output_put (pty->shell, "stdout", pty->task->rank, buf, n, false);
    if (pty->interactive)
        ptysvc_output (pty, buf, n);
    pty_update (pty);
}

/* Input */

static void write_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct pty *pty = arg;
    size_t len = iobuf_len (&pty->in);
    ssize_t n = len > 0 ? write (pty->master, iobuf_peek (&pty->in), len) : 0;

    if (n < 0 && errno != EAGAIN && errno != EINTR)
        n = len;            /* the terminal is gone: so is what was typed */
    if (n > 0)
        iobuf_consume (&pty->in, n);
    if (iobuf_len (&pty->in) > 0)
        return;
    flux_watcher_stop (w);
    if (pty->task->credit_cb)
        pty->task->credit_cb (pty->task, pty->task->credit_arg);
    if (pty->interactive)
        ptysvc_written (pty);
}

int shell_pty_write (struct pty *pty, const char *data, size_t len)
{
    int rc;

    if (pty->master < 0) {
        errno = EPIPE;
        return -1;
    }
    if ((rc = iobuf_add (&pty->in, data, len)) < 0) {
        errno = -rc;
        return -1;
    }
    if (len > 0)
        pty->mid_line = data[len - 1] != '\n';
    flux_watcher_start (pty->write_w);
    return 0;
}

/* Type what means end of file; in the middle of a line once only ends the line. */
void shell_pty_eof (struct pty *pty)
{
    struct termios t;
    char c[2];

    if (pty->master < 0 || tcgetattr (pty->master, &t) < 0 || !(t.c_lflag & ICANON))
        return;
    c[0] = c[1] = t.c_cc[VEOF];
    (void)shell_pty_write (pty, c, pty->mid_line ? 2 : 1);
}

void pty_resize (struct pty *pty, int rows, int cols)
{
    struct winsize ws = { .ws_row = rows, .ws_col = cols };

    if (pty->master >= 0 && rows > 0 && rows < 10000 && cols > 0 && cols < 10000)
        (void)ioctl (pty->master, TIOCSWINSZ, &ws);
}

/* One terminal */

static int open_pair (struct pty *pty, int *slave)
{
    char name[64];
    int on = 1;

    if ((pty->master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0
        || grantpt (pty->master) < 0 || unlockpt (pty->master) < 0
        || ptsname_r (pty->master, name, sizeof (name)) != 0
        || ioctl (pty->master, FIONBIO, &on) < 0
        || (*slave = open (name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
        return -1;
    pty_resize (pty, 24, 80);
    return 0;
}

static void pty_free (void *arg)
{
    struct pty *pty = arg;

    ptysvc_free (pty);
    flux_watcher_destroy (pty->read_w);
    flux_watcher_destroy (pty->write_w);
    if (pty->master >= 0)
        close (pty->master);
    iobuf_release (&pty->in);
    free (pty);
}

static struct pty *pty_new (flux_shell_t *shell, struct shell_task *task, const struct options *o)
{
    struct pty *pty = calloc (1, sizeof (*pty));
    int slave;

    if (!pty)
        return NULL;
    pty->shell = shell;
    pty->task = task;
    pty->interactive = o->interactive && task->rank == 0;
    pty->capture = o->capture;
    pty->master = -1;
    iobuf_init (&pty->in, INPUT_MAX);
    list_init (&pty->clients);
    if (open_pair (pty, &slave) < 0
        || !(pty->read_w = flux_fd_watcher_create (shell->r, pty->master, FLUX_POLLIN, read_cb, pty))
        || !(pty->write_w = flux_fd_watcher_create (shell->r, pty->master, FLUX_POLLOUT, write_cb, pty))
        || (pty->interactive && ptysvc_init (pty) < 0)) {
        pty_free (pty);
        return NULL;
    }
    /* others number their sessions of terminals; here each job has one at most */
    if (pty->interactive && flux_cmd_setenvf (task->cmd, 1, "FLUX_TERMINUS_SESSION", "0") < 0) {
        close (slave);
        pty_free (pty);
        return NULL;
    }
    task->stdio = (struct sp_stdio){ .fd = { slave, slave, slave }, .terminal = true };
    return pty;
}

/* The plugin */

static int parse_ranks (struct options *o, const json_t *ranks)
{
    char num[16];
    const char *s = json_string_value (ranks);

    if (json_is_integer (ranks)) {
        snprintf (num, sizeof (num), "%d", (int)json_integer_value (ranks));
        s = num;
    }
    if (!s)
        return -1;
    if (strcmp (s, "all") == 0)
        return 0;
    return (o->ranks = idset_decode (s)) ? 0 : -1;
}

static bool is_true (const json_t *o)
{
    return o && !json_is_false (o) && !(json_is_integer (o) && json_integer_value (o) == 0);
}

static int parse (flux_shell_t *shell, struct options *o)
{
    const json_t *ranks = shell_option (shell, "pty.ranks");
    const json_t *capture = shell_option (shell, "pty.capture");

    o->interactive = is_true (shell_option (shell, "pty.interactive"));
    o->capture = capture ? is_true (capture) : !o->interactive;
    if (ranks && parse_ranks (o, ranks) < 0) {
        shell_log_error ("pty.ranks: want an idset, as 0-3, or all");
        return -1;
    }
    if (!ranks && o->interactive && !(o->ranks = idset_decode ("0")))
        return -1;
    return 0;
}

static void options_free (void *arg)
{
    struct options *o = arg;

    idset_destroy (o->ranks);
    free (o);
}

static int pty_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct options *o = calloc (1, sizeof (*o));

    if (!o || flux_plugin_aux_set (p, "options", o, options_free) < 0) {
        free (o);
        return -1;
    }
    if (parse (shell, o) < 0)
        return -1;
    if (o->interactive)
        return flux_shell_add_event_context (shell, "shell.init", 0, "{s:{s:i s:b}}", "pty",
                                             "rank", 0, "capture", o->capture);
    return 0;
}

static int pty_task_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct shell_task *task = flux_shell_current_task (shell);
    struct options *o = flux_plugin_aux_get (p, "options");

    if (o->ranks && !idset_test (o->ranks, task->rank) && !(o->interactive && task->rank == 0))
        return 0;
    if (!(task->pty = pty_new (shell, task, o))) {
        shell_log_errno ("no terminal for task %d", task->rank);
        return -1;
    }
    return flux_plugin_aux_set (p, NULL, task->pty, pty_free);
}

static int pty_task_fork (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct shell_task *task = flux_shell_current_task (shell);

    if (task->pty && flux_shell_add_completion_ref (shell, "pty%d", task->rank) < 0)
        return -1;
    if (task->pty)
        pty_update (task->pty);
    return 0;
}

static bool pty_wanted (flux_shell_t *shell)
{
    const json_t *o = shell_option (shell, "pty");

    return json_is_object (o) || is_true (o);
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", pty_init, NULL },
    { "task.init", pty_task_init, NULL },
    { "task.fork", pty_task_fork, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin pty_builtin = { "pty", pty_wanted, handlers };
