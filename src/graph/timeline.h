/* timeline.h - which nodes nobody uses, over time
 *
 *      t0        t1     t2             t3
 *      |---------|------|--------------|------>
 *      1111 1111 0011.. 0001 0011..    1111..      a bit a node: idle from here to
 *                                                  the next point
 *
 * A request for N whole nodes for d seconds needs N bits that are set in all points
 * of a window of length d.  The search goes forward through a window; where it fails
 * at a point it goes back from there to the last point that cannot be combined with
 * it, and starts after that one: every start before would fail at the same place.
 *
 * It is made from the jobs when first asked for, follows them from then on, and is
 * dropped when nobody asked for a while.
 */
#ifndef GRAPH_TIMELINE_H
#define GRAPH_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

struct graph;
struct job;
struct timeline;

/* Make it if there is none.  NULL: out of memory, or there are no nodes. */
struct timeline *timeline_get (struct graph *g);
void timeline_free (struct timeline *tl);
/* A job's spans are in the graph, or were taken out.  On lack of memory the
 * timeline is dropped. */
void timeline_job (struct graph *g, const struct job *j, bool enter);
/* The earliest t >= from with n nodes of 'mask' (NULL: all) idle for 'duration', or
 * -1.  'window' (timeline_words() of them) is set to those that are. */
int64_t timeline_earliest (const struct timeline *tl, int64_t from, int64_t duration,
                           uint32_t n, const uint64_t *mask, uint64_t *window);
uint32_t timeline_words (const struct timeline *tl);

#endif /* !GRAPH_TIMELINE_H */
