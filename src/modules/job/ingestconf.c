/* ingestconf.c - the table ingest of the configuration
 */
#include "modules/job/ingestconf.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "spec/jobspec.h"

#define BUFFER_SIZE (10u * 1024 * 1024)

/* ---- lists of plugins ---- */

struct plugin {
    const char *name;
    bool *wanted;              /* NULL: what it checks is always checked */
};

static int read_plugins (const char *table, json_t *list, const struct plugin *plugins,
                         flux_error_t *err)
{
    json_t *o;
    size_t i;

    if (!json_is_array (list))
        return errmsg (err, -EINVAL, "ingest.%s.plugins: want an array of names", table);
    for (i = 0; plugins[i].name; i++) {
        if (plugins[i].wanted)
            *plugins[i].wanted = false;
    }
    json_array_foreach (list, i, o) {
        const char *s = json_string_value (o);
        const struct plugin *p = plugins;
        while (p->name && (!s || strcmp (p->name, s) != 0))
            p++;
        if (!p->name)
            return errmsg (err, -EINVAL, "ingest.%s.plugins[%zu]: there is no plugin '%s': use a "
                           "jobtap plugin in its place (flux-config-ingest(5) has the list)",
                           table, i, s ? s : "?");
        if (p->wanted)
            *p->wanted = true;
    }
    return 0;
}

/* ---- arguments of validators ---- */

static int read_count (const char *key, const char *s, json_int_t *valp, flux_error_t *err)
{
    char *end;
    long n;

    errno = 0;
    n = strtol (s, &end, 10);
    if (end == s || *end || errno || n < 0 || n > INT_MAX)
        return errmsg (err, -EINVAL, "ingest.validator.args: %s=%s: want a number", key, s);
    *valp = n;
    return 0;
}

static int read_arg (struct ingestconf *c, const char *key, const char *val, flux_error_t *err)
{
    json_int_t n;
    int rc;

    if (!strcmp (key, "--require-instance-minnodes"))
        return read_count (key, val, &c->minnodes, err);
    if (!strcmp (key, "--require-instance-mincores"))
        return read_count (key, val, &c->mincores, err);
    if (!strcmp (key, "--require-version")) {
        if (!strcmp (val, "any")) {
            c->version = 0;
            return 0;
        }
        if ((rc = read_count (key, val, &n, err)) == 0 && n < 1)
            rc = errmsg (err, -EINVAL, "ingest.validator.args: %s=%s: want at least 1, or any",
                         key, val);
        if (rc == 0)
            c->version = (int)n;
        return rc;
    }
    return errmsg (err, -EINVAL, "ingest.validator.args: there is no '%s': there are "
                   "--require-version, --require-instance-minnodes, --require-instance-mincores",
                   key);
}

/* "--key=value", or "--key", "value" */
static int read_args (struct ingestconf *c, json_t *args, flux_error_t *err)
{
    size_t n = json_array_size (args);

    if (!json_is_array (args))
        return errmsg (err, -EINVAL, "ingest.validator.args: want an array of strings");
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value (json_array_get (args, i)), *val;
        char key[64];
        int rc;
        if (!s || strcspn (s, "=") >= sizeof (key))
            return errmsg (err, -EINVAL, "ingest.validator.args[%zu]: want an option", i);
        snprintf (key, sizeof (key), "%.*s", (int)strcspn (s, "="), s);
        val = strchr (s, '=');
        val = val ? val + 1 : json_string_value (json_array_get (args, ++i));
        if ((rc = read_arg (c, key, val ? val : "", err)) < 0)
            return rc;
    }
    return 0;
}

/* ---- tables ---- */

static int read_frobnicator (struct ingestconf *c, json_t *o, flux_error_t *err)
{
    const struct plugin plugins[] = {
        { "defaults", &c->defaults }, { "constraints", &c->constraints }, { NULL, NULL },
    };
    json_t *list = NULL, *args = NULL;
    int disable = 0, rc;

    if ((rc = tablekeys_check (o, "ingest.frobnicator", "disable:b plugins args", err)) < 0)
        return rc;
    (void)json_unpack (o, "{s?b s?o s?o}", "disable", &disable, "plugins", &list, "args", &args);
    if (list && (rc = read_plugins ("frobnicator", list, plugins, err)) < 0)
        return rc;
    if (args && (!json_is_array (args) || json_array_size (args) > 0))
        return errmsg (err, -EINVAL, "ingest.frobnicator.args: want an empty array: no plugin "
                       "takes arguments");
    if (disable)
        c->defaults = c->constraints = false;
    return 0;
}

static int read_instance (struct ingestconf *c, json_t *o, flux_error_t *err)
{
    int rc = tablekeys_check (o, "ingest.validator.require-instance", "minnodes:i mincores:i", err);

    if (rc < 0)
        return rc;
    (void)json_unpack (o, "{s?I s?I}", "minnodes", &c->minnodes, "mincores", &c->mincores);
    if (c->minnodes < 0 || c->mincores < 0)
        return errmsg (err, -EINVAL, "ingest.validator.require-instance: %s: must not be negative",
                       c->minnodes < 0 ? "minnodes" : "mincores");
    return 0;
}

