/* format.c - parse an output format; render one value with one spec
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/duration.h"
#include "base/errmsg.h"
#include "cmd/format.h"
#include "cmd/format_private.h"

size_t utf8_count (const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

size_t utf8_offset (const char *s, size_t chars)
{
    size_t i = 0;

    while (s[i]) {
        if (((unsigned char)s[i] & 0xc0) != 0x80 && chars-- == 0)
            break;
        i++;
    }
    return i;
}

/* Parsing */

static int number (const char **sp, int *valp, const char *what, flux_error_t *err)
{
    char *end;
    long n = strtol (*sp, &end, 10);

    if (n > 4096)
        return errmsg (err, -EINVAL, "format: %s %ld is over 4096", what, n);
    *valp = n;
    *sp = end;
    return 0;
}

static int is_align (char c)
{
    return c == '<' || c == '>' || c == '^' || c == '=';
}

static int parse_spec (struct field *f, const char *spec, flux_error_t *err)
{
    const char *s = spec;
    size_t first = utf8_offset (s, 1);

    if (*s && is_align (s[first])) {
        memcpy (f->fill, s, first < sizeof (f->fill) ? first : 1);
        f->align = s[first];
        s += first + 1;
    }
    else if (is_align (*s))
        f->align = *s++;
    if (*s == '0') {
        memcpy (f->fill, "0", 2);
        f->align = f->align ? f->align : '>';
        s++;
    }
    if (isdigit ((unsigned char)*s) && number (&s, &f->width, "width", err) < 0)
        return -EINVAL;
    if (*s == '.') {
        s++;
        if (!isdigit ((unsigned char)*s))
            return errmsg (err, -EINVAL, "format: no precision after '.' in '%s'", spec);
        if (number (&s, &f->precision, "precision", err) < 0)
            return -EINVAL;
    }
    if (*s && strchr ("sdfFgeEGxXo%", *s))
        f->type = *s++;
    if (*s == 'h') {
        f->hyphen = true;
        s++;
    }
    if (*s == '+') {
        f->mark_cut = true;
        s++;
    }
    if (*s)
        return errmsg (err, -EINVAL, "format: bad spec '%s' at '%s'", spec, s);
    return 0;
}

/* With !d the spec is a strftime format, then "::" and an ordinary spec. */
static int parse_time_spec (struct field *f, const char *spec, flux_error_t *err)
{
    const char *sep = strstr (spec, "::");
    size_t n = sep ? (size_t)(sep - spec) : strlen (spec);

    if (n > 0 && !sep && spec[n - 1] == 'h' && (n == 1 || spec[n - 2] != '%')) {
        f->hyphen = true;
        n--;
    }
    if (n > 0 && !(f->timefmt = strndup (spec, n)))
        return -ENOMEM;
    return sep ? parse_spec (f, sep + 2, err) : 0;
}

/* 'body' is what stands between the braces. */
static int parse_field (struct field *f, const char *body, flux_error_t *err)
{
    size_t n = strcspn (body, "!:");
    const char *s = body + n;

    f->precision = -1;
    memcpy (f->fill, " ", 2);
    if (n == 0)
        return errmsg (err, -EINVAL, "format: no field name in '{%s}'", body);
    if (!(f->name = strndup (body, n)))
        return -ENOMEM;
    if (*s == '!') {
        if (!s[1] || !strchr ("DdFHPs", s[1]) || (s[2] && s[2] != ':'))
            return errmsg (err, -EINVAL, "format: unknown conversion '%s' in '{%s}'"
                           " (there are !D !d !F !H !P)", s, body);
        f->conv = s[1];
        s += 2;
    }
    if (*s == ':')
        s++;
    return f->conv == 'd' ? parse_time_spec (f, s, err) : parse_spec (f, s, err);
}

static struct field *add_field (struct format *f)
{
    if (f->count == f->size) {
        size_t size = f->size ? f->size * 2 : 8;
        struct field *p = realloc (f->fields, size * sizeof (*p));
        if (!p)
            return NULL;
        f->fields = p;
        f->size = size;
    }
    memset (&f->fields[f->count], 0, sizeof (struct field));
    return &f->fields[f->count++];
}

