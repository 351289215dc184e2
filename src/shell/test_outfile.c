/* test_outfile.c - tests of outfile.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/outfile.h"

static char dir[] = "/tmp/test_outfile-XXXXXX";
static char path[64];

static void expect (const char *want)
{
    char buf[256] = "";
    int fd = open (path, O_RDONLY);

    assert_true (read (fd, buf, sizeof (buf) - 1) >= 0);
    close (fd);
    assert_string_equal (buf, want);
}

static void put (struct outfile *f, const char *prefix, const char *s)
{
    assert_int_equal (outfile_write (f, prefix, s, strlen (s)), 0);
}

static void test_labels (void **state)
{
    struct outfiles *set = outfiles_new ();
    flux_error_t err;
    struct outfile *f = outfiles_open (set, path, false, &err);

    assert_non_null (f);
    put (f, "0: ", "one\ntwo");
    put (f, "0: ", "\nthree\n");
    put (f, "1: ", "\n");
    put (f, NULL, "plain\n");
    assert_ptr_equal (outfiles_open (set, path, false, &err), f);
    outfiles_free (set);
    expect ("0: one\n0: two\n0: three\n1: \nplain\n");
}

static void test_modes (void **state)
{
    for (int i = 0; i < 3; i++) {
        struct outfiles *set = outfiles_new ();
        flux_error_t err;
        put (outfiles_open (set, path, i > 0, &err), NULL, "x\n");
        outfiles_free (set);
    }
    expect ("x\nx\nx\n");
}

static void test_errors (void **state)
{
    struct outfiles *set = outfiles_new ();
    flux_error_t err;

    assert_null (outfiles_open (set, "/no/such/dir/x", false, &err));
    assert_non_null (strstr (err.text, "/no/such/dir/x"));
    struct outfile *f = outfiles_open (set, "/dev/full", false, &err);
    assert_non_null (f);
    assert_int_equal (outfile_write (f, NULL, "x", 1), -ENOSPC);
    outfiles_free (set);
    outfiles_free (NULL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_labels),
        cmocka_unit_test (test_modes),
        cmocka_unit_test (test_errors),
    };
    int rc;

    if (!mkdtemp (dir))
        return 1;
    snprintf (path, sizeof (path), "%s/out", dir);
    rc = cmocka_run_group_tests (tests, NULL, NULL);
    unlink (path);
    rmdir (dir);
    return rc;
}
