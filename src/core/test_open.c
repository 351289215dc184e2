/* test_open.c - flux_open() and the connectors local:// and fd://
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include <flux/core/future.h>
#include <flux/core/handle.h>
#include <flux/core/msg_handler.h>
#include <flux/core/reactor.h>
#include <flux/core/rpc.h>

#include "core/message_private.h"
#include "core/relay.h"
#include "core/stream.h"

/* A broker of sorts: accepts connections, says 'welcome', and echoes messages
 * or, on topic "hangup", closes the connection. */
static char dir[] = "/tmp/test_open.XXXXXX";
static char path[64];
static char uri[80];
static int listener;
static _Atomic int welcome;         /* -1: close without a word */
static _Atomic int nconn;

static void serve (int fd)
{
    struct stream *s;
    flux_msg_t *msg;
    int rc;

    assert_int_equal (stream_new (fd, &s), 0);
    for (;;) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        while ((rc = stream_recv (s, &msg)) == 0) {
            const char *topic = msg_topic (msg);
            if (topic && !strcmp (topic, "hangup")) {
                flux_msg_destroy (msg);
                goto done;
            }
            if (stream_send (s, msg, 0) == 0)
                (void)stream_drain (s, -1);
            flux_msg_destroy (msg);
        }
        if (rc != -EAGAIN)
            break;
        (void)poll (&pfd, 1, -1);
    }
done:
    stream_free (s);
}

static void *server (void *arg)
{
    for (;;) {
        int fd = accept (listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        nconn++;
        if (welcome < 0) {
            close (fd);
            continue;
        }
        uint8_t byte = welcome;
        if (write (fd, &byte, 1) != 1 || welcome != 0)
            close (fd);
        else
            serve (fd);
    }
}

static pthread_t thread;

static int setup (void **state)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };

    if (!mkdtemp (dir))
        return -1;
    snprintf (path, sizeof (path), "%s/local", dir);
    snprintf (uri, sizeof (uri), "local://%s", path);
    memcpy (sa.sun_path, path, strlen (path) + 1);
    listener = socket (AF_UNIX, SOCK_STREAM, 0);
    if (bind (listener, (struct sockaddr *)&sa, sizeof (sa)) < 0
        || listen (listener, 5) < 0)
        return -1;
    unsetenv ("FLUX_URI");
    unsetenv ("FLUX_HANDLE_USERID");
    unsetenv ("FLUX_HANDLE_ROLEMASK");
    return pthread_create (&thread, NULL, server, NULL);
}

static int teardown (void **state)
{
    shutdown (listener, SHUT_RDWR);
    pthread_join (thread, NULL);
    close (listener);
    unlink (path);
    rmdir (dir);
    return 0;
}

static flux_msg_t *request (const char *topic, size_t size)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    char *buf = calloc (1, size + 1);

    assert_non_null (msg);
    assert_int_equal (flux_msg_set_topic (msg, topic), 0);
    assert_int_equal (flux_msg_set_payload (msg, buf, size), 0);
    free (buf);
    return msg;
}

static void echo (flux_t *h, size_t size)
{
    flux_msg_t *msg = request ("echo", size);
    flux_msg_t *got;

    assert_int_equal (flux_send (h, msg, 0), 0);
    assert_non_null (got = flux_recv (h, FLUX_MATCH_REQUEST, 0));
    assert_int_equal (got->payload_size, size);
    flux_msg_destroy (msg);
    flux_msg_destroy (got);
}

static void refused (const char *u, int errnum, const char *text)
{
    flux_error_t err = { "" };

    errno = 0;
    assert_null (flux_open_ex (u, 0, &err));
    assert_int_equal (errno, errnum);
    if (!strstr (err.text, text))
        fail_msg ("'%s' does not contain '%s'", err.text, text);
    errno = 0;
    assert_null (flux_open (u, 0));
    assert_int_equal (errno, errnum);
}

