/* emit.c - the resources of a job as text
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "graph/emit.h"
#include "graph/emit_private.h"

static const struct {
    const char *name;
    enum emit_format f;
} formats[] = {
    { "simple", EMIT_SIMPLE }, { "pretty_simple", EMIT_PRETTY_SIMPLE },
    { "rlite", EMIT_RLITE }, { "rv1", EMIT_RV1 }, { "rv1_nosched", EMIT_RV1_NOSCHED },
    { "rv1_shorthand", EMIT_RV1_SHORTHAND }, { "jgf", EMIT_JGF },
    { "jgf_shorthand", EMIT_JGF_SHORTHAND },
};

int emit_parse_format (const char *s, enum emit_format *f)
{
    for (size_t i = 0; i < sizeof (formats) / sizeof (formats[0]); i++) {
        if (strcmp (s, formats[i].name) == 0) {
            *f = formats[i].f;
            return 0;
        }
    }
    return -EINVAL;
}

static void add_sum (void *arg, const char *type, int64_t used, int64_t total)
{
    buf_addf (arg, " %s=%lld/%lld", type, (long long)used, (long long)total);
}

static void line (const struct graph *g, const struct job_part *p, bool pretty,
                  const struct filters *sums, struct buf *b)
{
    char name[1024];

    graph_name (g, p->vtx, name, sizeof (name));
    buf_adds (b, "      ---");
    for (int i = graph_level (g, p->vtx); i > 0; i--)
        buf_adds (b, "---");
    buf_addf (b, "%s[%lld:%s]", name, (long long)p->amount,
              pretty ? p->x ? "exclusive" : "shared" : p->x ? "x" : "s");
    if (sums)
        filters_each (sums, g, p->vtx, add_sum, b);
    buf_addc (b, '\n');
}

/* Children first: a vertex is written when the next part is not below it. */
static int emit_lines (const struct graph *g, const struct job_part *part, size_t n,
                       bool pretty, const struct filters *sums, struct buf *b)
{
    size_t open[256], *order = malloc ((n + 1) * sizeof (*order)), depth = 0, k = 0;

    if (!order)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        while (depth > 0 && part[i].vtx >= graph_end (g, part[open[depth - 1]].vtx))
            order[k++] = open[--depth];
        open[depth++] = i;
    }
    while (depth > 0)
        order[k++] = open[--depth];
    for (size_t i = 0; i < n; i++)
        line (g, &part[order[pretty ? n - 1 - i : i]], pretty, sums, b);
    free (order);
    return b->failed ? -ENOMEM : 0;
}

/* R_lite: per node the ids of what lies below it */

struct group {
    int64_t rank;
    uint32_t node;
    size_t first, end;      /* parts */
    json_t *children;
};

static json_t *children_of (const struct graph *g, const struct job_part *part,
                            size_t first, size_t end)
{
    static const char *const types[] = { "core", "gpu" };
    json_t *o = json_object ();

    for (int t = 0; o && t < 2; t++) {
        struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
        char *s;

        for (size_t i = first; ids && i < end; i++)
            if (strcmp (graph_type (g, part[i].vtx), types[t]) == 0
                && graph_id (g, part[i].vtx) >= 0
                && graph_id (g, part[i].vtx) < INT32_MAX / 2)
                idset_set (ids, (unsigned int)graph_id (g, part[i].vtx));
        if (ids && !idset_empty (ids)) {
            if ((s = idset_encode (ids, IDSET_FLAG_RANGE)))
                json_object_set_new (o, types[t], json_string (s));
            free (s);
        }
        idset_destroy (ids);
    }
    return o;
}

static int cmp_group (const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static struct group *make_groups (const struct graph *g, const struct job_part *part,
                                  size_t n, size_t *count)
{
    struct group *grp = calloc (n + 1, sizeof (*grp));

    *count = 0;
    for (size_t i = 0; grp && i < n; i++) {
        struct group *x = &grp[*count];
        if (strcmp (graph_type (g, part[i].vtx), "node") != 0)
            continue;
        *x = (struct group){ graph_rank (g, part[i].vtx), part[i].vtx, i + 1, i + 1,
                             NULL };
        while (x->end < n && part[x->end].vtx < graph_end (g, x->node))
            x->end++;
        x->children = children_of (g, part, x->first, x->end);
        (*count)++;
    }
    if (grp)
        qsort (grp, *count, sizeof (*grp), cmp_group);
    return grp;
}

static json_t *rank_string (const struct group *grp, const bool *same, size_t from,
                            size_t n)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    json_t *o;
    char *s;

    for (size_t i = from; ids && i < n; i++)
        if (i == from || same[i])
            idset_set (ids, (unsigned int)grp[i].rank);
    s = ids ? idset_encode (ids, IDSET_FLAG_RANGE) : NULL;
    o = json_string (s ? s : "");
    free (s);
    idset_destroy (ids);
    return o;
}

/* Nodes of equal children are one entry, unless they have no rank. */
static json_t *R_lite (const struct graph *g, struct group *grp, size_t n,
                       bool names)
{
    json_t *a = json_array ();
    bool *done = calloc (n + 1, 1), *same = calloc (n + 1, 1);
    char name[1024];

    for (size_t i = 0; a && done && same && i < n; i++) {
        json_t *o;
        if (done[i])
            continue;
        memset (same, 0, n);
        for (size_t k = i + 1; !names && grp[i].rank >= 0 && k < n; k++)
            if (!done[k] && json_equal (grp[i].children, grp[k].children))
                done[k] = same[k] = true;
        o = json_object ();
        json_object_set_new (o, "rank", grp[i].rank < 0 ? json_string ("-1")
                                        : rank_string (grp, same, i, n));
        if (names) {
            graph_name (g, grp[i].node, name, sizeof (name));
            json_object_set_new (o, "node", json_string (name));
        }
        json_object_set (o, "children", grp[i].children);
        json_array_append_new (a, o);
    }
    free (done);
    free (same);
    return a;
}

