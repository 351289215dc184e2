/* graph.c - building a graph, and asking what there is
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_private.h"
#include "graph/match_private.h"
#include "graph/timeline.h"

struct graph *graph_new (void)
{
    struct graph *g = calloc (1, sizeof (*g));

    if (!g || !(g->strings = hash_new (NULL)) || !(g->jobs = idhash_new (NULL))
        || !(g->props = idhash_new ((hash_free_f)json_decref))) {
        graph_free (g);
        errno = ENOMEM;
        return NULL;
    }
    g->nstr = 1;
    graph_intern (g, "containment");
    graph_intern (g, "contains");
    if (g->failed) {
        graph_free (g);
        errno = ENOMEM;
        return NULL;
    }
    return g;
}

static void wtree_free (void *val)
{
    struct wtree *w = val;

    free (w->w);
    free (w);
}

/* Everything that graph_finish() makes. */
void graph_tables_free (struct graph *g)
{
    for (uint32_t i = 0; i < g->ntype; i++) {
        struct vtype *t = &g->type[i];
        free (t->list);
        free (t->byid);
        t->list = t->byid = NULL;
        bits_release (&t->avail);
        bits_release (&t->idle);
        bits_release (&t->id_avail);
        bits_release (&t->id_idle);
    }
    for (int i = 0; i < GRAPH_TRACK; i++)
        planner_free (g->plan[i]);
    memset (g->plan, 0, sizeof (g->plan));
    timeline_free (g->timeline);
    g->timeline = NULL;
    free (g->child);
    free (g->total);
    free (g->free);
    free (g->kids);
    free (g->mark);
    free (g->part);
    graph_aux_free (g);
    g->child = g->mark = NULL;
    g->total = g->free = g->part = NULL;
    g->kids = NULL;
    idhash_free (g->wtrees);
    idhash_free (g->ranks);
    g->wtrees = g->ranks = NULL;
}

void graph_free (struct graph *g)
{
    int saved = errno;

    if (!g)
        return;
    while (g->job_first)
        job_free (g, g->job_first);
    graph_tables_free (g);
    for (uint32_t i = 1; i < g->nstr && g->str; i++)
        free (g->str[i]);
    free (g->str);
    free (g->type);
    free (g->type_of);
    free (g->edge);
    free (g->span);
    free (g->v);
    hash_free (g->strings);
    idhash_free (g->jobs);
    idhash_free (g->props);
    free (g);
    errno = saved;
}

uint32_t graph_intern (struct graph *g, const char *s)
{
    uintptr_t known;
    char *copy = NULL;

    if (!s || !*s)
        return 0;
    if ((known = (uintptr_t)hash_get (g->strings, s)))
        return (uint32_t)known;
    if (g->nstr >= g->str_size) {
        uint32_t size = g->str_size ? g->str_size * 2 : 32;
        char **p = realloc (g->str, size * sizeof (*p));
        if (!p)
            goto fail;
        g->str = p;
        g->str_size = size;
        g->str[0] = NULL;
    }
    if (!(copy = strdup (s))
        || hash_set (g->strings, s, (void *)(uintptr_t)g->nstr) < 0)
        goto fail;
    g->str[g->nstr] = copy;
    return g->nstr++;
fail:
    free (copy);
    g->failed = true;
    return 0;
}

const char *graph_str (const struct graph *g, uint32_t n)
{
    return n > 0 && n < g->nstr ? g->str[n] : "";
}

int graph_type_by_string (const struct graph *g, uint32_t s)
{
    return s < g->type_of_n ? (int)g->type_of[s] - 1 : -1;
}

int graph_find_type (const struct graph *g, const char *name)
{
    return graph_type_by_string (g, (uint32_t)(uintptr_t)hash_get (g->strings, name));
}

