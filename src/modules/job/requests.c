/* requests.c - requests that act on single jobs, or on many by their state
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>

#include "modules/job/list.h"
#include "modules/job/mgr.h"

/* ---- annotations (RFC 27) ---- */

static int merge (json_t *dst, const json_t *src)
{
    const char *key;
    json_t *val, *old;

    json_object_foreach ((json_t *)src, key, val) {
        if (json_is_null (val)) {
            (void)json_object_del (dst, key);
            continue;
        }
        old = json_object_get (dst, key);
        if (json_is_object (val)) {
            if (!json_is_object (old)) {
                if (json_object_set_new (dst, key, (old = json_object ())) < 0)
                    return -ENOMEM;
            }
            if (merge (old, val) < 0)
                return -ENOMEM;
            if (json_object_size (old) == 0)
                (void)json_object_del (dst, key);
        }
        else if (json_object_set (dst, key, val) < 0)
            return -ENOMEM;
    }
    return 0;
}

int annotations_update (struct job *job, const json_t *update)
{
    struct active *a = job->a;

    if (!json_is_object (update))
        return -EINVAL;
    if (!a->annotations && !(a->annotations = json_object ()))
        return -ENOMEM;
    if (merge (a->annotations, update) < 0)
        return -ENOMEM;
    if (json_object_size (a->annotations) == 0) {
        json_decref (a->annotations);
        a->annotations = NULL;
    }
    return 0;
}

/* ---- exceptions ---- */

struct exception {
    const char *type;
    const char *note;
    int severity;
    uint32_t userid;
    int wait_status;           /* of the task that failed, or -1 */
};

static const char *exception_check (const struct exception *x)
{
    if (!*x->type || strpbrk (x->type, " \t\n"))
        return "an exception type must not be empty or have spaces";
    if (x->severity < 0 || x->severity > 7)
        return "severity must be from 0 (fatal) to 7";
    return NULL;
}

static int exception_post (struct mgr *m, struct job *job, const struct exception *x,
                           flux_error_t *err)
{
    json_t *context = json_pack ("{s:s s:i s:s}", "type", x->type,
                                 "severity", x->severity, "note", x->note);

    if (context && x->userid != m->owner)
        (void)json_object_set_new (context, "userid", json_integer (x->userid));
    if (context && x->wait_status >= 0)
        (void)json_object_set_new (context, "wait_status", json_integer (x->wait_status));
    return event_post (m, job, "exception", context, err);
}

void raise_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    struct exception x = { .note = "", .wait_status = -1 };
    struct job *job;
    const char *why;
    flux_error_t err;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:i s:s s?s s?i}",
                             "severity", &x.severity, "type", &x.type, "note", &x.note,
                             "status", &x.wait_status) < 0
        || flux_msg_get_userid (msg, &x.userid) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if (!(job = mgr_request_job (m, msg, true)))
        return;
    if ((why = exception_check (&x)))
        mgr_respond_error (m, msg, EPROTO, "%s", why);
    else if ((rc = exception_post (m, job, &x, &err)) < 0)
        mgr_respond_error (m, msg, -rc, "%s", err.text);
    else
        mgr_respond_text (m, msg, NULL);
}

/* ---- many jobs ---- */

struct selection {
    int dry_run;
    uint32_t userid;
    int states;
    int count, errors;
};

/* The sender may act on jobs of other users only as owner. */
static bool selection_allowed (struct mgr *m, const flux_msg_t *msg, struct selection *s,
                               json_int_t userid)
{
    uint32_t sender;

    if (userid < -1 || userid > UINT32_MAX || flux_msg_get_userid (msg, &sender) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return false;
    }
    s->userid = userid < 0 ? FLUX_USERID_UNKNOWN : (uint32_t)userid;
    if (s->userid != sender && !mgr_request_privileged (msg)) {
        mgr_respond_error (m, msg, EPERM, "only the instance owner may act on jobs of others");
        return false;
    }
    return true;
}

typedef int (*job_f) (struct mgr *m, struct job *job, void *arg);

static bool selected (const struct selection *s, const struct job *job)
{
    return job->a && (job->st.state & s->states)
           && (s->userid == FLUX_USERID_UNKNOWN || s->userid == job->st.userid);
}

/* The jobs are collected first, as fn moves them. */
static size_t collect (struct mgr *m, const struct selection *s, struct job **jobs)
{
    size_t n = 0;

    for (struct tree_node *p = tree_first (&m->t->pending); p; p = tree_next (p)) {
        struct job *job = tree_entry (p, struct active, pending)->job;
        if (selected (s, job))
            jobs[n++] = job_ref (job);
    }
    list_foreach (&m->t->running, pos) {
        struct job *job = list_entry (pos, struct job, place);
        if (selected (s, job))
            jobs[n++] = job_ref (job);
    }
    return n;
}

