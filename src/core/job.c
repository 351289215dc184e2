/* job.c - clients of the job services: one RPC each
 *
 * Payloads are described in src/modules/job/README.md.
 */
#include <flux/core.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/job_sign.h"

/* The future says why. */
static flux_future_t *cannot_sign (flux_t *h, const flux_error_t *err)
{
    int saved = errno;
    flux_future_t *f = flux_future_create (NULL, NULL);

    if (f) {
        flux_future_set_flux (f, h);
        flux_future_fulfill_error (f, saved, err->text);
    }
    return f;
}

/* What we have signed is plain characters, and may be long: it needs no escapes. */
static flux_future_t *submit_signed (flux_t *h, const char *J, int urgency, int flags)
{
    flux_future_t *f;
    char *text;
    int saved;

    if (asprintf (&text, "{\"J\":\"%s\",\"urgency\":%d,\"flags\":%d}", J, urgency, flags) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    f = flux_rpc (h, "job-ingest.submit", text, FLUX_NODEID_ANY, 0);
    saved = errno;
    free (text);
    errno = saved;
    return f;
}

flux_future_t *flux_job_submit (flux_t *h, const char *jobspec, int urgency, int flags)
{
    flux_future_t *f;
    flux_error_t err;
    char *J = NULL;
    int saved;

    if (!h || !jobspec) {
        errno = EINVAL;
        return NULL;
    }
    if (!(flags & FLUX_JOB_PRE_SIGNED)) {
        if (!(J = job_sign_wrap_site (jobspec, strlen (jobspec), &err)))
            return cannot_sign (h, &err);
    }
    if (!J)
        return flux_rpc_pack (h, "job-ingest.submit", FLUX_NODEID_ANY, 0, "{s:s s:i s:i}",
                              "J", jobspec, "urgency", urgency,
                              "flags", flags & ~FLUX_JOB_PRE_SIGNED);
    f = submit_signed (h, J, urgency, flags);
    saved = errno;
    free (J);
    errno = saved;
    return f;
}

int flux_job_submit_get_id (flux_future_t *f, flux_jobid_t *jobid)
{
    json_int_t id;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (flux_rpc_get_unpack (f, "{s:I}", "id", &id) < 0)
        return -1;
    if (jobid)
        *jobid = id;
    return 0;
}

flux_future_t *flux_job_wait (flux_t *h, flux_jobid_t id)
{
    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, "job-manager.wait", FLUX_NODEID_ANY, 0, "{s:I}",
                          "id", (json_int_t)id);
}

int flux_job_wait_get_id (flux_future_t *f, flux_jobid_t *jobid)
{
    return flux_job_submit_get_id (f, jobid);
}

int flux_job_wait_get_status (flux_future_t *f, bool *successp, const char **errstrp)
{
    int success;
    const char *errstr;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (flux_rpc_get_unpack (f, "{s:b s:s}", "success", &success, "errstr", &errstr) < 0)
        return -1;
    if (successp)
        *successp = success;
    if (errstrp)
        *errstrp = errstr;
    return 0;
}

flux_future_t *flux_job_list_id (flux_t *h, flux_jobid_t id, const char *attrs_json_str)
{
    flux_future_t *f;
    json_t *attrs;

    if (!h || !attrs_json_str
        || !(attrs = json_loads (attrs_json_str, 0, NULL))) {
        errno = EINVAL;
        return NULL;
    }
    if (!json_is_array (attrs)) {
        json_decref (attrs);
        errno = EINVAL;
        return NULL;
    }
    f = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:O}",
                       "id", (json_int_t)id, "attrs", attrs);
    int saved = errno;
    json_decref (attrs);
    errno = saved;
    return f;
}

flux_future_t *flux_job_raise (flux_t *h, flux_jobid_t id, const char *type,
                               int severity, const char *note)
{
    if (!h || !type) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, "job-manager.raise", FLUX_NODEID_ANY, 0,
                          note ? "{s:I s:s s:i s:s}" : "{s:I s:s s:i}",
                          "id", (json_int_t)id, "type", type, "severity", severity,
                          "note", note);
}

flux_future_t *flux_job_cancel (flux_t *h, flux_jobid_t id, const char *reason)
{
    return flux_job_raise (h, id, "cancel", 0, reason);
}

flux_future_t *flux_job_kill (flux_t *h, flux_jobid_t id, int signum)
{
    if (!h || signum <= 0) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, "job-manager.kill", FLUX_NODEID_ANY, 0, "{s:I s:i}",
                          "id", (json_int_t)id, "signum", signum);
}

flux_future_t *flux_job_set_urgency (flux_t *h, flux_jobid_t id, int urgency)
{
    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, "job-manager.urgency", FLUX_NODEID_ANY, 0, "{s:I s:i}",
                          "id", (json_int_t)id, "urgency", urgency);
}
