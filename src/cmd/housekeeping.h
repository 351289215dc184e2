/* housekeeping.h - flux housekeeping (flux-housekeeping(1)), and what others show of it
 */
#ifndef CMD_HOUSEKEEPING_H
#define CMD_HOUSEKEEPING_H

#include <flux/core.h>
#include <jansson.h>

struct idset;

int cmd_housekeeping (int argc, char **argv);

/* Ask the job manager what is in housekeeping. */
flux_future_t *housekeeping_ask (flux_t *h);
/* {ID: {"t_start", "allocated": ids, "pending": ids}}, a new reference; empty if the job
 * manager does not know.  Destroys f. */
json_t *housekeeping_running (flux_future_t *f);
/* The ranks that are in housekeeping; the caller destroys. */
struct idset *housekeeping_ranks (json_t *running);

#endif /* !CMD_HOUSEKEEPING_H */
