/* waiter.c - see waiter.h */

#include <errno.h>
#include <stdlib.h>

#include "modules/kvs/waiter.h"

struct waiter {
    struct list_node node;
    flux_t *h;
    const flux_msg_t *msg;
    int version;
};

static bool reached (const struct kvsns *ns, int version)
{
    /* numbers of 31 bits, of which ours may have gone round */
    int seq = kvs_wire_seq (kvsns_seq (ns));
    return seq >= version || version - seq > INT32_MAX / 2;
}

static void waiter_end (struct waiter *w, int rc)
{
    list_del (&w->node);
    if (rc < 0)
        kvs_respond_error (w->h, w->msg, rc, NULL);
    flux_msg_decref (w->msg);
    free (w);
}

static void respond_seq (flux_t *h, const flux_msg_t *msg,
                         const struct kvsns *ns)
{
    if (flux_respond_pack (h, msg, "{s:i}", "rootseq",
                           kvs_wire_seq (kvsns_seq (ns))) < 0)
        flux_log_error (h, "kvs: responding");
}

void waiter_request (struct kvs *kvs, flux_t *h, const flux_msg_t *msg)
{
    const char *name;
    int version, rc;
    struct flux_msg_cred cred;
    struct kvsns *ns;

    if (flux_request_unpack (msg, NULL, "{s:s s:i}", "namespace", &name,
                             "rootseq", &version) < 0
        || flux_msg_get_cred (msg, &cred) < 0) {
        kvs_respond_error (h, msg, -errno, NULL);
        return;
    }
    rc = (ns = kvsns_find (kvs, name, false)) ? kvsns_authorize (ns, cred)
                                              : -ENOTSUP;
    if (rc == 0 && version <= 0)
        version = 0;
    if (rc == 0 && reached (ns, version)) {
        respond_seq (h, msg, ns);
        return;
    }
    struct waiter *w = rc == 0 ? calloc (1, sizeof (*w)) : NULL;
    if (!w) {
        kvs_respond_error (h, msg, rc < 0 ? rc : -ENOMEM, NULL);
        return;
    }
    w->h = h;
    w->msg = flux_msg_incref (msg);
    w->version = version;
    list_append (&ns->waiters, &w->node);
}

void waiters_check (struct kvsns *ns)
{
    list_foreach (&ns->waiters, n) {
        struct waiter *w = list_entry (n, struct waiter, node);
        if (reached (ns, w->version)) {
            respond_seq (w->h, w->msg, ns);
            waiter_end (w, 0);
        }
    }
}

static void fail_all (struct kvsns *ns, int rc)
{
    while (!list_empty (&ns->waiters))
        waiter_end (list_entry (list_first (&ns->waiters), struct waiter, node),
                    rc);
}

void waiters_fail (struct kvsns *ns)
{
    fail_all (ns, -ENOTSUP);
}

void waiters_disconnect (struct kvs *kvs, const flux_msg_t *msg)
{
    struct kvsns *ns;
    for (size_t pos = 0; (ns = hash_next (kvs->namespaces, &pos, NULL));)
        list_foreach (&ns->waiters, n) {
            struct waiter *w = list_entry (n, struct waiter, node);
            if (flux_disconnect_match (msg, w->msg))
                waiter_end (w, 0);
        }
}

void waiters_flush (struct kvs *kvs)
{
    struct kvsns *ns;
    for (size_t pos = 0; (ns = hash_next (kvs->namespaces, &pos, NULL));)
        fail_all (ns, -ENOSYS);
}
