/* supply.c - a scheduler's side of resource.acquire (RFC 28)
 */
#include "modules/sched/supply.h"

#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

#include <flux/idset.h>

#include "base/errmsg.h"

#define AGAIN_SECONDS 0.05

struct supply {
    flux_t *h;
    const struct supply_ops *ops;
    void *arg;
    bool known;                /* the first answer is there */
    flux_future_t *f;
    flux_watcher_t *again;
};

static int tell_ranks (struct supply *a, const char *text,
                       void (*tell) (struct supply *a, const struct idset *ids))
{
    struct idset *ids = text ? idset_decode (text) : NULL;

    if (ids)
        tell (a, ids);
    idset_destroy (ids);
    return text && !ids ? -EINVAL : 0;
}

static void tell_up (struct supply *a, const struct idset *ids)
{
    a->ops->set_up (a->arg, ids, true);
}

static void tell_down (struct supply *a, const struct idset *ids)
{
    a->ops->set_up (a->arg, ids, false);
}

static void tell_shrink (struct supply *a, const struct idset *ids)
{
    a->ops->shrink (a->arg, ids);
}

static int first (struct supply *a, json_t *resources, flux_error_t *err)
{
    int rc;

    if (!resources)
        return errmsg (err, -EPROTO, "the first response has no resources");
    if ((rc = a->ops->resources (a->arg, resources, err)) < 0)
        return rc;
    a->known = true;
    return 0;
}

static int update (struct supply *a, flux_future_t *f, flux_error_t *err)
{
    json_t *resources = NULL, *add = NULL, *rm = NULL;
    const char *up = NULL, *down = NULL, *gone = NULL;
    double expiration = -1.;
    int rc;

    if (flux_rpc_get_unpack (f, "{s?o s?s s?s s?s s?o s?o s?F}", "resources", &resources,
                             "up", &up, "down", &down, "shrink", &gone,
                             "property-add", &add, "property-remove", &rm,
                             "expiration", &expiration) < 0)
        return errmsg (err, -errno, "%s", future_strerror (f, errno));
    if (!a->known && (rc = first (a, resources, err)) < 0)
        return rc;
    if (tell_ranks (a, up, tell_up) < 0 || tell_ranks (a, down, tell_down) < 0
        || tell_ranks (a, gone, tell_shrink) < 0
        || (add && a->ops->properties (a->arg, add, true) < 0)
        || (rm && a->ops->properties (a->arg, rm, false) < 0))
        return errmsg (err, -EPROTO, "malformed response");
    if (expiration >= 0.)
        a->ops->expiration (a->arg, expiration);
    a->ops->changed (a->arg);
    return 0;
}

static void failed (struct supply *a, int rc, const char *text)
{
    flux_future_destroy (a->f);
    a->f = NULL;
    if (rc == -ENOSYS) {
        a->known = false;
        flux_timer_watcher_reset (a->again, AGAIN_SECONDS, 0.);
        flux_watcher_start (a->again);
        a->ops->gone (a->arg);
    }
    else
        flux_log (a->h, LOG_ERR, "resource.acquire: %s: not scheduling", text);
}

static void continuation (flux_future_t *f, void *arg)
{
    struct supply *a = arg;
    flux_error_t err;
    int rc;

    if ((rc = update (a, f, &err)) < 0)
        failed (a, rc, err.text);
    else
        flux_future_reset (f);
}

int supply_begin (struct supply *a)
{
    a->f = flux_rpc (a->h, "resource.acquire", NULL, FLUX_NODEID_ANY, FLUX_RPC_STREAMING);
    if (!a->f || flux_future_then (a->f, -1., continuation, a) < 0)
        return -errno;
    return 0;
}

static void again_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct supply *a = arg;

    if (!a->f && supply_begin (a) < 0)
        flux_log (a->h, LOG_ERR, "resource.acquire: %s: not scheduling",
                  flux_strerror (errno));
}

struct supply *supply_new (flux_t *h, const struct supply_ops *ops, void *arg)
{
    struct supply *a = calloc (1, sizeof (*a));

    if (!a)
        return NULL;
    a->h = h;
    a->ops = ops;
    a->arg = arg;
    a->again = flux_timer_watcher_create (flux_get_reactor (h), AGAIN_SECONDS, 0., again_cb, a);
    if (!a->again) {
        supply_destroy (a);
        return NULL;
    }
    return a;
}

void supply_destroy (struct supply *a)
{
    if (a) {
        flux_future_destroy (a->f);
        flux_watcher_destroy (a->again);
        free (a);
    }
}
