/* optparse_value.c - what callers ask about an option
 *
 * Asking for an option that is not in the table is a mistake of the program,
 * a value that is not of the kind asked for one of the user: both end in a
 * message and the fatal error function.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/optparse_private.h"

int optparse_getopt (optparse_t *p, const char *name, const char **optargp)
{
    struct opt *opt = p ? optparse_find (p, name) : NULL;

    if (optargp)
        *optargp = opt ? opt->last : NULL;
    return opt ? opt->uses : -1;
}

bool optparse_hasopt (optparse_t *p, const char *name)
{
    return optparse_getopt (p, name, NULL) > 0;
}

const char *optparse_getopt_next (optparse_t *p, const char *name)
{
    struct opt *opt = p ? optparse_find (p, name) : NULL;

    if (!opt || opt->next >= opt->nargs)
        return NULL;
    return opt->args[opt->next++];
}

int optparse_getopt_iterator_reset (optparse_t *p, const char *name)
{
    struct opt *opt = p ? optparse_find (p, name) : NULL;

    if (!opt)
        return -1;
    opt->next = 0;
    return (int)opt->nargs;
}

/* The argument of a known option; NULL if not given, or there is no parser. */
static const char *value_of (optparse_t *p, const char *name)
{
    struct opt *opt = p ? optparse_find (p, name) : NULL;

    if (!p)
        return NULL;
    if (!opt) {
        optparse_error (p, "the program asks for an unknown option '%s'",
                        name ? name : "");
        optparse_fatal (p, 1);
        return NULL;
    }
    return opt->last;
}

static void bad_value (optparse_t *p,
                       const char *name,
                       const char *value,
                       const char *kind)
{
    if (!p)
        return;
    optparse_error (p, "option '--%s': '%s' is not %s", name, value, kind);
    optparse_fatal (p, 1);
}

const char *optparse_get_str (optparse_t *p,
                              const char *name,
                              const char *default_value)
{
    const char *s = value_of (p, name);
    return s ? s : default_value;
}

int optparse_get_int (optparse_t *p, const char *name, int default_value)
{
    const char *s = value_of (p, name);
    char *end;

    if (!s)
        return default_value;
    errno = 0;
    long n = strtol (s, &end, 10);
    if (errno != 0 || end == s || *end != '\0' || n < INT_MIN || n > INT_MAX) {
        bad_value (p, name, s, "an integer");
        return -1;
    }
    return (int)n;
}

double optparse_get_double (optparse_t *p,
                            const char *name,
                            double default_value)
{
    const char *s = value_of (p, name);
    char *end;

    if (!s)
        return default_value;
    errno = 0;
    double d = strtod (s, &end);
    if (errno == ERANGE || end == s || *end != '\0' || isnan (d)) {
        bad_value (p, name, s, "a number");
        return -1;
    }
    return d;
}

double optparse_get_duration (optparse_t *p,
                              const char *name,
                              double default_value)
{
    const char *s = value_of (p, name);
    double d;

    if (!s)
        return default_value;
    if (duration_parse (s, &d) < 0) {
        bad_value (p, name, s, "a duration such as 30, 1.5m, 2h or 1d");
        return -1;
    }
    return d;
}

/* "4096", "4k", "1.5G": powers of 1024 */
static int parse_size (const char *s, uint64_t *sizep)
{
    static const char units[] = "kmgtpe";
    char *end;
    uint64_t n, whole;
    int shift = 0;

    if (!isdigit ((unsigned char)*s))
        return -EINVAL;
    errno = 0;
    whole = strtoull (s, &end, 10);
    if (errno == ERANGE)
        return -EOVERFLOW;
    double fraction = *end == '.' ? strtod (end, &end) : 0;
    if (*end != '\0') {
        const char *u = strchr (units, tolower ((unsigned char)*end));
        if (!u || end[1] != '\0')
            return -EINVAL;
        shift = 10 * (int)(u - units + 1);
    }
    if (shift > 0 && whole >> (64 - shift) != 0)
        return -EOVERFLOW;
    n = whole << shift;
    if (__builtin_add_overflow (
            n, (uint64_t)ldexp (fraction < 1 ? fraction : 0, shift), &n))
        return -EOVERFLOW;
    *sizep = n;
    return 0;
}

uint64_t optparse_get_size (optparse_t *p,
                            const char *name,
                            const char *default_value)
{
    const char *s = value_of (p, name);
    uint64_t size;

    if (!s)
        s = default_value ? default_value : "0";
    if (parse_size (s, &size) < 0) {
        bad_value (p, name, s, "a size such as 4096, 64k, 1.5M or 2G");
        return (uint64_t)-1;
    }
    return size;
}

int optparse_get_size_int (optparse_t *p,
                           const char *name,
                           const char *default_value)
{
    uint64_t size = optparse_get_size (p, name, default_value);

    if (size == (uint64_t)-1)
        return -1;
    if (size > INT_MAX) {
        const char *s = optparse_get_str (p, name, default_value);
        bad_value (p, name, s ? s : "", "a size below 2G");
        return -1;
    }
    return (int)size;
}

int optparse_get_color (optparse_t *p, const char *name)
{
    const char *no_color = getenv ("NO_COLOR");
    const char *when = no_color && *no_color ? "never" : "auto";

    if (optparse_hasopt (p, name))
        when = optparse_get_str (p, name, "always");
    if (strcmp (when, "always") == 0)
        return 1;
    if (strcmp (when, "never") == 0)
        return 0;
    if (strcmp (when, "auto") == 0)
        return isatty (STDOUT_FILENO);
    bad_value (p, name, when, "one of always, never, auto");
    return -1;
}
