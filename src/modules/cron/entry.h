/* entry.h - one entry of cron: when, what, and how it went
 *
 *   stopped ◄─► started ─[timer or event]─► due ─► task runs ─► count, history
 *
 * The owner of entries (cron.c) is asked whether a task may start now, or is to wait for
 * the sync event.
 */
#ifndef CRON_ENTRY_H
#define CRON_ENTRY_H

#include <flux/core.h>
#include <jansson.h>

#include "base/list.h"

struct entry;

/* May tasks start now?  If not, entry_run() is called later. */
typedef bool (*entry_may_run_f) (void *arg);

/* Of a cron.create request's payload.  NULL with errno and err->text. */
struct entry *entry_new (flux_t *h, int id, json_t *request, entry_may_run_f may_run, void *arg,
                         flux_error_t *err);
/* A task that runs goes on, unless 'kill'. */
void entry_free (struct entry *e, bool kill);

int entry_id (const struct entry *e);
/* Counters for repeat and stop-on-failure begin anew. */
int entry_start (struct entry *e, flux_error_t *err);
void entry_stop (struct entry *e);
bool entry_is_stopped (const struct entry *e);

/* The topic of an entry of type event, or NULL. */
const char *entry_topic (const struct entry *e);
/* An event of that topic came. */
void entry_event (struct entry *e);
/* Start the task if one was deferred. */
void entry_run_deferred (struct entry *e);

/* All there is to say of it; a new reference. */
json_t *entry_json (const struct entry *e);

#endif /* !CRON_ENTRY_H */
