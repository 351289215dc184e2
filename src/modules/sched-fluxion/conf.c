/* conf.c - the configuration of the graph scheduler
 */
#include "modules/sched-fluxion/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"

#define RESOURCE "sched-fluxion-resource"
#define QMANAGER "sched-fluxion-qmanager"
#define VTX_MAX 2000000

typedef int (*set_f) (void *conf, const char *key, const char *val, flux_error_t *err);

/* A positive number. */
static int number (const char *key, const char *val, long max, int64_t *n, flux_error_t *err)
{
    char *end;
    long x;

    errno = 0;
    x = strtol (val, &end, 10);
    if (errno || end == val || *end || x < 1 || x > max)
        return errmsg (err, -EINVAL, "%s=%s: must be a number from 1 to %ld", key, val, max);
    *n = x;
    return 0;
}

/* A table with tables in it, as "key" or "table.key", numbers as text. */
static int apply_table (const char *name, const char *above, const json_t *table, void *conf,
                        set_f set, flux_error_t *err)
{
    const char *key;
    json_t *val;
    int rc;

    if (table && !json_is_object (table))
        return errmsg (err, -EINVAL, "%s%s: must be a table", name, above);
    json_object_foreach ((json_t *)table, key, val) {
        char full[128], text[32];
        flux_error_t why;
        snprintf (full, sizeof (full), "%s%s%s", above, *above ? "." : "", key);
        if (json_is_object (val)) {
            if ((rc = apply_table (name, full, val, conf, set, err)) < 0)
                return rc;
            continue;
        }
        snprintf (text, sizeof (text), "%lld", (long long)json_integer_value (val));
        if (!json_is_string (val) && !json_is_integer (val))
            return errmsg (err, -EINVAL, "[%s] %s: must be a string or an integer", name, full);
        if ((rc = set (conf, full, json_is_string (val) ? json_string_value (val) : text,
                       &why)) < 0)
            return errmsg (err, rc, "[%s] %s", name, why.text);
    }
    return 0;
}

static int apply_args (int argc, char **argv, void *conf, set_f set, flux_error_t *err)
{
    for (int i = 0; i < argc; i++) {
        const char *eq = strchr (argv[i], '=');
        flux_error_t why;
        char key[64];
        int rc;
        if (!eq || eq - argv[i] >= (int)sizeof (key))
            return errmsg (err, -EINVAL, "argument '%s' is not of the form KEY=VALUE", argv[i]);
        snprintf (key, sizeof (key), "%.*s", (int)(eq - argv[i]), argv[i]);
        if ((rc = set (conf, key, eq + 1, &why)) < 0)
            return errmsg (err, rc, "argument %s", why.text);
    }
    return 0;
}

static int keep (char **p, const char *val)
{
    char *s = strdup (val);

    if (!s)
        return -ENOMEM;
    free (*p);
    *p = s;
    return 0;
}

int conf_args_copy (struct conf_args *a, int argc, char **argv)
{
    struct conf_args copy = { 0, calloc ((size_t)argc + 1, sizeof (*copy.argv)) };

    for (int i = 0; copy.argv && i < argc; i++) {
        if (!(copy.argv[i] = strdup (argv[i])))
            break;
        copy.argc++;
    }
    if (!copy.argv || copy.argc < argc) {
        conf_args_release (&copy);
        return -ENOMEM;
    }
    *a = copy;
    return 0;
}

void conf_args_release (struct conf_args *a)
{
    for (int i = 0; i < a->argc; i++)
        free (a->argv[i]);
    free (a->argv);
}

/* ---- sched-fluxion-resource ---- */

static int check_list (const char *key, const char *val, const char *form, bool pairs,
                       flux_error_t *err)
{
    const char *p = val;

    for (;;) {
        size_t n = strcspn (p, ","), colon = strcspn (p, ":,");
        if (n == 0 || (pairs ? colon == 0 || colon + 1 >= n : colon < n))
            return errmsg (err, -EINVAL, "%s=%s: must be of the form %s", key, val, form);
        if (!p[n])
            return 0;
        p += n + 1;
    }
}

