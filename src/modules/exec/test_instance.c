/* test_instance.c - job-exec on several brokers in one process, with its peers
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/close_range.h>
#include <cmocka.h>
#include <flux/core.h>

#include "base/buf.h"
#include "base/spawn.h"
#include "core/kvs_proto.h"
#include "core/subprocess_server.h"
#include "core/test_hub.h"
#include "modules/exec/exec.h"
#include "modules/exec/part.h"
#include "modules/exec/test_instance.h"

static flux_reactor_t *r;
struct hub *hub;
flux_t *mgr;
static int nranks;
struct test_broker broker[MAXRANKS];
struct buf responses;   /* of start requests: "type data\n" */
struct buf kvs_log;     /* what the KVS was asked, in order */
struct buf drained;
const char *exec_log;   /* of the job, as it was before */
bool have_guest;        /* ... and its namespace is still there */
const char *statedir;
int launches;           /* start requests answered by a final release */
int hello_count;
char dir[64];
char shell_path[128];

/* Fakes */

static void hello_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    hello_count++;
    flux_respond (h, msg, NULL);
}

static void drain_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *targets, *reason;

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:s s:s}", "targets", &targets,
                                           "reason", &reason), 0);
    buf_addf (&drained, "%s %s\n", targets, reason);
    flux_respond (h, msg, NULL);
}

static void attach_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int fd;

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:i}", "fd", &fd), 0);
    close (fd);
    flux_respond (h, msg, NULL);
}

static void subscribe_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    flux_respond (h, msg, NULL);
}

static void log_op (const struct kvs_txnop *op)
{
    if (op->type == 'l')
        buf_addf (&kvs_log, "link %.*s %.*s\n", (int)op->keylen, op->key,
                  (int)op->nslen, op->ns);
    else
        buf_addf (&kvs_log, "%c %.*s %.*s", op->type, (int)op->keylen, op->key,
                  (int)op->len, op->data);
}

static void commit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const void *data;
    size_t len;
    struct kvs_commit c;
    struct kvs_txnop op;

    assert_int_equal (flux_request_decode_raw (msg, NULL, &data, &len), 0);
    assert_int_equal (kvs_commit_begin (&c, data, len), 0);
    buf_addf (&kvs_log, "commit %.*s\n", (int)c.nslen, c.ns);
    while (kvs_commit_next (&c, &op) > 0)
        log_op (&op);
    flux_respond (h, msg, "{\"rootseq\":1}");
}

static void kvs_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *topic, *s;

    flux_request_decode (msg, &topic, &s);
    buf_addf (&kvs_log, "%s %s\n", topic, s ? s : "");
    flux_respond (h, msg, NULL);
}

static void lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    static const char link[] = "j{\"ver\":1,\"type\":\"symlink\",\"data\":"
                               "{\"namespace\":\"job-x\",\"target\":\".\"}}";
    const char *key;
    char answer[1024];

    assert_int_equal (flux_request_unpack (msg, NULL, "{s:s}", "key", &key), 0);
    if (have_guest && !strcmp (key + strlen (key) - 6, ".guest"))
        flux_respond_raw (h, msg, link, sizeof (link));
    else if (!exec_log || !strstr (key, "exec.eventlog"))
        flux_respond_error (h, msg, ENOENT, NULL);
    else
        flux_respond_raw (h, msg, answer,
                          snprintf (answer, sizeof (answer), "v%s", exec_log) + 1);
}

static void start_response_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                               void *arg)
{
    const char *type;
    json_t *data;
    char *s;

    assert_int_equal (flux_response_decode (msg, NULL, NULL), 0);
    assert_int_equal (flux_msg_unpack (msg, "{s:s s:o}", "type", &type, "data", &data), 0);
    s = json_dumps (data, JSON_COMPACT | JSON_SORT_KEYS);
    buf_addf (&responses, "%s %s\n", type, s);
    free (s);
    if (!strcmp (type, "release")) {
        launches++;
        flux_reactor_stop (r);
    }
}

