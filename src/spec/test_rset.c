/* test_rset.c - R against RFC 20, and its set operations
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "spec/rset.h"

/* A set from "RANKS/CORES[/GPUS] ..." with hosts nRANK. */
static struct rset *make (const char *s)
{
    struct rset *r = rset_new ();
    char ranks[64], cores[64], gpus[64];

    while (*s) {
        char *slot[] = { ranks, cores, gpus };
        struct idset *ids;

        ranks[0] = cores[0] = gpus[0] = '\0';
        for (int i = 0; i < 3 && *s && *s != ' '; i++) {
            size_t len = strcspn (s, "/ ");

            snprintf (slot[i], 64, "%.*s", (int)len, s);
            s += len + (s[len] == '/');
        }
        while (*s == ' ')
            s++;
        assert_non_null ((ids = idset_decode (ranks)));
        for (unsigned int i = idset_first (ids); i != IDSET_INVALID_ID;
             i = idset_next (ids, i)) {
            char host[32];

            snprintf (host, sizeof (host), "n%u", i);
            assert_int_equal (rset_add_rank (r, i, host, cores[0] ? cores : NULL,
                                             gpus[0] ? gpus : NULL), 0);
        }
        idset_destroy (ids);
    }
    return r;
}

static void check (struct rset *r, const char *dump)
{
    char *s = rset_dumps (r);

    assert_non_null (s);
    assert_string_equal (s, dump);
    free (s);
    rset_free (r);
}

static void test_build (void **state)
{
    struct rset *r = make ("3/0-3/0 0-1/0-3/0 7/2");
    struct hostlist *hl;
    char *s;

    assert_int_equal (rset_nnodes (r), 4);
    assert_int_equal (rset_count (r, "core"), 13);
    assert_int_equal (rset_count (r, "gpu"), 3);
    assert_int_equal (rset_count (r, "node"), 4);
    assert_int_equal (rset_count (r, "socket"), 0);
    assert_int_equal (idset_count (rset_ranks (r)), 4);
    assert_string_equal (rset_host (r, 3), "n3");
    assert_null (rset_host (r, 2));
    assert_int_equal (idset_count (rset_ids (r, 0, "core")), 4);
    assert_null (rset_ids (r, 7, "gpu"));
    assert_null (rset_ids (r, 2, "core"));
    assert_int_equal (rset_add_rank (r, 3, "x", "0", NULL), -EEXIST);
    assert_int_equal (rset_add_rank (r, 4, "x", NULL, NULL), -EINVAL);
    assert_int_equal (rset_add_rank (r, 4, "x", "", ""), -EINVAL);
    assert_int_equal (rset_add_rank (r, 4, "x", "1-", NULL), -EINVAL);
    assert_int_equal (rset_add_rank (r, 4, "x", "0", "a"), -EINVAL);
    assert_int_equal (rset_add_rank (r, 4, "x", "0-99999999", NULL), -EINVAL);
    assert_int_equal (rset_add_rank (r, 4, "a[0-1]", "0", NULL), -EINVAL);
    assert_int_equal (rset_add_rank (r, 4, "", "0", NULL), -EINVAL);
    assert_int_equal (rset_nnodes (r), 4);
    hl = rset_hosts (r);
    s = hostlist_encode (hl);
    assert_string_equal (s, "n[0-1,3,7]");
    free (s);
    hostlist_destroy (hl);
    check (r, "rank[0-1,3]/core[0-3],gpu0 rank7/core2");
    check (make ("0//0-1"), "rank0/gpu[0-1]");
    check (rset_new (), "");
    rset_free (NULL);
}

static void test_iterate (void **state)
{
    struct rset *r = make ("1/0 5/0-1/3");
    const struct idset *cores, *gpus;
    const char *host;
    uint32_t rank;
    size_t pos = 0;

    assert_true (rset_node_next (r, &pos, &rank, &host, &cores, &gpus));
    assert_int_equal (rank, 1);
    assert_string_equal (host, "n1");
    assert_null (gpus);
    assert_true (rset_node_next (r, &pos, &rank, NULL, &cores, &gpus));
    assert_int_equal (rank, 5);
    assert_true (idset_test (gpus, 3));
    assert_false (rset_node_next (r, &pos, &rank, NULL, NULL, NULL));
    rset_free (r);
}

