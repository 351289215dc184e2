/* jobtap_ops.h - how the jobtap functions of the library reach the job manager
 *
 * Plugins link libflux-core, the job manager is a part of the broker.  The
 * manager hangs a table of functions on each plugin it loads (an aux item);
 * the public flux_jobtap_*() look it up and call through it, so that a plugin
 * that was not loaded by a job manager gets EINVAL.  Each member is the public
 * function of that name, with printed or packed arguments already made:
 * negative errno on error.
 */
#ifndef CORE_JOBTAP_OPS_H
#define CORE_JOBTAP_OPS_H

#include <jansson.h>
#include <flux/jobtap.h>

#define JOBTAP_OPS_AUX "flux::jobtap_ops"

struct jobtap_ops {
    flux_t *(*get_flux) (flux_plugin_t *p);
    int (*call) (flux_plugin_t *p, flux_jobid_t id, const char *topic,
                 flux_plugin_arg_t *args);
    int (*dependency) (flux_plugin_t *p, flux_jobid_t id, bool add,
                       const char *description);
    /* name is "prolog-start", "prolog-finish", "epilog-start", "epilog-finish" */
    int (*perilog) (flux_plugin_t *p, flux_jobid_t id, const char *name,
                    const char *description, int status);
    /* takes context (may be NULL) */
    int (*event_post) (flux_plugin_t *p, flux_jobid_t id, const char *name,
                       json_t *context);
    int (*get_job_result) (flux_plugin_t *p, flux_jobid_t id, flux_job_result_t *r);
    int (*aux_set) (flux_plugin_t *p, flux_jobid_t id, const char *name, void *val,
                    flux_free_f free_fn);
    void *(*aux_get) (flux_plugin_t *p, flux_jobid_t id, const char *name, int *rc);
    int (*aux_delete) (flux_plugin_t *p, flux_jobid_t id, const void *val);
    int (*event_posted) (flux_plugin_t *p, flux_jobid_t id, const char *name);
    flux_plugin_arg_t *(*job_lookup) (flux_plugin_t *p, flux_jobid_t id, int *rc);
    int (*set_flag) (flux_plugin_t *p, flux_jobid_t id, const char *flag);
    int (*subscribe) (flux_plugin_t *p, flux_jobid_t id, bool on);
    /* takes update; 'current' tells jobspec_update_pack from the _id_ one */
    int (*jobspec_update) (flux_plugin_t *p, flux_jobid_t id, json_t *update,
                           bool current);
    int (*raise) (flux_plugin_t *p, flux_jobid_t id, const char *type, int severity,
                  const char *note);
    int (*reprioritize_all) (flux_plugin_t *p);
    int (*reprioritize_job) (flux_plugin_t *p, flux_jobid_t id, unsigned int priority);
    int (*service_register) (flux_plugin_t *p, const char *method, uint32_t rolemask,
                             flux_msg_handler_f cb, void *arg);
    int (*set_load_sort_order) (flux_plugin_t *p, const char *mode);
};

#endif /* !CORE_JOBTAP_OPS_H */
