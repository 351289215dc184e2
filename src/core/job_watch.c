/* job_watch.c - following the eventlogs of a job, and its result
 *
 * flux_job_result() is a watch of the primary eventlog whose entries are
 * replayed through the job state machine, so that its answer is what the job
 * manager itself would say.
 */
#include <flux/core.h>

#include <errno.h>
#include <stdarg.h>

#include "spec/eventlog.h"
#include "spec/jobstate.h"

#define WATCH_AUX "flux::job_watch"
#define RESULT_AUX "flux::job_result"

flux_future_t *flux_job_event_watch (flux_t *h, flux_jobid_t id, const char *path,
                                     int flags)
{
    const int all = FLUX_JOB_EVENT_WATCH_WAITCREATE
                    | FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL;
    flux_future_t *f;

    if (!h || !path || (flags & ~all)) {
        errno = EINVAL;
        return NULL;
    }
    f = flux_rpc_pack (h, "job-info.eventlog-watch", FLUX_NODEID_ANY,
                       FLUX_RPC_STREAMING, "{s:I s:s s:i}",
                       "id", (json_int_t)id, "path", path, "flags", flags);
    /* the mark tells cancel() that this is one of ours */
    if (f && flux_future_aux_set (f, WATCH_AUX, (void *)WATCH_AUX, NULL) < 0) {
        flux_future_destroy (f);
        return NULL;
    }
    return f;
}

int flux_job_event_watch_get (flux_future_t *f, const char **event)
{
    json_t *o;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (flux_rpc_get_unpack (f, "{s:o}", "event", &o) < 0)
        return -1;
    if (!json_is_null (o) && !json_is_string (o)) {
        errno = EPROTO;
        return -1;
    }
    if (event)
        *event = json_string_value (o);   /* NULL: the sentinel */
    return 0;
}

int flux_job_event_watch_cancel (flux_future_t *f)
{
    flux_future_t *f2;

    if (!f || !flux_future_aux_get (f, WATCH_AUX)) {
        errno = EINVAL;
        return -1;
    }
    if (flux_rpc_get_matchtag (f) == FLUX_MATCHTAG_NONE)
        return 0;    /* it has ended, though not all of it may have been read */
    if (!(f2 = flux_rpc_pack (flux_future_get_flux (f), "job-info.eventlog-watch-cancel",
                              FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE, "{s:i}",
                              "matchtag", (int)flux_rpc_get_matchtag (f))))
        return -1;
    flux_future_destroy (f2);
    return 0;
}

struct result {
    flux_jobid_t id;
    flux_future_t *watch;
    struct jobstate js;
    char *text;
    json_t *o;
};

static void result_free (void *arg)
{
    struct result *r = arg;

    if (r) {
        int saved = errno;
        flux_future_destroy (r->watch);
        free (r->text);
        json_decref (r->o);
        free (r);
        errno = saved;
    }
}

static int set (json_t *o, const char *key, json_t *val)
{
    return json_object_set_new (o, key, val);
}

/* Attributes are those of RFC 43, with the same conditions on presence. */
static int result_build (struct result *r)
{
    const struct jobstate *js = &r->js;
    json_t *o = json_object ();
    int rc = 0;

    rc |= set (o, "id", json_integer (r->id));
    rc |= set (o, "result", json_integer (js->result));
    rc |= set (o, "t_submit", json_real (js->t_submit));
    if (js->t_run > 0)
        rc |= set (o, "t_run", json_real (js->t_run));
    if (js->t_cleanup > 0) {
        rc |= set (o, "t_cleanup", json_real (js->t_cleanup));
        if (js->t_run > 0)
            rc |= set (o, "runtime", json_real (js->t_cleanup - js->t_run));
    }
    if (js->waitstatus >= 0)
        rc |= set (o, "waitstatus", json_integer (js->waitstatus));
    rc |= set (o, "exception_occurred", json_boolean (js->exception_occurred));
    if (js->exception_occurred) {
        rc |= set (o, "exception_severity", json_integer (js->exception_severity));
        rc |= set (o, "exception_type", json_string (js->exception_type));
        rc |= set (o, "exception_note", json_string (js->exception_note));
    }
    if (rc < 0 || !(r->text = json_dumps (o, JSON_COMPACT))) {
        json_decref (o);
        errno = ENOMEM;
        return -1;
    }
    r->o = o;
    return 0;
}

static int result_apply (struct result *r, const char *event)
{
    flux_error_t err;
    const char *name;
    const json_t *context;
    double t;
    int rc;
    json_t *entry = eventlog_entry_decode (event, strlen (event), &err);

    if (!entry)
        return -EPROTO;
    if ((rc = eventlog_entry_parse (entry, &t, &name, &context)) == 0)
        rc = jobstate_apply (&r->js, t, name, context, &err);
    json_decref (entry);
    return rc < 0 ? -EPROTO : 0;
}

static void result_continuation (flux_future_t *watch, void *arg)
{
    flux_future_t *f = arg;
    struct result *r = flux_future_aux_get (f, RESULT_AUX);
    const char *event;
    int rc;

    if (flux_job_event_watch_get (watch, &event) < 0) {
        if (errno == ENODATA && r->js.state == FLUX_JOB_STATE_INACTIVE
            && result_build (r) == 0)
            flux_future_fulfill (f, r, NULL);
        else
            flux_future_fulfill_error (f, errno, flux_future_error_string (watch));
        return;
    }
    if (event && (rc = result_apply (r, event)) < 0) {
        flux_future_fulfill_error (f, -rc, "the job's eventlog is malformed");
        return;
    }
    flux_future_reset (watch);
}

/* Called in the context (reactor) in which the future is waited for. */
static void result_init (flux_future_t *f, void *arg)
{
    struct result *r = arg;
    flux_t *h = flux_future_get_flux (f);

    if (!(r->watch = flux_job_event_watch (h, r->id, "eventlog", 0))
        || flux_future_then (r->watch, -1., result_continuation, f) < 0)
        flux_future_fulfill_error (f, errno, NULL);
}

flux_future_t *flux_job_result (flux_t *h, flux_jobid_t id, int flags)
{
    flux_future_t *f = NULL;
    struct result *r;

    if (!h || flags) {
        errno = EINVAL;
        return NULL;
    }
    if (!(r = calloc (1, sizeof (*r))) || !(f = flux_future_create (result_init, r)))
        goto error;
    r->id = id;
    jobstate_init (&r->js);
    if (flux_future_aux_set (f, RESULT_AUX, r, result_free) < 0)
        goto error;
    flux_future_set_flux (f, h);
    return f;
error:
    flux_future_destroy (f);
    result_free (r);
    return NULL;
}

int flux_job_result_get (flux_future_t *f, const char **json_str)
{
    const void *result;

    if (!f || !flux_future_aux_get (f, RESULT_AUX)) {
        errno = EINVAL;
        return -1;
    }
    if (flux_future_get (f, &result) < 0)
        return -1;
    if (json_str)
        *json_str = ((const struct result *)result)->text;
    return 0;
}

int flux_job_result_get_unpack (flux_future_t *f, const char *fmt, ...)
{
    struct result *r;
    va_list ap;
    int rc;

    if (!fmt || flux_job_result_get (f, NULL) < 0)
        return -1;
    r = flux_future_aux_get (f, RESULT_AUX);
    va_start (ap, fmt);
    rc = json_vunpack_ex (r->o, NULL, 0, fmt, ap);
    va_end (ap);
    if (rc < 0)
        errno = EPROTO;
    return rc;
}
