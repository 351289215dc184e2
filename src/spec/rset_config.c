/* rset_config.c - R from the array resource.config of the configuration
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "base/hash.h"
#include "spec/rset.h"
#include "spec/rset_config.h"

struct host {
    char *name;
    const char *cores;      /* of the configuration */
    const char *gpus;
};

struct hosts {
    struct host *v;
    size_t count;
    struct hash *index;     /* place plus one, by name */
};

static void hosts_release (struct hosts *h)
{
    for (size_t i = 0; i < h->count; i++)
        free (h->v[i].name);
    free (h->v);
    hash_free (h->index);
}

static struct host *hosts_get (struct hosts *h, const char *name)
{
    uintptr_t n = (uintptr_t)hash_get (h->index, name);
    struct host *v;

    if (n)
        return &h->v[n - 1];
    if (h->count >= RSET_MAX_RANKS
        || !(v = realloc (h->v, (h->count + 1) * sizeof (*v))))
        return NULL;
    h->v = v;
    memset (&v[h->count], 0, sizeof (v[0]));
    if (!(v[h->count].name = strdup (name))
        || hash_set (h->index, name, (void *)(uintptr_t)(h->count + 1)) < 0) {
        free (v[h->count].name);
        return NULL;
    }
    return &v[h->count++];
}

static int get_ids (const json_t *o, size_t index, const char *key, const char **sp,
                    flux_error_t *err)
{
    const json_t *value = json_object_get (o, key);
    const char *s = json_string_value (value);
    unsigned int max = 0;
    size_t count = 0;

    if (value && !s)
        return errmsg (err, -EINVAL, "resource.config[%zu].%s: must be a string", index,
                       key);
    if (s && (idset_decode_info (s, -1, &count, &max, NULL) < 0 || max > RSET_MAX_ID))
        return errmsg (err, -EINVAL, "resource.config[%zu].%s: '%s' is not an idset",
                       index, key, s);
    *sp = s;
    return 0;
}

static int check_properties (const json_t *o, size_t index, flux_error_t *err)
{
    size_t i;
    json_t *value;

    if (o && !json_is_array (o))
        return errmsg (err, -EINVAL, "resource.config[%zu].properties: must be an "
                       "array of strings", index);
    json_array_foreach ((json_t *)o, i, value) {
        if (!json_is_string (value))
            return errmsg (err, -EINVAL, "resource.config[%zu].properties[%zu]: must "
                           "be a string", index, i);
    }
    return 0;
}

static int entry_hosts (const json_t *entry, size_t index, struct hostlist **hlp,
                        flux_error_t *err)
{
    const char *s = json_string_value (json_object_get (entry, "hosts"));

    if (!s || !(*hlp = hostlist_decode (s)))
        return errmsg (err, -EINVAL, "resource.config[%zu].hosts: must be a host list",
                       index);
    if (hostlist_count (*hlp) > (int)RSET_MAX_RANKS) {
        hostlist_destroy (*hlp);
        return errmsg (err, -EINVAL, "resource.config[%zu].hosts: too many hosts",
                       index);
    }
    return 0;
}

static int config_entry (struct hosts *h, const json_t *entry, size_t index,
                         flux_error_t *err)
{
    const char *cores, *gpus;
    struct hostlist *hl;
    char table[64];
    int rc = 0;

    snprintf (table, sizeof (table), "resource.config[%zu]", index);
    if (tablekeys_check (entry, table, "hosts cores gpus properties", err) < 0
        || get_ids (entry, index, "cores", &cores, err) < 0
        || get_ids (entry, index, "gpus", &gpus, err) < 0
        || check_properties (json_object_get (entry, "properties"), index, err) < 0
        || entry_hosts (entry, index, &hl, err) < 0)
        return -EINVAL;
    for (const char *s = hostlist_first (hl); s && rc == 0; s = hostlist_next (hl)) {
        struct host *host = hosts_get (h, s);

        if (!host)
            rc = errmsg (err, -ENOMEM, "out of memory");
        else {
            host->cores = cores ? cores : host->cores;
            host->gpus = gpus ? gpus : host->gpus;
        }
    }
    hostlist_destroy (hl);
    return rc;
}

static int hosts_to_R (struct hosts *h, struct rset *R, flux_error_t *err)
{
    for (size_t i = 0; i < h->count; i++) {
        const struct host *host = &h->v[i];

        if (!host->cores)
            return errmsg (err, -EINVAL, "resource.config: host %s has no cores",
                           host->name);
        if (rset_add_rank (R, (uint32_t)i, host->name, host->cores, host->gpus) < 0)
            return errmsg (err, -EINVAL, "resource.config: host %s: invalid cores or "
                           "gpus", host->name);
    }
    return 0;
}

/* Ranks of the hosts of an entry, all of which are known by now. */
static struct idset *entry_ranks (const struct hosts *h, const json_t *entry)
{
    const char *s = json_string_value (json_object_get (entry, "hosts"));
    struct hostlist *hl = hostlist_decode (s);
    struct idset *ranks = idset_create (0, IDSET_FLAG_AUTOGROW);

    for (s = hostlist_first (hl); s && ranks; s = hostlist_next (hl)) {
        if (idset_set (ranks, (uintptr_t)hash_get (h->index, s) - 1) < 0) {
            idset_destroy (ranks);
            ranks = NULL;
        }
    }
    hostlist_destroy (hl);
    return ranks;
}

static int config_properties (const struct hosts *h, const json_t *entry,
                              size_t index, struct rset *R, flux_error_t *err)
{
    const json_t *props = json_object_get (entry, "properties");
    struct idset *ranks;
    flux_error_t perr;
    size_t i;
    json_t *value;
    int rc = 0;

    if (json_array_size (props) == 0)
        return 0;
    if (!(ranks = entry_ranks (h, entry)))
        return errmsg (err, -ENOMEM, "out of memory");
    json_array_foreach ((json_t *)props, i, value) {
        if (rc == 0
            && (rc = rset_set_property (R, json_string_value (value), ranks, &perr)) < 0)
            errmsg (err, rc, "resource.config[%zu].properties[%zu]: %s", index, i,
                    perr.text);
    }
    idset_destroy (ranks);
    return rc;
}

struct rset *rset_from_config (const json_t *config, flux_error_t *err)
{
    struct hosts h = { .index = hash_new (NULL) };
    struct rset *R = rset_new ();
    size_t index;
    json_t *entry;
    int rc = h.index && R ? 0 : errmsg (err, -ENOMEM, "out of memory");

    if (rc == 0 && json_array_size (config) == 0)
        rc = errmsg (err, -EINVAL, "resource.config: must be an array of tables");
    json_array_foreach ((json_t *)config, index, entry) {
        if (rc == 0)
            rc = config_entry (&h, entry, index, err);
    }
    if (rc == 0)
        rc = hosts_to_R (&h, R, err);
    json_array_foreach ((json_t *)config, index, entry) {
        if (rc == 0)
            rc = config_properties (&h, entry, index, R, err);
    }
    hosts_release (&h);
    if (rc < 0) {
        rset_free (R);
        return NULL;
    }
    return R;
}
