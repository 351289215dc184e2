/* planner.c - how much of something is free over time
 *
 * Nodes live in one array and refer to one another by index, 0 being none.  A
 * node's 'used' is what is used from its time to that of the next node; 'add' is
 * still to be added to everything in its subtree but itself.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/hash.h"
#include "graph/planner.h"

struct point {
    int64_t at;
    int64_t used;
    int64_t lo, hi;             /* least and largest 'used' in the subtree */
    int64_t add;
    uint32_t left, right;
    uint32_t weight;
    uint32_t refs;              /* spans that start or end here */
};

struct span {
    int64_t start, end, amount;
};

struct planner {
    int64_t total;
    struct point *pt;
    uint32_t size, used_slots, free_slot;
    uint32_t root;
    uint32_t seed;
    size_t npoints;
    struct idhash *spans;
    int64_t last_id;
};

struct planner *planner_new (int64_t total)
{
    struct planner *p;

    if (total < 0 || !(p = calloc (1, sizeof (*p)))) {
        errno = total < 0 ? EINVAL : ENOMEM;
        return NULL;
    }
    p->total = total;
    p->seed = 2463534242u;
    p->used_slots = 1;
    return p;
}

void planner_free (struct planner *p)
{
    if (p) {
        int saved = errno;
        idhash_free (p->spans);
        free (p->pt);
        free (p);
        errno = saved;
    }
}

int64_t planner_total (const struct planner *p)
{
    return p->total;
}

int planner_resize (struct planner *p, int64_t total)
{
    if (total < 0)
        return -EINVAL;
    p->total = total;
    return 0;
}

static int reserve (struct planner *p, uint32_t n)
{
    uint32_t need = p->used_slots + n, size = p->size ? p->size : 8;
    struct point *pt;

    if (need <= p->size)
        return 0;
    while (size < need)
        size *= 2;
    if (!(pt = realloc (p->pt, size * sizeof (*pt))))
        return -ENOMEM;
    if (!p->pt)
        pt[0] = (struct point){ .lo = INT64_MAX, .hi = INT64_MIN };
    p->pt = pt;
    p->size = size;
    return 0;
}

static uint32_t point_new (struct planner *p, int64_t at, int64_t used)
{
    uint32_t n = p->free_slot;

    if (n)
        p->free_slot = p->pt[n].left;
    else
        n = p->used_slots++;
    p->seed ^= p->seed << 13;
    p->seed ^= p->seed >> 17;
    p->seed ^= p->seed << 5;
    p->pt[n] = (struct point){ .at = at, .used = used, .lo = used, .hi = used,
                               .weight = p->seed };
    p->npoints++;
    return n;
}

static void point_free (struct planner *p, uint32_t n)
{
    p->pt[n].left = p->free_slot;
    p->free_slot = n;
    p->npoints--;
}

static void push (struct point *pt, uint32_t n)
{
    int64_t add = pt[n].add;

    if (!add)
        return;
    for (int i = 0; i < 2; i++) {
        uint32_t c = i ? pt[n].right : pt[n].left;
        if (c) {
            pt[c].used += add;
            pt[c].lo += add;
            pt[c].hi += add;
            pt[c].add += add;
        }
    }
    pt[n].add = 0;
}

static void pull (struct point *pt, uint32_t n)
{
    struct point *l = &pt[pt[n].left], *r = &pt[pt[n].right];
    int64_t lo = pt[n].used, hi = pt[n].used;

    if (pt[n].left) {
        lo = l->lo < lo ? l->lo : lo;
        hi = l->hi > hi ? l->hi : hi;
    }
    if (pt[n].right) {
        lo = r->lo < lo ? r->lo : lo;
        hi = r->hi > hi ? r->hi : hi;
    }
    pt[n].lo = lo;
    pt[n].hi = hi;
}

/* Nodes before 'at' to *l, the others to *r. */
static void split (struct point *pt, uint32_t n, int64_t at, uint32_t *l,
                   uint32_t *r)
{
    if (!n) {
        *l = *r = 0;
        return;
    }
    push (pt, n);
    if (pt[n].at < at) {
        uint32_t sub;
        split (pt, pt[n].right, at, &sub, r);
        pt[n].right = sub;
        *l = n;
    }
    else {
        uint32_t sub;
        split (pt, pt[n].left, at, l, &sub);
        pt[n].left = sub;
        *r = n;
    }
    pull (pt, n);
}

static uint32_t merge (struct point *pt, uint32_t a, uint32_t b)
{
    if (!a || !b)
        return a ? a : b;
    if (pt[a].weight > pt[b].weight) {
        push (pt, a);
        pt[a].right = merge (pt, pt[a].right, b);
        pull (pt, a);
        return a;
    }
    push (pt, b);
    pt[b].left = merge (pt, a, pt[b].left);
    pull (pt, b);
    return b;
}