static int read_validator (struct ingestconf *c, json_t *o, flux_error_t *err)
{
    const struct plugin plugins[] = {
        { "jobspec", NULL }, { "schema", NULL }, { "feasibility", &c->feasibility },
        { "require-instance", &c->instance }, { NULL, NULL },
    };
    json_t *list = NULL, *args = NULL, *instance = NULL;
    int disable = 0, rc;

    if ((rc = tablekeys_check (o, "ingest.validator",
                               "disable:b plugins args require-instance:t", err)) < 0)
        return rc;
    (void)json_unpack (o, "{s?b s?o s?o s?o}", "disable", &disable, "plugins", &list, "args",
                       &args, "require-instance", &instance);
    if ((list && (rc = read_plugins ("validator", list, plugins, err)) < 0)
        || (args && (rc = read_args (c, args, err)) < 0)
        || (instance && (rc = read_instance (c, instance, err)) < 0))
        return rc;
    if (disable) {
        c->feasibility = c->instance = false;
        c->version = 0;
    }
    return 0;
}

/* "102400", "4.5M", "1024K" */
static int read_size (const char *s, size_t *valp, flux_error_t *err)
{
    static const char units[] = "kmg";
    char *end;
    double d = strtod (s, &end);
    const char *unit = *end ? strchr (units, *end | 0x20) : NULL;

    for (int i = 0; unit && i <= unit - units; i++)
        d *= 1024.;
    if (end == s || (*end && (!unit || end[1])) || !(d >= 1.) || d > 1e15)
        return errmsg (err, -EINVAL, "ingest.buffer-size: '%s' is not a size like 10M", s);
    *valp = (size_t)d;
    return 0;
}

int ingestconf_read (struct ingestconf *c, const flux_conf_t *conf, flux_error_t *err)
{
    struct ingestconf next = {
        .defaults = true, .constraints = true, .feasibility = true, .buffer_size = BUFFER_SIZE,
    };
    json_t *table = NULL, *frobnicator = NULL, *validator = NULL;
    const char *size = NULL;
    int rc;

    if (flux_conf_unpack (conf, err, "{s?o}", "ingest", &table) < 0)
        return -EINVAL;
    if (table && (rc = tablekeys_check (table, "ingest", "batch-count:i buffer-size:s"
                                        " frobnicator:t validator:t", err)) < 0)
        return rc;
    (void)json_unpack (table, "{s?i s?s s?o s?o}", "batch-count", &next.batch_count,
                       "buffer-size", &size, "frobnicator", &frobnicator, "validator", &validator);
    if (next.batch_count < 0)
        return errmsg (err, -EINVAL, "ingest.batch-count: must not be negative");
    if ((size && (rc = read_size (size, &next.buffer_size, err)) < 0)
        || (frobnicator && (rc = read_frobnicator (&next, frobnicator, err)) < 0)
        || (validator && (rc = read_validator (&next, validator, err)) < 0))
        return rc;
    *c = next;
    return 0;
}

/* ---- checks ---- */

bool ingestconf_checks (const struct ingestconf *c)
{
    return c->instance || c->version > 0;
}

static bool is_instance (const struct jobspec *js)
{
    const json_t *command = jobspec_command (js);
    const char *flux = json_string_value (json_array_get (command, 0));
    const char *sub = json_string_value (json_array_get (command, 1));
    const char *base = flux ? strrchr (flux, '/') : NULL;

    if (jobspec_attr (js, "system.batch"))
        return true;
    return flux && sub && strcmp (base ? base + 1 : flux, "flux") == 0
           && (strcmp (sub, "broker") == 0 || strcmp (sub, "start") == 0);
}

/* Without limits, every job is. */
static bool is_large (const struct ingestconf *c, const struct jobspec_request *r)
{
    if (c->minnodes == 0 && c->mincores == 0)
        return true;
    return (c->minnodes > 0 && r->nnodes >= c->minnodes)
           || (c->mincores > 0
               && (json_int_t)r->slots_total * r->cores_per_slot >= c->mincores);
}

int ingestconf_check (const struct ingestconf *c, const struct jobspec *js, flux_error_t *err)
{
    if (c->version > 0 && jobspec_version (js) > c->version)
        return errmsg (err, -EINVAL, "jobspec version %d is not supported here: use %d",
                       jobspec_version (js), c->version);
    if (!c->instance || is_instance (js) || !is_large (c, jobspec_request (js)))
        return 0;
    if (c->minnodes == 0 && c->mincores == 0)
        return errmsg (err, -EINVAL, "Direct job submission is disabled for this instance. Please "
                       "use the flux-batch(1) or flux-alloc(1) commands.");
    return errmsg (err, -EINVAL, "Direct submission of jobs of this size is disabled for this "
                   "instance. Please use the flux-batch(1) or flux-alloc(1) commands.");
}
