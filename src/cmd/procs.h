/* procs.h - the processes of a running job, from its shells
 */
#ifndef CMD_PROCS_H
#define CMD_PROCS_H

#include <stdbool.h>
#include <flux/core.h>
#include <flux/optparse.h>

/* Ask the leader shell, whose service and broker the event shell.init names.  The
 * answer is for procs_get(). */
flux_future_t *procs_request (flux_t *h, const char *service, int leader);

/* [[rank, host, pid, executable], ...] in order of ranks, borrowed from the future;
 * *stoppedp (may be NULL): they wait in exec for a debugger.  NULL with errno. */
json_t *procs_get (flux_future_t *f, bool *stoppedp);

int job_hostpids (optparse_t *p, int argc, char **argv);

#endif /* !CMD_PROCS_H */