static void bad_uris (void **state)
{
    flux_error_t err;
    char longpath[300];

    refused ("", EINVAL, "not a URI");
    refused ("foo", EINVAL, "not a URI");
    refused ("/tmp/x", EINVAL, "not a URI");
    refused ("...", EINVAL, "not a URI");
    refused ("a b://x", EINVAL, "not a URI");
    refused ("://x", EINVAL, "not a URI");
    refused ("nope://x", ENOENT, "nope.so");
    refused ("../nope://x", EINVAL, "not a URI");
    refused ("local://", EINVAL, "path");
    refused ("local:///nonexistent/sock", ENOENT, "is the instance running");
    memset (longpath, 'x', sizeof (longpath));
    memcpy (longpath, "local:///", 9);
    longpath[299] = '\0';
    refused (longpath, ENAMETOOLONG, "cannot connect");
    refused ("fd://", EINVAL, "not a file descriptor");
    refused ("fd://x", EINVAL, "not a file descriptor");
    refused ("fd://-1", EINVAL, "not a file descriptor");
    refused ("fd://99999999999999999999", EINVAL, "not a file descriptor");
    refused ("fd://1000", EBADF, "Bad file");
    errno = 0;
    assert_null (flux_open_ex ("loop://", 1 << 30, &err));
    assert_int_equal (errno, EINVAL);
    assert_null (flux_open ("loop://", FLUX_O_CLONE));
}

static void local_socket (void **state)
{
    flux_t *h = flux_open (uri, 0);

    assert_non_null (h);
    for (int i = 0; i < 100; i++)
        echo (h, i);
    echo (h, 100000);
    echo (h, 3000000); /* more than the socket holds, both ways at once */
    flux_close (h);
}

static void default_uri (void **state)
{
    flux_t *h;

    assert_int_equal (setenv ("FLUX_URI", uri, 1), 0);
    assert_non_null (h = flux_open (NULL, 0));
    echo (h, 1);
    flux_close (h);
    assert_non_null (h = flux_open (".", 0));
    echo (h, 1);
    flux_close (h);
    assert_int_equal (setenv ("FLUX_URI", "bogus", 1), 0);
    refused (NULL, EINVAL, "bogus");
    unsetenv ("FLUX_URI");
}

static void not_welcome (void **state)
{
    welcome = EPERM;
    refused (uri, EPERM, "refused by the broker");
    welcome = -1;
    refused (uri, ECONNRESET, "refused by the broker");
    welcome = 0;
}

static void hangup (flux_t *h)
{
    flux_msg_t *msg = request ("hangup", 0);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
}

static int comms_cb (flux_t *h, void *arg)
{
    int *n = arg;
    (*n)++;
    return flux_reconnect (h);
}

static void reconnecting (void **state)
{
    flux_t *h = flux_open (uri, FLUX_O_RPCTRACK);
    flux_msg_t *msg;
    int before = nconn, n = 0;

    assert_non_null (h);
    hangup (h);
    assert_null (flux_recv (h, FLUX_MATCH_ANY, 0));
    assert_int_equal (errno, ECONNRESET);
    assert_null (flux_recv (h, FLUX_MATCH_ANY, 0));
    assert_int_equal (flux_reconnect (h), 0);
    echo (h, 10);
    assert_int_equal (nconn, before + 1);

    /* from the comms error callback, with an RPC pending */
    flux_comms_error_set (h, comms_cb, &n);
    msg = request ("hangup", 0);
    assert_int_equal (flux_msg_set_matchtag (msg, flux_matchtag_alloc (h)), 0);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
    msg = flux_recv (h, FLUX_MATCH_RESPONSE, 0);
    assert_non_null (msg);
    assert_int_equal (msg->errnum, ECONNRESET);
    assert_int_equal (n, 1);
    flux_msg_destroy (msg);
    echo (h, 10);
    flux_close (h);
}

