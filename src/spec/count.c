/* count.c - the count of a resource: integer, idset, or range
 */
#include <errno.h>
#include <string.h>

#include "base/errmsg.h"
#include "spec/count.h"

/* A decimal number from 1 to COUNT_MAX without leading zeroes. */
static int scan_number (const char **p, const char *end, unsigned int *valp)
{
    unsigned long val = 0;
    const char *s = *p;

    if (s == end || *s < '1' || *s > '9')
        return -EINVAL;
    for (; s < end && *s >= '0' && *s <= '9'; s++) {
        val = val * 10 + (unsigned long)(*s - '0');
        if (val > COUNT_MAX)
            return -EINVAL;
    }
    *p = s;
    *valp = (unsigned int)val;
    return 0;
}

/* One "lo" or "lo-hi" of an idset, and the comma after it. */
static int scan_ids (const char **p, const char *end, unsigned int *lo,
                     unsigned int *hi)
{
    if (scan_number (p, end, lo) < 0)
        return -EINVAL;
    *hi = *lo;
    if (*p < end && **p == '-') {
        (*p)++;
        if (scan_number (p, end, hi) < 0 || *hi < *lo)
            return -EINVAL;
    }
    if (*p < end && **p == ',') {
        if (++(*p) == end)
            return -EINVAL;
        return 0;
    }
    return *p == end ? 0 : -EINVAL;
}

static int parse_idset (const char *s, const char *end, struct count *c)
{
    const char *p = s;
    unsigned int lo, hi, last = 0;

    *c = (struct count){ .op = '+', .operand = 1, .ids = s,
                         .ids_len = (size_t)(end - s) };
    while (p < end) {
        if (scan_ids (&p, end, &lo, &hi) < 0 || lo <= last)
            return -EINVAL;
        if (last == 0)
            c->min = lo;
        last = hi;
    }
    c->max = last;
    return last > 0 ? 0 : -EINVAL;
}

static int check_range (const struct count *c, flux_error_t *err)
{
    if (c->max < c->min)
        return errmsg (err, -EINVAL, "max %u is less than min %u", c->max, c->min);
    if (c->op != '+' && c->op != '*' && c->op != '^')
        return errmsg (err, -EINVAL, "operator must be one of + * ^");
    if (c->op != '+' && c->operand < 2)
        return errmsg (err, -EINVAL, "operand must be at least 2 with operator %c",
                       c->op);
    if (c->op == '^' && c->min < 2)
        return errmsg (err, -EINVAL, "min must be at least 2 with operator ^");
    return 0;
}

/* "min[-max|+][:operand[:operator]]" */
static int parse_range (const char *s, const char *end, struct count *c,
                        flux_error_t *err)
{
    const char *p = s;

    *c = (struct count){ .op = '+', .operand = 1, .range = true };
    if (scan_number (&p, end, &c->min) < 0)
        return -ENOENT;
    c->max = c->min;
    if (p < end && *p == '+') {
        c->max = COUNT_INFINITE;
        p++;
    }
    else if (p < end && *p == '-') {
        p++;
        if (scan_number (&p, end, &c->max) < 0)
            return -ENOENT;
    }
    if (p < end && *p == ':') {
        p++;
        if (scan_number (&p, end, &c->operand) < 0)
            return -ENOENT;
        if (p < end && *p == ':') {
            if (++p == end)
                return -ENOENT;
            c->op = *p++;
        }
    }
    return p == end ? check_range (c, err) : -ENOENT;
}

int count_parse (const char *s, size_t len, struct count *cp, flux_error_t *err)
{
    const char *end = s + len;
    struct count c;
    int rc;

    if (len >= 2 && s[0] == '[' && end[-1] == ']') {
        s++;
        end--;
    }
    if (parse_idset (s, end, &c) == 0) {
        if (c.min == c.max)       /* "3" is no more than the number 3 */
            c.ids = NULL;
        else if (!memchr (s, ',', (size_t)(end - s))) {
            c.ids = NULL;         /* "3-30" is a range as well */
            c.range = true;
        }
        *cp = c;
        return 0;
    }
    if ((rc = parse_range (s, end, &c, err)) == 0) {
        *cp = c;
        return 0;
    }
    if (rc == -ENOENT)
        errmsg (err, -EINVAL, "'%.*s' is not a positive integer, idset "
                "(\"2,4-8\") or range (\"2-8:2\", \"4+\")", len > 40 ? 40 : (int)len, s);
    return -EINVAL;
}

