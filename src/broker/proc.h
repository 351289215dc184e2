/* proc.h - one child process of the broker: rc1, rc2, cleanup, rc3
 */
#ifndef BROKER_PROC_H
#define BROKER_PROC_H

#include <stdbool.h>
#include <flux/core.h>

struct proc;

/* 'status' is that of wait(2).  The process is freed after the call. */
typedef void (*proc_exit_f) (void *arg, int status);
/* A line of its output, without the newline. */
typedef void (*proc_output_f) (void *arg, bool is_stderr, const char *line);

struct proc_args {
    char *const *argv;       /* argv[0] is searched in the current directory,
                              * then in PATH of 'envp' */
    char *const *envp;
    bool setpgrp;            /* a process group of its own */
    bool foreground;         /* with setpgrp: that of the terminal, if ours is */
    proc_exit_f on_exit;
    proc_output_f output;    /* NULL: it has the broker's standard streams */
    void *arg;
};

/* A file that is executable but no program is given to /bin/sh.  NULL with errno
 * and err->text. */
struct proc *proc_start (flux_reactor_t *r, const struct proc_args *args,
                         flux_error_t *err);
int proc_kill (struct proc *p, int signum);   /* its group if it has one */
void proc_free (struct proc *p);              /* does not kill */

/* How the words of an initial program are to be run: as they are if the first is
 * a program, else by $SHELL -c.  The result is for free_argv(); NULL: no memory. */
char **proc_shell_argv (int argc, char *const *argv);
/* A command line of one string: run by $SHELL -c. */
char **proc_command_argv (const char *command);
void free_argv (char **argv);

/* The exit code a shell would report for a wait status. */
int proc_exit_code (int status);

#endif /* !BROKER_PROC_H */
