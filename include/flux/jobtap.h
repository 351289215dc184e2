/* jobtap.h - job manager plugins (flux-jobtap-plugins(7), man3 flux_jobtap_get_flux)
 */
#ifndef _FLUX_JOBTAP_H
#define _FLUX_JOBTAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The job for which the callback under way was made.  All functions below return 0, or -1
 * with errno, where nothing else is said: EINVAL if p was not loaded by a job manager, or the job
 * is in no state for it; ENOENT if there is no such job.  See flux-jobtap-plugins(7). */
#define FLUX_JOBTAP_CURRENT_JOB FLUX_JOBID_ANY

/* Call the handlers of all plugins for topic (not "job.*") with args as they are.  Returns how
 * many were called. */
int flux_jobtap_call (flux_plugin_t *p,
                      flux_jobid_t id,
                      const char *topic,
                      flux_plugin_arg_t *args);

/* Hold the job in DEPEND until the dependency is removed.  One that is open is not added again;
 * EEXIST if it was satisfied before. */
int flux_jobtap_dependency_add (flux_plugin_t *p,
                                flux_jobid_t id,
                                const char *description);

/* ENOENT if there is no such open dependency. */
int flux_jobtap_dependency_remove (flux_plugin_t *p,
                                   flux_jobid_t id,
                                   const char *description);

/* The action of that description is over. */
int flux_jobtap_epilog_finish (flux_plugin_t *p,
                               flux_jobid_t id,
                               const char *description,
                               int status);

/* Keep the current job's resources: from CLEANUP until they are freed. */
int flux_jobtap_epilog_start (flux_plugin_t *p, const char *description);

/* Put a message into the output of a callback that fails.  Always -1, so that it can be
 * returned. */
int flux_jobtap_error (flux_plugin_t *p,
                       flux_plugin_arg_t *args,
                       const char *fmt,
                       ...);

/* Post an event; fmt makes its context, NULL: none. */
int flux_jobtap_event_post_pack (flux_plugin_t *p,
                                 flux_jobid_t id,
                                 const char *name,
                                 const char *fmt,
                                 ...);

/* The job manager's handle, not to be closed.  NULL: EINVAL. */
flux_t *flux_jobtap_get_flux (flux_plugin_t *p);

/* How a job ends or has ended; from CLEANUP on. */
int flux_jobtap_get_job_result (flux_plugin_t *p,
                                flux_jobid_t id,
                                flux_job_result_t *resultp);

/* Drop an item by its value, with its destructor called. */
int flux_jobtap_job_aux_delete_value (flux_plugin_t *p,
                                      flux_jobid_t id,
                                      void *val);

/* NULL with errno ENOENT if there is no such item of this plugin. */
void *flux_jobtap_job_aux_get (flux_plugin_t *p,
                               flux_jobid_t id,
                               const char *name);

/* Hang an item on an active job, by a name of this plugin (or NULL); free_fn (may be NULL) is
 * called when it is replaced or deleted, the job becomes inactive, or the plugin goes.  A NULL val
 * deletes. */
int flux_jobtap_job_aux_set (flux_plugin_t *p,
                             flux_jobid_t id,
                             const char *name,
                             void *val,
                             flux_free_f free_fn);

/* 1 if an event of that name was posted to the job, else 0. */
int flux_jobtap_job_event_posted (flux_plugin_t *p,
                                  flux_jobid_t id,
                                  const char *name);

/* Input arguments as of a callback; the caller destroys them.  NULL: errno. */
flux_plugin_arg_t *flux_jobtap_job_lookup (flux_plugin_t *p, flux_jobid_t id);

/* Set the flag "waitable" or "debug". */
int flux_jobtap_job_set_flag (flux_plugin_t *p,
                              flux_jobid_t id,
                              const char *flag);

/* Ask for job.event.* callbacks for this job.  Idempotent; ends with the job. */
int flux_jobtap_job_subscribe (flux_plugin_t *p, flux_jobid_t id);

void flux_jobtap_job_unsubscribe (flux_plugin_t *p, flux_jobid_t id);

/* Update the jobspec of another job that has no resources; job.validate must agree. */
int flux_jobtap_jobspec_update_id_pack (flux_plugin_t *p,
                                        flux_jobid_t id,
                                        const char *fmt,
                                        ...);

/* Update the jobspec of the current job, by RFC 21 jobspec-update keys. */
int flux_jobtap_jobspec_update_pack (flux_plugin_t *p, const char *fmt, ...);

/* Return from a priority callback that the priority is not known yet. */
int flux_jobtap_priority_unavail (flux_plugin_t *p, flux_plugin_arg_t *args);

/* The action of that description is over. */
int flux_jobtap_prolog_finish (flux_plugin_t *p,
                               flux_jobid_t id,
                               const char *description,
                               int status);

/* Hold the start of the current job: until the execution service is asked for it. */
int flux_jobtap_prolog_start (flux_plugin_t *p, const char *description);

/* severity 0 ends the job. */
int flux_jobtap_raise_exception (flux_plugin_t *p,
                                 flux_jobid_t id,
                                 const char *type,
                                 int severity,
                                 const char *fmt,
                                 ...);

/* Put the reason into the output of job.create, job.validate or job.dependency.*.  Always -1,
 * so that it can be returned. */
int flux_jobtap_reject_job (flux_plugin_t *p,
                            flux_plugin_arg_t *args,
                            const char *fmt,
                            ...);

/* Ask job.priority.get for all jobs in PRIORITY and SCHED. */
int flux_jobtap_reprioritize_all (flux_plugin_t *p);

/* Set the priority of a job in PRIORITY or SCHED. */
int flux_jobtap_reprioritize_job (flux_plugin_t *p,
                                  flux_jobid_t id,
                                  unsigned int priority);

/* Serve job-manager.NAME.METHOD, for all users or by roles. */
int flux_jobtap_service_register (flux_plugin_t *p,
                                  const char *method,
                                  flux_msg_handler_f cb,
                                  void *arg);

int flux_jobtap_service_register_ex (flux_plugin_t *p,
                                     const char *method,
                                     uint32_t rolemask,
                                     flux_msg_handler_f cb,
                                     void *arg);

/* In which order job.create and job.new are called for jobs that are there when the plugin is
 * loaded: "state" or "-state". */
int flux_jobtap_set_load_sort_order (flux_plugin_t *p, const char *mode);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_JOBTAP_H */