static void test_sets (void **state)
{
    struct rset *a = make ("0-3/0-3 4/0-1/0");
    struct rset *b = make ("1-2/0-3 3/1-2 4/5/0 9/0");
    struct idset *ranks = idset_decode ("0,4,100");
    struct rset *r;

    check (rset_copy (a), "rank[0-3]/core[0-3] rank4/core[0-1],gpu0");
    check (rset_union (a, b), "rank[0-3]/core[0-3] rank4/core[0-1,5],gpu0 rank9/core0");
    check (rset_diff (a, b), "rank0/core[0-3] rank3/core[0,3] rank4/core[0-1]");
    check (rset_diff (b, a), "rank4/core5 rank9/core0");
    check (rset_diff (a, a), "");
    check (rset_intersect (a, b), "rank[1-2]/core[0-3] rank3/core[1-2] rank4/gpu0");
    check (rset_copy_ranks (a, ranks), "rank0/core[0-3] rank4/core[0-1],gpu0");
    assert_int_equal (rset_append (a, b), -EEXIST);
    assert_int_equal (rset_nnodes (a), 5);
    rset_free (b);
    b = make ("0/4-5 4/2/1 7/0");
    assert_int_equal (rset_append (a, b), 0);
    r = rset_copy (a);
    check (r, "rank0/core[0-5] rank[1-3]/core[0-3] rank4/core[0-2],gpu[0-1] rank7/core0");
    assert_string_equal (rset_host (a, 7), "n7");
    assert_int_equal (rset_remove_ranks (a, ranks), 0);
    assert_int_equal (idset_count (rset_ranks (a)), 4);
    check (a, "rank[1-3]/core[0-3] rank7/core0");
    rset_free (b);
    idset_destroy (ranks);
}

static void test_remap (void **state)
{
    struct rset *r = make ("19-20/0-3 25/0");
    struct idset *ranks = idset_decode ("20,25");
    struct hostlist *hl = hostlist_decode ("a,b,c");
    json_t *props;

    assert_int_equal (rset_set_property (r, "x", ranks, NULL), 0);
    assert_int_equal (rset_remap_ranks (r), 0);
    assert_string_equal (rset_host (r, 2), "n25");
    props = rset_properties (r);
    assert_string_equal (json_string_value (json_object_get (props, "x")), "1-2");
    json_decref (props);
    assert_int_equal (rset_set_hosts (r, hl), 0);
    assert_string_equal (rset_host (r, 0), "a");
    assert_string_equal (rset_host (r, 2), "c");
    hostlist_delete (hl, "b");
    assert_int_equal (rset_set_hosts (r, hl), -EINVAL);
    assert_string_equal (rset_host (r, 1), "b");
    hostlist_destroy (hl);
    idset_destroy (ranks);
    check (r, "rank[0-1]/core[0-3] rank2/core0");
}

static void test_rerank (void **state)
{
    struct rset *r = make ("0/0 1/1 2/2");
    struct hostlist *order = hostlist_decode ("x,n2,n0,n[0-1]");
    struct hostlist *lacking = hostlist_decode ("n[0-1],x");
    struct hostlist *twice = hostlist_decode ("a,b,a,b");
    struct idset *two = idset_decode ("2");

    rset_set_property (r, "p", two, NULL);
    assert_int_equal (rset_rerank_hosts (r, lacking), -ENOENT);
    assert_string_equal (rset_host (r, 2), "n2");
    assert_int_equal (rset_rerank_hosts (r, order), 0);
    assert_true (rset_has_property (r, 1, "p"));
    assert_false (rset_has_property (r, 2, "p"));
    check (r, "rank1/core2 rank2/core0 rank4/core1");
    r = rset_new ();
    rset_add_rank (r, 0, "b", "0", NULL);
    rset_add_rank (r, 1, "a", "1", NULL);
    rset_add_rank (r, 2, "b", "2", NULL);
    assert_int_equal (rset_rerank_hosts (r, twice), 0);
    check (r, "rank0/core1 rank1/core0 rank3/core2");
    idset_destroy (two);
    hostlist_destroy (order);
    hostlist_destroy (lacking);
    hostlist_destroy (twice);
}

