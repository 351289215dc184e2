/* rpool.c - the resources of sched-simple
 */
#include "modules/sched-simple/rpool.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/hash.h"
#include "base/tree.h"
#include "modules/sched-simple/rpool_match.h"
#include "spec/jobspec.h"
#include "spec/rset.h"

/* A set of small integers: the ids of cores or gpus of a node. */
struct bits {
    uint64_t *w;
    unsigned n;        /* words */
    int count;
};

struct node {
    uint32_t rank;
    unsigned index;            /* in p->nodes */
    const char *host;          /* of p->all */
    struct bits cores, gpus;   /* free */
    int ncores, ngpus;         /* in all */
    bool up, gone;
    struct tree_node order;    /* while up: by mode */
    int pick_cores, pick_gpus; /* by the request that is being placed */
};

struct rpool {
    enum rpool_mode mode;
    struct rset *all;
    struct node *nodes;        /* in order of ranks */
    unsigned nnodes;
    struct tree order;
    int *most;                 /* first-fit: free cores, as a binary tree */
    unsigned leaves;
    int64_t free_cores, free_gpus;     /* of nodes that are up */
    struct match_cache *matches;
    unsigned *picked;          /* indices of nodes of the request being placed */
    unsigned npicked;
};

/* ---- bits ---- */

static int bits_from (struct bits *b, const struct idset *ids)
{
    unsigned last;

    *b = (struct bits){ 0 };
    if (!ids || idset_empty (ids))
        return 0;
    last = idset_last (ids);
    b->n = last / 64 + 1;
    if (!(b->w = calloc (b->n, sizeof (*b->w))))
        return -ENOMEM;
    for (unsigned id = idset_first (ids); id != IDSET_INVALID_ID; id = idset_next (ids, id)) {
        b->w[id / 64] |= UINT64_C (1) << id % 64;
        b->count++;
    }
    return 0;
}

static bool bits_test (const struct bits *b, unsigned id)
{
    return id / 64 < b->n && (b->w[id / 64] >> id % 64 & 1);
}

static void bits_set (struct bits *b, unsigned id, bool on)
{
    uint64_t bit = UINT64_C (1) << id % 64;

    if (id / 64 >= b->n || !(b->w[id / 64] & bit) != on)
        return;
    b->w[id / 64] ^= bit;
    b->count += on ? 1 : -1;
}

static void print_range (struct buf *out, unsigned lo, unsigned hi)
{
    buf_addf (out, lo == hi ? "%s%u" : "%s%u-%u", out->len ? "," : "", lo, hi);
}

/* Take the n lowest ids out and print them. */
static void bits_pop (struct bits *b, int n, struct buf *out)
{
    unsigned lo = 0, hi = 0;
    bool open = false;

    buf_clear (out);
    for (unsigned i = 0; i < b->n && n > 0; i++) {
        while (b->w[i] && n > 0) {
            unsigned id = i * 64 + (unsigned)__builtin_ctzll (b->w[i]);
            b->w[i] &= b->w[i] - 1;
            b->count--;
            n--;
            if (open && id == hi + 1)
                hi = id;
            else {
                if (open)
                    print_range (out, lo, hi);
                lo = hi = id;
                open = true;
            }
        }
    }
    if (open)
        print_range (out, lo, hi);
}

/* ---- order ---- */

static struct node *order_node (const struct tree_node *n)
{
    return tree_entry (n, struct node, order);
}

static int by_index (const struct node *a, const struct node *b)
{
    return a->index < b->index ? -1 : a->index > b->index;
}

static int most_free_first (const struct tree_node *x, const struct tree_node *y)
{
    const struct node *a = order_node (x), *b = order_node (y);

    if (a->cores.count != b->cores.count)
        return a->cores.count > b->cores.count ? -1 : 1;
    return by_index (a, b);
}

static int fewest_free_first (const struct tree_node *x, const struct tree_node *y)
{
    const struct node *a = order_node (x), *b = order_node (y);

    if (a->cores.count != b->cores.count)
        return a->cores.count < b->cores.count ? -1 : 1;
    return by_index (a, b);
}

