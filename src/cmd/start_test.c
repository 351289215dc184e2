/* start_test.c - flux start --test-size: brokers of one host and their PMI server
 *
 * One process, one poll loop: a socket pair and a pidfd per broker, a signalfd,
 * and the time when patience ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <dirent.h>
#include <math.h>
#include <flux/hostlist.h>
#include <flux/taskmap.h>

#include "base/spawn.h"
#include "cmd/cmd.h"
#include "cmd/start.h"
#include "pmi/server.h"

extern char **environ;

struct broker {
    pid_t pid;          /* 0: not running */
    int pidfd;
    int pmi;            /* our end of the socket pair, -1 when closed */
    int code;           /* exit code */
};

struct test {
    optparse_t *p;
    int size;
    int verbose;
    struct broker *brokers;
    struct pmi_server *server;
    struct hostlist *hosts;
    char *rundir;
    bool own_rundir;
    bool remove_rundir;
    bool leader_mode;
    double exit_timeout;
    double deadline;    /* when to kill who is left; INFINITY: never */
    int nsignals;
    int deserter;       /* rank that ended and had not finished its bootstrap, or -1 */
    bool ending;        /* so the others have been told to end */
};

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* --- PMI --- */

static int pmi_send (void *arg, int client, const char *buf, size_t len)
{
    struct test *t = arg;
    ssize_t n = send (t->brokers[client].pmi, buf, len, MSG_NOSIGNAL);

    return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
}

static void kill_all (struct test *t, int signum)
{
    for (int i = 0; i < t->size; i++)
        if (t->brokers[i].pid > 0)
            (void)kill (t->brokers[i].pid, signum);
}

static void tell_expiry (struct test *t)
{
    for (int i = 0; i < t->size; i++)
        if (t->brokers[i].pid > 0) {
            fprintf (stderr, "flux-start: --test-exit-timeout=%gs has expired: killing the "
                     "brokers that are left\n", t->exit_timeout);
            return;
        }
}

/* They wait for one that does not come.  The cause has been told, so they end quietly. */
static void end_others (struct test *t)
{
    t->ending = true;
    kill_all (t, SIGTERM);
    if (!isfinite (t->deadline))
        t->deadline = now () + t->exit_timeout;
}

static void pmi_abort (void *arg, int client, int exit_code, const char *msg)
{
    struct test *t = arg;

    if (t->nsignals == 0 && !t->ending)
        cmd_err ("rank %d ends the bootstrap: %s", client, msg);
    end_others (t);
}

static void pmi_trace (void *arg, int client, char dir, const char *line)
{
    fprintf (stderr, "flux-start: pmi %d %c: %s\n", client, dir, line);
}

static void set_mapping (struct test *t)
{
    const char *mode = optparse_get_str (t->p, "test-pmi-clique", "single");
    char *value = NULL;
    int n = 0;
    int rc;

    if (!strcmp (mode, "none"))
        return;
    if (!strcmp (mode, "single"))
        n = asprintf (&value, "(vector,(0,1,%d))", t->size);
    else if (!strcmp (mode, "per-broker"))
        n = asprintf (&value, "(vector,(0,%d,1))", t->size);
    else {
        flux_error_t err;
        struct taskmap *map = taskmap_decode (mode, &err);
        if (!map)
            cmd_die (1, "--test-pmi-clique: %s", err.text);
        value = taskmap_encode (map, TASKMAP_ENCODE_PMI);
        taskmap_destroy (map);
    }
    if (n < 0 || !value)
        cmd_die (1, "out of memory");
    if ((rc = pmi_server_set (t->server, "PMI_process_mapping", value)) < 0)
        cmd_die (1, "--test-pmi-clique: %s", strerror (-rc));
    free (value);
}

