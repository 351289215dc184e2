/* test_plugin.c - plugins, their handlers and arguments
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <flux/core.h>

static char dso[4096]; /* beside this program */
static int calls;
static void *last_data;
static const char *last_topic;

static int handler (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    calls++;
    last_data = data;
    last_topic = topic;
    return 0;
}

static int other (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    return 7;
}

static int failing (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    errno = EIO;
    return -1;
}

static int removes_itself (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                           void *data)
{
    calls++;
    return flux_plugin_remove_handler (p, topic);
}

static int count_free;

static void counted (void *arg)
{
    count_free++;
}

static void handlers (void **state)
{
    flux_plugin_t *p = flux_plugin_create ();
    int a, b;

    calls = 0;
    assert_non_null (p);
    assert_int_equal (flux_plugin_call (p, "job.new", NULL), 0);
    assert_int_equal (flux_plugin_add_handler (p, "job.*", handler, &a), 0);
    assert_int_equal (flux_plugin_add_handler (p, "*", other, &b), 0);
    assert_int_equal (flux_plugin_call (p, "job.new", NULL), 1);
    assert_int_equal (calls, 1);
    assert_ptr_equal (last_data, &a);
    assert_string_equal (last_topic, "job.new");
    assert_int_equal (flux_plugin_call (p, "else", NULL), 1);
    assert_int_equal (calls, 1);
    assert_ptr_equal (flux_plugin_match_handler (p, "job.x"), handler);
    assert_ptr_equal (flux_plugin_match_handler (p, "x"), other);
    assert_ptr_equal (flux_plugin_get_handler (p, "job.*"), handler);
    assert_null (flux_plugin_get_handler (p, "job.x"));
    assert_int_equal (flux_plugin_add_handler (p, "job.*", failing, &b), 0);
    errno = 0;
    assert_int_equal (flux_plugin_call (p, "job.new", NULL), -1);
    assert_int_equal (errno, EIO);
    assert_int_equal (flux_plugin_add_handler (p, "job.*", NULL, NULL), 0);
    assert_ptr_equal (flux_plugin_match_handler (p, "job.x"), other);
    assert_int_equal (flux_plugin_remove_handler (p, "nope"), 0);
    assert_int_equal (flux_plugin_remove_handler (p, "*"), 0);
    assert_int_equal (flux_plugin_add_handler (p, "once", removes_itself, NULL), 0);
    assert_int_equal (flux_plugin_call (p, "once", NULL), 1);
    assert_int_equal (flux_plugin_call (p, "once", NULL), 0);
    flux_plugin_destroy (p);
}