/* The table index of a type, which is made if it is new; or -1. */
static int type_index (struct graph *g, uint32_t s)
{
    int known = graph_type_by_string (g, s);
    struct vtype *t;

    if (known >= 0)
        return known;
    if (s >= g->type_of_n) {
        uint32_t n = s + 32;
        uint16_t *p = realloc (g->type_of, n * sizeof (*p));
        if (!p)
            return -1;
        memset (p + g->type_of_n, 0, (n - g->type_of_n) * sizeof (*p));
        g->type_of = p;
        g->type_of_n = n;
    }
    if (g->ntype >= UINT16_MAX - 1
        || !(t = realloc (g->type, (g->ntype + 1) * sizeof (*t))))
        return -1;
    g->type = t;
    t[g->ntype] = (struct vtype){ .name = s, .track = NOTRACK };
    g->type_of[s] = (uint16_t)++g->ntype;
    return (int)g->ntype - 1;
}

static int room_for_vtx (struct graph *g)
{
    uint32_t size = g->size ? g->size * 2 : 64;
    struct vtx *v;

    if (g->n < g->size)
        return 0;
    if (g->n >= GRAPH_MAX_VTX)
        return -EOVERFLOW;
    if (!(v = realloc (g->v, size * sizeof (*v))))
        return -ENOMEM;
    g->v = v;
    g->size = size;
    return 0;
}

static bool spec_ok (const struct graph *g, const struct vtx_spec *s)
{
    return s->type && s->type < g->nstr && s->size >= 1 && s->size <= PLANNER_END
        && s->subsystem < UINT16_MAX && s->id >= -1
        && (s->parent == GRAPH_NONE || s->parent < g->n)
        && (s->parent == GRAPH_NONE || g->v[s->parent].level < 250);
}

uint32_t graph_add (struct graph *g, const struct vtx_spec *s)
{
    int type, rc;
    struct vtx *v;

    if (g->finished || g->failed || !spec_ok (g, s)) {
        errno = g->failed ? ENOMEM : EINVAL;
        return GRAPH_NONE;
    }
    if ((type = type_index (g, s->type)) < 0 || (rc = room_for_vtx (g)) < 0) {
        errno = type < 0 ? ENOMEM : -rc;
        return GRAPH_NONE;
    }
    v = &g->v[g->n];
    *v = (struct vtx){ .parent = s->parent, .inner = GRAPH_NONE,
        .basename = s->basename ? s->basename : s->type, .name = s->name,
        .unit = s->unit, .type = (uint16_t)type,
        .subsystem = s->subsystem ? (uint16_t)s->subsystem : 1, .relation = 2,
        .level = s->parent == GRAPH_NONE ? 0 : g->v[s->parent].level + 1,
        .down = s->down, .rank = s->rank, .id = s->id, .size = s->size,
        .uniq = s->uniq >= 0 ? s->uniq : (int64_t)g->n };
    if (s->parent != GRAPH_NONE)
        g->v[s->parent].nchild++;
    return g->n++;
}

int graph_set_relation (struct graph *g, uint32_t child, uint32_t relation)
{
    if (child >= g->n || relation >= g->nstr || relation > UINT16_MAX)
        return -EINVAL;
    g->v[child].relation = (uint16_t)relation;
    return 0;
}

int graph_set_name (struct graph *g, uint32_t v, uint32_t name)
{
    if (g->finished || v >= g->n || name >= g->nstr)
        return -EINVAL;
    g->v[v].name = name;
    return 0;
}

int graph_add_edge (struct graph *g, uint32_t src, uint32_t dst,
                    uint32_t subsystem, uint32_t relation)
{
    struct edge *e;

    if (g->finished || src >= g->n || dst >= g->n || src == dst)
        return -EINVAL;
    if (g->nedge == g->edge_size) {
        uint32_t size = g->edge_size ? g->edge_size * 2 : 16;
        if (!(e = realloc (g->edge, size * sizeof (*e))))
            return -ENOMEM;
        g->edge = e;
        g->edge_size = size;
    }
    g->edge[g->nedge++] = (struct edge){ src, dst, subsystem, relation };
    return 0;
}

/* Is the order of addition already depth first?  (Each parent is on the path to
 * the vertex before.) */
static bool is_depth_first (const struct graph *g)
{
    for (uint32_t i = 1; i < g->n; i++) {
        uint32_t p = g->v[i].parent, q = i - 1;

        while (q != p && q != GRAPH_NONE)
            q = g->v[q].parent;
        if (q != p)
            return false;
    }
    return true;
}

