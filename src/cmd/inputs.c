/* inputs.c - see inputs.h
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "cmd/arith.h"
#include "cmd/cmd.h"
#include "cmd/format.h"
#include "cmd/inputs.h"
#include "cmd/jobopts.h"

struct list {
    char **words;
    size_t count;
    bool linked;         /* with the list before */
};

struct inputs {
    struct list *lists;
    size_t count;
};

bool inputs_delimiter (const char *word)
{
    return strcmp (word, ":::") == 0 || strcmp (word, ":::+") == 0
           || strcmp (word, "::::") == 0 || strcmp (word, "::::+") == 0;
}

static void list_add (struct list *l, char *word)
{
    if (!word || !(l->words = reallocarray (l->words, l->count + 1, sizeof (char *))))
        cmd_die (1, "out of memory");
    l->words[l->count++] = word;
}

static void add_text (struct list *l, char *text, const char *sep)
{
    bool blank = sep && strcmp (sep, "none") == 0;
    size_t n = sep && !blank ? strlen (sep) : 1;
    char *s = text;

    while (*s) {
        char *end = blank ? s + strcspn (s, " \t\r\n") : strstr (s, sep ? sep : "\n");
        if (!end)
            end = s + strlen (s);
        if (end > s)
            list_add (l, strndup (s, end - s));
        s = *end ? end + n : end;
    }
}

/* The text ends with a newline, which is no part of an input with another separator. */
static void add_file (struct list *l, const char *path, const char *sep)
{
    size_t len;
    char *text = jobopts_read_file (path, &len);

    if (len > 0 && text[len - 1] == '\n')
        text[len - 1] = '\0';
    add_text (l, text, sep);
    free (text);
}

static struct list *list_new (struct inputs *in, bool linked)
{
    if (!(in->lists = reallocarray (in->lists, in->count + 1, sizeof (*in->lists))))
        cmd_die (1, "out of memory");
    in->lists[in->count] = (struct list){ .linked = linked };
    return &in->lists[in->count++];
}

struct inputs *inputs_new (int argc, char **argv, const char *sep)
{
    struct inputs *in = calloc (1, sizeof (*in));
    struct list *l = NULL;
    bool files = false;

    if (!in)
        cmd_die (1, "out of memory");
    if (sep && !*sep)
        cmd_die (1, "--sep: want a separator, or none");
    if (argc == 0)
        add_file (list_new (in, false), "-", sep);
    for (int i = 0; i < argc; i++) {
        if (inputs_delimiter (argv[i])) {
            l = list_new (in, strchr (argv[i], '+') != NULL);
            files = strncmp (argv[i], "::::", 4) == 0;
        }
        else if (files)
            add_file (l, argv[i], sep);
        else
            list_add (l, strdup (argv[i]));
    }
    if (in->count > 0 && in->lists[0].linked)
        cmd_die (1, "'%s' links with a list before it, and there is none", argv[0]);
    return in;
}

void inputs_free (struct inputs *in)
{
    for (size_t i = 0; in && i < in->count; i++) {
        for (size_t k = 0; k < in->lists[i].count; k++)
            free (in->lists[i].words[k]);
        free (in->lists[i].words);
    }
    if (in)
        free (in->lists);
    free (in);
}

size_t inputs_count (const struct inputs *in)
{
    size_t n = 1;

    for (size_t i = 0; i < in->count; i++) {
        if (!in->lists[i].linked && __builtin_mul_overflow (n, in->lists[i].count, &n))
            cmd_die (1, "there are too many combinations of inputs");
        if (in->lists[i].count == 0)
            return 0;
    }
    return n;
}

/* The word of list 'index' in combination 'seq'. */
static const char *word_of (const struct inputs *in, size_t index, size_t seq)
{
    size_t stride = 1;
    size_t base = index;

    while (in->lists[base].linked)
        base--;
    for (size_t i = base + 1; i < in->count; i++)
        stride *= in->lists[i].linked ? 1 : in->lists[i].count;
    seq = seq / stride % in->lists[base].count;
    return in->lists[index].words[seq % in->lists[index].count];
}

