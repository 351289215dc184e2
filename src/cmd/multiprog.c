/* multiprog.c - flux multi-prog
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/directive.h"
#include "cmd/jobopts.h"
#include "cmd/multiprog.h"

struct line {
    struct idset *ranks;     /* NULL: "*", all others */
    int number;
    char **argv;             /* [0] is the set of ranks */
    int argc;
};

struct config {
    const char *path;
    struct line *lines;
    int count;
};

static void parse_line (struct config *c, int number, const char *text)
{
    struct line l = { .number = number };
    flux_error_t err;

    if (directive_words (text, &l.argv, &l.argc, &err) < 0)
        cmd_die (1, "%s: line %d: %s", c->path, number, err.text);
    if (l.argc == 0) {
        directive_free (l.argv);
        return;
    }
    if (strcmp (l.argv[0], "*") != 0 && !(l.ranks = idset_decode (l.argv[0])))
        cmd_die (1, "%s: line %d: '%s' is no idset of tasks, like 0-3, nor *", c->path, number,
                 l.argv[0]);
    if (l.argc == 1)
        cmd_die (1, "%s: line %d: no command after '%s'", c->path, number, l.argv[0]);
    if (!(c->lines = reallocarray (c->lines, c->count + 1, sizeof (*c->lines))))
        cmd_die (1, "out of memory");
    c->lines[c->count++] = l;
}

/* No task may be in two lines. */
static void check (const struct config *c)
{
    for (int i = 0; i < c->count; i++) {
        for (int j = 0; j < i; j++) {
            const struct line *a = &c->lines[j], *b = &c->lines[i];
            if (!a->ranks && !b->ranks)
                cmd_die (1, "%s: lines %d and %d: more than one line for '*'", c->path, a->number,
                         b->number);
            if (a->ranks && b->ranks && idset_has_intersection (a->ranks, b->ranks))
                cmd_die (1, "%s: lines %d and %d: a task is in both '%s' and '%s'", c->path,
                         a->number, b->number, a->argv[0], b->argv[0]);
        }
    }
}

static void read_config (struct config *c, const char *path)
{
    char *text = jobopts_read_file (path, NULL);
    char *s = text;
    char *line;
    int number = 0;

    c->path = path;
    while ((line = strsep (&s, "\n")))
        parse_line (c, ++number, line);
    check (c);
    free (text);
}

static const struct line *line_of (const struct config *c, unsigned int rank)
{
    const struct line *rest = NULL;

    for (int i = 0; i < c->count; i++) {
        if (c->lines[i].ranks && idset_test (c->lines[i].ranks, rank))
            return &c->lines[i];
        if (!c->lines[i].ranks)
            rest = &c->lines[i];
    }
    return rest;
}

/* How many tasks before this one have the same line. */
static unsigned int offset_of (const struct config *c, const struct line *l, unsigned int rank)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < rank; i++)
        n += line_of (c, i) == l;
    return n;
}

/* %t and %o replaced; the caller frees. */
static char *substitute (const char *s, unsigned int rank, unsigned int offset)
{
    struct buf b = BUF_INIT;
    char *result;

    for (; *s; s++) {
        if (s[0] == '%' && (s[1] == 't' || s[1] == 'o')) {
            buf_addf (&b, "%u", s[1] == 't' ? rank : offset);
            s++;
        }
        else
            buf_addc (&b, *s);
    }
    if (!(result = buf_take (&b)))
        cmd_die (1, "out of memory");
    return result;
}

static char **command_of (const struct config *c, unsigned int rank)
{
    const struct line *l = line_of (c, rank);
    unsigned int offset;
    char **v;

    if (!l)
        cmd_die (1, "%s: no line matches task %u", c->path, rank);
    if (!(v = calloc (l->argc, sizeof (*v))))
        cmd_die (1, "out of memory");
    offset = offset_of (c, l, rank);
    for (int i = 1; i < l->argc; i++)
        v[i - 1] = substitute (l->argv[i], rank, offset);
    return v;
}

static int dry_run (const struct config *c, const char *s)
{
    struct idset *ranks = idset_decode (s);

    if (!ranks)
        cmd_die (1, "--dry-run=%s: want an idset of tasks, like 0-3", s);
    for (unsigned int i = idset_first (ranks); i != IDSET_INVALID_ID; i = idset_next (ranks, i)) {
        char **v = command_of (c, i);
        printf ("%u:", i);
        for (int k = 0; v[k]; k++)
            printf (" %s", v[k]);
        putchar ('\n');
    }
    idset_destroy (ranks);
    return 0;
}

static int run (const struct config *c)
{
    const char *s = getenv ("FLUX_TASK_RANK");
    char *end = NULL;
    unsigned long rank = s ? strtoul (s, &end, 10) : 0;
    char **v;

    if (!s || *end || end == s || rank >= IDSET_INVALID_ID)
        cmd_die (1, "FLUX_TASK_RANK is not set: this is to be a task of flux run or flux submit;"
                 " --dry-run shows what would be run");
    v = command_of (c, rank);
    execvp (v[0], v);
    cmd_err ("%s: %s", v[0], strerror (errno));
    return errno == ENOENT ? 127 : 126;
}

int cmd_multi_prog (int argc, char **argv)
{
    static const struct optparse_option opts[] = {
        { .name = "dry-run", .key = 'n', .has_arg = 1, .arginfo = "RANKS",
          .usage = "Do not run anything, print what would be run on RANKS" },
        OPTPARSE_TABLE_END,
    };
    struct config c = { 0 };
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] CONFIG", "Run another command for each task", opts,
                               argc, argv, &n);
    const char *ranks = optparse_get_str (p, "dry-run", NULL);

    if (n != argc - 1) {
        optparse_print_usage (p);
        return 1;
    }
    read_config (&c, argv[n]);
    return ranks ? dry_run (&c, ranks) : run (&c);
}
