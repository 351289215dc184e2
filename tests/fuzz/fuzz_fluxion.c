/* fuzz_fluxion.c - module arguments of the graph scheduler, and R with a graph in its
 * scheduling key: what is loaded can be matched on
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "modules/sched-fluxion/conf.h"
#include "modules/sched-fluxion/load.h"
#include "modules/sched-fluxion/parts.h"
#include "spec/rset.h"

static void arguments (const char *s, size_t size)
{
    char *arg = strndup (s, size);
    struct resource_conf r;
    struct queue_conf qc;
    struct qmanager_conf *c;
    flux_error_t err;

    FUZZ_CHECK (arg != NULL);
    if (resource_conf_parse (&r, NULL, 1, &arg, &err) == 0)
        resource_conf_release (&r);
    if ((c = qmanager_conf_new (NULL, 1, &arg, &err))) {
        qmanager_conf_queue (c, "a", &qc);
        FUZZ_CHECK (qc.depth > 0 && qc.max_depth > 0);
        (void)qmanager_conf_check (c, NULL, &err);
        qmanager_conf_free (c);
    }
    free (arg);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err;
    struct rset *all;
    struct graph *g;
    json_t *o;

    arguments ((const char *)data, size);
    if (!(o = json_loadb ((const char *)data, size, 0, NULL)))
        return 0;
    if ((all = rset_from_json (o, &err))) {
        if ((g = load_R (o, all, &err))) {
            struct job_part *part;
            size_t n;
            if (parts_from_rset (g, all, NULL, &part, &n, &err) == 0)
                free (part);
        }
        graph_free (g);
    }
    rset_free (all);
    json_decref (o);
    return 0;
}
