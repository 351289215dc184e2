/* test_handle.c - handles, on the loop connector and on test connectors
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include <flux/core/conf.h>
#include <flux/core/reactor.h>
#include <flux/core/watcher.h>

#include "core/connector_private.h"
#include "core/handle_private.h"
#include "core/message_private.h"

#define assert_errno(expr, err)              \
    do {                                     \
        errno = 0;                           \
        assert_true (expr);                  \
        assert_int_equal (errno, (err));     \
    } while (0)

static flux_t *loop_open (int flags)
{
    flux_t *h = connector_loop_init ("", flags, NULL);
    assert_non_null (h);
    return h;
}

static flux_msg_t *request (const char *topic, uint32_t tag)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);

    assert_non_null (msg);
    assert_int_equal (flux_msg_set_topic (msg, topic), 0);
    assert_int_equal (flux_msg_set_matchtag (msg, tag), 0);
    return msg;
}

static void send (flux_t *h, int type, const char *topic)
{
    flux_msg_t *msg = flux_msg_create (type);

    assert_non_null (msg);
    assert_int_equal (flux_msg_set_topic (msg, topic), 0);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
    assert_null (msg);
}

static void expect (flux_t *h, struct flux_match match, const char *topic)
{
    flux_msg_t *msg = flux_recv (h, match, FLUX_O_NONBLOCK);

    if (!topic) {
        assert_null (msg);
        assert_int_equal (errno, EAGAIN);
        return;
    }
    assert_non_null (msg);
    assert_string_equal (msg_topic (msg), topic);
    flux_msg_destroy (msg);
}

static struct flux_match glob (const char *s)
{
    struct flux_match m = FLUX_MATCH_ANY;
    m.topic_glob = s;
    return m;
}

static void send_recv (void **state)
{
    flux_t *h = loop_open (0);
    flux_msg_t *msg = request ("a.b", 1);
    flux_msg_t *msg2;

    expect (h, FLUX_MATCH_ANY, NULL);
    assert_errno (!flux_recv (h, FLUX_MATCH_ANY, 0), EDEADLK);
    assert_int_equal (flux_send (h, msg, 0), 0);
    msg2 = flux_recv (h, FLUX_MATCH_ANY, 0);
    assert_non_null (msg2);
    assert_ptr_not_equal (msg, msg2);
    assert_int_equal (msg2->userid, geteuid ());
    assert_int_equal (msg2->rolemask, FLUX_ROLE_OWNER);
    assert_int_equal (msg->userid, FLUX_USERID_UNKNOWN);
    flux_msg_destroy (msg2);

    assert_non_null (flux_msg_incref (msg));
    assert_errno (flux_send_new (h, &msg, 0) == -1, EINVAL);
    assert_non_null (msg);
    flux_msg_decref (msg);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
    assert_null (msg);
    expect (h, FLUX_MATCH_ANY, "a.b");
    flux_close (h);
}

static void bad_input (void **state)
{
    flux_t *h = loop_open (0);
    flux_msg_t *msg = request ("a", 0);

    assert_errno (flux_send (NULL, msg, 0) == -1, EINVAL);
    assert_errno (flux_send (h, NULL, 0) == -1, EINVAL);
    assert_errno (flux_send (h, msg, FLUX_O_CLONE) == -1, EINVAL);
    assert_errno (flux_send_new (h, NULL, 0) == -1, EINVAL);
    assert_errno (!flux_recv (NULL, FLUX_MATCH_ANY, 0), EINVAL);
    assert_errno (!flux_recv (h, FLUX_MATCH_ANY, 0x1000), EINVAL);
    assert_errno (flux_requeue (h, msg, 0) == -1, EINVAL);
    assert_errno (flux_requeue (h, msg, 3) == -1, EINVAL);
    assert_errno (flux_requeue (h, NULL, FLUX_RQ_HEAD) == -1, EINVAL);
    assert_errno (!flux_clone (NULL), EINVAL);
    assert_errno (flux_aux_set (NULL, "a", h, NULL) == -1, EINVAL);
    assert_errno (!flux_aux_get (h, "none"), ENOENT);
    assert_errno (flux_reconnect (h) == -1, ENOSYS);
    assert_errno (flux_pollfd (NULL) == -1, EINVAL);
    assert_errno (flux_pollevents (NULL) == -1, EINVAL);
    assert_errno (!flux_handle_create (NULL, NULL, 0), EINVAL);
    assert_errno (flux_opt_set (h, "flux::nope", "", 1) == -1, EINVAL);
    assert_errno (flux_opt_get (h, "flux::nope", &h, 1) == -1, EINVAL);
    flux_msg_destroy (msg);
    flux_close (h);
    flux_close (NULL);
}

/* Unmatched messages stay, in order, and older ones come first. */
static void match_and_requeue (void **state)
{
    flux_t *h = loop_open (0);
    flux_msg_t *msg;

    send (h, FLUX_MSGTYPE_EVENT, "a");
    send (h, FLUX_MSGTYPE_REQUEST, "b");
    send (h, FLUX_MSGTYPE_EVENT, "c");
    send (h, FLUX_MSGTYPE_EVENT, "d");
    expect (h, glob ("c"), "c");
    send (h, FLUX_MSGTYPE_EVENT, "e");
    expect (h, FLUX_MATCH_REQUEST, "b");
    expect (h, FLUX_MATCH_REQUEST, NULL);
    expect (h, FLUX_MATCH_ANY, "a");
    expect (h, FLUX_MATCH_ANY, "d");
    expect (h, FLUX_MATCH_ANY, "e");
    expect (h, FLUX_MATCH_ANY, NULL);

    msg = request ("tail", 0);
    assert_int_equal (flux_requeue (h, msg, FLUX_RQ_TAIL), 0);
    flux_msg_destroy (msg);
    msg = request ("head", 0);
    assert_int_equal (flux_requeue (h, msg, FLUX_RQ_HEAD), 0);
    flux_msg_destroy (msg);
    send (h, FLUX_MSGTYPE_REQUEST, "new");
    expect (h, FLUX_MATCH_ANY, "head");
    expect (h, FLUX_MATCH_ANY, "tail");
    expect (h, FLUX_MATCH_ANY, "new");
    flux_close (h);
}

