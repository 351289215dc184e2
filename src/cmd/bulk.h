/* bulk.h - submit many jobs at once, wait for them, show their output and progress
 * (flux-submit(1): --cc, --wait, --watch, --progress)
 */
#ifndef CMD_BULK_H
#define CMD_BULK_H

#include <stdbool.h>
#include <stdio.h>
#include <flux/core.h>

struct bulk;

struct bulk_opts {
    bool quiet;               /* do not print job ids */
    bool watch;               /* show output; implies waiting */
    const char *wait_event;   /* NULL: do not wait; "exec.X" is of the exec eventlog */
    bool label;
    bool progress;
    bool jps;
    bool verbose;
};

struct bulk *bulk_new (flux_t *h, const struct bulk_opts *opts, size_t total);
/* Submit one more; jobspec text is copied.  Runs the reactor while too many are
 * under way.  'out' and 'err' take what is printed for this job. */
void bulk_submit (struct bulk *b, const char *jobspec, int urgency, int flags,
                  FILE *out, FILE *err);
/* Watch a job that is there already, as if it had been submitted here. */
void bulk_watch (struct bulk *b, flux_jobid_t id, FILE *out, FILE *err);
/* When the work began, for the rate of --jps (default: bulk_new). */
void bulk_set_start (struct bulk *b, double t);
/* Wait for all that is to be waited for.  Returns the exit code: 1 if a job was not
 * accepted, else the largest of the jobs' exit codes (with waiting), else 0. */
int bulk_finish (struct bulk *b);

#endif /* !CMD_BULK_H */
