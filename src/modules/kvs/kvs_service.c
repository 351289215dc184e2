/* kvs_service.c - the face "kvs": look-ups, commits, namespaces
 *
 * On rank 0 the requests are served from struct kvs, elsewhere relayed.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/blobref.h"
#include "base/duration.h"
#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "core/kvs_proto.h"
#include "modules/kvs/batch.h"
#include "modules/kvs/checkpoint.h"
#include "modules/kvs/commit.h"
#include "modules/kvs/content.h"
#include "modules/kvs/gc.h"
#include "modules/kvs/kvs.h"
#include "modules/kvs/lookup.h"
#include "modules/kvs/refq.h"
#include "modules/kvs/relay.h"
#include "modules/kvs/rfc11.h"
#include "modules/kvs/state.h"
#include "modules/kvs/waiter.h"
#include "modules/kvs/watch.h"

struct service {
    flux_t *h;
    struct kvs *kvs;          /* NULL: we relay */
    struct relay *relay;
    flux_msg_handler_t **handlers;
};

/* A request that waits for references. */
struct deferred {
    flux_t *h;
    const flux_msg_t *msg;
    struct tnode *node;
    int flags;                /* of a look-up */
    char *ns;                 /* of a getroot, or NULL */
    uint64_t seq;
    uint32_t owner;
};

static void deferred_free (struct deferred *d)
{
    if (d) {
        flux_msg_decref (d->msg);
        tnode_unref (d->node);
        free (d->ns);
        free (d);
    }
}

static struct deferred *deferred_new (flux_t *h, const flux_msg_t *msg,
                                      const struct tnode *n)
{
    struct deferred *d = calloc (1, sizeof (*d));
    if (d) {
        d->h = h;
        d->msg = flux_msg_incref (msg);
        d->node = tnode_ref (n);
    }
    return d;
}

static void compute (struct kvs *kvs, struct deferred *d, refq_f fun)
{
    int rc = d ? refq_compute (kvs->refq, d->node, d->h, fun, d) : -ENOMEM;
    if (rc < 0 && d) {
        kvs_respond_error (d->h, d->msg, rc, NULL);
        deferred_free (d);
    }
}

/* -- look-ups -------------------------------------------------------------------- */

static int respond_node (struct kvs *kvs, flux_t *h, const flux_msg_t *msg,
                         const struct tnode *n, int flags)
{
    struct buf b = BUF_INIT;
    int rc = lookup_encode (kvs, n, flags, &b);
    if (rc == 0 && b.len > INT32_MAX)
        rc = -EFBIG;
    if (rc == 0 && flux_respond_raw (h, msg, b.data, (int)b.len) < 0)
        flux_log_error (h, "kvs: responding");
    buf_release (&b);
    return rc;
}

static void lookup_computed (struct kvs *kvs, int rc, void *arg)
{
    struct deferred *d = arg;
    if (rc == 0)
        rc = respond_node (kvs, d->h, d->msg, d->node, d->flags);
    if (rc < 0)
        kvs_respond_error (d->h, d->msg, rc, NULL);
    deferred_free (d);
}

static void lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct service *s = arg;
    struct lookup_args args = { 0 };
    struct twalk_place place = TWALK_PLACE_INIT;
    flux_error_t err = { { 0 } };
    int rc;

    (void)mh;
    s->kvs->stats.lookups++;
    if (flux_request_unpack (msg, NULL, "{s:s s:s s:i s?s}", "key", &args.key,
                             "namespace", &args.ns, "flags", &args.flags, "at",
                             &args.at) < 0
        || flux_msg_get_cred (msg, &args.cred) < 0)
        rc = -errno;
    else if (args.flags & (FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE | FLUX_KVS_STREAM))
        rc = errmsg (&err, -EINVAL, "watches go to the service kvs-watch");
    else
        rc = lookup_find (s->kvs, &args, &place, &err);
    if (rc == 0)
        rc = respond_node (s->kvs, h, msg, place.node, args.flags);
    if (rc == -EAGAIN) {
        struct deferred *d = deferred_new (h, msg, place.node);
        if (d)
            d->flags = args.flags;
        compute (s->kvs, d, lookup_computed);
        rc = d ? 0 : -ENOMEM;
    }
    if (rc < 0)
        kvs_respond_error (h, msg, rc, err.text);
    twalk_place_release (&place);
}

/* -- roots and versions ------------------------------------------------------------ */