static void most_update (struct rpool *p, const struct node *node)
{
    unsigned i = p->leaves + node->index;

    p->most[i] = node->up ? node->cores.count : 0;
    while ((i /= 2) > 0)
        p->most[i] = p->most[2 * i] > p->most[2 * i + 1] ? p->most[2 * i]
                                                          : p->most[2 * i + 1];
}

/* The first node from 'index' on that has 'need' free cores. */
static struct node *most_find (struct rpool *p, unsigned index, int need)
{
    unsigned i = p->leaves + index;

    if (index >= p->nnodes)
        return NULL;
    while (p->most[i] < need) {
        while (i & 1) {                  /* up while it is a right child */
            if ((i /= 2) == 0)
                return NULL;
        }
        i++;                             /* its sibling to the right */
    }
    while (i < p->leaves)
        i = p->most[2 * i] >= need ? 2 * i : 2 * i + 1;
    return &p->nodes[i - p->leaves];
}

static struct node *candidate_first (struct rpool *p, int need)
{
    struct node key = { .cores.count = need };
    struct tree_node *n;

    if (p->mode == RPOOL_FIRST_FIT)
        return most_find (p, 0, need);
    n = p->mode == RPOOL_BEST_FIT ? tree_lower_bound (&p->order, &key.order)
                                  : tree_first (&p->order);
    return n && order_node (n)->cores.count >= need ? order_node (n) : NULL;
}

static struct node *candidate_next (struct rpool *p, struct node *node, int need)
{
    struct tree_node *n;

    if (p->mode == RPOOL_FIRST_FIT)
        return most_find (p, node->index + 1, need);
    n = tree_next (&node->order);
    return n && order_node (n)->cores.count >= need ? order_node (n) : NULL;
}

static void node_out (struct rpool *p, struct node *node)
{
    if (!node->up)
        return;
    p->free_cores -= node->cores.count;
    p->free_gpus -= node->gpus.count;
    if (p->mode != RPOOL_FIRST_FIT)
        tree_remove (&p->order, &node->order);
}

static void node_in (struct rpool *p, struct node *node)
{
    if (node->up) {
        p->free_cores += node->cores.count;
        p->free_gpus += node->gpus.count;
        if (p->mode != RPOOL_FIRST_FIT)
            tree_insert (&p->order, &node->order);
    }
    if (p->mode == RPOOL_FIRST_FIT)
        most_update (p, node);
}

/* ---- life ---- */

static void node_fini (struct node *node)
{
    free (node->cores.w);
    free (node->gpus.w);
}

void rpool_free (struct rpool *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->nnodes; i++)
        node_fini (&p->nodes[i]);
    free (p->nodes);
    free (p->most);
    free (p->picked);
    match_cache_free (p->matches);
    rset_free (p->all);
    free (p);
}

static int add_nodes (struct rpool *p)
{
    const struct idset *cores, *gpus;
    const char *host;
    size_t pos = 0;
    uint32_t rank;

    while (rset_node_next (p->all, &pos, &rank, &host, &cores, &gpus)) {
        struct node *node = &p->nodes[p->nnodes];
        node->rank = rank;
        node->host = host;
        node->index = p->nnodes++;
        tree_node_init (&node->order);
        if (bits_from (&node->cores, cores) < 0 || bits_from (&node->gpus, gpus) < 0)
            return -ENOMEM;
        node->ncores = node->cores.count;
        node->ngpus = node->gpus.count;
    }
    return 0;
}

struct rpool *rpool_new (const struct rset *all, enum rpool_mode mode)
{
    struct rpool *p = calloc (1, sizeof (*p));
    size_t n = rset_nnodes (all);

