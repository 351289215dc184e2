/* fuzz_parts.c - what update and partial-cancel read: R and JGF that name the resources of a job
 *
 * A job is put on what is named, beside another that is there; then what is named is taken from
 * it.  Of that which is refused nothing is done, and in the end all is as before.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "graph/emit.h"
#include "graph/match.h"
#include "graph/readers.h"

static const char nodes[] =
    "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0-3\",\"children\":{\"core\":\"0-3\","
    "\"gpu\":\"0\"}}],\"starttime\":0,\"expiration\":0,\"nodelist\":[\"a[0-3]\"]}}";

static void check_free (struct graph *g, int64_t cores)
{
    struct job *j = graph_job (g, 1);

    FUZZ_CHECK (j && job_start (j) == 0 && job_end (j) == 100);
    FUZZ_CHECK (graph_free_now (g, 0, "core") == cores);
    FUZZ_CHECK (graph_free_now (g, 0, "node") == 4);
}

/* What is at the bottom of the parts, as resource-query has it. */
static size_t leaves (const struct graph *g, const struct job_part *part, size_t n, uint32_t *v)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        if (graph_end (g, part[i].vtx) == part[i].vtx + 1)
            v[count++] = part[i].vtx;
    return count;
}

static void place (struct graph *g, const struct job_part *part, size_t n)
{
    int64_t nodes_free, cores_free;
    struct job *j = NULL;
    uint32_t *v = calloc (n + 1, sizeof (*v));
    bool empty;

    FUZZ_CHECK (v);
    if (graph_place (g, 2, false, 0, 50, 0, part, n, 0, &j) == 0) {
        nodes_free = graph_free_now (g, 0, "node");
        cores_free = graph_free_now (g, 0, "core");
        FUZZ_CHECK (nodes_free >= 0 && nodes_free <= 4 && cores_free >= 0 && cores_free <= 14);
        FUZZ_CHECK (graph_place (g, 2, false, 0, 50, 0, part, n, 0, &j) == -EEXIST);
        FUZZ_CHECK (graph_cancel_part (g, 2, v, leaves (g, part, n, v), &empty) == 0);
        FUZZ_CHECK (empty == !graph_job (g, 2));
        if (!empty)
            FUZZ_CHECK (graph_cancel (g, 2) == 0);
    }
    check_free (g, 14);
    free (v);
}

static void try_parts (struct graph *g, const json_t *o, int kind)
{
    flux_error_t err = { "" };
    struct job_part *part = NULL;
    size_t n = 0;
    int rc = kind == 0 ? R_parts (g, o, &part, &n, &err)
                       : jgf_parts (g, o, kind == 2, &part, &n, &err);

    FUZZ_CHECK (rc == 0 || err.text[0]);
    if (rc == 0)
        place (g, part, n);
    free (part);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    json_t *R = json_loadb (nodes, sizeof (nodes) - 1, 0, NULL);
    json_t *o = json_loadb ((const char *)data, size, 0, NULL);
    struct graph *g = R ? read_R (R, false, NULL) : NULL;
    struct job_part part[] = { { 2, true, 1 }, { 3, true, 1 } };
    struct job *j;

    FUZZ_CHECK (g && graph_place (g, 1, false, 0, 100, 0, part, 2, 0, &j) == 0);
    check_free (g, 14);
    for (int kind = 0; o && kind < 3; kind++)
        try_parts (g, o, kind);
    FUZZ_CHECK (graph_cancel (g, 1) == 0);
    FUZZ_CHECK (graph_free_now (g, 0, "core") == 16);
    graph_free (g);
    json_decref (o);
    json_decref (R);
    return 0;
}
