/* toml_string.c - the four kinds of TOML string */
#include <errno.h>
#include <string.h>

#include "base/toml_private.h"

static int add (struct toml *t, struct buf *b, const char *s, size_t len)
{
    return buf_add (b, s, len) < 0 ? toml_nomem (t) : 0;
}

static int add_code_point (struct toml *t, struct buf *b, uint32_t cp)
{
    char s[4];
    size_t n = 0;

    if (cp < 0x80)
        s[n++] = (char)cp;
    else if (cp < 0x800) {
        s[n++] = (char)(0xc0 | cp >> 6);
        s[n++] = (char)(0x80 | (cp & 0x3f));
    }
    else if (cp < 0x10000) {
        s[n++] = (char)(0xe0 | cp >> 12);
        s[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
        s[n++] = (char)(0x80 | (cp & 0x3f));
    }
    else {
        s[n++] = (char)(0xf0 | cp >> 18);
        s[n++] = (char)(0x80 | (cp >> 12 & 0x3f));
        s[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
        s[n++] = (char)(0x80 | (cp & 0x3f));
    }
    return add (t, b, s, n);
}

/* After "\u" or "\U" */
static int unicode_escape (struct toml *t, struct buf *b, int digits)
{
    const char *at = t->p - 2;
    uint32_t cp = 0;

    for (int i = 0; i < digits; i++, t->p++) {
        int c = toml_peek (t);
        int v = toml_is_digit (c)         ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (v < 0)
            return toml_fail (t, at, "\\%c needs %d hexadecimal digits",
                              at[1], digits);
        cp = cp << 4 | (uint32_t)v;
    }
    if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        return toml_fail (t, at, "\\%c with what is not a character", at[1]);
    return add_code_point (t, b, cp);
}

/* At the character after a backslash */
static int escape (struct toml *t, struct buf *b)
{
    static const char from[] = "btnfr\"\\";
    static const char to[] = "\b\t\n\f\r\"\\";
    const char *at = t->p - 1;
    int c = toml_peek (t);
    const char *p = c > 0 ? strchr (from, c) : NULL;

    if (c != -1)
        t->p++;
    if (p)
        return add (t, b, &to[p - from], 1);
    if (c == 'u')
        return unicode_escape (t, b, 4);
    if (c == 'U')
        return unicode_escape (t, b, 8);
    return toml_fail (t, at, "unknown escape in a string");
}

static bool is_control (int c)
{
    return (c < ' ' && c != '\t') || c == 0x7f;
}

/* Between the quotes of a single-line string */
static int single_line (struct toml *t, struct buf *b, int quote)
{
    const char *at = t->p - 1;
    int c;

    while ((c = toml_peek (t)) != quote) {
        if (c == -1 || c == '\n' || c == '\r')
            return toml_fail (t, at, "string without an end");
        if (is_control (c))
            return toml_fail (t, t->p, "control character in a string");
        t->p++;
        if (c == '\\' && quote == '"') {
            if (escape (t, b) < 0)
                return -EINVAL;
        }
        else if (add (t, b, t->p - 1, 1) < 0)
            return -ENOMEM;
    }
    t->p++;
    return 0;
}

int toml_quoted (struct toml *t, struct buf *b)
{
    int quote = toml_peek (t);

    t->p++;
    return single_line (t, b, quote);
}

/* A backslash at the end of a line takes all white space up to the next other
 * character with it.  Returns whether this is one, and skips that. */
static bool line_continues (struct toml *t)
{
    const char *p = t->p;

    while (p < t->end && (*p == ' ' || *p == '\t'))
        p++;
    if (p < t->end && *p == '\r')
        p++;
    if (p == t->end || *p != '\n')
        return false;
    while (p < t->end
           && (*p == ' ' || *p == '\t' || *p == '\n'
               || (*p == '\r' && p + 1 < t->end && p[1] == '\n')))
        p++;
    t->p = p;
    return true;
}

/* At a quote: of three to five in a row, the last three end the string.
 * Returns 1 at the end, 0 if the string goes on. */
static int closing_quotes (struct toml *t, struct buf *b, char quote)
{
    size_t n = 0;

    while (n < 5 && t->p + n < t->end && t->p[n] == quote)
        n++;
    size_t content = n < 3 ? n : n - 3;
    if (add (t, b, t->p, content) < 0)
        return -ENOMEM;
    t->p += n;
    return n >= 3;
}

/* One character or escape of a multi-line string */
static int multi_line_char (struct toml *t, struct buf *b, int quote)
{
    int c = toml_peek (t);

    if (toml_accept (t, "\r\n"))
        return add (t, b, "\n", 1);
    if (is_control (c) && c != '\n')
        return toml_fail (t, t->p, "control character in a string");
    t->p++;
    if (c == '\\' && quote == '"')
        return line_continues (t) ? 0 : escape (t, b);
    return add (t, b, t->p - 1, 1);
}

static int multi_line (struct toml *t, struct buf *b, int quote)
{
    const char *at = t->p - 3;
    int rc;

    if (!toml_accept (t, "\n"))
        toml_accept (t, "\r\n");
    for (;;) {
        int c = toml_peek (t);
        if (c == -1)
            return toml_fail (t, at, "string without an end");
        if (c == quote) {
            if ((rc = closing_quotes (t, b, (char)quote)) != 0)
                return rc < 0 ? rc : 0;
        }
        else if ((rc = multi_line_char (t, b, quote)) < 0)
            return rc;
    }
}

json_t *toml_string (struct toml *t)
{
    struct buf b = BUF_INIT;
    json_t *o = NULL;
    int quote = toml_peek (t);
    int rc;

    if (toml_accept (t, "\"\"\"") || toml_accept (t, "'''"))
        rc = multi_line (t, &b, quote);
    else
        rc = toml_quoted (t, &b);
    if (rc == 0 && !(o = json_stringn (b.data, b.len)))
        toml_nomem (t);
    buf_release (&b);
    return o;
}
