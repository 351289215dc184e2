#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/base64.h"
#include "core/builtin.h"
#include "core/test_hub.h"
#include "modules/job/job.h"
#include "modules/kvs/kvs.h"
#include "modules/kvs/tree.h"
#include "modules/sched-simple/sched_simple.h"
#include "modules/job/test_fixture.h"

enum { MANAGER, INGEST, LIST, INFO, SCHED, NSERVICES };

static const struct builtin *const services[NSERVICES] = {
    &job_manager_builtin, &job_ingest_builtin, &job_list_builtin, &job_info_builtin,
    &sched_simple_builtin,
};

struct fixture {
    flux_reactor_t *r;
    pthread_t thread;
    sem_t ready;
    struct hub *hub;
    flux_t *client;
    flux_conf_t *conf;
    bool fake_kvs, keep_nothing;

    /* of the thread */
    void *jobs, *kvs;
    void *ctx[NSERVICES];
    flux_t *exec, *broker;
    flux_future_t *f_hello;
    int seq;
    json_t *hanging;           /* id -> true */
    struct flux_msglist *starts_kept;

    atomic_int fail_commits, commits, starts;
};

/* ---- what the broker answers ---- */

static void publish_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct fixture *x = arg;
    const char *topic, *code = "";
    char buf[4096];
    size_t len = 0;
    flux_msg_t *event;
    int flags;

    if (flux_request_unpack (msg, NULL, "{s:s s:i s?s}", "topic", &topic, "flags", &flags,
                             "payload", &code) < 0
        || base64_decode (code, strlen (code), buf, &len) < 0)
        abort ();
    event = flux_event_encode_raw (topic, len ? buf : NULL, len);
    flux_msg_set_seq (event, ++x->seq);
    flux_send_new (h, &event, 0);
    if (!flux_msg_is_noresponse (msg))
        flux_respond_pack (h, msg, "{s:i}", "seq", x->seq);
}

static void ok_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    if (!flux_msg_is_noresponse (msg))
        flux_respond (h, msg, NULL);
}

static void acquire_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_respond_pack (h, msg, "{s:{s:i s:{s:[{s:s s:{s:s}}] s:[s] s:i s:i}} s:s}",
                       "resources", "version", 1, "execution", "R_lite",
                       "rank", "0-1", "children", "core", "0-3",
                       "nodelist", "host[0-1]", "starttime", 0, "expiration", 0,
                       "up", "0-1");
}

/* ---- fake KVS ---- */

static void commit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct fixture *x = arg;

    if (x->fail_commits)
        flux_respond_error (h, msg, x->fail_commits, NULL);
    else
        flux_respond_pack (h, msg, "{s:i}", "rootseq", ++x->commits);
}

static void noent_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_respond_error (h, msg, ENOENT, NULL);
}

/* ---- fake execution service ---- */

static void respond_exec (struct fixture *x, const flux_msg_t *msg, json_int_t id,
                          const char *type, json_t *data)
{
    if (flux_respond_pack (x->exec, msg, "{s:I s:s s:o}", "id", id, "type", type,
                           "data", data ? data : json_object ()) < 0)
        abort ();
}

static void respond_end (struct fixture *x, const flux_msg_t *msg, json_int_t id, int status)
{
    if (status >= 0)
        respond_exec (x, msg, id, "finish", json_pack ("{s:i}", "status", status));
    respond_exec (x, msg, id, "release", json_pack ("{s:s s:b}", "ranks", "all", "final", 1));
}

struct later {
    struct fixture *x;
    const flux_msg_t *msg;
    json_int_t id;
};

static void later_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct later *l = arg;

    respond_end (l->x, l->msg, l->id, 0);
    flux_msg_decref (l->msg);
    free (l);
    flux_watcher_destroy (w);
}

static void end_later (struct fixture *x, const flux_msg_t *msg, json_int_t id)
{
    struct later *l = calloc (1, sizeof (*l));
    flux_watcher_t *w = l ? flux_timer_watcher_create (x->r, 0., 0., later_cb, l) : NULL;

    if (!w)
        abort ();
    *l = (struct later){ x, flux_msg_incref (msg), id };
    flux_watcher_start (w);
}

static void start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct fixture *x = arg;
    const char *cmd;
    int reattach;
    json_int_t id, userid;
    json_t *R;

    if (!flux_msg_is_streaming (msg)    /* RFC 6: it is answered several times */
        || flux_request_unpack (msg, NULL, "{s:I s:I s:b s:o s:{s:[{s:[s]}]}}", "id", &id,
                             "userid", &userid, "reattach", &reattach, "R", &R,
                             "jobspec", "tasks", "command", &cmd) < 0)
        abort ();
    x->starts++;
    if (!strcmp (cmd, "never"))
        return;
    if (!strcmp (cmd, "broken")) {
        respond_exec (x, msg, id, "exception",
                      json_pack ("{s:i s:s s:s}", "severity", 0, "type", "exec",
                                 "note", "it is broken"));
        respond_end (x, msg, id, -1);
        return;
    }
    respond_exec (x, msg, id, reattach ? "reattached" : "start", NULL);
    if (!strcmp (cmd, "hang"))
        flux_msglist_append (x->starts_kept, msg);
    else if (!strcmp (cmd, "later"))
        end_later (x, msg, id);
    else
        respond_end (x, msg, id, !strcmp (cmd, "false") ? 0x100 : 0);
}

