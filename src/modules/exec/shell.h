/* shell.h - one job shell, a child of this broker
 *
 * The shell finds its job in a memfd and talks to the broker over a socket it
 * inherits, so that it starts without connecting or looking anything up.  A
 * guest's shell is started by the IMP (RFC 15), which passes nothing on: it
 * connects by FLUX_URI.
 */
#ifndef EXEC_SHELL_H
#define EXEC_SHELL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <flux/core.h>

struct shell;

struct shell_args {
    flux_t *h;             /* to attach the socket; not used after the start */
    uint64_t id;
    const char *path;      /* of flux-shell */
    struct forkserver *fs; /* NULL, or for this path and environment */
    const char *imp;       /* NULL: started directly */
    const char *J;         /* for the IMP */
    const char *ns;        /* FLUX_KVS_NAMESPACE */
    const char *tag;       /* see reap.h */
    char *const *env;
    double reconnect;      /* seconds that it looks for a broker that has gone; 0: not */
    const char *info;      /* JSON text for FLUX_SHELL_INFO_FD */
    size_t info_len;
};

struct shell_ops {
    /* Called once, from the reactor; the shell may be freed in it. */
    void (*exited) (struct shell *sh, int status, void *arg);
    /* A line the shell itself has written; stream is stdout or stderr. */
    void (*output) (struct shell *sh, const char *stream, const char *data,
                    size_t len, void *arg);
};

/* NULL with errno and err->text. */
struct shell *shell_start (const struct shell_args *args,
                           const struct shell_ops *ops, void *arg,
                           flux_error_t *err);
/* A shell that was started by a broker that is gone, and whose processes carry
 * 'tag'.  NULL with errno (ESRCH: there is none with that pid). */
struct shell *shell_adopt (flux_reactor_t *r, pid_t pid, const char *tag,
                           const struct shell_ops *ops, void *arg);
/* The wait status to come, which is not told of a process that is no child. */
void shell_set_status (struct shell *sh, int status);
pid_t shell_pid (const struct shell *sh);
/* SIGINT, SIGTERM and SIGALRM are passed on to the tasks (flux-shell(1)).  0 or
 * a negative errno. */
int shell_signal (struct shell *sh, int signum);
/* Kill the shell itself, with all of its process group. */
int shell_kill (struct shell *sh, int signum);
/* A shell that still runs goes on, but nobody will hear of its end. */
void shell_free (struct shell *sh);

#endif /* !EXEC_SHELL_H */
