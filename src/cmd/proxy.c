/* proxy.c - flux proxy (flux-proxy(1)): a shell or command in another instance
 *
 * The child gets FLUX_URI of that instance.  We keep a connection of our own to
 * see when it ends, and then tell the child.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spawn.h"
#include "cmd/cmd.h"
#include "cmd/proxy.h"
#include "cmd/resolve.h"
#include "cmd/subs.h"

extern char **environ;

static const struct optparse_option opts[] = {
    { .name = "force", .key = 'f', .usage = "Allow a broker of another version, with a warning" },
    { .name = "nohup", .key = 'n',
      .usage = "Do not send SIGHUP and SIGCONT if the connection is lost" },
    OPTPARSE_TABLE_END,
};

static flux_t *connect_to (const char *uri)
{
    flux_error_t err;
    flux_t *h = flux_open_ex (uri, 0, &err);

    if (!h)
        cmd_die (1, "cannot connect to %s: %s", uri, err.text);
    return h;
}

static void check_version (flux_t *h, bool force)
{
    const char *version = flux_attr_get (h, "version");

    if (!version)
        cmd_die (1, "attribute version: %s", flux_strerror (errno));
    if (strcmp (version, FLUX_CORE_VERSION_STRING) == 0)
        return;
    if (!force)
        cmd_die (1, "the broker is of version %s, this command of version %s"
                 " (--force to connect all the same)", version, FLUX_CORE_VERSION_STRING);
    fprintf (stderr, "%s: warning: the broker is of version %s, this command of version %s\n",
             cmd_name (), version, FLUX_CORE_VERSION_STRING);
}

/* What commands of the child find their instance by. */
static void set_environment (const char *uri)
{
    const char *host = strncmp (uri, "ssh://", 6) == 0 ? uri + 6 : NULL;
    char *s;

    setenv ("FLUX_URI", uri, 1);
    unsetenv ("FLUX_KVS_NAMESPACE");
    unsetenv ("FLUX_PROXY_REMOTE");
    if (!host)
        return;
    if (!(s = strndup (host, strcspn (host, "/"))))
        cmd_die (1, "out of memory");
    setenv ("FLUX_PROXY_REMOTE", s, 1);
    free (s);
}

static pid_t spawn (int argc, char **argv)
{
    char *shell = getenv ("SHELL");
    char *interactive[] = { shell && *shell ? shell : "/bin/sh", NULL };
    static const struct spawn_fd fds[] = { { 0, 0 }, { 1, 1 }, { 2, 2 } };
    struct spawn_args args = {
        .argv = argc > 0 ? argv : interactive,
        .envp = environ,
        .fds = fds,
        .nfds = 3,
        .ctty_fd = -1,
    };
    flux_error_t err;
    pid_t pid;

    args.path = args.argv[0];
    if ((pid = spawn_child (&args, &err)) < 0)
        cmd_die (pid == -ENOENT ? 127 : 126, "%s", err.text);
    return pid;
}

static volatile sig_atomic_t child_pid;

static void forward (int signum)
{
    kill (child_pid, signum);
}

/* The terminal sends its signals to the child as well. */
static void set_signals (pid_t pid)
{
    struct sigaction sa = { .sa_handler = forward, .sa_flags = SA_RESTART };

    child_pid = pid;
    signal (SIGINT, SIG_IGN);
    signal (SIGQUIT, SIG_IGN);
    signal (SIGPIPE, SIG_IGN);
    sigaction (SIGTERM, &sa, NULL);
    sigaction (SIGHUP, &sa, NULL);
}

/* Take what came for nobody.  False if the connection is lost. */
static bool drain (flux_t *h)
{
    flux_msg_t *msg;

    while ((msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK)))
        flux_msg_destroy (msg);
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

static void hang_up (pid_t pid, const char *uri, bool nohup)
{
    cmd_err ("lost the connection to the Flux instance at %s", uri);
    if (nohup)
        return;
    fprintf (stderr, "%s: sending SIGHUP to the child\n", cmd_name ());
    kill (pid, SIGHUP);
    kill (pid, SIGCONT);
}

static int wait_child (flux_t *h, pid_t pid, const char *uri, bool nohup)
{
    struct pollfd fds[2] = {
        { .fd = pidfd_open (pid, 0), .events = POLLIN },
        { .fd = flux_pollfd (h), .events = POLLIN },
    };
    int status;

    while (fds[0].fd >= 0 && !(fds[0].revents & POLLIN)) {
        if (poll (fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[1].revents && ((flux_pollevents (h) & FLUX_POLLERR) || !drain (h))) {
            hang_up (pid, uri, nohup);
            fds[1].fd = -1;
            fds[1].revents = 0;
        }
    }
    while (waitpid (pid, &status, 0) < 0) {
        if (errno != EINTR)
            cmd_die (1, "waitpid: %s", strerror (errno));
    }
    close (fds[0].fd);
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}

int cmd_proxy (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] TARGET [command [args...]]",
                               "Run a shell or command in the Flux instance TARGET",
                               opts, argc, argv, &n);
    flux_error_t err;
    char *uri;
    flux_t *h;
    pid_t pid;
    int rc;

    if (n == argc)
        return cmd_usage (p);
    if (!(uri = resolve_nearest (argv[n], 0, &err)))
        cmd_die (1, "%s", err.text);
    h = connect_to (uri);
    check_version (h, optparse_hasopt (p, "force"));
    set_environment (uri);
    pid = spawn (argc - n - 1, argv + n + 1);
    set_signals (pid);
    rc = wait_child (h, pid, uri, optparse_hasopt (p, "nohup"));
    flux_close (h);
    free (uri);
    optparse_destroy (p);
    return rc;
}
