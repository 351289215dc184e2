/* content_service.c - the faces "content" and "content-sqlite" (RFC 10)
 *
 * On rank 0 both answer from the same content: blobs that were stored, and the
 * tree.  content-sqlite says that there is a store: with it a flush writes what
 * is only in memory, to a temporary database if there is no state directory.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/blobref.h"
#include "base/errmsg.h"
#include "modules/kvs/batch.h"
#include "modules/kvs/checkpoint.h"
#include "modules/kvs/content.h"
#include "modules/kvs/content_cache.h"
#include "modules/kvs/gc.h"
#include "modules/kvs/kvs.h"
#include "modules/kvs/mapped.h"
#include "modules/kvs/redo.h"
#include "modules/kvs/refq.h"
#include "modules/kvs/relay.h"
#include "modules/kvs/rfc11.h"
#include "modules/kvs/state.h"

struct service {
    flux_t *h;
    struct kvs *kvs;          /* NULL: we relay */
    bool backing;             /* content-sqlite */
    struct relay *relay;
    struct content_cache *cache;
    flux_msg_handler_t **handlers[3]; /* a table each */
    int count;
};

static size_t digest_size (const struct kvs *kvs)
{
    return strcmp (kvs->hashtype, "sha256") == 0 ? 32 : 20;
}

static void digest_to_ref (const struct kvs *kvs, const unsigned char *digest,
                           char ref[BLOBREF_MAX_STRING])
{
    int n = snprintf (ref, BLOBREF_MAX_STRING, "%s-", kvs->hashtype);
    for (size_t i = 0; i < digest_size (kvs); i++)
        n += snprintf (ref + n, BLOBREF_MAX_STRING - n, "%02x", digest[i]);
}

static void ref_to_digest (const char *ref, unsigned char digest[32],
                           size_t *len)
{
    const char *s = strchr (ref, '-');
    unsigned int byte;
    *len = 0;
    for (s = s ? s + 1 : ""; s[0] && s[1] && *len < 32; s += 2)
        if (sscanf (s, "%2x", &byte) == 1)
            digest[(*len)++] = (unsigned char)byte;
}

/* -- load and validate ----------------------------------------------------------- */

struct loading {
    flux_t *h;
    const flux_msg_t *msg;
    char ref[BLOBREF_MAX_STRING];
    bool validate;
};

static int load_now (struct kvs *kvs, flux_t *h, const flux_msg_t *msg,
                     const char *ref, bool validate)
{
    struct buf b = BUF_INIT;
    int rc = 0;
    if (validate)
        rc = content_has (kvs->content, ref) ? 0 : -ENOENT;
    else
        rc = content_load (kvs->content, ref, &b);
    if (rc == 0
        && flux_respond_raw (h, msg, b.len > 0 ? b.data : NULL, (int)b.len) < 0)
        flux_log_error (h, "content: responding");
    buf_release (&b);
    return rc;
}

static int unknown (flux_t *h, const flux_msg_t *msg, const char *ref, int rc)
{
    flux_error_t err;
    errmsg (&err, rc, "%s: %s", ref,
            rc == -ENOENT ? "no such content" : strerror (-rc));
    kvs_respond_error (h, msg, rc, err.text);
    return rc;
}

static void root_computed (struct kvs *kvs, int rc, void *arg)
{
    struct loading *l = arg;
    if (rc == 0)
        rc = content_pin (kvs->content, kvsns_root (kvs->primary));
    if (rc == 0)
        rc = load_now (kvs, l->h, l->msg, l->ref, l->validate);
    if (rc < 0)
        unknown (l->h, l->msg, l->ref, rc);
    flux_msg_decref (l->msg);
    free (l);
}

/* It may be the root, whose reference has not been asked for since it changed:
 * a checkpoint from before a restart. */
static void try_root (struct service *s, const flux_msg_t *msg, const char *ref,
                      bool validate)
{
    struct loading *l = calloc (1, sizeof (*l));
    if (l) {
        l->h = s->h;
        l->msg = flux_msg_incref (msg);
        l->validate = validate;
        snprintf (l->ref, sizeof (l->ref), "%s", ref);
        if (refq_compute (s->kvs->refq, kvsns_root (s->kvs->primary), s->h,
                          root_computed, l) == 0)
            return;
        flux_msg_decref (l->msg);
        free (l);
    }
    kvs_respond_error (s->h, msg, -ENOMEM, NULL);
}

