/* test_optparse.c - tests of the option parser */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <flux/optparse.h>
#include <math.h>

#include "base/buf.h"
#include "base/optparse_more.h"

static struct buf out = BUF_INIT;
static int fatal_code;
static int fatal_count;

static int capture (const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    buf_vaddf (&out, fmt, ap);
    va_end (ap);
    return 0;
}

static int no_exit (void *h, int code)
{
    fatal_code = code;
    fatal_count++;
    assert_ptr_equal (h, &out);
    return -code;
}

/* A parser that neither prints nor exits */
static optparse_t *create (const char *name)
{
    optparse_t *p = optparse_create (name);

    assert_non_null (p);
    assert_int_equal (optparse_set (p, OPTPARSE_LOG_FN, capture), 0);
    assert_int_equal (optparse_set (p, OPTPARSE_FATALERR_FN, no_exit), 0);
    assert_int_equal (optparse_set (p, OPTPARSE_FATALERR_HANDLE, &out), 0);
    buf_clear (&out);
    fatal_code = -1;
    fatal_count = 0;
    return p;
}

static int parse (optparse_t *p, ...)
{
    static char *argv[20];
    int argc = 1;
    va_list ap;

    argv[0] = (char *)"test";
    va_start (ap, p);
    while ((argv[argc] = va_arg (ap, char *)))
        argc++;
    va_end (ap);
    buf_clear (&out);
    fatal_code = -1;
    return optparse_parse_args (p, argc, argv);
}

static const struct optparse_option table[] = {
    {.name = "verbose", .key = 'v', .usage = "Be chatty"},
    {.name = "nodes", .key = 'n', .has_arg = 1, .arginfo = "N",
     .usage = "Set the number of nodes"},
    {.name = "env", .has_arg = 1, .arginfo = "LIST",
     .flags = OPTPARSE_OPT_AUTOSPLIT, .usage = "Split at commas"},
    {.name = "color", .key = 'L', .has_arg = 2, .arginfo = "WHEN",
     .usage = "Long form takes an argument"},
    {.name = "debug", .key = 'd', .has_arg = 2,
     .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG, .usage = "Both forms do"},
    {.name = "secret", .key = 's', .flags = OPTPARSE_OPT_HIDDEN,
     .usage = "Not shown"},
    {.name = "long-only", .key = 0x2001, .usage = "No short form"},
    OPTPARSE_TABLE_END,
};

static optparse_t *create_with_table (void)
{
    optparse_t *p = create ("test");
    assert_int_equal (optparse_add_option_table (p, table), OPTPARSE_SUCCESS);
    return p;
}

static void test_parse (void **state)
{
    optparse_t *p = create_with_table ();
    const char *arg;

    assert_int_equal (optparse_option_index (p), -1);
    assert_int_equal (parse (p, "-vv", "-n", "4", "--nodes=5", "--long-only",
                             "free", "-v", NULL), 6);
    assert_int_equal (optparse_option_index (p), 6);
    assert_int_equal (optparse_getopt (p, "verbose", NULL), 2);
    assert_int_equal (optparse_getopt (p, "nodes", &arg), 2);
    assert_string_equal (arg, "5");
    assert_true (optparse_hasopt (p, "long-only"));
    assert_false (optparse_hasopt (p, "secret"));
    assert_int_equal (optparse_getopt (p, "env", &arg), 0);
    assert_null (arg);
    assert_int_equal (optparse_getopt (p, "unknown", NULL), -1);
    assert_false (optparse_hasopt (p, "unknown"));
    assert_string_equal (optparse_getopt_next (p, "nodes"), "4");
    assert_string_equal (optparse_getopt_next (p, "nodes"), "5");
    assert_null (optparse_getopt_next (p, "nodes"));
    assert_int_equal (optparse_getopt_iterator_reset (p, "nodes"), 2);
    assert_string_equal (optparse_getopt_next (p, "nodes"), "4");
    assert_int_equal (optparse_getopt_iterator_reset (p, "unknown"), -1);

    /* a second line starts afresh */
    assert_int_equal (parse (p, "--", "-v", NULL), 2);
    assert_false (optparse_hasopt (p, "verbose"));
    optparse_reset (p);
    assert_int_equal (optparse_option_index (p), -1);
    optparse_destroy (p);
    optparse_destroy (NULL);
}

