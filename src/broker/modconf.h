/* modconf.h - which modules to load, with what arguments, in what order
 *
 * The table of flux-modprobe(1): built-in services first, then what modprobe.toml
 * and modprobe.d/ in FLUX_MODPROBE_PATH say, then the table [modules] of the
 * configuration.  An entry is an object of keys name, module, provides, priority,
 * args, exec, ranks, disabled, requires, after, needs, needs-config, needs-attrs,
 * needs-env.
 */
#ifndef BROKER_MODCONF_H
#define BROKER_MODCONF_H

#include <jansson.h>
#include <flux/core.h>
#include "broker/attr.h"
#include "core/builtin.h"

struct modconf;

struct modconf_args {
    const struct builtin *const *builtins;   /* ends with NULL */
    const flux_conf_t *conf;                 /* NULL: none */
    const struct attrs *attrs;
    const char *path;                        /* folders, or NULL: the default */
    uint32_t rank;
};

/* NULL with errno and err->text, which names the entry and the key. */
struct modconf *modconf_new (const struct modconf_args *args, flux_error_t *err);
void modconf_free (struct modconf *mc);

/* What to load, best first: an array of entries, a new reference.  'names' are
 * modules or services, NULL for all that belong to this rank.  Each comes after
 * what it requires and what it must come after; of those that provide the same
 * service only the chosen one is in the default set. */
json_t *modconf_plan (struct modconf *mc, const char *const *names, flux_error_t *err);

/* All entries by name, and the alternatives chosen by service: a new reference to
 * {"modules":{name:entry}, "services":{service:name}}. */
json_t *modconf_dump (struct modconf *mc);

#endif /* !BROKER_MODCONF_H */