static void names_and_conf (void **state)
{
    flux_plugin_t *p = flux_plugin_create ();
    flux_plugin_t *q = flux_plugin_create ();
    const struct flux_plugin_handler tab[] = {
        { "a", handler, NULL },
        { "b", other, NULL },
        { NULL, NULL, NULL },
    };
    int n;

    assert_null (flux_plugin_get_name (p));
    assert_null (flux_plugin_get_path (p));
    assert_int_equal (strlen (flux_plugin_get_uuid (p)), 36);
    assert_string_not_equal (flux_plugin_get_uuid (p), flux_plugin_get_uuid (q));
    assert_int_equal (flux_plugin_register (p, "me", tab), 0);
    assert_string_equal (flux_plugin_get_name (p), "me");
    assert_ptr_equal (flux_plugin_get_handler (p, "b"), other);
    assert_null (flux_plugin_get_conf (p));
    assert_int_equal (flux_plugin_conf_unpack (p, "{s:i}", "n", &n), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (flux_plugin_set_conf (p, "{\"n\": 3}"), 0);
    assert_string_equal (flux_plugin_get_conf (p), "{\"n\":3}");
    assert_int_equal (flux_plugin_conf_unpack (p, "{s:i}", "n", &n), 0);
    assert_int_equal (n, 3);
    assert_int_equal (flux_plugin_conf_unpack (p, "{s:s}", "n", &n), -1);
    assert_non_null (strstr (flux_plugin_strerror (p), "unpack"));
    assert_int_equal (flux_plugin_set_conf (p, "{"), -1);
    assert_non_null (strstr (flux_plugin_strerror (p), "parse error"));
    assert_string_equal (flux_plugin_get_conf (p), "{\"n\":3}");
    assert_int_equal (flux_plugin_set_conf (p, NULL), 0);
    assert_null (flux_plugin_get_conf (p));
    flux_plugin_destroy (p);
    flux_plugin_destroy (q);
}

static void aux (void **state)
{
    flux_plugin_t *p = flux_plugin_create ();
    int a, b;

    count_free = 0;
    assert_int_equal (flux_plugin_aux_set (p, "a", &a, counted), 0);
    assert_int_equal (flux_plugin_aux_set (p, NULL, &b, counted), 0);
    assert_ptr_equal (flux_plugin_aux_get (p, "a"), &a);
    assert_null (flux_plugin_aux_get (p, "b"));
    assert_int_equal (errno, ENOENT);
    flux_plugin_aux_delete_value (p, &b);
    assert_int_equal (count_free, 1);
    flux_plugin_destroy (p);
    assert_int_equal (count_free, 2);
}

static void load (void **state)
{
    flux_plugin_t *p = flux_plugin_create ();
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    const char *topic, *name;

    assert_int_equal (flux_plugin_load_dso (p, dso), 0);
    assert_string_equal (flux_plugin_get_name (p), "test_plugin_dso");
    assert_non_null (strstr (flux_plugin_get_path (p), "test_plugin_dso.so"));
    assert_int_equal (flux_plugin_call (p, "hello.you", args), 1);
    assert_int_equal (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s:s s:s}",
                                              "topic", &topic, "name", &name), 0);
    assert_string_equal (topic, "hello.you");
    assert_string_equal (name, "test_plugin_dso");
    assert_int_equal (flux_plugin_load_dso (p, dso), -1);
    assert_int_equal (errno, EEXIST);
    flux_plugin_arg_destroy (args);
    flux_plugin_destroy (p);
}

static void load_fails (void **state)
{
    flux_plugin_t *p = flux_plugin_create ();

    assert_int_equal (flux_plugin_load_dso (p, "/nonexistent.so"), -1);
    assert_int_equal (errno, ENOENT);
    assert_non_null (strstr (flux_plugin_strerror (p), "/nonexistent.so"));
    assert_int_equal (flux_plugin_load_dso (p, "/etc/passwd"), -1);
    assert_non_null (strstr (flux_plugin_strerror (p), "dlopen"));
    assert_int_equal (flux_plugin_set_conf (p, "{\"fail\":true}"), 0);
    assert_int_equal (flux_plugin_set_flags (p, FLUX_PLUGIN_RTLD_NOW), 0);
    assert_int_equal (flux_plugin_get_flags (p), FLUX_PLUGIN_RTLD_NOW);
    assert_int_equal (flux_plugin_load_dso (p, dso), -1);
    assert_int_equal (errno, EPERM);
    assert_non_null (strstr (flux_plugin_strerror (p), "flux_plugin_init"));
    assert_int_equal (flux_plugin_set_flags (p, 0x100), -1);
    assert_int_equal (errno, EINVAL);
    flux_plugin_destroy (p);
}

