/* test_jobexec.c - the job-exec service, on several brokers in one process,
 * with a job manager, KVS and connector that are the test's, and shell scripts
 * for job shells
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
#include "modules/exec/reap.h"

#define MAXRANKS 8
#define ID 1234605616436508552ULL

static flux_reactor_t *r;
static struct hub *hub;
static flux_t *mgr;
static int nranks;
static struct {
    flux_t *h;
    void *ctx;
    void *data;
    flux_t *shell;         /* a client on that broker, as a shell would be */
} broker[MAXRANKS];
static struct buf responses;   /* of start requests: "type data\n" */
static struct buf kvs_log;     /* what the KVS was asked, in order */
static struct buf drained;
static const char *exec_log;   /* of the job, as it was before */
static bool have_guest;        /* ... and its namespace is still there */
static const char *statedir;
static int launches;           /* start requests answered by a final release */
static int hello_count;
static char dir[64];
static char shell_path[128];

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

static void broker_start (int rank, const char *conf_json)
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

static void broker_stop (int rank)
{
    job_exec_builtin.stop (broker[rank].ctx);
    broker[rank].ctx = NULL;
}

static void instance_new (int size, const char *exec_conf)
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

static void spin (void)
{
    assert_true (flux_reactor_run (r, FLUX_REACTOR_ONCE) >= 0);
}

static void settle (void)
{
    for (int i = 0; i < 20; i++)
        flux_reactor_run (r, FLUX_REACTOR_NOWAIT);
}

static void instance_free (void)
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

