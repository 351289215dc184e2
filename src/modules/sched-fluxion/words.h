/* words.h - why a request can never be met, in words
 *
 * "unsatisfiable request: asks for 5 nodes with 4 cores each; there are 2".  What was
 * asked for is said at the level that is short, with what is wanted of each (one core
 * goes without saying).
 */
#ifndef SCHED_FLUXION_WORDS_H
#define SCHED_FLUXION_WORDS_H

#include <stddef.h>

#include "graph/match.h"

/* 'why' is what graph_match() found short, of MATCH_SATISFIABILITY. */
void words_never (const struct graph *g, const struct request *rq,
                  const struct match_why *why, char *buf, size_t size);

#endif /* !SCHED_FLUXION_WORDS_H */