    if (!p)
        return NULL;
    p->mode = mode;
    tree_init (&p->order, mode == RPOOL_BEST_FIT ? fewest_free_first : most_free_first);
    for (p->leaves = 1; p->leaves < n; p->leaves *= 2)
        ;
    p->all = rset_copy (all);
    p->nodes = calloc (n + 1, sizeof (*p->nodes));
    p->picked = calloc (n + 1, sizeof (*p->picked));
    p->most = calloc (2 * p->leaves, sizeof (*p->most));
    if (!p->all || !p->nodes || !p->picked || !p->most || add_nodes (p) < 0
        || !(p->matches = match_cache_new ())) {
        rpool_free (p);
        return NULL;
    }
    return p;
}

static struct node *find_rank (struct rpool *p, uint32_t rank)
{
    unsigned lo = 0, hi = p->nnodes;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (p->nodes[mid].rank < rank)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < p->nnodes && p->nodes[lo].rank == rank && !p->nodes[lo].gone
           ? &p->nodes[lo] : NULL;
}

/* ---- state of nodes ---- */

static void node_set_up (struct rpool *p, struct node *node, bool up)
{
    if (node->up == up)
        return;
    node_out (p, node);
    node->up = up;
    node_in (p, node);
}

void rpool_set_up (struct rpool *p, const struct idset *ranks, bool up)
{
    struct node *node;

    for (unsigned id = idset_first (ranks); id != IDSET_INVALID_ID;
         id = idset_next (ranks, id)) {
        if ((node = find_rank (p, id)))
            node_set_up (p, node, up);
    }
}

void rpool_shrink (struct rpool *p, const struct idset *ranks)
{
    struct node *node;

    for (unsigned id = idset_first (ranks); id != IDSET_INVALID_ID;
         id = idset_next (ranks, id)) {
        if ((node = find_rank (p, id))) {
            node_set_up (p, node, false);
            node->gone = true;
        }
    }
    match_cache_clear (p->matches);
}

int rpool_properties (struct rpool *p, const json_t *properties, bool add)
{
    const char *name;
    json_t *val;
    int rc = 0;

    json_object_foreach ((json_t *)properties, name, val) {
        struct idset *want = idset_decode (json_string_value (val)), *ranks;
        if (!want)
            return -EINVAL;
        ranks = idset_intersect (want, rset_ranks (p->all));
        if (!ranks)
            rc = -ENOMEM;
        else if (!idset_empty (ranks))
            rc = add ? rset_set_property (p->all, name, ranks, NULL)
                     : rset_remove_property (p->all, name, ranks);
        idset_destroy (ranks);
        idset_destroy (want);
        if (rc < 0 && rc != -ENOENT)
            return rc;
    }
    match_cache_clear (p->matches);
    return 0;
}

void rpool_set_expiration (struct rpool *p, double expiration)
{
    rset_set_expiration (p->all, expiration);
}

double rpool_expiration (const struct rpool *p)
{
    return rset_expiration (p->all);
}

/* ---- taking and giving by R ---- */

static bool all_free (const struct bits *b, const struct idset *ids)
{
    if (!ids)
        return true;
    for (unsigned id = idset_first (ids); id != IDSET_INVALID_ID; id = idset_next (ids, id)) {
        if (!bits_test (b, id))
            return false;
    }
    return true;
}

static void set_all (struct bits *b, const struct idset *ids, const struct idset *known,
                     bool on)
{
    if (!ids)
        return;
    for (unsigned id = idset_first (ids); id != IDSET_INVALID_ID; id = idset_next (ids, id)) {
        if (!on || (known && idset_test (known, id)))
            bits_set (b, id, on);
    }
}

int rpool_take (struct rpool *p, const struct rset *r)
{
    const struct idset *cores, *gpus;
    struct node *node;
    uint32_t rank;
    size_t pos;

    for (pos = 0; rset_node_next (r, &pos, &rank, NULL, &cores, &gpus);) {
        if ((node = find_rank (p, rank))
            && (!all_free (&node->cores, cores) || !all_free (&node->gpus, gpus)))
            return -EEXIST;
    }
    for (pos = 0; rset_node_next (r, &pos, &rank, NULL, &cores, &gpus);) {
        if (!(node = find_rank (p, rank)))
            continue;
        node_out (p, node);
        set_all (&node->cores, cores, NULL, false);
        set_all (&node->gpus, gpus, NULL, false);
        node_in (p, node);
    }
    return 0;
}

