/* units.c - counts of a request in the units of the pools they are for
 */
#include <string.h>

#include "graph/units.h"

struct unit {
    const char *base;
    int64_t factor;
};

static struct unit parse (const char *s)
{
    static const char prefixes[] = "kMGTPE";
    const char *p = *s == 'K' ? prefixes : *s ? strchr (prefixes, *s) : NULL;
    struct unit u = { s, 1 };
    int64_t step;

    if (!p || !s[1])
        return u;
    u.base = s[1] == 'i' && s[2] ? s + 2 : s + 1;
    step = u.base == s + 2 || *u.base == 'B' ? 1024 : 1000;
    for (; p >= prefixes; p--)
        u.factor *= step;
    return u;
}

bool units_ratio (const char *from, const char *to, int64_t *num, int64_t *den)
{
    struct unit a = parse (from), b = parse (to);
    bool same = strcmp (from, to) == 0;
    int64_t more = a.factor > b.factor ? a.factor : b.factor;
    int64_t less = a.factor > b.factor ? b.factor : a.factor;

    if (!same && (strcmp (a.base, b.base) != 0 || more % less != 0))
        return false;
    *num = same || a.factor < b.factor ? 1 : more / less;
    *den = same || a.factor > b.factor ? 1 : more / less;
    return true;
}

static bool multiply (unsigned int *n, int64_t by)
{
    if (*n == COUNT_INFINITE)
        return true;
    if (*n > COUNT_MAX / by)
        return false;
    *n = (unsigned int)(*n * by);
    return true;
}

bool units_convert (struct count *c, int64_t num, int64_t den)
{
    struct count out = *c;

    if (num == 1 && den == 1)
        return true;
    if (c->ids || (c->op == '^' && c->min != c->max))
        return false;
    if (!multiply (&out.min, num) || !multiply (&out.max, num)
        || (c->op == '+' && c->min != c->max && !multiply (&out.operand, num)))
        return false;
    out.min = (unsigned int)((out.min + den - 1) / den);
    if (out.max != COUNT_INFINITE)
        out.max = (unsigned int)(out.max / den);
    if (c->op == '+')
        out.operand = (unsigned int)((out.operand + den - 1) / den);
    if (out.max < out.min)
        out.max = out.min;
    *c = out;
    return true;
}