/* What is used at t; additions still under way are summed on the way down. */
static int64_t used_at (const struct planner *p, int64_t t)
{
    int64_t used = 0, add = 0;
    uint32_t n = p->root;

    while (n) {
        const struct point *x = &p->pt[n];
        if (x->at <= t) {
            used = x->used + add;
            add += x->add;
            n = x->right;
        }
        else {
            add += x->add;
            n = x->left;
        }
    }
    return used;
}

/* The first point at or after t whose 'used' is > limit, or 0. */
static uint32_t seek_above (const struct planner *p, uint32_t n, int64_t add, int64_t t,
                            int64_t limit)
{
    const struct point *x;
    uint32_t found;

    if (!n)
        return 0;
    x = &p->pt[n];
    if (x->hi + add <= limit)
        return 0;
    if (x->at >= t) {
        if ((found = seek_above (p, x->left, add + x->add, t, limit)))
            return found;
        if (x->used + add > limit)
            return n;
    }
    return seek_above (p, x->right, add + x->add, t, limit);
}

int64_t planner_free_at (const struct planner *p, int64_t t)
{
    return p->total - used_at (p, t);
}

static int64_t max_used (const struct planner *p, uint32_t n, int64_t add,
                         int64_t from, int64_t to, int64_t lo, int64_t hi)
{
    const struct point *x = &p->pt[n];
    int64_t max = INT64_MIN, m;

    if (!n || hi <= from || lo >= to)
        return max;
    if (lo >= from && hi <= to)
        return x->hi + add;
    if (x->at >= from && x->at < to)
        max = x->used + add;
    m = max_used (p, x->left, add + x->add, from, to, lo, x->at);
    if (m > max)
        max = m;
    m = max_used (p, x->right, add + x->add, from, to, x->at + 1, hi);
    return m > max ? m : max;
}

int64_t planner_free_during (const struct planner *p, int64_t t, int64_t duration)
{
    int64_t used = used_at (p, t), m;
    int64_t end = duration > PLANNER_END - t ? PLANNER_END : t + duration;

    if (p->root) {
        m = max_used (p, p->root, 0, t, end, INT64_MIN, INT64_MAX);
        if (m > used)
            used = m;
    }
    return p->total - used;
}

int64_t planner_free_for (const struct planner *p, int64_t t, int64_t amount)
{
    int64_t limit = p->total - amount;
    uint32_t n;

    if (used_at (p, t) > limit)
        return 0;
    n = seek_above (p, p->root, 0, t, limit);
    return (n ? p->pt[n].at : PLANNER_END) - t;
}

/* One walk through the points in order, which steps over every subtree in which there is
 * not the change that is waited for. */
struct walk {
    const struct point *pt;
    int64_t t, duration, limit;
    int64_t start;              /* of what is free until here, or -1 */
};

static int64_t end_of (const struct walk *w)
{
    return w->duration > PLANNER_END - w->start ? PLANNER_END : w->start + w->duration;
}

/* True: what began at w->start is long enough. */
static bool walk (struct walk *w, uint32_t n, int64_t add)
{
    const struct point *x = &w->pt[n];

    if (!n || (w->start >= 0 ? x->hi + add <= w->limit : x->lo + add > w->limit))
        return false;
    if (x->at >= w->t) {
        if (walk (w, x->left, add + x->add) || (w->start >= 0 && x->at >= end_of (w)))
            return true;
        if (x->used + add > w->limit)
            w->start = -1;
        else if (w->start < 0)
            w->start = x->at;
    }
    return walk (w, x->right, add + x->add);
}

int64_t planner_earliest (const struct planner *p, int64_t t, int64_t duration,
                          int64_t amount)
{
    struct walk w = { p->pt, t, duration, p->total - amount, t };

    if (t < 0 || w.limit < 0)
        return -1;
    if (used_at (p, t) > w.limit)
        w.start = -1;
    if (p->root)
        walk (&w, p->root, 0);
    return w.start < PLANNER_END ? w.start : -1;
}

int64_t planner_next_point (const struct planner *p, int64_t t)
{
    int64_t next = -1;
    uint32_t n = p->root;

    while (n) {
        if (p->pt[n].at > t) {
            next = p->pt[n].at;
            n = p->pt[n].left;
        }
        else
            n = p->pt[n].right;
    }
    return next;
}

size_t planner_points (const struct planner *p)
{
    return p->npoints;
}