static void norequeue (void **state)
{
    flux_t *h = loop_open (FLUX_O_NOREQUEUE);

    send (h, FLUX_MSGTYPE_EVENT, "a");
    send (h, FLUX_MSGTYPE_EVENT, "b");
    expect (h, glob ("b"), "b");
    expect (h, FLUX_MATCH_ANY, NULL);
    flux_close (h);
}

static void many_requeued (void **state)
{
    flux_t *h = loop_open (0);
    char topic[16];

    for (int i = 0; i < 1000; i++) {
        snprintf (topic, sizeof (topic), "t.%d", i);
        send (h, FLUX_MSGTYPE_EVENT, topic);
    }
    for (int i = 999; i >= 0; i -= 2) {
        snprintf (topic, sizeof (topic), "t.%d", i);
        expect (h, glob (topic), topic);
    }
    for (int i = 0; i < 1000; i += 2) {
        snprintf (topic, sizeof (topic), "t.%d", i);
        expect (h, FLUX_MATCH_ANY, topic);
    }
    flux_close (h);
}

static int naux;

static void aux_free (void *arg)
{
    /* the handle is still usable */
    flux_t *h = arg;
    naux++;
    send (h, FLUX_MSGTYPE_EVENT, "bye");
    assert_int_equal (flux_aux_set (h, "late", h, NULL), 0);
}

