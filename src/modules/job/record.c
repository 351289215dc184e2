/* record.c - see record.h */
#include "modules/job/record.h"

#include <errno.h>

#include "base/errmsg.h"

/* What of jobstate.h is no number in the line. */
enum { SEEN_START = 1, SEEN_FINISH = 2, SEEN_RELEASE = 4, SEEN_DEPEND = 8, SEEN_EXCEPTION = 16 };

static int seen_get (const struct jobstate *st)
{
    return (st->start_seen ? SEEN_START : 0) | (st->finish_seen ? SEEN_FINISH : 0)
        | (st->release_final ? SEEN_RELEASE : 0) | (st->depend_posted ? SEEN_DEPEND : 0)
        | (st->exception_occurred ? SEEN_EXCEPTION : 0);
}

static void seen_set (struct jobstate *st, int seen)
{
    st->start_seen = seen & SEEN_START;
    st->finish_seen = seen & SEEN_FINISH;
    st->release_final = seen & SEEN_RELEASE;
    st->depend_posted = seen & SEEN_DEPEND;
    st->exception_occurred = seen & SEEN_EXCEPTION;
}

static const char *or_empty (const char *s)
{
    return s ? s : "";
}

static json_t *encode (const struct job *job)
{
    const struct jobstate *st = &job->st;
    const struct jobattrs *a = job->attrs;

    return json_pack ("[I[IiIiiiiiiiss][ffffffff][iiss][iiifsssss]s]",
                      (json_int_t)job->id,
                      (json_int_t)st->userid, st->urgency, (json_int_t)st->priority,
                      st->flags, (int)st->result, st->waitstatus, seen_get (st),
                      st->dependency_count, st->exception_severity,
                      st->exception_wait_status, st->exception_type, st->exception_note,
                      st->t_submit, st->t_depend, job->t_priority, job->t_sched,
                      st->t_run, st->t_cleanup, st->t_inactive, job->expiration,
                      job->nnodes, job->ncores, or_empty (job->ranks),
                      or_empty (job->nodelist),
                      a->ntasks, a->nnodes, a->ncores, a->duration, a->name, a->cwd,
                      a->queue, a->project, a->bank, or_empty (job->annotations));
}

static int add_text (const char *s, size_t len, void *arg)
{
    return buf_add (arg, s, len) < 0 ? -1 : 0;
}

int record_encode (const struct job *job, struct buf *b)
{
    json_t *o = encode (job);
    size_t len = b->len;
    int rc = -1;

    if (o && (rc = json_dump_callback (o, add_text, b, JSON_COMPACT)) == 0)
        rc = buf_addc (b, '\n');
    json_decref (o);
    if (rc < 0)
        b->len = len;
    return rc < 0 ? -EINVAL : 0;
}

struct line {
    json_int_t id, userid, priority;
    int result, seen, nnodes, ncores;
    double t_priority, t_sched, expiration;
    const char *type, *note, *ranks, *nodelist, *annotations;
    struct jobstate st;
    struct jobattrs attrs;
};

static int unpack (json_t *o, struct line *l)
{
    struct jobstate *st = &l->st;
    struct jobattrs *a = &l->attrs;

    jobstate_init (st);
    return json_unpack (o, "[I[IiIiiiiiiiss!][FFFFFFFF!][iiss!][iiiFsssss!]s!]",
                        &l->id,
                        &l->userid, &st->urgency, &l->priority, &st->flags, &l->result,
                        &st->waitstatus, &l->seen, &st->dependency_count,
                        &st->exception_severity, &st->exception_wait_status, &l->type,
                        &l->note,
                        &st->t_submit, &st->t_depend, &l->t_priority, &l->t_sched,
                        &st->t_run, &st->t_cleanup, &st->t_inactive, &l->expiration,
                        &l->nnodes, &l->ncores, &l->ranks, &l->nodelist,
                        &a->ntasks, &a->nnodes, &a->ncores, &a->duration, &a->name,
                        &a->cwd, &a->queue, &a->project, &a->bank, &l->annotations);
}

static bool is_result (int n)
{
    return n == FLUX_JOB_RESULT_COMPLETED || n == FLUX_JOB_RESULT_FAILED
        || n == FLUX_JOB_RESULT_CANCELED || n == FLUX_JOB_RESULT_TIMEOUT;
}

static bool in_range (const struct line *l)
{
    const struct jobstate *st = &l->st;

    return l->id > 0 && l->userid >= 0 && l->userid <= UINT32_MAX && l->priority >= -1
        && l->priority <= UINT32_MAX && is_result (l->result)
        && st->urgency >= FLUX_JOB_URGENCY_MIN && st->urgency <= FLUX_JOB_URGENCY_MAX
        && st->exception_severity >= -1 && st->exception_severity <= 7
        && l->nnodes >= 0 && l->ncores >= 0
        && strlen (l->type) < sizeof (st->exception_type)
        && strlen (l->note) < sizeof (st->exception_note);
}

static int fill (struct jobtab *t, struct job *job, const struct line *l)
{
    struct jobstate *st = &job->st;
    size_t n = strlen (l->annotations) + 1;

    *st = l->st;
    st->state = FLUX_JOB_STATE_INACTIVE;
    st->result = (flux_job_result_t)l->result;
    st->userid = (uint32_t)l->userid;
    st->priority = l->priority;
    seen_set (st, l->seen);
    memcpy (st->exception_type, l->type, strlen (l->type) + 1);
    memcpy (st->exception_note, l->note, strlen (l->note) + 1);
    job->t_priority = l->t_priority;
    job->t_sched = l->t_sched;
    job->expiration = l->expiration;
    job->nnodes = l->nnodes;
    job->ncores = l->ncores;
    if (*l->ranks && job_set_ranks (t, job, l->ranks, l->nodelist) < 0)
        return -ENOMEM;
    if (n > 1 && !(job->annotations = slab_memdup (t->slab, l->annotations, n)))
        return -ENOMEM;
    return 0;
}

static int enter (struct jobtab *t, const struct line *l, struct job **jobp,
                  flux_error_t *err)
{
    struct jobattrs *attrs = jobattrs_intern (t->docs, &l->attrs);
    struct job *job = attrs ? jobtab_add_inactive (t, (flux_jobid_t)l->id, attrs) : NULL;
    int rc = job ? 0 : attrs ? -errno : -ENOMEM;

    jobattrs_unref (t->docs, attrs);
    if (job && (rc = fill (t, job, l)) < 0)
        jobtab_remove (t, job);
    if (rc < 0)
        return errmsg (err, rc, "%s", rc == -EEXIST ? "the job is there already"
                                                    : "out of memory");
    job_count (t, job, 0, job->st.state);
    job_place (t, job);
    *jobp = job;
    return 0;
}

int record_decode (struct jobtab *t, const char *line, size_t len, struct job **jobp,
                   flux_error_t *err)
{
    struct line l = { 0 };
    json_t *o = json_loadb (line, len, 0, NULL);
    int rc = o && unpack (o, &l) == 0 && in_range (&l)
                 ? enter (t, &l, jobp, err)
                 : errmsg (err, -EINVAL, "this is no record of a job");

    json_decref (o);
    return rc;
}
