/* overlay_config.c - addresses, keys and names of peers that the configuration tells
 *
 * There is nothing to exchange: all brokers have the same table and certificate.
 */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>

#include "base/errmsg.h"
#include "broker/overlay_private.h"

/* ZeroMQ would go on trying to look up a name that there is not. */
static int check_address (const char *uri, bool ipv6, flux_error_t *err)
{
    struct addrinfo hints = { .ai_family = ipv6 ? AF_UNSPEC : AF_INET,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *res;
    char host[256];
    const char *colon;
    int rc;

    if (strncmp (uri, "tcp://", 6) != 0)
        return 0;
    uri += 6;
    colon = strrchr (uri, ':');
    if (!colon || colon == uri || colon - uri >= (long)sizeof (host))
        return errmsg (err, -EINVAL, "bootstrap: '%s' is not an address such as"
                       " tcp://HOST:PORT", uri - 6);
    snprintf (host, sizeof (host), "%.*s", (int)(colon - uri), uri);
    if (host[0] == '[')
        return 0;
    if ((rc = getaddrinfo (host, NULL, &hints, &res)) != 0)
        return errmsg (err, -EHOSTUNREACH, "bootstrap: the address of the parent, tcp://%s, is"
                       " not known: %s", uri, gai_strerror (rc));
    freeaddrinfo (res);
    return 0;
}

static int find_parent (struct overlay *ov, struct boot_config *place, flux_error_t *err)
{
    char *uri;
    int rc;

    if (!ov->has_parent)
        return 0;
    if (!(uri = boot_config_connect (place, ov->parent.rank, err)))
        return -errno;
    if ((rc = check_address (uri, boot_config_ipv6 (place), err)) == 0)
        rc = overlay_set_parent (ov, boot_config_host (place, ov->parent.rank), uri,
                                 cert_public_key (boot_config_cert (place)), err);
    free (uri);
    return rc;
}

static int await_children (struct overlay *ov, struct boot_config *place, flux_error_t *err)
{
    char bound[256];
    char *uri;
    int rc;

    if (ov->nchildren == 0)
        return 0;
    for (uint32_t i = 0; i < ov->nchildren; i++) {
        struct peer *p = &ov->children[i];
        snprintf (p->hostname, sizeof (p->hostname), "%s", boot_config_host (place, p->rank));
    }
    if (!(uri = boot_config_bind (place, ov->args.rank, err)))
        return -errno;
    if ((rc = ov->tp->allow (ov->t, cert_public_key (boot_config_cert (place)))) < 0)
        errmsg (err, rc, "overlay: %s", strerror (-rc));
    else
        rc = overlay_bind (ov, uri, bound, sizeof (bound), err);
    free (uri);
    return rc;
}

int overlay_configure (struct overlay *ov, struct boot_config *place, flux_error_t *err)
{
    const char *name = cert_meta (boot_config_cert (place), "name");
    const char *hostlist = boot_config_hostlist (place);

    if (!(ov->hostlist = strdup (hostlist)) || (name && !(ov->cert_name = strdup (name)))
        || attrs_default (ov->args.attrs, "hostlist", hostlist, 0) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    /* the parent first: a name server that does not answer holds no port */
    int rc = find_parent (ov, place, err);
    return rc < 0 ? rc : await_children (ov, place, err);
}
