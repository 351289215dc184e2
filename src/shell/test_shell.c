/* test_shell.c - flux-shell against a broker that is played by this program
 *
 *   test ── socketpair, memfd ──► flux-shell (one or more) ──► tasks
 *    └─ answers service.add, kvs.commit, job-exec.barrier, and passes requests
 *       between the shells; keeps what they commit
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <jansson.h>
#include <flux/core.h>

#include "base/buf.h"
#include "base/spawn.h"
#include "core/kvs_proto.h"
#include "spec/eventlog.h"
#include "spec/iodata.h"

#define MAX_SHELLS 4
#define JOBID 1234567

struct shell {
    struct job *job;
    int rank;
    pid_t pid;
    flux_t *h;
    flux_watcher_t *w;
    int status;                  /* -1: runs */
    flux_watcher_t *exit_w;
    int pidfd;
    bool lost;                   /* the connection is to be closed */
};

struct job {
    flux_reactor_t *r;
    json_t *jobspec;
    json_t *R;
    struct shell shells[MAX_SHELLS];
    int nshells;
    int running;
    struct buf output;
    struct buf exec;
    struct buf input;
    int commits;
    json_t *raised;              /* job-manager.raise requests */
    struct flux_msglist *barrier;
    int hold_commits;            /* answer commits only when it is 0 */
    char *dir;                   /* of the socket, for a shell that reconnects */
    int listen_fd;
    flux_watcher_t *listen_w;
    bool lose;                   /* close the connection at the next commit */
    bool lose_answer;            /* ... which has been taken */
    const char *patience;        /* FLUX_SHELL_RECONNECT, or NULL: --reconnect */
    flux_t *announcer;           /* the shell's other connection */
    flux_watcher_t *announcer_w;
    int refusals;                /* of reattach, before it is answered */
    int reattached;
    int goodbye;                 /* status, or -1 */
    int registrations;
    struct flux_msglist *held;
    size_t held_max;             /* bytes committed while none was answered */
    /* called for each request that this program does not know */
    bool (*request) (struct job *job, struct shell *sh, const flux_msg_t *msg);
    void *arg;
};

/* The job */

static struct job *job_new (int nshells, int ntasks, const char *options, const char *const *argv)
{
    struct job *job = calloc (1, sizeof (*job));
    json_t *command = json_array ();
    json_t *opts = json_loads (options ? options : "{}", 0, NULL);
    char ranks[16];

    assert_non_null (job);
    assert_non_null (opts);
    job->r = flux_reactor_create (0);
    for (int i = 0; argv[i]; i++)
        json_array_append_new (command, json_string (argv[i]));
    job->jobspec = json_pack (
        "{s:i s:[{s:s s:i s:s s:[{s:s s:i}]}] s:[{s:o s:s s:{s:i}}]"
        " s:{s:{s:i s:s s:{s:s s:s} s:{s:o}}}}",
        "version", 1, "resources", "type", "slot", "count", ntasks, "label", "task", "with",
        "type", "core", "count", 1, "tasks", "command", command, "slot", "task", "count",
        "per_slot", 1, "attributes", "system", "duration", 0, "cwd", "/tmp", "environment",
        "PATH", getenv ("PATH"), "COLOR", "blue", "shell", "options", opts);
    assert_non_null (job->jobspec);
    snprintf (ranks, sizeof (ranks), "0-%d", nshells - 1);
    job->R = json_pack ("{s:i s:{s:[{s:s s:{s:s}}] s:f s:f s:[s]}}", "version", 1, "execution",
                        "R_lite", "rank", nshells > 1 ? ranks : "0", "children", "core",
                        ntasks > 1 ? "0-1" : "0", "starttime", 0., "expiration", 0., "nodelist",
                        nshells > 1 ? "node[0-3]" : "node0");
    if (nshells > 1) {
        json_t *hosts = json_array ();
        for (int i = 0; i < nshells; i++) {
            char host[16];
            snprintf (host, sizeof (host), "node%d", i);
            json_array_append_new (hosts, json_string (host));
        }
        json_object_set_new (json_object_get (job->R, "execution"), "nodelist", hosts);
    }
    assert_non_null (job->R);
    job->nshells = nshells;
    job->output = job->exec = job->input = (struct buf)BUF_INIT;
    job->raised = json_array ();
    job->goodbye = -1;
    job->barrier = flux_msglist_create ();
    job->held = flux_msglist_create ();
    return job;
}

