/* reslog.h - the resource eventlog (RFC 44): in memory, in the KVS, and as the
 * stream of the resource.journal RPC
 *
 *   reslog_post() ──► memory ──► journal streams
 *        │
 *        └─► KVS transaction: one in flight, what is posted meanwhile is the next
 */
#ifndef RESOURCE_RESLOG_H
#define RESOURCE_RESLOG_H

#include <stdbool.h>
#include <flux/core.h>
#include <jansson.h>

struct reslog;

struct reslog *reslog_new (flux_t *h, int journal_max);  /* NULL: errno */
/* Pending waiters get ENOSYS, journal streams too. */
void reslog_free (struct reslog *l);

/* What the KVS had at the start; goes in front of what was posted since. */
int reslog_load (struct reslog *l, const json_t *entries);
/* Replace what reslog_load() was given by 'entries' in the KVS.  Before
 * reslog_open_journal(). */
int reslog_rewrite (struct reslog *l, const json_t *entries);
/* Write resource.R along with the events posted in this turn of the loop. */
int reslog_put_R (struct reslog *l, const char *R);
/* R for the journal's resource-define events; takes a reference. */
void reslog_set_journal_R (struct reslog *l, json_t *R);

/* Post an event; timestamp 0 is now; 'context' (may be NULL) is taken also on
 * failure.  'keep': record it in the KVS.  0 or a negative errno. */
int reslog_post (struct reslog *l, double timestamp, const char *name,
                 json_t *context, bool keep);
/* Respond to a request (without payload) when all that was posted until now is
 * in the KVS, or with the error that prevented it. */
void reslog_respond (struct reslog *l, const flux_msg_t *msg);

/* Takes effect at once. */
void reslog_set_max (struct reslog *l, int journal_max);

/* The journal RPC, its cancellation, a client's disconnect. */
void reslog_journal (struct reslog *l, const flux_msg_t *msg);
void reslog_journal_cancel (struct reslog *l, const flux_msg_t *msg);
void reslog_disconnect (struct reslog *l, const flux_msg_t *msg);
/* Answer journal requests from now on: history is complete. */
void reslog_open_journal (struct reslog *l);

#endif /* !RESOURCE_RESLOG_H */
