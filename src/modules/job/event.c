/* event.c - events: logging them, and what follows from them
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <syslog.h>
#include <time.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/job/housekeeping.h"
#include "modules/job/info.h"
#include "modules/job/list.h"
#include "modules/job/mgr.h"
#include "modules/job/records.h"
#include "spec/eventlog.h"
#include "modules/job/tap.h"

typedef int (*note_f) (struct job *job, const json_t *context);

static int note_alloc (struct job *job, const json_t *context);
static int note_release (struct job *job, const json_t *context);
static int note_dependency_add (struct job *job, const json_t *context);
static int note_dependency_remove (struct job *job, const json_t *context);
static int note_memo (struct job *job, const json_t *context);
static int note_jobspec_update (struct job *job, const json_t *context);
static int note_resource_update (struct job *job, const json_t *context);
static int note_prolog_start (struct job *job, const json_t *context);
static int note_epilog_start (struct job *job, const json_t *context);

/* Events whose names are kept as a bit, and what the table keeps of them
 * besides the state machine.  At most 32. */
static const struct {
    const char *name;
    note_f note;
} known[] = {
    { "submit", NULL },
    { "validate", NULL },
    { "depend", NULL },
    { "priority", NULL },
    { "alloc", note_alloc },
    { "start", NULL },
    { "finish", NULL },
    { "release", note_release },
    { "free", NULL },
    { "clean", NULL },
    { "exception", NULL },
    { "dependency-add", note_dependency_add },
    { "dependency-remove", note_dependency_remove },
    { "urgency", NULL },
    { "memo", note_memo },
    { "jobspec-update", note_jobspec_update },
    { "resource-update", note_resource_update },
    { "set-flags", NULL },
    { "prolog-start", note_prolog_start },
    { "prolog-finish", NULL },
    { "epilog-start", note_epilog_start },
    { "epilog-finish", NULL },
    { "flux-restart", NULL },
};

static int name_bit (const char *name)
{
    for (unsigned i = 0; i < sizeof (known) / sizeof (known[0]); i++) {
        if (name[0] == known[i].name[0] && !strcmp (name, known[i].name))
            return (int)i;
    }
    return -1;
}

bool event_posted (const struct job *job, const char *name)
{
    int bit = name_bit (name);

    if (!job->a)
        return bit >= 0 && (!strcmp (name, "submit") || !strcmp (name, "clean"));
    if (bit >= 0)
        return job->a->posted & (1u << bit);
    return json_object_get (job->a->posted_other, name) != NULL;
}

static void note_posted (struct active *a, const char *name)
{
    int bit = name_bit (name);

    if (bit >= 0)
        a->posted |= 1u << bit;
    else if (a->posted_other || (a->posted_other = json_object ()))
        (void)json_object_set_new (a->posted_other, name, json_true ());
}

/* ---- dependencies ---- */

static struct dep *dep_find (struct active *a, const char *description)
{
    list_foreach (&a->deps, pos) {
        struct dep *d = list_entry (pos, struct dep, node);
        if (!strcmp (d->description, description))
            return d;
    }
    return NULL;
}

static bool deps_open (const struct active *a)
{
    list_foreach (&a->deps, pos) {
        if (!list_entry (pos, struct dep, node)->satisfied)
            return true;
    }
    return false;
}

static int note_dependency (struct active *a, const json_t *context, bool add)
{
    const char *s = json_string_value (json_object_get (context, "description"));
    struct dep *d;

    if (!s)
        return -EINVAL;
    if ((d = dep_find (a, s))) {
        d->satisfied = !add;
        return 0;
    }
    if (!(d = malloc (sizeof (*d) + strlen (s) + 1)))
        return -ENOMEM;
    d->satisfied = !add;
    memcpy (d->description, s, strlen (s) + 1);
    list_append (&a->deps, &d->node);
    return 0;
}

static int note_dependency_add (struct job *job, const json_t *context)
{
    return note_dependency (job->a, context, true);
}

static int note_dependency_remove (struct job *job, const json_t *context)
{
    return note_dependency (job->a, context, false);
}

/* ---- effects of single events on what the table keeps of a job ---- */

