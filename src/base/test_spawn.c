/* test_spawn.c - tests of spawn.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/spawn.h"

static int wait_for (pid_t pid)
{
    int status;

    assert_int_equal (waitpid (pid, &status, 0), pid);
    return status;
}

/* Run a shell command with its output, and those given, passed to it. */
static char *run (struct spawn_args *args, const char *command)
{
    char *const argv[] = {"sh", "-c", (char *)command, NULL};
    struct spawn_fd fds[8] = {{.child_fd = STDOUT_FILENO}};
    struct buf out = BUF_INIT;
    flux_error_t err;
    int pfd[2];
    char chunk[512];
    ssize_t n;

    assert_int_equal (pipe2 (pfd, O_CLOEXEC), 0);
    fds[0].parent_fd = pfd[1];
    for (int i = 0; i < args->nfds; i++)
        fds[i + 1] = args->fds[i];
    args->path = "sh";
    args->argv = argv;
    args->fds = fds;
    args->nfds++;
    pid_t pid = spawn_child (args, &err);
    if (pid < 0)
        fail_msg ("%s", err.text);
    close (pfd[1]);
    while ((n = read (pfd[0], chunk, sizeof (chunk))) > 0)
        buf_add (&out, chunk, (size_t)n);
    close (pfd[0]);
    assert_int_equal (wait_for (pid), 0);
    return buf_take (&out);
}

static void check (struct spawn_args args, const char *command, const char *want)
{
    char *out = run (&args, command);
    assert_string_equal (out, want);
    free (out);
}

static void test_basics (void **state)
{
    static char *const env[] = {"FOO=bar", "PATH=/usr/bin:/bin", NULL};
    struct spawn_args args = {.path = "true", .ctty_fd = -1};
    flux_error_t err;

    assert_int_equal (wait_for (spawn_child (&args, NULL)), 0);
    args.path = "/bin/false";
    assert_int_equal (WEXITSTATUS (wait_for (spawn_child (&args, &err))), 1);
    check ((struct spawn_args){.envp = env, .ctty_fd = -1}, "echo $FOO; pwd >/dev/null",
           "bar\n");
    check ((struct spawn_args){.cwd = "/usr", .ctty_fd = -1}, "pwd", "/usr\n");
}

static void expect (const struct spawn_args *args, int rc, const char *text)
{
    flux_error_t err;

    assert_int_equal (spawn_child (args, &err), rc);
    assert_string_equal (err.text, text);
    /* nothing is left to be waited for */
    assert_int_equal (waitpid (-1, NULL, WNOHANG), -1);
    assert_int_equal (errno, ECHILD);
}

static void write_script (const char *path, const char *text)
{
    FILE *f = fopen (path, "w");

    assert_non_null (f);
    assert_true (fputs (text, f) >= 0);
    assert_int_equal (fclose (f), 0);
    assert_int_equal (chmod (path, 0755), 0);
}

static void test_errors (void **state)
{
    static char *const nopath[] = {"PATH=/nonexistent:/etc/passwd", NULL};
    struct spawn_fd bad_fd[] = {{.parent_fd = 1000, .child_fd = 5}};
    struct spawn_fd neg_fd[] = {{.parent_fd = -1, .child_fd = 5}};
    cpu_set_t none;
    flux_error_t err;

    CPU_ZERO (&none);
    expect (&(struct spawn_args){.path = "/nonexistent"}, -ENOENT,
            "cannot execute '/nonexistent': No such file or directory");
    expect (&(struct spawn_args){.path = ""}, -ENOENT,
            "cannot execute '': No such file or directory");
    expect (&(struct spawn_args){.path = "/etc/passwd"}, -EACCES,
            "cannot execute '/etc/passwd': Permission denied");
    expect (&(struct spawn_args){.path = "true", .envp = nopath}, -ENOENT,
            "cannot execute 'true': No such file or directory");
    write_script ("spawn.script", "#! /no/such/sh -e\n");
    expect (&(struct spawn_args){.path = "./spawn.script"}, -ENOENT,
            "cannot execute './spawn.script': there is no interpreter '/no/such/sh'");
    expect (&(struct spawn_args){.path = "./spawn.script", .cwd = "."}, -ENOENT,
            "cannot execute './spawn.script': there is no interpreter '/no/such/sh'");
    write_script ("spawn.script", "#!/bin/sh\r\ntrue\r\n");
    expect (&(struct spawn_args){.path = "./spawn.script"}, -ENOENT,
            "cannot execute './spawn.script': its first line ends with a carriage return");
    unlink ("spawn.script");
    expect (&(struct spawn_args){.path = "true", .cwd = "/nonexistent"},
            -ENOENT, "cannot change directory to '/nonexistent': "
            "No such file or directory");
    expect (&(struct spawn_args){.path = "true", .fds = bad_fd, .nfds = 1},
            -EBADF, "cannot pass descriptor 1000 as 5: Bad file descriptor");
    expect (&(struct spawn_args){.path = "true", .fds = neg_fd, .nfds = 1},
            -EBADF, "cannot pass descriptor -1 as 5: Bad file descriptor");
    expect (&(struct spawn_args){.path = "true", .affinity = &none,
                                 .affinity_size = sizeof (none)},
            -EINVAL, "cannot set the CPU affinity: Invalid argument");
    assert_int_equal (spawn_child (NULL, &err), -EINVAL);
}

