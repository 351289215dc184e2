/* test_blobref.c - tests of blobref.c, dso.c and dso_crypto.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>

#include "base/blobref.h"
#include "base/dso.h"

#define SHA1_EMPTY "sha1-da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define SHA1_ABC "sha1-a9993e364706816aba3e25717850c26c9cd0d89d"
#define SHA256_ABC                                                            \
    "sha256-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_hash (void **state)
{
    char ref[BLOBREF_MAX_STRING];
    unsigned char digest[BLOBREF_MAX_DIGEST];

    assert_int_equal (blobref_hash ("sha1", NULL, 0, ref), 0);
    assert_string_equal (ref, SHA1_EMPTY);
    assert_int_equal (blobref_hash ("sha1", "abc", 3, ref), 0);
    assert_string_equal (ref, SHA1_ABC);
    assert_int_equal (blobref_hash ("sha256", "abc", 3, ref), 0);
    assert_string_equal (ref, SHA256_ABC);
    assert_int_equal (blobref_digest ("sha256", "abc", 3, digest), 32);
    assert_int_equal (digest[0], 0xba);
    assert_int_equal (blobref_hash ("md5", "abc", 3, ref), -EINVAL);
    assert_int_equal (blobref_hash ("sha", "abc", 3, ref), -EINVAL);
    assert_int_equal (blobref_hash (NULL, "abc", 3, ref), -EINVAL);
    assert_int_equal (blobref_hash ("sha1", NULL, 3, ref), -EINVAL);
}

static void test_codec (void **state)
{
    unsigned char digest[BLOBREF_MAX_DIGEST];
    char ref[BLOBREF_MAX_STRING];

    assert_int_equal (blobref_decode (SHA1_ABC, digest), 20);
    assert_int_equal (blobref_encode ("sha1", digest, 20, ref), 0);
    assert_string_equal (ref, SHA1_ABC);
    assert_int_equal (blobref_decode (SHA256_ABC, digest), 32);
    assert_int_equal (blobref_encode ("sha256", digest, 32, ref), 0);
    assert_string_equal (ref, SHA256_ABC);
    assert_int_equal (blobref_encode ("sha256", digest, 20, ref), -EINVAL);
    assert_int_equal (blobref_encode ("sha512", digest, 32, ref), -EINVAL);
}

static void test_valid (void **state)
{
    static const char *bad[] = {
        "", "sha1", "sha1-", "sha1-a9993e36", "-a9993e36", "foo-a9993e36",
        (SHA1_ABC "0"), (SHA1_ABC "-"),
        "sha1-A9993E364706816ABA3E25717850C26C9CD0D89D",
        "sha1-g9993e364706816aba3e25717850c26c9cd0d89d",
        "sha256-a9993e364706816aba3e25717850c26c9cd0d89d",
        "sha1-a9993e364706816aba3e25717850c26c9cd0d89",
        (" " SHA1_ABC),
    };

    assert_true (blobref_valid (SHA1_ABC));
    assert_true (blobref_valid (SHA256_ABC));
    assert_false (blobref_valid (NULL));
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        if (blobref_valid (bad[i]))
            fail_msg ("'%s' is said to be valid", bad[i]);
}

static void *hash_many (void *arg)
{
    uintptr_t bad = 0;

    for (int i = 0; i < 2000; i++) {
        char ref[BLOBREF_MAX_STRING];
        if (blobref_hash ("sha1", "abc", 3, ref) < 0 || strcmp (ref, SHA1_ABC))
            bad++;
    }
    return (void *)bad;
}

static void test_threads (void **state)
{
    pthread_t t[4];
    void *bad;

    for (int i = 0; i < 4; i++)
        assert_int_equal (pthread_create (&t[i], NULL, hash_many, NULL), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join (t[i], &bad);
        assert_null (bad);
    }
}

static void test_dso (void **state)
{
    flux_error_t err;
    void *p = dso_symbol ("crypto", "crypto_digest", &err);

    assert_non_null (p);
    assert_ptr_equal (dso_symbol ("crypto", "crypto_digest", NULL), p);
    assert_null (dso_symbol ("crypto", "no_such_symbol", &err));
    assert_non_null (strstr (err.text, "'crypto' has no symbol"));
    assert_null (dso_symbol ("no-such-object", "x", &err));
    assert_non_null (strstr (err.text, "cannot load 'no-such-object'"));
    assert_null (dso_symbol ("../private/crypto", "crypto_digest", &err));
    assert_non_null (strstr (err.text, "invalid name"));
    assert_null (dso_symbol ("no-such-object", "x", NULL));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_valid),
        cmocka_unit_test (test_codec),
        cmocka_unit_test (test_threads),
        cmocka_unit_test (test_hash),
        cmocka_unit_test (test_dso),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
