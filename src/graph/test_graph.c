/* test_graph.c - building and changing graphs, readers, bits, requests, find */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/bits.h"
#include "graph/emit.h"
#include "graph/find.h"
#include "graph/graph.h"
#include "graph/match.h"
#include "graph/read_grug.h"
#include "graph/read_yaml.h"
#include "graph/readers.h"
#include "graph/test_make.h"

static void test_bits (void **state)
{
    static const uint32_t sizes[] = { 1, 63, 64, 65, 4096, 4097, 300000 };

    for (int k = 0; k < 7; k++) {
        uint32_t n = sizes[k], step = n / 7 + 1;
        struct bits b;

        assert_int_equal (bits_init (&b, n), 0);
        assert_int_equal (bits_next (&b, 0), BITS_NONE);
        assert_int_equal (bits_prev (&b, n), BITS_NONE);
        for (uint32_t i = 0; i < n; i += step)
            bits_put (&b, i, true);
        for (uint32_t i = 0; i < n; i += n / 50 + 1) {
            uint32_t up = (i + step - 1) / step * step;
            assert_int_equal (bits_next (&b, i), up < n ? up : BITS_NONE);
            assert_int_equal (bits_prev (&b, i), i / step * step);
        }
        assert_int_equal (bits_next (&b, n), BITS_NONE);
        for (uint32_t i = 0; i < n; i += step)
            bits_put (&b, i, false);
        assert_int_equal (bits_prev (&b, n - 1), BITS_NONE);
        bits_release (&b);
    }
}

/* Added breadth first, numbered depth first. */
static void test_order (void **state)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0), *map;
    uint32_t a = make_vertex (g, top, "node", 0), b = make_vertex (g, top, "node", 1);
    uint32_t c = make_vertex (g, a, "core", 0), d = make_vertex (g, b, "core", 0);
    char s[64];

    assert_int_equal (make_vertex (g, 99, "node", 0), GRAPH_NONE);
    assert_int_equal (errno, EINVAL);
    assert_int_equal (graph_finish (g, &map), 0);
    assert_non_null (map);
    assert_int_equal (map[c], 2);
    assert_int_equal (map[d], 4);
    assert_int_equal (graph_end (g, map[a]), 3);
    assert_int_equal (graph_parent (g, map[d]), map[b]);
    assert_int_equal (graph_path (g, map[d], s, sizeof (s)), 21);
    assert_string_equal (s, "/cluster0/node1/core0");
    assert_int_equal (graph_path (g, map[d], s, 5), 21);
    assert_string_equal (s, "/clu");
    assert_int_equal (graph_by_path (g, "/cluster0/node1/core0"), map[d]);
    assert_int_equal (graph_by_path (g, "/cluster0/node"), GRAPH_NONE);
    assert_int_equal (graph_by_path (g, "cluster0"), GRAPH_NONE);
    assert_int_equal (graph_total (g, 0, "core"), 2);
    assert_int_equal (graph_finish (g, NULL), -EINVAL);
    free (map);
    graph_free (g);
    graph_free (NULL);
}

static struct request *one_core (void)
{
    static const char s[] = "{\"resources\":[{\"type\":\"slot\",\"label\":\"a\",\"count\":1,"
        "\"with\":[{\"type\":\"core\",\"count\":1}]}]}";

    return request_decode (s, strlen (s), NULL);
}

static struct job *take (struct graph *g, int64_t id)
{
    struct policy p = { .high = true };
    struct request *r = one_core ();
    struct match_args a = { &p, r, MATCH_ALLOCATE, id, 0, 10 };
    struct match_why why;
    struct job *j = NULL;

    graph_match (g, &a, &j, &why);
    request_free (r);
    return j;
}

static void last_name (const struct graph *g, const struct job *j, char *s, size_t size)
{
    size_t n;
    const struct job_part *p = job_parts (j, &n);

    graph_path (g, p[n - 1].vtx, s, size);
}

