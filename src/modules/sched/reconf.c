/* reconf.c - the answer to a config-reload request
 */
#include "modules/sched/reconf.h"

#include <errno.h>

void reconf (flux_t *h, const flux_msg_t *msg, reconf_f take, void *arg)
{
    flux_conf_t *conf;
    flux_error_t err;
    int rc;

    if (flux_module_config_request_decode (msg, &conf) < 0) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    if ((rc = take (arg, conf, &err)) < 0)
        flux_respond_error (h, msg, -rc, err.text);
    else if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "config-reload");
    if (rc < 0 || flux_set_conf_new (h, conf) < 0)
        flux_conf_decref (conf);
}
