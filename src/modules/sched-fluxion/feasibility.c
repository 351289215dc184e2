/* feasibility.c - the module sched-fluxion-feasibility: could a request ever be met?
 *
 * On rank 0 it asks the graph; on other ranks the next one upstream.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/errmsg.h"
#include "graph/match.h"
#include "graph/words.h"
#include "modules/sched-fluxion/fluxion.h"
#include "modules/sched-fluxion/shared.h"

struct feasibility {
    flux_t *h;
    struct fluxion *fx;
    bool leader;               /* the graph is here */
    struct listener listener;
    struct flux_msglist *early;     /* asked before there is a graph */
    flux_msg_handler_t **handlers;
};

static int check (struct feasibility *f, json_t *jobspec, flux_error_t *err)
{
    struct match_args a = { .policy = &f->fx->policy, .op = MATCH_SATISFIABILITY };
    struct request *rq = fluxion_request (f->fx, jobspec, err);
    struct match_why why = { .type = "" };
    struct job *j;
    char text[256];
    int rc;

    if (!rq)
        return -errno;
    a.request = rq;
    rc = graph_match (f->fx->graph, &a, &j, &why);
    if (rc == -ENODEV || rc == -EBUSY) {
        words_never (f->fx->graph, rq, &why, text, sizeof (text));
        rc = errmsg (err, -EINVAL, "%s", text);
    }
    else if (rc < 0)
        errmsg (err, rc, "%s", flux_strerror (-rc));
    request_free (rq);
    return rc;
}

static void answer (struct feasibility *f, const flux_msg_t *msg)
{
    flux_error_t err;
    json_t *o;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:o}", "jobspec", &o) < 0)
        rc = errmsg (&err, -EPROTO, "malformed request");
    else
        rc = check (f, o, &err);
    if (rc < 0)
        flux_respond_error (f->h, msg, -rc, err.text);
    else if (flux_respond (f->h, msg, NULL) < 0)
        flux_log_error (f->h, "feasibility.check");
}

static void relay_continuation (flux_future_t *fut, void *arg)
{
    struct feasibility *f = arg;
    const flux_msg_t *msg = flux_future_aux_get (fut, "msg");

    if (flux_rpc_get (fut, NULL) < 0)
        flux_respond_error (f->h, msg, errno, future_strerror (fut, errno));
    else if (flux_respond (f->h, msg, NULL) < 0)
        flux_log_error (f->h, "feasibility.check");
    flux_future_destroy (fut);
}

static void relay (struct feasibility *f, const flux_msg_t *msg)
{
    flux_future_t *fut = NULL;
    const char *payload;

    if (flux_request_decode (msg, NULL, &payload) < 0
        || !(fut = flux_rpc (f->h, "feasibility.check", payload, FLUX_NODEID_UPSTREAM, 0))
        || flux_future_aux_set (fut, "msg", (void *)flux_msg_incref (msg),
                                (flux_free_f)flux_msg_decref) < 0
        || flux_future_then (fut, -1., relay_continuation, f) < 0) {
        flux_respond_error (f->h, msg, errno, NULL);
        flux_future_destroy (fut);
    }
}

static void check_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct feasibility *f = arg;

    if (!f->leader)
        relay (f, msg);
    else if (f->fx->graph)
        answer (f, msg);
    else if (!f->fx->loaded)
        flux_respond_error (h, msg, ENOSYS, "sched-fluxion-resource is not loaded");
    else if (flux_msglist_append (f->early, msg) < 0)
        flux_respond_error (h, msg, errno, NULL);
}

static void known (void *arg)
{
    struct feasibility *f = arg;
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (f->early))) {
        answer (f, msg);
        flux_msg_decref (msg);
    }
}

static void ignore (void *arg)
{
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "feasibility.check", check_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static void feasibility_free (struct feasibility *f)
{
    const flux_msg_t *msg;

    flux_msg_handler_delvec (f->handlers);
    while (f->early && (msg = flux_msglist_pop (f->early))) {
        flux_respond_error (f->h, msg, ENOSYS, NULL);
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (f->early);
    free (f);
}

static void feasibility_stop (void *ctx)
{
    struct feasibility *f = ctx;

    if (f) {
        fluxion_unlisten (&f->listener);
        feasibility_free (f);
    }
}

static int feasibility_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err)
{
    struct feasibility *f;
    uint32_t rank;

    if (argc > 0)
        return errmsg (err, -EINVAL, "sched-fluxion-feasibility takes no arguments: '%s'",
                       argv[0]);
    if (flux_get_rank (h, &rank) < 0)
        return errmsg (err, -errno, "rank: %s", flux_strerror (errno));
    if (!(f = calloc (1, sizeof (*f))))
        return errmsg (err, -ENOMEM, "out of memory");
    f->h = h;
    f->fx = builtin_data (h);
    f->leader = rank == 0;
    if (!(f->early = flux_msglist_create ())
        || flux_msg_handler_addvec (h, handlers, f, &f->handlers) < 0) {
        feasibility_free (f);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    f->listener = (struct listener){ .known = known, .changed = ignore, .gone = ignore,
                                     .arg = f };
    fluxion_listen (f->fx, &f->listener);
    *ctxp = f;
    return 0;
}

const struct builtin fluxion_feasibility_builtin = {
    .name = "sched-fluxion-feasibility",
    .data = "fluxion",
    .flags = BUILTIN_RANK0,
    .services = "feasibility",
    .needs = "sched-fluxion-qmanager",
    .start = feasibility_start,
    .stop = feasibility_stop,
};
