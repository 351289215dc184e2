/* wait.c - flux_job_wait(): results of waitable jobs, each given out once
 *
 * A waitable job that ended before anyone asked is a zombie until its result
 * is asked for.
 */
#include <errno.h>
#include <inttypes.h>

#include "modules/job/mgr.h"

struct zombie {
    struct list_node node;
    flux_jobid_t id;
};

struct waiter {
    struct list_node node;
    flux_jobid_t id;           /* or FLUX_JOBID_ANY */
    const flux_msg_t *msg;
};

struct waits {
    struct list_node zombies;  /* in order of their end */
    struct list_node waiters;
};

struct waits *waits_new (struct mgr *m)
{
    struct waits *w = calloc (1, sizeof (*w));

    if (w) {
        list_init (&w->zombies);
        list_init (&w->waiters);
    }
    return w;
}

static void waiter_free (struct waiter *wt)
{
    list_del (&wt->node);
    flux_msg_decref (wt->msg);
    free (wt);
}

void waits_free (struct waits *w)
{
    if (!w)
        return;
    list_foreach (&w->zombies, pos)
        free (list_entry (pos, struct zombie, node));
    list_foreach (&w->waiters, pos)
        waiter_free (list_entry (pos, struct waiter, node));
    free (w);
}

static void respond_result (struct mgr *m, const flux_msg_t *msg, struct job *job)
{
    const struct jobstate *st = &job->st;
    bool success = st->result == FLUX_JOB_RESULT_COMPLETED;
    char text[256] = "";
    flux_error_t err;

    if (st->exception_occurred && st->exception_severity == 0)
        snprintf (text, sizeof (text), "Fatal exception type=%s %s", st->exception_type,
                  st->exception_note);
    else if (!success && st->waitstatus >= 0) {
        (void)flux_job_waitstatus_to_exitcode (st->waitstatus, &err);
        snprintf (text, sizeof (text), "%s", err.text);
    }
    job->waited = true;
    mgr_respond (m, msg, json_pack ("{s:I s:b s:s}", "id", (json_int_t)job->id,
                                "success", success, "errstr", text));
}

static struct waiter *find_waiter (struct waits *w, flux_jobid_t id)
{
    struct waiter *any = NULL;

    list_foreach (&w->waiters, pos) {
        struct waiter *wt = list_entry (pos, struct waiter, node);
        if (wt->id == id)
            return wt;
        if (wt->id == FLUX_JOBID_ANY && !any)
            any = wt;
    }
    return any;
}

/* Nobody can ever be answered any more: tell those who wait for any job. */
static void waiters_none_left (struct mgr *m)
{
    list_foreach (&m->waits->waiters, pos) {
        struct waiter *wt = list_entry (pos, struct waiter, node);
        if (wt->id == FLUX_JOBID_ANY) {
            mgr_respond_error (m, wt->msg, ECHILD, "there are no more waitable jobs");
            waiter_free (wt);
        }
    }
}

static bool any_waitable (struct mgr *m)
{
    for (struct tree_node *n = tree_first (&m->t->pending); n; n = tree_next (n)) {
        if (tree_entry (n, struct active, pending)->job->st.flags & FLUX_JOB_WAITABLE)
            return true;
    }
    list_foreach (&m->t->running, pos) {
        if (list_entry (pos, struct job, place)->st.flags & FLUX_JOB_WAITABLE)
            return true;
    }
    return false;
}

void waits_inactive (struct mgr *m, struct job *job)
{
    struct waiter *wt;
    struct zombie *z;

    if (!(job->st.flags & FLUX_JOB_WAITABLE))
        return;
    if ((wt = find_waiter (m->waits, job->id))) {
        respond_result (m, wt->msg, job);
        waiter_free (wt);
        if (!list_empty (&m->waits->waiters) && !any_waitable (m))
            waiters_none_left (m);
        return;
    }
    if (!(z = malloc (sizeof (*z)))) {
        flux_log_error (m->h, "result of a waitable job is lost");
        return;
    }
    z->id = job->id;
    list_append (&m->waits->zombies, &z->node);
}

static void reap (struct mgr *m, const flux_msg_t *msg, struct zombie *z)
{
    struct job *job = jobtab_get (m->t, z->id);

    if (job)
        respond_result (m, msg, job);
    else
        mgr_respond_error (m, msg, ENOENT, "the job was purged");
    list_del (&z->node);
    free (z);
}

static void wait_later (struct mgr *m, const flux_msg_t *msg, flux_jobid_t id)
{
    struct waiter *wt = malloc (sizeof (*wt));

    if (!wt) {
        mgr_respond_error (m, msg, ENOMEM, NULL);
        return;
    }
    wt->id = id;
    wt->msg = flux_msg_incref (msg);
    list_append (&m->waits->waiters, &wt->node);
}

static void wait_any (struct mgr *m, const flux_msg_t *msg)
{
    struct list_node *n = list_first (&m->waits->zombies);

    if (n)
        reap (m, msg, list_entry (n, struct zombie, node));
    else if (!any_waitable (m))
        mgr_respond_error (m, msg, ECHILD, "there are no more waitable jobs");
    else
        wait_later (m, msg, FLUX_JOBID_ANY);
}

static void wait_one (struct mgr *m, const flux_msg_t *msg, flux_jobid_t id)
{
    struct job *job = jobtab_get (m->t, id);
    struct waiter *wt;

    list_foreach (&m->waits->zombies, pos) {
        struct zombie *z = list_entry (pos, struct zombie, node);
        if (z->id == id) {
            reap (m, msg, z);
            return;
        }
    }
    if (!job)
        mgr_respond_error (m, msg, ECHILD, "invalid job id");
    else if (!(job->st.flags & FLUX_JOB_WAITABLE))
        mgr_respond_error (m, msg, ECHILD,
                       "job was not submitted with the waitable flag");
    else if (!job->a || job->st.state == FLUX_JOB_STATE_INACTIVE)
        mgr_respond_error (m, msg, ECHILD, "the job's result was consumed already");
    else if ((wt = find_waiter (m->waits, id)) && wt->id == id)
        mgr_respond_error (m, msg, ECHILD, "someone else waits for the job");
    else
        wait_later (m, msg, id);
}

void wait_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    json_int_t id;

    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) < 0)
        mgr_respond_error (m, msg, EPROTO, "malformed request");
    else if ((flux_jobid_t)id == FLUX_JOBID_ANY)
        wait_any (m, msg);
    else
        wait_one (m, msg, id);
}

void waits_disconnect (struct mgr *m, const flux_msg_t *msg)
{
    list_foreach (&m->waits->waiters, pos) {
        struct waiter *wt = list_entry (pos, struct waiter, node);
        if (flux_disconnect_match (msg, wt->msg))
            waiter_free (wt);
    }
}
