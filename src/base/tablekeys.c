/* tablekeys.c - are all keys of a table of the configuration known?
 */
#include "base/tablekeys.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/errmsg.h"

static bool among (const char *keys, const char *key)
{
    size_t len = strlen (key);

    for (const char *p = keys; *p; p += strcspn (p, " "), p += strspn (p, " "))
        if (strcspn (p, " ") == len && !strncmp (p, key, len))
            return true;
    return false;
}

int tablekeys_check (const json_t *table, const char *what, const char *keys,
                     flux_error_t *err)
{
    const char *key;
    json_t *val;

    if (!json_is_object (table))
        return errmsg (err, -EINVAL, "%s: must be a table", what);
    json_object_foreach ((json_t *)table, key, val)
        if (!among (keys, key))
            return errmsg (err, -EINVAL, "%s.%s: unknown key: there are %s", what, key, keys);
    return 0;
}
