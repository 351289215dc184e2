/* lifelimits.c - attributes that say how long, how many, and with what exit code
 */
#include <errno.h>

#include "base/errmsg.h"
#include "broker/lifelimits.h"

static const struct {
    const char *name;
    const char *value;
} defaults[] = {
    { "broker.quorum-warn", "60s" },
    { "broker.shutdown-warn", "60s" },
    { "broker.shutdown-timeout", "none" },
    { "broker.cleanup-timeout", "none" },
    { "broker.unload-builtins-timeout", "60s" },
};

static int set_defaults (struct attrs *a, uint32_t size)
{
    char text[16];

    for (size_t i = 0; i < sizeof (defaults) / sizeof (defaults[0]); i++)
        if (attrs_default (a, defaults[i].name, defaults[i].value, 0) < 0)
            return -ENOMEM;
    snprintf (text, sizeof (text), "%u", (unsigned int)size);
    return attrs_default (a, "broker.quorum", text, 0);
}

static int check_exit_code (struct attrs *a, const char *name, flux_error_t *err)
{
    int code;

    return attrs_get (a, name, NULL) ? attrs_get_int (a, name, 0, 255, &code, err) : 0;
}

int lifelimits_read (struct lifelimits *ll, struct attrs *a, uint32_t size,
                     flux_error_t *err)
{
    int rc;

    if (set_defaults (a, size) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    if ((rc = attrs_get_int (a, "broker.quorum", 1, size, &ll->quorum, err)) < 0
        || (rc = attrs_get_fsd (a, "broker.quorum-warn", &ll->quorum_warn, err)) < 0
        || (rc = attrs_get_fsd (a, "broker.shutdown-warn", &ll->shutdown_warn, err)) < 0
        || (rc = attrs_get_fsd (a, "broker.shutdown-timeout", &ll->shutdown_timeout,
                                err)) < 0
        || (rc = attrs_get_fsd (a, "broker.cleanup-timeout", &ll->cleanup_timeout,
                                err)) < 0
        || (rc = attrs_get_fsd (a, "broker.unload-builtins-timeout", &ll->unload_timeout,
                                err)) < 0
        || (rc = check_exit_code (a, "broker.exit-restart", err)) < 0
        || (rc = check_exit_code (a, "broker.exit-norestart", err)) < 0)
        return rc;
    return 0;
}

int lifelimits_exit_code (struct attrs *a, const char *name)
{
    int code = -1;

    (void)attrs_get_int (a, name, 0, 255, &code, NULL);
    return code;
}
