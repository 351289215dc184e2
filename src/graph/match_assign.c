/* match_assign.c - who of several siblings gets which of the vertices they compete for
 *
 *   rack1                       A: node[2] > gpu[1]      could be  n0 n1    n3
 *   +- n0 .. n3                 B: node[1] > core[8]     could be     n1 n2
 *
 * One after the other, A might take n1 and n2 be left over, or B find nothing.  What
 * lies below two vertices is disjoint, and each is taken whole, so who could use a
 * vertex does not depend on who has the others: it is a flow from what is wanted to
 * what there is.  Vertices that the same siblings could use are one class, so that
 * the size of the flow does not depend on the number of vertices.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "graph/match_private.h"

#define MAX_ITEMS 8
#define CLASSES (1 << MAX_ITEMS)

struct item {
    const struct req *r;
    int64_t demand;             /* of each time all are wanted */
};

struct candidate {
    uint32_t vtx;
    unsigned int mask;          /* items that could use it */
};

/* The items of one type */
struct group {
    int type;
    struct item item[MAX_ITEMS];
    unsigned int n;
    struct candidate *cand;     /* in the order of the policy */
    size_t ncand, size;
    int64_t count[CLASSES];
};

struct assign {
    struct group *group;
    size_t ngroups;
    struct idhash *to;          /* vertex -> the req that may use it */
    struct assign *outer;
};

struct flow {
    int64_t left[CLASSES];
    int64_t use[CLASSES][MAX_ITEMS];
};

/* Move up to n of a class to item i: of what is left, or of what another has that can
 * do with something else.  What was moved; 0: there is no more. */
static int64_t augment (const struct group *g, struct flow *f, unsigned int i,
                        unsigned int *seen, int64_t n)
{
    *seen |= 1u << i;
    for (unsigned int k = 1; k < 1u << g->n; k++) {
        if (!(k >> i & 1) || f->left[k] == 0)
            continue;
        n = n < f->left[k] ? n : f->left[k];
        f->left[k] -= n;
        f->use[k][i] += n;
        return n;
    }
    for (unsigned int k = 1; k < 1u << g->n; k++) {
        for (unsigned int o = 0; (k >> i & 1) && o < g->n; o++) {
            int64_t m = n < f->use[k][o] ? n : f->use[k][o];
            if (m == 0 || (*seen >> o & 1) || (m = augment (g, f, o, seen, m)) == 0)
                continue;
            f->use[k][o] -= m;
            f->use[k][i] += m;
            return m;
        }
    }
    return 0;
}

static bool solve (const struct group *g, struct flow *f, int64_t times)
{
    *f = (struct flow){ 0 };
    for (unsigned int k = 1; k < 1u << g->n; k++)
        f->left[k] = g->count[k];
    for (unsigned int i = 0; i < g->n; i++) {
        int64_t want, n;

        if (g->item[i].demand > (int64_t)g->ncand / times)
            return false;
        for (want = g->item[i].demand * times; want > 0; want -= n) {
            unsigned int seen = 0;
            if ((n = augment (g, f, i, &seen, want)) == 0)
                return false;
        }
    }
    return true;
}

static void give_out (struct ctx *c, struct assign *a, const struct group *g, struct flow *f)
{
    for (size_t k = 0; k < g->ncand; k++) {
        int64_t *use = f->use[g->cand[k].mask];
        for (unsigned int i = 0; i < g->n; i++) {
            if (use[i] == 0)
                continue;
            use[i]--;
            if (idhash_set (a->to, g->cand[k].vtx, (void *)g->item[i].r) < 0)
                c->failed = true;
            break;
        }
    }
}

static bool collect (struct ctx *c, uint32_t u, void *arg)
{
    struct group *g = arg;

    if (g->ncand == g->size) {
        size_t size = g->size ? g->size * 2 : 64;
        struct candidate *p = realloc (g->cand, size * sizeof (*p));
        if (!p)
            return c->failed = true;
        g->cand = p;
        g->size = size;
    }
    g->cand[g->ncand++] = (struct candidate){ u, 0 };
    return c->g->v[u].size != 1;
}

static void test_group (struct ctx *c, uint32_t v, struct group *g)
{
    match_each (c, v, g->type, true, collect, g);
    for (size_t k = 0; k < g->ncand && !c->failed; k++) {
        struct candidate *d = &g->cand[k];
        for (unsigned int i = 0; i < g->n; i++)
            d->mask |= (unsigned int)match_could (c, v, d->vtx, g->item[i].r) << i;
        g->count[d->mask]++;
    }
    /* pools of several units are left to the order of the requests */
    if (g->ncand > 0 && c->g->v[g->cand[g->ncand - 1].vtx].size != 1)
        g->count[0] = -1;
}