static void exception_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                          void *arg)
{
    struct fixture *x = arg;
    const flux_msg_t *start;
    json_int_t id, id2;
    int severity;

    if (flux_event_unpack (msg, NULL, "{s:I s:i}", "id", &id, "severity", &severity) < 0)
        abort ();
    for (start = flux_msglist_first (x->starts_kept); start && severity == 0;
         start = flux_msglist_next (x->starts_kept)) {
        if (flux_request_unpack (start, NULL, "{s:I}", "id", &id2) == 0 && id == id2) {
            respond_end (x, start, id, SIGTERM);
            flux_msglist_delete (x->starts_kept);
        }
    }
}

static void exec_hello (struct fixture *x)
{
    flux_future_destroy (x->f_hello);
    x->f_hello = flux_rpc_pack (x->exec, "job-manager.exec-hello", 0, 0, "{s:s}", "service",
                                "job-exec");
}

/* ---- the services ---- */

static void service_start (struct fixture *x, int i)
{
    const struct builtin *b = services[i];
    char names[128];
    flux_error_t err;
    flux_t *h;

    snprintf (names, sizeof (names), "%s %s %s", b->name, b->services ? b->services : "",
              i == MANAGER ? "job-manager.history" : "");
    h = hub_add (x->hub, b->name, 0, names);
    snprintf (names, sizeof (names), "%d", (int)getuid ());
    flux_attr_set_cacheonly (h, "security.owner", names);
    if (x->keep_nothing)
        flux_attr_set_cacheonly (h, "statedir-cleanup", "1");
    flux_aux_set (h, BUILTIN_DATA_AUX, i == SCHED ? NULL : x->jobs, NULL);
    if (x->conf)
        flux_set_conf_new (h, flux_conf_copy (x->conf));
    if (b->start (h, 0, NULL, &x->ctx[i], &err) < 0) {
        fprintf (stderr, "%s: %s\n", b->name, err.text);
        abort ();
    }
}

static void service_stop (struct fixture *x, int i)
{
    services[i]->stop (x->ctx[i]);
    for (int j = 0; j < NSERVICES; j++)
        hub_disconnect (x->hub, services[i]->name, services[j]->name);
    hub_remove (x->hub, services[i]->name);
}

static void restart_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct fixture *x = arg;
    const char *name;
    int only = -1;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        abort ();
    for (int i = 0; i < NSERVICES; i++) {
        if (!strcmp (services[i]->name, name))
            only = i;
    }
    if (only < 0) {
        for (int i = NSERVICES; i-- > 0;)
            service_stop (x, i);
        job_builtin_data.destroy (x->jobs);
        x->jobs = job_builtin_data.create ();
        for (int i = 0; i < NSERVICES; i++)
            service_start (x, i);
    }
    else {
        service_stop (x, only);
        service_start (x, only);
    }
    /* the scheduler must say hello to a new manager */
    if (only == MANAGER) {
        service_stop (x, SCHED);
        service_start (x, SCHED);
    }
    if (only < 0 || only == MANAGER)
        exec_hello (x);
    flux_respond (h, msg, NULL);
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct fixture *x = arg;
    const char *name;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        abort ();
    hub_disconnect (x->hub, "client", name);
    flux_respond (h, msg, NULL);
}

static void guest_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct fixture *x = arg;
    int userid;

    if (flux_request_unpack (msg, NULL, "{s:i}", "userid", &userid) < 0)
        abort ();
    hub_set_guest (x->hub, "client", userid);
    flux_respond (h, msg, NULL);
}

static void stop_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_reactor_stop (flux_get_reactor (h));
}

