/* ion.c - the requests of flux ion-resource: matches and jobs
 *
 * Matches by hand are jobs of the graph beside those of the queues, which step around
 * them.  ion_graph.c has what is asked about vertices.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/errmsg.h"
#include "graph/match.h"
#include "graph/readers.h"
#include "graph/words.h"
#include "modules/sched-fluxion/parts.h"
#include "modules/sched-fluxion/resource_private.h"
#include "spec/rset.h"

bool ion_ready (struct resource *o, const flux_msg_t *msg)
{
    if (o->fx->graph)
        return true;
    if (flux_msglist_append (o->early, msg) < 0)
        flux_respond_error (o->h, msg, errno, NULL);
    return false;
}

static const char *state_name (const struct job *j)
{
    return job_state (j) == JOB_ALLOCATED ? "ALLOCATED"
        : job_state (j) == JOB_RESERVED ? "RESERVED" : "MATCHED";
}

static void count (struct match_stats *s, double t)
{
    s->min = s->n == 0 || t < s->min ? t : s->min;
    s->max = t > s->max ? t : s->max;
    s->sum += t;
    s->n++;
}

static double clock_seconds (void)
{
    struct timespec t;

    clock_gettime (CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- match ---- */

/* R as text, or in another form if one is asked for. */
static char *text_of (struct resource *o, const struct job *j)
{
    struct buf b = BUF_INIT;

    if (emit_job (o->fx->graph, j, o->fx->format, &b) < 0) {
        buf_release (&b);
        return NULL;
    }
    return buf_take (&b);
}

static int why_not (struct resource *o, int rc, const struct request *rq,
                    const struct match_why *why, flux_error_t *err)
{
    char text[256];

    if (rc == -ENODEV) {
        words_never (o->fx->graph, rq, why, text, sizeof (text));
        return errmsg (err, rc, "%s", text);
    }
    if (rc == -EBUSY) {
        match_why_text (o->fx->graph, why, text, sizeof (text));
        return errmsg (err, rc, "not now: %s", text);
    }
    return errmsg (err, rc, "%s", rc == -EEXIST ? "the job id is in use" : strerror (-rc));
}

static void respond_job (struct resource *o, const flux_msg_t *msg, struct job *j,
                         double seconds)
{
    char *R = text_of (o, j);

    if (!R || flux_respond_pack (o->h, msg, "{s:I s:s s:I s:f s:s}",
                                 "jobid", (json_int_t)job_id (j), "status", state_name (j),
                                 "at", (json_int_t)job_start (j), "overhead", seconds,
                                 "R", R) < 0)
        flux_respond_error (o->h, msg, ENOMEM, NULL);
    free (R);
}

static int match (struct resource *o, const flux_msg_t *msg, struct match_args *a,
                  flux_error_t *err)
{
    struct match_why why = { .type = "" };
    double t = clock_seconds (), seconds;
    struct job *j;
    int rc;

    fluxion_changed (o->fx);       /* what the queues reserved is not in the way */
    rc = graph_match (o->fx->graph, a, &j, &why);
    seconds = clock_seconds () - t;
    count (rc < 0 ? &o->failed : &o->succeeded, seconds);
    if (rc < 0)
        return why_not (o, rc, a->request, &why, err);
    if (j) {
        if (a->jobid >= o->next_jobid && job_state (j) != JOB_MATCHED)
            o->next_jobid = a->jobid + 1;
        respond_job (o, msg, j, seconds);
        if (job_state (j) == JOB_MATCHED)
            job_free (o->fx->graph, j);
    }
    else if (flux_respond_pack (o->h, msg, "{s:f}", "overhead", seconds) < 0)
        flux_log_error (o->h, "match");
    fluxion_changed (o->fx);
    return 0;
}

static void match_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    struct match_args a = { .policy = &o->fx->policy, .now = (int64_t)flux_reactor_time () };
    json_int_t id = o->next_jobid;
    struct request *rq = NULL;
    flux_error_t err;
    const char *cmd;
    json_t *jobspec;
    int rc;

    if (!ion_ready (o, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:s s:o s?I}", "cmd", &cmd, "jobspec", &jobspec,
                             "jobid", &id) < 0)
        rc = errmsg (&err, -EPROTO, "malformed request");
    else if (match_op_parse (cmd, &a.op) < 0)
        rc = errmsg (&err, -EINVAL, "match %s: there is no such match", cmd);
    else if (id < 0)
        rc = errmsg (&err, -EINVAL, "a job id must not be negative");
    else if (!(rq = fluxion_request (o->fx, jobspec, &err)))
        rc = -errno;
    else {
        a.request = rq;
        a.jobid = id;
        rc = match (o, msg, &a, &err);
    }
    request_free (rq);
    if (rc < 0)
        flux_respond_error (h, msg, -rc, err.text);
}

