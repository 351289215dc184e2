/* dispatch.c - from a handle's messages to callbacks
 */
#include "core/dispatch_private.h"
#include "core/handle_private.h"
#include "core/message_private.h"
#include "core/reactor_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <flux/core/response.h>

/* Messages a handle may process before others have their turn. */
enum { BATCH = 32 };

static void dispatch_cb (flux_reactor_t *r, flux_watcher_t *w, int revents,
                         void *arg);

/* Life cycle */

static void topic_free (void *val)
{
    free (val);
}

void dispatch_unref (struct dispatch *d)
{
    if (!d || --d->refs > 0)
        return;
    hash_free (d->topics);
    msgq_release (&d->unmatched);
    free (d);
}

static struct dispatch *dispatch_new (flux_t *h)
{
    struct dispatch *d = calloc (1, sizeof (*d));
    flux_reactor_t *r;

    if (!d || !(d->topics = hash_new (topic_free))) {
        free (d);
        errno = ENOMEM;
        return NULL;
    }
    d->h = h;
    d->refs = 1;
    list_init (&d->globs);
    if (!(r = flux_get_reactor (h))
        || !(d->w = flux_handle_watcher_create (r, h, FLUX_POLLIN, dispatch_cb,
                                                d))) {
        dispatch_unref (d);
        return NULL;
    }
    return d;
}

struct dispatch *dispatch_get (flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if (!h->dispatch)
        h->dispatch = dispatch_new (h);
    return h->dispatch;
}

static int requeue_unmatched (struct dispatch *d)
{
    int rc = 0;

    while (d->unmatched.count > 0) {
        size_t last = d->unmatched.count - 1;
        const flux_msg_t *msg = *msgq_at (&d->unmatched, last);
        if (flux_requeue (d->h, msg, FLUX_RQ_HEAD) < 0) {
            rc = -1;
            break;
        }
        d->unmatched.count = last;
        flux_msg_decref (msg);
    }
    return rc;
}

/* The handle is being destroyed; handlers may live on, stopped for good. */
void dispatch_destroy (struct dispatch *d)
{
    if (!d)
        return;
    if (d->h->conn->refs > 1)
        (void)requeue_unmatched (d);
    flux_watcher_destroy (d->w);
    d->w = NULL;
    d->h = NULL;
    free (d->rpcs);
    d->rpcs = NULL;
    d->nrpcs = 0;
    dispatch_unref (d);
}

int flux_dispatch_requeue (flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return -1;
    }
    return h->dispatch ? requeue_unmatched (h->dispatch) : 0;
}

flux_watcher_t *flux_get_handle_watcher (flux_t *h)
{
    struct dispatch *d = dispatch_get (h);
    return d ? d->w : NULL;
}

void dispatch_activate (struct dispatch *d)
{
    if (d->active++ == 0)
        flux_watcher_start (d->w);
}

void dispatch_deactivate (struct dispatch *d)
{
    if (--d->active == 0)
        flux_watcher_stop (d->w);
}

/* RPCs */

static int rpcs_grow (struct dispatch *d, uint32_t tag)
{
    size_t n = d->nrpcs ? d->nrpcs : 32;
    struct rpc_slot *rpcs;

    while (n <= tag)
        n *= 2;
    if (!(rpcs = realloc (d->rpcs, n * sizeof (*rpcs))))
        return -ENOMEM;
    memset (rpcs + d->nrpcs, 0, (n - d->nrpcs) * sizeof (*rpcs));
    d->rpcs = rpcs;
    d->nrpcs = n;
    return 0;
}

/* A tag that the pool never made would make the array as large as it says. */
int dispatch_rpc_add (flux_t *h, uint32_t matchtag, dispatch_rpc_f cb, void *arg)
{
    struct dispatch *d;
    int rc;

    if (!h || !cb || matchtag == FLUX_MATCHTAG_NONE
        || matchtag > h->conn->tags.made)
        return -EINVAL;
    if (!(d = dispatch_get (h)))
        return -errno;
    if (matchtag >= d->nrpcs && (rc = rpcs_grow (d, matchtag)) < 0)
        return rc;
    if (d->rpcs[matchtag].cb)
        return -EEXIST;
    d->rpcs[matchtag].cb = cb;
    d->rpcs[matchtag].arg = arg;
    dispatch_activate (d);
    return 0;
}

