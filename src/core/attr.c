/* attr.c - broker attributes, with a cache of those that cannot change
 *
 * The cache is an aux item of the handle.  Values that may change are kept
 * apart, only so that the pointer which flux_attr_get() returned stays valid
 * until the attribute is asked for again.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>

#include "core/attr_flags.h"
#include "base/errmsg.h"
#include "base/hash.h"

#define ATTR_AUX "flux::attr_cache"

struct attr_cache {
    struct hash *fixed;
    struct hash *other;
    size_t cursor;
};

static void cache_destroy (void *arg)
{
    struct attr_cache *c = arg;

    if (c) {
        hash_free (c->fixed);
        hash_free (c->other);
        free (c);
    }
}

static struct attr_cache *cache_create (flux_t *h)
{
    struct attr_cache *c;

    if (!(c = calloc (1, sizeof (*c)))
        || !(c->fixed = hash_new (free))
        || !(c->other = hash_new (free))) {
        cache_destroy (c);
        errno = ENOMEM;
        return NULL;
    }
    if (flux_aux_set (h, ATTR_AUX, c, cache_destroy) < 0) {
        cache_destroy (c);
        return NULL;
    }
    return c;
}

static struct attr_cache *cache_get (flux_t *h)
{
    struct attr_cache *c = flux_aux_get (h, ATTR_AUX);

    return c ? c : cache_create (h);
}

static const char *cache_store (struct hash *hash, const char *name, const char *val)
{
    char *cpy;

    if (!(cpy = strdup (val)))
        return NULL;
    if (hash_set (hash, name, cpy) < 0) {
        free (cpy);
        errno = ENOMEM;
        return NULL;
    }
    return cpy;
}

static const char *attr_fetch (flux_t *h, struct attr_cache *c, const char *name)
{
    flux_future_t *f;
    const char *val = NULL;
    const char *result = NULL;
    int flags = 0;

    if (!(f = flux_rpc_pack (h, "attr.get", FLUX_NODEID_ANY, 0, "{s:s}", "name", name)))
        return NULL;
    if (flux_rpc_get_unpack (f, "{s?s s?i}", "value", &val, "flags", &flags) == 0) {
        if (val)
            result = cache_store ((flags & ATTR_IMMUTABLE) ? c->fixed : c->other,
                                  name, val);
        else
            errno = ENOENT;
    }
    flux_future_destroy (f);
    return result;
}

/* Within a flux proxy to another host (flux-environment(7), FLUX_PROXY_REMOTE) the
 * parent's local URI is that host's.  The result lives as long as the handle. */
static const char *remote_parent (struct attr_cache *c, const char *uri)
{
    const char *host = getenv ("FLUX_PROXY_REMOTE");
    char *s;

    if (!uri || !host || strncmp (uri, "local://", 8) != 0)
        return uri;
    if (asprintf (&s, "ssh://%s%s", host, uri + 8) < 0)
        return NULL;
    uri = cache_store (c->fixed, "parent-uri", s);
    free (s);
    return uri;
}

const char *flux_attr_get (flux_t *h, const char *name)
{
    struct attr_cache *c;
    const char *val;

    if (!h || !name) {
        errno = EINVAL;
        return NULL;
    }
    if (!(c = cache_get (h)))
        return NULL;
    if ((val = hash_get (c->fixed, name)))
        return val;
    val = attr_fetch (h, c, name);
    return strcmp (name, "parent-uri") == 0 ? remote_parent (c, val) : val;
}

static flux_future_t *set_rpc (flux_t *h, const char *name, const char *val, bool force)
{
    if (!val)
        return flux_rpc_pack (h, "attr.rm", FLUX_NODEID_ANY, 0, "{s:s s:b}",
                              "name", name, "force", force);
    return flux_rpc_pack (h, "attr.set", FLUX_NODEID_ANY, 0, "{s:s s:s s:b}",
                          "name", name, "value", val, "force", force);
}

int flux_attr_set_ex (flux_t *h, const char *name, const char *val, bool force,
                      flux_error_t *errp)
{
    struct attr_cache *c;
    flux_future_t *f;
    int rc;

    if (!h || !name) {
        errmsg (errp, -EINVAL, "no handle or no attribute name");
        errno = EINVAL;
        return -1;
    }
    if (!(f = set_rpc (h, name, val, force))
        || (rc = flux_rpc_get (f, NULL)) < 0) {
        errmsg (errp, -errno, "%s", future_strerror (f, errno));
        rc = -1;
    }
    else if ((c = flux_aux_get (h, ATTR_AUX)))
        hash_del (c->fixed, name); // it was forced: ask again
    flux_future_destroy (f);
    return rc;
}

int flux_attr_set (flux_t *h, const char *name, const char *val)
{
    return flux_attr_set_ex (h, name, val, false, NULL);
}

int flux_attr_set_cacheonly (flux_t *h, const char *name, const char *val)
{
    struct attr_cache *c;

    if (!h || !name) {
        errno = EINVAL;
        return -1;
    }
    if (!(c = cache_get (h)))
        return -1;
    if (!val)
        hash_del (c->fixed, name);
    else if (!cache_store (c->fixed, name, val))
        return -1;
    return 0;
}

const char *flux_attr_cache_next (flux_t *h)
{
    struct attr_cache *c = h ? flux_aux_get (h, ATTR_AUX) : NULL;
    const char *name;

    if (!c || !hash_next (c->fixed, &c->cursor, &name))
        return NULL;
    return name;
}

const char *flux_attr_cache_first (flux_t *h)
{
    struct attr_cache *c = h ? flux_aux_get (h, ATTR_AUX) : NULL;

    if (!c)
        return NULL;
    c->cursor = 0;
    return flux_attr_cache_next (h);
}

static int get_uint (flux_t *h, const char *name, uint32_t *valp)
{
    const char *s;
    char *end;
    unsigned long val;

    if (!h || !valp) {
        errno = EINVAL;
        return -1;
    }
    if (!(s = flux_attr_get (h, name)))
        return -1;
    errno = 0;
    val = strtoul (s, &end, 10);
    if (errno || end == s || *end || *s == '-' || val >= FLUX_NODEID_UPSTREAM) {
        errno = EINVAL;
        return -1;
    }
    *valp = val;
    return 0;
}

int flux_get_rank (flux_t *h, uint32_t *rank)
{
    return get_uint (h, "rank", rank);
}

int flux_get_size (flux_t *h, uint32_t *size)
{
    return get_uint (h, "size", size);
}

static int parse_time (const char *s, double *valp)
{
    char *end;
    double val;

    errno = 0;
    val = strtod (s, &end);
    if (errno || end == s || *end || !isfinite (val) || val < 0) {
        errno = EINVAL;
        return -1;
    }
    *valp = val;
    return 0;
}

int flux_get_instance_starttime (flux_t *h, double *starttime)
{
    flux_future_t *f;
    const char *val;
    int rc = -1;

    if (!h || !starttime) {
        errno = EINVAL;
        return -1;
    }
    if (!(f = flux_rpc_pack (h, "attr.get", 0, 0, "{s:s}", "name", "broker.starttime")))
        return -1;
    if (flux_rpc_get_unpack (f, "{s:s}", "value", &val) == 0)
        rc = parse_time (val, starttime);
    flux_future_destroy (f);
    return rc;
}
