/* jobtap.c - the functions that job manager plugins call (man3 flux_jobtap_get_flux)
 */
#include <flux/core.h>
#include <flux/jobtap.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <syslog.h>

#include "core/jobtap_ops.h"

/* JOBTAP_PRIORITY_UNAVAIL of the job manager is the same number. */
#define PRIORITY_UNAVAIL (-2)

static const struct jobtap_ops *ops_get (flux_plugin_t *p)
{
    const struct jobtap_ops *ops;

    if (!p || !(ops = flux_plugin_aux_get (p, JOBTAP_OPS_AUX))) {
        errno = EINVAL;
        return NULL;
    }
    return ops;
}

/* rc of an op to the public convention */
static int edge (int rc)
{
    if (rc < 0) {
        errno = -rc;
        return -1;
    }
    return rc;
}

flux_t *flux_jobtap_get_flux (flux_plugin_t *p)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? ops->get_flux (p) : NULL;
}

int flux_jobtap_call (flux_plugin_t *p, flux_jobid_t id, const char *topic,
                      flux_plugin_arg_t *args)
{
    const struct jobtap_ops *ops = ops_get (p);

    if (!topic || !strncmp (topic, "job.", 4)) {
        errno = EINVAL;
        return -1;
    }
    return ops ? edge (ops->call (p, id, topic, args)) : -1;
}

int flux_jobtap_dependency_add (flux_plugin_t *p, flux_jobid_t id,
                                const char *description)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->dependency (p, id, true, description)) : -1;
}

int flux_jobtap_dependency_remove (flux_plugin_t *p, flux_jobid_t id,
                                   const char *description)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->dependency (p, id, false, description)) : -1;
}

int flux_jobtap_prolog_start (flux_plugin_t *p, const char *description)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->perilog (p, FLUX_JOBTAP_CURRENT_JOB, "prolog-start",
                                     description, 0)) : -1;
}

int flux_jobtap_prolog_finish (flux_plugin_t *p, flux_jobid_t id,
                               const char *description, int status)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->perilog (p, id, "prolog-finish", description, status)) : -1;
}

int flux_jobtap_epilog_start (flux_plugin_t *p, const char *description)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->perilog (p, FLUX_JOBTAP_CURRENT_JOB, "epilog-start",
                                     description, 0)) : -1;
}

int flux_jobtap_epilog_finish (flux_plugin_t *p, flux_jobid_t id,
                               const char *description, int status)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->perilog (p, id, "epilog-finish", description, status)) : -1;
}

int flux_jobtap_event_post_pack (flux_plugin_t *p, flux_jobid_t id, const char *name,
                                 const char *fmt, ...)
{
    const struct jobtap_ops *ops = ops_get (p);
    json_t *context = NULL;
    va_list ap;

    if (!ops || !name) {
        errno = EINVAL;
        return -1;
    }
    if (fmt) {
        va_start (ap, fmt);
        context = json_vpack_ex (NULL, 0, fmt, ap);
        va_end (ap);
        if (!context) {
            errno = EINVAL;
            return -1;
        }
    }
    return edge (ops->event_post (p, id, name, context));
}

int flux_jobtap_get_job_result (flux_plugin_t *p, flux_jobid_t id,
                                flux_job_result_t *resultp)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->get_job_result (p, id, resultp)) : -1;
}

int flux_jobtap_job_aux_set (flux_plugin_t *p, flux_jobid_t id, const char *name,
                             void *val, flux_free_f free_fn)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->aux_set (p, id, name, val, free_fn)) : -1;
}

void *flux_jobtap_job_aux_get (flux_plugin_t *p, flux_jobid_t id, const char *name)
{
    const struct jobtap_ops *ops = ops_get (p);
    int rc = 0;
    void *val;

    if (!ops)
        return NULL;
    if (!(val = ops->aux_get (p, id, name, &rc)))
        errno = rc < 0 ? -rc : ENOENT;
    return val;
}

int flux_jobtap_job_aux_delete_value (flux_plugin_t *p, flux_jobid_t id, void *val)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->aux_delete (p, id, val)) : -1;
}

int flux_jobtap_job_event_posted (flux_plugin_t *p, flux_jobid_t id, const char *name)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->event_posted (p, id, name)) : -1;
}

flux_plugin_arg_t *flux_jobtap_job_lookup (flux_plugin_t *p, flux_jobid_t id)
{
    const struct jobtap_ops *ops = ops_get (p);
    flux_plugin_arg_t *args;
    int rc = 0;

    if (!ops)
        return NULL;
    if (!(args = ops->job_lookup (p, id, &rc)))
        errno = rc < 0 ? -rc : ENOENT;
    return args;
}

