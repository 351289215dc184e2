/* connector_ssh.c - ssh://[USER@]HOST[:PORT]/PATH, a broker's socket elsewhere
 *
 *   flux_t <- socketpair -> ssh HOST flux relay PATH <- local socket -> broker
 *
 * The relay (core/relay.h) connects to the socket there and passes bytes on.
 * FLUX_SSH is the ssh to use, FLUX_SSH_RCMD the remote flux command; otherwise
 * the latter is expected where it is here.
 */
#include "core/connector_private.h"
#include "core/connector_stream.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <flux/core/conf_builtin.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/spawn.h"

extern char **environ;

struct target {
    char host[300];      /* USER@HOST */
    char port[8];        /* or "" */
    const char *path;    /* with its leading slash */
};

/* A host that starts with '-' would be an option of ssh. */
static int parse_target (const char *s, struct target *t, flux_error_t *err)
{
    const char *slash = strchr (s, '/');
    size_t len = slash ? (size_t)(slash - s) : 0;
    char *colon;
    char *end;
    long port;

    if (len == 0 || len >= sizeof (t->host) || *s == '-')
        goto bad;
    memcpy (t->host, s, len);
    t->host[len] = '\0';
    t->port[0] = '\0';
    t->path = slash;
    if ((colon = strrchr (t->host, ':')) && !strchr (colon, ']')) {
        *colon++ = '\0';
        port = strtol (colon, &end, 10);
        if (!isdigit ((unsigned char)*colon) || *end || port < 1 || port > 65535)
            goto bad;
        snprintf (t->port, sizeof (t->port), "%ld", port);
    }
    if (t->host[0])
        return 0;
bad:
    return errmsg (err, -EINVAL, "ssh://%s: expected ssh://[USER@]HOST[:PORT]/PATH",
                   s);
}

static char *remote_command (const char *path)
{
    const char *rcmd = getenv ("FLUX_SSH_RCMD");
    const char *bindir = flux_conf_builtin_get ("bindir", FLUX_CONF_AUTO);
    struct buf b = BUF_INIT;
    char flux[PATH_MAX];

    if (!rcmd || !*rcmd) {
        snprintf (flux, sizeof (flux), "%s%sflux", bindir ? bindir : "",
                  bindir ? "/" : "");
        rcmd = flux;
    }
    buf_add_quoted (&b, rcmd);
    buf_adds (&b, " relay ");
    buf_add_quoted (&b, path);
    return buf_take (&b);
}

static pid_t spawn_ssh (const struct target *t, int fd, flux_error_t *err)
{
    const struct spawn_fd fds[] = { { fd, 0 }, { fd, 1 }, { 2, 2 } };
    const char *ssh = getenv ("FLUX_SSH");
    char *argv[6];
    struct spawn_args args = { .argv = argv, .envp = environ, .fds = fds,
                               .nfds = 3, .ctty_fd = -1 };
    char *command = remote_command (t->path);
    int n = 0;
    pid_t pid;

    if (!command)
        return errmsg (err, -ENOMEM, "out of memory");
    args.path = ssh && *ssh ? ssh : "ssh";
    argv[n++] = (char *)args.path;
    if (t->port[0]) {
        argv[n++] = "-p";
        argv[n++] = (char *)t->port;
    }
    argv[n++] = (char *)t->host;
    argv[n++] = command;
    argv[n] = NULL;
    pid = spawn_child (&args, err);
    free (command);
    return pid;
}

static int link_up (const char *path, struct stream_link *link,
                    flux_error_t *err)
{
    struct target t;
    int fd[2];
    int rc;

    if ((rc = parse_target (path, &t, err)) < 0)
        return rc;
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
        return errmsg (err, -errno, "socketpair: %s", strerror (errno));
    link->fd = fd[0];
    link->pid = spawn_ssh (&t, fd[1], err);
    close (fd[1]);
    if (link->pid < 0) {
        close (fd[0]);
        return link->pid;
    }
    if ((rc = connector_read_welcome (link->fd)) < 0) {
        close (link->fd);
        (void)kill (link->pid, SIGTERM);
        (void)waitpid (link->pid, NULL, 0);
        rc = errmsg (err, rc, "cannot reach %s on %s: %s (ssh's own messages "
                     "are on standard error)", t.path, t.host, strerror (-rc));
    }
    return rc;
}

flux_t *connector_ssh_init (const char *path, int flags, flux_error_t *err)
{
    struct stream_link link;
    int rc = path ? link_up (path, &link, err) : -EINVAL;

    if (rc < 0) {
        errno = -rc;
        return NULL;
    }
    return connector_stream_new (&link, path, link_up, flags);
}