static void test_optional (void **state)
{
    optparse_t *p = create_with_table ();
    const char *arg;

    assert_int_equal (parse (p, "-Lv", "--color", "x", NULL), 3);
    assert_int_equal (optparse_getopt (p, "color", &arg), 2);
    assert_null (arg);
    assert_true (optparse_hasopt (p, "verbose"));
    assert_int_equal (parse (p, "--color=never", "-d3", NULL), 3);
    assert_string_equal (optparse_get_str (p, "color", "x"), "never");
    assert_int_equal (optparse_get_int (p, "debug", 0), 3);
    assert_int_equal (parse (p, "-d", NULL), 2);
    assert_int_equal (optparse_get_int (p, "debug", 7), 7);
    optparse_destroy (p);
}

static void test_autosplit (void **state)
{
    optparse_t *p = create_with_table ();
    const char *arg;

    assert_int_equal (parse (p, "--env=a,b,,c", "--env=d", NULL), 3);
    assert_int_equal (optparse_getopt (p, "env", &arg), 2);
    assert_string_equal (arg, "d");
    assert_int_equal (optparse_getopt_iterator_reset (p, "env"), 4);
    for (const char *want = "abcd"; *want; want++) {
        arg = optparse_getopt_next (p, "env");
        assert_int_equal (arg[0], *want);
    }
    assert_null (optparse_getopt_next (p, "env"));
    assert_int_equal (parse (p, "--env=a,b", NULL), 2);
    assert_string_equal (optparse_get_str (p, "env", NULL), "a,b");
    optparse_destroy (p);
}

static void test_posix (void **state)
{
    optparse_t *p = create_with_table ();
    int n;

    assert_int_equal (parse (p, "free", "-v", NULL), 1);
    assert_false (optparse_hasopt (p, "verbose"));
    optparse_set (p, OPTPARSE_POSIXLY_CORRECT, 0);
    optparse_get (p, OPTPARSE_POSIXLY_CORRECT, &n);
    assert_int_equal (n, 0);
    assert_int_equal (parse (p, "free", "-v", NULL), 2);
    assert_true (optparse_hasopt (p, "verbose"));
    optparse_destroy (p);
}

static void test_whole_names (void **state)
{
    optparse_t *p = create_with_table ();

    assert_int_equal (parse (p, "--verb", NULL), 2);
    assert_true (optparse_hasopt (p, "verbose"));
    optparse_set_whole_names (p);
    assert_int_equal (parse (p, "--verb", NULL), -1);
    assert_non_null (strstr (out.data, "'--verb': did you mean '--verbose'?"));
    assert_int_equal (parse (p, "-v", "--verbose", "free", "--verb", NULL), 3);
    assert_int_equal (optparse_getopt (p, "verbose", NULL), 2);
    assert_false (optparse_has_separator (p));
    assert_int_equal (parse (p, "-v", "--", "--verb", NULL), 3);
    assert_true (optparse_has_separator (p));
    assert_int_equal (parse (p, "--", NULL), 2);
    assert_true (optparse_has_separator (p));
    optparse_destroy (p);
}

