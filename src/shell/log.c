/* log.c - logging and exceptions of the shell (flux_shell_log(3))
 *
 * A message goes to the plugins that take "shell.log" (the output plugin puts it
 * in the job's output eventlog); to standard error, which the execution service
 * captures, if none is there yet or it is fatal.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell/internal.h"

static flux_shell_t *the_shell;    /* the calls of flux_shell_log(3) take none */
static int level_max = FLUX_SHELL_NOTICE;
static int stderr_max = FLUX_SHELL_TRACE;
static bool in_log;

/* What was logged before plugins could take it. */
struct early {
    struct list_node node;
    char *component;            /* in text, or NULL */
    char *file;                 /* the same */
    int level;
    int line;
    char text[];
};
static struct list_node early_list = { &early_list, &early_list };
static bool keep_early;
static pid_t shell_pid;
static char last_error[256];       /* the cause to give for a fatal one */
static unsigned int errors;

void shell_log_init (flux_shell_t *shell)
{
    the_shell = shell;
    shell_pid = getpid ();
    keep_early = true;
}

void shell_log_fini (void)
{
    the_shell = NULL;
}

unsigned int shell_log_errors (void)
{
    return errors;
}

static const char *level_name (int level)
{
    switch (level) {
        case FLUX_SHELL_FATAL:
            return "FATAL: ";
        case FLUX_SHELL_ERROR:
            return "ERROR: ";
        case FLUX_SHELL_WARN:
            return "WARN: ";
        case FLUX_SHELL_DEBUG:
            return "DEBUG: ";
        case FLUX_SHELL_TRACE:
            return "TRACE: ";
    }
    return "";
}

/* Offer the message to plugins.  Returns true if one of them kept it. */
static bool to_plugins (const char *component, int level, const char *file, int line,
                        const char *text)
{
    flux_plugin_arg_t *args;
    int kept = 0;

    if (!the_shell || !the_shell->plugstack || in_log)
        return false;
    if (!(args = flux_plugin_arg_create ()))
        return false;
    in_log = true;
    if (flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:i s:i s:s s:s s:i}",
                              "rank", the_shell->info.shell_rank, "level", level,
                              "message", text, "file", file, "line", line) == 0
        && (!component
            || flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:s}",
                                     "component", component) == 0)
        && plugstack_call (the_shell->plugstack, "shell.log", args) == 0)
        flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s?b}", "kept", &kept);
    in_log = false;
    flux_plugin_arg_destroy (args);
    return kept;
}

static void to_stderr (const char *component, int level, const char *text)
{
    int rank = the_shell ? the_shell->info.shell_rank : -1;

    if (level > stderr_max)
        return;
    if (rank >= 0)
        fprintf (stderr, "flux-shell[%d]: %s%s%s%s\n", rank, level_name (level),
                 component ? component : "", component ? ": " : "", text);
    else
        fprintf (stderr, "flux-shell: %s%s%s%s\n", level_name (level),
                 component ? component : "", component ? ": " : "", text);
}

/* A task before its exec: the connection and the plugins are not its own. */
static bool in_child (void)
{
    return shell_pid && getpid () != shell_pid;
}

static int keep (const char *component, int level, const char *file, int line, const char *text)
{
    size_t n = strlen (text) + 1;
    size_t m = component ? strlen (component) + 1 : 0;
    size_t k = strlen (file) + 1;
    struct early *e = malloc (sizeof (*e) + n + m + k);

    if (!e)
        return -ENOMEM;
    e->component = component ? memcpy (e->text + n, component, m) : NULL;
    e->level = level;
    e->file = memcpy (e->text + n + m, file, k);
    e->line = line;
    memcpy (e->text, text, n);
    list_append (&early_list, &e->node);
    return 0;
}

static void emit (const char *component, int level, const char *file, int line, const char *text)
{
    if (level > level_max)
        return;
    errors += level <= FLUX_SHELL_ERROR;
    if (in_child ()) {
        to_stderr (component, level, text);
        return;
    }
    if (level == FLUX_SHELL_ERROR)
        snprintf (last_error, sizeof (last_error), "%s%s%s", component ? component : "",
                  component ? ": " : "", text);
    if (keep_early && keep (component, level, file, line, text) == 0)
        return;
    if (!to_plugins (component, level, file, line, text))
        to_stderr (component, level, text);
}

void shell_log_start (flux_shell_t *shell)
{
    keep_early = false;
    list_foreach (&early_list, n) {
        struct early *e = list_entry (n, struct early, node);
        list_del (&e->node);
        emit (e->component, e->level, e->file, e->line, e->text);
        free (e);
    }
}

/* A plugin may come without a text. */
static void format (char *text, size_t size, const char *fmt, va_list ap)
{
    if (!fmt || vsnprintf (text, size, fmt, ap) < 0)
        text[0] = '\0';
}

