/* test_command.c - flux_cmd_t */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <flux/core/command.h>

#include "core/command_private.h"

static char *av[] = { "prog", "-x", "a b", NULL };
static char *env[] = { "PATH=/bin", "EMPTY=", "NOTAVAR", "X=a=b", NULL };

static void test_argv (void **state)
{
    flux_cmd_t *cmd = flux_cmd_create (3, av, NULL);
    char *s;

    assert_non_null (cmd);
    assert_int_equal (flux_cmd_argc (cmd), 3);
    assert_string_equal (flux_cmd_arg (cmd, 2), "a b");
    errno = 0;
    assert_null (flux_cmd_arg (cmd, 3));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_cmd_arg (cmd, -1));

    assert_int_equal (flux_cmd_argv_append (cmd, "end"), 0);
    assert_int_equal (flux_cmd_argv_appendf (cmd, "%d", 42), 0);
    assert_int_equal (flux_cmd_argv_insert (cmd, 0, "first"), 0);
    assert_int_equal (flux_cmd_argv_insert (cmd, 7, "no"), -1);
    assert_int_equal (flux_cmd_argv_insert (cmd, 6, "last"), 0);
    assert_int_equal (flux_cmd_argv_delete (cmd, 7), -1);
    assert_int_equal (flux_cmd_argv_delete (cmd, 2), 0);
    s = flux_cmd_stringify (cmd);
    assert_string_equal (s, "first prog a b end 42 last");
    free (s);
    for (int i = 0; i < 6; i++)
        assert_string_equal (cmd_argv (cmd)[i], flux_cmd_arg (cmd, i));
    assert_null (cmd_argv (cmd)[6]);
    flux_cmd_destroy (cmd);

    cmd = flux_cmd_create (0, NULL, NULL);
    assert_non_null (cmd);
    assert_null (cmd_argv (cmd)[0]);
    assert_null (cmd_env (cmd)[0]);
    s = flux_cmd_stringify (cmd);
    assert_string_equal (s, "");
    free (s);
    flux_cmd_destroy (cmd);
    assert_null (flux_cmd_create (1, NULL, NULL));
    assert_null (flux_cmd_create (-1, av, NULL));
    flux_cmd_destroy (NULL);
}

static void test_env (void **state)
{
    flux_cmd_t *cmd = flux_cmd_create (3, av, env);

    assert_string_equal (flux_cmd_getenv (cmd, "PATH"), "/bin");
    assert_string_equal (flux_cmd_getenv (cmd, "EMPTY"), "");
    assert_string_equal (flux_cmd_getenv (cmd, "X"), "a=b");
    assert_null (flux_cmd_getenv (cmd, "PAT"));
    assert_null (flux_cmd_getenv (cmd, "NOTAVAR"));
    errno = 0;
    assert_int_equal (flux_cmd_setenvf (cmd, 0, "PATH", "x"), -1);
    assert_int_equal (errno, EEXIST);
    assert_string_equal (flux_cmd_getenv (cmd, "PATH"), "/bin");
    assert_int_equal (flux_cmd_setenvf (cmd, 1, "PATH", "/%s", "usr"), 0);
    assert_string_equal (flux_cmd_getenv (cmd, "PATH"), "/usr");
    assert_int_equal (flux_cmd_setenvf (cmd, 0, "NEW", "%d", 1), 0);
    assert_int_equal (flux_cmd_setenvf (cmd, 1, "A=B", "x"), -1);
    assert_int_equal (flux_cmd_setenvf (cmd, 1, "", "x"), -1);
    flux_cmd_unsetenv (cmd, "EMPTY");
    assert_null (flux_cmd_getenv (cmd, "EMPTY"));
    flux_cmd_unsetenv (cmd, "EMPTY");
    assert_int_equal (flux_cmd_env_replace (cmd, NULL), 0);
    assert_null (flux_cmd_getenv (cmd, "NEW"));
    assert_int_equal (flux_cmd_env_replace (cmd, env), 0);
    assert_string_equal (flux_cmd_getenv (cmd, "PATH"), "/bin");
    flux_cmd_destroy (cmd);
}