static void test_grow_shrink (void **state)
{
    struct graph *g = graph_new ();
    uint32_t top = make_vertex (g, GRAPH_NONE, "cluster", 0);
    struct vtx_spec more[2];
    char s[64];

    for (int i = 0; i < 2; i++)
        make_vertex (g, make_vertex (g, top, "node", i), "core", 0);
    assert_int_equal (graph_finish (g, NULL), 0);
    assert_int_equal (graph_set_property (g, graph_by_path (g, "/cluster0/node1"), "p", "1"), 0);
    assert_non_null (take (g, 1));          /* node1/core0 */
    more[0] = (struct vtx_spec){ .parent = graph_by_path (g, "/cluster0/node0"), .id = 1,
        .type = graph_intern (g, "core"), .size = 1, .uniq = -1, .rank = -1 };
    more[1] = more[0];
    more[1].parent = 77;
    assert_int_equal (graph_grow (g, more, 2), -EINVAL);
    assert_int_equal (graph_grow (g, more, 1), 0);
    last_name (g, graph_job (g, 1), s, sizeof (s));
    assert_string_equal (s, "/cluster0/node1/core0");
    assert_non_null (json_object_get (graph_properties (
        g, graph_by_path (g, "/cluster0/node1")), "p"));
    assert_int_equal (graph_free_now (g, 0, "core"), 2);
    assert_non_null (take (g, 2));
    last_name (g, graph_job (g, 2), s, sizeof (s));
    assert_string_equal (s, "/cluster0/node0/core1");
    assert_int_equal (graph_shrink (g, graph_by_path (g, "/cluster0/node0")), -EBUSY);
    assert_int_equal (graph_shrink (g, 0), -EINVAL);
    assert_int_equal (graph_cancel (g, 2), 0);
    assert_int_equal (graph_shrink (g, graph_by_path (g, "/cluster0/node0")), 0);
    last_name (g, graph_job (g, 1), s, sizeof (s));
    assert_string_equal (s, "/cluster0/node1/core0");
    assert_null (take (g, 3));
    assert_int_equal (graph_cancel (g, 1), 0);
    assert_non_null (take (g, 3));
    graph_free (g);
}

static const char recipe[] =
    "<graphml><key id='size' for='node'><default>1</default></key><graph>"
    "<node id='c'><data key='root'>1</data><data key='type'>cluster</data></node>"
    "<node id='n'><data key='type'>node</data></node>"
    "<node id='k'><data key='type'>core</data></node>"
    "<node id='p'><data key='root'>1</data><data key='type'>pdu</data>"
    "<data key='subsystem'>power</data></node>"
    "<edge source='c' target='n'><data key='multi_scale'>3</data>"
    "<data key='id_start'>10</data><data key='id_stride'>5</data></edge>"
    "<edge source='n' target='k'><data key='multi_scale'>2</data></edge>"
    "<edge source='p' target='n'><data key='gen_method'>ASSOCIATE_IN</data>"
    "<data key='e_subsystem'>power</data><data key='relation'>supplies_to</data></edge>"
    "</graph></graphml>";

/* Data refers to keys by their ids, whatever these are; ids of vertices begin and step as the
 * edges say. */
static void test_grug_keys (void **state)
{
    static const char s[] = "<graphml><key id='n0' for='node' attr.name='root'><default>0"
        "</default></key><key id='n1' for='node' attr.name='type'/><key id='n2' for='node' "
        "attr.name='basename'/><key id='type' for='edge' attr.name='multi_scale'/><key id='e1' "
        "for='edge' attr.name='id_start'><default>10</default></key><key id='e2' for='edge' "
        "attr.name='id_stride'/><graph><node id='a'><data key='n0'>1</data><data key='n1'>"
        "cluster</data><data key='n2'>c</data></node><node id='b'><data key='n1'>node</data>"
        "</node><edge source='a' target='b'><data key='type'>3</data><data key='e2'>5</data>"
        "</edge></graph></graphml>";
    flux_error_t err;
    struct graph *g = read_grug (s, strlen (s), &err);

    assert_non_null (g);
    assert_int_equal (graph_count (g), 4);
    assert_true (graph_by_path (g, "/c0/node20") != GRAPH_NONE);
    graph_free (g);
}

static void test_grug (void **state)
{
    flux_error_t err;
    struct graph *g = read_grug (recipe, strlen (recipe), &err);
    const char *subsystem, *relation;
    uint32_t src, dst;
    json_t *o, *again;
    struct graph *h;

    assert_non_null (g);
    assert_int_equal (graph_count (g), 11);
    assert_true (graph_by_path (g, "/cluster0/node20/core1") != GRAPH_NONE);
    assert_int_equal (graph_edges (g), 3);
    graph_edge (g, 0, &src, &dst, &subsystem, &relation);
    assert_string_equal (graph_type (g, src), "pdu");
    assert_string_equal (relation, "supplies_to");
    assert_string_equal (subsystem, "power");
    o = emit_graph (g);
    h = read_jgf (o, &err);
    assert_non_null (h);
    again = emit_graph (h);
    assert_true (json_equal (o, again));
    json_decref (o);
    json_decref (again);
    graph_free (h);
    graph_free (g);
}