static void load (struct service *s, const flux_msg_t *msg, bool validate)
{
    const void *data;
    size_t len;
    char ref[BLOBREF_MAX_STRING];
    if (flux_request_decode_raw (msg, NULL, &data, &len) < 0
        || len != digest_size (s->kvs)) {
        kvs_respond_error (s->h, msg, -EPROTO, "malformed digest");
        return;
    }
    digest_to_ref (s->kvs, data, ref);
    int rc = load_now (s->kvs, s->h, msg, ref, validate);
    if (rc == -ENOENT && !tnode_cached_ref (kvsns_root (s->kvs->primary)))
        try_root (s, msg, ref, validate);
    else if (rc < 0)
        unknown (s->h, msg, ref, rc);
}

static void load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    (void)h;
    (void)mh;
    load (arg, msg, false);
}

static void validate_cb (flux_t *h, flux_msg_handler_t *mh,
                         const flux_msg_t *msg, void *arg)
{
    (void)h;
    (void)mh;
    load (arg, msg, true);
}

/* -- store, flush, dropcache ------------------------------------------------------- */

/* Blobs go to the store if it is durable, or if there are too many of them. */
static int spill (struct kvs *kvs, const char *ref, const void *data, size_t len,
                  struct change *ch)
{
    size_t blobs, bytes, pins;
    content_stats (kvs->content, &blobs, &bytes, &pins);
    if (!batcher_durable (kvs->batcher)) {
        if (!kvs->backing || bytes < CONTENT_MEMORY_MAX)
            return 0;
        int rc = batcher_need_store (kvs->batcher, NULL);
        if (rc < 0)
            return rc;
    }
    redo_blob (&ch->redo, ref, gc_epoch (kvs->gc), data, len);
    snprintf (ch->blob, sizeof (ch->blob), "%s", ref);
    return ch->redo.failed ? -ENOMEM : 0;
}

static void store_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    struct change ch = CHANGE_INIT;
    const void *data = NULL;
    size_t len = 0;
    char ref[BLOBREF_MAX_STRING];
    int rc = 0;
    if (flux_request_decode_raw (msg, NULL, &data, &len) < 0)
        rc = -errno;
    else {
        if ((rc = content_store (kvs->content, data, len, ref)) >= 0) {
            ref_to_digest (ref, ch.reply, &ch.reply_len);
            /* what is there already is safe, or in a batch before this one */
            if (rc == 0)
                rc = spill (kvs, ref, data, len, &ch);
            else {
                gc_keep (kvs->gc, ref, &ch.redo);
                rc = ch.redo.failed ? -ENOMEM : 0;
            }
        }
    }
    if (rc < 0)
        kvs_respond_error (h, msg, rc, rc == -EFBIG ? "a blob has at most 1073741824 bytes:"
                                                      " store it in parts" : NULL);
    else
        batcher_submit (kvs->batcher, &ch, h, msg, store_request);
    change_release (&ch);
}

static void store_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct service *s = arg;
    (void)mh;
    store_request (s->kvs, h, msg);
}

static void flush_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    struct change ch = CHANGE_INIT;
    flux_error_t err = { { 0 } };
    size_t blobs, bytes, pins;
    int rc = 0;
    content_stats (kvs->content, &blobs, &bytes, &pins);
    if (!kvs->backing)
        rc = errmsg (&err, -ENOSYS, "there is no backing store: load"
                     " content-sqlite");
    else if (blobs > 0 && !batcher_durable (kvs->batcher)
             && (rc = batcher_need_store (kvs->batcher, &err)) == 0)
        rc = content_redo_dirty (kvs->content, &ch.redo);
    if (rc < 0)
        kvs_respond_error (h, msg, rc, err.text);
    else
        batcher_submit (kvs->batcher, &ch, h, msg, flush_request);
    change_release (&ch);
}

static void flush_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct service *s = arg;
    (void)mh;
    flush_request (s->kvs, h, msg);
}

static void dropcache_cb (flux_t *h, flux_msg_handler_t *mh,
                          const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    (void)mh;
    if (s->kvs)
        content_drop_clean (s->kvs->content);
    else
        content_cache_drop (s->cache);
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "content: responding");
}

/* -- content in files ------------------------------------------------------------------ */

static void mmap_add_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    const char *path, *tag;
    json_t *vec;
    flux_error_t err = { { 0 } };
    int rc;
    (void)mh;
    if (flux_request_unpack (msg, NULL, "{s:s s:s s:o}", "path", &path, "tag", &tag,
                             "blobvec", &vec) < 0)
        rc = -errno;
    else
        rc = mapped_add (content_mapped (s->kvs->content), path, tag, vec, &err);
    if (rc < 0)
        kvs_respond_error (h, msg, rc, err.text[0] ? err.text : NULL);
    else if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "content: responding");
}

