/* test_util.h - what the tests of the job services do all the time
 */
#ifndef JOB_TEST_UTIL_H
#define JOB_TEST_UTIL_H

#include <errno.h>
#include <cmocka.h>
#include <flux/core.h>

#include "spec/eventlog.h"

#define TIMEOUT 20.

static inline void ready (flux_future_t *f)
{
    assert_non_null (f);
    assert_int_equal (flux_future_wait_for (f, TIMEOUT), 0);
}

static inline void succeeds (flux_future_t *f)
{
    ready (f);
    if (flux_future_get (f, NULL) < 0)
        fail_msg ("%s", future_strerror (f, errno));
    flux_future_destroy (f);
}

static inline void fails (flux_future_t *f, int errnum, const char *text)
{
    ready (f);
    assert_int_equal (flux_future_get (f, NULL), -1);
    assert_int_equal (errno, errnum);
    if (text)
        assert_string_equal (flux_future_error_string (f), text);
    flux_future_destroy (f);
}

/* A jobspec of n tasks of a core; 'system' is merged into attributes.system. */
static inline char *make_jobspec (const char *cmd, int n, const char *sys)
{
    char *argv[] = { (char *)cmd, NULL }, *s;
    flux_jobspec1_t *js = flux_jobspec1_from_command (1, argv, NULL, n, 1, 0, 0, 0.);
    json_t *o, *extra;

    assert_non_null (js);
    assert_int_equal (flux_jobspec1_setenv (js, "SECRET", "hidden", 1), 0);
    s = flux_jobspec1_encode (js, 0);
    flux_jobspec1_destroy (js);
    if (!sys)
        return s;
    o = json_loads (s, 0, NULL);
    extra = json_loads (sys, 0, NULL);
    assert_non_null (extra);
    json_object_update (json_object_get (json_object_get (o, "attributes"), "system"), extra);
    free (s);
    s = json_dumps (o, JSON_COMPACT);
    json_decref (o);
    json_decref (extra);
    return s;
}

static inline flux_future_t *submit_future (flux_t *h, const char *cmd, int n, const char *sys,
                                     int urgency, int flags)
{
    char *s = make_jobspec (cmd, n, sys);
    flux_future_t *f = flux_job_submit (h, s, urgency, flags);

    free (s);
    return f;
}

static inline flux_jobid_t submit_full (flux_t *h, const char *cmd, int n, const char *sys,
                                 int urgency, int flags)
{
    flux_future_t *f = submit_future (h, cmd, n, sys, urgency, flags);
    flux_jobid_t id;

    ready (f);
    if (flux_job_submit_get_id (f, &id) < 0)
        fail_msg ("%s", future_strerror (f, errno));
    flux_future_destroy (f);
    return id;
}

static inline flux_jobid_t submit (flux_t *h, const char *cmd)
{
    return submit_full (h, cmd, 1, NULL, 16, 0);
}

/* Wait for an event; its context (or an empty object), or fail. */
static inline json_t *wait_event (flux_t *h, flux_jobid_t id, const char *want)
{
    flux_future_t *f = flux_job_event_watch (h, id, "eventlog", 0);
    json_t *result = NULL;
    const char *event, *name;
    const json_t *context;
    double t;

    assert_non_null (f);
    while (!result) {
        ready (f);
        if (flux_job_event_watch_get (f, &event) < 0)
            fail_msg ("no %s event: %s", want, strerror (errno));
        json_t *e = eventlog_entry_decode (event, strlen (event), NULL);
        assert_int_equal (eventlog_entry_parse (e, &t, &name, &context), 0);
        if (!strcmp (name, want))
            result = context ? json_deep_copy (context) : json_object ();
        json_decref (e);
        flux_future_reset (f);
    }
    assert_int_equal (flux_job_event_watch_cancel (f), 0);
    while (flux_job_event_watch_get (f, &event) == 0)
        flux_future_reset (f);
    assert_int_equal (errno, ENODATA);
    flux_future_destroy (f);
    return result;
}

static inline void wait_for (flux_t *h, flux_jobid_t id, const char *want)
{
    json_decref (wait_event (h, id, want));
}

/* The names of all events, separated by spaces, until the watch ends. */
static inline void events_are_future (flux_future_t *f, const char *want)
{
    char got[1024] = "";
    const char *event, *name;
    const json_t *context;
    double t;

    for (;;) {
        ready (f);
        if (flux_job_event_watch_get (f, &event) < 0)
            break;
        json_t *e = eventlog_entry_decode (event, strlen (event), NULL);
        assert_int_equal (eventlog_entry_parse (e, &t, &name, &context), 0);
        size_t n = strlen (got);
        snprintf (got + n, sizeof (got) - n, "%s%s", n ? " " : "", name);
        json_decref (e);
        flux_future_reset (f);
    }
    assert_int_equal (errno, ENODATA);
    assert_string_equal (got, want);
    flux_future_destroy (f);
}

static inline void events_are (flux_t *h, flux_jobid_t id, const char *want)
{
    events_are_future (flux_job_event_watch (h, id, "eventlog", 0), want);
}

static inline int attr_int (flux_t *h, flux_jobid_t id, const char *name)
{
    char attrs[64];
    flux_future_t *f;
    int n = -1;

    snprintf (attrs, sizeof (attrs), "[\"%s\"]", name);
    f = flux_job_list_id (h, id, attrs);
    ready (f);
    if (flux_rpc_get_unpack (f, "{s:{s?i}}", "job", name, &n) < 0)
        fail_msg ("%s", future_strerror (f, errno));
    flux_future_destroy (f);
    return n;
}

static inline void wait_for_inactive (flux_t *h, flux_jobid_t id)
{
    succeeds (flux_rpc_pack (h, "job-list.list-id", 0, 0, "{s:I s:[] s:i}", "id",
                             (json_int_t)id, "attrs", "state", FLUX_JOB_STATE_INACTIVE));
}

static inline json_t *lookup (flux_t *h, flux_jobid_t id, const char *key, int flags)
{
    flux_future_t *f = flux_rpc_pack (h, "job-info.lookup", 0, 0, "{s:I s:[s] s:i}",
                                      "id", (json_int_t)id, "keys", key, "flags", flags);
    json_t *o;

    ready (f);
    if (flux_rpc_get_unpack (f, "{s:o}", key, &o) < 0)
        fail_msg ("%s: %s", key, future_strerror (f, errno));
    json_incref (o);
    flux_future_destroy (f);
    return o;
}

static inline flux_jobid_t submit_after (flux_t *h, const char *scheme, flux_jobid_t id)
{
    char sys[160];

    snprintf (sys, sizeof (sys), "{\"dependencies\":[{\"scheme\":\"%s\","
              "\"value\":\"%ju\"}]}", scheme, (uintmax_t)id);
    return submit_full (h, "true", 1, sys, 16, 0);
}

#endif /* !JOB_TEST_UTIL_H */
