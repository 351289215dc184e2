/* hello.c - a scheduler's handshake with the job manager (RFC 27)
 */
#include "modules/sched/hello.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <flux/idset.h>

#include "base/list.h"
#include "spec/rset.h"

#define AGAIN_SECONDS 0.05

struct hello {
    flux_t *h;
    const struct hello_ops *ops;
    void *arg;
    int limit;
    flux_msg_handler_t **handlers;
    flux_future_t *f_hello;
    flux_future_t *f_ready;
    struct list_node lookups;
    struct flux_msglist *frees;     /* that came while hello was answered */
    flux_watcher_t *again;          /* look for a job manager that has gone */
    bool done;                      /* all jobs were named */
    bool ready;                     /* sched-ready is on its way, or there */
};

struct lookup {
    struct list_node node;
    struct hello *hello;
    uint64_t id;
    struct idset *freed;
    flux_future_t *f;
};

static void fatal (struct hello *o, const char *what, flux_future_t *f)
{
    flux_log (o->h, LOG_ERR, "%s: %s: not scheduling", what,
              f ? future_strerror (f, errno) : flux_strerror (errno));
}

static void settled (struct hello *o)
{
    if (o->ops->settled)
        o->ops->settled (o->arg);
}

static void lookup_free (struct lookup *l)
{
    list_del (&l->node);
    flux_future_destroy (l->f);
    idset_destroy (l->freed);
    free (l);
}

static void forget (struct hello *o)
{
    const flux_msg_t *msg;

    list_foreach (&o->lookups, l)
        lookup_free (list_entry (l, struct lookup, node));
    while (o->frees && (msg = flux_msglist_pop (o->frees)))
        flux_msg_decref (msg);
}

void hello_stop (struct hello *o)
{
    flux_future_destroy (o->f_hello);
    flux_future_destroy (o->f_ready);
    o->f_hello = o->f_ready = NULL;
    o->ready = o->done = false;
    flux_watcher_stop (o->again);
    forget (o);
}

static void look_again (struct hello *o)
{
    hello_stop (o);
    flux_timer_watcher_reset (o->again, AGAIN_SECONDS, 0.);
    flux_watcher_start (o->again);
}

bool hello_is_ready (const struct hello *o)
{
    return o->ready;
}

/* ---- ready ---- */

/* The request is a streaming one: it hears when the job manager goes. */
static void ready_continuation (flux_future_t *f, void *arg)
{
    struct hello *o = arg;
    int count;

    if (flux_rpc_get_unpack (f, "{s:i}", "count", &count) == 0) {
        flux_log (o->h, LOG_DEBUG, "ready: %d jobs wait", count);
        flux_future_reset (f);
    }
    else if (errno == ENOSYS)
        look_again (o);
    else {
        if (errno != ENODATA)
            fatal (o, "job-manager.sched-ready", f);
        flux_future_destroy (f);
        o->f_ready = NULL;
    }
}

static void ready_check (struct hello *o)
{
    if (!o->done || o->ready || !list_empty (&o->lookups))
        return;
    o->ready = true;
    if (o->limit > 0)
        o->f_ready = flux_rpc_pack (o->h, "job-manager.sched-ready", FLUX_NODEID_ANY,
                                    FLUX_RPC_STREAMING, "{s:s s:i}",
                                    "mode", "limited", "limit", o->limit);
    else
        o->f_ready = flux_rpc_pack (o->h, "job-manager.sched-ready", FLUX_NODEID_ANY,
                                    FLUX_RPC_STREAMING, "{s:s}", "mode", "unlimited");
    if (!o->f_ready || flux_future_then (o->f_ready, -1., ready_continuation, o) < 0)
        fatal (o, "job-manager.sched-ready", NULL);
    settled (o);
}

/* ---- free ---- */

/* What a job named by hello frees before its R is known. */
static bool free_early (struct hello *o, uint64_t id, const struct rset *r, bool final)
{
    list_foreach (&o->lookups, n) {
        struct lookup *l = list_entry (n, struct lookup, node);
        size_t pos = 0;
        uint32_t rank;
        if (l->id != id)
            continue;
        while (l->freed && rset_node_next (r, &pos, &rank, NULL, NULL, NULL))
            (void)idset_set (l->freed, rank);
        if (final) {
            lookup_free (l);
            ready_check (o);
        }
        return true;
    }
    return false;
}

static void free_now (struct hello *o, const flux_msg_t *msg)
{
    struct rset *r;
    json_int_t id;
    json_t *R;
    int final = 0;
    flux_error_t err;

    if (flux_request_unpack (msg, NULL, "{s:I s:o s?b}", "id", &id, "R", &R,
                             "final", &final) < 0) {
        flux_log (o->h, LOG_ERR, "sched.free: malformed request");
        return;
    }
    if (!(r = rset_from_json (R, &err))) {
        flux_log (o->h, LOG_ERR, "sched.free: job %jd: %s", (intmax_t)id, err.text);
        return;
    }
    if (!free_early (o, id, r, final))
        o->ops->free (o->arg, id, r, final);
    rset_free (r);
}

