/* mpi.c - what MPI libraries take from the environment (shell option mpi)
 *
 * It is set for every job, since it is small and means nothing to other programs,
 * unless -o mpi=none says that the job's tasks are no MPI program (flux batch and
 * alloc do).  Personalities that need more are scripts: initrc.c.
 *
 * The tasks of a job may submit another, with the environment that they have here: so
 * what an outer job has set is taken out first.
 */
#define FLUX_SHELL_PLUGIN_NAME "mpi"

#include <string.h>

#include "shell/builtins.h"
#include "shell/internal.h"

/* Where Open MPI puts shared memory and its session: jobs and nodes of one host, which
 * have the same names for them, must not meet. */
static const char *const ompi_dirs[] = {
    "OMPI_MCA_btl_vader_backing_directory",
    "OMPI_MCA_orte_tmpdir_base",
};

enum { NDIRS = sizeof (ompi_dirs) / sizeof (ompi_dirs[0]) };

/* Before the folder of this job is in the environment. */
static int mpi_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    const char *outer = flux_shell_getenv (shell, "FLUX_JOB_TMPDIR");

    for (int i = 0; outer && i < NDIRS; i++) {
        const char *have = flux_shell_getenv (shell, ompi_dirs[i]);
        if (have && strcmp (have, outer) == 0 && flux_shell_unsetenv (shell, ompi_dirs[i]) < 0)
            return -1;
    }
    return 0;
}

static int set_unless_set (flux_shell_t *shell, const char *name, const char *val)
{
    if (!val || flux_shell_getenv (shell, name))
        return 0;
    return flux_shell_setenvf (shell, 0, name, "%s", val);
}

static int mpi_post_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    const char *dir = flux_shell_getenv (shell, "FLUX_JOB_TMPDIR");

    for (int i = 0; i < NDIRS; i++) {
        if (set_unless_set (shell, ompi_dirs[i], dir) < 0)
            return -1;
    }
    /* Intel MPI takes PMI from the library that this names */
    return set_unless_set (shell, "I_MPI_PMI_LIBRARY",
                           flux_shell_getenv (shell, "FLUX_PMI_LIBRARY_PATH"));
}

static bool mpi_wanted (flux_shell_t *shell)
{
    const char *s = json_string_value (shell_option (shell, "mpi"));

    return !s || strcmp (s, "none") != 0;
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", mpi_init, NULL },
    { "shell.post-init", mpi_post_init, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin mpi_builtin = { "mpi", mpi_wanted, handlers };
