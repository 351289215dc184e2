/* optparse_parse.c - the command line
 *
 * getopt_long() does the work.  It keeps its place in global variables, so
 * only one thread of a process may parse at a time.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/optparse_more.h"
#include "base/optparse_private.h"

#define LONG_BASE 0x1000 /* values that stand for long options */

/* ---- messages ---- */

/* Settings of a subcommand default to those of its parent. */
static void print (optparse_t *p, FILE *stream, const char *text)
{
    while (!p->log_fn && p->parent)
        p = p->parent;
    if (p->log_fn)
        p->log_fn ("%s", text);
    else {
        fputs (text, stream);
        fflush (stream);
    }
}

void optparse_verror (optparse_t *p, const char *fmt, va_list ap)
{
    struct buf b = BUF_INIT;

    buf_addf (&b, "%s: ", p->name);
    buf_vaddf (&b, fmt, ap);
    if (b.len > 0 && b.data[b.len - 1] != '\n')
        buf_addc (&b, '\n');
    print (p, stderr, b.data);
    buf_release (&b);
}

void optparse_error (optparse_t *p, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    optparse_verror (p, fmt, ap);
    va_end (ap);
}

int optparse_fatal (optparse_t *p, int code)
{
    while (!p->fatalerr_fn && p->parent)
        p = p->parent;
    if (p->fatalerr_fn)
        return p->fatalerr_fn (p->fatalerr_handle, code);
    exit (code);
}

static void print_help (optparse_t *p, FILE *stream)
{
    struct buf b = BUF_INIT;

    optparse_format_help (p, &b);
    print (p, stream, b.data);
    buf_release (&b);
}

int optparse_print_usage (optparse_t *p)
{
    if (!p)
        return -1;
    print_help (p, stdout);
    return 0;
}

int optparse_fatal_usage (optparse_t *p, int code, const char *fmt, ...)
{
    va_list ap;

    if (!p)
        return -1;
    if (fmt) {
        va_start (ap, fmt);
        optparse_verror (p, fmt, ap);
        va_end (ap);
    }
    print_help (p, stderr);
    return optparse_fatal (p, code);
}

/* ---- uses of options ---- */

static int append (char ***array, size_t *count, const char *s, size_t len)
{
    char **a = optparse_grow (*array, *count, sizeof (*a));
    char *copy;

    if (!a)
        return -ENOMEM;
    *array = a;
    if (!(copy = strndup (s, len)))
        return -ENOMEM;
    a[(*count)++] = copy;
    return 0;
}

static int split (struct opt *opt, const char *arg)
{
    for (;;) {
        size_t len = strcspn (arg, ",");
        if (len > 0 && append (&opt->args, &opt->nargs, arg, len) < 0)
            return -ENOMEM;
        if (arg[len] == '\0')
            return 0;
        arg += len + 1;
    }
}

static int record (struct opt *opt, const char *arg)
{
    opt->uses++;
    opt->last = NULL;
    if (!arg)
        return 0;
    if (opt->o.flags & OPTPARSE_OPT_AUTOSPLIT) {
        if (append (&opt->whole, &opt->nwhole, arg, strlen (arg)) < 0)
            return -ENOMEM;
        opt->last = opt->whole[opt->nwhole - 1];
        return split (opt, arg);
    }
    if (append (&opt->args, &opt->nargs, arg, strlen (arg)) < 0)
        return -ENOMEM;
    opt->last = opt->args[opt->nargs - 1];
    return 0;
}

/* ---- getopt_long ---- */

static int short_has_arg (const struct optparse_option *o)
{
    if (o->has_arg == 2 && !(o->flags & OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG))
        return 0;
    return o->has_arg;
}

static bool is_posix (const optparse_t *p)
{
    if (p->nsubs > 0) /* what follows the subcommand is its own */
        return true;
    for (; p; p = p->parent)
        if (p->posix >= 0)
            return p->posix;
    return true;
}

static char *make_short (const optparse_t *p)
{
    struct buf b = BUF_INIT;

    buf_adds (&b, is_posix (p) ? "+:" : ":");
    for (size_t i = 0; i < p->nopts; i++) {
        const struct optparse_option *o = &p->opts[i]->o;
        if (optparse_is_short (o)) {
            buf_addc (&b, (char)o->key);
            buf_add (&b, "::", (size_t)short_has_arg (o));
        }
    }
    return buf_take (&b);
}

static struct option *make_long (const optparse_t *p)
{
    struct option *l = calloc (p->nopts + 1, sizeof (*l));

