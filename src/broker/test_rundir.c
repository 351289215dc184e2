/* test_rundir.c - directories are made, used as they are, refused, and removed
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "broker/rundir.h"

static char tmp[PATH_MAX];

static void path_in (char *buf, size_t size, const char *name)
{
    assert_true (snprintf (buf, size, "%s/%s", tmp, name) < (int)size);
}

static bool exists (const char *path)
{
    struct stat sb;
    return lstat (path, &sb) == 0;
}

static void test_own (void **state)
{
    struct attrs *a = attrs_new ();
    bool remove = false;
    struct stat sb;
    const char *path;

    assert_int_equal (rundir_create (a, "rundir", tmp, &remove, NULL), 0);
    assert_true (remove);
    path = attrs_get (a, "rundir", NULL);
    assert_int_equal (strncmp (path, tmp, strlen (tmp)), 0);
    assert_int_equal (stat (path, &sb), 0);
    assert_int_equal (sb.st_mode & 0777, 0700);
    rundir_remove (path);
    assert_false (exists (path));
    attrs_free (a);
}

static void test_given (void **state)
{
    struct attrs *a = attrs_new ();
    char path[PATH_MAX + 32];
    bool remove = true;

    path_in (path, sizeof (path), "given");
    attrs_set (a, "statedir", path, 0);
    assert_int_equal (rundir_create (a, "statedir", tmp, &remove, NULL), 0);
    assert_true (remove);                /* it was made */
    assert_int_equal (rundir_create (a, "statedir", tmp, &remove, NULL), 0);
    assert_false (remove);               /* it was there */
    attrs_set (a, "statedir-cleanup", "1", 0);
    assert_int_equal (rundir_create (a, "statedir", tmp, &remove, NULL), 0);
    assert_true (remove);
    attrs_set (a, "statedir-cleanup", "0", 0);
    assert_int_equal (rundir_create (a, "statedir", tmp, &remove, NULL), 0);
    assert_false (remove);
    assert_int_equal (rmdir (path), 0);
    attrs_free (a);
}

static void test_sticky (void **state)
{
    struct attrs *a = attrs_new ();
    char path[PATH_MAX + 32];
    bool remove = false;

    path_in (path, sizeof (path), "sticky");
    assert_int_equal (mkdir (path, 0700), 0);
    assert_int_equal (chmod (path, 01700), 0);
    attrs_set (a, "rundir", path, 0);
    assert_int_equal (rundir_create (a, "rundir", tmp, &remove, NULL), 0);
    assert_true (remove);
    assert_string_not_equal (attrs_get (a, "rundir", NULL), path);
    rundir_remove (attrs_get (a, "rundir", NULL));
    assert_int_equal (rmdir (path), 0);
    attrs_free (a);
}

static void test_refused (void **state)
{
    struct attrs *a = attrs_new ();
    char path[PATH_MAX + 32];
    flux_error_t err;
    bool remove;

    attrs_set (a, "rundir", "/dev/null", 0);
    assert_int_equal (rundir_create (a, "rundir", tmp, &remove, &err), -ENOTDIR);
    assert_non_null (strstr (err.text, "/dev/null"));
    attrs_set (a, "rundir", "/nonexistent/dir", 0);
    assert_int_equal (rundir_create (a, "rundir", tmp, &remove, &err), -ENOENT);
    path_in (path, sizeof (path), "readonly");
    assert_int_equal (mkdir (path, 0500), 0);
    attrs_set (a, "rundir", path, 0);
    assert_int_equal (rundir_create (a, "rundir", tmp, &remove, &err), -EPERM);
    assert_int_equal (rmdir (path), 0);
    attrs_free (a);
}

/* A link is removed, not followed. */
static void test_remove (void **state)
{
    char dir[PATH_MAX + 32], sub[PATH_MAX + 32], outside[PATH_MAX + 32], link[PATH_MAX + 32];

    path_in (dir, sizeof (dir), "dir");
    path_in (sub, sizeof (sub), "dir/sub");
    path_in (outside, sizeof (outside), "outside");
    path_in (link, sizeof (link), "dir/sub/link");
    assert_int_equal (mkdir (dir, 0700), 0);
    assert_int_equal (mkdir (sub, 0700), 0);
    assert_int_equal (mkdir (outside, 0700), 0);
    assert_int_equal (symlink (outside, link), 0);
    rundir_remove (dir);
    assert_false (exists (dir));
    assert_true (exists (outside));
    rundir_remove (dir);                 /* not there: nothing happens */
    assert_int_equal (rmdir (outside), 0);
}

static int setup (void **state)
{
    const char *dir = getenv ("TMPDIR");

    snprintf (tmp, sizeof (tmp), "%s/rundir-XXXXXX", dir && *dir ? dir : "/tmp");
    return mkdtemp (tmp) ? 0 : -1;
}

static int teardown (void **state)
{
    return rmdir (tmp);                  /* the tests left nothing */
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_own), cmocka_unit_test (test_given),
        cmocka_unit_test (test_sticky), cmocka_unit_test (test_refused),
        cmocka_unit_test (test_remove),
    };

    return cmocka_run_group_tests (tests, setup, teardown);
}
