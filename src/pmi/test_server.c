/* test_server.c - PMI-1 server, alone and with our client
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "pmi/client.h"
#include "pmi/server.h"
#include "pmi/wire.h"

struct ctx {
    struct pmi_server *s;
    char out[3][8192];      /* the last answer to each client */
    int aborted;
    int barriers;
    int failed;
    int refused;
    int fds[2][2];          /* socket pairs of the client tests */
};

static int to_buffer (void *arg, int client, const char *buf, size_t len)
{
    struct ctx *ctx = arg;

    assert_true (len < sizeof (ctx->out[0]));
    memcpy (ctx->out[client], buf, len);
    ctx->out[client][len] = '\0';
    return 0;
}

static void on_barrier (void *arg)
{
    struct ctx *ctx = arg;
    ctx->barriers++;
}

static void on_abort (void *arg, int client, int exit_code, const char *msg)
{
    struct ctx *ctx = arg;
    ctx->aborted = exit_code;
}

static void on_failed (void *arg, int count)
{
    struct ctx *ctx = arg;

    ctx->failed += count;
}

static void on_refused (void *arg, int client, int version)
{
    struct ctx *ctx = arg;

    ctx->refused = version;
}

static const struct pmi_server_ops buffer_ops = {
    .send = to_buffer,
    .failed = on_failed,
    .refused = on_refused,
    .barrier = on_barrier,
    .abort = on_abort,
};

static int setup (void **state)
{
    static struct ctx ctx;
    struct pmi_server_args args = { .size = 3, .nclients = 3, .kvsname = "kvs1" };

    memset (&ctx, 0, sizeof (ctx));
    ctx.s = pmi_server_new (&args, &buffer_ops, &ctx);
    assert_non_null (ctx.s);
    *state = &ctx;
    return 0;
}

static int teardown (void **state)
{
    struct ctx *ctx = *state;
    pmi_server_free (ctx->s);
    return 0;
}

static int say (struct ctx *ctx, int client, const char *s)
{
    ctx->out[client][0] = '\0';
    return pmi_server_input (ctx->s, client, s, strlen (s));
}

static void test_conversation (void **state)
{
    struct ctx *ctx = *state;

    assert_int_equal (say (ctx, 0, "cmd=init pmi_version=1 pmi_subversion=1\n"), 0);
    assert_string_equal (ctx->out[0], "cmd=response_to_init rc=0 pmi_version=1"
                                      " pmi_subversion=1\n");
    assert_int_equal (say (ctx, 0, "cmd=get_my_kvsname\n"), 0);
    assert_string_equal (ctx->out[0], "cmd=my_kvsname rc=0 kvsname=kvs1\n");
    assert_int_equal (say (ctx, 0, "cmd=put kvsname=kvs1 key=a value=b c=d\n"), 0);
    assert_string_equal (ctx->out[0], "cmd=put_result rc=0\n");
    assert_int_equal (say (ctx, 1, "cmd=get kvsname=kvs1 key=a\n"), 0);
    assert_string_equal (ctx->out[1], "cmd=get_result rc=0 value=b c=d\n");
    assert_int_equal (say (ctx, 1, "cmd=get kvsname=kvs1 key=nope\n"), 0);
    assert_non_null (strstr (ctx->out[1], "rc=-1"));
    assert_int_equal (say (ctx, 1, "cmd=get kvsname=other key=a\n"), 0);
    assert_non_null (strstr (ctx->out[1], "rc=-1"));
    assert_int_equal (say (ctx, 0, "cmd=put kvsname=kvs1 key=a value=again\n"), 0);
    assert_non_null (strstr (ctx->out[0], "rc=-1"));
    assert_int_equal (say (ctx, 2, "cmd=get_universe_size\n"), 0);
    assert_string_equal (ctx->out[2], "cmd=universe_size rc=0 size=3\n");
    assert_false (pmi_server_finalized (ctx->s, 2));
    assert_int_equal (say (ctx, 2, "cmd=finalize\n"), 0);
    assert_true (pmi_server_finalized (ctx->s, 2));
    char *text = pmi_server_take_new (ctx->s);
    assert_string_equal (text, "a=b c=d\n");
    free (text);
    text = pmi_server_take_new (ctx->s);
    assert_string_equal (text, "");
    free (text);
}

