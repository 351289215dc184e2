/* duration.c - Flux standard duration (RFC 23) */
#include "base/duration.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *suffix;
    double mul;
    double div;
} units[] = {
    /* dividing by 1000 is exact where multiplying by 0.001 is not */
    {"", 1, 1},    {"ms", 1, 1000},  {"s", 1, 1},
    {"m", 60, 1},  {"h", 3600, 1},   {"d", 86400, 1},
};

int duration_parse (const char *s, double *secondsp)
{
    char *end;
    double n;

    if (!s || isspace ((unsigned char)*s))
        return -EINVAL;
    int saved_errno = errno;
    n = strtod (s, &end);
    errno = saved_errno;
    if (end == s || isnan (n) || signbit (n))
        return -EINVAL;
    if (isinf (n)) {
        /* "inf" and "infinity", but not 1e999, and no unit */
        if (*end != '\0' || strchr ("iI", s[*s == '+']) == NULL)
            return -EINVAL;
        *secondsp = n;
        return 0;
    }
    for (size_t i = 0; i < sizeof (units) / sizeof (units[0]); i++) {
        if (strcmp (end, units[i].suffix) == 0) {
            n = n * units[i].mul / units[i].div;
            if (isinf (n))
                return -EINVAL;
            *secondsp = n;
            return 0;
        }
    }
    return -EINVAL;
}

int duration_format (double seconds, char *buf, size_t size)
{
    int n;

    if (isnan (seconds) || seconds < 0)
        return -EINVAL;
    if (isinf (seconds))
        n = snprintf (buf, size, "infinity");
    else if (seconds >= 86400)
        n = snprintf (buf, size, "%gd", seconds / 86400);
    else if (seconds >= 3600)
        n = snprintf (buf, size, "%gh", seconds / 3600);
    else if (seconds >= 60)
        n = snprintf (buf, size, "%gm", seconds / 60);
    else if (seconds >= 1 || seconds == 0)
        n = snprintf (buf, size, "%gs", seconds);
    else
        n = snprintf (buf, size, "%gms", seconds * 1000);
    return n >= 0 && (size_t)n < size ? 0 : -EOVERFLOW;
}