/* "{.%}", "{./}", "{./%}", "{.//}" */
static char *path_method (const char *name, const char *x)
{
    const char *slash = strrchr (x, '/');
    const char *basename = slash ? slash + 1 : x;
    const char *dot = strrchr (basename, '.');

    if (dot == basename)
        dot = NULL;
    if (strcmp (name, "%") == 0)
        return strndup (x, dot ? (size_t)(dot - x) : strlen (x));
    if (strcmp (name, "/") == 0)
        return strdup (basename);
    if (strcmp (name, "/%") == 0)
        return strndup (basename, dot ? (size_t)(dot - basename) : strlen (basename));
    if (strcmp (name, "//") == 0)
        return strndup (x, slash ? (size_t)(slash - x) : 0);
    return NULL;
}

static json_t *method (const char *name, const char *x, const char *const *defines,
                       flux_error_t *err)
{
    char *s = path_method (name, x);
    size_t n = strlen (name);
    json_t *o;

    for (int i = 0; !s && defines && defines[i]; i++) {
        if (strncmp (defines[i], name, n) == 0 && defines[i][n] == '=')
            return arith_eval (defines[i] + n + 1, x, err);
    }
    if (!s)
        errmsg (err, -EINVAL, "no method '.%.40s': want .%%, ./, ./%%, .// or one of --define", name);
    o = s ? json_string (s) : NULL;
    free (s);
    return o;
}

/* {N} or {N.METHOD} */
static json_t *word_value (const struct inputs *in, size_t seq, const char *name,
                           const char *const *defines, flux_error_t *err)
{
    unsigned long index = 0;
    char *end = (char *)name;

    if (isdigit ((unsigned char)*name))
        index = strtoul (name, &end, 10);
    if (index >= in->count) {
        errmsg (err, -EINVAL, "{%.40s}: there are only %zu lists of inputs", name, in->count);
        return NULL;
    }
    if (*end == '\0')
        return json_string (word_of (in, index, seq));
    if (*end == '.')
        return method (end + 1, word_of (in, index, seq), defines, err);
    errmsg (err, -EINVAL, "{%.40s}: want {}, {N}, {.METHOD}, {N.METHOD}, {seq}, {seq1} or {cc};"
            " braces are written {{ }}", name);
    return NULL;
}

/* What stands between the braces: NAME[:SPEC] */
static char *field (const struct inputs *in, size_t seq, char *name, const char *const *defines,
                    flux_error_t *err)
{
    char *spec = strchr (name, ':');
    json_t *o;
    char *s;

    if (spec)
        *spec++ = '\0';
    if (strcmp (name, "cc") == 0 && !spec)    /* filled in later */
        return strdup ("{cc}");
    if (strcmp (name, "seq") == 0 || strcmp (name, "seq1") == 0)
        o = json_integer (seq + (name[3] == '1'));
    else
        o = word_value (in, seq, name, defines, err);
    s = o ? format_value (spec ? spec : "", o, err) : NULL;
    json_decref (o);
    return s;
}

static const char *one_field (const struct inputs *in, size_t seq, const char *s, struct buf *b,
                              const char *const *defines, flux_error_t *err)
{
    const char *end = strchr (s, '}');
    char *name = end ? strndup (s + 1, end - s - 1) : NULL;
    char *val;

    if (!end) {
        errmsg (err, -EINVAL, "'%.40s': a '}' is missing; a brace is written {{", s);
        return NULL;
    }
    val = name ? field (in, seq, name, defines, err) : NULL;
    if (val)
        buf_adds (b, val);
    free (name);
    free (val);
    return val ? end + 1 : NULL;
}

/* Length of the mustache tag that s starts with ("{{id}}"), which is for the shell of
 * the job, or 0. */
static size_t mustache (const char *s)
{
    size_t n;

    if (s[0] != '{' || s[1] != '{')
        return 0;
    n = strcspn (s + 2, "{}");
    return n > 0 && s[2 + n] == '}' && s[3 + n] == '}' ? n + 4 : 0;
}

char *inputs_fill (const struct inputs *in, size_t seq, const char *template,
                   const char *const *defines, flux_error_t *err)
{
    struct buf b = BUF_INIT;
    const char *s = template;

    while (s && *s) {
        size_t n = mustache (s);
        if (n > 0) {
            buf_add (&b, s, n);
            s += n;
        }
        else if ((s[0] == '{' && s[1] == '{') || (s[0] == '}' && s[1] == '}')) {
            buf_addc (&b, *s);
            s += 2;
        }
        else if (*s == '{')
            s = one_field (in, seq, s, &b, defines, err);
        else
            buf_addc (&b, *s++);
    }
    if (!s) {
        buf_release (&b);
        return NULL;
    }
    return buf_take (&b);
}