static int for_selected (struct mgr *m, struct selection *s, job_f fn, void *arg)
{
    size_t n = m->t->pending.count + 1;
    struct job **jobs;

    list_foreach (&m->t->running, pos)
        n++;
    if (!(jobs = calloc (n, sizeof (*jobs))))
        return -ENOMEM;
    n = collect (m, s, jobs);
    for (size_t i = 0; i < n; i++) {
        if (!s->dry_run && fn (m, jobs[i], arg) < 0)
            s->errors++;
        job_unref (m->t, jobs[i]);
    }
    s->count = (int)n;
    free (jobs);
    return 0;
}

static void respond_count (struct mgr *m, const flux_msg_t *msg, const struct selection *s)
{
    mgr_respond (m, msg, json_pack ("{s:i s:i}", "count", s->count, "errors", s->errors));
}

static int raise_one (struct mgr *m, struct job *job, void *arg)
{
    flux_error_t err;

    return exception_post (m, job, arg, &err);
}

void raiseall_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    struct exception x = { .note = "", .wait_status = -1 };
    struct selection s = { 0 };
    json_int_t userid;
    const char *why;

    if (flux_request_unpack (msg, NULL, "{s:b s:I s:i s:i s:s s?s}",
                             "dry_run", &s.dry_run, "userid", &userid,
                             "states", &s.states, "severity", &x.severity,
                             "type", &x.type, "note", &x.note) < 0
        || flux_msg_get_userid (msg, &x.userid) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if ((why = exception_check (&x))) {
        mgr_respond_error (m, msg, EPROTO, "%s", why);
        return;
    }
    if (s.states & ~FLUX_JOB_STATE_ACTIVE) {
        mgr_respond_error (m, msg, EINVAL, "states must be of active jobs");
        return;
    }
    if (!selection_allowed (m, msg, &s, userid))
        return;
    if (for_selected (m, &s, raise_one, &x) < 0)
        mgr_respond_error (m, msg, ENOMEM, NULL);
    else
        respond_count (m, msg, &s);
}

/* ---- signals ---- */

static int publish_kill (struct mgr *m, struct job *job, int signum)
{
    char topic[64];
    flux_future_t *f;

    snprintf (topic, sizeof (topic), "shell-%" PRIu64 ".kill", job->id);
    if (!(f = flux_event_publish_pack (m->h, topic, 0, "{s:i}", "signum", signum)))
        return -errno;
    flux_future_destroy (f);
    return 0;
}

static bool signum_valid (int signum)
{
    return signum > 0 && signum <= SIGRTMAX;
}

void kill_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    struct job *job;
    int signum, rc;

    if (flux_request_unpack (msg, NULL, "{s:i}", "signum", &signum) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if (!(job = mgr_request_job (m, msg, true)))
        return;
    if (!signum_valid (signum))
        mgr_respond_error (m, msg, EINVAL, "invalid signal number %d", signum);
    else if (job->st.state != FLUX_JOB_STATE_RUN)
        mgr_respond_error (m, msg, EINVAL, "job is not running");
    else if ((rc = publish_kill (m, job, signum)) < 0)
        mgr_respond_error (m, msg, -rc, NULL);
    else
        mgr_respond_text (m, msg, NULL);
}

static int kill_one (struct mgr *m, struct job *job, void *arg)
{
    return publish_kill (m, job, *(int *)arg);
}

void killall_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    struct selection s = { .states = FLUX_JOB_STATE_RUN };
    json_int_t userid;
    int signum;

    if (flux_request_unpack (msg, NULL, "{s:b s:I s:i}", "dry_run", &s.dry_run,
                             "userid", &userid, "signum", &signum) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if (!signum_valid (signum)) {
        mgr_respond_error (m, msg, EINVAL, "invalid signal number %d", signum);
        return;
    }
    if (!selection_allowed (m, msg, &s, userid))
        return;
    if (for_selected (m, &s, kill_one, &signum) < 0)
        mgr_respond_error (m, msg, ENOMEM, NULL);
    else
        respond_count (m, msg, &s);
}

/* ---- urgency (RFC 30) ---- */

