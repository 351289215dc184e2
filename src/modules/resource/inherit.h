/* inherit.h - R of the job that this instance is, from the enclosing instance
 *
 *   rank 0 ──job-info.lookup {id, keys: ["R"], flags: current}──► enclosing
 *          ──job-info.eventlog-watch {id, path: "eventlog"}─────► instance
 */
#ifndef RESOURCE_INHERIT_H
#define RESOURCE_INHERIT_H

#include <stdbool.h>
#include <flux/core.h>

struct inherit;
struct rset;

/* 'R' is NULL if there is none, with 'text' why: then nothing more is called. */
typedef void (*inherit_R_f) (const struct rset *R, const char *text, void *arg);
/* The expiration of the job was changed. */
typedef void (*inherit_expiration_f) (double expiration, void *arg);

/* Are we a job of a Flux instance? */
bool inherit_possible (flux_t *h);
/* NULL with err->text. */
struct inherit *inherit_start (flux_t *h, inherit_R_f R_cb,
                               inherit_expiration_f expiration_cb, void *arg,
                               flux_error_t *err);
void inherit_free (struct inherit *in);

#endif /* !RESOURCE_INHERIT_H */