static struct kvsns *request_ns (struct kvs *kvs, const flux_msg_t *msg,
                                 int *seq, int *rcp, flux_error_t *err)
{
    const char *name;
    struct flux_msg_cred cred;
    struct kvsns *ns;
    *rcp = 0;
    if (flux_request_unpack (msg, NULL, "{s:s s?i}", "namespace", &name,
                             "rootseq", seq) < 0
        || flux_msg_get_cred (msg, &cred) < 0) {
        *rcp = -errno;
        return NULL;
    }
    if (!(ns = kvsns_find (kvs, name, false)))
        *rcp = errmsg (err, -ENOTSUP, "namespace %.100s does not exist", name);
    else if (kvsns_authorize (ns, cred) < 0)
        *rcp = errmsg (err, -EPERM, "namespace %.100s belongs to another user",
                       name);
    return *rcp < 0 ? NULL : ns;
}

static void version_cb (flux_t *h, flux_msg_handler_t *mh,
                        const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    flux_error_t err = { { 0 } };
    int rc, seq;
    struct kvsns *ns = request_ns (s->kvs, msg, &seq, &rc, &err);
    (void)mh;
    if (!ns)
        kvs_respond_error (h, msg, rc, err.text);
    else if (flux_respond_pack (h, msg, "{s:i}", "rootseq",
                                kvs_wire_seq (kvsns_seq (ns))) < 0)
        flux_log_error (h, "kvs: responding");
}

static void root_computed (struct kvs *kvs, int rc, void *arg)
{
    struct deferred *d = arg;
    char room[72];
    const char *ref = rc == 0 ? rfc11_dir_ref (d->node, kvs->hashtype, room)
                              : NULL;
    if (rc == 0)
        rc = ref ? content_pin (kvs->content, d->node) : -EIO;
    if (rc < 0)
        kvs_respond_error (d->h, d->msg, rc, NULL);
    else if (flux_respond_pack (d->h, d->msg, "{s:s s:i s:I s:i}", "rootref", ref,
                                "rootseq", kvs_wire_seq (d->seq), "owner",
                                (json_int_t)d->owner, "flags", 0) < 0)
        flux_log_error (d->h, "kvs: responding");
    deferred_free (d);
}

static void respond_root (struct kvs *kvs, flux_t *h, const flux_msg_t *msg,
                          const struct kvsns *ns, const struct tnode *root,
                          uint64_t seq)
{
    struct deferred *d = deferred_new (h, msg, root);
    if (!d) {
        kvs_respond_error (h, msg, -ENOMEM, NULL);
        return;
    }
    d->seq = seq;
    d->owner = ns->owner;
    compute (kvs, d, root_computed);
}

static void getroot_cb (flux_t *h, flux_msg_handler_t *mh,
                        const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    flux_error_t err = { { 0 } };
    int rc, seq;
    struct kvsns *ns = request_ns (s->kvs, msg, &seq, &rc, &err);
    (void)mh;
    if (!ns)
        kvs_respond_error (h, msg, rc, err.text);
    else
        respond_root (s->kvs, h, msg, ns, kvsns_root (ns), kvsns_seq (ns));
}

static void rootref_cb (flux_t *h, flux_msg_handler_t *mh,
                        const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    flux_error_t err = { { 0 } };
    int rc, seq = -1;
    struct kvsns *ns = request_ns (s->kvs, msg, &seq, &rc, &err);
    const struct tnode *root = ns ? kvsns_kept_root (ns, seq) : NULL;
    (void)mh;
    if (ns && !root)
        rc = errmsg (&err, -ENOENT, "the root of version %d is no longer kept:"
                     " ask for it sooner after the commit", seq);
    if (rc < 0)
        kvs_respond_error (h, msg, rc, err.text);
    else
        respond_root (s->kvs, h, msg, ns, root, seq);
}

static void wait_version_cb (flux_t *h, flux_msg_handler_t *mh,
                             const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    (void)mh;
    waiter_request (s->kvs, h, msg);
}

/* -- changes ------------------------------------------------------------------------- */

static void commit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct service *s = arg;
    (void)mh;
    commit_request (s->kvs, h, msg);
}

static void create_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct service *s = arg;
    (void)mh;
    namespace_create_request (s->kvs, h, msg);
}

static void remove_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct service *s = arg;
    (void)mh;
    namespace_remove_request (s->kvs, h, msg);
}

static void graft_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct service *s = arg;
    (void)mh;
    namespace_graft_request (s->kvs, h, msg);
}

static void freeze_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct service *s = arg;
    (void)mh;
    freeze_request (s->kvs, h, msg);
}

