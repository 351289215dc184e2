/* checkpoint.c - see checkpoint.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/blobref.h"
#include "base/errmsg.h"
#include "modules/kvs/batch.h"
#include "modules/kvs/checkpoint.h"
#include "modules/kvs/content.h"
#include "modules/kvs/gc.h"
#include "modules/kvs/redo.h"
#include "modules/kvs/rfc11.h"
#include "modules/kvs/ttxn.h"

static json_t *make (const char *ref, uint64_t seq)
{
    struct timespec ts;
    clock_gettime (CLOCK_REALTIME, &ts);
    return json_pack ("{s:i s:s s:I s:f}", "version", 1, "rootref", ref,
                      "sequence", (json_int_t)seq, "timestamp",
                      ts.tv_sec + 1e-9 * ts.tv_nsec);
}

json_t *checkpoint_list (struct kvs *kvs, const struct tnode *root,
                         uint64_t seq)
{
    char room[72];
    const char *ref = rfc11_dir_ref (root, kvs->hashtype, room);
    json_t *a = json_array (), *o;
    size_t i;
    /* what is to be restored comes before what is there now */
    bool first = kvs->restore == NULL;
    if (!a || !ref || (first && json_array_append_new (a, make (ref, seq)) < 0))
        goto error;
    json_array_foreach (kvs->checkpoints, i, o)
        if (json_array_append (a, o) < 0)
            goto error;
    if (!first && json_array_append_new (a, make (ref, seq)) < 0)
        goto error;
    return a;
error:
    json_decref (a);
    return NULL;
}

static int remember (struct kvs *kvs, json_t *o, bool first)
{
    if (!kvs->checkpoints && !(kvs->checkpoints = json_array ()))
        return -ENOMEM;
    int rc = first ? json_array_insert (kvs->checkpoints, 0, o)
                   : json_array_append (kvs->checkpoints, o);
    while (json_array_size (kvs->checkpoints) > CHECKPOINT_KEEP)
        json_array_remove (kvs->checkpoints,
                           json_array_size (kvs->checkpoints) - 1);
    return rc < 0 ? -ENOMEM : 0;
}

int checkpoint_remember (struct kvs *kvs, const char *json)
{
    json_t *o = json_loads (json, 0, NULL);
    int rc = o ? remember (kvs, o, false) : -EINVAL;
    json_decref (o);
    return rc;
}

int checkpoint_put (struct kvs *kvs, json_t *o, struct buf *redo,
                    flux_error_t *err)
{
    const char *ref;
    int version, rc;
    if (json_unpack (o, "{s:i s:s}", "version", &version, "rootref", &ref) < 0
        || version != 1 || !blobref_valid (ref))
        return errmsg (err, -EINVAL, "a checkpoint has version 1 and a valid"
                       " rootref");
    char *s = json_dumps (o, JSON_COMPACT);
    if (!s)
        return -ENOMEM;
    redo_checkpoint (redo, s);
    gc_checkpoint (kvs->gc, redo);
    rc = remember (kvs, o, true);
    if (rc == 0 && !kvs->h) {
        char *cpy = strdup (s);
        if (cpy) {
            free (kvs->restore);
            kvs->restore = cpy;
            redo_meta (redo, "restore", s);
        }
        else
            rc = -ENOMEM;
    }
    free (s);
    return rc == 0 && redo->failed ? -ENOMEM : rc;
}

static void changed (void *arg, enum ttxn_change what, const char *path,
                     size_t len, const struct tnode *old,
                     const struct tnode *node, size_t from)
{
    struct change *ch = arg;
    redo_change (&ch->redo, 0, what, path, len, old, node, from);
}

static int replace_root (struct kvs *kvs, const struct tnode *root,
                         uint64_t seq, bool restored)
{
    struct change ch = CHANGE_INIT;
    struct kvsns *ns = kvs->primary;
    batcher_begin (kvs->batcher, ns, false);
    struct ttxn *t = ttxn_new (&ns->head, ns->name, &kvs->env, changed, &ch);
    int rc = t ? ttxn_set (t, ".", root) : -ENOMEM;
    if (restored)
        redo_meta (&ch.redo, "restore", "");
    if (rc == 0 && ch.redo.failed)
        rc = -ENOMEM;
    if (rc < 0) {
        ttxn_abort (t);
        batcher_abort (kvs->batcher, ns);
    }
    else {
        ttxn_commit (t);
        ns->seq = seq > ns->seq ? seq : ns->seq;
        ch.ns = ns;
        ch.seq = ns->seq;
        change_touch (&ch, ns, ".", 1, TOUCH_BELOW);
        if (!batcher_durable (kvs->batcher))
            buf_clear (&ch.redo);
        batcher_submit (kvs->batcher, &ch, NULL, NULL, NULL);
    }
    change_release (&ch);
    return rc;
}

static int begin_with (struct kvs *kvs, const char *rootref, uint64_t seq,
                       bool restored, flux_error_t *err)
{
    int rc = 0;
    struct tnode *ref = tref_new (true, &rootref, 1);
    struct tnode *root = ref ? content_load_node (kvs->content, ref, &rc) : NULL;
    tnode_unref (ref);
    if (!root)
        return errmsg (err, rc < 0 ? rc : -ENOMEM,
                       "kvs: cannot begin with root %.72s: %s", rootref,
                       strerror (rc < 0 ? -rc : ENOMEM));
    rc = replace_root (kvs, root, seq, restored);
    tnode_unref (root);
    if (rc < 0)
        return errmsg (err, rc, "kvs: cannot begin with root %.72s: %s", rootref,
                       strerror (-rc));
    return 0;
}

int checkpoint_begin_with (struct kvs *kvs, const char *rootref, uint64_t seq,
                           flux_error_t *err)
{
    return begin_with (kvs, rootref, seq, false, err);
}

int checkpoint_restore (struct kvs *kvs, flux_error_t *err)
{
    const char *ref;
    json_int_t seq = 0;
    int rc;
    if (!kvs->restore)
        return 0;
    json_t *o = json_loads (kvs->restore, 0, NULL);
    if (json_unpack (o, "{s:s s?I}", "rootref", &ref, "sequence", &seq) < 0)
        rc = errmsg (err, -EINVAL, "kvs: the checkpoint to restore is malformed");
    else
        rc = begin_with (kvs, ref, seq > 0 ? (uint64_t)seq : 0, true, err);
    json_decref (o);
    if (rc == 0) {
        free (kvs->restore);
        kvs->restore = NULL;
    }
    return rc;
}
