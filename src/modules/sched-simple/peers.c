/* peers.c - RFC 27 towards the job manager, RFC 28 towards the resource service
 *
 *   resource.acquire ─► first answer ─► sched-hello ─► R of running jobs from
 *   the KVS ─► sched-ready
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/sched-simple/sched_private.h"
#include "spec/rset.h"

#define AGAIN_SECONDS 0.05

struct hello_lookup {
    struct list_node node;
    struct sched *s;
    uint64_t id;
    struct idset *freed;       /* or NULL */
    flux_future_t *f;
};

/* ---- handshake ---- */

static void fatal (struct sched *s, const char *what, flux_future_t *f)
{
    flux_log (s->h, LOG_ERR, "%s: %s: not scheduling", what,
              f ? future_strerror (f, errno) : flux_strerror (errno));
}

/* The job manager or the resource service has gone; another may come. */
static void look_again (struct sched *s)
{
    flux_future_destroy (s->f_hello);
    flux_future_destroy (s->f_ready);
    s->f_hello = s->f_ready = NULL;
    s->ready = s->hello_done = false;
    flux_timer_watcher_reset (s->again, AGAIN_SECONDS, 0.);
    flux_watcher_start (s->again);
}

/* The request is a streaming one: it hears when the job manager goes. */
static void ready_continuation (flux_future_t *f, void *arg)
{
    struct sched *s = arg;
    int count;

    if (flux_rpc_get_unpack (f, "{s:i}", "count", &count) == 0) {
        flux_log (s->h, LOG_DEBUG, "ready: %d jobs wait", count);
        flux_future_reset (f);
    }
    else if (errno == ENOSYS)
        look_again (s);
    else {
        if (errno != ENODATA)
            fatal (s, "job-manager.sched-ready", f);
        flux_future_destroy (f);
        s->f_ready = NULL;
    }
}

static void ready_check (struct sched *s)
{
    if (!s->hello_done || s->ready || !list_empty (&s->lookups))
        return;
    s->ready = true;
    if (s->limit > 0)
        s->f_ready = flux_rpc_pack (s->h, "job-manager.sched-ready", FLUX_NODEID_ANY,
                                    FLUX_RPC_STREAMING, "{s:s s:i}",
                                    "mode", "limited", "limit", s->limit);
    else
        s->f_ready = flux_rpc_pack (s->h, "job-manager.sched-ready", FLUX_NODEID_ANY,
                                    FLUX_RPC_STREAMING, "{s:s}", "mode", "unlimited");
    if (!s->f_ready || flux_future_then (s->f_ready, -1., ready_continuation, s) < 0)
        fatal (s, "job-manager.sched-ready", NULL);
}

static void lookup_free (struct hello_lookup *l)
{
    list_del (&l->node);
    flux_future_destroy (l->f);
    idset_destroy (l->freed);
    free (l);
}

/* ---- sched.free ---- */

/* What a job named by hello frees before its R is known. */
static bool free_early (struct sched *s, uint64_t id, const struct rset *r, bool final)
{
    list_foreach (&s->lookups, n) {
        struct hello_lookup *l = list_entry (n, struct hello_lookup, node);
        size_t pos = 0;
        uint32_t rank;
        if (l->id != id)
            continue;
        while (l->freed && rset_node_next (r, &pos, &rank, NULL, NULL, NULL))
            (void)idset_set (l->freed, rank);
        if (final) {
            lookup_free (l);
            ready_check (s);
        }
        return true;
    }
    return false;
}

static void free_now (struct sched *s, const flux_msg_t *msg)
{
    flux_t *h = s->h;
    struct rset *r;
    json_int_t id;
    json_t *o;
    int final = 0;
    flux_error_t err;

    if (flux_request_unpack (msg, NULL, "{s:I s:o s?b}", "id", &id, "R", &o,
                             "final", &final) < 0) {
        flux_log (h, LOG_ERR, "sched.free: malformed request");
        return;
    }
    if (!(r = rset_from_json (o, &err))) {
        flux_log (h, LOG_ERR, "sched.free: job %jd: %s", (intmax_t)id, err.text);
        return;
    }
    if (s->pool && !free_early (s, id, r, final))
        rpool_give (s->pool, r);
    rset_free (r);
    if (final)
        idhash_del (s->allocated, id);
    queue_kick (s);
}

