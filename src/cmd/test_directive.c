/* test_directive.c - submission directives (RFC 36, its examples)
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <cmocka.h>

#include "base/buf.h"
#include "cmd/directive.h"

/* Directives of a script, joined by '|'. */
static void expect (const char *script, const char *want)
{
    struct buf b = BUF_INIT;
    flux_error_t err;
    char **argv;
    int n;

    assert_int_equal (directive_parse (script, &argv, &n, &err), 0);
    for (int i = 0; i < n; i++)
        buf_addf (&b, "%s%s", i ? "|" : "", argv[i]);
    assert_string_equal (b.data, want);
    buf_release (&b);
    directive_free (argv);
}

static void expect_error (const char *script, const char *want)
{
    flux_error_t err = { "" };
    char **argv;
    int n;

    assert_int_equal (directive_parse (script, &argv, &n, &err), -EINVAL);
    assert_non_null (strstr (err.text, want));
}

static void shell_script (void **state)
{
    expect ("#!/bin/sh\n#FLUX: -N4                  # Request four nodes\n"
            "#FLUX: --queue=batch\n#FLUX: --job-name=app001    # name\nflux run -N4 app\n",
            "-N4|--queue=batch|--job-name=app001");
    expect ("#!/bin/sh\n# flux: # -N4\nhostname\n", "");
    expect ("# flux: -N4#-c2 : comment\n# flux: --job-name='a#b'\n", "-N4|--job-name=a#b");
    expect ("no directives\n", "");
    expect ("", "");
}

static void other_languages (void **state)
{
    expect ("#!/usr/bin/lua\n--\n-- flux: -N1 --exclusive\n-- flux: --output=job.out\nlocal app\n",
            "-N1|--exclusive|--output=job.out");
    expect ("#FLUX: -N1\n# Set job name:\n#FLUX: --job-name=test\nhostname\n",
            "-N1|--job-name=test");
}

static void quoting (void **state)
{
    expect ("# flux: --setattr=user.data='{\"option\": \"arg\"}'\n",
            "--setattr=user.data={\"option\": \"arg\"}");
    expect ("# flux: --setattr=user.foo=\"\"\"{\"key\": 42}\"\"\"\n", "--setattr=user.foo={\"key\": 42}");
    expect ("# flux: --job-name='''It's a \"job\"'''\n", "--job-name=It's a \"job\"");
    expect ("# flux: --a=\"x \\\"y\" b\\ c\n", "--a=x \"y|b c");
    expect ("# flux: --setattr=user.conf=\"\"\"\n# flux: [config]\n# flux:   item = \"foo\"\n"
            "# flux: \"\"\"\n", "--setattr=user.conf=[config]\n  item = \"foo\"\n");
}

static void errors_name_the_line (void **state)
{
    expect_error ("#!/bin/sh\n#FLUX: -N1\nhostname; date\n#FLUX: --job-name=test\n", "line 4");
    expect_error ("# flux: -N1\n## flux: -n2\n", "line 2");
    expect_error ("# flux: --a='x\n", "closing");
    expect_error ("# flux: '''x\n", "closing");
    expect_error ("# flux: hello\n", "option");
    expect_error ("# flux: --a=\"\"\"x\n# flux: y\n# flux: \"\"\"\n", "end of its line");
    expect_error ("# flux: --a=\"\"\"\n# flux: y\n# flux: \"\"\" -N2\n", "end of its line");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (shell_script),
        cmocka_unit_test (other_languages),
        cmocka_unit_test (quoting),
        cmocka_unit_test (errors_name_the_line),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
