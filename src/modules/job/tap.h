/* tap.h - job manager plugins (flux-jobtap-plugins(7))
 *
 * Callbacks are made in load order.  Arguments are only built if a plugin has
 * a handler for the topic, so an idle interface costs a hash look-up.
 */
#ifndef JOB_TAP_H
#define JOB_TAP_H

#include "modules/job/mgr.h"

/* What callbacks gave back. */
struct tap_out {
    bool priority_set;          /* ... by a plugin; */
    bool priority_unavail;      /* ... the last of which has none yet */
    json_int_t priority;
    char *R;                    /* allocated text, or NULL */
};

/* Returned in "priority" by flux_jobtap_priority_unavail(). */
#define TAP_PRIORITY_UNAVAIL (-2)

struct tap *tap_new (struct mgr *m);
void tap_free (struct tap *tap);
/* [job-manager] plugins at start; conf.update at start and on each change.
 * 0 or a negative errno with err->text. */
int tap_load_configured (struct mgr *m, const flux_conf_t *conf, flux_error_t *err);
int tap_configure (struct mgr *m, const flux_conf_t *conf, flux_error_t *err);

/* job.create, job.dependency.*, job.validate.  0, or a negative errno and the
 * reason in err. */
int tap_create (struct mgr *m, struct job *job, flux_error_t *err);
int tap_validate (struct mgr *m, struct job *job, flux_error_t *err);
int tap_dependencies (struct mgr *m, struct job *job, flux_error_t *err);
/* A validation of what the job would become (update.c). */
int tap_validate_json (struct mgr *m, struct job *job, json_t *jobspec,
                       flux_error_t *err);
/* job.update.KEY for one key of an update. */
struct tap_update {
    bool validated;
    bool feasibility;
    json_t *updates;            /* further ones asked for, or NULL */
};
int tap_update_key (struct mgr *m, struct job *job, const char *key, json_t *updates,
                    struct tap_update *out, flux_error_t *err);

/* job.new, job.destroy, job.inactive-add, job.inactive-remove, job.update. */
void tap_notify (struct mgr *m, struct job *job, const char *topic);
/* job.state.*, entered from 'from' by 'entry' (may be NULL).  The caller frees
 * out->R. */
void tap_state (struct mgr *m, struct job *job, flux_job_state_t from, json_t *entry,
                struct tap_out *out);
bool tap_wants_event (struct mgr *m, struct job *job);
void tap_event (struct mgr *m, struct job *job, const char *name, json_t *entry);
/* job.priority.get */
void tap_priority_get (struct mgr *m, struct job *job, struct tap_out *out);
/* Drop plugin data and subscriptions of a job that is not active any more. */
void tap_job_done (struct mgr *m, struct job *job);

mgr_handler tap_jobtap_cb, tap_query_cb;

/* ---- for the built-in plugins ---- */

struct mgr *tap_mgr (flux_plugin_t *p);

/* A built-in plugin added or removed a handler after its initialization. */
void tap_handlers_changed (flux_plugin_t *p);

/* One of the plugins in plug_*.c; 'name' has the leading dot. */
struct tap_builtin {
    const char *name;
    int (*init) (flux_plugin_t *p);
};
extern const struct tap_builtin tap_builtins[];   /* ends with NULL */

int plug_priority_default (flux_plugin_t *p);
int plug_dependency_after (flux_plugin_t *p);
int plug_begin_time (flux_plugin_t *p);
int plug_singleton (flux_plugin_t *p);
int plug_limit_duration (flux_plugin_t *p);
int plug_limit_job_size (flux_plugin_t *p);
int plug_update_duration (flux_plugin_t *p);
int plug_history (flux_plugin_t *p);

#endif /* !JOB_TAP_H */
