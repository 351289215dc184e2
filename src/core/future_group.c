/* future_group.c - parallel composition: wait for all or any of a set
 *
 * The group owns its children.  A child is found by name in a hash and in
 * order of pushing in an array.  The group carries the error of the first child
 * that failed, but is fulfilled no earlier for it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "core/future_private.h"

struct child {
    char *name;
    flux_future_t *f;
};

struct future_group {
    bool any;
    bool started;
    struct child *children;
    size_t count;
    size_t size;
    size_t ready;           /* children fulfilled so far */
    size_t cursor;          /* of first_child/next_child */
    struct hash *by_name;   /* name -> future */
    int errnum;             /* of the first child that failed */
    char *errstr;
};

void future_group_destroy (struct future_group *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->count; i++) {
        flux_future_decref (g->children[i].f);
        free (g->children[i].name);
    }
    free (g->children);
    hash_free (g->by_name);
    free (g->errstr);
    free (g);
}

static void group_fulfill (flux_future_t *cf)
{
    struct future_group *g = cf->group;

    if (g->errnum)
        flux_future_fulfill_error (cf, g->errnum, g->errstr);
    else
        flux_future_fulfill (cf, NULL, NULL);
}

static void keep_error (struct future_group *g, flux_future_t *child)
{
    const char *s;

    if (g->errnum || flux_future_get (child, NULL) == 0)
        return;
    g->errnum = errno;
    s = flux_future_error_string (child);
    if (s && strcmp (s, flux_strerror (g->errnum)) != 0)
        g->errstr = strdup (s);
}

static void child_cb (flux_future_t *child, void *arg)
{
    flux_future_t *cf = arg;
    struct future_group *g = cf->group;

    keep_error (g, child);
    if (!child->counted) {
        child->counted = true;
        g->ready++;
    }
    if (!flux_future_is_ready (cf) && (g->any || g->ready == g->count))
        group_fulfill (cf);
}

static int child_start (flux_future_t *cf, flux_future_t *child)
{
    if (future_adopt_context (cf, child) < 0)
        return -1;
    return flux_future_then (child, -1., child_cb, cf);
}

static void group_init (flux_future_t *cf, void *arg)
{
    struct future_group *g = cf->group;

    g->started = true;
    if (g->count == 0 && !g->any && !flux_future_is_ready (cf))
        group_fulfill (cf);
    for (size_t i = 0; i < g->count; i++) {
        if (child_start (cf, g->children[i].f) < 0) {
            flux_future_fulfill_error (cf, errno, NULL);
            return;
        }
    }
}

static flux_future_t *group_create (bool any)
{
    flux_future_t *cf;
    struct future_group *g;

    if (!(g = calloc (1, sizeof (*g)))
        || !(g->by_name = hash_new (NULL))
        || !(cf = flux_future_create (group_init, NULL))) {
        future_group_destroy (g);
        errno = ENOMEM;
        return NULL;
    }
    g->any = any;
    cf->group = g;
    return cf;
}

flux_future_t *flux_future_wait_all_create (void)
{
    return group_create (false);
}

flux_future_t *flux_future_wait_any_create (void)
{
    return group_create (true);
}

/* The group itself, or that of the future which fulfilled this one. */
static struct future_group *group_of (flux_future_t *f)
{
    for (; f; f = f->source) {
        if (f->group)
            return f->group;
    }
    errno = EINVAL;
    return NULL;
}

static int group_grow (struct future_group *g)
{
    size_t size = g->size ? g->size * 2 : 4;
    struct child *children;

    if (g->count < g->size)
        return 0;
    if (!(children = realloc (g->children, size * sizeof (*children))))
        return -1;
    g->children = children;
    g->size = size;
    return 0;
}

static int group_add (struct future_group *g, const char *name, flux_future_t *f)
{
    char buf[32];
    char *cpy;

    if (!name) {
        snprintf (buf, sizeof (buf), "%" PRIxPTR, (uintptr_t)f);
        name = buf;
    }
    if (hash_get (g->by_name, name)) {
        errno = EEXIST;
        return -1;
    }
    if (group_grow (g) < 0 || !(cpy = strdup (name)))
        return -1;
    if (hash_set (g->by_name, name, f) < 0) {
        free (cpy);
        errno = ENOMEM;
        return -1;
    }
    g->children[g->count].name = cpy;
    g->children[g->count++].f = f;
    return 0;
}

int flux_future_push (flux_future_t *cf, const char *name, flux_future_t *f)
{
    struct future_group *g = cf ? cf->group : NULL;

    if (!g || !f || f == cf) {
        errno = EINVAL;
        return -1;
    }
    if (group_add (g, name, f) < 0)
        return -1;
    if (!cf->origin && f->origin)
        flux_future_set_flux (cf, f->origin);
    if (!cf->r && f->r)
        flux_future_set_reactor (cf, f->r);
    if (g->started && child_start (cf, f) < 0) {
        hash_del (g->by_name, g->children[--g->count].name);
        free (g->children[g->count].name);
        return -1;
    }
    return 0;
}

const char *flux_future_first_child (flux_future_t *cf)
{
    struct future_group *g = group_of (cf);

    if (!g)
        return NULL;
    g->cursor = 0;
    return flux_future_next_child (cf);
}

const char *flux_future_next_child (flux_future_t *cf)
{
    struct future_group *g = group_of (cf);

    if (!g || g->cursor >= g->count)
        return NULL;
    return g->children[g->cursor++].name;
}

flux_future_t *flux_future_get_child (flux_future_t *cf, const char *name)
{
    struct future_group *g;
    flux_future_t *f;

    if (!cf || !name) {
        errno = EINVAL;
        return NULL;
    }
    if (!(g = group_of (cf)))
        return NULL;
    if (!(f = hash_get (g->by_name, name)))
        errno = ENOENT;
    return f;
}
