#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "base/base64.h"

static const struct { const char *plain, *code; } vectors[] = {
    { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
    { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
};

static void test_rfc_vectors (void **state)
{
    for (size_t i = 0; i < sizeof (vectors) / sizeof (vectors[0]); i++) {
        char code[32], plain[32];
        size_t len = strlen (vectors[i].plain), n;
        assert_int_equal (base64_encode (vectors[i].plain, len, code),
                          base64_encoded_size (len) - 1);
        assert_string_equal (code, vectors[i].code);
        assert_int_equal (base64_decode (code, strlen (code), plain, &n), 0);
        assert_int_equal (n, len);
        assert_memory_equal (plain, vectors[i].plain, len);
    }
}

static void test_all_bytes (void **state)
{
    uint8_t in[257], out[300];
    char code[400];

    for (size_t len = 0; len <= sizeof (in); len++) {
        size_t n;
        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)(i * 7 + len);
        size_t slen = base64_encode (in, len, code);
        assert_int_equal (base64_decode (code, slen, out, &n), 0);
        assert_int_equal (n, len);
        assert_memory_equal (in, out, len);
    }
}

static void test_bad_input (void **state)
{
    const char *bad[] = { "Z", "Zg", "Zg=", "Z===", "====", "Zg=a", "Zh==",
                          "Zm9=", "Zm9v\n", "Zm-v", "Zg==Zg==", "\xc3\xa9\xc3\xa9" };
    char out[32];
    size_t n = 99;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (base64_decode (bad[i], strlen (bad[i]), out, &n), -EINVAL);
    assert_int_equal (n, 99);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_rfc_vectors),
        cmocka_unit_test (test_all_bytes),
        cmocka_unit_test (test_bad_input),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