/* The text before a field may end with a prefix that is about the field. */
static void take_prefix (struct field *f, struct buf *text)
{
    static const struct {
        const char *s;
        bool drop, grow;
    } prefix[] = { { "?+:", true, true }, { "?:", true, false }, { "+:", false, true } };

    for (int i = 0; i < 3; i++) {
        size_t n = strlen (prefix[i].s);
        if (text->len >= n && strcmp (text->data + text->len - n, prefix[i].s) == 0) {
            f->drop_empty = prefix[i].drop;
            f->grow = prefix[i].grow;
            text->len -= n;
            text->data[text->len] = '\0';
            return;
        }
    }
}

static int end_field (struct format *f, struct buf *text, const char *open,
                      const char *close, flux_error_t *err)
{
    struct field *field = add_field (f);
    char *body = strndup (open + 1, close - open - 1);
    int rc = -ENOMEM;

    if (field && body) {
        take_prefix (field, text);
        rc = parse_field (field, body, err);
        if (rc == 0 && !(field->text = strdup (text->data)))
            rc = -ENOMEM;
    }
    free (body);
    buf_clear (text);
    return rc;
}

static int parse_body (struct format *f, const char *s, flux_error_t *err)
{
    struct buf text = BUF_INIT;
    int rc = 0;

    while (*s && rc == 0) {
        if ((s[0] == '{' && s[1] == '{') || (s[0] == '}' && s[1] == '}')) {
            rc = buf_addc (&text, *s);
            s += 2;
        }
        else if (*s == '{') {
            const char *close = strchr (s, '}');
            if (!close)
                rc = errmsg (err, -EINVAL, "format: no '}' after '%.40s'", s);
            else if ((rc = end_field (f, &text, s, close, err)) == 0)
                s = close + 1;
        }
        else if (*s == '}')
            rc = errmsg (err, -EINVAL, "format: single '}' at '%.40s'", s);
        else
            rc = buf_addc (&text, *s++);
    }
    if (rc == 0 && !(f->tail = buf_take (&text)))
        rc = -ENOMEM;
    buf_release (&text);
    return rc;
}

static int parse_sort (struct format *f, const char **sp)
{
    const char *s = *sp;
    size_t n;

    while (isspace ((unsigned char)*s))
        s++;
    if (strncmp (s, "sort:", 5) != 0)
        return 0;
    s += 5;
    n = strcspn (s, " \t\n");
    if (!(f->sort = strndup (s, n)))
        return -ENOMEM;
    s += n;
    while (isspace ((unsigned char)*s))
        s++;
    *sp = s;
    return 0;
}

static int set_headings (struct format *f, format_heading_f heading, void *arg,
                         flux_error_t *err)
{
    for (size_t i = 0; i < f->count; i++) {
        const char *h = heading (f->fields[i].name, arg);
        if (!h)
            return errmsg (err, -EINVAL, "Unknown format field: %s", f->fields[i].name);
        if (!(f->fields[i].heading = strdup (h)))
            return -ENOMEM;
    }
    return 0;
}

/* Each key, without '-', names a field. */
int format_check_sort (const char *keys, format_heading_f heading, void *arg, flux_error_t *err)
{
    char *copy = keys ? strdup (keys) : NULL;
    char *save = NULL;
    int rc = keys && !copy ? -ENOMEM : 0;

    for (char *k = copy ? strtok_r (copy, ",", &save) : NULL; k && rc == 0;
         k = strtok_r (NULL, ",", &save)) {
        if (!heading (k + (k[0] == '-'), arg))
            rc = errmsg (err, -EINVAL, "Unknown sort key: %s", k + (k[0] == '-'));
    }
    free (copy);
    return rc;
}