void dispatch_rpc_del (flux_t *h, uint32_t matchtag)
{
    struct dispatch *d = h ? h->dispatch : NULL;

    if (!d || matchtag >= d->nrpcs || !d->rpcs[matchtag].cb)
        return;
    d->rpcs[matchtag].cb = NULL;
    dispatch_deactivate (d);
}

/* Roles */

static bool role_ok (const flux_msg_handler_t *mh, const flux_msg_t *msg)
{
    return (msg->rolemask & (mh->rolemask | FLUX_ROLE_OWNER)) != 0;
}

static void respond_denied (flux_t *h, const flux_msg_handler_t *mh,
                            const flux_msg_t *msg)
{
    char text[160];
    const char *topic = msg_topic (msg);

    snprintf (text, sizeof (text), "%s requires the instance owner%s%s%s",
              topic ? topic : "this request",
              (mh->rolemask & FLUX_ROLE_ADMIN) ? " or an administrator" : "",
              (mh->rolemask & FLUX_ROLE_USER) ? " or a user" : "",
              (mh->rolemask & FLUX_ROLE_LOCAL) ? " or a local sender" : "");
    (void)flux_respond_error (h, msg, EPERM, text);
}

/* Finding handlers */

static bool type_ok (const flux_msg_handler_t *mh, int type)
{
    return mh->match.typemask == 0 || (mh->match.typemask & type);
}

static flux_msg_handler_t *handler_of (struct list_node *n)
{
    return list_entry (n, flux_msg_handler_t, node);
}

static flux_msg_handler_t *find_exact (struct dispatch *d,
                                       const flux_msg_t *msg)
{
    const char *topic = msg_topic (msg);
    struct topic_entry *entry = topic ? hash_get (d->topics, topic) : NULL;

    if (!entry)
        return NULL;
    list_foreach (&entry->handlers, n)
    {
        if (type_ok (handler_of (n), msg->type))
            return handler_of (n);
    }
    return NULL;
}

static flux_msg_handler_t *find_glob (struct dispatch *d, const flux_msg_t *msg,
                                      bool need_matchtag)
{
    list_foreach (&d->globs, n)
    {
        flux_msg_handler_t *mh = handler_of (n);
        if (need_matchtag && mh->match.matchtag == FLUX_MATCHTAG_NONE)
            continue;
        if (flux_msg_cmp (msg, mh->match))
            return mh;
    }
    return NULL;
}

static flux_msg_handler_t *find_newest (struct dispatch *d,
                                        const flux_msg_t *msg)
{
    flux_msg_handler_t *exact = find_exact (d, msg);
    flux_msg_handler_t *glob = find_glob (d, msg, false);

    if (exact && glob)
        return exact->seq > glob->seq ? exact : glob;
    return exact ? exact : glob;
}

/* Delivery.  True: somebody was found for the message. */

static void call (struct dispatch *d, flux_msg_handler_t *mh,
                  const flux_msg_t *msg)
{
    mh->cb (d->h, mh, msg, mh->arg);
}

static bool deliver_request (struct dispatch *d, const flux_msg_t *msg)
{
    flux_msg_handler_t *mh;

    if (!(mh = find_exact (d, msg)) && !(mh = find_glob (d, msg, false)))
        return false;
    if (role_ok (mh, msg))
        call (d, mh, msg);
    else
        respond_denied (d->h, mh, msg);
    return true;
}

static bool deliver_response (struct dispatch *d, const flux_msg_t *msg)
{
    flux_msg_handler_t *mh;

    if (msg->routes.count == 0 && msg->matchtag != FLUX_MATCHTAG_NONE) {
        if (msg->matchtag < d->nrpcs && d->rpcs[msg->matchtag].cb) {
            struct rpc_slot rpc = d->rpcs[msg->matchtag];
            rpc.cb (d->h, msg, rpc.arg);
            return true;
        }
        if ((mh = find_glob (d, msg, true))) {
            if (role_ok (mh, msg))
                call (d, mh, msg);
            return true;
        }
    }
    if (!(mh = find_newest (d, msg)))
        return false;
    if (role_ok (mh, msg))
        call (d, mh, msg);
    return true;
}