static void job_free (struct job *job)
{
    for (int i = 0; i < job->nshells; i++) {
        flux_watcher_destroy (job->shells[i].w);
        flux_watcher_destroy (job->shells[i].exit_w);
        flux_close (job->shells[i].h);
        if (job->shells[i].pid > 0)
            close (job->shells[i].pidfd);
    }
    json_decref (job->jobspec);
    json_decref (job->R);
    json_decref (job->raised);
    flux_msglist_destroy (job->barrier);
    flux_msglist_destroy (job->held);
    buf_release (&job->output);
    buf_release (&job->exec);
    buf_release (&job->input);
    flux_watcher_destroy (job->listen_w);
    flux_watcher_destroy (job->announcer_w);
    flux_close (job->announcer);
    if (job->dir)
        close (job->listen_fd);
    free (job->dir);
    flux_reactor_destroy (job->r);
    free (job);
}

/* What a broker does */

static void take_commit (struct job *job, const flux_msg_t *msg)
{
    struct kvs_commit c;
    struct kvs_txnop op;
    const void *data;
    size_t len;

    assert_int_equal (flux_request_decode_raw (msg, NULL, &data, &len), 0);
    assert_int_equal (kvs_commit_begin (&c, data, len), 0);
    while (kvs_commit_next (&c, &op) == 1) {
        struct buf *b = strncmp (op.key, "output", op.keylen) == 0    ? &job->output
                        : strncmp (op.key, "input", op.keylen) == 0   ? &job->input
                                                                      : &job->exec;
        assert_int_equal (op.type, 'a');
        buf_add (b, op.data, op.len);
    }
    job->commits++;
}

/* As kvs.lookup of ours answers: 'v', and the value. */
static void answer_lookup (struct job *job, struct shell *sh, const flux_msg_t *msg)
{
    struct buf b = BUF_INIT;
    const char *key;
    const struct buf *log;

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:s}", "key", &key), 0);
    log = strcmp (key, "output") == 0 ? &job->output : &job->exec;
    buf_addc (&b, 'v');
    buf_add (&b, log->data, log->len);
    flux_respond_raw (sh->h, msg, b.data, b.len + 1);   /* with the NUL */
    buf_release (&b);
}

/* To the shell the request names by its broker rank; the sender is put on the
 * route, so that the answer finds it. */
static void pass_on (struct shell *sh, const flux_msg_t *msg)
{
    flux_msg_t *copy = flux_msg_copy (msg, true);
    char id[8];
    uint32_t nodeid;

    flux_msg_get_nodeid (msg, &nodeid);
    assert_in_range (nodeid, 0, sh->job->nshells - 1);
    snprintf (id, sizeof (id), "%d", sh->rank);
    flux_msg_route_enable (copy);
    flux_msg_route_push (copy, id);
    flux_msg_set_cred (copy, (struct flux_msg_cred){ getuid (), FLUX_ROLE_OWNER });
    if (sh->job->shells[nodeid].status < 0)
        flux_send (sh->job->shells[nodeid].h, copy, 0);
    else
        flux_respond_error (sh->h, msg, ENOSYS, NULL);
    flux_msg_decref (copy);
}

static void pass_back (struct shell *sh, const flux_msg_t *msg)
{
    flux_msg_t *copy = flux_msg_copy (msg, true);
    const char *id = flux_msg_route_last (copy);
    int rank = id ? strtol (id, NULL, 10) : -1;

    assert_in_range (rank, 0, sh->job->nshells - 1);
    flux_msg_route_delete_last (copy);
    flux_send (sh->job->shells[rank].h, copy, 0);
    flux_msg_decref (copy);
}