static void mock_from_environment (void **state)
{
    flux_t *h;
    flux_msg_t *msg;

    assert_int_equal (setenv ("FLUX_HANDLE_USERID", "9999", 1), 0);
    assert_int_equal (setenv ("FLUX_HANDLE_ROLEMASK", "0x8", 1), 0);
    assert_non_null (h = flux_open ("loop://", 0));
    msg = request ("a", 0);
    assert_int_equal (flux_send_new (h, &msg, 0), 0);
    assert_non_null (msg = flux_recv (h, FLUX_MATCH_ANY, 0));
    assert_int_equal (msg->userid, 9999);
    assert_int_equal (msg->rolemask, FLUX_ROLE_ADMIN);
    flux_msg_destroy (msg);
    flux_close (h);
    assert_int_equal (setenv ("FLUX_HANDLE_ROLEMASK", "9x", 1), 0);
    refused ("loop://", EINVAL, "FLUX_HANDLE_ROLEMASK=9x");
    assert_int_equal (setenv ("FLUX_HANDLE_ROLEMASK", "2", 1), 0);
    assert_int_equal (setenv ("FLUX_HANDLE_USERID", "-1", 1), 0);
    refused ("loop://", EINVAL, "FLUX_HANDLE_USERID=-1");
    unsetenv ("FLUX_HANDLE_USERID");
    unsetenv ("FLUX_HANDLE_ROLEMASK");
    assert_int_equal (setenv ("FLUX_HANDLE_MATCHDEBUG", "1", 1), 0);
    assert_non_null (h = flux_open ("loop://", FLUX_O_NONBLOCK));
    assert_int_equal (flux_flags_get (h),
                      FLUX_O_NONBLOCK | FLUX_O_MATCHDEBUG);
    flux_close (h);
    unsetenv ("FLUX_HANDLE_MATCHDEBUG");
}

static bool raised (int fd, int ms)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    return poll (&pfd, 1, ms) == 1;
}

static flux_t *open_fd (int sv[2])
{
    char buf[32];
    flux_t *h;

    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, sv), 0);
    snprintf (buf, sizeof (buf), "fd://%d", sv[0]);
    assert_non_null (h = flux_open (buf, 0));
    return h;
}

static void inherited_socket (void **state)
{
    int sv[2];
    flux_t *h = open_fd (sv);
    struct stream *s;
    flux_msg_t *msg = request ("x", 5);
    flux_msg_t *got;
    int fd = flux_pollfd (h);

    assert_int_equal (stream_new (sv[1], &s), 0);
    assert_int_equal (flux_send (h, msg, 0), 0);
    assert_int_equal (stream_recv (s, &got), 0);
    assert_int_equal (got->userid, FLUX_USERID_UNKNOWN);
    (void)flux_pollevents (h);
    assert_false (raised (fd, 0));
    assert_int_equal (stream_send (s, got, 0), 0);
    assert_true (raised (fd, 1000));
    assert_true (flux_pollevents (h) & FLUX_POLLIN);
    flux_msg_destroy (got);
    assert_non_null (got = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK));
    flux_msg_destroy (got);
    assert_int_equal (flux_pollevents (h), FLUX_POLLOUT);
    assert_false (raised (fd, 0));
    errno = 0;
    assert_int_equal (flux_reconnect (h), -1);
    assert_int_equal (errno, ENOSYS);
    stream_free (s);
    assert_true (raised (fd, 1000));
    assert_null (flux_recv (h, FLUX_MATCH_ANY, 0));
    assert_int_equal (errno, ECONNRESET);
    flux_msg_destroy (msg);
    flux_close (h);
}

/* A handle that may not block queues, up to a limit; its reactor sends the
 * rest; closing does too. */
/* fd://N+PATH: what was inherited is lost, and made anew by path. */
static void inherited_and_again (void **state)
{
    const char *path = uri + strlen ("local://");
    char buf[256];
    int sv[2];
    flux_t *h;

    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, sv), 0);
    snprintf (buf, sizeof (buf), "fd://%d+%s", sv[0], path);
    assert_non_null (h = flux_open (buf, 0));
    close (sv[1]);
    assert_null (flux_recv (h, FLUX_MATCH_ANY, 0));
    assert_int_equal (errno, ECONNRESET);
    assert_int_equal (flux_reconnect (h), 0);
    echo (h, 3);
    flux_close (h);
}

static void no_answer (flux_future_t *f, void *arg)
{
    fail ();
}

static int forget (flux_t *h, void *arg)
{
    flux_future_t **f = arg;

    flux_future_destroy (*f);
    *f = NULL;
    return -1;
}

/* A connection that is lost stops the loop, unless all that waits for it is ended. */
static void lost_on_reactor (void **state)
{
    for (int i = 0; i < 2; i++) {
        int sv[2];
        flux_t *h = open_fd (sv);
        flux_reactor_t *r = flux_get_reactor (h);
        flux_future_t *f = flux_rpc (h, "x", NULL, 0, 0);

        assert_int_equal (flux_future_then (f, -1., no_answer, NULL), 0);
        if (i == 1)
            flux_comms_error_set (h, forget, &f);
        close (sv[1]);
        errno = 0;
        assert_int_equal (flux_reactor_run (r, 0), i == 1 ? 0 : -1);
        assert_int_equal (f == NULL, i == 1);
        flux_future_destroy (f);
        flux_close (h);
    }
}

