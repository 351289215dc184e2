#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "spec/cert.h"

#define PUB "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define SEC "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"

static struct cert *decode (const char *s, flux_error_t *err)
{
    return cert_decode (s, strlen (s), err);
}

/* As CZMQ writes it. */
static void test_zpl (void **state)
{
    flux_error_t err;
    struct cert *c = decode ("#   ****  Generated on 2023-01-01 by CZMQ  ****\n"
                             "#   ZeroMQ CURVE **Secret** Certificate\n"
                             "\n"
                             "metadata\n"
                             "    name = \"fluke\"\n"
                             "    keygen.time = 'Sun 1 # Jan'   # when\n"
                             "    bare = a b  # c\n"
                             "    empty\n"
                             "curve\n"
                             "    public-key = \"" PUB "\"\r\n"
                             "    secret-key = \"" SEC "\"\n", &err);

    assert_non_null (c);
    assert_string_equal (cert_public_key (c), PUB);
    assert_string_equal (cert_secret_key (c), SEC);
    assert_string_equal (cert_meta (c, "name"), "fluke");
    assert_string_equal (cert_meta (c, "keygen.time"), "Sun 1 # Jan");
    assert_string_equal (cert_meta (c, "bare"), "a b");
    assert_null (cert_meta (c, "empty"));
    cert_free (c);
}

static void test_round_trip (void **state)
{
    unsigned char pub[32], sec[32];
    struct cert *c, *back;
    flux_error_t err;
    char *s;

    memset (pub, 1, sizeof (pub));
    memset (sec, 2, sizeof (sec));
    assert_non_null (c = cert_new (pub, sec));
    assert_int_equal (cert_set_meta (c, "name", "x"), 0);
    assert_int_equal (cert_set_meta (c, "say", "\"hi\""), 0);
    assert_int_equal (cert_set_meta (c, "name", "it's"), 0);
    assert_int_equal (cert_set_meta (c, "a b", "x"), -EINVAL);
    assert_int_equal (cert_set_meta (c, "", "x"), -EINVAL);
    assert_int_equal (cert_set_meta (c, "a", "x\ny"), -EINVAL);
    assert_int_equal (cert_set_meta (c, "a", "\"'"), -EINVAL);
    assert_non_null (s = cert_encode (c, "made today"));
    assert_non_null (back = decode (s, &err));
    assert_string_equal (cert_meta (back, "name"), "it's");
    assert_string_equal (cert_meta (back, "say"), "\"hi\"");
    assert_null (cert_meta (back, "a"));
    assert_string_equal (cert_public_key (back), cert_public_key (c));
    assert_string_equal (cert_secret_key (back), cert_secret_key (c));
    cert_free (back);
    cert_free (c);
    free (s);
}

static void test_bad (void **state)
{
    const struct { const char *text, *why; } bad[] = {
        { "", "public-key" },
        { "curve\n    public-key = \"" PUB "\"\n", "secret-key" },
        { "curve\n    secret-key = \"" SEC "\"\n", "public-key" },
        { "other\n    public-key = \"" PUB "\"\n", "public-key" },
        { "curve\n    public-key = \"abc\"\n", "line 2" },
        { "curve\n    public-key = \"" PUB "\n", "line 2" },
        { "curve\n    public-key = \"" PUB "\" x\n", "line 2" },
        { "curve\n    public-key\n", "line 2" },
        { "#\n\n= 3\n", "line 3" },
        { "a b\n", "line 1" },
    };
    char big[CERT_SIZE_MAX + 2];
    flux_error_t err;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        errno = 0;
        assert_null (decode (bad[i].text, &err));
        assert_int_equal (errno, EINVAL);
        assert_non_null (strstr (err.text, bad[i].why));
    }
    memset (big, '#', sizeof (big));
    assert_null (cert_decode (big, sizeof (big), &err));
    assert_null (cert_decode ("a\0b", 3, &err));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_zpl),
        cmocka_unit_test (test_round_trip),
        cmocka_unit_test (test_bad),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
