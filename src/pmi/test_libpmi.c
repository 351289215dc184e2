/* test_libpmi.c - the calls of libpmi.so and libpmi2.so
 *
 * Each client is a process, as the libraries have one connection a process; the test
 * is their server.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <flux/pmi.h>
#include <flux/pmi2.h>

#include "pmi/server.h"

#define SIZE 3

struct ctx {
    struct pmi_server *server;
    int fds[SIZE];
    pid_t pids[SIZE];
    int aborted;
    char message[64];
};

static int send_cb (void *arg, int client, const char *buf, size_t len)
{
    struct ctx *ctx = arg;

    return write (ctx->fds[client], buf, len) == (ssize_t)len ? 0 : -EIO;
}

static void abort_cb (void *arg, int client, int exit_code, const char *msg)
{
    struct ctx *ctx = arg;

    ctx->aborted = exit_code;
    snprintf (ctx->message, sizeof (ctx->message), "%s", msg);
}

static const struct pmi_server_ops ops = { .send = send_cb, .abort = abort_cb };

/* cmocka's own checks work only in the test's process. */
#define CHECK(e) \
    do { \
        if (!(e)) { \
            fprintf (stderr, "# %s:%d: %s\n", __FILE__, __LINE__, #e); \
            _exit (99); \
        } \
    } while (0)

static void start_client (struct ctx *ctx, int rank, void (*fun) (int rank))
{
    int sv[2];
    char num[16];

    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, sv), 0);
    ctx->fds[rank] = sv[0];
    if ((ctx->pids[rank] = fork ()) == 0) {
        alarm (30);
        snprintf (num, sizeof (num), "%d", sv[1]);
        setenv ("PMI_FD", num, 1);
        snprintf (num, sizeof (num), "%d", rank);
        setenv ("PMI_RANK", num, 1);
        setenv ("PMI_SIZE", "3", 1);
        unsetenv ("PMI_SPAWNED");
        for (int i = 0; i <= rank; i++)
            close (ctx->fds[i]);
        fun (rank);
        _exit (0);
    }
    close (sv[1]);
}

static void serve (struct ctx *ctx)
{
    struct pollfd p[SIZE];
    int left = SIZE;

    for (int i = 0; i < SIZE; i++)
        p[i] = (struct pollfd){ .fd = ctx->fds[i], .events = POLLIN };
    while (left > 0) {
        assert_true (poll (p, SIZE, 30000) > 0);
        for (int i = 0; i < SIZE; i++) {
            char buf[8192];
            ssize_t n;
            if (p[i].fd < 0 || !p[i].revents)
                continue;
            if ((n = read (p[i].fd, buf, sizeof (buf))) <= 0) {
                close (p[i].fd);
                p[i].fd = -1;
                left--;
            }
            else
                assert_int_equal (pmi_server_input (ctx->server, i, buf, n), 0);
        }
    }
}

/* Run three clients; *codes are their exit codes. */
static void run (struct ctx *ctx, const char *mapping, void (*fun) (int rank), int codes[SIZE])
{
    struct pmi_server_args args = { .size = SIZE, .nclients = SIZE, .kvsname = "kvs",
                                    .universe_size = 8 };

    memset (ctx, 0, sizeof (*ctx));
    assert_non_null (ctx->server = pmi_server_new (&args, &ops, ctx));
    if (mapping)
        assert_int_equal (pmi_server_set (ctx->server, "PMI_process_mapping", mapping), 0);
    for (int i = 0; i < SIZE; i++)
        start_client (ctx, i, fun);
    serve (ctx);
    for (int i = 0; i < SIZE; i++) {
        int status;
        assert_int_equal (waitpid (ctx->pids[i], &status, 0), ctx->pids[i]);
        codes[i] = WIFEXITED (status) ? WEXITSTATUS (status) : -1;
    }
    pmi_server_free (ctx->server);
}

static void run_all (const char *mapping, void (*fun) (int rank))
{
    struct ctx ctx;
    int codes[SIZE];

    run (&ctx, mapping, fun, codes);
    for (int i = 0; i < SIZE; i++)
        assert_int_equal (codes[i], 0);
    assert_int_equal (ctx.aborted, 0);
}

/* PMI-1 */

static void init1 (int rank)
{
    int n = -1;

    CHECK (PMI_Initialized (&n) == PMI_SUCCESS && n == 0);
    CHECK (PMI_Get_rank (&n) == PMI_ERR_INIT && n == 0);
    CHECK (PMI_Barrier () == PMI_ERR_INIT);
    CHECK (PMI_Init (NULL) == PMI_ERR_INVALID_ARG);
    CHECK (PMI_Init (&n) == PMI_SUCCESS && n == 0);
    CHECK (PMI_Init (&n) == PMI_FAIL);
    CHECK (PMI_Initialized (&n) == PMI_SUCCESS && n == 1);
    CHECK (PMI_Get_rank (&n) == PMI_SUCCESS && n == rank);
}