static int set_format (struct resource_conf *c, const char *key, const char *val,
                       flux_error_t *err)
{
    if (emit_parse_format (val, &c->format) < 0
        || (c->format != EMIT_RV1 && c->format != EMIT_RV1_NOSCHED
            && c->format != EMIT_RV1_SHORTHAND))
        return errmsg (err, -EINVAL, "%s=%s: must be rv1, rv1_nosched or rv1_shorthand",
                       key, val);
    return keep (&c->match_format, val);
}

static int set_policy (struct resource_conf *c, const char *key, const char *val,
                       flux_error_t *err)
{
    flux_error_t why;

    if (policy_parse (val, &c->policy, &why) < 0)
        return errmsg (err, -EINVAL, "%s=%s: %s", key, val, why.text);
    return keep (&c->match_policy, val);
}

static int set_load_format (struct resource_conf *c, const char *key, const char *val,
                            flux_error_t *err)
{
    static const char *const known[] = { "grug", "jgf", "rv1exec", "rv1exec_force",
                                         "hwloc" };

    for (size_t i = 0; i < sizeof (known) / sizeof (known[0]); i++)
        if (!strcmp (val, known[i]))
            return keep (&c->load_format, val);
    return errmsg (err, -EINVAL, "%s=%s: must be rv1exec, rv1exec_force, jgf, grug or hwloc",
                   key, val);
}

static int set_traverser (struct resource_conf *c, const char *key, const char *val,
                          flux_error_t *err)
{
    if (strcmp (val, "simple") != 0 && strcmp (val, "flexible") != 0)
        return errmsg (err, -EINVAL, "%s=%s: must be simple or flexible", key, val);
    c->flexible = *val == 'f';
    return 0;
}

static int set_resource (void *conf, const char *key, const char *val, flux_error_t *err)
{
    struct resource_conf *c = conf;
    int64_t n;
    int rc;

    if (!strcmp (key, "match-policy") || !strcmp (key, "policy"))
        return set_policy (c, key, val, err);
    if (!strcmp (key, "match-format"))
        return set_format (c, key, val, err);
    if (!strcmp (key, "load-allowlist"))
        return (rc = check_list (key, val, "TYPE[,TYPE...]", false, err)) < 0
            ? rc : keep (&c->load_allowlist, val);
    if (!strcmp (key, "prune-filters"))
        return (rc = check_list (key, val, "HIGH:LOW[,HIGH:LOW...]", true, err)) < 0
            ? rc : keep (&c->prune_filters, val);
    if (!strcmp (key, "load-file"))
        return keep (&c->load_file, val);
    if (!strcmp (key, "load-format"))
        return set_load_format (c, key, val, err);
    if (!strcmp (key, "traverser"))
        return set_traverser (c, key, val, err);
    if (!strcmp (key, "subsystems"))
        return !strcmp (val, "containment") ? 0
            : errmsg (err, -EINVAL, "%s=%s: matches are made on containment only", key, val);
    if (!strcmp (key, "reserve-vtx-vec")) {
        if ((rc = number (key, val, VTX_MAX, &n, err)) == 0)
            c->reserve_vtx_vec = (long)n;
        return rc;
    }
    return errmsg (err, -EINVAL, "%s: no such key: see flux-config-" RESOURCE "(5)", key);
}

static int resource_defaults (struct resource_conf *c)
{
    flux_error_t err;
    int rc;

    if ((rc = set_policy (c, "match-policy", "first", &err)) == 0
        && (rc = set_format (c, "match-format", "rv1_nosched", &err)) == 0)
        rc = keep (&c->prune_filters, "ALL:core,ALL:node");
    return rc;
}

