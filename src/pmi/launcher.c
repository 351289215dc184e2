/* launcher.c - who started this process, and with how many others
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pmi/launcher.h"

static const char *env (const char *name)
{
    const char *s = getenv (name);
    return s && *s ? s : NULL;
}

static int env_int (const char *name, int min, int otherwise)
{
    const char *s = env (name);
    char *end;
    long n;

    if (!s)
        return otherwise;
    errno = 0;
    n = strtol (s, &end, 10);
    return errno || *end || n < min || n > INT_MAX ? otherwise : (int)n;
}

static void take (struct launcher *l, const char *name, const char *rank, const char *size)
{
    l->name = name;
    l->program = true;
    l->rank = env_int (rank, 0, -1);
    l->size = size ? env_int (size, 1, 0) : 0;
}

/* Part of a file name, so nothing that has a meaning in a path. */
static void set_id (struct launcher *l, const char *kind, const char *word)
{
    char *p;

    if (!word)
        return;
    snprintf (l->id, sizeof (l->id), "%s-%s", kind, word);
    for (p = l->id; *p; p++)
        if (!strchr ("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_", *p))
            *p = '_';
}

static bool find_pals (struct launcher *l)
{
    if (!env ("PALS_RANKID"))
        return false;
    take (l, "PALS", "PALS_RANKID", "PMI_SIZE");
    set_id (l, "pals", env ("PALS_APID"));
    return true;
}

