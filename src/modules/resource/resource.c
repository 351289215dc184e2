/* resource.c - the resource service: what all ranks do
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/kvs/relay.h"
#include "modules/resource/cached.h"
#include "modules/resource/discover.h"
#include "modules/resource/gather.h"
#include "modules/resource/inherit.h"
#include "modules/resource/inventory.h"
#include "modules/resource/leader.h"
#include "modules/resource/resource.h"
#include "modules/resource/topoget.h"
#include "spec/rset.h"

#define RETRY 0.5      /* seconds, while rank 0 is not there yet */

struct resource {
    flux_t *h;
    uint32_t rank;
    uint32_t size;
    struct rconfig *config;
    struct leader *leader;          /* rank 0 */
    struct relay *relay;            /* other ranks */
    struct gather *gather;
    struct topoget *topoget;
    struct discover *discover;      /* at work */
    bool told;                      /* this rank has told what it has */
    flux_future_t *method;          /* asking rank 0 */
    flux_watcher_t *retry;
    flux_msg_handler_t **handlers;
    flux_msg_handler_t **follower_handlers;
};

/* Outlives the service, so that it knows whether it was loaded before. */
struct life {
    bool loaded;
};

/* -- telling what this rank has -- */

static int tell (struct resource *r, int ncores, int ngpus)
{
    const char *host = cached_attr (r->h, "hostname");
    struct rset *found = rset_new ();
    char cores[32], gpus[32];
    int rc;

    if (!found)
        return -ENOMEM;
    snprintf (cores, sizeof (cores), ncores > 1 ? "0-%d" : "%d", ncores - 1);
    snprintf (gpus, sizeof (gpus), ngpus > 1 ? "0-%d" : "%d", ngpus - 1);
    if ((rc = rset_add_rank (found, r->rank, host, cores, ngpus > 0 ? gpus : NULL)) == 0)
        gather_add (r->gather, found);
    rset_free (found);
    return rc;
}

static void discovered (struct discover *dc, const struct discovered *d, int errnum,
                        const char *text, void *arg)
{
    struct resource *r = arg;
    int rc;

    if (errnum == 0)
        rc = tell (r, d->ncores, d->ngpus);
    else {
        flux_log (r->h, LOG_ERR, "%s: GPUs of rank %u are not found", text, r->rank);
        rc = tell (r, discover_cores (), 0);
    }
    if (rc < 0)
        flux_log (r->h, LOG_ERR, "discovery of resources: %s", strerror (-rc));
    discover_free (dc);
    r->discover = NULL;
}

static void discover (void *arg)
{
    struct resource *r = arg;
    struct discover_args args = { .norestrict = r->config->norestrict };
    struct discovered d;

    if (r->told)
        return;
    r->told = true;
    if (discover_quick (r->config->norestrict, &d))
        (void)tell (r, d.ncores, d.ngpus);
    else if (!(r->discover = discover_start (flux_get_reactor (r->h), &args, discovered,
                                             r)))
        flux_log_error (r->h, "discovery of resources");
}

/* -- whether rank 0 wants to know -- */

static void ask_method (struct resource *r);

static void method_known (flux_future_t *f, void *arg)
{
    struct resource *r = arg;
    int wanted = 0;

    if (flux_rpc_get_unpack (f, "{s:b}", "discover", &wanted) < 0) {
        flux_watcher_start (r->retry);
        return;
    }
    if (wanted)
        discover (r);
}

static void on_retry (flux_reactor_t *reactor, flux_watcher_t *w, int revents, void *arg)
{
    ask_method (arg);
}

static void ask_method (struct resource *r)
{
    flux_future_destroy (r->method);
    flux_timer_watcher_reset (r->retry, RETRY, 0.);
    if (!(r->method = flux_rpc (r->h, "resource.method", NULL, 0, 0))
        || flux_future_then (r->method, -1., method_known, r) < 0)
        flux_watcher_start (r->retry);
}

/* -- requests that every rank serves -- */

static void gather_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct resource *r = arg;

    gather_request (r->gather, msg);
}

static void topo_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                         void *arg)
{
    struct resource *r = arg;

    topoget_request (r->topoget, msg);
}

static void journal_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                               void *arg)
{
    struct resource *r = arg;

    relay_cancel (r->relay, msg);
}

/* All but journal-max waits for the next start; but what the next start would
 * refuse is refused now. */
static void config_reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                              void *arg)
{
    struct resource *r = arg;
    struct rconfig *config = NULL;
    flux_conf_t *conf = NULL;
    flux_error_t err = {0};
    json_t *o = NULL;

    if (flux_module_config_request_decode (msg, &conf) < 0
        || flux_conf_unpack (conf, &err, "o", &o) < 0
        || !(config = rconfig_parse (o, r->rank == 0, &err))) {
        flux_respond_error (h, msg, errno, err.text[0] ? err.text : NULL);
        flux_conf_decref (conf);
        return;
    }
    if (r->leader)
        leader_set_journal_max (r->leader, config->journal_max);
    rconfig_free (config);
    if (flux_set_conf_new (h, conf) < 0) {
        flux_conf_decref (conf);
        flux_respond_error (h, msg, errno, NULL);
    }
    else if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "resource.config-reload: error responding");
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "gather", gather_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "topo-get", topo_get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "config-reload", config_reload_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static const struct flux_msg_handler_spec follower_handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "journal-cancel", journal_cancel_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

