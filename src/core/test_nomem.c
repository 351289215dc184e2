/* test_nomem.c - messages, handles and dispatch when memory runs out
 *
 * This program's own malloc() fails at the N-th call, for every N that matters.
 * Each scenario must then fail with ENOMEM, or succeed, and leak nothing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include <flux/core/handle.h>
#include <flux/core/msg_handler.h>
#include <flux/core/msglist.h>
#include <flux/core/reactor.h>
#include <flux/core/response.h>
#include <flux/core/watcher.h>

#include "core/connector_private.h"
#include "core/dispatch.h"
#include "core/inproc.h"
#include "core/message_private.h"
#include "core/stream.h"

static long countdown = -1;   /* the allocation that fails; < 0: none */
static long live;             /* blocks not freed */
static bool failed;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INTERPOSED 0
#else
#define INTERPOSED 1

void *__libc_malloc (size_t size);
void *__libc_calloc (size_t n, size_t size);
void *__libc_realloc (void *p, size_t size);
void __libc_free (void *p);

static bool refuse (void)
{
    if (countdown < 0 || countdown-- > 0)
        return false;
    failed = true;
    errno = ENOMEM;
    return true;
}

void *malloc (size_t size)
{
    void *p = refuse () ? NULL : __libc_malloc (size);
    live += p != NULL;
    return p;
}

void *calloc (size_t n, size_t size)
{
    void *p = refuse () ? NULL : __libc_calloc (n, size);
    live += p != NULL;
    return p;
}

/* libev, which allocates only by realloc(), aborts. */
static bool is_libev (void *caller)
{
    Dl_info info;
    return dladdr (caller, &info) && info.dli_fname
           && strstr (info.dli_fname, "libev");
}

void *realloc (void *old, size_t size)
{
    bool no = !is_libev (__builtin_return_address (0)) && refuse ();
    void *p = no ? NULL : __libc_realloc (old, size);
    live += p && !old;
    return p;
}

void free (void *p)
{
    live -= p != NULL;
    __libc_free (p);
}
#endif

/* Scenarios return 0, or -1 with errno, and clean up in either case. */

static int messages (void)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    struct flux_msglist *l = flux_msglist_create ();
    flux_msg_t *copy = NULL, *decoded = NULL, *response = NULL;
    char topic[100];
    char buf[4096];
    const char *s;
    int rc = -1;
    ssize_t n;

    memset (topic, 't', sizeof (topic));
    topic[99] = '\0';
    if (!msg || !l || flux_msg_set_topic (msg, topic) < 0)
        goto done;
    flux_msg_route_enable (msg);
    for (int i = 0; i < 10; i++)
        if (flux_msg_route_push (msg, "6ba7b810-9dad-11d1-80b4-00c04fd430c8") < 0)
            goto done;
    if (flux_msg_pack (msg, "{s:s s:[i,i]}", "a", "b", "c", 1, 2) < 0
        || !(copy = flux_msg_copy (msg, true))
        || !(response = msg_derive_response (msg, 0))
        || flux_msg_aux_set (msg, "x", msg, NULL) < 0
        || flux_msglist_append (l, msg) < 0)
        goto done;
    n = flux_msg_encode_size (msg);
    if (flux_msg_encode (msg, buf, sizeof (buf)) < 0
        || !(decoded = flux_msg_decode (buf, n))
        || flux_msg_unpack (decoded, "{s:s}", "a", &s) < 0)
        goto done;
    assert_string_equal (s, "b");
    rc = 0;
done:
    flux_msg_destroy (msg);
    flux_msg_destroy (copy);
    flux_msg_destroy (decoded);
    flux_msg_destroy (response);
    flux_msglist_destroy (l);
    return rc;
}

struct call {
    bool answered;
    int error;
};

static void answer_cb (flux_t *h, const flux_msg_t *msg, void *arg)
{
    struct call *call = arg;

    call->answered = true;
    dispatch_rpc_del (h, msg->matchtag);
    flux_reactor_stop (flux_get_reactor (h));
}

static void request_cb (flux_t *h, flux_msg_handler_t *mh,
                        const flux_msg_t *msg, void *arg)
{
    struct call *call = arg;

    if (flux_respond (h, msg, "{}") < 0) {
        call->error = errno;
        flux_reactor_stop (flux_get_reactor (h));
    }
}

