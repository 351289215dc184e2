/* words.h - what a request is short of, in its own words
 *
 * What was asked for is said at the level that is short, with what is wanted in each; a
 * slot with one thing in it is that thing.  'why' is what graph_match() found.
 */
#ifndef GRAPH_WORDS_H
#define GRAPH_WORDS_H

#include <stddef.h>

#include "graph/match.h"

struct buf;

/* What is missing now: "3 more cores on one node", "2 more nodes with 3 cores free in each
 * that meet its constraints".  Added to b. */
void words_short (const struct graph *g, const struct request *rq,
                  const struct match_why *why, struct buf *b);

/* Why it can never be met ('why' is of MATCH_SATISFIABILITY): "unsatisfiable request: asks
 * for 5 nodes with 4 cores each; there are 2" (one core goes without saying). */
void words_never (const struct graph *g, const struct request *rq,
                  const struct match_why *why, char *buf, size_t size);

#endif /* !GRAPH_WORDS_H */
