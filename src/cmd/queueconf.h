/* queueconf.h - the queues as configured (RFC 33, flux-config-queues(5))
 */
#ifndef CMD_QUEUECONF_H
#define CMD_QUEUECONF_H

#include <stdbool.h>
#include <flux/core.h>
#include <jansson.h>

struct rset;
struct queueconf;

/* Ask for the configuration now, wait for it later: in between, other requests can
 * be sent.  Exits 1 on failure. */
flux_future_t *queueconf_ask (flux_t *h);
struct queueconf *queueconf_get (flux_future_t *f);   /* destroys f */
void queueconf_free (struct queueconf *qc);

bool queueconf_named (const struct queueconf *qc);            /* are there named queues? */
bool queueconf_exists (const struct queueconf *qc, const char *name);
const char *queueconf_parent (const struct queueconf *qc, const char *name);  /* or NULL */
const char *queueconf_default (const struct queueconf *qc);   /* or NULL */
/* Policy by path ("limits.duration") of a queue ("": the anonymous one): its own,
 * its parent's, or the general one; NULL if unset.  Borrowed. */
const json_t *queueconf_policy (const struct queueconf *qc, const char *name, const char *path);

/* Iterate over the names, *pos = 0 at first. */
const char *queueconf_next (const struct queueconf *qc, size_t *pos);

/* Properties a node needs to be the queue's: a new array, maybe empty.  A virtual
 * queue has those of its parent. */
json_t *queueconf_properties (const struct queueconf *qc, const char *name);
/* The part of 'r' that is the queue's. */
struct rset *queueconf_filter (const struct queueconf *qc, const char *name,
                               const struct rset *r);
/* The queues named in all uses of a comma separated option, or NULL if it was not
 * used.  Exits 1 if one does not exist. */
json_t *queueconf_option (const struct queueconf *qc, const char *list);

#endif /* !CMD_QUEUECONF_H */
