/* capture.c - see capture.h
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/capture.h"

static int start (char *const argv[], bool quiet, int out, pid_t *pid)
{
    posix_spawn_file_actions_t fa;
    int rc = posix_spawn_file_actions_init (&fa);

    if (rc == 0) {
        rc = posix_spawn_file_actions_adddup2 (&fa, out, STDOUT_FILENO);
        if (rc == 0 && quiet)
            rc = posix_spawn_file_actions_addopen (&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        if (rc == 0)
            rc = posix_spawnp (pid, argv[0], &fa, NULL, argv, environ);
        posix_spawn_file_actions_destroy (&fa);
    }
    return rc;
}

char *capture (char *const argv[], bool quiet, int *status)
{
    struct buf b = BUF_INIT;
    char chunk[4096];
    int fds[2];
    ssize_t n;
    pid_t pid;
    int rc;

    if (pipe2 (fds, O_CLOEXEC) < 0)
        return NULL;
    rc = start (argv, quiet, fds[1], &pid);
    close (fds[1]);
    while (rc == 0 && ((n = read (fds[0], chunk, sizeof (chunk))) > 0
                       || (n < 0 && errno == EINTR))) {
        if (n > 0)
            (void)buf_add (&b, chunk, n);
    }
    close (fds[0]);
    if (rc == 0 && waitpid (pid, status, 0) < 0)
        rc = errno;
    if (rc != 0) {
        buf_release (&b);
        errno = rc;
        return NULL;
    }
    return buf_take (&b);
}
