/* bulksubmit.c - flux bulksubmit
 *
 *   words before the first ":::" ─► a template ─[each combination of inputs]─► words of
 *   flux submit ─► bulk
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <flux/idset.h>

#include "cmd/bulk.h"
#include "cmd/bulksubmit.h"
#include "cmd/cmd.h"
#include "cmd/inputs.h"
#include "cmd/submit.h"

struct template {
    const struct inputs *in;
    int argc;                /* argv[0], options, command */
    char **argv;
    const char **defines;    /* ends with NULL */
    optparse_t *p;
};

static const char **get_defines (optparse_t *p)
{
    int n = optparse_getopt (p, "define", NULL);
    const char **v = calloc (n > 0 ? n + 1 : 1, sizeof (*v));
    const char *s;
    int i = 0;

    if (!v)
        cmd_die (1, "out of memory");
    optparse_getopt_iterator_reset (p, "define");
    while (n > 0 && (s = optparse_getopt_next (p, "define"))) {
        if (!strchr (s, '=') || *s == '=')
            cmd_die (1, "--define=%s: want NAME=CODE", s);
        v[i++] = s;
    }
    return v;
}

/* A definition has braces of its own, or none. */
static bool is_verbatim (const char *word)
{
    return strncmp (word, "--define", 8) == 0;
}

static char **fill (const struct template *t, size_t seq)
{
    char **v = calloc (t->argc + 1, sizeof (*v));
    flux_error_t err;

    if (!v)
        cmd_die (1, "out of memory");
    for (int i = 0; i < t->argc; i++) {
        bool verbatim = is_verbatim (t->argv[i])
                        || (i > 0 && strcmp (t->argv[i - 1], "--define") == 0);
        v[i] = verbatim ? strdup (t->argv[i])
                        : inputs_fill (t->in, seq, t->argv[i], t->defines, &err);
        if (!v[i])
            cmd_die (1, "%s", verbatim ? "out of memory" : err.text);
    }
    return v;
}

/* Options that tell this command, not the job, are left out. */
static bool is_own (const char *word, bool *has_arg)
{
    static const char *const flags[] = {
        "--dry-run", "--quiet", "--progress", "--jps", "--wait", "--watch", "--shuffle", NULL,
    };

    *has_arg = strcmp (word, "--define") == 0 || strcmp (word, "--sep") == 0;
    if (*has_arg || strncmp (word, "--define=", 9) == 0 || strncmp (word, "--sep=", 6) == 0)
        return true;
    for (int i = 0; flags[i]; i++) {
        if (strcmp (word, flags[i]) == 0)
            return true;
    }
    return false;
}

/* "bulksubmit: submit -n4 hostname"; a short option and its argument are one word. */
static void print_words (int argc, char **argv, int command)
{
    printf ("bulksubmit: submit");
    for (int i = 1; i < argc; i++) {
        bool skip_arg = false;
        bool shortopt = i < command && argv[i][0] == '-' && argv[i][1] && argv[i][1] != '-'
                        && !argv[i][2];
        if (i < command && is_own (argv[i], &skip_arg)) {
            i += skip_arg;
            continue;
        }
        printf (" %s", argv[i]);
        if (shortopt && i + 1 < command && argv[i + 1][0] != '-')
            printf ("%s", argv[++i]);
    }
    printf ("\n");
}

/* Each id of --cc in place of {cc}, in a second pass. */
static void dry_run (int argc, char **v)
{
    int n;
    optparse_t *p = submit_bulk_parse (argc, v, &n);

    print_words (argc, v, n);
    optparse_destroy (p);
}

static size_t *order (size_t count, bool shuffle)
{
    size_t *v = calloc (count + 1, sizeof (*v));

    if (!v)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < count; i++)
        v[i] = i;
    for (size_t i = count; shuffle && i > 1; i--) {
        uint64_t r = 0;
        size_t k, tmp;
        if (getrandom (&r, sizeof (r), 0) < 0)
            cmd_die (1, "--shuffle: %s", strerror (errno));
        k = r % i;
        tmp = v[i - 1];
        v[i - 1] = v[k];
        v[k] = tmp;
    }
    return v;
}

/* Without --cc, {cc} is nothing. */
static char **drop_cc (int argc, char **v)
{
    char **copy = submit_fill_cc (argc, v, "");

    submit_free_words (v);
    return copy;
}

static int run (struct template *t, size_t count)
{
    bool has_cc = optparse_hasopt (t->p, "cc") || optparse_hasopt (t->p, "bcc");
    size_t *seq = order (count, optparse_hasopt (t->p, "shuffle"));
    struct bulk_opts opts = submit_bulk_opts (t->p);
    bool dry = optparse_hasopt (t->p, "dry-run");
    flux_t *h = dry ? NULL : cmd_open ();
    struct bulk *b = dry ? NULL : bulk_new (h, &opts, count);

    for (size_t i = 0; i < count; i++) {
        char **v = fill (t, seq[i]);
        if (!has_cc)
            v = drop_cc (t->argc, v);
        if (dry)
            dry_run (t->argc, v);
        else
            submit_words (b, t->argc, v);
        submit_free_words (v);
    }
    free (seq);
    if (dry)
        return 0;
    int rc = bulk_finish (b);
    flux_close (h);
    return rc;
}

/* Without a command the inputs are the command. */
static void set_template (struct template *t, int argc, char **argv, int command)
{
    static char braces[] = "{}";

    if (!(t->argv = calloc (argc + 2, sizeof (char *))))
        cmd_die (1, "out of memory");
    memcpy (t->argv, argv, argc * sizeof (char *));
    t->argc = argc;
    if (command == argc)
        t->argv[t->argc++] = braces;
}

int cmd_bulksubmit (int argc, char **argv)
{
    struct template t = { 0 };
    struct inputs *in;
    int end = 1;
    int n;
    int rc;

    while (end < argc && !inputs_delimiter (argv[end]))
        end++;
    t.p = submit_bulk_parse (end, argv, &n);
    t.defines = get_defines (t.p);
    set_template (&t, end, argv, n);
    in = inputs_new (argc - end, argv + end, optparse_get_str (t.p, "sep", NULL));
    t.in = in;
    rc = run (&t, inputs_count (in));
    inputs_free (in);
    free (t.argv);
    free (t.defines);
    optparse_destroy (t.p);
    return rc;
}
