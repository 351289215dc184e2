/* jobinstance.c - see jobinstance.h
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "cmd/jobinstance.h"
#include "cmd/resolve.h"
#include "cmd/resview.h"
#include "core/connector_private.h"
#include "spec/rset.h"

const char *jobinstance_uri (const json_t *job)
{
    const json_t *user = json_object_get (json_object_get (job, "annotations"), "user");

    if (json_integer_value (json_object_get (job, "state")) != FLUX_JOB_STATE_RUN)
        return NULL;
    return json_string_value (json_object_get (user, "uri"));
}

#define PATIENCE 3             /* seconds for a broker on this host */
#define PATIENCE_AFAR 20

flux_t *jobinstance_open (const json_t *job, flux_error_t *err)
{
    const char *uri = jobinstance_uri (job);
    char *nearest = uri ? resolve_shorten (uri) : NULL;
    flux_t *h = NULL;

    if (nearest) {
        bool afar = strncmp (nearest, "local://", 8) != 0;
        connector_set_patience (1000 * (afar ? PATIENCE_AFAR : PATIENCE));
        h = flux_open_ex (nearest, 0, err);
        connector_set_patience (-1);
    }
    else
        errmsg (err, -1, "the job is no instance");
    free (nearest);
    return h;
}

static int add_stats (json_t *inst, flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "job-list.job-stats", NULL, FLUX_NODEID_ANY, 0);
    int depend = 0, priority = 0, sched = 0, run = 0, cleanup = 0, inactive = 0, total = 0;
    int successful = 0, failed = 0, canceled = 0, timeout = 0;
    int rc = -1;

    if (f && flux_future_wait_for (f, PATIENCE_AFAR) == 0
        && flux_rpc_get_unpack (f, "{s:{s?i s?i s?i s?i s?i s?i s?i} s?i s?i s?i s?i}",
                                  "job_states", "depend", &depend, "priority", &priority,
                                  "sched", &sched, "run", &run, "cleanup", &cleanup, "inactive",
                                  &inactive, "total", &total, "successful", &successful,
                                  "failed", &failed, "canceled", &canceled, "timeout",
                                  &timeout) == 0) {
        json_object_set_new (inst, "stats", json_pack (
            "{s:i s:i s:i s:i s:i s:i s:i s:i}", "total", total, "pending",
            depend + priority + sched, "running", run + cleanup, "successful", successful,
            "failed", failed, "canceled", canceled, "timeout", timeout, "inactive", inactive));
        json_object_set_new (inst, "progress", json_real (total > 0 ? (double)inactive / total : 0));
        rc = 0;
    }
    flux_future_destroy (f);
    return rc;
}

static double part (const struct resview *v, const char *type)
{
    double all = rset_count (v->all, type);

    return all > 0 ? rset_count (v->allocated, type) / all : -1;
}

static void add_resources (json_t *inst, flux_t *h)
{
    static const char *const states[] = { "all", "up", "down", "allocated", "free", NULL };
    flux_future_t *f = resview_ask (h);
    json_t *o = json_object ();
    struct resview v;

    if (flux_future_wait_for (f, PATIENCE_AFAR) < 0 || flux_rpc_get (f, NULL) < 0) {
        flux_future_destroy (f);
        json_decref (o);
        return;
    }
    resview_get (&v, f);
    for (int i = 0; states[i]; i++) {
        struct rset *r = resview_state (&v, states[i]);
        json_object_set_new (o, states[i], json_pack ("{s:i s:i}", "ncores",
                                                      (int)rset_count (r, "core"), "ngpus",
                                                      (int)rset_count (r, "gpu")));
        rset_free (r);
    }
    json_object_set_new (inst, "resources", o);
    if (part (&v, "core") >= 0)
        json_object_set_new (inst, "utilization", json_real (part (&v, "core")));
    if (part (&v, "gpu") >= 0)
        json_object_set_new (inst, "gpu_utilization", json_real (part (&v, "gpu")));
    resview_release (&v);
}

void jobinstance_ask (json_t *job, flux_t *h)
{
    json_t *inst = json_object ();

    if (inst && add_stats (inst, h) == 0)
        add_resources (inst, h);
    json_object_set_new (job, "instance", inst);
}

/* Threads that take one job after the other: each job object is touched by one only. */

#define MAX_THREADS 32

struct pool {
    pthread_mutex_t lock;
    json_t *jobs;
    size_t next;
};

static json_t *next_instance (struct pool *p)
{
    json_t *job;

    pthread_mutex_lock (&p->lock);
    while ((job = json_array_get (p->jobs, p->next++)) && !jobinstance_uri (job))
        ;
    pthread_mutex_unlock (&p->lock);
    return job;
}

static void *ask_thread (void *arg)
{
    flux_error_t err;
    json_t *job;

    while ((job = next_instance (arg))) {
        flux_t *h = jobinstance_open (job, &err);
        if (h)
            jobinstance_ask (job, h);
        flux_close (h);
    }
    return NULL;
}

static int count_instances (const json_t *jobs)
{
    json_t *job;
    size_t i;
    int n = 0;

    json_array_foreach ((json_t *)jobs, i, job)
        n += jobinstance_uri (job) != NULL;
    return n;
}

void jobinstance_ask_all (json_t *jobs, int threads)
{
    struct pool p = { .lock = PTHREAD_MUTEX_INITIALIZER, .jobs = jobs };
    pthread_t thread[MAX_THREADS];
    int n = 0;

    if (threads == 0)
        threads = sysconf (_SC_NPROCESSORS_ONLN) + 4;
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    if (threads > count_instances (jobs))
        threads = count_instances (jobs);
    while (n + 1 < threads && pthread_create (&thread[n], NULL, ask_thread, &p) == 0)
        n++;
    ask_thread (&p);               /* this one is a worker, too */
    while (n > 0)
        pthread_join (thread[--n], NULL);
}

static json_t *stats_text (const json_t *stats)
{
    int pending, running, successful, failed;

    if (json_unpack ((json_t *)stats, "{s:i s:i s:i s:i}", "pending", &pending, "running", &running,
                     "successful", &successful, "failed", &failed) < 0)
        return NULL;
    return json_sprintf ("PD:%d R:%d CD:%d F:%d", pending, running, successful, failed);
}

json_t *jobinstance_value (const json_t *job, const char *field)
{
    const json_t *o = json_object_get (job, "instance");

    if (strcmp (field, "stats") == 0)
        return stats_text (json_object_get (o, "stats"));
    while (o && *field) {
        char name[64];
        size_t n = strcspn (field, ".");
        snprintf (name, sizeof (name), "%.*s", (int)n, field);
        o = json_object_get (o, name);
        field += n + (field[n] == '.');
    }
    return json_incref ((json_t *)o);
}
