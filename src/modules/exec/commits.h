/* commits.h - what job-exec writes to the KVS: nobody waits, nothing is lost
 *
 *   commit, graft ──► under way ──► answered
 *                       ▲   │ ENOSPC
 *                       └─ stalled: sent again each second, in the same order
 *
 * Any other error is logged.
 */
#ifndef EXEC_COMMITS_H
#define EXEC_COMMITS_H

#include <flux/core.h>

struct commits;

struct commits *commits_new (flux_t *h);
/* What has no answer yet is not sent again. */
void commits_free (struct commits *cs);
/* Takes txn (NULL: only logs errno as that of "what"). */
void commits_add (struct commits *cs, const char *ns, flux_kvs_txn_t *txn,
                  const char *what);
/* Link the root of a namespace at key dst of the primary one, and remove it. */
void commits_graft (struct commits *cs, const char *ns, const char *dst);

#endif /* !EXEC_COMMITS_H */
