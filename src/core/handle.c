/* handle.c - life cycle, flags, options and associations of a handle
 */
#include "core/handle_private.h"
#include "core/message_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <flux/core/conf.h>
#include <flux/core/reactor.h>

#include "base/hash.h"

#define CONF_AUX "flux::conf"

static void tracked_free (void *val)
{
    flux_msg_decref (val);
}

static void conn_unref (struct conn *c)
{
    if (!c || --c->refs > 0)
        return;
    c->closing = true;
    if (c->ops->impl_destroy)
        c->ops->impl_destroy (c->impl);
    conn_poll_release (c);
    msgq_release (&c->queue);
    idhash_free (c->tracked);
    matchtag_pool_release (&c->tags);
    free (c);
}

static struct conn *conn_new (void *impl, const struct flux_handle_ops *ops,
                              const struct handle_ext *ext, int flags)
{
    struct conn *c = calloc (1, sizeof (*c));

    if (!c)
        return NULL;
    if ((flags & FLUX_O_RPCTRACK) && !(c->tracked = idhash_new (tracked_free))) {
        free (c);
        return NULL;
    }
    c->refs = 1;
    c->impl = impl;
    c->ops = ops;
    c->ext = ext;
    c->pollfd = c->queue_fd = -1;
    return c;
}

flux_t *handle_create_ext (void *impl, const struct flux_handle_ops *ops,
                           const struct handle_ext *ext, int flags)
{
    flux_t *h;

    if (!ops) {
        errno = EINVAL;
        return NULL;
    }
    if (!(h = calloc (1, sizeof (*h)))
        || !(h->conn = conn_new (impl, ops, ext, flags))) {
        free (h);
        errno = ENOMEM;
        return NULL;
    }
    h->refs = 1;
    h->flags = flags & ~FLUX_O_CLONE;
    return h;
}

flux_t *flux_handle_create (void *impl, const struct flux_handle_ops *ops,
                            int flags)
{
    return handle_create_ext (impl, ops, NULL, flags);
}

flux_t *flux_clone (flux_t *orig)
{
    flux_t *h;

    if (!orig) {
        errno = EINVAL;
        return NULL;
    }
    if (!(h = calloc (1, sizeof (*h)))) {
        errno = ENOMEM;
        return NULL;
    }
    h->refs = 1;
    h->flags = orig->flags | FLUX_O_CLONE;
    h->conn = orig->conn;
    h->conn->refs++;
    return h;
}

static void report_leaks (flux_t *h)
{
    uint32_t used = matchtag_used (&h->conn->tags);

    if ((h->flags & FLUX_O_MATCHDEBUG) && used > 0)
        fprintf (stderr,
                 "flux: handle closed with %" PRIu32 " matchtag%s in use\n",
                 used, used == 1 ? "" : "s");
}

/* Destructors of aux items may still use the handle, so they come first. */
void flux_handle_destroy (flux_t *h)
{
    int saved_errno = errno;

    if (!h || --h->refs > 0)
        return;
    h->refs = 1;
    aux_clear (&h->aux);
    dispatch_destroy (h->dispatch);
    h->dispatch = NULL;
    if (h->conn->refs == 1)
        report_leaks (h);
    conn_unref (h->conn);
    flux_reactor_decref (h->reactor);
    free (h);
    errno = saved_errno;
}

void flux_close (flux_t *h)
{
    flux_handle_destroy (h);
}

flux_t *flux_incref (flux_t *h)
{
    if (h)
        h->refs++;
    return h;
}

void flux_decref (flux_t *h)
{
    flux_handle_destroy (h);
}

/* RPCTRACK must be there from the start, CLONE is what the handle is. */
void flux_flags_set (flux_t *h, int flags)
{
    if (h)
        h->flags |= flags & ~(FLUX_O_RPCTRACK | FLUX_O_CLONE);
}

void flux_flags_unset (flux_t *h, int flags)
{
    if (h)
        h->flags &= ~(flags & ~(FLUX_O_RPCTRACK | FLUX_O_CLONE));
}

int flux_flags_get (flux_t *h)
{
    return h ? h->flags : 0;
}

/* Options */

static int copy_in (void *to, size_t tolen, const void *val, size_t len)
{
    if (!val || len != tolen) {
        errno = EINVAL;
        return -1;
    }
    memcpy (to, val, len);
    return 0;
}

