/* bench_kvs.c - the KVS service in one process: small commits, appends, look-ups
 *
 * bench_kvs [COUNT [STATEDIR]]
 *
 * The client keeps WINDOW requests in flight on the service's own loop, as the
 * job part does, over an in-process pair.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <malloc.h>

#include "core/kvs_proto.h"
#include "core/test_hub.h"
#include "modules/kvs/kvs.h"

enum { WINDOW = 64 };

static double now (void)
{
    struct timespec ts;
    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + 1e-9 * ts.tv_nsec;
}

struct run {
    flux_t *h;
    flux_reactor_t *r;
    const char *what;
    int total, sent, done;
    flux_future_t *(*send) (flux_t *h, int i);
};

static void send_one (struct run *run);

static void done_cb (flux_future_t *f, void *arg)
{
    struct run *run = arg;
    if (flux_future_get (f, NULL) < 0) {
        fprintf (stderr, "%s: %s\n", run->what, future_strerror (f, errno));
        exit (1);
    }
    flux_future_destroy (f);
    if (++run->done == run->total)
        flux_reactor_stop (run->r);
    else if (run->sent < run->total)
        send_one (run);
}

static void send_one (struct run *run)
{
    flux_future_t *f = run->send (run->h, run->sent++);
    if (!f || flux_future_then (f, -1., done_cb, run) < 0) {
        perror (run->what);
        exit (1);
    }
}

static void measure (flux_t *h, const char *what, int total,
                     flux_future_t *(*send) (flux_t *h, int i))
{
    if (total == 0)
        return;
    struct run run = { h, flux_get_reactor (h), what, total, 0, 0, send };
    double t = now ();
    for (int i = 0; i < WINDOW && run.sent < total; i++)
        send_one (&run);
    flux_reactor_run (run.r, 0);
    t = now () - t;
    printf ("%-34s %9.0f /s  %6.1f us   heap %7.1f MB\n", what, total / t,
            1e6 * t / total, mallinfo2 ().uordblks / 1e6);
}

static void job_key (char *key, size_t size, int i, const char *name)
{
    /* ids as they come at 1,000 jobs a second */
    unsigned long long id = ((unsigned long long)i + 0x12345) << 24;
    snprintf (key, size, "job.%04llx.%04llx.%04llx.%04llx.%s", id >> 48,
              id >> 32 & 0xffff, id >> 16 & 0xffff, id & 0xffff, name);
}

static flux_future_t *send_put (flux_t *h, int i)
{
    char key[64];
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    snprintf (key, sizeof (key), "bench.%d", i % 1000);
    flux_kvs_txn_put (txn, 0, key, "forty-two");
    flux_future_t *f = flux_kvs_commit (h, "primary", 0, txn);
    flux_kvs_txn_destroy (txn);
    return f;
}

static flux_future_t *send_job (flux_t *h, int i)
{
    char key[64];
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    static const char spec[] =
        "{\"version\":1,\"resources\":[{\"type\":\"slot\",\"count\":1,"
        "\"label\":\"task\",\"with\":[{\"type\":\"core\",\"count\":1}]}],"
        "\"tasks\":[{\"command\":[\"true\"],\"slot\":\"task\",\"count\":"
        "{\"per_slot\":1}}],\"attributes\":{\"system\":{\"duration\":0}}}";
    job_key (key, sizeof (key), i, "jobspec");
    flux_kvs_txn_put (txn, 0, key, spec);
    job_key (key, sizeof (key), i, "eventlog");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, key,
                      "{\"timestamp\":1.5,\"name\":\"submit\",\"context\":{}}\n");
    flux_future_t *f = flux_kvs_commit (h, "primary", KVS_COMMIT_NOREF, txn);
    flux_kvs_txn_destroy (txn);
    return f;
}

static flux_future_t *send_append (flux_t *h, int i)
{
    char key[64];
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    job_key (key, sizeof (key), i, "eventlog");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, key,
                      "{\"timestamp\":2.5,\"name\":\"clean\"}\n");
    flux_future_t *f = flux_kvs_commit (h, "primary", KVS_COMMIT_NOREF, txn);
    flux_kvs_txn_destroy (txn);
    return f;
}

static flux_future_t *send_lookup (flux_t *h, int i)
{
    char key[64];
    job_key (key, sizeof (key), i, "eventlog");
    return flux_kvs_lookup (h, "primary", 0, key);
}

static flux_future_t *send_getroot (flux_t *h, int i)
{
    (void)i;
    return flux_kvs_getroot (h, "primary", 0);
}

static flux_future_t *send_freeze (flux_t *h, int i)
{
    char key[64];
    job_key (key, sizeof (key), i, "x");
    key[strlen (key) - 2] = '\0';
    return flux_rpc_pack (h, "kvs.freeze", FLUX_NODEID_ANY, 0, "{s:s}", "key",
                          key);
}

int main (int argc, char **argv)
{
    int n = argc > 1 ? (int)strtol (argv[1], NULL, 10) : 100000;
    flux_reactor_t *r = flux_reactor_create (0);
    struct hub *hub = hub_new (r, 1);
    flux_t *svc = hub_add (hub, "kvs", 0, "kvs");
    flux_t *h = hub_add (hub, "client", 0, "");
    void *data = kvs_builtin_data.create ();
    void *ctx;
    flux_error_t err;

    if (argc > 2)
        flux_attr_set_cacheonly (svc, "statedir", argv[2]);
    flux_aux_set (svc, BUILTIN_DATA_AUX, data, NULL);
    if (kvs_builtin.start (svc, 0, NULL, &ctx, &err) < 0) {
        fprintf (stderr, "%s\n", err.text);
        return 1;
    }
    measure (h, "commit of one put", n, send_put);
    measure (h, "commit of a new job", n, send_job);
    measure (h, "commit of one append", n, send_append);
    measure (h, "look-up", n, send_lookup);
    measure (h, "freeze of a job", n, send_freeze);
    measure (h, "look-up in the cold", n / 10, send_lookup);
    measure (h, "first getroot", 1, send_getroot);
    measure (h, "next getroot", 1, send_getroot);
    kvs_builtin.stop (ctx);
    kvs_builtin_data.destroy (data);
    hub_free (hub);
    flux_reactor_destroy (r);
    return 0;
}