static void test_add (void **state)
{
    struct ctx *ctx = *state;
    const char *bad[] = { "a", "a=b", "a\n", "=b\n", "a b=c\n", "a=b\x01\n", "\n" };
    const char *twin;

    assert_int_equal (pmi_server_add (ctx->s, "", &twin), 0);
    assert_int_equal (pmi_server_add (ctx->s, "k=v=w x\nl=\n", &twin), 0);
    assert_null (twin);
    assert_string_equal (pmi_server_lookup (ctx->s, "k"), "v=w x");
    assert_string_equal (pmi_server_lookup (ctx->s, "l"), "");
    assert_int_equal (pmi_server_add (ctx->s, "k=v=w x\n", &twin), 0);
    assert_null (twin);
    assert_int_equal (pmi_server_add (ctx->s, "l=\nk=other\nm=1\n", &twin), 0);
    assert_string_equal (twin, "k");
    assert_string_equal (pmi_server_lookup (ctx->s, "k"), "other");
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad[0]); i++)
        assert_int_equal (pmi_server_add (ctx->s, bad[i], &twin), -EINVAL);
}

/* Whoever waits when another is gone is told, and whoever comes later. */
static void test_hangup (void **state)
{
    struct ctx *ctx = *state;

    assert_false (pmi_server_active (ctx->s, 1));
    assert_int_equal (say (ctx, 1, "cmd=init pmi_version=1 pmi_subversion=1\n"), 0);
    assert_true (pmi_server_active (ctx->s, 1));
    assert_int_equal (say (ctx, 0, "cmd=barrier_in\n"), 0);
    pmi_server_hangup (ctx->s, 1);
    pmi_server_hangup (ctx->s, 1);
    pmi_server_hangup (ctx->s, 7);
    assert_string_equal (ctx->out[0], "cmd=barrier_out rc=-1\n");
    assert_null (strstr (ctx->out[1], "barrier_out"));
    assert_int_equal (ctx->failed, 1);
    assert_int_equal (say (ctx, 2, "cmd=barrier_in\n"), 0);
    assert_string_equal (ctx->out[2], "cmd=barrier_out rc=-1\n");
    assert_int_equal (ctx->failed, 2);
    assert_int_equal (ctx->barriers, 0);
}

static void test_versions (void **state)
{
    struct ctx *ctx = *state;

    assert_int_equal (say (ctx, 0, "cmd=init pmi_version=2 pmi_subversion=0\n"), 0);
    assert_non_null (strstr (ctx->out[0], "cmd=response_to_init rc=-1 "));
    assert_int_equal (ctx->refused, 2);
    assert_false (pmi_server_active (ctx->s, 0));
}

static void test_barrier (void **state)
{
    struct ctx *ctx = *state;

    for (int round = 1; round <= 2; round++) {
        assert_int_equal (say (ctx, 0, "cmd=barrier_in\n"), 0);
        assert_int_equal (say (ctx, 2, "cmd=barrier_in\n"), 0);
        assert_int_equal (ctx->barriers, round - 1);
        assert_int_equal (say (ctx, 1, "cmd=barrier_in\n"), 0);
        assert_int_equal (ctx->barriers, round);
        assert_string_equal (ctx->out[0], "");
        assert_int_equal (pmi_server_barrier_done (ctx->s, 0), 0);
        for (int i = 0; i < 3; i++)
            assert_string_equal (ctx->out[i], "cmd=barrier_out rc=0\n");
    }
}

static void test_pieces (void **state)
{
    struct ctx *ctx = *state;
    const char *line = "cmd=get_appnum\ncmd=get_my_kvsname\n";

    for (const char *p = line; *p; p++)
        assert_int_equal (pmi_server_input (ctx->s, 0, p, 1), 0);
    assert_string_equal (ctx->out[0], "cmd=my_kvsname rc=0 kvsname=kvs1\n");
}

static void test_spawn_refused (void **state)
{
    struct ctx *ctx = *state;

    assert_int_equal (say (ctx, 0, "mcmd=spawn\nnprocs=1\nexecname=x\nendcmd\n"), 0);
    assert_string_equal (ctx->out[0], "cmd=spawn_result rc=-1\n");
}