/* Callbacks may create, stop and destroy handlers, so first take down who is to
 * be called. */
struct recipients {
    flux_msg_handler_t *inline_v[16];
    flux_msg_handler_t **v;
    size_t n;
    size_t size;
};

static void recipients_add (struct recipients *r, flux_msg_handler_t *mh)
{
    if (r->n == r->size) {
        flux_msg_handler_t **v = malloc (r->size * 2 * sizeof (*v));
        if (!v)
            return;
        memcpy (v, r->v, r->n * sizeof (*v));
        if (r->v != r->inline_v)
            free (r->v);
        r->v = v;
        r->size *= 2;
    }
    mh->refs++;
    r->v[r->n++] = mh;
}

static void find_recipients (struct dispatch *d, const flux_msg_t *msg,
                             struct recipients *r)
{
    const char *topic = msg_topic (msg);
    struct topic_entry *entry = topic ? hash_get (d->topics, topic) : NULL;

    if (entry) {
        list_foreach (&entry->handlers, n)
        {
            if (type_ok (handler_of (n), msg->type))
                recipients_add (r, handler_of (n));
        }
    }
    list_foreach (&d->globs, n)
    {
        if (flux_msg_cmp (msg, handler_of (n)->match))
            recipients_add (r, handler_of (n));
    }
}

static bool deliver_to_all (struct dispatch *d, const flux_msg_t *msg)
{
    struct recipients r = { .size = 16 };
    bool found;

    r.v = r.inline_v;
    find_recipients (d, msg, &r);
    found = r.n > 0;
    for (size_t i = 0; i < r.n; i++) {
        if (r.v[i]->running && role_ok (r.v[i], msg))
            call (d, r.v[i], msg);
        msg_handler_unref (r.v[i]);
    }
    if (r.v != r.inline_v)
        free (r.v);
    return found;
}

/* Nobody's messages */

static void respond_unknown (flux_t *h, const flux_msg_t *msg)
{
    const char *topic = msg_topic (msg);
    const char *dot = topic ? strchr (topic, '.') : NULL;
    char text[160];

    if (dot)
        snprintf (text, sizeof (text), "service '%.*s' has no method '%s'",
                  (int)(dot - topic), topic, dot + 1);
    else
        snprintf (text, sizeof (text), "no service method matches '%s'",
                  topic ? topic : "");
    (void)flux_respond_error (h, msg, ENOSYS, text);
}

static void unmatched (struct dispatch *d, const flux_msg_t *msg)
{
    if ((d->h->flags & FLUX_O_CLONE)) {
        if (msgq_append (&d->unmatched, msg) == 0)
            flux_msg_incref (msg);
        return;
    }
    if (msg->type == FLUX_MSGTYPE_REQUEST)
        respond_unknown (d->h, msg);
    else if (msg->type == FLUX_MSGTYPE_RESPONSE && msg->routes.count == 0
             && (msg->errnum != 0 || !(msg->flags & FLUX_MSGFLAG_STREAMING)))
        matchtag_free (&d->h->conn->tags, msg->matchtag);
}

static void dispatch_msg (struct dispatch *d, const flux_msg_t *msg)
{
    bool found;

    switch (msg->type) {
        case FLUX_MSGTYPE_REQUEST:
            found = deliver_request (d, msg);
            break;
        case FLUX_MSGTYPE_RESPONSE:
            found = deliver_response (d, msg);
            break;
        default:
            found = deliver_to_all (d, msg);
            break;
    }
    if (!found)
        unmatched (d, msg);
}

/* A callback may close the handle (our reference keeps it until we are done),
 * stop the reactor, or stop the last handler: then leave the rest for later. */
static void dispatch_cb (flux_reactor_t *r, flux_watcher_t *w, int revents,
                         void *arg)
{
    struct dispatch *d = arg;
    flux_t *h = flux_incref (d->h);

    for (int i = 0; i < BATCH; i++) {
        flux_msg_t *msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
        if (!msg) {
            /* who hears of a lost connection may end all that waits for it */
            if (errno != EAGAIN && d->active > 0)
                flux_reactor_stop_error (r);
            break;
        }
        dispatch_msg (d, msg);
        flux_msg_decref (msg);
        if (h->refs == 1 || d->active == 0 || r->stopped)
            break;
    }
    flux_decref (h);
}
