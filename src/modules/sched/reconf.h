/* reconf.h - the answer to a config-reload request
 */
#ifndef SCHED_RECONF_H
#define SCHED_RECONF_H

#include <flux/core.h>

/* Take the configuration: 0, or a negative errno with err->text and nothing changed. */
typedef int (*reconf_f) (void *arg, const flux_conf_t *conf, flux_error_t *err);

/* Let 'take' have the configuration of a request, make it that of the handle, and
 * answer. */
void reconf (flux_t *h, const flux_msg_t *msg, reconf_f take, void *arg);

#endif /* !SCHED_RECONF_H */