static void test_errors (void **state)
{
    optparse_t *p = create_with_table ();
    static const struct {
        const char *arg;
        const char *message;
    } bad[] = {
        {"--foo", "test: unrecognized option '--foo'\n"},
        {"--foo=1", "test: unrecognized option '--foo=1'\n"},
        {"-x", "test: unrecognized option -- 'x'\n"},
        {"-vx", "test: unrecognized option -- 'x'\n"},
        {"--nodes", "test: option '--nodes' requires an argument\n"},
        {"-n", "test: option requires an argument -- 'n'\n"},
        {"--verbose=1", "test: option '--verbose' doesn't allow an argument\n"},
    };

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        struct buf want = BUF_INIT;
        buf_addf (&want, "%sTry 'test --help' for more information.\n",
                  bad[i].message);
        assert_int_equal (parse (p, bad[i].arg, NULL), -1);
        assert_string_equal (out.data, want.data);
        assert_int_equal (fatal_code, 1);
        buf_release (&want);
    }
    assert_int_equal (optparse_parse_args (NULL, 0, NULL), -1);
    optparse_destroy (p);
}

static void test_table_errors (void **state)
{
    optparse_t *p = create_with_table ();
    struct optparse_option o = {.name = "new", .key = 'v'};
    const struct optparse_option two[] = {
        {.name = "fine", .key = 'f'},
        {.name = "nodes"},
        OPTPARSE_TABLE_END,
    };

    assert_int_equal (optparse_add_option (p, &o), OPTPARSE_EEXIST);
    o.key = 'w';
    assert_int_equal (optparse_add_option (p, &o), OPTPARSE_SUCCESS);
    assert_int_equal (optparse_add_option (p, &o), OPTPARSE_EEXIST);
    o.name = NULL;
    assert_int_equal (optparse_add_option (p, &o), OPTPARSE_BAD_ARG);
    o.name = "a=b";
    assert_int_equal (optparse_add_option (p, &o), OPTPARSE_BAD_ARG);
    o = (struct optparse_option){.name = "x", .has_arg = 3};
    assert_int_equal (optparse_add_option (p, &o), OPTPARSE_BAD_ARG);
    assert_int_equal (optparse_add_option (NULL, &o), OPTPARSE_BAD_ARG);
    assert_int_equal (optparse_add_option_table (p, two), OPTPARSE_EEXIST);
    assert_int_equal (optparse_getopt (p, "fine", NULL), -1);
    assert_int_equal (optparse_remove_option (p, "new"), OPTPARSE_SUCCESS);
    assert_int_equal (optparse_remove_option (p, "new"), OPTPARSE_FAILURE);
    assert_int_equal (parse (p, "-w", NULL), -1);
    assert_int_equal (optparse_set (p, 99, 1), OPTPARSE_BAD_ARG);
    assert_int_equal (optparse_get (p, -1, NULL), OPTPARSE_BAD_ARG);
    assert_int_equal (optparse_set (p, OPTPARSE_OPTION_CB, "nope", NULL),
                      OPTPARSE_BAD_ARG);
    assert_int_equal (optparse_set (p, OPTPARSE_LEFT_MARGIN, -1),
                      OPTPARSE_BAD_ARG);
    assert_int_equal (optparse_add_doc (p, NULL, 0), OPTPARSE_BAD_ARG);
    assert_null (optparse_create (NULL));
    optparse_destroy (p);
}

static int seen;

static int on_nodes (optparse_t *p, struct optparse_option *o, const char *arg)
{
    assert_string_equal (o->name, "nodes");
    seen++;
    return strcmp (arg, "bad") == 0 ? -1 : 0;
}

static void test_callback (void **state)
{
    optparse_t *p = create_with_table ();

    assert_int_equal (optparse_set (p, OPTPARSE_OPTION_CB, "nodes", on_nodes),
                      OPTPARSE_SUCCESS);
    seen = 0;
    assert_int_equal (parse (p, "-n1", "-n2", NULL), 3);
    assert_int_equal (seen, 2);
    assert_int_equal (parse (p, "-nbad", "-n2", NULL), -1);
    assert_int_equal (seen, 3);
    optparse_destroy (p);
}

