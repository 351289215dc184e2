/* conf_builtin.h - paths compiled in (man3 flux_conf_builtin_get)
 */
#ifndef _FLUX_CORE_CONF_BUILTIN_H
#define _FLUX_CORE_CONF_BUILTIN_H

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

enum flux_conf_builtin_hint {
    FLUX_CONF_INSTALLED = 0,
    FLUX_CONF_INTREE = 1,
    FLUX_CONF_AUTO = 2,
};

/* The value of a key (see flux_conf_builtin_get(3)), or NULL.  Valid as long as
 * the process.  FLUX_CONF_AUTO: in tree if the program runs from a build
 * directory. */
const char *flux_conf_builtin_get (const char *key,
                                   enum flux_conf_builtin_hint hint);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_CONF_BUILTIN_H */
