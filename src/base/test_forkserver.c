#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/forkserver.h"

/* This program is its own fork server.  A copy does what its argument says. */
static int be_copy (const char *arg)
{
    char c;

    if (strcmp (arg, "env") == 0)
        printf ("%s %s %s %d\n", getenv ("ONE"), getenv ("TWO"), getenv ("OLD"),
                getenv ("LD_BIND_NOW") != NULL);
    else if (strcmp (arg, "ids") == 0)
        printf ("%d %d %d %d\n", getpid (), getpgrp (), getppid (), gettid ());
    else if (strcmp (arg, "wait") == 0)
        (void)!read (0, &c, 1);
    else if (strcmp (arg, "open") == 0) {
        for (int fd = 0; fd < 32; fd++)
            if (fcntl (fd, F_GETFD) >= 0)
                printf ("%d ", fd);
    }
    else if (strcmp (arg, "raise") == 0)
        raise (SIGUSR1);
    else if (strcmp (arg, "fork") == 0) {
        pid_t pid = fork ();
        if (pid == 0)
            _exit (gettid () == getpid () ? 7 : 1);
        int status;
        waitpid (pid, &status, 0);
        return WEXITSTATUS (status);
    }
    return 3;
}

static char *const test_env[] = { "OLD=old", "LSAN_OPTIONS=detect_leaks=0", NULL };
static char *const no_env[] = { NULL };

static pid_t spawn_out (struct forkserver *fs, const char *arg, char *const *env, int *out)
{
    struct spawn_fd fds[3];
    flux_error_t err;
    int in[2], pfd[2];
    pid_t pid;

    assert_int_equal (pipe2 (in, O_CLOEXEC), 0);
    assert_int_equal (pipe2 (pfd, O_CLOEXEC), 0);
    fds[0] = (struct spawn_fd){ .parent_fd = pfd[1], .child_fd = 1 };
    fds[1] = (struct spawn_fd){ .parent_fd = in[0], .child_fd = 0 };
    fds[2] = (struct spawn_fd){ .parent_fd = in[0], .child_fd = 4 };
    pid = forkserver_spawn (fs, arg, env, fds, 3, &err);
    close (in[0]);
    close (in[1]);
    close (pfd[1]);
    *out = pfd[0];
    return pid;
}

/* The copy's output and wait status. */
static char *run (struct forkserver *fs, const char *arg, char *const *env, int *status,
                  pid_t *pidp)
{
    struct buf b = BUF_INIT;
    char chunk[512];
    ssize_t n;
    int out;
    pid_t pid = spawn_out (fs, arg, env, &out);

    assert_true (pid > 0);
    while ((n = read (out, chunk, sizeof (chunk))) > 0)
        buf_add (&b, chunk, (size_t)n);
    buf_add (&b, "", 0);
    close (out);
    assert_int_equal (waitpid (pid, status, 0), pid); /* it is our child */
    if (pidp)
        *pidp = pid;
    return buf_take (&b);
}

/* A server that has said it is ready: calls before that are answered EAGAIN. */
static struct forkserver *ready_server (void)
{
    static char self[4096];
    struct forkserver *fs;
    int out;
    pid_t pid;

    self[readlink ("/proc/self/exe", self, sizeof (self) - 1)] = '\0';
    fs = forkserver_new (self, test_env);
    assert_non_null (fs);
    for (int i = 0; (pid = spawn_out (fs, "env", no_env, &out)) == -EAGAIN; i++) {
        close (out);
        assert_true (i < 20000);
        nanosleep (&(struct timespec){ .tv_nsec = 500000 }, NULL);
    }
    close (out);
    assert_true (pid > 0);
    assert_int_equal (waitpid (pid, NULL, 0), pid);
    return fs;
}

static void test_copies (void **state)
{
    struct forkserver *fs = ready_server ();
    char *env[] = { "ONE=1", "TWO=zwei", NULL };
    char want[64], *out;
    int status;
    pid_t pid;

    out = run (fs, "env", env, &status, NULL);
    assert_string_equal (out, "1 zwei old 0\n");
    assert_int_equal (WEXITSTATUS (status), 3);
    free (out);
    out = run (fs, "env", no_env, &status, NULL); /* nothing stays of the last one */
    assert_string_equal (out, "(null) (null) old 0\n");
    free (out);
    out = run (fs, "ids", no_env, &status, &pid);
    snprintf (want, sizeof (want), "%d %d %d %d\n", pid, pid, getpid (), pid);
    assert_string_equal (out, want);
    free (out);
    out = run (fs, "open", no_env, &status, NULL);
    assert_string_equal (out, "0 1 2 4 ");
    free (out);
    out = run (fs, "raise", no_env, &status, NULL);
    assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGUSR1);
    free (out);
    out = run (fs, "fork", no_env, &status, NULL);
    assert_int_equal (WEXITSTATUS (status), 7);
    free (out);
    forkserver_free (fs);
}

