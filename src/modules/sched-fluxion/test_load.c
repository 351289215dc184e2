/* test_load.c - R to a graph, jobs to R and back, ranks that leave
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <flux/idset.h>

#include "base/buf.h"
#include "graph/emit.h"
#include "graph/match.h"
#include "modules/sched-fluxion/fluxion.h"
#include "modules/sched-fluxion/load.h"
#include "modules/sched-fluxion/parts.h"
#include "modules/sched-fluxion/shared.h"
#include "spec/rset.h"

#define R_TEXT(ranks, cores, hosts) \
    "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"" ranks "\",\"children\":" \
    "{\"core\":\"" cores "\",\"gpu\":\"0-1\"}}],\"starttime\":0,\"expiration\":0," \
    "\"nodelist\":[\"" hosts "\"],\"properties\":{\"big\":\"1\",\"+q\":\"1\"}}}"

static struct rset *rset_of (const char *s)
{
    flux_error_t err;
    struct rset *r = rset_decode (s, strlen (s), &err);

    if (!r)
        fail_msg ("%s", err.text);
    return r;
}

static struct graph *graph_of (const struct rset *r)
{
    json_t *o = rset_to_json (r);
    flux_error_t err;
    struct graph *g = load_R (o, r, &err);

    if (!g)
        fail_msg ("%s", err.text);
    json_decref (o);
    return g;
}

static struct job *allocate (struct graph *g, int64_t id, const char *resources)
{
    struct policy low = { .high = false };
    struct match_args a = { .policy = &low, .op = MATCH_ALLOCATE, .jobid = id, .now = 10 };
    struct match_why why;
    flux_error_t err;
    char text[512];
    struct job *j;
    int rc;

    snprintf (text, sizeof (text), "{\"resources\":%s}", resources);
    a.request = request_decode (text, strlen (text), &err);
    assert_non_null (a.request);
    rc = graph_match (g, &a, &j, &why);
    request_free ((struct request *)a.request);
    return rc == 0 ? j : NULL;
}

#define NODES(n, cores) "[{\"type\":\"node\",\"count\":" #n ",\"with\":[{\"type\":\"slot\"," \
    "\"count\":1,\"label\":\"a\",\"with\":[{\"type\":\"core\",\"count\":" #cores "}]}]}]"

static char *R_of (struct graph *g, const struct job *j)
{
    size_t n;
    const struct job_part *part = job_parts (j, &n);
    flux_error_t err;
    struct rset *r = parts_to_rset (g, part, n, &err);
    char *s = r ? rset_encode (r) : strdup (err.text);

    rset_free (r);
    return s;
}

/* What a job has as R; of a node that was taken alone, all. */
static void to_R (void **state)
{
    struct rset *r = rset_of (R_TEXT ("0-2", "0-3", "n[0-2]"));
    struct graph *g = graph_of (r);
    char *s = R_of (g, allocate (g, 1, NODES (2, 3)));

    assert_non_null (strstr (s, "{\"rank\":\"0-1\",\"children\":{\"core\":\"0-2\"}}"));
    assert_non_null (strstr (s, "\"nodelist\":[\"n[0-1]\"]"));
    assert_non_null (strstr (s, "\"properties\":{\"big\":\"1\"}"));
    free (s);
    s = R_of (g, allocate (g, 2, "[{\"type\":\"slot\",\"count\":1,\"label\":\"a\",\"with\":"
                                 "[{\"type\":\"node\",\"count\":1}]}]"));
    assert_non_null (strstr (s, "{\"rank\":\"2\",\"children\":{\"core\":\"0-3\",\"gpu\":\"0-1\"}}"));
    free (s);
    graph_free (g);
    rset_free (r);
}

