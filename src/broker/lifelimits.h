/* lifelimits.h - attributes that say how long, how many, and with what exit code
 */
#ifndef BROKER_LIFELIMITS_H
#define BROKER_LIFELIMITS_H

#include "broker/attr.h"

/* Durations in seconds, INFINITY for none. */
struct lifelimits {
    int quorum;               /* brokers that must be online */
    double quorum_warn;
    double shutdown_warn;
    double shutdown_timeout;
    double cleanup_timeout;
    double unload_timeout;
};

/* Set what is not set to its default and check all.  0 or a negative errno with
 * err->text. */
int lifelimits_read (struct lifelimits *ll, struct attrs *a, uint32_t size,
                     flux_error_t *err);
/* broker.exit-restart or -norestart as it is now; -1: not set. */
int lifelimits_exit_code (struct attrs *a, const char *name);

#endif /* !BROKER_LIFELIMITS_H */
