/* match_run.c - one call of graph_match(): set up, try now, try later
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "graph/fit.h"
#include "graph/match_private.h"
#include "graph/timeline.h"

/* Constraints: a leaf of RFC 31 against a node */

struct leaf {
    char op;                    /* 'p', 'h' or 'r' */
    const json_t *values;
    struct hostlist *hosts;
    struct idset *ranks;
};

static void leaf_free (void *arg)
{
    struct leaf *l = arg;

    if (l) {
        hostlist_destroy (l->hosts);
        idset_destroy (l->ranks);
        free (l);
    }
}

static int leaf_compile (const char *op, const json_t *values, void **leafp,
                         void *arg, flux_error_t *err)
{
    struct leaf *l = calloc (1, sizeof (*l));
    bool ok = l != NULL;
    const json_t *val;
    size_t i;

    if (!l)
        return -ENOMEM;
    l->op = op[0];
    l->values = values;
    if (l->op == 'h')
        ok = (l->hosts = hostlist_create ()) != NULL;
    if (l->op == 'r')
        ok = (l->ranks = idset_create (0, IDSET_FLAG_AUTOGROW)) != NULL;
    json_array_foreach ((json_t *)values, i, val) {
        const char *s = json_string_value (val);
        if (ok && l->op == 'h')
            ok = s && hostlist_append (l->hosts, s) >= 0;
        else if (ok && l->op == 'r')
            ok = s && idset_decode_add (l->ranks, s, -1, NULL) >= 0;
    }
    if (!ok || (l->op != 'p' && l->op != 'h' && l->op != 'r')) {
        errmsg (err, 0, "constraints: bad %s", op);
        leaf_free (l);
        return -EINVAL;
    }
    *leafp = l;
    return 0;
}

static bool has_property (const struct graph *g, uint32_t v, const char *name)
{
    const json_t *o = graph_properties (g, v);
    const char *key;
    json_t *val;

    if (!o)
        return false;
    if (json_object_get (o, name))
        return true;
    json_object_foreach ((json_t *)o, key, val) {
        size_t n = strcspn (key, "@");
        if (key[n] == '@' && strlen (name) == n && memcmp (key, name, n) == 0)
            return true;
    }
    return false;
}

static bool leaf_match (void *arg, const void *object, void *gp)
{
    const struct leaf *l = arg;
    struct graph *g = gp;
    uint32_t node = *(const uint32_t *)object;
    char name[512];
    const json_t *val;
    size_t i;

    if (l->op == 'h') {
        graph_name (g, node, name, sizeof (name));
        return hostlist_find (l->hosts, name) >= 0;
    }
    if (l->op == 'r')
        return graph_rank (g, node) >= 0
            && idset_test (l->ranks, (unsigned int)graph_rank (g, node));
    json_array_foreach ((json_t *)l->values, i, val) {
        const char *s = json_string_value (val);
        if (!s || (s[0] == '^' ? has_property (g, node, s + 1)
                               : !has_property (g, node, s)))
            return false;
    }
    return true;
}

static const struct constraint_ops ops = { leaf_compile, leaf_match, leaf_free };

/* Number the vertices of the request in the order of their addresses, find their
 * types, and what one instance of each needs at least. */
static size_t count_reqs (const struct req *r, size_t n)
{
    size_t sum = n;

    for (size_t i = 0; i < n; i++)
        sum += count_reqs (r[i].child, r[i].nchild);
    return sum;
}

static size_t list_reqs (struct ctx *c, const struct req *r, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++) {
        c->by_number[at++] = &r[i];
        at = list_reqs (c, r[i].child, r[i].nchild, at);
    }
    return at;
}

static int cmp_ptr (const void *a, const void *b)
{
    const struct req *x = *(const struct req *const *)a;
    const struct req *y = *(const struct req *const *)b;

    return x < y ? -1 : x > y;
}

