/* test_toml.c - tests of the TOML parser */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/toml.h"

struct sample {
    const char *toml;
    const char *json;
};

static void check (const struct sample *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        flux_error_t err;
        json_error_t jerr;
        json_t *o = toml_parse (s[i].toml, strlen (s[i].toml), &err);
        if (!o)
            fail_msg ("%s: %s", s[i].toml, err.text);
        json_t *want = json_loads (s[i].json, 0, &jerr);
        if (!want)
            fail_msg ("%s: %s", s[i].json, jerr.text);
        if (!json_equal (o, want)) {
            char *got = json_dumps (o, JSON_COMPACT);
            fail_msg ("%s: got %s, not %s", s[i].toml, got, s[i].json);
        }
        json_decref (o);
        json_decref (want);
    }
}

#define CHECK(s) check (s, sizeof (s) / sizeof (s[0]))

static void test_scalars (void **state)
{
    static const struct sample s[] = {
        {"", "{}"},
        {"\n\n  # only a comment", "{}"},
        {"\xef\xbb\xbf" "a=1", "{\"a\":1}"},
        {"a=1\r\nb=2\r\n", "{\"a\":1,\"b\":2}"},
        {"a = 1 # c\tomment", "{\"a\":1}"},
        {"a=true\nb=false", "{\"a\":true,\"b\":false}"},
        {"a=+99\nb=42\nc=0\nd=-17\ne=+0\nf=-0",
         "{\"a\":99,\"b\":42,\"c\":0,\"d\":-17,\"e\":0,\"f\":0}"},
        {"a=1_000\nb=1_2_3", "{\"a\":1000,\"b\":123}"},
        {"a=0xDEADBEEF\nb=0xdead_beef\nc=0o01234567\nd=0b1101_0110\ne=0x00",
         "{\"a\":3735928559,\"b\":3735928559,\"c\":342391,\"d\":214,\"e\":0}"},
        {"a=9223372036854775807\nb=-9223372036854775808",
         "{\"a\":9223372036854775807,\"b\":-9223372036854775808}"},
        {"a=1.0\nb=3.1415\nc=-0.01\nd=5e+22\ne=1e06\nf=-2E-2\ng=6.626e-34",
         "{\"a\":1.0,\"b\":3.1415,\"c\":-0.01,\"d\":5e22,\"e\":1e6,"
         "\"f\":-0.02,\"g\":6.626e-34}"},
        {"a=224_617.445_991_228\nb=+1.5\nc=0.0\nd=0e0\ne=1_0e1_0",
         "{\"a\":224617.445991228,\"b\":1.5,\"c\":0.0,\"d\":0.0,\"e\":1e11}"},
    };
    CHECK (s);
}

static void test_strings (void **state)
{
    static const struct sample s[] = {
        {"a=\"\"\nb=''", "{\"a\":\"\",\"b\":\"\"}"},
        {"a=\"x\\b\\t\\n\\f\\r\\\"\\\\y\"",
         "{\"a\":\"x\\b\\t\\n\\f\\r\\\"\\\\y\"}"},
        {"a=\"\\u00e9\\U0001F600\\u0041\"", "{\"a\":\"\\u00e9😀A\"}"},
        {"a=\"tab\there é\"", "{\"a\":\"tab\\there é\"}"},
        {"a='C:\\Users\\nodejs'", "{\"a\":\"C:\\\\Users\\\\nodejs\"}"},
        {"a='<\\i\\c*\\s*>\"'", "{\"a\":\"<\\\\i\\\\c*\\\\s*>\\\"\"}"},
        {"a=\"\"\"\nRoses\nViolets\"\"\"", "{\"a\":\"Roses\\nViolets\"}"},
        {"a=\"\"\"\r\nRoses\r\nViolets\"\"\"", "{\"a\":\"Roses\\nViolets\"}"},
        {"a=\"\"\"x \\\n   \n\n   y \\  \n z\"\"\"", "{\"a\":\"x y z\"}"},
        {"a=\"\"\"\\\r\n  y\"\"\"", "{\"a\":\"y\"}"},
        {"a=\"\"\"\"one\"\" \"\"\"", "{\"a\":\"\\\"one\\\"\\\" \"}"},
        {"a=\"\"\"two \"\"\"\"\"", "{\"a\":\"two \\\"\\\"\"}"},
        {"a=\"\"\"one \"\"\"\"", "{\"a\":\"one \\\"\"}"},
        {"a=\"\"\"\"\"\"", "{\"a\":\"\"}"},
        {"a=''''that''s''''", "{\"a\":\"'that''s'\"}"},
        {"a=''''''", "{\"a\":\"\"}"},
        {"a='''\nI [dw]on't \\n\n'''", "{\"a\":\"I [dw]on't \\\\n\\n\"}"},
        {"a=\"\"\"\\u0022\\\"\"\"\"", "{\"a\":\"\\\"\\\"\"}"},
        {"a=\"# no comment\" # one", "{\"a\":\"# no comment\"}"},
    };
    CHECK (s);

    json_t *o = toml_parse ("a=\"x\\u0000y\"", 12, NULL);
    assert_int_equal (json_string_length (json_object_get (o, "a")), 3);
    json_decref (o);
}