int flux_opt_set (flux_t *h, const char *option, const void *val, size_t len)
{
    struct conn *c;

    if (!h || !option) {
        errno = EINVAL;
        return -1;
    }
    c = h->conn;
    if (!strcmp (option, FLUX_OPT_TESTING_USERID)) {
        if (copy_in (&c->userid, sizeof (c->userid), val, len) < 0)
            return -1;
        c->mock_userid = true;
        return 0;
    }
    if (!strcmp (option, FLUX_OPT_TESTING_ROLEMASK)) {
        if (copy_in (&c->rolemask, sizeof (c->rolemask), val, len) < 0)
            return -1;
        c->mock_rolemask = true;
        return 0;
    }
    if (!c->ops->setopt) {
        errno = EINVAL;
        return -1;
    }
    return c->ops->setopt (c->impl, option, val, len);
}

int flux_opt_get (flux_t *h, const char *option, void *val, size_t len)
{
    struct conn *c;

    if (!h || !option || !val) {
        errno = EINVAL;
        return -1;
    }
    c = h->conn;
    if (!strcmp (option, FLUX_OPT_TESTING_USERID) && c->mock_userid)
        return copy_in (val, len, &c->userid, sizeof (c->userid));
    if (!strcmp (option, FLUX_OPT_TESTING_ROLEMASK) && c->mock_rolemask)
        return copy_in (val, len, &c->rolemask, sizeof (c->rolemask));
    if (!c->ops->getopt) {
        errno = EINVAL;
        return -1;
    }
    return c->ops->getopt (c->impl, option, val, len);
}

/* Aux, reactor, configuration */

int flux_aux_set (flux_t *h, const char *name, void *aux, flux_free_f destroy)
{
    int rc = h ? aux_set (&h->aux, name, aux, destroy) : -EINVAL;

    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

void *flux_aux_get (flux_t *h, const char *name)
{
    void *val;

    if (!h || !name) {
        errno = EINVAL;
        return NULL;
    }
    if (!(val = aux_get (h->aux, name)))
        errno = ENOENT;
    return val;
}

flux_reactor_t *flux_get_reactor (flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if (!h->reactor)
        h->reactor = flux_reactor_create (0);
    return h->reactor;
}

int flux_set_reactor (flux_t *h, flux_reactor_t *r)
{
    if (!h || !r) {
        errno = EINVAL;
        return -1;
    }
    if (h->reactor) {
        errno = EEXIST;
        return -1;
    }
    flux_reactor_incref (r);
    h->reactor = r;
    return 0;
}

static void conf_destroy (void *arg)
{
    flux_conf_decref (arg);
}

int flux_set_conf_new (flux_t *h, const flux_conf_t *conf)
{
    return flux_aux_set (h, CONF_AUX, (void *)conf, conf ? conf_destroy : NULL);
}

const flux_conf_t *flux_get_conf (flux_t *h)
{
    flux_conf_t *conf = flux_aux_get (h, CONF_AUX);

    if (conf || !h)
        return conf;
    if (!(conf = flux_conf_create ()))
        return NULL;
    if (flux_set_conf_new (h, conf) < 0) {
        flux_conf_decref (conf);
        return NULL;
    }
    return conf;
}

/* Matchtags and counters */

uint32_t flux_matchtag_alloc (flux_t *h)
{
    uint32_t tag;

    if (!h) {
        errno = EINVAL;
        return FLUX_MATCHTAG_NONE;
    }
    if ((tag = matchtag_alloc (&h->conn->tags)) == FLUX_MATCHTAG_NONE)
        errno = ENOMEM;
    return tag;
}

void flux_matchtag_free (flux_t *h, uint32_t matchtag)
{
    if (h)
        matchtag_free (&h->conn->tags, matchtag);
}

uint32_t flux_matchtag_avail (flux_t *h)
{
    return h ? UINT32_MAX - matchtag_used (&h->conn->tags) : 0;
}

void flux_get_msgcounters (flux_t *h, flux_msgcounters_t *mcs)
{
    static const flux_msgcounters_t none;

    if (mcs)
        *mcs = h ? h->conn->counters : none;
}

void flux_clr_msgcounters (flux_t *h)
{
    if (h)
        memset (&h->conn->counters, 0, sizeof (h->conn->counters));
}

void flux_comms_error_set (flux_t *h, flux_comms_error_f fun, void *arg)
{
    if (!h)
        return;
    h->conn->comms_error = fun;
    h->conn->comms_error_arg = arg;
}

int flux_reconnect (flux_t *h)
{
    struct conn *c;

    if (!h) {
        errno = EINVAL;
        return -1;
    }
    c = h->conn;
    if (!c->ops->reconnect) {
        errno = ENOSYS;
        return -1;
    }
    if (c->ops->reconnect (c->impl) < 0 || conn_poll_reconnected (c) < 0)
        return -1;
    return conn_track_reset (c);
}