/* Without a file, the format is that of R of the instance. */
static int check_load (const struct resource_conf *c, flux_error_t *err)
{
    const char *f = c->load_format;

    if (c->load_file && !f)
        return errmsg (err, -EINVAL, RESOURCE ": load-file=%s: load-format must say what it is",
                       c->load_file);
    if (!c->load_file && f && (!strcmp (f, "grug") || !strcmp (f, "hwloc")))
        return errmsg (err, -EINVAL, RESOURCE ": load-format=%s needs a load-file", f);
    return 0;
}

int resource_conf_parse (struct resource_conf *conf, const json_t *table, int argc,
                         char **argv, flux_error_t *err)
{
    struct resource_conf c = { NULL };
    int rc = resource_defaults (&c);

    if (rc < 0)
        errmsg (err, rc, "out of memory");
    else if ((rc = apply_table (RESOURCE, "", table, &c, set_resource, err)) == 0)
        rc = apply_args (argc, argv, &c, set_resource, err);
    if (rc == 0)
        rc = check_load (&c, err);
    if (rc == 0 && c.load_allowlist && c.load_format && strcmp (c.load_format, "hwloc") != 0)
        rc = errmsg (err, -EINVAL, RESOURCE ": load-allowlist is for load-format=hwloc");
    if (rc < 0) {
        resource_conf_release (&c);
        return rc;
    }
    *conf = c;
    return 0;
}

void resource_conf_release (struct resource_conf *c)
{
    free (c->match_policy);
    free (c->match_format);
    free (c->load_allowlist);
    free (c->prune_filters);
    free (c->load_file);
    free (c->load_format);
}

/* ---- sched-fluxion-qmanager ---- */

/* What "*-per-queue" say, as they were given: "NAME:VALUE NAME:VALUE". */
enum per_queue { POLICY, QPARAMS, PPARAMS, PER_QUEUE };

struct qmanager_conf {
    struct queue_conf general;
    char *per_queue[PER_QUEUE];
};

static int set_param (struct queue_conf *c, const char *key, const char *val,
                      flux_error_t *err)
{
    if (!strcmp (key, "queue-policy")) {
        flux_error_t why;
        if (queue_policy_parse (val, &c->policy, &why) < 0)
            return errmsg (err, -EINVAL, "%s=%s: %s", key, val, why.text);
        return 0;
    }
    if (!strcmp (key, "queue-params.queue-depth"))
        return number (key, val, INT_MAX, &c->depth, err);
    if (!strcmp (key, "queue-params.max-queue-depth"))
        return number (key, val, INT_MAX, &c->max_depth, err);
    if (!strcmp (key, "policy-params.reservation-depth"))
        return number (key, val, INT_MAX, &c->reservation_depth, err);
    if (!strcmp (key, "policy-params.max-reservation-depth"))
        return number (key, val, INT_MAX, &c->max_reservation_depth, err);
    return errmsg (err, -EINVAL, "%s: no such key: see flux-config-" QMANAGER "(5)", key);
}

/* "queue-depth=8,max-queue-depth=100" of one table */
static int set_params (struct queue_conf *c, const char *table, const char *list,
                       flux_error_t *err)
{
    while (*list) {
        size_t n = strcspn (list, ","), eq = strcspn (list, "=,");
        char key[128], val[32];
        int rc;
        if (eq >= n || eq > 40 || n - eq > sizeof (val))
            return errmsg (err, -EINVAL, "%s=%s: must be of the form KEY=NUMBER[,KEY=NUMBER...]",
                           table, list);
        snprintf (key, sizeof (key), "%s.%.*s", table, (int)eq, list);
        snprintf (val, sizeof (val), "%.*s", (int)(n - eq - 1), list + eq + 1);
        if ((rc = set_param (c, key, val, err)) < 0)
            return rc;
        list += n + (list[n] == ',');
    }
    return 0;
}

static int set_value (struct queue_conf *c, enum per_queue what, const char *val,
                      flux_error_t *err)
{
    if (what == POLICY)
        return set_param (c, "queue-policy", val, err);
    return set_params (c, what == QPARAMS ? "queue-params" : "policy-params", val, err);
}

