/* state.c - see state.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "core/kvs_proto.h"
#include "modules/kvs/batch.h"
#include "modules/kvs/content.h"
#include "modules/kvs/gc.h"
#include "modules/kvs/refq.h"
#include "modules/kvs/state.h"
#include "modules/kvs/watch.h"

const struct tnode *kvsns_root (const struct kvsns *ns)
{
    return ns->root ? ns->root : ns->head;
}

uint64_t kvsns_seq (const struct kvsns *ns)
{
    return ns->root ? ns->root_seq : ns->seq;
}

struct kvsns *kvsns_find (struct kvs *kvs, const char *name, bool head)
{
    struct kvsns *ns = hash_get (kvs->namespaces, name);
    return ns && (head ? !ns->removed : ns->visible) ? ns : NULL;
}

static struct kept_root *kept_at (const struct kvsns *ns, size_t i)
{
    return &ns->kept[(ns->kept_first + i) % ns->kept_size];
}

static void drop_oldest (struct kvsns *ns)
{
    tnode_unref (kept_at (ns, 0)->root);
    ns->kept_first = (ns->kept_first + 1) % ns->kept_size;
    ns->kept_count--;
}

static void free_ns (void *arg)
{
    struct kvsns *ns = arg;
    if (!ns)
        return;
    tnode_unref (ns->head);
    tnode_unref (ns->root);
    while (ns->kept_count > 0)
        drop_oldest (ns);
    free (ns->kept);
    free (ns->name);
    free (ns);
}

void kvsns_free (struct kvsns *ns)
{
    hash_del (ns->kvs->namespaces, ns->name);
}

int kvsns_create (struct kvs *kvs, const char *name, uint32_t owner,
                  struct tnode *root, struct kvsns **nsp)
{
    struct kvsns *ns = hash_get (kvs->namespaces, name);
    if (ns)
        return ns->removed ? -EAGAIN : -EEXIST;
    if (!(ns = calloc (1, sizeof (*ns))) || !(ns->name = strdup (name))) {
        free (ns);
        return -ENOMEM;
    }
    ns->kvs = kvs;
    ns->owner = owner;
    ns->id = kvs->next_id++;
    ns->head = tnode_ref (root);
    list_init (&ns->waiters);
    if (hash_set (kvs->namespaces, name, ns) < 0) {
        free_ns (ns);
        return -ENOMEM;
    }
    *nsp = ns;
    return 0;
}

bool kvs_is_owner (struct flux_msg_cred cred)
{
    return (cred.rolemask & FLUX_ROLE_OWNER) != 0;
}

int kvsns_authorize (const struct kvsns *ns, struct flux_msg_cred cred)
{
    return flux_msg_cred_authorize (cred, ns->owner) < 0 ? -EPERM : 0;
}

static double now (const struct kvsns *ns)
{
    return ns->kvs->reactor ? flux_reactor_now (ns->kvs->reactor) : 0;
}

void kvsns_age_roots (struct kvsns *ns)
{
    while (ns->kept_count > 0 && kept_at (ns, 0)->when + KVSNS_KEPT_SECONDS < now (ns))
        drop_oldest (ns);
}

/* Room for one more, if need be in place of the oldest.  False: there is none. */
static bool kept_room (struct kvsns *ns)
{
    size_t size = ns->kept_size ? 2 * ns->kept_size : 8;
    struct kept_root *kept;

    if (ns->kept_count < ns->kept_size)
        return true;
    if (size <= KVSNS_KEPT_MAX && (kept = malloc (size * sizeof (*kept)))) {
        for (size_t i = 0; i < ns->kept_count; i++)
            kept[i] = *kept_at (ns, i);
        free (ns->kept);
        ns->kept = kept;
        ns->kept_size = size;
        ns->kept_first = 0;
    }
    else if (ns->kept_count > 0)
        drop_oldest (ns);
    return ns->kept_count < ns->kept_size;
}

void kvsns_keep_root (struct kvsns *ns, uint64_t seq, const struct tnode *root)
{
    if (kept_room (ns))
        *kept_at (ns, ns->kept_count++) = (struct kept_root){
            .seq = seq, .when = now (ns), .root = tnode_ref (root),
        };
}

const struct tnode *kvsns_kept_root (const struct kvsns *ns, int wire_seq)
{
    if (kvs_wire_seq (kvsns_seq (ns)) == wire_seq)
        return kvsns_root (ns);
    for (size_t i = 0; i < ns->kept_count; i++)
        if (kvs_wire_seq (kept_at (ns, i)->seq) == wire_seq)
            return kept_at (ns, i)->root;
    return NULL;
}

