/* jobfields.h - the output fields of a job (flux-jobs(1), OUTPUT FORMAT), from what
 * job-list answers (RFC 43)
 */
#ifndef CMD_JOBFIELDS_H
#define CMD_JOBFIELDS_H

#include <stdbool.h>
#include <jansson.h>

/* For format_parse(): the heading of a field, or NULL if there is none. */
const char *jobfields_heading (const char *field, void *arg);
/* For format_table_new(): 'item' is the job object of job-list. */
json_t *jobfields_value (const void *item, const char *field, void *arg);

/* The job as flux jobs --json prints it: fields by their names, without those that it has
 * not (yet); a new reference. */
json_t *jobfields_json (json_t *job);

/* A job that waits for resources, and of which the scheduler has not said why.  What is
 * set on the job object as JOBFIELDS_STOPPED is then its contextual_info. */
#define JOBFIELDS_STOPPED "queue_stopped"
bool jobfields_unexplained (json_t *job);

#endif /* !CMD_JOBFIELDS_H */