static void enter_barrier (struct job *job, struct shell *sh, const flux_msg_t *msg)
{
    flux_msg_aux_set (msg, "shell", sh, NULL);
    flux_msglist_append (job->barrier, msg);
    if (flux_msglist_count (job->barrier) < job->nshells)
        return;
    while ((msg = flux_msglist_pop (job->barrier))) {
        sh = flux_msg_aux_get (msg, "shell");
        flux_respond (sh->h, msg, NULL);
        flux_msg_decref (msg);
    }
}

static void answer_commit (struct shell *sh, const flux_msg_t *msg)
{
    flux_respond_pack (sh->h, msg, "{s:i}", "rootseq", sh->job->commits);
}

static void release_commits (struct job *job)
{
    const flux_msg_t *msg;

    job->hold_commits = 0;
    while ((msg = flux_msglist_pop (job->held))) {
        answer_commit (flux_msg_aux_get (msg, "shell"), msg);
        flux_msg_decref (msg);
    }
}

static void take_request (struct shell *sh, const flux_msg_t *msg)
{
    struct job *job = sh->job;
    const char *topic;

    flux_msg_get_topic (msg, &topic);
    if (strcmp (topic, "kvs.commit") == 0 && job->lose) {
        if (job->lose_answer)
            take_commit (job, msg);
        sh->lost = true;
    }
    else if (strcmp (topic, "kvs.commit") == 0) {
        take_commit (job, msg);
        if (job->hold_commits) {
            flux_msg_aux_set (msg, "shell", sh, NULL);
            flux_msglist_append (job->held, msg);
            job->held_max = job->output.len;
        }
        else
            answer_commit (sh, msg);
    }
    else if (job->request && job->request (job, sh, msg))
        return;
    else if (strcmp (topic, "kvs.lookup") == 0)
        answer_lookup (job, sh, msg);
    else if (strcmp (topic, "job-exec.goodbye") == 0) {
        flux_request_unpack (msg, NULL, "{s:i}", "status", &job->goodbye);
        flux_respond (sh->h, msg, NULL);
    }
    else if (strcmp (topic, "service.add") == 0) {
        job->registrations++;
        flux_respond (sh->h, msg, NULL);
    }
    else if (strcmp (topic, "job-exec.barrier") == 0)
        enter_barrier (job, sh, msg);
    else if (strcmp (topic, "job-manager.raise") == 0) {
        json_t *o;
        flux_request_unpack (msg, NULL, "o", &o);
        json_array_append (job->raised, o);
        flux_respond (sh->h, msg, NULL);
    }
    else if (strstr (topic, "-shell-"))
        pass_on (sh, msg);
    else
        flux_respond_error (sh->h, msg, ENOSYS, NULL);
}

static void listen_again (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct job *job = arg;
    char path[256];

    snprintf (path, sizeof (path), "%s/go", job->dir);
    close (open (path, O_CREAT | O_WRONLY, 0600));
    flux_watcher_start (job->listen_w);
    flux_watcher_destroy (w);
}

static void lose_connection (struct shell *sh)
{
    flux_watcher_t *w = flux_timer_watcher_create (sh->job->r, 0.2, 0., listen_again, sh->job);

    sh->lost = sh->job->lose = false;
    flux_watcher_destroy (sh->w);
    sh->w = NULL;
    flux_close (sh->h);
    sh->h = NULL;
    flux_watcher_start (w);
}

static void recv_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct shell *sh = arg;
    flux_msg_t *msg;
    int type;

    while ((msg = flux_recv (sh->h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK))) {
        flux_msg_get_type (msg, &type);
        if (type == FLUX_MSGTYPE_REQUEST)
            take_request (sh, msg);
        else if (type == FLUX_MSGTYPE_RESPONSE)
            pass_back (sh, msg);
        flux_msg_destroy (msg);
        if (sh->lost) {
            lose_connection (sh);
            return;
        }
    }
    if (errno != EAGAIN)
        flux_watcher_stop (w);
}

