/* main.c - the flux command: find the subcommand and run it (flux(1))
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/similarcmd.h"

#ifdef __SANITIZE_ADDRESS__
/* A command ends with its process: what it still holds then is no leak.  (The broker
 * and the shell are checked for leaks.) */
int __lsan_is_turned_off (void);

int __lsan_is_turned_off (void)
{
    return 1;
}
#endif

static void list_commands (FILE *f)
{
    const char *group = "";

    for (const struct cmd *c = cmd_table; c->name; c++) {
        if (!c->group)
            continue;
        if (strcmp (c->group, group) != 0) {
            group = c->group;
            fprintf (f, "\n%s\n", group);
        }
        fprintf (f, "   %-18s %s\n", c->name, c->summary);
    }
}

static void usage (FILE *f)
{
    fprintf (f, "Usage: flux [OPTIONS] COMMAND ARGS\n"
             "  -h, --help             Display this message.\n"
             "  -p, --parent           Set environment of parent instead of current instance\n"
             "  -r, --root             Set environment of root instance\n"
             "  -v, --verbose          Be verbose about environment and command search\n"
             "  -V, --version          Display command and component versions\n");
    list_commands (f);
    fprintf (f, "\nSee 'flux help COMMAND' for more information about a command.\n");
}

const struct cmd *cmd_find (const char *name)
{
    for (const struct cmd *c = cmd_table; c->name; c++) {
        if (strcmp (c->name, name) == 0)
            return c;
    }
    return NULL;
}

/* Point the environment at the enclosing instance of the one it points at.
 * Returns false, environment unchanged, if there is none. */
static bool to_parent (void)
{
    flux_t *h = cmd_open ();
    const char *uri = flux_attr_get (h, "parent-uri");
    const char *ns = flux_attr_get (h, "parent-kvs-namespace");

    if (!uri) {
        flux_close (h);
        return false;
    }
    setenv ("FLUX_URI", uri, 1);
    if (ns)
        setenv ("FLUX_KVS_NAMESPACE", ns, 1);
    else
        unsetenv ("FLUX_KVS_NAMESPACE");
    flux_close (h);
    return true;
}

static void climb (int parents, bool root)
{
    if (root) {
        while (to_parent ())
            ;
        return;
    }
    while (parents-- > 0)
        to_parent ();
}

/* Run DIR/flux-NAME for the first DIR of 'path' that has it. */
static void exec_in_path (const char *path, const char *name, char **argv, bool verbose)
{
    char *copy = strdup (path ? path : "");
    char *save = NULL;

    if (!copy)
        cmd_die (1, "out of memory");
    for (char *dir = strtok_r (copy, ":", &save); dir; dir = strtok_r (NULL, ":", &save)) {
        char *file = NULL;
        if (asprintf (&file, "%s/flux-%s", dir, name) < 0)
            cmd_die (1, "out of memory");
        if (verbose)
            fprintf (stderr, "trying to exec %s\n", file);
        if (access (file, X_OK) == 0) {
            execv (file, argv);
            cmd_err ("cannot run %s: %s", file, strerror (errno));
        }
        free (file);
    }
    free (copy);
}

static void not_found (const char *name)
{
    const char *exec_path = getenv ("FLUX_EXEC_PATH"), *path = getenv ("PATH");
    const char *const paths[] = { exec_path ? exec_path : "", path ? path : "", NULL };
    char *similar = similar_commands (name, paths);

    if (similar)
        cmd_err ("'%s' is not a flux command: did you mean %s? See 'flux help'", name,
                 similar);
    else
        cmd_err ("'%s' is not a flux command. See 'flux help'", name);
    free (similar);
}

static int run_external (const char *name, char **argv, bool verbose)
{
    if (strchr (name, '/')) {
        execv (name, argv);
        cmd_die (1, "cannot run %s: %s", name, strerror (errno));
    }
    exec_in_path (getenv ("FLUX_EXEC_PATH"), name, argv, verbose);
    exec_in_path (getenv ("PATH"), name, argv, verbose);
    not_found (name);
    return 1;
}

static void print_environment (void)
{
    static const char *names[] = {
        "FLUX_EXEC_PATH", "FLUX_MODULE_PATH", "FLUX_CONNECTOR_PATH",
        "FLUX_URI", "FLUX_KVS_NAMESPACE", "PATH", NULL,
    };

    for (int i = 0; names[i]; i++) {
        if (getenv (names[i]))
            fprintf (stderr, "%s=%s\n", names[i], getenv (names[i]));
    }
}

static int run_command (int argc, char **argv, bool verbose)
{
    const struct cmd *c = cmd_find (argv[0]);
    char name[64];

    cmd_setup_env ();
    if (verbose)
        print_environment ();
    if (!c)
        return run_external (argv[0], argv, verbose);
    snprintf (name, sizeof (name), "flux-%s", argv[0]);
    cmd_set_name (name);
    return c->run (argc, argv);
}

int main (int argc, char **argv)
{
    int parents = 0;
    bool root = false;
    bool verbose = false;
    int i;

    setlocale (LC_ALL, "");
    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        const char *a = argv[i];
        if (strcmp (a, "-h") == 0 || strcmp (a, "--help") == 0) {
            usage (stdout);
            return 0;
        }
        if (strcmp (a, "-p") == 0 || strcmp (a, "--parent") == 0)
            parents++;
        else if (strcmp (a, "-r") == 0 || strcmp (a, "--root") == 0)
            root = true;
        else if (strcmp (a, "-v") == 0 || strcmp (a, "--verbose") == 0)
            verbose = true;
        else if (strcmp (a, "-V") == 0 || strcmp (a, "--version") == 0)
            return run_command (1, (char *[]){ "version", NULL }, verbose);
        else
            cmd_die (1, "unknown option '%s'. See 'flux --help'", a);
    }
    if (i == argc) {
        usage (stderr);
        return 1;
    }
    climb (parents, root);
    return run_command (argc - i, argv + i, verbose);
}
