/* topics.c - what a set of handles has subscribed to
 *
 * Subscriptions are few per table, so a match walks them all.
 */
#include <errno.h>
#include <limits.h>

#include "broker/topics.h"

struct prefix {
    char *s;
    size_t len;
    int count;
};

struct topics {
    struct prefix *items;
    size_t n;
    size_t size;
};

struct topics *topics_new (void)
{
    return calloc (1, sizeof (struct topics));
}

void topics_free (struct topics *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        free (t->items[i].s);
    free (t->items);
    free (t);
}

static struct prefix *find (const struct topics *t, const char *s)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp (t->items[i].s, s))
            return &t->items[i];
    return NULL;
}

static int grow (struct topics *t)
{
    size_t size = t->size ? t->size * 2 : 4;
    struct prefix *items = reallocarray (t->items, size, sizeof (*items));

    if (!items)
        return -ENOMEM;
    t->items = items;
    t->size = size;
    return 0;
}

int topics_add (struct topics *t, const char *s)
{
    struct prefix *p = find (t, s);

    if (p) {
        if (p->count == INT_MAX)
            return -EOVERFLOW;
        return ++p->count;
    }
    if (t->n == t->size && grow (t) < 0)
        return -ENOMEM;
    p = &t->items[t->n];
    if (!(p->s = strdup (s)))
        return -ENOMEM;
    p->len = strlen (s);
    p->count = 1;
    t->n++;
    return 1;
}

int topics_del (struct topics *t, const char *s)
{
    struct prefix *p = find (t, s);

    if (!p)
        return -ENOENT;
    if (--p->count > 0)
        return p->count;
    free (p->s);
    *p = t->items[--t->n];
    return 0;
}

bool topics_match (const struct topics *t, const char *topic)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strncmp (t->items[i].s, topic, t->items[i].len))
            return true;
    return false;
}

const char *topics_next (const struct topics *t, size_t *pos, int *countp)
{
    if (*pos >= t->n)
        return NULL;
    if (countp)
        *countp = t->items[*pos].count;
    return t->items[(*pos)++].s;
}