static int note_jobspec_update (struct job *job, const json_t *context)
{
    struct active *a = job->a;
    flux_error_t err;
    struct jobdoc *doc = jobdoc_update (a->doc, context, &err);

    if (!doc)
        return -errno;
    if (!a->base)
        a->base = a->doc;
    else
        jobdoc_unref (a->doc);
    a->doc = doc;
    a->alloc_stale = a->alloc_sent;
    return 0;
}

static int note_alloc (struct job *job, const json_t *context)
{
    struct active *a = job->a;
    json_t *ann = json_object_get (context, "annotations");

    a->alloc_bypass = json_is_true (json_object_get (context, "bypass"));
    if (!ann)
        return 0;
    json_incref (ann);
    json_decref (a->annotations);
    a->annotations = ann;
    return 0;
}

static int note_memo (struct job *job, const json_t *context)
{
    json_t *o = json_pack ("{s:O}", "user", (json_t *)context);
    int rc = o ? annotations_update (job, o) : -ENOMEM;

    json_decref (o);
    return rc;
}

static int note_release (struct job *job, const json_t *context)
{
    struct active *a = job->a;
    const char *ranks = json_string_value (json_object_get (context, "ranks"));
    struct idset *ids;
    int rc = 0;

    /* an epilog keeps them until the end */
    if (!ranks || !strcmp (ranks, "all") || json_is_true (json_object_get (context, "final"))
        || job->st.epilog_count > 0)
        return 0;
    if (!(ids = idset_decode (ranks)))
        return -EINVAL;
    if (!a->released)
        a->released = idset_create (0, IDSET_FLAG_AUTOGROW);
    if (!a->released || idset_add (a->released, ids) < 0)
        rc = -ENOMEM;
    idset_destroy (ids);
    return rc;
}

static int note_resource_update (struct job *job, const json_t *context)
{
    job->expiration = json_number_value (json_object_get (context, "expiration"));
    return 0;
}

static int note_prolog_start (struct job *job, const json_t *context)
{
    if (job->a->prolog_pending > 0)
        job->a->prolog_pending--;
    return 0;
}

static int note_epilog_start (struct job *job, const json_t *context)
{
    if (job->a->epilog_pending > 0)
        job->a->epilog_pending--;
    return 0;
}

static int note (struct job *job, const char *name, const json_t *context)
{
    int bit = name_bit (name);

    note_posted (job->a, name);
    return bit >= 0 && known[bit].note ? known[bit].note (job, context) : 0;
}

static void note_state_time (struct job *job, double t)
{
    if (job->st.state == FLUX_JOB_STATE_PRIORITY && job->t_priority == 0.)
        job->t_priority = t;
    else if (job->st.state == FLUX_JOB_STATE_SCHED && job->t_sched == 0.)
        job->t_sched = t;
}

int event_replay (struct jobtab *tab, struct job *job, const json_t *entry,
                  flux_error_t *err)
{
    const char *name;
    const json_t *context;
    double t;
    int rc;

    if ((rc = eventlog_entry_parse (entry, &t, &name, &context)) < 0)
        return errmsg (err, rc, "malformed eventlog entry");
    if ((rc = jobstate_apply (&job->st, t, name, context, err)) < 0)
        return rc;
    note_state_time (job, t);
    if ((rc = note (job, name, context)) < 0)
        return errmsg (err, rc, "cannot apply %s event", name);
    job_sync_attrs (tab, job, false);
    return 0;
}

/* ---- actions ---- */

static void hold_alloc (struct job *job, void *arg)
{
    if (job->st.state == FLUX_JOB_STATE_SCHED)
        alloc_enqueue (arg, job);
}

/* Shells to be started, or to be watched again after a restart. */
static bool start_wanted (const struct job *job)
{
    const struct jobstate *st = &job->st;

    if (!st->has_resources || st->release_final)
        return false;
    if (st->state == FLUX_JOB_STATE_CLEANUP)
        return st->start_seen || st->finish_seen;
    return st->state == FLUX_JOB_STATE_RUN
           && st->prolog_count + job->a->prolog_pending == 0;
}

static void hold_start (struct job *job, void *arg)
{
    if (start_wanted (job))
        start_send (arg, job);
}

static void hold_start_cancel (struct job *job, void *arg)
{
    if (job->a)
        start_cancel (arg, job);
}

