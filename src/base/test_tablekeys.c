/* test_tablekeys.c - keys of a table, and the types of their values
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/tablekeys.h"

#define KEYS "name:s count:i on:b list:a sub:t any"

static void accepts (const char *json)
{
    json_t *o = json_loads (json, JSON_DECODE_ANY, NULL);
    flux_error_t err;

    assert_non_null (o);
    if (tablekeys_check (o, "tab", KEYS, &err) < 0)
        fail_msg ("%s: %s", json, err.text);
    json_decref (o);
}

static void refuses (const char *json, const char *text)
{
    json_t *o = json_loads (json, JSON_DECODE_ANY, NULL);
    flux_error_t err;

    assert_non_null (o);
    assert_int_equal (tablekeys_check (o, "tab", KEYS, &err), -EINVAL);
    assert_string_equal (err.text, text);
    json_decref (o);
}

static void keys (void **state)
{
    accepts ("{}");
    accepts ("{\"name\":\"x\",\"count\":1,\"on\":true,\"list\":[],\"sub\":{},\"any\":1.5}");
    accepts ("{\"any\":null}");
    refuses ("[]", "tab: must be a table");
    refuses ("{\"nam\":1}", "tab.nam: unknown key: there are name count on list sub any");
    refuses ("{\"name:s\":1}", "tab.name:s: unknown key: there are name count on list sub any");
    refuses ("{\"\":1}", "tab.: unknown key: there are name count on list sub any");
}

static void types (void **state)
{
    refuses ("{\"name\":1}", "tab.name: want a string");
    refuses ("{\"count\":1.5}", "tab.count: want an integer");
    refuses ("{\"on\":1}", "tab.on: want true or false");
    refuses ("{\"list\":{}}", "tab.list: want an array");
    refuses ("{\"sub\":[]}", "tab.sub: want a table");
}

int main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (keys), cmocka_unit_test (types) };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
