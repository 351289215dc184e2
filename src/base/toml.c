/* toml.c - TOML 1.0 documents
 *
 * Who may add to a table is a matter of how it came to be:
 *
 *   implied   by [a.b], for a: a header or dotted keys may define it, once
 *   header    [a]: closed to other headers and to dotted keys from outside
 *   dotted    a.b = 1, for a: more dotted keys of the same section may add to
 *             it, headers may add sub-tables below it
 *   frozen    inline tables and arrays of values: complete
 *   tables    arrays of [[a]]: the last element stands for the array
 */
#include "base/toml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "base/toml_private.h"

enum {
    STATE_HEADER = 1,
    STATE_FROZEN = 2,
    STATE_TABLES = 3,
    STATE_DOTTED = 4, /* and above: 4 + the section */
};

/* ---- errors ---- */

/* Count lines and characters up to 'at'. */
static void locate (const struct toml *t, const char *at, int *line, int *col)
{
    *line = *col = 1;
    for (const char *p = t->start; p < at && p < t->end; p++) {
        if (*p == '\n') {
            (*line)++;
            *col = 1;
        }
        else if ((*p & 0xc0) != 0x80)
            (*col)++;
    }
}

int toml_fail (struct toml *t, const char *at, const char *fmt, ...)
{
    char text[128];
    int line, col;
    va_list ap;

    va_start (ap, fmt);
    vsnprintf (text, sizeof (text), fmt, ap);
    va_end (ap);
    locate (t, at, &line, &col);
    t->errnum = EINVAL;
    return errmsg (t->err, -EINVAL, "%d:%d: %s", line, col, text);
}

int toml_nomem (struct toml *t)
{
    t->errnum = ENOMEM;
    return errmsg (t->err, -ENOMEM, "out of memory");
}

/* ---- white space ---- */

bool toml_accept (struct toml *t, const char *text)
{
    size_t len = strlen (text);

    if ((size_t)(t->end - t->p) < len || memcmp (t->p, text, len) != 0)
        return false;
    t->p += len;
    return true;
}

void toml_skip_blanks (struct toml *t)
{
    while (toml_peek (t) == ' ' || toml_peek (t) == '\t')
        t->p++;
}

static bool skip_newline (struct toml *t)
{
    return toml_accept (t, "\n") || toml_accept (t, "\r\n");
}

int toml_skip_comment (struct toml *t)
{
    int c;

    if (!toml_accept (t, "#"))
        return 0;
    while ((c = toml_peek (t)) != -1 && c != '\n') {
        if (c == '\r' && t->p + 1 < t->end && t->p[1] == '\n')
            return 0;
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return toml_fail (t, t->p, "control character in a comment");
        t->p++;
    }
    return 0;
}

int toml_skip_lines (struct toml *t)
{
    do {
        toml_skip_blanks (t);
        if (toml_skip_comment (t) < 0)
            return -EINVAL;
    } while (skip_newline (t));
    return 0;
}

/* After a header or a pair, the line must end. */
static int end_of_line (struct toml *t)
{
    toml_skip_blanks (t);
    if (toml_skip_comment (t) < 0)
        return -EINVAL;
    if (t->p < t->end && !skip_newline (t))
        return toml_fail (t, t->p, "expected the end of the line");
    return 0;
}

/* ---- states ---- */

static uintptr_t get_state (const struct toml *t, const json_t *o)
{
    return (uintptr_t)idhash_get (t->state, (uintptr_t)o);
}

static int set_state (struct toml *t, const json_t *o, uintptr_t state)
{
    if (idhash_set (t->state, (uintptr_t)o, (void *)state) < 0)
        return toml_nomem (t);
    return 0;
}

int toml_freeze (struct toml *t, json_t *value)
{
    return set_state (t, value, STATE_FROZEN);
}

static json_t *new_table (struct toml *t, json_t *parent, const char *key)
{
    json_t *o = json_object ();

    if (!o || json_object_set_new (parent, key, o) < 0) {
        toml_nomem (t);
        return NULL;
    }
    return o;
}

/* ---- keys ---- */

static bool is_bare (int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || toml_is_digit (c) || c == '_' || c == '-';
}

/* Parse one part of a key into b. */
static int key_part (struct toml *t, struct buf *b)
{
    const char *at = t->p;

    buf_clear (b);
    if (toml_peek (t) == '"' || toml_peek (t) == '\'') {
        if (toml_quoted (t, b) < 0)
            return -EINVAL;
        if (strlen (b->data) != b->len)
            return toml_fail (t, at, "a key with a NUL is not supported");
        return 0;
    }
    while (is_bare (toml_peek (t)))
        t->p++;
    if (t->p == at)
        return toml_fail (t, at, "expected a key");
    return buf_add (b, at, (size_t)(t->p - at)) < 0 ? toml_nomem (t) : 0;
}