/* '*': guests too. */
static const char *const relayed[] = {
    "*status", "*sched-status", "drain", "undrain", "reload", "journal",
    "acquire-mute", NULL
};

/* -- life -- */

static void stop (void *ctx)
{
    struct resource *r = ctx;

    if (!r)
        return;
    flux_msg_handler_delvec (r->handlers);
    flux_msg_handler_delvec (r->follower_handlers);
    leader_free (r->leader);
    relay_free (r->relay);
    topoget_free (r->topoget);
    discover_free (r->discover);
    gather_free (r->gather);
    flux_future_destroy (r->method);
    flux_watcher_destroy (r->retry);
    rconfig_free (r->config);
    free (r);
}

/* Options for tests: "noverify" as in the configuration; "monitor-force-up"
 * takes every rank for online. */
static int parse_args (struct resource *r, int argc, char **argv, bool *force_up,
                       flux_error_t *err)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp (argv[i], "noverify") == 0) {
            for (int j = 0; j < VERIFY_NTYPES; j++)
                r->config->verify[j] = VERIFY_IGNORE;
        }
        else if (strcmp (argv[i], "monitor-force-up") == 0)
            *force_up = true;
        else
            return errmsg (err, -EINVAL, "unknown option '%s': expected noverify or "
                           "monitor-force-up", argv[i]);
    }
    return 0;
}

static void found (const struct rset *found, void *arg)
{
    struct resource *r = arg;

    leader_found (r->leader, found);
}

static int start_leader (struct resource *r, bool force_up, flux_error_t *err)
{
    struct life *life = builtin_data (r->h);
    struct leader_args args = {
        .h = r->h,
        .size = r->size,
        .config = r->config,
        .force_up = force_up,
        .first = !life || !life->loaded,
        .discover = discover,
        .arg = r,
    };

    if (!(r->leader = leader_new (&args, err)))
        return -errno;
    if (life)
        life->loaded = true;
    return 0;
}

static int start_parts (struct resource *r, int argc, char **argv, flux_error_t *err)
{
    bool force_up = false;
    int rc;

    if ((rc = parse_args (r, argc, argv, &force_up, err)) < 0)
        return rc;
    if (!(r->gather = gather_new (r->h, r->rank, found, r))
        || !(r->topoget = topoget_new (r->h, r->config->norestrict))
        || !(r->retry = flux_timer_watcher_create (flux_get_reactor (r->h), RETRY, 0.,
                                                   on_retry, r))
        || flux_msg_handler_addvec_ex (r->h, "resource", handlers, r, &r->handlers) < 0)
        return errmsg (err, -errno, "resource: %s", strerror (errno));
    if (r->rank == 0)
        return start_leader (r, force_up, err);
    if (!(r->relay = relay_new (r->h, "resource", relayed, "resource.journal-cancel",
                                err)))
        return -errno;
    if (flux_msg_handler_addvec_ex (r->h, "resource", follower_handlers, r,
                                    &r->follower_handlers) < 0)
        return errmsg (err, -errno, "resource: %s", strerror (errno));
    return 0;
}

static int read_config (struct resource *r, flux_error_t *err)
{
    const flux_conf_t *conf = flux_get_conf (r->h);
    json_t *o = NULL;

    if (flux_get_rank (r->h, &r->rank) < 0 || flux_get_size (r->h, &r->size) < 0)
        return errmsg (err, -errno, "resource: rank and size: %s", strerror (errno));
    if (conf && flux_conf_unpack (conf, err, "o", &o) < 0)
        return -errno;
    return (r->config = rconfig_parse (o, r->rank == 0, err)) ? 0 : -errno;
}

static int start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err)
{
    struct resource *r = calloc (1, sizeof (*r));
    int needed, rc;

    if (!r)
        return errmsg (err, -ENOMEM, "out of memory");
    r->h = h;
    if ((rc = read_config (r, err)) < 0 || (rc = start_parts (r, argc, argv, err)) < 0) {
        stop (r);
        return rc;
    }
    needed = inventory_discovery_needed (r->config, inherit_possible (h));
    if (needed == 1)
        discover (r);
    else if (needed == -1 && r->rank > 0)
        ask_method (r);
    *ctxp = r;
    return 0;
}

static void *life_create (void)
{
    return calloc (1, sizeof (struct life));
}

const struct builtin_data resource_builtin_data = {
    .name = "resource",
    .create = life_create,
    .destroy = free,
};

const struct builtin resource_builtin = {
    .name = "resource",
    .data = "resource",
    .start = start,
    .stop = stop,
};
