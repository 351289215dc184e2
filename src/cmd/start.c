/* start.c - flux start (flux-start(1))
 *
 * Without --test-size it becomes the broker; with it, start_test.c runs several.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/start.h"

#define HAS_ARG 1
#define OPT_ARG 2
#define MAX_TEST_SIZE 65536   /* beyond, no host has the processes */

static const struct optparse_option opts[] = {
    { .name = "verbose", .key = 'v', .has_arg = OPT_ARG, .arginfo = "LEVEL",
      .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG, .usage = "Be annoyingly informative by degrees" },
    { .name = "noexec", .key = 'X',
      .usage = "Don't execute anything (most useful with -v)" },
    { .name = "setattr", .key = 'S', .has_arg = HAS_ARG, .arginfo = "ATTR=VAL",
      .usage = "Set broker attribute" },
    { .name = "config-path", .key = 'c', .has_arg = HAS_ARG, .arginfo = "PATH",
      .usage = "Set path to broker configuration" },
    { .name = "conf", .has_arg = HAS_ARG, .arginfo = "VALUE",
      .usage = "Update the broker configuration from VALUE" },
    { .name = "broker-opts", .key = 'o', .has_arg = HAS_ARG, .arginfo = "OPTS",
      .flags = OPTPARSE_OPT_AUTOSPLIT,
      .usage = "Add comma-separated broker options" },
    { .name = "wrap", .has_arg = HAS_ARG, .arginfo = "ARGS",
      .flags = OPTPARSE_OPT_AUTOSPLIT,
      .usage = "Wrap broker execution in comma-separated arguments" },
    { .name = "recovery", .key = 'r', .has_arg = OPT_ARG, .arginfo = "TARGET",
      .usage = "Start instance in recovery mode with dump file or statedir" },
    { .name = "sysconfig", .usage = "Load system configuration" },
    { .name = "rundir", .has_arg = HAS_ARG, .arginfo = "DIR",
      .usage = "Set broker rundir (with --test-size)" },
    { .name = "test-size", .key = 's', .has_arg = HAS_ARG, .arginfo = "N",
      .usage = "Start a test instance of N brokers on this host" },
    { .name = "test-hosts", .has_arg = HAS_ARG, .arginfo = "HOSTLIST",
      .usage = "Set the hostname of each broker, in rank order" },
    { .name = "test-exit-timeout", .has_arg = HAS_ARG, .arginfo = "FSD",
      .usage = "After a broker exits, kill the others after a timeout" },
    { .name = "test-exit-mode", .has_arg = HAS_ARG, .arginfo = "leader|any",
      .usage = "Whose exit starts the exit timeout (default: any)" },
    { .name = "test-start-mode", .has_arg = HAS_ARG, .arginfo = "leader|all",
      .usage = "Which brokers are started (default: all)" },
    { .name = "test-rundir", .has_arg = HAS_ARG, .arginfo = "PATH",
      .usage = "Use an existing directory as rundir" },
    { .name = "test-rundir-cleanup",
      .usage = "Remove the --test-rundir directory at the end" },
    { .name = "test-pmi-clique", .has_arg = HAS_ARG, .arginfo = "MODE",
      .usage = "Set PMI clique mode: single, per-broker, none, or a taskmap" },
    OPTPARSE_TABLE_END,
};

struct words {
    char **argv;
    int n;
};

static void add (struct words *w, const char *fmt, ...)
    __attribute__ ((format (printf, 2, 3)));

static void add (struct words *w, const char *fmt, ...)
{
    va_list ap;
    char **argv = reallocarray (w->argv, w->n + 2, sizeof (char *));

    if (!argv)
        cmd_die (1, "out of memory");
    w->argv = argv;
    va_start (ap, fmt);
    if (vasprintf (&w->argv[w->n], fmt, ap) < 0)
        cmd_die (1, "out of memory");
    va_end (ap);
    w->argv[++w->n] = NULL;
}

