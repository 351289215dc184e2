/* rundir.h - the directories of a broker: rundir and statedir
 *
 * Rules in flux-broker-attributes(7).
 */
#ifndef BROKER_RUNDIR_H
#define BROKER_RUNDIR_H

#include <stdbool.h>
#include <flux/core/types.h>
#include "broker/attr.h"

/* Settle attribute 'name' ("rundir" or "statedir"): use the directory it says,
 * create it, or create one of our own under 'tmpdir' with a template of
 * "flux-XXXXXX"; mode 0700.  *removep tells whether to remove it at the end.
 * 0 or a negative errno with err->text. */
int rundir_create (struct attrs *attrs, const char *name, const char *tmpdir,
                   bool *removep, flux_error_t *err);
/* Remove a directory and what is in it; never follows a link. */
void rundir_remove (const char *path);

#endif /* !BROKER_RUNDIR_H */
