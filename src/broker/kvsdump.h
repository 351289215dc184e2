/* kvsdump.h - where rc3 dumps the KVS to, and rc1 restores it from
 * (content.dump, content.restore)
 *
 * A path is taken as it is.  "auto" is a file named by the date: in statedir/dump, with
 * the link statedir/dump/RESTORE to it, or in the current directory if there is no
 * state directory to stay.
 */
#ifndef BROKER_KVSDUMP_H
#define BROKER_KVSDUMP_H

#include <flux/core.h>

#include "broker/attr.h"

/* 0 with *pathp, which the caller frees; NULL: nothing is to be done.  A negative errno
 * with err->text. */
int kvsdump_path (struct attrs *attrs, char **pathp, flux_error_t *err);
int kvsdump_restore_path (struct attrs *attrs, char **pathp, flux_error_t *err);

/* The dump is complete: for "auto", make the link. */
int kvsdump_done (struct attrs *attrs, const char *path, flux_error_t *err);
/* It is restored: for "auto", remove the link, so that it is not again. */
void kvsdump_restored (struct attrs *attrs);

/* The words of "flux dump" and "flux restore", for free_argv(); NULL: no memory. */
char **kvsdump_argv (const char *path);
char **kvsdump_restore_argv (const char *path);

#endif /* !BROKER_KVSDUMP_H */