/* new number of each old vertex, by counting the sizes of subtrees */
static uint32_t *depth_first_map (struct graph *g)
{
    uint32_t *map = malloc (g->n * sizeof (*map));
    uint32_t *below = calloc (g->n, sizeof (*below));
    uint32_t *next = calloc (g->n, sizeof (*next)), roots = 0;

    for (uint32_t i = g->n; map && below && next && i-- > 0;) {
        below[i]++;
        if (g->v[i].parent != GRAPH_NONE)
            below[g->v[i].parent] += below[i];
    }
    for (uint32_t i = 0; map && below && next && i < g->n; i++) {
        uint32_t p = g->v[i].parent, *place = p == GRAPH_NONE ? &roots : &next[p];

        map[i] = *place;
        *place += below[i];
        next[i] = map[i] + 1;
    }
    if (!below || !next) {
        free (map);
        map = NULL;
    }
    free (below);
    free (next);
    return map;
}

static int reorder (struct graph *g, uint32_t **mapp)
{
    uint32_t *map = depth_first_map (g);
    struct vtx *v = malloc (g->n * sizeof (*v));

    if (!map || !v) {
        free (map);
        free (v);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < g->n; i++) {
        v[map[i]] = g->v[i];
        if (g->v[i].parent != GRAPH_NONE)
            v[map[i]].parent = map[g->v[i].parent];
    }
    for (uint32_t i = 0; i < g->nedge; i++) {
        g->edge[i].src = map[g->edge[i].src];
        g->edge[i].dst = map[g->edge[i].dst];
    }
    free (g->v);
    g->v = v;
    g->size = g->n;
    *mapp = map;
    return 0;
}

/* Subtree ends, lists of children, numbers of inner vertices. */
static int build_tree (struct graph *g)
{
    uint32_t next = 0;

    if (!(g->child = malloc ((g->n + 1) * sizeof (*g->child))))
        return -ENOMEM;
    g->ninner = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        struct vtx *v = &g->v[i];

        v->end = i + 1;
        v->child = next;
        next += v->nchild;
        v->inner = v->nchild ? g->ninner++ : GRAPH_NONE;
        v->nchild = 0;
        if (v->parent != GRAPH_NONE) {
            struct vtx *p = &g->v[v->parent];
            v->sib = p->nchild;
            g->child[p->child + p->nchild++] = i;
        }
    }
    for (uint32_t i = g->n; i-- > 0;)
        if (g->v[i].parent != GRAPH_NONE && g->v[i].end > g->v[g->v[i].parent].end)
            g->v[g->v[i].parent].end = g->v[i].end;
    g->tree_n = g->v[0].end;
    return 0;
}

struct idkey {
    int64_t id;
    uint32_t pos;
};

static int cmp_idkey (const void *a, const void *b)
{
    const struct idkey *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->pos < y->pos ? -1 : 1;
}

/* Order a type by id, if that is not the order of its vertices anyway. */
static int build_byid (struct graph *g, struct vtype *t)
{
    struct idkey *key;
    uint32_t i = 1;

    while (i < t->n && g->v[t->list[i - 1]].id < g->v[t->list[i]].id)
        i++;
    if (i >= t->n)
        return 0;
    key = malloc (t->n * sizeof (*key));
    t->byid = malloc (t->n * sizeof (*t->byid));
    if (!key || !t->byid || bits_init (&t->id_avail, t->n) < 0
        || bits_init (&t->id_idle, t->n) < 0) {
        free (key);
        return -ENOMEM;
    }
    for (i = 0; i < t->n; i++)
        key[i] = (struct idkey){ g->v[t->list[i]].id, i };
    qsort (key, t->n, sizeof (*key), cmp_idkey);
    for (i = 0; i < t->n; i++) {
        t->byid[i] = t->list[key[i].pos];
        g->v[t->byid[i]].idpos = i;
    }
    free (key);
    return 0;
}

