/* rconfig.h - the [resource] and [fake-resources] tables of the configuration
 *
 * flux-config-resource(5), flux-config-fake-resources(5).  Pure, apart from
 * reading the files that the tables name.
 */
#ifndef RESOURCE_RCONFIG_H
#define RESOURCE_RCONFIG_H

#include <stdbool.h>
#include <jansson.h>
#include <flux/core/types.h>

struct rset;

enum verify_mode {
    VERIFY_STRICT,
    VERIFY_ALLOW_EXTRA,
    VERIFY_ALLOW_MISSING,
    VERIFY_IGNORE,
};

enum verify_what {
    VERIFY_HOSTNAME,
    VERIFY_CORE,
    VERIFY_GPU,
    VERIFY_NTYPES,
};

struct fake_resources {      /* all zero: the table is absent */
    int nnodes;
    int cores;
    int gpus;
    char *prefix;
    char *hwloc_xml;         /* text of the file, or NULL */
};

struct rconfig {
    bool configured;         /* by path or config */
    struct rset *R;          /* leader only */
    json_t *scheduling;      /* leader only: amends any R; or NULL */
    char *exclude;           /* targets, or NULL */
    bool norestrict;
    bool rediscover;
    bool verify_explicit;    /* the person asked for it */
    enum verify_mode verify[VERIFY_NTYPES];
    int journal_max;
    double history;          /* seconds, or INFINITY */
    struct fake_resources fake;
};

/* 'conf' is the whole configuration.  Files are read if 'leader'.  NULL with
 * errno and err->text, which names the key. */
struct rconfig *rconfig_parse (const json_t *conf, bool leader, flux_error_t *err);
void rconfig_free (struct rconfig *c);

/* Nothing to compare? */
bool rconfig_verify_nothing (const struct rconfig *c);

/* R of nnodes nodes named prefix0, prefix1, ..., ranks 0, 1, ...  'cores' and
 * 'gpus' of each; the table's, or what its hwloc XML says. */
struct rset *fake_resources_R (const struct fake_resources *fake, int cores, int gpus);

#endif /* !RESOURCE_RCONFIG_H */