static void exit_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct shell *sh = arg;

    if (waitpid (sh->pid, &sh->status, WNOHANG) == 0)
        return;
    flux_watcher_stop (w);
    if (sh->h)
        recv_cb (r, sh->w, 0, sh);
    flux_watcher_stop (sh->w);
    if (--sh->job->running == 0)
        flux_reactor_stop (r);
}

/* Starting a shell */

static int make_info (struct shell *sh)
{
    json_t *o = json_pack ("{s:I s:i s:i s:i s:i s:O s:O}", "id", (json_int_t)JOBID, "userid",
                           (int)getuid (), "rank", sh->rank, "shell_rank", sh->rank, "nshells",
                           sh->job->nshells, "jobspec", sh->job->jobspec, "R", sh->job->R);
    char *s = json_dumps (o, JSON_COMPACT);
    int fd = memfd_create ("info", MFD_CLOEXEC);

    assert_true (fd >= 0);
    assert_int_equal (write (fd, s, strlen (s)), strlen (s));
    lseek (fd, 0, SEEK_SET);
    free (s);
    json_decref (o);
    return fd;
}

static void use_fd (struct shell *sh, int fd)
{
    char uri[32];

    snprintf (uri, sizeof (uri), "fd://%d", fd);
    sh->h = flux_open (uri, 0);
    assert_non_null (sh->h);
    sh->w = flux_handle_watcher_create (sh->job->r, sh->h, FLUX_POLLIN, recv_cb, sh);
    flux_watcher_start (sh->w);
}

/* The execution service, which may not be there at first */
static void announcer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct job *job = arg;
    flux_msg_t *msg = flux_recv (job->announcer, FLUX_MATCH_REQUEST, FLUX_O_NONBLOCK);
    json_int_t id;
    int pid;

    if (!msg) {
        if (errno != EAGAIN)
            flux_watcher_stop (w);
        return;
    }
    assert_int_equal (flux_request_unpack (msg, NULL, "{s:I s:i}", "id", &id, "pid", &pid), 0);
    assert_int_equal (id, JOBID);
    assert_int_equal (pid, job->shells[0].pid);
    if (job->refusals-- > 0)
        flux_respond_error (job->announcer, msg, ENOSYS, NULL);
    else {
        flux_respond (job->announcer, msg, NULL);
        job->reattached++;
    }
    flux_msg_destroy (msg);
}

static void use_announcer (struct job *job, int fd)
{
    char uri[32];

    flux_watcher_destroy (job->announcer_w);
    flux_close (job->announcer);
    snprintf (uri, sizeof (uri), "fd://%d", fd);
    job->announcer = flux_open (uri, 0);
    assert_non_null (job->announcer);
    job->announcer_w = flux_handle_watcher_create (job->r, job->announcer, FLUX_POLLIN,
                                                   announcer_cb, job);
    flux_watcher_start (job->announcer_w);
}

/* A shell that connects by FLUX_URI */
static void accept_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct job *job = arg;
    int fd = accept4 (job->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    assert_true (fd >= 0);
    assert_int_equal (write (fd, "", 1), 1);
    if (job->patience && !job->reattached) {
        use_announcer (job, fd);
        return;
    }
    flux_watcher_stop (w);
    use_fd (&job->shells[0], fd);
}

static void job_listen (struct job *job)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    job->dir = strdup ("/tmp/test_shell-XXXXXX");
    assert_non_null (mkdtemp (job->dir));
    snprintf (addr.sun_path, sizeof (addr.sun_path), "%s/sock", job->dir);
    job->listen_fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (bind (job->listen_fd, (struct sockaddr *)&addr, sizeof (addr)), 0);
    assert_int_equal (listen (job->listen_fd, 5), 0);
    job->listen_w = flux_fd_watcher_create (job->r, job->listen_fd, FLUX_POLLIN, accept_cb, job);
    if (!job->patience)
        flux_watcher_start (job->listen_w);
}

