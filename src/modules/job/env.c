/* env.c - the environments of jobspecs
 */
#include "modules/job/env.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BASES 4

struct envbase {
    int refs;
    size_t lo, hi;          /* a string value known to be without escapes, or 0, 0 */
    size_t len;
    char text[];
};

struct envset {
    struct envbase *bases[BASES];   /* used last is first */
};

/* ---- differences ---- */

struct envset *envset_new (void)
{
    return calloc (1, sizeof (struct envset));
}

static void base_unref (struct envbase *b)
{
    if (b && --b->refs == 0)
        free (b);
}

void envset_free (struct envset *set)
{
    for (int i = 0; set && i < BASES; i++)
        base_unref (set->bases[i]);
    free (set);
}

static size_t common_prefix (const char *a, const char *b, size_t n)
{
    size_t i = 0;
    uint64_t x, y;

    for (; i + 8 <= n; i += 8) {
        memcpy (&x, a + i, 8);
        memcpy (&y, b + i, 8);
        if (x != y)
            break;
    }
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

static size_t common_suffix (const char *a_end, const char *b_end, size_t n)
{
    size_t i = 0;
    uint64_t x, y;

    for (; i + 8 <= n; i += 8) {
        memcpy (&x, a_end - i - 8, 8);
        memcpy (&y, b_end - i - 8, 8);
        if (x != y)
            break;
    }
    while (i < n && a_end[-1 - (ptrdiff_t)i] == b_end[-1 - (ptrdiff_t)i])
        i++;
    return i;
}

/* Is pos within, or at the end of, a string value that has no escapes?  Then it
 * is at [lo, hi). */
static bool find_string_value (struct envbase *b, size_t pos)
{
    const char *p = b->text, *start, *end;
    bool escapes;

    if (b->lo && pos >= b->lo && pos <= b->hi)
        return true;
    while (*p && p <= b->text + pos) {
        if (*p++ != '"')
            continue;
        start = p;
        end = jobenv_skip_string (p - 1);
        escapes = memchr (start, '\\', end - start) != NULL;
        if (b->text + pos >= start && b->text + pos < end) {
            if (escapes || *jobenv_skip_space (end) == ':')
                return false;
            b->lo = start - b->text;
            b->hi = end - 1 - b->text;
            return true;
        }
        p = end;
    }
    return false;
}

/* Characters that stand for themselves wherever they are in a string. */
static bool is_plain (const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] < 0x20 || s[i] >= 0x7f || s[i] == '"' || s[i] == '\\')
            return false;
    }
    return true;
}

static struct env_diff diff (struct envbase *b, const char *s, size_t len)
{
    size_t n = len < b->len ? len : b->len;
    struct env_diff d = { .base = b };

    d.prefix = common_prefix (b->text, s, n);
    d.suffix = common_suffix (b->text + b->len, s + len, n - d.prefix);
    d.middle = len - d.prefix - d.suffix;
    return d;
}

struct env_diff env_compare (struct envset *set, const char *s, size_t len)
{
    for (int i = 0; i < BASES && set->bases[i]; i++) {
        struct envbase *b = set->bases[i];
        struct env_diff d = diff (b, s, len);
        if (d.middle > 64 + len / 8)
            continue;
        memmove (&set->bases[1], &set->bases[0], i * sizeof (*set->bases));
        set->bases[0] = b;
        d.valid = (d.middle == 0 && len == b->len)
                  || (find_string_value (b, d.prefix) && b->len - d.suffix <= b->hi
                      && is_plain (s + d.prefix, d.middle));
        return d;
    }
    return (struct env_diff){ .middle = len };
}

int env_hold (struct envset *set, struct env_diff *d, const char *s, size_t len)
{
    struct envbase *b = d->base;

    if (!b && len > 0) {
        if (!(b = malloc (sizeof (*b) + len + 1)))
            return -ENOMEM;
        *b = (struct envbase){ .refs = 1, .len = len };
        memcpy (b->text, s, len);
        b->text[len] = '\0';
        base_unref (set->bases[BASES - 1]);
        memmove (&set->bases[1], &set->bases[0], (BASES - 1) * sizeof (*set->bases));
        set->bases[0] = b;
        *d = (struct env_diff){ .base = b, .prefix = len };
    }
    if (b)
        b->refs++;
    return 0;
}

void env_release (struct env_diff *d)
{
    base_unref (d->base);
    d->base = NULL;
}

const char *env_prefix (const struct env_diff *d)
{
    return d->base ? d->base->text : "";
}

const char *env_suffix (const struct env_diff *d)
{
    return d->base ? d->base->text + d->base->len - d->suffix : "";
}