static int64_t times (int64_t a, int64_t b)
{
    return a > 0 && b > PLANNER_END / a ? PLANNER_END : a * b;
}

/* A lower bound: siblings may share vertices that have others below them, so of
 * those the largest need counts, not the sum. */
static void add_need (const struct ctx *c, int64_t *need, uint32_t k, bool x,
                      int64_t n)
{
    const struct vtype *t = &c->g->type[c->g->track_type[k]];
    bool may_share = !x && c->g->v[t->list[0]].inner != GRAPH_NONE;

    need[k] = !may_share ? need[k] + n : n > need[k] ? n : need[k];
    if (need[k] > PLANNER_END)
        need[k] = PLANNER_END;
}

static void sum_all_needs (struct ctx *c, const struct req *r, size_t n, int64_t *need);

static void sum_needs (struct ctx *c, const struct req *r, int64_t *need)
{
    int64_t *mine = c->need[req_number (c, r)];
    int t = c->type[req_number (c, r)];

    sum_all_needs (c, r->child, r->nchild, mine);
    for (uint32_t k = 0; k < c->g->ntrack; k++) {
        if (mine[k] > 0 && !c->up[req_number (c, r)])
            add_need (c, need, k, r->x, times (r->count.min, mine[k]));
        if (!r->slot && t >= 0 && !c->up[req_number (c, r)] && c->g->type[t].track == k)
            add_need (c, need, k, r->x, r->count.min);
    }
}

/* What each of the alternatives needs at least. */
static void least_need (struct ctx *c, const struct req *r, size_t n, int64_t *least)
{
    bool first = true;

    for (size_t i = 0; i < n; i++) {
        int64_t one[GRAPH_TRACK] = { 0 };
        if (!r[i].slot)
            continue;
        sum_needs (c, &r[i], one);
        for (uint32_t k = 0; k < c->g->ntrack; k++)
            if (first || one[k] < least[k])
                least[k] = one[k];
        first = false;
    }
}

static void sum_all_needs (struct ctx *c, const struct req *r, size_t n, int64_t *need)
{
    int64_t least[GRAPH_TRACK] = { 0 };
    bool any = match_alternatives (c, r, n);

    if (any)
        least_need (c, r, n, least);
    for (uint32_t k = 0; any && k < c->g->ntrack; k++)
        if (least[k] > 0)
            add_need (c, need, k, false, least[k]);
    for (size_t i = 0; i < n; i++)
        if (!any || !r[i].slot)
            sum_needs (c, &r[i], need);
}

static int number_requests (struct ctx *c, int64_t *need)
{
    c->nreq = count_reqs (c->rq->top, c->rq->ntop);
    c->by_number = malloc (c->nreq * sizeof (*c->by_number));
    c->type = malloc (c->nreq * sizeof (*c->type));
    c->need = calloc (c->nreq, sizeof (*c->need));
    c->up = calloc (c->nreq, sizeof (*c->up));
    if (!c->by_number || !c->type || !c->need || !c->up)
        return -ENOMEM;
    list_reqs (c, c->rq->top, c->rq->ntop, 0);
    qsort (c->by_number, c->nreq, sizeof (*c->by_number), cmp_ptr);
    for (size_t i = 0; i < c->nreq; i++) {
        c->type[i] = graph_find_type (c->g, c->by_number[i]->type);
        if (c->type[i] >= 0 && c->g->type[c->type[i]].n == 0)
            c->type[i] = -1;
    }
    if (c->g->naux > 0)
        match_mark_ups (c, c->rq->top, c->rq->ntop, -1);
    sum_all_needs (c, c->rq->top, c->rq->ntop, need);
    return 0;
}

static void ctx_release (struct ctx *c)
{
    constraint_free (c->constraint);
    free (c->by_number);
    free (c->type);
    free (c->need);
    free (c->up);
    free (c->pick);
    free (c->window);
}

