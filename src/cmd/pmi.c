/* pmi.c - flux pmi (flux-pmi(1)): what the broker does at its start, by itself
 *
 * No message: all goes to the launcher (src/pmi/README.md).
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <flux/idset.h>

#include "cmd/cmd.h"
#include "cmd/pmi.h"
#include "pmi/pmi.h"

#define HAS_ARG 1
#define OPT_ARG 2

static const struct optparse_option global_opts[] = {
    { .name = "verbose", .key = 'v', .has_arg = OPT_ARG, .arginfo = "LEVEL",
      .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG, .usage = "Trace PMI operations" },
    { .name = "timeout", .key = 't', .has_arg = HAS_ARG, .arginfo = "FSD",
      .usage = "Fail if it takes longer" },
    { .name = "method", .has_arg = HAS_ARG, .arginfo = "URI",
      .usage = "Use this PMI method only" },
    { .name = "libpmi-noflux", .usage = "Fail if a library is Flux's own" },
    { .name = "libpmi2-cray", .usage = "Treat libpmi2 as if it were Cray's" },
    OPTPARSE_TABLE_END,
};

/* --- time --- */

static volatile sig_atomic_t timed_out;

/* The first is for what looks at the flag, the second for a library that does not. */
static void on_alarm (int signum)
{
    static const char text[] = "flux-pmi: ERROR: timed out\n";

    if (timed_out++ && write (STDERR_FILENO, text, sizeof (text) - 1) > 0)
        _exit (1);
}

static void set_timeout (optparse_t *p)
{
    double seconds = optparse_get_duration (p, "timeout", INFINITY);
    struct sigaction sa = { .sa_handler = on_alarm };
    struct itimerval it = { .it_interval = { .tv_sec = 1 } };

    if (!isfinite (seconds))
        return;
    if (seconds < 1e-6)
        seconds = 1e-6;
    it.it_value.tv_sec = (time_t)seconds;
    it.it_value.tv_usec = (seconds - (time_t)seconds) * 1e6;
    if (sigaction (SIGALRM, &sa, NULL) < 0 || setitimer (ITIMER_REAL, &it, NULL) < 0)
        cmd_die (1, "--timeout: %s", strerror (errno));
}

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* --- begin and end --- */

static struct pmi *open_pmi (optparse_t *sub)
{
    optparse_t *p = optparse_get_parent (sub);
    struct pmi_args args = {
        .methods = optparse_get_str (p, "method", NULL),
        .debug = cmd_verbosity (p) > 0 || getenv ("FLUX_PMI_DEBUG"),
        .noflux = optparse_hasopt (p, "libpmi-noflux"),
        .cray = optparse_hasopt (p, "libpmi2-cray"),
        .interrupt = &timed_out,
        .plugindirs = flux_conf_builtin_get ("upmi_pluginpath", FLUX_CONF_AUTO),
    };
    struct buf why = BUF_INIT;
    struct pmi *pmi;

    set_timeout (p);
    if (!(pmi = pmi_open (&args, &why)))
        cmd_die (1, "%s", timed_out ? "timed out" : why.data);
    return pmi;
}

static void check (int rc, const char *what, const flux_error_t *err)
{
    if (rc < 0)
        cmd_die (1, "%s: %s", what, timed_out ? "timed out" : err->text);
}

static void barrier (struct pmi *pmi)
{
    flux_error_t err = { 0 };
    check (pmi_barrier (pmi, &err), "barrier", &err);
}

static int close_pmi (struct pmi *pmi)
{
    flux_error_t err = { 0 };

    check (pmi_finalize (pmi, &err), "finalize", &err);
    pmi_close (pmi);
    return 0;
}

static int get_count (optparse_t *p, const char *name)
{
    int n = optparse_get_int (p, name, 1);

    if (n < 1)
        cmd_die (1, "--%s: must be at least 1", name);
    return n;
}

static void no_more_arguments (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);

    if (n < argc)
        cmd_die (1, "'%.60s': this command takes no argument", argv[n]);
}

/* --- barrier --- */

static void test_abort (optparse_t *p, struct pmi *pmi)
{
    int rank = optparse_get_int (p, "test-abort", -1);

    if (optparse_hasopt (p, "test-abort") && rank == pmi_rank (pmi)) {
        cmd_err ("rank %d aborts, as it was told", rank);
        pmi_abort (pmi, 1, "flux pmi barrier --test-abort");
        exit (1);
    }
}