/* A request may overtake the last answers to hello in our own queue. */
static void free_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct hello *o = arg;

    if (o->done)
        free_now (o, msg);
    else if (o->f_hello && flux_msglist_append (o->frees, msg) < 0)
        flux_log_error (h, "sched.free");
}

static void free_those_kept (struct hello *o)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (o->frees))) {
        free_now (o, msg);
        flux_msg_decref (msg);
    }
}

/* ---- hello ---- */

static int take_R (struct lookup *l, const char *R, flux_error_t *err)
{
    struct rset *r = rset_decode (R, strlen (R), err);
    int rc = r ? l->hello->ops->job (l->hello->arg, l->id, r, l->freed, err) : -EINVAL;

    rset_free (r);
    return rc;
}

static void lookup_continuation (flux_future_t *f, void *arg)
{
    struct lookup *l = arg;
    struct hello *o = l->hello;
    flux_error_t err;
    const char *R;

    if (flux_kvs_lookup_get (f, &R) < 0 || !R)
        flux_log (o->h, LOG_ERR, "hello: job %" PRIu64 ": looking up R: %s", l->id,
                  future_strerror (f, errno));
    else if (take_R (l, R, &err) < 0)
        flux_log (o->h, LOG_ERR, "hello: job %" PRIu64 ": %s", l->id, err.text);
    lookup_free (l);
    ready_check (o);
}

static int hello_job (struct hello *o, uint64_t id, const char *freed)
{
    struct lookup *l = calloc (1, sizeof (*l));
    char key[64];

    if (!l)
        return -ENOMEM;
    list_init (&l->node);
    l->hello = o;
    l->id = id;
    flux_job_kvs_key (key, sizeof (key), id, "R");
    if (!(l->freed = freed ? idset_decode (freed) : idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(l->f = flux_kvs_lookup (o->h, KVS_PRIMARY_NAMESPACE, 0, key))
        || flux_future_then (l->f, -1., lookup_continuation, l) < 0) {
        lookup_free (l);
        return -errno;
    }
    list_append (&o->lookups, &l->node);
    return 0;
}

static void hello_end (struct hello *o, flux_future_t *f, int errnum)
{
    if (errnum != ENODATA && errnum != ENOSYS)
        fatal (o, "job-manager.sched-hello", f);
    flux_future_destroy (f);
    o->f_hello = NULL;
    if (errnum == ENODATA) {
        o->done = true;
        free_those_kept (o);
        ready_check (o);
        return;
    }
    if (errnum == ENOSYS)
        look_again (o);
    settled (o);
}

static void hello_continuation (flux_future_t *f, void *arg)
{
    struct hello *o = arg;
    const char *freed = NULL;
    json_int_t id;
    int rc;

    if (flux_rpc_get_unpack (f, "{s:I s?s}", "id", &id, "free", &freed) < 0) {
        hello_end (o, f, errno);
        return;
    }
    if ((rc = hello_job (o, id, freed)) < 0)
        flux_log (o->h, LOG_ERR, "hello: job %jd: %s", (intmax_t)id, flux_strerror (-rc));
    flux_future_reset (f);
}

void hello_begin (struct hello *o)
{
    hello_stop (o);
    o->ops->begin (o->arg);
    o->f_hello = flux_rpc_pack (o->h, "job-manager.sched-hello", FLUX_NODEID_ANY,
                                FLUX_RPC_STREAMING, "{s:b}", "partial-ok", 1);
    if (!o->f_hello || flux_future_then (o->f_hello, -1., hello_continuation, o) < 0)
        fatal (o, "job-manager.sched-hello", NULL);
}

bool hello_is_settled (const struct hello *o)
{
    return !o->f_hello && list_empty (&o->lookups);
}

static void again_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    hello_begin (arg);
}

/* ---- life ---- */

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "sched.free", free_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

struct hello *hello_new (flux_t *h, int limit, const struct hello_ops *ops, void *arg)
{
    struct hello *o = calloc (1, sizeof (*o));

    if (!o)
        return NULL;
    o->h = h;
    o->ops = ops;
    o->arg = arg;
    o->limit = limit;
    list_init (&o->lookups);
    o->again = flux_timer_watcher_create (flux_get_reactor (h), AGAIN_SECONDS, 0., again_cb, o);
    if (!o->again || !(o->frees = flux_msglist_create ())
        || flux_msg_handler_addvec (h, handlers, o, &o->handlers) < 0) {
        hello_destroy (o);
        return NULL;
    }
    return o;
}

void hello_destroy (struct hello *o)
{
    if (o) {
        flux_msg_handler_delvec (o->handlers);
        hello_stop (o);
        flux_msglist_destroy (o->frees);
        flux_watcher_destroy (o->again);
        free (o);
    }
}