static void references (void **state)
{
    flux_t *h = loop_open (0);

    naux = 0;
    assert_int_equal (flux_aux_set (h, "a", h, aux_free), 0);
    assert_ptr_equal (flux_aux_get (h, "a"), h);
    assert_ptr_equal (flux_incref (h), h);
    flux_close (h);
    assert_int_equal (naux, 0);
    errno = 77;
    flux_decref (h);
    assert_int_equal (errno, 77);
    assert_int_equal (naux, 1);
}

static void clones (void **state)
{
    flux_t *h = loop_open (0);
    flux_t *clone = flux_clone (h);
    flux_reactor_t *r = flux_reactor_create (0);
    uint32_t tag;

    assert_non_null (clone);
    assert_int_equal (flux_aux_set (h, "a", h, NULL), 0);
    assert_null (flux_aux_get (clone, "a"));
    assert_true (flux_flags_get (clone) & FLUX_O_CLONE);
    assert_false (flux_flags_get (h) & FLUX_O_CLONE);
    assert_int_equal (flux_set_reactor (clone, r), 0);
    assert_ptr_equal (flux_get_reactor (clone), r);
    assert_ptr_not_equal (flux_get_reactor (h), r);
    assert_errno (flux_set_reactor (h, r) == -1, EEXIST);
    send (clone, FLUX_MSGTYPE_EVENT, "x");
    send (h, FLUX_MSGTYPE_EVENT, "y");
    expect (h, glob ("y"), "y");
    expect (clone, FLUX_MATCH_ANY, "x");
    tag = flux_matchtag_alloc (clone);
    assert_int_equal (flux_matchtag_avail (h), UINT32_MAX - 1);
    flux_close (h);
    flux_matchtag_free (clone, tag);
    send (clone, FLUX_MSGTYPE_EVENT, "z");
    expect (clone, FLUX_MATCH_ANY, "z");
    flux_close (clone);
    flux_reactor_destroy (r);
}

static void flags (void **state)
{
    flux_t *h = loop_open (FLUX_O_NONBLOCK);

    assert_int_equal (flux_flags_get (h), FLUX_O_NONBLOCK);
    flux_flags_set (h, FLUX_O_MATCHDEBUG | FLUX_O_RPCTRACK | FLUX_O_CLONE);
    assert_int_equal (flux_flags_get (h), FLUX_O_NONBLOCK | FLUX_O_MATCHDEBUG);
    flux_flags_unset (h, FLUX_O_NONBLOCK | FLUX_O_MATCHDEBUG);
    assert_int_equal (flux_flags_get (h), 0);
    flux_close (h);
}

static void matchtags (void **state)
{
    flux_t *h = loop_open (0);
    uint32_t tag[1000];
    uint32_t avail = flux_matchtag_avail (h);

    for (int i = 0; i < 1000; i++) {
        tag[i] = flux_matchtag_alloc (h);
        assert_int_equal (tag[i], i + 1); /* small, dense, never 0 */
    }
    assert_int_equal (flux_matchtag_avail (h), avail - 1000);
    flux_matchtag_free (h, tag[500]);
    flux_matchtag_free (h, tag[500]); /* twice: no effect */
    flux_matchtag_free (h, 0);
    flux_matchtag_free (h, 5000);
    assert_int_equal (flux_matchtag_avail (h), avail - 999);
    assert_int_equal (flux_matchtag_alloc (h), tag[500]);
    for (int i = 0; i < 1000; i++)
        flux_matchtag_free (h, tag[i]);
    assert_int_equal (flux_matchtag_avail (h), avail);
    flux_close (h);
}

static void counters (void **state)
{
    flux_t *h = loop_open (0);
    flux_msgcounters_t n;

    send (h, FLUX_MSGTYPE_EVENT, "a");
    send (h, FLUX_MSGTYPE_EVENT, "b");
    send (h, FLUX_MSGTYPE_REQUEST, "c");
    expect (h, glob ("b"), "b");
    flux_get_msgcounters (h, &n);
    assert_int_equal (n.event_tx, 2);
    assert_int_equal (n.request_tx, 1);
    assert_int_equal (n.event_rx, 2);
    assert_int_equal (n.request_rx, 0);
    assert_int_equal (n.response_tx, 0);
    flux_clr_msgcounters (h);
    flux_get_msgcounters (h, &n);
    assert_int_equal (n.event_tx, 0);
    flux_close (h);
}