/* ---- jobs ---- */

/* Jobs of the queues are theirs to end. */
static struct job *own_job (struct resource *o, json_int_t id, flux_error_t *err)
{
    struct job *j = graph_job (o->fx->graph, id);

    if (!j || id >= o->next_jobid) {
        errmsg (err, 0, j ? "job %jd is one of the queues': use flux cancel"
                : "there is no job %jd", (intmax_t)id);
        return NULL;
    }
    return j;
}

static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    flux_error_t err;
    json_int_t id;

    if (!ion_ready (o, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I}", "jobid", &id) < 0)
        flux_respond_error (h, msg, EPROTO, "malformed request");
    else if (!own_job (o, id, &err))
        flux_respond_error (h, msg, ENOENT, err.text);
    else {
        (void)graph_cancel (o->fx->graph, id);
        fluxion_changed (o->fx);
        if (flux_respond (h, msg, NULL) < 0)
            flux_log_error (h, "cancel");
    }
}

/* The vertices without anything below, of what R or a graph names. */
static int leaves (struct resource *o, json_t *R, uint32_t **vp, size_t *np, flux_error_t *err)
{
    const struct graph *g = o->fx->graph;
    struct rset *r = rset_from_json (R, err);
    struct job_part *part = NULL;
    size_t n = 0, k = 0;
    int rc = r ? parts_from_rset (g, r, NULL, &part, &n, err) : -errno;

    rset_free (r);
    if (rc < 0)
        return rc;
    if (!(*vp = calloc (n + 1, sizeof (**vp)))) {
        free (part);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++)
        if (graph_end (g, part[i].vtx) == part[i].vtx + 1)
            (*vp)[k++] = part[i].vtx;
    free (part);
    *np = k;
    return 0;
}

static void partial_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                               void *arg)
{
    struct resource *o = arg;
    flux_error_t err;
    uint32_t *v = NULL;
    json_int_t id;
    bool empty = false;
    size_t n = 0;
    json_t *R;
    int rc;

    if (!ion_ready (o, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:o}", "jobid", &id, "R", &R) < 0)
        rc = errmsg (&err, -EPROTO, "malformed request");
    else if (!own_job (o, id, &err))
        rc = -ENOENT;
    else if ((rc = leaves (o, R, &v, &n, &err)) == 0
             && (rc = graph_cancel_part (o->fx->graph, id, v, n, &empty)) < 0)
        errmsg (&err, rc, "%s", strerror (-rc));
    free (v);
    fluxion_changed (o->fx);
    if (rc < 0)
        flux_respond_error (h, msg, -rc, err.text);
    else if (flux_respond_pack (h, msg, "{s:b}", "full-removal", empty) < 0)
        flux_log_error (h, "partial-cancel");
}

static int place (struct resource *o, json_int_t id, json_t *R, struct job **j, flux_error_t *err)
{
    struct rset *r = rset_from_json (R, err);
    struct job_part *part = NULL;
    int64_t now = (int64_t)flux_reactor_time (), start, end;
    size_t n = 0;
    int rc;

    if (!r)
        return -errno;
    start = rset_starttime (r) > 0. ? (int64_t)rset_starttime (r) : now;
    end = rset_expiration (r) > 0. ? (int64_t)rset_expiration (r) : PLANNER_END;
    if ((rc = parts_from_rset (o->fx->graph, r, NULL, &part, &n, err)) == 0
        && (rc = graph_place (o->fx->graph, id, start > now, start, end, now, part, n,
                              rset_nslots (r), j)) < 0)
        errmsg (err, rc, "%s", rc == -EBUSY ? "some of the resources are in use then"
                : rc == -EEXIST ? "the job id is in use" : strerror (-rc));
    free (part);
    rset_free (r);
    return rc;
}

static void update_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    flux_error_t err;
    struct job *j;
    json_int_t id;
    json_t *R;
    int rc;

    if (!ion_ready (o, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:o}", "jobid", &id, "R", &R) < 0 || id < 0)
        rc = errmsg (&err, -EPROTO, "malformed request");
    else
        rc = place (o, id, R, &j, &err);
    if (rc < 0) {
        flux_respond_error (h, msg, -rc, err.text);
        return;
    }
    if (id >= o->next_jobid)
        o->next_jobid = id + 1;
    respond_job (o, msg, j, 0.);
    fluxion_changed (o->fx);
}

static void info_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    struct job *j;
    json_int_t id;

    if (!ion_ready (o, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I}", "jobid", &id) < 0)
        flux_respond_error (h, msg, EPROTO, "malformed request");
    else if (!(j = graph_job (o->fx->graph, id)))
        flux_respond_error (h, msg, ENOENT, "there is no such job");
    else
        respond_job (o, msg, j, 0.);
}

/* ---- statistics ---- */

static json_t *stats_of (const struct match_stats *s)
{
    return json_pack ("{s:I s:f s:f s:f}", "njobs", (json_int_t)s->n, "min", s->min,
                      "max", s->max, "avg", s->n > 0 ? s->sum / (double)s->n : 0.);
}

static void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    const struct graph *g = o->fx->graph;

    if (flux_respond_pack (h, msg, "{s:I s:I s:{s:o s:o} s:s s:s s:s}",
                           "V", (json_int_t)(g ? graph_count (g) : 0),
                           "E", (json_int_t)(g ? graph_edges (g) + graph_count (g) - 1 : 0),
                           "match", "succeeded", stats_of (&o->succeeded),
                           "failed", stats_of (&o->failed),
                           "match-policy", o->conf.match_policy,
                           "match-format", o->conf.match_format,
                           "prune-filters", o->conf.prune_filters) < 0)
        flux_log_error (h, "stats-get");
}

