/* guest.h - the guest namespace of a job and its exec.eventlog (RFC 16, 50)
 *
 * A job with shells has a namespace of its own; when it is done the namespace
 * is grafted into the job's directory.  A simulated job, which nobody writes
 * to, has its eventlog in the job's directory from the start: then neither its
 * creation nor its end costs a request of its own.
 */
#ifndef EXEC_GUEST_H
#define EXEC_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

struct jobexec;
struct guest;

/* 'rc' is 0 or a negative errno. */
typedef void (*guest_f) (void *arg, int rc);

/* Create the namespace for 'userid' and the link to it.  'failed' is called if
 * that fails; it is not called after guest_free().  NULL with errno. */
struct guest *guest_create (struct jobexec *ctx, uint64_t id, uint32_t userid,
                            guest_f failed, void *arg);
/* The namespace exists already. */
struct guest *guest_recover (struct jobexec *ctx, uint64_t id);
/* No namespace. */
struct guest *guest_simulate (struct jobexec *ctx, uint64_t id);
void guest_free (struct guest *g);

const char *guest_namespace (const struct guest *g); /* NULL if simulated */

/* Events of ours, beside those of RFC 50, for after a restart: shells of a job that goes
 * on have ended {"ranks", "wait_status"?} (none: they were lost); the job has said whose
 * loss ends it {"ranks"}. */
#define RANK_EXIT_EVENT "rank-exit"
#define CRITICAL_EVENT "critical-ranks"

/* Append an event, committed with others at the end of the turn.  'context' is
 * JSON text or NULL. */
void guest_event (struct guest *g, const char *name, const char *context);
/* The same, but it can wait for the next event. */
void guest_event_lazy (struct guest *g, const char *name, const char *context);
/* The job has told its end before a restart: "done" is in its eventlog. */
void guest_is_done (struct guest *g);
/* Append "done" and link the final content.  The answer is not waited for: what
 * follows from it (a response to the job manager, its commit) comes to the KVS
 * after this. */
void guest_finish (struct guest *g);

/* From the outbox: commit what is gathered.  'n' is first on jobexec.guests. */
struct list_node;
void guest_flush_node (struct list_node *n);

#endif /* !EXEC_GUEST_H */
