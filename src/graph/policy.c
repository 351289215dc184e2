/* policy.c - names of match policies
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/policy.h"

static const struct {
    const char *name;
    struct policy p;
} names[] = {
    { "first", { .high = true, .first = true } },
    { "high", { .high = true } },
    { "low", { .high = false } },
    { "lonode", { .node_centric = true } },
    { "hinode", { .high = true, .node_centric = true } },
    { "lonodex", { .node_centric = true, .node_exclusive = true } },
    { "hinodex", { .high = true, .node_centric = true, .node_exclusive = true } },
    { "firstnode", { .high = true, .node_centric = true, .first = true } },
    { "firstnodex", { .high = true, .node_centric = true, .node_exclusive = true,
                      .first = true } },
    { "locality", { .runs = true } },
    { "variation", { .classes = true } },
};

static int bad (flux_error_t *err, const char *what, int len, const char *s)
{
    if (err)
        errmsg (err, 0, "%s '%.*s': expected first, "
                  "high, low, lonode, hinode, lonodex, hinodex, firstnode, "
                  "firstnodex, locality, variation, or terms like policy=low "
                  "node_exclusive=true", what, len, s);
    return -EINVAL;
}

static int parse_bool (const char *s, size_t len, bool *b)
{
    if (len == 4 && memcmp (s, "true", 4) == 0)
        *b = true;
    else if (len == 5 && memcmp (s, "false", 5) == 0)
        *b = false;
    else
        return -EINVAL;
    return 0;
}

static int parse_term (const char *s, size_t len, struct policy *p)
{
    const char *eq = memchr (s, '=', len), *val = eq + 1;
    size_t klen = eq ? (size_t)(eq - s) : 0, vlen = eq ? len - klen - 1 : 0;

#define KEY(k) (klen == sizeof (k) - 1 && memcmp (s, k, klen) == 0)
    if (KEY ("policy")) {
        p->high = vlen == 4 && memcmp (val, "high", 4) == 0;
        return p->high || (vlen == 3 && memcmp (val, "low", 3) == 0) ? 0 : -EINVAL;
    }
    if (KEY ("node_centric"))
        return parse_bool (val, vlen, &p->node_centric);
    if (KEY ("node_exclusive"))
        return parse_bool (val, vlen, &p->node_exclusive);
    if (KEY ("set_stop_on_1_matches") || KEY ("stop_on_1_matches"))
        return parse_bool (val, vlen, &p->first);
#undef KEY
    return -EINVAL;
}

int policy_parse (const char *s, struct policy *p, flux_error_t *err)
{
    struct policy q = { .high = true };

    for (size_t i = 0; i < sizeof (names) / sizeof (names[0]); i++) {
        if (strcmp (s, names[i].name) == 0) {
            *p = names[i].p;
            return 0;
        }
    }
    if (!strchr (s, '='))
        return bad (err, "unknown policy", (int)strcspn (s, "\n"), s);
    while (*s) {
        size_t len = strcspn (s, " ");
        if (len > 0 && parse_term (s, len, &q) < 0)
            return bad (err, "bad term", (int)len, s);
        s += len + (s[len] == ' ');
    }
    *p = q;
    return 0;
}