static json_t *list_namespaces (struct kvs *kvs)
{
    json_t *a = json_array ();
    struct kvsns *ns;
    for (size_t pos = 0; a && (ns = hash_next (kvs->namespaces, &pos, NULL));) {
        json_t *o = NULL;
        if (ns->visible
            && (!(o = json_pack ("{s:s s:I s:i}", "namespace", ns->name,
                                 "owner", (json_int_t)ns->owner, "flags", 0))
                || json_array_append_new (a, o) < 0)) {
            json_decref (a);
            a = NULL;
        }
    }
    return a;
}

static void list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct service *s = arg;
    json_t *a = list_namespaces (s->kvs);
    (void)mh;
    if (!a)
        kvs_respond_error (h, msg, -ENOMEM, NULL);
    else if (flux_respond_pack (h, msg, "{s:O}", "namespaces", a) < 0)
        flux_log_error (h, "kvs: responding");
    json_decref (a);
}

/* -- housekeeping ---------------------------------------------------------------------- */

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh,
                           const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    (void)h;
    (void)mh;
    waiters_disconnect (s->kvs, msg);
}

static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct service *s = arg;
    int rc;
    (void)mh;
    if (s->relay)
        rc = flux_respond_pack (h, msg, "{s:I}", "relayed",
                                (json_int_t)relay_count (s->relay));
    else {
        struct kvs *kvs = s->kvs;
        size_t blobs, bytes, pins;
        struct batcher_stats store;
        content_stats (kvs->content, &blobs, &bytes, &pins);
        batcher_get_stats (kvs->batcher, &store);
        rc = flux_respond_pack (
            h, msg, "{s:I s:I s:I s:I s:I s:I s:I s:I s:I}", "syncs",
            (json_int_t)store.syncs, "namespaces",
            (json_int_t)hash_count (kvs->namespaces), "commits",
            (json_int_t)kvs->stats.commits, "operations",
            (json_int_t)kvs->stats.ops, "failed",
            (json_int_t)kvs->stats.failed, "lookups",
            (json_int_t)kvs->stats.lookups, "watchers",
            (json_int_t)watches_count (kvs->watches), "pins", (json_int_t)pins,
            "rootseq", (json_int_t)kvsns_seq (kvs->primary));
    }
    if (rc < 0)
        flux_log_error (h, "kvs: responding");
}

static void stats_clear_cb (flux_t *h, flux_msg_handler_t *mh,
                            const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    (void)mh;
    if (s->kvs)
        memset (&s->kvs->stats, 0, sizeof (s->kvs->stats));
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "kvs: responding");
}

/* The table kvs (flux-config-kvs(5)).  gc-threshold is read by flux shutdown. */
static int check_conf (const flux_conf_t *conf, double *periodp, flux_error_t *err)
{
    const char *period = NULL;
    json_t *table = NULL;
    json_int_t gc = 0;
    double d = 0;
    int rc;

    *periodp = 0;
    if (!conf || flux_conf_unpack (conf, err, "{s?o}", "kvs", &table) < 0)
        return conf ? -EINVAL : 0;
    if (table && (rc = tablekeys_check (table, "kvs", "checkpoint-period:s gc-threshold:i",
                                        err)) < 0)
        return rc;
    (void)json_unpack (table, "{s?s s?I}", "checkpoint-period", &period, "gc-threshold", &gc);
    if (period && duration_parse (period, &d) < 0)
        return errmsg (err, -EINVAL, "kvs.checkpoint-period: '%s' is not a duration like 30m",
                       period);
    if (gc < 0)
        return errmsg (err, -EINVAL, "kvs.gc-threshold is not a number of commits");
    *periodp = d < 1e9 ? d : 0;  /* "infinity" is not to do it */
    return 0;
}

static void config_reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_conf_t *conf;
    struct service *s = arg;
    flux_error_t err;
    double period;
    int rc;

    if (flux_module_config_request_decode (msg, &conf) < 0)
        rc = flux_respond_error (h, msg, errno, NULL);
    else if (check_conf (conf, &period, &err) < 0) {
        flux_conf_decref (conf);
        rc = flux_respond_error (h, msg, EINVAL, err.text);
    }
    else if (flux_set_conf_new (h, conf) < 0) {
        flux_conf_decref (conf);
        rc = flux_respond_error (h, msg, errno, NULL);
    }
    else if (gc_set_period (s->kvs->gc, period) < 0)
        rc = flux_respond_error (h, msg, errno, NULL);
    else
        rc = flux_respond (h, msg, NULL);
    if (rc < 0)
        flux_log_error (h, "kvs.config-reload");
}