    for (size_t i = 0; l && i < p->nopts; i++) {
        l[i].name = p->opts[i]->o.name;
        l[i].has_arg = p->opts[i]->o.has_arg;
        l[i].val = LONG_BASE + (int)i;
    }
    return l;
}

/* getopt returned ':' or '?', and left optind after the word at fault, unless
 * that is a bundle of short options. */
static void complain (optparse_t *p, int c, char *argv[])
{
    const char *word = argv[optind - 1];

    if (c == ':' && optopt >= LONG_BASE)
        optparse_error (p, "option '--%s' requires an argument",
                        p->opts[optopt - LONG_BASE]->o.name);
    else if (c == ':')
        optparse_error (p, "option requires an argument -- '%c'", optopt);
    else if (optopt >= LONG_BASE)
        optparse_error (p, "option '--%s' doesn't allow an argument",
                        p->opts[optopt - LONG_BASE]->o.name);
    else if (optopt != 0)
        optparse_error (p, "unrecognized option -- '%c'", optopt);
    else
        optparse_error (p, "unrecognized option '%s'", word);
    struct buf b = BUF_INIT;
    buf_addf (&b, "Try '%s --help' for more information.\n", p->name);
    print (p, stderr, b.data);
    buf_release (&b);
}

/* getopt takes '--tim' for '--time-limit'.  'word' is the word it read c from. */
static bool is_abbreviated (optparse_t *p, int c, const char *word)
{
    const char *name = c >= LONG_BASE ? p->opts[c - LONG_BASE]->o.name : NULL;
    size_t len = name ? strlen (name) : 0;

    if (!p->whole_names || !name)
        return false;
    if (strncmp (word + 2, name, len) == 0 && (word[2 + len] == '\0' || word[2 + len] == '='))
        return false;
    optparse_error (p, "unrecognized option '%s': did you mean '--%s'? names of options may not"
                    " be abbreviated", word, name);
    return true;
}

void optparse_set_whole_names (optparse_t *p)
{
    p->whole_names = true;
    p->posix = 1;
}

bool optparse_has_separator (optparse_t *p)
{
    return p->separator;
}

static int use (optparse_t *p, int c)
{
    struct opt *opt = c >= LONG_BASE ? p->opts[c - LONG_BASE]
                                     : optparse_find_key (p, c);

    if (!opt)
        return -1;
    if (record (opt, optarg) < 0) {
        optparse_error (p, "out of memory");
        optparse_fatal (p, 1);
        return -1;
    }
    if (opt->o.cb && opt->o.cb (p, &opt->o, optarg) < 0)
        return -1;
    return 0;
}

int optparse_parse_args (optparse_t *p, int argc, char *argv[])
{
    char *shorts = p ? make_short (p) : NULL;
    struct option *longs = p ? make_long (p) : NULL;
    int rc = -1;
    int c;

    if (!p || !shorts || !longs)
        goto done;
    optparse_reset (p);
    optind = 0; /* GNU: start afresh */
    opterr = 0;
    for (;;) {
        int word = optind > 0 ? optind : 1;
        if ((c = getopt_long (argc, argv, shorts, longs, NULL)) == -1) {
            p->separator = optind == word + 1 && strcmp (argv[word], "--") == 0;
            break;
        }
        bool bad = c == '?' || c == ':';
        if (bad)
            complain (p, c, argv);
        if (bad || is_abbreviated (p, c, argv[word])) {
            optparse_fatal (p, 1);
            goto done;
        }
        if (use (p, c) < 0)
            goto done;
    }
    rc = p->index = optind;
done:
    free (shorts);
    free (longs);
    return rc;
}

int optparse_option_index (optparse_t *p)
{
    return p ? p->index : -1;
}

int optparse_run_subcommand (optparse_t *p, int argc, char *argv[])
{
    optparse_t *sub;

    if (!p || argc < 1 || !argv) {
        errno = EINVAL;
        return -1;
    }
    if (p->index < 0 && optparse_parse_args (p, argc, argv) < 0)
        return -1;
    if (p->index >= argc) {
        optparse_fatal_usage (p, 1, "missing subcommand");
        return -1;
    }
    argc -= p->index;
    argv += p->index;
    if (!(sub = optparse_get_subcommand (p, argv[0]))) {
        optparse_fatal_usage (p, 1, "unknown subcommand '%s'", argv[0]);
        return -1;
    }
    if (sub->no_options) {
        optparse_reset (sub);
        sub->index = 1;
    }
    else if (optparse_parse_args (sub, argc, argv) < 0)
        return -1;
    return sub->fn (sub, argc, argv);
}
