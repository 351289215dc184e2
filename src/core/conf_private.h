/* conf_private.h - the inside of a configuration object
 */
#ifndef CORE_CONF_PRIVATE_H
#define CORE_CONF_PRIVATE_H

#include <jansson.h>
#include <flux/core/conf.h>

/* An object belongs to one thread: the JSON in it is not shared between any. */
struct flux_conf {
    json_t *obj;
    int refcount;
};

/* Takes obj, also on failure.  If it is NULL: ENOMEM. */
flux_conf_t *conf_new_take (json_t *obj);

#endif /* !CORE_CONF_PRIVATE_H */
