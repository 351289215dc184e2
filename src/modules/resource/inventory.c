/* inventory.c - the resources of the instance: where R comes from
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/resource/cached.h"
#include "modules/resource/discover.h"
#include "modules/resource/inherit.h"
#include "modules/resource/inventory.h"
#include "modules/resource/members.h"
#include "modules/resource/slurmlimit.h"
#include "modules/resource/verify.h"
#include "spec/eventlog.h"
#include "spec/rset.h"

struct inventory {
    struct inventory_args a;
    bool job;                   /* of a Flux instance */
    struct rset *R;
    const char *method;
    bool fake;
    bool decided;
    bool dynamic;               /* 'found' becomes R when it is complete */
    double expiration;          /* of the job, for a dynamic R */
    struct rset *found;
    struct flux_msglist *askers; /* resource.method requests */
    flux_future_t *lookup_R;
    flux_future_t *lookup_log;
    struct inherit *inherit;
    struct slurmlimit *slurm;
    struct discover *discover;  /* of fake-resources.hwloc-xml-path */
};

static void decide (struct inventory *inv);

int inventory_discovery_needed (const struct rconfig *c, bool job)
{
    bool verify = !rconfig_verify_nothing (c) && (!job || c->verify_explicit);

    if (c->fake.nnodes > 0)
        return 0;
    if (c->configured)
        return verify;
    if (job && !c->rediscover && !verify)
        return -1;
    return 1;
}

bool inventory_wants_discovery (const struct inventory *inv)
{
    return inv->dynamic || inventory_discovery_needed (inv->a.config, inv->job) == 1;
}

/* -- the method is known -- */

static void respond_method (struct inventory *inv, const flux_msg_t *msg)
{
    if (flux_respond_pack (inv->a.h, msg, "{s:s s:b}", "method", inv->method,
                           "discover", inventory_wants_discovery (inv)) < 0)
        flux_log_error (inv->a.h, "resource.method: error responding");
}

static void set_method (struct inventory *inv, const char *method)
{
    const flux_msg_t *msg;

    inv->method = method;
    while ((msg = flux_msglist_pop (inv->askers))) {
        respond_method (inv, msg);
        flux_msg_decref (msg);
    }
}

void inventory_method_request (struct inventory *inv, const flux_msg_t *msg)
{
    if (inv->method)
        respond_method (inv, msg);
    else if (flux_msglist_append (inv->askers, msg) < 0)
        flux_respond_error (inv->a.h, msg, errno, NULL);
}

/* -- R is known -- */

/* Not for what was made up, nor for what was discovered in the first place. */
static bool verifies (const struct inventory *inv)
{
    return !inv->fake && !inv->dynamic && inv->R
           && !rconfig_verify_nothing (inv->a.config)
           && (!inv->job || inv->a.config->verify_explicit);
}

static void verify_found (struct inventory *inv, const struct rset *found)
{
    flux_error_t err;
    uint32_t rank;
    size_t pos = 0;

    while (rset_node_next (found, &pos, &rank, NULL, NULL, NULL)) {
        if (verify_rank (inv->a.config, inv->R, found, rank, &err) < 0)
            inv->a.mismatch (rank, err.text, inv->a.arg);
    }
}

static void impossible (struct inventory *inv, const char *text)
{
    inv->a.ready (text, inv->a.arg);
}

static const json_t *queues_table (struct inventory *inv)
{
    const flux_conf_t *conf = flux_get_conf (inv->a.h);
    json_t *queues = NULL;

    if (conf)
        (void)flux_conf_unpack (conf, NULL, "{s?o}", "queues", &queues);
    return queues;
}

/* Takes R. */
static void define (struct inventory *inv, struct rset *R, const char *method)
{
    flux_error_t err;

    inv->R = R;
    if (members_apply (R, queues_table (inv), &err) < 0) {
        impossible (inv, err.text);
        return;
    }
    if (inv->a.config->scheduling
        && rset_set_scheduling (R, inv->a.config->scheduling) < 0)
        flux_log (inv->a.h, LOG_ERR, "resource.scheduling: must be an object");
    set_method (inv, method);
    inv->a.ready (NULL, inv->a.arg);
    if (inv->found && verifies (inv))
        verify_found (inv, inv->found);
}

/* Give R the ranks of this instance, by host name.  Where names are not those
 * of the brokers (a test, a mistake that verification will find), ranks are
 * taken in order. */
static int fit_ranks (struct inventory *inv, struct rset *R)
{
    const char *s = cached_attr (inv->a.h, "hostlist");
    struct hostlist *hl = s ? hostlist_decode (s) : NULL;
    int rc;

    if (!hl)
        return 0;
    if ((rc = rset_rerank_hosts (R, hl)) == -ENOENT) {
        flux_log (inv->a.h, LOG_DEBUG, "the hosts of R are not those of the brokers: "
                  "ranks are taken in order");
        rc = 0;
    }
    hostlist_destroy (hl);
    return rc;
}