static void test_properties (void **state)
{
    struct rset *r = make ("0-3/0");
    struct idset *some = idset_decode ("1-2");
    struct idset *beyond = idset_decode ("3-4");
    struct idset *first = idset_decode ("0-1");
    struct rset *sub;
    flux_error_t err;

    assert_int_equal (rset_set_property (r, "ssd", some, &err), 0);
    assert_int_equal (rset_set_property (r, "amd@gpu", first, &err), 0);
    assert_int_equal (rset_set_property (r, "x", beyond, &err), -ENOENT);
    assert_non_null (strstr (err.text, "rank 4"));
    assert_int_equal (rset_set_property (r, "a|b", some, &err), -EINVAL);
    assert_int_equal (rset_set_property (r, "", some, &err), -EINVAL);
    assert_true (rset_has_property (r, 1, "ssd"));
    assert_false (rset_has_property (r, 0, "ssd"));
    assert_false (rset_has_property (r, 0, "nope"));
    sub = rset_copy_ranks (r, first);
    assert_true (rset_has_property (sub, 1, "ssd"));
    assert_false (rset_has_property (sub, 2, "ssd"));
    rset_free (sub);
    assert_int_equal (rset_remove_property (r, "ssd", first), 0);
    assert_false (rset_has_property (r, 1, "ssd"));
    assert_true (rset_has_property (r, 2, "ssd"));
    assert_int_equal (rset_remove_property (r, "nope", first), -ENOENT);
    assert_int_equal (rset_remove_ranks (r, some), 0);
    assert_false (rset_has_property (r, 2, "ssd"));
    assert_true (rset_has_property (r, 0, "amd@gpu"));
    rset_free (r);
    idset_destroy (some);
    idset_destroy (first);
    idset_destroy (beyond);
}

static void test_constraint (void **state)
{
    const struct {
        const char *json;
        const char *ranks;   /* NULL: invalid */
    } tests[] = {
        {"{}", "0-9"},
        {"{\"properties\":[\"ssd\"]}", "2-4"},
        {"{\"properties\":[\"ssd\",\"^big\"]}", "2-3"},
        {"{\"properties\":[\"^ssd\"]}", "0-1,5-9"},
        {"{\"properties\":[\"nope\"]}", ""},
        {"{\"properties\":[\"^nope\"]}", "0-9"},
        {"{\"properties\":[]}", "0-9"},
        {"{\"hostlist\":[\"n[1-3]\",\"n9\",\"other[0-1000]\"]}", "1-3,9"},
        {"{\"hostlist\":[\"n[0-99999999]\"]}", "0-9"},
        {"{\"hostlist\":[]}", ""},
        {"{\"ranks\":[\"0\",\"5-100\"]}", "0,5-9"},
        {"{\"not\":[{\"ranks\":[\"0-4\"]}]}", "5-9"},
        {"{\"or\":[{\"properties\":[\"ssd\"]},{\"ranks\":[\"9\"]}]}", "2-4,9"},
        {"{\"and\":[{\"properties\":[\"ssd\"]},{\"hostlist\":[\"n4\"]}]}", "4"},
        {"{\"foo\":[]}", NULL},
        {"{\"ranks\":[1]}", NULL},
        {"{\"ranks\":[\"x\"]}", NULL},
        {"{\"hostlist\":[\"n[\"]}", NULL},
        {"{\"properties\":[\"a|b\"]}", NULL},
        {"{\"properties\":[\"\"]}", NULL},
        {"[]", NULL},
    };
    struct rset *r = make ("0-9/0");
    struct idset *ssd = idset_decode ("2-4");
    struct idset *big = idset_decode ("4-5");

    rset_set_property (r, "ssd", ssd, NULL);
    rset_set_property (r, "big", big, NULL);
    for (size_t i = 0; i < sizeof (tests) / sizeof (tests[0]); i++) {
        json_t *o = json_loads (tests[i].json, 0, NULL);
        flux_error_t err = {0};
        struct rset *sub = rset_copy_constraint (r, o, &err);

        json_decref (o);
        if (!tests[i].ranks) {
            assert_null (sub);
            assert_true (strlen (err.text) > 0);
            continue;
        }
        if (!sub)
            fail_msg ("%s: %s", tests[i].json, err.text);
        char *s = idset_encode (rset_ranks (sub), IDSET_FLAG_RANGE);
        assert_string_equal (s, tests[i].ranks);
        free (s);
        rset_free (sub);
    }
    struct rset *all = rset_copy_constraint (r, NULL, NULL);
    assert_int_equal (rset_nnodes (all), 10);
    rset_free (all);
    rset_free (r);
    idset_destroy (ssd);
    idset_destroy (big);
}

static void test_example (void **state)
{
    json_t *o = json_load_file (FLUX_TEST_DATA "/rfc/spec_20/example1.json", 0, NULL);
    struct rset *r = rset_from_json (o, NULL);
    json_t *out;

    assert_non_null (r);
    assert_int_equal (rset_nnodes (r), 4);
    assert_int_equal (rset_count (r, "core"), 192);
    assert_int_equal (rset_count (r, "gpu"), 32);
    assert_int_equal (rset_nslots (r), 32);
    assert_string_equal (rset_host (r, 22), "node189");
    assert_true (rset_starttime (r) == 1676560542.);
    assert_true (rset_expiration (r) == 1676562342.);
    out = rset_to_json (r);
    assert_true (json_equal (json_object_get (json_object_get (o, "execution"), "R_lite"),
                             json_object_get (json_object_get (out, "execution"), "R_lite")));
    assert_true (json_equal (json_object_get (json_object_get (o, "execution"), "nodelist"),
                             json_object_get (json_object_get (out, "execution"),
                                              "nodelist")));
    json_decref (out);
    json_decref (o);
    rset_free (r);
}

