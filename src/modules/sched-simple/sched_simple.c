/* sched_simple.c - the scheduler service: its arguments, its handlers, its life
 */
#include "modules/sched-simple/sched_simple.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "modules/sched-simple/sched_private.h"

#define QUEUE_DEPTH 8

static void expiration_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct sched *s = arg;
    json_int_t id;
    double expiration, limit = s->pool ? rpool_expiration (s->pool) : 0.;

    if (flux_request_unpack (msg, NULL, "{s:I s:F}", "id", &id,
                             "expiration", &expiration) < 0 || expiration < 0.)
        flux_respond_error (h, msg, EPROTO, "malformed request");
    else if (!idhash_get (s->allocated, id))
        flux_respond_error (h, msg, ENOENT, "the job has no allocation");
    else if (limit > 0. && (expiration == 0. || expiration > limit))
        flux_respond_error (h, msg, EINVAL, "the instance ends before that");
    else if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "sched.expiration");
}

static void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;

    if (flux_respond_pack (h, msg, "{s:I s:I s:i s:i}",
                           "sched_passes", (json_int_t)s->passes,
                           "allocations", (json_int_t)s->allocs,
                           "pending_jobs", (int)s->queue.count,
                           "allocated_jobs", (int)idhash_count (s->allocated)) < 0)
        flux_log_error (h, "stats-get");
}

/* ---- the service ---- */

static const struct flux_msg_handler_spec sched_handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "sched.alloc", alloc_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.cancel", cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.prioritize", prioritize_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.expiration", expiration_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.resource-status", question_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "feasibility.check", question_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "sched-simple.stats-get", stats_get_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static int parse_mode (struct sched *s, const char *val)
{
    if (!strcmp (val, "first-fit"))
        s->mode = RPOOL_FIRST_FIT;
    else if (!strcmp (val, "best-fit"))
        s->mode = RPOOL_BEST_FIT;
    else if (!strcmp (val, "worst-fit"))
        s->mode = RPOOL_WORST_FIT;
    else
        return -EINVAL;
    return 0;
}

static int parse_depth (struct sched *s, const char *val)
{
    char *end;
    long n;

    if (!strcmp (val, "unlimited")) {
        s->limit = 0;
        return 0;
    }
    errno = 0;
    n = strtol (val, &end, 10);
    if (errno || end == val || *end || n < 1 || n > INT_MAX)
        return -EINVAL;
    s->limit = (int)n;
    return 0;
}

/* queue-depth=N|unlimited, alloc-mode=limited=N|unlimited (the older name), mode=FIT */
static int parse_args (struct sched *s, int argc, char **argv, flux_error_t *err)
{
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        int rc = -EINVAL;
        if (!strncmp (arg, "queue-depth=", 12))
            rc = parse_depth (s, arg + 12);
        else if (!strncmp (arg, "alloc-mode=limited=", 19))
            rc = parse_depth (s, arg + 19);
        else if (!strcmp (arg, "alloc-mode=unlimited"))
            rc = parse_depth (s, "unlimited");
        else if (!strncmp (arg, "mode=", 5))
            rc = parse_mode (s, arg + 5);
        if (rc < 0)
            return errmsg (err, rc, "%s: expected queue-depth=N|unlimited or "
                           "mode=worst-fit|best-fit|first-fit", arg);
    }
    return 0;
}

static void sched_free (struct sched *s)
{
    const flux_msg_t *msg;

    flux_msg_handler_delvec (s->handlers);
    peers_release (s);
    queue_release (s);
    while (s->early && (msg = flux_msglist_pop (s->early))) {
        flux_respond_error (s->h, msg, ENOSYS, NULL);
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (s->early);
    rpool_free (s->pool);
    free (s);
}

/* Pending alloc requests get ENOSYS, so that the job manager stops sending. */
static void sched_simple_stop (void *ctx)
{
    struct sched *s = ctx;

    if (s) {
        queue_refuse (s);
        sched_free (s);
    }
}

static int sched_simple_start (flux_t *h, int argc, char **argv, void **ctxp,
                               flux_error_t *err)
{
    struct sched *s = calloc (1, sizeof (*s));
    int rc = -ENOMEM;

    if (!s)
        return errmsg (err, rc, "out of memory");
    s->h = h;
    s->limit = QUEUE_DEPTH;
    s->mode = RPOOL_WORST_FIT;
    if ((rc = parse_args (s, argc, argv, err)) < 0)
        goto error;
    if ((rc = peers_init (s)) < 0 || (rc = queue_init (s)) < 0
        || (rc = (s->early = flux_msglist_create ()) ? 0 : -ENOMEM) < 0) {
        errmsg (err, rc, "out of memory");
        goto error;
    }
    if (flux_msg_handler_addvec (h, sched_handlers, s, &s->handlers) < 0) {
        rc = errmsg (err, -errno, "registering handlers: %s", flux_strerror (errno));
        goto error;
    }
    if ((rc = supply_begin (s->supply)) < 0) {
        errmsg (err, rc, "resource.acquire: %s", flux_strerror (-rc));
        goto error;
    }
    *ctxp = s;
    return 0;
error:
    sched_free (s);
    return rc;
}

const struct builtin sched_simple_builtin = {
    .name = "sched-simple",
    .flags = BUILTIN_RANK0 | BUILTIN_NODEFAULT,
    .services = "sched feasibility",
    .start = sched_simple_start,
    .stop = sched_simple_stop,
};
