/* pmifault.c - a process manager that fails in the middle, for tests
 *
 *   pmifault FAULT N COMMAND ARGS...
 *
 * Runs the command as rank 0 of 2, with PMI offered, answers N requests as it should,
 * and to the next one does FAULT:
 *
 *   hangup    closes the connection
 *   garbage   sends bytes that are no answer
 *   binary    sends bytes that are no text
 *   long      sends a line that does not end
 *   other     sends a good answer to another request
 *   twice     sends two lines
 *   refuse    says rc=-1
 *   silence   sends nothing more
 *
 * Exit code: that of the command, 128+N for a signal.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pmi/server.h"

struct fault {
    const char *name;
    const char *bytes;     /* NULL: something else is done */
};

static const struct fault faults[] = {
    { "hangup", NULL },
    { "garbage", "Segmentation fault (core dumped)\n" },
    { "binary", "cmd=\x01\x02\xff rc=0\n" },
    { "long", NULL },
    { "other", "cmd=appnum rc=0 appnum=0\n" },
    { "twice", "cmd=barrier_out rc=0\ncmd=barrier_out rc=0\n" },
    { "refuse", "cmd=barrier_out rc=-1 msg=no\n" },
    { "silence", "" },
    { NULL, NULL },
};

static int fd;

static int send_cb (void *arg, int client, const char *buf, size_t len)
{
    return send (fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -EIO;
}

static void abort_cb (void *arg, int client, int exit_code, const char *msg)
{
    fprintf (stderr, "pmifault: abort %d: %s\n", exit_code, msg);
}

/* 1: goes on. */
static int do_fault (const struct fault *f)
{
    char chunk[1024];

    if (f->bytes)
        return send_cb (NULL, 0, f->bytes, strlen (f->bytes)) == 0;
    if (!strcmp (f->name, "hangup"))
        return 0;
    memset (chunk, 'x', sizeof (chunk));
    for (int i = 0; i < 1024; i++)
        if (send_cb (NULL, 0, chunk, sizeof (chunk)) < 0)
            return 0;
    return 1;
}

static void serve (const struct fault *f, int n)
{
    struct pmi_server_args args = { .size = 2, .nclients = 1, .kvsname = "faulty" };
    struct pmi_server_ops ops = { .send = send_cb, .abort = abort_cb };
    struct pmi_server *s = pmi_server_new (&args, &ops, NULL);
    char buf[8192];
    ssize_t len;

    while (s && (len = recv (fd, buf, sizeof (buf), 0)) > 0) {
        if (n-- > 0 || !strncmp (buf, "cmd=abort", 9)) {
            if (pmi_server_input (s, 0, buf, len) < 0)
                break;
        }
        else if (!do_fault (f))
            break;
    }
    pmi_server_free (s);
    close (fd);
}

static pid_t start (char **argv)
{
    char num[16];
    int pair[2];
    pid_t pid;

    if (socketpair (AF_UNIX, SOCK_STREAM, 0, pair) < 0 || (pid = fork ()) < 0)
        return -1;
    if (pid == 0) {
        close (pair[0]);
        snprintf (num, sizeof (num), "%d", pair[1]);
        setenv ("PMI_FD", num, 1);
        setenv ("PMI_RANK", "0", 1);
        setenv ("PMI_SIZE", "2", 1);
        execvp (argv[0], argv);
        perror (argv[0]);
        _exit (127);
    }
    close (pair[1]);
    fd = pair[0];
    return pid;
}

int main (int argc, char **argv)
{
    const struct fault *f = faults;
    int status;
    pid_t pid;

    while (argc > 3 && f->name && strcmp (f->name, argv[1]) != 0)
        f++;
    if (argc < 4 || !f->name) {
        fprintf (stderr, "usage: pmifault FAULT N COMMAND ARGS...\n");
        return 99;
    }
    signal (SIGPIPE, SIG_IGN);
    if ((pid = start (argv + 3)) < 0)
        return 99;
    serve (f, strtol (argv[2], NULL, 10));
    if (waitpid (pid, &status, 0) != pid)
        return 99;
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}
