/* monitor.h - which brokers are online, which of them torpid
 *
 *   rank 0 ──attr.get broker.recovery-mode──► broker         (if set: none is online)
 *          ──groups.get {"name": "broker.online"}, streaming──► broker
 *          ──groups.get {"name": "broker.torpid"}, streaming──►
 */
#ifndef RESOURCE_MONITOR_H
#define RESOURCE_MONITOR_H

#include <flux/core.h>

struct monitor;
struct idset;

enum monitor_group {
    MONITOR_ONLINE,
    MONITOR_TORPID,
    MONITOR_NGROUPS,
};

/* The whole group, each time that it changes. */
typedef void (*monitor_f) (enum monitor_group group, const struct idset *members,
                           void *arg);

struct monitor *monitor_new (flux_t *h, monitor_f cb, void *arg);  /* NULL: errno */
void monitor_free (struct monitor *m);

#endif /* !RESOURCE_MONITOR_H */