static void mock_credentials (void **state)
{
    flux_t *h = loop_open (0);
    uint32_t userid = 9999, rolemask = FLUX_ROLE_ADMIN, val = 0;
    flux_msg_t *msg = request ("a", 0);
    flux_msg_t *msg2;

    assert_errno (flux_opt_set (h, FLUX_OPT_TESTING_USERID, &userid, 3) == -1,
                  EINVAL);
    assert_int_equal (flux_opt_set (h, FLUX_OPT_TESTING_USERID, &userid, 4), 0);
    assert_int_equal (flux_opt_get (h, FLUX_OPT_TESTING_USERID, &val, 4), 0);
    assert_int_equal (val, 9999);
    assert_int_equal (flux_send (h, msg, 0), 0);
    msg2 = flux_recv (h, FLUX_MATCH_ANY, 0);
    assert_int_equal (msg2->userid, 9999);
    assert_int_equal (msg2->rolemask, FLUX_ROLE_USER);
    flux_msg_destroy (msg2);
    assert_int_equal (flux_opt_set (h, FLUX_OPT_TESTING_ROLEMASK, &rolemask, 4),
                      0);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
    msg2 = flux_recv (h, FLUX_MATCH_ANY, 0);
    assert_int_equal (msg2->userid, 9999);
    assert_int_equal (msg2->rolemask, FLUX_ROLE_ADMIN);
    flux_msg_destroy (msg2);
    flux_close (h);
}

static void queue_counts (void **state)
{
    flux_t *h = loop_open (0);
    size_t n;

    send (h, FLUX_MSGTYPE_EVENT, "a");
    send (h, FLUX_MSGTYPE_EVENT, "a");
    assert_int_equal (
        flux_opt_get (h, FLUX_OPT_RECV_QUEUE_COUNT, &n, sizeof (n)), 0);
    assert_int_equal (n, 2);
    flux_close (h);
}

static bool raised (int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    return poll (&pfd, 1, 0) == 1;
}

/* Raised once for each change, not while it lasts. */
static void edge_triggered (void **state)
{
    flux_t *h = loop_open (0);
    flux_msg_t *msg = request ("r", 0);
    int fd = flux_pollfd (h);

    assert_true (fd >= 0);
    assert_int_equal (flux_pollfd (h), fd);
    assert_int_equal (flux_pollevents (h), FLUX_POLLOUT);
    assert_false (raised (fd));
    send (h, FLUX_MSGTYPE_EVENT, "a");
    assert_true (raised (fd));
    assert_int_equal (flux_pollevents (h), FLUX_POLLIN | FLUX_POLLOUT);
    assert_false (raised (fd));
    assert_int_equal (flux_pollevents (h), FLUX_POLLIN | FLUX_POLLOUT);
    expect (h, FLUX_MATCH_ANY, "a");
    assert_int_equal (flux_pollevents (h), FLUX_POLLOUT);
    /* a requeued message is noticed */
    assert_int_equal (flux_requeue (h, msg, FLUX_RQ_HEAD), 0);
    assert_true (raised (fd));
    assert_int_equal (flux_pollevents (h), FLUX_POLLIN | FLUX_POLLOUT);
    assert_false (raised (fd));
    flux_msg_destroy (msg);
    flux_close (h);

    /* also one that was there before the descriptor was */
    h = loop_open (0);
    msg = request ("r", 0);
    assert_int_equal (flux_requeue (h, msg, FLUX_RQ_HEAD), 0);
    assert_true (raised (flux_pollfd (h)));
    flux_msg_destroy (msg);
    flux_close (h);
}

