/* update.c - job-manager.update: changing attributes of an active job
 *
 *   update {id, updates} ─► plugins job.update.KEY ─► job.validate
 *      ─► feasibility.check (if a plugin asks) ─► jobspec-update event
 *      of a running job: ─► sched.expiration ─► resource-update event
 */
#include <errno.h>
#include <inttypes.h>

#include "base/errmsg.h"
#include "modules/job/info.h"
#include "modules/job/mgr.h"
#include "spec/rset.h"
#include "modules/job/tap.h"

#define DURATION_KEY "attributes.system.duration"

struct update {
    struct list_node node;
    struct mgr *m;
    const flux_msg_t *msg;
    struct job *job;           /* reference */
    json_t *updates;
    double expiration;         /* of a running job, else 0 */
    bool owner_override;
    flux_future_t *f;
};

struct updates {
    struct list_node pending;  /* that wait for an answer */
    struct update *asking;     /* plugins are being asked about it */
};

struct updates *updates_new (struct mgr *m)
{
    struct updates *u = calloc (1, sizeof (*u));

    if (u)
        list_init (&u->pending);
    return u;
}

static void update_free (struct update *u)
{
    list_del (&u->node);
    flux_future_destroy (u->f);
    flux_msg_decref (u->msg);
    json_decref (u->updates);
    job_unref (u->m->t, u->job);
    free (u);
}

void updates_free (struct updates *us)
{
    if (us) {
        list_foreach (&us->pending, pos)
            update_free (list_entry (pos, struct update, node));
        free (us);
    }
}

static void update_fail (struct update *u, int errnum, const char *text)
{
    mgr_respond_error (u->m, u->msg, errnum, text ? "%s" : NULL, text);
    update_free (u);
}

void update_exec_expiration (struct mgr *m, struct job *job)
{
    const char *service = start_service (m);
    char topic[128];
    flux_future_t *f;

    if (!service || !job->a->exec_pending)
        return;
    snprintf (topic, sizeof (topic), "%s.expiration", service);
    f = flux_rpc_pack (m->h, topic, FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE, "{s:I s:f}",
                       "id", (json_int_t)job->id, "expiration", job->expiration);
    flux_future_destroy (f);
}

static void update_apply (struct update *u)
{
    struct mgr *m = u->m;
    struct job *job = u->job;
    flux_error_t err;
    int rc;

    if (!job->a || job->st.state == FLUX_JOB_STATE_INACTIVE) {
        update_fail (u, EINVAL, "job is inactive");
        return;
    }
    if ((rc = event_post (m, job, "jobspec-update", json_incref (u->updates), &err)) < 0) {
        update_fail (u, -rc, err.text);
        return;
    }
    if (u->owner_override)
        job->a->immutable = true;
    if (job->a->rset && json_object_get (u->updates, DURATION_KEY)) {
        event_post_pack (m, job, "resource-update", "{s:f}", "expiration", u->expiration);
        update_exec_expiration (m, job);
    }
    tap_notify (m, job, "job.update");
    info_updated (m->t, job);
    mgr_respond_text (m, u->msg, NULL);
    update_free (u);
}

/* A scheduler without sched.expiration agrees to all. */
static void expiration_continuation (flux_future_t *f, void *arg)
{
    struct update *u = arg;

    if (flux_future_get (f, NULL) < 0 && errno != ENOSYS) {
        char text[256];
        snprintf (text, sizeof (text), "the scheduler refuses to change the expiration: %s",
                  future_strerror (f, errno));
        update_fail (u, errno, text);
        return;
    }
    update_apply (u);
}

static void update_expiration (struct update *u)
{
    double d = json_number_value (json_object_get (u->updates, DURATION_KEY));
    double start = rset_starttime (u->job->a->rset);

    u->expiration = d > 0. ? (start > 0. ? start : u->job->st.t_run) + d : 0.;
    flux_future_destroy (u->f);
    u->f = alloc_expiration (u->m, u->job, u->expiration);
    if (!u->f || flux_future_then (u->f, -1., expiration_continuation, u) < 0)
        update_fail (u, errno, NULL);
}

static void update_proceed (struct update *u)
{
    if (!u->job->a)
        update_fail (u, EINVAL, "job is inactive");
    else if (u->job->a->rset && json_object_get (u->updates, DURATION_KEY))
        update_expiration (u);
    else
        update_apply (u);
}

