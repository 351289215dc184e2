/* slurmlimit.h - the time limit of the Slurm job that this instance is in
 *
 *   rank 0 ──rexec.exec squeue──► broker 0      at once, then every slurm.poll-interval
 *
 * The attributes slurm.jobid and slurm.conf say which job, and of which Slurm.
 */
#ifndef RESOURCE_SLURMLIMIT_H
#define RESOURCE_SLURMLIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <flux/core.h>

struct slurmlimit;

/* When the job ends, in seconds since 1970, or 0: never.  Called whenever it is
 * asked for, changed or not. */
typedef void (*slurmlimit_f) (double expiration, void *arg);

/* Are we in a job of Slurm, and not of a Flux instance in it? */
bool slurmlimit_possible (flux_t *h);
/* NULL with errno. */
struct slurmlimit *slurmlimit_start (flux_t *h, slurmlimit_f cb, void *arg);
void slurmlimit_free (struct slurmlimit *sl);

/* What squeue prints for %e with SLURM_TIME_FORMAT=%s.  0, or -EINVAL. */
int slurmlimit_parse (const char *line, size_t len, double *expirationp);

#endif /* !RESOURCE_SLURMLIMIT_H */