static void mmap_remove_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    const char *tag;
    (void)mh;
    if (flux_request_unpack (msg, NULL, "{s:s}", "tag", &tag) < 0) {
        kvs_respond_error (h, msg, -errno, NULL);
        return;
    }
    mapped_remove (content_mapped (s->kvs->content), tag);
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "content: responding");
}

/* -- checkpoints ---------------------------------------------------------------------- */

struct listing {
    flux_t *h;
    const flux_msg_t *msg;
    struct tnode *root;
    uint64_t seq;
};

static void list_computed (struct kvs *kvs, int rc, void *arg)
{
    struct listing *l = arg;
    json_t *a = NULL;
    if (rc == 0)
        rc = content_pin (kvs->content, l->root);
    if (rc == 0 && !(a = checkpoint_list (kvs, l->root, l->seq)))
        rc = -ENOMEM;
    if (rc < 0)
        kvs_respond_error (l->h, l->msg, rc, NULL);
    else if (flux_respond_pack (l->h, l->msg, "{s:O}", "value", a) < 0)
        flux_log_error (l->h, "content: responding");
    json_decref (a);
    tnode_unref (l->root);
    flux_msg_decref (l->msg);
    free (l);
}

static void checkpoint_get_cb (flux_t *h, flux_msg_handler_t *mh,
                               const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct listing *l = calloc (1, sizeof (*l));
    (void)mh;
    if (!l) {
        kvs_respond_error (h, msg, -ENOMEM, NULL);
        return;
    }
    l->h = h;
    l->msg = flux_msg_incref (msg);
    l->root = tnode_ref (kvsns_root (s->kvs->primary));
    l->seq = kvsns_seq (s->kvs->primary);
    if (refq_compute (s->kvs->refq, l->root, h, list_computed, l) < 0)
        list_computed (s->kvs, -ENOMEM, l);
}

static void put_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    struct change ch = CHANGE_INIT;
    flux_error_t err = { { 0 } };
    json_t *o;
    int rc;
    if (flux_request_unpack (msg, NULL, "{s:o}", "value", &o) < 0)
        rc = -errno;
    else
        rc = checkpoint_put (kvs, o, &ch.redo, &err);
    if (rc < 0)
        kvs_respond_error (h, msg, rc, err.text);
    else {
        if (!batcher_durable (kvs->batcher))
            buf_clear (&ch.redo);
        batcher_submit (kvs->batcher, &ch, h, msg, put_request);
    }
    change_release (&ch);
}

static void checkpoint_put_cb (flux_t *h, flux_msg_handler_t *mh,
                               const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    (void)mh;
    put_request (s->kvs, h, msg);
}

/* -- garbage (gc.h) ---------------------------------------------------------------------- */

#define GC_CB(name)                                                                        \
    static void name##_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,         \
                           void *arg)                                                       \
    {                                                                                        \
        struct service *s = arg;                                                             \
        (void)mh;                                                                            \
        name##_request (s->kvs, h, msg);                                                     \
    }

GC_CB (gc_info)
GC_CB (gc_roots)
GC_CB (gc_mark)
GC_CB (gc_sweep)

/* -- life -------------------------------------------------------------------------------- */

static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    struct service *s = arg;
    int rc;
    (void)mh;
    if (s->relay) {
        struct content_cache_stats st;
        content_cache_get_stats (s->cache, &st);
        rc = flux_respond_pack (h, msg, "{s:I s:I s:I s:I s:I}", "relayed",
                                (json_int_t)relay_count (s->relay), "count", (json_int_t)st.count,
                                "size", (json_int_t)st.bytes, "loads", (json_int_t)st.loads,
                                "hits", (json_int_t)st.hits);
    }
    else {
        size_t blobs, bytes, pins;
        struct batcher_stats st;
        content_stats (s->kvs->content, &blobs, &bytes, &pins);
        batcher_get_stats (s->kvs->batcher, &st);
        rc = flux_respond_pack (
            h, msg, "{s:I s:I s:I s:I s:I s:I s:I s:I s:b s:b}", "count",
            (json_int_t)blobs, "size", (json_int_t)bytes, "pins",
            (json_int_t)pins, "mapped",
            (json_int_t)mapped_count (content_mapped (s->kvs->content)), "transactions", (json_int_t)st.batches, "changes",
            (json_int_t)st.changes, "failed", (json_int_t)st.failed, "frozen",
            (json_int_t)st.frozen, "durable", st.durable, "open",
            batcher_has_store (s->kvs->batcher));
    }
    if (rc < 0)
        flux_log_error (h, "content: responding");
}