/* R of a job takes the same from a graph made anew, less the ranks it gave back. */
static void from_R (void **state)
{
    struct rset *r = rset_of (R_TEXT ("0-2", "0-3", "n[0-2]")), *mine;
    struct graph *g = graph_of (r), *again = graph_of (r);
    char *s = R_of (g, allocate (g, 1, NODES (3, 2))), *t;
    struct idset *freed = idset_decode ("1");
    struct job_part *part;
    flux_error_t err;
    struct job *j;
    size_t n;

    mine = rset_of (s);
    assert_int_equal (parts_from_rset (again, mine, NULL, &part, &n, &err), 0);
    assert_int_equal (graph_place (again, 1, false, 10, PLANNER_END, 10, part, n, 3, &j), 0);
    t = R_of (again, j);
    assert_string_equal (s, t);
    assert_int_equal (graph_free_now (again, 0, "core"), 6);
    assert_int_equal (graph_cancel (again, 1), 0);
    free (part);
    free (t);
    assert_int_equal (parts_from_rset (again, mine, freed, &part, &n, &err), 0);
    assert_int_equal (graph_place (again, 1, false, 10, PLANNER_END, 10, part, n, 3, &j), 0);
    assert_int_equal (graph_free_now (again, 0, "core"), 8);
    free (part);
    free (s);
    idset_destroy (freed);
    rset_free (mine);
    rset_free (r);
    graph_free (g);
    graph_free (again);
}

/* The graph that an enclosing instance gave: what a job of it has. */
static json_t *given (const char *resources, enum emit_format f)
{
    struct rset *r = rset_of (R_TEXT ("0-9", "0-3", "n[0-9]"));
    struct graph *g = graph_of (r);
    struct buf b = BUF_INIT;
    struct job *busy = allocate (g, 1, NODES (4, 4)), *j;
    json_t *o;

    assert_non_null (busy);
    j = allocate (g, 2, resources);
    assert_int_equal (emit_job (g, j, f, &b), 0);
    o = json_loads (b.data, 0, NULL);
    assert_non_null (o);
    buf_release (&b);
    graph_free (g);
    rset_free (r);
    return o;
}

static void nested (const char *resources, enum emit_format f, const char *ids, int cores)
{
    json_t *o = given (resources, f);
    flux_error_t err;
    struct rset *r = rset_from_json (o, &err);
    struct graph *g;
    char name[64];

    assert_non_null (r);
    assert_non_null (rset_scheduling (r));
    assert_int_equal (rset_remap_ranks (r), 0);
    g = graph_of (r);
    assert_int_equal (graph_type_count (g, "node"), 2);
    for (int i = 0; i < 2; i++) {
        uint32_t v = graph_by_rank (g, i);
        assert_int_not_equal (v, GRAPH_NONE);
        graph_name (g, v, name, sizeof (name));
        assert_string_equal (name, i == 0 ? "n4" : "n5");
        assert_int_equal (graph_total (g, v, "core"), cores);
    }
    graph_free (g);
    rset_free (r);
    json_decref (o);
}

static void scheduling (void **state)
{
    nested (NODES (2, 3), EMIT_RV1, "4-5", 3);
    nested (NODES (2, 3), EMIT_RV1_SHORTHAND, "4-5", 3);
    nested ("[{\"type\":\"node\",\"count\":2,\"exclusive\":true,\"with\":[{\"type\":\"slot\","
            "\"count\":1,\"label\":\"a\",\"with\":[{\"type\":\"core\",\"count\":1}]}]}]",
            EMIT_RV1_SHORTHAND, "4-5", 4);
}

/* Nodes that R has not are not in the graph; hosts of one name are taken in order; a
 * graph without a host of R is refused. */
static void foreign (void **state)
{
    json_t *o = given (NODES (3, 2), EMIT_RV1), *R;
    struct rset *r = rset_of ("{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\","
                              "\"children\":{\"core\":\"0-1\"}}],\"starttime\":0,"
                              "\"expiration\":0,\"nodelist\":[\"n6\"]}}");
    struct graph *g;
    flux_error_t err;

    assert_int_equal (rset_set_scheduling (r, json_object_get (o, "scheduling")), 0);
    g = graph_of (r);
    assert_int_equal (graph_type_count (g, "node"), 1);
    assert_int_equal (graph_total (g, 0, "core"), 2);
    graph_free (g);
    rset_free (r);
    r = rset_of (R_TEXT ("0-1", "0-1", "n6,other"));
    assert_int_equal (rset_set_scheduling (r, json_object_get (o, "scheduling")), 0);
    R = rset_to_json (r);
    assert_null (load_R (R, r, &err));
    assert_non_null (strstr (err.text, "'other'"));
    json_decref (R);
    rset_free (r);
    json_decref (o);
}

