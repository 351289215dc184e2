/* commits.c - what job-exec writes to the KVS: nobody waits, nothing is lost
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/list.h"
#include "core/kvs_proto.h"
#include "modules/exec/commits.h"

#define RETRY_SECONDS 1.

struct op {
    struct list_node node;     /* of 'sent' or 'stalled' */
    struct commits *cs;
    uint64_t seq;
    const char *what;
    char *ns;
    flux_kvs_txn_t *txn;       /* NULL: a graft */
    char *dst;
    flux_future_t *f;
};

struct commits {
    flux_t *h;
    uint64_t seq;
    struct list_node sent;
    struct list_node stalled;  /* by seq */
    flux_watcher_t *timer;
    bool said;
};

static void op_free (struct op *op)
{
    list_del (&op->node);
    flux_future_destroy (op->f);
    flux_kvs_txn_destroy (op->txn);
    free (op->ns);
    free (op->dst);
    free (op);
}

void commits_free (struct commits *cs)
{
    if (!cs)
        return;
    int saved_errno = errno;
    list_foreach (&cs->sent, n)
        op_free (list_entry (n, struct op, node));
    list_foreach (&cs->stalled, n)
        op_free (list_entry (n, struct op, node));
    flux_watcher_destroy (cs->timer);
    free (cs);
    errno = saved_errno;
}

static void stall (struct op *op)
{
    struct commits *cs = op->cs;
    struct list_node *pos = &cs->stalled;

    list_del (&op->node);
    while (pos->prev != &cs->stalled
           && list_entry (pos->prev, struct op, node)->seq > op->seq)
        pos = pos->prev;
    list_insert_after (pos->prev, &op->node);
    if (!flux_watcher_is_active (cs->timer)) {
        flux_timer_watcher_reset (cs->timer, RETRY_SECONDS, 0.);
        flux_watcher_start (cs->timer);
    }
}

static void answered_cb (flux_future_t *f, void *arg)
{
    struct op *op = arg;
    struct commits *cs = op->cs;

    if (flux_future_get (f, NULL) == 0) {
        cs->said = false;
        op_free (op);
        return;
    }
    if (errno != ENOSPC || !cs->said)
        flux_log (cs->h, LOG_ERR, "%s: %s%s", op->what, flux_future_error_string (f),
                  errno == ENOSPC ? ": trying again each second" : "");
    if (errno != ENOSPC) {
        op_free (op);
        return;
    }
    cs->said = true;
    op->f = NULL;
    flux_future_destroy (f);
    stall (op);
}

static void send (struct op *op)
{
    struct commits *cs = op->cs;

    list_del (&op->node);
    list_append (&cs->sent, &op->node);
    if (op->txn)
        op->f = flux_kvs_commit (cs->h, op->ns, KVS_COMMIT_NOREF, op->txn);
    else
        op->f = flux_rpc_pack (cs->h, "kvs.namespace-graft", 0, 0, "{s:s s:s}",
                               "namespace", op->ns, "dst", op->dst);
    if (!op->f || flux_future_then (op->f, -1., answered_cb, op) < 0) {
        flux_log_error (cs->h, "%s", op->what);
        op_free (op);
    }
}

static void retry_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct commits *cs = arg;
    struct list_node *n;

    while ((n = list_first (&cs->stalled)))
        send (list_entry (n, struct op, node));
}

struct commits *commits_new (flux_t *h)
{
    struct commits *cs = calloc (1, sizeof (*cs));

    if (!cs)
        return NULL;
    cs->h = h;
    list_init (&cs->sent);
    list_init (&cs->stalled);
    cs->timer = flux_timer_watcher_create (flux_get_reactor (h), 0., 0., retry_cb, cs);
    if (!cs->timer) {
        commits_free (cs);
        return NULL;
    }
    return cs;
}

static void add (struct commits *cs, struct op *op)
{
    op->cs = cs;
    op->seq = cs->seq++;
    if (list_empty (&cs->stalled))
        send (op);
    else
        stall (op);
}

static struct op *op_new (const char *ns, const char *what)
{
    struct op *op = calloc (1, sizeof (*op));

    if (!op)
        return NULL;
    list_init (&op->node);
    op->what = what;
    if (!(op->ns = strdup (ns))) {
        op_free (op);
        return NULL;
    }
    return op;
}

void commits_add (struct commits *cs, const char *ns, flux_kvs_txn_t *txn,
                  const char *what)
{
    struct op *op = txn ? op_new (ns, what) : NULL;

    if (!op) {
        flux_log_error (cs->h, "%s", what);
        flux_kvs_txn_destroy (txn);
        return;
    }
    op->txn = txn;
    add (cs, op);
}

void commits_graft (struct commits *cs, const char *ns, const char *dst)
{
    struct op *op = op_new (ns, "kvs.namespace-graft");

    if (!op || !(op->dst = strdup (dst))) {
        flux_log_error (cs->h, "kvs.namespace-graft");
        if (op)
            op_free (op);
        return;
    }
    add (cs, op);
}
