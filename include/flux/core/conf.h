/* conf.h - TOML configuration as an object (man3 flux_conf_create, flux_get_conf)
 *
 * A reference counted JSON object with the content of TOML or JSON files.  An
 * object belongs to one thread.  errors are explained in error, which may be NULL.
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

/* A deep copy. */
flux_conf_t *flux_conf_copy (const flux_conf_t *conf);

/* An empty object. */
flux_conf_t *flux_conf_create (void);

void flux_conf_decref (const flux_conf_t *conf);

const flux_conf_t *flux_conf_incref (const flux_conf_t *conf);

/* A new object, json_pack() style. */
flux_conf_t *flux_conf_pack (const char *fmt, ...);

/* Read a TOML file, a JSON file (.json), or all *.toml of a directory in
 * alphabetical order, merged. */
flux_conf_t *flux_conf_parse (const char *path, flux_error_t *error);

/* Read values, json_unpack() style.  Strings are borrowed. */
int flux_conf_unpack (const flux_conf_t *conf,
                      flux_error_t *error,
                      const char *fmt,
                      ...);

/* Merge value: "key.path=VALUE", a JSON object "{...}", lines of TOML, or the
 * path of a .json or TOML file.  conf is unchanged on failure. */
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
