/* table.c - the one table of jobs
 */
#include "modules/job/table.h"

#include <errno.h>
#include <malloc.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "spec/rset.h"

#define TRIM_AFTER 1000

static int order (const struct job *a, const struct job *b)
{
    if (a->st.priority != b->st.priority)
        return a->st.priority > b->st.priority ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int pending_cmp (const struct tree_node *a, const struct tree_node *b)
{
    return order (tree_entry (a, struct active, pending)->job,
                  tree_entry (b, struct active, pending)->job);
}

int job_allocq_cmp (const struct tree_node *a, const struct tree_node *b)
{
    return order (tree_entry (a, struct active, allocq)->job,
                  tree_entry (b, struct active, allocq)->job);
}

void *jobtab_create (void)
{
    struct jobtab *t = calloc (1, sizeof (*t));

    if (!t)
        return NULL;
    list_init (&t->order);
    list_init (&t->running);
    list_init (&t->inactive);
    list_init (&t->cursors);
    list_init (&t->housekeeping);
    list_init (&t->deferred);
    list_init (&t->unanswered);
    tree_init (&t->pending, pending_cmp);
    t->jobs = idhash_new (NULL);
    t->docs = docset_new ();
    t->queue_counts = hash_new (free);
    t->slab = slab_new ();
    t->hkjobs = idhash_new (NULL);
    if (!t->jobs || !t->hkjobs || !t->docs || !t->queue_counts || !t->slab) {
        jobtab_destroy (t);
        return NULL;
    }
    return t;
}

struct deferred {
    struct list_node node;
    flux_t *h;
    const flux_msg_t *msg;
};

bool jobtab_defer (struct jobtab *t, flux_t *h, const flux_msg_t *msg)
{
    struct deferred *d;

    if (!t->loading || !(d = malloc (sizeof (*d))))
        return false;
    d->h = h;
    d->msg = flux_msg_incref (msg);
    list_append (&t->deferred, &d->node);
    return true;
}

static void deferred_free (struct deferred *d)
{
    list_del (&d->node);
    flux_msg_decref (d->msg);
    free (d);
}

void jobtab_ready (struct jobtab *t)
{
    t->loading = false;
    list_foreach (&t->deferred, pos) {
        struct deferred *d = list_entry (pos, struct deferred, node);
        if (flux_requeue (d->h, d->msg, FLUX_RQ_TAIL) < 0)
            flux_respond_error (d->h, d->msg, errno, NULL);
        deferred_free (d);
    }
}

void jobtab_forget (struct jobtab *t, flux_t *h)
{
    list_foreach (&t->deferred, pos) {
        struct deferred *d = list_entry (pos, struct deferred, node);
        if (d->h != h)
            continue;
        flux_respond_error (h, d->msg, ENOSYS, NULL);
        deferred_free (d);
    }
}

void jobtab_destroy (void *data)
{
    struct jobtab *t = data;

    if (!t)
        return;
    list_foreach (&t->order, pos) {
        struct job *job = list_entry (pos, struct job, order);
        list_del (&job->order);
        job_unref (t, job);
    }
    idhash_free (t->jobs);
    idhash_free (t->hkjobs);
    hash_free (t->queue_counts);
    docset_free (t->docs);
    slab_destroy (t->slab);
    free (t);
}

struct job *jobtab_get (const struct jobtab *t, flux_jobid_t id)
{
    return idhash_get (t->jobs, id);
}

flux_jobid_t jobtab_max_id (const struct jobtab *t)
{
    return t->max_id;
}

static struct active *active_new (struct job *job, struct jobdoc *doc)
{
    struct active *a = calloc (1, sizeof (*a));

    if (!a)
        return NULL;
    a->job = job;
    a->doc = jobdoc_ref (doc);
    a->log = (struct buf)BUF_INIT;
    list_init (&a->dirty);
    list_init (&a->events);
    list_init (&a->deps);
    list_init (&a->subs);
    list_init (&a->aux);
    list_init (&a->watchers);
    list_init (&a->statewaits);
    tree_node_init (&a->pending);
    tree_node_init (&a->allocq);
    return a;
}

static void free_list (struct list_node *head, size_t offset)
{
    list_foreach (head, pos) {
        list_del (pos);
        free ((char *)pos - offset);
    }
}

/* Whoever put something on subs, aux, watchers or statewaits took it off
 * before (when the job became inactive or was removed). */
static void active_free (struct active *a)
{
    if (!a)
        return;
    list_del (&a->dirty);
    list_foreach (&a->events, pos) {
        struct event *e = list_entry (pos, struct event, node);
        list_del (pos);
        json_decref (e->context);
        free (e);
    }
    free_list (&a->deps, offsetof (struct dep, node));
    jobdoc_unref (a->doc);
    jobdoc_unref (a->base);
    free (a->J);
    free (a->R);
    rset_free (a->rset);
    idset_destroy (a->released);
    json_decref (a->annotations);
    json_decref (a->end_event);
    json_decref (a->posted_other);
    json_decref (a->R_json);
    buf_release (&a->log);
    free (a);
}

struct job *job_ref (struct job *job)
{
    job->refs++;
    return job;
}

static void string_free (struct jobtab *t, char *s)
{
    if (s)
        slab_free (t->slab, s, strlen (s) + 1);
}

static void ranks_free (struct jobtab *t, struct job *job)
{
    if (job->ranks)
        slab_free (t->slab, job->ranks,
                   job->nodelist + strlen (job->nodelist) + 1 - job->ranks);
}

void job_unref (struct jobtab *t, struct job *job)
{
    if (!job || --job->refs > 0)
        return;
    active_free (job->a);
    jobattrs_unref (t->docs, job->attrs);
    ranks_free (t, job);
    string_free (t, job->annotations);
    slab_free (t->slab, job, sizeof (*job));
}

/* Submissions come in order of ids.  What a restart reads does not, and is sorted. */
static void order_insert (struct jobtab *t, struct job *job)
{
    struct list_node *pos = t->order.prev;

    while (!t->loading && pos != &t->order
           && list_entry (pos, struct job, order)->id > job->id)
        pos = pos->prev;
    list_insert_after (pos, &job->order);
}

static struct job *add (struct jobtab *t, flux_jobid_t id, struct jobdoc *doc,
                        struct jobattrs *attrs)
{
    struct job *job;

    if (idhash_get (t->jobs, id)) {
        errno = EEXIST;
        return NULL;
    }
    if (!(job = slab_alloc (t->slab, sizeof (*job))))
        return NULL;
    job->id = id;
    job->refs = 1;
    jobstate_init (&job->st);
    list_init (&job->order);
    list_init (&job->place);
    job->attrs = jobattrs_ref (attrs);
    if ((doc && !(job->a = active_new (job, doc))) || idhash_set (t->jobs, id, job) < 0) {
        job_unref (t, job);
        errno = ENOMEM;
        return NULL;
    }
    order_insert (t, job);
    if (id > t->max_id)
        t->max_id = id;
    return job;
}

struct job *jobtab_add (struct jobtab *t, flux_jobid_t id, struct jobdoc *doc)
{
    return add (t, id, doc, jobdoc_attrs (doc));
}

struct job *jobtab_add_inactive (struct jobtab *t, flux_jobid_t id, struct jobattrs *attrs)
{
    return add (t, id, NULL, attrs);
}

void jobtab_remove (struct jobtab *t, struct job *job)
{
    if (job->gone)
        return;
    job_unplace (t, job);
    if (job->a) {
        list_del (&job->a->dirty);
        tree_node_init (&job->a->allocq);
    }
    list_del (&job->order);
    idhash_del (t->jobs, job->id);
    job->gone = true;
    job_unref (t, job);
}

void job_place (struct jobtab *t, struct job *job)
{
    flux_job_state_t state = job->st.state;

    if (job->gone)
        return;
    if (state & (FLUX_JOB_STATE_PENDING | FLUX_JOB_STATE_NEW)) {
        if (job->a && !tree_node_linked (&job->a->pending))
            tree_insert (&t->pending, &job->a->pending);
    }
    else if (list_empty (&job->place)) {
        bool inactive = state == FLUX_JOB_STATE_INACTIVE;
        list_prepend (inactive ? &t->inactive : &t->running, &job->place);
        t->ninactive += inactive;
    }
}

static struct job *list_job (struct list_node *head, struct list_node *n)
{
    return n == head ? NULL : list_entry (n, struct job, place);
}

static struct job *first_of (struct jobtab *t, int phase)
{
    struct tree_node *n;

    switch (phase) {
    case 0:
        n = tree_first (&t->pending);
        return n ? tree_entry (n, struct active, pending)->job : NULL;
    case 1:
        return list_job (&t->running, t->running.next);
    case 2:
        return list_job (&t->inactive, t->inactive.next);
    }
    return NULL;
}

static struct job *after (struct jobtab *t, int phase, struct job *job)
{
    struct tree_node *n;

    if (phase == 0) {
        n = tree_next (&job->a->pending);
        return n ? tree_entry (n, struct active, pending)->job : NULL;
    }
    return list_job (phase == 1 ? &t->running : &t->inactive, job->place.next);
}

void jobcursor_init (struct jobtab *t, struct jobcursor *c)
{
    c->phase = 0;
    c->next = first_of (t, 0);
    list_append (&t->cursors, &c->node);
}

struct job *jobcursor_next (struct jobtab *t, struct jobcursor *c)
{
    struct job *job;

    while (!c->next && c->phase < 3)
        c->next = first_of (t, ++c->phase);
    if ((job = c->next))
        c->next = after (t, c->phase, job);
    return job;
}

void jobcursor_fini (struct jobcursor *c)
{
    list_del (&c->node);
}

void job_unplace (struct jobtab *t, struct job *job)
{
    list_foreach (&t->cursors, pos) {
        struct jobcursor *c = list_entry (pos, struct jobcursor, node);
        if (c->next == job)
            c->next = after (t, c->phase, job);
    }
    if (job->a)
        tree_remove (&t->pending, &job->a->pending);
    if (!list_empty (&job->place)) {
        if (job->st.state == FLUX_JOB_STATE_INACTIVE)
            t->ninactive--;
        list_del (&job->place);
    }
}

static double place_time (const struct job *job)
{
    if (job->st.state == FLUX_JOB_STATE_INACTIVE)
        return job->st.t_inactive;
    return job->st.t_run > 0. ? job->st.t_run : job->st.t_cleanup;
}

static int latest_first (const void *a, const void *b)
{
    double x = place_time (*(struct job *const *)a), y = place_time (*(struct job *const *)b);

    return x < y ? 1 : x > y ? -1 : 0;
}

static int by_id (const void *a, const void *b)
{
    flux_jobid_t x = (*(struct job *const *)a)->id, y = (*(struct job *const *)b)->id;

    return x < y ? -1 : x > y;
}

/* The node of each job is at 'offset' in it. */
static int sort_list (struct list_node *head, size_t offset,
                      int (*cmp) (const void *a, const void *b))
{
    size_t n = 0, i = 0;
    struct job **jobs;

    list_foreach (head, pos)
        n++;
    if (n < 2)
        return 0;
    if (!(jobs = malloc (n * sizeof (*jobs))))
        return -ENOMEM;
    list_foreach (head, pos)
        jobs[i++] = (struct job *)((char *)pos - offset);
    qsort (jobs, n, sizeof (*jobs), cmp);
    list_init (head);
    for (i = 0; i < n; i++)
        list_append (head, (struct list_node *)((char *)jobs[i] + offset));
    free (jobs);
    return 0;
}

int jobtab_sort (struct jobtab *t)
{
    int rc = sort_list (&t->order, offsetof (struct job, order), by_id);

    if (rc == 0)
        rc = sort_list (&t->running, offsetof (struct job, place), latest_first);
    return rc < 0 ? rc : sort_list (&t->inactive, offsetof (struct job, place), latest_first);
}

struct jobcounts *jobtab_queue_counts (struct jobtab *t, const char *queue)
{
    struct jobcounts *c;

    if (!*queue)
        return NULL;
    if (!(c = hash_get (t->queue_counts, queue))) {
        if (!(c = calloc (1, sizeof (*c))))
            return NULL;
        if (hash_set (t->queue_counts, queue, c) < 0) {
            free (c);
            return NULL;
        }
    }
    return c;
}

static void count (struct jobcounts *c, const struct job *job, flux_job_state_t state,
                   int n)
{
    c->state[state_index (state)] += n;
    if (state != FLUX_JOB_STATE_INACTIVE)
        return;
    switch (job->st.result) {
    case FLUX_JOB_RESULT_COMPLETED:
        c->successful += n;
        break;
    case FLUX_JOB_RESULT_CANCELED:
        c->canceled += n;
        break;
    case FLUX_JOB_RESULT_TIMEOUT:
        c->timeout += n;
        break;
    default:
        c->failed += n;
    }
}

void job_count (struct jobtab *t, const struct job *job, flux_job_state_t from,
                flux_job_state_t to)
{
    struct jobcounts *c[2] = { &t->counts, jobtab_queue_counts (t, job->attrs->queue) };

    for (int i = 0; i < 2; i++) {
        if (c[i] && from)
            count (c[i], job, from, -1);
        if (c[i] && to)
            count (c[i], job, to, 1);
        if (c[i] && !to && from == FLUX_JOB_STATE_INACTIVE && job->gone)
            c[i]->inactive_purged++;
    }
}

void job_sync_attrs (struct jobtab *t, struct job *job, bool counted)
{
    struct jobattrs *new = jobdoc_attrs (job->a->doc);

    if (job->attrs == new)
        return;
    if (counted)
        job_count (t, job, job->st.state, 0);
    jobattrs_unref (t->docs, job->attrs);
    job->attrs = jobattrs_ref (new);
    if (counted)
        job_count (t, job, 0, job->st.state);
}

/* When the last of many jobs is done, much of the heap of that time is free. */
static void trim_memory (struct jobtab *t)
{
    if (++t->retired < TRIM_AFTER)
        return;
    for (int i = 0; i < state_index (FLUX_JOB_STATE_INACTIVE); i++) {
        if (t->counts.state[i] > 0)
            return;
    }
    t->retired = 0;
    malloc_trim (0);
}

void job_retire (struct jobtab *t, struct job *job)
{
    struct active *a = job->a;
    char *s;

    if (!a || job->st.state != FLUX_JOB_STATE_INACTIVE)
        return;
    if (a->annotations && json_object_size (a->annotations) > 0
        && (s = json_dumps (a->annotations, JSON_COMPACT))) {
        job->annotations = slab_memdup (t->slab, s, strlen (s) + 1);
        free (s);
    }
    active_free (a);
    job->a = NULL;
    trim_memory (t);
}

int job_set_ranks (struct jobtab *t, struct job *job, const char *ranks, const char *nodelist)
{
    size_t n1 = strlen (ranks) + 1, n2 = strlen (nodelist) + 1;
    char *both = slab_alloc (t->slab, n1 + n2);

    if (!both)
        return -ENOMEM;
    memcpy (both, ranks, n1);
    memcpy (both + n1, nodelist, n2);
    ranks_free (t, job);
    job->ranks = both;
    job->nodelist = both + n1;
    return 0;
}

static int set_resources (struct jobtab *t, struct job *job, const struct rset *r)
{
    char *ranks = idset_encode (rset_ranks (r), IDSET_FLAG_RANGE), *nodes = NULL;
    struct hostlist *hl = rset_hosts (r);
    int rc = -ENOMEM;

    if (hl)
        nodes = hostlist_encode (hl);
    if (ranks)
        rc = job_set_ranks (t, job, ranks, nodes ? nodes : "");
    if (rc == 0) {
        job->nnodes = (int)rset_nnodes (r);
        job->ncores = (int)rset_count (r, "core");
        job->expiration = rset_expiration (r);
    }
    free (ranks);
    free (nodes);
    hostlist_destroy (hl);
    return rc;
}

int job_set_R (struct jobtab *t, struct job *job, char *R, const json_t *o,
               flux_error_t *err)
{
    struct active *a = job->a;
    struct rset *r = o ? rset_from_json (o, err) : rset_decode (R, strlen (R), err);
    int rc;

    if (!r) {
        free (R);
        return -EINVAL;
    }
    if ((rc = set_resources (t, job, r)) < 0) {
        errmsg (err, 0, "out of memory");
        free (R);
        rset_free (r);
        return rc;
    }
    free (a->R);
    rset_free (a->rset);
    a->R = R;
    a->rset = r;
    json_decref (a->R_json);
    a->R_json = NULL;
    return 0;
}

char *job_get_R (const struct job *job)
{
    const struct active *a = job->a;
    json_t *o, *exec;
    char *s = NULL;

    if (!a || !a->R) {
        errno = ENOENT;
        return NULL;
    }
    if (job->expiration == rset_expiration (a->rset))
        return strdup (a->R);
    o = json_loads (a->R, 0, NULL);
    exec = json_object_get (o, "execution");
    if (exec && json_object_set_new (exec, "expiration",
                                     json_real (job->expiration)) == 0)
        s = json_dumps (o, JSON_COMPACT);
    json_decref (o);
    if (!s)
        errno = ENOMEM;
    return s;
}