static void test_help (void **state)
{
    optparse_t *p = create_with_table ();
    struct optparse_option o = {
        .name = "a-very-long-name-for-an-option", .has_arg = 1, .group = 2,
        .usage = "A text that is so long that it needs more than one line of "
                 "eighty columns to be shown.\nAnd a line of its own.",
    };

    setenv ("COLUMNS", "80", 1);
    assert_int_equal (optparse_add_option (p, &o), OPTPARSE_SUCCESS);
    assert_int_equal (optparse_set (p, OPTPARSE_USAGE, "[OPTIONS] COMMAND"), 0);
    optparse_add_doc (p, "Run a command.", 0);
    optparse_add_doc (p, "Others:", 2);
    optparse_add_doc (p, "See also: true(1)", -1);
    assert_int_equal (parse (p, "-v", "--help", "--bad", NULL), -1);
    assert_int_equal (fatal_code, 0);
    assert_string_equal (out.data,
        "Usage: test [OPTIONS] COMMAND\n"
        "Run a command.\n"
        "  -h, --help            Display this message.\n"
        "  -v, --verbose         Be chatty\n"
        "  -n, --nodes=N         Set the number of nodes\n"
        "      --env=LIST        Split at commas\n"
        "  -L, --color[=WHEN]    Long form takes an argument\n"
        "  -d, --debug[=ARG]     Both forms do\n"
        "      --long-only       No short form\n"
        "\n"
        "Others:\n"
        "      --a-very-long-name-for-an-option=ARG\n"
        "                        A text that is so long that it needs more than one line\n"
        "                        of eighty columns to be shown.\n"
        "                        And a line of its own.\n"
        "\n"
        "See also: true(1)\n");

    buf_clear (&out);
    optparse_set (p, OPTPARSE_SORTED, 1);
    optparse_set (p, OPTPARSE_OPTION_WIDTH, 30);
    optparse_set (p, OPTPARSE_LEFT_MARGIN, 1);
    optparse_remove_option (p, "a-very-long-name-for-an-option");
    assert_int_equal (optparse_print_usage (p), 0);
    assert_non_null (strstr (out.data,
        "\n -h, --help                    Display this message.\n"
        " -L, --color[=WHEN]            Long form takes an argument\n"
        " -d, --debug[=ARG]             Both forms do\n"
        "     --env=LIST                Split at commas\n"));
    buf_clear (&out);
    assert_int_equal (optparse_fatal_usage (p, 3, "%s is missing", "x"), -3);
    assert_memory_equal (out.data, "test: x is missing\nUsage: test [", 32);
    optparse_destroy (p);
}

static void test_values (void **state)
{
    static const struct optparse_option opts[] = {
        {.name = "i", .has_arg = 1},
        {.name = "d", .has_arg = 1},
        {.name = "t", .has_arg = 1},
        {.name = "s", .has_arg = 1},
        OPTPARSE_TABLE_END,
    };
    optparse_t *p = create ("test");

    optparse_add_option_table (p, opts);
    parse (p, NULL);
    assert_int_equal (optparse_get_int (p, "i", 42), 42);
    assert_true (optparse_get_double (p, "d", 1.5) == 1.5);
    assert_true (optparse_get_duration (p, "t", 60) == 60);
    assert_int_equal (optparse_get_size (p, "s", "4k"), 4096);
    assert_int_equal (optparse_get_size (p, "s", NULL), 0);
    assert_int_equal (optparse_get_size_int (p, "s", "1M"), 1 << 20);
    assert_null (optparse_get_str (p, "i", NULL));
    parse (p, "--i=-5", "--d=2.5e3", "--t=1.5m", "--s=1.5G", NULL);
    assert_int_equal (optparse_get_int (p, "i", 42), -5);
    assert_true (optparse_get_double (p, "d", 0) == 2500);
    assert_true (optparse_get_duration (p, "t", 0) == 90);
    assert_int_equal (optparse_get_size (p, "s", NULL), 3UL << 29);
    assert_int_equal (optparse_get_size_int (p, "s", NULL), 3 << 29);
    assert_int_equal (fatal_code, -1);
    parse (p, "--s=16777215T", NULL);
    assert_true (optparse_get_size (p, "s", NULL) == 16777215UL << 40);
    parse (p, "--s=18446744073709551615", NULL);
    assert_true (optparse_get_size (p, "s", NULL) == UINT64_MAX);
    optparse_destroy (p);
}

