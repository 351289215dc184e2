/* arith.c - see arith.h: recursive descent, a function a level of precedence
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "cmd/arith.h"

enum { MAX_DEPTH = 64 };

struct value {
    double d;
    bool integer;
    bool text;          /* x itself */
};

struct parser {
    const char *s;
    const char *x;
    int depth;
    const char *why;    /* the first error */
};

static struct value sum (struct parser *p);

static struct value fail (struct parser *p, const char *why)
{
    if (!p->why)
        p->why = why;
    return (struct value){ 0 };
}

static bool take (struct parser *p, const char *op)
{
    p->s += strspn (p->s, " \t");
    if (strncmp (p->s, op, strlen (op)) != 0)
        return false;
    p->s += strlen (op);
    return true;
}

static struct value number_of (struct parser *p, const char *s, bool integer)
{
    char *end;
    double d = strtod (s, &end);

    end += strspn (end, " \t");
    if (end == s || *end || !isfinite (d) || (integer && d != trunc (d)))
        return fail (p, "the input is not a number");
    return (struct value){ .d = d, .integer = integer };
}

static struct value call (struct parser *p, char which)
{
    struct value v = sum (p);

    if (!take (p, ")"))
        return fail (p, "a ')' is missing");
    if (which == 'l')
        return v.text ? (struct value){ .d = strlen (p->x), .integer = true }
                      : fail (p, "len() is of a text");
    if (v.text)
        return number_of (p, p->x, which == 'i');
    return (struct value){ .d = which == 'i' ? trunc (v.d) : v.d, .integer = which == 'i' };
}

static struct value atom (struct parser *p)
{
    struct value v;
    char *end;

    if (take (p, "int("))
        return call (p, 'i');
    if (take (p, "float("))
        return call (p, 'f');
    if (take (p, "len("))
        return call (p, 'l');
    if (take (p, "(")) {
        v = sum (p);
        return take (p, ")") ? v : fail (p, "a ')' is missing");
    }
    if (take (p, "x"))
        return (struct value){ .text = true };
    if (!isdigit ((unsigned char)*p->s))
        return fail (p, "only numbers, x, int(), float(), len(), + - * / // % ** are understood");
    v.d = strtod (p->s, &end);
    v.integer = !memchr (p->s, '.', end - p->s) && !memchr (p->s, 'e', end - p->s);
    v.text = false;
    p->s = end;
    return v;
}

static struct value numbers (struct parser *p, struct value a, struct value b, double d)
{
    if (a.text || b.text)
        return fail (p, "x is a text: want int(x) or float(x)");
    if (!isfinite (d))
        return fail (p, "the result is no finite number");
    return (struct value){ .d = d, .integer = a.integer && b.integer };
}

static struct value unary (struct parser *p);

/* Binds tighter than a sign on its left, less tight than one on its right. */
static struct value power (struct parser *p)
{
    struct value a = atom (p);

    if (take (p, "**")) {
        struct value b = unary (p);
        a = numbers (p, a, b, pow (a.d, b.d));
        a.integer = a.integer && a.d == trunc (a.d);
    }
    return a;
}

static struct value unary (struct parser *p)
{
    struct value v;

    if (++p->depth > MAX_DEPTH)
        return fail (p, "too deeply nested");
    if (take (p, "-")) {
        v = unary (p);
        v = numbers (p, v, v, -v.d);
    }
    else
        v = power (p);
    p->depth--;
    return v;
}

static struct value product (struct parser *p)
{
    struct value a = unary (p), b;

    while (!p->why) {
        if (take (p, "//")) {
            b = unary (p);
            a = numbers (p, a, b, floor (a.d / b.d));
        }
        else if (take (p, "*")) {
            b = unary (p);
            a = numbers (p, a, b, a.d * b.d);
        }
        else if (take (p, "/")) {
            b = unary (p);
            a = numbers (p, a, b, a.d / b.d);
            a.integer = false;
        }
        else if (take (p, "%")) {
            b = unary (p);
            a = numbers (p, a, b, a.d - b.d * floor (a.d / b.d));
        }
        else
            break;
    }
    return a;
}

static struct value sum (struct parser *p)
{
    struct value a, b;

    if (++p->depth > MAX_DEPTH)
        return fail (p, "too deeply nested");
    a = product (p);
    while (!p->why) {
        if (take (p, "+")) {
            b = product (p);
            a = numbers (p, a, b, a.d + b.d);
        }
        else if (take (p, "-")) {
            b = product (p);
            a = numbers (p, a, b, a.d - b.d);
        }
        else
            break;
    }
    p->depth--;
    return a;
}

static json_t *integer (double d)
{
    char s[512];

    if (fabs (d) < 9e18)
        return json_integer ((json_int_t)d);
    snprintf (s, sizeof (s), "%.0f", d);
    return json_string (s);
}

json_t *arith_eval (const char *code, const char *x, flux_error_t *err)
{
    struct parser p = { .s = code, .x = x };
    struct value v = sum (&p);

    p.s += strspn (p.s, " \t");
    if (!p.why && *p.s)
        p.why = "only numbers, x, int(), float(), len(), + - * / // % ** are understood";
    if (p.why) {
        errmsg (err, -EINVAL, "%.60s: %s", code, p.why);
        errno = EINVAL;
        return NULL;
    }
    if (v.text)
        return json_string (x);
    return v.integer ? integer (v.d) : json_real (v.d);
}