static void shell_start (struct shell *sh)
{
    int sock[2];
    int info = make_info (sh);
    int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    bool listening = sh->job->dir != NULL && !sh->job->patience;
    char *const argv[] = { "flux-shell", listening ? "--reconnect" : "f7Kze",
                           listening ? "f7Kze" : NULL, NULL };
    char fluxuri[128], patience[64];
    char *const envp[] = { "FLUX_SHELL_INFO_FD=4", fluxuri, "FLUX_KVS_NAMESPACE=job-x", patience,
                           listening ? NULL : "FLUX_SHELL_FD=3", NULL };
    flux_error_t err;

    snprintf (fluxuri, sizeof (fluxuri), "FLUX_URI=local://%s/sock",
              sh->job->dir ? sh->job->dir : "/no");
    snprintf (patience, sizeof (patience), "FLUX_SHELL_RECONNECT=%s",
              sh->job->patience ? sh->job->patience : "0");
    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock), 0);
    struct spawn_fd fds[] = { { null, 0 }, { 2, 1 }, { 2, 2 }, { sock[1], 3 }, { info, 4 } };
    struct spawn_args args = {
        .path = flux_conf_builtin_get ("shell_path", FLUX_CONF_AUTO), .argv = argv, .envp = envp,
        .fds = fds, .nfds = 5, .setpgrp = true, .ctty_fd = -1,
    };
    if ((sh->pid = spawn_child (&args, &err)) < 0)
        fail_msg ("%s", err.text);
    close (sock[1]);
    close (info);
    close (null);
    if (listening)
        close (sock[0]);
    else
        use_fd (sh, sock[0]);
    sh->status = -1;
    sh->pidfd = syscall (434, sh->pid, 0);      /* pidfd_open */
    sh->exit_w = flux_fd_watcher_create (sh->job->r, sh->pidfd, FLUX_POLLIN, exit_cb, sh);
    flux_watcher_start (sh->exit_w);
}

static void job_run (struct job *job)
{
    for (int i = 0; i < job->nshells; i++) {
        job->shells[i].job = job;
        job->shells[i].rank = i;
        job->running++;
        shell_start (&job->shells[i]);
    }
    assert_true (flux_reactor_run (job->r, 0) >= 0);
}

static int exit_code (struct job *job)
{
    int max = 0;

    for (int i = 0; i < job->nshells; i++) {
        int st = job->shells[i].status;
        int code = WIFEXITED (st) ? WEXITSTATUS (st) : 1000 + WTERMSIG (st);
        max = code > max ? code : max;
    }
    return max;
}

/* All data of a stream of a task (-1: of all tasks), in order. */
static char *data_of (struct job *job, const char *stream, int rank)
{
    struct buf b = BUF_INIT;
    size_t pos = 0;
    const char *line;
    size_t len;

    while (eventlog_next_line (job->output.data, job->output.len, &pos, &line, &len) == 1) {
        json_t *o = eventlog_entry_decode (line, len, NULL);
        const char *name;
        const json_t *context;
        struct iodata io;
        assert_non_null (o);
        assert_int_equal (eventlog_entry_parse (o, NULL, &name, &context), 0);
        if (strcmp (name, "data") == 0 && iodata_decode (context, NULL, &io) == 0) {
            if (strcmp (io.stream, stream) == 0
                && (rank < 0 || strtol (io.rank, NULL, 10) == rank))
                buf_add (&b, io.data, io.len);
            iodata_release (&io);
        }
        json_decref (o);
    }
    return buf_take (&b);
}

static int count_events (const struct buf *log, const char *name, const char *part)
{
    size_t pos = 0;
    const char *line;
    size_t len;
    int n = 0;

    while (eventlog_next_line (log->data, log->len, &pos, &line, &len) == 1) {
        json_t *o = eventlog_entry_decode (line, len, NULL);
        const char *have;
        const json_t *context;
        assert_non_null (o);
        eventlog_entry_parse (o, NULL, &have, &context);
        char *text = context ? json_dumps (context, JSON_COMPACT) : NULL;
        n += strcmp (have, name) == 0 && (!part || (text && strstr (text, part)));
        free (text);
        json_decref (o);
    }
    return n;
}

static struct job *run (int nshells, int ntasks, const char *options, const char *script)
{
    const char *argv[] = { "sh", "-c", script, NULL };
    struct job *job = job_new (nshells, ntasks, options, argv);

