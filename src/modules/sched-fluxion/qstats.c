/* qstats.c - statistics of the queues: flux module stats sched-fluxion-qmanager
 */
#include <errno.h>

#include "modules/sched-fluxion/qmanager_private.h"

/* Before the resources are known there are no queues yet: as they are configured. */
static json_t *queue_stats (struct qmanager *qm, const char *name)
{
    struct queue_stats s = { 0 };
    struct queue_conf conf;
    const struct queue_conf *c = &conf;

    if (!qm->q)
        qmanager_conf_queue (qm->conf, name, &conf);
    else if (!(c = queues_conf (qm->q, name)) || queues_stats (qm->q, name, &s) < 0)
        return NULL;
    return json_pack ("{s:s s:I s:I s:{s:I s:I s:I s:I s:I}}",
                      "policy", queue_policy_name (c->policy),
                      "queue_depth", (json_int_t)c->depth,
                      "max_queue_depth", (json_int_t)c->max_depth, "action_counts",
                      "pending", (json_int_t)s.pending, "reserved", (json_int_t)s.reserved,
                      "started", (json_int_t)s.started, "backfilled", (json_int_t)s.backfilled,
                      "denied", (json_int_t)s.denied);
}

static json_t *all_queue_stats (struct qmanager *qm)
{
    json_t *queues = json_object ();
    const char *name, *real;
    size_t pos = 0;

    for (size_t i = 0; qm->q && (name = queues_name (qm->q, i)); i++)
        json_object_set_new (queues, name, queue_stats (qm, name));
    while (!qm->q && (real = hash_next (qm->names, &pos, &name)))
        if (!strcmp (real, name))
            json_object_set_new (queues, name, queue_stats (qm, name));
    return queues;
}

void qstats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct qmanager *qm = arg;
    struct queue_stats s = { 0 };
    json_t *queues = all_queue_stats (qm);

    if (qm->q)
        (void)queues_stats (qm->q, NULL, &s);
    if (flux_respond_pack (h, msg, "{s:o s:I s:I s:I s:I s:I s:I}", "queues", queues,
                           "pending_jobs", (json_int_t)s.pending,
                           "allocated_jobs", (json_int_t)idhash_count (qm->allocated),
                           "sched_passes", (json_int_t)s.passes,
                           "jobs_looked_at", (json_int_t)s.looked,
                           "matches", (json_int_t)s.matches,
                           "allocations", (json_int_t)s.started) < 0)
        flux_log_error (h, "stats-get");
}

void qstats_clear_event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                            void *arg)
{
    struct qmanager *qm = arg;

    if (qm->q)
        queues_stats_clear (qm->q);
}

void qstats_clear_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    qstats_clear_event_cb (h, mh, msg, arg);
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "stats-clear");
}
