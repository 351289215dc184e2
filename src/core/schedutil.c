/* schedutil.c - the scheduler's side of RFC 27, for schedulers that are modules
 *
 * Calls block only in schedutil_create(), schedutil_hello() and
 * schedutil_ready(): a module does them before its reactor runs.
 */
#include <flux/core.h>
#include <flux/schedutil.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <syslog.h>

#include "base/list.h"

struct schedutil_ctx {
    flux_t *h;
    int flags;
    const struct schedutil_ops *ops;
    void *arg;
    flux_msg_handler_t **handlers;
    bool registered;
    struct list_node commits;  /* struct commit: R on its way to the KVS */
};

struct commit {
    struct list_node node;
    schedutil_t *util;
    const flux_msg_t *msg;
    json_t *annotations;       /* or NULL */
    flux_future_t *f;
};

static void commit_free (struct commit *c)
{
    list_del (&c->node);
    flux_future_destroy (c->f);
    flux_msg_decref (c->msg);
    json_decref (c->annotations);
    free (c);
}

/* ---- requests ---- */

static void alloc_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    schedutil_t *util = arg;

    util->ops->alloc (h, msg, util->arg);
}

static void free_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    schedutil_t *util = arg;
    char *R = NULL;
    json_t *o;

    if (!(util->flags & SCHEDUTIL_FREE_NOLOOKUP)) {
        if (flux_request_unpack (msg, NULL, "{s:o}", "R", &o) < 0
            || !(R = json_dumps (o, JSON_COMPACT))) {
            flux_log_error (h, "sched.free");
            return;
        }
    }
    util->ops->free (h, msg, R, util->arg);
    free (R);
}

static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    schedutil_t *util = arg;

    if (util->ops->cancel)
        util->ops->cancel (h, msg, util->arg);
}

static void prioritize_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    schedutil_t *util = arg;

    if (util->ops->prioritize)
        util->ops->prioritize (h, msg, util->arg);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "sched.alloc", alloc_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.free", free_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.cancel", cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.prioritize", prioritize_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

/* ---- life ---- */

static int register_service (schedutil_t *util)
{
    flux_future_t *f = flux_service_register (util->h, "sched");
    int rc = f ? flux_future_get (f, NULL) : -1;
    int saved = errno;

    if (rc < 0)
        flux_log (util->h, LOG_ERR, "registering service sched: %s",
                  f ? future_strerror (f, saved) : flux_strerror (saved));
    flux_future_destroy (f);
    errno = saved;
    return rc;
}

static void unregister_service (schedutil_t *util)
{
    flux_future_t *f = flux_service_unregister (util->h, "sched");

    if (!f || flux_future_get (f, NULL) < 0)
        flux_log_error (util->h, "unregistering service sched");
    flux_future_destroy (f);
}

schedutil_t *schedutil_create (flux_t *h, int flags, const struct schedutil_ops *ops,
                               void *arg)
{
    const int known = SCHEDUTIL_FREE_NOLOOKUP | SCHEDUTIL_HELLO_PARTIAL_OK;
    schedutil_t *util;

    if (!h || (flags & ~known) || !ops || !ops->hello || !ops->alloc || !ops->free) {
        errno = EINVAL;
        return NULL;
    }
    if (!(util = calloc (1, sizeof (*util))))
        return NULL;
    util->h = h;
    util->flags = flags;
    util->ops = ops;
    util->arg = arg;
    list_init (&util->commits);
    if (flux_msg_handler_addvec (h, handlers, util, &util->handlers) < 0
        || register_service (util) < 0) {
        schedutil_destroy (util);
        return NULL;
    }
    util->registered = true;
    return util;
}

void schedutil_destroy (schedutil_t *util)
{
    int saved = errno;

    if (!util)
        return;
    list_foreach (&util->commits, pos)
        commit_free (list_entry (pos, struct commit, node));
    if (util->registered)
        unregister_service (util);
    flux_msg_handler_delvec (util->handlers);
    free (util);
    errno = saved;
}

/* ---- handshake ---- */

static int hello_job (schedutil_t *util, const flux_msg_t *msg, json_int_t id)
{
    flux_future_t *f;
    const char *R;
    char key[64];
    int rc = -1;

    if (flux_job_kvs_key (key, sizeof (key), id, "R") < 0
        || !(f = flux_kvs_lookup (util->h, KVS_PRIMARY_NAMESPACE, 0, key)))
        return -1;
    if (flux_kvs_lookup_get (f, &R) == 0)
        rc = util->ops->hello (util->h, msg, R, util->arg);
    if (rc < 0)
        flux_log (util->h, LOG_ERR, "hello: job %ju: %s", (uintmax_t)id,
                  flux_strerror (errno));
    flux_future_destroy (f);
    return rc;
}

int schedutil_hello (schedutil_t *util)
{
    const void *msg;
    flux_future_t *f;
    json_int_t id;
    int rc = -1;

    if (!util) {
        errno = EINVAL;
        return -1;
    }
    f = flux_rpc_pack (util->h, "job-manager.sched-hello", FLUX_NODEID_ANY,
                       FLUX_RPC_STREAMING, "{s:b}", "partial-ok",
                       (util->flags & SCHEDUTIL_HELLO_PARTIAL_OK) != 0);
    if (!f)
        return -1;
    while (flux_rpc_get_unpack (f, "{s:I}", "id", &id) == 0) {
        if (flux_future_get (f, &msg) < 0 || hello_job (util, msg, id) < 0)
            goto done;
        flux_future_reset (f);
    }
    if (errno == ENODATA)
        rc = 0;
done:
    flux_future_destroy (f);
    return rc;
}

