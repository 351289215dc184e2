/* test_iodata.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "spec/iodata.h"

static void roundtrip (const void *data, size_t len, bool eof, bool base64)
{
    json_t *o = iodata_encode ("stdout", "0-3", data, len, eof);
    struct iodata io;

    assert_non_null (o);
    assert_true ((json_object_get (o, "encoding") != NULL) == base64);
    assert_int_equal (iodata_decode (o, NULL, &io), 0);
    assert_string_equal (io.stream, "stdout");
    assert_string_equal (io.rank, "0-3");
    assert_int_equal (io.len, len);
    assert_true (io.eof == eof);
    assert_int_equal (io.repeat, 1);
    if (len > 0)
        assert_memory_equal (io.data, data, len);
    else
        assert_null (io.data);
    iodata_release (&io);
    json_decref (o);
}

static void test_roundtrip (void **state)
{
    char all[256];

    for (int i = 0; i < 256; i++)
        all[i] = i;
    roundtrip ("hello\n", 6, false, false);
    roundtrip ("hello", 5, true, false);
    roundtrip ("gr\xc3\xbc\xc3\x9f", 6, false, false);
    roundtrip (NULL, 0, true, false);
    roundtrip ("a\0b", 3, false, true);
    roundtrip ("\xff\xfe", 2, true, true);
    roundtrip (all, sizeof (all), false, true);
}

static int decode (const char *s, const char *encoding, struct iodata *io)
{
    json_t *o = json_loads (s, 0, NULL);
    int rc;

    assert_non_null (o);
    if ((rc = iodata_decode (o, encoding, io)) == 0)
        iodata_release (io);
    json_decref (o);
    return rc;
}

static void test_decode (void **state)
{
    struct iodata io;

    assert_int_equal (decode ("{\"stream\":\"a\",\"rank\":\"0\",\"data\":\"bWVlcAo=\"}",
                              "base64", &io), 0);
    assert_int_equal (io.len, 5);
    assert_int_equal (decode ("{\"stream\":\"a\",\"rank\":\"0\",\"data\":\"bWVlcAo=\","
                              "\"encoding\":\"UTF-8\",\"repeat\":3}", "base64", &io), 0);
    assert_int_equal (io.len, 8);
    assert_int_equal (io.repeat, 3);
}

static void test_header (void **state)
{
    json_t *header = json_loads ("{\"version\":1,\"encoding\":{\"a\":\"base64\"}}", 0, NULL);
    json_t *a = json_loads ("{\"stream\":\"a\",\"rank\":\"0\",\"data\":\"bWVlcAo=\"}", 0, NULL);
    json_t *b = json_loads ("{\"stream\":\"b\",\"rank\":\"0\",\"data\":\"bWVlcAo=\"}", 0, NULL);
    struct iodata io;

    assert_int_equal (iodata_decode_event (a, header, &io), 0);
    assert_string_equal (io.data, "meep\n");
    iodata_release (&io);
    assert_int_equal (iodata_decode_event (b, header, &io), 0);
    assert_int_equal (io.len, 8);
    iodata_release (&io);
    assert_int_equal (iodata_decode_event (a, NULL, &io), 0);
    assert_int_equal (io.len, 8);
    iodata_release (&io);
    assert_int_equal (iodata_decode_event (header, header, &io), -EPROTO);
    json_decref (a);
    json_decref (b);
    json_decref (header);
}

static void test_bad (void **state)
{
    static const char *bad[] = {
        "{}",
        "[]",
        "{\"stream\":\"a\"}",
        "{\"stream\":\"a\",\"rank\":0}",
        "{\"stream\":\"a\",\"rank\":\"0\",\"data\":1}",
        "{\"stream\":\"a\",\"rank\":\"0\",\"eof\":\"true\"}",
        "{\"stream\":\"a\",\"rank\":\"0\",\"data\":\"x\",\"encoding\":\"rot13\"}",
        "{\"stream\":\"a\",\"rank\":\"0\",\"data\":\"x\",\"encoding\":1}",
        "{\"stream\":\"a\",\"rank\":\"0\",\"data\":\"x!\",\"encoding\":\"base64\"}",
        "{\"stream\":\"a\",\"rank\":\"0\",\"repeat\":0}",
    };
    struct iodata io;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (decode (bad[i], NULL, &io), -EPROTO);
    assert_int_equal (iodata_decode (NULL, NULL, &io), -EPROTO);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_roundtrip),
        cmocka_unit_test (test_decode),
        cmocka_unit_test (test_header),
        cmocka_unit_test (test_bad),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
