/* rconfig.c - the [resource] and [fake-resources] tables of the configuration
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "modules/resource/rconfig.h"
#include "spec/rset.h"
#include "spec/rset_config.h"

#define JOURNAL_MAX 100000
#define HISTORY_DAYS 90

/* -- values -- */

static int get_string (const json_t *o, const char *table, const char *key,
                       const char **sp, flux_error_t *err)
{
    const json_t *value = json_object_get (o, key);

    if (value && !json_is_string (value))
        return errmsg (err, -EINVAL, "%s.%s: must be a string", table, key);
    *sp = json_string_value (value);
    return 0;
}

static int get_bool (const json_t *o, const char *key, bool *bp, flux_error_t *err)
{
    const json_t *value = json_object_get (o, key);

    if (value && !json_is_boolean (value))
        return errmsg (err, -EINVAL, "resource.%s: must be true or false", key);
    *bp = json_is_true (value);
    return 0;
}

static int get_int (const json_t *o, const char *table, const char *key, int min,
                    int *ip, flux_error_t *err)
{
    const json_t *value = json_object_get (o, key);

    if (!value)
        return 0;
    if (!json_is_integer (value) || json_integer_value (value) < min
        || json_integer_value (value) > INT32_MAX)
        return errmsg (err, -EINVAL, "%s.%s: must be an integer from %d", table, key,
                       min);
    *ip = (int)json_integer_value (value);
    return 0;
}

static json_t *load_json (const char *path, const char *key, flux_error_t *err)
{
    json_error_t jerr;
    json_t *o = json_load_file (path, 0, &jerr);

    if (!o)
        errmsg (err, -EINVAL, "%s: %s: %s", key, path, jerr.text);
    return o;
}

/* -- R -- */

static struct rset *R_from_path (const char *path, flux_error_t *err)
{
    json_t *o = load_json (path, "resource.path", err);
    struct rset *R = NULL;
    flux_error_t rerr;

    if (o && !(R = rset_from_json (o, &rerr)))
        errmsg (err, -EINVAL, "resource.path: %s: %s", path, rerr.text);
    json_decref (o);
    return R;
}

static int parse_R (struct rconfig *c, const json_t *o, bool leader, flux_error_t *err)
{
    const json_t *config = json_object_get (o, "config");
    const char *path = NULL, *scheduling = NULL;

    if (get_string (o, "resource", "path", &path, err) < 0
        || get_string (o, "resource", "scheduling", &scheduling, err) < 0)
        return -EINVAL;
    c->configured = config || path;
    if (!leader)
        return 0;
    if (scheduling && !(c->scheduling = load_json (scheduling, "resource.scheduling",
                                                   err)))
        return -EINVAL;
    if (config)
        c->R = rset_from_config (config, err);
    else if (path)
        c->R = R_from_path (path, err);
    if (c->configured && !c->R)
        return -EINVAL;
    return 0;
}

/* -- resource.verify -- */

static int get_mode (const json_t *value, const char *key, enum verify_mode *mp,
                     flux_error_t *err)
{
    static const char *const names[] = { "strict", "allow-extra", "allow-missing",
                                         "ignore" };
    const char *s = json_string_value (value);

    for (int i = 0; s && i < 4; i++) {
        if (strcmp (names[i], s) == 0) {
            *mp = (enum verify_mode)i;
            return 0;
        }
    }
    return errmsg (err, -EINVAL, "resource.verify.%s: must be strict, allow-extra, "
                   "allow-missing or ignore", key);
}

static void verify_all (struct rconfig *c, enum verify_mode mode)
{
    for (int i = 0; i < VERIFY_NTYPES; i++)
        c->verify[i] = mode;
}

