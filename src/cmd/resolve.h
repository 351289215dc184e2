/* resolve.h - from what a person calls an instance to its URI (flux-uri(1))
 *
 *   local://PATH, ssh://HOST/PATH   a URI that flux_open(3) takes
 *   jobid:PATH or PATH              jobs of jobs: /, .., f1/f2
 *   pid:PID                         FLUX_URI of a process
 *   slurm:JOBID                     of a process of a Slurm job, found by srun
 *
 * A target may end in ?local, ?remote or ?wait, joined by '&'.
 */
#ifndef CMD_RESOLVE_H
#define CMD_RESOLVE_H

#include <stdbool.h>
#include <flux/core.h>

enum resolve_flag {
    RESOLVE_LOCAL = 1,   /* local://, wherever it is (also FLUX_URI_RESOLVE_LOCAL) */
    RESOLVE_REMOTE = 2,  /* ssh:// */
    RESOLVE_WAIT = 4,    /* for jobs that do not run yet */
};

/* A new string, or NULL with err->text. */
char *resolve_uri (const char *target, int flags, flux_error_t *err);

/* The same, in a form that connects without ssh if the instance is on this host. */
char *resolve_nearest (const char *target, int flags, flux_error_t *err);

/* A handle to it, to the instance at hand if NULL.  Exits 1 with a message if that fails. */
flux_t *resolve_open (const char *target);

/* What flux_open(3) should take for a URI that a job has posted: local:// if it is
 * on this host.  A new string, or NULL: out of memory. */
char *resolve_shorten (const char *uri);

/* Is it a job id path, and nothing with a scheme? */
bool resolve_is_jobid (const char *target);

extern const char resolve_schemes[];   /* text for --help */

#endif /* !CMD_RESOLVE_H */
