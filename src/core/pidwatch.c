/* pidwatch.c - hear of the end of a child process
 */
#include <errno.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include <flux/core.h>

#include "core/pidwatch.h"

#define LOOK_SECONDS 0.005

flux_watcher_t *pidwatch_start (flux_reactor_t *r, pid_t pid, int *fdp,
                                flux_watcher_f cb, void *arg)
{
    flux_watcher_t *w;
    int fd = pidfd_open (pid, 0);

    if (fd < 0 && errno != ENOSYS)
        return NULL;
    if (fd >= 0)
        w = flux_fd_watcher_create (r, fd, FLUX_POLLIN, cb, arg);
    else
        w = flux_timer_watcher_create (r, LOOK_SECONDS, LOOK_SECONDS, cb, arg);
    if (!w) {
        if (fd >= 0)
            (void)close (fd);
        return NULL;
    }
    *fdp = fd;
    flux_watcher_start (w);
    return w;
}
