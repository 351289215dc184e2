/* batch.c - see batch.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "modules/kvs/batch.h"
#include "modules/kvs/waiter.h"

struct batcher {
    struct kvs *kvs;
};

void change_touch (struct change *ch, struct kvsns *ns, const char *key,
                   size_t len, int flags)
{
    if (ch->count > 0) {
        struct touch *t = &ch->touch[ch->count - 1];
        if (t->ns == ns && strlen (t->key) == len && !memcmp (t->key, key, len)) {
            t->flags |= flags;
            return;
        }
    }
    if (ch->count == ch->size) {
        size_t size = ch->size ? 2 * ch->size : 4;
        struct touch *x = realloc (ch->touch, size * sizeof (*x));
        if (!x) {
            ch->failed = true;
            return;
        }
        ch->touch = x;
        ch->size = size;
    }
    char *s = strndup (key, len);
    if (!s) {
        ch->failed = true;
        return;
    }
    ch->touch[ch->count++] = (struct touch){ ns, s, flags };
}

void change_release (struct change *ch)
{
    for (size_t i = 0; i < ch->count; i++)
        free (ch->touch[i].key);
    free (ch->touch);
    buf_release (&ch->redo);
    *ch = (struct change)CHANGE_INIT;
}

struct batcher *batcher_new (struct kvs *kvs)
{
    struct batcher *b = calloc (1, sizeof (*b));
    if (b)
        b->kvs = kvs;
    return b;
}

void batcher_free (struct batcher *b)
{
    free (b);
}

int batcher_open (struct batcher *b, flux_t *h, flux_error_t *err)
{
    return 0;
}

bool batcher_durable (const struct batcher *b)
{
    return false;
}

/* The change is safe: everybody may see it. */
static void publish (struct kvs *kvs, struct change *ch)
{
    if (ch->created)
        ch->created->visible = true;
    if (ch->removed)
        waiters_fail (ch->removed);
    char *gone = ch->removed ? strdup (ch->removed->name) : NULL;
    struct kvsns *removed = ch->removed;
    if (removed)
        removed->visible = false;
    watches_touched (kvs->watches, ch->touch, ch->count);
    if (ch->created)
        watches_ns_created (kvs->watches, ch->created->name);
    if (removed)
        kvsns_free (removed);
    if (gone)
        watches_ns_removed (kvs->watches, gone);
    free (gone);
    if (ch->ns)
        waiters_check (ch->ns);
}

static void answer (flux_t *h, const flux_msg_t *msg, const struct change *ch)
{
    int rc;
    if (flux_msg_is_noresponse (msg))
        return;
    if (ch->ns)
        rc = flux_respond_pack (h, msg, "{s:i}", "rootseq",
                                kvs_wire_seq (ch->seq));
    else
        rc = flux_respond (h, msg, NULL);
    if (rc < 0)
        flux_log_error (h, "kvs: responding");
}

void batcher_submit (struct batcher *b, struct change *ch, flux_t *h,
                     const flux_msg_t *msg, request_f again)
{
    if (ch->keep_root)
        kvsns_keep_root (ch->ns, ch->seq, ch->ns->head);
    publish (b->kvs, ch);
    answer (h, msg, ch);
}

void batcher_later (struct batcher *b, flux_t *h, const flux_msg_t *msg,
                    request_f again)
{
}

void batcher_forget (struct batcher *b, flux_t *h)
{
}

bool batcher_has_blob (struct batcher *b, const char *ref)
{
    return false;
}

int batcher_load_blob (struct batcher *b, const char *ref, struct buf *out)
{
    return -ENOENT;
}

struct tnode *batcher_load_cold (struct batcher *b, const struct tnode *n,
                                 int *rc)
{
    *rc = -EIO;
    return NULL;
}
