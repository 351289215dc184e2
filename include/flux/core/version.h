/* version.h - the version of the interface
 */
#ifndef _FLUX_CORE_VERSION_H
#define _FLUX_CORE_VERSION_H

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

#define FLUX_CORE_VERSION_HEX ((FLUX_CORE_VERSION_MAJOR << 16) | (FLUX_CORE_VERSION_MINOR << 8) | (FLUX_CORE_VERSION_PATCH << 0))
#define FLUX_CORE_VERSION_MAJOR 0
#define FLUX_CORE_VERSION_MINOR 88
#define FLUX_CORE_VERSION_PATCH 0
#define FLUX_CORE_VERSION_STRING "0.88.0"

/* Of the library in use.  Pointers may be NULL.  Returns the hex form. */
int flux_core_version (int *major, int *minor, int *patch);

const char *flux_core_version_string (void);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_VERSION_H */