struct format *format_parse (const char *s, format_heading_f heading, void *arg,
                             flux_error_t *err)
{
    struct format *f = calloc (1, sizeof (*f));
    int rc = -ENOMEM;

    if (f && (rc = parse_sort (f, &s)) == 0 && (rc = parse_body (f, s, err)) == 0
        && (rc = format_check_sort (f->sort, heading, arg, err)) == 0)
        rc = set_headings (f, heading, arg, err);
    if (rc < 0) {
        if (rc == -ENOMEM)
            errmsg (err, rc, "out of memory");
        format_free (f);
        errno = -rc;
        return NULL;
    }
    return f;
}

void format_free (struct format *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++) {
        free (f->fields[i].text);
        free (f->fields[i].name);
        free (f->fields[i].heading);
        free (f->fields[i].timefmt);
    }
    free (f->fields);
    free (f->tail);
    free (f->sort);
    free (f);
}

bool format_uses (const struct format *f, const char *name)
{
    size_t n = strlen (name);
    bool prefix = n > 0 && name[n - 1] == '.';

    for (size_t i = 0; i < f->count; i++) {
        if (strncmp (f->fields[i].name, name, prefix ? n : n + 1) == 0)
            return true;
    }
    return f->sort && strstr (f->sort, name);
}

/* Rendering */

static int add_real (struct buf *b, double d, const struct field *f)
{
    char fmt[8] = "%.*f";

    switch (f->type) {
        case 'd':
            return buf_addf (b, "%.0f", d);
        case '%':
            return buf_addf (b, "%.*f%%", f->precision < 0 ? 6 : f->precision, d * 100);
        case 'f': case 'F': case 'g': case 'G': case 'e': case 'E':
            fmt[3] = f->type;
            return buf_addf (b, fmt, f->precision < 0 ? 6 : f->precision, d);
    }
    if (d == floor (d) && fabs (d) < 1e16)
        return buf_addf (b, "%.1f", d);
    return buf_addf (b, "%.15g", d);
}

static int add_integer (struct buf *b, json_int_t i, const struct field *f)
{
    switch (f->type) {
        case 'x':
            return buf_addf (b, "%llx", (long long)i);
        case 'X':
            return buf_addf (b, "%llX", (long long)i);
        case 'o':
            return buf_addf (b, "%llo", (long long)i);
        case 'f': case 'F': case 'g': case 'G': case 'e': case 'E': case '%':
            return add_real (b, i, f);
    }
    return buf_addf (b, "%lld", (long long)i);
}

/* "%f", as Python has it, is microseconds. */
static char *fill_in_micro (const char *fmt, int micro)
{
    struct buf b = BUF_INIT;

    for (; *fmt; fmt++) {
        if (fmt[0] == '%' && fmt[1] == 'f')
            buf_addf (&b, "%06d", micro);
        else {
            buf_addc (&b, *fmt);
            if (fmt[0] == '%' && fmt[1])
                buf_addc (&b, fmt[1]);
        }
        fmt += fmt[0] == '%' && fmt[1];
    }
    return buf_take (&b);
}

static int add_time (struct buf *b, double t, const char *fmt)
{
    time_t sec = floor (t);
    int micro = (t - sec) * 1e6;
    struct tm tm;
    char text[256];
    char *full = fill_in_micro (fmt, micro);
    size_t n = full && localtime_r (&sec, &tm) ? strftime (text, sizeof (text), full, &tm) : 0;

    free (full);
    return n > 0 ? buf_adds (b, text) : 0;
}

static int add_hms (struct buf *b, double t)
{
    long long s = llround (t);

    if (s >= 86400)
        buf_addf (b, "%lld day%s, ", s / 86400, s / 86400 == 1 ? "" : "s");
    return buf_addf (b, "%lld:%02lld:%02lld", s % 86400 / 3600, s % 3600 / 60, s % 60);
}

static int add_fsd (struct buf *b, double t)
{
    char text[64];

    if (duration_format (t, text, sizeof (text)) < 0)
        return 0;
    return buf_adds (b, text);
}

/* In five characters: 100%, 15.5%, 1.5%, 0.05% */
static int add_percent (struct buf *b, double v)
{
    v *= 100;
    if (v >= 1 || v == 0)
        return buf_addf (b, "%.3g%%", v);
    return buf_addf (b, "%.*g%%", v < 0.1 ? 1 : 2, v < 0.005 ? 0. : v);
}