static int ctx_init (struct ctx *c, struct graph *g, const struct match_args *a,
                     int64_t *need, flux_error_t *err)
{
    *c = (struct ctx){ .g = g, .policy = a->policy, .rq = a->request,
                       .choices = MATCH_CHOICES };
    c->type_node = graph_find_type (g, "node");
    if (c->type_node >= 0 && g->type[c->type_node].n == 0)
        c->type_node = -1;
    if (a->request->constraints
        && !(c->constraint = constraint_compile (a->request->constraints, &ops, g,
                                                 err)))
        return errno == ENOMEM ? -ENOMEM : -EINVAL;
    return number_requests (c, need);
}

/* Is there enough of all types in the whole graph?  If not, say of what not. */
static bool sums_suffice (struct ctx *c, const int64_t *need)
{
    struct graph *g = c->g;
    const int64_t *have = c->when == WHEN_NOW ? g->free : g->total;

    for (uint32_t k = 0; g->v[0].inner != GRAPH_NONE && k < g->ntrack; k++) {
        const struct vtype *t = &g->type[g->track_type[k]];
        int64_t n = have[k] + (t->n > 0 && t->list[0] == 0 ? g->v[0].size : 0);
        if (n >= need[k])
            continue;
        snprintf (c->why.type, sizeof (c->why.type), "%s", graph_str (g, t->name));
        c->why.where = 0;
        c->why.wanted = need[k];
        c->why.found = n;
        c->why.total = true;
        return false;
    }
    return true;
}

/* Try at one time. */
static int try_at (struct ctx *c, const int64_t *need, enum when when, int64_t at,
                   int64_t duration)
{
    struct graph *g = c->g;
    int64_t score;
    bool ok;

    if (g->epoch > UINT32_MAX - 8) {
        memset (g->mark, 0, g->n * sizeof (*g->mark));
        g->epoch = 0;
    }
    g->epoch += 2;
    c->npick = 0;
    c->root_picked = 0;
    c->assigned = 0;
    c->when = when;
    c->at = at;
    c->end = duration > PLANNER_END - at ? PLANNER_END : at + duration;
    c->why = (struct match_why){ .where = GRAPH_NONE };
    ok = sums_suffice (c, need) && match_passes (c, GRAPH_NONE, 0, false)
        && (match_all (c, 0, c->rq->top, c->rq->ntop, &score)
            || (!c->failed && match_exact (c)));
    if (c->failed)
        return -ENOMEM;
    return ok ? 0 : -EBUSY;
}

/* The first time after t at which something ends or begins. */
static int64_t next_time (struct ctx *c, int64_t t)
{
    int64_t next = -1;

    for (uint32_t k = 0; k < c->g->ntrack; k++) {
        struct planner *plan = plan_get (c->g, k);
        int64_t p = plan ? planner_next_point (plan, t) : -1;

        c->failed |= !plan;
        if (p >= 0 && (next < 0 || p < next))
            next = p;
    }
    /* those of which no sums are kept, and what is elsewhere, are in none of the plans */
    for (const struct job *j = c->g->job_first; c->g->nunplanned > 0 && j; j = j->next)
        if (j->unplanned && j->end > t && j->end < PLANNER_END && (next < 0 || j->end < next))
            next = j->end;
    return next;
}

/* How many whole nodes are wanted at least. */
static int64_t whole_nodes (const struct ctx *c, const struct req *r, size_t n)
{
    int64_t sum = 0;

    if (match_alternatives (c, r, n))
        return 0;               /* what they have in common is not worth the search */
    for (size_t i = 0; i < n; i++) {
        bool node = c->type_node >= 0 && c->type[req_number (c, &r[i])] == c->type_node;
        bool whole = node && (r[i].x || c->policy->node_exclusive);
        int64_t each = whole ? 1 : node ? 0 : whole_nodes (c, r[i].child, r[i].nchild);

        sum += times (r[i].count.min, each);
        if (sum > INT32_MAX)
            sum = INT32_MAX;
    }
    if (sum == 0 && c->policy->node_exclusive && r == c->rq->top && c->type_node >= 0)
        sum = 1;
    return sum;
}