void event_restart (struct mgr *m, struct job *job)
{
    if (!m->ready || !start_wanted (job))
        return;
    turn_hold (m->turn, hold_start, job, m);
    if (job_is_fatal (job))
        turn_hold (m->turn, hold_start_cancel, job, m);
}

static void hold_free (struct job *job, void *arg)
{
    alloc_send_free (arg, job);
}

static void hold_retire (struct job *job, void *arg)
{
    struct mgr *m = arg;

    job_retire (m->t, job);
    info_freeze (m->t, job);
    records_add (m, job);
}

static void act_priority (struct mgr *m, struct job *job, const struct tap_out *out)
{
    json_int_t priority = out->priority;

    if (job->st.urgency == FLUX_JOB_URGENCY_HOLD)
        priority = FLUX_JOB_PRIORITY_MIN;
    else if (job->st.urgency == FLUX_JOB_URGENCY_EXPEDITE)
        priority = FLUX_JOB_PRIORITY_MAX;
    else if (!out->priority_set || out->priority_unavail)
        return;
    event_post_pack (m, job, "priority", "{s:I}", "priority", priority);
}

static void act_alloc (struct mgr *m, struct job *job, struct tap_out *out)
{
    flux_error_t err;

    if (!out->R) {
        alloc_reprioritized (m, job);
        if (job->st.priority > 0 && !job->a->alloc_sent)
            turn_hold (m->turn, hold_alloc, job, m);
        return;
    }
    if (job_set_R (m->t, job, out->R, NULL, &err) < 0) {
        out->R = NULL;
        event_raise (m, job, "alloc", 0, m->owner, "R set by a plugin: %s", err.text);
        return;
    }
    out->R = NULL;
    job->a->put_R = true;
    event_post_pack (m, job, "alloc", "{s:b}", "bypass", 1);
}

void event_debug (struct mgr *m, struct job *job, const char *name)
{
    char full[64];

    if (!(job->st.flags & FLUX_JOB_DEBUG))
        return;
    snprintf (full, sizeof (full), "debug.%s", name);
    event_post (m, job, full, NULL, NULL);
}

static void act_free (struct mgr *m, struct job *job)
{
    struct active *a = job->a;

    if (a->exec_pending || a->epilog_pending > 0 || !job->st.has_resources)
        return;
    if (!a->alloc_bypass)
        event_debug (m, job, "free-request");
    if (event_post (m, job, "free", NULL, NULL) == 0 && !a->alloc_bypass
        && !housekeeping_take (m, job, NULL))
        turn_hold (m->turn, hold_free, job, m);
}

void event_check_clean (struct mgr *m, struct job *job)
{
    const struct jobstate *st = &job->st;

    if (st->state != FLUX_JOB_STATE_CLEANUP || st->has_resources || job->a->alloc_sent
        || st->prolog_count + job->a->prolog_pending > 0
        || st->epilog_count + job->a->epilog_pending > 0)
        return;
    event_post (m, job, "clean", NULL, NULL);
}

static void act_inactive (struct mgr *m, struct job *job)
{
    tap_notify (m, job, "job.inactive-add");
    tap_notify (m, job, "job.destroy");
    tap_job_done (m, job);
    waits_inactive (m, job);
    turn_hold (m->turn, hold_retire, job, m);
    purge_inactive (m);
    drains_check (m);
}

static void act (struct mgr *m, struct job *job, int actions, struct tap_out *out)
{
    if ((actions & JOBSTATE_ACT_DEPEND) && !deps_open (job->a)
        && !job->st.depend_posted && !job->a->depend_queued) {
        job->a->depend_queued = true;    /* events before it may ask for it, too */
        event_post (m, job, "depend", NULL, NULL);
    }
    if (actions & JOBSTATE_ACT_PRIORITY)
        act_priority (m, job, out);
    if (actions & JOBSTATE_ACT_ALLOC)
        act_alloc (m, job, out);
    if (actions & JOBSTATE_ACT_START)
        turn_hold (m->turn, hold_start, job, m);
    if (actions & JOBSTATE_ACT_CANCEL_ALLOC)
        alloc_cancel (m, job);
    if (actions & JOBSTATE_ACT_CANCEL_EXEC)
        turn_hold (m->turn, hold_start_cancel, job, m);
    if (actions & JOBSTATE_ACT_FREE)
        act_free (m, job);
    if (actions & (JOBSTATE_ACT_CLEAN | JOBSTATE_ACT_CANCEL_ALLOC))
        event_check_clean (m, job);
    if (actions & JOBSTATE_ACT_INACTIVE)
        act_inactive (m, job);
}

