/* cached.h - a broker attribute without a wait
 */
#ifndef RESOURCE_CACHED_H
#define RESOURCE_CACHED_H

#include <string.h>
#include <flux/core.h>

/* NULL if the attribute is not among those that the host gave to the handle:
 * flux_attr_get() would ask the broker and wait, which a service must not. */
static inline const char *cached_attr (flux_t *h, const char *name)
{
    for (const char *s = flux_attr_cache_first (h); s; s = flux_attr_cache_next (h)) {
        if (strcmp (s, name) == 0)
            return flux_attr_get (h, name);
    }
    return NULL;
}

#endif /* !RESOURCE_CACHED_H */