/* A request may overtake the last answers to hello in our own queue. */
void free_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;

    if (s->hello_done)
        free_now (s, msg);
    else if (s->f_hello && flux_msglist_append (s->frees, msg) < 0)
        flux_log_error (h, "sched.free");
}

static void free_those_kept (struct sched *s)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (s->frees))) {
        free_now (s, msg);
        flux_msg_decref (msg);
    }
}

/* ---- hello ---- */

static int take_R (struct sched *s, struct hello_lookup *l, const char *R, flux_error_t *err)
{
    struct rset *r = rset_decode (R, strlen (R), err);
    int rc = -EINVAL;

    if (!r)
        return rc;
    if (l->freed)
        (void)rset_remove_ranks (r, l->freed);
    if ((rc = rpool_take (s->pool, r)) < 0)
        errmsg (err, rc, "some of its resources are in use by another job");
    rset_free (r);
    return rc;
}

static void lookup_continuation (flux_future_t *f, void *arg)
{
    struct hello_lookup *l = arg;
    struct sched *s = l->s;
    flux_error_t err;
    const char *R;

    if (flux_kvs_lookup_get (f, &R) < 0 || !R)
        flux_log (s->h, LOG_ERR, "hello: job %" PRIu64 ": looking up R: %s", l->id,
                  future_strerror (f, errno));
    else if (take_R (s, l, R, &err) < 0)
        flux_log (s->h, LOG_ERR, "hello: job %" PRIu64 ": %s", l->id, err.text);
    else
        (void)idhash_set (s->allocated, l->id, s);
    lookup_free (l);
    ready_check (s);
}

static int hello_job (struct sched *s, uint64_t id, const char *freed)
{
    struct hello_lookup *l = calloc (1, sizeof (*l));
    char key[64];

    if (!l)
        return -ENOMEM;
    list_init (&l->node);
    l->s = s;
    l->id = id;
    flux_job_kvs_key (key, sizeof (key), id, "R");
    if (!(l->freed = freed ? idset_decode (freed) : idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(l->f = flux_kvs_lookup (s->h, KVS_PRIMARY_NAMESPACE, 0, key))
        || flux_future_then (l->f, -1., lookup_continuation, l) < 0) {
        lookup_free (l);
        return -errno;
    }
    list_append (&s->lookups, &l->node);
    return 0;
}

static void hello_continuation (flux_future_t *f, void *arg)
{
    struct sched *s = arg;
    const char *freed = NULL;
    json_int_t id;
    int rc;

    if (flux_rpc_get_unpack (f, "{s:I s?s}", "id", &id, "free", &freed) < 0) {
        int e = errno;
        if (e != ENODATA && e != ENOSYS)
            fatal (s, "job-manager.sched-hello", f);
        flux_future_destroy (f);
        s->f_hello = NULL;
        if (e == ENOSYS)
            look_again (s);
        else if (e == ENODATA) {
            s->hello_done = true;
            free_those_kept (s);
            ready_check (s);
        }
        return;
    }
    if ((rc = hello_job (s, id, freed)) < 0)
        flux_log (s->h, LOG_ERR, "hello: job %jd: %s", (intmax_t)id, flux_strerror (-rc));
    flux_future_reset (f);
}

/* Hello tells all that is asked and allocated, so it begins with nothing. */
static void forget (struct sched *s)
{
    struct rset *r = rpool_allocated (s->pool);
    const flux_msg_t *msg;
    uint64_t id;
    size_t pos = 0;

    if (r)
        rpool_give (s->pool, r);
    rset_free (r);
    queue_clear (s);
    while (idhash_next (s->allocated, &pos, &id))
        idhash_del (s->allocated, id);
    list_foreach (&s->lookups, l)
        lookup_free (list_entry (l, struct hello_lookup, node));
    while ((msg = flux_msglist_pop (s->frees)))
        flux_msg_decref (msg);
}

static void hello (struct sched *s)
{
    forget (s);
    s->f_hello = flux_rpc_pack (s->h, "job-manager.sched-hello", FLUX_NODEID_ANY,
                                FLUX_RPC_STREAMING, "{s:b}", "partial-ok", 1);
    if (!s->f_hello || flux_future_then (s->f_hello, -1., hello_continuation, s) < 0)
        fatal (s, "job-manager.sched-hello", NULL);
}

/* ---- resources ---- */

static int set_ranks (struct sched *s, const char *text, bool up)
{
    struct idset *ids;

    if (!text)
        return 0;
    if (!(ids = idset_decode (text)))
        return -EINVAL;
    rpool_set_up (s->pool, ids, up);
    idset_destroy (ids);
    return 0;
}

static int first_resources (struct sched *s, json_t *resources, flux_error_t *err)
{
    struct rset *all = rset_from_json (resources, err);

    if (!all)
        return -errno;
    s->pool = rpool_new (all, s->mode);
    rset_free (all);
    if (!s->pool)
        return errmsg (err, -ENOMEM, "out of memory");
    questions_answer (s);
    hello (s);
    return 0;
}

static int shrink (struct sched *s, const char *text)
{
    struct idset *ids = idset_decode (text);

    if (!ids)
        return -EINVAL;
    rpool_shrink (s->pool, ids);
    idset_destroy (ids);
    queue_recheck (s);
    return 0;
}

static int update_resources (struct sched *s, flux_future_t *f, flux_error_t *err)
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
    if (!s->pool) {
        if (!resources)
            return errmsg (err, -EPROTO, "the first response has no resources");
        if ((rc = first_resources (s, resources, err)) < 0)
            return rc;
    }
    if (set_ranks (s, up, true) < 0 || set_ranks (s, down, false) < 0
        || (gone && shrink (s, gone) < 0)
        || (add && rpool_properties (s->pool, add, true) < 0)
        || (rm && rpool_properties (s->pool, rm, false) < 0))
        return errmsg (err, -EPROTO, "malformed response");
    if (expiration >= 0.)
        rpool_set_expiration (s->pool, expiration);
    return 0;
}