/* Two descriptors that swap numbers, and one that keeps its own */
static void test_fds (void **state)
{
    char dir[] = "/tmp/test_spawnXXXXXX";
    char path[64];
    int fd[3];

    assert_non_null (mkdtemp (dir));
    for (int i = 0; i < 3; i++) {
        snprintf (path, sizeof (path), "%s/%d", dir, i);
        fd[i] = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true (fd[i] > 2);
        char c = (char)('a' + i);
        assert_int_equal (write (fd[i], &c, 1), 1);
        lseek (fd[i], 0, SEEK_SET);
        unlink (path);
    }
    struct spawn_fd fds[] = {
        {.parent_fd = fd[0], .child_fd = fd[1]},
        {.parent_fd = fd[1], .child_fd = fd[0]},
        {.parent_fd = fd[2], .child_fd = fd[2]},
        {.parent_fd = fd[2], .child_fd = 9},
    };
    char command[128];
    snprintf (command, sizeof (command),
              "cat <&%d; cat <&%d; cat <&%d; ls /proc/self/fd | wc -l", fd[0],
              fd[1], fd[2]);
    /* 0 1 2, the four (9 may be one of the three), and that of ls itself */
    check ((struct spawn_args){.fds = fds, .nfds = 4, .ctty_fd = -1}, command,
           "bac8\n");
    for (int i = 0; i < 3; i++)
        close (fd[i]);
    rmdir (dir);
}

/* A descriptor that is not close-on-exec does not leak. */
static void test_leak (void **state)
{
    int fd = open ("/dev/null", O_RDONLY);
    char command[64];

    snprintf (command, sizeof (command),
              "if test -e /proc/self/fd/%d; then echo leak; fi", fd);
    check ((struct spawn_args){.ctty_fd = -1}, command, "");
    close (fd);
}