/* Brokers that are not started: who is started is not to wait for their cards. */
static void set_absent (struct test *t, int first)
{
    char host[256] = "";
    char key[16];
    char card[300];

    for (int i = first; i < t->size; i++) {
        if (t->hosts)
            snprintf (host, sizeof (host), "%s", hostlist_nth (t->hosts, i));
        else if (gethostname (host, sizeof (host) - 1) < 0)
            cmd_die (1, "gethostname: %s", strerror (errno));
        snprintf (key, sizeof (key), "%d", i);
        snprintf (card, sizeof (card), "{\"host\":\"%s\"}", host);
        if (pmi_server_set (t->server, key, card) < 0)
            cmd_die (1, "PMI server: out of memory");
    }
}

/* For the first n brokers. */
static void make_server (struct test *t, int n)
{
    struct pmi_server_args args = { .size = t->size, .nclients = n };
    const struct pmi_server_ops ops = {
        .send = pmi_send,
        .abort = pmi_abort,
        .trace = t->verbose >= 2 ? pmi_trace : NULL,
    };
    char name[32];

    snprintf (name, sizeof (name), "flux-start-%d", (int)getpid ());
    args.kvsname = name;
    if (!(t->server = pmi_server_new (&args, &ops, t)))
        cmd_die (1, "PMI server: %s", strerror (errno));
    set_mapping (t);
    set_absent (t, n);
}

/* --- start --- */

static void make_rundir (struct test *t)
{
    const char *dir = optparse_get_str (t->p, "test-rundir", NULL);
    const char *tmp = getenv ("TMPDIR");
    struct stat sb;

    if (dir) {
        if (stat (dir, &sb) < 0 || !S_ISDIR (sb.st_mode))
            cmd_die (1, "--test-rundir: %s is not a directory", dir);
        t->rundir = realpath (dir, NULL);
        t->remove_rundir = optparse_hasopt (t->p, "test-rundir-cleanup");
    }
    else if ((dir = optparse_get_str (t->p, "rundir", NULL))) {
        t->remove_rundir = mkdir (dir, 0700) == 0;
        if (!t->remove_rundir && errno != EEXIST)
            cmd_die (1, "--rundir: %s: %s", dir, strerror (errno));
        t->rundir = realpath (dir, NULL);
    }
    else {
        if (asprintf (&t->rundir, "%s/flux-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0)
            cmd_die (1, "out of memory");
        if (!mkdtemp (t->rundir))
            cmd_die (1, "cannot create %s: %s", t->rundir, strerror (errno));
        t->remove_rundir = true;
    }
    if (!t->rundir)
        cmd_die (1, "rundir: %s", strerror (errno));
}

/* The PMI variables in place of what was there. */
static char **broker_env (struct test *t, int rank)
{
    static const char *const drop[] = { "PMI_FD=", "PMI_RANK=", "PMI_SIZE=" };
    int n = 0;
    char **env;

    while (environ[n])
        n++;
    if (!(env = calloc (n + 4, sizeof (*env))))
        cmd_die (1, "out of memory");
    n = 0;
    for (char **e = environ; *e; e++) {
        bool keep = true;
        for (int i = 0; i < 3; i++)
            keep = keep && strncmp (*e, drop[i], strlen (drop[i])) != 0;
        if (keep)
            env[n++] = *e;
    }
    if (asprintf (&env[n], "PMI_FD=3") < 0
        || asprintf (&env[n + 1], "PMI_RANK=%d", rank) < 0
        || asprintf (&env[n + 2], "PMI_SIZE=%d", t->size) < 0)
        cmd_die (1, "out of memory");
    return env;
}

static void free_env (char **env)
{
    int n = 0;

    while (env[n])
        n++;
    for (int i = n - 3; i < n; i++)
        free (env[i]);
    free (env);
}

/* Followers do without the initial program, and each may have a host name. */
static char **broker_argv (struct test *t, char **words, int program, int rank)
{
    int n = 0, k = 0;
    char **argv;

    while (words[n])
        n++;
    if (!(argv = calloc (n + 4, sizeof (*argv))))
        cmd_die (1, "out of memory");
    for (; k < program; k++)
        argv[k] = words[k];
    if (asprintf (&argv[k++], "-Srundir=%s", t->rundir) < 0)
        cmd_die (1, "out of memory");
    if (t->hosts
        && asprintf (&argv[k++], "-Shostname=%s", hostlist_nth (t->hosts, rank)) < 0)
        cmd_die (1, "out of memory");
    for (int i = program; i < n; i++)
        argv[k++] = words[i];
    return argv;
}

static void free_argv (struct test *t, char **argv, int program)
{
    free (argv[program]);
    if (t->hosts)
        free (argv[program + 1]);
    free (argv);
}

/* 0, or -1 with a message printed. */
static int start_broker (struct test *t, char **words, int program, int rank)
{
    struct broker *b = &t->brokers[rank];
    int fd[2];
    char **argv = broker_argv (t, words, program, rank);
    char **env = broker_env (t, rank);
    struct spawn_fd fds[] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { -1, 3 } };
    struct spawn_args sa = {
        .path = argv[0], .argv = argv, .envp = env, .fds = fds, .nfds = 4,
        .ctty_fd = -1,
    };
    flux_error_t err;
    int rc = 0;

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
        cmd_err ("socketpair: %s", strerror (errno));
        return -1;
    }
    fds[3].parent_fd = fd[1];
    if (t->verbose)
        start_show (rank, argv);
    if ((b->pid = spawn_child (&sa, &err)) < 0) {
        cmd_err ("%s", err.text);
        rc = -1;
    }
    else if ((b->pidfd = syscall (SYS_pidfd_open, b->pid, 0)) < 0) {
        cmd_err ("pidfd_open: %s", strerror (errno));
        rc = -1;
    }
    close (fd[1]);
    b->pmi = fd[0];
    free_env (env);
    free_argv (t, argv, program);
    return rc;
}