static void test_bad_values (void **state)
{
    static const char *bad_int[] = {"", "x", "1x", "2147483648", "1.5",
                                    "99999999999999999999"};
    static const char *bad_size[] = {"", "x", "-1", "1x", "1kk", "k",
                                     "18446744073709551616", "16777216T",
                                     "16E", " 1"};
    optparse_t *p = create_with_table ();

    for (size_t i = 0; i < sizeof (bad_int) / sizeof (bad_int[0]); i++) {
        parse (p, "-n", bad_int[i], NULL);
        assert_int_equal (optparse_get_int (p, "nodes", 1), -1);
        assert_int_equal (fatal_code, 1);
    }
    assert_string_equal (out.data, "test: option '--nodes': "
                         "'99999999999999999999' is not an integer\n");
    for (size_t i = 0; i < sizeof (bad_size) / sizeof (bad_size[0]); i++) {
        parse (p, "-n", bad_size[i], NULL);
        assert_true (optparse_get_size (p, "nodes", "1") == UINT64_MAX);
        assert_int_equal (fatal_code, 1);
    }
    parse (p, "-n", "2G", NULL);
    assert_int_equal (optparse_get_size_int (p, "nodes", "1"), -1);
    assert_int_equal (fatal_code, 1);
    parse (p, "-n", "1 s", NULL);
    assert_true (optparse_get_duration (p, "nodes", 1) == -1);
    assert_true (optparse_get_double (p, "nodes", 1) == -1);
    parse (p, NULL);
    assert_null (optparse_get_str (p, "unknown", NULL));
    assert_int_equal (fatal_code, 1);
    optparse_destroy (p);
}

static void test_color (void **state)
{
    optparse_t *p = create_with_table ();

    unsetenv ("NO_COLOR");
    parse (p, "--color=always", NULL);
    assert_int_equal (optparse_get_color (p, "color"), 1);
    parse (p, "-L", NULL);
    assert_int_equal (optparse_get_color (p, "color"), 1);
    parse (p, "--color=never", NULL);
    assert_int_equal (optparse_get_color (p, "color"), 0);
    parse (p, "--color=often", NULL);
    assert_int_equal (optparse_get_color (p, "color"), -1);
    assert_int_equal (fatal_code, 1);
    setenv ("NO_COLOR", "1", 1);
    parse (p, NULL);
    assert_int_equal (optparse_get_color (p, "color"), 0);
    unsetenv ("NO_COLOR");
    optparse_destroy (p);
}

static int sub_argc;

static int sub_fn (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);

    sub_argc = argc;
    assert_string_equal (argv[0], "get");
    assert_string_equal (argv[n], "key");
    assert_int_equal (optparse_get_int (p, "count", 0), 3);
    assert_ptr_equal (optparse_get_data (p, "answer"), &sub_argc);
    assert_true (optparse_hasopt (optparse_get_parent (p), "global"));
    return 42;
}

static int raw_fn (optparse_t *p, int argc, char **argv)
{
    assert_int_equal (optparse_option_index (p), 1);
    assert_string_equal (argv[1], "--anything");
    return argc;
}