static json_t *nodelist (const struct graph *g, const struct group *grp, size_t n)
{
    struct hostlist *hl = hostlist_create ();
    json_t *a = json_array ();
    char name[1024], *s;

    for (size_t i = 0; hl && i < n; i++) {
        graph_name (g, grp[i].node, name, sizeof (name));
        hostlist_append (hl, name);
    }
    if (hl && n > 0 && (s = hostlist_encode (hl))) {
        json_array_append_new (a, json_string (s));
        free (s);
    }
    hostlist_destroy (hl);
    return a;
}

/* {"name": "ranks"}; what begins with "+" belongs to the instance, not the job. */
static json_t *properties (const struct graph *g, const struct group *grp, size_t n)
{
    json_t *out = json_object (), *val;
    const char *key;

    for (size_t i = 0; i < n; i++) {
        const json_t *o = graph_properties (g, grp[i].node);
        if (!o || grp[i].rank < 0)
            continue;
        json_object_foreach ((json_t *)o, key, val) {
            struct idset *ids;
            const char *old = json_string_value (json_object_get (out, key));
            char *s;
            if (key[0] == '+' || !(ids = idset_decode (old ? old : "")))
                continue;
            idset_set (ids, (unsigned int)grp[i].rank);
            if ((s = idset_encode (ids, IDSET_FLAG_RANGE)))
                json_object_set_new (out, key, json_string (s));
            free (s);
            idset_destroy (ids);
        }
    }
    return out;
}

static void groups_free (struct group *grp, size_t n)
{
    for (size_t i = 0; grp && i < n; i++)
        json_decref (grp[i].children);
    free (grp);
}

static json_t *rlite (const struct graph *g, const struct job_part *part, size_t n)
{
    size_t count;
    struct group *grp = make_groups (g, part, n, &count);
    json_t *a = grp ? R_lite (g, grp, count, true) : NULL;

    groups_free (grp, count);
    return a;
}

static json_t *rv1 (const struct graph *g, const struct job_part *part, size_t n,
                    int64_t start, int64_t end, int nslots, int sched)
{
    size_t count;
    struct group *grp = make_groups (g, part, n, &count);
    json_t *props, *ex, *R;

    if (!grp)
        return NULL;
    ex = json_pack ("{s:o s:o s:I}", "R_lite", R_lite (g, grp, count, false),
                    "nodelist", nodelist (g, grp, count), "starttime", (json_int_t)start);
    json_object_set_new (ex, "expiration",
                         json_integer (end >= PLANNER_END ? 0 : (json_int_t)end));
    if (nslots > 0)
        json_object_set_new (ex, "nslots", json_integer (nslots));
    props = properties (g, grp, count);
    if (json_object_size (props) > 0)
        json_object_set (ex, "properties", props);
    json_decref (props);
    R = json_pack ("{s:i s:o}", "version", 1, "execution", ex);
    groups_free (grp, count);
    if (R && sched) {
        json_t *jgf = emit_jgf (g, part, n, sched == 2, NULL);
        json_object_set_new (jgf, "writer", json_string ("fluxion:jgf"));
        json_object_set_new (R, "scheduling", jgf);
    }
    return R;
}

static int emit (const struct graph *g, const struct job_part *part, size_t n,
                 int64_t start, int64_t end, int nslots, const struct filters *sums,
                 enum emit_format f, struct buf *b)
{
    json_t *o = NULL;
    char *s;

    switch (f) {
        case EMIT_SIMPLE:
        case EMIT_PRETTY_SIMPLE:
            return emit_lines (g, part, n, f == EMIT_PRETTY_SIMPLE, sums, b);
        case EMIT_RLITE:
            o = rlite (g, part, n);
            break;
        case EMIT_RV1:
        case EMIT_RV1_NOSCHED:
        case EMIT_RV1_SHORTHAND:
            o = rv1 (g, part, n, start, end, nslots,
                     f == EMIT_RV1 ? 1 : f == EMIT_RV1_SHORTHAND ? 2 : 0);
            break;
        case EMIT_JGF:
        case EMIT_JGF_SHORTHAND:
            o = emit_jgf (g, part, n, f == EMIT_JGF_SHORTHAND, sums);
    }
    if (!o || !(s = json_dumps (o, 0))) {
        json_decref (o);
        return -ENOMEM;
    }
    buf_adds (b, s);
    buf_addc (b, '\n');
    free (s);
    json_decref (o);
    return b->failed ? -ENOMEM : 0;
}

int emit_parts (const struct graph *g, const struct job_part *part, size_t n,
                int64_t start, int64_t end, int nslots, enum emit_format f,
                struct buf *b)
{
    return emit (g, part, n, start, end, nslots, NULL, f, b);
}

int emit_found (const struct graph *g, const struct job_part *part, size_t n,
                const struct filters *sums, enum emit_format f, struct buf *b)
{
    return emit (g, part, n, 0, PLANNER_END, 0, sums, f, b);
}

int emit_job (const struct graph *g, const struct job *j, enum emit_format f,
              struct buf *b)
{
    size_t n;
    const struct job_part *part = job_parts (j, &n);

    if (!part)
        return -ENOMEM;
    return emit_parts (g, part, n, job_start (j), job_end (j), job_nslots (j), f, b);
}

json_t *emit_R (const struct graph *g, const struct job *j, bool graph)
{
    size_t n;
    const struct job_part *part = job_parts (j, &n);

    if (!part)
        return NULL;
    return rv1 (g, part, n, job_start (j), job_end (j), job_nslots (j), graph);
}
