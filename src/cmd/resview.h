/* resview.h - the resources as the scheduler sees them (RFC 27), for commands
 */
#ifndef CMD_RESVIEW_H
#define CMD_RESVIEW_H

#include <flux/core.h>
#include <jansson.h>

struct rset;
struct idset;
struct queueconf;

struct resview {
    struct rset *all;
    struct rset *down;
    struct rset *allocated;
};

/* resource.sched-status, or what FLUX_RESOURCE_LIST_RPC names.  Exits 1 on failure. */
flux_future_t *resview_ask (flux_t *h);
void resview_get (struct resview *v, flux_future_t *f);   /* destroys f */
void resview_release (struct resview *v);

/* Keep only what is of these queues (any of them; NULL: no restriction), and of the
 * ranks or hosts of 'targets' (idset or hostlist; NULL: all). */
void resview_filter (struct resview *v, const struct queueconf *qc, const json_t *queues,
                     const char *targets);
struct rset *resview_filter_rset (const struct rset *r, const struct queueconf *qc,
                                  const json_t *queues, const char *targets);

/* A new set of the resources in state up, down, allocated, free or all; NULL if
 * there is no such state. */
struct rset *resview_state (const struct resview *v, const char *state);

/* Resources of R in JSON, which may be null: none.  Exits 1 if it is malformed. */
struct rset *resview_decode (const json_t *R, const char *what);
char *resview_nodelist (const struct rset *r);            /* caller frees */
char *resview_ranks (const struct rset *r);               /* caller frees */

#endif /* !CMD_RESVIEW_H */
