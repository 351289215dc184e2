/* version.c - flux version, env, help (flux-version(1), flux-env(1))
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/version.h"

extern char **environ;

int cmd_version (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("", "Display version information", NULL, argc, argv, &n);
    const char *uri = getenv ("FLUX_URI");
    flux_t *h;

    printf ("commands:    \t\t%s\n", FLUX_CORE_VERSION_STRING);
    printf ("libflux-core:\t\t%s\n", flux_core_version_string ());
    if (uri && (h = flux_open (NULL, 0))) {
        const char *v = flux_attr_get (h, "version");
        printf ("broker:  \t\t%s\n", v ? v : "unknown");
        printf ("FLUX_URI:\t\t%s\n", uri);
        flux_close (h);
    }
    optparse_destroy (p);
    return 0;
}

int cmd_env_main (int argc, char **argv)
{
    if (argc > 1 && (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0)) {
        printf ("Usage: flux env [COMMAND...]\n"
                "Print the Flux environment, or run COMMAND in it\n");
        return 0;
    }
    if (argc == 1) {
        for (char **e = environ; *e; e++)
            printf ("%s\n", *e);
        return 0;
    }
    execvp (argv[1], argv + 1);
    cmd_err ("%s: %s", argv[1], strerror (errno));
    return errno == ENOENT ? 127 : 126;
}

/* flux help CMD: the manual page; without man(1) or the page, CMD --help. */
int cmd_help (int argc, char **argv)
{
    char *topic = NULL;
    char *page = NULL;
    const struct cmd *c;

    if (argc > 1 && (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0)) {
        printf ("Usage: flux help [COMMAND]\n"
                "Display the manual page of a command, or the list of commands\n");
        return 0;
    }
    if (argc < 2)
        return execlp ("flux", "flux", "--help", NULL) < 0 ? 1 : 0;
    if (asprintf (&topic, "flux-%s", argv[1]) < 0
        || asprintf (&page, "%s/man1/%s.1", cmd_builtin ("man_path"), topic) < 0)
        cmd_die (1, "out of memory");
    if (access (page, R_OK) == 0)
        execlp ("man", "man", page, NULL);
    else
        execlp ("man", "man", topic, NULL);
    if (!(c = cmd_find (argv[1])))
        cmd_die (1, "no manual page for '%s'", argv[1]);
    return c->run (2, (char *[]){ argv[1], "--help", NULL });
}
