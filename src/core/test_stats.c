/* test_stats.c - metrics, received on a socket of our own
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <flux/core.h>

#include "core/inproc.h"

static int fd;
static flux_t *pair[2];
static flux_t *h;
static char buf[2048];

static int setup (void **state)
{
    struct sockaddr_in sin = { .sin_family = AF_INET };
    struct timeval tv = { .tv_sec = 10 };
    socklen_t len = sizeof (sin);
    char env[64];

    sin.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    if ((fd = socket (AF_INET, SOCK_DGRAM, 0)) < 0
        || bind (fd, (struct sockaddr *)&sin, sizeof (sin)) < 0
        || getsockname (fd, (struct sockaddr *)&sin, &len) < 0
        || setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof (tv)) < 0)
        return -1;
    snprintf (env, sizeof (env), "127.0.0.1:%d", ntohs (sin.sin_port));
    setenv ("FLUX_FRIPP_STATSD", env, 1);
    if (inproc_pair (pair) < 0)
        return -1;
    h = pair[0];
    return 0;
}

static int teardown (void **state)
{
    flux_close (pair[0]);
    flux_close (pair[1]);
    close (fd);
    return 0;
}

static const char *receive (void)
{
    ssize_t n = recv (fd, buf, sizeof (buf) - 1, 0);

    assert_true (n > 0);
    buf[n] = '\0';
    return buf;
}

static void each_kind_at_once (void **state)
{
    assert_true (flux_stats_enabled (h, NULL));
    flux_stats_set_period (h, 0.);
    flux_stats_count (h, "c", 3);
    assert_string_equal (receive (), "c:3|c\n");
    flux_stats_gauge_set (h, "g", 7);
    assert_string_equal (receive (), "g:7|g\n");
    flux_stats_gauge_inc (h, "g", -2);
    assert_string_equal (receive (), "g:-2|g\n");
    flux_stats_gauge_inc (h, "g", 2);
    assert_string_equal (receive (), "g:+2|g\n");
    flux_stats_set_prefix (h, "flux.%d", 3);
    flux_stats_timing (h, "t", 1.5);
    assert_string_equal (receive (), "flux.3.t:1.500000|ms\n");
}

static void gathered (void **state)
{
    flux_stats_set_period (h, 0.001);
    flux_stats_count (h, "c", 1);
    flux_stats_count (h, "c", 2);
    flux_stats_gauge_set (h, "g", 10);
    flux_stats_gauge_inc (h, "g", 5);
    while (recv (fd, buf, sizeof (buf), MSG_PEEK | MSG_DONTWAIT) < 0)
        assert_true (flux_reactor_run (flux_get_reactor (h), FLUX_REACTOR_NOWAIT) >= 0);
    receive ();
    assert_non_null (strstr (buf, "c:3|c\n"));
    assert_non_null (strstr (buf, "g:15|g\n"));
}

static void flushed_at_close (void **state)
{
    flux_stats_set_period (h, 3600.);
    flux_stats_count (h, "last", 1);
    assert_true (flux_reactor_run (flux_get_reactor (h), 0) >= 0); // does not wait for it
    flux_close (pair[0]);
    pair[0] = NULL;
    assert_string_equal (receive (), "last:1|c\n");
}

static void many_metrics (void **state)
{
    char name[64];
    int count = 0;

    flux_stats_set_period (h, 3600.);
    for (int i = 0; i < 500; i++) {
        snprintf (name, sizeof (name), "metric.with.a.name.%d", i);
        flux_stats_count (h, name, 1);
    }
    flux_stats_set_period (h, 0.);
    while (count < 500) {
        assert_true (strlen (receive ()) <= 1400);
        for (const char *p = buf; (p = strchr (p, '\n')); p++)
            count++;
    }
    assert_int_equal (count, 500);
}

static void off (void **state)
{
    flux_t *p[2];

    unsetenv ("FLUX_FRIPP_STATSD");
    assert_int_equal (inproc_pair (p), 0);
    assert_false (flux_stats_enabled (p[0], "x"));
    flux_stats_count (p[0], "x", 1);
    flux_stats_count (NULL, "x", 1);
    flux_stats_set_prefix (NULL, "x");
    flux_stats_set_period (NULL, 1.);
    assert_false (flux_stats_enabled (NULL, "x"));
    setenv ("FLUX_FRIPP_STATSD", "nonsense", 1);
    assert_false (flux_stats_enabled (p[1], "x"));
    flux_close (p[0]);
    flux_close (p[1]);
}

#define T(x) cmocka_unit_test_setup_teardown (x, setup, teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        T (each_kind_at_once),
        T (gathered),
        T (flushed_at_close),
        T (many_metrics),
        cmocka_unit_test (off),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