static void test_keys (void **state)
{
    static const struct sample s[] = {
        {"bare_key=1\nbare-key=2\n1234=3",
         "{\"bare_key\":1,\"bare-key\":2,\"1234\":3}"},
        {"\"127.0.0.1\"=1\n'quoted \"v\"'=2\n\"\"=3\n\"\\u0041\"=4",
         "{\"127.0.0.1\":1,\"quoted \\\"v\\\"\":2,\"\":3,\"A\":4}"},
        {"a.b.c=1\na . \"d\" .\t'e'=2",
         "{\"a\":{\"b\":{\"c\":1},\"d\":{\"e\":2}}}"},
        {"3.14159=\"pi\"", "{\"3\":{\"14159\":\"pi\"}}"},
        {"a.b=1\nc=2\na.d=3", "{\"a\":{\"b\":1,\"d\":3},\"c\":2}"},
        {"true=1\ninf=2\n-=3", "{\"true\":1,\"inf\":2,\"-\":3}"},
    };
    CHECK (s);
}

static void test_tables (void **state)
{
    static const struct sample s[] = {
        {"[a]\nx=1\n[b]\nx=2", "{\"a\":{\"x\":1},\"b\":{\"x\":2}}"},
        {"[a.\"b.c\"]\nx=1\n[ d . e ]# c\n",
         "{\"a\":{\"b.c\":{\"x\":1}},\"d\":{\"e\":{}}}"},
        {"[x.y.z.w]\n[x]\na=1", "{\"x\":{\"a\":1,\"y\":{\"z\":{\"w\":{}}}}}"},
        {"[a.b]\n[a.c]\n[a]\n", "{\"a\":{\"b\":{},\"c\":{}}}"},
        {"[fruit]\napple.color=1\napple.taste.sweet=true\n"
         "[fruit.apple.texture]\nsmooth=true",
         "{\"fruit\":{\"apple\":{\"color\":1,\"taste\":{\"sweet\":true},"
         "\"texture\":{\"smooth\":true}}}}"},
        {"[a.b.c]\n[a]\nb.d=1", "{\"a\":{\"b\":{\"c\":{},\"d\":1}}}"},
        {"[[p]]\nn=1\n[[p]]\n[[p]]\nn=3", "{\"p\":[{\"n\":1},{},{\"n\":3}]}"},
        {"[[f]]\nn=1\n[f.ph]\nc=1\n[[f.v]]\nn=2\n[[f.v]]\nn=3\n[[f]]\nn=4\n"
         "[[f.v]]\nn=5\n[f.ph]\nc=2",
         "{\"f\":[{\"n\":1,\"ph\":{\"c\":1},\"v\":[{\"n\":2},{\"n\":3}]},"
         "{\"n\":4,\"v\":[{\"n\":5}],\"ph\":{\"c\":2}}]}"},
        {"[[a.b]]\nx.y=1\nx.z=2\n[[a.b]]\nx.y=3",
         "{\"a\":{\"b\":[{\"x\":{\"y\":1,\"z\":2}},{\"x\":{\"y\":3}}]}}"},
    };
    CHECK (s);
}

