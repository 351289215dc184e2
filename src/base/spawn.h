/* spawn.h - start a child process without copying the parent
 *
 * vfork semantics: the cost does not grow with the parent's size.  No watcher,
 * no reaping: the caller waits for the pid (pidfd or SIGCHLD).
 */
#ifndef BASE_SPAWN_H
#define BASE_SPAWN_H

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>
#include <flux/core/types.h>

struct spawn_fd {
    int parent_fd;   /* open in the caller, stays the caller's to close */
    int child_fd;    /* number in the child */
};

struct spawn_args {
    const char *path;          /* program; searched in env's PATH if it has no '/' */
    char *const *argv;
    char *const *envp;
    const char *cwd;           /* NULL: the caller's */
    const struct spawn_fd *fds; /* all other descriptors are close-on-exec */
    int nfds;
    bool setpgrp;              /* own process group */
    bool setsid;               /* own session */
    int ctty_fd;               /* with setsid: child_fd to make the controlling
                                * terminal, or -1 */
    const cpu_set_t *affinity; /* NULL: the caller's */
    size_t affinity_size;
};

/* Signal mask is emptied and dispositions reset to default in the child.
 * Returns the pid, or a negative errno with err filled: which of path, cwd or
 * descriptor failed, and why (exec errors of the child are reported here). */
pid_t spawn_child (const struct spawn_args *args, flux_error_t *err);

#endif /* !BASE_SPAWN_H */