static struct optparse_option sub_opts[] = {
    {.name = "count", .key = 'c', .has_arg = 1, .arginfo = "N",
     .usage = "How many"},
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subs[] = {
    {"get", sub_fn, "[OPTIONS] KEY", "Get a value", 0, sub_opts},
    {"raw", raw_fn, NULL, "Take all", OPTPARSE_SUBCMD_SKIP_OPTS, NULL},
    {"inner", raw_fn, NULL, "For tests", OPTPARSE_SUBCMD_HIDDEN, NULL},
    OPTPARSE_SUBCMD_END,
};

static int run (optparse_t *p, ...)
{
    char *argv[20] = {(char *)"test"};
    int argc = 1;
    va_list ap;

    va_start (ap, p);
    while ((argv[argc] = va_arg (ap, char *)))
        argc++;
    va_end (ap);
    buf_clear (&out);
    fatal_code = -1;
    optparse_reset (p);
    return optparse_run_subcommand (p, argc, argv);
}

static void test_subcommands (void **state)
{
    optparse_t *p = create ("flux-test");
    struct optparse_option o = {.name = "global", .key = 'g'};
    struct optparse_option bad[] = {{.name = "x"}, {.name = "x"},
                                    OPTPARSE_TABLE_END};

    optparse_add_option (p, &o);
    assert_int_equal (optparse_reg_subcommands (p, subs), OPTPARSE_SUCCESS);
    assert_int_equal (optparse_reg_subcommands (p, subs), OPTPARSE_EEXIST);
    assert_int_equal (optparse_reg_subcommand (p, "bad", raw_fn, NULL, NULL, 0,
                                               bad), OPTPARSE_EEXIST);
    assert_null (optparse_get_subcommand (p, "bad"));
    assert_int_equal (optparse_reg_subcommand (p, NULL, raw_fn, NULL, NULL, 0,
                                               NULL), OPTPARSE_BAD_ARG);
    assert_ptr_equal (optparse_get_parent (optparse_get_subcommand (p, "get")),
                      p);
    optparse_set_data (p, "answer", &fatal_code);
    optparse_set_data (p, "answer", &sub_argc);

    assert_int_equal (run (p, "-g", "get", "-c3", "key", "-x", NULL), 42);
    assert_int_equal (sub_argc, 4);
    assert_int_equal (run (p, "raw", "--anything", NULL), 2);
    assert_int_equal (run (p, "-g", NULL), -1);
    assert_int_equal (fatal_code, 1);
    assert_memory_equal (out.data, "flux-test: missing subcommand\nUsage: ", 37);
    assert_int_equal (run (p, "nope", NULL), -1);
    assert_memory_equal (out.data, "flux-test: unknown subcommand 'nope'\n", 37);
    assert_int_equal (run (p, "get", "-x", NULL), -1);
    assert_memory_equal (out.data,
                         "flux-test get: unrecognized option -- 'x'\n", 42);
    assert_int_equal (run (p, "--help", NULL), -1);
    assert_int_equal (fatal_code, 0);
    assert_string_equal (out.data,
        "Usage: flux-test [OPTIONS]... COMMAND [ARGS]...\n"
        "  -h, --help            Display this message.\n"
        "  -g, --global\n"
        "\n"
        "Commands:\n"
        "  get                   Get a value\n"
        "  raw                   Take all\n");
    assert_int_equal (run (p, "get", "-h", NULL), -1);
    assert_string_equal (out.data,
        "Usage: flux-test get [OPTIONS] KEY\n"
        "Get a value\n"
        "  -h, --help            Display this message.\n"
        "  -c, --count=N         How many\n");
    optparse_set (p, OPTPARSE_POSIXLY_CORRECT, 0);
    assert_int_equal (run (p, "-g", "get", "key", "-c3", NULL), 42);
    optparse_destroy (p);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_parse),
        cmocka_unit_test (test_optional),
        cmocka_unit_test (test_autosplit),
        cmocka_unit_test (test_posix),
        cmocka_unit_test (test_whole_names),
        cmocka_unit_test (test_errors),
        cmocka_unit_test (test_table_errors),
        cmocka_unit_test (test_callback),
        cmocka_unit_test (test_help),
        cmocka_unit_test (test_values),
        cmocka_unit_test (test_bad_values),
        cmocka_unit_test (test_color),
        cmocka_unit_test (test_subcommands),
    };
    int rc = cmocka_run_group_tests (tests, NULL, NULL);
    buf_release (&out);
    return rc;
}