/* After a part: is there another? */
static bool key_goes_on (struct toml *t)
{
    toml_skip_blanks (t);
    if (!toml_accept (t, "."))
        return false;
    toml_skip_blanks (t);
    return true;
}

/* A table that a dotted key passes through on its way */
static json_t *enter_dotted (struct toml *t,
                             json_t *table,
                             const char *key,
                             const char *at)
{
    uintptr_t mine = STATE_DOTTED + t->section;
    json_t *o = json_object_get (table, key);
    uintptr_t state = o ? get_state (t, o) : 0;

    if (!o)
        o = new_table (t, table, key);
    else if (!json_is_object (o) || state == STATE_FROZEN) {
        toml_fail (t, at, "'%s' has a value already", key);
        return NULL;
    }
    else if (state != 0 && state != mine) {
        toml_fail (t, at, "table '%s' is defined elsewhere", key);
        return NULL;
    }
    return o && set_state (t, o, mine) == 0 ? o : NULL;
}

static int pair_value (struct toml *t,
                       json_t *table,
                       const char *key,
                       const char *at)
{
    json_t *value;

    if (json_object_get (table, key))
        return toml_fail (t, at, "'%s' is defined twice", key);
    if (!toml_accept (t, "="))
        return toml_fail (t, t->p, "expected '=' after the key");
    toml_skip_blanks (t);
    if (!(value = toml_value (t)))
        return -EINVAL;
    if (json_object_set_new (table, key, value) < 0)
        return toml_nomem (t);
    return 0;
}

int toml_pair (struct toml *t, json_t *table)
{
    struct buf key = BUF_INIT;
    const char *at;
    int depth = t->depth;
    int rc;

    for (;;) {
        at = t->p;
        if ((rc = key_part (t, &key)) < 0)
            break;
        if (!key_goes_on (t)) {
            rc = pair_value (t, table, key.data, at);
            break;
        }
        if (++t->depth > TOML_MAX_DEPTH) {
            rc = toml_fail (t, at, "tables are nested too deep");
            break;
        }
        if (!(table = enter_dotted (t, table, key.data, at))) {
            rc = -EINVAL;
            break;
        }
    }
    t->depth = depth;
    buf_release (&key);
    return rc;
}

/* ---- headers ---- */

/* A table that a header passes through on its way */
static json_t *enter_header (struct toml *t,
                             json_t *table,
                             const char *key,
                             const char *at)
{
    json_t *o = json_object_get (table, key);

    if (!o)
        return new_table (t, table, key);
    if (json_is_array (o) && get_state (t, o) == STATE_TABLES)
        return json_array_get (o, json_array_size (o) - 1);
    if (!json_is_object (o) || get_state (t, o) == STATE_FROZEN) {
        toml_fail (t, at, "'%s' has a value already", key);
        return NULL;
    }
    return o;
}

/* The last part of [a.b.c] */
static json_t *define_table (struct toml *t,
                             json_t *table,
                             const char *key,
                             const char *at)
{
    json_t *o = json_object_get (table, key);

    if (!o)
        o = new_table (t, table, key);
    else if (!json_is_object (o)) {
        toml_fail (t, at, "'%s' has a value already", key);
        return NULL;
    }
    else if (get_state (t, o) != 0) {
        toml_fail (t, at, "table '%s' is defined twice", key);
        return NULL;
    }
    return o && set_state (t, o, STATE_HEADER) == 0 ? o : NULL;
}

/* The last part of [[a.b.c]] */
static json_t *define_element (struct toml *t,
                               json_t *table,
                               const char *key,
                               const char *at)
{
    json_t *a = json_object_get (table, key);
    json_t *o;

    if (!a) {
        a = json_array ();
        if (!a || json_object_set_new (table, key, a) < 0) {
            toml_nomem (t);
            return NULL;
        }
        if (set_state (t, a, STATE_TABLES) < 0)
            return NULL;
    }
    else if (!json_is_array (a) || get_state (t, a) != STATE_TABLES) {
        toml_fail (t, at, "'%s' is not an array of tables", key);
        return NULL;
    }
    if (!(o = json_object ()) || json_array_append_new (a, o) < 0) {
        toml_nomem (t);
        return NULL;
    }
    return set_state (t, o, STATE_HEADER) == 0 ? o : NULL;
}

