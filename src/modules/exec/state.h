/* state.h - what rank 0 remembers of launches, so that no job runs twice
 *
 * The file "job-exec" in the state directory: the cookie of the instance, where
 * its broker of rank 0 is reached, then the id of each job, written before its first
 * shell is started.  A job that is in
 * this file after a restart of the broker may have run, even if the KVS has
 * not heard of its start.  The write is not waited for: it is safe from the
 * end of the broker, not from that of the host, which ends the shells too.
 */
#ifndef EXEC_STATE_H
#define EXEC_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core/types.h>

struct execstate;

/* 'statedir' NULL: only a cookie, nothing is kept.  'uri' is the broker's local-uri.
 * NULL with errno, err->text. */
struct execstate *execstate_open (const char *statedir, const char *uri,
                                  flux_error_t *err);
void execstate_free (struct execstate *st);
const char *execstate_cookie (const struct execstate *st);
/* Is there a state directory, so that jobs can be taken over after a restart? */
bool execstate_keeps (const struct execstate *st);
/* The broker that is gone had this 'uri' too: its shells find us. */
bool execstate_same_uri (const struct execstate *st);
/* Was the job launched by a broker that is gone? */
bool execstate_known (const struct execstate *st, uint64_t id);
/* The job is about to be launched.  0 or a negative errno. */
int execstate_launch (struct execstate *st, uint64_t id);
/* All is told about the job: it is forgotten a while later. */
void execstate_done (struct execstate *st, uint64_t id);

#endif /* !EXEC_STATE_H */