static void watch_cb (flux_reactor_t *r, flux_watcher_t *w, int revents,
                      void *arg)
{
    int *n = arg;
    flux_t *h = flux_handle_watcher_get_flux (w);
    flux_msg_t *msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);

    assert_int_equal (revents, FLUX_POLLIN);
    assert_non_null (msg);
    flux_msg_destroy (msg);
    if (++(*n) == 3)
        flux_watcher_stop (w);
}

static void handle_watcher (void **state)
{
    flux_t *h = loop_open (0);
    flux_reactor_t *r = flux_get_reactor (h);
    flux_msg_t *msg = request ("r", 0);
    int n = 0;
    flux_watcher_t *w = flux_handle_watcher_create (r, h, FLUX_POLLIN, watch_cb,
                                                    &n);

    assert_non_null (w);
    flux_watcher_start (w);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1);
    assert_int_equal (n, 0);
    send (h, FLUX_MSGTYPE_EVENT, "a");
    assert_int_equal (flux_requeue (h, msg, FLUX_RQ_HEAD), 0);
    send (h, FLUX_MSGTYPE_EVENT, "b");
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (n, 3);
    assert_false (flux_watcher_is_active (w));
    /* unreferenced: does not keep the reactor */
    flux_watcher_unref (w);
    flux_watcher_start (w);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    flux_watcher_destroy (w);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    flux_msg_destroy (msg);
    flux_close (h);
}

static void configuration (void **state)
{
    flux_t *h = loop_open (0);
    flux_conf_t *conf = flux_conf_create ();
    const flux_conf_t *made = flux_get_conf (h);

    assert_non_null (made);
    assert_ptr_equal (flux_get_conf (h), made);
    assert_int_equal (flux_set_conf_new (h, conf), 0);
    assert_ptr_equal (flux_get_conf (h), conf);
    flux_close (h);
}

/* A connector with only the public operations, as from a DSO, that can fail. */
struct fake {
    struct msgq q;
    int fd;
    int error;
    int nrecon;
    int nsent;
};

static int fake_pollfd (void *impl)
{
    return ((struct fake *)impl)->fd;
}

static int fake_pollevents (void *impl)
{
    struct fake *f = impl;
    eventfd_t n;

    (void)eventfd_read (f->fd, &n);
    return FLUX_POLLOUT | (f->q.count > 0 ? FLUX_POLLIN : 0);
}

static int fake_send (void *impl, const flux_msg_t *msg, int flags)
{
    struct fake *f = impl;

    if (f->error) {
        errno = f->error;
        return -1;
    }
    f->nsent++;
    return 0;
}

static flux_msg_t *fake_recv (void *impl, int flags)
{
    struct fake *f = impl;
    flux_msg_t *msg = (flux_msg_t *)msgq_pop (&f->q);

    if (!msg)
        errno = f->error ? f->error : EAGAIN;
    return msg;
}

static int fake_reconnect (void *impl)
{
    struct fake *f = impl;
    f->error = 0;
    f->nrecon++;
    return 0;
}

static const struct flux_handle_ops fake_ops = {
    .pollfd = fake_pollfd,
    .pollevents = fake_pollevents,
    .send = fake_send,
    .recv = fake_recv,
    .reconnect = fake_reconnect,
};

static int ncomms;

static int comms_cb (flux_t *h, void *arg)
{
    ncomms++;
    assert_int_equal (errno, ECONNRESET);
    return arg ? flux_reconnect (h) : -1;
}

