/* directive.c - submission directives in a script (RFC 36)
 *
 *   prefix (no letters, digits or _) + "flux:" or "FLUX:" + shell words
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "cmd/directive.h"

struct args {
    char **v;
    int n;
};

static int push (struct args *a, char *s)
{
    char **v = s ? realloc (a->v, (a->n + 2) * sizeof (*v)) : NULL;

    if (!v) {
        free (s);
        return -ENOMEM;
    }
    a->v = v;
    v[a->n++] = s;
    v[a->n] = NULL;
    return 0;
}

/* Length of the sentinel that 'line' starts with, or 0; *prefix is set to the
 * length of what comes before the tag. */
static size_t sentinel (const char *line, size_t len, size_t *prefix)
{
    size_t i = 0;

    while (i < len && !isalnum ((unsigned char)line[i]) && line[i] != '_')
        i++;
    if (len - i < 5 || (strncmp (line + i, "flux:", 5) != 0 && strncmp (line + i, "FLUX:", 5) != 0))
        return 0;
    *prefix = i;
    return i + 5;
}

static bool is_blank (const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isspace ((unsigned char)s[i]))
            return false;
    }
    return true;
}

/* The text of all directives, a line each, with the line numbers they are from. */
struct text {
    struct buf b;
    int first_line;
};

static int collect (const char *script, struct text *t, flux_error_t *err)
{
    const char *mark = NULL;       /* the first sentinel */
    size_t mark_len = 0;
    size_t prefix_len = 0;
    bool stopped = false;
    int lineno = 0;

    for (const char *s = script; *s; ) {
        size_t len = strcspn (s, "\n");
        size_t prefix;
        size_t n = sentinel (s, len, &prefix);
        lineno++;
        if (n > 0 && !mark) {
            mark = s;
            mark_len = n;
            prefix_len = prefix;
            t->first_line = lineno;
        }
        if (n > 0 && mark && (n != mark_len || memcmp (s, mark, n) != 0)) {
            if (!stopped)
                return errmsg (err, -EINVAL, "line %d: directive marked '%.*s' where the first is"
                               " marked '%.*s'", lineno, (int)n, s, (int)mark_len, mark);
        }
        else if (n > 0 && stopped)
            return errmsg (err, -EINVAL, "line %d: orphan '%.*s' detected: directives must be"
                           " grouped together", lineno, (int)n, s);
        else if (n > 0 && (buf_add (&t->b, s + n, len - n) < 0 || buf_addc (&t->b, '\n') < 0))
            return -ENOMEM;
        else if (n == 0 && mark && !is_blank (s, len)
                 && (len < prefix_len || memcmp (s, mark, prefix_len) != 0))
            stopped = true;
        s += len + (s[len] == '\n');
    }
    return 0;
}

/* Strip the indentation that all lines of s share, in place. */
static void dedent (char *s)
{
    size_t common = (size_t)-1;

    for (char *p = s; *p; p += strcspn (p, "\n"), p += *p == '\n') {
        size_t n = strspn (p, " \t");
        if (p[n] != '\n' && p[n] != '\0' && n < common)
            common = n;
    }
    if (common == 0 || common == (size_t)-1)
        return;
    char *out = s;
    for (char *p = s; *p;) {
        size_t n = strspn (p, " \t");
        p += n < common ? n : common;
        while (*p && (*out++ = *p++) != '\n')
            ;
    }
    *out = '\0';
}

/* Quoted by three: to the closing three; of one of several lines, quotes are the last of
 * their lines, and its first newline and its indentation are lost. */
