/* hosts.c - ranks to hosts and back, from the hostlist attribute
 *
 * The attribute may change (an instance grows), so it is looked at each time;
 * it is parsed again only if it did.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"

#define HOSTS_AUX "flux::hostmap"

struct hostmap {
    char *text;
    struct hostlist *hl;
};

static void hostmap_destroy (void *arg)
{
    struct hostmap *map = arg;

    if (map) {
        hostlist_destroy (map->hl);
        free (map->text);
        free (map);
    }
}

static struct hostmap *hostmap_create (flux_t *h, const char *text)
{
    struct hostmap *map;

    if (!(map = calloc (1, sizeof (*map)))
        || !(map->text = strdup (text))
        || !(map->hl = hostlist_decode (text))
        || flux_aux_set (h, HOSTS_AUX, map, hostmap_destroy) < 0) {
        hostmap_destroy (map);
        return NULL;
    }
    return map;
}

static struct hostlist *hostmap_get (flux_t *h)
{
    struct hostmap *map;
    const char *text;

    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if (!(text = flux_attr_get (h, "hostlist")))
        return NULL;
    map = flux_aux_get (h, HOSTS_AUX);
    if (!map || strcmp (map->text, text) != 0)
        map = hostmap_create (h, text);
    return map ? map->hl : NULL;
}

const char *flux_get_hostbyrank (flux_t *h, uint32_t rank)
{
    struct hostlist *hl;
    const char *host;

    if (rank == FLUX_NODEID_ANY)
        return "any";
    if (rank == FLUX_NODEID_UPSTREAM)
        return "upstream";
    if (rank > INT32_MAX
        || !(hl = hostmap_get (h))
        || !(host = hostlist_nth (hl, (int)rank)))
        return "(null)";
    return host;
}

int flux_get_rankbyhost (flux_t *h, const char *host)
{
    struct hostlist *hl;

    if (!h || !host) {
        errno = EINVAL;
        return -1;
    }
    if (!(hl = hostmap_get (h)))
        return -1;
    return hostlist_find (hl, host);
}

static char *lookup_hosts (struct hostlist *hl, struct idset *ids, flux_error_t *errp)
{
    struct hostlist *result;
    unsigned int id;
    char *s = NULL;

    if (!(result = hostlist_create ()))
        goto error;
    for (id = idset_first (ids); id != IDSET_INVALID_ID; id = idset_next (ids, id)) {
        const char *host = id <= INT32_MAX ? hostlist_nth (hl, (int)id) : NULL;

        if (!host) {
            errmsg (errp, -ENOENT, "rank %u is not found in host map", id);
            errno = ENOENT;
            goto out;
        }
        if (hostlist_append (result, host) < 0)
            goto error;
    }
    if ((s = hostlist_encode (result)))
        goto out;
error:
    errmsg (errp, -errno, "%s", flux_strerror (errno));
out:
    hostlist_destroy (result);
    return s;
}

static char *lookup_ranks (struct hostlist *hl, struct hostlist *targets, flux_error_t *errp)
{
    struct idset *ids;
    const char *host;
    char *s = NULL;

    if (!(ids = idset_create (0, IDSET_FLAG_AUTOGROW)))
        goto error;
    for (host = hostlist_first (targets); host; host = hostlist_next (targets)) {
        int rank = hostlist_find (hl, host);

        if (rank < 0) {
            errmsg (errp, -ENOENT, "host %s is not found in host map", host);
            errno = ENOENT;
            goto out;
        }
        if (idset_set (ids, rank) < 0)
            goto error;
    }
    if ((s = idset_encode (ids, IDSET_FLAG_RANGE)))
        goto out;
error:
    errmsg (errp, -errno, "%s", flux_strerror (errno));
out:
    idset_destroy (ids);
    return s;
}

char *flux_hostmap_lookup (flux_t *h, const char *targets, flux_error_t *errp)
{
    struct hostlist *hl;
    struct hostlist *hosts = NULL;
    struct idset *ids;
    char *s = NULL;

    if (!h || !targets) {
        errmsg (errp, -EINVAL, "no handle or no targets");
        errno = EINVAL;
        return NULL;
    }
    if (!(hl = hostmap_get (h))) {
        errmsg (errp, -errno, "reading the hostlist attribute: %s", flux_strerror (errno));
        return NULL;
    }
    if ((ids = idset_decode (targets)))
        s = lookup_hosts (hl, ids, errp);
    else if ((hosts = hostlist_decode (targets)))
        s = lookup_ranks (hl, hosts, errp);
    else {
        errmsg (errp, -EINVAL, "%s: neither an idset nor a hostlist", targets);
        errno = EINVAL;
    }
    idset_destroy (ids);
    hostlist_destroy (hosts);
    return s;
}
