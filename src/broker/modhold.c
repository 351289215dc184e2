/* modhold.c - requests that wait while a module is reloaded
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/list.h"
#include "broker/modhold.h"

#define HOLD_SECONDS 5.

struct hold {
    struct list_node node;
    struct modhold *mh;
    char *module;
    struct hash *services;        /* names -> this */
    struct flux_msglist *msgs;
    flux_watcher_t *timer;
};

struct modhold {
    struct router *r;
    flux_reactor_t *reactor;
    struct list_node holds;
};

static void hold_free (struct hold *ho)
{
    list_del (&ho->node);
    flux_watcher_destroy (ho->timer);
    flux_msglist_destroy (ho->msgs);
    hash_free (ho->services);
    free (ho->module);
    free (ho);
}

static struct hold *find (struct modhold *mh, const char *module)
{
    list_foreach (&mh->holds, n) {
        struct hold *ho = list_entry (n, struct hold, node);
        if (!strcmp (ho->module, module))
            return ho;
    }
    return NULL;
}

/* Called by the router, which may not be called back. */
static bool keep (void *arg, const char *service, const flux_msg_t *msg)
{
    struct modhold *mh = arg;

    list_foreach (&mh->holds, n) {
        struct hold *ho = list_entry (n, struct hold, node);
        if (hash_get (ho->services, service))
            return flux_msglist_append (ho->msgs, msg) == 0;
    }
    return false;
}

static void route_all (struct modhold *mh, struct flux_msglist *msgs)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (msgs))) {
        flux_msg_t *cpy = flux_msg_copy (msg, true);
        if (cpy)
            router_inject (mh->r, cpy);
        else
            router_respond_error (mh->r, msg, ENOMEM, NULL);
        flux_msg_decref (msg);
    }
}

static void end (struct hold *ho)
{
    struct modhold *mh = ho->mh;
    struct flux_msglist *msgs = ho->msgs;

    ho->msgs = NULL;
    hold_free (ho);
    route_all (mh, msgs);
    flux_msglist_destroy (msgs);
}

static void too_late (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    end (arg);
}

static int name_services (struct hold *ho, struct endpoint *ep)
{
    const char *name;
    size_t pos = 0;

    while ((name = router_service_next (ho->mh->r, &pos, ep)))
        if (hash_set (ho->services, name, ho) < 0)
            return -ENOMEM;
    return 0;
}

int modhold_begin (struct modhold *mh, const char *module, struct endpoint *ep)
{
    struct hold *ho;

    modhold_end (mh, module);
    if (!(ho = calloc (1, sizeof (*ho))))
        return -ENOMEM;
    list_init (&ho->node);
    ho->mh = mh;
    if (!(ho->module = strdup (module)) || !(ho->services = hash_new (NULL))
        || !(ho->msgs = flux_msglist_create ())
        || !(ho->timer = flux_timer_watcher_create (mh->reactor, HOLD_SECONDS, 0., too_late, ho))
        || name_services (ho, ep) < 0) {
        hold_free (ho);
        return -ENOMEM;
    }
    flux_watcher_start (ho->timer);
    list_append (&mh->holds, &ho->node);
    return 0;
}

void modhold_put_back (struct modhold *mh, const char *module, struct flux_msglist *msgs)
{
    struct hold *ho = find (mh, module);
    const flux_msg_t *msg;

    while (ho && (msg = flux_msglist_pop (ho->msgs))) {
        if (flux_msglist_append (msgs, msg) < 0)
            router_respond_error (mh->r, msg, ENOMEM, NULL);
        flux_msg_decref (msg);
    }
    while ((msg = flux_msglist_pop (msgs))) {
        if (!ho || flux_msglist_append (ho->msgs, msg) < 0)
            router_respond_error (mh->r, msg, ENOSYS, "the module is being removed");
        flux_msg_decref (msg);
    }
}

void modhold_end (struct modhold *mh, const char *module)
{
    list_foreach (&mh->holds, n) {
        struct hold *ho = list_entry (n, struct hold, node);
        if (!module || !strcmp (ho->module, module))
            end (ho);
    }
}

struct modhold *modhold_new (struct router *r, flux_reactor_t *reactor)
{
    struct modhold *mh = calloc (1, sizeof (*mh));

    if (!mh)
        return NULL;
    mh->r = r;
    mh->reactor = reactor;
    list_init (&mh->holds);
    router_set_keeper (r, keep, mh);
    return mh;
}

void modhold_free (struct modhold *mh)
{
    if (!mh)
        return;
    router_set_keeper (mh->r, NULL, NULL);
    list_foreach (&mh->holds, n)
        hold_free (list_entry (n, struct hold, node));
    free (mh);
}