#define X(x) "{\"version\":1,\"execution\":{" x "}}"
#define LITE(x) "\"R_lite\":[" x "]"
#define ENTRY(r, c) "{\"rank\":\"" r "\",\"children\":{" c "}}"
#define CORE1 "\"core\":\"0\""

static void test_roundtrip (void **state)
{
    const char *texts[] = {
        X (LITE ("") ",\"starttime\":0.0,\"expiration\":0.0,\"nodelist\":[]"),
        X (LITE (ENTRY ("0,2", "\"core\":\"0-3\",\"gpu\":\"1\"") "," ENTRY ("1", CORE1))
           ",\"starttime\":1.5,\"expiration\":2.5,\"nodelist\":[\"a,c,b\"],\"nslots\":3,"
           "\"properties\":{\"x\":\"0-1\",\"y@gpu\":\"2\"}"),
        "{\"version\":1,\"execution\":{" LITE (ENTRY ("5", CORE1))
           ",\"starttime\":0.0,\"expiration\":0.0,\"nodelist\":[\"h007\"]},"
           "\"scheduling\":{\"graph\":{\"nodes\":[]}}}",
    };

    for (size_t i = 0; i < sizeof (texts) / sizeof (texts[0]); i++) {
        flux_error_t err = {0};
        struct rset *r = rset_decode (texts[i], strlen (texts[i]), &err);
        struct rset *copy;
        char *s;

        if (!r)
            fail_msg ("%s: %s", texts[i], err.text);
        copy = rset_copy (r);
        rset_free (r);
        s = rset_encode (copy);
        assert_string_equal (s, texts[i]);
        free (s);
        rset_free (copy);
    }
    /* the order of entries is free, and one rank may be in several */
    const char *scattered = X (LITE (ENTRY ("3", CORE1) "," ENTRY ("0-1", CORE1) ","
                                     ENTRY ("3", "\"core\":\"1\",\"gpu\":\"0\""))
                               ",\"nodelist\":[\"a[0-1]\",\"z\"]");
    struct rset *r = rset_decode (scattered, strlen (scattered), NULL);
    assert_string_equal (rset_host (r, 3), "z");
    check (r, "rank[0-1]/core0 rank3/core[0-1],gpu0");
}

static void test_scalars (void **state)
{
    struct rset *r = make ("0/0");
    json_t *o = json_pack ("{s:i}", "a", 1);

    rset_set_starttime (r, 5.);
    rset_set_expiration (r, 6.);
    rset_set_nslots (r, 2);
    assert_int_equal (rset_set_scheduling (r, json_object_get (o, "a")), -EINVAL);
    assert_int_equal (rset_set_scheduling (r, o), 0);
    json_decref (o);
    assert_int_equal (json_object_size (rset_scheduling (r)), 1);
    struct rset *sub = rset_copy_ranks (r, rset_ranks (r));
    assert_true (rset_expiration (sub) == 6. && rset_starttime (sub) == 5.);
    assert_non_null (rset_scheduling (sub));
    assert_int_equal (rset_nslots (sub), 0);
    assert_int_equal (rset_set_scheduling (sub, NULL), 0);
    assert_null (rset_scheduling (sub));
    rset_free (sub);
    rset_free (r);
}

