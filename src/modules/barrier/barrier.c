/* barrier.c - wait until N processes have come
 *
 *   client --barrier.enter {name nprocs}--> broker: held
 *   broker --barrier.update {name nprocs count}--> parent ... rank 0
 *   rank 0, when all have come: event barrier.exit {name errnum}; each broker
 *   answers those it holds.
 *
 * A client that goes before the end makes the barrier fail with ECONNABORTED
 * for all.  Sums are sent up once per turn of the loop.
 */
#include <errno.h>

#include "base/hash.h"
#include "base/list.h"
#include "modules/barrier/barrier.h"

struct barrier {
    struct list_node node;         /* on the list of those to report */
    bool pending;
    char *name;
    int nprocs;
    int count;                     /* rank 0: all; others: not yet reported */
    int errnum;                    /* rank 0: it failed */
    struct flux_msglist *clients;
};

struct barriers {
    flux_t *h;
    uint32_t rank;
    struct hash *barriers;
    struct list_node pending;
    flux_watcher_t *timer;
    flux_msg_handler_t **handlers;
};

static void barrier_free (void *arg)
{
    struct barrier *b = arg;

    if (!b)
        return;
    list_del (&b->node);
    flux_msglist_destroy (b->clients);
    free (b->name);
    free (b);
}

static struct barrier *barrier_get (struct barriers *bs, const char *name, int nprocs)
{
    struct barrier *b = hash_get (bs->barriers, name);

    if (b) {
        if (b->nprocs != nprocs) {
            errno = EINVAL;
            return NULL;
        }
        return b;
    }
    if (!(b = calloc (1, sizeof (*b))))
        return NULL;
    list_init (&b->node);
    b->nprocs = nprocs;
    if (!(b->name = strdup (name)) || !(b->clients = flux_msglist_create ())
        || hash_set (bs->barriers, name, b) < 0) {
        barrier_free (b);
        errno = ENOMEM;
        return NULL;
    }
    return b;
}

/* --- the end of a barrier --- */

static void finish (struct barriers *bs, struct barrier *b, int errnum)
{
    flux_future_t *f = flux_event_publish_pack (bs->h, "barrier.exit", 0, "{s:s s:i}",
                                                "name", b->name, "errnum", errnum);
    flux_future_destroy (f);
    b->count = 0;
    b->nprocs = -1;     /* spent: it waits for its own event only */
}

static void exit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct barriers *bs = arg;
    const char *name;
    int errnum;
    struct barrier *b;
    const flux_msg_t *req;

    if (flux_event_unpack (msg, NULL, "{s:s s:i}", "name", &name, "errnum",
                           &errnum) < 0
        || !(b = hash_take (bs->barriers, name)))
        return;
    while ((req = flux_msglist_pop (b->clients))) {
        if (errnum)
            flux_respond_error (h, req, errnum, NULL);
        else
            flux_respond (h, req, NULL);
        flux_msg_decref (req);
    }
    barrier_free (b);
}

/* --- sums --- */

static void report (struct barriers *bs, struct barrier *b)
{
    flux_future_t *f;

    if (bs->rank == 0) {
        if (b->nprocs >= 0 && b->count >= b->nprocs)
            finish (bs, b, b->count > b->nprocs ? EOVERFLOW : 0);
        return;
    }
    f = flux_rpc_pack (bs->h, "barrier.update", FLUX_NODEID_UPSTREAM,
                       FLUX_RPC_NORESPONSE, "{s:s s:i s:i s:i}", "name", b->name,
                       "nprocs", b->nprocs, "count", b->count, "errnum", b->errnum);
    flux_future_destroy (f);
    b->count = 0;
}

static void on_timer (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct barriers *bs = arg;

    while (!list_empty (&bs->pending)) {
        struct barrier *b = list_entry (bs->pending.next, struct barrier, node);
        list_del (&b->node);
        b->pending = false;
        report (bs, b);
    }
}

static void add (struct barriers *bs, struct barrier *b, int count)
{
    b->count += count;
    if (b->pending)
        return;
    b->pending = true;
    list_append (&bs->pending, &b->node);
    flux_timer_watcher_reset (bs->timer, 0, 0);
    flux_watcher_start (bs->timer);
}

static void fail (struct barriers *bs, struct barrier *b, int errnum)
{
    b->errnum = errnum;
    if (bs->rank == 0 && b->nprocs >= 0)
        finish (bs, b, errnum);
    else
        add (bs, b, 0);
}

/* --- requests --- */

static void enter_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct barriers *bs = arg;
    const char *name;
    int nprocs;
    struct barrier *b;

    if (flux_request_unpack (msg, NULL, "{s:s s:i}", "name", &name, "nprocs",
                             &nprocs) < 0)
        goto error;
    if (nprocs < 1) {
        errno = EINVAL;
        goto error;
    }
    if (!(b = barrier_get (bs, name, nprocs))
        || flux_msglist_append (b->clients, msg) < 0)
        goto error;
    add (bs, b, 1);
    return;
error:
    flux_respond_error (h, msg, errno, NULL);
}

static void update_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct barriers *bs = arg;
    const char *name;
    int nprocs, count, errnum;
    struct barrier *b;

    if (flux_request_unpack (msg, NULL, "{s:s s:i s:i s:i}", "name", &name, "nprocs",
                             &nprocs, "count", &count, "errnum", &errnum) < 0
        || count < 0 || !(b = barrier_get (bs, name, nprocs)))
        return;
    if (errnum)
        fail (bs, b, errnum);
    else
        add (bs, b, count);
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct barriers *bs = arg;
    size_t pos = 0;
    struct barrier *b;

    while ((b = hash_next (bs->barriers, &pos, NULL)))
        if (flux_msglist_disconnect (b->clients, msg) > 0)
            fail (bs, b, ECONNABORTED);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "barrier.enter", enter_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "barrier.update", update_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "barrier.disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_EVENT, "barrier.exit", exit_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void barrier_stop (void *ctx)
{
    struct barriers *bs = ctx;
    size_t pos = 0;
    struct barrier *b;
    const flux_msg_t *msg;

    if (!bs)
        return;
    while (bs->barriers && (b = hash_next (bs->barriers, &pos, NULL)))
        while ((msg = flux_msglist_pop (b->clients))) {
            flux_respond_error (bs->h, msg, ENOSYS, NULL);
            flux_msg_decref (msg);
        }
    flux_msg_handler_delvec (bs->handlers);
    flux_watcher_destroy (bs->timer);
    hash_free (bs->barriers);
    free (bs);
}

static int barrier_start (flux_t *h, int argc, char **argv, void **ctxp,
                          flux_error_t *err)
{
    struct barriers *bs = calloc (1, sizeof (*bs));
    int rc;

    if (!bs)
        return -ENOMEM;
    bs->h = h;
    list_init (&bs->pending);
    if (flux_get_rank (h, &bs->rank) < 0 || !(bs->barriers = hash_new (barrier_free))
        || !(bs->timer = flux_timer_watcher_create (flux_get_reactor (h), 0, 0,
                                                    on_timer, bs))
        || flux_msg_handler_addvec (h, htab, bs, &bs->handlers) < 0
        || flux_event_subscribe (h, "barrier.exit") < 0) {
        rc = -errno;
        barrier_stop (bs);
        return rc;
    }
    *ctxp = bs;
    return 0;
}

const struct builtin barrier_builtin = {
    .name = "barrier",
    .start = barrier_start,
    .stop = barrier_stop,
};