static const struct flux_msg_handler_spec rank0_htab[] = {
    { FLUX_MSGTYPE_REQUEST, "config-reload", config_reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "lookup", lookup_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "commit", commit_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "getroot", getroot_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "rootref", rootref_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "version", version_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "wait-version", wait_version_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "namespace-create", create_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "namespace-remove", remove_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "namespace-list", list_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "namespace-graft", graft_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "freeze", freeze_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "stats-clear", stats_clear_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static const struct flux_msg_handler_spec relay_htab[] = {
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "stats-clear", stats_clear_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static const char *const relayed[] = {
    "*lookup", "*commit", "*getroot", "*rootref", "*version", "*wait-version",
    "namespace-create", "namespace-remove", "namespace-list",
    "namespace-graft", "freeze", NULL,
};

static void service_stop (void *arg)
{
    struct service *s = arg;
    if (!s)
        return;
    flux_msg_handler_delvec (s->handlers);
    relay_free (s->relay);
    if (s->kvs && s->kvs->h == s->h) {
        batcher_drain (s->kvs->batcher);
        waiters_flush (s->kvs);
        (void)gc_set_period (s->kvs->gc, 0);
        refq_flush (s->kvs->refq, s->h);
        s->kvs->h = NULL;
    }
    free (s);
}

/* What follows NAME= in an argument, or NULL. */
static const char *option (const char *arg, const char *name)
{
    size_t n = strlen (name);
    return strncmp (arg, name, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

/* initial-rootref=BLOBREF: begin with this root.  transaction-merge=0|1.  kvs is NULL on
 * ranks that only relay. */
static int options (struct kvs *kvs, int argc, char **argv, flux_error_t *err)
{
    const char *val, *ref = NULL;
    bool merge = true;
    for (int i = 0; i < argc; i++) {
        if ((val = option (argv[i], "initial-rootref"))) {
            if (!blobref_valid (val))
                return errmsg (err, -EINVAL, "kvs: %.80s: not a blobref", argv[i]);
            ref = val;
        }
        else if ((val = option (argv[i], "transaction-merge"))) {
            if (strcmp (val, "0") != 0 && strcmp (val, "1") != 0)
                return errmsg (err, -EINVAL, "kvs: %.60s: want 0 or 1", argv[i]);
            merge = val[0] == '1';
        }
        else
            return errmsg (err, -EINVAL, "kvs: unknown option %.60s: there are initial-rootref"
                           " and transaction-merge", argv[i]);
    }
    if (kvs)
        kvs->nomerge = !merge;
    return kvs && ref ? checkpoint_begin_with (kvs, ref, 0, err) : 0;
}

static int service_start (flux_t *h, int argc, char **argv, void **ctxp,
                          flux_error_t *err)
{
    struct service *s = calloc (1, sizeof (*s));
    double period;
    uint32_t rank;
    int rc = 0;

    if (!s || flux_get_rank (h, &rank) < 0) {
        rc = errmsg (err, s ? -errno : -ENOMEM, "kvs: %s", strerror (errno));
        goto error;
    }
    s->h = h;
    if (rank > 0) {
        if ((rc = options (NULL, argc, argv, err)) < 0)
            goto error;
        if (!(s->relay = relay_new (h, "kvs", relayed, NULL, err))) {
            rc = -errno;
            goto error;
        }
    }
    else {
        s->kvs = builtin_data (h);
        if ((rc = check_conf (flux_get_conf (h), &period, err)) < 0
            || (rc = kvs_init (s->kvs, h, err)) < 0
            || (rc = checkpoint_restore (s->kvs, err)) < 0
            || (rc = options (s->kvs, argc, argv, err)) < 0)
            goto error;
        s->kvs->h = h;
        if ((rc = gc_set_period (s->kvs->gc, period)) < 0) {
            errmsg (err, rc, "kvs: timer: %s", strerror (-rc));
            goto error;
        }
    }
    if (flux_msg_handler_addvec_ex (h, "kvs", rank > 0 ? relay_htab : rank0_htab,
                                    s, &s->handlers) < 0) {
        rc = errmsg (err, -errno, "kvs: handlers: %s", strerror (errno));
        goto error;
    }
    *ctxp = s;
    return 0;
error:
    service_stop (s);
    return rc;
}

const struct builtin kvs_builtin = {
    .name = "kvs",
    .data = "kvs",
    .start = service_start,
    .stop = service_stop,
};

const struct builtin_data kvs_builtin_data = {
    .name = "kvs",
    .create = kvs_create,
    .destroy = kvs_destroy,
};