static void comms_error (void **state)
{
    struct fake f = { .fd = eventfd (0, EFD_NONBLOCK), .error = ECONNRESET };
    flux_t *h = flux_handle_create (&f, &fake_ops, 0);
    flux_msg_t *msg = request ("a", 0);

    ncomms = 0;
    assert_errno (flux_send (h, msg, 0) == -1, ECONNRESET);
    flux_comms_error_set (h, comms_cb, NULL);
    assert_errno (flux_send (h, msg, 0) == -1, ECONNRESET);
    assert_int_equal (ncomms, 1);
    assert_errno (!flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK), ECONNRESET);
    assert_int_equal (ncomms, 2);
    flux_comms_error_set (h, comms_cb, &f); /* mends it */
    assert_int_equal (flux_send (h, msg, 0), 0);
    assert_int_equal (f.nrecon, 1);
    assert_int_equal (f.nsent, 1);
    f.error = ECONNRESET;
    expect (h, FLUX_MATCH_ANY, NULL);
    assert_int_equal (f.nrecon, 2);
    flux_msg_destroy (msg);
    flux_close (h);
    close (f.fd);
}

static void foreign_connector (void **state)
{
    struct fake f = { .fd = eventfd (0, EFD_NONBLOCK) };
    flux_t *h = flux_handle_create (&f, &fake_ops, 0);
    flux_reactor_t *r = flux_get_reactor (h);
    int n = 0;
    flux_watcher_t *w = flux_handle_watcher_create (r, h, FLUX_POLLIN, watch_cb,
                                                    &n);

    flux_watcher_start (w);
    assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal (msgq_append (&f.q, request ("x", 0)), 0);
    assert_int_equal (eventfd_write (f.fd, 1), 0);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (n, 3);
    assert_true (flux_pollfd (h) >= 0);
    assert_int_equal (flux_pollevents (h), FLUX_POLLOUT);
    assert_int_equal (msgq_append (&f.q, request ("x", 0)), 0);
    assert_int_equal (eventfd_write (f.fd, 1), 0);
    assert_true (raised (flux_pollfd (h)));
    assert_int_equal (flux_pollevents (h), FLUX_POLLIN | FLUX_POLLOUT);
    expect (h, FLUX_MATCH_ANY, "x");
    flux_watcher_destroy (w);
    flux_close (h);
    msgq_release (&f.q);
    close (f.fd);
}

static void response (struct fake *f, const char *topic, uint32_t tag,
                      int errnum, bool streaming)
{
    flux_msg_t *req = request (topic, tag);
    flux_msg_t *msg;

    if (streaming)
        flux_msg_set_streaming (req);
    msg = msg_derive_response (req, errnum);
    flux_msg_destroy (req);
    assert_int_equal (msgq_append (&f->q, msg), 0);
}

/* After a reconnect, what was pending gets ECONNRESET, and nothing else does. */
static void rpctrack (void **state)
{
    struct fake f = { .fd = eventfd (0, EFD_NONBLOCK) };
    flux_t *h = flux_handle_create (&f, &fake_ops, FLUX_O_RPCTRACK);
    uint32_t seen = 0;
    flux_msg_t *msg;

    for (int i = 0; i <= 7; i++) {
        msg = request ("track", i);
        if (i == 3)
            flux_msg_set_noresponse (msg);
        if (i == 4 || i == 5)
            flux_msg_set_streaming (msg);
        if (i == 6) {
            flux_msg_route_enable (msg);
            assert_int_equal (flux_msg_route_push (msg, "else"), 0);
        }
        if (i == 7) {
            f.error = EHOSTUNREACH;
            assert_errno (flux_send (h, msg, 0) == -1, EHOSTUNREACH);
            f.error = 0;
        } else
            assert_int_equal (flux_send (h, msg, 0), 0);
        flux_msg_destroy (msg);
    }
    response (&f, "track", 2, 0, false);
    response (&f, "track", 4, 0, true);
    response (&f, "track", 5, ENODATA, true);
    for (int i = 0; i < 3; i++)
        expect (h, FLUX_MATCH_RESPONSE, "track");
    expect (h, FLUX_MATCH_ANY, NULL);
    assert_int_equal (flux_reconnect (h), 0);
    while ((msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK))) {
        int errnum;
        assert_int_equal (flux_msg_get_errnum (msg, &errnum), 0);
        assert_int_equal (errnum, ECONNRESET);
        assert_string_equal (msg_topic (msg), "track");
        seen |= 1u << msg->matchtag;
        flux_msg_destroy (msg);
    }
    assert_int_equal (seen, 1u << 1 | 1u << 4);
    assert_int_equal (flux_reconnect (h), 0);
    expect (h, FLUX_MATCH_ANY, NULL);
    flux_close (h);
    msgq_release (&f.q);
    close (f.fd);
}