/* -- fake resources -- */

static void define_fake (struct inventory *inv, int cores, int gpus)
{
    struct rset *R = fake_resources_R (&inv->a.config->fake, cores, gpus);

    if (!R) {
        impossible (inv, "fake-resources: invalid number of cores or gpus");
        return;
    }
    inv->fake = true;
    define (inv, R, "kvs");
}

static void xml_parsed (struct discover *dc, const struct discovered *d, int errnum,
                        const char *text, void *arg)
{
    struct inventory *inv = arg;

    if (errnum != 0) {
        flux_error_t err;

        errmsg (&err, -errnum, "fake-resources.hwloc-xml-path: %s", text);
        impossible (inv, err.text);
    }
    else
        define_fake (inv, d->ncores, d->ngpus);
}

static void start_fake (struct inventory *inv)
{
    const struct fake_resources *fake = &inv->a.config->fake;
    struct discover_args args = { .xml = fake->hwloc_xml };

    if (!fake->hwloc_xml)
        define_fake (inv, fake->cores, fake->gpus);
    else if (!(inv->discover = discover_start (flux_get_reactor (inv->a.h), &args,
                                               xml_parsed, inv)))
        impossible (inv, strerror (errno));
}

/* -- configuration -- */

static void start_configured (struct inventory *inv)
{
    struct rset *R = rset_copy (inv->a.config->R);

    if (!R || fit_ranks (inv, R) < 0) {
        rset_free (R);
        impossible (inv, "out of memory");
        return;
    }
    define (inv, R, "configuration");
}

/* -- discovery -- */

/* Ranks 0 to size - 1, all of which have to be there. */
static bool complete (const struct inventory *inv)
{
    struct idset *all = idset_create (0, IDSET_FLAG_AUTOGROW);
    bool yes = false;

    if (all && inv->found && idset_range_set (all, 0, inv->a.size - 1) == 0) {
        if (idset_subtract (all, rset_ranks (inv->found)) == 0)
            yes = idset_empty (all);
    }
    idset_destroy (all);
    return yes;
}

static void define_if_complete (struct inventory *inv)
{
    struct rset *R;

    if (!inv->dynamic || inv->R || !complete (inv))
        return;
    if (!(R = rset_copy (inv->found))) {
        impossible (inv, "out of memory");
        return;
    }
    if (inv->expiration > 0.)
        rset_set_expiration (R, inv->expiration);
    define (inv, R, "dynamic-discovery");
}

static void start_dynamic (struct inventory *inv)
{
    inv->dynamic = true;
    set_method (inv, "dynamic-discovery");
    inv->a.discover (inv->a.arg);
    define_if_complete (inv);
}

void inventory_found (struct inventory *inv, const struct rset *found)
{
    struct rset *all = NULL;

    if (!inv->found)
        all = rset_copy (found);
    else if (rset_remove_ranks (inv->found, rset_ranks (found)) == 0)
        all = rset_union (inv->found, found);
    if (!all) {
        flux_log_error (inv->a.h, "resource.gather");
        return;
    }
    rset_free (inv->found);
    inv->found = all;
    if (verifies (inv))
        verify_found (inv, found);
    define_if_complete (inv);
}

/* -- the enclosing instance -- */

static void expiration_changed (double expiration, void *arg)
{
    struct inventory *inv = arg;

    inv->expiration = expiration;
    if (inv->R && rset_expiration (inv->R) != expiration)
        inv->a.expiration (expiration, inv->a.arg);
}

static void R_inherited (const struct rset *outer, const char *text, void *arg)
{
    struct inventory *inv = arg;
    struct rset *R = NULL;

    if (!outer)
        flux_log (inv->a.h, LOG_ERR, "%s", text);
    else
        expiration_changed (rset_expiration (outer), inv);
    if (inv->R)
        return;     /* reused; we are here for the expiration */
    if (outer && !inv->a.config->rediscover && rset_nnodes (outer) == inv->a.size
        && (R = rset_copy (outer)) && rset_remap_ranks (R) == 0
        && fit_ranks (inv, R) == 0) {
        rset_set_nslots (R, 0);
        define (inv, R, "job-info");
        return;
    }
    rset_free (R);
    start_dynamic (inv);
}

static void start_inherit (struct inventory *inv)
{
    flux_error_t err;

    if ((inv->inherit = inherit_start (inv->a.h, R_inherited, expiration_changed, inv,
                                       &err)))
        return;
    flux_log (inv->a.h, LOG_ERR, "enclosing instance: %s", err.text);
    if (!inv->R)
        start_dynamic (inv);
}

/* -- what the KVS has -- */

static json_t *stored_events (struct inventory *inv)
{
    flux_error_t err;
    json_t *entries;
    const char *s;

    if (flux_kvs_lookup_get (inv->lookup_log, &s) < 0 || !s) {
        if (errno != ENOENT && errno != ENOSYS)
            flux_log_error (inv->a.h, "looking up resource.eventlog");
        return NULL;
    }
    if (!(entries = eventlog_decode (s, strlen (s), &err)))
        flux_log (inv->a.h, LOG_ERR, "resource.eventlog: %s", err.text);
    return entries;
}