    job_run (job);
    return job;
}

static void expect (struct job *job, const char *stream, int rank, const char *want)
{
    char *have = data_of (job, stream, rank);

    assert_non_null (have);
    assert_string_equal (have, want);
    free (have);
}

/* Tests */

static void test_output (void **state)
{
    struct job *job = run (1, 1, NULL, "echo out; echo err >&2; echo $COLOR");

    assert_int_equal (exit_code (job), 0);
    expect (job, "stdout", 0, "out\nblue\n");
    expect (job, "stderr", 0, "err\n");
    assert_int_equal (count_events (&job->output, "header", NULL), 1);
    assert_int_equal (count_events (&job->output, "data", "\"eof\":true"), 2);
    assert_int_equal (count_events (&job->exec, "shell.init", "\"size\":1"), 1);
    assert_int_equal (count_events (&job->exec, "shell.start", "[[0,1,1,1]]"), 1);
    job_free (job);
}

static void test_exit_code (void **state)
{
    struct job *job = run (1, 1, NULL, "exit 3");
    assert_int_equal (exit_code (job), 3);
    job_free (job);
    job = run (1, 1, NULL, "kill -TERM $$");
    assert_int_equal (exit_code (job), 128 + SIGTERM);
    job_free (job);
    job = run (1, 3, NULL, "exit $FLUX_TASK_RANK");
    assert_int_equal (exit_code (job), 2);
    job_free (job);
}

static void test_no_program (void **state)
{
    const char *argv[] = { "no-such-program", NULL };
    const char *dir[] = { "/tmp", NULL };
    struct job *job = job_new (1, 2, NULL, argv);

    job_run (job);
    assert_int_equal (exit_code (job), 127);
    assert_int_equal (json_array_size (job->raised), 1);
    assert_int_equal (count_events (&job->output, "data", "\"eof\":true"), 4);
    job_free (job);
    job = job_new (1, 1, NULL, dir);
    job_run (job);
    assert_int_equal (exit_code (job), 126);
    job_free (job);
}

static void test_many_shells (void **state)
{
    struct job *job = run (3, 6, NULL, "echo $FLUX_TASK_RANK $FLUX_TASK_LOCAL_ID; exit $FLUX_TASK_RANK");

    assert_int_equal (exit_code (job), 5);
    for (int i = 0; i < 6; i++) {
        char want[16];
        snprintf (want, sizeof (want), "%d %d\n", i, i % 2);
        expect (job, "stdout", i, want);
    }
    assert_int_equal (count_events (&job->exec, "shell.init", NULL), 1);
    assert_int_equal (count_events (&job->exec, "shell.start", NULL), 1);
    assert_int_equal (count_events (&job->output, "data", "\"eof\":true"), 12);
    job_free (job);
}

static void test_much_output (void **state)
{
    struct job *job = run (2, 2, "{\"output\":{\"batch-timeout\":0.01}}",
                           "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done");
    struct buf want = BUF_INIT;

    for (int i = 0; i < 5000; i++)
        buf_addf (&want, "line %d\n", i);
    assert_int_equal (exit_code (job), 0);
    expect (job, "stdout", 0, want.data);
    expect (job, "stdout", 1, want.data);
    buf_release (&want);
    job_free (job);
}

static void release_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    release_commits (arg);
}

/* The KVS does not answer for a while: the task is held back, and nothing is lost. */
static void test_slow_kvs (void **state)
{
    const char *argv[] = { "sh", "-c", "yes 0123456789abcdef | head -c 60000000", NULL };
    struct job *job = job_new (1, 1, "{\"output\":{\"batch-timeout\":0.01}}", argv);
    flux_watcher_t *w = flux_timer_watcher_create (job->r, 0.5, 0., release_cb, job);
    char *data;

    job->hold_commits = 1;
    flux_watcher_start (w);
    job_run (job);
    assert_int_equal (exit_code (job), 0);
    data = data_of (job, "stdout", 0);
    assert_int_equal (strlen (data), 60000000);
    assert_in_range (job->held_max, 1, 40000000);
    free (data);
    flux_watcher_destroy (w);
    job_free (job);
}

