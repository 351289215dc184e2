/* plug_limit.c - built-in plugins .limit-duration and .limit-job-size: limits of
 * flux-config-policy(5), by queue
 */
#include <flux/jobtap.h>

#include <errno.h>
#include <math.h>

#include "base/duration.h"
#include "spec/jobspec.h"
#include "modules/job/tap.h"

/* ---- .limit-duration ---- */

static double config_duration (const json_t *val)
{
    double d = 0.;

    if (json_is_number (val))
        return json_number_value (val);
    if (json_is_string (val) && duration_parse (json_string_value (val), &d) < 0)
        return 0.;
    return d;
}

static int duration_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                        void *arg)
{
    const char *queue = "";
    double duration = 0., limit;
    const json_t *val;
    char asked[64], allowed[64];

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:{s:{s?{s?F s?s}}}}",
                                "jobspec", "attributes", "system", "duration", &duration,
                                "queue", &queue) < 0)
        return 0;
    if (!(val = queues_policy (tap_mgr (p), queue, "limits.duration")))
        return 0;
    limit = config_duration (val);
    if (limit == 0. || isinf (limit))
        return 0;
    duration_format (limit, allowed, sizeof (allowed));
    if (duration == 0.)
        return flux_jobtap_reject_job (p, args, "requested duration (unlimited) exceeds "
                                       "policy limit of %s", allowed);
    if (duration > limit) {
        duration_format (duration, asked, sizeof (asked));
        return flux_jobtap_reject_job (p, args, "requested duration (%s) exceeds policy "
                                       "limit of %s", asked, allowed);
    }
    return 0;
}

/* Without a limit anywhere there is no handler, so that validation costs nothing. */
static int limit_conf (flux_plugin_t *p, const char *path, flux_plugin_f cb)
{
    bool now = queues_any_policy (tap_mgr (p), path);
    bool before = flux_plugin_get_handler (p, "job.validate") != NULL;
    int rc = 0;

    if (now && !before)
        rc = flux_plugin_add_handler (p, "job.validate", cb, NULL);
    else if (!now && before)
        rc = flux_plugin_remove_handler (p, "job.validate");
    tap_handlers_changed (p);
    return rc;
}

static int duration_conf_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                             void *arg)
{
    return limit_conf (p, "limits.duration", duration_cb);
}

int plug_limit_duration (flux_plugin_t *p)
{
    if (flux_plugin_set_name (p, "limit-duration") < 0)
        return -1;
    return flux_plugin_add_handler (p, "conf.update", duration_conf_cb, NULL);
}

/* ---- .limit-job-size ---- */

struct size {
    const char *name;
    int count;
};

static int check_size (flux_plugin_t *p, flux_plugin_arg_t *args, const char *queue,
                       const struct size *s)
{
    const json_t *val;
    char path[64];

    snprintf (path, sizeof (path), "limits.job-size.max.%s", s->name);
    val = queues_policy (tap_mgr (p), queue, path);
    if (val && json_integer_value (val) >= 0 && s->count > json_integer_value (val))
        return flux_jobtap_reject_job (p, args, "requests too many %s (%d): the limit is "
                                       "%jd", s->name + 1, s->count,
                                       (intmax_t)json_integer_value (val));
    snprintf (path, sizeof (path), "limits.job-size.min.%s", s->name);
    val = queues_policy (tap_mgr (p), queue, path);
    if (val && json_integer_value (val) >= 0 && s->count < json_integer_value (val))
        return flux_jobtap_reject_job (p, args, "requests too few %s (%d): at least %jd "
                                       "are required", s->name + 1, s->count,
                                       (intmax_t)json_integer_value (val));
    return 0;
}

static int size_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    const struct jobspec_request *r;
    const char *queue = "";
    struct jobspec *js;
    struct size sizes[3];
    json_t *o;
    int rc = 0;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:o}", "jobspec", &o) < 0)
        return 0;
    (void)json_unpack (o, "{s:{s:{s?s}}}", "attributes", "system", "queue", &queue);
    if (!(js = jobspec_from_json (o, NULL)))
        return flux_jobtap_reject_job (p, args, "cannot count the resources requested");
    r = jobspec_request (js);
    if (r->simple) {
        sizes[0] = (struct size){ "nnodes", r->nnodes };
        sizes[1] = (struct size){ "ncores", r->slots_total * r->cores_per_slot };
        sizes[2] = (struct size){ "ngpus", r->slots_total * r->gpus_per_slot };
        /* what the scheduler decides is not limited here: nodes of a request
         * for cores, cores of a request for whole nodes */
        for (int i = 0; i < 3 && rc == 0; i++) {
            if ((i == 0 && r->nnodes == 0) || (i == 1 && r->node_exclusive))
                continue;
            rc = check_size (p, args, queue, &sizes[i]);
        }
    }
    jobspec_unref (js);
    return rc;
}

static int size_conf_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                         void *arg)
{
    return limit_conf (p, "limits.job-size", size_cb);
}

int plug_limit_job_size (flux_plugin_t *p)
{
    if (flux_plugin_set_name (p, "limit-job-size") < 0)
        return -1;
    return flux_plugin_add_handler (p, "conf.update", size_conf_cb, NULL);
}