static void same_host (void **state)
{
    struct rset *r = rset_of (R_TEXT ("0-2", "0", "h,h,h"));
    json_t *R = rset_to_json (r);
    struct graph *g = graph_of (r), *again;
    json_t *jgf = emit_graph (g);

    assert_int_equal (rset_set_scheduling (r, jgf), 0);
    again = graph_of (r);
    for (int i = 0; i < 3; i++)
        assert_int_not_equal (graph_by_rank (again, i), GRAPH_NONE);
    graph_free (g);
    graph_free (again);
    json_decref (jgf);
    json_decref (R);
    rset_free (r);
}

static int told;

static void tell (void *arg)
{
    told++;
}

/* A rank that is lost goes at once, also from the jobs that have it. */
static void lost (void **state)
{
    struct fluxion *fx = fluxion_builtin_data.create ();
    struct listener l = { .known = tell, .changed = tell, .gone = tell };
    struct rset *r = rset_of (R_TEXT ("0-3", "0-3", "n[0-3]"));
    struct idset *ranks = idset_decode ("0,2,77");

    assert_non_null (fx);
    fluxion_listen (fx, &l);
    assert_int_equal (told, 0);
    fx->graph = graph_of (r);
    fx->all = r;
    fluxion_known (fx);
    assert_int_equal (told, 1);
    assert_non_null (allocate (fx->graph, 1, NODES (1, 4)));
    assert_non_null (allocate (fx->graph, 2, NODES (3, 4)));
    fluxion_shrink (fx, ranks);
    assert_int_equal (told, 3);
    assert_int_equal (graph_type_count (fx->graph, "node"), 2);
    assert_int_equal (graph_by_rank (fx->graph, 0), GRAPH_NONE);
    assert_int_equal (graph_by_rank (fx->graph, 2), GRAPH_NONE);
    /* one node is left of what the second had, and is its own */
    assert_null (graph_job (fx->graph, 1));
    assert_int_equal (graph_free_now (fx->graph, graph_root (fx->graph), "core"), 0);
    assert_int_equal (graph_cancel (fx->graph, 2), 0);
    assert_int_equal (graph_free_now (fx->graph, graph_root (fx->graph), "core"), 8);
    idset_destroy (ranks);
    fluxion_forget (fx);
    assert_int_equal (told, 4);
    fluxion_unlisten (&l);
    fluxion_builtin_data.destroy (fx);
}

static void sets (void **state)
{
    struct fluxion *fx = fluxion_builtin_data.create ();
    struct rset *r;
    char *s;

    fx->all = rset_of (R_TEXT ("0-2", "0-3", "n[0-2]"));
    fx->graph = graph_of (fx->all);
    assert_non_null (allocate (fx->graph, 1, NODES (2, 1)));
    assert_non_null (allocate (fx->graph, 2, NODES (1, 2)));
    assert_int_equal (graph_set_status (fx->graph, graph_by_rank (fx->graph, 2), false), 0);
    s = rset_dumps (r = parts_allocated (fx));
    assert_string_equal (s, "rank0/core[0-2] rank1/core0");
    free (s);
    rset_free (r);
    s = rset_dumps (r = parts_down (fx));
    assert_string_equal (s, "rank2/core[0-3],gpu[0-1]");
    free (s);
    rset_free (r);
    fluxion_builtin_data.destroy (fx);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (to_R), cmocka_unit_test (from_R), cmocka_unit_test (scheduling),
        cmocka_unit_test (foreign), cmocka_unit_test (same_host), cmocka_unit_test (lost),
        cmocka_unit_test (sets),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