/* If one cannot be started, those that were are ended again. */
static int start_brokers (struct test *t, char **words, int program, int n)
{
    for (int i = 0; i < n; i++) {
        if (start_broker (t, words, program, i) < 0) {
            t->brokers[i].pid = 0;
            t->brokers[i].code = 1;
            kill_all (t, SIGKILL);
            return -1;
        }
    }
    return 0;
}

/* --- watch --- */

static int exit_code (int status)
{
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}

static void on_pmi (struct test *t, int rank)
{
    struct broker *b = &t->brokers[rank];
    char buf[8192];
    ssize_t n;
    int rc;

    if (b->pmi < 0)
        return;
    n = recv (b->pmi, buf, sizeof (buf), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0 && (rc = pmi_server_input (t->server, rank, buf, n)) == 0)
        return;
    if (n > 0) {
        if (!t->ending)
            cmd_err (rc == -EPROTO ? "rank %d breaks the PMI protocol: what it sent is no request"
                                     " of PMI-1; the others are ended" : "PMI: rank %d: %s",
                     rank, strerror (-rc));
        end_others (t);
    }
    close (b->pmi);
    b->pmi = -1;
}

static void on_exit_of (struct test *t, int rank)
{
    struct broker *b = &t->brokers[rank];
    int status;

    if (waitpid (b->pid, &status, WNOHANG) != b->pid)
        return;
    b->code = exit_code (status);
    on_pmi (t, rank);                  /* its last words */
    if (!pmi_server_finalized (t->server, rank) && t->deserter < 0)
        t->deserter = rank;
    if (t->ending && t->nsignals == 0 && b->code == 128 + SIGTERM)
        b->code = 1;    /* not the cause */
    else if (b->code && t->size > 1)
        fprintf (stderr, "flux-start: %d (pid %d) exited with rc=%d\n", rank,
                 (int)b->pid, b->code);
    b->pid = 0;
    close (b->pidfd);
    b->pidfd = -1;
    /* one that was still looking for the leader would go on to */
    if (rank == 0 && t->nsignals > 0)
        kill_all (t, SIGTERM);
    if (!isfinite (t->deadline) && (rank == 0 || !t->leader_mode))
        t->deadline = now () + t->exit_timeout;
}

