/* proxy.c - flux proxy (flux-proxy(1)): a shell or command in another instance
 *
 *   child and its flux commands ──local://──► hub (proxy_hub.h) ──► instance
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spawn.h"
#include "cmd/cmd.h"
#include "cmd/proxy.h"
#include "cmd/proxy_hub.h"
#include "cmd/resolve.h"
#include "cmd/subs.h"

#define RECONNECT_SECONDS 2.0

extern char **environ;

struct proxy {
    optparse_t *p;
    char *uri;               /* of the instance */
    flux_t *h;
    flux_reactor_t *r;
    struct hub *hub;
    flux_watcher_t *retry;   /* with --reconnect */
    flux_watcher_t *child_w;
    pid_t pid;
    int pidfd;
};

static const struct optparse_option opts[] = {
    { .name = "force", .key = 'f', .usage = "Allow a broker of another version, with a warning" },
    { .name = "nohup", .key = 'n',
      .usage = "Do not send SIGHUP and SIGCONT if the connection is lost" },
    { .name = "reconnect", .usage = "If the connection is lost, try to make it anew" },
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
static void set_environment (struct proxy *px)
{
    const char *host = strncmp (px->uri, "ssh://", 6) == 0 ? px->uri + 6 : NULL;
    char *s;

    setenv ("FLUX_URI", hub_uri (px->hub), 1);
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
        cmd_err ("%s", err.text);
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

/* The connection */

static void on_retry (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct proxy *px = arg;

    if (flux_reconnect (px->h) < 0)
        return;                       /* the timer repeats */
    flux_watcher_stop (w);
    hub_restore (px->hub);
    fprintf (stderr, "%s: connected to %s again\n", cmd_name (), px->uri);
}

static void on_lost (void *arg)
{
    struct proxy *px = arg;

    cmd_err ("lost the connection to the Flux instance at %s", px->uri);
    if (optparse_hasopt (px->p, "reconnect")) {
        flux_watcher_start (px->retry);
        return;
    }
    if (optparse_hasopt (px->p, "nohup"))
        return;
    fprintf (stderr, "%s: sending SIGHUP to the child\n", cmd_name ());
    kill (px->pid, SIGHUP);
    kill (px->pid, SIGCONT);
}

static void on_child (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_reactor_stop (r);
}

static int wait_child (struct proxy *px)
{
    int status;

    px->pidfd = pidfd_open (px->pid, 0);
    if (px->pidfd < 0
        || !(px->child_w = flux_fd_watcher_create (px->r, px->pidfd, FLUX_POLLIN, on_child, px)))
        cmd_die (1, "cannot watch the child: %s", strerror (errno));
    flux_watcher_start (px->child_w);
    (void)flux_reactor_run (px->r, 0);
    while (waitpid (px->pid, &status, 0) < 0) {
        if (errno != EINTR)
            cmd_die (1, "waitpid: %s", strerror (errno));
    }
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}

static void set_up (struct proxy *px, const char *target)
{
    flux_error_t err;

    if (!(px->uri = resolve_nearest (target, 0, &err)))
        cmd_die (1, "%s", err.text);
    px->h = connect_to (px->uri);
    check_version (px->h, optparse_hasopt (px->p, "force"));
    px->r = flux_get_reactor (px->h);
    if (!(px->hub = hub_new (px->h, on_lost, px, &err)))
        cmd_die (1, "%s", err.text);
    if (!(px->retry = flux_timer_watcher_create (px->r, RECONNECT_SECONDS, RECONNECT_SECONDS,
                                                 on_retry, px)))
        cmd_die (1, "out of memory");
    set_environment (px);
}

int cmd_proxy (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] TARGET [command [args...]]",
                               "Run a shell or command in the Flux instance TARGET",
                               opts, argc, argv, &n);
    struct proxy px = { .p = p, .pidfd = -1 };
    int rc;

    if (n == argc)
        return cmd_usage (p);
    set_up (&px, argv[n]);
    if ((px.pid = spawn (argc - n - 1, argv + n + 1)) < 0)
        rc = px.pid == -ENOENT ? 127 : 126;
    else {
        set_signals (px.pid);
        rc = wait_child (&px);
    }
    flux_watcher_destroy (px.child_w);
    flux_watcher_destroy (px.retry);
    hub_free (px.hub);
    flux_close (px.h);
    close (px.pidfd);
    free (px.uri);
    optparse_destroy (p);
    return rc;
}