static bool add_item (struct ctx *c, struct assign *a, const struct req *r, int64_t times)
{
    int type = c->type[req_number (c, r)];
    int64_t demand = r->count.min > INT32_MAX ? INT32_MAX : r->count.min;
    struct group *g;

    for (g = a->group; g < a->group + a->ngroups; g++)
        if (g->type == type)
            break;
    if (g == a->group + a->ngroups) {
        struct group *p = realloc (a->group, (a->ngroups + 1) * sizeof (*p));
        if (!p)
            return !(c->failed = true);
        a->group = p;
        g = &p[a->ngroups++];
        *g = (struct group){ .type = type };
    }
    if (g->n == MAX_ITEMS)
        return false;
    g->item[g->n++] = (struct item){ r, demand * times };
    return true;
}

/* What is taken whole of r[0..n), or of what is in slots among them. */
static bool add_items (struct ctx *c, struct assign *a, const struct req *r, size_t n,
                       int64_t times)
{
    for (size_t i = 0; i < n; i++) {
        int64_t count = r[i].count.min > INT32_MAX ? INT32_MAX : r[i].count.min;

        if (r[i].slot) {
            if (times > INT32_MAX || !add_items (c, a, r[i].child, r[i].nchild, times * count))
                return false;
        }
        else if (r[i].x && c->type[req_number (c, &r[i])] >= 0 && !c->up[req_number (c, &r[i])]
                 && !add_item (c, a, &r[i], times))
            return false;
    }
    return true;
}

static void drop_single (struct assign *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->ngroups; i++)
        if (a->group[i].n > 1)
            a->group[n++] = a->group[i];
    a->ngroups = n;
}

struct assign *assign_new (struct ctx *c, uint32_t v, const struct req *r, size_t n)
{
    struct assign *a = calloc (1, sizeof (*a));

    if (!a) {
        c->failed = true;
        return NULL;
    }
    if (!add_items (c, a, r, n, 1) || (drop_single (a), a->ngroups == 0)) {
        assign_free (a);
        return NULL;
    }
    for (size_t i = 0; i < a->ngroups && !c->failed; i++)
        test_group (c, v, &a->group[i]);
    return a;
}

void assign_free (struct assign *a)
{
    if (a) {
        for (size_t i = 0; i < a->ngroups; i++)
            free (a->group[i].cand);
        free (a->group);
        idhash_free (a->to);
        free (a);
    }
}

static bool possible (const struct assign *a, int64_t times, struct flow *f)
{
    for (size_t i = 0; i < a->ngroups; i++)
        if (a->group[i].count[0] < 0 || !solve (&a->group[i], f, times))
            return false;
    return true;
}

int64_t assign_most (struct ctx *c, const struct assign *a, int64_t most)
{
    struct flow *f = malloc (sizeof (*f));
    int64_t lo = 0, hi = most < INT32_MAX ? most : INT32_MAX;

    if (!f) {
        c->failed = true;
        return 0;
    }
    while (lo < hi) {
        int64_t m = lo + (hi - lo + 1) / 2;
        if (possible (a, m, f))
            lo = m;
        else
            hi = m - 1;
    }
    free (f);
    return lo;
}

bool assign_begin (struct ctx *c, struct assign *a, int64_t times)
{
    struct flow *f = malloc (sizeof (*f));

    idhash_free (a->to);
    if (!f || !(a->to = idhash_new (NULL)))
        c->failed = true;
    for (size_t i = 0; i < a->ngroups && !c->failed; i++) {
        solve (&a->group[i], f, times);
        give_out (c, a, &a->group[i], f);
    }
    free (f);
    a->outer = c->assign;
    c->assign = a;
    return !c->failed;
}

void assign_end (struct ctx *c, struct assign *a)
{
    c->assign = a->outer;
}

static bool takes_part (const struct assign *a, const struct req *r)
{
    for (size_t i = 0; i < a->ngroups; i++)
        for (unsigned int k = 0; k < a->group[i].n; k++)
            if (a->group[i].item[k].r == r)
                return true;
    return false;
}

bool assign_allows (const struct ctx *c, const struct req *r, uint32_t u)
{
    for (const struct assign *a = c->assign; a; a = a->outer)
        if (takes_part (a, r) && idhash_get (a->to, u) != r)
            return false;
    return true;
}