/* -- walking ------------------------------------------------------------- */

static struct tnode *load_node (void *arg, const struct tnode *n, int *rc)
{
    struct kvs *kvs = arg;
    return content_load_node (kvs->content, n, rc);
}

static const struct tnode *any_root (void *arg, const char *name, int *rc)
{
    struct kvs *kvs = arg;
    struct kvsns *ns = kvsns_find (kvs, name, false);
    if (!ns) {
        *rc = -ENOTSUP;
        return NULL;
    }
    return kvsns_root (ns);
}

static struct tnode *walker_load (void *arg, const struct tnode *n, int *rc)
{
    struct kvs_walker *w = arg;
    return load_node (w->kvs, n, rc);
}

static const struct tnode *walker_root (void *arg, const char *name, int *rc)
{
    struct kvs_walker *w = arg;
    struct kvsns *ns = kvsns_find (w->kvs, name, w->head);
    if (!ns) {
        *rc = -ENOTSUP;
        return NULL;
    }
    if ((*rc = kvsns_authorize (ns, w->cred)) < 0)
        return NULL;
    return w->head ? ns->head : kvsns_root (ns);
}

void kvs_walker_init (struct kvs_walker *w, struct kvs *kvs,
                      struct flux_msg_cred cred, bool head)
{
    w->kvs = kvs;
    w->cred = cred;
    w->head = head;
    w->env.load = walker_load;
    w->env.root = walker_root;
    w->env.arg = w;
}

/* -- life ------------------------------------------------------------------ */

void *kvs_create (void)
{
    struct kvs *kvs = calloc (1, sizeof (*kvs));
    struct tnode *root = tdir_new ();
    if (!kvs || !root)
        goto error;
    kvs->owner = getuid ();
    kvs->env = (struct twalk_env){ load_node, any_root, kvs };
    snprintf (kvs->hashtype, sizeof (kvs->hashtype), "sha1");
    if (!(kvs->namespaces = hash_new (free_ns))
        || !(kvs->gc = gc_new (kvs))
        || !(kvs->content = content_new (kvs))
        || !(kvs->watches = watches_new (kvs))
        || !(kvs->refq = refq_new (kvs))
        || !(kvs->batcher = batcher_new (kvs))
        || kvsns_create (kvs, KVS_PRIMARY_NAMESPACE, kvs->owner, root,
                         &kvs->primary) < 0)
        goto error;
    kvs->primary->visible = true;
    tnode_unref (root);
    return kvs;
error:
    tnode_unref (root);
    kvs_destroy (kvs);
    return NULL;
}

void kvs_destroy (void *arg)
{
    struct kvs *kvs = arg;
    if (!kvs)
        return;
    batcher_close (kvs->batcher);
    refq_free (kvs->refq);
    gc_free (kvs->gc);
    watches_free (kvs->watches);
    hash_free (kvs->namespaces);
    content_free (kvs->content);
    batcher_free (kvs->batcher);
    json_decref (kvs->checkpoints);
    free (kvs->restore);
    free (kvs);
}

const char *kvs_attr (flux_t *h, const char *name)
{
    const char *s = flux_attr_cache_first (h);
    while (s && strcmp (s, name) != 0)
        s = flux_attr_cache_next (h);
    return s ? flux_attr_get (h, name) : NULL;
}

int kvs_init (struct kvs *kvs, flux_t *h, flux_error_t *err)
{
    const char *s;
    if (kvs->reactor)
        return 0;
    if (!(kvs->reactor = flux_get_reactor (h)))
        return errmsg (err, -errno, "kvs: no reactor: %s", strerror (errno));
    if ((s = kvs_attr (h, "content.hash"))) {
        if (strcmp (s, "sha1") != 0 && strcmp (s, "sha256") != 0)
            return errmsg (err, -EINVAL, "content.hash: unknown hash '%s':"
                           " use sha1 or sha256", s);
        snprintf (kvs->hashtype, sizeof (kvs->hashtype), "%s", s);
    }
    if ((s = kvs_attr (h, "security.owner"))) {
        char *end;
        unsigned long uid = strtoul (s, &end, 10);
        if (*s && !*end && uid < UINT32_MAX)
            kvs->owner = (uint32_t)uid;
    }
    kvs->primary->owner = kvs->owner;
    return batcher_open (kvs->batcher, h, err);
}

void kvs_respond_error (flux_t *h, const flux_msg_t *msg, int rc,
                        const char *text)
{
    if (flux_msg_is_noresponse (msg))
        return;
    if (flux_respond_error (h, msg, -rc, text && *text ? text : NULL) < 0)
        flux_log_error (h, "kvs: responding");
}