static void bad_grug (const char *s, const char *what)
{
    flux_error_t err = { "" };

    assert_null (read_grug (s, strlen (s), &err));
    if (!strstr (err.text, what))
        fail_msg ("'%s' does not say '%s'", err.text, what);
}

static void test_bad_grug (void **state)
{
    bad_grug ("", "line 1");
    bad_grug ("<graphml>", "line 1");
    bad_grug ("<graphml><graph>\n<node id='a'><data key='type'>x</data></node>"
              "</graph></graphml>", "no node is the root");
    bad_grug ("<graphml><graph><node id='a'><data key='x'>1</data></node></graph></graphml>",
              "unknown key 'x'");
    bad_grug ("<graphml><graph><node id='a'/>\n<node id='a'/></graph></graphml>",
              "line 2: node 'a' is there twice");
    bad_grug ("<graphml><graph><node id='a'><data key='type'>x</data>"
              "<data key='root'>1</data></node><edge source='a' target='a'>"
              "<data key='multi_scale'>2</data></edge></graph></graphml>", "cycle");
    bad_grug ("<graphml><graph><node id='a'><data key='type'>x</data>"
              "<data key='size'>0</data></node></graph></graphml>", "size is '0'");
}

static void bad_jgf (const char *s, const char *what)
{
    flux_error_t err = { "" };
    json_t *o = json_loads (s, 0, NULL);

    assert_non_null (o);
    assert_null (read_jgf (o, &err));
    if (!strstr (err.text, what))
        fail_msg ("'%s' does not say '%s'", err.text, what);
    json_decref (o);
}

#define N(id) "{\"id\":\"" id "\",\"metadata\":{\"type\":\"t\"}}"
#define E(a, b) "{\"source\":\"" a "\",\"target\":\"" b "\"}"

static void test_bad_jgf (void **state)
{
    bad_jgf ("{}", "graph: must be");
    bad_jgf ("{\"graph\":{\"nodes\":[]}}", "graph.nodes");
    bad_jgf ("{\"graph\":{\"nodes\":[" N ("1") "," N ("1") "]}}", "nodes[1].id: '1' is there twice");
    bad_jgf ("{\"graph\":{\"nodes\":[" N ("1") "," N ("2") "]}}", "second root");
    bad_jgf ("{\"graph\":{\"nodes\":[" N ("1") "," N ("2") "," N ("3") "],\"edges\":["
             E ("2", "3") "," E ("3", "2") "]}}", "cycle");
    bad_jgf ("{\"graph\":{\"nodes\":[" N ("1") "],\"edges\":[" E ("1", "9") "]}}", "edges[0]");
    bad_jgf ("{\"graph\":{\"nodes\":[{\"id\":\"1\",\"metadata\":{\"type\":\"t\",\"size\":-4}}]}}",
             "metadata.size");
}