/* Brokers may be joined by something else than our PMI server: then none has said init. */
static bool anyone_bootstraps (struct test *t)
{
    for (int i = 0; i < t->size; i++)
        if (t->brokers[i].pid > 0 && pmi_server_active (t->server, i))
            return true;
    return false;
}

/* A broker that is gone will never be in the barrier that the others wait in. */
static void check_bootstrap (struct test *t)
{
    if (t->deserter < 0 || t->ending || !anyone_bootstraps (t))
        return;
    if (t->nsignals == 0)
        cmd_err ("rank %d ended before the bootstrap was over; the others are ended",
                 t->deserter);
    end_others (t);
}

/* The first signals go on to the leader, which shuts the instance down. */
static void on_signal (struct test *t, int sfd)
{
    struct signalfd_siginfo si;

    if (read (sfd, &si, sizeof (si)) != sizeof (si))
        return;
    if (++t->nsignals > 2)
        kill_all (t, SIGKILL);
    else if (t->brokers[0].pid > 0)
        (void)kill (t->brokers[0].pid, si.ssi_signo);
    else
        kill_all (t, SIGTERM);
}

static int wait_ms (struct test *t)
{
    double left = t->deadline - now ();

    if (!isfinite (t->deadline))
        return -1;
    return left <= 0 ? 0 : left > 1000 ? 1000000 : (int)(left * 1000) + 1;
}

static int poll_once (struct test *t, struct pollfd *pfds, int *ranks, int sfd)
{
    int n = 0, running = 0;

    pfds[n++] = (struct pollfd){ .fd = sfd, .events = POLLIN };
    for (int i = 0; i < t->size; i++) {
        if (t->brokers[i].pid > 0) {
            running++;
            ranks[n] = i;
            pfds[n++] = (struct pollfd){ .fd = t->brokers[i].pidfd, .events = POLLIN };
        }
        if (t->brokers[i].pmi >= 0) {
            ranks[n] = -1 - i;
            pfds[n++] = (struct pollfd){ .fd = t->brokers[i].pmi, .events = POLLIN };
        }
    }
    if (running == 0)
        return 0;
    if (poll (pfds, n, wait_ms (t)) < 0)
        return errno == EINTR ? 1 : -1;
    if (pfds[0].revents)
        on_signal (t, sfd);
    for (int i = 1; i < n; i++) {
        if (!pfds[i].revents)
            continue;
        if (ranks[i] < 0)
            on_pmi (t, -1 - ranks[i]);
        else
            on_exit_of (t, ranks[i]);
    }
    check_bootstrap (t);
    if (now () >= t->deadline) {
        tell_expiry (t);
        kill_all (t, SIGKILL);
        t->deadline = INFINITY;
        t->exit_timeout = INFINITY;
    }
    return 1;
}

static void watch (struct test *t, int sfd)
{
    struct pollfd *pfds = calloc (2 * t->size + 1, sizeof (*pfds));
    int *ranks = calloc (2 * t->size + 1, sizeof (*ranks));

    if (!pfds || !ranks)
        cmd_die (1, "out of memory");
    while (poll_once (t, pfds, ranks, sfd) > 0)
        ;
    free (pfds);
    free (ranks);
}

