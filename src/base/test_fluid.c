/* test_fluid.c - tests of fluid.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/fluid.h"

static void check (uint64_t id, enum fluid_form form, const char *text)
{
    char buf[64];
    uint64_t back;

    assert_int_equal (fluid_encode (id, form, buf, sizeof (buf)), 0);
    assert_string_equal (buf, text);
    assert_int_equal (fluid_parse (text, &back), 0);
    assert_true (back == id);
}

/* The examples of RFC 19, and the ends of the range */
static void test_forms (void **state)
{
    const uint64_t a = 6731191091817518;

    check (a, FLUID_DEC, "6731191091817518");
    check (a, FLUID_HEX, "0x17e9fb8df16c2e");
    check (a, FLUID_DOTHEX, "0017.e9fb.8df1.6c2e");
    check (a, FLUID_F58, "\xc6\x92uZZybuNNy");
    check (a, FLUID_F58_PLAIN, "fuZZybuNNy");
    check (0xedaf97d000000, FLUID_DOTHEX, "000e.daf9.7d00.0000");
    check (0x71cc92e2000000, FLUID_EMOJI, "🚹💂🙌😳💱🏃");
    check (0x8cb1b460000000, FLUID_EMOJI, "😄😹🎇📥🏧🙉🔞");
    check (0x71cca7b2000000, FLUID_EMOJI, "🚹💂🈳💰🎩🏃");
    check (0, FLUID_DEC, "0");
    check (0, FLUID_HEX, "0x0");
    check (0, FLUID_DOTHEX, "0000.0000.0000.0000");
    check (0, FLUID_F58, "\xc6\x92" "1");
    check (0, FLUID_EMOJI, "😃");
    check (UINT64_MAX, FLUID_DEC, "18446744073709551615");
    check (UINT64_MAX, FLUID_HEX, "0xffffffffffffffff");
    check (UINT64_MAX, FLUID_DOTHEX, "ffff.ffff.ffff.ffff");
    check (UINT64_MAX, FLUID_F58_PLAIN, "fjpXCZedGfVQ");
}

static void test_all_round_trip (void **state)
{
    static const enum fluid_form forms[] = {
        FLUID_DEC, FLUID_HEX, FLUID_DOTHEX, FLUID_F58, FLUID_F58_PLAIN,
        FLUID_EMOJI,
    };
    uint64_t id = 1;

    for (int n = 0; n < 2000; n++) {
        id = id * 6364136223846793005ULL + 1442695040888963407ULL;
        for (size_t i = 0; i < sizeof (forms) / sizeof (forms[0]); i++) {
            char buf[64];
            uint64_t back = 0;
            uint64_t want = id >> (n % 64);
            assert_int_equal (fluid_encode (want, forms[i], buf, sizeof (buf)),
                              0);
            assert_int_equal (fluid_parse (buf, &back), 0);
            assert_true (back == want);
        }
    }
}

static void test_parse_bad (void **state)
{
    static const struct {
        const char *s;
        int rc;
    } bad[] = {
        {"", -EINVAL},
        {"  ", -EINVAL},
        {"x", -EINVAL},
        {"-1", -EINVAL},
        {"+1", -EINVAL},
        {"1 2", -EINVAL},
        {"12a", -EINVAL},
        {"0x", -EINVAL},
        {"0xg", -EINVAL},
        {"f", -EINVAL},
        {"f0", -EINVAL},
        {"fO", -EINVAL},
        {"fI", -EINVAL},
        {"fl", -EINVAL},
        {"\xc6\x92", -EINVAL},
        {"\xc6", -EINVAL},
        {"\xf0\x9f", -EINVAL},
        {"\xf0\x9f\x98", -EINVAL},
        {"\xf0\x9f\x98\x83\xf0", -EINVAL},
        {"\xf0\x9f\xff\xff", -EINVAL},
        {"\xf0\x9f\xa4\x96", -EINVAL},
        {"0000.0000.0000", -EINVAL},
        {"0000.0000.0000.000", -EINVAL},
        {"0000.0000.0000.0000.0000", -EINVAL},
        {"0000.0000.0000.000g", -EINVAL},
        {"00000000.0000.0000.", -EINVAL},
        {"1.5", -EINVAL},
        {"18446744073709551616", -ERANGE},
        {"99999999999999999999999999", -ERANGE},
        {"0x10000000000000000", -ERANGE},
        {"fjpXCZedGfVR", -ERANGE},
        {"fzzzzzzzzzzzzzz", -ERANGE},
        {"😃😃😄😃😃😃😃😃😃😃", -ERANGE},
        {"reform-remote-galileo--heart-package-academy", -ENOTSUP},
    };
    uint64_t id = 77;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        int rc = fluid_parse (bad[i].s, &id);
        if (rc != bad[i].rc)
            fail_msg ("'%s' gives %d", bad[i].s, rc);
        assert_int_equal (id, 77);
    }
    assert_int_equal (fluid_parse (NULL, &id), -EINVAL);
    assert_int_equal (fluid_parse (" \t42\n", &id), 0);
    assert_int_equal (id, 42);
    assert_int_equal (fluid_parse ("0XF", &id), -EINVAL);
    assert_int_equal (fluid_parse ("0xF", &id), 0);
    assert_int_equal (id, 15);
}