static void stats_clear_event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                                  void *arg)
{
    struct resource *o = arg;

    memset (&o->succeeded, 0, sizeof (o->succeeded));
    memset (&o->failed, 0, sizeof (o->failed));
}

static void stats_clear_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    stats_clear_event_cb (h, mh, msg, arg);
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "stats-clear");
}

static void params_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    const struct resource_conf *c = &o->conf;

    if (flux_respond_pack (h, msg, "{s:{s:s s:s s:s s:s* s:s* s:s* s:s s:I}}", "params",
                           "match-policy", c->match_policy, "match-format", c->match_format,
                           "prune-filters", c->prune_filters, "load-file", c->load_file,
                           "load-format", c->load_format, "load-allowlist", c->load_allowlist,
                           "traverser", c->flexible ? "flexible" : "simple",
                           "reserve-vtx-vec", (json_int_t)c->reserve_vtx_vec) < 0)
        flux_log_error (h, "params");
}

#define TOPIC(name) FLUX_MSGTYPE_REQUEST, "sched-fluxion-resource." name

static const struct flux_msg_handler_spec handlers[] = {
    { TOPIC ("match"), match_cb, 0 },
    { TOPIC ("cancel"), cancel_cb, 0 },
    { TOPIC ("partial-cancel"), partial_cancel_cb, 0 },
    { TOPIC ("update"), update_cb, 0 },
    { TOPIC ("info"), info_cb, FLUX_ROLE_USER },
    { TOPIC ("stats-get"), stats_get_cb, FLUX_ROLE_USER },
    { TOPIC ("stats-clear"), stats_clear_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "sched-fluxion-resource.stats-clear", stats_clear_event_cb, 0 },
    { TOPIC ("params"), params_cb, FLUX_ROLE_USER },
    { TOPIC ("find"), ion_find_cb, FLUX_ROLE_USER },
    { TOPIC ("status"), ion_status_cb, FLUX_ROLE_USER },
    { TOPIC ("ns-info"), ion_ns_info_cb, FLUX_ROLE_USER },
    { TOPIC ("get_property"), ion_get_property_cb, FLUX_ROLE_USER },
    { TOPIC ("set_property"), ion_set_property_cb, 0 },
    { TOPIC ("remove_property"), ion_remove_property_cb, 0 },
    { TOPIC ("get_status"), ion_get_status_cb, FLUX_ROLE_USER },
    { TOPIC ("set_status"), ion_set_status_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

void ion_known (struct resource *o)
{
    const flux_msg_t *msg;
    const char *topic;

    while (o->fx->graph && (msg = flux_msglist_pop (o->early))) {
        (void)flux_msg_get_topic (msg, &topic);
        for (size_t i = 0; handlers[i].cb; i++)
            if (!strcmp (handlers[i].topic_glob, topic))
                handlers[i].cb (o->h, NULL, msg, o);
        flux_msg_decref (msg);
    }
}

int ion_init (struct resource *o, flux_error_t *err)
{
    flux_future_t *f;

    if (!(o->early = flux_msglist_create ()))
        return errmsg (err, -ENOMEM, "out of memory");
    if (flux_msg_handler_addvec (o->h, handlers, o, &o->ion_handlers) < 0
        || !(f = flux_event_subscribe_ex (o->h, "sched-fluxion-resource.stats-clear",
                                          FLUX_RPC_NORESPONSE)))
        return errmsg (err, -errno, "registering handlers: %s", flux_strerror (errno));
    flux_future_destroy (f);
    o->next_jobid = 1;
    return 0;
}

void ion_release (struct resource *o)
{
    const flux_msg_t *msg;

    flux_msg_handler_delvec (o->ion_handlers);
    while (o->early && (msg = flux_msglist_pop (o->early))) {
        flux_respond_error (o->h, msg, ENOSYS, NULL);
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (o->early);
}
