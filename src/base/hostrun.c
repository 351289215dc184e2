/* hostrun.c - runs of host names that differ in one number */
#include "base/hostrun.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Hosts of one string that brackets may stand for where they cannot be kept as
 * runs, because the number is not the last one of the name. */
#define MAX_EXPAND (1 << 16)

static bool is_digit (char c)
{
    return c >= '0' && c <= '9';
}

static uint64_t power10 (int n)
{
    uint64_t p = 1;

    while (n-- > 0)
        p *= 10;
    return p;
}

static int digits_of (uint64_t n)
{
    int d = 1;

    while (n >= 10) {
        n /= 10;
        d++;
    }
    return d;
}

/* ---- stems ---- */

static struct stem *stem_new (const char *prefix,
                              size_t prefix_len,
                              const char *suffix,
                              size_t suffix_len,
                              bool numbered)
{
    struct stem *st = malloc (sizeof (*st) + prefix_len + suffix_len + 2);

    if (st) {
        st->refs = 1;
        st->prefix_len = prefix_len;
        st->suffix_len = suffix_len;
        st->numbered = numbered;
        memcpy (st->text, prefix, prefix_len);
        st->text[prefix_len] = '\0';
        memcpy (st->text + prefix_len + 1, suffix, suffix_len);
        st->text[prefix_len + 1 + suffix_len] = '\0';
    }
    return st;
}

void stem_unref (struct stem *st)
{
    if (st && --st->refs == 0)
        free (st);
}

static int stem_cmp (const struct stem *a, const struct stem *b)
{
    if (a == b)
        return 0;
    int rc = strcmp (a->text, b->text);
    if (rc == 0)
        rc = (int)a->numbered - (int)b->numbered;
    if (rc == 0)
        rc = strcmp (a->text + a->prefix_len + 1, b->text + b->prefix_len + 1);
    return rc;
}

int hostrun_cmp_class (const struct hostrun *a, const struct hostrun *b)
{
    int rc = stem_cmp (a->stem, b->stem);

    return rc != 0 ? rc : a->width - b->width;
}

/* ---- one name ---- */

int hostrun_split (struct hostrun *run, const char *name, size_t len)
{
    size_t end = len;
    size_t start;

    while (end > 0 && !is_digit (name[end - 1]))
        end--;
    start = end;
    while (start > 0 && is_digit (name[start - 1])
           && end - start < HOSTRUN_MAX_DIGITS)
        start--;
    *run = (struct hostrun){.stem = NULL};
    if (end == 0) {
        run->stem = stem_new (name, len, "", 0, false);
        return run->stem ? 0 : -ENOMEM;
    }
    for (size_t i = start; i < end; i++)
        run->lo = run->lo * 10 + (uint64_t)(name[i] - '0');
    run->hi = run->lo;
    if (name[start] == '0' && end - start > 1)
        run->width = (int)(end - start);
    run->stem = stem_new (name, start, name + end, len - end, true);
    return run->stem ? 0 : -ENOMEM;
}

int hostrun_name (const struct hostrun *run, uint64_t n, struct buf *b)
{
    const struct stem *st = run->stem;

    if (!st->numbered)
        return buf_add (b, st->text, st->prefix_len);
    return buf_addf (b, "%s%0*" PRIu64 "%s", st->text, run->width, run->lo + n,
                     st->text + st->prefix_len + 1);
}

/* ---- lists ---- */

void hostruns_release (struct hostruns *r)
{
    for (size_t i = 0; i < r->count; i++)
        stem_unref (r->run[i].stem);
    free (r->run);
    *r = (struct hostruns)HOSTRUNS_INIT;
}

static int reserve (struct hostruns *r)
{
    if (r->count < r->size)
        return 0;
    size_t size = r->size > 0 ? r->size * 2 : 4;
    struct hostrun *p = reallocarray (r->run, size, sizeof (*p));
    if (!p)
        return -ENOMEM;
    r->run = p;
    r->size = size;
    return 0;
}

int hostruns_add (struct hostruns *r, const struct hostrun *src)
{
    struct hostrun *last = r->count > 0 ? &r->run[r->count - 1] : NULL;
    uint64_t n = src->hi - src->lo + 1;

    if (n > INT_MAX - r->hosts)
        return -ERANGE;
    if (last && src->stem->numbered && src->lo == last->hi + 1
        && hostrun_cmp_class (last, src) == 0) {
        last->hi = src->hi;
        r->hosts += n;
        return 0;
    }
    if (reserve (r) < 0)
        return -ENOMEM;
    struct hostrun *run = &r->run[r->count];
    *run = *src;
    run->start = r->hosts;
    /* names that come one by one: do not keep a stem for each */
    if (r->count > 0 && stem_cmp (run[-1].stem, src->stem) == 0)
        run->stem = run[-1].stem;
    run->stem->refs++;
    r->count++;
    r->hosts += n;
    return 0;
}

/* ---- RFC 29 text ---- */

/* One expression "prefix[..]suffix" while it is being parsed */
struct expr {
    const char *prefix;
    size_t prefix_len;
    const char *suffix;
    size_t suffix_len;
    int width;      /* zero padding that the first id asks for */
    size_t *expanded; /* hosts so far that are kept name by name */
    struct stem *stem; /* of all ids so far, as long as it is the same */
};

static int add_name (struct hostruns *r, const char *name, size_t len)
{
    struct hostrun run;
    int rc = hostrun_split (&run, name, len);

    if (rc == 0)
        rc = hostruns_add (r, &run);
    stem_unref (run.stem);
    return rc;
}