static int triple (const char **sp, struct buf *word, flux_error_t *err)
{
    char quote[4] = { **sp, **sp, **sp, 0 };
    const char *start = *sp + 3;
    const char *end = strstr (start, quote);
    bool multi;
    char *body;

    if (!end)
        return errmsg (err, -EINVAL, "no closing %s", quote);
    if ((multi = memchr (start, '\n', end - start) != NULL)) {
        start += strspn (start, " \t");
        if (*start != '\n' || !is_blank (end + 3, strcspn (end + 3, "\n")))
            return errmsg (err, -EINVAL, "%s around several lines must be at the end of its line",
                           quote);
    }
    if (!(body = strndup (start + multi, end - start - multi)))
        return -ENOMEM;
    if (multi) {
        char *last = strrchr (body, '\n');    /* the line of the closing quotes */
        if (last && is_blank (last, strlen (last)))
            last[1] = '\0';
        dedent (body);
    }
    buf_adds (word, body);
    free (body);
    *sp = end + 3;
    return 0;
}

static int quoted (const char **sp, struct buf *word, flux_error_t *err)
{
    char q = *(*sp)++;

    while (**sp && **sp != q) {
        if (**sp == '\n')
            break;
        if (q == '"' && **sp == '\\' && strchr ("\\\"$`", (*sp)[1]) && (*sp)[1])
            (*sp)++;
        buf_addc (word, *(*sp)++);
    }
    if (**sp != q)
        return errmsg (err, -EINVAL, "no closing %c", q);
    (*sp)++;
    return 0;
}

static int next_word (const char **sp, char end, struct buf *word, flux_error_t *err)
{
    int rc = 0;

    buf_clear (word);
    while (**sp && **sp != end && !isspace ((unsigned char)**sp) && rc == 0) {
        const char *s = *sp;
        if (strncmp (s, "\"\"\"", 3) == 0 || strncmp (s, "'''", 3) == 0)
            rc = triple (sp, word, err);
        else if (*s == '"' || *s == '\'')
            rc = quoted (sp, word, err);
        else if (*s == '\\' && s[1] && s[1] != '\n') {
            buf_addc (word, s[1]);
            *sp += 2;
        }
        else
            buf_addc (word, *(*sp)++);
    }
    return rc < 0 ? rc : word->failed ? -ENOMEM : 0;
}

/* A word ends at a space, or at 'end'.  '#' before a word starts a comment. */
static int split (const char *s, char end, struct args *args, flux_error_t *err)
{
    struct buf word = BUF_INIT;
    int rc = 0;

    while (rc == 0) {
        s += strspn (s, " \t\r\n\v\f");
        if (*s == '#') {
            s += strcspn (s, "\n");
            continue;
        }
        if (!*s)
            break;
        if ((rc = next_word (&s, end, &word, err)) == 0)
            rc = push (args, strdup (word.data));
    }
    buf_release (&word);
    return rc;
}

int directive_parse (const char *script, char ***argvp, int *countp, flux_error_t *err)
{
    struct text t = { .b = BUF_INIT };
    struct args args = { 0 };
    int rc;

    if ((rc = collect (script, &t, err)) == 0)
        rc = split (t.b.data, '#', &args, err);
    if (rc == 0 && args.n > 0 && args.v[0][0] != '-')
        rc = errmsg (err, -EINVAL, "line %d: '%s': a directive must start with an option",
                     t.first_line, args.v[0]);
    buf_release (&t.b);
    if (rc < 0) {
        if (rc == -ENOMEM)
            errmsg (err, rc, "out of memory");
        directive_free (args.v);
        return rc;
    }
    *argvp = args.v;
    *countp = args.n;
    return 0;
}

int directive_words (const char *text, char ***argvp, int *countp, flux_error_t *err)
{
    struct args args = { 0 };
    int rc = split (text, '\0', &args, err);

    if (rc < 0) {
        directive_free (args.v);
        return rc == -ENOMEM ? errmsg (err, rc, "out of memory") : rc;
    }
    *argvp = args.v;
    *countp = args.n;
    return 0;
}

void directive_free (char **argv)
{
    for (int i = 0; argv && argv[i]; i++)
        free (argv[i]);
    free (argv);
}
