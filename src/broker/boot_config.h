/* boot_config.h - the broker's place from the [bootstrap] table
 *
 * flux-config-bootstrap(5): which hosts have a broker, in the order of ranks, where
 * each listens, where it is reached, and the certificate that they share.
 */
#ifndef BROKER_BOOT_CONFIG_H
#define BROKER_BOOT_CONFIG_H

#include <stdbool.h>
#include <flux/core.h>
#include "broker/boot.h"
#include "spec/cert.h"

struct boot_config;

/* Is the table to be used?  'method' is broker.boot-method or NULL: then it is used
 * where it is there. */
bool boot_config_wanted (const flux_conf_t *conf, const char *method);

/* Read it for the broker of 'hostname', whose rank, size, ... go to 'info', and read
 * the certificate.  'conf' must outlive the result.  NULL and errno, with err->text. */
struct boot_config *boot_config_new (const flux_conf_t *conf, const char *hostname,
                                     struct boot_info *info, flux_error_t *err);
void boot_config_free (struct boot_config *bc);

/* The hosts array, for topo_new(), or NULL. */
const json_t *boot_config_hosts (const struct boot_config *bc);
/* Of all ranks, as text. */
const char *boot_config_hostlist (const struct boot_config *bc);
const char *boot_config_host (struct boot_config *bc, uint32_t rank);
/* NULL in an instance of one that names none. */
const struct cert *boot_config_cert (const struct boot_config *bc);
bool boot_config_ipv6 (const struct boot_config *bc);

/* Where a rank listens; where its children reach it.  For free(); NULL and errno, with
 * err->text, if the table does not say. */
char *boot_config_bind (struct boot_config *bc, uint32_t rank, flux_error_t *err);
char *boot_config_connect (struct boot_config *bc, uint32_t rank, flux_error_t *err);

#endif /* !BROKER_BOOT_CONFIG_H */