void flux_shell_log (const char *component, int level, const char *file, int line,
                     const char *fmt, ...)
{
    int saved_errno = errno;
    char text[4096];
    va_list ap;

    if (level > level_max)
        return;
    va_start (ap, fmt);
    format (text, sizeof (text), fmt, ap);
    va_end (ap);
    emit (component, level, file, line, text);
    errno = saved_errno;
}

int flux_shell_err (const char *component, const char *file, int line, int errnum,
                    const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    size_t n;

    va_start (ap, fmt);
    format (text, sizeof (text), fmt, ap);
    va_end (ap);
    n = strlen (text);
    if (errnum > 0)
        snprintf (text + n, sizeof (text) - n, ": %s", strerror (errnum));
    emit (component, FLUX_SHELL_ERROR, file, line, text);
    errno = errnum;
    return -1;
}

#define RAISE_AGAIN_US 50000   /* after the loss of a broker */

static flux_future_t *send_exception (const char *type, int severity, int wait_status,
                                      const char *text)
{
    if (wait_status >= 0)
        return flux_rpc_pack (the_shell->h, "job-manager.raise", FLUX_NODEID_ANY, 0,
                              "{s:I s:s s:i s:s s:i}", "id", the_shell->info.jobid, "type", type,
                              "severity", severity, "note", text, "status", wait_status);
    return flux_job_raise (the_shell->h, the_shell->info.jobid, type, severity, text);
}

static void raise_exception (const char *type, int severity, int wait_status, const char *text)
{
    struct shell_retry retry = { 0 };
    flux_future_t *f;
    int rc;

    if (!the_shell || (severity == 0 && the_shell->exception_raised))
        return;
    f = send_exception (type, severity, wait_status, text);
    while ((rc = f ? flux_future_get (f, NULL) : -1) < 0
           && shell_may_retry (the_shell, &retry, errno)) {
        (void)usleep (RAISE_AGAIN_US);
        flux_future_destroy (f);
        f = send_exception (type, severity, wait_status, text);
    }
    if (rc < 0)
        fprintf (stderr, "flux-shell: cannot raise exception '%s': %s\n", text,
                 f ? future_strerror (f, errno) : strerror (errno));
    else if (severity == 0)
        the_shell->exception_raised = true;
    flux_future_destroy (f);
}

void flux_shell_raise (const char *type, int severity, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start (ap, fmt);
    format (text, sizeof (text), fmt, ap);
    va_end (ap);
    raise_exception (type, severity, -1, text);
}

void flux_shell_raise_exit_status (int wait_status, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start (ap, fmt);
    format (text, sizeof (text), fmt, ap);
    va_end (ap);
    raise_exception ("exec", 0, wait_status, text);
}

/* It waits for the output of our tasks, of which there will be no more. */
static void tell_leader (flux_shell_t *shell)
{
    if (shell->info.shell_rank > 0 && shell->service)
        flux_future_destroy (flux_shell_rpc_pack (shell, "lost", 0, FLUX_RPC_NORESPONSE,
                                                  "{s:i s:i}", "shell_rank",
                                                  shell->info.shell_rank, "severity", 0));
}

void flux_shell_fatal (const char *component, const char *file, int line, int errnum,
                       int exit_code, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    size_t n;

    va_start (ap, fmt);
    format (text, sizeof (text), fmt, ap);
    va_end (ap);
    n = strlen (text);
    if (errnum > 0)
        snprintf (text + n, sizeof (text) - n, ": %s", strerror (errnum));
    if (in_child ()) {
        to_stderr (component, FLUX_SHELL_FATAL, text);
        _Exit (exit_code ? exit_code : 1);
    }
    shell_log_start (the_shell);
    emit (component, FLUX_SHELL_FATAL, file, line, text);
    n = strlen (text);
    if (last_error[0])
        snprintf (text + n, sizeof (text) - n, ": %s", last_error);
    raise_exception ("exec", 0, -1, text);
    if (the_shell) {
        flux_shell_killall (the_shell, SIGKILL);
        tell_leader (the_shell);
        if (the_shell->kvslog)
            kvslog_sync (the_shell->kvslog, NULL);
        (void)flux_shell_aux_set (the_shell, "tmpdir", NULL, NULL);     /* removes it */
    }
    _Exit (exit_code ? exit_code : 1);
}

int flux_shell_log_setlevel (int level, const char *dest)
{
    if (level < FLUX_SHELL_QUIET || level > FLUX_SHELL_TRACE || (dest && strcmp (dest, "stderr") != 0)) {
        errno = EINVAL;
        return -1;
    }
    if (dest)
        stderr_max = level;
    else {
        level_max = level;
        if (the_shell && the_shell->plugstack) {
            flux_plugin_arg_t *args = flux_plugin_arg_create ();
            if (args && flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "level", level) == 0)
                plugstack_call (the_shell->plugstack, "shell.log-setlevel", args);
            flux_plugin_arg_destroy (args);
        }
    }
    return 0;
}