static void test_hostile (void **state)
{
    struct ctx *ctx = *state;
    static char big[PMI_WIRE_LINE_MAX + 100];

    assert_int_equal (say (ctx, 0, "\n"), -EPROTO);
    assert_int_equal (say (ctx, 0, "hello\n"), -EPROTO);
    assert_int_equal (say (ctx, 0, "cmd=nonsense\n"), -EPROTO);
    assert_int_equal (say (ctx, 0, "cmd=put key=a value=b\n"), -EPROTO);
    assert_int_equal (say (ctx, 0, "cmd=put kvsname=kvs1 value=b\n"), -EPROTO);
    assert_int_equal (say (ctx, 0, "cmd=init pmi_version=x pmi_subversion=1\n"), -EPROTO);
    assert_int_equal (say (ctx, 0, "cmd=init\n"), -EPROTO);
    assert_int_equal (pmi_server_input (ctx->s, 0, "cmd=\0init\n", 10), -EPROTO);
    assert_int_equal (pmi_server_input (ctx->s, 3, "x", 1), -EINVAL);
    assert_int_equal (pmi_server_input (ctx->s, -1, "x", 1), -EINVAL);
    memset (big, 'x', sizeof (big));
    assert_int_equal (pmi_server_input (ctx->s, 1, big, sizeof (big)), -EPROTO);
    assert_int_equal (say (ctx, 2, "cmd=barrier_in\n"), 0);
    assert_int_equal (say (ctx, 2, "cmd=barrier_in\n"), -EPROTO);
    assert_int_equal (say (ctx, 0, "cmd=abort exitcode=7 error_msg=a b\n"), 0);
    assert_int_equal (ctx->aborted, 7);
    /* who waits in a barrier may give up */
    assert_int_equal (say (ctx, 2, "cmd=abort exitcode=8\n"), 0);
    assert_int_equal (ctx->aborted, 8);
}

static void test_too_long (void **state)
{
    struct ctx *ctx = *state;
    static char line[PMI_WIRE_LINE_MAX];
    int n = snprintf (line, sizeof (line), "cmd=put kvsname=kvs1 key=k value=");

    memset (line + n, 'v', PMI_WIRE_VALLEN_MAX);
    line[n + PMI_WIRE_VALLEN_MAX] = '\n';
    line[n + PMI_WIRE_VALLEN_MAX + 1] = '\0';
    assert_int_equal (say (ctx, 0, line), 0);
    assert_non_null (strstr (ctx->out[0], "rc=-1"));
    assert_null (pmi_server_lookup (ctx->s, "k"));
}

static void test_bad_args (void **state)
{
    struct pmi_server_args args = { .size = 1, .nclients = 2, .kvsname = "k" };

    assert_null (pmi_server_new (&args, &buffer_ops, NULL));
    args.nclients = 1;
    args.kvsname = "a b";
    assert_null (pmi_server_new (&args, &buffer_ops, NULL));
    args.kvsname = "k";
    struct pmi_server *s = pmi_server_new (&args, &buffer_ops, NULL);
    assert_non_null (s);
    assert_int_equal (pmi_server_set (s, "a b", "c"), -EINVAL);
    assert_int_equal (pmi_server_set (s, "a", "c\n"), -EINVAL);
    assert_int_equal (pmi_server_set (s, "a", "c"), 0);
    assert_string_equal (pmi_server_lookup (s, "a"), "c");
    pmi_server_free (s);
    pmi_server_free (NULL);
}

/* Two clients in threads against a server that this thread feeds. */

static int to_socket (void *arg, int client, const char *buf, size_t len)
{
    struct ctx *ctx = arg;
    return write (ctx->fds[client][0], buf, len) == (ssize_t)len ? 0 : -EIO;
}

struct peer {
    int fd;
    int rank;
    char other[64];
    int rc;
};

static void *peer_main (void *arg)
{
    struct peer *p = arg;
    struct pmi_client *c = pmi_client_open (p->fd, p->rank, 2, false, NULL, NULL);
    char key[16], card[32];
    const char *val;

    p->rc = c ? 0 : -1;
    if (!c)
        return NULL;
    snprintf (key, sizeof (key), "%d", p->rank);
    snprintf (card, sizeof (card), "card of %d", p->rank);
    p->rc |= pmi_client_put (c, key, card, NULL);
    p->rc |= pmi_client_barrier (c, NULL);
    snprintf (key, sizeof (key), "%d", 1 - p->rank);
    p->rc |= pmi_client_get (c, key, &val, NULL);
    if (p->rc == 0)
        snprintf (p->other, sizeof (p->other), "%s", val);
    if (pmi_client_get (c, "nothing", &val, NULL) != -ENOENT)
        p->rc = -1;
    p->rc |= pmi_client_finalize (c, NULL);
    pmi_client_close (c);
    return NULL;
}

