/* list.h - job-list: what listings say of jobs (RFC 43)
 */
#ifndef JOB_LIST_H
#define JOB_LIST_H

#include "modules/job/table.h"

int list_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err);
void list_stop (void *ctx);

/* A job changed its state, or left the table: answer who waits for it. */
void list_state_changed (struct jobtab *t, struct job *job);
void list_job_gone (struct jobtab *t, struct job *job);

/* ---- attr.c: attributes as JSON ---- */

/* Bits of the attributes named in an array of strings ("all": all of them).
 * 0, or -EINVAL with err->text. */
int list_attrs_parse (const json_t *names, uint64_t *mask, flux_error_t *err);
json_t *list_attrs_names (void);
/* The attributes that the job has and the mask asks for, and "id"; NULL: no
 * memory. */
json_t *list_attrs_get (const struct job *job, uint64_t mask);

/* ---- match.c: constraints ---- */

struct constraint;
struct mgr;
/* 'm' knows the virtual queues; NULL if the job manager is not loaded. */
struct constraint *list_constraint (struct mgr *m, const json_t *o, flux_error_t *err);

#endif /* !JOB_LIST_H */
