/* attach_stdin.h - send this process's standard input to a job's shell
 */
#ifndef CMD_ATTACH_STDIN_H
#define CMD_ATTACH_STDIN_H

#include <flux/core.h>

struct attach_stdin;

/* 'ranks' is an idset of tasks, or NULL for all; the input of others is closed.  Input goes on as it comes: nothing
 * is buffered here.  NULL if stdin is closed. */
struct attach_stdin *attach_stdin_start (flux_t *h, const char *service, int rank,
                                         const char *ranks);
void attach_stdin_free (struct attach_stdin *in);

/* A watcher for standard input, whatever it is; not started.  NULL if it is closed. */
flux_watcher_t *attach_stdin_watcher (flux_reactor_t *r, flux_watcher_f cb, void *arg);

#endif /* !CMD_ATTACH_STDIN_H */