static void test_containers (void **state)
{
    static const struct sample s[] = {
        {"a=[]\nb=[ ]\nc=[1,]\nd=[1,2]",
         "{\"a\":[],\"b\":[],\"c\":[1],\"d\":[1,2]}"},
        {"a=[ # c\n 1 , # one\r\n\n 2 # two\n, ]", "{\"a\":[1,2]}"},
        {"a=[1,'x',[2.0,{b=1}],true]", "{\"a\":[1,\"x\",[2.0,{\"b\":1}],true]}"},
        {"a={}\nb={ }\nc={x=1}\nd={x=1, y.z=2,y.w=3}",
         "{\"a\":{},\"b\":{},\"c\":{\"x\":1},"
         "\"d\":{\"x\":1,\"y\":{\"z\":2,\"w\":3}}}"},
        {"a={b=[\n1\n]}", "{\"a\":{\"b\":[1]}}"},
        {"a={b=\"\"\"\nx\n\"\"\"}", "{\"a\":{\"b\":\"x\\n\"}}"},
        {"[t]\na={b={c=1}}\nd=2", "{\"t\":{\"a\":{\"b\":{\"c\":1}},\"d\":2}}"},
    };
    CHECK (s);
}

#define TS(text) "{\"a\":{\"iso-8601-ts\":\"" text "\"}}"

static void test_dates (void **state)
{
    static const struct sample s[] = {
        {"a=1979-05-27T07:32:00Z", TS ("1979-05-27T07:32:00Z")},
        {"a=1979-05-27t07:32:00z", TS ("1979-05-27T07:32:00Z")},
        {"a=1979-05-27 07:32:00-07:00", TS ("1979-05-27T07:32:00-07:00")},
        {"a=1979-05-27T00:32:00.999999+23:59",
         TS ("1979-05-27T00:32:00.999999+23:59")},
        {"a=1979-05-27T07:32:60", TS ("1979-05-27T07:32:60")},
        {"a=1979-05-27", TS ("1979-05-27")},
        {"a=1979-05-27 # c", TS ("1979-05-27")},
        {"a=1979-05-27 ", TS ("1979-05-27")},
        {"a=07:32:00", TS ("07:32:00")},
        {"a=00:32:00.5", TS ("00:32:00.5")},
        {"a=2000-02-29", TS ("2000-02-29")},
        {"a=[2024-02-29,01:02:03]",
         "{\"a\":[{\"iso-8601-ts\":\"2024-02-29\"},"
         "{\"iso-8601-ts\":\"01:02:03\"}]}"},
    };
    CHECK (s);
}

