/* test_rendezvous.c - processes that find each other by a file
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pmi/rendezvous.h"

#define SIZE 5

struct proc {
    struct rendezvous_args args;
    struct rendezvous_leader *leader;
    struct rendezvous_follower *follower;
    int rc;
    flux_error_t err;
    pthread_t thread;
    bool deserts;          /* goes away before the barrier */
    bool gives_up;
};

static char dir[] = "/tmp/test-rendezvous-XXXXXX";
static char path[64];

static int barrier (struct proc *p, int round)
{
    char key[32];
    json_t *put, *all;
    int rc;

    snprintf (key, sizeof (key), "%d.%d", round, p->args.rank);
    put = json_pack ("{s:s}", key, "card");
    rc = p->leader ? rendezvous_leader_barrier (p->leader, put, &all, &p->err)
                   : rendezvous_follower_barrier (p->follower, put, &all, &p->err);
    json_decref (put);
    if (rc < 0)
        return rc;
    for (int i = 0; i < p->args.size; i++) {
        snprintf (key, sizeof (key), "%d.%d", round, i);
        if (!json_object_get (all, key))
            rc = -ENOENT;
    }
    if (json_object_size (all) != p->args.size)
        rc = -EINVAL;
    json_decref (all);
    return rc;
}

static void *run (void *arg)
{
    struct proc *p = arg;

    if (p->args.rank == 0)
        p->leader = rendezvous_leader_new (&p->args, &p->err);
    else
        p->follower = rendezvous_follower_new (&p->args, &p->err);
    p->rc = p->leader || p->follower ? 0 : -errno;
    if (p->rc == 0 && p->gives_up)
        rendezvous_follower_fail (p->follower, "no more");
    else
        for (int i = 0; p->rc == 0 && i < 3 && !p->deserts; i++)
            p->rc = barrier (p, i);
    rendezvous_leader_free (p->leader);
    rendezvous_follower_free (p->follower);
    return NULL;
}

static void set_up (struct proc *procs, int size, double timeout)
{
    memset (procs, 0, size * sizeof (*procs));
    for (int i = 0; i < size; i++)
        procs[i].args = (struct rendezvous_args){ .path = path, .rank = i, .size = size,
                                                  .timeout = timeout };
}

/* 'late' starts last. */
static void run_all (struct proc *procs, int size, int late)
{
    for (int i = 1; i <= size; i++)
        assert_int_equal (pthread_create (&procs[(late + i) % size].thread, NULL, run,
                                          &procs[(late + i) % size]), 0);
    for (int i = 0; i < size; i++)
        pthread_join (procs[i].thread, NULL);
    assert_int_equal (access (path, F_OK), -1);
}

static void write_file (const char *text, mode_t mode)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true (fd >= 0);
    assert_int_equal (write (fd, text, strlen (text)), strlen (text));
    assert_int_equal (fchmod (fd, mode), 0);
    close (fd);
}

static void test_all_come (void **state)
{
    struct proc procs[SIZE];

    for (int late = 0; late < SIZE; late++) {
        set_up (procs, SIZE, 30.);
        run_all (procs, SIZE, late);
        for (int i = 0; i < SIZE; i++)
            assert_int_equal (procs[i].rc, 0);
    }
}

/* What a run before this one left behind. */
static void test_stale (void **state)
{
    struct rendezvous_card card = { .port = 1, .host = "nowhere" };
    struct proc procs[2];
    char *s = rendezvous_card_encode (&card);

    assert_non_null (s);
    write_file (s, 0600);
    set_up (procs, 2, 30.);
    run_all (procs, 2, 0);
    assert_int_equal (procs[0].rc, 0);
    assert_int_equal (procs[1].rc, 0);
    free (s);
}

static void test_one_missing (void **state)
{
    struct proc procs[3];

    set_up (procs, 2, 0.3);
    procs[0].args.size = procs[1].args.size = 3;
    run_all (procs, 2, 0);
    assert_int_equal (procs[0].rc, -ETIMEDOUT);
    assert_non_null (strstr (procs[0].err.text, "rank 2 did not come"));
    assert_int_equal (procs[1].rc, -ECANCELED);
    assert_non_null (strstr (procs[1].err.text, "rank 2 did not come"));
}