/* Change the number of spans that need a point at 'at'. */
static void point_ref (struct planner *p, int64_t at, int diff)
{
    int64_t used = used_at (p, at);
    uint32_t l, m, r;

    split (p->pt, p->root, at, &l, &m);
    split (p->pt, m, at + 1, &m, &r);
    if (!m)
        m = point_new (p, at, used);
    p->pt[m].refs += diff;
    if (p->pt[m].refs == 0) {
        point_free (p, m);
        m = 0;
    }
    p->root = merge (p->pt, merge (p->pt, l, m), r);
}

static void range_add (struct planner *p, int64_t start, int64_t end,
                       int64_t delta)
{
    uint32_t l, m, r;

    split (p->pt, p->root, start, &l, &m);
    split (p->pt, m, end, &m, &r);
    if (m) {
        p->pt[m].used += delta;
        p->pt[m].lo += delta;
        p->pt[m].hi += delta;
        p->pt[m].add += delta;
    }
    p->root = merge (p->pt, merge (p->pt, l, m), r);
}

int planner_use (struct planner *p, int64_t start, int64_t end, int64_t delta)
{
    if (start < 0 || end <= start || end > PLANNER_END)
        return -EINVAL;
    if (delta == 0)
        return 0;
    if (delta > 0) {
        if (reserve (p, 2) < 0)
            return -ENOMEM;
        point_ref (p, start, 1);
        point_ref (p, end, 1);
        range_add (p, start, end, delta);
    }
    else {
        range_add (p, start, end, delta);
        point_ref (p, start, -1);
        point_ref (p, end, -1);
    }
    return 0;
}

int planner_add (struct planner *p, int64_t start, int64_t duration,
                 int64_t amount, int64_t *id)
{
    struct span *s;

    if (start < 0 || duration <= 0 || start >= PLANNER_END || amount <= 0
        || amount > p->total)
        return -EINVAL;
    if (duration > PLANNER_END - start)
        duration = PLANNER_END - start;
    if (planner_free_during (p, start, duration) < amount)
        return -EBUSY;
    if ((!p->spans && !(p->spans = idhash_new (free)))
        || !(s = calloc (1, sizeof (*s))))
        return -ENOMEM;
    *s = (struct span){ start, start + duration, amount };
    if (idhash_set (p->spans, (uint64_t)p->last_id + 1, s) < 0) {
        free (s);
        return -ENOMEM;
    }
    if (planner_use (p, s->start, s->end, amount) < 0) {
        idhash_del (p->spans, (uint64_t)p->last_id + 1);
        return -ENOMEM;
    }
    *id = ++p->last_id;
    return 0;
}

static struct span *find (const struct planner *p, int64_t id)
{
    return p->spans && id > 0 ? idhash_get (p->spans, (uint64_t)id) : NULL;
}

int planner_remove (struct planner *p, int64_t id)
{
    struct span *s = find (p, id);

    if (!s)
        return -ENOENT;
    planner_use (p, s->start, s->end, -s->amount);
    idhash_del (p->spans, (uint64_t)id);
    return 0;
}

int planner_reduce (struct planner *p, int64_t id, int64_t amount)
{
    struct span *s = find (p, id);

    if (!s)
        return -ENOENT;
    if (amount <= 0 || amount > s->amount)
        return -EINVAL;
    if (amount == s->amount)
        return planner_remove (p, id);
    range_add (p, s->start, s->end, -amount);
    s->amount -= amount;
    return 0;
}

int planner_set_end (struct planner *p, int64_t id, int64_t end)
{
    struct span *s = find (p, id);

    if (!s)
        return -ENOENT;
    if (end <= s->start || end > PLANNER_END)
        return -EINVAL;
    if (end > s->end
        && planner_free_during (p, s->end, end - s->end) < s->amount)
        return -EBUSY;
    if (reserve (p, 1) < 0)
        return -ENOMEM;
    point_ref (p, end, 1);
    if (end > s->end)
        range_add (p, s->end, end, s->amount);
    else if (end < s->end)
        range_add (p, end, s->end, -s->amount);
    point_ref (p, s->end, -1);
    s->end = end;
    return 0;
}

size_t planner_spans (const struct planner *p)
{
    return p->spans ? idhash_count (p->spans) : 0;
}

int64_t planner_earliest_all (struct planner *const *p, const int64_t *amount,
                              size_t n, int64_t t, int64_t duration)
{
    size_t agree = 0;

    for (size_t i = 0; agree < n; i = (i + 1) % n) {
        int64_t at = planner_earliest (p[i], t, duration, amount[i]);
        if (at < 0)
            return -1;
        agree = at == t ? agree + 1 : 1;
        t = at;
    }
    return t;
}
