/* size.c - see size.h
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/size.h"

int size_parse (const char *s, size_t *sizep)
{
    static const char units[] = "kKMG";
    static const double factor[] = { 1024, 1024, 1048576, 1073741824 };
    const char *unit;
    char *end;
    double d;

    if (!((*s >= '0' && *s <= '9') || *s == '.'))
        return -EINVAL;
    d = strtod (s, &end);
    if (end == s || !isfinite (d))
        return -EINVAL;
    if (*end && (unit = strchr (units, *end))) {
        d *= factor[unit - units];
        end++;
    }
    if (*end || d > INT_MAX)
        return -EINVAL;
    *sizep = d;
    return 0;
}

size_t size_option (optparse_t *p, const char *name, size_t def)
{
    const char *s = optparse_get_str (p, name, NULL);
    size_t size = def;

    if (s && size_parse (s, &size) < 0)
        cmd_die (1, "--%s=%s: want a number of bytes like 4096, 4k, 1.5M or 1G", name, s);
    return size;
}