static void life1 (int rank)
{
    int n = -1;
    char name[64];

    init1 (rank);
    CHECK (PMI_Get_rank (NULL) == PMI_ERR_INVALID_ARG);
    CHECK (PMI_Get_size (&n) == PMI_SUCCESS && n == SIZE);
    CHECK (PMI_Get_universe_size (&n) == PMI_SUCCESS && n == 8);
    CHECK (PMI_Get_appnum (&n) == PMI_SUCCESS && n == 0);
    CHECK (PMI_KVS_Get_name_length_max (&n) == PMI_SUCCESS && n == 256);
    CHECK (PMI_KVS_Get_key_length_max (&n) == PMI_SUCCESS && n == 256);
    CHECK (PMI_KVS_Get_value_length_max (&n) == PMI_SUCCESS && n == 4096);
    CHECK (PMI_KVS_Get_my_name (name, sizeof (name)) == PMI_SUCCESS && strcmp (name, "kvs") == 0);
    CHECK (PMI_Get_id (name, 3) == PMI_ERR_INVALID_LENGTH);
    CHECK (PMI_Publish_name ("a", "b") == PMI_FAIL);
    CHECK (PMI_Finalize () == PMI_SUCCESS);
    CHECK (PMI_Finalize () == PMI_ERR_INIT);
}

static void exchange1 (int rank)
{
    char key[32];
    char val[4096];
    char big[5000];

    init1 (rank);
    snprintf (key, sizeof (key), "card-%d", rank);
    snprintf (val, sizeof (val), "it is %d", rank);
    CHECK (PMI_KVS_Put ("kvs", key, val) == PMI_SUCCESS);
    CHECK (PMI_KVS_Put ("kvs", key, val) == PMI_FAIL);
    CHECK (PMI_KVS_Put ("other", "k", val) == PMI_ERR_INVALID_ARG);
    CHECK (PMI_KVS_Put ("kvs", "a key", val) == PMI_ERR_INVALID_KEY);
    CHECK (PMI_KVS_Put ("kvs", "k", "a\nb") == PMI_ERR_INVALID_VAL);
    memset (big, 'x', sizeof (big));
    big[sizeof (big) - 1] = '\0';
    CHECK (PMI_KVS_Put ("kvs", "k", big) == PMI_ERR_INVALID_VAL_LENGTH);
    CHECK (PMI_KVS_Put ("kvs", big, "v") == PMI_ERR_INVALID_KEY_LENGTH);
    CHECK (PMI_KVS_Commit ("kvs") == PMI_SUCCESS);
    CHECK (PMI_Barrier () == PMI_SUCCESS);
    snprintf (key, sizeof (key), "card-%d", (rank + 1) % SIZE);
    snprintf (big, sizeof (big), "it is %d", (rank + 1) % SIZE);
    CHECK (PMI_KVS_Get ("kvs", key, val, sizeof (val)) == PMI_SUCCESS && strcmp (val, big) == 0);
    CHECK (PMI_KVS_Get ("kvs", key, val, 3) == PMI_ERR_INVALID_LENGTH);
    CHECK (PMI_KVS_Get ("kvs", "nothing", val, sizeof (val)) == PMI_ERR_INVALID_KEY);
    CHECK (PMI_Finalize () == PMI_SUCCESS);
}

static void clique1 (int rank)
{
    int ranks[SIZE] = { -1, -1, -1 };
    int n = -1;

    init1 (rank);
    CHECK (PMI_Get_clique_size (&n) == PMI_SUCCESS && n == (rank < 2 ? 2 : 1));
    if (rank < 2) {
        CHECK (PMI_Get_clique_ranks (ranks, 1) == PMI_ERR_INVALID_LENGTH);
        CHECK (PMI_Get_clique_ranks (ranks, SIZE) == PMI_SUCCESS);
        CHECK (ranks[0] == 0 && ranks[1] == 1 && ranks[2] == -1);
    }
    else
        CHECK (PMI_Get_clique_ranks (ranks, 1) == PMI_SUCCESS && ranks[0] == 2);
}

static void alone1 (int rank)
{
    int ranks[1] = { -1 };
    int n = -1;

    init1 (rank);
    CHECK (PMI_Get_clique_size (&n) == PMI_SUCCESS && n == 1);
    CHECK (PMI_Get_clique_ranks (ranks, 1) == PMI_SUCCESS && ranks[0] == rank);
}

static void abort1 (int rank)
{
    init1 (rank);
    fclose (stderr);
    if (rank == 1)
        PMI_Abort (42, "two\nlines");
}

static void test_pmi1 (void **state)
{
    struct ctx ctx;
    int codes[SIZE];

    run_all (NULL, life1);
    run_all (NULL, exchange1);
    run_all ("(vector,(0,1,2),(1,1,1))", clique1);
    run_all (NULL, alone1);
    run_all ("", alone1);
    run_all ("(vector,(0,1", alone1);
    run (&ctx, NULL, abort1, codes);
    assert_int_equal (ctx.aborted, 42);
    assert_string_equal (ctx.message, "two lines");
    assert_int_equal (codes[1], 42);
}

