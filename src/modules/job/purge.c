/* purge.c - removal of inactive jobs, on request or by configured limits
 */
#include <errno.h>
#include <inttypes.h>
#include <syslog.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "modules/job/housekeeping.h"
#include "modules/job/mgr.h"
#include "modules/job/tap.h"

#define AGE_CHECK_SECONDS 1.

struct purge {
    struct mgr *m;
    double age_limit;          /* seconds, < 0: none */
    json_int_t num_limit;      /* < 0: none */
    flux_watcher_t *timer;     /* runs while there is an age limit */
};

static void purge_job (struct mgr *m, struct job *job)
{
    char key[64];

    flux_job_kvs_key (key, sizeof (key), job->id, NULL);
    if (turn_put (m->turn, key, NULL) < 0)
        return;
    tap_notify (m, job, "job.inactive-remove");
    mgr_forget_job (m, job);
}

/* The greatest id must not be used again when all jobs are gone. */
static void save_max_id (struct mgr *m)
{
    char text[32];

    snprintf (text, sizeof (text), "%" PRIu64, jobtab_max_id (m->t));
    if (turn_put (m->turn, PURGE_CHECKPOINT_KEY, text) < 0)
        flux_log (m->h, LOG_ERR, "out of memory: greatest job id is not recorded");
}

/* The oldest are last.  Those that still have an active part are just ending. */
static int purge_limits (struct mgr *m, double age_limit, json_int_t num_limit, bool dry_run)
{
    double now = flux_reactor_time ();
    size_t left = m->t->ninactive;
    struct list_node *n, *prev;
    int count = 0;

    for (n = m->t->inactive.prev; n != &m->t->inactive; n = prev) {
        struct job *job = list_entry (n, struct job, place);
        prev = n->prev;
        if (!((age_limit >= 0. && now - job->st.t_inactive >= age_limit)
              || (num_limit >= 0 && left > (size_t)num_limit)))
            break;
        if (job->a || housekeeping_holds (m, job->id))
            continue;
        left--;
        count++;
        if (!dry_run)
            purge_job (m, job);
    }
    if (count > 0 && !dry_run)
        save_max_id (m);
    return count;
}

static void purge_configured (struct purge *p)
{
    int count;

    if (p->age_limit < 0. && p->num_limit < 0)
        return;
    if ((count = purge_limits (p->m, p->age_limit, p->num_limit, false)) > 0)
        flux_log (p->m->h, LOG_DEBUG, "purged %d inactive jobs", count);
}

void purge_inactive (struct mgr *m)
{
    if (m->purge->num_limit >= 0
        && m->t->ninactive > (size_t)m->purge->num_limit)
        flux_watcher_start (m->purge->timer);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct purge *p = arg;

    purge_configured (p);
    if (p->age_limit < 0. && (p->num_limit < 0
                              || p->m->t->ninactive <= (size_t)p->num_limit))
        flux_watcher_stop (w);
}

int purge_configure (struct mgr *m, const flux_conf_t *conf, flux_error_t *err)
{
    struct purge *p = m->purge;
    const char *age = NULL;
    json_int_t num = -1;
    double limit = -1.;

    if (flux_conf_unpack (conf, err, "{s?{s?s s?I}}", "job-manager",
                          "inactive-age-limit", &age, "inactive-num-limit", &num) < 0)
        return -EINVAL;
    if (age && duration_parse (age, &limit) < 0)
        return errmsg (err, -EINVAL, "job-manager.inactive-age-limit: not a duration in "
                       "Flux standard form");
    if (num < -1)
        return errmsg (err, -EINVAL, "job-manager.inactive-num-limit: must be at least 0");
    p->age_limit = limit;
    p->num_limit = num;
    if (limit >= 0. || num >= 0)
        flux_watcher_start (p->timer);
    else
        flux_watcher_stop (p->timer);
    return 0;
}

static void purge_ids (struct mgr *m, const flux_msg_t *msg, json_t *ids)
{
    size_t i;
    json_t *val;
    int count = 0;

    json_array_foreach (ids, i, val) {
        struct job *job = jobtab_get (m->t, (flux_jobid_t)json_integer_value (val));
        if (!json_is_integer (val) || !job) {
            mgr_respond_error (m, msg, ENOENT, "unknown job id");
            return;
        }
        if (job->st.state != FLUX_JOB_STATE_INACTIVE || job->a) {
            mgr_respond_error (m, msg, EINVAL, "cannot purge an active job");
            return;
        }
        if (housekeeping_holds (m, job->id)) {
            mgr_respond_error (m, msg, EBUSY, "cannot purge a job in housekeeping");
            return;
        }
    }
    json_array_foreach (ids, i, val) {
        struct job *job = jobtab_get (m->t, (flux_jobid_t)json_integer_value (val));
        if (job) {         /* may be named twice */
            purge_job (m, job);
            count++;
        }
    }
    if (count > 0)
        save_max_id (m);
    mgr_respond (m, msg, json_pack ("{s:i}", "count", count));
}

void purge_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    double age_limit = -1.;
    json_int_t num_limit = -1;
    json_t *ids = NULL;
    int force = 0;

    if (flux_request_unpack (msg, NULL, "{s?F s?I s?o s?b}", "age_limit", &age_limit,
                             "num_limit", &num_limit, "ids", &ids, "force", &force) < 0
        || (ids && !json_is_array (ids))) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if (ids) {
        purge_ids (m, msg, ids);
        return;
    }
    if (age_limit < 0. && num_limit < 0) {
        mgr_respond_error (m, msg, EINVAL, "an age limit or a number limit is required");
        return;
    }
    mgr_respond (m, msg, json_pack ("{s:i}", "count",
                                purge_limits (m, age_limit, num_limit, !force)));
}

struct purge *purge_new (struct mgr *m)
{
    struct purge *p = calloc (1, sizeof (*p));

    if (!p)
        return NULL;
    *p = (struct purge){ .m = m, .age_limit = -1., .num_limit = -1 };
    p->timer = flux_timer_watcher_create (flux_get_reactor (m->h), 0., AGE_CHECK_SECONDS,
                                          timer_cb, p);
    if (!p->timer) {
        free (p);
        return NULL;
    }
    return p;
}

void purge_free (struct purge *p)
{
    if (p) {
        flux_watcher_destroy (p->timer);
        free (p);
    }
}