/* Parse "[a.b]" or "[[a.b]]"; returns the table that pairs go to from now. */
static json_t *header (struct toml *t, json_t *root)
{
    bool element = toml_accept (t, "[[");
    struct buf key = BUF_INIT;
    json_t *table = root;
    bool last = false;

    if (!element)
        t->p++;
    t->section++;
    t->depth = 0;
    toml_skip_blanks (t);
    while (table && !last) {
        const char *at = t->p;
        if (key_part (t, &key) < 0)
            table = NULL;
        else if (++t->depth > TOML_MAX_DEPTH) {
            toml_fail (t, at, "tables are nested too deep");
            table = NULL;
        }
        else if (key_goes_on (t))
            table = enter_header (t, table, key.data, at);
        else {
            last = true;
            table = element ? define_element (t, table, key.data, at)
                            : define_table (t, table, key.data, at);
        }
    }
    buf_release (&key);
    if (table && !toml_accept (t, element ? "]]" : "]")) {
        toml_fail (t, t->p, "expected '%s'", element ? "]]" : "]");
        return NULL;
    }
    return table;
}

/* ---- documents ---- */

/* Length of the UTF-8 sequence at p, or 0 if there is none. */
static int utf8_length (const unsigned char *p, const unsigned char *end)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int n = *p < 0x80                ? 1
            : (*p & 0xe0) == 0xc0    ? 2
            : (*p & 0xf0) == 0xe0    ? 3
            : (*p & 0xf8) == 0xf0    ? 4
                                     : 0;
    uint32_t cp = n > 1 ? *p & (0x7f >> n) : *p;

    if (n == 0 || end - p < n)
        return 0;
    for (int i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        cp = cp << 6 | (p[i] & 0x3f);
    }
    if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        return 0;
    return n;
}

static int check_utf8 (struct toml *t)
{
    const unsigned char *p = (const unsigned char *)t->start;
    const unsigned char *end = (const unsigned char *)t->end;

    while (p < end) {
        int n = utf8_length (p, end);
        if (n == 0)
            return toml_fail (t, (const char *)p, "invalid UTF-8");
        p += n;
    }
    return 0;
}

static int document (struct toml *t, json_t *root)
{
    json_t *table = root;

    toml_accept (t, "\xef\xbb\xbf"); /* byte order mark */
    for (;;) {
        if (toml_skip_lines (t) < 0)
            return -EINVAL;
        if (t->p == t->end)
            return 0;
        if (*t->p == '[') {
            if (!(table = header (t, root)))
                return -EINVAL;
        }
        else if (toml_pair (t, table) < 0)
            return -EINVAL;
        if (end_of_line (t) < 0)
            return -EINVAL;
    }
}

json_t *toml_parse (const char *text, size_t len, flux_error_t *err)
{
    struct toml t = {
        .start = text,
        .p = text,
        .end = text ? text + len : NULL,
        .err = err,
    };
    json_t *root = NULL;

    if (!text && len > 0) {
        errno = -errmsg (err, -EINVAL, "no text");
        return NULL;
    }
    if (!(t.state = idhash_new (NULL)) || !(root = json_object ()))
        toml_nomem (&t);
    else if (check_utf8 (&t) < 0 || document (&t, root) < 0) {
        json_decref (root);
        root = NULL;
    }
    idhash_free (t.state);
    if (!root)
        errno = t.errnum;
    return root;
}

/* ---- files ---- */

static int read_all (const char *path, struct buf *b)
{
    FILE *f = fopen (path, "re");
    char chunk[8192];
    size_t n;
    int rc = 0;

    if (!f)
        return -errno;
    while (rc == 0 && (n = fread (chunk, 1, sizeof (chunk), f)) > 0)
        rc = buf_add (b, chunk, n);
    if (rc == 0 && ferror (f))
        rc = errno ? -errno : -EIO;
    fclose (f);
    return rc;
}

json_t *toml_parse_file (const char *path, flux_error_t *err)
{
    struct buf b = BUF_INIT;
    flux_error_t e;
    json_t *o = NULL;
    int rc = read_all (path, &b);

    if (rc < 0)
        errmsg (err, rc, "%s: %s", path, strerror (-rc));
    else if (!(o = toml_parse (b.data, b.len, &e))) {
        rc = -errno;
        errmsg (err, rc, "%s:%s", path, e.text);
    }
    buf_release (&b);
    if (!o)
        errno = -rc;
    return o;
}