static const struct {
    const char *toml;
    const char *error;
} invalid[] = {
    /* keys and lines */
    {"a", "1:2: expected '=' after the key"},
    {"a =", "1:4: expected a value"},
    {"= 1", "1:1: expected a key"},
    {"a=1 b=2", "1:5: expected the end of the line"},
    {"a=1\nb=2\n c d=3", "3:4: expected '=' after the key"},
    {"a=1\rb=2", "1:4: expected the end of the line"},
    {"a.=1", "1:3: expected a key"},
    {"a..b=1", "1:3: expected a key"},
    {".a=1", "1:1: expected a key"},
    {"a.b.=1", "1:5: expected a key"},
    {"é=1", "1:1: expected a key"},
    {"é'=1", "1:1: expected a key"},
    {"a\nb=1", "1:2: expected '=' after the key"},
    {"\"a\nb\"=1", "1:1: string without an end"},
    {"\"\"\"a\"\"\"=1", "1:3: expected '=' after the key"},
    {"\"a\\u0000\"=1", "1:1: a key with a NUL is not supported"},
    {"a=\n1", "1:3: expected a value"},
    /* twice */
    {"a=1\na=2", "2:1: 'a' is defined twice"},
    {"a=1\n\"a\"=2", "2:1: 'a' is defined twice"},
    {"a.b=1\na.b=2", "2:3: 'b' is defined twice"},
    {"a=1\na.b=2", "2:1: 'a' has a value already"},
    {"a.b=1\na=2", "2:1: 'a' is defined twice"},
    {"a.b=1\na.b.c=2", "2:3: 'b' has a value already"},
    {"[a]\n[a]", "2:2: table 'a' is defined twice"},
    {"[a]\nb=1\n[a.b]", "3:4: 'b' has a value already"},
    {"[a.b]\n[a]\nb=1", "3:1: 'b' is defined twice"},
    {"[a]\nb=1\n[a.b.c]", "3:4: 'b' has a value already"},
    {"[f]\na.c=1\n[f.a]", "3:4: table 'a' is defined twice"},
    {"[f]\na.t.s=1\n[f.a.t]", "3:6: table 't' is defined twice"},
    {"[a.b.c]\nz=9\n[a]\nb.c.t=1", "4:3: table 'c' is defined elsewhere"},
    {"a.b=1\n[a]", "2:2: table 'a' is defined twice"},
    {"a.b=1\n[c]\n[a.d]\n[e]\n[a]", "5:2: table 'a' is defined twice"},
    {"[[a.b]]\n[a]\nb.y=2", "3:1: 'b' has a value already"},
    {"[[a]]\n[a]", "2:2: 'a' has a value already"},
    {"[a]\n[[a]]", "2:3: 'a' is not an array of tables"},
    {"[a.b]\n[[a]]", "2:3: 'a' is not an array of tables"},
    {"a=[]\n[[a]]", "2:3: 'a' is not an array of tables"},
    {"a=[{}]\n[a.b]", "2:2: 'a' has a value already"},
    {"a={b=1}\n[a.c]", "2:2: 'a' has a value already"},
    {"a={b=1}\n[a]", "2:2: table 'a' is defined twice"},
    {"a={b=1}\na.c=2", "2:1: 'a' has a value already"},
    {"a={b={}}\na.b.c=2", "2:1: 'a' has a value already"},
    {"[t]\na={b=1}\n[t.a.c]", "3:4: 'a' has a value already"},
    {"a={b=1,b=2}", "1:8: 'b' is defined twice"},
    {"a={b=1,b.c=2}", "1:8: 'b' has a value already"},
    {"a={b={c=1},b.d=2}", "1:12: 'b' has a value already"},
    {"a=2000-01-01\n[a.b]", "2:2: 'a' has a value already"},
    /* headers */
    {"[]", "1:2: expected a key"},
    {"[a", "1:3: expected ']'"},
    {"[a]]", "1:4: expected the end of the line"},
    {"[[a]", "1:4: expected ']]'"},
    {"[ [a]]", "1:3: expected a key"},
    {"[[a] ]", "1:4: expected ']]'"},
    {"[a] b=1", "1:5: expected the end of the line"},
    {"[a.]", "1:4: expected a key"},
    {"[a b]", "1:4: expected ']'"},
    {"[a\n]", "1:3: expected ']'"},
    /* strings */
    {"a=\"x", "1:3: string without an end"},
    {"a='x", "1:3: string without an end"},
    {"a=\"x\ny\"", "1:3: string without an end"},
    {"a=\"\"\"x", "1:3: string without an end"},
    {"a='''x''", "1:3: string without an end"},
    {"a=\"\"\"x\"\"\"\"\"\"", "1:12: expected the end of the line"},
    {"a=\"\\x41\"", "1:4: unknown escape in a string"},
    {"a=\"\\e\"", "1:4: unknown escape in a string"},
    {"a=\"\\", "1:4: unknown escape in a string"},
    {"a=\"\"\"\\ x\"\"\"", "1:6: unknown escape in a string"},
    {"a=\"\\u12\"", "1:4: \\u needs 4 hexadecimal digits"},
    {"a=\"\\U0001F60\"", "1:4: \\U needs 8 hexadecimal digits"},
    {"a=\"\\ud800\"", "1:4: \\u with what is not a character"},
    {"a=\"\\U00110000\"", "1:4: \\U with what is not a character"},
    {"a=\"\x01\"", "1:4: control character in a string"},
    {"a='\x7f'", "1:4: control character in a string"},
    {"a='''\x1f'''", "1:6: control character in a string"},
    {"a='''x\ry'''", "1:7: control character in a string"},
    {"# \x01", "1:3: control character in a comment"},
    {"# \r x", "1:3: control character in a comment"},
    {"a=[ # \x7f\n]", "1:7: control character in a comment"},
    {"a=\"\xff\"", "1:4: invalid UTF-8"},
    {"a=\"\xc0\x80\"", "1:4: invalid UTF-8"},
    {"a=\"\xe2\x82\"", "1:4: invalid UTF-8"},
    {"a=\"\xed\xa0\x80\"", "1:4: invalid UTF-8"},
    {"a=\"\xf4\x90\x80\x80\"", "1:4: invalid UTF-8"},
    {"# é\n# \x80", "2:3: invalid UTF-8"},
    /* numbers */
    {"a=01", "1:3: invalid number '01'"},
    {"a=-01", "1:3: invalid number '-01'"},
    {"a=00", "1:3: invalid number '00'"},
    {"a=_1", "1:3: invalid value '_1'"},
    {"a=1_", "1:3: invalid number '1_'"},
    {"a=1__2", "1:3: invalid number '1__2'"},
    {"a=+0x1", "1:3: invalid number '+0x1'"},
    {"a=0x", "1:3: invalid number '0x'"},
    {"a=0x_1", "1:3: invalid number '0x_1'"},
    {"a=0xg", "1:3: invalid number '0xg'"},
    {"a=0o8", "1:3: invalid number '0o8'"},
    {"a=0b2", "1:3: invalid number '0b2'"},
    {"a=0X1", "1:3: invalid number '0X1'"},
    {"a=1a", "1:3: invalid number '1a'"},
    {"a=--1", "1:3: invalid value '--1'"},
    {"a=+", "1:3: invalid value '+'"},
    {"a=.5", "1:3: invalid value '.5'"},
    {"a=5.", "1:3: invalid number '5.'"},
    {"a=5.e1", "1:3: invalid number '5.e1'"},
    {"a=1e", "1:3: invalid number '1e'"},
    {"a=1e1.5", "1:3: invalid number '1e1.5'"},
    {"a=1._5", "1:3: invalid number '1._5'"},
    {"a=1_.5", "1:3: invalid number '1_.5'"},
    {"a=01.5", "1:3: invalid number '01.5'"},
    {"a=9223372036854775808", "1:3: integer out of range"},
    {"a=-9223372036854775809", "1:3: integer out of range"},
    {"a=0xffffffffffffffff", "1:3: integer out of range"},
    {"a=1e999", "1:3: number out of range"},
    {"a=inf", "1:3: inf is not supported"},
    {"a=-nan", "1:3: nan is not supported"},
    {"a=True", "1:3: invalid value 'True'"},
    {"a=truer", "1:3: invalid value 'truer'"},
    {"a=word", "1:3: invalid value 'word'"},
    /* dates */
    {"a=1979-13-01", "1:3: invalid date or time"},
    {"a=1979-00-01", "1:3: invalid date or time"},
    {"a=1979-02-29", "1:3: invalid date or time"},
    {"a=1900-02-29", "1:3: invalid date or time"},
    {"a=1979-04-31", "1:3: invalid date or time"},
    {"a=1979-05-27T24:00:00", "1:3: invalid date or time"},
    {"a=1979-05-27T07:60:00", "1:3: invalid date or time"},
    {"a=1979-05-27T07:00:61", "1:3: invalid date or time"},
    {"a=1979-05-27T07:32", "1:3: invalid date or time"},
    {"a=1979-05-27T", "1:3: invalid date or time"},
    {"a=1979-5-27", "1:3: invalid date or time"},
    {"a=1979-05-27T07:32:00.", "1:3: invalid date or time"},
    {"a=1979-05-27T07:32:00+24:00", "1:3: invalid date or time"},
    {"a=1979-05-27T07:32:00+1:00", "1:3: invalid date or time"},
    {"a=07:32:00Z", "1:11: expected the end of the line"},
    {"a=7:32:00", "1:4: expected the end of the line"},
    {"a=1979-05-27x", "1:13: expected the end of the line"},
    {"a=1979-05-27  07:32:00", "1:15: expected the end of the line"},
    /* containers */
    {"a=[", "1:4: expected a value"},
    {"a=[1", "1:5: expected ',' or ']' in the array"},
    {"a=[1 2]", "1:6: expected ',' or ']' in the array"},
    {"a=[,]", "1:4: expected a value"},
    {"a=[1,,2]", "1:6: expected a value"},
    {"a=]", "1:3: expected a value"},
    {"a={", "1:4: expected a key"},
    {"a={b=1", "1:7: expected ',' or '}' in the inline table"},
    {"a={b=1,}", "1:8: expected a key"},
    {"a={,}", "1:4: expected a key"},
    {"a={b=1 c=2}", "1:8: expected ',' or '}' in the inline table"},
    {"a={b=1,\nc=2}", "1:8: expected a key"},
    {"a={\n}", "1:4: expected a key"},
    {"a={b}", "1:5: expected '=' after the key"},
    {"a={b=1]", "1:7: expected ',' or '}' in the inline table"},
};

