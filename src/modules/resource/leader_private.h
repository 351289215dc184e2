/* leader_private.h - what the files of leader share
 */
#ifndef RESOURCE_LEADER_PRIVATE_H
#define RESOURCE_LEADER_PRIVATE_H

#include "modules/resource/acquire.h"
#include "modules/resource/drain.h"
#include "modules/resource/hostmap.h"
#include "modules/resource/inventory.h"
#include "modules/resource/leader.h"
#include "modules/resource/monitor.h"
#include "modules/resource/reload.h"
#include "modules/resource/reslog.h"
#include "modules/resource/status.h"

struct leader {
    struct leader_args a;
    flux_t *h;
    struct inventory *inventory;
    struct reslog *log;
    struct monitor *monitor;
    struct acquire *acquire;
    struct status *status;
    struct reload *reload;
    struct hostmap *map;          /* NULL until R is known */
    json_t *history;              /* events of earlier lives, until then */
    struct drain *drain;
    struct idset *seen[MONITOR_NGROUPS]; /* as the broker tells */
    struct idset *online;         /* with those taken for online */
    struct idset *exclude;
    struct idset *lost;           /* ranks that were online and cannot be again */
    bool shrinks;                 /* those that go offline are lost */
    struct idset *up;
    struct resource_view view;
    flux_error_t failed;          /* why there is no R, or "" */
    struct flux_msglist *waiting; /* requests that want R */
    flux_msg_handler_t **handlers;
};

/* Work out what is up, and tell whom it concerns. */
void leader_update (struct leader *l);

/* Post the event and apply it; 'mode' as in the requests below. */
int leader_drain (struct leader *l, const struct idset *ranks, const char *reason,
                  int overwrite);
int leader_undrain (struct leader *l, const struct idset *ranks, const char *reason,
                    int overwrite);

/* leader_drain.c: requests, once R is known. */
void leader_drain_request (struct leader *l, const flux_msg_t *msg);
void leader_undrain_request (struct leader *l, const flux_msg_t *msg);

#endif /* !RESOURCE_LEADER_PRIVATE_H */
