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

/* The new configuration in a config-reload request; the caller drops it. */
int flux_module_config_request_decode (const flux_msg_t *msg,
                                       flux_conf_t **conf);

/* Test, and optionally clear, a bit of "flux module debug". */
bool flux_module_debug_test (flux_t *h, int flag, bool clear);

/* For a loader, after mod_main: have the broker stop sending requests, refuse what
 * is left with ENOSYS, and report the exit with errnum (0: success). */
int flux_module_finalize (flux_t *h, int errnum, flux_error_t *error);

/* For a loader: wait for the broker's welcome request and set name, uuid,
 * attributes and configuration of the handle.  *args is set to the module's
 * arguments, separated by blanks; the caller frees it. */
int flux_module_initialize (flux_t *h, char **args, flux_error_t *error);

/* For a loader: register the default methods, subscribe to NAME.stats-clear, and
 * report the module as running when its reactor starts. */
int flux_module_register_handlers (flux_t *h, flux_error_t *error);

/* Report the module as running: "flux module load" returns.  Happens by itself
 * when the reactor starts. */
int flux_module_set_running (flux_t *h);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MODULE_H */