/* The nodes that may be used at all. */
static uint64_t *node_mask (struct ctx *c, uint32_t words)
{
    const struct vtype *t = &c->g->type[c->type_node];
    uint64_t *mask = calloc (words, sizeof (*mask));

    for (uint32_t i = 0; mask && i < t->n; i++)
        if (graph_usable (c->g, t->list[i]) && match_node_ok (c, t->list[i]))
            mask[i >> 6] |= 1ull << (i & 63);
    return mask;
}

/* The earliest time from t on that may do: by the idle nodes if whole ones are
 * wanted, else by the sums. */
static int64_t candidate (struct ctx *c, const int64_t *need, int64_t t,
                          int64_t duration, uint32_t nodes, struct timeline *tl,
                          const uint64_t *mask)
{
    struct planner *plan[GRAPH_TRACK];
    int64_t want[GRAPH_TRACK];
    size_t n = 0;

    if (tl && c->g->slot_node == NOTRACK)
        return timeline_earliest (tl, t, duration, nodes, mask, c->window);
    if (tl) {
        struct planner *p = plan_get (c->g, c->g->slot_node);

        c->failed |= !p;
        /* the count of nodes is a cheap first answer */
        while (p) {
            int64_t u = planner_earliest (p, t, duration, nodes);
            if (u < 0)
                return -1;
            t = timeline_earliest (tl, u, duration, nodes, mask, c->window);
            if (t == u || t < 0)
                return t;
        }
        return -1;
    }
    for (uint32_t k = 0; k < c->g->ntrack; k++) {
        if (need[k] > 0) {
            if (!(plan[n] = plan_get (c->g, k))) {
                c->failed = true;
                return -1;
            }
            want[n++] = need[k];
        }
    }
    return n > 0 ? planner_earliest_all (plan, want, n, t, duration) : t;
}

static int try_times (struct ctx *c, const int64_t *need, int64_t t, int64_t duration,
                      uint32_t nodes, struct timeline *tl, const uint64_t *mask)
{
    bool counted = false;

    /* the next second first: jobs that overran are over then, for all we know */
    for (t++; t >= 0 && t < PLANNER_END; t = next_time (c, t)) {
        int rc;

        if ((t = candidate (c, need, t, duration, nodes, tl, mask)) < 0)
            break;
        if (c->fit) {
            int64_t u = fit_earliest (c->fit, t);
            if (u < 0)
                break;
            if (u > t) {
                t = u - 1;      /* it must suit the candidates, too */
                continue;
            }
        }
        if ((rc = try_at (c, need, WHEN_LATER, t, duration)) != -EBUSY)
            return rc;
        /* tried in vain: from now on it is worth to count */
        if (!counted && !tl && c->g->naux == 0 && fit_new (c, t, duration, &c->fit) < 0)
            return -ENOMEM;
        counted = true;
    }
    return c->failed ? -ENOMEM : -EBUSY;
}

static int try_later (struct ctx *c, const int64_t *need, int64_t now,
                      int64_t duration)
{
    struct graph *g = c->g;
    int64_t nodes = whole_nodes (c, c->rq->top, c->rq->ntop);
    struct timeline *tl = nodes > 0 ? timeline_get (g) : NULL;
    uint64_t *mask = NULL;
    int rc;

    if (tl) {
        c->window = malloc (timeline_words (tl) * sizeof (*c->window));
        if (g->ndown > 0 || c->constraint)
            mask = node_mask (c, timeline_words (tl));
        if (!c->window || (!mask && (g->ndown > 0 || c->constraint))) {
            free (mask);
            return -ENOMEM;
        }
    }
    rc = try_times (c, need, now, duration, (uint32_t)nodes, tl, mask);
    free (c->window);
    c->window = NULL;
    fit_free (c->fit);
    c->fit = NULL;
    free (mask);
    return rc;
}