/* A job that goes on when the connection has been lost and the file 'go' is there. */
static struct job *interrupted_job (const char *script, const char *patience)
{
    const char *argv[] = { "sh", "-c", script, "DIR", NULL };
    struct job *job = job_new (1, 1, "{\"output\":{\"batch-timeout\":0.01}}", argv);

    job->patience = patience;
    job_listen (job);
    json_array_set_new (json_object_get (json_array_get (json_object_get (job->jobspec, "tasks"), 0),
                                         "command"), 3, json_string (job->dir));
    job->lose = true;
    return job;
}

static void interrupted_free (struct job *job)
{
    char path[256];

    snprintf (path, sizeof (path), "%s/go", job->dir);
    unlink (path);
    snprintf (path, sizeof (path), "%s/sock", job->dir);
    unlink (path);
    rmdir (job->dir);
    job_free (job);
}

#define WAIT_FOR_GO "while ! [ -e $0/go ]; do sleep 0.02; done"

/* The broker is lost, with a commit that it has not answered, and comes back. */
static void test_reconnect (void **state)
{
    struct job *job = interrupted_job ("echo one; " WAIT_FOR_GO "; echo two", NULL);

    job_run (job);
    assert_int_equal (exit_code (job), 0);
    expect (job, "stdout", 0, "one\ntwo\n");
    assert_int_equal (count_events (&job->exec, "shell.init", NULL), 1);
    assert_int_equal (count_events (&job->output, "log", "reconnected"), 1);
    assert_int_equal (job->registrations, 2);
    interrupted_free (job);
}

/* The same, of a shell that waits to be taken over; the commit was done or was not. */
static void taken_over (bool lose_answer)
{
    struct job *job = interrupted_job ("echo one; " WAIT_FOR_GO "; echo two; exit 3", "20");

    job->lose_answer = lose_answer;
    job->refusals = 2;
    job_run (job);
    assert_int_equal (exit_code (job), 3);
    assert_int_equal (job->goodbye, 3 << 8);
    assert_int_equal (job->reattached, 1);
    assert_int_equal (job->registrations, 2);
    expect (job, "stdout", 0, "one\ntwo\n");
    assert_int_equal (count_events (&job->exec, "shell.init", NULL), 1);
    assert_int_equal (count_events (&job->exec, "shell.start", NULL), 1);
    assert_int_equal (count_events (&job->output, "data", "\"eof\":true"), 2);
    assert_int_equal (count_events (&job->output, "log", NULL), 0);
    interrupted_free (job);
}

static void test_take_over (void **state)
{
    taken_over (false);
    taken_over (true);
}

/* The task ends while there is no broker. */
static void test_take_over_late (void **state)
{
    struct job *job = interrupted_job ("exit 5", "20");

    job->refusals = 3;
    job_run (job);
    assert_int_equal (exit_code (job), 5);
    assert_int_equal (job->goodbye, 5 << 8);
    assert_int_equal (count_events (&job->output, "data", "\"eof\":true"), 2);
    interrupted_free (job);
}

/* Nobody comes: tasks end, and the shell. */
static void test_no_take_over (void **state)
{
    struct job *job = interrupted_job ("sleep 300", "0.5");

    job->refusals = 10000;
    job_run (job);
    assert_int_equal (exit_code (job), 1);
    assert_int_equal (job->reattached, 0);
    assert_int_equal (job->goodbye, -1);
    interrupted_free (job);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_output),
        cmocka_unit_test (test_exit_code),
        cmocka_unit_test (test_no_program),
        cmocka_unit_test (test_many_shells),
        cmocka_unit_test (test_much_output),
        cmocka_unit_test (test_slow_kvs),
        cmocka_unit_test (test_reconnect),
        cmocka_unit_test (test_take_over),
        cmocka_unit_test (test_take_over_late),
        cmocka_unit_test (test_no_take_over),
    };

    signal (SIGPIPE, SIG_IGN);
    setenv ("LC_ALL", "C.UTF-8", 1);
    alarm (60);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