static int add_converted (struct buf *b, double v, const struct field *f)
{
    bool is_time = f->conv == 'D' || f->conv == 'd';

    if (is_time && v == 0)
        return 0;
    switch (f->conv) {
        case 'D':
            return add_time (b, v, "%Y-%m-%dT%H:%M:%S");
        case 'd':
            return add_time (b, v, f->timefmt ? f->timefmt
                                   : v == floor (v) ? "%Y-%m-%d %H:%M:%S"
                                                    : "%Y-%m-%d %H:%M:%S.%f");
        case 'F':
            return add_fsd (b, v);
        case 'H':
            return add_hms (b, v);
        default:
            return add_percent (b, v);
    }
}

static int add_compound (struct buf *b, const json_t *v)
{
    char *s = json_dumps (v, JSON_COMPACT);
    int rc = s ? buf_adds (b, s) : -ENOMEM;

    free (s);
    return rc;
}

static bool is_nothing (const char *s)
{
    return !*s || strcmp (s, "0s") == 0 || strcmp (s, "0.0") == 0
           || strcmp (s, "0:00:00") == 0 || strcmp (s, "1970-01-01T00:00:00") == 0;
}

char *field_text (const struct field *f, const json_t *v)
{
    struct buf b = BUF_INIT;

    if (!v || json_is_null (v))
        ;
    else if (json_is_number (v) && f->conv && f->conv != 's')
        add_converted (&b, json_number_value (v), f);
    else if (json_is_string (v))
        buf_adds (&b, json_string_value (v));
    else if (json_is_integer (v))
        add_integer (&b, json_integer_value (v), f);
    else if (json_is_real (v))
        add_real (&b, json_real_value (v), f);
    else if (json_is_boolean (v))
        buf_adds (&b, json_is_true (v) ? "True" : "False");
    else
        add_compound (&b, v);
    if (f->hyphen && is_nothing (b.data)) {
        buf_clear (&b);
        buf_addc (&b, '-');
    }
    return buf_take (&b);
}

static bool cuts_text (const struct field *f)
{
    return f->precision >= 0 && (!f->type || f->type == 's');
}

static void pad (struct buf *b, const struct field *f, size_t n)
{
    while (n-- > 0)
        buf_adds (b, f->fill);
}

int field_pad (struct buf *b, const struct field *f, const char *s, bool number,
               size_t width, int precision)
{
    size_t len = utf8_count (s);
    char align = f->align ? f->align : number ? '>' : '<';
    size_t gap;
    size_t left;

    if (cuts_text (f) && !number && precision >= 0 && len > (size_t)precision) {
        bool mark = f->mark_cut && precision > 0;
        buf_clear (b);
        len = precision;
        gap = width > len ? width - len : 0;
        left = align == '>' ? gap : align == '^' ? gap / 2 : 0;
        pad (b, f, left);
        buf_add (b, s, utf8_offset (s, precision - mark));
        if (mark)
            buf_addc (b, '+');
    }
    else {
        buf_clear (b);
        gap = width > len ? width - len : 0;
        left = align == '>' || align == '=' ? gap : align == '^' ? gap / 2 : 0;
        pad (b, f, left);
        buf_adds (b, s);
    }
    pad (b, f, gap - left);
    return b->failed ? -ENOMEM : 0;
}

char *format_value (const char *spec, const json_t *v, flux_error_t *err)
{
    struct field f = { .fill = " ", .precision = -1 };
    bool number = json_is_number (v);
    struct buf b = BUF_INIT;
    char *text;

    if (parse_spec (&f, spec, err) < 0)
        return NULL;
    if (!number && f.type && f.type != 's') {
        errmsg (err, -EINVAL, "format: '%s' is for a number, and this is a text", spec);
        return NULL;
    }
    if ((text = field_text (&f, v)))
        field_pad (&b, &f, text, number, f.width, f.precision);
    free (text);
    return buf_take (&b);
}
