/* read_grug.c - a graph from a recipe in GraphML
 *
 * Expat calls start(), text() and end(); they fill tables of keys, recipe nodes
 * and recipe edges, which are then walked depth first.
 */
#include <errno.h>
#include <expat.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "base/buf.h"
#include "base/hash.h"
#include "graph/graph.h"
#include "graph/read_grug.h"

#define MAX_DEPTH 64
#define TOO_MANY ((int64_t)GRAPH_MAX_VTX + 1)

enum { N_ROOT, N_TYPE, N_BASENAME, N_UNIT, N_SIZE, N_SUBSYSTEM, N_KEYS };
static const char *const node_keys[] = { "root", "type", "basename", "unit", "size",
                                         "subsystem" };
enum { E_SUBSYSTEM, E_RELATION, E_RRELATION, E_SCOPE, E_START, E_STRIDE, E_METHOD,
       E_SCALE, E_TGT_SUBSYSTEM, E_TGT_UPLVL, E_SRC_UPLVL, E_KEYS };
static const char *const edge_keys[] = { "e_subsystem", "relation", "rrelation",
    "id_scope", "id_start", "id_stride", "gen_method", "multi_scale",
    "as_tgt_subsystem", "as_tgt_uplvl", "as_src_uplvl" };

struct node {
    char *id;
    char *val[N_KEYS];
    unsigned long line;
    int64_t size;
    bool root;
    uint32_t type, basename, unit, subsystem;
    uint32_t *edges;
    uint32_t nedges;
    int height;                 /* levels of the recipe from here; -1: being looked at */
    int64_t makes;              /* vertices that one of it brings, itself too */
    uint32_t scope_owner;       /* vertex for which ids were counted last, + 1 */
    int64_t count;
};

struct edge {
    char *source, *target;
    char *val[E_KEYS];
    unsigned long line;
    uint32_t to;
    int64_t scope, start, stride, scale, tgt_up, src_up;
    int method;                 /* 'm', 'a' or 'p' */
    uint32_t subsystem, relation, tgt_subsystem;
};

struct reader {
    XML_Parser xml;
    struct graph *g;
    flux_error_t *err;
    int errnum;
    struct node *node;
    uint32_t nnode;
    struct edge *edge;
    uint32_t nedge;
    char *ndef[N_KEYS], *edef[E_KEYS];
    char *key;                  /* name of the <data> or <key> element we are in */
    struct hash *names;         /* id of a <key> -> its attr.name */
    bool for_edge, in_default, in_data, in_node, in_edge;
    struct buf text;
    int depth;
    uint32_t *vtx_node;         /* recipe node of each vertex */
    uint32_t vtx_size;
};

__attribute__ ((format (printf, 3, 4)))
static int bad (struct reader *r, unsigned long line, const char *fmt, ...)
{
    char text[128];
    va_list ap;

    if (r->errnum)
        return -1;
    r->errnum = EINVAL;
    va_start (ap, fmt);
    vsnprintf (text, sizeof (text), fmt, ap);
    va_end (ap);
    if (r->err)
        errmsg (r->err, 0, "line %lu: %s", line, text);
    if (r->xml)
        XML_StopParser (r->xml, XML_FALSE);
    return -1;
}

static int nomem (struct reader *r)
{
    r->errnum = ENOMEM;
    if (r->xml)
        XML_StopParser (r->xml, XML_FALSE);
    return -1;
}

static unsigned long line_of (const struct reader *r)
{
    return XML_GetCurrentLineNumber (r->xml);
}

static const char *attr (const char **a, const char *name)
{
    for (; *a; a += 2)
        if (strcmp (a[0], name) == 0)
            return a[1];
    return NULL;
}

static void set_string (struct reader *r, char **p, const char *s)
{
    free (*p);
    if (!(*p = strdup (s)))
        nomem (r);
}

/* What a key is called, by which <data> elements do not refer to it. */
static void start_key (struct reader *r, const char **a)
{
    const char *f = attr (a, "for"), *id = attr (a, "id"), *name = attr (a, "attr.name");
    char *copy;

    r->for_edge = f && strcmp (f, "edge") == 0;
    set_string (r, &r->key, name ? name : id ? id : "");
    if (!id || !name || r->errnum)
        return;
    if (!(copy = strdup (name)) || hash_set (r->names, id, copy) < 0) {
        free (copy);
        nomem (r);
    }
}

static void start_data (struct reader *r, const char **a)
{
    const char *id = attr (a, "key"), *name = id ? hash_get (r->names, id) : NULL;

    set_string (r, &r->key, name ? name : id ? id : "");
    r->in_data = true;
}

