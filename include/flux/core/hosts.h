/* hosts.h - ranks to hosts and back
 */
#ifndef _FLUX_CORE_HOSTS_H
#define _FLUX_CORE_HOSTS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The host of a rank.  "(null)" if it is not known.  Borrowed. */
const char *flux_get_hostbyrank (flux_t *h, uint32_t rank);

/* The lowest rank on a host, or -1 with errno. */
int flux_get_rankbyhost (flux_t *h, const char *host);

/* An idset of ranks becomes a hostlist, a hostlist an idset.  The caller frees
 * it.  NULL with errno and error filled. */
char *flux_hostmap_lookup (flux_t *h, const char *targets, flux_error_t *errp);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_HOSTS_H */
