/* launcher.h - who started this process, and with how many others
 *
 * Read from the environment alone.  Launchers nest (hydra starts its proxies with
 * srun): the innermost counts.  What a Flux instance gives to its programs has none
 * of these variables but PMI_* (flux-environment(7)).
 *
 *   seen by                                      name
 *   PMI_SIZE, PMI_RANK                           whoever offers PMI ("PMI")
 *   PALS_RANKID (PMI_SIZE)                       PALS
 *   OMPI_COMM_WORLD_SIZE with PMIX_RANK          Open MPI
 *   JSM_NAMESPACE_SIZE with PMIX_RANK            LSF jsrun
 *   PMIX_RANK, PMIX_NAMESPACE                    PMIx: size unknown
 *   SLURM_STEP_ID, SLURM_PROCID, ..._NUM_TASKS   Slurm
 *   PBS_TASKNUM > 1 (pbsdsh)                     PBS: size unknown
 *   SLURM_JOB_ID, PBS_JOBID, LSB_JOBID           a batch job: no program
 */
#ifndef PMI_LAUNCHER_H
#define PMI_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>

struct launcher {
    const char *name;     /* NULL: none is seen */
    bool program;         /* this is a process of a parallel program */
    int rank;             /* in the program, -1: unknown */
    int size;             /* of the program, 0: unknown, but several */
    char id[128];         /* what no other program of the time is called, or "" */
    char job[64];         /* number of the batch job around it, or "" */
    int nnodes;           /* of the batch job, 0: unknown */
    bool offers_pmi;      /* a descriptor or a server's address is there */
};

void launcher_find (struct launcher *l);
/* Is it a process among several? */
bool launcher_is_parallel (const struct launcher *l);
/* "(vector,(0,2,4))" (RFC 13) if the environment tells it, else -ENOENT; -EOVERFLOW. */
int launcher_mapping (const struct launcher *l, char *buf, size_t size);
/* What a user should do if no method works: a clause without a full stop. */
const char *launcher_advice (const struct launcher *l);

#endif /* !PMI_LAUNCHER_H */