static void start_node (struct reader *r, const char **a)
{
    const char *id = attr (a, "id");
    struct node *p;

    if (!id) {
        bad (r, line_of (r), "a node without id");
        return;
    }
    for (uint32_t i = 0; i < r->nnode; i++) {
        if (strcmp (r->node[i].id, id) == 0) {
            bad (r, line_of (r), "node '%.64s' is there twice", id);
            return;
        }
    }
    if (r->nnode >= 4096 || !(p = realloc (r->node, (r->nnode + 1) * sizeof (*p)))) {
        nomem (r);
        return;
    }
    r->node = p;
    p[r->nnode] = (struct node){ .line = line_of (r) };
    set_string (r, &p[r->nnode].id, id);
    r->nnode++;
    r->in_node = true;
}

static void start_edge (struct reader *r, const char **a)
{
    const char *s = attr (a, "source"), *t = attr (a, "target");
    struct edge *p;

    if (!s || !t) {
        bad (r, line_of (r), "an edge without source or target");
        return;
    }
    if (r->nedge >= 4096 || !(p = realloc (r->edge, (r->nedge + 1) * sizeof (*p)))) {
        nomem (r);
        return;
    }
    r->edge = p;
    p[r->nedge] = (struct edge){ .line = line_of (r) };
    set_string (r, &p[r->nedge].source, s);
    set_string (r, &p[r->nedge].target, t);
    r->nedge++;
    r->in_edge = true;
}

static void XMLCALL start (void *arg, const char *name, const char **a)
{
    struct reader *r = arg;

    buf_clear (&r->text);
    if (r->errnum)
        return;
    if (strcmp (name, "key") == 0)
        start_key (r, a);
    else if (strcmp (name, "default") == 0)
        r->in_default = true;
    else if (strcmp (name, "data") == 0)
        start_data (r, a);
    else if (strcmp (name, "node") == 0)
        start_node (r, a);
    else if (strcmp (name, "edge") == 0)
        start_edge (r, a);
}

static void XMLCALL text (void *arg, const char *s, int len)
{
    struct reader *r = arg;

    if ((r->in_data || r->in_default) && r->text.len + (size_t)len < 4096
        && buf_add (&r->text, s, (size_t)len) < 0)
        nomem (r);
}

static int key_index (const char *key, const char *const *keys, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp (key, keys[i]) == 0)
            return i;
    return -1;
}

static char *trimmed (struct reader *r)
{
    char *s = r->text.data, *end = s + strlen (s);

    while (*s && strchr (" \t\r\n", *s))
        s++;
    while (end > s && strchr (" \t\r\n", end[-1]))
        *--end = '\0';
    return s;
}

static void end_data (struct reader *r)
{
    int k = 0;

    if (r->in_edge) {
        if ((k = key_index (r->key, edge_keys, E_KEYS)) >= 0)
            set_string (r, &r->edge[r->nedge - 1].val[k], trimmed (r));
    }
    else if (r->in_node) {
        if ((k = key_index (r->key, node_keys, N_KEYS)) >= 0)
            set_string (r, &r->node[r->nnode - 1].val[k], trimmed (r));
    }
    if ((r->in_edge || r->in_node) && k < 0)
        bad (r, line_of (r), "unknown key '%.64s'", r->key);
}

static void XMLCALL end (void *arg, const char *name)
{
    struct reader *r = arg;
    int k = 0;

    if (r->errnum)
        return;
    if (strcmp (name, "data") == 0 && r->in_data) {
        end_data (r);
        r->in_data = false;
    }
    else if (strcmp (name, "default") == 0 && r->in_default && r->key) {
        if (r->for_edge && (k = key_index (r->key, edge_keys, E_KEYS)) >= 0)
            set_string (r, &r->edef[k], trimmed (r));
        else if (!r->for_edge && (k = key_index (r->key, node_keys, N_KEYS)) >= 0)
            set_string (r, &r->ndef[k], trimmed (r));
        r->in_default = false;
    }
    else if (strcmp (name, "node") == 0)
        r->in_node = false;
    else if (strcmp (name, "edge") == 0)
        r->in_edge = false;
}