int flux_jobtap_job_set_flag (flux_plugin_t *p, flux_jobid_t id, const char *flag)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->set_flag (p, id, flag)) : -1;
}

int flux_jobtap_job_subscribe (flux_plugin_t *p, flux_jobid_t id)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->subscribe (p, id, true)) : -1;
}

void flux_jobtap_job_unsubscribe (flux_plugin_t *p, flux_jobid_t id)
{
    const struct jobtap_ops *ops = ops_get (p);

    if (ops)
        (void)ops->subscribe (p, id, false);
}

static int jobspec_update (flux_plugin_t *p, flux_jobid_t id, bool current,
                           const char *fmt, va_list ap)
{
    const struct jobtap_ops *ops = ops_get (p);
    json_t *update;

    if (!ops || !fmt || !(update = json_vpack_ex (NULL, 0, fmt, ap))) {
        errno = EINVAL;
        return -1;
    }
    return edge (ops->jobspec_update (p, id, update, current));
}

int flux_jobtap_jobspec_update_pack (flux_plugin_t *p, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    int rc = jobspec_update (p, FLUX_JOBTAP_CURRENT_JOB, true, fmt, ap);
    va_end (ap);
    return rc;
}

int flux_jobtap_jobspec_update_id_pack (flux_plugin_t *p, flux_jobid_t id,
                                        const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    int rc = jobspec_update (p, id, false, fmt, ap);
    va_end (ap);
    return rc;
}

int flux_jobtap_raise_exception (flux_plugin_t *p, flux_jobid_t id, const char *type,
                                 int severity, const char *fmt, ...)
{
    const struct jobtap_ops *ops = ops_get (p);
    char note[1024] = "";
    va_list ap;

    if (!ops)
        return -1;
    if (fmt) {
        va_start (ap, fmt);
        vsnprintf (note, sizeof (note), fmt, ap);
        va_end (ap);
    }
    return edge (ops->raise (p, id, type, severity, note));
}

/* Put a message into the errstr of the callback's output. */
static void set_errstr (flux_plugin_t *p, flux_plugin_arg_t *args, const char *fmt,
                        va_list ap)
{
    char buf[1024];

    vsnprintf (buf, sizeof (buf), fmt, ap);
    if (flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "errstr", buf) < 0) {
        flux_t *h = flux_jobtap_get_flux (p);
        if (h)
            flux_log (h, LOG_ERR, "jobtap: %s: cannot return error: %s",
                      flux_plugin_get_name (p), buf);
    }
}

int flux_jobtap_error (flux_plugin_t *p, flux_plugin_arg_t *args, const char *fmt, ...)
{
    va_list ap;

    if (args && fmt) {
        va_start (ap, fmt);
        set_errstr (p, args, fmt, ap);
        va_end (ap);
    }
    return -1;
}

int flux_jobtap_reject_job (flux_plugin_t *p, flux_plugin_arg_t *args,
                            const char *fmt, ...)
{
    va_list ap;

    if (args && fmt) {
        va_start (ap, fmt);
        set_errstr (p, args, fmt, ap);
        va_end (ap);
    }
    else if (args) {
        (void)flux_jobtap_error (p, args, "rejected by job-manager plugin '%s'",
                                 flux_plugin_get_name (p));
    }
    return -1;
}

int flux_jobtap_reprioritize_all (flux_plugin_t *p)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->reprioritize_all (p)) : -1;
}

int flux_jobtap_reprioritize_job (flux_plugin_t *p, flux_jobid_t id,
                                  unsigned int priority)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->reprioritize_job (p, id, priority)) : -1;
}

int flux_jobtap_priority_unavail (flux_plugin_t *p, flux_plugin_arg_t *args)
{
    if (!ops_get (p))
        return -1;
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:i}",
                                 "priority", PRIORITY_UNAVAIL);
}

int flux_jobtap_service_register_ex (flux_plugin_t *p, const char *method,
                                     uint32_t rolemask, flux_msg_handler_f cb,
                                     void *arg)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->service_register (p, method, rolemask, cb, arg)) : -1;
}

int flux_jobtap_service_register (flux_plugin_t *p, const char *method,
                                  flux_msg_handler_f cb, void *arg)
{
    return flux_jobtap_service_register_ex (p, method, FLUX_ROLE_ALL, cb, arg);
}

int flux_jobtap_set_load_sort_order (flux_plugin_t *p, const char *mode)
{
    const struct jobtap_ops *ops = ops_get (p);

    return ops ? edge (ops->set_load_sort_order (p, mode)) : -1;
}
