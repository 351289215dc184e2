/* policy.h - which of the resources that would do are taken
 */
#ifndef GRAPH_POLICY_H
#define GRAPH_POLICY_H

#include <stdbool.h>
#include <flux/core/types.h>

/* README.md has the order each makes. */
struct policy {
    bool high;              /* highest id first, else lowest */
    bool node_centric;      /* by the id of the node before the own id */
    bool node_exclusive;    /* nodes are taken whole */
    bool first;             /* stop at the first that do */
    bool runs;              /* the longest runs of consecutive ids first */
    bool classes;           /* nodes whose property perf_class varies least */
};

/* A name ("first", "high", "low", "lonode", "hinode", "lonodex", "hinodex",
 * "firstnode", "firstnodex", "locality", "variation"), or terms "policy=low
 * node_centric=true node_exclusive=true set_stop_on_1_matches=true".
 * 0, or -EINVAL with err->text. */
int policy_parse (const char *s, struct policy *p, flux_error_t *err);

#endif /* !GRAPH_POLICY_H */