static void test_hwloc (void **state)
{
    static const char xml[] = "<topology><object type='Machine'><info name='HostName' "
        "value='h'/><object type='Package'><object type='Core'><object type='PU'/></object>"
        "<object type='Core'/></object><object type='Bridge'><object type='PCIDev'>"
        "<object type='OSDev' name='cuda0'/><object type='OSDev' name='sda'/></object>"
        "</object></object></topology>";
    static const char caches[] = "<topology><object type='Machine'><object type='NUMANode' "
        "local_memory='2147483648'/><object type='NUMANode' local_memory='1073741824'/>"
        "<object type='L3Cache'><object type='Cache' depth='2' cache_type='0'><object "
        "type='Cache' depth='1' cache_type='2'><object type='Core'/></object></object></object>"
        "<object type='OSDev' name='sda' osdev_type='0'/><object type='OSDev' name='eth0' "
        "osdev_type='2'/></object></topology>";
    static const char lie[] = "<topology><object type='NUMANode' local_memory='-1'/></topology>";
    uint32_t v;
    flux_error_t err;
    struct graph *g = read_hwloc (xml, strlen (xml), NULL, &err);

    assert_non_null (g);
    assert_int_equal (graph_total (g, 0, "core"), 2);
    assert_int_equal (graph_total (g, 0, "gpu"), 1);
    assert_int_equal (graph_total (g, 0, "socket"), 0);
    assert_true (graph_by_path (g, "/cluster0/h/core1") != GRAPH_NONE);
    graph_free (g);
    g = read_hwloc (xml, strlen (xml), "node,socket,core", &err);
    assert_int_equal (graph_total (g, 0, "socket"), 1);
    graph_free (g);
    g = read_hwloc (caches, strlen (caches), "node,l3cache,l2cache,core,memory,storage", &err);
    assert_non_null (g);
    assert_int_equal (graph_total (g, 0, "memory"), 3072);
    assert_int_equal (graph_total (g, 0, "l3cache"), 1);
    assert_int_equal (graph_total (g, 0, "l2cache"), 1);
    assert_int_equal (graph_total (g, 0, "storage"), 1);
    v = graph_by_path (g, "/cluster0/node0/l3cache0/l2cache0/core0");
    assert_true (v != GRAPH_NONE);
    v = graph_by_path (g, "/cluster0/node0/memory1");
    assert_true (v != GRAPH_NONE);
    assert_int_equal (graph_size (g, v), 1024);
    assert_string_equal (graph_unit (g, v), "MB");
    graph_free (g);
    assert_null (read_hwloc (lie, strlen (lie), "memory", &err));
    assert_non_null (strstr (err.text, "local_memory is not a number"));
    assert_null (read_hwloc ("<x/>", 4, NULL, &err));
    assert_null (read_hwloc ("<topology>", 10, NULL, &err));
}

static void test_yaml (void **state)
{
    static const char good[] = "a: 1\nb: [x, 'y', \"2\", 1.5, null, true]\nc:\n  - d: e\n";
    static const char *bad[] = { "a: [", "a: 1\na: 2", "a: &x 1\nb: *x", "", "a\n---\nb",
                                 "? [a]\n: b" };
    flux_error_t err = { "" };
    json_t *o = yaml_to_json (good, strlen (good), &err);
    json_t *want = json_pack ("{s:i s:[s,s,s,f,n,b] s:[{s:s}]}", "a", 1, "b", "x", "y", "2",
                              1.5, 1, "c", "d", "e");

    assert_true (json_equal (o, want));
    json_decref (o);
    json_decref (want);
    for (int i = 0; i < 6; i++) {
        err.text[0] = '\0';
        assert_null (yaml_to_json (bad[i], strlen (bad[i]), &err));
        assert_non_null (strstr (err.text, "line "));
    }
}

static int64_t best (const char *count, int64_t n, int64_t *most)
{
    char s[256];
    struct request *r;
    int64_t b;

    snprintf (s, sizeof (s), "{\"resources\":[{\"type\":\"x\",\"count\":%s}]}", count);
    r = request_decode (s, strlen (s), NULL);
    assert_non_null (r);
    b = request_best (r->top, n);
    *most = request_most (r->top);
    request_free (r);
    return b;
}

static void test_counts (void **state)
{
    int64_t most;

    assert_int_equal (best ("4", 3, &most), 0);
    assert_int_equal (best ("4", 9, &most), 4);
    assert_int_equal (best ("{\"min\":2,\"max\":64,\"operator\":\"^\",\"operand\":4}", 80,
                            &most), 16);
    assert_int_equal (most, 16);
    assert_int_equal (best ("{\"min\":1,\"max\":64,\"operator\":\"*\",\"operand\":2}", 44,
                            &most), 32);
    assert_int_equal (most, 64);
    assert_int_equal (best ("{\"min\":3,\"max\":30,\"operator\":\"+\",\"operand\":5}", 12,
                            &most), 8);
    assert_int_equal (most, 28);
    assert_int_equal (best ("{\"min\":3}", 1000, &most), 1000);
    assert_true (most == REQUEST_MANY);
    assert_int_equal (best ("\"4,9,16\"", 15, &most), 9);
    assert_int_equal (most, 16);
}