static void test_invalid (void **state)
{
    for (size_t i = 0; i < sizeof (invalid) / sizeof (invalid[0]); i++) {
        const char *toml = invalid[i].toml;
        flux_error_t err = {.text = ""};
        errno = 0;
        json_t *o = toml_parse (toml, strlen (toml), &err);
        if (o)
            fail_msg ("%s: accepted", toml);
        if (strcmp (err.text, invalid[i].error) != 0)
            fail_msg ("%s: '%s', not '%s'", toml, err.text, invalid[i].error);
        assert_int_equal (errno, EINVAL);
    }
    assert_null (toml_parse (NULL, 1, NULL));
    assert_null (toml_parse ("a=1\0", 4, NULL));
    assert_null (toml_parse ("a='\0'", 6, NULL));
    assert_null (toml_parse ("x", 1, NULL));
}

/* A text that is cut off must not be read beyond its end. */
static void test_every_prefix (void **state)
{
    static const char text[] =
        "a=[1,{b=\"\\u0041\"},'x',1979-05-27T07:32:00.5+01:00, 0x1f,\n"
        "\"\"\"\\\n y\"\"\", '''z''', 1.5e3, true]\n[[t.u]]\r\n'q'.r=\"é\"#c";

    for (size_t n = 0; n < sizeof (text); n++) {
        char *copy = malloc (n > 0 ? n : 1);
        memcpy (copy, text, n);
        json_decref (toml_parse (copy, n, NULL));
        free (copy);
    }
}