void rpool_give (struct rpool *p, const struct rset *r)
{
    const struct idset *cores, *gpus;
    struct node *node;
    uint32_t rank;
    size_t pos = 0;

    while (rset_node_next (r, &pos, &rank, NULL, &cores, &gpus)) {
        if (!(node = find_rank (p, rank)))
            continue;
        node_out (p, node);
        set_all (&node->cores, cores, rset_ids (p->all, rank, "core"), true);
        set_all (&node->gpus, gpus, rset_ids (p->all, rank, "gpu"), true);
        node_in (p, node);
    }
}

/* ---- placing ---- */

static bool fits (struct rpool *p, const struct match *match, const struct node *node,
                  int gpus)
{
    return node->gpus.count >= gpus && (!match || match_test (match, node->index));
}

/* Count cores and gpus of a node as taken; which ones is decided at the end. */
static void pick (struct rpool *p, struct node *node, int cores, int gpus)
{
    if (node->pick_cores == 0 && node->pick_gpus == 0)
        p->picked[p->npicked++] = node->index;
    node_out (p, node);
    node->cores.count -= cores;
    node->gpus.count -= gpus;
    node->pick_cores += cores;
    node->pick_gpus += gpus;
    node_in (p, node);
}

static void unpick_all (struct rpool *p)
{
    for (unsigned i = 0; i < p->npicked; i++) {
        struct node *node = &p->nodes[p->picked[i]];
        node_out (p, node);
        node->cores.count += node->pick_cores;
        node->gpus.count += node->pick_gpus;
        node->pick_cores = node->pick_gpus = 0;
        node_in (p, node);
    }
    p->npicked = 0;
}

static int place_slots (struct rpool *p, const struct jobspec_request *req,
                        const struct match *match, flux_error_t *err)
{
    int c = req->cores_per_slot, g = req->gpus_per_slot, placed;
    int64_t need = (int64_t)req->slots_total * c, needg = (int64_t)req->slots_total * g;

    if (need > p->free_cores)
        return errmsg (err, -ENOSPC, "waits for %jd core%s; %jd free", (intmax_t)need,
                       need == 1 ? "" : "s", (intmax_t)p->free_cores);
    if (needg > p->free_gpus)
        return errmsg (err, -ENOSPC, "waits for %jd gpu%s; %jd free", (intmax_t)needg,
                       needg == 1 ? "" : "s", (intmax_t)p->free_gpus);
    for (placed = 0; placed < req->slots_total; placed++) {
        struct node *node = candidate_first (p, c);
        while (node && !fits (p, match, node, g))
            node = candidate_next (p, node, c);
        if (!node)
            return errmsg (err, -ENOSPC, "waits for %d slots of %d core%s%s; %d fit%s",
                           req->slots_total, c, c == 1 ? "" : "s", g ? " and gpus" : "",
                           placed, match ? " the constraints" : "");
        pick (p, node, c, g);
    }
    return 0;
}

static bool node_idle (const struct node *node)
{
    return node->cores.count == node->ncores && node->gpus.count == node->ngpus;
}

static int place_nodes (struct rpool *p, const struct jobspec_request *req,
                        const struct match *match, flux_error_t *err)
{
    int c = req->nslots * req->cores_per_slot, g = req->nslots * req->gpus_per_slot;
    struct node *node, *next;
    int found = 0;

    for (node = candidate_first (p, c); node && found < req->nnodes; node = next) {
        next = candidate_next (p, node, c);
        if (!fits (p, match, node, g) || (req->node_exclusive && !node_idle (node)))
            continue;
        p->picked[p->npicked++] = node->index;
        found++;
    }
    if (found < req->nnodes) {
        p->npicked = 0;
        return errmsg (err, -ENOSPC, "waits for %d %snode%s%s; %d free", req->nnodes,
                       req->node_exclusive ? "whole " : "", req->nnodes == 1 ? "" : "s",
                       match ? " that match its constraints" : "", found);
    }
    p->npicked = 0;
    for (int i = 0; i < found; i++) {
        node = &p->nodes[p->picked[i]];
        pick (p, node, req->node_exclusive ? node->ncores : c,
              req->node_exclusive ? node->ngpus : g);
    }
    return 0;
}

