/* timeline.c - which nodes nobody uses, over time
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_private.h"
#include "graph/match_private.h"
#include "graph/timeline.h"

struct tpoint {
    int64_t at;
    uint64_t *idle;
    uint32_t refs;
};

struct timeline {
    uint32_t words, n;          /* n: nodes */
    struct tpoint *pt;          /* pt[0]: the beginning of time */
    size_t npt, size;
    unsigned int unasked;
    uint64_t *job_nodes;        /* scratch, and its words in use */
    uint32_t lo, hi;
};

void timeline_free (struct timeline *tl)
{
    if (tl) {
        for (size_t i = 0; i < tl->npt; i++)
            free (tl->pt[i].idle);
        free (tl->pt);
        free (tl->job_nodes);
        free (tl);
    }
}

uint32_t timeline_words (const struct timeline *tl)
{
    return tl->words;
}

/* The last point at or before t. */
static size_t point_at (const struct timeline *tl, int64_t t)
{
    size_t lo = 0, hi = tl->npt;

    while (lo + 1 < hi) {
        size_t m = lo + (hi - lo) / 2;
        if (tl->pt[m].at <= t)
            lo = m;
        else
            hi = m;
    }
    return lo;
}

static int point_ref (struct timeline *tl, int64_t t)
{
    size_t i = point_at (tl, t);
    uint64_t *idle;

    if (tl->pt[i].at == t) {
        tl->pt[i].refs++;
        return 0;
    }
    if (tl->npt == tl->size) {
        size_t size = tl->size * 2;
        struct tpoint *p = realloc (tl->pt, size * sizeof (*p));
        if (!p)
            return -ENOMEM;
        tl->pt = p;
        tl->size = size;
    }
    if (!(idle = malloc (tl->words * sizeof (*idle))))
        return -ENOMEM;
    memcpy (idle, tl->pt[i].idle, tl->words * sizeof (*idle));
    i++;
    memmove (&tl->pt[i + 1], &tl->pt[i], (tl->npt - i) * sizeof (*tl->pt));
    tl->pt[i] = (struct tpoint){ t, idle, 1 };
    tl->npt++;
    return 0;
}

static void point_unref (struct timeline *tl, int64_t t)
{
    size_t i = point_at (tl, t);

    if (i == 0 || tl->pt[i].at != t || --tl->pt[i].refs > 0)
        return;
    free (tl->pt[i].idle);
    memmove (&tl->pt[i], &tl->pt[i + 1], (tl->npt - i - 1) * sizeof (*tl->pt));
    tl->npt--;
}

/* Call fn for each node of a job, in order. */
typedef void (*node_f) (struct graph *g, struct timeline *tl, const struct job *j,
                        uint32_t v);

static void each_node (struct graph *g, struct timeline *tl, const struct job *j, node_f fn)
{
    int type = graph_find_type (g, "node");

    for (size_t i = 0, next; i < j->nparts; i = next) {
        uint32_t v = j->part[i].vtx, lo, hi;

        if (v >= g->tree_n)
            break;
        next = g->v[v].type == type ? job_skip (g, j, i) : i + 1;
        if (g->v[v].type == type)
            fn (g, tl, j, v);
        else if (j->part[i].amount == WHOLE) {
            graph_type_range (g, v, type, &lo, &hi);
            for (; lo < hi; lo++)
                fn (g, tl, j, g->type[type].list[lo]);
        }
    }
}

static void mark (struct graph *g, struct timeline *tl, const struct job *j, uint32_t v)
{
    uint32_t pos = g->v[v].pos;

    tl->job_nodes[pos >> 6] |= 1ull << (pos & 63);
    if (pos >> 6 < tl->lo)
        tl->lo = pos >> 6;
    tl->hi = (pos >> 6) + 1;
}

/* The nodes of a job into job_nodes. */
static void collect (struct graph *g, struct timeline *tl, const struct job *j,
                     uint32_t *lo, uint32_t *hi)
{
    memset (tl->job_nodes, 0, tl->words * sizeof (*tl->job_nodes));
    tl->lo = tl->words;
    tl->hi = 0;
    each_node (g, tl, j, mark);
    *lo = tl->lo;
    *hi = tl->hi;
}

static void clear (struct timeline *tl, uint32_t node, int64_t start, int64_t end)
{
    for (size_t i = point_at (tl, start); i < tl->npt && tl->pt[i].at < end; i++)
        if (tl->pt[i].at >= start)
            tl->pt[i].idle[node >> 6] &= ~(1ull << (node & 63));
}

/* Other jobs still use a node that this one left: clear it where they do. */
static void clear_others (struct graph *g, struct timeline *tl, const struct job *j,
                          uint32_t v)
{
    for (int x = 0; x < 2; x++) {
        uint32_t s = x ? g->v[v].xspan : g->v[v].sspan;
        for (; s; s = g->span[s].next) {
            const struct span *p = &g->span[s];
            if (p->start < j->end && p->end > j->start)
                clear (tl, g->v[v].pos, p->start, p->end);
        }
    }
}

