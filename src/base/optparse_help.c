/* optparse_help.c - the text of --help
 *
 *   Usage: NAME [OPTIONS]...
 *   doc of group 0
 *     -h, --help            Display this message.
 *     -n, --nodes=N         Text that goes on in the same column when the
 *                           line is full.
 *         --a-long-option-name=VALUE
 *                           ... or starts there when the option is too long.
 *
 *   doc of group 1
 *     ...
 *
 *   Commands:
 *     pub                   Publish an event
 *   doc of a negative group
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/optparse_private.h"

static int line_width (void)
{
    const char *s = getenv ("COLUMNS");
    long n = s ? strtol (s, NULL, 10) : 0;

    return n >= 40 && n <= 1000 ? (int)n : 80;
}

static void pad (struct buf *b, size_t n)
{
    while (n-- > 0)
        buf_addc (b, ' ');
}

/* Append text from column 'col' (where the line stands now) with its lines
 * broken at spaces. */
static void wrap (struct buf *b, const char *text, size_t col, size_t width)
{
    size_t room = width > col + 10 ? width - col : 10;

    while (*text) {
        size_t len = strcspn (text, "\n");
        if (len > room) {
            len = room;
            while (len > 0 && text[len] != ' ')
                len--;
            if (len == 0) /* one long word */
                len = strcspn (text, " \n");
        }
        buf_add (b, text, len);
        text += len;
        if (*text == '\n')
            text++;
        else
            text += strspn (text, " ");
        if (*text) {
            buf_addc (b, '\n');
            pad (b, col);
        }
    }
    buf_addc (b, '\n');
}

/* A left part, and its text in the column beside it */
static void two_columns (const optparse_t *p,
                         struct buf *b,
                         const char *left,
                         const char *text)
{
    size_t col = (size_t)(p->left_margin + p->option_width);
    size_t len = (size_t)p->left_margin + strlen (left);

    pad (b, (size_t)p->left_margin);
    buf_adds (b, left);
    if (text && *text) {
        if (len + 1 > col) {
            buf_addc (b, '\n');
            len = 0;
        }
        pad (b, col - len);
        wrap (b, text, col, (size_t)line_width ());
    }
    else
        buf_addc (b, '\n');
}

static void print_option (const optparse_t *p, struct buf *b, const struct opt *opt)
{
    const struct optparse_option *o = &opt->o;
    const char *arginfo = o->arginfo ? o->arginfo : "ARG";
    struct buf left = BUF_INIT;

    if (optparse_is_short (o))
        buf_addf (&left, "-%c, ", o->key);
    else
        buf_adds (&left, "    ");
    buf_addf (&left, "--%s", o->name);
    if (o->has_arg == 1)
        buf_addf (&left, "=%s", arginfo);
    else if (o->has_arg == 2)
        buf_addf (&left, "[=%s]", arginfo);
    two_columns (p, b, left.data, o->usage);
    buf_release (&left);
}

static int cmp_serial (const void *x, const void *y)
{
    const struct opt *a = *(struct opt *const *)x, *b = *(struct opt *const *)y;

    if (a->o.group == HELP_GROUP || b->o.group == HELP_GROUP)
        return (b->o.group == HELP_GROUP) - (a->o.group == HELP_GROUP);
    return a->serial - b->serial;
}

static int cmp_name (const void *x, const void *y)
{
    const struct opt *a = *(struct opt *const *)x, *b = *(struct opt *const *)y;

    if (a->o.group == HELP_GROUP || b->o.group == HELP_GROUP)
        return cmp_serial (x, y);
    return strcmp (a->o.name, b->o.name);
}

static int cmp_sub (const void *x, const void *y)
{
    const optparse_t *a = *(optparse_t *const *)x, *b = *(optparse_t *const *)y;
    return strcmp (a->subname, b->subname);
}

/* --help itself is shown with group 0 */
static int group_of (const struct opt *opt)
{
    return opt->o.group == HELP_GROUP ? 0 : opt->o.group;
}

static void print_group (const optparse_t *p,
                         struct buf *b,
                         struct opt **opts,
                         int group)
{
    if (group != 0 && b->len > 0)
        buf_addc (b, '\n');
    for (size_t i = 0; i < p->ndocs; i++)
        if (p->docs[i].group == group)
            wrap (b, p->docs[i].text, 0, (size_t)line_width ());
    for (size_t i = 0; i < p->nopts; i++)
        if (group_of (opts[i]) == group
            && !(opts[i]->o.flags & OPTPARSE_OPT_HIDDEN))
            print_option (p, b, opts[i]);
}

/* The least group above 'after' that has something to show; returns false if
 * there is none. */
static bool next_group (const optparse_t *p, int after, int *group)
{
    bool found = false;

    for (size_t i = 0; i < p->ndocs + p->nopts; i++) {
        int g;
        if (i < p->ndocs)
            g = p->docs[i].group;
        else if (p->opts[i - p->ndocs]->o.flags & OPTPARSE_OPT_HIDDEN)
            continue;
        else
            g = group_of (p->opts[i - p->ndocs]);
        if (g > after && (!found || g < *group)) {
            *group = g;
            found = true;
        }
    }
    return found;
}

static void print_groups (const optparse_t *p, struct buf *b, bool negative)
{
    struct opt **opts = calloc (p->nopts + 1, sizeof (*opts));
    int group = negative ? INT_MIN : -1;

    if (!opts) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < p->nopts; i++)
        opts[i] = p->opts[i];
    qsort (opts, p->nopts, sizeof (*opts), p->sorted ? cmp_name : cmp_serial);
    while (next_group (p, group, &group) && (!negative || group < 0))
        print_group (p, b, opts, group);
    free (opts);
}

static void print_subcommands (const optparse_t *p, struct buf *b)
{
    optparse_t **subs = calloc (p->nsubs + 1, sizeof (*subs));
    size_t n = 0;

    for (size_t i = 0; subs && i < p->nsubs; i++)
        if (!p->subs[i]->hidden)
            subs[n++] = p->subs[i];
    if (n > 0) {
        if (p->sorted)
            qsort (subs, n, sizeof (*subs), cmp_sub);
        buf_adds (b, "\nCommands:\n");
        for (size_t i = 0; i < n; i++)
            two_columns (p, b, subs[i]->subname, subs[i]->summary);
    }
    free (subs);
}

void optparse_format_help (optparse_t *p, struct buf *b)
{
    const char *usage = p->usage;

    if (!usage)
        usage = p->nsubs > 0 ? "[OPTIONS]... COMMAND [ARGS]..." : "[OPTIONS]...";
    buf_addf (b, "Usage: %s %s\n", p->name, usage);
    if (p->summary && *p->summary)
        wrap (b, p->summary, 0, (size_t)line_width ());
    print_groups (p, b, false);
    if (p->nsubs > 0 && p->print_subcmds)
        print_subcommands (p, b);
    print_groups (p, b, true);
}