/* PMI-2 */

static void init2 (int rank)
{
    int spawned = -1, size = -1, r = -1, app = -1;

    CHECK (PMI2_Initialized () == 0);
    CHECK (PMI2_KVS_Fence () == PMI2_ERR_INIT);
    CHECK (PMI2_Init (&spawned, &size, &r, NULL) == PMI2_ERR_INVALID_ARG);
    CHECK (PMI2_Init (&spawned, &size, &r, &app) == PMI2_SUCCESS);
    CHECK (spawned == 0 && size == SIZE && r == rank && app == 0);
    CHECK (PMI2_Initialized () == 1);
    CHECK (PMI2_Init (&spawned, &size, &r, &app) == PMI2_FAIL);
}

static void exchange2 (int rank)
{
    char key[32];
    char val[128];
    int n = 0;

    init2 (rank);
    CHECK (PMI2_Job_GetId (val, sizeof (val)) == PMI2_SUCCESS && strcmp (val, "kvs") == 0);
    CHECK (PMI2_Job_GetRank (&n) == PMI2_SUCCESS && n == rank);
    snprintf (key, sizeof (key), "card-%d", rank);
    CHECK (PMI2_KVS_Put (key, "value of it") == PMI2_SUCCESS);
    CHECK (PMI2_KVS_Fence () == PMI2_SUCCESS);
    snprintf (key, sizeof (key), "card-%d", (rank + 2) % SIZE);
    CHECK (PMI2_KVS_Get ("kvs", -1, key, val, sizeof (val), &n) == PMI2_SUCCESS && n == 11);
    CHECK (strcmp (val, "value of it") == 0);
    CHECK (PMI2_KVS_Get (NULL, 0, key, val, 6, &n) == PMI2_SUCCESS && n == -11);
    CHECK (strcmp (val, "value") == 0);
    CHECK (PMI2_KVS_Get ("other", 0, key, val, 6, &n) == PMI2_ERR_INVALID_ARG);
    CHECK (PMI2_KVS_Get (NULL, 0, "nothing", val, 6, &n) == PMI2_ERR_INVALID_KEY);
    CHECK (PMI2_Finalize () == PMI2_SUCCESS);
    CHECK (PMI2_Initialized () == 0);
}

static void attr2 (int rank)
{
    char val[128] = "";
    int array[SIZE];
    int n = -1;
    int found = -1;

    init2 (rank);
    CHECK (PMI2_Info_GetSize (&n) == PMI2_SUCCESS && n == (rank < 2 ? 2 : 1));
    CHECK (PMI2_Info_GetJobAttr ("universeSize", val, sizeof (val), &found) == PMI2_SUCCESS);
    CHECK (found == 1 && strcmp (val, "8") == 0);
    CHECK (PMI2_Info_GetJobAttr ("nothing", val, sizeof (val), &found) == PMI2_SUCCESS && !found);
    CHECK (PMI2_Info_GetNodeAttrIntArray ("localRanks", array, SIZE, &n, &found) == PMI2_SUCCESS);
    CHECK (found == 1 && n == (rank < 2 ? 2 : 1) && array[0] == (rank < 2 ? 0 : 2));
    CHECK (PMI2_Info_GetNodeAttr ("nothing", val, sizeof (val), &found, 0) == PMI2_SUCCESS);
    CHECK (!found);
    /* 1 waits for what 0 puts; 2, on another node, has one of the same name */
    if (rank != 1)
        CHECK (PMI2_Info_PutNodeAttr ("shm", rank == 0 ? "of 0" : "of 2") == PMI2_SUCCESS);
    CHECK (PMI2_Info_GetNodeAttr ("shm", val, sizeof (val), &found, 1) == PMI2_SUCCESS && found);
    CHECK (strcmp (val, rank < 2 ? "of 0" : "of 2") == 0);
    CHECK (PMI2_Nameserv_unpublish ("a", NULL) == PMI2_FAIL);
    CHECK (PMI2_Finalize () == PMI2_SUCCESS);
}

static void abort2 (int rank)
{
    init2 (rank);
    fclose (stderr);
    if (rank == 2)
        PMI2_Abort (1, "enough");
}

static void test_pmi2 (void **state)
{
    struct ctx ctx;
    int codes[SIZE];

    run_all (NULL, exchange2);
    run_all ("(vector,(0,1,2),(1,1,1))", attr2);
    run (&ctx, NULL, abort2, codes);
    assert_int_equal (ctx.aborted, 1);
    assert_string_equal (ctx.message, "enough");
}

static void test_no_server (void **state)
{
    int a, b, c, d;

    unsetenv ("PMI_FD");
    assert_int_equal (PMI_Init (&a), PMI_FAIL);
    assert_int_equal (PMI2_Init (&a, &b, &c, &d), PMI2_FAIL);
    assert_int_equal (PMI2_Initialized (), 0);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_pmi1),
        cmocka_unit_test (test_pmi2),
        cmocka_unit_test (test_no_server),
    };

    signal (SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
