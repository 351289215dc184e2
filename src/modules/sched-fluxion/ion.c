/* ion.c - the requests of flux ion-resource
 */
#include <errno.h>

#include "base/errmsg.h"
#include "modules/sched-fluxion/resource_private.h"

static const struct flux_msg_handler_spec handlers[] = {
    FLUX_MSGHANDLER_TABLE_END,
};

int ion_init (struct resource *o, flux_error_t *err)
{
    if (flux_msg_handler_addvec (o->h, handlers, o, &o->ion_handlers) < 0)
        return errmsg (err, -errno, "registering handlers: %s", flux_strerror (errno));
    return 0;
}

void ion_release (struct resource *o)
{
    flux_msg_handler_delvec (o->ion_handlers);
}
