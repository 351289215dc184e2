/* startlog.h - when the instance started and ended, in the KVS (flux-startlog(1))
 *
 * On rank 0, "admin.eventlog" (RFC 18) gets an event "start" with the version when rc1 is
 * over, and "finish" before the KVS goes.  A "start" that follows a "start" tells of a
 * crash: that is logged.
 */
#ifndef BROKER_STARTLOG_H
#define BROKER_STARTLOG_H

#include <flux/core.h>

#include "broker/attr.h"
#include "broker/log.h"

struct startlog;

typedef void (*startlog_done_f) (void *arg);

/* 'sent' is called, maybe at once, when the event is on its way: before anything that is
 * asked of the KVS then.  With a state directory that stays, when it is recorded, so that
 * whatever the instance does after that is known to be after a start.
 * NULL: errno, and it is not called. */
struct startlog *startlog_start (flux_t *h, struct attrs *attrs, struct broker_log *log,
                                 startlog_done_f sent, void *arg);
/* Calls 'fun' when the event is recorded, or cannot be. */
void startlog_finish (struct startlog *s, startlog_done_f fun, void *arg);
/* NULL is ignored; 'fun' is not called any more. */
void startlog_free (struct startlog *s);

#endif /* !BROKER_STARTLOG_H */