static void test_hostile (void **state)
{
    const struct {
        const char *json;
        const char *expect;
    } bad[] = {
        {"", "not JSON"},
        {"[]", "object"},
        {"{}", "version:"},
        {"{\"version\":2}", "version:"},
        {"{\"version\":1}", "execution:"},
        {X (""), "R_lite:"},
        {X ("\"R_lite\":{}"), "R_lite:"},
        {X (LITE ("1")), "R_lite[0]:"},
        {X (LITE ("{}")), "R_lite[0].rank:"},
        {X (LITE ("{\"rank\":0}")), "R_lite[0].rank:"},
        {X (LITE (ENTRY ("", CORE1))), "R_lite[0].rank:"},
        {X (LITE (ENTRY ("1-", CORE1))), "R_lite[0].rank:"},
        {X (LITE (ENTRY ("0-4294967293", CORE1))), "R_lite[0].rank:"},
        {X (LITE (ENTRY ("0-2147483646", CORE1))), "R_lite[0].rank:"},
        {X (LITE ("{\"rank\":\"0\"}")), "R_lite[0].children:"},
        {X (LITE (ENTRY ("0", ""))), "R_lite[0].children: key core"},
        {X (LITE (ENTRY ("0", "\"core\":\"\""))), "children.core:"},
        {X (LITE (ENTRY ("0", "\"core\":1"))), "children.core:"},
        {X (LITE (ENTRY ("0", "\"core\":\"0-4000000000\""))), "children.core:"},
        {X (LITE (ENTRY ("0", CORE1 ",\"gpu\":\"x\""))), "children.gpu:"},
        {X (LITE (ENTRY ("0-2", CORE1) "," ENTRY ("2", CORE1))), "rank 2 has"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"nodelist\":\"a\""), "nodelist:"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"nodelist\":[1]"), "nodelist[0]:"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"nodelist\":[\"a[\"]"), "nodelist[0]:"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"nodelist\":[\"a[0-1]\"]"), "2 hosts for 1"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"nodelist\":[\"a[0-999999999]\"]"), "hosts for 1"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"nodelist\":[]"), "0 hosts for 1"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"properties\":[]"), "properties:"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"properties\":{\"x\":0}"), "properties.x:"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"properties\":{\"x\":\"-\"}"), "properties.x:"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"properties\":{\"x|\":\"0\"}"), "illegal"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"starttime\":-1"), "starttime:"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"expiration\":\"1\""), "expiration:"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"starttime\":2,\"expiration\":1"), "expiration:"},
        {X (LITE (ENTRY ("0", CORE1)) ",\"nslots\":0"), "nslots:"},
        {"{\"version\":1,\"execution\":{\"R_lite\":[]},\"scheduling\":1}", "scheduling:"},
    };

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        flux_error_t err = {0};
        struct rset *r;

        errno = 0;
        if ((r = rset_decode (bad[i].json, strlen (bad[i].json), &err)))
            fail_msg ("accepted: %s", bad[i].json);
        assert_int_equal (errno, EINVAL);
        if (!strstr (err.text, bad[i].expect))
            fail_msg ("expected '%s', got '%s'", bad[i].expect, err.text);
    }
}

/* Each entry claims a million ranks: refused before it is a burden. */
static void test_hostile_repeat (void **state)
{
    struct buf b = BUF_INIT;
    flux_error_t err;

    buf_adds (&b, "{\"version\":1,\"execution\":{\"R_lite\":[");
    for (int i = 0; i < 2000; i++)
        buf_addf (&b, "%s{\"rank\":\"0-1048575\",\"children\":{\"core\":\"%d\"}}",
                  i ? "," : "", i);
    buf_adds (&b, "]}}");
    assert_null (rset_decode (b.data, b.len, &err));
    assert_non_null (strstr (err.text, "too many ranks"));
    buf_release (&b);
}

static void test_large (void **state)
{
    struct rset *r = rset_new (), *again, *odd, *sub;
    struct idset *ranks = idset_create (0, IDSET_FLAG_AUTOGROW);
    char host[32], *s;

    for (uint32_t i = 0; i < 8192; i++) {
        snprintf (host, sizeof (host), "node%u", i);
        assert_int_equal (rset_add_rank (r, i, host, "0-47", "0-7"), 0);
        if (i % 2)
            idset_set (ranks, i);
    }
    s = rset_encode (r);
    assert_true (strlen (s) < 200);
    again = rset_decode (s, strlen (s), NULL);
    free (s);
    assert_int_equal (rset_count (again, "core"), 8192 * 48);
    odd = rset_copy_ranks (again, ranks);
    sub = rset_diff (again, odd);
    assert_int_equal (rset_nnodes (sub), 4096);
    assert_int_equal (rset_append (sub, odd), 0);
    check (sub, "rank[0-8191]/core[0-47],gpu[0-7]");
    rset_free (odd);
    rset_free (again);
    rset_free (r);
    idset_destroy (ranks);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_build),
        cmocka_unit_test (test_iterate),
        cmocka_unit_test (test_sets),
        cmocka_unit_test (test_remap),
        cmocka_unit_test (test_rerank),
        cmocka_unit_test (test_properties),
        cmocka_unit_test (test_constraint),
        cmocka_unit_test (test_example),
        cmocka_unit_test (test_roundtrip),
        cmocka_unit_test (test_scalars),
        cmocka_unit_test (test_hostile),
        cmocka_unit_test (test_hostile_repeat),
        cmocka_unit_test (test_large),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
