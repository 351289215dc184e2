#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "base/z85.h"

/* The test case of the specification. */
static void test_vector (void **state)
{
    const uint8_t hello[8] = { 0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B };
    char text[11];
    uint8_t back[8];

    z85_encode (hello, sizeof (hello), text);
    assert_string_equal (text, "HelloWorld");
    assert_int_equal (z85_decode (text, 10, back), 0);
    assert_memory_equal (back, hello, sizeof (hello));
}

static void test_all_bytes (void **state)
{
    uint8_t in[256], back[256];
    char text[321];

    for (int i = 0; i < 256; i++)
        in[i] = (uint8_t)(i * 167);
    z85_encode (in, sizeof (in), text);
    assert_int_equal (strlen (text), 320);
    assert_int_equal (z85_decode (text, 320, back), 0);
    assert_memory_equal (back, in, sizeof (in));
    z85_encode ("\377\377\377\377", 4, text);
    assert_int_equal (z85_decode (text, 5, back), 0);
}

static void test_bad_input (void **state)
{
    const char *bad[] = { "HelloWorl", "Hello Worl", "Hello\\Worl", "#####", "HelloWor\303\251" };
    uint8_t out[16];

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (z85_decode (bad[i], strlen (bad[i]), out), -EINVAL);
    assert_int_equal (z85_decode ("Hell\0World", 10, out), -EINVAL);
    assert_int_equal (z85_decode ("", 0, out), 0);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_vector),
        cmocka_unit_test (test_all_bytes),
        cmocka_unit_test (test_bad_input),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
