/* nullargs.h - what goes with the table that nullargs.awk makes: each call in a process
 * of its own, as one that crashes must not hide the others
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
    const char *name;
    void (*f) (void);
};

static void run_one (const struct call *c)
{
    static const struct rlimit no_core;
    int fd = open ("/dev/null", O_RDWR);

    alarm (30);
    setrlimit (RLIMIT_CORE, &no_core);
    dup2 (fd, STDOUT_FILENO);
    dup2 (fd, STDERR_FILENO);
    c->f ();
    _exit (0);
}

/* Lines "NAME: what it died of", then "N called", to the file that NULLARGS names. */
static void run_calls (const struct call *calls, size_t n)
{
    FILE *out = fopen (getenv ("NULLARGS"), "w");

    for (size_t i = 0; i < n; i++) {
        int status = 0;
        fflush (NULL);      /* some end by exit(), which flushes */
        pid_t pid = fork ();
        if (pid == 0)
            run_one (&calls[i]);
        if (pid < 0 || waitpid (pid, &status, 0) < 0)
            fprintf (out, "%s: no process\n", calls[i].name);
        else if (WIFSIGNALED (status))
            fprintf (out, "%s: %s\n", calls[i].name, strsignal (WTERMSIG (status)));
    }
    fprintf (out, "%zu called\n", n);
    fclose (out);
}