static int enter (struct graph *g, struct timeline *tl, const struct job *j)
{
    uint32_t lo, hi;

    collect (g, tl, j, &lo, &hi);
    if (lo >= hi)
        return 0;
    if (point_ref (tl, j->start) < 0 || point_ref (tl, j->end) < 0)
        return -ENOMEM;
    for (size_t i = point_at (tl, j->start); tl->pt[i].at < j->end; i++)
        for (uint32_t w = lo; w < hi; w++)
            tl->pt[i].idle[w] &= ~tl->job_nodes[w];
    return 0;
}

static void leave (struct graph *g, struct timeline *tl, const struct job *j)
{
    uint32_t lo, hi;

    collect (g, tl, j, &lo, &hi);
    if (lo >= hi)
        return;
    for (size_t i = point_at (tl, j->start); i < tl->npt && tl->pt[i].at < j->end; i++)
        for (uint32_t w = lo; w < hi; w++)
            tl->pt[i].idle[w] |= tl->job_nodes[w];
    each_node (g, tl, j, clear_others);
    point_unref (tl, j->start);
    point_unref (tl, j->end);
}

void timeline_job (struct graph *g, const struct job *j, bool is_new)
{
    struct timeline *tl = g->timeline;

    if (!tl)
        return;
    /* to make it anew costs as much as some changes for each job */
    if (++tl->unasked > 64 + idhash_count (g->jobs) / 4 || (is_new && enter (g, tl, j) < 0)) {
        timeline_free (tl);
        g->timeline = NULL;
        return;
    }
    if (!is_new)
        leave (g, tl, j);
}

static struct timeline *make (struct graph *g, uint32_t n)
{
    struct timeline *tl = calloc (1, sizeof (*tl));

    if (!tl)
        return NULL;
    tl->n = n;
    tl->words = (n + 63) / 64;
    tl->size = 64;
    tl->pt = malloc (tl->size * sizeof (*tl->pt));
    tl->job_nodes = malloc (tl->words * sizeof (*tl->job_nodes));
    if (!tl->pt || !tl->job_nodes
        || !(tl->pt[0].idle = malloc (tl->words * sizeof (uint64_t)))) {
        timeline_free (tl);
        return NULL;
    }
    tl->npt = 1;
    tl->pt[0].at = INT64_MIN;
    tl->pt[0].refs = 1;
    memset (tl->pt[0].idle, 0xff, tl->words * sizeof (uint64_t));
    if (n & 63)
        tl->pt[0].idle[tl->words - 1] = (1ull << (n & 63)) - 1;
    for (const struct job *j = g->job_first; j; j = j->next) {
        if (enter (g, tl, j) < 0) {
            timeline_free (tl);
            return NULL;
        }
    }
    return tl;
}

struct timeline *timeline_get (struct graph *g)
{
    uint32_t n = graph_type_count (g, "node");

    if (!g->timeline && n > 0)
        g->timeline = make (g, n);
    if (g->timeline)
        g->timeline->unasked = 0;
    return g->timeline;
}

// the thread sanitizer is not there yet when the choice is made
#if defined (__x86_64__) && !defined (__SANITIZE_THREAD__)
__attribute__ ((target_clones ("popcnt", "default")))
#endif
static uint32_t and_count (uint64_t *w, const uint64_t *b, uint32_t words)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < words; i++)
        n += (uint32_t)__builtin_popcountll (w[i] &= b[i]);
    return n;
}

/* Start the window with all that is asked for. */
static void reset (const struct timeline *tl, const uint64_t *mask, uint64_t *window)
{
    memcpy (window, mask ? mask : tl->pt[0].idle, tl->words * sizeof (*window));
}

int64_t timeline_earliest (const struct timeline *tl, int64_t from, int64_t duration,
                           uint32_t n, const uint64_t *mask, uint64_t *window)
{
    size_t first = point_at (tl, from), i, low = first;
    int64_t t = from;

    for (;;) {
        int64_t end = duration > PLANNER_END - t ? PLANNER_END : t + duration;

        reset (tl, mask, window);
        for (i = first; i < tl->npt && tl->pt[i].at < end; i++)
            if (and_count (window, tl->pt[i].idle, tl->words) < n)
                break;
        if (i == tl->npt || tl->pt[i].at >= end)
            return t;
        /* back from where it failed, no further than it got */
        low = i;
        reset (tl, mask, window);
        while (low > first && and_count (window, tl->pt[low].idle, tl->words) >= n)
            low--;
        first = low + 1;
        if (first >= tl->npt)
            return -1;
        t = tl->pt[first].at;
        if (t >= PLANNER_END)
            return -1;
    }
}
