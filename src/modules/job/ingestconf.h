/* ingestconf.h - the table ingest of the configuration (flux-config-ingest(5))
 *
 * What frobnicator and validator plugins of these names do is part of job-ingest; this
 * says which of it is wanted.  A plain value.
 */
#ifndef JOB_INGESTCONF_H
#define JOB_INGESTCONF_H

#include <stdbool.h>
#include <stddef.h>
#include <flux/core.h>

struct jobspec;

struct ingestconf {
    bool defaults;             /* frobnicator plugins: defaults of queue and duration, */
    bool constraints;          /* ... what the queue requires */
    bool feasibility;          /* validator plugins: can it ever be satisfied? */
    bool instance;             /* ... only instances of Flux, */
    json_int_t minnodes;       /* ... among jobs of at least so many nodes (0: not set) */
    json_int_t mincores;       /* ... or cores */
    int version;               /* greatest version of a jobspec; 0: any */
    size_t buffer_size;        /* longest J in bytes */
    int batch_count;           /* take that many submissions at once; 0: as they come */
};

/* 0, or -EINVAL with err->text that names the key; then *c is as it was. */
int ingestconf_read (struct ingestconf *c, const flux_conf_t *conf, flux_error_t *err);
/* Does *c want the jobspec to be looked at? */
bool ingestconf_checks (const struct ingestconf *c);
/* 0, or -EINVAL with why the job is refused. */
int ingestconf_check (const struct ingestconf *c, const struct jobspec *js, flux_error_t *err);

#endif /* !JOB_INGESTCONF_H */
