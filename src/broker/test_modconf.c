/* test_modconf.c - which modules are loaded, with what, in what order
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "broker/modconf.h"

static const struct builtin kvs = { .name = "kvs" };
static const struct builtin core = { .name = "rexec", .flags = BUILTIN_CORE };
static const struct builtin jobs = { .name = "jobs", .flags = BUILTIN_RANK0 };
static const struct builtin simple = { .name = "sched-simple", .flags = BUILTIN_RANK0,
                                       .services = "sched feasibility" };
static const struct builtin graph = { .name = "sched-graph", .services = "sched",
                                      .requires = "graph-store",
                                      .flags = BUILTIN_RANK0 | BUILTIN_NODEFAULT };
/* one that the graph scheduler loads along, and one that goes with it */
static const struct builtin store = { .name = "graph-store", .flags = BUILTIN_RANK0,
                                      .needs = "sched-graph" };
static const struct builtin check_builtin = { .name = "graph-check", .flags = BUILTIN_RANK0,
                                              .services = "feasibility",
                                              .needs = "sched-graph" };
static const struct builtin *const table[] = { &core, &kvs, &jobs, &simple, &store,
                                              &graph, &check_builtin, NULL };

static struct attrs *attrs;

/* Names of the plan, "a b c", for free(); or the error with a '!'. */
static char *plan_of (const char *json, uint32_t rank, const char *const *names)
{
    flux_conf_t *conf = NULL;
    struct modconf_args args = { .builtins = table, .attrs = attrs, .path = "", .rank = rank };
    struct modconf *mc;
    flux_error_t err;
    json_t *plan = NULL, *e, *o = json ? json_loads (json, 0, NULL) : NULL;
    char text[512] = "";
    size_t i;

    if (json) {
        assert_non_null (o);
        assert_non_null (conf = flux_conf_pack ("{s:O}", "modules", o));
        args.conf = conf;
    }
    mc = modconf_new (&args, &err);
    if (!mc || !(plan = modconf_plan (mc, names, &err))) {
        assert_int_not_equal (errno, 0);
        snprintf (text, sizeof (text), "!%s", err.text);
    }
    json_array_foreach (plan, i, e)
        snprintf (text + strlen (text), sizeof (text) - strlen (text), "%s%s", i ? " " : "",
                  json_string_value (json_object_get (e, "name")));
    json_decref (plan);
    json_decref (o);
    modconf_free (mc);
    flux_conf_decref (conf);
    return strdup (text);
}

static void check (const char *json, uint32_t rank, const char *expected)
{
    char *s = plan_of (json, rank, NULL);

    assert_string_equal (s, expected);
    free (s);
}

/* The error names the place. */
static void refused (const char *json, const char *part)
{
    char *s = plan_of (json, 0, NULL);

    assert_int_equal (s[0], '!');
    assert_non_null (strstr (s, part));
    free (s);
}

static void defaults (void **state)
{
    check (NULL, 0, "kvs jobs sched-simple");
    check (NULL, 1, "kvs");
    check ("{}", 0, "kvs jobs sched-simple");
}

static void changes (void **state)
{
    check ("{\"jobs\":{\"disabled\":true}}", 0, "kvs sched-simple");
    check ("{\"jobs\":{\"ranks\":\">0\"}}", 0, "kvs sched-simple");
    check ("{\"jobs\":{\"ranks\":\">0\"}}", 7, "kvs jobs");
    check ("{\"jobs\":{\"ranks\":\"<2\"}}", 1, "kvs jobs");
    check ("{\"jobs\":{\"ranks\":\"3,5-7\"}}", 6, "kvs jobs");
    check ("{\"mine\":{\"module\":\"/x.so\"}}", 3, "kvs mine");
    check ("{\"mine\":{\"module\":\"/x.so\",\"disabled\":true}}", 3, "kvs");
    check ("{\"unknown\":{\"disabled\":true}}", 3, "kvs");
}

static void alternatives (void **state)
{
    check ("{\"alternatives\":{\"sched\":\"sched-graph\"}}", 0,
           "kvs jobs graph-store sched-graph graph-check");
    check ("{\"sched-graph\":{\"disabled\":false}}", 0,
           "kvs jobs graph-store sched-graph graph-check");
    check ("{\"sched-graph\":{\"disabled\":false,\"priority\":1}}", 0, "kvs jobs sched-simple");
    check ("{\"mine\":{\"module\":\"/x.so\",\"provides\":[\"sched\"]}}", 0, "kvs jobs mine");
    refused ("{\"alternatives\":{\"sched\":\"nosuch\"}}", "alternatives.sched");
    refused ("{\"alternatives\":{\"sched\":1}}", "alternatives.sched");
    refused ("{\"alternatives\":\"sched\"}", "alternatives");
}

