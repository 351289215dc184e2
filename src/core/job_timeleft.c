/* job_timeleft.c - how long the caller may still run (man3 flux_job_timeleft)
 */
#include <flux/core.h>

#include <errno.h>
#include <math.h>

#include "base/errmsg.h"

static int fail (flux_error_t *errp, const char *what, flux_future_t *f)
{
    int saved = errno;

    errmsg (errp, 0, "%s: %s", what, f ? future_strerror (f, saved) : flux_strerror (saved));
    flux_future_destroy (f);
    errno = saved;
    return -1;
}

static void set_left (double expiration, double *timeleft)
{
    double left = expiration - flux_reactor_time ();

    if (expiration == 0.)
        *timeleft = INFINITY;
    else
        *timeleft = left > 0. ? left : 0.;
}

static int job_timeleft (flux_t *h, const char *s, flux_error_t *errp, double *timeleft)
{
    flux_jobid_t id;
    flux_future_t *f;
    char what[64];
    int state = 0;
    double expiration = 0.;

    if (flux_job_id_parse (s, &id) < 0)
        return fail (errp, "FLUX_JOB_ID is not a job id", NULL);
    if (!(f = flux_job_list_id (h, id, "[\"state\",\"expiration\"]"))
        || flux_rpc_get_unpack (f, "{s:{s:i s?F}}",
                                "job",
                                "state", &state,
                                "expiration", &expiration) < 0) {
        snprintf (what, sizeof (what), "job %s", s);
        return fail (errp, what, f);
    }
    flux_future_destroy (f);
    if (state == FLUX_JOB_STATE_RUN)
        set_left (expiration, timeleft);
    else if (state & (FLUX_JOB_STATE_CLEANUP | FLUX_JOB_STATE_INACTIVE))
        *timeleft = 0.;
    else {
        errno = EINVAL;
        return fail (errp, "the job has not started", NULL);
    }
    return 0;
}

static int instance_timeleft (flux_t *h, flux_error_t *errp, double *timeleft)
{
    double expiration = 0.;
    flux_future_t *f;

    if (!(f = flux_rpc (h, "resource.status", NULL, FLUX_NODEID_ANY, 0))
        || flux_rpc_get_unpack (f, "{s:{s:{s?F}}}",
                                "R",
                                "execution",
                                "expiration", &expiration) < 0)
        return fail (errp, "asking the resource service for R", f);
    flux_future_destroy (f);
    set_left (expiration, timeleft);
    return 0;
}

int flux_job_timeleft (flux_t *h, flux_error_t *errp, double *timeleft)
{
    const char *s = getenv ("FLUX_JOB_ID");

    if (!h || !timeleft) {
        errno = EINVAL;
        return fail (errp, "flux_job_timeleft", NULL);
    }
    return s ? job_timeleft (h, s, errp, timeleft) : instance_timeleft (h, errp, timeleft);
}
