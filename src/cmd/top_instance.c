/* top_instance.c - see top_instance.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "cmd/cmd.h"
#include "cmd/jobquery.h"
#include "cmd/queueconf.h"
#include "cmd/resview.h"
#include "cmd/top_instance.h"
#include "spec/rset.h"

#define MAX_JOBS 1000
#define PATIENCE 5.            /* seconds for the first answer of an instance */

struct top_instance {
    flux_t *h;
    struct top_data data;
    struct queueconf *qc;
    char *queue;                   /* or NULL */
    top_changed_f changed;
    void *arg;
    flux_msg_handler_t *pulse;
    flux_future_t *stats_stream;
    flux_future_t *list;           /* under way, or NULL */
    flux_future_t *resources;      /* likewise */
    json_t *stats;                 /* the last answer */
    json_t *jobs;                  /* of 'list' so far */
    bool again;                    /* a change came meanwhile */
    int answered;                  /* bits */
};

enum { HAVE_STATS = 1, HAVE_JOBS = 2, HAVE_RESOURCES = 4, HAVE_ALL = 7 };

static void note (struct top_instance *t, int have)
{
    t->answered |= have;
    t->changed (t, t->arg);
}

static void complain (struct top_instance *t, const char *what, flux_future_t *f)
{
    snprintf (t->data.error, sizeof (t->data.error), "%s: %s", what, future_strerror (f, errno));
}

/* Statistics */

static const json_t *stats_of_queue (const struct top_instance *t)
{
    json_t *queues = json_object_get (t->stats, "queues");
    json_t *o;
    size_t i;

    if (!t->queue)
        return t->stats;
    json_array_foreach (queues, i, o) {
        const char *name = json_string_value (json_object_get (o, "name"));
        if (name && strcmp (name, t->queue) == 0)
            return o;
    }
    return NULL;                   /* no job yet */
}

static int get_int (const json_t *o, const char *key)
{
    return json_integer_value (json_object_get (o, key));
}

static void set_counts (struct top_instance *t)
{
    const json_t *o = stats_of_queue (t);
    const json_t *states = json_object_get (o, "job_states");

    t->data.pending = get_int (states, "depend") + get_int (states, "priority")
                      + get_int (states, "sched");
    t->data.running = get_int (states, "run") + get_int (states, "cleanup");
    t->data.inactive = get_int (states, "inactive");
    t->data.successful = get_int (o, "successful");
    t->data.failed = get_int (o, "failed");
}

static void refresh (struct top_instance *t);

static void stats_cb (flux_future_t *f, void *arg)
{
    struct top_instance *t = arg;
    json_t *o;

    if (flux_rpc_get_unpack (f, "o", &o) < 0)
        complain (t, "job-list.job-stats", f);
    else {
        json_decref (t->stats);
        t->stats = json_incref (o);
        set_counts (t);
        flux_future_reset (f);
        refresh (t);
    }
    note (t, HAVE_STATS);
}

/* Jobs */

static void list_done (struct top_instance *t)
{
    flux_future_destroy (t->list);
    t->list = NULL;
    if (t->again) {
        t->again = false;
        refresh (t);
    }
    note (t, HAVE_JOBS);
}

static void list_cb (flux_future_t *f, void *arg)
{
    struct top_instance *t = arg;
    json_t *jobs;

    if (flux_rpc_get_unpack (f, "{s:o}", "jobs", &jobs) == 0) {
        json_array_extend (t->jobs, jobs);
        flux_future_reset (f);
        return;
    }
    if (errno == ENODATA) {
        json_decref (t->data.jobs);
        t->data.jobs = t->jobs;
        t->jobs = NULL;
        t->data.error[0] = '\0';
    }
    else
        complain (t, "job-list.list", f);
    list_done (t);
}

static json_t *constraint (const struct top_instance *t)
{
    json_t *all = json_pack ("[{s:[s]}]", "states", "running");

    if (t->queue)
        json_array_append_new (all, json_pack ("{s:[s]}", "queue", t->queue));
    return json_pack ("{s:o}", "and", all);
}

static void ask_jobs (struct top_instance *t)
{
    json_decref (t->jobs);
    t->jobs = json_array ();
    t->list = flux_rpc_pack (t->h, "job-list.list", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                             "{s:i s:[s] s:o}", "max_entries", MAX_JOBS, "attrs", "all",
                             "constraint", constraint (t));
    if (t->list && flux_future_then (t->list, -1., list_cb, t) < 0) {
        flux_future_destroy (t->list);
        t->list = NULL;
    }
}

/* Resources */

static void set_resources (struct top_instance *t, struct resview *v)
{
    static const char *const types[TOP_KINDS] = { "node", "core", "gpu" };
    json_t *queues = t->queue ? json_pack ("[s]", t->queue) : NULL;
    struct rset *used, *down;

    t->data.expiration = rset_expiration (v->all);
    resview_filter (v, t->qc, queues, NULL);
    used = resview_state (v, "allocated");
    down = resview_state (v, "down");
    for (int i = 0; i < TOP_KINDS; i++) {
        t->data.res[i].total = rset_count (v->all, types[i]);
        t->data.res[i].used = rset_count (used, types[i]);
        t->data.res[i].down = rset_count (down, types[i]);
    }
    rset_free (used);
    rset_free (down);
    json_decref (queues);
}

static void resources_cb (flux_future_t *f, void *arg)
{
    struct top_instance *t = arg;
    struct resview v;

    t->resources = NULL;
    if (flux_rpc_get (f, NULL) < 0) {
        complain (t, "resource.sched-status", f);
        flux_future_destroy (f);
    }
    else {
        resview_get (&v, f);
        set_resources (t, &v);
        resview_release (&v);
    }
    note (t, HAVE_RESOURCES);
}