static int verify_table (struct rconfig *c, const json_t *o, flux_error_t *err)
{
    static const char *const names[] = { "hostname", "core", "gpu" };
    enum verify_mode mode = VERIFY_STRICT;
    const json_t *value;

    if (tablekeys_check (o, "resource.verify", "hostname core gpu default", err) < 0)
        return -EINVAL;
    if ((value = json_object_get (o, "default"))
        && get_mode (value, "default", &mode, err) < 0)
        return -EINVAL;
    verify_all (c, mode);
    for (int i = 0; i < VERIFY_NTYPES; i++) {
        if ((value = json_object_get (o, names[i]))
            && get_mode (value, names[i], &c->verify[i], err) < 0)
            return -EINVAL;
    }
    return 0;
}

static int parse_verify (struct rconfig *c, const json_t *o, flux_error_t *err)
{
    const json_t *verify = json_object_get (o, "verify");
    bool noverify = false;

    verify_all (c, VERIFY_ALLOW_EXTRA);
    c->verify[VERIFY_GPU] = VERIFY_IGNORE;
    c->verify[VERIFY_HOSTNAME] = VERIFY_STRICT;
    c->verify_explicit = verify != NULL;
    if (json_is_boolean (verify))
        verify_all (c, json_is_true (verify) ? VERIFY_STRICT : VERIFY_IGNORE);
    else if (json_is_object (verify)) {
        if (verify_table (c, verify, err) < 0)
            return -EINVAL;
    }
    else if (verify)
        return errmsg (err, -EINVAL, "resource.verify: must be a boolean or a table");
    if (get_bool (o, "noverify", &noverify, err) < 0)
        return -EINVAL;
    if (noverify)
        verify_all (c, VERIFY_IGNORE);
    return 0;
}

bool rconfig_verify_nothing (const struct rconfig *c)
{
    for (int i = 0; i < VERIFY_NTYPES; i++) {
        if (c->verify[i] != VERIFY_IGNORE)
            return false;
    }
    return true;
}

/* -- the rest of [resource] -- */

static int parse_history (struct rconfig *c, const json_t *o, flux_error_t *err)
{
    const json_t *value = json_object_get (o, "history");

    c->history = HISTORY_DAYS * 86400.;
    if (json_is_number (value) && json_number_value (value) >= 0.)
        c->history = json_number_value (value);
    else if (value && (!json_is_string (value)
                       || duration_parse (json_string_value (value), &c->history) < 0))
        return errmsg (err, -EINVAL, "resource.history: must be a duration such as "
                       "\"30d\" or \"inf\"");
    return 0;
}