static void test_signals (void **state)
{
    sigset_t block, old;

    signal (SIGUSR1, SIG_IGN);
    signal (SIGPIPE, SIG_IGN);
    sigemptyset (&block);
    sigaddset (&block, SIGTERM);
    sigaddset (&block, SIGUSR2);
    sigprocmask (SIG_BLOCK, &block, &old);
    char *out = run (&(struct spawn_args){.ctty_fd = -1},
                     "grep -E 'SigBlk|SigIgn' /proc/self/status");
    unsigned long long blocked, ignored;
    assert_int_equal (sscanf (out, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    assert_int_equal (blocked, 0);
    /* 32 and 33 are the C library's own: a test that is run by a program which
     * ignores them cannot change that */
    assert_int_equal (ignored & ~(3ULL << 31), 0);
    free (out);
    sigset_t now;
    sigprocmask (SIG_SETMASK, NULL, &now);
    assert_int_equal (sigismember (&now, SIGTERM), 1);
    assert_int_equal (sigismember (&now, SIGINT), 0);
    sigprocmask (SIG_SETMASK, &old, NULL);
    assert_true (signal (SIGUSR1, SIG_DFL) == SIG_IGN);
    signal (SIGPIPE, SIG_DFL);
}

static void test_session (void **state)
{
    struct spawn_args args = {.path = "sleep", .ctty_fd = -1};
    char *const argv[] = {"sleep", "60", NULL};

    args.argv = argv;
    pid_t pid = spawn_child (&args, NULL);
    assert_int_equal (getpgid (pid), getpgid (0));
    kill (pid, SIGKILL);
    wait_for (pid);

    args.setpgrp = true;
    pid = spawn_child (&args, NULL);
    assert_int_equal (getpgid (pid), pid);
    assert_int_equal (getsid (pid), getsid (0));
    kill (pid, SIGKILL);
    wait_for (pid);

    args.setsid = true;
    pid = spawn_child (&args, NULL);
    assert_int_equal (getsid (pid), pid);
    kill (pid, SIGKILL);
    wait_for (pid);
}

static void test_ctty (void **state)
{
    int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
    char name[64];

    assert_true (master >= 0);
    assert_int_equal (grantpt (master), 0);
    assert_int_equal (unlockpt (master), 0);
    assert_int_equal (ptsname_r (master, name, sizeof (name)), 0);
    int slave = open (name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct spawn_fd fds[] = {{.parent_fd = slave, .child_fd = 0}};
    check ((struct spawn_args){.fds = fds, .nfds = 1, .setsid = true,
                               .ctty_fd = 0},
           "exec 3</dev/tty && echo ok", "ok\n");
    close (slave);
    close (master);
}

static void test_affinity (void **state)
{
    cpu_set_t mine, one;
    int cpu = 0;

    assert_int_equal (sched_getaffinity (0, sizeof (mine), &mine), 0);
    while (!CPU_ISSET (cpu, &mine))
        cpu++;
    CPU_ZERO (&one);
    CPU_SET (cpu, &one);
    char want[64];
    snprintf (want, sizeof (want), "Cpus_allowed_list:\t%d\n", cpu);
    check ((struct spawn_args){.affinity = &one, .ctty_fd = -1,
                               .affinity_size = sizeof (one)},
           "grep Cpus_allowed_list /proc/self/status", want);
    cpu_set_t after;
    sched_getaffinity (0, sizeof (after), &after);
    assert_true (CPU_EQUAL (&after, &mine));
}

/* Found in PATH after entries without it, and run by sh if it has no "#!" */
static void test_script (void **state)
{
    char dir[] = "/tmp/test_spawnXXXXXX";
    char path[64], env[96];

    assert_non_null (mkdtemp (dir));
    snprintf (path, sizeof (path), "%s/script", dir);
    int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_int_equal (write (fd, "exit $1$2\n", 10), 10);
    close (fd);
    snprintf (env, sizeof (env), "PATH=/nonexistent::/etc/passwd:%s", dir);
    char *const envp[] = {env, NULL};
    char *const argv[] = {"script", "4", "2", NULL};
    struct spawn_args args = {.path = "script", .argv = argv, .envp = envp,
                              .ctty_fd = -1};
    assert_int_equal (WEXITSTATUS (wait_for (spawn_child (&args, NULL))), 42);
    chmod (path, 0600);
    flux_error_t err;
    assert_int_equal (spawn_child (&args, &err), -EACCES);
    unlink (path);
    rmdir (dir);
}

static void *spawn_many (void *arg)
{
    struct spawn_args args = {.path = "/bin/true", .ctty_fd = -1};
    uintptr_t bad = 0;
    int status;

    for (int i = 0; i < 50; i++) {
        pid_t pid = spawn_child (&args, NULL);
        if (pid < 0 || waitpid (pid, &status, 0) != pid || status != 0)
            bad++;
    }
    return (void *)bad;
}

static void test_threads (void **state)
{
    pthread_t t[3];
    void *bad;

    for (int i = 0; i < 3; i++)
        assert_int_equal (pthread_create (&t[i], NULL, spawn_many, NULL), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join (t[i], &bad);
        assert_null (bad);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_basics),
        cmocka_unit_test (test_errors),
        cmocka_unit_test (test_fds),
        cmocka_unit_test (test_leak),
        cmocka_unit_test (test_signals),
        cmocka_unit_test (test_session),
        cmocka_unit_test (test_ctty),
        cmocka_unit_test (test_affinity),
        cmocka_unit_test (test_script),
        cmocka_unit_test (test_threads),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