static int build_widest (struct graph *g)
{
    struct below {
        uint32_t parent;
        int64_t units;
    } *below = calloc (g->ntype + 1, sizeof (*below));

    if (!below)
        return -ENOMEM;
    for (uint32_t i = 0; i < g->ntype; i++)
        g->type[i].widest = 0;
    for (uint32_t i = 0; i < g->tree_n; i++) {
        for (uint32_t k = 0; k < g->v[i].nchild; k++) {
            const struct vtx *v = &g->v[g->child[g->v[i].child + k]];
            struct below *b = &below[v->type];
            if (b->parent != i)
                *b = (struct below){ i, 0 };
            b->units += v->size;
            if (b->units > g->type[v->type].widest)
                g->type[v->type].widest = b->units;
        }
    }
    free (below);
    return 0;
}

static int build_types (struct graph *g)
{
    for (uint32_t i = 0; i < g->ntype; i++)
        g->type[i].n = 0;
    for (uint32_t i = 0; i < g->tree_n; i++)
        g->type[g->v[i].type].n++;
    for (uint32_t i = 0; i < g->ntype; i++) {
        struct vtype *t = &g->type[i];
        t->list = malloc ((t->n + 1) * sizeof (*t->list));
        if (!t->list || bits_init (&t->avail, t->n) < 0
            || bits_init (&t->idle, t->n) < 0)
            return -ENOMEM;
        t->n = 0;
    }
    for (uint32_t i = 0; i < g->tree_n; i++) {
        struct vtype *t = &g->type[g->v[i].type];
        g->v[i].pos = t->n;
        t->list[t->n++] = i;
    }
    for (uint32_t i = 0; i < g->ntype; i++)
        if (build_byid (g, &g->type[i]) < 0)
            return -ENOMEM;
    return build_widest (g);
}

/* Node, core, gpu and memory come first among the types that are summed. */
static void choose_tracked (struct graph *g)
{
    static const char *first[] = { "node", "core", "gpu", "memory" };
    int node, core;

    g->ntrack = 0;
    for (uint32_t i = 0; i < g->ntype; i++)
        g->type[i].track = NOTRACK;
    for (uint32_t i = 0; i < 4 + g->ntype && g->ntrack < GRAPH_TRACK; i++) {
        int t = i < 4 ? graph_find_type (g, first[i]) : (int)i - 4;
        if (t >= 0 && g->type[t].track == NOTRACK && g->type[t].n > 0) {
            g->type[t].track = (uint8_t)g->ntrack;
            g->track_type[g->ntrack++] = (uint32_t)t;
        }
    }
    node = graph_find_type (g, "node");
    core = graph_find_type (g, "core");
    g->slot_node = node >= 0 ? g->type[node].track : NOTRACK;
    g->slot_core = core >= 0 ? g->type[core].track : NOTRACK;
}

static int build_sums (struct graph *g)
{
    uint32_t k;

    choose_tracked (g);
    k = g->ntrack;
    g->total = calloc ((size_t)g->ninner * k + 1, sizeof (*g->total));
    g->free = calloc ((size_t)g->ninner * k + 1, sizeof (*g->free));
    g->kids = calloc ((size_t)g->ninner + 1, sizeof (*g->kids));
    if (!g->total || !g->free || !g->kids)
        return -ENOMEM;
    for (uint32_t i = g->tree_n; i-- > 1;) {
        const struct vtx *v = &g->v[i];
        int64_t *up = g->total + (size_t)g->v[v->parent].inner * k;
        uint8_t slot = g->type[v->type].track;

        g->kids[g->v[v->parent].inner] |= 1ull << (v->type & 63);
        if (slot != NOTRACK)
            up[slot] += v->size;
        for (uint32_t j = 0; v->inner != GRAPH_NONE && j < k; j++)
            up[j] += g->total[(size_t)v->inner * k + j];
    }
    memcpy (g->free, g->total, (size_t)g->ninner * k * sizeof (*g->free));
    for (uint32_t j = 0; j < k; j++) {
        int64_t sum = g->v[0].inner != GRAPH_NONE ? g->total[j] : 0;
        if (g->type[g->v[0].type].track == j)
            sum += g->v[0].size;
        if (sum < 0 || sum > PLANNER_END)
            return -EOVERFLOW;
    }
    return 0;
}

static void set_bits (struct graph *g, uint32_t i)
{
    struct vtx *v = &g->v[i];
    struct vtype *t = &g->type[v->type];
    bool avail = v->blocked == 0, idle = avail && v->users == 0;

    bits_put (&t->avail, v->pos, avail);
    bits_put (&t->idle, v->pos, idle);
    if (t->byid) {
        bits_put (&t->id_avail, v->idpos, avail);
        bits_put (&t->id_idle, v->idpos, idle);
    }
}