/* PMIX_* do not survive in what an instance starts, OMPI_* and JSM_* do. */
static bool find_pmix (struct launcher *l)
{
    const char *space = env ("PMIX_NAMESPACE");

    if (!env ("PMIX_RANK"))
        return false;
    if (env ("OMPI_COMM_WORLD_SIZE"))
        take (l, "Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
    else if (env ("JSM_NAMESPACE_SIZE"))
        take (l, "LSF", "JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE");
    else if (space && strncmp (space, "slurm.", 6) != 0)
        take (l, "PMIx", "PMIX_RANK", NULL);
    else
        return false;
    set_id (l, "pmix", space);
    return true;
}

/* Slurm's pmi2 plugin names the step, other launchers of a Slurm job do not. */
static bool is_of_slurm (void)
{
    const char *id = env ("PMI_JOBID");
    char step[64];

    snprintf (step, sizeof (step), "%.20s.%.20s", env ("SLURM_JOB_ID") ? env ("SLURM_JOB_ID") : "",
              env ("SLURM_STEP_ID") ? env ("SLURM_STEP_ID") : "");
    return id && !strcmp (id, step);
}

static bool find_pmi (struct launcher *l)
{
    if (!env ("PMI_RANK") || !env ("PMI_SIZE") || is_of_slurm ())
        return false;
    take (l, "PMI", "PMI_RANK", "PMI_SIZE");
    return true;
}

/* The shell of a batch job has SLURM_PROCID too, but is no step. */
static bool find_slurm (struct launcher *l)
{
    char word[64];
    const char *job = env ("SLURM_JOB_ID");
    const char *step = env ("SLURM_STEP_ID");

    if (!job || !step || !env ("SLURM_PROCID") || !env ("SLURM_STEP_NUM_TASKS"))
        return false;
    take (l, "Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS");
    snprintf (word, sizeof (word), "%.20s.%.20s-%d", job, step,
              env_int ("SLURM_RESTART_COUNT", 0, 0));
    set_id (l, "slurm", word);
    return true;
}

static bool find_pbs (struct launcher *l)
{
    if (!env ("PBS_JOBID") || env_int ("PBS_TASKNUM", 1, 1) == 1)
        return false;
    take (l, "PBS", "PBS_NODENUM", NULL);
    return true;
}

static int count_words (const char *s)
{
    int n = 0;

    while (s && *(s += strspn (s, " "))) {
        s += strcspn (s, " ");
        n++;
    }
    return n;
}

static void set_job (struct launcher *l, const char *name, const char *id, int nnodes)
{
    if (!l->name)
        l->name = name;
    snprintf (l->job, sizeof (l->job), "%s", id);
    l->nnodes = nnodes;
}

static void find_job (struct launcher *l)
{
    const char *id;

    if ((id = env ("SLURM_JOB_ID")))
        set_job (l, "Slurm", id, env_int ("SLURM_JOB_NUM_NODES", 1, 0));
    else if ((id = env ("PBS_JOBID")))
        set_job (l, "PBS", id, env_int ("PBS_NUM_NODES", 1, 0));
    else if ((id = env ("LSB_JOBID")))
        set_job (l, "LSF", id, count_words (env ("LSB_MCPU_HOSTS")) / 2);
}

void launcher_find (struct launcher *l)
{
    *l = (struct launcher){ .rank = -1 };
    if (!find_pals (l) && !find_pmix (l) && !find_pmi (l) && !find_slurm (l))
        (void)find_pbs (l);
    find_job (l);
    l->offers_pmi = env ("PMI_FD") || env ("PMI_PORT") || env ("PMIX_RANK");
}

bool launcher_is_parallel (const struct launcher *l)
{
    return l->program && l->size != 1;
}

/* --- process mapping --- */

/* "2(x3),1": of each node in turn. */
static int parse_group (const char **sp, unsigned int *ntasks, unsigned int *nnodes)
{
    int used = 0;

    *nnodes = 1;
    if (sscanf (*sp, "%7u%n", ntasks, &used) != 1)
        return -EPROTO;
    *sp += used;
    used = 0;
    if (sscanf (*sp, "(x%7u)%n", nnodes, &used) == 1 && used)
        *sp += used;
    if (**sp == ',')
        (*sp)++;
    else if (**sp != '\0')
        return -EPROTO;
    return *ntasks > 0 && *nnodes > 0 ? 0 : -EPROTO;
}

static int map_of_counts (const char *s, char *buf, size_t size)
{
    unsigned int node = 0, ntasks, nnodes;
    int n = snprintf (buf, size, "(vector");

    while (*s) {
        if (parse_group (&s, &ntasks, &nnodes) < 0)
            return -ENOENT;
        if (n >= (int)size)
            return -EOVERFLOW;
        n += snprintf (buf + n, size - n, ",(%u,%u,%u)", node, nnodes, ntasks);
        node += nnodes;
    }
    if (n + 2 > (int)size)
        return -EOVERFLOW;
    snprintf (buf + n, size - n, ")");
    return node > 0 ? 0 : -ENOENT;
}

/* One task a node is in blocks, however it is called. */
static bool is_in_blocks (const char *counts)
{
    const char *s = env ("SLURM_DISTRIBUTION");
    bool ones = !strcmp (counts, "1") || (!strncmp (counts, "1(x", 3) && !strchr (counts, ','));

    return ones || !s || !strncmp (s, "block", 5);
}

int launcher_mapping (const struct launcher *l, char *buf, size_t size)
{
    const char *counts = env ("SLURM_STEP_TASKS_PER_NODE");
    int n;

    if (!l->program || l->size < 1)
        return -ENOENT;
    if (!strcmp (l->name, "Slurm") && counts && is_in_blocks (counts))
        return map_of_counts (counts, buf, size);
    if (!strcmp (l->name, "Open MPI")
        && env_int ("OMPI_COMM_WORLD_LOCAL_SIZE", 1, 0) == l->size) {
        n = snprintf (buf, size, "(vector,(0,1,%d))", l->size);
        return n < (int)size ? 0 : -EOVERFLOW;
    }
    return -ENOENT;
}

const char *launcher_advice (const struct launcher *l)
{
    if (l->name && !strcmp (l->name, "Slurm"))
        return "install Slurm's PMI library on all nodes (Debian: libpmi0), or start it"
               " with srun --mpi=pmi2, or with FLUX_PMI_CLIENT_METHODS=rendezvous:DIR for"
               " a DIR that all nodes share";
    if (l->id[0])
        return "set FLUX_PMI_CLIENT_METHODS=rendezvous:DIR for a DIR that all nodes"
               " share, or start it with mpiexec.hydra (Debian: mpich)";
    return "have the launcher offer PMI-1, or start it with mpiexec.hydra (Debian: mpich)";
}
