/* testimp.c - run a shell as the user who signed the job, for tests of exec.imp
 *
 * testimp exec SHELL JOBID, with {"J":...} on standard input (RFC 15)
 *
 * It becomes the user whom J names, and believes J: job-ingest has verified it.  So it
 * may be installed with the mode of an IMP only where nobody else is, such as in the name
 * spaces of a test.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <jansson.h>

#include "core/job_sign.h"

static pid_t child;

static void die (const char *what)
{
    fprintf (stderr, "testimp: %s: %s\n", what, strerror (errno));
    exit (1);
}

static void forward (int signum)
{
    if (child > 0)
        (void)kill (child, signum == SIGUSR1 ? SIGKILL : signum);
}

static uid_t read_user (void)
{
    json_t *o = json_loadf (stdin, 0, NULL);
    struct job_sign_info info;
    flux_error_t err;
    char *payload = NULL;
    const char *J;
    size_t len;

    errno = EINVAL;
    if (!o || json_unpack (o, "{s:s}", "J", &J) < 0
        || !(payload = job_sign_unwrap (J, &len, &info, &err)) || info.userid == 0)
        die ("J");
    free (payload);
    json_decref (o);
    return info.userid;
}

static void become (uid_t uid)
{
    struct passwd *pw = getpwuid (uid);
    int null = open ("/dev/null", O_RDONLY);

    if (!pw || initgroups (pw->pw_name, pw->pw_gid) < 0 || setgid (pw->pw_gid) < 0
        || setuid (uid) < 0 || null < 0 || dup2 (null, 0) < 0)
        die ("change to the user");
}

int main (int argc, char **argv)
{
    static const int signums[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM };
    uid_t uid;
    int status;

    if (argc != 4 || strcmp (argv[1], "exec") != 0) {
        fprintf (stderr, "Usage: testimp exec SHELL JOBID\n");
        return 1;
    }
    uid = read_user ();
    for (size_t i = 0; i < sizeof (signums) / sizeof (signums[0]); i++)
        signal (signums[i], forward);
    if ((child = fork ()) < 0)
        die ("fork");
    if (child == 0) {
        become (uid);
        execv (argv[2], argv + 2);
        die (argv[2]);
    }
    while (waitpid (child, &status, 0) < 0)
        if (errno != EINTR)
            die ("waitpid");
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}
