/* test_rconfig.c - the [resource] and [fake-resources] tables
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/toml.h"
#include "modules/resource/inventory.h"
#include "modules/resource/rconfig.h"
#include "spec/rset.h"

static struct rconfig *parse (const char *toml, bool leader, flux_error_t *err)
{
    json_t *conf = toml_parse (toml, strlen (toml), NULL);
    struct rconfig *c;

    assert_non_null (conf);
    c = rconfig_parse (conf, leader, err);
    json_decref (conf);
    return c;
}

static void test_default (void **state)
{
    struct rconfig *c = parse ("", true, NULL);

    assert_non_null (c);
    assert_false (c->configured);
    assert_null (c->R);
    assert_null (c->exclude);
    assert_int_equal (c->journal_max, 100000);
    assert_true (c->history == 90 * 86400.);
    assert_int_equal (c->verify[VERIFY_HOSTNAME], VERIFY_STRICT);
    assert_int_equal (c->verify[VERIFY_CORE], VERIFY_ALLOW_EXTRA);
    assert_int_equal (c->verify[VERIFY_GPU], VERIFY_IGNORE);
    assert_false (c->verify_explicit);
    assert_false (rconfig_verify_nothing (c));
    assert_int_equal (inventory_discovery_needed (c, false), 1);
    assert_int_equal (inventory_discovery_needed (c, true), -1);
    assert_int_equal (c->fake.nnodes, 0);
    rconfig_free (c);
    assert_non_null ((c = rconfig_parse (NULL, true, NULL)));
    rconfig_free (c);
    rconfig_free (NULL);
}

static void check_R (const struct rset *R, const char *expect)
{
    char *s = rset_dumps (R);

    assert_string_equal (s, expect);
    free (s);
}

static void test_config (void **state)
{
    const char *toml =
        "[resource]\nexclude = \"test3\"\n"
        "[[resource.config]]\nhosts = \"test[1-4]\"\ncores = \"0-7\"\n"
        "[[resource.config]]\nhosts = \"test[1,2]\"\ngpus = \"0-1\"\n"
        "[[resource.config]]\nhosts = \"test[1-3]\"\nproperties = [\"batch\"]\n"
        "[[resource.config]]\nhosts = \"test4\"\ncores = \"0-3\"\n"
        "properties = [\"debug\", \"x@gpu\"]\n";
    struct rconfig *c = parse (toml, true, NULL);

    assert_non_null (c);
    assert_true (c->configured);
    check_R (c->R, "rank[0-1]/core[0-7],gpu[0-1] rank2/core[0-7] rank3/core[0-3]");
    assert_string_equal (rset_host (c->R, 3), "test4");
    assert_true (rset_has_property (c->R, 2, "batch"));
    assert_false (rset_has_property (c->R, 3, "batch"));
    assert_true (rset_has_property (c->R, 3, "debug"));
    assert_string_equal (c->exclude, "test3");
    assert_int_equal (inventory_discovery_needed (c, false), 1);
    assert_int_equal (inventory_discovery_needed (c, true), 0);
    rconfig_free (c);
    c = parse (toml, false, NULL);
    assert_true (c->configured);
    assert_null (c->R);
    rconfig_free (c);
}

static void test_verify (void **state)
{
    const struct {
        const char *toml;
        enum verify_mode hostname, core, gpu;
        bool is_explicit;
    } tests[] = {
        {"[resource]\nverify = true", VERIFY_STRICT, VERIFY_STRICT, VERIFY_STRICT, true},
        {"[resource]\nverify = false", VERIFY_IGNORE, VERIFY_IGNORE, VERIFY_IGNORE, true},
        {"[resource.verify]", VERIFY_STRICT, VERIFY_STRICT, VERIFY_STRICT, true},
        {"[resource.verify]\ngpu = \"ignore\"", VERIFY_STRICT, VERIFY_STRICT,
         VERIFY_IGNORE, true},
        {"[resource.verify]\ndefault = \"allow-missing\"\nhostname = \"strict\"",
         VERIFY_STRICT, VERIFY_ALLOW_MISSING, VERIFY_ALLOW_MISSING, true},
        {"[resource]\nnoverify = true\nverify = true", VERIFY_IGNORE, VERIFY_IGNORE,
         VERIFY_IGNORE, true},
        {"[resource]\nnoverify = false", VERIFY_STRICT, VERIFY_ALLOW_EXTRA,
         VERIFY_IGNORE, false},
    };

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        struct rconfig *c = parse (tests[i].toml, true, NULL);

        assert_non_null (c);
        assert_int_equal (c->verify[VERIFY_HOSTNAME], tests[i].hostname);
        assert_int_equal (c->verify[VERIFY_CORE], tests[i].core);
        assert_int_equal (c->verify[VERIFY_GPU], tests[i].gpu);
        assert_int_equal (c->verify_explicit, tests[i].is_explicit);
        rconfig_free (c);
    }
}

static void write_file (const char *path, const char *text)
{
    FILE *f = fopen (path, "w");

    assert_non_null (f);
    fputs (text, f);
    fclose (f);
}

static void test_path (void **state)
{
    char path[] = "/tmp/test_rconfig.XXXXXX";
    char toml[256];
    struct rconfig *c;
    flux_error_t err;

    close (mkstemp (path));
    write_file (path, "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0-1\","
                      "\"children\":{\"core\":\"0-3\"}}],\"nodelist\":[\"a,b\"]}}");
    snprintf (toml, sizeof (toml), "[resource]\npath = \"%s\"\n", path);
    assert_non_null ((c = parse (toml, true, &err)));
    check_R (c->R, "rank[0-1]/core[0-3]");
    rconfig_free (c);
    write_file (path, "{\"version\":1}");
    assert_null (parse (toml, true, &err));
    assert_non_null (strstr (err.text, "resource.path: "));
    assert_non_null (strstr (err.text, "execution"));
    unlink (path);
    assert_null (parse (toml, true, &err));
    /* other ranks do not read it */
    assert_non_null ((c = parse (toml, false, &err)));
    assert_true (c->configured);
    rconfig_free (c);
}

