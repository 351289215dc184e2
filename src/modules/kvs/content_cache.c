/* content_cache.c - content.load on ranks other than 0
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/blobref.h"
#include "base/errmsg.h"
#include "base/hash.h"
#include "base/list.h"
#include "modules/kvs/content_cache.h"

#define LOADS_MAX 2                           /* that the parent is asked at a time */
#define BYTES_MAX (16UL * 1024 * 1024)        /* blobs that are kept */
#define IDLE_SECONDS 2.

/* One that waits for its turn, one that the parent is asked for, or one that is here. */
struct blob {
    struct list_node node;                    /* waiting, or here, the oldest first */
    struct content_cache *c;
    char key[2 * BLOBREF_MAX_DIGEST + 1];
    unsigned char digest[BLOBREF_MAX_DIGEST];
    int digest_len;
    flux_future_t *f;                         /* NULL: it waits; it has the bytes */
    const void *data;
    size_t len;
    bool here;
    struct flux_msglist *requests;
};

struct content_cache {
    flux_t *h;
    struct hash *blobs;
    struct list_node waiting;
    struct list_node here;
    int loading;
    size_t bytes;
    size_t loads;
    size_t hits;
    flux_watcher_t *idle;
};

static void respond_error (struct content_cache *c, const flux_msg_t *msg, int errnum,
                           const char *text)
{
    if (!flux_msg_is_noresponse (msg) && flux_respond_error (c->h, msg, errnum, text) < 0)
        flux_log_error (c->h, "content: responding");
}

static void blob_free (void *arg)
{
    struct blob *b = arg;

    list_del (&b->node);
    if (b->here)
        b->c->bytes -= b->len;
    flux_future_destroy (b->f);
    flux_msglist_destroy (b->requests);
    free (b);
}

static struct blob *blob_new (struct content_cache *c, const char *key, const void *digest,
                              size_t len)
{
    struct blob *b = calloc (1, sizeof (*b));

    if (!b)
        return NULL;
    list_init (&b->node);
    b->c = c;
    snprintf (b->key, sizeof (b->key), "%s", key);
    memcpy (b->digest, digest, len);
    b->digest_len = len;
    if (!(b->requests = flux_msglist_create ()) || hash_set (c->blobs, key, b) < 0) {
        blob_free (b);
        return NULL;
    }
    return b;
}

static void answer_all (struct blob *b, int errnum, const char *text)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (b->requests))) {
        if (errnum)
            respond_error (b->c, msg, errnum, text);
        else if (flux_respond_raw (b->c->h, msg, b->data, b->len) < 0)
            flux_log_error (b->c->h, "content: responding");
        flux_msg_decref (msg);
    }
}

/* --- loading --- */

static void start_loads (struct content_cache *c);

/* The newest stays, whatever its size. */
static void make_room (struct content_cache *c)
{
    while (c->bytes > BYTES_MAX && list_first (&c->here) != c->here.prev)
        hash_del (c->blobs, list_entry (list_first (&c->here), struct blob, node)->key);
}

static void used (struct blob *b)
{
    list_del (&b->node);
    list_append (&b->c->here, &b->node);
    flux_timer_watcher_reset (b->c->idle, IDLE_SECONDS, 0.);
    flux_watcher_start (b->c->idle);
}

static void loaded_cb (flux_future_t *f, void *arg)
{
    struct blob *b = arg;
    struct content_cache *c = b->c;

    c->loading--;
    if (flux_rpc_get_raw (f, &b->data, &b->len) < 0) {
        int errnum = errno;
        answer_all (b, errnum, flux_future_error_string (f));
        hash_del (c->blobs, b->key);
    }
    else {
        answer_all (b, 0, NULL);
        b->here = true;
        c->bytes += b->len;
        used (b);
        make_room (c);
    }
    start_loads (c);
}

static int start_load (struct blob *b)
{
    b->f = flux_rpc_raw (b->c->h, "content.load", b->digest, b->digest_len,
                         FLUX_NODEID_UPSTREAM, 0);
    if (!b->f || flux_future_then (b->f, -1., loaded_cb, b) < 0)
        return -1;
    b->c->loading++;
    b->c->loads++;
    return 0;
}

static void start_loads (struct content_cache *c)
{
    while (c->loading < LOADS_MAX && !list_empty (&c->waiting)) {
        struct blob *b = list_entry (list_first (&c->waiting), struct blob, node);
        list_del (&b->node);
        if (start_load (b) < 0) {
            answer_all (b, errno, NULL);
            hash_del (c->blobs, b->key);
        }
    }
}

/* --- requests --- */

static void make_key (const unsigned char *digest, size_t len, char *key)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *key++ = hex[digest[i] >> 4];
        *key++ = hex[digest[i] & 15];
    }
    *key = '\0';
}

void content_cache_load (struct content_cache *c, const flux_msg_t *msg)
{
    char key[2 * BLOBREF_MAX_DIGEST + 1];
    const void *digest;
    struct blob *b;
    size_t len;

    if (flux_request_decode_raw (msg, NULL, &digest, &len) < 0 || len == 0
        || len > BLOBREF_MAX_DIGEST) {
        respond_error (c, msg, EPROTO, "malformed digest");
        return;
    }
    make_key (digest, len, key);
    if ((b = hash_get (c->blobs, key)))
        c->hits++;
    else if ((b = blob_new (c, key, digest, len)))
        list_append (&c->waiting, &b->node);
    if (!b || flux_msglist_append (b->requests, msg) < 0) {
        respond_error (c, msg, ENOMEM, NULL);
        return;
    }
    if (b->here) {
        answer_all (b, 0, NULL);
        used (b);
    }
    start_loads (c);
}

void content_cache_drop (struct content_cache *c)
{
    while (!list_empty (&c->here))
        hash_del (c->blobs, list_entry (list_first (&c->here), struct blob, node)->key);
}

static void idle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    content_cache_drop (arg);
}

/* --- life --- */

struct content_cache *content_cache_new (flux_t *h, flux_error_t *err)
{
    struct content_cache *c = calloc (1, sizeof (*c));

    if (!c || !(c->blobs = hash_new (blob_free))
        || !(c->idle = flux_timer_watcher_create (flux_get_reactor (h), IDLE_SECONDS, 0., idle_cb,
                                                  c))) {
        errmsg (err, -ENOMEM, "content: out of memory");
        content_cache_free (c);
        errno = ENOMEM;
        return NULL;
    }
    c->h = h;
    list_init (&c->waiting);
    list_init (&c->here);
    return c;
}

void content_cache_free (struct content_cache *c)
{
    struct blob *b;
    size_t pos = 0;

    if (!c)
        return;
    while (c->blobs && (b = hash_next (c->blobs, &pos, NULL)))
        answer_all (b, ENOSYS, NULL);
    hash_free (c->blobs);
    flux_watcher_destroy (c->idle);
    free (c);
}

void content_cache_get_stats (const struct content_cache *c, struct content_cache_stats *st)
{
    size_t count = 0;

    list_foreach (&((struct content_cache *)c)->here, n)
        count++;
    *st = (struct content_cache_stats){ count, c->bytes, c->loads, c->hits };
}
