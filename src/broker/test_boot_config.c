#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "broker/boot_config.h"

#define KEYS "curve\n" \
    " public-key = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\n" \
    " secret-key = \"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\"\n"

static char path[] = "/tmp/test-boot-XXXXXX";

static int make_cert (void **state)
{
    int fd = mkstemp (path);

    return fd >= 0 && write (fd, KEYS, strlen (KEYS)) > 0 && close (fd) == 0 ? 0 : -1;
}

static int remove_cert (void **state)
{
    return unlink (path) < 0 && errno != ENOENT ? -1 : 0;
}

/* [bootstrap] with the certificate and 'toml'. */
static flux_conf_t *conf_of (const char *toml)
{
    flux_conf_t *conf = flux_conf_create ();
    flux_error_t err;
    char *s;

    assert_true (asprintf (&s, "[bootstrap]\ncurve_cert = \"%s\"\n%s", path, toml) > 0);
    assert_int_equal (flux_conf_update (conf, s, &err), 0);
    free (s);
    return conf;
}

static void is (char *got, const char *want)
{
    assert_non_null (got);
    assert_string_equal (got, want);
    free (got);
}

static void test_addresses (void **state)
{
    flux_conf_t *conf = conf_of ("default_port = 8050\n"
                                 "default_bind = \"tcp://en0:%p\"\n"
                                 "default_connect = \"tcp://e%h:%p\"\n"
                                 "enable_ipv6 = true\n"
                                 "hosts = [{ host = \"test0\", bind = \"tcp://en4:9001\","
                                 " connect = \"tcp://mgmt:9001\" },"
                                 " { host = \"test[1-255]\" }, { host = \"test[7,0]\","
                                 " connect = \"tcp://x:1\" }]\n");
    struct boot_info info;
    flux_error_t err;
    struct boot_config *bc = boot_config_new (conf, "test255", &info, &err);

    assert_non_null (bc);
    assert_int_equal (info.rank, 255);
    assert_int_equal (info.size, 256);
    assert_string_equal (info.method, "config");
    assert_true (boot_config_ipv6 (bc));
    assert_string_equal (boot_config_hostlist (bc), "test[0-255]");
    assert_string_equal (boot_config_host (bc, 3), "test3");
    is (boot_config_bind (bc, 0, &err), "tcp://en4:9001");
    is (boot_config_connect (bc, 0, &err), "tcp://mgmt:9001");
    is (boot_config_bind (bc, 9, &err), "tcp://en0:8050");
    is (boot_config_connect (bc, 9, &err), "tcp://etest9:8050");
    is (boot_config_connect (bc, 7, &err), "tcp://x:1");
    boot_config_free (bc);
    flux_conf_decref (conf);
}

static void test_alone (void **state)
{
    flux_conf_t *conf = flux_conf_pack ("{s:{}}", "bootstrap");
    struct boot_info info;
    flux_error_t err;
    struct boot_config *bc = boot_config_new (conf, "foo", &info, &err);

    assert_non_null (bc);
    assert_int_equal (info.size, 1);
    assert_string_equal (boot_config_hostlist (bc), "foo");
    assert_null (boot_config_cert (bc));
    boot_config_free (bc);
    assert_true (boot_config_wanted (conf, NULL));
    assert_true (boot_config_wanted (conf, "config"));
    assert_false (boot_config_wanted (conf, "single"));
    flux_conf_decref (conf);
    conf = flux_conf_create ();
    assert_false (boot_config_wanted (conf, NULL));
    assert_null (boot_config_new (conf, "foo", &info, &err));
    flux_conf_decref (conf);
}

static void fails (const char *toml, const char *host, const char *why)
{
    flux_conf_t *conf = conf_of (toml);
    struct boot_info info;
    flux_error_t err = { .text = "" };

    errno = 0;
    assert_null (boot_config_new (conf, host, &info, &err));
    assert_true (errno > 0);
    if (!strstr (err.text, why))
        fail_msg ("'%s' is not about '%s'", err.text, why);
    flux_conf_decref (conf);
}

static void test_bad_table (void **state)
{
    fails ("hosts = [{ host = \"a\" }, { host = \"b\" }]", "c", "this host, c, is not in");
    fails ("hosts = 1", "a", "not an array");
    fails ("hosts = [1]", "a", "hosts[0] is not a table");
    fails ("hosts = [{ bind = \"tcp://*:1\" }]", "a", "hosts[0] has no key host");
    fails ("hosts = [{ host = \"a\", port = \"1\" }]", "a", "hosts[0].port: unknown key");
    fails ("hosts = [{ host = 3 }]", "a", "hosts[0].host is not a string");
    fails ("hosts = [{ host = \"a[1-\" }]", "a", "'a[1-' is not a host name");
    fails ("hosts = [{ host = \"\" }]", "a", "'' is not a host name");
    fails ("default_port = 65536", "a", "65536 is not a port");
    fails ("default_port = -1", "a", "-1 is not a port");
    fails ("defaultport = 1", "a", "defaultport");
    fails ("enable_ipv6 = 3", "a", "bootstrap.enable_ipv6 is not true or false");
}

static void test_bad_address (void **state)
{
    flux_conf_t *conf = conf_of ("hosts = [{ host = \"a\", bind = \"tcp://*:%p\" },"
                                 " { host = \"b\", bind = \"tcp://%x\" }]");
    struct boot_info info;
    flux_error_t err;
    struct boot_config *bc = boot_config_new (conf, "b", &info, &err);

    assert_non_null (bc);
    assert_null (boot_config_bind (bc, 0, &err));
    assert_non_null (strstr (err.text, "no default_port"));
    assert_null (boot_config_bind (bc, 1, &err));
    assert_non_null (strstr (err.text, "only %h and %p"));
    assert_null (boot_config_connect (bc, 0, &err));
    assert_non_null (strstr (err.text, "default_connect"));
    boot_config_free (bc);
    flux_conf_decref (conf);
}

static void test_bad_cert (void **state)
{
    assert_int_equal (chmod (path, 0640), 0);
    fails ("hosts = [{ host = \"a\" }]", "a", "others can use it (mode 0640)");
    assert_int_equal (chmod (path, 0400), 0);
    if (getuid () == 0) {
        assert_int_equal (chown (path, 1, 0), 0);
        fails ("", "a", "belongs to user 1");
        assert_int_equal (chown (path, 0, 0), 0);
    }
    assert_int_equal (chmod (path, 0600), 0);
    assert_int_equal (truncate (path, 30), 0);
    fails ("", "a", "line 2");
    assert_int_equal (unlink (path), 0);
    fails ("", "a", "No such file");
    assert_int_equal (mkdir (path, 0700), 0);
    fails ("", "a", "not a file");
    assert_int_equal (rmdir (path), 0);
}

static void test_cert_is_needed (void **state)
{
    flux_conf_t *conf = flux_conf_pack ("{s:{s:[{s:s}]}}", "bootstrap", "hosts", "host",
                                        "a[1-2]");
    struct boot_info info;
    flux_error_t err;

    assert_null (boot_config_new (conf, "a1", &info, &err));
    assert_non_null (strstr (err.text, "curve_cert is not set"));
    flux_conf_decref (conf);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_addresses),
        cmocka_unit_test (test_alone),
        cmocka_unit_test (test_bad_table),
        cmocka_unit_test (test_bad_address),
        cmocka_unit_test (test_cert_is_needed),
        cmocka_unit_test (test_bad_cert),
    };
    return cmocka_run_group_tests (tests, make_cert, remove_cert);
}