static void nonblocking (void **state)
{
    int sv[2];
    flux_t *h = open_fd (sv);
    struct stream *s;
    flux_msg_t *msg = request ("x", 10000);
    flux_msg_t *got;
    int sent = 0, n = 0;

    assert_int_equal (stream_new (sv[1], &s), 0);
    while (flux_send (h, msg, FLUX_O_NONBLOCK) == 0)
        sent++;
    assert_int_equal (errno, EAGAIN);
    assert_true (sent > 100 && sent < 1000);
    assert_int_equal (flux_pollevents (h), 0);
    while (n < sent - 10) {
        int rc = stream_recv (s, &got);
        if (rc == 0) {
            n++;
            flux_msg_destroy (got);
        } else
            (void)flux_pollevents (h);
    }
    flux_close (h);
    while (stream_recv (s, &got) == 0) {
        n++;
        flux_msg_destroy (got);
    }
    assert_int_equal (n, sent);
    flux_msg_destroy (msg);
    stream_free (s);
}

/* Two blocking handles that send each other more than their sockets hold, and
 * only then receive, do not wait for each other. */
static void *send_many (void *arg)
{
    flux_t *h = arg;
    flux_msg_t *msg = request ("x", 10000);
    int n;

    for (int i = 0; i < 500; i++)
        assert_int_equal (flux_send (h, msg, 0), 0);
    flux_msg_destroy (msg);
    for (n = 0; n < 500; n++) {
        assert_non_null (msg = flux_recv (h, FLUX_MATCH_ANY, 0));
        flux_msg_destroy (msg);
    }
    return NULL;
}

static void no_deadlock (void **state)
{
    int sv[2];
    flux_t *h = open_fd (sv);
    flux_t *h2;
    char buf[32];
    pthread_t t;

    snprintf (buf, sizeof (buf), "fd://%d", sv[1]);
    assert_non_null (h2 = flux_open (buf, 0));
    assert_int_equal (pthread_create (&t, NULL, send_many, h2), 0);
    send_many (h);
    pthread_join (t, NULL);
    flux_close (h);
    flux_close (h2);
}

/* On a reactor: messages that came in one read are all dispatched, and output
 * that the socket did not take goes out by itself. */
static int nevents;

static void event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    if (++nevents == 300)
        flux_msg_handler_stop (mh);
}

static void on_reactor (void **state)
{
    int sv[2];
    flux_t *h = open_fd (sv);
    flux_reactor_t *r = flux_get_reactor (h);
    flux_msg_handler_t *mh = flux_msg_handler_create (h, FLUX_MATCH_EVENT,
                                                      event_cb, NULL);
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_EVENT);
    struct flux_msg_cred cred = { 1, FLUX_ROLE_OWNER };
    struct stream *s;

    assert_int_equal (stream_new (sv[1], &s), 0);
    assert_int_equal (flux_msg_set_topic (msg, "e"), 0);
    assert_int_equal (flux_msg_set_cred (msg, cred), 0);
    for (int i = 0; i < 300; i++)
        assert_int_equal (stream_send (s, msg, STREAM_DEFER), 0);
    assert_int_equal (stream_drain (s, -1), 0);
    flux_msg_handler_start (mh);
    assert_int_equal (flux_reactor_run (r, 0), 0);
    assert_int_equal (nevents, 300);

    flux_msg_destroy (msg);
    msg = request ("x", 10000);
    int sent = 0, n = 0;
    while (flux_send (h, msg, FLUX_O_NONBLOCK) == 0)
        sent++;
    flux_msg_destroy (msg);
    flux_msg_handler_start (mh);
    while (n < sent) {
        int rc = stream_recv (s, &msg);
        assert_true (rc == 0 || rc == -EAGAIN);
        if (rc == 0) {
            n++;
            flux_msg_destroy (msg);
        } else
            assert_int_equal (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1);
    }
    stream_free (s);
    errno = 0;
    assert_int_equal (flux_reactor_run (r, 0), -1); /* the peer is gone */
    assert_int_equal (errno, ECONNRESET);
    flux_msg_handler_destroy (mh);
    flux_close (h);
}