static void repeat (struct buf *b, const char *s, int n)
{
    while (n-- > 0)
        buf_adds (b, s);
}

static void test_depth (void **state)
{
    static const struct {
        const char *open, *middle, *close;
    } s[] = {
        {"[", "1", "]"},
        {"{a=", "1", "}"},
        {"{a.b.c.d=", "1", "}"},
    };

    for (size_t i = 0; i < sizeof (s) / sizeof (s[0]); i++) {
        for (int n = 20; n <= 20000; n *= 10) {
            struct buf b = BUF_INIT;
            flux_error_t err;
            buf_adds (&b, "x=");
            repeat (&b, s[i].open, n);
            buf_adds (&b, s[i].middle);
            repeat (&b, s[i].close, n);
            json_t *o = toml_parse (b.data, b.len, &err);
            if (n < 100)
                assert_non_null (o);
            else if (n > 200) {
                assert_null (o);
                assert_non_null (strstr (err.text, "nested too deep"));
            }
            json_decref (o);
            buf_release (&b);
        }
    }
    struct buf b = BUF_INIT;
    buf_addc (&b, '[');
    repeat (&b, "a.", 100000);
    buf_adds (&b, "a]\n");
    assert_null (toml_parse (b.data, b.len, NULL));
    buf_clear (&b);
    repeat (&b, "a.", 100000);
    buf_adds (&b, "a=1\n");
    assert_null (toml_parse (b.data, b.len, NULL));
    buf_release (&b);
}

static void test_file (void **state)
{
    char path[] = "/tmp/test_tomlXXXXXX";
    int fd = mkstemp (path);
    flux_error_t err;
    char want[128];

    assert_true (fd >= 0);
    assert_int_equal (write (fd, "[a]\nb=1\n", 8), 8);
    json_t *o = toml_parse_file (path, &err);
    assert_int_equal (
        json_integer_value (json_object_get (json_object_get (o, "a"), "b")),
        1);
    json_decref (o);
    assert_int_equal (write (fd, "b=2\n", 4), 4);
    assert_null (toml_parse_file (path, &err));
    assert_int_equal (errno, EINVAL);
    snprintf (want, sizeof (want), "%s:3:1: 'b' is defined twice", path);
    assert_string_equal (err.text, want);
    close (fd);
    unlink (path);
    assert_null (toml_parse_file (path, &err));
    assert_int_equal (errno, ENOENT);
    snprintf (want, sizeof (want), "%s: No such file or directory", path);
    assert_string_equal (err.text, want);
    assert_null (toml_parse_file ("/", &err));
    assert_int_equal (errno, EISDIR);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_scalars),
        cmocka_unit_test (test_strings),
        cmocka_unit_test (test_keys),
        cmocka_unit_test (test_tables),
        cmocka_unit_test (test_containers),
        cmocka_unit_test (test_dates),
        cmocka_unit_test (test_invalid),
        cmocka_unit_test (test_every_prefix),
        cmocka_unit_test (test_depth),
        cmocka_unit_test (test_file),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
