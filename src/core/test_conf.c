/* test_conf.c - configuration objects, parsers, and builtin paths
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <flux/core.h>

static char dir[] = "/tmp/test_conf.XXXXXX";
static flux_error_t err;

static void put (const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf (path, sizeof (path), "%s/%s", dir, name);
    assert_non_null ((f = fopen (path, "w")));
    assert_true (fputs (text, f) >= 0);
    assert_int_equal (fclose (f), 0);
}

static const char *file (const char *name)
{
    static char path[256];

    snprintf (path, sizeof (path), "%s/%s", dir, name);
    return path;
}

static void drop (const char *name)
{
    assert_int_equal (unlink (file (name)), 0);
}

static int group_setup (void **state)
{
    return mkdtemp (dir) ? 0 : -1;
}

static int group_teardown (void **state)
{
    return rmdir (dir);
}

static void pack_and_unpack (void **state)
{
    flux_conf_t *conf = flux_conf_pack ("{s:i s:{s:s}}", "a", 1, "t", "b", "x");
    flux_conf_t *copy = flux_conf_copy (conf);
    const char *s;
    int a;

    assert_int_equal (flux_conf_unpack (conf, &err, "{s:i s:{s:s}}", "a", &a,
                                        "t", "b", &s), 0);
    assert_int_equal (a, 1);
    assert_string_equal (s, "x");
    assert_int_equal (flux_conf_unpack (conf, &err, "{s:s}", "a", &s), -1);
    assert_int_equal (errno, EINVAL);
    assert_true (strlen (err.text) > 0);
    assert_int_equal (flux_conf_unpack (conf, NULL, "{s:s}", "a", &s), -1);
    assert_int_equal (flux_conf_update (copy, "a=2", &err), 0);
    assert_int_equal (flux_conf_unpack (conf, &err, "{s:i}", "a", &a), 0);
    assert_int_equal (a, 1); // the copy is deep
    assert_ptr_equal (flux_conf_incref (conf), conf);
    flux_conf_decref (conf);
    flux_conf_decref (conf);
    flux_conf_decref (copy);
    flux_conf_decref (NULL);
}

static void bad_input (void **state)
{
    flux_conf_t *conf = flux_conf_create ();

    assert_null (flux_conf_pack ("[i]", 1));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_conf_pack (NULL));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_conf_copy (NULL));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_conf_unpack (NULL, NULL, "{}"), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_conf_unpack (conf, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_null (flux_conf_parse (NULL, NULL));
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_conf_update (conf, NULL, NULL), -1);
    assert_int_equal (flux_conf_update (conf, "", NULL), -1);
    assert_int_equal (flux_conf_update (NULL, "a=1", NULL), -1);
    assert_int_equal (errno, EINVAL);
    flux_conf_decref (conf);
}

static void parse_directory (void **state)
{
    flux_conf_t *conf;
    const char *x;
    int y, z;

    put ("a.toml", "top = 1\n[t]\nx = \"a\"\ny = 1\n");
    put ("b.toml", "[t]\ny = 2\n");
    put ("c.conf", "this is not read");
    assert_non_null ((conf = flux_conf_parse (dir, &err)));
    assert_int_equal (flux_conf_unpack (conf, &err, "{s:i s:{s:s s:i}}", "top", &z,
                                        "t", "x", &x, "y", &y), 0);
    assert_string_equal (x, "a");
    assert_int_equal (y, 2);
    flux_conf_decref (conf);
    put ("b.toml", "[t\n");
    assert_null (flux_conf_parse (dir, &err));
    assert_non_null (strstr (err.text, "b.toml"));
    drop ("a.toml");
    drop ("b.toml");
    drop ("c.conf");
    assert_non_null ((conf = flux_conf_parse (dir, &err)));
    flux_conf_decref (conf);
}

static void parse_file (void **state)
{
    flux_conf_t *conf;
    int a;

    put ("c.json", "{\"a\":3}");
    assert_non_null ((conf = flux_conf_parse (file ("c.json"), &err)));
    assert_int_equal (flux_conf_unpack (conf, &err, "{s:i}", "a", &a), 0);
    assert_int_equal (a, 3);
    flux_conf_decref (conf);
    put ("c.json", "[1]");
    assert_null (flux_conf_parse (file ("c.json"), &err));
    assert_int_equal (errno, EINVAL);
    put ("c.json", "{");
    assert_null (flux_conf_parse (file ("c.json"), &err));
    assert_int_equal (errno, EINVAL);
    drop ("c.json");
    assert_null (flux_conf_parse (file ("c.json"), &err));
    assert_int_equal (errno, ENOENT);
    assert_non_null (strstr (err.text, "c.json"));
    put ("d", "a = 4\n");
    assert_non_null ((conf = flux_conf_parse (file ("d"), &err)));
    flux_conf_decref (conf);
    drop ("d");
}

static void update (void **state)
{
    flux_conf_t *conf = flux_conf_create ();
    const char *s;
    int a, b, i;

    assert_int_equal (flux_conf_update (conf, "t.u.a=1", &err), 0);
    assert_int_equal (flux_conf_update (conf, "t.s=some text", &err), 0);
    assert_int_equal (flux_conf_update (conf, "{\"t\":{\"u\":{\"b\":2}}}", &err), 0);
    assert_int_equal (flux_conf_update (conf, "[x]\ni = 3\n", &err), 0);
    put ("f.json", "{\"eq\":\"a=b\"}");
    assert_int_equal (flux_conf_update (conf, file ("f.json"), &err), 0);
    drop ("f.json");
    assert_int_equal (flux_conf_unpack (conf, &err, "{s:{s:{s:i s:i} s:s} s:{s:i} s:s}",
                                        "t", "u", "a", &a, "b", &b, "s", &s,
                                        "x", "i", &i, "eq", &s), 0);
    assert_int_equal (a + b + i, 6);
    assert_int_equal (flux_conf_update (conf, "t.s.deeper=1", &err), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_conf_update (conf, "=1", &err), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_conf_update (conf, "a..b=1", &err), -1);
    assert_int_equal (flux_conf_update (conf, "new.a.=1", &err), -1);
    assert_int_equal (flux_conf_unpack (conf, NULL, "{s:o}", "new", &s), -1); // no trace
    assert_int_equal (flux_conf_update (conf, "{", &err), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_conf_update (conf, "[x\n", &err), -1);
    assert_int_equal (flux_conf_update (conf, "/nonexistent.toml", &err), -1);
    assert_int_equal (errno, ENOENT);
    flux_conf_decref (conf);
}

static void of_a_handle (void **state)
{
    flux_t *h = flux_open ("loop://", 0);
    const flux_conf_t *conf;
    flux_conf_t *set = flux_conf_pack ("{s:i}", "a", 1);
    int a;

    assert_non_null ((conf = flux_get_conf (h)));
    assert_int_equal (flux_conf_unpack (conf, &err, "{s:i}", "a", &a), -1);
    assert_ptr_equal (flux_get_conf (h), conf);
    assert_int_equal (flux_set_conf_new (h, set), 0);
    assert_ptr_equal (flux_get_conf (h), set);
    assert_null (flux_get_conf (NULL));
    assert_int_equal (errno, EINVAL);
    flux_close (h);
}

static const char *const keys[] = {
    "bindir", "cmdhelp_pattern", "confdir", "connector_path", "datadir", "exec_path",
    "jobtap_pluginpath", "libexecdir", "lua_cpath_add", "lua_path_add", "man_path",
    "module_path", "no_docs_path", "pmi_library_path", "python_path", "rc1_path",
    "rc3_path", "rundir", "shell_initrc", "shell_path", "shell_pluginpath",
    "upmi_pluginpath",
};

static void builtin (void **state)
{
    const char *s;

    for (size_t i = 0; i < sizeof (keys) / sizeof (keys[0]); i++) {
        assert_non_null (flux_conf_builtin_get (keys[i], FLUX_CONF_INSTALLED));
        assert_non_null (flux_conf_builtin_get (keys[i], FLUX_CONF_INTREE));
        s = flux_conf_builtin_get (keys[i], FLUX_CONF_AUTO);
        assert_non_null (s);
        assert_null (strchr (s, '$'));
        assert_ptr_equal (s, flux_conf_builtin_get (keys[i], FLUX_CONF_AUTO));
    }
    assert_null (flux_conf_builtin_get ("nope", FLUX_CONF_AUTO));
    assert_null (flux_conf_builtin_get (NULL, FLUX_CONF_AUTO));
}

/* This test runs from the build directory. */
static void builtin_in_tree (void **state)
{
    char path[4096];
    const char *exec_path = flux_conf_builtin_get ("exec_path", FLUX_CONF_AUTO);

    assert_ptr_equal (exec_path, flux_conf_builtin_get ("exec_path", FLUX_CONF_INTREE));
    snprintf (path, sizeof (path), "%s/build.ninja", exec_path);
    assert_int_equal (access (path, F_OK), 0);
    assert_string_not_equal (exec_path,
                             flux_conf_builtin_get ("exec_path", FLUX_CONF_INSTALLED));
}

static void version (void **state)
{
    int major, minor, patch;
    char s[64];

    assert_int_equal (flux_core_version (&major, &minor, &patch), FLUX_CORE_VERSION_HEX);
    snprintf (s, sizeof (s), "%d.%d.%d", major, minor, patch);
    assert_string_equal (s, flux_core_version_string ());
    assert_int_equal (flux_core_version (NULL, NULL, NULL), FLUX_CORE_VERSION_HEX);
}

static void error_texts (void **state)
{
    assert_string_equal (flux_strerror (ENOENT), "No such file or directory");
    assert_string_equal (flux_strerror (0), "Success");
    assert_string_equal (flux_strerror (123456), "Unknown error 123456");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (pack_and_unpack),
        cmocka_unit_test (bad_input),
        cmocka_unit_test (parse_directory),
        cmocka_unit_test (parse_file),
        cmocka_unit_test (update),
        cmocka_unit_test (of_a_handle),
        cmocka_unit_test (builtin),
        cmocka_unit_test (builtin_in_tree),
        cmocka_unit_test (version),
        cmocka_unit_test (error_texts),
    };
    return cmocka_run_group_tests (tests, group_setup, group_teardown);
}
