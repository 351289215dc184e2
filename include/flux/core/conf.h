/* conf.h - TOML configuration as an object (man3 flux_conf_create, flux_get_conf)
 */
#ifndef _FLUX_CORE_CONF_H
#define _FLUX_CORE_CONF_H

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

typedef struct flux_conf flux_conf_t;

flux_conf_t *flux_conf_copy (const flux_conf_t *conf);

flux_conf_t *flux_conf_create (void);

void flux_conf_decref (const flux_conf_t *conf);

const flux_conf_t *flux_conf_incref (const flux_conf_t *conf);

flux_conf_t *flux_conf_pack (const char *fmt, ...);

flux_conf_t *flux_conf_parse (const char *path, flux_error_t *error);

int flux_conf_unpack (const flux_conf_t *conf,
                      flux_error_t *error,
                      const char *fmt,
                      ...);

int flux_conf_update (flux_conf_t *conf,
                      const char *value,
                      flux_error_t *error);

flux_conf_t *flux_conf_vpack (const char *fmt, va_list ap);

int flux_conf_vunpack (const flux_conf_t *conf,
                       flux_error_t *error,
                       const char *fmt,
                       va_list ap);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_CONF_H */