static int try_ever (struct ctx *c, const int64_t *need, int64_t duration)
{
    int rc = try_at (c, need, WHEN_EVER, 0, duration);

    if (rc == -EBUSY) {
        c->why.never = true;
        return -ENODEV;
    }
    return rc;
}

static bool at_later_time (enum match_op op)
{
    return op == MATCH_ALLOCATE_ORELSE_RESERVE
        || op == MATCH_WITHOUT_ALLOCATING_FUTURE;
}

static int search (struct ctx *c, const struct match_args *a, const int64_t *need,
                   int64_t duration)
{
    struct match_why why;
    int rc;

    if (a->op == MATCH_SATISFIABILITY)
        return try_ever (c, need, duration);
    if (a->op == MATCH_RESERVE)
        return try_later (c, need, a->now, duration);
    if ((rc = try_at (c, need, WHEN_NOW, a->now, duration)) != -EBUSY)
        return rc;
    why = c->why;
    if (a->op == MATCH_ALLOCATE || a->op == MATCH_WITHOUT_ALLOCATING)
        return rc;
    if (at_later_time (a->op)
        && (rc = try_later (c, need, a->now, duration)) != -EBUSY)
        return rc;
    if ((rc = try_ever (c, need, duration)) == 0) {
        c->why = why;
        return -EBUSY;
    }
    return rc;
}

static int64_t duration_of (const struct match_args *a)
{
    double d = a->request->duration;

    if (a->duration > 0)
        return a->duration;
    if (d <= 0 || d >= (double)PLANNER_END)
        return PLANNER_END;
    return (int64_t)ceil (d);
}

static int deliver (struct ctx *c, const struct match_args *a, struct job **job)
{
    struct job *j;
    int rc;

    *job = NULL;
    if (a->op == MATCH_SATISFIABILITY)
        return 0;
    if (!(j = job_from_picks (c, a->jobid)))
        return -ENOMEM;
    j->state = a->op == MATCH_WITHOUT_ALLOCATING
               || a->op == MATCH_WITHOUT_ALLOCATING_FUTURE ? JOB_MATCHED
        : c->when == WHEN_NOW ? JOB_ALLOCATED : JOB_RESERVED;
    if (j->state == JOB_MATCHED)
        j->id = -1;
    else if ((rc = job_enter (c->g, j)) < 0) {
        job_free (c->g, j);
        return rc;
    }
    *job = j;
    return 0;
}

/* What the first vertex of a type is counted in; if there is none in the tree, elsewhere. */
static const char *unit_of (void *arg, const char *type)
{
    const struct graph *g = arg;
    uint32_t v = graph_type_nth (g, type, 0);
    int t = graph_find_type (g, type);

    if (v == GRAPH_NONE && t >= 0)
        for (v = g->tree_n; v < g->n && g->v[v].type != t; v++)
            ;
    return v < g->n ? graph_unit (g, v) : NULL;
}

static int match_branch (struct graph *g, const struct match_args *a, struct job **job,
                         struct match_why *why);

/* The same with the counts in the units of the graph. */
static int match_in_units (struct graph *g, struct match_args a, struct job **job,
                           struct match_why *why)
{
    const struct req *bad = NULL;
    struct request *r = request_in_units (a.request, unit_of, g, &bad);
    int rc;

    if (!r && errno != EDOM)
        return -errno;
    if (!r) {
        if (why) {
            *why = (struct match_why){ .where = 0, .depth = bad->depth, .unit = true,
                                       .wanted = bad->count.min, .never = true };
            snprintf (why->type, sizeof (why->type), "%s", bad->type);
        }
        return -ENODEV;
    }
    r->units = false;
    a.request = r;
    rc = match_branch (g, &a, job, why);
    request_free (r);
    return rc;
}