static flux_future_t *ready_rpc (schedutil_t *util, const char *mode)
{
    char *end;
    long limit;

    if (!strcmp (mode, "unlimited"))
        return flux_rpc_pack (util->h, "job-manager.sched-ready", FLUX_NODEID_ANY, 0,
                              "{s:s}", "mode", mode);
    if (strncmp (mode, "limited=", 8) != 0) {
        errno = EINVAL;
        return NULL;
    }
    errno = 0;
    limit = strtol (mode + 8, &end, 10);
    if (errno || *end || end == mode + 8 || limit < 1 || limit > INT_MAX) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (util->h, "job-manager.sched-ready", FLUX_NODEID_ANY, 0,
                          "{s:s s:i}", "mode", "limited", "limit", (int)limit);
}

int schedutil_ready (schedutil_t *util, const char *mode, int *queue_depth)
{
    flux_future_t *f;
    int count, rc;

    if (!util || !mode) {
        errno = EINVAL;
        return -1;
    }
    if (!(f = ready_rpc (util, mode)))
        return -1;
    if ((rc = flux_rpc_get_unpack (f, "{s:i}", "count", &count)) == 0 && queue_depth)
        *queue_depth = count;
    flux_future_destroy (f);
    return rc;
}

/* ---- responses ---- */

static int respond (schedutil_t *util, const flux_msg_t *msg, int type,
                    const char *key, json_t *val)
{
    json_int_t id;

    if (!util || !msg) {
        errno = EINVAL;
        return -1;
    }
    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) < 0)
        return -1;
    if (val)
        return flux_respond_pack (util->h, msg, "{s:I s:i s:O}", "id", id, "type", type,
                                  key, val);
    return flux_respond_pack (util->h, msg, "{s:I s:i}", "id", id, "type", type);
}

int schedutil_alloc_respond_cancel (schedutil_t *util, const flux_msg_t *msg)
{
    return respond (util, msg, FLUX_SCHED_ALLOC_CANCEL, NULL, NULL);
}

int schedutil_alloc_respond_deny (schedutil_t *util, const flux_msg_t *msg,
                                  const char *note)
{
    json_t *val = note ? json_string (note) : NULL;
    int rc = respond (util, msg, FLUX_SCHED_ALLOC_DENY, "note", val);

    json_decref (val);
    return rc;
}

/* NULL with errno EINVAL, or *none if there is no format. */
static json_t *pack_annotations (const char *fmt, va_list ap, bool *none)
{
    json_t *o;

    *none = !fmt;
    if (!fmt)
        return NULL;
    if (!(o = json_vpack_ex (NULL, 0, fmt, ap)))
        errno = EINVAL;
    return o;
}

int schedutil_alloc_respond_annotate_pack (schedutil_t *util, const flux_msg_t *msg,
                                           const char *fmt, ...)
{
    va_list ap;
    json_t *o;
    bool none;
    int rc;

    va_start (ap, fmt);
    o = pack_annotations (fmt, ap, &none);
    va_end (ap);
    if (!o) {
        errno = EINVAL;
        return -1;
    }
    rc = respond (util, msg, FLUX_SCHED_ALLOC_ANNOTATE, "annotations", o);
    json_decref (o);
    return rc;
}

static void commit_continuation (flux_future_t *f, void *arg)
{
    struct commit *c = arg;
    schedutil_t *util = c->util;
    int rc = flux_future_get (f, NULL);

    if (rc < 0) {
        flux_log_error (util->h, "committing R");
        rc = schedutil_alloc_respond_deny (util, c->msg, "R could not be written");
    }
    else
        rc = respond (util, c->msg, FLUX_SCHED_ALLOC_SUCCESS, "annotations",
                      c->annotations);
    if (rc < 0)
        flux_log_error (util->h, "sched.alloc response");
    commit_free (c);
}

static flux_future_t *commit_R (schedutil_t *util, const flux_msg_t *msg, const char *R)
{
    flux_kvs_txn_t *txn = NULL;
    flux_future_t *f = NULL;
    json_int_t id;
    char key[64];

    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) == 0
        && flux_job_kvs_key (key, sizeof (key), id, "R") > 0
        && (txn = flux_kvs_txn_create ())
        && flux_kvs_txn_put (txn, 0, key, R) == 0)
        f = flux_kvs_commit (util->h, KVS_PRIMARY_NAMESPACE, 0, txn);
    flux_kvs_txn_destroy (txn);
    return f;
}

int schedutil_alloc_respond_success_pack (schedutil_t *util, const flux_msg_t *msg,
                                          const char *R, const char *fmt, ...)
{
    struct commit *c;
    va_list ap;
    bool none;

    if (!util || !msg || !R) {
        errno = EINVAL;
        return -1;
    }
    if (!(c = calloc (1, sizeof (*c))))
        return -1;
    list_init (&c->node);
    c->util = util;
    c->msg = flux_msg_incref (msg);
    va_start (ap, fmt);
    c->annotations = pack_annotations (fmt, ap, &none);
    va_end (ap);
    if ((!c->annotations && !none)
        || !(c->f = commit_R (util, msg, R))
        || flux_future_then (c->f, -1., commit_continuation, c) < 0) {
        int saved = errno;
        commit_free (c);
        errno = saved;
        return -1;
    }
    list_append (&util->commits, &c->node);
    return 0;
}

/* RFC 27: sched.free is not answered. */
int schedutil_free_respond (schedutil_t *util, const flux_msg_t *msg)
{
    if (!util || !msg) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}
