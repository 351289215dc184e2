/* rankrun.h - an administrator's command on each of some ranks
 *
 * What prolog, epilog and housekeeping have in common: one process a rank by the rexec
 * service, output line by line, signals to some or all of them.  It uses the public
 * interface alone, so that plugins can have it, too.
 *
 * Callbacks come from the reactor, never from within rankrun_start().  The run may be
 * freed in any of them.
 */
#ifndef JOB_RANKRUN_H
#define JOB_RANKRUN_H

#include <flux/core.h>

struct idset;
struct rankrun;

struct rankrun_ops {
    /* The process of 'rank' has ended with this wait status; 'error': it could not be
     * started (status 126 or 127 as of a shell) or its broker was lost, else NULL. */
    void (*ended) (void *arg, int rank, int status, const char *error);
    /* A line of stdout or stderr, without its newline. */
    void (*line) (void *arg, int rank, const char *stream, const char *line, int len);
};

/* The command of a job: 'words' (an array of 1 to 62 strings), in "/", with PATH,
 * FLUX_JOB_ID (F58), FLUX_JOB_USERID, FLUX_JOB_RANKS ('ranks', an idset, NULL: unset) and
 * what flux commands need to work (flux-environment(7), system scripts).  NULL: errno. */
flux_cmd_t *rankrun_command (json_t *words, flux_jobid_t id, uint32_t userid,
                             const char *ranks);
/* Is it an array of strings that rankrun_command() takes? */
bool rankrun_is_command (const json_t *words);
/* The id as people read it; valid until the next call. */
const char *rankrun_id (flux_jobid_t id);

/* NULL: no memory. */
struct rankrun *rankrun_new (flux_t *h, const struct rankrun_ops *ops, void *arg);
/* Processes that run still are not ended by this. */
void rankrun_free (struct rankrun *r);
/* Start 'cmd' on these ranks, which may be done more than once.  0, or -1 with errno if
 * not all could be asked for; those that were are reported as usual. */
int rankrun_start (struct rankrun *r, const flux_cmd_t *cmd, const struct idset *ranks);
/* Send a signal to the processes of these ranks (NULL: all); to those that are being
 * started as soon as they are.  Returns their number. */
int rankrun_kill (struct rankrun *r, const struct idset *ranks, int signum);
/* Ranks whose process has not ended; the caller destroys.  NULL: no memory. */
struct idset *rankrun_active (const struct rankrun *r);

#endif /* !JOB_RANKRUN_H */
