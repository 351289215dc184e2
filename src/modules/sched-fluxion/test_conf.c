/* test_conf.c - tables and arguments of the graph scheduler
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "modules/sched-fluxion/conf.h"

static json_t *table (const char *s)
{
    json_t *o = json_loads (s, 0, NULL);

    assert_non_null (o);
    return o;
}

static struct queue_conf queue_of (const char *json, char *arg, const char *name)
{
    json_t *o = json ? table (json) : NULL;
    struct queue_conf qc;
    flux_error_t err = { "" };
    struct qmanager_conf *c = qmanager_conf_new (o, arg ? 1 : 0, &arg, &err);

    if (!c)
        fail_msg ("%s", err.text);
    qmanager_conf_queue (c, name, &qc);
    qmanager_conf_free (c);
    json_decref (o);
    return qc;
}

static void qmanager (void **state)
{
    struct queue_conf c = queue_of (NULL, NULL, "default");

    assert_int_equal (c.policy, QUEUE_FCFS);
    assert_int_equal (c.depth, 32);
    assert_int_equal (c.max_depth, 1000000);
    assert_int_equal (c.reservation_depth, 64);
    assert_int_equal (c.max_reservation_depth, 100000);
    c = queue_of ("{\"queue-policy\":\"hybrid\",\"queue-params\":{\"queue-depth\":8192},"
                  "\"policy-params\":{\"reservation-depth\":\"7\"}}",
                  "queue-params=queue-depth=5,max-queue-depth=4", "default");
    assert_int_equal (c.policy, QUEUE_HYBRID);
    assert_int_equal (c.depth, 5);
    assert_int_equal (c.max_depth, 4);
    assert_int_equal (c.reservation_depth, 7);
    c = queue_of ("{\"queue-policy\":\"hybrid\"}", "queue-policy=easy", "x");
    assert_int_equal (c.policy, QUEUE_EASY);
}

static void per_queue (void **state)
{
    const char *json = "{\"queue-policy\":\"hybrid\",\"queue-policy-per-queue\":\"a:easy  b:fcfs\","
        "\"queue-params-per-queue\":\"b:queue-depth=3,max-queue-depth=9\","
        "\"policy-params-per-queue\":\"c:reservation-depth=2\"}";
    struct queue_conf c = queue_of (json, NULL, "a");
    json_t *o = table (json), *queues = table ("{\"a\":{},\"b\":{}}");
    struct qmanager_conf *q;
    flux_error_t err;

    assert_int_equal (c.policy, QUEUE_EASY);
    assert_int_equal (c.depth, 32);
    c = queue_of (json, NULL, "b");
    assert_int_equal (c.policy, QUEUE_FCFS);
    assert_int_equal (c.depth, 3);
    assert_int_equal (c.max_depth, 9);
    c = queue_of (json, NULL, "c");
    assert_int_equal (c.policy, QUEUE_HYBRID);
    assert_int_equal (c.reservation_depth, 2);
    assert_non_null (q = qmanager_conf_new (o, 0, NULL, &err));
    assert_true (qmanager_conf_check (q, queues, &err) < 0);
    assert_non_null (strstr (err.text, "'c'"));
    json_object_set_new (queues, "c", json_object ());
    assert_int_equal (qmanager_conf_check (q, queues, &err), 0);
    qmanager_conf_free (q);
    json_decref (o);
    json_decref (queues);
}

static void refuse (char *arg, const char *text)
{
    struct resource_conf r;
    flux_error_t err = { "" };
    bool resource = !strncmp (arg, "match", 5) || !strncmp (arg, "prune", 5)
                    || !strncmp (arg, "load", 4) || !strncmp (arg, "reserve", 7);

    if (resource)
        assert_true (resource_conf_parse (&r, NULL, 1, &arg, &err) < 0);
    else
        assert_null (qmanager_conf_new (NULL, 1, &arg, &err));
    if (!strstr (err.text, text))
        fail_msg ("%s: %s", arg, err.text);
}

static void refused (void **state)
{
    json_t *o = table ("{\"queue-params\":{\"queue-depth\":[1]}}");
    flux_error_t err;

    assert_null (qmanager_conf_new (o, 0, NULL, &err));
    assert_non_null (strstr (err.text, "queue-params.queue-depth"));
    json_decref (o);
    refuse ("nonsense", "KEY=VALUE");
    refuse ("=", "no such key");
    refuse ("queue-policy=best", "queue-policy=best");
    refuse ("queue-params=queue-depth", "KEY=NUMBER");
    refuse ("queue-params=queue-depth=0", "queue-params.queue-depth=0");
    refuse ("queue-params=queue-depth=99999999999", "from 1 to");
    refuse ("queue-params.depth=1", "no such key");
    refuse ("policy-params=reservation-depth=-1", "reservation-depth=-1");
    refuse ("queue-policy-per-queue=a", "NAME:VALUE");
    refuse ("queue-policy-per-queue=:easy", "NAME:VALUE");
    refuse ("queue-policy-per-queue=a:best", "queue-policy-per-queue: a: ");
    refuse ("match-policy=best", "match-policy=best");
    refuse ("match-format=jgf", "match-format=jgf");
    refuse ("prune-filters=ALL:core,", "prune-filters");
    refuse ("prune-filters=:core", "prune-filters");
    refuse ("prune-filters=ALL:", "prune-filters");
    refuse ("reserve-vtx-vec=0", "from 1 to 2000000");
    refuse ("load-format=png", "load-format=png");
    refuse ("load-format=grug", "needs a load-file");
    refuse ("load-file=x", "load-format must say");
    refuse ("load-allowlist=a,,b", "load-allowlist");
}

static void resource (void **state)
{
    char *args[] = { "match-policy=policy=high node_exclusive=true", "prune-filters=ALL:gpu,rack:node",
                     "load-file=x", "load-format=hwloc", "load-allowlist=node,core" };
    struct resource_conf r;
    flux_error_t err;

    assert_int_equal (resource_conf_parse (&r, NULL, 0, NULL, &err), 0);
    assert_true (r.policy.first);
    assert_int_equal (r.format, EMIT_RV1_NOSCHED);
    assert_string_equal (r.prune_filters, "ALL:core,ALL:node");
    resource_conf_release (&r);
    assert_int_equal (resource_conf_parse (&r, NULL, 5, args, &err), 0);
    assert_true (r.policy.high && r.policy.node_exclusive && !r.policy.first);
    assert_string_equal (r.load_allowlist, "node,core");
    resource_conf_release (&r);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (qmanager), cmocka_unit_test (per_queue), cmocka_unit_test (refused),
        cmocka_unit_test (resource),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
