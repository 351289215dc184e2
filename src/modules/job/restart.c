/* restart.c - the table from the KVS, at the start of the job manager
 *
 * First come the records of finished jobs (records.h).  Then the directories below
 * "job" (RFC 16) are walked, and the eventlog of each job that has no record is
 * replayed through the state machine, with a bounded number of look-ups under way.
 * A directory that makes no sense is named in the log and left alone.
 *
 * If the table is still there (only the service was loaded again) it is used
 * as it is.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "modules/job/housekeeping.h"
#include "modules/job/mgr.h"
#include "modules/job/records.h"
#include "modules/job/tap.h"
#include "spec/eventlog.h"

#define WINDOW 512     /* look-ups under way */
#define SETS_WINDOW 8  /* ... of sets of records, which are 32 KiB each */
#define LEVELS 4       /* job.xxxx.xxxx.xxxx.xxxx */
#define RECORDS_LEVEL (-1)

struct dir {
    struct list_node node;
    int level;             /* below "job"; RECORDS_LEVEL: a set of records */
    char key[];
};

/* A job that is being read. */
struct load {
    struct list_node node;
    struct restart *r;
    flux_jobid_t id;
    flux_future_t *f[3];
    char *text[3];         /* eventlog, jobspec, R */
    int waiting;
    bool failed;
};

struct restart {
    struct mgr *m;
    struct list_node dirs;     /* to be listed */
    struct list_node loads;    /* to be read */
    struct list_node busy;     /* struct load under way */
    struct list_node futures;  /* struct lookup under way */
    int outstanding;
    bool walking;              /* the records are read */
    bool stop_queues;
    json_t *queues;
};

struct lookup {
    struct list_node node;
    struct restart *r;
    flux_future_t *f;
    int level;
    char key[];
};

static void pump (struct restart *r);

static void lookup_free (struct lookup *l)
{
    list_del (&l->node);
    flux_future_destroy (l->f);
    free (l);
}

static void load_free (struct load *l)
{
    list_del (&l->node);
    for (int i = 0; i < 3; i++) {
        flux_future_destroy (l->f[i]);
        free (l->text[i]);
    }
    free (l);
}

void restart_end (struct mgr *m)
{
    struct restart *r = m->restart;

    if (!r)
        return;
    list_foreach (&r->dirs, pos)
        free (list_entry (pos, struct dir, node));
    list_foreach (&r->loads, pos)
        load_free (list_entry (pos, struct load, node));
    list_foreach (&r->busy, pos)
        load_free (list_entry (pos, struct load, node));
    list_foreach (&r->futures, pos)
        lookup_free (list_entry (pos, struct lookup, node));
    json_decref (r->queues);
    free (r);
    m->restart = NULL;
}

/* ---- the jobs go on ---- */

static void resume_job (struct mgr *m, struct job *job)
{
    flux_error_t err;
    int rc;

    job_ref (job);
    event_post (m, job, "flux-restart", NULL, NULL);
    if ((rc = tap_create (m, job, &err)) < 0)
        flux_log (m->h, LOG_ERR, "job.create of job %ju: %s", (uintmax_t)job->id, err.text);
    if (job->st.state & (FLUX_JOB_STATE_NEW | FLUX_JOB_STATE_DEPEND)
        && tap_dependencies (m, job, &err) < 0)
        event_raise (m, job, "dependency", 0, m->owner, "%s", err.text);
    tap_notify (m, job, "job.new");
    if (job->a)
        event_resume (m, job);
    job_unref (m->t, job);
}

static void resume_all (struct mgr *m)
{
    struct list_node *n;

    for (n = m->t->order.next; n != &m->t->order; n = n->next) {
        struct job *job = list_entry (n, struct job, order);
        if (job->a && job->st.state != FLUX_JOB_STATE_INACTIVE)
            resume_job (m, job);
    }
}

static void finish (struct restart *r)
{
    struct mgr *m = r->m;

    if (jobtab_sort (m->t) < 0)
        flux_log (m->h, LOG_ERR, "out of memory: jobs are listed in no order");
    records_settle (m);
    (void)queues_restore (m, r->queues, r->stop_queues && idhash_count (m->t->jobs) > 0);
    restart_end (m);
    m->t->loaded = true;
    resume_all (m);
    housekeeping_resume (m);
    mgr_set_ready (m);
}