static int get_uint (const json_t *o, const char *key, unsigned int *valp,
                     flux_error_t *err)
{
    if (!json_is_integer (o) || json_integer_value (o) < 1
        || json_integer_value (o) > COUNT_MAX)
        return errmsg (err, -EINVAL, "%s%smust be an integer from 1 to %u",
                       key, key[0] ? " " : "", COUNT_MAX);
    *valp = (unsigned int)json_integer_value (o);
    return 0;
}

static int decode_range (const json_t *o, struct count *cp, flux_error_t *err)
{
    struct count c = { .max = COUNT_INFINITE, .op = '+', .operand = 1, .range = true };
    bool min = false, operator = false, operand = false;
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)o, key, value) {
        if (strcmp (key, "min") == 0) {
            if (get_uint (value, key, &c.min, err) < 0)
                return -EINVAL;
            min = true;
        }
        else if (strcmp (key, "max") == 0) {
            if (get_uint (value, key, &c.max, err) < 0)
                return -EINVAL;
        }
        else if (strcmp (key, "operand") == 0) {
            if (get_uint (value, key, &c.operand, err) < 0)
                return -EINVAL;
            operand = true;
        }
        else if (strcmp (key, "operator") == 0) {
            if (json_string_length (value) != 1)
                return errmsg (err, -EINVAL, "operator must be one of + * ^");
            c.op = json_string_value (value)[0];
            operator = true;
        }
        else
            return errmsg (err, -EINVAL, "key '%s' is not one of min, max, "
                           "operator, operand", key);
    }
    if (!min)
        return errmsg (err, -EINVAL, "key min is missing");
    if (operator != operand)
        return errmsg (err, -EINVAL, "operator and operand go together");
    if (check_range (&c, err) < 0)
        return -EINVAL;
    *cp = c;
    return 0;
}

int count_decode (const json_t *o, struct count *c, flux_error_t *err)
{
    unsigned int n;

    switch (o ? json_typeof (o) : JSON_NULL) {
        case JSON_INTEGER:
            if (get_uint (o, "", &n, err) < 0)
                return -EINVAL;
            *c = (struct count){ .min = n, .max = n, .op = '+', .operand = 1 };
            return 0;
        case JSON_STRING:
            return count_parse (json_string_value (o), json_string_length (o),
                                c, err);
        case JSON_OBJECT:
            return decode_range (o, c, err);
        default:
            return errmsg (err, -EINVAL, "must be a positive integer, an idset or "
                           "range string, or a range object");
    }
}

json_t *count_to_json (const struct count *c)
{
    char op[2] = { c->op, '\0' };
    json_t *o;

    if (c->ids)
        return json_stringn (c->ids, c->ids_len);
    if (!c->range)
        return json_integer (c->min);
    if (!(o = json_pack ("{s:i}", "min", (int)c->min)))
        return NULL;
    if (c->max != COUNT_INFINITE || c->op != '+' || c->operand != 1) {
        if ((c->max != COUNT_INFINITE
             && json_object_set_new (o, "max", json_integer (c->max)) < 0)
            || json_object_set_new (o, "operator", json_string (op)) < 0
            || json_object_set_new (o, "operand", json_integer (c->operand)) < 0) {
            json_decref (o);
            return NULL;
        }
    }
    return o;
}

static unsigned int next_id (const struct count *c, unsigned int prev)
{
    const char *p = c->ids;
    const char *end = c->ids + c->ids_len;
    unsigned int lo, hi;

    while (p < end && scan_ids (&p, end, &lo, &hi) == 0) {
        if (prev < lo)
            return lo;
        if (prev < hi)
            return prev + 1;
    }
    return 0;
}

/* One step of the operator from 'val', or more than COUNT_MAX. */
static unsigned long step (const struct count *c, unsigned long val)
{
    unsigned long next = 1;

    switch (c->op) {
        case '*':
            return val * c->operand;
        case '^':
            for (unsigned int i = 0; i < c->operand && next <= COUNT_MAX; i++)
                next *= val;
            return next;
        default:
            return val + c->operand;
    }
}

unsigned int count_next (const struct count *c, unsigned int prev)
{
    unsigned long val = c->min;

    if (c->ids)
        return next_id (c, prev);
    if (prev >= val && c->op == '+')
        val += (prev - val) / c->operand * c->operand;
    while (val <= prev && val <= COUNT_MAX)
        val = step (c, val);
    return val <= c->max && val <= COUNT_MAX ? (unsigned int)val : 0;
}
