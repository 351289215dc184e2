/* pidwatch.h - hear of the end of a child process
 *
 * By a pidfd.  Where there is none (valgrind does not know the call) the
 * child is looked for every few milliseconds.
 */
#ifndef CORE_PIDWATCH_H
#define CORE_PIDWATCH_H

#include <sys/types.h>
#include <flux/core.h>

/* A started watcher whose callback is to call waitpid (pid, .., WNOHANG), which
 * may return 0: not yet.  *fdp is a descriptor to close after the watcher is
 * destroyed, or -1.  NULL with errno. */
flux_watcher_t *pidwatch_start (flux_reactor_t *r, pid_t pid, int *fdp,
                                flux_watcher_f cb, void *arg);

#endif /* !CORE_PIDWATCH_H */