static struct rset *stored_R (struct inventory *inv)
{
    flux_error_t err;
    struct rset *R;
    const char *s;

    if (flux_kvs_lookup_get (inv->lookup_R, &s) < 0 || !s) {
        if (errno != ENOENT && errno != ENOSYS)
            flux_log_error (inv->a.h, "looking up resource.R");
        return NULL;
    }
    if (!(R = rset_decode (s, strlen (s), &err)))
        flux_log (inv->a.h, LOG_ERR, "resource.R: %s", err.text);
    return R;
}

static bool same_hosts (struct inventory *inv, const struct rset *R)
{
    const char *s = cached_attr (inv->a.h, "hostlist");
    struct hostlist *hl = rset_hosts (R);
    char *have = hl ? hostlist_encode (hl) : NULL;
    struct hostlist *want_hl = s ? hostlist_decode (s) : NULL;
    char *want = want_hl ? hostlist_encode (want_hl) : NULL;
    bool same = have && want && strcmp (have, want) == 0;

    free (have);
    free (want);
    hostlist_destroy (hl);
    hostlist_destroy (want_hl);
    return same;
}

/* Where there is R but no eventlog somebody put it there for us; and while the
 * broker lives, what was in use is.  What an earlier life left behind (a restart,
 * a restored dump) is good if it was of the same hosts. */
static bool usable (struct inventory *inv, const struct rset *R, bool has_events)
{
    if (!R)
        return false;
    if (!has_events || !inv->a.first)
        return true;
    return !inv->job && same_hosts (inv, R);
}

static void decide (struct inventory *inv)
{
    json_t *events = stored_events (inv);
    struct rset *R = stored_R (inv);
    bool reuse = usable (inv, R, events != NULL);

    inv->a.history (events, inv->a.arg);
    json_decref (events);
    if (inv->a.config->fake.nnodes > 0)
        start_fake (inv);
    else if (inv->a.config->configured)
        start_configured (inv);
    else if (reuse) {
        inv->fake = true;
        define (inv, R, "kvs");
        R = NULL;
        if (inv->job)
            start_inherit (inv);
    }
    else if (inv->job)
        start_inherit (inv);
    else
        start_dynamic (inv);
    rset_free (R);
    if (!inv->job && slurmlimit_possible (inv->a.h)
        && !(inv->slurm = slurmlimit_start (inv->a.h, expiration_changed, inv)))
        flux_log_error (inv->a.h, "following the time limit of the Slurm job");
}

static void looked_up (flux_future_t *f, void *arg)
{
    struct inventory *inv = arg;

    if (inv->decided || !flux_future_is_ready (inv->lookup_R)
        || !flux_future_is_ready (inv->lookup_log))
        return;
    inv->decided = true;
    decide (inv);
}

/* -- life -- */

struct inventory *inventory_new (const struct inventory_args *args)
{
    struct inventory *inv = calloc (1, sizeof (*inv));

    if (!inv)
        return NULL;
    inv->a = *args;
    inv->job = inherit_possible (args->h);
    if (!(inv->askers = flux_msglist_create ())
        || !(inv->lookup_R = flux_kvs_lookup (args->h, NULL, 0, "resource.R"))
        || !(inv->lookup_log = flux_kvs_lookup (args->h, NULL, 0, "resource.eventlog"))
        || flux_future_then (inv->lookup_R, -1., looked_up, inv) < 0
        || flux_future_then (inv->lookup_log, -1., looked_up, inv) < 0) {
        inventory_free (inv);
        return NULL;
    }
    return inv;
}

void inventory_free (struct inventory *inv)
{
    const flux_msg_t *msg;

    if (!inv)
        return;
    while (inv->askers && (msg = flux_msglist_pop (inv->askers))) {
        flux_respond_error (inv->a.h, msg, ENOSYS, NULL);
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (inv->askers);
    flux_future_destroy (inv->lookup_R);
    flux_future_destroy (inv->lookup_log);
    inherit_free (inv->inherit);
    slurmlimit_free (inv->slurm);
    discover_free (inv->discover);
    rset_free (inv->R);
    rset_free (inv->found);
    free (inv);
}

const struct rset *inventory_R (const struct inventory *inv)
{
    return inv->R;
}

const char *inventory_method (const struct inventory *inv)
{
    return inv->method;
}

bool inventory_fake (const struct inventory *inv)
{
    return inv->fake;
}

void inventory_replace (struct inventory *inv, struct rset *R)
{
    rset_free (inv->R);
    inv->R = R;
    inv->fake = true;
    inv->method = "reload";
}

void inventory_set_expiration (struct inventory *inv, double expiration)
{
    rset_set_expiration (inv->R, expiration);
}
