/* planner.h - how much of something is free over time
 *
 *   free
 *    10 |______                 ________
 *     6 |      |_______        |
 *     2 |              |_______|
 *       +------+-------+-------+--------> t       points: where it changes
 *
 * A planner has a total and spans: [start, start + duration) with an amount
 * each.  Points are kept in a treap ordered by time; each subtree knows the least
 * and the largest amount free in it, and an addition to a range is pushed down
 * lazily.  So adding or removing a span, and each step of a search, is
 * O(log points), however many points lie under the span.
 *
 * Time is an integer from 0 to PLANNER_END.  Amounts of overlapping spans may
 * exceed the total only if the total was reduced afterwards (what is free is then
 * negative).
 *
 * Functions return 0 or a negative errno and change nothing on failure:
 * -EINVAL (bad time, amount or id), -ENOENT (no such span), -ENOMEM,
 * -EBUSY (not enough free).
 */
#ifndef GRAPH_PLANNER_H
#define GRAPH_PLANNER_H

#include <stddef.h>
#include <stdint.h>

#define PLANNER_END (INT64_MAX / 4)   /* the end of time */

struct planner;

struct planner *planner_new (int64_t total);
void planner_free (struct planner *p);
int64_t planner_total (const struct planner *p);
int planner_resize (struct planner *p, int64_t total);

/* The amount free at t, and the least amount free in [t, t + duration). */
int64_t planner_free_at (const struct planner *p, int64_t t);
int64_t planner_free_during (const struct planner *p, int64_t t, int64_t duration);
/* The earliest t' >= t with 'amount' free in [t', t' + duration), or -1. */
int64_t planner_earliest (const struct planner *p, int64_t t, int64_t duration,
                          int64_t amount);
/* For how long from t on 'amount' is free: 0 if it is not at t; PLANNER_END - t
 * if for ever. */
int64_t planner_free_for (const struct planner *p, int64_t t, int64_t amount);
/* The first point after t, or -1: nothing changes after t. */
int64_t planner_next_point (const struct planner *p, int64_t t);
size_t planner_points (const struct planner *p);

/* Spans.  *id is set to a positive number that is not used again soon. */
int planner_add (struct planner *p, int64_t start, int64_t duration,
                 int64_t amount, int64_t *id);
int planner_remove (struct planner *p, int64_t id);
/* Give back part of the amount of a span; all of it removes the span. */
int planner_reduce (struct planner *p, int64_t id, int64_t amount);
/* Let the span end at 'end', sooner or later (then -EBUSY if it does not fit). */
int planner_set_end (struct planner *p, int64_t id, int64_t end);
size_t planner_spans (const struct planner *p);

/* Add 'delta' to what is used in [start, end) without a span to remember: for
 * callers that keep their own.  May exceed the total. */
int planner_use (struct planner *p, int64_t start, int64_t end, int64_t delta);

/* Several planners as one: the earliest time at which all of n amounts fit. */
int64_t planner_earliest_all (struct planner *const *p, const int64_t *amount,
                              size_t n, int64_t t, int64_t duration);

#endif /* !GRAPH_PLANNER_H */