/* The number is not the last one of the name: name by name. */
static int add_expanded (struct hostruns *r,
                         struct expr *e,
                         uint64_t lo,
                         uint64_t hi,
                         int width)
{
    struct buf b = BUF_INIT;
    int rc = 0;

    if (hi - lo >= MAX_EXPAND - *e->expanded)
        return -ERANGE;
    *e->expanded += hi - lo + 1;
    for (uint64_t v = lo; v <= hi && rc == 0; v++) {
        buf_clear (&b);
        buf_add (&b, e->prefix, e->prefix_len);
        buf_addf (&b, "%0*" PRIu64, width, v);
        buf_add (&b, e->suffix, e->suffix_len);
        rc = b.failed ? -ENOMEM : add_name (r, b.data, b.len);
    }
    buf_release (&b);
    return rc;
}

/* lo..hi all have 'len' digits as printed.  Digits at the end of the prefix
 * belong to the number: foo1[0-5] is foo[10-15]. */
static int add_piece (struct hostruns *r,
                      struct expr *e,
                      uint64_t lo,
                      uint64_t hi,
                      int len)
{
    struct hostrun run = {.lo = lo, .hi = hi};
    size_t cut = e->prefix_len;
    uint64_t scale = power10 (len);
    int digits = len;
    bool zero = lo < power10 (len - 1) && len > 1;

    while (cut > 0 && is_digit (e->prefix[cut - 1])
           && digits < HOSTRUN_MAX_DIGITS) {
        cut--;
        digits++;
        run.lo += (uint64_t)(e->prefix[cut] - '0') * scale;
        run.hi += (uint64_t)(e->prefix[cut] - '0') * scale;
        scale *= 10;
        zero = e->prefix[cut] == '0';
    }
    run.width = zero ? digits : 0;
    if (!e->stem || e->stem->prefix_len != cut) {
        stem_unref (e->stem);
        e->stem = stem_new (e->prefix, cut, e->suffix, e->suffix_len, true);
        if (!e->stem)
            return -ENOMEM;
    }
    run.stem = e->stem;
    return hostruns_add (r, &run);
}

static bool has_digit (const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (is_digit (s[i]))
            return true;
    return false;
}

/* Cut lo..hi where the printed length, or the leading zero, changes. */
static int add_span (struct hostruns *r,
                     struct expr *e,
                     uint64_t lo,
                     uint64_t hi,
                     int width)
{
    int rc = 0;

    if (hi - lo >= INT_MAX)
        return -ERANGE;
    if (has_digit (e->suffix, e->suffix_len))
        return add_expanded (r, e, lo, hi, width);
    while (lo <= hi && rc == 0) {
        int len = digits_of (lo) > width ? digits_of (lo) : width;
        uint64_t end = power10 (len) - 1;
        if (len > 1 && lo < power10 (len - 1))
            end = power10 (len - 1) - 1;
        if (end > hi)
            end = hi;
        rc = add_piece (r, e, lo, end, len);
        lo = end + 1;
    }
    return rc;
}

static int parse_number (const char **sp, uint64_t *valp, int *lenp)
{
    const char *s = *sp;
    uint64_t val = 0;
    int len = 0;

    for (; is_digit (s[len]); len++) {
        if (len == HOSTRUN_MAX_DIGITS)
            return -ERANGE;
        val = val * 10 + (uint64_t)(s[len] - '0');
    }
    if (len == 0)
        return -EINVAL;
    *sp = s + len;
    *valp = val;
    *lenp = len;
    return 0;
}

/* Parse "1,3-5,7" up to the closing bracket at 'end'. */
static int parse_idlist (struct hostruns *r,
                         struct expr *e,
                         const char *s,
                         const char *end)
{
    bool first = true;
    uint64_t lo, hi;
    int rc, len, hi_len;

    for (;; s++) {
        if ((rc = parse_number (&s, &lo, &len)) < 0)
            return rc;
        hi = lo;
        if (*s == '-') {
            s++;
            if ((rc = parse_number (&s, &hi, &hi_len)) < 0)
                return rc;
        }
        if (hi < lo)
            return -EINVAL;
        int width = digits_of (lo) < len ? len : 1;
        if (first)
            e->width = width;
        else if (width < e->width)
            width = e->width;
        first = false;
        if ((rc = add_span (r, e, lo, hi, width)) < 0)
            return rc;
        if (s == end)
            return 0;
        if (*s != ',')
            return -EINVAL;
    }
}

/* Characters that a name may consist of */
static size_t span_name (const char *s)
{
    size_t n = 0;

    while (s[n] > ' ' && s[n] < 0x7f && !strchr (",[]", s[n]))
        n++;
    return n;
}

static int parse_expr (struct hostruns *r, const char **sp, size_t *expanded)
{
    const char *s = *sp;
    struct expr e = {
        .prefix = s,
        .prefix_len = span_name (s),
        .expanded = expanded,
    };
    const char *open = s + e.prefix_len;

    if (*open != '[') {
        *sp = open;
        return e.prefix_len > 0 ? add_name (r, s, e.prefix_len) : 0;
    }
    const char *close = open + 1 + strspn (open + 1, "0123456789,-");
    if (*close != ']')
        return -EINVAL;
    e.suffix = close + 1;
    e.suffix_len = span_name (e.suffix);
    *sp = e.suffix + e.suffix_len;
    int rc = parse_idlist (r, &e, open + 1, close);
    stem_unref (e.stem);
    return rc;
}

int hostruns_parse (struct hostruns *r, const char *s)
{
    size_t expanded = 0;

    for (;; s++) {
        int rc = parse_expr (r, &s, &expanded);
        if (rc < 0)
            return rc;
        if (*s == '\0')
            return 0;
        if (*s != ',')
            return -EINVAL;
    }
}
