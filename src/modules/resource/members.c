/* members.c - the hosts of queues as properties of R (RFC 33)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/resource/hostmap.h"
#include "modules/resource/members.h"
#include "spec/rset.h"

static int set_members (struct rset *R, const char *queue, const struct idset *ranks,
                        flux_error_t *err)
{
    char property[256];

    if (idset_count (ranks) == 0)
        return errmsg (err, -EINVAL, "queues.%s.hosts: no host", queue);
    snprintf (property, sizeof (property), "+%s", queue);
    return rset_set_property (R, property, ranks, err);
}

static int apply_queue (struct rset *R, const struct hostmap *map, const char *queue,
                        const char *hosts, flux_error_t *err)
{
    struct idset *ranks;
    struct hostlist *hl;
    flux_error_t why;
    int rc;

    if (strcmp (hosts, "all") == 0)
        return set_members (R, queue, rset_ranks (R), err);
    if (!(hl = hostlist_decode (hosts)))
        return errmsg (err, -EINVAL, "queues.%s.hosts: '%s' is not a hostlist", queue, hosts);
    hostlist_destroy (hl);
    if (hostmap_targets (map, hosts, &ranks, &why) < 0)
        return errmsg (err, -EINVAL, "queues.%s.hosts: %s", queue, why.text);
    rc = set_members (R, queue, ranks, err);
    idset_destroy (ranks);
    return rc;
}

int members_apply (struct rset *R, const json_t *queues, flux_error_t *err)
{
    struct hostmap *map;
    const char *name;
    json_t *queue;
    int rc = 0;

    if (!queues)
        return 0;
    if (!(map = hostmap_new (R)))
        return errmsg (err, -ENOMEM, "out of memory");
    json_object_foreach ((json_t *)queues, name, queue) {
        json_t *hosts = json_object_get (queue, "hosts");
        if (!hosts || rc < 0)
            continue;
        if (!json_is_string (hosts))
            rc = errmsg (err, -EINVAL, "queues.%s.hosts: want a hostlist, or \"all\"", name);
        else
            rc = apply_queue (R, map, name, json_string_value (hosts), err);
    }
    hostmap_free (map);
    return rc;
}
