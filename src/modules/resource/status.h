/* status.h - resource.status and resource.sched-status
 */
#ifndef RESOURCE_STATUS_H
#define RESOURCE_STATUS_H

#include <flux/core.h>

struct status;
struct rset;
struct idset;
struct drain;

/* What there is to tell, all borrowed: the owner keeps it right. */
struct resource_view {
    const struct rset *R;
    const struct idset *online;
    const struct idset *torpid;
    const struct idset *exclude;
    const struct idset *lost;       /* not among the scheduler's any more */
    const struct idset *up;         /* may be given to jobs */
    const struct drain *drain;
};

struct status *status_new (flux_t *h, const struct resource_view *v); /* NULL: errno */
void status_free (struct status *s);

/* The view is another than at the last request. */
void status_changed (struct status *s);
void status_request (struct status *s, const flux_msg_t *msg);
/* The scheduler's view: asks who knows what is allocated. */
void status_sched_request (struct status *s, const flux_msg_t *msg);
void status_disconnect (struct status *s, const flux_msg_t *msg);

#endif /* !RESOURCE_STATUS_H */
