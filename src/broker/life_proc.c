/* life_proc.c - the process of a state
 */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <sys/wait.h>

#include "broker/life_private.h"
#include "broker/rcextra.h"

static void on_output (void *arg, bool is_stderr, const char *line)
{
    struct life *l = arg;
    broker_logf (l->args.log, is_stderr ? LOG_ERR : LOG_INFO, "%s.0: %s",
                 l->proc_name, line);
}

int life_run_words (struct life *l, const char *name, char **argv, proc_exit_f on_exit)
{
    struct proc_args pa = {
        .argv = argv,
        .envp = environment_array (l->args.env),
        .setpgrp = true,
        .on_exit = on_exit,
        .output = on_output,
        .arg = l,
    };
    flux_error_t err;

    l->proc_name = name;
    if (!argv || !pa.envp || !(l->proc = proc_start (flux_get_reactor (l->args.h),
                                                     &pa, &err))) {
        broker_logf (l->args.log, LOG_ERR, "%s: %s", name,
                     argv ? err.text : "out of memory");
        free_argv (argv);
        return -1;
    }
    free_argv (argv);
    return 0;
}

/* The same of a command line. */
int life_run_logged (struct life *l, const char *name, const char *command,
                       proc_exit_f on_exit)
{
    broker_logf (l->args.log, LOG_DEBUG, "%s: %s", name, command);
    return life_run_words (l, name, proc_command_argv (command), on_exit);
}

bool life_run_extra (struct life *l, const char *name, const char *sub, bool all,
                       proc_exit_f on_exit)
{
    char *command = rcextra_command (getenv ("FLUX_RC_EXTRA"), sub, all);
    char **argv = command ? calloc (4, sizeof (*argv)) : NULL;

    if (!argv || !(argv[0] = strdup ("/bin/sh")) || !(argv[1] = strdup ("-c"))) {
        free_argv (argv);
        free (command);
        return false;
    }
    argv[2] = command;
    return life_run_words (l, name, argv, on_exit) == 0;
}

int life_ended (struct life *l, int status)
{
    int code = proc_exit_code (status);
    int level = code ? LOG_ERR : LOG_INFO;

    l->proc = NULL;
    if (WIFSIGNALED (status))
        broker_logf (l->args.log, level, "%s.0: %s (rc=%d)", l->proc_name,
                     strsignal (WTERMSIG (status)), code);
    else
        broker_logf (l->args.log, level, "%s.0: exited (rc=%d)", l->proc_name, code);
    if (code && l->exit_code == 0)
        l->exit_code = code;
    return code;
}