static void acquire_failed (struct sched *s, int rc, const char *text)
{
    flux_future_destroy (s->f_acquire);
    s->f_acquire = NULL;
    if (rc == -ENOSYS) {
        rpool_free (s->pool);
        s->pool = NULL;
        flux_watcher_stop (s->prep);
        look_again (s);
    }
    else
        flux_log (s->h, LOG_ERR, "resource.acquire: %s: not scheduling", text);
}

static void acquire_continuation (flux_future_t *f, void *arg)
{
    struct sched *s = arg;
    flux_error_t err;
    int rc;

    if ((rc = update_resources (s, f, &err)) < 0) {
        acquire_failed (s, rc, err.text);
        return;
    }
    queue_kick (s);
    flux_future_reset (f);
}

int peers_acquire (struct sched *s)
{
    s->f_acquire = flux_rpc (s->h, "resource.acquire", NULL, FLUX_NODEID_ANY,
                             FLUX_RPC_STREAMING);
    if (!s->f_acquire || flux_future_then (s->f_acquire, -1., acquire_continuation, s) < 0)
        return -errno;
    return 0;
}

static void again_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sched *s = arg;

    if (s->pool)
        hello (s);
    else if (!s->f_acquire && peers_acquire (s) < 0)
        fatal (s, "resource.acquire", NULL);
}

/* ---- life ---- */

int peers_init (struct sched *s)
{
    flux_reactor_t *r = flux_get_reactor (s->h);

    list_init (&s->lookups);
    if (!(s->allocated = idhash_new (NULL))
        || !(s->frees = flux_msglist_create ())
        || !(s->again = flux_timer_watcher_create (r, AGAIN_SECONDS, 0., again_cb, s)))
        return -ENOMEM;
    return 0;
}

void peers_release (struct sched *s)
{
    flux_future_destroy (s->f_acquire);
    flux_future_destroy (s->f_hello);
    flux_future_destroy (s->f_ready);
    list_foreach (&s->lookups, pos)
        lookup_free (list_entry (pos, struct hello_lookup, node));
    flux_msglist_destroy (s->frees);
    flux_watcher_destroy (s->again);
    idhash_free (s->allocated);
}