static char *read_proc (pid_t pid, const char *name, size_t *len)
{
    char path[64], *buf = calloc (1, 16384);
    int fd;

    snprintf (path, sizeof (path), "/proc/%d/%s", pid, name);
    assert_true ((fd = open (path, O_RDONLY)) >= 0);
    *len = read (fd, buf, 16383);
    close (fd);
    return buf;
}

/* Others find copies by what they look like from outside. */
static void test_looks (void **state)
{
    struct forkserver *fs = ready_server ();
    char *env[] = { "ONE=1", "TAG=a/1 b/2", NULL };
    struct spawn_fd fds[1];
    size_t len;
    int in[2], status;
    char *s;

    assert_int_equal (pipe2 (in, O_CLOEXEC), 0);
    fds[0] = (struct spawn_fd){ .parent_fd = in[0], .child_fd = 0 };
    pid_t pid = forkserver_spawn (fs, "wait", env, fds, 1, NULL);
    assert_true (pid > 0);
    assert_int_equal (getpgid (pid), pid);
    /* the server has answered before the copy has set itself up */
    for (int i = 0; i < 20000; i++) {
        s = read_proc (pid, "cmdline", &len);
        if (strcmp (s + strlen (s) + 1, "wait") == 0)
            break;
        free (s);
        nanosleep (&(struct timespec){ .tv_nsec = 500000 }, NULL);
        s = NULL;
    }
    assert_non_null (s);
    free (s);
    for (int i = 0; i < 20000; i++) {
        s = read_proc (pid, "environ", &len);
        if (memmem (s, len, "\0ONE=1\0TAG=a/1 b/2\0", 20))
            break;
        free (s);
        nanosleep (&(struct timespec){ .tv_nsec = 500000 }, NULL);
        s = NULL;
    }
    assert_non_null (s);
    free (s);
    assert_int_equal (kill (-pid, SIGTERM), 0);
    assert_int_equal (waitpid (pid, &status, 0), pid);
    assert_true (WIFSIGNALED (status));
    close (in[0]);
    close (in[1]);
    forkserver_free (fs);
}

/* What does not fit is left to spawn_child(). */
static void test_limits (void **state)
{
    struct forkserver *fs = ready_server ();
    struct spawn_fd fds[FORKSERVER_FDS + 1] = { { .parent_fd = 0, .child_fd = 0 } };
    char *big = malloc (100000), *env[] = { big, NULL }, *out;
    int status;

    memset (big, 'a', 100000);
    big[99999] = '\0';
    assert_int_equal (forkserver_spawn (fs, "env", env, fds, 1, NULL), -EAGAIN);
    assert_int_equal (forkserver_spawn (fs, big, no_env, fds, 1, NULL), -EAGAIN);
    assert_int_equal (forkserver_spawn (fs, "env", no_env, fds, FORKSERVER_FDS + 1, NULL),
                      -EAGAIN);
    assert_int_equal (forkserver_spawn (fs, "env", no_env, fds, 0, NULL), -EAGAIN);
    out = run (fs, "env", no_env, &status, NULL); /* and it still works */
    assert_int_equal (WEXITSTATUS (status), 3);
    free (out);
    free (big);
    forkserver_free (fs);
}

/* A program that is no server, or none at all: never ready. */
static void test_no_server (void **state)
{
    const char *paths[] = { "/bin/true", "/no/such/program" };
    struct spawn_fd fd = { .parent_fd = 0, .child_fd = 0 };

    for (int i = 0; i < 2; i++) {
        struct forkserver *fs = forkserver_new (paths[i], test_env);
        assert_non_null (fs);
        assert_string_equal (forkserver_path (fs), paths[i]);
        for (int j = 0; j < 10; j++)
            assert_int_equal (forkserver_spawn (fs, "x", no_env, &fd, 1, NULL), -EAGAIN);
        forkserver_free (fs);
    }
    forkserver_free (NULL);
}

int main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_copies),
        cmocka_unit_test (test_looks),
        cmocka_unit_test (test_limits),
        cmocka_unit_test (test_no_server),
    };

    forkserver_serve (argc, argv);
    if (argc > 1)
        return be_copy (argv[1]);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
