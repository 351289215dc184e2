/* toml_value.c - TOML values: arrays, inline tables, booleans, numbers */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/toml_private.h"

/* ---- arrays and inline tables ---- */

static int array_elements (struct toml *t, json_t *a)
{
    for (;;) {
        json_t *value;
        if (toml_skip_lines (t) < 0)
            return -EINVAL;
        if (toml_accept (t, "]"))
            return 0;
        if (!(value = toml_value (t)))
            return -EINVAL;
        if (json_array_append_new (a, value) < 0)
            return toml_nomem (t);
        if (toml_skip_lines (t) < 0)
            return -EINVAL;
        if (toml_accept (t, "]"))
            return 0;
        if (!toml_accept (t, ","))
            return toml_fail (t, t->p, "expected ',' or ']' in the array");
    }
}

static int inline_pairs (struct toml *t, json_t *o)
{
    toml_skip_blanks (t);
    if (toml_accept (t, "}"))
        return 0;
    for (;;) {
        toml_skip_blanks (t);
        if (toml_pair (t, o) < 0)
            return -EINVAL;
        toml_skip_blanks (t);
        if (toml_accept (t, "}"))
            return 0;
        if (!toml_accept (t, ","))
            return toml_fail (t, t->p,
                              "expected ',' or '}' in the inline table");
    }
}

/* At '[' or '{' */
static json_t *container (struct toml *t)
{
    const char *at = t->p;
    bool is_array = *t->p++ == '[';
    json_t *o;
    int rc;

    if (t->depth >= TOML_MAX_DEPTH) {
        toml_fail (t, at, "values are nested too deep");
        return NULL;
    }
    if (!(o = is_array ? json_array () : json_object ())) {
        toml_nomem (t);
        return NULL;
    }
    t->depth++;
    rc = is_array ? array_elements (t, o) : inline_pairs (t, o);
    t->depth--;
    if (rc < 0 || toml_freeze (t, o) < 0) {
        json_decref (o);
        return NULL;
    }
    return o;
}

/* ---- numbers ---- */

static bool is_word (int c)
{
    return toml_is_digit (c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || c == '_' || c == '+' || c == '-' || c == '.';
}

/* Copy a run of digits that may have a single '_' between two of them.
 * Returns how many digits, or 0 if that is not what is there. */
static size_t digits (const char **sp, const char *set, char **out)
{
    const char *s = *sp;
    size_t n = 0;

    for (;;) {
        if (*s == '\0' || !strchr (set, *s))
            return 0;
        *(*out)++ = *s++;
        n++;
        if (*s == '_')
            s++;
        else if (*s == '\0' || !strchr (set, *s))
            break;
    }
    *sp = s;
    return n;
}

static json_t *integer (struct toml *t,
                        const char *at,
                        const char *text,
                        int base)
{
    char *end;
    json_t *o;

    errno = 0;
    long long v = strtoll (text, &end, base);
    if (errno == ERANGE || *end != '\0') {
        toml_fail (t, at, "integer out of range");
        return NULL;
    }
    if (!(o = json_integer (v)))
        toml_nomem (t);
    return o;
}

static json_t *real (struct toml *t, const char *at, char *text)
{
    const char *point = localeconv ()->decimal_point;
    char *dot = strchr (text, '.');
    json_t *o;

    if (dot && *point)
        *dot = *point; /* strtod() obeys the locale */
    double d = strtod (text, NULL);
    if (isinf (d)) {
        toml_fail (t, at, "number out of range");
        return NULL;
    }
    if (!(o = json_real (d)))
        toml_nomem (t);
    return o;
}

/* "0x1f", "0o17", "0b101": no sign.  Returns false if it is not one. */
static bool prefixed (const char *s, char *out, int *base)
{
    static const struct {
        char letter;
        int base;
        const char *set;
    } kinds[] = {
        {'x', 16, "0123456789abcdefABCDEF"},
        {'o', 8, "01234567"},
        {'b', 2, "01"},
    };

    for (size_t i = 0; i < sizeof (kinds) / sizeof (kinds[0]); i++) {
        if (s[0] == '0' && s[1] == kinds[i].letter) {
            s += 2;
            *base = kinds[i].base;
            return digits (&s, kinds[i].set, &out) > 0 && *s == '\0';
        }
    }
    return false;
}

/* "-12", "6.02e23": '*is_real' tells which.  Returns false if neither. */
static bool decimal (const char *s, char *out, bool *is_real)
{
    static const char set[] = "0123456789";
    const char *first;
    size_t n;

    *is_real = false;
    if (*s == '+' || *s == '-')
        *out++ = *s++;
    first = s;
    if ((n = digits (&s, set, &out)) == 0 || (n > 1 && *first == '0'))
        return false;
    if (*s == '.') {
        *is_real = true;
        *out++ = *s++;
        if (digits (&s, set, &out) == 0)
            return false;
    }
    if (*s == 'e' || *s == 'E') {
        *is_real = true;
        *out++ = *s++;
        if (*s == '+' || *s == '-')
            *out++ = *s++;
        if (digits (&s, set, &out) == 0)
            return false;
    }
    return *s == '\0';
}

/* A word that is no string: true, false, or a number */
static json_t *scalar (struct toml *t, const char *at, const char *word)
{
    char text[128] = ""; /* as long as the word, without '_' */
    bool is_real;
    int base;
    const char *bare = *word == '+' || *word == '-' ? word + 1 : word;

    if (strcmp (word, "true") == 0 || strcmp (word, "false") == 0)
        return json_boolean (*word == 't');
    if (strcmp (bare, "inf") == 0 || strcmp (bare, "nan") == 0)
        toml_fail (t, at, "%s is not supported", bare);
    else if (prefixed (word, text, &base))
        return integer (t, at, text, base);
    else if (decimal (word, text, &is_real))
        return is_real ? real (t, at, text) : integer (t, at, text, 10);
    else if (toml_is_digit (*bare))
        toml_fail (t, at, "invalid number '%.40s'", word);
    else
        toml_fail (t, at, "invalid value '%.40s'", word);
    return NULL;
}

static json_t *word_value (struct toml *t)
{
    const char *at = t->p;
    char word[128];

    while (is_word (toml_peek (t)))
        t->p++;
    size_t len = (size_t)(t->p - at);
    if (len == 0 || len >= sizeof (word)) {
        toml_fail (t, at, len == 0 ? "expected a value" : "value too long");
        return NULL;
    }
    memcpy (word, at, len);
    word[len] = '\0';
    return scalar (t, at, word);
}

json_t *toml_value (struct toml *t)
{
    int c = toml_peek (t);

    if (c == '"' || c == '\'')
        return toml_string (t);
    if (c == '[' || c == '{')
        return container (t);
    if (toml_at_date (t))
        return toml_date (t);
    return word_value (t);
}