static void test_bad_requests (void **state)
{
    static const char *bad[][2] = {
        { "[]", "must be an object" }, { "{}", "resources" }, { "{", "line 1" },
        { "{\"resources\":[{\"type\":\"x\"}]}", "resources[0]: needs 'count'" },
        { "{\"resources\":[{\"count\":1}]}", "needs 'type'" },
        { "{\"resources\":[{\"type\":\"slot\",\"label\":\"a\",\"count\":1}]}", "with" },
        { "{\"resources\":[{\"type\":\"x\",\"count\":1,\"with\":[{\"type\":\"y\",\"count\":0}]}]}",
          "resources[0].with[0]: count" },
        { "{\"resources\":[{\"type\":\"x\",\"count\":1,\"exclusive\":1}]}", "exclusive" },
        { "{\"resources\":[{\"type\":\"x\",\"count\":1}],\"attributes\":{\"system\":"
          "{\"duration\":-1}}}", "duration" },
        { "{\"resources\":[{\"type\":\"x\",\"count\":1}],\"attributes\":{\"system\":"
          "{\"constraints\":{\"foo\":[]}}}}", "constraints" },
    };

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        flux_error_t err = { "" };
        assert_null (request_decode (bad[i][0], strlen (bad[i][0]), &err));
        if (!strstr (err.text, bad[i][1]))
            fail_msg ("'%s' does not say '%s'", err.text, bad[i][1]);
    }
}

static void test_find (void **state)
{
    static const char *bad[] = { "", "status", "status=", "status=sideways", "x=1", "not",
        "status=up and", "(status=up", "status=up status=down", "jobid-alloc=x" };
    flux_error_t err;
    struct graph *g = read_grug (recipe, strlen (recipe), &err);
    struct find *f;
    uint32_t *v;
    size_t n;

    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++) {
        assert_null (find_parse (bad[i], &err));
        assert_non_null (strstr (err.text, "column"));
    }
    assert_int_equal (graph_set_status (g, graph_by_path (g, "/cluster0/node15"), false), 0);
    assert_non_null (take (g, 7));
    f = find_parse ("type=core and (status=down or jobid-alloc=7) and not name=core0", &err);
    assert_non_null (f);
    assert_int_equal (find_run (f, g, &v, &n), 0);
    assert_int_equal (n, 2);
    free (v);
    find_free (f);
    find_free (NULL);
    graph_free (g);
}

static void test_R (void **state)
{
    static const char s[] = "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0-2\","
        "\"children\":{\"core\":\"0-3\",\"gpu\":\"0\"}}],\"starttime\":0,\"expiration\":0,"
        "\"nodelist\":[\"a1,b[7-8]\"],\"properties\":{\"fast\":\"1-2\"}}}";
    json_t *R = json_loads (s, 0, NULL), *out;
    flux_error_t err;
    struct graph *g = read_R (R, false, &err), *h;
    struct job_part *part;
    struct job *j;
    size_t n;

    assert_non_null (g);
    assert_int_equal (graph_total (g, 0, "core"), 12);
    assert_int_equal (graph_by_rank (g, 1), graph_by_path (g, "/cluster0/b7"));
    assert_int_equal (R_parts (g, R, &part, &n, &err), 0);
    assert_int_equal (graph_place (g, 3, false, 5, 50, 5, part, n, 2, &j), 0);
    free (part);
    out = emit_R (g, j, true);
    assert_int_equal (json_integer_value (json_object_get (
        json_object_get (out, "execution"), "nslots")), 2);
    h = read_R (out, true, &err);       /* by its scheduling key */
    assert_non_null (h);
    assert_int_equal (graph_total (h, 0, "gpu"), 3);
    assert_int_equal (graph_rank (h, graph_by_path (h, "/cluster0/b8/core1")), 2);
    assert_int_equal (jgf_parts (g, out, false, &part, &n, &err), 0);
    assert_int_equal (graph_cancel (g, 3), 0);
    assert_int_equal (graph_place (g, 4, false, 5, 50, 5, part, n, 0, &j), 0);
    free (part);
    json_decref (out);
    json_decref (R);
    graph_free (g);
    graph_free (h);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_bits), cmocka_unit_test (test_order),
        cmocka_unit_test (test_grow_shrink), cmocka_unit_test (test_grug),
        cmocka_unit_test (test_grug_keys),
        cmocka_unit_test (test_bad_grug), cmocka_unit_test (test_bad_jgf),
        cmocka_unit_test (test_hwloc), cmocka_unit_test (test_yaml),
        cmocka_unit_test (test_counts), cmocka_unit_test (test_bad_requests),
        cmocka_unit_test (test_find), cmocka_unit_test (test_R),
    };

    return cmocka_run_group_tests_name ("graph", tests, NULL, NULL);
}
