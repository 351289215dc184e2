/* tablekeys.c - are all keys of a table of the configuration known, and of the right type?
 */
#include "base/tablekeys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/errmsg.h"

/* The entry of 'keys' for this key ("name" or "name:t"), or NULL. */
static const char *entry (const char *keys, const char *key)
{
    size_t len = strlen (key);

    for (const char *p = keys; *p; p += strcspn (p, " "), p += strspn (p, " "))
        if (strcspn (p, " :") == len && !strncmp (p, key, len))
            return p;
    return NULL;
}

/* What the entry wants that the value is not, or NULL. */
static const char *wants (const char *entry, const json_t *val)
{
    const char *colon = entry + strcspn (entry, " :");

    switch (*colon == ':' ? colon[1] : 0) {
    case 's':
        return json_is_string (val) ? NULL : "a string";
    case 'i':
        return json_is_integer (val) ? NULL : "an integer";
    case 'b':
        return json_is_boolean (val) ? NULL : "true or false";
    case 'a':
        return json_is_array (val) ? NULL : "an array";
    case 't':
        return json_is_object (val) ? NULL : "a table";
    default:
        return NULL;
    }
}

static const char *without_types (const char *keys, char *buf, size_t size)
{
    size_t n = 0;

    for (const char *p = keys; *p && n < size - 1; p++) {
        if (*p == ':' && p[1])
            p++;
        else
            buf[n++] = *p;
    }
    buf[n] = '\0';
    return buf;
}

int tablekeys_check (const json_t *table, const char *what, const char *keys,
                     flux_error_t *err)
{
    const char *key;
    json_t *val;

    if (!json_is_object (table))
        return errmsg (err, -EINVAL, "%s: must be a table", what);
    json_object_foreach ((json_t *)table, key, val) {
        const char *p = entry (keys, key);
        char names[200];
        if (!p)
            return errmsg (err, -EINVAL, "%s.%s: unknown key: there are %s", what, key,
                           without_types (keys, names, sizeof (names)));
        if (wants (p, val))
            return errmsg (err, -EINVAL, "%s.%s: want %s", what, key, wants (p, val));
    }
    return 0;
}
