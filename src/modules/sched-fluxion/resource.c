/* resource.c - the module sched-fluxion-resource: the graph, and who asks about it
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/sched-fluxion/fluxion.h"
#include "modules/sched-fluxion/load.h"
#include "modules/sched-fluxion/parts.h"
#include "modules/sched-fluxion/resource_private.h"
#include "modules/sched/reconf.h"
#include "spec/rset.h"

/* ---- resource.acquire ---- */

static void each_node (struct graph *g, const struct idset *ranks,
                       void (*fun) (struct graph *g, uint32_t v, void *arg), void *arg)
{
    for (unsigned int r = idset_first (ranks); r != IDSET_INVALID_ID; r = idset_next (ranks, r)) {
        uint32_t v = r > INT32_MAX ? GRAPH_NONE : graph_by_rank (g, (int32_t)r);
        if (v != GRAPH_NONE)
            fun (g, v, arg);
    }
}

static void set_status (struct graph *g, uint32_t v, void *arg)
{
    (void)graph_set_status (g, v, *(bool *)arg);
}

static int acquired (void *arg, json_t *R, flux_error_t *err)
{
    struct resource *o = arg;
    struct fluxion *fx = o->fx;
    struct rset *all = rset_from_json (R, err);
    const char *format = o->conf.load_format ? o->conf.load_format : "";
    struct graph *g;
    bool up = false;

    if (!all)
        return -errno;
    if (!strcmp (format, "rv1exec_force"))
        (void)rset_set_scheduling (all, NULL);
    if (!strcmp (format, "jgf") && !json_object_get (rset_scheduling (all), "graph")) {
        rset_free (all);
        return errmsg (err, -EINVAL, "load-format=jgf: R of this instance has no graph");
    }
    if (!(g = load_R (R, all, err)) && rset_scheduling (all)) {
        flux_log (o->h, LOG_WARNING, "R: %s: its scheduling key is not used", err->text);
        (void)rset_set_scheduling (all, NULL);
        g = load_R (R, all, err);
    }
    if (!g) {
        rset_free (all);
        return -errno;
    }
    each_node (g, rset_ranks (all), set_status, &up);
    (void)rset_set_scheduling (all, NULL);
    fx->graph = g;
    fx->all = all;
    fx->expiration = rset_expiration (all);
    fluxion_known (fx);
    ion_known (o);
    return 0;
}

static void set_up (void *arg, const struct idset *ranks, bool up)
{
    struct resource *o = arg;

    each_node (o->fx->graph, ranks, set_status, &up);
}

static void shrink (void *arg, const struct idset *ranks)
{
    struct resource *o = arg;
    struct fluxion *fx = o->fx;

    (void)rset_remove_ranks (fx->all, ranks);
    fluxion_shrink (fx, ranks);
}

struct property {
    const char *name;
    bool add;
    int rc;
};

static void set_property (struct graph *g, uint32_t v, void *arg)
{
    struct property *p = arg;
    int rc = p->add ? graph_set_property (g, v, p->name, "")
                    : graph_remove_property (g, v, p->name);

    if (rc < 0 && rc != -ENOENT)
        p->rc = rc;
}

static int properties (void *arg, const json_t *o, bool add)
{
    struct resource *res = arg;
    const char *name;
    json_t *val;
    int rc = 0;

    json_object_foreach ((json_t *)o, name, val) {
        struct idset *ranks = idset_decode (json_string_value (val));
        struct property p = { name, add, 0 };
        if (!ranks)
            return -EINVAL;
        each_node (res->fx->graph, ranks, set_property, &p);
        if (add)
            rc = rset_set_property (res->fx->all, name, ranks, NULL);
        else
            rc = rset_remove_property (res->fx->all, name, ranks);
        idset_destroy (ranks);
        if (p.rc < 0 || (rc < 0 && rc != -ENOENT))
            return p.rc < 0 ? p.rc : rc;
    }
    return 0;
}

static void expiration (void *arg, double t)
{
    struct resource *o = arg;

    o->fx->expiration = t;
    rset_set_expiration (o->fx->all, t);
}

static void changed (void *arg)
{
    struct resource *o = arg;

    fluxion_changed (o->fx);
}

