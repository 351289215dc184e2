/* filters.c - prune filters: of which types, below which, sums are told
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/filters.h"
#include "graph/graph.h"

struct filter {
    const char *high, *low;     /* in the text */
};

struct filters {
    char *text;
    struct filter *f;
    size_t n;
};

void filters_free (struct filters *f)
{
    if (f) {
        int saved = errno;
        free (f->text);
        free (f->f);
        free (f);
        errno = saved;
    }
}

static struct filters *refuse (struct filters *f, int errnum)
{
    filters_free (f);
    errno = errnum;
    return NULL;
}

struct filters *filters_parse (const char *s, flux_error_t *err)
{
    struct filters *f = calloc (1, sizeof (*f));
    size_t most = 1;
    char *p, *comma;

    for (const char *c = s; (c = strchr (c, ',')); c++)
        most++;
    if (!f || !(f->text = strdup (s)) || !(f->f = calloc (most, sizeof (*f->f)))) {
        errmsg (err, 0, "out of memory");
        return refuse (f, ENOMEM);
    }
    for (p = f->text; p; p = comma ? comma + 1 : NULL) {
        struct filter *x = &f->f[f->n++];
        char *colon;

        if ((comma = strchr (p, ',')))
            *comma = '\0';
        if (!(colon = strchr (p, ':')) || colon == p || !colon[1] || strchr (colon + 1, ':')) {
            errmsg (err, 0, "expected HL:LL[,HL:LL...], as in " FILTERS_DEFAULT
                    ", not '%.40s'", p);
            return refuse (f, EINVAL);
        }
        *colon = '\0';
        *x = (struct filter){ p, colon + 1 };
    }
    return f;
}

static bool told_before (const struct filters *f, size_t i, const char *type)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp (f->f[k].low, f->f[i].low) == 0
            && (strcmp (f->f[k].high, "ALL") == 0 || strcmp (f->f[k].high, type) == 0))
            return true;
    return false;
}

void filters_each (const struct filters *f, const struct graph *g, uint32_t v,
                   filter_f fn, void *arg)
{
    const char *type = graph_type (g, v);

    for (size_t i = 0; i < f->n; i++) {
        const struct filter *x = &f->f[i];
        int64_t total;

        if ((strcmp (x->high, "ALL") != 0 && strcmp (x->high, type) != 0)
            || told_before (f, i, type) || (total = graph_total (g, v, x->low)) == 0)
            continue;
        fn (arg, x->low, total - graph_free_now (g, v, x->low), total);
    }
}
