/* records.c - see records.h */
#include "modules/job/records.h"

#include <errno.h>
#include <syslog.h>

#include "modules/job/record.h"

struct set {
    unsigned int live;         /* jobs that have their record here */
};

struct records {
    struct idhash *sets;       /* by number */
    unsigned int last;         /* greatest number */
    unsigned int frozen;       /* ... that was frozen */
    size_t count;
    flux_jobid_t batch[RECORDS_BATCH];
    struct jobcursor cursor;   /* behind it are jobs without record, after a restart */
};

struct records *records_new (struct mgr *m)
{
    struct records *rs = calloc (1, sizeof (*rs));

    if (rs && !(rs->sets = idhash_new (free))) {
        free (rs);
        return NULL;
    }
    if (rs)
        list_init (&rs->cursor.node);
    return rs;
}

void records_free (struct records *rs)
{
    if (rs) {
        jobcursor_fini (&rs->cursor);
        idhash_free (rs->sets);
        free (rs);
    }
}

static struct set *set_get (struct records *rs, unsigned int n)
{
    struct set *s = idhash_get (rs->sets, n);

    if (!s && (s = calloc (1, sizeof (*s))) && idhash_set (rs->sets, n, s) < 0) {
        free (s);
        return NULL;
    }
    if (n > rs->last)
        rs->last = n;
    return s;
}

static void set_key (char *key, size_t size, unsigned int n, const char *name)
{
    snprintf (key, size, RECORDS_DIR ".%08u%s", n, name);
}

static void set_drop (struct mgr *m, unsigned int n)
{
    char key[64];

    set_key (key, sizeof (key), n, "");
    if (turn_put (m->turn, key, NULL) == 0)
        idhash_del (m->records->sets, n);
}

/* It does not change any more: the KVS need not have it in memory. */
static void set_freeze (struct mgr *m, unsigned int n)
{
    char key[64];

    set_key (key, sizeof (key), n, "");
    flux_future_destroy (flux_rpc_pack (m->h, "kvs.freeze", FLUX_NODEID_ANY,
                                        FLUX_RPC_NORESPONSE, "{s:s}", "key", key));
}

static void batch_fill (struct mgr *m);

/* One call for each set that was put, in order. */
static void hold_written (struct job *none, void *arg)
{
    struct mgr *m = arg;

    set_freeze (m, ++m->records->frozen);
    batch_fill (m);
}

/* Jobs that were purged meanwhile, or cannot be written so, have no record. */
static int batch_encode (struct mgr *m, struct buf *text, struct job **jobs)
{
    struct records *rs = m->records;
    int n = 0;

    for (size_t i = 0; i < rs->count; i++) {
        struct job *job = jobtab_get (m->t, rs->batch[i]);
        if (job && !job->a && record_encode (job, text) == 0)
            jobs[n++] = job;
    }
    rs->count = 0;
    return n;
}

static void batch_write (struct mgr *m)
{
    struct records *rs = m->records;
    struct job *jobs[RECORDS_BATCH];
    struct buf text = BUF_INIT;
    int n = batch_encode (m, &text, jobs);
    struct set *s;
    char key[64];

    if (n > 0 && (s = set_get (rs, rs->last + 1))) {
        set_key (key, sizeof (key), rs->last, ".jobs");
        if (turn_put (m->turn, key, text.data) == 0) {
            s->live = (unsigned int)n;
            for (int i = 0; i < n; i++)
                jobs[i]->record = rs->last;
        }
        turn_hold (m->turn, hold_written, NULL, m);
    }
    buf_release (&text);
}

void records_add (struct mgr *m, struct job *job)
{
    struct records *rs = m->records;

    if (!turn_durable (m->turn) || job->gone || job->a || job->confirmed)
        return;
    job->confirmed = true;
    rs->batch[rs->count++] = job->id;
    if (rs->count == RECORDS_BATCH)
        batch_write (m);
}

/* A set at a time: the next one when it is written. */
static void batch_fill (struct mgr *m)
{
    struct records *rs = m->records;
    unsigned int last = rs->last;
    struct job *job;

    while (rs->last == last && (job = jobcursor_next (m->t, &rs->cursor)))
        records_add (m, job);
}

void records_gone (struct mgr *m, const struct job *job)
{
    struct set *s = job->record ? idhash_get (m->records->sets, job->record) : NULL;

    if (s && s->live > 0 && --s->live == 0)
        set_drop (m, job->record);
}

/* ---- restart ---- */

void records_load (struct mgr *m, unsigned int n, const char *text)
{
    int bad = 0;

    (void)set_get (m->records, n);
    while (*text) {
        size_t len = strcspn (text, "\n");
        struct job *job;
        flux_error_t err;
        int rc = record_decode (m->t, text, len, &job, &err);
        if (rc == 0)
            job->record = n;
        else if (rc != -EEXIST)
            bad++;
        text += len + (text[len] == '\n');
    }
    if (bad > 0)
        flux_log (m->h, LOG_WARNING, RECORDS_DIR ".%08u: %d lines are no records:"
                  " such jobs are read from their directories", n, bad);
}

static void job_settle (struct mgr *m, struct job *job)
{
    struct set *s;

    if (job->record && !job->confirmed) {
        job_count (m->t, job, job->st.state, 0);
        jobtab_remove (m->t, job);
    }
    else if (!job->record)
        job->confirmed = false;
    else if ((s = set_get (m->records, job->record)))
        s->live++;
}

void records_settle (struct mgr *m)
{
    struct records *rs = m->records;
    uint64_t n;
    size_t pos = 0;
    struct set *s;

    list_foreach (&m->t->inactive, p)
        job_settle (m, list_entry (p, struct job, place));
    while ((s = idhash_next (rs->sets, &pos, &n))) {
        if (s->live == 0)
            set_drop (m, (unsigned int)n);
        else
            set_freeze (m, (unsigned int)n);
    }
    rs->frozen = rs->last;
    jobcursor_init (m->t, &rs->cursor);
    batch_fill (m);
}
