/* test_shape.c - shapes against RFC 46: each must give the resources of the
 * same use case of RFC 14
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spec/shape.h"
#include "spec/yaml_test.h"

static void test_use_cases (void **state)
{
    const struct {
        const char *name;
        const char *shape;
    } tests[] = {
        {"1.1", "slot=4/node"},
        {"1.2", "slot=3-30/node"},
        {"1.3", "slot=4{nodelevel}/node{-x}/socket=2+/core=4+"},
        {"1.4", "slot=4{nodelevel}/node/socket=2/core=4"},
        {"1.5", "[cluster/slot=2{ib}/node/[memory=4{unit:GB};ib10g];"
                "switch/slot=2{bicore}/node/core=2]"},
        {"1.6", "cluster=2/slot/node=1+{-x}/core=30"},
        {"1.7", "switch=3/slot/node=1+{-x}/core"},
        {"1.8", "slot=4,9,16,25/node"},
        {"2.1", "slot=4/node"},
        {"2.3", "slot=10/core=2"},
        {"2.4", "node/[slot=10{read-db}/[core;memory=4{unit:GB}];"
                "slot{db}/[core=6;memory=24{unit:GB}]]"},
        {"2.5", "slot=10/[memory=2+{unit:GB};core]"},
        {"2.6", "slot=2{4GB-node}/node/memory=4+{unit:GB}"},
        {"2.7", "slot/node"},
    };

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        char path[512];
        flux_error_t err = {0};
        json_t *jobspec, *o;

        snprintf (path, sizeof (path), "%s/rfc/spec_14/use_case_%s.yaml",
                  FLUX_TEST_DATA, tests[i].name);
        assert_non_null ((jobspec = yaml_test_load (path)));
        if (!(o = shape_parse (tests[i].shape, &err)))
            fail_msg ("%s: %s", tests[i].shape, err.text);
        if (!json_equal (o, json_object_get (jobspec, "resources"))) {
            json_dumpf (o, stderr, 0);
            fail_msg ("%s does not give use case %s", tests[i].shape, tests[i].name);
        }
        json_decref (o);
        json_decref (jobspec);
    }
}

static void test_forms (void **state)
{
    const struct {
        const char *shape;
        const char *json;
    } tests[] = {
        {"core", "[{\"type\":\"core\",\"count\":1}]"},
        {"[core]", "[{\"type\":\"core\",\"count\":1}]"},
        {"core{}", "[{\"type\":\"core\",\"count\":1}]"},
        {" node = [2-4] { x , +y , -z } / core ",
         "[{\"type\":\"node\",\"count\":{\"min\":2,\"max\":4,\"operator\":\"+\","
         "\"operand\":1},\"exclusive\":true,\"y\":true,\"z\":false,"
         "\"with\":[{\"type\":\"core\",\"count\":1}]}]"},
        {"core=2+:2:*", "[{\"type\":\"core\",\"count\":{\"min\":2,\"operator\":\"*\","
                        "\"operand\":2}}]"},
        {"\"a b\"=[1,3]", "[{\"type\":\"a b\",\"count\":\"1,3\"}]"},
        {"a{x:false,id:\"1,2\",n:3,f:1.5,u:null,s:a-b,l:[1,{\"k\":2}],"
         "o:{+a,-b,c:d,\"x y\":{}}}",
         "[{\"type\":\"a\",\"count\":1,\"exclusive\":false,\"id\":\"1,2\",\"n\":3,"
         "\"f\":1.5,\"u\":null,\"s\":\"a-b\",\"l\":[1,{\"k\":2}],"
         "\"o\":{\"a\":true,\"b\":false,\"c\":\"d\",\"x y\":{}}}]"},
        {"slot{x,x}/a", "[{\"type\":\"slot\",\"count\":1,\"label\":\"x\","
                        "\"exclusive\":true,\"with\":[{\"type\":\"a\",\"count\":1}]}]"},
    };

    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        flux_error_t err = {0};
        json_t *o = shape_parse (tests[i].shape, &err);
        char *s;

        if (!o)
            fail_msg ("%s: %s", tests[i].shape, err.text);
        s = json_dumps (o, JSON_COMPACT);
        assert_string_equal (s, tests[i].json);
        free (s);
        json_decref (o);
    }
}

static void test_invalid (void **state)
{
    const char *bad[] = {
        "", "[", "[]", "]", "core=", "core=x", "core=0", "core=1-", "core=[1", "core=1]",
        "core{", "core{a", "core{a,", "core{a,}", "core{:1}", "core{a:}", "core{+a:1}",
        "core{a,a}", "core{count:2}", "core{type:x}", "core{with:x}", "core{a:[1}",
        "core{a:\"x}", "core/", "core/;", "core;core", "[core;]", "[core core]",
        "core core", "slot", "slot=4", "slot{}/core", "slot{a:1}/core",
        "slot{a,label:b}/core", "[slot/core;slot{a}/core]", "=4", "/core",
        "node/[core", "a\xff", "a{b:{c:{}", "core{x,exclusive:true}",
    };
    char deep[400];
    flux_error_t err;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        memset (&err, 0, sizeof (err));
        errno = 0;
        if (shape_parse (bad[i], &err))
            fail_msg ("'%s' was accepted", bad[i]);
        assert_int_equal (errno, EINVAL);
        assert_non_null (strstr (err.text, "column"));
    }
    assert_null (shape_parse (NULL, NULL));
    for (size_t i = 0; i + 1 < sizeof (deep); i += 2)
        memcpy (deep + i, "a/", 2);
    deep[sizeof (deep) - 1] = '\0';
    assert_null (shape_parse (deep, &err));
    memcpy (deep, "a{b", 3);
    for (size_t i = 3; i + 3 < sizeof (deep); i += 3)
        memcpy (deep + i, ":{b", 3);
    deep[sizeof (deep) - 1] = '\0';
    assert_null (shape_parse (deep, &err));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_use_cases),
        cmocka_unit_test (test_forms),
        cmocka_unit_test (test_invalid),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
