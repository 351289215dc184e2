/* inherit.c - R of the job that this instance is, from the enclosing instance
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "core/connector_private.h"
#include "modules/resource/cached.h"
#include "modules/resource/inherit.h"
#include "spec/eventlog.h"
#include "spec/rset.h"

#define AGAIN_SECONDS 1.
#define PATIENCE_MS 50     /* for a broker that listens but is busy: we have other work */

struct inherit {
    flux_t *h;
    flux_t *parent;
    flux_jobid_t id;
    flux_future_t *lookup;
    flux_future_t *watch;
    flux_watcher_t *again_w;     /* connect to the enclosing instance again */
    inherit_R_f R_cb;
    inherit_expiration_f expiration_cb;
    void *arg;
};

static int get_jobid (flux_t *h, flux_jobid_t *id)
{
    const char *s = cached_attr (h, "jobid");

    return s ? flux_job_id_parse (s, id) : -1;
}

bool inherit_possible (flux_t *h)
{
    const char *uri = cached_attr (h, "parent-uri");
    flux_jobid_t id;

    return uri && *uri && get_jobid (h, &id) == 0;
}

static void look_again (struct inherit *in)
{
    flux_future_destroy (in->watch);
    in->watch = NULL;
    flux_timer_watcher_reset (in->again_w, AGAIN_SECONDS, 0.);
    flux_watcher_start (in->again_w);
}

/* The enclosing instance may end before this one: we go on with what we have, and watch
 * again if its broker comes back. */
static int lost (flux_t *parent, void *arg)
{
    struct inherit *in = arg;

    if (in->watch)
        look_again (in);
    return -1;
}

static void event_seen (flux_future_t *f, void *arg)
{
    struct inherit *in = arg;
    const char *line, *name;
    const json_t *context;
    json_t *entry = NULL;

    if (flux_rpc_get_unpack (f, "{s:s}", "event", &line) < 0) {
        if (errno == ENOSYS || errno == EHOSTUNREACH)
            look_again (in);         /* it is starting */
        else if (errno != ENODATA)
            flux_log (in->h, LOG_DEBUG, "watching for updates of the enclosing job: %s",
                      future_strerror (f, errno));
        return;
    }
    if ((entry = eventlog_entry_decode (line, strlen (line), NULL))
        && eventlog_entry_parse (entry, NULL, &name, &context) == 0
        && strcmp (name, "resource-update") == 0) {
        const json_t *o = json_object_get (context, "expiration");

        if (json_is_number (o))
            in->expiration_cb (json_number_value (o), in->arg);
    }
    json_decref (entry);
    flux_future_reset (f);
}

static void watch_updates (struct inherit *in)
{
    if (!(in->watch = flux_rpc_pack (in->parent, "job-info.eventlog-watch",
                                     FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                                     "{s:I s:s s:i}", "id", (json_int_t)in->id, "path",
                                     "eventlog", "flags", 0))
        || flux_future_then (in->watch, -1., event_seen, in) < 0)
        flux_log_error (in->h, "job-info.eventlog-watch");
}

static flux_t *open_parent (struct inherit *in, flux_error_t *err)
{
    const char *uri = cached_attr (in->h, "parent-uri");
    flux_t *parent = flux_open_ex (uri, 0, err);

    if (!parent || flux_set_reactor (parent, flux_get_reactor (in->h)) < 0) {
        flux_close (parent);
        return NULL;
    }
    return parent;
}

static void again_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct inherit *in = arg;
    flux_error_t err;
    flux_t *parent;

    connector_set_patience (PATIENCE_MS);
    parent = open_parent (in, &err);
    connector_set_patience (-1);
    if (!parent) {
        look_again (in);
        return;
    }
    flux_watcher_stop (w);
    flux_close (in->parent);
    in->parent = parent;
    flux_comms_error_set (parent, lost, in);
    watch_updates (in);
}

static void R_arrived (flux_future_t *f, void *arg)
{
    struct inherit *in = arg;
    struct rset *R = NULL;
    flux_error_t err;
    const char *s;

    if (flux_rpc_get_unpack (f, "{s:s}", "R", &s) < 0)
        errmsg (&err, -1, "looking up R in the enclosing instance: %s",
                future_strerror (f, errno));
    else if (!(R = rset_decode (s, strlen (s), &err)))
        flux_log (in->h, LOG_ERR, "R of the enclosing instance: %s", err.text);
    if (R)
        watch_updates (in);
    in->R_cb (R, err.text, in->arg);
    rset_free (R);
}

static int lookup_R (struct inherit *in, flux_error_t *err)
{
    if (!(in->lookup = flux_rpc_pack (in->parent, "job-info.lookup", FLUX_NODEID_ANY, 0,
                                      "{s:I s:[s] s:i}", "id", (json_int_t)in->id,
                                      "keys", "R", "flags", FLUX_JOB_LOOKUP_CURRENT))
        || flux_future_then (in->lookup, -1., R_arrived, in) < 0)
        return errmsg (err, -1, "job-info.lookup: %s", strerror (errno));
    return 0;
}

struct inherit *inherit_start (flux_t *h, inherit_R_f R_cb,
                               inherit_expiration_f expiration_cb, void *arg,
                               flux_error_t *err)
{
    const char *uri = cached_attr (h, "parent-uri");
    struct inherit *in = calloc (1, sizeof (*in));

    if (!in) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    in->h = h;
    in->R_cb = R_cb;
    in->expiration_cb = expiration_cb;
    in->arg = arg;
    in->again_w = flux_timer_watcher_create (flux_get_reactor (h), 0., 0., again_cb, in);
    if (!in->again_w)
        errmsg (err, -ENOMEM, "out of memory");
    else if (!uri || get_jobid (h, &in->id) < 0)
        errmsg (err, -EINVAL, "the instance is not a job");
    else if (!(in->parent = open_parent (in, err)) || lookup_R (in, err) < 0)
        ;
    else {
        flux_comms_error_set (in->parent, lost, in);
        return in;
    }
    inherit_free (in);
    return NULL;
}

void inherit_free (struct inherit *in)
{
    if (in) {
        flux_future_destroy (in->lookup);
        flux_future_destroy (in->watch);
        flux_watcher_destroy (in->again_w);
        flux_close (in->parent);
        free (in);
    }
}