static void set_shell (const char *script)
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
static void job_request (uint64_t id, const char *ranks, const char *extra,
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

static void run_job (const char *ranks, const char *extra)
{
    job_request (ID, ranks, extra, "", false);
    while (launches == 0)
        spin ();
}

static bool has (const struct buf *b, const char *s)
{
    return strstr (b->data, s) != NULL;
}

static void wait_for (const struct buf *b, const char *s)
{
    while (!has (b, s))
        spin ();
}

/* That many shells have set their traps. */
static void wait_ready (int n)
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

static void cancel (const char *type)
{
    flux_msg_t *msg = flux_event_pack ("job-exception", "{s:I s:s s:i}", "id",
                                       (json_int_t)ID, "type", type, "severity", 0);

    assert_int_equal (flux_send_new (mgr, &msg, 0), 0);
}

#define assert_has(b, s) \
    do { if (!has (b, s)) fail_msg ("no \"%s\" in:\n%s", s, (b)->data); } while (0)
#define assert_has_not(b, s) \
    do { if (has (b, s)) fail_msg ("\"%s\" in:\n%s", s, (b)->data); } while (0)

/* Tests */

static void test_one (void **state)
{
    set_shell ("test $1 = f`echo $1 | cut -c2-` && test $# = 1"
               " && test $FLUX_SHELL_FD = 3 && test $FLUX_SHELL_INFO_FD = 4"
               " && test $FLUX_URI = local:///test"
               " && test $FLUX_KVS_NAMESPACE = job-1234605616436508552"
               " && test -z \"$FLUX_JOB_ID\""
               " && test -S /proc/self/fd/3"
               " && test `ls /proc/self/fd | wc -l` = 6"
               " && grep -q '\"rank\":0,\"shell_rank\":0,\"nshells\":1,\"id\":1234' <&4"
               " && exec sh -c 'echo out; echo err >&2'");
    setenv ("FLUX_JOB_ID", "outer", 1);
    instance_new (1, "");
    unsetenv ("FLUX_JOB_ID");
    run_job ("0", "");
    assert_string_equal (responses.data,
                         "start {}\nfinish {\"status\":0}\n"
                         "release {\"final\":true,\"ranks\":\"0\"}\n");
    assert_int_equal (hello_count, 1);
    /* in order, and no more requests than needed */
    const char *expect[] = {
        "kvs.namespace-create {", "commit job-1234605616436508552\na exec.eventlog {",
        "\"init\"", "\"starting\"", "commit primary\nlink job.1122.3344.5566.7788.guest"
        " job-1234605616436508552\n",
        "\"shell-exit\"",
        "{\"rank\":0,\"wait_status\":0}", "\"complete\"", "{\"status\":0}", "\"done\"",
        "kvs.namespace-graft {\"namespace\":\"job-1234605616436508552\","
        "\"dst\":\"job.1122.3344.5566.7788.guest\"}", NULL
    };
    const char *p = kvs_log.data;
    for (int i = 0; expect[i]; i++) {
        const char *q = strstr (p, expect[i]);
        if (!q)
            fail_msg ("no \"%s\" at the right place in:\n%s", expect[i], kvs_log.data);
        p = q + 1;
    }
    assert_has (&kvs_log, "{\"component\":\"flux-shell\",\"stream\":\"stdout\","
                "\"rank\":\"0\",\"data\":\"out\"}");
    assert_has (&kvs_log, "\"stream\":\"stderr\",\"rank\":\"0\",\"data\":\"err\"}");
    instance_free ();
}

/* A shell that writes without end does not fill the eventlog. */
static void test_noisy (void **state)
{
    set_shell ("seq 1 100000");
    instance_new (1, "");
    run_job ("0", "");
    assert_has (&responses, "finish {\"status\":0}");
    assert_has (&kvs_log, "\"data\":\"1\"}");
    assert_has (&kvs_log, "further output of the job shell is dropped");
    assert_has_not (&kvs_log, "\"data\":\"100000\"}");
    instance_free ();
}

static void test_failure (void **state)
{
    set_shell ("exit 3");
    instance_new (1, "");
    run_job ("0", "");
    assert_has (&responses, "start {}\nfinish {\"status\":768}\nrelease");
    assert_has_not (&responses, "exception");
    instance_free ();

    set_shell ("kill -9 $$");
    instance_new (1, "");
    run_job ("0", "");
    assert_has (&responses, "start {}\nexception");
    assert_has (&responses, "shell rank 0 (on host0): Killed");
    assert_has (&responses, "finish {\"status\":9}\nrelease");
    instance_free ();

    instance_new (1, "");
    run_job ("0", "\"exec\":{\"job_shell\":\"/no/such/shell\"}");
    assert_has_not (&responses, "start {}");
    assert_has_not (&responses, "finish");
    assert_has (&responses, "exception {\"note\":\"cannot start job shell on host0 (rank 0):");
    assert_has (&responses, "\"severity\":0,\"type\":\"exec\"}\nrelease");
    instance_free ();
}

static void test_tree (void **state)
{
    set_shell ("grep -q '\"rank\":'6 <&4 && exit 2; exit 0");
    instance_new (7, "");
    run_job ("0-6", "");
    /* the seventh exits with 2 before any barrier */
    assert_has (&responses, "start {}\n");
    assert_has (&responses, "exception");
    assert_has (&responses, "host6 (rank 6): job shell has ended before");
    assert_has (&responses, "finish {\"status\":");
    assert_has (&responses, "release {\"final\":true,\"ranks\":\"0-6\"}\n");
    instance_free ();

    set_shell ("exit 0");
    instance_new (7, "");
    run_job ("3-5", ""); /* not on ranks 0, 1 and 2 that the way passes */
    assert_string_equal (responses.data,
                         "start {}\nfinish {\"status\":0}\n"
                         "release {\"final\":true,\"ranks\":\"3-5\"}\n");
    assert_has (&kvs_log, "{\"rank\":3,\"wait_status\":0");
    instance_free ();

    instance_new (2, "");
    run_job ("0-3", ""); /* 2 and 3 do not exist */
    assert_has (&responses, "lost contact with job shell on host2 (rank 2)");
    assert_has (&responses, "\"severity\":0,\"shell_rank\":2,\"type\":\"lost-shell\"");
    assert_has (&responses, "release {\"final\":true,\"ranks\":\"0-3\"}\n");
    instance_free ();
}

static flux_future_t *enter (int rank, const char *name, flux_continuation_f cb, void *arg)
{
    flux_future_t *f = flux_rpc_pack (broker[rank].shell, "job-exec.barrier",
                                      FLUX_NODEID_ANY, 0, "{s:I s:s}",
                                      "id", (json_int_t)ID, "name", name);

    assert_int_equal (flux_future_then (f, -1., cb, arg), 0);
    return f;
}

static void entered_cb (flux_future_t *f, void *arg)
{
    int *count = arg;

    if (flux_future_get (f, NULL) == 0)
        (*count)++;
    else
        *count -= 100 + errno;
    flux_future_destroy (f);
}

static void test_barrier (void **state)
{
    int count = 0;

    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (7, "");
    job_request (ID, "0-6", "", "", false);
    wait_for (&responses, "start");
    wait_ready (7);
    for (int round = 0; round < 2; round++) {
        count = 0;
        for (int i = 0; i < 6; i++)
            enter (i, "init", entered_cb, &count);
        settle ();
        assert_int_equal (count, 0);
        enter (6, "init", entered_cb, &count);
        while (count < 7)
            spin ();
        assert_int_equal (count, 7);
    }
    /* bad ones */
    count = 0;
    enter (0, "a\"b", entered_cb, &count);
    while (count == 0)
        spin ();
    assert_int_equal (count, -100 - EPROTO);
    cancel ("cancel");
    while (launches == 0)
        spin ();
    /* no such job */
    count = 0;
    enter (0, "init", entered_cb, &count);
    while (count == 0)
        spin ();
    assert_int_equal (count, -100 - ENOENT);
    instance_free ();
}

static void test_barrier_broken (void **state)
{
    int count = 0;

    set_shell ("trap 'exit 0' TERM; echo ready >&2; grep -q '\"rank\":2' <&4"
               " && { read x <" "$FIFO; exit 0; }; while :; do sleep .01; done");
    instance_new (3, "");
    char fifo[128];
    snprintf (fifo, sizeof (fifo), "%s/fifo", dir);
    unlink (fifo);
    assert_int_equal (mkfifo (fifo, 0600), 0);
    instance_free ();
    setenv ("FIFO", fifo, 1);
    instance_new (3, "");
    unsetenv ("FIFO");
    job_request (ID, "0-2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (3);
    enter (0, "init", entered_cb, &count);
    enter (1, "init", entered_cb, &count);
    settle ();
    assert_int_equal (count, 0);
    FILE *f = fopen (fifo, "w"); /* let rank 2 end, with status 0 */
    fprintf (f, "go\n");
    fclose (f);
    while (launches == 0)
        spin ();
    assert_int_equal (count, 2 * (-100 - EPIPE));
    assert_has (&responses, "host2 (rank 2): job shell has ended before");
    instance_free ();
}

static void test_barrier_timeout (void **state)
{
    int count = 0;

    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (3, ",\"barrier-timeout\":\"0.15s\"");
    job_request (ID, "0-2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (3);
    enter (0, "init", entered_cb, &count);
    enter (2, "init", entered_cb, &count);
    while (launches == 0)
        spin ();
    assert_has (&responses, "start barrier timeout waiting for 1/3 nodes (rank 1)");
    assert_has (&drained, "1 job ");
    assert_has (&drained, " start timeout: possible node hang");
    instance_free ();
}

static void test_cancel (void **state)
{
    set_shell ("trap 'exit 143' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (3, "");
    job_request (ID, "0-2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (3);
    cancel ("cancel");
    cancel ("cancel"); /* twice is once */
    while (launches == 0)
        spin ();
    assert_has (&responses, "finish {\"status\":36608}\nrelease");
    assert_has_not (&responses, "exception");
    instance_free ();
}

static void test_kill_escalation (void **state)
{
    set_shell ("trap '' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (1, ",\"kill-timeout\":\"0.01s\"");
    job_request (ID, "0", "", "", false);
    wait_for (&responses, "start");
    wait_ready (1);
    cancel ("cancel");
    while (launches == 0)
        spin ();
    assert_has (&responses, "finish {\"status\":9}\nrelease");
    assert_string_equal (drained.data, "");
    instance_free ();

    /* a signal that does not help: the node is drained */
    instance_new (1, ",\"kill-timeout\":\"0.01s\",\"kill-signal\":\"SIGTERM\","
                  "\"max-kill-count\":2");
    job_request (ID, "0", "", "", false);
    wait_for (&responses, "start");
    wait_ready (1);
    cancel ("cancel");
    wait_for (&drained, "\n");
    assert_has (&drained, "0 unkillable user processes for job ");
    struct part *part = parts_get (broker[0].data, ID);
    part_signal (part, SIGKILL, true);
    while (launches == 0)
        spin ();
    instance_free ();
}

static int call (const char *topic, const char *payload);

static void test_timeout (void **state)
{
    char times[128];

    /* SIGALRM, not SIGTERM */
    set_shell ("trap 'exit 14' ALRM; echo ready >&2; while :; do sleep .01; done");
    instance_new (1, "");
    snprintf (times, sizeof (times), ",\"starttime\":%.3f,\"expiration\":%.3f",
              flux_reactor_time (), flux_reactor_time () + 1000.);
    job_request (ID, "0", "", times, false);
    wait_ready (1);
    char now[128];
    snprintf (now, sizeof (now), "{\"id\":%ju,\"expiration\":%.3f}", (uintmax_t)ID,
              flux_reactor_time ());
    assert_int_equal (call ("job-exec.expiration", now), 0);
    while (launches == 0)
        spin ();
    assert_has (&responses, "exception {\"note\":\"resource allocation expired\","
                "\"severity\":0,\"type\":\"timeout\"}");
    assert_has (&responses, "finish {\"status\":3584}\n");
    instance_free ();
}

static void test_lost (void **state)
{
    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (3, "");
    job_request (ID, "0-2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (3);
    /* critical: only the leader */
    flux_future_t *f = flux_rpc_pack (mgr, "job-exec.critical-ranks", 0, 0, "{s:I s:s}",
                                      "id", (json_int_t)ID, "ranks", "0");
    flux_future_destroy (f);
    struct part *part = parts_get (broker[2].data, ID);
    assert_non_null (part);
    assert_non_null (part->shell);
    part_signal (part, SIGTERM, true); /* or it would outlive the test */
    broker_stop (2);
    hub_remove (hub, "exec2");
    wait_for (&responses, "lost-shell");
    assert_has (&responses, "\"severity\":2,\"shell_rank\":2,\"type\":\"lost-shell\"");
    assert_int_equal (launches, 0);
    cancel ("cancel");
    while (launches == 0)
        spin ();
    assert_has (&responses, "release {\"final\":true,\"ranks\":\"0-2\"}\n");
    job_exec_data.destroy (broker[2].data);
    broker[2].data = job_exec_data.create ();
    instance_free ();
}

static void test_only_shell_lost (void **state)
{
    struct part *part;

    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (3, "");
    job_request (ID, "2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (1);
    part = parts_get (broker[2].data, ID);
    assert_non_null (part);
    part_signal (part, SIGTERM, true); /* or it would outlive the test */
    broker_stop (2);
    hub_remove (hub, "exec2");
    while (launches == 0)
        spin ();
    assert_has (&responses, "\"severity\":0,\"shell_rank\":0,\"type\":\"lost-shell\"");
    assert_has (&responses, "finish {\"status\":9}\n");
    job_exec_data.destroy (broker[2].data);
    broker[2].data = job_exec_data.create ();
    instance_free ();
}

static void test_leader (void **state)
{
    set_shell ("grep -q '\"rank\":0' <&4 && exit 0;"
               " trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (2, ",\"shell-exit-timeout\":\"0.05s\"");
    run_job ("0-1", "");
    assert_has (&responses, "1 of 2 job shells are still active (rank 1)");
    assert_has (&kvs_log, "{\"rank\":0,\"wait_status\":0,\"active_ranks\":\"1\"}");
    instance_free ();
}

static void test_mock (void **state)
{
    instance_new (1, "");
    run_job ("0-99", "\"exec\":{\"test\":{\"run_duration\":\"0.01s\","
             "\"wait_status\":256}}");
    assert_string_equal (responses.data,
                         "start {}\nfinish {\"status\":256}\n"
                         "release {\"final\":true,\"ranks\":\"0-99\"}\n");
    /* one commit, and no namespace */
    assert_has_not (&kvs_log, "namespace");
    assert_true (!strncmp (kvs_log.data, "commit primary\n"
                           "a job.1122.3344.5566.7788.guest.exec.eventlog {", 50));
    const char *p = kvs_log.data;
    const char *names[] = { "init", "starting", "complete", "done" };
    for (int i = 0; i < 4; i++) {
        p = strstr (p, names[i]);
        assert_non_null (p);
    }
    assert_null (strstr (p, "commit"));
    instance_free ();

    instance_new (1, "");
    run_job ("0", "\"exec\":{\"test\":{\"mock_exception\":\"init\"}}");
    assert_has (&responses, "mock init exception generated");
    assert_has_not (&responses, "start {}");
    instance_free ();
    instance_new (1, "");
    run_job ("0", "\"exec\":{\"test\":{\"mock_exception\":\"run\"}}");
    assert_has (&responses, "start {}\nexception");
    assert_has (&responses, "finish {\"status\":15}\n");
    instance_free ();
    instance_new (1, "");
    run_job ("0", "\"exec\":{\"test\":{\"run_duration\":\"fast\"}}");
    assert_has (&responses, "exec.test.run_duration: want a duration");
    instance_free ();

    /* canceled */
    instance_new (1, "");
    job_request (ID, "0", "\"exec\":{\"test\":{\"run_duration\":1000}}", "", false);
    wait_for (&responses, "start");
    assert_has (&kvs_log, "starting"); /* a long one is seen to run */
    cancel ("cancel");
    while (launches == 0)
        spin ();
    assert_has (&responses, "finish {\"status\":15}\n");
    instance_free ();

    instance_new (1, "");
    job_request (ID, "0", "\"exec\":{\"test\":{\"override\":1}}", "", false);
    assert_int_equal (call ("job-exec.override", "{\"jobid\":1234605616436508552,"
                            "\"event\":\"finish\"}"), EINVAL);
    assert_int_equal (call ("job-exec.override", "{\"jobid\":1234605616436508552,"
                            "\"event\":\"start\"}"), 0);
    assert_int_equal (call ("job-exec.override", "{\"jobid\":1234605616436508552,"
                            "\"event\":\"finish\"}"), 0);
    while (launches == 0)
        spin ();
    assert_has (&responses, "start {}\nfinish {\"status\":0}\n");
    instance_free ();
}

static void noop (flux_future_t *f, void *arg)
{
}

/* 0 or an errno; takes f. */
static int result (flux_future_t *f)
{
    int rc;

    assert_int_equal (flux_future_then (f, -1., noop, NULL), 0);
    while (!flux_future_is_ready (f))
        spin ();
    rc = flux_future_get (f, NULL) < 0 ? errno : 0;
    flux_future_destroy (f);
    return rc;
}

static int call (const char *topic, const char *payload)
{
    return result (flux_rpc (mgr, topic, payload, 0, 0));
}

/* job-exec is removed and loaded again while shells run. */
/* 'asked': the job manager knows that it was started */
static void reload_running (bool asked)
{
    char conf[256];

    set_shell ("trap 'exit 5' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (3, "");
    job_request (ID, "0-2", "", "", false);
    wait_for (&responses, "start");
    wait_ready (3);
    broker_stop (0);
    for (int i = 1; i < 3; i++)
        hub_disconnect (hub, "exec0", "job-exec");
    for (int i = 1; i < 3; i++) {
        char topic[] = "job-exec.disconnect";
        flux_msg_t *msg = flux_request_encode (topic, NULL);
        flux_msg_set_noresponse (msg);
        flux_msg_set_nodeid (msg, i);
        hub_request (hub, &hub->ends[1], msg);
    }
    settle ();
    assert_int_equal (parts_count (broker[0].data), 1);
    snprintf (conf, sizeof (conf), "{\"exec\":{\"job-shell\":\"%s\"}}", shell_path);
    broker_start (0, conf);
    buf_clear (&responses);
    job_request (ID, "0-2", "", "", asked);
    wait_for (&responses, "reattached");
    cancel ("cancel");
    while (launches == 0)
        spin ();
    assert_string_equal (responses.data,
                         "reattached {}\nfinish {\"status\":1280}\n"
                         "release {\"final\":true,\"ranks\":\"0-2\"}\n");
    assert_has (&kvs_log, "\"reattach\"");
    instance_free ();
}

static void test_reload (void **state)
{
    reload_running (true);
    reload_running (false);

    /* one whose shells are not there */
    instance_new (1, "");
    job_request (ID, "0", "", "", true);
    while (launches == 0)
        spin ();
    assert_has (&responses, "reattached {}");
    assert_has (&responses, "lost with its broker");
    assert_has (&responses, "finish {\"status\":9}");
    instance_free ();
}

/* Its shells are gone, and what is known of them is in the KVS. */
static void recover (const char *log)
{
    exec_log = log;
    instance_new (1, "");
    job_request (ID, "0", "", "", true);
    while (launches == 0)
        spin ();
    exec_log = NULL;
}

static void test_recover (void **state)
{
    recover ("{\"timestamp\":1.0,\"name\":\"starting\"}\n"
             "{\"timestamp\":2.0,\"name\":\"complete\",\"context\":{\"status\":256}}\n");
    assert_string_equal (responses.data, "reattached {}\nfinish {\"status\":256}\n"
                                         "release {\"final\":true,\"ranks\":\"0\"}\n");
    instance_free ();
    /* killed, and the exception may not have been recorded */
    recover ("{\"timestamp\":2.0,\"name\":\"complete\",\"context\":{\"status\":9}}\n");
    assert_has (&responses, "job shell: Killed (found when the broker was started again)");
    assert_has (&responses, "\"severity\":0");
    assert_has (&responses, "finish {\"status\":9}\n");
    instance_free ();
    recover ("{\"timestamp\":1.0,\"name\":\"starting\"}\n");
    assert_has (&responses, "lost with its broker");
    instance_free ();
}

/* Taking over.  The broker that is gone has left a file and, maybe, shells. */

/* Another run of this test on the same machine must not take ours for its own, and kill them. */
static const char *cookie (void)
{
    static char s[33];

    snprintf (s, sizeof (s), "0123456789abcdef%016x", (unsigned int)getpid ());
    return s;
}

#define LOG_START "{\"timestamp\":1.0,\"name\":\"starting\"}\n" \
                  "{\"timestamp\":1.0,\"name\":\"recoverable\"}\n"
#define LOG_EXIT2 "{\"timestamp\":2.0,\"name\":\"rank-exit\"," \
                  "\"context\":{\"ranks\":\"2\",\"wait_status\":512}}\n"

static void broker_was_here (const char *uri)
{
    char path[128];
    FILE *f;

    snprintf (path, sizeof (path), "%s/job-exec", dir);
    assert_non_null (f = fopen (path, "w"));
    fprintf (f, "%s\nuri %s\n%ju\n", cookie (), uri, (uintmax_t)ID);
    fclose (f);
    statedir = dir;
    exec_log = LOG_START;
    have_guest = true;
}

static void forget_broker (void)
{
    char path[128];

    snprintf (path, sizeof (path), "%s/job-exec", dir);
    unlink (path);
    snprintf (path, sizeof (path), "%s/flux-shell", dir);
    unlink (path);
    statedir = exec_log = NULL;
    have_guest = false;
}

/* A process that looks like the job's shell on that rank. */
static pid_t left_shell (int rank)
{
    char path[128], tag[160], own[80];
    char *const argv[] = { "flux-shell", "60", NULL };
    char *const envp[] = { tag, NULL };
    struct spawn_args args = { .path = path, .argv = argv, .envp = envp, .setpgrp = true,
                               .ctty_fd = -1 };
    flux_error_t err;
    pid_t pid;

    snprintf (path, sizeof (path), "%s/flux-shell", dir);
    (void)symlink ("/bin/sleep", path);
    snprintf (tag, sizeof (tag), "FLUX_EXEC_TAG=%s/%ju %s/%ju/%d", cookie (), (uintmax_t)ID,
              cookie (), (uintmax_t)ID, rank);
    if ((pid = spawn_child (&args, &err)) < 0)
        fail_msg ("%s", err.text);
    snprintf (own, sizeof (own), "%s/%ju/%d", cookie (), (uintmax_t)ID, rank);
    while (!reap_is_tagged (pid, own))       /* exec goes on for a moment */
        sched_yield ();
    return pid;
}

static int shell_calls (int rank, const char *method, const char *key, int val)
{
    char topic[64];

    snprintf (topic, sizeof (topic), "job-exec.%s", method);
    return result (flux_rpc_pack (broker[rank].shell, topic, rank, 0, "{s:I s:i}", "id",
                                  (json_int_t)ID, key, val));
}

static void shell_ends (pid_t pid)
{
    kill (pid, SIGKILL);
    while (launches == 0)
        spin ();
    waitpid (pid, NULL, 0);
}

/* It tells how it ends, or it is killed. */
static void taken_over (bool says_goodbye)
{
    pid_t pid = left_shell (0);

    broker_was_here ("local:///test");
    instance_new (1, "");
    assert_int_equal (shell_calls (0, "goodbye", "status", 0), ENOENT);
    job_request (ID, "0", "", "", true);
    while (!parts_get (broker[0].data, ID))
        spin ();
    assert_int_equal (shell_calls (0, "reattach", "pid", getpid ()), ESRCH);
    assert_int_equal (shell_calls (0, "reattach", "pid", 1), EPROTO);
    assert_int_equal (shell_calls (0, "reattach", "pid", pid), 0);
    wait_for (&responses, "reattached {}");
    assert_has (&kvs_log, "\"reattach\"");
    assert_has_not (&kvs_log, "recoverable");    /* once a job */
    if (says_goodbye) {
        assert_int_equal (shell_calls (0, "goodbye", "status", -1), EPROTO);
        assert_int_equal (shell_calls (0, "goodbye", "status", 3 << 8), 0);
    }
    shell_ends (pid);
    if (says_goodbye)
        assert_string_equal (responses.data, "reattached {}\nfinish {\"status\":768}\n"
                                             "release {\"final\":true,\"ranks\":\"0\"}\n");
    else {
        assert_has (&responses, "shell rank 0 (on host0): Killed");
        assert_has (&responses, "finish {\"status\":9}");
    }
    instance_free ();
    forget_broker ();
}

static void test_take_over (void **state)
{
    taken_over (true);
    taken_over (false);
}

/* The shell is there before the job is known. */
static void test_take_over_early (void **state)
{
    pid_t pid = left_shell (0);
    flux_future_t *f;

    broker_was_here ("local:///test");
    instance_new (1, "");
    f = flux_rpc_pack (broker[0].shell, "job-exec.reattach", 0, 0, "{s:I s:i}", "id",
                       (json_int_t)ID, "pid", (int)pid);
    settle ();
    job_request (ID, "0", "", "", true);
    assert_int_equal (result (f), 0);
    assert_int_equal (shell_calls (0, "goodbye", "status", 0), 0);
    shell_ends (pid);
    assert_has (&responses, "finish {\"status\":0}");
    instance_free ();
    forget_broker ();
}

/* No such process; or one that this broker cannot be found by. */
static void test_take_over_dead (void **state)
{
    pid_t pid;

    broker_was_here ("local:///test");
    instance_new (1, "");
    job_request (ID, "0", "", "", true);
    while (launches == 0)
        spin ();
    assert_has (&responses, "lost with its broker: it was not there");
    assert_has (&responses, "finish {\"status\":9}");
    instance_free ();
    forget_broker ();

    pid = left_shell (0);
    broker_was_here ("local:///elsewhere");
    instance_new (1, "");
    job_request (ID, "0", "", "", true);
    while (launches == 0)
        spin ();
    waitpid (pid, NULL, 0);
    assert_has (&responses, "lost with its broker: the job was running");
    instance_free ();
    forget_broker ();
}

/* Only the last runs, and the job can do without the dead one; the leader has ended. */
static void test_take_over_few (void **state)
{
    pid_t pid = left_shell (2);

    broker_was_here ("local:///test");
    exec_log = LOG_START
        "{\"timestamp\":2.0,\"name\":\"critical-ranks\",\"context\":{\"ranks\":\"0,2\"}}\n"
        "{\"timestamp\":2.0,\"name\":\"rank-exit\",\"context\":{\"ranks\":\"0\",\"wait_status\":0}}\n";
    instance_new (3, ",\"shell-exit-timeout\":\"1s\"");
    job_request (ID, "0-2", "", "", true);
    while (!parts_get (broker[2].data, ID))
        spin ();
    assert_int_equal (shell_calls (2, "reattach", "pid", pid), 0);
    wait_for (&responses, "lost-shell");
    assert_has (&responses, "\"severity\":2,\"shell_rank\":1");
    wait_for (&responses, "1 of 3 job shells are still active (rank 2)");
    while (waitpid (pid, NULL, WNOHANG) == 0)
        spin ();            /* SIGTERM */
    while (launches == 0)
        spin ();
    instance_free ();
    forget_broker ();
}

/* One of three has ended before; one is dead; the job is ended for that. */
static void test_take_over_many (void **state)
{
    pid_t pid = left_shell (0);

    broker_was_here ("local:///test");
    exec_log = LOG_START LOG_EXIT2;
    instance_new (3, "");
    job_request (ID, "0-2", "", "", true);
    while (!parts_get (broker[1].data, ID))
        spin ();
    assert_null (parts_get (broker[2].data, ID));
    assert_int_equal (shell_calls (0, "reattach", "pid", pid), 0);
    wait_for (&responses, "lost-shell");
    assert_has (&responses, "lost job shell on host1 (rank 1): lost with its broker");
    while (waitpid (pid, NULL, WNOHANG) == 0)
        spin ();            /* SIGTERM */
    while (launches == 0)
        spin ();
    assert_has (&kvs_log, "\"rank-exit\",\"context\":{\"ranks\":\"1\"}");
    assert_has (&responses, "release {\"final\":true,\"ranks\":\"0-2\"}");
    instance_free ();
    forget_broker ();
}

/* A follower is lost: its shells are waited for, but not for ever. */
static void test_follower_away (void **state)
{
    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    statedir = dir;
    instance_new (2, ",\"reconnect-timeout\":\"0.2s\"");
    job_request (ID, "1", "", "", false);
    wait_for (&responses, "start");
    wait_ready (1);
    assert_has (&kvs_log, "\"recoverable\"");
    part_signal (parts_get (broker[1].data, ID), SIGTERM, true);
    broker_stop (1);
    hub_remove (hub, "exec1");
    settle ();
    assert_has_not (&responses, "exception");
    while (launches == 0)
        spin ();
    assert_has (&responses, "lost contact with job shell on host1 (rank 1)");
    job_exec_data.destroy (broker[1].data);
    broker[1].data = job_exec_data.create ();
    instance_free ();
    forget_broker ();
}

/* The job manager is reloaded: what happens meanwhile is told to the new one. */
static void test_manager_reload (void **state)
{
    set_shell ("trap 'exit 0' TERM; echo ready >&2; while :; do sleep .01; done");
    instance_new (1, "");
    job_request (ID, "0", "", "", false);
    wait_for (&responses, "start");
    wait_ready (1);
    hub_disconnect (hub, "mgr", "job-exec");
    cancel ("cancel");
    while (hello_count < 2)
        spin ();
    wait_for (&kvs_log, "graft");
    settle ();
    assert_string_equal (responses.data, "start {}\n");
    job_request (ID, "0", "", "", true);
    while (launches == 0)
        spin ();
    assert_string_equal (responses.data,
                         "start {}\nreattached {}\nfinish {\"status\":0}\n"
                         "release {\"final\":true,\"ranks\":\"0\"}\n");
    instance_free ();
}

static void test_per_rank (void **state)
{
    struct subprocess_server *server[2];

    set_shell ("test -z \"$FLUX_SHELL_FD\" && test $FLUX_URI = local:///there"
               " && echo hello >&2 && exit 4");
    instance_new (2, ",\"service\":\"other\"");
    for (int i = 0; i < 2; i++) {
        char name[16];
        snprintf (name, sizeof (name), "other%d", i);
        server[i] = subprocess_server_create (hub_add (hub, name, i, "other"), "other",
                                              "local:///there", NULL, NULL);
        assert_non_null (server[i]);
    }
    run_job ("0-1", "");
    assert_has (&responses, "start {}\n");
    assert_has (&responses, "finish {\"status\":1024}\n");
    assert_has (&kvs_log, "\"hello\"");
    for (int i = 0; i < 2; i++)
        subprocess_server_destroy (server[i]);
    instance_free ();
}

static void test_requests (void **state)
{
    flux_msg_t *msg;

    instance_new (1, "");
    assert_int_equal (call ("job-exec.kill", "{}"), EPROTO);
    assert_int_equal (call ("job-exec.kill", "{\"id\":1,\"signum\":0}"), EINVAL);
    assert_int_equal (call ("job-exec.kill", "{\"id\":1,\"signum\":9}"), ENOENT);
    assert_int_equal (call ("job-exec.expiration", "{\"id\":1}"), EPROTO);
    assert_int_equal (call ("job-exec.critical-ranks", "{\"id\":1,\"ranks\":\"x\"}"),
                      EPROTO);
    assert_int_equal (call ("job-exec.launch", "{}"), EPROTO);
    assert_int_equal (call ("job-exec.stats-get", NULL), 0);
    /* a job of a guest, without an IMP */
    char text[512];
    snprintf (text, sizeof (text), "{\"id\":5,\"userid\":%u,\"reattach\":false,"
              "\"R\":{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\","
              "\"children\":{\"core\":\"0\"}}],\"nodelist\":[\"h\"]}},\"jobspec\":{}}",
              getuid () + 1);
    msg = flux_request_encode ("job-exec.start", text);
    assert_int_equal (flux_send_new (mgr, &msg, 0), 0);
    while (launches == 0)
        spin ();
    assert_has (&responses, "exec.imp is not configured");
    instance_free ();
}

static int setup (void **state)
{
    snprintf (dir, sizeof (dir), "/tmp/test_jobexec.XXXXXX");
    return mkdtemp (dir) ? 0 : -1;
}

static int teardown (void **state)
{
    char path[128];

    snprintf (path, sizeof (path), "%s/fifo", dir);
    unlink (path);
    unlink (shell_path);
    return rmdir (dir);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_one),
        cmocka_unit_test (test_noisy),
        cmocka_unit_test (test_failure),
        cmocka_unit_test (test_tree),
        cmocka_unit_test (test_barrier),
        cmocka_unit_test (test_barrier_broken),
        cmocka_unit_test (test_barrier_timeout),
        cmocka_unit_test (test_cancel),
        cmocka_unit_test (test_kill_escalation),
        cmocka_unit_test (test_timeout),
        cmocka_unit_test (test_lost),
        cmocka_unit_test (test_only_shell_lost),
        cmocka_unit_test (test_leader),
        cmocka_unit_test (test_mock),
        cmocka_unit_test (test_reload),
        cmocka_unit_test (test_recover),
        cmocka_unit_test (test_take_over),
        cmocka_unit_test (test_take_over_early),
        cmocka_unit_test (test_take_over_dead),
        cmocka_unit_test (test_take_over_many),
        cmocka_unit_test (test_take_over_few),
        cmocka_unit_test (test_follower_away),
        cmocka_unit_test (test_manager_reload),
        cmocka_unit_test (test_per_rank),
        cmocka_unit_test (test_requests),
    };
    alarm (55);
    (void)close_range (3, ~0U, CLOSE_RANGE_CLOEXEC);
    return cmocka_run_group_tests (tests, setup, teardown);
}