/* ---- posting ---- */

static int append_log (struct job *job, const struct event *e)
{
    char *context = NULL, *line;
    int rc;

    if (e->context && !(context = json_dumps (e->context, JSON_COMPACT)))
        return -ENOMEM;
    line = eventlog_line (e->timestamp, e->name, context);
    free (context);
    if (!line)
        return -ENOMEM;
    rc = buf_adds (&job->a->log, line);
    free (line);
    return rc;
}

/* Tell plugins, and act.  The job is on its new list already. */
static void follow (struct mgr *m, struct job *job, const struct event *e,
                    flux_job_state_t from, int actions)
{
    struct tap_out out = { 0 };
    json_t *entry = NULL;
    bool fatal = from != job->st.state && job->st.state == FLUX_JOB_STATE_CLEANUP;

    if (fatal || tap_wants_event (m, job))
        entry = eventlog_entry_create (e->timestamp, e->name, e->context);
    if (fatal) {
        json_decref (job->a->end_event);
        job->a->end_event = json_incref (entry);
    }
    if (entry)
        tap_event (m, job, e->name, entry);
    if (from != job->st.state)
        tap_state (m, job, from, entry, &out);
    else if (actions & JOBSTATE_ACT_PRIORITY)
        tap_priority_get (m, job, &out);
    json_decref (entry);
    act (m, job, actions, &out);
    free (out.R);
}

static int apply (struct mgr *m, struct job *job, const struct event *e, flux_error_t *err)
{
    flux_job_state_t from = job->st.state;
    bool moves = !strcmp (e->name, "priority"), queued = false;
    int rc;

    /* before the key of the order changes */
    if (moves) {
        job_unplace (m->t, job);
        queued = alloc_unlink (m, job);
    }
    if ((rc = jobstate_apply (&job->st, e->timestamp, e->name, e->context, err)) >= 0) {
        if (append_log (job, e) < 0)
            flux_log (m->h, LOG_CRIT, "out of memory: an event is not logged");
        if (note (job, e->name, e->context) < 0)
            flux_log (m->h, LOG_ERR, "%ju: cannot apply %s event",
                      (uintmax_t)job->id, e->name);
    }
    job_sync_attrs (m->t, job, true);
    if (from != job->st.state) {
        flux_job_state_t to = job->st.state;
        job->st.state = from;
        job_unplace (m->t, job);
        job->st.state = to;
        job_count (m->t, job, from, to);
        note_state_time (job, e->timestamp);
    }
    if (moves || from != job->st.state)
        job_place (m->t, job);
    if (queued)
        alloc_link (m, job);
    if (rc < 0)
        return rc;
    turn_dirty (m->turn, job, strcmp (e->name, "start") != 0);
    if (!list_empty (&job->a->watchers) || journal_followed (m))
        turn_hurry (m->turn);
    follow (m, job, e, from, rc);
    if (from != job->st.state)
        list_state_changed (m->t, job);
    return 0;
}

static void event_free (struct event *e)
{
    json_decref (e->context);
    free (e);
}

/* Apply what is queued.  The result is that of the first. */
static int drain (struct mgr *m, struct job *job, flux_error_t *err)
{
    struct list_node *n;
    bool first = true;
    flux_error_t err2;
    int rc = 0;

    job_ref (job);
    job->a->busy = true;
    while (job->a && (n = list_first (&job->a->events))) {
        struct event *e = list_entry (n, struct event, node);
        int rc2;
        list_del (n);
        rc2 = apply (m, job, e, &err2);
        if (rc2 < 0 && !first)
            flux_log (m->h, LOG_ERR, "%ju: %s", (uintmax_t)job->id, err2.text);
        if (first) {
            rc = rc2;
            if (rc < 0 && err)
                *err = err2;
        }
        first = false;
        event_free (e);
    }
    if (job->a)
        job->a->busy = false;
    job_unref (m->t, job);
    return rc;
}