static int compare_unsigned (const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

    return x < y ? -1 : x > y;
}

/* Properties describe the nodes; those of the instance ("+") stay here. */
static int add_properties (struct rpool *p, struct rset *r)
{
    json_t *props = rset_properties (p->all), *val;
    const char *name;
    int rc = 0;

    json_object_foreach (props, name, val) {
        struct idset *ids, *ranks = NULL;
        if (*name == '+')
            continue;
        ids = idset_decode (json_string_value (val));
        ranks = ids ? idset_intersect (ids, rset_ranks (r)) : NULL;
        if (!ranks)
            rc = -ENOMEM;
        else if (!idset_empty (ranks))
            rc = rset_set_property (r, name, ranks, NULL);
        idset_destroy (ids);
        idset_destroy (ranks);
        if (rc < 0)
            break;
    }
    json_decref (props);
    return rc;
}

/* Choose the ids, and make R. */
static int commit_picks (struct rpool *p, int nslots, struct rset **rp)
{
    struct buf cores = BUF_INIT, gpus = BUF_INIT;
    struct rset *r = rset_new ();
    int rc = r ? 0 : -ENOMEM;

    qsort (p->picked, p->npicked, sizeof (*p->picked), compare_unsigned);
    for (unsigned i = 0; i < p->npicked && rc == 0; i++) {
        struct node *node = &p->nodes[p->picked[i]];
        int nc = node->pick_cores, ng = node->pick_gpus;
        /* the counts are down already */
        node->cores.count += nc;
        node->gpus.count += ng;
        bits_pop (&node->cores, nc, &cores);
        bits_pop (&node->gpus, ng, &gpus);
        node->pick_cores = node->pick_gpus = 0;
        rc = cores.failed || gpus.failed ? -ENOMEM
             : rset_add_rank (r, node->rank, node->host, nc ? cores.data : NULL,
                              ng ? gpus.data : NULL);
    }
    if (rc < 0)
        unpick_all (p);                  /* those that were not reached */
    p->npicked = 0;
    buf_release (&cores);
    buf_release (&gpus);
    if (rc == 0 && (rc = add_properties (p, r)) == 0 && rset_scheduling (p->all))
        rc = rset_set_scheduling (r, (json_t *)rset_scheduling (p->all));
    if (rc < 0) {
        if (r)
            rpool_give (p, r);
        rset_free (r);
        return rc;
    }
    rset_set_nslots (r, nslots);
    *rp = r;
    return 0;
}

int rpool_alloc (struct rpool *p, const struct jobspec_request *req, struct rset **rp,
                 flux_error_t *err)
{
    const struct match *match = NULL;
    int rc;

    if (req->constraints
        && (rc = match_get (p->matches, p->all, req->constraints, &match, err)) < 0)
        return rc;
    rc = req->nnodes > 0 ? place_nodes (p, req, match, err)
                         : place_slots (p, req, match, err);
    if (rc < 0) {
        unpick_all (p);
        return rc;
    }
    if ((rc = commit_picks (p, req->slots_total, rp)) < 0)
        errmsg (err, rc, "out of memory");
    return rc;
}

/* ---- feasibility ---- */