/* An "ssh" that runs the command here.  It notes how it was called. */
static char ssh[64];
static char notes[64];

static void make_ssh (void)
{
    char self[200];
    FILE *f;
    ssize_t n = readlink ("/proc/self/exe", self, sizeof (self) - 1);

    assert_true (n > 0);
    self[n] = '\0';
    snprintf (ssh, sizeof (ssh), "%s/ssh", dir);
    snprintf (notes, sizeof (notes), "%s/notes", dir);
    assert_non_null (f = fopen (ssh, "w"));
    fprintf (f, "#!/bin/sh\necho \"$@\" >%s\n"
             "test \"$1\" = -p && shift 2\nshift; exec sh -c \"$*\"\n", notes);
    fclose (f);
    assert_int_equal (chmod (ssh, 0700), 0);
    assert_int_equal (setenv ("FLUX_SSH", ssh, 1), 0);
    assert_int_equal (setenv ("FLUX_SSH_RCMD", self, 1), 0);
}

static void expect_notes (const char *start)
{
    char buf[400] = "";
    FILE *f = fopen (notes, "r");

    assert_non_null (f);
    assert_non_null (fgets (buf, sizeof (buf), f));
    fclose (f);
    if (strncmp (buf, start, strlen (start)) != 0)
        fail_msg ("'%s' does not start with '%s'", buf, start);
}

static void over_ssh (void **state)
{
    char u[200];
    flux_t *h;

    make_ssh ();
    snprintf (u, sizeof (u), "ssh://me@host:222%s", path);
    assert_non_null (h = flux_open (u, 0));
    expect_notes ("-p 222 me@host '");
    for (int i = 0; i < 10; i++)
        echo (h, 1000 * i);
    echo (h, 3000000);
    hangup (h);
    assert_null (flux_recv (h, FLUX_MATCH_ANY, 0));
    assert_int_equal (errno, ECONNRESET);
    assert_int_equal (flux_reconnect (h), 0);
    echo (h, 10);
    flux_close (h);

    snprintf (u, sizeof (u), "ssh://host%s", path);
    assert_non_null (h = flux_open (u, 0));
    expect_notes ("host '");
    flux_close (h);

    refused ("ssh://host/nonexistent/so'ck", ENOENT, "cannot reach");
    expect_notes ("host '");
    welcome = EPERM;
    refused (u, EPERM, "cannot reach");
    welcome = 0;
    const char *bad[] = { "ssh://", "ssh:///x", "ssh://host", "ssh://-oX/x",
                          "ssh://host:/x", "ssh://host:0/x", "ssh://host:x/x",
                          "ssh://host:99999/x", "ssh://:22/x" };
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        refused (bad[i], EINVAL, "expected ssh://");
    assert_int_equal (setenv ("FLUX_SSH", "/nonexistent/ssh", 1), 0);
    refused (u, ENOENT, "/nonexistent/ssh");
    assert_int_equal (setenv ("FLUX_SSH", "/bin/false", 1), 0);
    refused (u, ECONNRESET, "cannot reach");
    unsetenv ("FLUX_SSH");
    unsetenv ("FLUX_SSH_RCMD");
    unlink (ssh);
    unlink (notes);
}

int main (int argc, char *argv[])
{
    if (argc == 3 && !strcmp (argv[1], "relay"))
        return relay_run (argv[2], 0, 1, NULL) < 0;

    const struct CMUnitTest tests[] = {
        cmocka_unit_test (bad_uris),     cmocka_unit_test (local_socket),
        cmocka_unit_test (default_uri),  cmocka_unit_test (not_welcome),
        cmocka_unit_test (reconnecting), cmocka_unit_test (mock_from_environment),
        cmocka_unit_test (inherited_socket),
        cmocka_unit_test (inherited_and_again), cmocka_unit_test (lost_on_reactor), cmocka_unit_test (nonblocking),
        cmocka_unit_test (no_deadlock),  cmocka_unit_test (on_reactor),
        cmocka_unit_test (over_ssh),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