/* What the eventlog carries exactly. */
static double now_microseconds (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return (double)((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000) / 1E6;
}

int event_post (struct mgr *m, struct job *job, const char *name, json_t *context,
                flux_error_t *err)
{
    size_t n = strlen (name) + 1;
    struct event *e;
    int rc = 0;

    if (!job->a || job->gone) {
        json_decref (context);
        return errmsg (err, -EINVAL, "the job is inactive");
    }
    if (!(e = malloc (sizeof (*e) + n))) {
        json_decref (context);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    e->timestamp = now_microseconds ();
    e->name = memcpy (e + 1, name, n);
    e->context = context;
    list_append (&job->a->events, &e->node);
    if (!job->a->busy) {
        flux_error_t local;
        if ((rc = drain (m, job, &local)) < 0) {
            if (err)
                *err = local;
            else
                flux_log (m->h, LOG_ERR, "%ju: %s", (uintmax_t)job->id, local.text);
        }
    }
    return rc;
}

int event_post_vpack (struct mgr *m, struct job *job, const char *name, flux_error_t *err,
                      const char *fmt, va_list ap)
{
    json_t *context = json_vpack_ex (NULL, 0, fmt, ap);

    if (!context)
        return errmsg (err, -EINVAL, "%s event: malformed context", name);
    return event_post (m, job, name, context, err);
}

int event_post_pack (struct mgr *m, struct job *job, const char *name, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = event_post_vpack (m, job, name, NULL, fmt, ap);
    va_end (ap);
    return rc;
}

void event_raise (struct mgr *m, struct job *job, const char *type, int severity,
                  uint32_t userid, const char *fmt, ...)
{
    char note[1024];
    va_list ap;
    json_t *context;

    va_start (ap, fmt);
    vsnprintf (note, sizeof (note), fmt, ap);
    va_end (ap);
    context = json_pack ("{s:s s:i s:s}", "type", type, "severity", severity,
                         "note", note);
    if (context && userid != m->owner)
        (void)json_object_set_new (context, "userid", json_integer (userid));
    event_post (m, job, "exception", context, NULL);
}

void event_reprioritize (struct mgr *m, struct job *job)
{
    struct tap_out out = { 0 };
    json_int_t old = job->st.priority;

    if (!(job->st.state & (FLUX_JOB_STATE_PRIORITY | FLUX_JOB_STATE_SCHED)))
        return;
    tap_priority_get (m, job, &out);
    free (out.R);
    if (job->st.state == FLUX_JOB_STATE_PRIORITY)
        act_priority (m, job, &out);
    else if (out.priority_set && !out.priority_unavail && out.priority != old
             && job->st.urgency != FLUX_JOB_URGENCY_HOLD
             && job->st.urgency != FLUX_JOB_URGENCY_EXPEDITE)
        event_post_pack (m, job, "priority", "{s:I}", "priority", out.priority);
}

void event_resume (struct mgr *m, struct job *job)
{
    struct tap_out out = { 0 };
    int actions = 0;

    switch (job->st.state) {
    case FLUX_JOB_STATE_NEW:
        event_post (m, job, "validate", NULL, NULL);
        return;
    case FLUX_JOB_STATE_DEPEND:
        actions = JOBSTATE_ACT_DEPEND;
        break;
    case FLUX_JOB_STATE_PRIORITY:
        actions = JOBSTATE_ACT_PRIORITY;
        break;
    case FLUX_JOB_STATE_SCHED:
        actions = JOBSTATE_ACT_ALLOC;
        break;
    case FLUX_JOB_STATE_RUN:
    case FLUX_JOB_STATE_CLEANUP:
        if (start_wanted (job))
            actions = JOBSTATE_ACT_START;
        else if (job->st.state == FLUX_JOB_STATE_CLEANUP)
            actions = job->st.has_resources ? JOBSTATE_ACT_FREE : JOBSTATE_ACT_CLEAN;
        break;
    default:
        return;
    }
    job_ref (job);
    job->a->busy = true;
    if (job->st.state == FLUX_JOB_STATE_PRIORITY)
        tap_priority_get (m, job, &out);
    else
        tap_state (m, job, job->st.state, NULL, &out);
    act (m, job, actions, &out);
    free (out.R);
    job->a->busy = false;
    drain (m, job, NULL);
    job_unref (m->t, job);
}