static int dup_string (char **dst, const char *src, flux_error_t *err)
{
    if (src && !(*dst = strdup (src)))
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

/* TOML on a command line makes a number of a single rank. */
static int parse_exclude (struct rconfig *c, const json_t *o, flux_error_t *err)
{
    const json_t *value = json_object_get (o, "exclude");
    char rank[32];

    if (!json_is_integer (value)) {
        const char *s = NULL;

        if (get_string (o, "resource", "exclude", &s, err) < 0)
            return -EINVAL;
        return dup_string (&c->exclude, s, err);
    }
    snprintf (rank, sizeof (rank), "%" JSON_INTEGER_FORMAT, json_integer_value (value));
    return dup_string (&c->exclude, rank, err);
}

static int parse_resource (struct rconfig *c, const json_t *o, bool leader,
                           flux_error_t *err)
{
    static const char *const known = "path config scheduling exclude norestrict verify"
                                     " noverify rediscover journal-max history";

    c->journal_max = JOURNAL_MAX;
    if ((o && tablekeys_check (o, "resource", known, err) < 0)
        || parse_R (c, o, leader, err) < 0
        || parse_verify (c, o, err) < 0
        || parse_history (c, o, err) < 0
        || parse_exclude (c, o, err) < 0
        || get_bool (o, "norestrict", &c->norestrict, err) < 0
        || get_bool (o, "rediscover", &c->rediscover, err) < 0
        || get_int (o, "resource", "journal-max", 1, &c->journal_max, err) < 0)
        return -EINVAL;
    return 0;
}

/* -- [fake-resources] -- */

static int read_text (const char *path, char **textp, flux_error_t *err)
{
    char buf[4096];
    char *text = NULL;
    size_t size = 0, n;
    FILE *f = fopen (path, "r");
    FILE *mem = f ? open_memstream (&text, &size) : NULL;
    int rc = 0;

    if (!mem)
        rc = errmsg (err, -errno, "fake-resources.hwloc-xml-path: %s: %s", path,
                     strerror (errno));
    while (rc == 0 && (n = fread (buf, 1, sizeof (buf), f)) > 0) {
        if (fwrite (buf, 1, n, mem) < n)
            rc = errmsg (err, -ENOMEM, "out of memory");
    }
    if (f)
        fclose (f);
    if (mem && fclose (mem) < 0 && rc == 0)
        rc = errmsg (err, -ENOMEM, "out of memory");
    if (rc < 0)
        free (text);
    else
        *textp = text;
    return rc;
}

static int parse_fake (struct fake_resources *fake, const json_t *o, bool leader,
                       flux_error_t *err)
{
    static const char *const known = "nnodes cores-per-node gpus-per-node host-prefix"
                                     " hwloc-xml-path amend-r";
    const char *table = "fake-resources", *prefix = NULL, *path = NULL;

    if (!o)
        return 0;
    fake->cores = 64;
    if (tablekeys_check (o, table, known, err) < 0
        || get_int (o, table, "nnodes", 1, &fake->nnodes, err) < 0
        || get_int (o, table, "cores-per-node", 1, &fake->cores, err) < 0
        || get_int (o, table, "gpus-per-node", 0, &fake->gpus, err) < 0
        || get_string (o, table, "host-prefix", &prefix, err) < 0
        || get_string (o, table, "hwloc-xml-path", &path, err) < 0)
        return -EINVAL;
    if (json_object_get (o, "amend-r"))
        return errmsg (err, -EINVAL, "fake-resources.amend-r: needs a Python "
                       "interpreter in the broker, which there is not; write R to a "
                       "file and set resource.path");
    if (fake->nnodes == 0 || fake->nnodes > (int)RSET_MAX_RANKS)
        return errmsg (err, -EINVAL, "fake-resources.nnodes: must be an integer from 1 "
                       "to %u", RSET_MAX_RANKS);
    if (path && leader && read_text (path, &fake->hwloc_xml, err) < 0)
        return -EINVAL;
    return dup_string (&fake->prefix, prefix ? prefix : "fake", err);
}

struct rset *fake_resources_R (const struct fake_resources *fake, int cores, int gpus)
{
    struct rset *R = rset_new ();
    char host[256], core[32], gpu[32];

    snprintf (core, sizeof (core), cores > 1 ? "0-%d" : "%d", cores - 1);
    snprintf (gpu, sizeof (gpu), gpus > 1 ? "0-%d" : "%d", gpus - 1);
    for (int i = 0; R && i < fake->nnodes; i++) {
        int rc;

        snprintf (host, sizeof (host), "%s%d", fake->prefix, i);
        if ((rc = rset_add_rank (R, (uint32_t)i, host, core,
                                 gpus > 0 ? gpu : NULL)) < 0) {
            rset_free (R);
            errno = -rc;
            return NULL;
        }
    }
    return R;
}

/* -- all -- */

struct rconfig *rconfig_parse (const json_t *conf, bool leader, flux_error_t *err)
{
    struct rconfig *c = calloc (1, sizeof (*c));

    if (!c) {
        errmsg (err, -ENOMEM, "out of memory");
        errno = ENOMEM;
        return NULL;
    }
    if (parse_resource (c, json_object_get (conf, "resource"), leader, err) < 0
        || parse_fake (&c->fake, json_object_get (conf, "fake-resources"), leader,
                       err) < 0) {
        rconfig_free (c);
        errno = EINVAL;
        return NULL;
    }
    return c;
}

void rconfig_free (struct rconfig *c)
{
    if (c) {
        rset_free (c->R);
        json_decref (c->scheduling);
        free (c->exclude);
        free (c->fake.prefix);
        free (c->fake.hwloc_xml);
        free (c);
    }
}
