/* test_format.c - output formats: parsing, rendering, columns, sorting
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <cmocka.h>
#include <jansson.h>

#include "cmd/format.h"

static const char *heading (const char *field, void *arg)
{
    static const char *known[][2] = {
        { "id", "JOBID" }, { "name", "NAME" }, { "queue", "QUEUE" }, { "n", "N" }, { "t", "TIME" },
    };

    for (int i = 0; i < 5; i++) {
        if (strcmp (known[i][0], field) == 0)
            return known[i][1];
    }
    return NULL;
}

static json_t *value (const void *item, const char *field, void *arg)
{
    return json_incref (json_object_get ((json_t *)item, field));
}

/* Print 'items' (a JSON array) with 'fmt' into a string. */
static char *render (const char *fmt, const char *items, bool header, int width)
{
    flux_error_t err;
    struct format *f = format_parse (fmt, heading, NULL, &err);
    json_t *a = json_loads (items, 0, NULL);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream (&text, &size);
    struct format_table *t;
    size_t i;
    json_t *o;

    assert_non_null (f);
    assert_non_null (a);
    t = format_table_new (f, value, NULL);
    json_array_foreach (a, i, o)
        assert_int_equal (format_table_add (t, o, &err), 0);
    assert_int_equal (format_table_print (t, out, header, width), 0);
    fclose (out);
    format_table_free (t);
    format_free (f);
    json_decref (a);
    return text;
}

static void expect (const char *fmt, const char *items, bool header, const char *want)
{
    char *got = render (fmt, items, header, 0);

    assert_string_equal (got, want);
    free (got);
}

static void columns_align_and_cut (void **state)
{
    expect ("{id:>6} {name:<4.4+}|", "[{\"id\":\"\xc6\x92" "ab\",\"name\":\"sleeping\"}]", true,
            " JOBID NAME|\n   \xc6\x92" "ab sle+|\n");
    expect ("{n:>4} {n:04} {n} {n:x}", "[{\"n\":42}]", false, "  42 0042 42 2a\n");
    expect ("{n:^5}|{n:*>4}|", "[{\"n\":7}]", false, "  7  |***7|\n");
    expect ("{{{n}}}", "[{\"n\":7}]", false, "{7}\n");
}

static void empty_columns_go_and_wide_ones_grow (void **state)
{
    expect ("{id} ?:{queue:<8} {n}", "[{\"id\":\"a\",\"n\":1}]", true, "JOBID N\na 1\n");
    expect ("{id:<5} ?:{queue:<3} {n}", "[{\"id\":\"a\",\"n\":1,\"queue\":\"q\"}]", true,
            "JOBID QUEUE N\na     q   1\n");
    expect ("+:{name:<2}|", "[{\"name\":\"abc\"},{\"name\":\"abcdef\"}]", false,
            "abc   |\nabcdef|\n");
}

static void conversions_follow_the_manual (void **state)
{
    setenv ("TZ", "UTC", 1);
    expect ("{t!F}", "[{\"t\":90.0}]", false, "1.5m\n");
    expect ("{t!H}", "[{\"t\":3661.2}]", false, "1:01:01\n");
    expect ("{t!D}", "[{\"t\":1.0},{\"t\":0}]", false, "1970-01-01T00:00:01\n\n");
    expect ("{t!d:%H-%M::>8}", "[{\"t\":61.0}]", false, "   00-01\n");
    expect ("{t!P}", "[{\"t\":0.5},{\"t\":0.015},{\"t\":0.0005}]", false, "50%\n1.5%\n0.05%\n");
    expect ("{t!F:h} {name:>3h}", "[{\"t\":0,\"name\":\"\"},{}]", false, "-   -\n-   -\n");
}

static void rows_sort_by_kind (void **state)
{
    expect ("sort:-n,id {id}",
            "[{\"id\":\"b\",\"n\":2},{\"id\":\"c\"},{\"id\":\"a\",\"n\":2},{\"id\":\"d\",\"n\":10}]",
            false, "d\na\nb\nc\n");
}

static void lines_are_cut_at_the_width (void **state)
{
    char *got = render ("{name}", "[{\"name\":\"abcdefgh\"}]", false, 5);

    assert_string_equal (got, "abcde\n");
    free (got);
}

static void bad_formats_name_the_fault (void **state)
{
    static const char *bad[] = {
        "{", "}", "{}", "{nope}", "{id!Z}", "{id:99999}", "{id:>4q}", "{id:.}", "{id!D!D}",
    };
    flux_error_t err;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        err.text[0] = '\0';
        errno = 0;
        assert_null (format_parse (bad[i], heading, NULL, &err));
        assert_int_equal (errno, EINVAL);
        assert_int_not_equal (err.text[0], '\0');
    }
    assert_null (format_parse ("{nope}", heading, NULL, &err));
    assert_string_equal (err.text, "Unknown format field: nope");
    assert_null (format_parse ("sort:id,-nope {id}", heading, NULL, &err));
    assert_string_equal (err.text, "Unknown sort key: nope");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (columns_align_and_cut),
        cmocka_unit_test (empty_columns_go_and_wide_ones_grow),
        cmocka_unit_test (conversions_follow_the_manual),
        cmocka_unit_test (rows_sort_by_kind),
        cmocka_unit_test (lines_are_cut_at_the_width),
        cmocka_unit_test (bad_formats_name_the_fault),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