static void test_rest (void **state)
{
    flux_cmd_t *cmd = flux_cmd_create (3, av, env);
    const char *uri;

    assert_null (flux_cmd_getcwd (cmd));
    assert_int_equal (flux_cmd_setcwd (cmd, NULL), -1);
    assert_int_equal (flux_cmd_setcwd (cmd, "/tmp"), 0);
    assert_string_equal (flux_cmd_getcwd (cmd), "/tmp");
    assert_int_equal (flux_cmd_set_label (cmd, ""), -1);
    assert_int_equal (flux_cmd_set_label (cmd, "foo"), 0);
    assert_string_equal (flux_cmd_get_label (cmd), "foo");
    assert_int_equal (flux_cmd_set_label (cmd, NULL), 0);
    assert_null (flux_cmd_get_label (cmd));

    assert_int_equal (flux_cmd_add_channel (cmd, "stdin"), -1);
    assert_int_equal (flux_cmd_add_channel (cmd, "a=b"), -1);
    assert_int_equal (flux_cmd_add_channel (cmd, "CH"), 0);
    errno = 0;
    assert_int_equal (flux_cmd_add_channel (cmd, "CH"), -1);
    assert_int_equal (errno, EEXIST);
    assert_int_equal (flux_cmd_add_message_channel (cmd, "CH", "u://"), -1);
    assert_int_equal (flux_cmd_add_message_channel (cmd, "MSG", "u://"), 0);
    assert_int_equal (flux_cmd_add_message_channel (cmd, "MSG2", ""), -1);
    assert_string_equal (cmd_channel (cmd, 0), "CH");
    assert_null (cmd_channel (cmd, 1));
    assert_string_equal (cmd_msgchan (cmd, 0, &uri), "MSG");
    assert_string_equal (uri, "u://");
    assert_null (cmd_msgchan (cmd, 1, NULL));

    assert_int_equal (flux_cmd_setopt (cmd, "stdout_LINE_BUFFER", "false"), 0);
    assert_string_equal (flux_cmd_getopt (cmd, "stdout_LINE_BUFFER"), "false");
    assert_string_equal (cmd_stream_opt (cmd, "stdout", "LINE_BUFFER"), "false");
    assert_null (cmd_stream_opt (cmd, "stderr", "LINE_BUFFER"));
    assert_null (cmd_stream_opt (cmd, "std", "out_LINE_BUFFER"));
    assert_null (flux_cmd_getopt (cmd, "stdout"));
    flux_cmd_destroy (cmd);
}

static void check_same (const flux_cmd_t *a, const flux_cmd_t *b)
{
    json_t *ja = cmd_to_json (a), *jb = cmd_to_json (b);

    assert_non_null (ja);
    assert_true (json_equal (ja, jb));
    json_decref (ja);
    json_decref (jb);
}

static void test_json (void **state)
{
    flux_cmd_t *cmd = flux_cmd_create (3, av, env);
    flux_cmd_t *cpy;
    flux_error_t err;
    json_t *o;

    flux_cmd_setcwd (cmd, "/");
    flux_cmd_set_label (cmd, "l");
    flux_cmd_setopt (cmd, "o", "v");
    flux_cmd_add_channel (cmd, "CH");
    flux_cmd_add_message_channel (cmd, "M", "u://x");
    cpy = flux_cmd_copy (cmd);
    check_same (cmd, cpy);
    flux_cmd_destroy (cpy);
    o = cmd_to_json (cmd);
    cpy = cmd_from_json (o, &err);
    assert_non_null (cpy);
    check_same (cmd, cpy);
    assert_string_equal (flux_cmd_getenv (cpy, "X"), "a=b");
    flux_cmd_destroy (cpy);
    json_decref (o);

    /* not UTF-8: a variable is dropped, an argument is an error */
    flux_cmd_setenvf (cmd, 1, "BAD", "\xff");
    o = cmd_to_json (cmd);
    assert_non_null (o);
    assert_null (json_object_get (json_object_get (o, "env"), "BAD"));
    json_decref (o);
    flux_cmd_argv_append (cmd, "\xff");
    assert_null (cmd_to_json (cmd));
    flux_cmd_destroy (cmd);
}

static void test_json_bad (void **state)
{
    static const char *bad[] = {
        "[]",
        "{}",
        "{\"cmdline\":[],\"env\":{},\"opts\":{},\"channels\":[]}",
        "{\"cmdline\":[1],\"env\":{},\"opts\":{},\"channels\":[]}",
        "{\"cmdline\":[\"a\"],\"env\":[],\"opts\":{},\"channels\":[]}",
        "{\"cmdline\":[\"a\"],\"env\":{\"A\":1},\"opts\":{},\"channels\":[]}",
        "{\"cmdline\":[\"a\"],\"env\":{\"A=B\":\"\"},\"opts\":{},\"channels\":[]}",
        "{\"cmdline\":[\"a\"],\"env\":{},\"channels\":[]}",
        "{\"cmdline\":[\"a\"],\"env\":{},\"opts\":{},\"channels\":[\"stdin\"]}",
        "{\"cmdline\":[\"a\"],\"env\":{},\"opts\":{},\"channels\":[\"A\",\"A\"]}",
        "{\"cmdline\":[\"a\"],\"env\":{},\"opts\":{},\"channels\":[],\"cwd\":1}",
        "{\"cmdline\":[\"a\"],\"env\":{},\"opts\":{},\"channels\":[],\"label\":\"\"}",
        "{\"cmdline\":[\"a\"],\"env\":{},\"opts\":{},\"channels\":[],"
            "\"msgchans\":[{\"name\":\"A\"}]}",
        "{\"cmdline\":[\"a\\u0000b\"],\"env\":{},\"opts\":{},\"channels\":[]}",
    };
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        flux_error_t err = { "" };
        json_t *o = json_loads (bad[i], JSON_ALLOW_NUL, NULL);

        assert_non_null (o);
        errno = 0;
        assert_null (cmd_from_json (o, &err));
        assert_int_equal (errno, EPROTO);
        assert_true (strlen (err.text) > 0);
        json_decref (o);
    }
    assert_null (cmd_from_json (NULL, NULL));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_argv),
        cmocka_unit_test (test_env),
        cmocka_unit_test (test_rest),
        cmocka_unit_test (test_json),
        cmocka_unit_test (test_json_bad),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
