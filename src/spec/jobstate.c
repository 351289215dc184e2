/* jobstate.c - the job state machine (RFC 21) as one pure function
 *
 *            validate        depend          priority         alloc
 *       NEW ---------> DEPEND ------> PRIORITY ------> SCHED -------> RUN
 *        |                |              |  ^            | |           |
 *        |                |              |  '- urgency, -' |    finish,|
 *        |                |              |  flux-restart,  |  exception|
 *        |                |              |  jobspec-update |           v
 *        '----------------'--------------'-----------------'-----> CLEANUP
 *                      exception of severity 0                         |
 *                                                                clean v
 *                                                                INACTIVE
 *
 * Each event has one function.  It checks everything before it changes
 * anything, so that a refused event leaves no trace.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/errmsg.h"
#include "spec/jobstate.h"

struct event {
    double timestamp;
    const char *name;
    const json_t *context;
};

typedef int (*apply_f) (struct jobstate *js, const struct event *ev,
                        flux_error_t *err);

void jobstate_init (struct jobstate *js)
{
    memset (js, 0, sizeof (*js));
    js->state = FLUX_JOB_STATE_NEW;
    js->priority = -1;
    js->urgency = FLUX_JOB_URGENCY_DEFAULT;
    js->waitstatus = -1;
    js->exception_severity = -1;
    js->exception_wait_status = -1;
}

const char *jobstate_name (flux_job_state_t state)
{
    switch (state) {
        case FLUX_JOB_STATE_NEW:
            return "NEW";
        case FLUX_JOB_STATE_DEPEND:
            return "DEPEND";
        case FLUX_JOB_STATE_PRIORITY:
            return "PRIORITY";
        case FLUX_JOB_STATE_SCHED:
            return "SCHED";
        case FLUX_JOB_STATE_RUN:
            return "RUN";
        case FLUX_JOB_STATE_CLEANUP:
            return "CLEANUP";
        case FLUX_JOB_STATE_INACTIVE:
            return "INACTIVE";
        default:
            return NULL;
    }
}

static int refuse (const struct jobstate *js, const struct event *ev,
                   const char *why, flux_error_t *err)
{
    return errmsg (err, -EPROTO, "%s event in state %s: %s",
                   ev->name, jobstate_name (js->state), why);
}

static int require_state (const struct jobstate *js, const struct event *ev,
                          int states, flux_error_t *err)
{
    if ((js->state & states))
        return 0;
    return errmsg (err, -EPROTO, "%s event is not possible in state %s",
                   ev->name, jobstate_name (js->state));
}

static int get_int (const struct event *ev, const char *key, json_int_t min,
                    json_int_t max, json_int_t *valp, flux_error_t *err)
{
    const json_t *o = json_object_get (ev->context, key);

    if (!o)
        return errmsg (err, -EINVAL, "%s event: context key %s is missing",
                       ev->name, key);
    if (!json_is_integer (o) || json_integer_value (o) < min
        || json_integer_value (o) > max)
        return errmsg (err, -EINVAL, "%s event: %s must be an integer from %"
                       JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT,
                       ev->name, key, min, max);
    *valp = json_integer_value (o);
    return 0;
}

static int get_string (const struct event *ev, const char *key,
                       const char **valp, flux_error_t *err)
{
    const json_t *o = json_object_get (ev->context, key);

    if (!json_is_string (o))
        return errmsg (err, -EINVAL, "%s event: context key %s must be a string",
                       ev->name, key);
    *valp = json_string_value (o);
    return 0;
}

/* Copy with truncation that never splits a UTF-8 sequence. */
static void copy_text (char *dst, size_t size, const char *src)
{
    size_t len = strnlen (src, size);

    if (len == size) {
        len = size - 1;
        while (len > 0 && ((unsigned char)src[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy (dst, src, len);
    dst[len] = '\0';
}

/* What is left to do in CLEANUP. */
static int cleanup_actions (const struct jobstate *js)
{
    if (js->prolog_count > 0 || js->epilog_count > 0)
        return 0;
    if (js->has_resources)
        return js->release_final || (!js->start_seen && !js->finish_seen)
               ? JOBSTATE_ACT_FREE : 0;
    return js->alloc_pending ? 0 : JOBSTATE_ACT_CLEAN;
}

static int enter_cleanup (struct jobstate *js, const struct event *ev)
{
    js->state = FLUX_JOB_STATE_CLEANUP;
    js->t_cleanup = ev->timestamp;
    return cleanup_actions (js);
}

static int enter_priority (struct jobstate *js)
{
    js->state = FLUX_JOB_STATE_PRIORITY;
    return JOBSTATE_ACT_PRIORITY;
}

static int enter_inactive (struct jobstate *js, const struct event *ev,
                           flux_job_result_t result)
{
    js->state = FLUX_JOB_STATE_INACTIVE;
    js->t_inactive = ev->timestamp;
    js->result = result;
    return JOBSTATE_ACT_INACTIVE;
}

static int apply_submit (struct jobstate *js, const struct event *ev,
                         flux_error_t *err)
{
    json_int_t urgency, userid, flags, version = 1;
    int rc;

    if (js->t_submit > 0.)
        return refuse (js, ev, "the job was submitted already", err);
    if ((rc = get_int (ev, "urgency", FLUX_JOB_URGENCY_MIN, FLUX_JOB_URGENCY_MAX,
                       &urgency, err)) < 0
        || (rc = get_int (ev, "userid", 0, UINT32_MAX, &userid, err)) < 0
        || (rc = get_int (ev, "flags", 0, INT32_MAX, &flags, err)) < 0)
        return rc;
    if (json_object_get (ev->context, "version")
        && (rc = get_int (ev, "version", 1, 1, &version, err)) < 0)
        return rc;
    js->urgency = urgency;
    js->userid = userid;
    js->flags = flags;
    js->t_submit = ev->timestamp;
    return JOBSTATE_ACT_VALIDATE;
}

static int apply_validate (struct jobstate *js, const struct event *ev,
                           flux_error_t *err)
{
    if (require_state (js, ev, FLUX_JOB_STATE_NEW, err) < 0)
        return -EPROTO;
    js->state = FLUX_JOB_STATE_DEPEND;
    js->t_depend = ev->timestamp;
    return JOBSTATE_ACT_DEPEND;
}

static int apply_invalidate (struct jobstate *js, const struct event *ev,
                             flux_error_t *err)
{
    if (require_state (js, ev, FLUX_JOB_STATE_NEW, err) < 0)
        return -EPROTO;
    return enter_inactive (js, ev, FLUX_JOB_RESULT_FAILED);
}

static int apply_dependency_add (struct jobstate *js, const struct event *ev,
                                 flux_error_t *err)
{
    const char *description;
    int rc;

    if ((rc = get_string (ev, "description", &description, err)) < 0
        || (rc = require_state (js, ev,
                                FLUX_JOB_STATE_NEW | FLUX_JOB_STATE_DEPEND,
                                err)) < 0)
        return rc;
    js->dependency_count++;
    return 0;
}

static int apply_dependency_remove (struct jobstate *js, const struct event *ev,
                                    flux_error_t *err)
{
    const char *description;
    int rc;

    if ((rc = get_string (ev, "description", &description, err)) < 0)
        return rc;
    if (js->dependency_count == 0)
        return refuse (js, ev, "the job has no dependency", err);
    js->dependency_count--;
    return js->state == FLUX_JOB_STATE_DEPEND && js->dependency_count == 0
           ? JOBSTATE_ACT_DEPEND : 0;
}

static int apply_depend (struct jobstate *js, const struct event *ev,
                         flux_error_t *err)
{
    if (require_state (js, ev, FLUX_JOB_STATE_DEPEND, err) < 0)
        return -EPROTO;
    if (js->dependency_count > 0)
        return refuse (js, ev, "a dependency is not satisfied", err);
    js->depend_posted = true;
    return enter_priority (js);
}

static int apply_priority (struct jobstate *js, const struct event *ev,
                           flux_error_t *err)
{
    json_int_t priority;
    int rc;

    if ((rc = get_int (ev, "priority", FLUX_JOB_PRIORITY_MIN,
                       FLUX_JOB_PRIORITY_MAX, &priority, err)) < 0)
        return rc;
    js->priority = priority;
    if (js->state != FLUX_JOB_STATE_PRIORITY)
        return 0;
    js->state = FLUX_JOB_STATE_SCHED;
    return JOBSTATE_ACT_ALLOC;
}

static int apply_urgency (struct jobstate *js, const struct event *ev,
                          flux_error_t *err)
{
    json_int_t urgency, userid;
    int rc;

    if ((rc = get_int (ev, "urgency", FLUX_JOB_URGENCY_MIN, FLUX_JOB_URGENCY_MAX,
                       &urgency, err)) < 0
        || (rc = get_int (ev, "userid", 0, UINT32_MAX, &userid, err)) < 0)
        return rc;
    js->urgency = urgency;
    if (js->state == FLUX_JOB_STATE_SCHED)
        return enter_priority (js);
    return js->state == FLUX_JOB_STATE_PRIORITY ? JOBSTATE_ACT_PRIORITY : 0;
}

static int apply_flux_restart (struct jobstate *js, const struct event *ev,
                               flux_error_t *err)
{
    return js->state == FLUX_JOB_STATE_SCHED ? enter_priority (js) : 0;
}

static int apply_jobspec_update (struct jobstate *js, const struct event *ev,
                                 flux_error_t *err)
{
    if (json_object_size (ev->context) == 0)
        return errmsg (err, -EINVAL, "jobspec-update event: context is empty");
    return js->state == FLUX_JOB_STATE_SCHED ? enter_priority (js) : 0;
}

static int apply_resource_update (struct jobstate *js, const struct event *ev,
                                  flux_error_t *err)
{
    const json_t *o = json_object_get (ev->context, "expiration");

    if (!json_is_number (o) || json_number_value (o) < 0.)
        return errmsg (err, -EINVAL, "resource-update event: expiration must "
                       "be a number that is not negative");
    return 0;
}

static int apply_set_flags (struct jobstate *js, const struct event *ev,
                            flux_error_t *err)
{
    static const struct {
        const char *name;
        int flag;
    } names[] = {
        {"debug", FLUX_JOB_DEBUG},
        {"waitable", FLUX_JOB_WAITABLE},
        {"novalidate", FLUX_JOB_NOVALIDATE},
    };
    const json_t *flags = json_object_get (ev->context, "flags");
    size_t index;
    json_t *o;
    int mask = 0;

    if (!json_is_array (flags))
        return errmsg (err, -EINVAL, "set-flags event: flags must be an array");
    json_array_foreach ((json_t *)flags, index, o) {
        if (!json_is_string (o))
            return errmsg (err, -EINVAL, "set-flags event: flags[%zu] must be "
                           "a string", index);
        for (size_t i = 0; i < sizeof (names) / sizeof (names[0]); i++) {
            if (strcmp (names[i].name, json_string_value (o)) == 0)
                mask |= names[i].flag;
        }
    }
    js->flags |= mask;
    return 0;
}

static int apply_memo (struct jobstate *js, const struct event *ev,
                       flux_error_t *err)
{
    if (!ev->context)
        return errmsg (err, -EINVAL, "memo event: context is missing");
    return 0;
}

/* In CLEANUP: the scheduler had answered when the exception arrived. */
static int apply_alloc (struct jobstate *js, const struct event *ev,
                        flux_error_t *err)
{
    if (require_state (js, ev, FLUX_JOB_STATE_SCHED | FLUX_JOB_STATE_CLEANUP,
                       err) < 0)
        return -EPROTO;
    if (js->has_resources)
        return refuse (js, ev, "the job has resources already", err);
    js->has_resources = true;
    if (js->state == FLUX_JOB_STATE_CLEANUP)
        return cleanup_actions (js);
    js->state = FLUX_JOB_STATE_RUN;
    js->t_run = ev->timestamp;
    return js->prolog_count == 0 ? JOBSTATE_ACT_START : 0;
}

static int apply_prolog_start (struct jobstate *js, const struct event *ev,
                               flux_error_t *err)
{
    const char *description;
    int rc;

    if ((rc = get_string (ev, "description", &description, err)) < 0)
        return rc;
    if (js->start_seen || (js->state & (FLUX_JOB_STATE_CLEANUP
                                        | FLUX_JOB_STATE_INACTIVE)))
        return refuse (js, ev, "the job was started or is finished", err);
    js->prolog_count++;
    return 0;
}

static int get_perilog_finish (const struct event *ev, flux_error_t *err)
{
    const char *description;
    json_int_t status;
    int rc;

    if ((rc = get_string (ev, "description", &description, err)) < 0
        || (rc = get_int (ev, "status", INT32_MIN, INT32_MAX, &status, err)) < 0)
        return rc;
    return 0;
}

static int apply_prolog_finish (struct jobstate *js, const struct event *ev,
                                flux_error_t *err)
{
    int rc;

    if ((rc = get_perilog_finish (ev, err)) < 0)
        return rc;
    if (js->prolog_count == 0)
        return refuse (js, ev, "no prolog action is active", err);
    js->prolog_count--;
    if (js->state == FLUX_JOB_STATE_RUN)
        return js->prolog_count == 0 && !js->start_seen ? JOBSTATE_ACT_START : 0;
    return js->state == FLUX_JOB_STATE_CLEANUP ? cleanup_actions (js) : 0;
}

/* In RUN too: a plugin may post it from its finish callback, before the event
 * that makes the transition is applied. */
static int apply_epilog_start (struct jobstate *js, const struct event *ev,
                               flux_error_t *err)
{
    const char *description;
    int rc;

    if ((rc = get_string (ev, "description", &description, err)) < 0
        || (rc = require_state (js, ev,
                                FLUX_JOB_STATE_RUN | FLUX_JOB_STATE_CLEANUP,
                                err)) < 0)
        return rc;
    js->epilog_count++;
    return 0;
}

static int apply_epilog_finish (struct jobstate *js, const struct event *ev,
                                flux_error_t *err)
{
    int rc;

    if ((rc = get_perilog_finish (ev, err)) < 0)
        return rc;
    if (js->epilog_count == 0)
        return refuse (js, ev, "no epilog action is active", err);
    js->epilog_count--;
    return js->state == FLUX_JOB_STATE_CLEANUP ? cleanup_actions (js) : 0;
}

/* In CLEANUP: the exception arrived while the shells were being started. */
static int apply_start (struct jobstate *js, const struct event *ev,
                        flux_error_t *err)
{
    if (require_state (js, ev, FLUX_JOB_STATE_RUN | FLUX_JOB_STATE_CLEANUP,
                       err) < 0)
        return -EPROTO;
    if (js->start_seen)
        return refuse (js, ev, "the job was started already", err);
    if (!js->has_resources)
        return refuse (js, ev, "the job has no resources", err);
    js->start_seen = true;
    return js->state == FLUX_JOB_STATE_CLEANUP && !js->finish_seen
           ? JOBSTATE_ACT_CANCEL_EXEC : 0;
}

static int apply_finish (struct jobstate *js, const struct event *ev,
                         flux_error_t *err)
{
    json_int_t status;
    int rc;

    if ((rc = get_int (ev, "status", INT32_MIN, INT32_MAX, &status, err)) < 0
        || (rc = require_state (js, ev,
                                FLUX_JOB_STATE_RUN | FLUX_JOB_STATE_CLEANUP,
                                err)) < 0)
        return rc;
    if (js->finish_seen)
        return refuse (js, ev, "the job finished already", err);
    js->finish_seen = true;
    js->waitstatus = status;
    if (js->state == FLUX_JOB_STATE_CLEANUP)
        return cleanup_actions (js);
    return enter_cleanup (js, ev);
}

static int apply_release (struct jobstate *js, const struct event *ev,
                          flux_error_t *err)
{
    const json_t *final = json_object_get (ev->context, "final");
    const char *ranks;
    int rc;

    if ((rc = get_string (ev, "ranks", &ranks, err)) < 0
        || (rc = require_state (js, ev,
                                FLUX_JOB_STATE_RUN | FLUX_JOB_STATE_CLEANUP,
                                err)) < 0)
        return rc;
    if (!json_is_boolean (final))
        return errmsg (err, -EINVAL, "release event: final must be a boolean");
    if (js->release_final)
        return refuse (js, ev, "all resources were released already", err);
    if (!js->has_resources)
        return refuse (js, ev, "the job has no resources", err);
    js->release_final = json_is_true (final);
    return js->state == FLUX_JOB_STATE_CLEANUP && js->release_final
           ? cleanup_actions (js) : 0;
}

static int apply_free (struct jobstate *js, const struct event *ev,
                       flux_error_t *err)
{
    if (require_state (js, ev, FLUX_JOB_STATE_RUN | FLUX_JOB_STATE_CLEANUP,
                       err) < 0)
        return -EPROTO;
    if (!js->has_resources)
        return refuse (js, ev, "the job has no resources", err);
    js->has_resources = false;
    return js->state == FLUX_JOB_STATE_CLEANUP ? cleanup_actions (js) : 0;
}

/* RFC 21 calls the exception type timelimit, the commands call it timeout. */
static flux_job_result_t final_result (const struct jobstate *js)
{
    if (js->exception_occurred && js->exception_severity == 0) {
        if (strcmp (js->exception_type, "cancel") == 0)
            return FLUX_JOB_RESULT_CANCELED;
        if (strcmp (js->exception_type, "timeout") == 0
            || strcmp (js->exception_type, "timelimit") == 0)
            return FLUX_JOB_RESULT_TIMEOUT;
        return FLUX_JOB_RESULT_FAILED;
    }
    return js->waitstatus == 0 ? FLUX_JOB_RESULT_COMPLETED
                               : FLUX_JOB_RESULT_FAILED;
}

static int apply_clean (struct jobstate *js, const struct event *ev,
                        flux_error_t *err)
{
    if (require_state (js, ev, FLUX_JOB_STATE_CLEANUP, err) < 0)
        return -EPROTO;
    if (js->has_resources)
        return refuse (js, ev, "the job still has resources", err);
    return enter_inactive (js, ev, final_result (js));
}

/* What must be undone when a fatal exception meets a job in 'from'. */
static int fatal_actions (const struct jobstate *js, flux_job_state_t from)
{
    switch (from) {
        case FLUX_JOB_STATE_SCHED:
            return JOBSTATE_ACT_CANCEL_ALLOC;
        case FLUX_JOB_STATE_RUN:
            return JOBSTATE_ACT_CANCEL_EXEC;
        default: /* an alloc request outlives a return to PRIORITY */
            return js->alloc_pending ? JOBSTATE_ACT_CANCEL_ALLOC : 0;
    }
}

static int apply_exception (struct jobstate *js, const struct event *ev,
                            flux_error_t *err)
{
    const json_t *note = json_object_get (ev->context, "note");
    const json_t *status = json_object_get (ev->context, "wait_status");
    flux_job_state_t from = js->state;
    const char *type;
    json_int_t severity;
    int rc;

    if ((rc = get_string (ev, "type", &type, err)) < 0
        || (rc = get_int (ev, "severity", 0, 7, &severity, err)) < 0)
        return rc;
    if (note && !json_is_string (note))
        return errmsg (err, -EINVAL, "exception event: note must be a string");
    if (!js->exception_occurred || severity < js->exception_severity) {
        js->exception_occurred = true;
        js->exception_severity = severity;
        js->exception_wait_status = json_is_integer (status) ? json_integer_value (status) : -1;
        copy_text (js->exception_type, sizeof (js->exception_type), type);
        copy_text (js->exception_note, sizeof (js->exception_note),
                   note ? json_string_value (note) : "");
    }
    if (severity > 0 || from == FLUX_JOB_STATE_CLEANUP)
        return 0;
    rc = fatal_actions (js, from);
    return rc | enter_cleanup (js, ev);
}

static const struct {
    const char *name;
    apply_f apply;
} events[] = {
    {"submit", apply_submit},
    {"validate", apply_validate},
    {"invalidate", apply_invalidate},
    {"dependency-add", apply_dependency_add},
    {"dependency-remove", apply_dependency_remove},
    {"depend", apply_depend},
    {"priority", apply_priority},
    {"urgency", apply_urgency},
    {"flux-restart", apply_flux_restart},
    {"jobspec-update", apply_jobspec_update},
    {"resource-update", apply_resource_update},
    {"set-flags", apply_set_flags},
    {"memo", apply_memo},
    {"alloc", apply_alloc},
    {"prolog-start", apply_prolog_start},
    {"prolog-finish", apply_prolog_finish},
    {"epilog-start", apply_epilog_start},
    {"epilog-finish", apply_epilog_finish},
    {"start", apply_start},
    {"finish", apply_finish},
    {"release", apply_release},
    {"free", apply_free},
    {"clean", apply_clean},
    {"exception", apply_exception},
};

static apply_f find_event (const char *name)
{
    for (size_t i = 0; i < sizeof (events) / sizeof (events[0]); i++) {
        if (events[i].name[0] == name[0] && strcmp (events[i].name, name) == 0)
            return events[i].apply;
    }
    return NULL;
}

int jobstate_apply (struct jobstate *js, double timestamp, const char *name,
                    const json_t *context, flux_error_t *err)
{
    struct event ev = { .timestamp = timestamp, .name = name, .context = context };
    apply_f apply;

    if (!name || !name[0])
        return errmsg (err, -EINVAL, "event has no name");
    if (context && !json_is_object (context))
        return errmsg (err, -EINVAL, "%s event: context is not an object", name);
    if (!(timestamp > 0.))
        return errmsg (err, -EINVAL, "%s event: timestamp must be above zero", name);
    apply = find_event (name);
    if (js->t_submit == 0. && apply != apply_submit)
        return refuse (js, &ev, "the first event must be submit", err);
    if (!apply)
        return 0;
    if (js->state == FLUX_JOB_STATE_INACTIVE && apply != apply_memo)
        return refuse (js, &ev, "the job is complete", err);
    return apply (js, &ev, err);
}