static int parse (struct reader *r, const char *s, size_t len)
{
    if (!(r->xml = XML_ParserCreate (NULL)))
        return nomem (r);
    XML_SetUserData (r->xml, r);
    XML_SetElementHandler (r->xml, start, end);
    XML_SetCharacterDataHandler (r->xml, text);
    if (len > INT32_MAX / 2)
        bad (r, 1, "too long");
    else if (XML_Parse (r->xml, s, (int)len, 1) != XML_STATUS_OK && !r->errnum)
        bad (r, line_of (r), "%s", XML_ErrorString (XML_GetErrorCode (r->xml)));
    XML_ParserFree (r->xml);
    r->xml = NULL;
    return r->errnum ? -1 : 0;
}

static int number (struct reader *r, unsigned long line, const char *key,
                   const char *own, const char *def, int64_t fallback, int64_t min,
                   int64_t max, int64_t *out)
{
    const char *s = own ? own : def;
    char *stop;
    long long n;

    if (!s || !*s) {
        *out = fallback;
        return 0;
    }
    errno = 0;
    n = strtoll (s, &stop, 10);
    if (errno || *stop || stop == s || n < min || n > max)
        return bad (r, line, "%s is '%.32s': expected a number from %lld to %lld",
                    key, s, (long long)min, (long long)max);
    *out = n;
    return 0;
}

static uint32_t string (struct reader *r, const char *own, const char *def,
                        const char *fallback)
{
    const char *s = own ? own : def ? def : fallback;

    return graph_intern (r->g, s);
}

static int resolve_node (struct reader *r, struct node *n)
{
    int64_t root;

    if (number (r, n->line, "root", n->val[N_ROOT], r->ndef[N_ROOT], 0, 0, 1, &root) < 0
        || number (r, n->line, "size", n->val[N_SIZE], r->ndef[N_SIZE], 1, 1,
                   INT64_MAX / 8, &n->size) < 0)
        return -1;
    n->root = root;
    n->type = string (r, n->val[N_TYPE], r->ndef[N_TYPE], "");
    if (!n->type)
        return bad (r, n->line, "node '%.64s' has no type", n->id);
    n->basename = string (r, n->val[N_BASENAME], r->ndef[N_BASENAME], "");
    n->unit = string (r, n->val[N_UNIT], r->ndef[N_UNIT], "");
    n->subsystem = string (r, n->val[N_SUBSYSTEM], r->ndef[N_SUBSYSTEM],
                           "containment");
    return 0;
}

static int find_node (struct reader *r, const struct edge *e, const char *id,
                      uint32_t *n)
{
    for (uint32_t i = 0; i < r->nnode; i++) {
        if (strcmp (r->node[i].id, id) == 0) {
            *n = i;
            return 0;
        }
    }
    return bad (r, e->line, "there is no node '%.64s'", id);
}

static int resolve_method (struct reader *r, struct edge *e)
{
    const char *m = e->val[E_METHOD] ? e->val[E_METHOD] : r->edef[E_METHOD];

    if (!m || strcmp (m, "MULTIPLY") == 0)
        e->method = 'm';
    else if (strcmp (m, "ASSOCIATE_IN") == 0)
        e->method = 'a';
    else if (strcmp (m, "ASSOCIATE_BY_PATH_IN") == 0)
        e->method = 'p';
    else
        return bad (r, e->line, "gen_method is '%.32s': expected MULTIPLY, "
                    "ASSOCIATE_IN or ASSOCIATE_BY_PATH_IN", m);
    return 0;
}

static int resolve_edge (struct reader *r, uint32_t i)
{
    static const struct { int key; int64_t fallback, min, max; } num[] = {
        { E_SCOPE, 0, 0, 1000 }, { E_START, 0, 0, INT32_MAX },
        { E_STRIDE, 1, 0, INT32_MAX }, { E_SCALE, 1, 0, INT32_MAX },
        { E_TGT_UPLVL, 1, 0, 1000 }, { E_SRC_UPLVL, 1, 0, 1000 },
    };
    struct edge *e = &r->edge[i];
    int64_t *out[] = { &e->scope, &e->start, &e->stride, &e->scale, &e->tgt_up,
                       &e->src_up };
    uint32_t from = 0, *list;

    for (size_t k = 0; k < 6; k++)
        if (number (r, e->line, edge_keys[num[k].key], e->val[num[k].key],
                    r->edef[num[k].key], num[k].fallback, num[k].min, num[k].max,
                    out[k]) < 0)
            return -1;
    if (resolve_method (r, e) < 0 || find_node (r, e, e->source, &from) < 0
        || find_node (r, e, e->target, &e->to) < 0)
        return -1;
    e->subsystem = string (r, e->val[E_SUBSYSTEM], r->edef[E_SUBSYSTEM], "containment");
    e->relation = string (r, e->val[E_RELATION], r->edef[E_RELATION], "contains");
    e->tgt_subsystem = string (r, e->val[E_TGT_SUBSYSTEM], r->edef[E_TGT_SUBSYSTEM],
                               "containment");
    list = realloc (r->node[from].edges, (r->node[from].nedges + 1) * sizeof (*list));
    if (!list)
        return nomem (r);
    r->node[from].edges = list;
    list[r->node[from].nedges++] = i;
    return 0;
}

