/* places.c - see places.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "modules/kvs/places.h"

/* The places of a namespace. */
struct nsplaces {
    char *name;
    struct list_node locs;
};

struct loc {
    char *name;                 /* "namespace key" */
    struct nsplaces *ns;
    struct list_node ns_node;
    struct list_node at;        /* struct reg */
    struct list_node below;
};

struct places {
    struct hash *locs;
    struct hash *namespaces;
};

static void nsplaces_free (void *arg)
{
    struct nsplaces *x = arg;
    free (x->name);
    free (x);
}

static void loc_free (void *arg)
{
    struct loc *l = arg;
    free (l->name);
    free (l);
}

struct places *places_new (void)
{
    struct places *p = calloc (1, sizeof (*p));
    if (!p)
        return NULL;
    if (!(p->locs = hash_new (loc_free))
        || !(p->namespaces = hash_new (nsplaces_free))) {
        places_free (p);
        return NULL;
    }
    return p;
}

void places_free (struct places *p)
{
    if (p) {
        hash_free (p->locs);
        hash_free (p->namespaces);
        free (p);
    }
}

/* In 'small' if it fits. */
static char *loc_name (char small[256], const char *ns, const char *key,
                       size_t len)
{
    size_t n = strlen (ns);
    char *name = n + len + 2 <= 256 ? small : malloc (n + len + 2);
    if (name) {
        memcpy (name, ns, n);
        name[n] = ' ';
        memcpy (name + n + 1, key, len);
        name[n + 1 + len] = '\0';
    }
    return name;
}

static struct nsplaces *nsplaces_get (struct places *p, const char *ns)
{
    struct nsplaces *x = hash_get (p->namespaces, ns);
    if (!x && (x = calloc (1, sizeof (*x)))) {
        list_init (&x->locs);
        if (!(x->name = strdup (ns)) || hash_set (p->namespaces, ns, x) < 0) {
            nsplaces_free (x);
            x = NULL;
        }
    }
    return x;
}

static void nsplaces_tidy (struct places *p, struct nsplaces *x)
{
    if (list_empty (&x->locs))
        hash_del (p->namespaces, x->name);
}

static struct loc *loc_new (struct places *p, const char *ns, const char *name)
{
    struct nsplaces *x = nsplaces_get (p, ns);
    struct loc *l = x ? calloc (1, sizeof (*l)) : NULL;
    if (l) {
        list_init (&l->at);
        list_init (&l->below);
        list_init (&l->ns_node);
        l->ns = x;
        if (!(l->name = strdup (name)) || hash_set (p->locs, name, l) < 0) {
            loc_free (l);
            l = NULL;
        }
        else
            list_append (&x->locs, &l->ns_node);
    }
    if (x)
        nsplaces_tidy (p, x);
    return l;
}

static struct loc *loc_find (struct places *p, const char *ns, const char *key,
                             size_t len, bool create)
{
    char small[256], *name = loc_name (small, ns, key, len);
    if (!name)
        return NULL;
    struct loc *l = hash_get (p->locs, name);
    if (!l && create)
        l = loc_new (p, ns, name);
    if (name != small)
        free (name);
    return l;
}

int places_add (struct places *p, struct reg *reg, const char *ns,
                const char *key, size_t len, bool below, void *who)
{
    struct loc *l = loc_find (p, ns, key, len, true);
    if (!l)
        return -ENOMEM;
    reg->loc = l;
    reg->who = who;
    list_append (below ? &l->below : &l->at, &reg->node);
    return 0;
}

void places_del (struct places *p, struct reg *reg)
{
    struct loc *l = reg->loc;
    if (!l)
        return;
    reg->loc = NULL;
    list_del (&reg->node);
    if (!list_empty (&l->at) || !list_empty (&l->below))
        return;
    list_del (&l->ns_node);
    nsplaces_tidy (p, l->ns);
    hash_del (p->locs, l->name);
}

static void each (struct list_node *regs, places_f cb, void *arg)
{
    list_foreach (regs, n)
        cb (list_entry (n, struct reg, node)->who, arg);
}

void places_each (struct places *p, const char *ns, const char *key, size_t len,
                  bool below, places_f cb, void *arg)
{
    struct loc *l = loc_find (p, ns, key, len, false);
    if (l)
        each (below ? &l->below : &l->at, cb, arg);
}

void places_each_in (struct places *p, const char *ns, places_f cb, void *arg)
{
    struct nsplaces *x = hash_get (p->namespaces, ns);
    if (!x)
        return;
    list_foreach (&x->locs, n) {
        struct loc *l = list_entry (n, struct loc, ns_node);
        each (&l->at, cb, arg);
        each (&l->below, cb, arg);
    }
}
