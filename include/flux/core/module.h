/* module.h - what a broker module calls (RFC 5; man3 flux_module_set_running)
 */
#ifndef _FLUX_CORE_MODULE_H
#define _FLUX_CORE_MODULE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/conf.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOD_NAME(x) const char *mod_name = x

int flux_module_config_request_decode (const flux_msg_t *msg,
                                       flux_conf_t **conf);

bool flux_module_debug_test (flux_t *h, int flag, bool clear);

int flux_module_finalize (flux_t *h, int errnum, flux_error_t *error);

int flux_module_initialize (flux_t *h, char **args, flux_error_t *error);

int flux_module_register_handlers (flux_t *h, flux_error_t *error);

int flux_module_set_running (flux_t *h);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MODULE_H */
