/* rset_config.h - R as a site configures it: the array resource.config,
 * flux-config-resource(5)
 *
 *   [[resource.config]]
 *   hosts = "test[1-100]"       required
 *   cores = "0-7"               idsets; a later entry of the same host replaces
 *   gpus = "0-1"                what an earlier one said
 *   properties = ["batch"]      added
 */
#ifndef SPEC_RSET_CONFIG_H
#define SPEC_RSET_CONFIG_H

#include <jansson.h>
#include <flux/core/types.h>

struct rset;

/* 'config' is the array.  Hosts are ranks in the order in which they are named first.
 * NULL with err->text, which names entry and key. */
struct rset *rset_from_config (const json_t *config, flux_error_t *err);

#endif /* !SPEC_RSET_CONFIG_H */