static void add_each (struct words *w, optparse_t *p, const char *name,
                      const char *prefix)
{
    const char *arg;

    optparse_getopt_iterator_reset (p, name);
    while ((arg = optparse_getopt_next (p, name)))
        add (w, "%s%s", prefix, arg);
}

static void add_recovery (struct words *w, optparse_t *p)
{
    const char *target = optparse_get_str (p, "recovery", NULL);
    struct stat sb;

    add (w, "-Sbroker.recovery-mode=1");
    add (w, "-Sbroker.quorum=1");
    if (!target || !*target) {
        add (w, "-Sstatedir=/var/lib/flux");
        return;
    }
    if (stat (target, &sb) < 0)
        cmd_die (1, "--recovery: %s: %s", target, strerror (errno));
    if (S_ISDIR (sb.st_mode))
        add (w, "-Sstatedir=%s", target);
    else
        add (w, "-Scontent.restore=%s", target);
}

/* The broker's words; *program is where the initial program begins. */
static char **broker_words (optparse_t *p, int argc, char **argv, int *program)
{
    struct words w = { 0 };
    bool recovery = optparse_hasopt (p, "recovery");

    add_each (&w, p, "wrap", "");
    add (&w, "%s", cmd_builtin ("broker_path"));
    if (optparse_hasopt (p, "sysconfig")
        || (recovery && !*optparse_get_str (p, "recovery", "")))
        add (&w, "-c%s/system/conf.d", cmd_builtin ("confdir"));
    add_each (&w, p, "config-path", "-c");
    add_each (&w, p, "conf", "--conf=");
    add_each (&w, p, "setattr", "-S");
    if (recovery)
        add_recovery (&w, p);
    add_each (&w, p, "broker-opts", "");
    *program = w.n;
    for (int i = 0; i < argc; i++)
        add (&w, "%s", argv[i]);
    return w.argv;
}

void start_show (int rank, char *const *argv)
{
    fputs ("flux-start:", stderr);
    if (rank >= 0)
        fprintf (stderr, " %d:", rank);
    for (int i = 0; argv[i]; i++)
        fprintf (stderr, " %s", argv[i]);
    fputc ('\n', stderr);
}

/* Brokers and the jobs under them use many descriptors. */
static void raise_nofile (void)
{
    struct rlimit rl;

    if (getrlimit (RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
        rl.rlim_cur = rl.rlim_max;
        (void)setrlimit (RLIMIT_NOFILE, &rl);
    }
}

static void free_words (char **words)
{
    for (int i = 0; words[i]; i++)
        free (words[i]);
    free (words);
}

static void check_test_options (optparse_t *p)
{
    for (const struct optparse_option *o = opts; o->name; o++)
        if ((!strncmp (o->name, "test-", 5) || !strcmp (o->name, "rundir"))
            && optparse_hasopt (p, o->name))
            cmd_die (1, "--%s only works with --test-size=N", o->name);
}

int cmd_start (int argc, char **argv)
{
    int n, program, size, code;
    optparse_t *p = cmd_parse ("[OPTIONS] command ...",
                               "Start a Flux instance", opts, argc, argv, &n);
    int verbose = cmd_verbosity (p);
    char **words = broker_words (p, argc - n, argv + n, &program);

    raise_nofile ();
    if (optparse_hasopt (p, "test-size")) {
        size = optparse_get_int (p, "test-size", -1);
        if (size < 1 || size > MAX_TEST_SIZE)
            cmd_die (1, "--test-size=%d: want 1 to %d", size, MAX_TEST_SIZE);
        code = start_test (p, words, program, size, verbose);
        free_words (words);
        optparse_destroy (p);
        return code;
    }
    check_test_options (p);
    if (verbose)
        start_show (-1, words);
    if (optparse_hasopt (p, "noexec"))
        return 0;
    execvp (words[0], words);
    cmd_err ("%s: %s", words[0], strerror (errno));
    return errno == ENOENT ? 127 : 126;
}
