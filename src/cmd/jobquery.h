/* jobquery.h - which jobs: what commands say in options, as job-list constraints
 * (RFC 43)
 */
#ifndef CMD_JOBQUERY_H
#define CMD_JOBQUERY_H

#include <flux/core.h>
#include <flux/optparse.h>
#include <jansson.h>

/* Each gives a new constraint object in *op, or NULL there: no restriction.  0, or a
 * negative errno with err->text. */

/* --user: name, number, "all", or NULL: who runs the command. */
int jobquery_user (const char *user, json_t **op, flux_error_t *err);
/* --filter: comma separated states and results. */
int jobquery_filter (const char *list, json_t **op, flux_error_t *err);

/* All uses of an option with comma separated queue names; NULL if there is none. */
json_t *jobquery_queues (optparse_t *p, const char *option);
/* --since: a time in the past, or "-DURATION". */
int jobquery_since (const char *s, double *tp, flux_error_t *err);

/* Jobs that match (the constraint is taken), at most 'count' if that is not 0, newest
 * first, with the attributes that are named in 'attrs' ("all", or comma separated).
 * A new array, or NULL with err->text. */
json_t *jobquery_list (flux_t *h, json_t *constraint, const char *attrs, int count, double since,
                       flux_error_t *err);

#endif /* !CMD_JOBQUERY_H */