static void test_one_gone (void **state)
{
    struct proc procs[SIZE];

    set_up (procs, SIZE, 30.);
    procs[2].deserts = true;
    run_all (procs, SIZE, 2);
    assert_int_equal (procs[0].rc, -ECONNRESET);
    assert_non_null (strstr (procs[0].err.text, "rank 2 is gone"));
    assert_true (procs[1].rc < 0 && procs[4].rc < 0);
    set_up (procs, SIZE, 30.);
    procs[3].gives_up = true;
    run_all (procs, SIZE, 1);
    assert_non_null (strstr (procs[0].err.text, "rank 3 gave up: no more"));
}

static void test_no_leader (void **state)
{
    struct proc p;

    set_up (&p, 1, 0.2);
    p.args.rank = 1;
    p.args.size = 2;
    run (&p);
    assert_int_equal (p.rc, -ENOENT);
    assert_non_null (strstr (p.err.text, "No such file"));
    write_file ("{}", 0600);
    run (&p);
    assert_non_null (strstr (p.err.text, "malformed"));
    write_file ("{}", 0644);
    run (&p);
    assert_int_equal (p.rc, -ENOENT);
    assert_non_null (strstr (p.err.text, "not a file of this user alone"));
    unlink (path);
}

static volatile sig_atomic_t flag;

static void test_interrupt (void **state)
{
    struct proc p;

    flag = 1;
    set_up (&p, 1, 30.);
    p.args.size = 2;
    p.args.interrupt = &flag;
    run (&p);
    assert_int_equal (p.rc, -EINTR);
    p.leader = NULL;
    p.args.rank = 1;
    run (&p);
    assert_int_equal (p.rc, -EINTR);
}

static void test_frame (void **state)
{
    unsigned char key[RENDEZVOUS_KEY_SIZE] = "this is the key";
    struct buf b = BUF_INIT;
    json_t *o = json_pack ("{s:i}", "rank", 3);
    json_t *got = NULL;

    assert_int_equal (rendezvous_frame_encode (&b, key, 'C', o), 0);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal (rendezvous_frame_decode (b.data, i, key, 'C', 1000, &got), -EAGAIN);
    assert_int_equal (rendezvous_frame_decode (b.data, b.len, key, 'S', 1000, &got), -EPERM);
    assert_int_equal (rendezvous_frame_decode (b.data, b.len, key, 'C', 40, &got), -EPROTO);
    assert_int_equal (rendezvous_frame_decode (b.data, b.len, key, 'C', 1000, &got), b.len);
    assert_true (json_equal (o, got));
    json_decref (got);
    b.data[b.len - 2]++;
    assert_int_equal (rendezvous_frame_decode (b.data, b.len, key, 'C', 1000, &got), -EPERM);
    b.data[b.len - 2]--;
    key[0]++;
    assert_int_equal (rendezvous_frame_decode (b.data, b.len, key, 'C', 1000, &got), -EPERM);
    json_decref (o);
    buf_release (&b);
}

/* The first test case of RFC 4231 has a key of 20 bytes, which zeros do not change. */
static void test_hmac (void **state)
{
    static const unsigned char want[] = { 0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53 };
    unsigned char key[RENDEZVOUS_KEY_SIZE] = { 0 };
    unsigned char mac[32];

    memset (key, 0x0b, 20);
    assert_int_equal (rendezvous_hmac (key, 'H', "i There", 7, mac), 0);
    assert_memory_equal (mac, want, sizeof (want));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_hmac),      cmocka_unit_test (test_frame),
        cmocka_unit_test (test_all_come),  cmocka_unit_test (test_stale),
        cmocka_unit_test (test_one_missing), cmocka_unit_test (test_one_gone),
        cmocka_unit_test (test_no_leader), cmocka_unit_test (test_interrupt),
    };
    int rc;

    if (!mkdtemp (dir))
        return 1;
    snprintf (path, sizeof (path), "%s/.flux-id", dir);
    rc = cmocka_run_group_tests (tests, NULL, NULL);
    rmdir (dir);
    return rc;
}
