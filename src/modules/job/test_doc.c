/* test_doc.c - jobspecs share what they have in common, and come back as they were */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "modules/job/doc.h"
#include "modules/job/env.h"

/* A jobspec whose system object has 'members' (with their commas). */
static char *jobspec (const char *members, const char *cmd)
{
    char *s;

    assert_true (asprintf (&s, "{\"version\":1,\"resources\":[{\"type\":\"slot\",\"count\":1,"
                           "\"label\":\"task\",\"with\":[{\"type\":\"core\",\"count\":1}]}],"
                           "\"tasks\":[{\"command\":[\"%s\"],\"slot\":\"task\","
                           "\"count\":{\"per_slot\":1}}],\"attributes\":{\"system\":{%s}}}",
                           cmd, members) > 0);
    return s;
}

/* The document if the shape is known, after a check that it is the text. */
static struct jobdoc *known (struct docset *set, const char *members)
{
    char *s = jobspec (members, "true");
    struct jobdoc *doc = jobdoc_known (set, s);
    size_t len;

    if (doc) {
        assert_string_equal (jobdoc_text (doc, &len), s);
        assert_int_equal (len, strlen (s));
    }
    free (s);
    return doc;
}

static struct jobdoc *from (struct docset *set, const char *members, const char *cmd)
{
    char *s = jobspec (members, cmd);
    flux_error_t err;
    struct jobdoc *doc = jobdoc_from_text (set, s, &err);

    if (!doc)
        fail_msg ("%s", err.text);
    assert_string_equal (jobdoc_text (doc, NULL), s);
    free (s);
    return doc;
}

#define ENV(mid) "\"duration\":0,\"environment\":{\"PATH\":\"/bin\",\"CC\":\"" mid "\",\"HOME\":\"/\"}"

static void test_share (void **state)
{
    struct docset *set = docset_new ();
    struct jobdoc *doc = from (set, ENV ("1"), "true"), *same, *other, *none;
    const char *redacted;
    size_t n, n2;

    assert_ptr_equal ((same = known (set, ENV ("1"))), doc);
    other = known (set, ENV ("12"));
    assert_non_null (other);
    assert_ptr_not_equal (other, doc);
    assert_ptr_equal (jobdoc_attrs (other), jobdoc_attrs (doc));
    redacted = jobdoc_redacted (doc, &n);
    assert_null (strstr (redacted, "environment"));
    assert_int_equal (n, strlen (redacted));
    assert_ptr_equal (jobdoc_redacted (other, &n2), redacted);
    none = from (set, "\"duration\":0", "true");
    assert_string_equal (jobdoc_text (none, &n2), redacted);
    assert_int_equal (n2, n);
    jobdoc_unref (none);
    jobdoc_unref (doc);
    jobdoc_unref (same);
    /* what it is a difference from is still there */
    assert_non_null (strstr (jobdoc_text (other, NULL), "\"CC\":\"12\",\"HOME\""));
    jobdoc_unref (other);
    assert_null (known (set, ENV ("1")));       /* the shape is not */
    docset_free (set);
}

/* What a scheduler is told: all but the environment and the files. */
static void test_brief (void **state)
{
    struct docset *set = docset_new ();
    struct jobdoc *doc = from (set, "\"files\":{\"a\":{\"mode\":33152,\"encoding\":\"utf-8\","
                                    "\"data\":\"environment\"}}," ENV ("1"), "true");
    struct jobdoc *none = from (set, ENV ("1"), "true");
    struct jobdoc *decoded, *plain;
    flux_error_t err;
    json_t *o, *sys;
    size_t n, n2;

    assert_null (strstr (jobdoc_brief (doc, &n), "files"));
    assert_int_equal (n, strlen (jobdoc_brief (doc, &n2)));
    assert_null (strstr (jobdoc_brief (doc, &n), "environment"));
    assert_non_null (strstr (jobdoc_redacted (doc, &n2), "\"data\":\"environment\""));
    /* the same as that of a job without, however it came to be */
    assert_non_null (decoded = jobdoc_from_text (set, jobdoc_brief (doc, &n), &err));
    assert_non_null (plain = jobdoc_from_text (set, jobdoc_redacted (none, &n2), &err));
    assert_true (json_equal (jobdoc_redacted_json (decoded), jobdoc_redacted_json (plain)));
    assert_non_null (o = jobdoc_brief_json (doc));
    assert_true (json_equal (o, jobdoc_redacted_json (plain)));
    json_decref (o);
    /* the job itself keeps them */
    sys = json_object_get (json_object_get (jobdoc_redacted_json (doc), "attributes"), "system");
    assert_non_null (json_object_get (sys, "files"));
    assert_null (json_object_get (sys, "environment"));
    assert_string_equal (jobdoc_brief (none, &n), jobdoc_redacted (none, &n2));
    assert_non_null (o = jobdoc_brief_json (none));
    assert_ptr_equal (o, jobdoc_redacted_json (none));
    json_decref (o);
    jobdoc_unref (decoded);
    jobdoc_unref (plain);
    jobdoc_unref (none);
    jobdoc_unref (doc);
    docset_free (set);
}