static int match_branch (struct graph *g, const struct match_args *a, struct job **job,
                         struct match_why *why)
{
    int64_t need[GRAPH_TRACK] = { 0 };
    flux_error_t err;
    struct ctx c;
    int rc;

    if (a->request->units)
        return match_in_units (g, *a, job, why);
    if ((rc = ctx_init (&c, g, a, need, &err)) == 0)
        rc = search (&c, a, need, duration_of (a));
    if (rc == 0)
        rc = deliver (&c, a, job);
    else if (why && (rc == -EBUSY || rc == -ENODEV))
        *why = c.why;
    ctx_release (&c);
    return rc;
}

/* The first branch that has a match; else why the first of those did not that may have
 * one at another time. */
static int match_branches (struct graph *g, struct match_args a, struct job **job,
                           struct match_why *why)
{
    int rc = -ENODEV;

    for (const struct request *first = a.request; a.request; a.request = a.request->alt) {
        struct match_why w = { .where = GRAPH_NONE };
        int r = match_branch (g, &a, job, &w);

        if (r != -EBUSY && r != -ENODEV)
            return r;
        if (why && (a.request == first || (r == -EBUSY && rc == -ENODEV)))
            *why = w;
        if (r == -EBUSY)
            rc = -EBUSY;
    }
    if (why)
        why->total = false;     /* nor is it all that could help */
    return rc;
}

int graph_match (struct graph *g, const struct match_args *a, struct job **job,
                 struct match_why *why)
{
    struct match_args now = *a;
    int rc;

    if (!g->finished || a->jobid < 0 || a->now < 0 || a->now >= PLANNER_END)
        return -EINVAL;
    if (graph_job (g, a->jobid) && a->op != MATCH_SATISFIABILITY)
        return -EEXIST;
    if (!a->request->alt)
        return match_branch (g, a, job, why);
    if (at_later_time (a->op)) {
        now.op = a->op == MATCH_ALLOCATE_ORELSE_RESERVE ? MATCH_ALLOCATE
                                                        : MATCH_WITHOUT_ALLOCATING;
        if ((rc = match_branches (g, now, job, why)) != -EBUSY)
            return rc;
    }
    return match_branches (g, *a, job, why);
}

int graph_down (struct graph *g, const struct request *rq, uint32_t *one)
{
    struct constraint *c = NULL;
    int n = 0;

    if (g->ndown == 0)
        return 0;
    if (rq->constraints && !(c = constraint_compile (rq->constraints, &ops, g, NULL)))
        return errno == ENOMEM ? -ENOMEM : -EINVAL;
    for (uint32_t i = 0, v; (v = graph_type_nth (g, "node", i)) != GRAPH_NONE; i++)
        if (!graph_usable (g, v) && (!c || constraint_match (c, &v)) && n++ == 0)
            *one = v;
    constraint_free (c);
    return n;
}

int match_why_text (const struct graph *g, const struct match_why *w, char *buf,
                    size_t size)
{
    char path[256] = "/";

    if (w->unit)
        return snprintf (buf, size, "%s is counted in '%s': the request has another unit, "
                         "or what that cannot say", w->type,
                         unit_of ((void *)g, w->type));
    if (!w->type[0])
        return snprintf (buf, size, "%s", w->constrained
                         ? "no node meets the constraints" : "nothing is short");
    if (w->where != GRAPH_NONE)
        graph_path (g, w->where, path, sizeof (path));
    return snprintf (buf, size, "%lld more %s needed %s %s: %lld wanted, %lld %s%s",
                     (long long)(w->wanted - w->found), w->type,
                     w->up ? "on a way up from" : "below", path,
                     (long long)w->wanted, (long long)w->found,
                     w->never ? "there at all" : "free now",
                     w->constrained ? " that meet the constraints" : "");
}