static const char *urgency_check (const flux_msg_t *msg, const struct job *job, int urgency)
{
    if (urgency < FLUX_JOB_URGENCY_MIN || urgency > FLUX_JOB_URGENCY_MAX)
        return "urgency must be from 0 (hold) to 31 (expedite)";
    if (urgency > FLUX_JOB_URGENCY_DEFAULT && !mgr_request_privileged (msg))
        return "urgency above 16 is for the instance owner";
    if (job->st.state & (FLUX_JOB_STATE_RUNNING | FLUX_JOB_STATE_INACTIVE))
        return "urgency cannot be changed once resources are allocated";
    return NULL;
}

void urgency_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    struct job *job;
    int urgency, old;
    uint32_t userid;
    const char *why;

    if (flux_request_unpack (msg, NULL, "{s:i}", "urgency", &urgency) < 0
        || flux_msg_get_userid (msg, &userid) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if (!(job = mgr_request_job (m, msg, true)))
        return;
    old = job->st.urgency;
    if ((why = urgency_check (msg, job, urgency))) {
        mgr_respond_error (m, msg, urgency > FLUX_JOB_URGENCY_DEFAULT
                       && urgency <= FLUX_JOB_URGENCY_MAX
                       && !mgr_request_privileged (msg) ? EPERM : EINVAL, "%s", why);
        return;
    }
    if (urgency != old)
        event_post_pack (m, job, "urgency", "{s:i s:I}", "urgency", urgency,
                         "userid", (json_int_t)userid);
    mgr_respond (m, msg, json_pack ("{s:i}", "old_urgency", old));
}

/* ---- memo ---- */

void memo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    json_t *memo;
    int is_volatile = 0;
    struct job *job;
    flux_error_t err;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:o s?b}", "memo", &memo,
                             "volatile", &is_volatile) < 0
        || !json_is_object (memo) || json_object_size (memo) == 0) {
        mgr_respond_error (m, msg, EPROTO, "memo must be an object with at least one key");
        return;
    }
    if (!(job = mgr_request_job (m, msg, true)))
        return;
    if (is_volatile) {
        json_t *o = json_pack ("{s:O}", "user", memo);
        if (!o || annotations_update (job, o) < 0)
            mgr_respond_error (m, msg, ENOMEM, NULL);
        else {
            journal_annotations (m, job);
            mgr_respond_text (m, msg, NULL);
        }
        json_decref (o);
        return;
    }
    if ((rc = event_post (m, job, "memo", json_incref (memo), &err)) < 0)
        mgr_respond_error (m, msg, -rc, "%s", err.text);
    else
        mgr_respond_text (m, msg, NULL);
}

/* ---- looking at a job ---- */

static json_t *attr_value (struct job *job, const char *name)
{
    if (!strcmp (name, "eventlog") && job->a)
        return json_stringn (job->a->log.data, job->a->log_committed);
    if (!strcmp (name, "jobspec") && job->a)
        return json_incref (jobdoc_redacted_json (job->a->doc));
    if (!strcmp (name, "R") && job->a && job->a->R)
        return json_loads (job->a->R, 0, NULL);
    return NULL;
}

void getattr_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    json_t *names, *name, *o, *val;
    struct job *job;
    size_t i;
    uint64_t mask;
    flux_error_t err;

    if (flux_request_unpack (msg, NULL, "{s:o}", "attrs", &names) < 0
        || !json_is_array (names)) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if (!(job = mgr_request_job (m, msg, false)))
        return;
    turn_flush (m->turn);
    if (!(o = json_pack ("{s:I}", "id", (json_int_t)job->id)))
        goto nomem;
    json_array_foreach (names, i, name) {
        const char *s = json_string_value (name);
        if (s && (val = attr_value (job, s))) {
            if (json_object_set_new (o, s, val) < 0)
                goto nomem;
            continue;
        }
        json_t *one = json_pack ("[O]", name), *attr = NULL;
        int rc = one ? list_attrs_parse (one, &mask, &err) : -ENOMEM;
        json_decref (one);
        if (rc < 0) {
            mgr_respond_error (m, msg, EINVAL, "unknown attribute %s", s ? s : "");
            json_decref (o);
            return;
        }
        if (!(attr = list_attrs_get (job, mask)) || json_object_update (o, attr) < 0) {
            json_decref (attr);
            goto nomem;
        }
        json_decref (attr);
    }
    mgr_respond (m, msg, o);
    return;
nomem:
    json_decref (o);
    mgr_respond_error (m, msg, ENOMEM, NULL);
}

void getinfo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;

    mgr_respond (m, msg, json_pack ("{s:I}", "max_jobid", (json_int_t)jobtab_max_id (m->t)));
}
