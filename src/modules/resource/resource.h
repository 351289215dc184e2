/* resource.h - the resource service, for the table of built-ins
 *
 * Runs on every rank: rank 0 has the inventory, drains, watches the brokers and
 * serves the scheduler; the others discover what they have and relay requests.
 * README.md has the messages.
 */
#ifndef RESOURCE_RESOURCE_H
#define RESOURCE_RESOURCE_H

#include "core/builtin.h"

extern const struct builtin resource_builtin;
extern const struct builtin_data resource_builtin_data;

#endif /* !RESOURCE_RESOURCE_H */
