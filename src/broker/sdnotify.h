/* sdnotify.h - tell systemd how the broker is (sd_notify(3))
 *
 * Datagrams to the socket that NOTIFY_SOCKET names: ready in run state, stopping
 * from cleanup on, the state as status text.  While it stops, each new state asks
 * for more time.
 */
#ifndef BROKER_SDNOTIFY_H
#define BROKER_SDNOTIFY_H

#include <flux/core.h>
#include "broker/attr.h"
#include "broker/runlevel.h"

struct sdnotify;

/* 0 with *sp, which is NULL if broker.sd-notify is not set or systemd does not
 * listen; a negative errno with err->text for a bad attribute. */
int sdnotify_new (struct attrs *attrs, struct sdnotify **sp, flux_error_t *err);
void sdnotify_free (struct sdnotify *s);
/* NULL is allowed in both. */
void sdnotify_state (struct sdnotify *s, enum runlevel level);
/* How what a state does goes on; it asks for more time, too. */
void sdnotify_status (struct sdnotify *s, const char *status);

#endif /* !BROKER_SDNOTIFY_H */