/* Take the next "NAME:VALUE" off *s: 1; 0 at the end; -EINVAL. */
static int next_pair (const char **s, char *name, size_t nsize, char *val, size_t vsize)
{
    const char *p = *s + strspn (*s, " \t");
    size_t n = strcspn (p, " \t"), colon = strcspn (p, ": \t");

    if (n == 0)
        return 0;
    if (colon == 0 || colon >= n || colon >= nsize || n - colon > vsize)
        return -EINVAL;
    snprintf (name, nsize, "%.*s", (int)colon, p);
    snprintf (val, vsize, "%.*s", (int)(n - colon - 1), p + colon + 1);
    *s = p + n;
    return 1;
}

static int set_per_queue (struct qmanager_conf *c, enum per_queue what, const char *key,
                          const char *val, flux_error_t *err)
{
    struct queue_conf scratch = QUEUE_CONF_DEFAULT;
    char name[128], v[256];
    const char *p = val;
    int rc;

    while ((rc = next_pair (&p, name, sizeof (name), v, sizeof (v))) > 0) {
        flux_error_t why;
        if (set_value (&scratch, what, v, &why) < 0)
            return errmsg (err, -EINVAL, "%s: %s: %s", key, name, why.text);
    }
    if (rc < 0)
        return errmsg (err, rc, "%s=%s: must be of the form NAME:VALUE[ NAME:VALUE...]", key,
                       val);
    return keep (&c->per_queue[what], val);
}

static int set_qmanager (void *conf, const char *key, const char *val, flux_error_t *err)
{
    struct qmanager_conf *c = conf;

    if (!strcmp (key, "queue-policy-per-queue"))
        return set_per_queue (c, POLICY, key, val, err);
    if (!strcmp (key, "queue-params-per-queue"))
        return set_per_queue (c, QPARAMS, key, val, err);
    if (!strcmp (key, "policy-params-per-queue"))
        return set_per_queue (c, PPARAMS, key, val, err);
    if (!strcmp (key, "queue-params") || !strcmp (key, "policy-params"))
        return set_params (&c->general, key, val, err);
    return set_param (&c->general, key, val, err);
}

struct qmanager_conf *qmanager_conf_new (const json_t *table, int argc, char **argv,
                                         flux_error_t *err)
{
    struct qmanager_conf *c = calloc (1, sizeof (*c));
    int rc;

    if (!c) {
        errno = -errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    c->general = (struct queue_conf)QUEUE_CONF_DEFAULT;
    if ((rc = apply_table (QMANAGER, "", table, c, set_qmanager, err)) < 0
        || (rc = apply_args (argc, argv, c, set_qmanager, err)) < 0) {
        qmanager_conf_free (c);
        errno = -rc;
        return NULL;
    }
    return c;
}

void qmanager_conf_free (struct qmanager_conf *c)
{
    if (c) {
        for (int i = 0; i < PER_QUEUE; i++)
            free (c->per_queue[i]);
        free (c);
    }
}

void qmanager_conf_queue (const struct qmanager_conf *c, const char *queue,
                          struct queue_conf *qc)
{
    char name[128], val[256];

    *qc = c->general;
    for (int i = 0; i < PER_QUEUE; i++) {
        const char *p = c->per_queue[i] ? c->per_queue[i] : "";
        while (next_pair (&p, name, sizeof (name), val, sizeof (val)) > 0)
            if (!strcmp (name, queue))
                (void)set_value (qc, (enum per_queue)i, val, NULL);
    }
}

int qmanager_conf_check (const struct qmanager_conf *c, const json_t *queues,
                         flux_error_t *err)
{
    char name[128], val[256];

    for (int i = 0; i < PER_QUEUE; i++) {
        const char *p = c->per_queue[i] ? c->per_queue[i] : "";
        while (next_pair (&p, name, sizeof (name), val, sizeof (val)) > 0)
            if (!json_object_get (queues, name))
                return errmsg (err, -EINVAL, QMANAGER ": there is no queue '%s': it is not in"
                               " [queues]", name);
    }
    return 0;
}
