/* words.c - what a request is short of, in its own words
 */
#include "graph/words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static bool adds_s (const char *type)
{
    size_t len = strlen (type);

    return len > 0 && type[len - 1] != 's' && type[len - 1] != 'y';
}

/* "3 cores", "3 more cores", "1 more whole node", "8 GB more memory" */
static void amount (struct buf *b, const struct graph *g, long long n, const char *more,
                    const char *type)
{
    uint32_t v = graph_type_nth (g, type, 0);
    const char *unit = v == GRAPH_NONE ? "" : graph_unit (g, v);

    if (*unit)
        buf_addf (b, "%lld %s%s %s", n, unit, more, type);
    else
        buf_addf (b, "%lld%s %s%s", n, more, type, n != 1 && adds_s (type) ? "s" : "");
}

static void slots (struct buf *b, long long n, const char *more)
{
    buf_addf (b, "%lld%s task slot%s", n, more, n == 1 ? "" : "s");
}

/* " with 2 cores and 1 gpu": what is wanted in one of r; slots multiply. */
static int inside (struct buf *b, const struct graph *g, const struct req *r, long long times,
                   int said)
{
    for (size_t i = 0; i < r->nchild; i++) {
        const struct req *c = &r->child[i];
        if (c->slot)
            said = inside (b, g, c, times * c->count.min, said);
        else {
            buf_adds (b, said++ ? " and " : " with ");
            amount (b, g, times * c->count.min, "", c->type);
        }
    }
    return said;
}

/* A slot with one thing in it is that thing to the user. */
static const struct req *unwrap (const struct req *r)
{
    return r && r->slot && r->nchild == 1 && r->child[0].count.min == 1 ? &r->child[0] : r;
}

/* Does it want just one core of each? */
static bool one_core (const struct req *r)
{
    return r->nchild == 1 && r->child[0].count.min == 1
           && (r->child[0].slot ? one_core (&r->child[0]) : !strcmp (r->child[0].type, "core"));
}

static bool below_root (const struct graph *g, const struct match_why *w)
{
    return w->where != GRAPH_NONE && w->where != graph_root (g) && w->where < graph_count (g);
}

/* ---- now ---- */

static void short_of (struct buf *b, const struct graph *g, const struct req *r,
                      const struct match_why *w)
{
    long long n = (long long)(w->wanted - w->found);

    if (!r || r->slot)
        slots (b, n, " more");
    else
        amount (b, g, n, r->x && !strcmp (r->type, "node") ? " more whole" : " more", r->type);
    if (r && (r->slot || !r->x) && inside (b, g, r, 1, 0) > 0)
        buf_adds (b, n == 1 ? " free" : " free in each");
}

/* " on one node", " that meets its constraints" */
static void where (struct buf *b, const struct graph *g, const struct req *r,
                   const struct match_why *w)
{
    bool one = w->wanted - w->found == 1;

    if (below_root (g, w))
        buf_addf (b, " on one %s", graph_type (g, w->where));
    else if (w->constrained && r && strcmp (r->type, "node") != 0)
        buf_adds (b, one ? " on a node" : " on nodes");
    if (w->constrained)
        buf_adds (b, one ? " that meets its constraints" : " that meet its constraints");
}

void words_short (const struct graph *g, const struct request *rq,
                  const struct match_why *w, struct buf *b)
{
    const struct req *r = unwrap (request_find (rq, w->type));

    if (!w->type[0])
        buf_adds (b, w->constrained ? "a node that meets its constraints" : "resources");
    else {
        short_of (b, g, r, w);
        where (b, g, r, w);
    }
}

/* ---- ever ---- */

static void asks_for (struct buf *b, const struct graph *g, const struct req *r,
                      const struct match_why *w)
{
    if (r && r->slot)
        slots (b, (long long)w->wanted, "");
    else
        amount (b, g, (long long)w->wanted, "", r ? r->type : w->type);
    if (r && !one_core (r) && inside (b, g, r, 1, 0) > 0 && w->wanted != 1)
        buf_adds (b, " each");
    if (below_root (g, w))
        buf_addf (b, " on one %s", graph_type (g, w->where));
}

void words_never (const struct graph *g, const struct request *rq,
                  const struct match_why *w, char *buf, size_t size)
{
    const char *meet = !w->constrained ? "" : w->found == 1 ? " that meets its constraints"
        : " that meet its constraints";
    struct buf b = BUF_INIT;

    if (w->unit) {
        snprintf (buf, size, "unsatisfiable request: ");
        match_why_text (g, w, buf + strlen (buf), size - strlen (buf));
        return;
    }
    if (!w->type[0]) {
        snprintf (buf, size, "unsatisfiable request: %s", w->constrained
                  ? "no node meets its constraints" : "there is nothing like it");
        return;
    }
    buf_adds (&b, "unsatisfiable request: asks for ");
    asks_for (&b, g, unwrap (request_find (rq, w->type)), w);
    buf_addf (&b, "; there %s %lld%s", w->found == 1 ? "is" : "are", (long long)w->found, meet);
    snprintf (buf, size, "%s", b.data);
    buf_release (&b);
}