/* What fn prints on stderr. */
static void capture (void (*fn) (void), char *buf, size_t size)
{
    int saved = dup (2);
    FILE *f = tmpfile ();
    size_t n;

    assert_non_null (f);
    assert_true (dup2 (fileno (f), 2) == 2);
    fn ();
    fflush (stderr);
    assert_true (dup2 (saved, 2) == 2);
    close (saved);
    rewind (f);
    n = fread (buf, 1, size - 1, f);
    buf[n] = '\0';
    fclose (f);
}

static void traced (void)
{
    flux_t *h = loop_open (FLUX_O_TRACE);
    flux_msg_t *msg = request ("a.b", 3);

    assert_int_equal (flux_send_new (h, &msg, 0), 0);
    expect (h, FLUX_MATCH_ANY, "a.b");
    flux_flags_unset (h, FLUX_O_TRACE);
    send (h, FLUX_MSGTYPE_EVENT, "quiet");
    msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_TRACE);
    flux_msg_destroy (msg);
    flux_close (h);
}

static void leaky (void)
{
    flux_t *h = loop_open (FLUX_O_MATCHDEBUG);

    (void)flux_matchtag_alloc (h);
    (void)flux_matchtag_alloc (h);
    flux_close (h);
    h = loop_open (FLUX_O_MATCHDEBUG);
    flux_matchtag_free (h, flux_matchtag_alloc (h));
    flux_close (h);
}

static void debugging (void **state)
{
    char buf[1024];
    char want[256];

    capture (traced, buf, sizeof (buf));
    snprintf (want, sizeof (want),
              "> request a.b nodeid=any matchtag=3\n"
              "< request a.b nodeid=any matchtag=3 user=%u roles=owner\n"
              "< event quiet seq=0 user=%u roles=owner\n",
              geteuid (), geteuid ());
    assert_string_equal (buf, want);
    capture (leaky, buf, sizeof (buf));
    assert_string_equal (buf, "flux: handle closed with 2 matchtags in use\n");
}

static void no_operations (void **state)
{
    static const struct flux_handle_ops none;
    flux_t *h = flux_handle_create (NULL, &none, 0);
    flux_msg_t *msg = request ("a", 0);

    assert_errno (flux_send (h, msg, 0) == -1, ENOSYS);
    assert_errno (flux_send_new (h, &msg, 0) == -1, ENOSYS);
    assert_non_null (msg);
    assert_errno (!flux_recv (h, FLUX_MATCH_ANY, 0), ENOSYS);
    assert_errno (flux_opt_set (h, "x", "", 1) == -1, EINVAL);
    flux_msg_destroy (msg);
    flux_close (h);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (send_recv),     cmocka_unit_test (bad_input),
        cmocka_unit_test (match_and_requeue), cmocka_unit_test (norequeue),
        cmocka_unit_test (many_requeued), cmocka_unit_test (references),
        cmocka_unit_test (clones),        cmocka_unit_test (flags),
        cmocka_unit_test (matchtags),     cmocka_unit_test (counters),
        cmocka_unit_test (mock_credentials), cmocka_unit_test (queue_counts),
        cmocka_unit_test (edge_triggered), cmocka_unit_test (handle_watcher),
        cmocka_unit_test (configuration), cmocka_unit_test (comms_error),
        cmocka_unit_test (foreign_connector), cmocka_unit_test (rpctrack),
        cmocka_unit_test (debugging),     cmocka_unit_test (no_operations),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
