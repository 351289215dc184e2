/* words.c - why a request can never be met, in words
 */
#include "modules/sched-fluxion/words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static void amount (struct buf *b, long long n, const char *type)
{
    buf_addf (b, "%lld %s%s", n, type, n == 1 ? "" : "s");
}

/* Does it want just one core of each? */
static bool one_core (const struct req *r)
{
    return r->nchild == 1 && r->child[0].count.min == 1
           && (r->child[0].slot ? one_core (&r->child[0]) : !strcmp (r->child[0].type, "core"));
}

/* "4 cores and 1 gpu" of what is wanted in one of r; slots multiply. */
static int inside (struct buf *b, const struct req *r, long long times, int said)
{
    for (size_t i = 0; i < r->nchild; i++) {
        const struct req *c = &r->child[i];
        if (c->slot)
            said = inside (b, c, times * c->count.min, said);
        else {
            buf_adds (b, said++ ? " and " : " with ");
            amount (b, times * c->count.min, c->type);
        }
    }
    return said;
}

void words_never (const struct graph *g, const struct request *rq,
                  const struct match_why *why, char *buf, size_t size)
{
    const struct req *r = request_find (rq, why->type);
    const char *type = why->type, *meet = !why->constrained ? "" : why->found == 1
        ? " that meets its constraints" : " that meet its constraints";
    struct buf b = BUF_INIT;

    if (!type[0]) {
        snprintf (buf, size, "unsatisfiable request: %s", why->constrained
                  ? "no node meets its constraints" : "there is nothing like it");
        return;
    }
    if (r && r->slot && one_core (r))
        type = "core";
    amount (&b, why->wanted, type);
    if (r && !one_core (r) && inside (&b, r, 1, 0) > 0)
        buf_adds (&b, " each");
    if (why->where != GRAPH_NONE && why->where != graph_root (g))
        buf_addf (&b, " on one %s", graph_type (g, why->where));
    snprintf (buf, size, "unsatisfiable request: asks for %s; there %s %lld%s", b.data,
              why->found == 1 ? "is" : "are", (long long)why->found, meet);
    buf_release (&b);
}