static const struct flux_msg_handler_spec rank0_htab[] = {
    { FLUX_MSGTYPE_REQUEST, "load", load_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "validate", validate_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "store", store_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "flush", flush_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "dropcache", dropcache_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "mmap-add", mmap_add_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "mmap-remove", mmap_remove_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "checkpoint-get", checkpoint_get_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "checkpoint-put", checkpoint_put_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static const struct flux_msg_handler_spec sqlite_htab[] = {
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static const struct flux_msg_handler_spec backing_htab[] = {
    { FLUX_MSGTYPE_REQUEST, "gc-info", gc_info_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "gc-roots", gc_roots_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "mark", gc_mark_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sweep", gc_sweep_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void cached_load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    content_cache_load (s->cache, msg);
}

static const struct flux_msg_handler_spec relay_htab[] = {
    { FLUX_MSGTYPE_REQUEST, "load", cached_load_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "dropcache", dropcache_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static const char *const relayed[] = {
    "validate", "store", "flush", "checkpoint-get", "checkpoint-put",
    NULL,
};

static void service_stop (void *arg)
{
    struct service *s = arg;
    if (!s)
        return;
    if (s->kvs) {
        batcher_drain (s->kvs->batcher);
        refq_flush (s->kvs->refq, s->h);
        gc_flush (s->kvs->gc, s->h);
        if (s->backing)
            s->kvs->backing = false;
    }
    for (int i = 0; i < s->count; i++)
        flux_msg_handler_delvec (s->handlers[i]);
    relay_free (s->relay);
    content_cache_free (s->cache);
    free (s);
}

static int add_handlers (struct service *s, const char *name,
                         const struct flux_msg_handler_spec *htab,
                         flux_error_t *err)
{
    if (flux_msg_handler_addvec_ex (s->h, name, htab, s, &s->handlers[s->count]) < 0)
        return errmsg (err, -errno, "%s: handlers: %s", name, strerror (errno));
    s->count++;
    return 0;
}

static int content_start (flux_t *h, int argc, char **argv, void **ctxp,
                          flux_error_t *err)
{
    struct service *s = calloc (1, sizeof (*s));
    uint32_t rank;
    int rc = 0;

    if (argc > 0)
        rc = errmsg (err, -EINVAL, "content: unknown option %.60s", argv[0]);
    else if (!s || flux_get_rank (h, &rank) < 0)
        rc = errmsg (err, -errno, "content: %s", strerror (errno));
    if (rc == 0) {
        s->h = h;
        if (rank == 0) {
            struct kvs *kvs = builtin_data (h);
            if ((rc = kvs_init (kvs, h, err)) == 0)
                s->kvs = kvs;
        }
        else if (!(s->relay = relay_new (h, "content", relayed, NULL, err))
                 || !(s->cache = content_cache_new (h, err)))
            rc = -errno;
    }
    if (rc == 0)
        rc = add_handlers (s, "content", rank == 0 ? rank0_htab : relay_htab,
                           err);
    if (rc < 0) {
        service_stop (s);
        return rc;
    }
    *ctxp = s;
    return 0;
}

/* The same methods under "content-backing": there is no cache to go round. */
static int sqlite_start (flux_t *h, int argc, char **argv, void **ctxp,
                         flux_error_t *err)
{
    struct service *s = calloc (1, sizeof (*s));
    struct kvs *kvs = builtin_data (h);
    int rc;
    if (!s)
        return errmsg (err, -ENOMEM, "content-sqlite: out of memory");
    s->h = h;
    s->backing = true;
    if (argc > 0)
        rc = errmsg (err, -EINVAL, "content-sqlite: unknown option %.60s",
                     argv[0]);
    else if ((rc = kvs_init (kvs, h, err)) == 0) {
        s->kvs = kvs;
        rc = add_handlers (s, "content-backing", rank0_htab, err);
    }
    if (rc == 0)
        rc = add_handlers (s, "content-backing", backing_htab, err);
    if (rc == 0)
        rc = add_handlers (s, "content-sqlite", sqlite_htab, err);
    if (rc < 0) {
        service_stop (s);
        return rc;
    }
    kvs->backing = true;
    *ctxp = s;
    return 0;
}

const struct builtin content_builtin = {
    .name = "content",
    .data = "kvs",
    .start = content_start,
    .stop = service_stop,
};

const struct builtin content_sqlite_builtin = {
    .name = "content-sqlite",
    .data = "kvs",
    .flags = BUILTIN_RANK0,
    .services = "content-backing",
    .start = sqlite_start,
    .stop = service_stop,
};