/* Texts that differ from a known one where a difference may break them. */
static void test_invalid (void **state)
{
    struct docset *set = docset_new ();
    struct jobdoc *doc = from (set, ENV ("1"), "true");
    struct jobdoc *esc = from (set, ENV ("a\\n\\u0041c"), "true");
    static const char *const bad[] = {
        ENV ("\t"), ENV ("\\q"), ENV ("a\\n\\u00g1c"), ENV ("a\\q\\u0041c"),
        ENV ("1\",\"PATH\":\"x"), ENV ("\xff"), ENV ("1\":\"x"), ENV ("1\"}x{\""),
        "\"duration\":0,\"environment\":{\"PATH\":\"/bin\",\"PATH\":\"1\",\"HOME\":\"/\"}",
        "\"duration\":0,\"environment\":{\"PATH\":\"/bin\",\"CC\":1,\"HOME\":\"/\"}",
        "\"duration\":0,\"environment\":{\"PATH\":\"/bin\",\"CC\":\"1\"\"HOME\":\"/\"}",
        "\"duration\":0,\"environment\":[\"PATH\",\"CC\"]",
    };
    static const char *const good[] = {
        ENV (""), ENV ("1"), ENV ("11"), ENV ("\\\""), ENV ("a\\n\\u0042c"), ENV ("\\\\"),
        ENV ("\xc3\xa9"), ENV ("}"), ENV ("1\",\"MORE\":\"x"), ENV ("a\\t\\u0041c"),
        "\"duration\":0,\"environment\":{\"PATH\":\"/bin\",\"CD\":\"1\",\"HOME\":\"/\"}",
        "\"duration\":0,\"environment\":{\"PATH\":\"/bin\",\"CC\":null,\"HOME\":\"/\"}",
        "\"duration\":0,\"environment\":{}",
        "\"environment\":{\"PATH\":\"/bin\"},\"duration\":0",
        "\"environment\": { \"CC\" : \"1\" } , \"duration\":0",
    };

    for (size_t i = 0; i < sizeof (bad) / sizeof (*bad); i++) {
        if (known (set, bad[i]))
            fail_msg ("accepted: %s", bad[i]);
    }
    for (size_t i = 0; i < sizeof (good) / sizeof (*good); i++) {
        struct jobdoc *d = from (set, good[i], "true");
        jobdoc_unref (d);
    }
    jobdoc_unref (doc);
    jobdoc_unref (esc);
    docset_free (set);
}

/* More environments than are remembered, taking turns; all come back. */
static void test_many (void **state)
{
    enum { KINDS = 7, N = 200 };
    struct docset *set = docset_new ();
    struct jobdoc *docs[KINDS * N];
    char pad[KINDS][400], members[600];

    for (int k = 0; k < KINDS; k++) {
        memset (pad[k], 'a' + k, sizeof (pad[k]) - 1);
        pad[k][sizeof (pad[k]) - 1] = '\0';
    }
    for (int i = 0; i < KINDS * N; i++) {
        snprintf (members, sizeof (members), "\"duration\":0,\"environment\":{\"%s\":\"%d\"}",
                  pad[i % KINDS], i * i);
        docs[i] = from (set, members, i % 2 ? "true" : "false");
    }
    for (int i = 0; i < KINDS * N; i++) {
        char want[500];
        snprintf (want, sizeof (want), "{\"%s\":\"%d\"}", pad[i % KINDS], i * i);
        assert_non_null (strstr (jobdoc_text (docs[i], NULL), want));
        jobdoc_unref (docs[i]);
    }
    docset_free (set);
}

static void test_compare (void **state)
{
    struct envset *set = envset_new ();
    const char *a = ",\"environment\":{\"A\":\"1\",\"B\":\"x\"}";
    const char *b = ",\"environment\":{\"A\":\"2345\",\"B\":\"x\"}";
    const char *c = ",\"environment\":{\"A\":\"2345\",\"C\":\"x\"}";
    struct env_diff d = env_compare (set, a, strlen (a)), e;

    assert_null (d.base);
    assert_false (d.valid);
    assert_int_equal (env_hold (set, &d, a, strlen (a)), 0);
    assert_int_equal (d.middle, 0);
    e = env_compare (set, b, strlen (b));
    assert_ptr_equal (e.base, d.base);
    assert_int_equal (e.middle, 4);
    assert_true (e.valid);
    assert_int_equal (env_len (&e), strlen (b));
    e = env_compare (set, c, strlen (c));
    assert_false (e.valid);
    env_release (&d);
    envset_free (set);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_compare),
        cmocka_unit_test (test_share),
        cmocka_unit_test (test_brief),
        cmocka_unit_test (test_invalid),
        cmocka_unit_test (test_many),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
