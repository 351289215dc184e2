/* netaddr.h - the address that other hosts are told to connect to
 */
#ifndef BROKER_NETADDR_H
#define BROKER_NETADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <flux/core/types.h>

/* Choose by 'hint' (tbon.interface-hint): "default-route", "hostname", the name
 * of an interface, or an IPv4 network such as 10.0.2.0/24.  0 or a negative
 * errno with err->text. */
int netaddr_find (const char *hint, bool ipv6, char *buf, size_t size,
                  flux_error_t *err);

#endif /* !BROKER_NETADDR_H */