/* The service was loaded again: what it knew about requests under way is gone. */
static void readopt (struct mgr *m)
{
    list_foreach (&m->t->order, pos) {
        struct job *job = list_entry (pos, struct job, order);
        struct active *a = job->a;
        if (!a)
            continue;
        if (job->st.state == FLUX_JOB_STATE_INACTIVE && a->log_committed == a->log.len) {
            job_retire (m->t, job);
            continue;
        }
        a->exec_pending = false;
        a->reattach = job->st.start_seen;
        a->log_sent = a->log_committed;
        if (a->log_sent < a->log.len)
            turn_dirty (m->turn, job, true);
    }
    records_settle (m);
    resume_all (m);
    housekeeping_resume (m);
}

/* ---- one job ---- */

static int replay (struct jobtab *t, struct job *job, const char *log, flux_error_t *err)
{
    size_t len = strlen (log), pos = 0, n;
    const char *line;
    int rc;

    while ((rc = eventlog_next_line (log, len, &pos, &line, &n)) == 1) {
        json_t *entry = eventlog_entry_decode (line, n, err);
        if (!entry)
            return -EPROTO;
        rc = event_replay (t, job, entry, err);
        json_decref (entry);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? errmsg (err, rc, "the eventlog ends within a line") : 0;
}

static int adopt_log (struct job *job, const char *log)
{
    struct active *a = job->a;

    if (buf_adds (&a->log, log) < 0)
        return -ENOMEM;
    a->log_sent = a->log_committed = a->log.len;
    return 0;
}

static int load_job (struct load *l, flux_error_t *err)
{
    struct jobtab *t = l->r->m->t;
    struct jobdoc *doc = NULL;
    struct job *job = NULL;
    double expiration;
    int rc;

    if (!l->text[0] || !l->text[1])
        return errmsg (err, -ENOENT, "it has no %s", l->text[0] ? "jobspec" : "eventlog");
    if (!(doc = jobdoc_from_text (t->docs, l->text[1], err)))
        return -errno;
    job = jobtab_add (t, l->id, doc);
    jobdoc_unref (doc);
    if (!job)
        return errmsg (err, -errno, "%s", flux_strerror (errno));
    if ((rc = replay (t, job, l->text[0], err)) < 0)
        goto error;
    expiration = job->expiration;      /* of resource-update events */
    if (l->text[2] && event_posted (job, "alloc")) {
        if ((rc = job_set_R (t, job, l->text[2], NULL, err)) < 0) {
            l->text[2] = NULL;
            goto error;
        }
        l->text[2] = NULL;
        if (event_posted (job, "resource-update"))
            job->expiration = expiration;
    }
    else if (job->st.has_resources) {
        rc = errmsg (err, -ENOENT, "it has no R");
        goto error;
    }
    if ((rc = adopt_log (job, l->text[0])) < 0)
        goto error;
    job_count (t, job, 0, job->st.state);
    job_place (t, job);
    if (job->st.state == FLUX_JOB_STATE_INACTIVE)
        job_retire (t, job);
    return 0;
error:
    jobtab_remove (t, job);
    return rc;
}

static void load_done (struct load *l)
{
    struct restart *r = l->r;
    flux_error_t err;

    if (l->failed || load_job (l, &err) < 0)
        flux_log (r->m->h, LOG_ERR, "job %ju is left out: %s", (uintmax_t)l->id,
                  l->failed ? "its KVS directory cannot be read" : err.text);
    load_free (l);
}

static void load_continuation (flux_future_t *f, void *arg)
{
    struct load *l = arg;
    struct restart *r = l->r;
    const char *s;

    for (int i = 0; i < 3; i++) {
        if (l->f[i] != f)
            continue;
        if (flux_kvs_lookup_get (f, &s) == 0)
            l->text[i] = s ? strdup (s) : NULL;
        else if (errno != ENOENT)
            l->failed = true;
        flux_future_destroy (f);
        l->f[i] = NULL;
        break;
    }
    r->outstanding--;
    if (--l->waiting == 0)
        load_done (l);
    pump (r);
}

static void load_start (struct load *l)
{
    static const char *names[] = { "eventlog", "jobspec", "R" };
    struct restart *r = l->r;
    char key[64];

    for (int i = 0; i < 3; i++) {
        flux_job_kvs_key (key, sizeof (key), l->id, names[i]);
        l->f[i] = flux_kvs_lookup (r->m->h, KVS_PRIMARY_NAMESPACE, 0, key);
        if (!l->f[i] || flux_future_then (l->f[i], -1., load_continuation, l) < 0) {
            flux_future_destroy (l->f[i]);
            l->f[i] = NULL;
            l->failed = true;
            continue;
        }
        l->waiting++;
        r->outstanding++;
    }
    list_append (&r->busy, &l->node);
    if (l->waiting == 0)
        load_done (l);
}

/* ---- the walk ---- */

static int dir_push (struct restart *r, const char *parent, const char *name, int level)
{
    size_t n = strlen (parent) + strlen (name) + 2;
    struct dir *d = malloc (sizeof (*d) + n);

    if (!d)
        return -ENOMEM;
    snprintf (d->key, n, "%s%s%s", parent, *name ? "." : "", name);
    d->level = level;
    list_append (&r->dirs, &d->node);
    return 0;
}

static int load_push (struct restart *r, const char *parent, const char *name)
{
    struct load *l;
    struct job *job;
    flux_jobid_t id;
    char key[128];

    snprintf (key, sizeof (key), "%s.%s", parent, name);
    if (flux_job_id_parse (key, &id) < 0) {
        flux_log (r->m->h, LOG_ERR, "%s is no job directory", key);
        return 0;
    }
    if ((job = jobtab_get (r->m->t, id))) {
        job->confirmed = true;
        return 0;
    }
    if (!(l = calloc (1, sizeof (*l))))
        return -ENOMEM;
    l->r = r;
    l->id = id;
    list_append (&r->loads, &l->node);
    return 0;
}

typedef int (*entry_f) (struct restart *r, const struct lookup *l, const char *name);

static int job_entry (struct restart *r, const struct lookup *l, const char *name)
{
    return l->level + 1 == LEVELS ? load_push (r, l->key, name)
                                  : dir_push (r, l->key, name, l->level + 1);
}

static int listing (struct restart *r, struct lookup *l, entry_f entry)
{
    const flux_kvsdir_t *dir;
    flux_kvsitr_t *itr;
    const char *name;
    int rc = 0;

    if (flux_kvs_lookup_get_dir (l->f, &dir) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!(itr = flux_kvsitr_create (dir)))
        return -errno;
    while (rc == 0 && (name = flux_kvsitr_next (itr)))
        rc = entry (r, l, name);
    flux_kvsitr_destroy (itr);
    return rc;
}

/* The directory that l has asked for was read. */
static void list_entries (struct lookup *l, entry_f entry)
{
    struct restart *r = l->r;
    int rc = listing (r, l, entry);

    if (rc < 0)
        flux_log (r->m->h, LOG_ERR, "reading %s: %s", l->key, flux_strerror (-rc));
    lookup_free (l);
    r->outstanding--;
    pump (r);
}

static void listing_continuation (flux_future_t *f, void *arg)
{
    list_entries (arg, job_entry);
}

static int record_set_entry (struct restart *r, const struct lookup *l, const char *name)
{
    return dir_push (r, l->key, name, RECORDS_LEVEL);
}

static void record_sets_continuation (flux_future_t *f, void *arg)
{
    list_entries (arg, record_set_entry);
}

static void record_set_continuation (flux_future_t *f, void *arg)
{
    struct lookup *l = arg;
    struct restart *r = l->r;
    unsigned long n = strtoul (l->key + strlen (RECORDS_DIR "."), NULL, 10);
    const char *s;

    if (flux_kvs_lookup_get (f, &s) == 0 && s && n > 0 && n < UINT_MAX)
        records_load (r->m, (unsigned int)n, s);
    lookup_free (l);
    r->outstanding--;
    pump (r);
}

static int lookup_start (struct restart *r, const char *key, int level, int flags,
                         flux_continuation_f cb)
{
    size_t n = strlen (key) + 1;
    struct lookup *l = malloc (sizeof (*l) + n);

    if (!l)
        return -ENOMEM;
    l->r = r;
    l->level = level;
    memcpy (l->key, key, n);
    list_init (&l->node);
    l->f = flux_kvs_lookup (r->m->h, KVS_PRIMARY_NAMESPACE, flags, key);
    if (!l->f || flux_future_then (l->f, -1., cb, l) < 0) {
        int rc = -errno;
        lookup_free (l);
        return rc;
    }
    list_append (&r->futures, &l->node);
    r->outstanding++;
    return 0;
}

static void checkpoint_continuation (flux_future_t *f, void *arg)
{
    struct lookup *l = arg;
    struct restart *r = l->r;
    const char *s;

    if (flux_kvs_lookup_get (f, &s) == 0 && s) {
        if (!strcmp (l->key, PURGE_CHECKPOINT_KEY)) {
            flux_jobid_t id = strtoull (s, NULL, 10);
            if (id > r->m->t->max_id)
                r->m->t->max_id = id;
        }
        else {
            json_decref (r->queues);
            r->queues = json_loads (s, 0, NULL);
        }
    }
    lookup_free (l);
    r->outstanding--;
    pump (r);
}

static void record_continuation (flux_future_t *f, void *arg)
{
    struct lookup *l = arg;
    struct restart *r = l->r;
    const char *s;

    if (flux_kvs_lookup_get (f, &s) == 0 && s)
        housekeeping_restore (r->m, s);
    lookup_free (l);
    r->outstanding--;
    pump (r);
}

static int record_entry (struct restart *r, const struct lookup *l, const char *name)
{
    char key[128];

    snprintf (key, sizeof (key), "%s.%s", l->key, name);
    return lookup_start (r, key, 0, 0, record_continuation);
}

static void records_continuation (flux_future_t *f, void *arg)
{
    list_entries (arg, record_entry);
}

static void dir_start (struct restart *r, struct dir *d)
{
    bool records = d->level == RECORDS_LEVEL;
    char key[128];
    int rc;

    snprintf (key, sizeof (key), "%s%s", d->key, records ? ".jobs" : "");
    rc = lookup_start (r, key, d->level, records ? 0 : FLUX_KVS_READDIR,
                       records ? record_set_continuation : listing_continuation);
    if (rc < 0)
        flux_log (r->m->h, LOG_ERR, "reading %s: %s", d->key, flux_strerror (-rc));
    list_del (&d->node);
    free (d);
}

static void walk_start (struct restart *r)
{
    int rc = dir_push (r, "job", "", 0);

    r->walking = true;
    if (rc < 0)
        flux_log (r->m->h, LOG_ERR, "reading job: %s", flux_strerror (-rc));
}

/* Reading goes before listing, so that what waits stays small. */
static void pump (struct restart *r)
{
    struct list_node *n;

    if (r->outstanding == 0 && list_empty (&r->dirs) && !r->walking)
        walk_start (r);
    while (r->outstanding < (r->walking ? WINDOW : SETS_WINDOW)) {
        if ((n = list_first (&r->loads))) {
            list_del (n);
            load_start (list_entry (n, struct load, node));
        }
        else if ((n = list_first (&r->dirs)))
            dir_start (r, list_entry (n, struct dir, node));
        else
            break;
    }
    if (r->outstanding == 0)
        finish (r);
}

int restart_begin (struct mgr *m, flux_error_t *err)
{
    struct restart *r;
    int stop = 0, rc;

    if (m->t->loaded) {
        readopt (m);
        mgr_set_ready (m);
        return 0;
    }
    if (flux_conf_unpack (flux_get_conf (m->h), err, "{s?{s?b}}", "job-manager",
                          "stop-queues-on-restart", &stop) < 0)
        return -EINVAL;
    if (!(r = calloc (1, sizeof (*r))))
        return errmsg (err, -ENOMEM, "out of memory");
    r->m = m;
    r->stop_queues = stop;
    list_init (&r->dirs);
    list_init (&r->loads);
    list_init (&r->busy);
    list_init (&r->futures);
    m->restart = r;
    if ((rc = lookup_start (r, RECORDS_DIR, 0, FLUX_KVS_READDIR, record_sets_continuation)) < 0
        || (rc = lookup_start (r, PURGE_CHECKPOINT_KEY, 0, 0, checkpoint_continuation)) < 0
        || (rc = lookup_start (r, QUEUES_CHECKPOINT_KEY, 0, 0, checkpoint_continuation)) < 0
        || (rc = lookup_start (r, HOUSEKEEPING_DIR, 0, FLUX_KVS_READDIR,
                               records_continuation)) < 0)
        return errmsg (err, rc, "reading the KVS: %s", flux_strerror (-rc));
    pump (r);
    return 0;
}