static int build_state (struct graph *g)
{
    g->mark = calloc (g->n, sizeof (*g->mark));
    g->part = calloc (g->n, sizeof (*g->part));
    g->epoch = 0;
    g->ndown = 0;
    if (!g->mark || !g->part || !(g->ranks = idhash_new (NULL))
        || !(g->wtrees = idhash_new (wtree_free)))
        return -ENOMEM;
    for (uint32_t i = g->tree_n; i < g->n; i++)
        g->v[i].xspan = g->v[i].sspan = 0;
    for (uint32_t i = 0; i < g->tree_n; i++) {
        struct vtx *v = &g->v[i];
        bool above = v->parent != GRAPH_NONE;

        g->ndown += v->down;
        v->blocked = v->down + (above ? g->v[v->parent].blocked : 0);
        v->users = v->xspan = v->sspan = 0;
        set_bits (g, i);
        if (v->rank >= 0 && (!above || g->v[v->parent].rank != v->rank)
            && !idhash_get (g->ranks, (uint64_t)v->rank)
            && idhash_set (g->ranks, (uint64_t)v->rank,
                           (void *)(uintptr_t)(i + 1)) < 0)
            return -ENOMEM;
    }
    return 0;
}

int graph_finish (struct graph *g, uint32_t **mapp)
{
    uint32_t *map = NULL;
    int rc;

    if (g->failed)
        return -ENOMEM;
    if (g->finished || g->n == 0 || g->v[0].subsystem != 1)
        return -EINVAL;
    if (!is_depth_first (g) && (rc = reorder (g, &map)) < 0)
        return rc;
    if ((rc = build_tree (g)) < 0 || (rc = build_types (g)) < 0
        || (rc = build_sums (g)) < 0 || (rc = build_state (g)) < 0
        || (rc = graph_aux_build (g)) < 0) {
        free (map);
        graph_tables_free (g);
        return rc;
    }
    g->finished = true;
    if (mapp)
        *mapp = map;
    else
        free (map);
    return 0;
}

void graph_type_range (const struct graph *g, uint32_t v, int type, uint32_t *lo,
                       uint32_t *hi)
{
    const struct vtype *t = &g->type[type];
    uint32_t bound[2] = { v + 1, g->v[v].end }, out[2];

    if (v == 0) {
        *lo = t->n > 0 && t->list[0] == 0;
        *hi = t->n;
        return;
    }
    for (int i = 0; i < 2; i++) {
        uint32_t a = 0, b = t->n;
        while (a < b) {
            uint32_t m = a + (b - a) / 2;
            if (t->list[m] < bound[i])
                a = m + 1;
            else
                b = m;
        }
        out[i] = a;
    }
    *lo = out[0];
    *hi = out[1];
}

bool graph_has_child_type (const struct graph *g, uint32_t v, int type)
{
    const struct vtx *x = &g->v[v];

    if (x->inner == GRAPH_NONE || !(g->kids[x->inner] >> (type & 63) & 1))
        return false;
    for (uint32_t i = 0; g->ntype > 64 && i < x->nchild; i++)
        if (g->v[g->child[x->child + i]].type == type)
            return true;
    return g->ntype <= 64;
}

/* Outside of the tree nothing is above what is taken, so inner vertices can be pools, too. */
bool graph_is_pool (const struct graph *g, uint32_t v)
{
    return v >= g->tree_n || g->v[v].inner == GRAPH_NONE;
}

/* Weights of "first" */

int64_t graph_weight (const struct graph *g, uint32_t v)
{
    const struct vtx *x = &g->v[v];
    size_t at = (size_t)x->inner * g->ntrack;

    if (x->inner == GRAPH_NONE)
        return 1;
    if (g->slot_node != NOTRACK && g->total[at + g->slot_node] > 0)
        return g->free[at + g->slot_node];
    return g->slot_core != NOTRACK ? g->free[at + g->slot_core] : 1;
}

