/* test_wordlist.c - ids as words
 *
 * The list of the RFC is not here: the tests make one that has the words of RFC 19's examples in
 * their places, and others elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/fluid.h"
#include "base/wordlist.h"

#define A 6731191091817518u     /* reform-remote-galileo--heart-package-academy */
#define B 0xedaf97d000000u      /* random-idea-yoyo--sugar-printer-academy */

static struct wordlist want;

static void put (uint32_t half, const char *low, const char *mid, const char *high)
{
    const uint32_t n = WORDLIST_COUNT;

    snprintf (want.word[half % n], WORDLIST_MAX, "%s", low);
    snprintf (want.word[half / n % n], WORDLIST_MAX, "%s", mid);
    snprintf (want.word[half / n / n], WORDLIST_MAX, "%s", high);
}

/* aaa, aab, ... where the examples have nothing */
static void make_list (struct buf *b)
{
    for (int i = 0; i < WORDLIST_COUNT; i++)
        snprintf (want.word[i], WORDLIST_MAX, "%c%c%cx", 'a' + i / 676, 'a' + i / 26 % 26,
                  'a' + i % 26);
    put ((uint32_t)A, "reform", "remote", "galileo");
    put (A >> 32, "heart", "package", "academy");
    put ((uint32_t)B, "random", "idea", "yoyo");
    put (B >> 32, "sugar", "printer", "academy");
    for (int i = 0; i < WORDLIST_COUNT; i++)
        buf_addf (b, "%s\n", want.word[i]);
    assert_false (b->failed);
}

static int parse (const struct buf *b, int *linep)
{
    struct wordlist *w = malloc (sizeof (*w));
    int rc = wordlist_parse (w, b->data, b->len, linep);

    if (rc == 0)
        assert_memory_equal (w->word[7], want.word[7], strlen (want.word[7]) + 1);
    free (w);
    return rc;
}

/* What is wrong is told by the number of its line. */
static void test_parse (void **state)
{
    struct buf b = BUF_INIT;
    size_t len;
    int line;

    make_list (&b);
    assert_int_equal (parse (&b, &line), 0);
    len = b.len;
    buf_adds (&b, "what follows is not looked at: 12\n");
    assert_int_equal (parse (&b, &line), 0);
    b.len = len - 1;             /* no newline at the end */
    assert_int_equal (parse (&b, &line), 0);
    b.len = len - strlen (want.word[WORDLIST_COUNT - 1]) - 1;
    assert_int_equal (parse (&b, &line), -EINVAL);
    assert_int_equal (line, WORDLIST_COUNT);
    b.len = 0;
    assert_int_equal (parse (&b, &line), -EINVAL);
    assert_int_equal (line, 1);
    b.len = len;
    memcpy (b.data + strlen (want.word[0]) + 1, "aa1x", 4);
    assert_int_equal (parse (&b, &line), -EINVAL);
    assert_int_equal (line, 2);
    memcpy (b.data + strlen (want.word[0]) + 1, "aaax", 4);   /* twice, if the first is that */
    assert_int_equal (parse (&b, &line), strcmp (want.word[0], "aaax") == 0 ? -EINVAL : 0);
    buf_release (&b);
}

static void round_trip (uint64_t id, const char *text)
{
    char s[6 * WORDLIST_MAX + 8];
    uint64_t back = ~id;

    assert_int_equal (fluid_encode (id, FLUID_WORDS, s, sizeof (s)), 0);
    if (text)
        assert_string_equal (s, text);
    assert_int_equal (fluid_parse (s, &back), 0);
    assert_true (back == id);
}

static void test_ids (void **state)
{
    static const struct { const char *s; int rc; } bad[] = {
        { "reform-remote-galileo--heart-package", -EINVAL },
        { "reform-remote-galileo--heart-package-academy-", -EINVAL },
        { "reform-remote-galileo--heart-package-academy-academy", -EINVAL },
        { "reform-remote-galileo--heart-package-aca", -EINVAL },
        { "reform-remote-galileo--heart-package-abcdefghijklmnopqrstuvwxyzabcdef", -EINVAL },
        { "-----", -EINVAL },
        { "1-2-3-4-5-6", -EINVAL },
    };
    char s[8];
    uint64_t id = 77;

    round_trip (A, "reform-remote-galileo--heart-package-academy");
    round_trip (B, "random-idea-yoyo--sugar-printer-academy");
    round_trip (0, NULL);
    round_trip (UINT64_MAX, NULL);
    for (uint64_t v = 1; v < UINT64_MAX / 7; v *= 7)
        round_trip (v, NULL);
    assert_int_equal (fluid_parse (" Reform-remote-galileo-HEART-package---academy\n", &id), 0);
    assert_true (id == A);
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (fluid_parse (bad[i].s, &id), bad[i].rc);
    assert_true (id == A);
    assert_int_equal (fluid_encode (A, FLUID_WORDS, s, sizeof (s)), -EOVERFLOW);
}

static void test_too_large (void **state)
{
    const char *last = want.word[WORDLIST_COUNT - 1];
    char s[6 * WORDLIST_MAX + 8];
    uint64_t id;

    snprintf (s, sizeof (s), "%s-%s-%s--%s-%s-%s", last, last, last, last, last, last);
    assert_int_equal (fluid_parse (s, &id), -ERANGE);
}

static int setup (void **state)
{
    char path[] = "/tmp/wordlist.XXXXXX";
    struct buf b = BUF_INIT;
    int fd = mkstemp (path);

    make_list (&b);
    if (fd < 0 || write (fd, b.data, b.len) != (ssize_t)b.len)
        return -1;
    close (fd);
    setenv ("FLUX_FLUID_WORDS", path, 1);
    (void)wordlist_get ();
    unlink (path);
    buf_release (&b);
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_parse),
        cmocka_unit_test (test_ids),
        cmocka_unit_test (test_too_large),
    };
    return cmocka_run_group_tests (tests, setup, NULL);
}
