/* guest.c - the guest namespace of a job and its exec.eventlog
 *
 *   job-exec                         kvs
 *     namespace-create ─────────────►          \
 *     commit (namespace): init, starting ────►  > one turn, no wait
 *     commit (primary): link job.X.guest ────► /
 *        ... the job runs, shells write ...
 *     commit (namespace): shell-exit, complete, done ─►  \ one turn
 *     namespace-graft ─────────────────────────────────► /
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>

#include "base/buf.h"
#include "core/kvs_proto.h"
#include "modules/exec/commits.h"
#include "modules/exec/guest.h"
#include "modules/exec/jobexec.h"
#include "spec/eventlog.h"

#define EVENTLOG "exec.eventlog"

struct guest {
    struct list_node node;     /* jobexec.guests, while there are events */
    struct jobexec *ctx;
    uint64_t id;
    bool simulated;
    bool done;                 /* that event is there */
    char ns[32];
    char key[64];              /* job.X.guest */
    struct buf events;
    flux_future_t *f_create;
    const flux_kvs_txn_t *link;    /* the transaction that has it */
    guest_f failed;
    void *arg;
};

static struct guest *guest_new (struct jobexec *ctx, uint64_t id)
{
    struct guest *g;

    if (!(g = calloc (1, sizeof (*g))))
        return NULL;
    list_init (&g->node);
    g->ctx = ctx;
    g->id = id;
    g->events = (struct buf)BUF_INIT;
    (void)snprintf (g->ns, sizeof (g->ns), "job-%" PRIu64, id);
    if (flux_job_kvs_key (g->key, sizeof (g->key), id, "guest") < 0) {
        free (g);
        return NULL;
    }
    return g;
}

static void guest_flush (struct guest *g);

void guest_free (struct guest *g)
{
    if (!g)
        return;
    int saved_errno = errno;
    if (!list_empty (&g->node))
        guest_flush (g);
    flux_future_destroy (g->f_create);
    buf_release (&g->events);
    free (g);
    errno = saved_errno;
}

static void created_cb (flux_future_t *f, void *arg)
{
    struct guest *g = arg;
    int rc = flux_future_get (f, NULL) < 0 ? -errno : 0;

    flux_future_destroy (f);
    g->f_create = NULL;
    /* left over from a run of the job before a restart: it is the job's */
    if (rc < 0 && rc != -EEXIST && g->failed)
        g->failed (g->arg, rc);
}

static int link_namespace (struct guest *g)
{
    flux_kvs_txn_t *txn = jobexec_txn (g->ctx);

    if (!txn || flux_kvs_txn_symlink (txn, 0, g->key, g->ns, ".") < 0)
        return -1;
    g->link = txn;
    jobexec_kick (g->ctx);
    return 0;
}

struct guest *guest_create (struct jobexec *ctx, uint64_t id, uint32_t userid,
                            guest_f failed, void *arg)
{
    struct guest *g;

    if (!(g = guest_new (ctx, id)))
        return NULL;
    g->failed = failed;
    g->arg = arg;
    if (!(g->f_create = flux_kvs_namespace_create (ctx->h, g->ns, userid, 0))
        || flux_future_then (g->f_create, -1., created_cb, g) < 0
        || link_namespace (g) < 0) {
        guest_free (g);
        return NULL;
    }
    return g;
}

struct guest *guest_recover (struct jobexec *ctx, uint64_t id)
{
    return guest_new (ctx, id);
}

struct guest *guest_simulate (struct jobexec *ctx, uint64_t id)
{
    struct guest *g = guest_new (ctx, id);

    if (g)
        g->simulated = true;
    return g;
}

const char *guest_namespace (const struct guest *g)
{
    return g->simulated ? NULL : g->ns;
}

static void flush_simulated (struct guest *g)
{
    flux_kvs_txn_t *txn = jobexec_txn (g->ctx);
    char key[96];

    (void)snprintf (key, sizeof (key), "%s." EVENTLOG, g->key);
    if (!txn || flux_kvs_txn_put_raw (txn, FLUX_KVS_APPEND, key, g->events.data,
                                      g->events.len) < 0)
        flux_log_error (g->ctx->h, "%s", key);
}

static void flush_namespace (struct guest *g)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();

    if (txn && flux_kvs_txn_put_raw (txn, FLUX_KVS_APPEND, EVENTLOG, g->events.data,
                                     g->events.len) < 0) {
        flux_kvs_txn_destroy (txn);
        txn = NULL;
    }
    commits_add (g->ctx->commits, g->ns, txn, "exec.eventlog commit");
}

static void guest_flush (struct guest *g)
{
    list_del (&g->node);
    if (g->events.len == 0)
        return;
    if (g->simulated)
        flush_simulated (g);
    else
        flush_namespace (g);
    buf_clear (&g->events);
}

void guest_flush_node (struct list_node *n)
{
    guest_flush (list_entry (n, struct guest, node));
}

void guest_event_lazy (struct guest *g, const char *name, const char *context)
{
    char *line = eventlog_line (0., name, context);

    if (!line || buf_adds (&g->events, line) < 0)
        flux_log_error (g->ctx->h, "exec.eventlog: %s event is lost", name);
    free (line);
}

void guest_event (struct guest *g, const char *name, const char *context)
{
    guest_event_lazy (g, name, context);
    if (list_empty (&g->node))
        list_append (&g->ctx->guests, &g->node);
    jobexec_kick (g->ctx);
}

void guest_is_done (struct guest *g)
{
    g->done = true;
}

void guest_finish (struct guest *g)
{
    g->failed = NULL;
    if (!g->done)
        guest_event (g, "done", NULL);
    if (g->simulated)
        return;
    guest_flush (g); /* what is grafted must contain it */
    if (g->link && g->link == g->ctx->txn)
        jobexec_flush_txn (g->ctx);   /* what is grafted takes the place of the link */
    commits_graft (g->ctx->commits, g->ns, g->key);
}