/* A call from one handle to another, on one reactor. */
static int call_service (flux_t *client, flux_t *service)
{
    static const struct flux_msg_handler_spec tab[] = {
        { FLUX_MSGTYPE_REQUEST, "svc.m", request_cb, FLUX_ROLE_ALL },
        { FLUX_MSGTYPE_EVENT, "*", request_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    struct call call = { .answered = false };
    flux_reactor_t *r = flux_get_reactor (client);
    flux_msg_handler_t **handlers = NULL;
    flux_msg_t *msg = NULL;
    uint32_t tag;
    int rc = -1;

    if (!r || flux_set_reactor (service, r) < 0
        || flux_msg_handler_addvec (service, tab, &call, &handlers) < 0
        || (tag = flux_matchtag_alloc (client)) == FLUX_MATCHTAG_NONE
        || (call.error = -dispatch_rpc_add (client, tag, answer_cb, &call)) != 0
        || !(msg = flux_msg_create (FLUX_MSGTYPE_REQUEST))
        || flux_msg_set_topic (msg, "svc.m") < 0
        || flux_msg_set_matchtag (msg, tag) < 0
        || flux_msg_set_rolemask (msg, FLUX_ROLE_OWNER) < 0
        || flux_msg_set_userid (msg, 1) < 0
        || flux_send_new (client, &msg, 0) < 0
        || flux_reactor_run (r, 0) < 0)
        goto done;
    if (call.answered)
        rc = 0;
done:
    if (rc < 0 && call.error)
        errno = call.error;
    flux_msg_destroy (msg);
    flux_msg_handler_delvec (handlers);
    return rc;
}

static int in_process (void)
{
    flux_t *pair[2];
    int rc = inproc_pair (pair);

    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    rc = call_service (pair[0], pair[1]);
    flux_close (pair[0]);
    flux_close (pair[1]);
    return rc;
}

static int over_socket (void)
{
    flux_t *h[2] = { NULL, NULL };
    int fd[2];
    int rc = -1;

    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, fd), 0);
    for (int i = 0; i < 2; i++) {
        char uri[16];
        snprintf (uri, sizeof (uri), "%d", fd[i]);
        if (!(h[i] = connector_fd_init (uri, 0, NULL))) {
            if (i == 0)
                close (fd[1]);
            break;
        }
    }
    if (h[1])
        rc = call_service (h[0], h[1]);
    flux_close (h[0]);
    flux_close (h[1]);
    return rc;
}

static int looped (void)
{
    flux_t *h = connector_loop_init ("", FLUX_O_RPCTRACK, NULL);
    flux_t *clone = h ? flux_clone (h) : NULL;
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    flux_msg_t *got = NULL;
    int rc = -1;

    if (!clone || !msg || flux_aux_set (h, "a", h, NULL) < 0
        || flux_msg_set_topic (msg, "a") < 0
        || flux_msg_set_matchtag (msg, 1) < 0 || flux_pollfd (h) < 0)
        goto done;
    for (int i = 0; i < 40; i++)
        if (flux_send (h, msg, 0) < 0 || flux_requeue (h, msg, FLUX_RQ_HEAD) < 0)
            goto done;
    if (!(got = flux_recv (clone, FLUX_MATCH_ANY, FLUX_O_NONBLOCK)))
        goto done;
    flux_msg_destroy (got);
    if (!(got = flux_recv (clone, FLUX_MATCH_RESPONSE, FLUX_O_NONBLOCK))
        && errno != EAGAIN)
        goto done;
    rc = 0;
done:
    flux_msg_destroy (msg);
    flux_msg_destroy (got);
    flux_close (clone);
    flux_close (h);
    return rc;
}

static int streams (void)
{
    struct stream *s[2] = { NULL, NULL };
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_EVENT);
    flux_msg_t *got = NULL;
    static char big[300000];
    int fd[2];
    int rc;

    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, fd), 0);
    if ((rc = stream_new (fd[0], &s[0])) < 0)
        close (fd[1]);
    else
        rc = stream_new (fd[1], &s[1]);
    if (rc == 0 && (!msg || flux_msg_set_payload (msg, big, sizeof (big)) < 0))
        rc = -errno;
    if (rc == 0)
        rc = stream_send (s[0], msg, 0);
    while (rc == 0 && (rc = stream_recv (s[1], &got)) == -EAGAIN) {
        rc = stream_flush (s[0]);
        if (rc == -EAGAIN)
            rc = 0;
    }
    if (rc == 0)
        assert_int_equal (got->payload_size, sizeof (big));
    flux_msg_destroy (got);
    flux_msg_destroy (msg);
    stream_free (s[0]);
    stream_free (s[1]);
    errno = -rc;
    return rc < 0 ? -1 : 0;
}

static int watchers (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_watcher_t *w[4] = { NULL };
    int rc = -1;

    if (r && (w[0] = flux_timer_watcher_create (r, 0., 0., NULL, NULL))
        && (w[1] = flux_idle_watcher_create (r, NULL, NULL))
        && (w[2] = flux_stat_watcher_create (r, "/", 0., NULL, NULL))
        && (w[3] = flux_periodic_watcher_create (r, 0., 1., NULL, NULL, NULL)))
        rc = 0;
    for (int i = 0; i < 4; i++)
        flux_watcher_destroy (w[i]);
    flux_reactor_destroy (r);
    return rc;
}

/* jansson does not tell want of memory from a wrong argument. */
static void exhaust (int (*scenario) (void), bool json)
{
    long before;
    long n;

    if (!INTERPOSED)
        skip ();
    assert_int_equal (scenario (), 0); /* what is allocated once for ever */
    before = live;
    for (n = 0; n < 10000; n++) {
        int rc;
        failed = false;
        countdown = n;
        errno = 0;
        rc = scenario ();
        countdown = -1;
        if (rc < 0 && !(json && (errno == EINVAL || errno == EPROTO)))
            assert_int_equal (errno, ENOMEM);
        assert_int_equal (live, before);
        if (!failed)
            break;
    }
    assert_true (n > 3 && n < 10000);
}

static void test_messages (void **state)
{
    exhaust (messages, true);
}

static void test_in_process (void **state)
{
    exhaust (in_process, false);
}

static void test_over_socket (void **state)
{
    exhaust (over_socket, false);
}

static void test_looped (void **state)
{
    exhaust (looped, false);
}

static void test_streams (void **state)
{
    exhaust (streams, false);
}

static void test_watchers (void **state)
{
    exhaust (watchers, false);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_messages),   cmocka_unit_test (test_in_process),
        cmocka_unit_test (test_over_socket), cmocka_unit_test (test_looped),
        cmocka_unit_test (test_streams),    cmocka_unit_test (test_watchers),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