static void order (void **state)
{
    check ("{\"kvs\":{\"after\":[\"jobs\"]}}", 0, "jobs kvs sched-simple");
    check ("{\"kvs\":{\"after\":[\"sched\"]}}", 0, "sched-simple kvs jobs");
    check ("{\"kvs\":{\"after\":[\"not-there\"]}}", 0, "kvs jobs sched-simple");
    check ("{\"kvs\":{\"requires\":[\"jobs\"]}, \"jobs\":{\"disabled\":true}}", 0,
           "kvs jobs sched-simple");
    refused ("{\"kvs\":{\"after\":[\"jobs\"]},\"jobs\":{\"after\":[\"kvs\"]}}", "after itself");
    refused ("{\"kvs\":{\"requires\":[\"no\"]}}", "requires no");
}

static void needs (void **state)
{
    check ("{\"jobs\":{\"needs-attrs\":[\"no\"]}}", 0, "kvs sched-simple");
    check ("{\"jobs\":{\"needs-attrs\":[\"test.yes\"]}}", 0, "kvs jobs sched-simple");
    check ("{\"jobs\":{\"needs-config\":[\"modules.jobs\"]}}", 0, "kvs jobs sched-simple");
    check ("{\"jobs\":{\"needs-config\":[\"modules.x.y\"]}}", 0, "kvs sched-simple");
    check ("{\"jobs\":{\"needs-env\":[\"NO_SUCH_VARIABLE\"]}}", 0, "kvs sched-simple");
    check ("{\"jobs\":{\"needs\":[\"kvs\"]},\"kvs\":{\"disabled\":true}}", 0, "sched-simple");
    /* what goes with a scheduler: without it not; on other ranks if it is told to */
    check ("{\"graph-check\":{\"ranks\":\"0,3\"}}", 3, "kvs");
    check ("{\"graph-check\":{\"ranks\":\"0,3\"},\"alternatives\":{\"sched\":\"sched-graph\"}}",
           3, "kvs graph-check");
    check ("{\"feasibility\":{\"ranks\":\"3\"},\"alternatives\":{\"sched\":\"sched-graph\"}}",
           3, "kvs graph-check");
    check ("{\"sched\":{\"ranks\":\"3\"}}", 3, "kvs sched-simple");
    /* modules that need one another: no end, no crash */
    check ("{\"jobs\":{\"needs\":[\"kvs\"]},\"kvs\":{\"needs\":[\"jobs\"]}}", 0, "sched-simple");
}

static void named (void **state)
{
    const char *sched[] = { "sched", NULL };
    const char *disabled[] = { "sched-graph", NULL };
    const char *none[] = { "nosuch", NULL };
    char *s;

    s = plan_of (NULL, 0, sched);
    assert_string_equal (s, "sched-simple");
    free (s);
    s = plan_of (NULL, 0, disabled);
    assert_string_equal (s, "graph-store sched-graph");
    free (s);
    s = plan_of (NULL, 0, none);
    assert_non_null (strstr (s, "!no module is called nosuch"));
    free (s);
}

static void bad (void **state)
{
    refused ("{\"kvs\":1}", "modules.kvs");
    refused ("{\"kvs\":{\"color\":\"red\"}}", "modules.kvs.color");
    refused ("{\"kvs\":{\"args\":\"x\"}}", "modules.kvs.args");
    refused ("{\"kvs\":{\"args\":[1]}}", "modules.kvs.args");
    refused ("{\"kvs\":{\"ranks\":\"x\"}}", "modules.kvs.ranks");
    refused ("{\"kvs\":{\"ranks\":\">-1\"}}", "modules.kvs.ranks");
    refused ("{\"kvs\":{\"ranks\":\">99999999999\"}}", "modules.kvs.ranks");
    refused ("{\"kvs\":{\"priority\":\"1\"}}", "modules.kvs.priority");
    refused ("{\"kvs\":{\"exec\":1}}", "modules.kvs.exec");
    refused ("{\"nosuch\":{\"ranks\":\"0\"}}", "modules.nosuch");
    refused ("[]", "modules");
}

static int setup (void **state)
{
    unsetenv ("FLUX_MODULE_PATH");
    unsetenv ("FLUX_MODPROBE_PATH_APPEND");
    attrs = attrs_new ();
    return attrs ? attrs_set (attrs, "test.yes", "1", 0) : -1;
}

static int teardown (void **state)
{
    attrs_free (attrs);
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (defaults), cmocka_unit_test (changes),
        cmocka_unit_test (alternatives), cmocka_unit_test (order),
        cmocka_unit_test (needs), cmocka_unit_test (named), cmocka_unit_test (bad),
    };

    return cmocka_run_group_tests (tests, setup, teardown);
}