static int open_signals (void)
{
    sigset_t set;
    int fd;

    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGINT);
    sigaddset (&set, SIGHUP);
    sigaddset (&set, SIGQUIT);
    sigprocmask (SIG_BLOCK, &set, NULL);
    (void)signal (SIGPIPE, SIG_IGN); /* who reads the errors may go: the brokers are still ours */
    if ((fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        cmd_die (1, "signalfd: %s", strerror (errno));
    return fd;
}

/* --- end --- */

static void remove_dir (int dirfd, const char *name)
{
    struct dirent *d;
    int fd;
    DIR *dir;

    if (unlinkat (dirfd, name, 0) == 0)
        return;
    fd = openat (dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || !(dir = fdopendir (fd)))
        return;
    while ((d = readdir (dir)))
        if (strcmp (d->d_name, ".") && strcmp (d->d_name, ".."))
            remove_dir (fd, d->d_name);
    closedir (dir);
    (void)unlinkat (dirfd, name, AT_REMOVEDIR);
}

static int result (struct test *t)
{
    int code = t->brokers[0].code;

    for (int i = 1; i < t->size && !t->leader_mode; i++)
        if (t->brokers[i].code > code)
            code = t->brokers[i].code;
    return code;
}

static void read_options (struct test *t)
{
    const char *exit_mode = optparse_get_str (t->p, "test-exit-mode", "any");
    const char *hosts = optparse_get_str (t->p, "test-hosts", NULL);

    t->exit_timeout = optparse_get_duration (t->p, "test-exit-timeout", 20.);
    t->deadline = INFINITY;
    t->leader_mode = !strcmp (exit_mode, "leader");
    if (!t->leader_mode && strcmp (exit_mode, "any") != 0)
        cmd_die (1, "--test-exit-mode: '%s' is neither any nor leader", exit_mode);
    if (hosts) {
        if (!(t->hosts = hostlist_decode (hosts)))
            cmd_die (1, "--test-hosts: '%s' is not a hostlist", hosts);
        if (hostlist_count (t->hosts) != t->size)
            cmd_die (1, "--test-hosts: %d hosts for a test size of %d",
                     hostlist_count (t->hosts), t->size);
    }
}

static int how_many (struct test *t)
{
    const char *mode = optparse_get_str (t->p, "test-start-mode", "all");

    if (!strcmp (mode, "leader"))
        return 1;
    if (strcmp (mode, "all") != 0)
        cmd_die (1, "--test-start-mode: '%s' is neither all nor leader", mode);
    return t->size;
}

/* With --verbose, what --noexec does not run.  Nothing is created. */
static void show_brokers (struct test *t, char **words, int program, int n)
{
    const char *dir = optparse_get_str (t->p, "test-rundir", NULL);

    if (!dir)
        dir = optparse_get_str (t->p, "rundir", "/tmp/flux-XXXXXX");
    if (!(t->rundir = strdup (dir)))
        cmd_die (1, "out of memory");
    for (int i = 0; i < n && t->verbose; i++) {
        char **argv = broker_argv (t, words, program, i);

        start_show (i, argv);
        free_argv (t, argv, program);
    }
}

int start_test (optparse_t *p, char **words, int program, int size, int verbose)
{
    struct test t = { .p = p, .size = size, .verbose = verbose, .deserter = -1 };
    bool noexec = optparse_hasopt (p, "noexec");
    int n, sfd, code;

    read_options (&t);
    n = how_many (&t);
    if (!(t.brokers = calloc (size, sizeof (*t.brokers))))
        cmd_die (1, "out of memory");
    for (int i = 0; i < size; i++)
        t.brokers[i].pmi = t.brokers[i].pidfd = -1;
    make_server (&t, n);
    if (noexec) {
        show_brokers (&t, words, program, n);
        code = 0;
        goto out;
    }
    sfd = open_signals ();
    make_rundir (&t);
    n = start_brokers (&t, words, program, n);
    watch (&t, sfd);
    code = n < 0 ? 1 : result (&t);
    if (t.remove_rundir)
        remove_dir (AT_FDCWD, t.rundir);
    close (sfd);
out:
    pmi_server_free (t.server);
    hostlist_destroy (t.hosts);
    free (t.rundir);
    free (t.brokers);
    return code;
}