static void feasibility_continuation (flux_future_t *f, void *arg)
{
    struct update *u = arg;

    if (flux_future_get (f, NULL) < 0 && errno != ENOSYS)
        update_fail (u, EINVAL, future_strerror (f, errno));
    else
        update_proceed (u);
}

static int check_feasibility (struct update *u, struct jobdoc *doc)
{
    u->f = flux_rpc_pack (u->m->h, "feasibility.check", FLUX_NODEID_ANY, 0, "{s:o}",
                          "jobspec", jobdoc_brief_json (doc));
    if (!u->f || flux_future_then (u->f, -1., feasibility_continuation, u) < 0)
        return -errno;
    return 0;
}

/* Ask the plugins about each key.  Sets *validated if all are beyond limits by
 * the owner's will, *feasible if the result is to be checked. */
static int ask_plugins (struct update *u, bool *validated, bool *feasibility,
                        flux_error_t *err)
{
    json_t *asked = json_deep_copy (u->updates), *val;
    const char *key;
    int rc = asked ? 0 : -ENOMEM;

    *validated = true;
    json_object_foreach (asked, key, val) {
        struct tap_update out = { 0 };
        if ((rc = tap_update_key (u->m, u->job, key, asked, &out, err)) < 0)
            break;
        *validated &= out.validated;
        *feasibility |= out.feasibility;
        if (out.updates && json_object_update (u->updates, out.updates) < 0)
            rc = -ENOMEM;
        json_decref (out.updates);
    }
    json_decref (asked);
    return rc;
}

static const char *check_state (const struct update *u)
{
    const struct job *job = u->job;

    if (job->st.state == FLUX_JOB_STATE_CLEANUP)
        return "job is in CLEANUP state";
    if (job->st.state == FLUX_JOB_STATE_RUN
        && (json_object_size (u->updates) != 1
            || !json_object_get (u->updates, DURATION_KEY)))
        return "only the duration of a running job can be updated";
    if (job->st.state == FLUX_JOB_STATE_RUN && !mgr_request_privileged (u->msg))
        return "only the instance owner may update a running job";
    if (job->a->immutable && !mgr_request_privileged (u->msg))
        return "job is immutable due to previous instance owner update";
    return NULL;
}

static void update_begin (struct update *u)
{
    bool validated = false, feasibility = false;
    struct jobdoc *doc = NULL;
    flux_error_t err;
    const char *why;
    uint32_t sender;
    int rc;

    if ((why = check_state (u))) {
        update_fail (u, EINVAL, why);
        return;
    }
    u->m->updates->asking = u;
    rc = ask_plugins (u, &validated, &feasibility, &err);
    u->m->updates->asking = NULL;
    if (rc < 0
        || (!(doc = jobdoc_update (u->job->a->doc, u->updates, &err))
            && (rc = -errno) < 0))
        goto error;
    if (!validated
        && (rc = tap_validate_json (u->m, u->job, jobdoc_redacted_json (doc), &err)) < 0)
        goto error;
    u->owner_override = validated && flux_msg_get_userid (u->msg, &sender) == 0
                        && sender != u->job->st.userid;
    if (feasibility) {
        if ((rc = check_feasibility (u, doc)) < 0) {
            errmsg (&err, 0, "feasibility.check: %s", flux_strerror (-rc));
            goto error;
        }
    }
    else
        update_proceed (u);
    jobdoc_unref (doc);
    return;
error:
    jobdoc_unref (doc);
    update_fail (u, -rc, err.text);
}

bool update_by_owner (const struct mgr *m)
{
    const struct update *u = m->updates->asking;
    uint32_t rolemask;

    return u && flux_msg_get_rolemask (u->msg, &rolemask) == 0
           && (rolemask & FLUX_ROLE_OWNER);
}

void update_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    struct update *u;
    struct job *job;
    json_t *updates;

    if (flux_request_unpack (msg, NULL, "{s:o}", "updates", &updates) < 0
        || !json_is_object (updates) || json_object_size (updates) == 0) {
        mgr_respond_error (m, msg, EPROTO, "updates must be an object with at least one key");
        return;
    }
    if (!(job = mgr_request_job (m, msg, true)))
        return;
    if (!(u = calloc (1, sizeof (*u))) || !(updates = json_deep_copy (updates))) {
        free (u);
        mgr_respond_error (m, msg, ENOMEM, NULL);
        return;
    }
    *u = (struct update){ .m = m, .msg = flux_msg_incref (msg), .job = job_ref (job),
                          .updates = updates };
    list_append (&m->updates->pending, &u->node);
    update_begin (u);
}