struct wtree *graph_wtree (struct graph *g, uint32_t v)
{
    struct wtree *w = idhash_get (g->wtrees, v);
    const struct vtx *x = &g->v[v];

    if (w)
        return w;
    if (!(w = calloc (1, sizeof (*w))))
        return NULL;
    w->vtx = v;
    for (w->n = 1; w->n < x->nchild; w->n *= 2)
        ;
    if (!(w->w = malloc (2 * (size_t)w->n * sizeof (*w->w)))
        || idhash_set (g->wtrees, v, w) < 0) {
        wtree_free (w);
        return NULL;
    }
    for (uint32_t i = 0; i < w->n; i++)
        w->w[w->n + i] = i < x->nchild ? graph_weight (g, g->child[x->child + i])
                                       : INT64_MIN;
    for (uint32_t i = w->n; i-- > 1;)
        w->w[i] = w->w[2 * i] > w->w[2 * i + 1] ? w->w[2 * i] : w->w[2 * i + 1];
    return w;
}

static void weight_changed (struct graph *g, uint32_t v)
{
    struct wtree *w;
    uint32_t i;

    if (v == 0 || idhash_count (g->wtrees) == 0
        || !(w = idhash_get (g->wtrees, g->v[v].parent)))
        return;
    i = w->n + g->v[v].sib;
    w->w[i] = graph_weight (g, v);
    while (i > 1) {
        int64_t a, b;
        i /= 2;
        a = w->w[2 * i];
        b = w->w[2 * i + 1];
        w->w[i] = a > b ? a : b;
    }
}

/* State */

void graph_block (struct graph *g, uint32_t v, int diff)
{
    for (uint32_t i = v; i < g->v[v].end; i++) {
        bool before = g->v[i].blocked == 0;
        g->v[i].blocked += (uint32_t)diff;
        if (before != (g->v[i].blocked == 0))
            set_bits (g, i);
    }
}

void graph_users (struct graph *g, uint32_t v, int diff)
{
    bool before = g->v[v].users == 0;

    g->v[v].users += (uint32_t)diff;
    if (before != (g->v[v].users == 0))
        set_bits (g, v);
}

void graph_free_add (struct graph *g, uint32_t v, int slot, int64_t diff)
{
    while ((v = g->v[v].parent) != GRAPH_NONE) {
        g->free[(size_t)g->v[v].inner * g->ntrack + (size_t)slot] += diff;
        if (slot == g->slot_node || slot == g->slot_core)
            weight_changed (g, v);
    }
}

void graph_free_subtree (struct graph *g, uint32_t v, int sign)
{
    const struct vtx *x = &g->v[v];
    uint8_t own = g->type[x->type].track;

    for (uint32_t j = 0; j < g->ntrack; j++) {
        int64_t sum = own == j ? x->size : 0;
        if (x->inner != GRAPH_NONE)
            sum += g->free[(size_t)x->inner * g->ntrack + j];
        if (sum)
            graph_free_add (g, v, (int)j, sign * sum);
    }
}

uint32_t graph_span_new (struct graph *g, uint32_t v, int64_t start, int64_t end,
                         int64_t amount, bool x, bool alloc)
{
    uint32_t s = g->span_free, *head = x ? &g->v[v].xspan : &g->v[v].sspan;

    if (s)
        g->span_free = g->span[s].next;
    else {
        if (g->nspan + 1 >= g->span_size) {
            uint32_t size = g->span_size ? g->span_size * 2 : 64;
            struct span *p = realloc (g->span, size * sizeof (*p));
            if (!p)
                return 0;
            g->span = p;
            g->span_size = size;
        }
        s = ++g->nspan;
    }
    g->span[s] = (struct span){ start, end, amount, v, *head, 0, x, alloc };
    if (*head)
        g->span[*head].prev = s;
    *head = s;
    return s;
}

void graph_span_free (struct graph *g, uint32_t s)
{
    struct span *p = &g->span[s];

    if (p->prev)
        g->span[p->prev].next = p->next;
    else if (p->x)
        g->v[p->vtx].xspan = p->next;
    else
        g->v[p->vtx].sspan = p->next;
    if (p->next)
        g->span[p->next].prev = p->prev;
    p->next = g->span_free;
    g->span_free = s;
}