static void test_encode_bad (void **state)
{
    char buf[64];

    assert_int_equal (fluid_encode (1234, FLUID_DEC, buf, 5), 0);
    assert_int_equal (fluid_encode (1234, FLUID_DEC, buf, 4), -EOVERFLOW);
    assert_int_equal (fluid_encode (1234, FLUID_DOTHEX, buf, 19), -EOVERFLOW);
    assert_int_equal (fluid_encode (1234, FLUID_EMOJI, buf, 4), -EOVERFLOW);
    assert_int_equal (fluid_encode (1, FLUID_WORDS, buf, sizeof (buf)),
                      -ENOTSUP);
    assert_int_equal (fluid_encode (1, 99, buf, sizeof (buf)), -EINVAL);
    assert_int_equal (fluid_encode (1, FLUID_DEC, NULL, 0), -EINVAL);
}

static void test_generator (void **state)
{
    struct fluid_gen g;
    uint64_t id, last = 0;

    assert_int_equal (fluid_gen_init (&g, 16384, 0), -EINVAL);
    assert_int_equal (fluid_gen_init (&g, 0, (uint64_t)1 << 40), -EINVAL);
    assert_int_equal (fluid_gen_init (NULL, 0, 0), -EINVAL);
    assert_int_equal (fluid_gen_init (&g, 0, 0), 0);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal (fluid_gen_next (&g, &id), 0);
        assert_true (id > last);
        assert_int_equal (id >> 10 & 0x3fff, 0);
        last = id;
    }
    /* a restart in the future of the first goes on from there */
    uint64_t start = fluid_timestamp_ms (last) + 1;
    assert_int_equal (fluid_gen_init (&g, 16383, start), 0);
    assert_int_equal (fluid_gen_next (&g, &id), 0);
    assert_true (id > last);
    assert_int_equal (id >> 10 & 0x3fff, 16383);
    assert_true (fluid_timestamp_ms (id) >= start);
}

static void test_clock (void **state)
{
    struct fluid_gen g;
    uint64_t id, next;

    assert_int_equal (fluid_gen_init (&g, 1, 1000), 0);
    assert_int_equal (fluid_gen_next (&g, &id), 0);
    g.epoch_ms += 1000000; /* as if the clock had been set back */
    assert_int_equal (fluid_gen_next (&g, &next), 0);
    assert_true (next > id);
    g.epoch_ms = 0; /* 1970: after 40 bits of ms */
    assert_int_equal (fluid_gen_next (&g, &next), -EOVERFLOW);
    assert_int_equal (fluid_gen_init (&g, 1, ((uint64_t)1 << 40) - 1), 0);
    g.epoch_ms += 1000000;
    for (int i = 0; i < 1024; i++)
        assert_int_equal (fluid_gen_next (&g, &next), 0);
    assert_int_equal (fluid_gen_next (&g, &next), -EOVERFLOW);
}

static const char *from_table (const void *arg, const char *name)
{
    for (const char *const *p = arg; *p; p += 2) {
        if (strcmp (p[0], name) == 0)
            return p[1];
    }
    return NULL;
}

static bool plain_with (const char *a, const char *av, const char *b, const char *bv)
{
    const char *table[] = { a, av, b, bv, NULL };
    return fluid_plain (from_table, table);
}

static void test_plain (void **state)
{
    assert_true (plain_with (NULL, NULL, NULL, NULL));
    assert_true (plain_with ("LANG", "C", NULL, NULL));
    assert_true (plain_with ("LANG", "no_such.UTF-8", NULL, NULL));
    assert_false (plain_with ("LANG", "C.UTF-8", NULL, NULL));
    assert_false (plain_with ("LANG", "C.UTF-8", "LC_ALL", ""));
    assert_false (plain_with ("LANG", "C", "LC_CTYPE", "C.UTF-8"));
    assert_true (plain_with ("LC_CTYPE", "C.UTF-8", "LC_ALL", "POSIX"));
    assert_true (plain_with ("LANG", "C.UTF-8", "FLUX_F58_FORCE_ASCII", ""));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_forms),
        cmocka_unit_test (test_all_round_trip),
        cmocka_unit_test (test_parse_bad),
        cmocka_unit_test (test_encode_bad),
        cmocka_unit_test (test_generator),
        cmocka_unit_test (test_clock),
        cmocka_unit_test (test_plain),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