static void bad_input (void **state)
{
    flux_plugin_t *p = flux_plugin_create ();

    assert_int_equal (flux_plugin_add_handler (NULL, "a", handler, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_plugin_add_handler (p, NULL, handler, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_plugin_call (p, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_plugin_call (NULL, "a", NULL), -1);
    assert_int_equal (flux_plugin_register (p, NULL, NULL), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_plugin_set_name (p, NULL), -1);
    assert_int_equal (flux_plugin_load_dso (p, NULL), -1);
    assert_int_equal (flux_plugin_load_dso (NULL, "x"), -1);
    assert_int_equal (flux_plugin_aux_set (NULL, "a", p, NULL), -1);
    assert_null (flux_plugin_aux_get (p, NULL));
    assert_null (flux_plugin_match_handler (p, NULL));
    assert_null (flux_plugin_get_name (NULL));
    assert_non_null (flux_plugin_strerror (NULL));
    flux_plugin_destroy (p);
    flux_plugin_destroy (NULL);
}

static void args_merge (void **state)
{
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    int a, b, c;
    char *s;

    assert_int_equal (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "a", &a), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (flux_plugin_arg_get (args, FLUX_PLUGIN_ARG_IN, &s), -1);
    assert_int_equal (errno, ENOENT);
    assert_int_equal (flux_plugin_arg_set (args, FLUX_PLUGIN_ARG_IN, "{\"a\":1}"), 0);
    assert_int_equal (flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:i s:{s:i}}",
                                            "b", 2, "o", "x", 1), 0);
    assert_int_equal (flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:i s:{s:i}}",
                                            "a", 3, "o", "y", 2), 0);
    assert_int_equal (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN,
                                              "{s:i s:i s:{s:i s:i}}", "a", &a, "b", &b,
                                              "o", "x", &c, "y", &c), 0);
    assert_int_equal (a, 3);
    assert_int_equal (b, 2);
    assert_int_equal (flux_plugin_arg_get (args, FLUX_PLUGIN_ARG_OUT, &s), -1);
    assert_int_equal (flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN | FLUX_PLUGIN_ARG_REPLACE,
                                            "{s:i}", "z", 1), 0);
    assert_int_equal (flux_plugin_arg_get (args, FLUX_PLUGIN_ARG_IN, &s), 0);
    assert_string_equal (s, "{\"z\":1}");
    free (s);
    assert_int_equal (flux_plugin_arg_set (args, FLUX_PLUGIN_ARG_IN, NULL), 0);
    assert_int_equal (flux_plugin_arg_get (args, FLUX_PLUGIN_ARG_IN, &s), -1);
    flux_plugin_arg_destroy (args);
}

static void args_refused (void **state)
{
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    char *s;
    int a;

    assert_int_equal (flux_plugin_arg_set (args, 0, "[1]"), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_plugin_arg_set (args, 0, "{"), -1);
    assert_int_equal (errno, EINVAL);
    assert_true (strlen (flux_plugin_arg_strerror (args)) > 0);
    assert_int_equal (flux_plugin_arg_set (args, 0x10, "{}"), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_plugin_arg_set (NULL, 0, "{}"), -1);
    assert_int_equal (flux_plugin_arg_pack (args, 0, "[i]", 1), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_plugin_arg_pack (args, 0, "{s:i", "n", 1), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_plugin_arg_get (args, 0, NULL), -1);
    assert_int_equal (flux_plugin_arg_set (args, 0, "{\"a\":\"x\"}"), 0);
    assert_int_equal (flux_plugin_arg_unpack (args, 0, "{s:i}", "a", &a), -1);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (flux_plugin_arg_get (args, 0, &s), 0);
    free (s);
    flux_plugin_arg_destroy (args);
    flux_plugin_arg_destroy (NULL);
}

static int find_dso (void **state)
{
    ssize_t n = readlink ("/proc/self/exe", dso, sizeof (dso) - 64);
    char *slash;

    if (n < 0 || !(slash = memrchr (dso, '/', n)))
        return -1;
    snprintf (slash, 64, "/test_plugin_dso.so");
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (handlers),
        cmocka_unit_test (names_and_conf),
        cmocka_unit_test (aux),
        cmocka_unit_test (load),
        cmocka_unit_test (load_fails),
        cmocka_unit_test (bad_input),
        cmocka_unit_test (args_merge),
        cmocka_unit_test (args_refused),
    };
    return cmocka_run_group_tests (tests, find_dso, NULL);
}