/* The id of a new vertex: counted within the ancestor 'scope' levels above the
 * parent, as the walk is depth first, one counter for each kind will do. */
static int64_t next_id (struct reader *r, const struct edge *e, uint32_t parent)
{
    struct node *n = &r->node[e->to];
    uint32_t owner = parent;

    for (int64_t i = 0; i < e->scope && graph_parent (r->g, owner) != GRAPH_NONE; i++)
        owner = graph_parent (r->g, owner);
    if (n->scope_owner != owner + 1) {
        n->scope_owner = owner + 1;
        n->count = 0;
    }
    return e->start + e->stride * n->count++;
}

static uint32_t new_vtx (struct reader *r, uint32_t kind, uint32_t parent, int64_t id)
{
    const struct node *n = &r->node[kind];
    struct vtx_spec spec = { .parent = parent, .type = n->type,
        .basename = n->basename, .unit = n->unit, .subsystem = n->subsystem,
        .id = id, .size = n->size, .uniq = -1, .rank = -1 };
    uint32_t v = graph_add (r->g, &spec);

    if (v == GRAPH_NONE) {
        if (errno == EINVAL)
            bad (r, n->line, "vertex '%.64s' cannot be made", n->id);
        else
            r->errnum = errno;
        return v;
    }
    if (v >= r->vtx_size) {
        uint32_t size = r->vtx_size ? r->vtx_size * 2 : 1024;
        uint32_t *p = realloc (r->vtx_node, size * sizeof (*p));
        if (!p) {
            nomem (r);
            return GRAPH_NONE;
        }
        r->vtx_node = p;
        r->vtx_size = size;
    }
    r->vtx_node[v] = kind;
    return v;
}

/* 'only': the subsystem whose edges are followed, once one was entered from
 * another; 0: all. */
static int walk (struct reader *r, uint32_t kind, uint32_t v, uint32_t only);

static int multiply (struct reader *r, const struct edge *e, uint32_t v,
                     uint32_t only)
{
    bool same_tree = strcmp (graph_subsystem (r->g, v),
                             graph_str (r->g, r->node[e->to].subsystem)) == 0;

    for (int64_t i = 0; i < e->scale; i++) {
        uint32_t c = new_vtx (r, e->to, same_tree ? v : GRAPH_NONE,
                              next_id (r, e, v));
        if (c == GRAPH_NONE)
            return -1;
        if (same_tree)
            graph_set_relation (r->g, c, e->relation);
        else if (graph_add_edge (r->g, v, c, e->subsystem, e->relation) < 0)
            return nomem (r);
        if (walk (r, e->to, c, only) < 0)
            return -1;
    }
    return 0;
}

static uint32_t up (const struct graph *g, uint32_t v, int64_t n)
{
    while (n-- > 0 && v != GRAPH_NONE)
        v = graph_parent (g, v);
    return v;
}

static int associate (struct reader *r, const struct edge *e, uint32_t v)
{
    struct graph *g = r->g;
    uint32_t count = graph_count (g), kind_type = r->node[e->to].type;

    for (uint32_t t = 0; t < count; t++) {
        if (t == v || strcmp (graph_subsystem (g, t), graph_str (g, e->tgt_subsystem))
            || strcmp (graph_type (g, t), graph_str (g, kind_type)))
            continue;
        if (e->method == 'p' && (up (g, v, e->src_up) == GRAPH_NONE
                                 || up (g, v, e->src_up) != up (g, t, e->tgt_up)))
            continue;
        if (graph_edges (g) >= GRAPH_MAX_VTX)
            return bad (r, e->line, "more than %u edges", GRAPH_MAX_VTX);
        if (graph_add_edge (g, v, t, e->subsystem, e->relation) < 0)
            return nomem (r);
        if (walk (r, e->to, t, e->subsystem) < 0)
            return -1;
    }
    return 0;
}