static const struct flux_msg_handler_spec broker_handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "event.publish", publish_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "event.subscribe", ok_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "event.unsubscribe", ok_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "resource.acquire", acquire_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "ctl.restart", restart_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "ctl.disconnect", disconnect_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "ctl.guest", guest_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "ctl.stop", stop_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static const struct flux_msg_handler_spec exec_handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "job-exec.start", start_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-exec.expiration", ok_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "job-exception", exception_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static const struct flux_msg_handler_spec kvs_handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "kvs.commit", commit_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "kvs.lookup", noent_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "kvs-watch.lookup", noent_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void kvs_start (struct fixture *x, flux_msg_handler_t ***handlers, void *ctx[2])
{
    flux_error_t err;
    flux_t *h;

    if (x->fake_kvs) {
        h = hub_add (x->hub, "kvs", 0, "kvs kvs-watch");
        flux_msg_handler_addvec (h, kvs_handlers, x, handlers);
        return;
    }
    x->kvs = kvs_builtin_data.create ();
    for (int i = 0; i < 2; i++) {
        const struct builtin *b = i ? &kvs_watch_builtin : &kvs_builtin;
        h = hub_add (x->hub, b->name, 0, b->name);
        flux_aux_set (h, BUILTIN_DATA_AUX, x->kvs, NULL);
        if (b->start (h, 0, NULL, &ctx[i], &err) < 0)
            abort ();
    }
}

static void *thread_main (void *arg)
{
    struct fixture *x = arg;
    flux_msg_handler_t **h1, **h2, **h3 = NULL;
    void *kvs_ctx[2];

    x->hub = hub_new (x->r, 1);
    x->broker = hub_add (x->hub, "broker", 0, "event resource ctl");
    x->exec = hub_add (x->hub, "exec", 0, "job-exec");
    flux_msg_handler_addvec (x->broker, broker_handlers, x, &h1);
    flux_msg_handler_addvec (x->exec, exec_handlers, x, &h2);
    kvs_start (x, &h3, kvs_ctx);
    x->jobs = job_builtin_data.create ();
    for (int i = 0; i < NSERVICES; i++)
        service_start (x, i);
    exec_hello (x);
    x->client = hub_add (x->hub, "client", 0, "");
    sem_post (&x->ready);
    flux_reactor_run (x->r, 0);
    for (int i = NSERVICES; i-- > 0;)
        service_stop (x, i);
    job_builtin_data.destroy (x->jobs);
    flux_future_destroy (x->f_hello);
    if (!x->fake_kvs) {
        kvs_watch_builtin.stop (kvs_ctx[1]);
        kvs_builtin.stop (kvs_ctx[0]);
        kvs_builtin_data.destroy (x->kvs);
        tree_thread_ends ();
    }
    flux_msg_handler_delvec (h1);
    flux_msg_handler_delvec (h2);
    flux_msg_handler_delvec (h3);
    return NULL;
}

struct fixture *fixture_new (const char *conf_json)
{
    struct fixture *x = calloc (1, sizeof (*x));
    json_t *o;

    assert (x);
    x->r = flux_reactor_create (0);
    x->starts_kept = flux_msglist_create ();
    if (conf_json) {
        assert ((o = json_loads (conf_json, 0, NULL)));
        x->fake_kvs = json_is_true (json_object_get (o, "fake-kvs"));
        x->keep_nothing = json_is_true (json_object_get (o, "keep-nothing"));
        x->conf = flux_conf_pack ("o", o);
    }
    sem_init (&x->ready, 0, 0);
    pthread_create (&x->thread, NULL, thread_main, x);
    sem_wait (&x->ready);
    return x;
}

void fixture_free (struct fixture *x)
{
    flux_future_destroy (flux_rpc (x->client, "ctl.stop", NULL, 0, FLUX_RPC_NORESPONSE));
    pthread_join (x->thread, NULL);
    hub_free (x->hub);    // with the client's handle, which was used here
    flux_msglist_destroy (x->starts_kept);
    flux_conf_decref (x->conf);
    flux_reactor_destroy (x->r);
    sem_destroy (&x->ready);
    free (x);
}

flux_t *fixture_client (struct fixture *x)
{
    return x->client;
}

static void ctl (struct fixture *x, const char *topic, const char *name)
{
    flux_future_t *f = flux_rpc_pack (x->client, topic, 0, 0, "{s:s}", "name", name);

    if (!f || flux_future_get (f, NULL) < 0)
        abort ();
    flux_future_destroy (f);
}

void fixture_restart (struct fixture *x)
{
    ctl (x, "ctl.restart", "");
}

void fixture_reload (struct fixture *x, const char *service)
{
    ctl (x, "ctl.restart", service);
}

void fixture_disconnect (struct fixture *x, const char *service)
{
    ctl (x, "ctl.disconnect", service);
}

void fixture_guest (struct fixture *x, uint32_t userid)
{
    flux_future_t *f = flux_rpc_pack (x->client, "ctl.guest", 0, 0, "{s:i}", "userid",
                                      (int)userid);

    if (!f || flux_future_get (f, NULL) < 0)
        abort ();
    flux_future_destroy (f);
}

void fixture_fail_commits (struct fixture *x, int errnum)
{
    x->fail_commits = errnum;
}

int fixture_commits (struct fixture *x)
{
    return x->commits;
}

int fixture_starts (struct fixture *x)
{
    return x->starts;
}