static int infeasible (const struct rpool *p, const struct jobspec_request *req,
                       const struct match *match, int64_t have, flux_error_t *err)
{
    const char *where = match ? " that match its constraints" : "";
    int c = req->cores_per_slot, g = req->gpus_per_slot;
    char with[80] = "";

    if (req->nnodes > 0) {
        if (req->nslots * c > 1 || g)
            snprintf (with, sizeof (with), " with %d core%s%s each", req->nslots * c,
                      req->nslots * c == 1 ? "" : "s", g ? " and gpus" : "");
        return errmsg (err, -EINVAL, "unsatisfiable request: asks for %d node%s%s; there "
                       "%s %jd%s", req->nnodes, req->nnodes == 1 ? "" : "s", with,
                       have == 1 ? "is" : "are", (intmax_t)have, where);
    }
    if (g)
        snprintf (with, sizeof (with), " and %d gpu%s", g, g == 1 ? "" : "s");
    if (c == 1 && !g)
        return errmsg (err, -EINVAL, "unsatisfiable request: asks for %d core%s; there "
                       "%s %jd%s", req->slots_total, req->slots_total == 1 ? "" : "s",
                       have == 1 ? "is" : "are", (intmax_t)have, where);
    return errmsg (err, -EINVAL, "unsatisfiable request: asks for %d slot%s of %d core%s%s;"
                   " there is room for %jd%s", req->slots_total,
                   req->slots_total == 1 ? "" : "s", c, c == 1 ? "" : "s", with,
                   (intmax_t)have, where);
}

int rpool_check (struct rpool *p, const struct jobspec_request *req, flux_error_t *err)
{
    int c = req->cores_per_slot, g = req->gpus_per_slot, rc;
    const struct match *match = NULL;
    int64_t have = 0, want = req->nnodes > 0 ? req->nnodes : req->slots_total;

    if (req->constraints
        && (rc = match_get (p->matches, p->all, req->constraints, &match, err)) < 0)
        return rc;
    for (unsigned i = 0; i < p->nnodes && have < want; i++) {
        const struct node *node = &p->nodes[i];
        int slots;
        if (node->gone || (match && !match_test (match, i)))
            continue;
        slots = node->ncores / c;
        if (g && node->ngpus / g < slots)
            slots = node->ngpus / g;
        have += req->nnodes > 0 ? slots >= req->nslots : slots;
    }
    return have < want ? infeasible (p, req, match, have, err) : 0;
}

/* ---- sets ---- */

struct rset *rpool_all (const struct rpool *p)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    struct rset *r = NULL;

    for (unsigned i = 0; ids && i < p->nnodes; i++) {
        if (!p->nodes[i].gone)
            (void)idset_set (ids, p->nodes[i].rank);
    }
    if (ids)
        r = rset_copy_ranks (p->all, ids);
    idset_destroy (ids);
    return r;
}

struct rset *rpool_down (const struct rpool *p)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    struct rset *r = NULL;

    for (unsigned i = 0; ids && i < p->nnodes; i++) {
        if (!p->nodes[i].gone && !p->nodes[i].up)
            (void)idset_set (ids, p->nodes[i].rank);
    }
    if (ids)
        r = rset_copy_ranks (p->all, ids);
    idset_destroy (ids);
    return r;
}

static char *used (const struct idset *ids, const struct bits *free_bits)
{
    struct idset *u = ids ? idset_copy (ids) : NULL;
    char *s = NULL;

    if (!u)
        return NULL;
    for (unsigned id = idset_first (ids); id != IDSET_INVALID_ID; id = idset_next (ids, id)) {
        if (bits_test (free_bits, id))
            (void)idset_clear (u, id);
    }
    if (!idset_empty (u))
        s = idset_encode (u, IDSET_FLAG_RANGE);
    idset_destroy (u);
    return s;
}

struct rset *rpool_allocated (const struct rpool *p)
{
    struct rset *r = rset_new ();

    for (unsigned i = 0; r && i < p->nnodes; i++) {
        const struct node *node = &p->nodes[i];
        char *cores, *gpus;
        if (node->gone || node_idle (node))
            continue;
        cores = used (rset_ids (p->all, node->rank, "core"), &node->cores);
        gpus = used (rset_ids (p->all, node->rank, "gpu"), &node->gpus);
        if (cores || gpus)
            (void)rset_add_rank (r, node->rank, node->host, cores, gpus);
        free (cores);
        free (gpus);
    }
    return r;
}