static void test_fake (void **state)
{
    struct rconfig *c = parse ("[fake-resources]\nnnodes = 3\ncores-per-node = 48\n"
                               "gpus-per-node = 4\nhost-prefix = \"node\"\n", true, NULL);
    struct rset *R = fake_resources_R (&c->fake, c->fake.cores, c->fake.gpus);

    check_R (R, "rank[0-2]/core[0-47],gpu[0-3]");
    assert_string_equal (rset_host (R, 2), "node2");
    assert_int_equal (inventory_discovery_needed (c, false), 0);
    rset_free (R);
    rconfig_free (c);
    c = parse ("[fake-resources]\nnnodes = 1\n", true, NULL);
    R = fake_resources_R (&c->fake, c->fake.cores, c->fake.gpus);
    check_R (R, "rank0/core[0-63]");
    assert_string_equal (rset_host (R, 0), "fake0");
    rset_free (R);
    rconfig_free (c);
}

static void test_history (void **state)
{
    struct rconfig *c = parse ("[resource]\nhistory = \"inf\"", true, NULL);

    assert_true (isinf (c->history));
    rconfig_free (c);
    c = parse ("[resource]\nhistory = \"30d\"\njournal-max = 10", true, NULL);
    assert_true (c->history == 30 * 86400.);
    assert_int_equal (c->journal_max, 10);
    rconfig_free (c);
}

static void test_invalid (void **state)
{
    const struct {
        const char *toml;
        const char *expect;
    } bad[] = {
        {"resource = 1", "resource:"},
        {"[resource]\nfoo = 1", "resource.foo"},
        {"[resource]\npath = 1", "resource.path"},
        {"[resource]\nexclude = [1]", "resource.exclude"},
        {"[resource]\nnorestrict = 1", "resource.norestrict"},
        {"[resource]\nnoverify = \"x\"", "resource.noverify"},
        {"[resource]\nrediscover = 1", "resource.rediscover"},
        {"[resource]\nverify = 1", "resource.verify"},
        {"[resource.verify]\nfoo = \"strict\"", "resource.verify.foo"},
        {"[resource.verify]\ncore = \"lax\"", "resource.verify.core"},
        {"[resource]\njournal-max = 0", "resource.journal-max"},
        {"[resource]\nhistory = \"x\"", "resource.history"},
        {"[resource]\nhistory = -1", "resource.history"},
        {"[resource]\nscheduling = \"/nonexistent\"", "resource.scheduling"},
        {"[resource]\nconfig = []", "resource.config"},
        {"[resource]\nconfig = [1]", "resource.config[0]"},
        {"[[resource.config]]\ncores = \"0\"", "resource.config[0].hosts"},
        {"[[resource.config]]\nhosts = \"a[\"", "resource.config[0].hosts"},
        {"[[resource.config]]\nhosts = \"a[0-99999999]\"", "resource.config[0].hosts"},
        {"[[resource.config]]\nhosts = \"a\"", "host a has no cores"},
        {"[[resource.config]]\nhosts = \"a\"\ncores = \"x\"", "resource.config[0].cores"},
        {"[[resource.config]]\nhosts = \"a\"\ncores = \"0\"\ngpus = 1",
         "resource.config[0].gpus"},
        {"[[resource.config]]\nhosts = \"a\"\ncores = \"0\"\nfoo = 1",
         "resource.config[0].foo"},
        {"[[resource.config]]\nhosts = \"a\"\ncores = \"0\"\nproperties = \"x\"",
         "resource.config[0].properties"},
        {"[[resource.config]]\nhosts = \"a\"\ncores = \"0\"\nproperties = [1]",
         "resource.config[0].properties[0]"},
        {"[[resource.config]]\nhosts = \"a\"\ncores = \"0\"\nproperties = [\"a|b\"]",
         "resource.config[0].properties[0]"},
        {"[fake-resources]\n", "fake-resources.nnodes"},
        {"[fake-resources]\nnnodes = 0", "fake-resources.nnodes"},
        {"[fake-resources]\nnnodes = 1\nfoo = 1", "fake-resources.foo"},
        {"[fake-resources]\nnnodes = 1\ncores-per-node = 0", "cores-per-node"},
        {"[fake-resources]\nnnodes = 1\namend-r = \"x.py\"", "amend-r"},
        {"[fake-resources]\nnnodes = 1\nhwloc-xml-path = \"/nonexistent\"",
         "hwloc-xml-path"},
    };

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        flux_error_t err = {0};

        errno = 0;
        if (parse (bad[i].toml, true, &err))
            fail_msg ("accepted: %s", bad[i].toml);
        assert_int_equal (errno, EINVAL);
        if (!strstr (err.text, bad[i].expect))
            fail_msg ("expected '%s', got '%s'", bad[i].expect, err.text);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_default),
        cmocka_unit_test (test_config),
        cmocka_unit_test (test_verify),
        cmocka_unit_test (test_path),
        cmocka_unit_test (test_fake),
        cmocka_unit_test (test_history),
        cmocka_unit_test (test_invalid),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