static void test_clients (void **state)
{
    static struct ctx ctx;
    const struct pmi_server_ops ops = { .send = to_socket };
    struct pmi_server_args args = { .size = 2, .nclients = 2, .kvsname = "k" };
    struct peer peers[2] = { 0 };
    pthread_t t[2];
    bool open[2] = { true, true };

    ctx.s = pmi_server_new (&args, &ops, &ctx);
    for (int i = 0; i < 2; i++) {
        assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, ctx.fds[i]), 0);
        peers[i].fd = ctx.fds[i][1];
        peers[i].rank = i;
        assert_int_equal (pthread_create (&t[i], NULL, peer_main, &peers[i]), 0);
    }
    while (open[0] || open[1]) {
        fd_set set;
        FD_ZERO (&set);
        for (int i = 0; i < 2; i++)
            if (open[i])
                FD_SET (ctx.fds[i][0], &set);
        assert_true (select (64, &set, NULL, NULL, NULL) > 0);
        for (int i = 0; i < 2; i++) {
            char buf[512];
            if (!open[i] || !FD_ISSET (ctx.fds[i][0], &set))
                continue;
            ssize_t n = read (ctx.fds[i][0], buf, sizeof (buf));
            if (n <= 0)
                open[i] = false;
            else
                assert_int_equal (pmi_server_input (ctx.s, i, buf, n), 0);
        }
    }
    for (int i = 0; i < 2; i++) {
        pthread_join (t[i], NULL);
        assert_int_equal (peers[i].rc, 0);
        assert_true (pmi_server_finalized (ctx.s, i));
        close (ctx.fds[i][0]);
    }
    assert_string_equal (peers[0].other, "card of 1");
    assert_string_equal (peers[1].other, "card of 0");
    pmi_server_free (ctx.s);
}

static void test_client_errors (void **state)
{
    const char *answers[] = { "", "cmd=\n", "cmd=other rc=0\n",
                              "cmd=response_to_init rc=-1\n",
                              "cmd=response_to_init rc=x\n",
                              "cmd=response_to_init rc=0 pmi_version=2\n" };
    flux_error_t err;

    for (size_t i = 0; i < sizeof (answers) / sizeof (answers[0]); i++) {
        int fd[2];
        assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, fd), 0);
        assert_int_equal (write (fd[0], answers[i], strlen (answers[i])),
                          strlen (answers[i]));
        assert_int_equal (shutdown (fd[0], SHUT_WR), 0);
        err.text[0] = '\0';
        assert_null (pmi_client_open (fd[1], 0, 1, false, NULL, &err));
        assert_true (err.text[0] != '\0');
        close (fd[0]);
    }
    assert_null (pmi_client_open (0, 2, 2, false, NULL, &err));
    assert_int_equal (errno, EINVAL);
    setenv ("PMI_FD", "12x", 1);
    assert_null (pmi_client_open_env (false, NULL, &err));
    assert_int_equal (errno, EINVAL);
    unsetenv ("PMI_FD");
    assert_null (pmi_client_open_env (false, NULL, &err));
    assert_int_equal (errno, ENOENT);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown (test_conversation, setup, teardown),
        cmocka_unit_test_setup_teardown (test_barrier, setup, teardown),
        cmocka_unit_test_setup_teardown (test_add, setup, teardown),
        cmocka_unit_test_setup_teardown (test_hangup, setup, teardown),
        cmocka_unit_test_setup_teardown (test_versions, setup, teardown),
        cmocka_unit_test_setup_teardown (test_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown (test_spawn_refused, setup, teardown),
        cmocka_unit_test_setup_teardown (test_hostile, setup, teardown),
        cmocka_unit_test_setup_teardown (test_too_long, setup, teardown),
        cmocka_unit_test (test_bad_args),
        cmocka_unit_test (test_clients),
        cmocka_unit_test (test_client_errors),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