static int pmi_cmd_barrier (optparse_t *p, int argc, char **argv)
{
    int count = get_count (p, optparse_hasopt (p, "count") ? "count" : "test-count");
    bool timing = optparse_hasopt (p, "test-timing");
    struct pmi *pmi;
    double start;

    no_more_arguments (p, argc, argv);
    pmi = open_pmi (p);
    test_abort (p, pmi);
    if (timing)
        barrier (pmi);
    for (int i = 0; i < count; i++) {
        start = now ();
        barrier (pmi);
        if (pmi_rank (pmi) > 0)
            continue;
        printf ("%s: completed pmi barrier on %d tasks", pmi_name (pmi), pmi_size (pmi));
        if (timing)
            printf (" in %.3fs", now () - start);
        printf (".\n");
    }
    return close_pmi (pmi);
}

/* --- exchange --- */

static void exchange (struct pmi *pmi, int round)
{
    char key[64], value[64];
    flux_error_t err = { 0 };
    const char *s;

    snprintf (key, sizeof (key), "flux-pmi.%d.%d", round, pmi_rank (pmi));
    snprintf (value, sizeof (value), "%d", pmi_rank (pmi));
    check (pmi_put (pmi, key, value, &err), "put", &err);
    barrier (pmi);
    for (int i = 0; i < pmi_size (pmi); i++) {
        if (i == pmi_rank (pmi))
            continue;
        snprintf (key, sizeof (key), "flux-pmi.%d.%d", round, i);
        snprintf (value, sizeof (value), "%d", i);
        if (pmi_get (pmi, key, &s, &err) < 0)
            cmd_die (1, "get %s: %s", key, err.text[0] ? err.text : "no such key");
        if (strcmp (s, value) != 0)
            cmd_die (1, "get %s: '%.40s', where rank %d put '%s'", key, s, i, value);
    }
    barrier (pmi);
}

static int pmi_cmd_exchange (optparse_t *p, int argc, char **argv)
{
    int count = get_count (p, "count");
    struct pmi *pmi;

    no_more_arguments (p, argc, argv);
    pmi = open_pmi (p);
    barrier (pmi);
    for (int i = 0; i < count; i++) {
        double start = now ();
        exchange (pmi, i);
        if (pmi_rank (pmi) == 0)
            printf ("%s: completed pmi exchange on %d tasks in %.3fs.\n", pmi_name (pmi),
                    pmi_size (pmi), now () - start);
    }
    return close_pmi (pmi);
}

/* --- get --- */

static bool is_asked (optparse_t *p, int rank)
{
    const char *s = optparse_get_str (p, "ranks", "0");
    struct idset *ids;
    bool rc;

    if (!strcmp (s, "all"))
        return true;
    if (!(ids = idset_decode (s)))
        cmd_die (1, "--ranks: '%.60s' is neither an idset such as 0-3 nor 'all'", s);
    rc = idset_test (ids, rank);
    idset_destroy (ids);
    return rc;
}

static int pmi_cmd_get (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_error_t err = { 0 };
    struct pmi *pmi;
    const char *s;

    if (n == argc) {
        cmd_err ("a key is missing");
        optparse_print_usage (p);
        return 1;
    }
    (void)is_asked (p, 0);        /* before there is anything to wait for */
    pmi = open_pmi (p);
    for (; n < argc && is_asked (p, pmi_rank (pmi)); n++) {
        if (pmi_get (pmi, argv[n], &s, &err) < 0)
            cmd_die (1, "get %s: %s", argv[n], err.text[0] ? err.text : "no such key");
        printf ("%s\n", s);
    }
    return close_pmi (pmi);
}

/* --- the command --- */

static struct optparse_option barrier_opts[] = {
    { .name = "test-timing", .usage = "Print the elapsed time of a barrier that all enter at once" },
    { .name = "test-count", .has_arg = HAS_ARG, .arginfo = "N",
      .usage = "Execute N barriers (default 1)" },
    { .name = "count", .has_arg = HAS_ARG, .arginfo = "N",
      .usage = "The same" },
    { .name = "test-abort", .has_arg = HAS_ARG, .arginfo = "RANK",
      .usage = "RANK calls abort in place of the barrier" },
    OPTPARSE_TABLE_END,
};

static struct optparse_option exchange_opts[] = {
    { .name = "count", .has_arg = HAS_ARG, .arginfo = "N",
      .usage = "Execute N exchanges (default 1)" },
    OPTPARSE_TABLE_END,
};

static struct optparse_option get_opts[] = {
    { .name = "ranks", .has_arg = HAS_ARG, .arginfo = "RANKS",
      .usage = "Print the value on these ranks: an idset, or 'all' (default 0)" },
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "barrier", pmi_cmd_barrier, "[OPTIONS]", "Execute a PMI barrier", 0, barrier_opts },
    { "exchange", pmi_cmd_exchange, "[OPTIONS]", "Put, barrier, get", 0, exchange_opts },
    { "get", pmi_cmd_get, "[OPTIONS] KEY...", "Get keys that the launcher set", 0, get_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_pmi (int argc, char **argv)
{
    return cmd_run_subcommands_of (global_opts, subcommands, argc, argv);
}