static const struct flux_msg_handler_spec fakes[] = {
    { FLUX_MSGTYPE_REQUEST, "job-manager.exec-hello", hello_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "resource.drain", drain_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "connector-local.attach", attach_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "kvs.commit", commit_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "kvs.lookup", lookup_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "event.subscribe", subscribe_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "kvs.namespace-create", kvs_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "kvs.namespace-graft", kvs_cb, 0 },
    { FLUX_MSGTYPE_RESPONSE, "job-exec.start", start_response_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static flux_msg_handler_t **fake_handlers;
static flux_msg_handler_t **connector_handlers[MAXRANKS];

/* The instance */

static void quiet_log (const char *buf, int len, void *arg)
{
}

void broker_start (int rank, const char *conf_json)
{
    char name[32], val[32];
    flux_error_t err;
    flux_conf_t *conf;
    flux_t *h;

    if (!broker[rank].h) {
        snprintf (name, sizeof (name), "exec%d", rank);
        broker[rank].h = hub_add (hub, name, rank, "job-exec");
        snprintf (name, sizeof (name), "shell%d", rank);
        broker[rank].shell = hub_add (hub, name, rank, "");
        snprintf (name, sizeof (name), "connector%d", rank);
        h = hub_add (hub, name, rank, "connector-local");
        flux_msg_handler_addvec (h, fakes, NULL, &connector_handlers[rank]);
        broker[rank].data = job_exec_data.create ();
    }
    h = broker[rank].h;
    flux_log_set_redirect (h, quiet_log, NULL);
    flux_attr_set_cacheonly (h, "local-uri", "local:///test");
    flux_attr_set_cacheonly (h, "tbon.topo", "kary:2");
    flux_attr_set_cacheonly (h, "jobid-path", "/");
    snprintf (val, sizeof (val), "%u", getuid ());
    flux_attr_set_cacheonly (h, "security.owner", val);
    if (statedir)
        flux_attr_set_cacheonly (h, "statedir", statedir);
    conf = flux_conf_create ();
    assert_int_equal (flux_conf_update (conf, conf_json, &err), 0);
    flux_set_conf_new (h, conf);
    flux_aux_set (h, BUILTIN_DATA_AUX, broker[rank].data, NULL);
    if (job_exec_builtin.start (h, 0, NULL, &broker[rank].ctx, &err) < 0)
        fail_msg ("start: %s", err.text);
}

void broker_stop (int rank)
{
    job_exec_builtin.stop (broker[rank].ctx);
    broker[rank].ctx = NULL;
}

void instance_new (int size, const char *exec_conf)
{
    char conf[512];

    memset (broker, 0, sizeof (broker));
    responses = kvs_log = drained = (struct buf)BUF_INIT;
    launches = hello_count = 0;
    nranks = size;
    r = flux_reactor_create (0);
    hub = hub_new (r, size);
    mgr = hub_add (hub, "mgr", 0, "job-manager kvs resource event");
    assert_int_equal (flux_msg_handler_addvec (mgr, fakes, NULL, &fake_handlers), 0);
    snprintf (conf, sizeof (conf), "{\"exec\":{\"job-shell\":\"%s\"%s}}", shell_path,
              exec_conf);
    for (int i = 0; i < size; i++)
        broker_start (i, conf);
}

void spin (void)
{
    assert_true (flux_reactor_run (r, FLUX_REACTOR_ONCE) >= 0);
}

void settle (void)
{
    for (int i = 0; i < 20; i++)
        flux_reactor_run (r, FLUX_REACTOR_NOWAIT);
}

void instance_free (void)
{
    settle ();
    for (int i = 0; i < nranks; i++) {
        assert_int_equal (parts_count (broker[i].data), 0);
        if (broker[i].ctx)
            broker_stop (i);
        job_exec_data.destroy (broker[i].data);
        flux_msg_handler_delvec (connector_handlers[i]);
    }
    flux_msg_handler_delvec (fake_handlers);
    hub_free (hub);
    flux_reactor_destroy (r);
    buf_release (&responses);
    buf_release (&kvs_log);
    buf_release (&drained);
}

void set_shell (const char *script)
{
    FILE *f;

    snprintf (shell_path, sizeof (shell_path), "%s/shell", dir);
    unlink (shell_path);
    assert_non_null (f = fopen (shell_path, "w"));
    fprintf (f, "#!/bin/sh\n%s\n", script);
    fclose (f);
    assert_int_equal (chmod (shell_path, 0700), 0);
}

/* Start a job on ranks; extra goes into "attributes":{"system":{...}}. */
void job_request (uint64_t id, const char *ranks, const char *extra,
                         const char *times, bool reattach)
{
    char text[2048];
    flux_msg_t *msg;

    snprintf (text, sizeof (text),
              "{\"id\":%ju,\"userid\":%u,\"reattach\":%s,"
              "\"R\":{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"%s\","
              "\"children\":{\"core\":\"0\"}}],\"nodelist\":[\"host[%s]\"]%s}},"
              "\"jobspec\":{\"version\":1,\"attributes\":{\"system\":{%s}}}}",
              (uintmax_t)id, getuid (), reattach ? "true" : "false", ranks,
              ranks, times, extra);
    assert_non_null (msg = flux_request_encode ("job-exec.start", text));
    assert_int_equal (flux_send_new (mgr, &msg, 0), 0);
}

void run_job (const char *ranks, const char *extra)
{
    job_request (ID, ranks, extra, "", false);
    while (launches == 0)
        spin ();
}

bool has (const struct buf *b, const char *s)
{
    return strstr (b->data, s) != NULL;
}

void wait_for (const struct buf *b, const char *s)
{
    while (!has (b, s))
        spin ();
}

/* That many shells have set their traps. */
void wait_ready (int n)
{
    for (;;) {
        int count = 0;
        for (const char *p = kvs_log.data; (p = strstr (p, "\"ready\"")); p++)
            count++;
        if (count >= n)
            return;
        spin ();
    }
}

void cancel (const char *type)
{
    flux_msg_t *msg = flux_event_pack ("job-exception", "{s:I s:s s:i}", "id",
                                       (json_int_t)ID, "type", type, "severity", 0);

    assert_int_equal (flux_send_new (mgr, &msg, 0), 0);
}

static void noop (flux_future_t *f, void *arg)
{
}

/* 0 or an errno; takes f. */
int result (flux_future_t *f)
{
    int rc;

    assert_int_equal (flux_future_then (f, -1., noop, NULL), 0);
    while (!flux_future_is_ready (f))
        spin ();
    rc = flux_future_get (f, NULL) < 0 ? errno : 0;
    flux_future_destroy (f);
    return rc;
}

int call (const char *topic, const char *payload)
{
    return result (flux_rpc (mgr, topic, payload, 0, 0));
}

int instance_setup (void **state)
{
    snprintf (dir, sizeof (dir), "/tmp/test_jobexec.XXXXXX");
    return mkdtemp (dir) ? 0 : -1;
}

int instance_teardown (void **state)
{
    char path[128];

    snprintf (path, sizeof (path), "%s/fifo", dir);
    unlink (path);
    unlink (shell_path);
    return rmdir (dir);
}