static int walk (struct reader *r, uint32_t kind, uint32_t v, uint32_t only)
{
    const struct node *n = &r->node[kind];

    if (++r->depth > MAX_DEPTH)
        return bad (r, n->line, "more than %d levels: a cycle through '%.64s'?",
                    MAX_DEPTH, n->id);
    for (uint32_t i = 0; i < n->nedges; i++) {
        const struct edge *e = &r->edge[n->edges[i]];
        int rc = 0;

        if (only == 0 || e->subsystem == only)
            rc = e->method == 'm' ? multiply (r, e, v, only) : associate (r, e, v);
        if (rc < 0)
            return -1;
    }
    r->depth--;
    return 0;
}

/* Before anything is made: is there a cycle, is it too high, and how large will it be?
 * Each node of the recipe is looked at once. */
static int measure (struct reader *r, uint32_t kind)
{
    struct node *n = &r->node[kind];
    int height = 1;

    if (n->height != 0)
        return n->height > 0 ? 0 : bad (r, n->line, "a cycle through '%.64s'", n->id);
    n->height = -1;
    n->makes = 1;
    for (uint32_t i = 0; i < n->nedges; i++) {
        const struct edge *e = &r->edge[n->edges[i]];
        const struct node *to = &r->node[e->to];

        if (e->scale == 0)
            continue;
        if (measure (r, e->to) < 0)
            return -1;
        height = to->height >= height ? to->height + 1 : height;
        if (e->method == 'm')
            n->makes += to->makes > TOO_MANY / e->scale ? TOO_MANY : to->makes * e->scale;
        if (n->makes > TOO_MANY)
            n->makes = TOO_MANY;
    }
    n->height = height;
    return height <= MAX_DEPTH ? 0 : bad (r, n->line, "more than %d levels below '%.64s'",
                                          MAX_DEPTH, n->id);
}

static int generate (struct reader *r)
{
    uint32_t containment = graph_intern (r->g, "containment");

    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < r->nnode; i++) {
            struct node *n = &r->node[i];
            uint32_t v;

            if (!n->root || (n->subsystem == containment) != (pass == 0))
                continue;
            if (pass == 0 && graph_count (r->g) > 0)
                return bad (r, n->line, "a second root of the containment");
            if (measure (r, i) < 0)
                return -1;
            if (n->makes >= TOO_MANY)
                return bad (r, n->line, "more than %u vertices: lower the multi_scale of "
                            "edges", GRAPH_MAX_VTX);
            if ((v = new_vtx (r, i, GRAPH_NONE, 0)) == GRAPH_NONE
                || walk (r, i, v, 0) < 0)
                return -1;
        }
        if (graph_count (r->g) == 0)
            return bad (r, 1, "no node is the root of the containment");
    }
    return 0;
}

static int build (struct reader *r)
{
    int rc;

    for (uint32_t i = 0; i < r->nnode; i++)
        if (resolve_node (r, &r->node[i]) < 0)
            return -1;
    for (uint32_t i = 0; i < r->nedge; i++)
        if (resolve_edge (r, i) < 0)
            return -1;
    if (generate (r) < 0)
        return -1;
    if ((rc = graph_finish (r->g, NULL)) < 0) {
        r->errnum = -rc;
        return -1;
    }
    return 0;
}

static void reader_release (struct reader *r)
{
    for (uint32_t i = 0; i < r->nnode; i++) {
        for (int k = 0; k < N_KEYS; k++)
            free (r->node[i].val[k]);
        free (r->node[i].id);
        free (r->node[i].edges);
    }
    for (uint32_t i = 0; i < r->nedge; i++) {
        for (int k = 0; k < E_KEYS; k++)
            free (r->edge[i].val[k]);
        free (r->edge[i].source);
        free (r->edge[i].target);
    }
    for (int k = 0; k < N_KEYS; k++)
        free (r->ndef[k]);
    for (int k = 0; k < E_KEYS; k++)
        free (r->edef[k]);
    free (r->node);
    free (r->edge);
    free (r->key);
    hash_free (r->names);
    free (r->vtx_node);
    buf_release (&r->text);
}

struct graph *read_grug (const char *s, size_t len, flux_error_t *err)
{
    struct reader r = { .err = err, .text = BUF_INIT };

    if (!(r.g = graph_new ()) || !(r.names = hash_new (free))) {
        graph_free (r.g);
        errno = ENOMEM;
        return NULL;
    }
    if (parse (&r, s, len) < 0 || build (&r) < 0) {
        if (r.errnum != EINVAL && err)
            errmsg (err, 0, "%s", strerror (r.errnum));
        graph_free (r.g);
        r.g = NULL;
    }
    reader_release (&r);
    if (!r.g)
        errno = r.errnum ? r.errnum : EINVAL;
    return r.g;
}
