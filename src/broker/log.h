/* log.h - the log service (flux-broker(1) LOGGING, log-* attributes)
 *
 * Keeps the ring, decides by the log- attributes what goes to standard error,
 * to a file, to syslog and to the leader, and serves log.append, log.clear and
 * log.dmesg.
 */
#ifndef BROKER_LOG_H
#define BROKER_LOG_H

#include <flux/core.h>
#include "broker/attr.h"

struct broker_log;

/* Sets the defaults of the log- attributes.  0 or a negative errno with
 * err->text if one has a value that makes no sense. */
int broker_log_init_attrs (struct attrs *attrs, flux_error_t *err);

struct broker_log *broker_log_new (flux_t *h, struct attrs *attrs, uint32_t rank);
void broker_log_free (struct broker_log *bl);

/* What the broker itself has to say: "broker.LEVEL[rank]: text".  Usable with
 * NULL, then it goes to standard error. */
void broker_logf (struct broker_log *bl, int level, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));
/* The same on behalf of a message in RFC 5424 form. */
void broker_log_append (struct broker_log *bl, const char *text, size_t len);

#endif /* !BROKER_LOG_H */
