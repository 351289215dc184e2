/* bench_msg.c - what a message costs
 *
 * Round trips of a request and its response between a client (as flux_rpc() does
 * it, without the future) and a service, each on a reactor: in one thread
 * (one reactor), in two, and over a socket.  "window" is how many requests are
 * under way at a time.  Usage: bench_msg [ROUNDTRIPS]
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include <flux/core.h>

#include "core/dispatch.h"
#include "core/inproc.h"

struct client {
    flux_t *h;
    int sent;
    int done;
    int total;
    int window;
    bool json;
};

static void die (const char *what)
{
    fprintf (stderr, "bench_msg: %s: %s\n", what, strerror (errno));
    exit (1);
}

static double now (clockid_t clock)
{
    struct timespec ts;

    clock_gettime (clock, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static void answer_cb (flux_t *h, const flux_msg_t *msg, void *arg);

static void ask (struct client *c)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    struct flux_msg_cred owner = { 0, FLUX_ROLE_OWNER };
    uint32_t tag = flux_matchtag_alloc (c->h);

    if (!msg || flux_msg_set_topic (msg, "service.method") < 0
        || flux_msg_set_cred (msg, owner) < 0
        || flux_msg_set_matchtag (msg, tag) < 0
        || dispatch_rpc_add (c->h, tag, answer_cb, c) < 0)
        die ("request");
    flux_msg_route_enable (msg);
    if (c->json)
        if (flux_msg_pack (msg, "{s:i s:s}", "id", c->sent, "key", "a.b") < 0)
            die ("pack");
    if (flux_send_new (c->h, &msg, 0) < 0)
        die ("send");
    c->sent++;
}

static void answer_cb (flux_t *h, const flux_msg_t *msg, void *arg)
{
    struct client *c = arg;
    uint32_t tag = FLUX_MATCHTAG_NONE;
    int errnum;
    int id;

    if (flux_msg_get_errnum (msg, &errnum) < 0 || errnum != 0)
        die ("error response");
    (void)flux_msg_get_matchtag (msg, &tag);
    dispatch_rpc_del (h, tag);
    flux_matchtag_free (h, tag);
    if (c->json && flux_msg_unpack (msg, "{s:i}", "id", &id) < 0)
        die ("unpack response");
    if (++c->done == c->total)
        flux_reactor_stop (flux_get_reactor (h));
    else if (c->sent < c->total)
        ask (c);
}

static void request_cb (flux_t *h, flux_msg_handler_t *mh,
                        const flux_msg_t *msg, void *arg)
{
    bool json = *(bool *)arg;
    const char *key;
    int id;

    if (!json) {
        if (flux_respond (h, msg, NULL) < 0)
            die ("respond");
        return;
    }
    if (flux_msg_unpack (msg, "{s:i s:s}", "id", &id, "key", &key) < 0
        || flux_respond_pack (h, msg, "{s:i s:s}", "id", id, "value", key) < 0)
        die ("respond");
}

static flux_msg_handler_t *serve (flux_t *h, bool *json)
{
    struct flux_match m = FLUX_MATCH_REQUEST;
    flux_msg_handler_t *mh;

    m.topic_glob = "service.method";
    if (!(mh = flux_msg_handler_create (h, m, request_cb, json)))
        die ("handler");
    flux_msg_handler_allow_rolemask (mh, FLUX_ROLE_ALL);
    flux_msg_handler_start (mh);
    return mh;
}

static void *service_thread (void *arg)
{
    void **args = arg;
    flux_reactor_t *r = flux_reactor_create (0);
    flux_msg_handler_t *mh;

    if (!r || flux_set_reactor (args[0], r) < 0)
        die ("reactor");
    mh = serve (args[0], args[1]);
    (void)flux_reactor_run (r, 0); /* until the client closes */
    flux_msg_handler_destroy (mh);
    flux_close (args[0]);
    flux_reactor_destroy (r);
    return NULL;
}

static void ask_all (struct client *c)
{
    for (int i = 0; i < c->window; i++)
        ask (c);
    if (flux_reactor_run (flux_get_reactor (c->h), 0) < 0)
        die ("reactor");
}

static void one_thread (flux_t *pair[2], struct client *c)
{
    flux_msg_handler_t *mh;

    if (flux_set_reactor (pair[1], flux_get_reactor (c->h)) < 0)
        die ("reactor");
    mh = serve (pair[1], &c->json);
    ask_all (c);
    flux_msg_handler_destroy (mh);
    flux_close (pair[1]);
}

static void two_threads (flux_t *pair[2], struct client *c)
{
    void *args[] = { pair[1], &c->json };
    pthread_t t;

    if (pthread_create (&t, NULL, service_thread, args) != 0)
        die ("thread");
    ask_all (c);
    flux_close (c->h);
    c->h = NULL;
    pthread_join (t, NULL);
}

static void socket_pair (flux_t *pair[2])
{
    int fd[2];
    char uri[32];

    if (socketpair (AF_UNIX, SOCK_STREAM, 0, fd) < 0)
        die ("socketpair");
    for (int i = 0; i < 2; i++) {
        snprintf (uri, sizeof (uri), "fd://%d", fd[i]);
        if (!(pair[i] = flux_open (uri, 0)))
            die (uri);
    }
}

static void run (const char *name, bool socket, bool threads, bool json,
                 int window, int total)
{
    struct client c = { .total = total, .window = window, .json = json };
    flux_t *pair[2];
    double wall, cpu;

    if (socket)
        socket_pair (pair);
    else if ((errno = -inproc_pair (pair)) != 0)
        die ("inproc_pair");
    c.h = pair[0];
    wall = now (CLOCK_MONOTONIC);
    cpu = now (CLOCK_PROCESS_CPUTIME_ID);
    if (threads)
        two_threads (pair, &c);
    else
        one_thread (pair, &c);
    wall = now (CLOCK_MONOTONIC) - wall;
    cpu = now (CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf ("%-28s %-5s %6d %12.0f %10.2f %10.2f\n", name, json ? "json" : "-",
            window, total / wall, wall / total * 1e6, cpu / total * 1e6);
    flux_close (c.h);
}

int main (int argc, char *argv[])
{
    int n = argc > 1 ? (int)strtol (argv[1], NULL, 10) : 200000;

    if (n <= 0) {
        fprintf (stderr, "usage: bench_msg [ROUNDTRIPS]\n");
        return 1;
    }
    printf ("%-28s %-5s %6s %12s %10s %10s\n", "where", "body", "window",
            "trips/s", "wall us", "cpu us");
    for (int json = 0; json < 2; json++) {
        run ("in process, one thread", false, false, json, 1, n);
        run ("in process, one thread", false, false, json, 64, n);
        run ("in process, two threads", false, true, json, 1, n);
        run ("in process, two threads", false, true, json, 64, n);
        run ("socket, two threads", true, true, json, 1, n);
        run ("socket, two threads", true, true, json, 64, n);
    }
    return 0;
}