static void gone (void *arg)
{
    struct resource *o = arg;

    fluxion_forget (o->fx);
}

static const struct supply_ops supply_ops = {
    acquired, set_up, shrink, properties, expiration, changed, gone
};

/* ---- the module ---- */

static bool same_text (const char *a, const char *b)
{
    return !strcmp (a ? a : "", b ? b : "");
}

static int configure (struct resource *o, const flux_conf_t *conf, flux_error_t *err)
{
    struct resource_conf c;
    json_t *table = NULL;
    int rc;

    (void)flux_conf_unpack (conf, NULL, "{s?o}", "sched-fluxion-resource", &table);
    if ((rc = resource_conf_parse (&c, table, o->args.argc, o->args.argv, err)) < 0)
        return rc;
    if (o->fx->loaded && (!same_text (c.load_file, o->conf.load_file)
                          || !same_text (c.load_format, o->conf.load_format)
                          || !same_text (c.load_allowlist, o->conf.load_allowlist)
                          || c.flexible != o->conf.flexible)) {
        resource_conf_release (&c);
        return errmsg (err, -EINVAL, "what is loaded, and traverser, change only with"
                       " flux module reload sched-fluxion-resource");
    }
    resource_conf_release (&o->conf);
    o->conf = c;
    o->fx->policy = c.policy;
    o->fx->format = c.format;
    o->fx->flexible = c.flexible;
    return 0;
}

static int reconfigure (void *arg, const flux_conf_t *conf, flux_error_t *err)
{
    struct resource *o = arg;
    int rc = configure (o, conf, err);

    if (rc == 0 && o->fx->graph)
        fluxion_changed (o->fx);
    return rc;
}

static void config_reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                              void *arg)
{
    reconf (h, msg, reconfigure, arg);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "sched-fluxion-resource.config-reload", config_reload_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static int load (struct resource *o, flux_error_t *err)
{
    int rc;

    if (o->conf.load_file) {
        if (!(o->fx->graph = load_file (o->conf.load_file, o->conf.load_format,
                                        o->conf.load_allowlist, err)))
            return -errno;
        if (!(o->fx->all = parts_whole (o->fx->graph)))
            return errmsg (err, -ENOMEM, "out of memory");
        fluxion_known (o->fx);
        return 0;
    }
    if (!(o->supply = supply_new (o->h, &supply_ops, o)))
        return errmsg (err, -ENOMEM, "out of memory");
    if ((rc = supply_begin (o->supply)) < 0)
        errmsg (err, rc, "resource.acquire: %s", flux_strerror (-rc));
    return rc;
}

static void resource_free (struct resource *o)
{
    flux_msg_handler_delvec (o->handlers);
    supply_destroy (o->supply);
    ion_release (o);
    fluxion_forget (o->fx);
    resource_conf_release (&o->conf);
    conf_args_release (&o->args);
    free (o);
}

static void resource_stop (void *ctx)
{
    struct resource *o = ctx;

    if (o) {
        o->fx->loaded = false;
        resource_free (o);
    }
}

static int resource_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err)
{
    struct resource *o = calloc (1, sizeof (*o));
    int rc;

    if (!o)
        return errmsg (err, -ENOMEM, "out of memory");
    o->h = h;
    o->fx = builtin_data (h);
    if ((rc = conf_args_copy (&o->args, argc, argv)) < 0
        || (rc = flux_msg_handler_addvec (h, handlers, o, &o->handlers)) < 0)
        rc = errmsg (err, -ENOMEM, "out of memory");
    else if ((rc = configure (o, flux_get_conf (h), err)) == 0
        && (rc = ion_init (o, err)) == 0)
        rc = load (o, err);
    if (rc < 0) {
        resource_free (o);
        return rc;
    }
    flux_log (o->h, LOG_INFO, "version %s", FLUX_CORE_VERSION_STRING);
    o->fx->loaded = true;
    *ctxp = o;
    return 0;
}

const struct builtin fluxion_resource_builtin = {
    .name = "sched-fluxion-resource",
    .data = "fluxion",
    .flags = BUILTIN_RANK0,
    .needs = "sched-fluxion-qmanager",
    .start = resource_start,
    .stop = resource_stop,
};
