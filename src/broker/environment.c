/* environment.c - what rc1, rc2, cleanup and rc3 get as their environment
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "broker/environment.h"
#include "broker/proc.h"

struct environment {
    struct hash *vars;
    char **array;
};

static const char *const blocked[] = {
    "FLUX_JOB_ID", "FLUX_JOB_SIZE", "FLUX_JOB_NNODES", "FLUX_JOB_TMPDIR",
    "FLUX_TASK_RANK", "FLUX_TASK_LOCAL_ID", "FLUX_KVS_NAMESPACE",
    "FLUX_PROXY_REMOTE", "FLUX_PMI_LIBRARY_PATH", "I_MPI_PMI_LIBRARY",
    "FLUX_SHELL_FD", "FLUX_SHELL_INFO_FD",
};

static const char *const blocked_prefixes[] = { "PMI_", "SLURM_", "PMIX_", "PALS_" };

bool environment_blocked (const char *name)
{
    for (size_t i = 0; i < sizeof (blocked) / sizeof (blocked[0]); i++)
        if (!strcmp (name, blocked[i]))
            return true;
    for (size_t i = 0; i < sizeof (blocked_prefixes) / sizeof (blocked_prefixes[0]); i++)
        if (!strncmp (name, blocked_prefixes[i], strlen (blocked_prefixes[i])))
            return true;
    return false;
}

static char *name_of (const char *entry)
{
    return strndup (entry, strcspn (entry, "="));
}

void environment_clean_process (void)
{
    for (int i = 0; environ && environ[i];) {
        char *name = name_of (environ[i]);
        if (name && environment_blocked (name) && unsetenv (name) == 0)
            i = 0;             /* entries have moved */
        else
            i++;
        free (name);
    }
}

int environment_set (struct environment *e, const char *name, const char *value)
{
    char *cpy;

    if (name[0] == '\0' || strchr (name, '='))
        return -EINVAL;
    if (!value) {
        hash_del (e->vars, name);
        return 0;
    }
    if (!(cpy = strdup (value)))
        return -ENOMEM;
    if (hash_set (e->vars, name, cpy) < 0) {
        free (cpy);
        return -ENOMEM;
    }
    return 0;
}

const char *environment_get (struct environment *e, const char *name)
{
    return hash_get (e->vars, name);
}

char *const *environment_array (struct environment *e)
{
    size_t pos = 0, n = 0;
    const char *name, *value;

    free_argv (e->array);
    if (!(e->array = calloc (hash_count (e->vars) + 1, sizeof (char *))))
        return NULL;
    while ((value = hash_next (e->vars, &pos, &name)))
        if (asprintf (&e->array[n++], "%s=%s", name, value) < 0) {
            e->array[n - 1] = NULL;
            return NULL;
        }
    return e->array;
}

struct environment *environment_new (void)
{
    struct environment *e = calloc (1, sizeof (*e));

    if (!e || !(e->vars = hash_new (free)))
        goto error;
    for (char **p = environ; p && *p; p++) {
        char *name = name_of (*p);
        const char *eq = strchr (*p, '=');
        int rc = -ENOMEM;
        if (name)
            rc = eq && !environment_blocked (name) ? environment_set (e, name, eq + 1) : 0;
        free (name);
        if (rc == -ENOMEM)
            goto error;
    }
    return e;
error:
    environment_free (e);
    return NULL;
}

void environment_free (struct environment *e)
{
    if (!e)
        return;
    hash_free (e->vars);
    free_argv (e->array);
    free (e);
}