static void ask_resources (struct top_instance *t)
{
    t->resources = resview_ask (t->h);
    if (flux_future_then (t->resources, -1., resources_cb, t) < 0) {
        flux_future_destroy (t->resources);
        t->resources = NULL;
    }
}

/* One question of each kind at a time. */
static void refresh (struct top_instance *t)
{
    if (t->list)
        t->again = true;
    else
        ask_jobs (t);
    if (!t->resources)
        ask_resources (t);
}

static void pulse_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct top_instance *t = arg;

    t->data.beat = true;
    refresh (t);
    t->changed (t, t->arg);
}

/* Begin and end */

static const char *attr (flux_t *h, const char *name)
{
    const char *s = flux_attr_get (h, name);

    return s ? s : "";
}

static int read_attrs (struct top_instance *t, flux_error_t *err)
{
    struct top_data *d = &t->data;
    uint32_t size;

    if (flux_get_size (t->h, &size) < 0)
        return errmsg (err, -errno, "attribute size: %s", strerror (errno));
    d->size = size;
    d->depth = strtol (attr (t->h, "instance-level"), NULL, 10);
    d->starttime = strtod (attr (t->h, "broker.starttime"), NULL);
    d->owner = strtoul (attr (t->h, "security.owner"), NULL, 10) == getuid ();
    d->path = strdup (attr (t->h, "jobid-path"));
    d->version = strdup (attr (t->h, "version"));
    return d->path && d->version ? 0 : errmsg (err, -ENOMEM, "out of memory");
}

static int read_queues (struct top_instance *t, flux_error_t *err)
{
    flux_future_t *f = queueconf_ask (t->h);

    if (flux_future_wait_for (f, PATIENCE) < 0 || flux_rpc_get (f, NULL) < 0) {
        errmsg (err, -errno, "config.get: %s", future_strerror (f, errno));
        flux_future_destroy (f);
        return -1;
    }
    t->qc = queueconf_get (f);
    return 0;
}

static int choose_queue (struct top_instance *t, const char *queue, flux_error_t *err)
{
    if (!queue)
        return 0;
    if (!queueconf_exists (t->qc, queue))
        return errmsg (err, -ENOENT, "--queue=%s: there is no such queue (flux queue list shows"
                       " them)", queue);
    return (t->queue = strdup (queue)) ? 0 : errmsg (err, -ENOMEM, "out of memory");
}

static int subscribe (struct top_instance *t, flux_error_t *err)
{
    struct flux_match match = FLUX_MATCH_EVENT;

    match.topic_glob = "heartbeat.pulse";
    if (!(t->pulse = flux_msg_handler_create (t->h, match, pulse_cb, t)))
        return errmsg (err, -errno, "out of memory");
    flux_msg_handler_start (t->pulse);
    if (flux_event_subscribe (t->h, "heartbeat.pulse") < 0)
        return errmsg (err, -errno, "heartbeat.pulse: %s", strerror (errno));
    t->stats_stream = flux_rpc (t->h, "job-list.job-stats", NULL, FLUX_NODEID_ANY,
                                FLUX_RPC_STREAMING);
    if (!t->stats_stream || flux_future_then (t->stats_stream, -1., stats_cb, t) < 0)
        return errmsg (err, -errno, "job-list.job-stats: %s", strerror (errno));
    refresh (t);
    return 0;
}

struct top_instance *top_instance_new (flux_t *h, const char *queue, top_changed_f changed,
                                       void *arg, flux_error_t *err)
{
    struct top_instance *t = calloc (1, sizeof (*t));

    if (!t) {
        flux_close (h);
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    t->h = h;
    t->changed = changed;
    t->arg = arg;
    if (read_queues (t, err) < 0 || read_attrs (t, err) < 0
        || choose_queue (t, queue, err) < 0 || subscribe (t, err) < 0) {
        top_instance_free (t);
        return NULL;
    }
    return t;
}

void top_instance_free (struct top_instance *t)
{
    if (!t)
        return;
    flux_future_destroy (t->stats_stream);
    flux_future_destroy (t->list);
    flux_future_destroy (t->resources);
    flux_msg_handler_destroy (t->pulse);
    json_decref (t->stats);
    json_decref (t->jobs);
    json_decref (t->data.jobs);
    queueconf_free (t->qc);
    free (t->queue);
    free (t->data.path);
    free (t->data.version);
    flux_close (t->h);
    free (t);
}

struct top_data *top_instance_data (struct top_instance *t)
{
    return &t->data;
}

bool top_instance_ready (const struct top_instance *t)
{
    return t->answered == HAVE_ALL;
}

/* Queues */

const char *top_instance_queue (const struct top_instance *t)
{
    return t->queue;
}

bool top_instance_has_queues (const struct top_instance *t)
{
    return queueconf_named (t->qc);
}

/* The name before or after 'name', where NULL stands at both ends of the list. */
static const char *neighbour (const struct queueconf *qc, const char *name, int step)
{
    const char *last = NULL;
    const char *s;
    size_t pos = 0;

    while ((s = queueconf_next (qc, &pos))) {
        if (step > 0 && (!name || (last && strcmp (last, name) == 0)))
            return s;
        if (step < 0 && name && strcmp (s, name) == 0)
            return last;
        last = s;
    }
    return step < 0 ? last : NULL;
}

void top_instance_rotate (struct top_instance *t, int step)
{
    const char *name = neighbour (t->qc, t->queue, step);
    char *copy = name ? strdup (name) : NULL;

    if (name && !copy)
        return;
    free (t->queue);
    t->queue = copy;
    set_counts (t);
    refresh (t);
}
