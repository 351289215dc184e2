/* test_services.h - the services in a thread, on two ranks, and blocking clients
 */
#ifndef KVS_TEST_SERVICES_H
#define KVS_TEST_SERVICES_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>

#include "core/kvs_proto.h"
#include "core/test_hub.h"
#include "modules/kvs/kvs.h"
#include "modules/kvs/tree.h"

struct fixture {
    struct hub *hub;
    flux_reactor_t *r;
    pthread_t thread;
    flux_t *h;            /* client on rank 0 */
    flux_t *h1;           /* client on rank 1 */
    flux_t *guest;        /* of user 4000, on rank 0 */
    flux_t *guest1;       /* the same on rank 1 */
    flux_t *ctl;
};

enum { NSERVICES = 4 };

struct started {
    const struct builtin *b;
    void *ctx;
};

static inline void stop_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    (void)mh;
    (void)arg;
    flux_respond (h, msg, NULL);
    flux_reactor_stop (flux_get_reactor (h));
}

static inline void drop_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct fixture *x = arg;
    const char *name;
    (void)mh;
    flux_request_unpack (msg, NULL, "{s:s}", "name", &name);
    hub_disconnect (x->hub, name, "kvs");
    hub_disconnect (x->hub, name, "kvs-watch");
    flux_respond (h, msg, NULL);
}

static inline void start (struct started *s, const struct builtin *b, flux_t *h,
                   void *data)
{
    flux_error_t err;
    flux_aux_set (h, BUILTIN_DATA_AUX, data, NULL);
    s->b = b;
    if (b->start (h, 0, NULL, &s->ctx, &err) < 0) {
        fprintf (stderr, "%s: %s\n", b->name, err.text);
        abort ();
    }
}

struct thread_args {
    struct fixture *x;
    sem_t ready;
};

static inline void *service_thread (void *arg)
{
    struct thread_args *a = arg;
    struct fixture *x = a->x;
    struct started s[NSERVICES];
    struct hub *hub = x->hub = hub_new (x->r, 2);
    void *data = kvs_builtin_data.create ();
    flux_t *ctl = hub_add (hub, "ctl", 0, "ctl");

    start (&s[0], &kvs_builtin, hub_add (hub, "kvs-0", 0, "kvs"), data);
    start (&s[1], &kvs_watch_builtin, hub_add (hub, "kvs-watch-0", 0, "kvs-watch"),
           data);
    start (&s[2], &kvs_builtin, hub_add (hub, "kvs-1", 1, "kvs"), NULL);
    start (&s[3], &kvs_watch_builtin,
           hub_add (hub, "kvs-watch-1", 1, "kvs-watch"), NULL);
    x->h = hub_add (hub, "client-0", 0, "");
    x->h1 = hub_add (hub, "client-1", 1, "");
    x->guest = hub_add (hub, "guest-0", 0, "");
    hub_set_guest (hub, "guest-0", 4000);
    x->guest1 = hub_add (hub, "guest-1", 1, "");
    hub_set_guest (hub, "guest-1", 4000);
    const struct flux_msg_handler_spec htab[] = {
        { FLUX_MSGTYPE_REQUEST, "stop", stop_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "drop", drop_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_msg_handler_t **handlers;
    flux_msg_handler_addvec_ex (ctl, "ctl", htab, x, &handlers);
    sem_post (&a->ready);
    flux_reactor_run (x->r, 0);
    flux_msg_handler_delvec (handlers);
    for (int i = NSERVICES; i-- > 0;)
        s[i].b->stop (s[i].ctx);
    kvs_builtin_data.destroy (data);
    tree_thread_ends ();
    return NULL;
}

static inline int setup (void **state)
{
    struct fixture *x = calloc (1, sizeof (*x));
    struct thread_args a = { .x = x };
    sem_init (&a.ready, 0, 0);
    x->r = flux_reactor_create (0);
    pthread_create (&x->thread, NULL, service_thread, &a);
    sem_wait (&a.ready);
    *state = x;
    return 0;
}

static inline int teardown (void **state)
{
    struct fixture *x = *state;
    flux_future_t *f = flux_rpc (x->h, "ctl.stop", NULL, FLUX_NODEID_ANY,
                                 FLUX_RPC_NORESPONSE);
    flux_future_destroy (f);
    pthread_join (x->thread, NULL);
    hub_free (x->hub);  /* here, where the clients' ends were used */
    flux_reactor_destroy (x->r);
    free (x);
    return 0;
}

/* -- helpers ------------------------------------------------------------------ */

#define TIMEOUT 20.

#define OK(expr) \
    do { \
        if ((expr) < 0) { \
            print_error ("%s: %s\n", #expr, strerror (errno)); \
            fail (); \
        } \
    } while (0)

static inline void ready (flux_future_t *f)
{
    assert_non_null (f);
    OK (flux_future_wait_for (f, TIMEOUT));
}

static inline void fails (flux_future_t *f, int errnum)
{
    ready (f);
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_int_equal (errno, errnum);
    flux_future_destroy (f);
}

static inline int commit (flux_t *h, const char *ns, int flags, flux_kvs_txn_t *txn)
{
    int seq = -1;
    flux_future_t *f = flux_kvs_commit (h, ns, flags, txn);
    ready (f);
    if (flux_kvs_commit_get_sequence (f, &seq) < 0)
        seq = -errno;
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
    return seq;
}

static inline int put (flux_t *h, const char *ns, int flags, const char *key,
                const char *value)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    OK (flux_kvs_txn_put (txn, flags, key, value));
    return commit (h, ns, 0, txn);
}

static inline void get_is (flux_t *h, const char *ns, const char *key,
                    const char *want)
{
    const char *value;
    flux_future_t *f = flux_kvs_lookup (h, ns, 0, key);
    ready (f);
    OK (flux_kvs_lookup_get (f, &value));
    if (want)
        assert_string_equal (value, want);
    else
        assert_null (value);
    assert_string_equal (flux_kvs_lookup_get_key (f), key);
    flux_future_destroy (f);
}

static inline void next_is (flux_future_t *f, const char *want)
{
    const char *value;
    ready (f);
    OK (flux_kvs_lookup_get (f, &value));
    if (want) {
        assert_non_null (value);
        assert_string_equal (value, want);
    }
    else
        assert_null (value);
    flux_future_reset (f);
}

static inline void ends_with (flux_future_t *f, int errnum)
{
    fails (f, errnum);
}

#endif /* !KVS_TEST_SERVICES_H */
