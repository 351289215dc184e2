/* netaddr.c - the address that other hosts are told to connect to
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "broker/netaddr.h"

static int print (const struct sockaddr *sa, char *buf, size_t size)
{
    socklen_t len = sa->sa_family == AF_INET6 ? sizeof (struct sockaddr_in6)
                                              : sizeof (struct sockaddr_in);

    return getnameinfo (sa, len, buf, size, NULL, 0, NI_NUMERICHOST) == 0 ? 0 : -EIO;
}

/* The interface of the route to everywhere. */
static int default_interface (char *name, size_t size)
{
    FILE *f = fopen ("/proc/net/route", "re");
    char line[256];
    char ifname[IF_NAMESIZE + 1];
    unsigned long dest, mask;
    int rc = -ENOENT;

    while (f && rc < 0 && fgets (line, sizeof (line), f)) {
        if (sscanf (line, "%16s %lx %*x %*x %*d %*d %*d %lx", ifname, &dest, &mask) == 3
            && dest == 0 && mask == 0) {
            snprintf (name, size, "%s", ifname);
            rc = 0;
        }
    }
    if (f)
        fclose (f);
    return rc;
}

struct net {
    uint32_t addr;
    uint32_t mask;
};

static int parse_net (const char *s, struct net *net)
{
    char addr[INET_ADDRSTRLEN];
    const char *slash = strchr (s, '/');
    struct in_addr in;
    char *end;
    long bits;

    if (!slash || slash - s >= (long)sizeof (addr))
        return -EINVAL;
    memcpy (addr, s, slash - s);
    addr[slash - s] = '\0';
    bits = strtol (slash + 1, &end, 10);
    if (end == slash + 1 || *end || bits < 0 || bits > 32
        || inet_pton (AF_INET, addr, &in) != 1)
        return -EINVAL;
    net->mask = bits ? htonl (0xffffffffu << (32 - bits)) : 0;
    net->addr = in.s_addr & net->mask;
    return 0;
}

static bool in_net (const struct sockaddr *sa, const struct net *net)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

    return sa->sa_family == AF_INET && (in->sin_addr.s_addr & net->mask) == net->addr;
}

/* By name or, if 'net', by network. */
static int of_interface (const char *name, const struct net *net, bool ipv6, char *buf,
                         size_t size)
{
    struct ifaddrs *ifa, *list;
    int rc = -ENOENT;

    if (getifaddrs (&list) < 0)
        return -errno;
    for (ifa = list; ifa && rc < 0; ifa = ifa->ifa_next) {
        const struct sockaddr *sa = ifa->ifa_addr;
        if (!sa)
            continue;
        if (net ? in_net (sa, net) : (!strcmp (ifa->ifa_name, name)
                                      && sa->sa_family == (ipv6 ? AF_INET6 : AF_INET)))
            rc = print (sa, buf, size);
    }
    freeifaddrs (list);
    return rc;
}

static int of_hostname (bool ipv6, char *buf, size_t size)
{
    char name[256];
    struct addrinfo hints = { .ai_family = ipv6 ? AF_UNSPEC : AF_INET,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *res;
    int rc;

    if (gethostname (name, sizeof (name)) < 0)
        return -errno;
    name[sizeof (name) - 1] = '\0';
    if (getaddrinfo (name, NULL, &hints, &res) != 0)
        return -ENOENT;
    rc = print (res->ai_addr, buf, size);
    freeaddrinfo (res);
    return rc;
}

int netaddr_find (const char *hint, bool ipv6, char *buf, size_t size,
                  flux_error_t *err)
{
    char name[IF_NAMESIZE + 1];
    struct net net;
    int rc;

    if (!strcmp (hint, "default-route")) {
        if (default_interface (name, sizeof (name)) == 0
            && of_interface (name, NULL, ipv6, buf, size) == 0)
            return 0;
        rc = of_hostname (ipv6, buf, size);
    }
    else if (!strcmp (hint, "hostname"))
        rc = of_hostname (ipv6, buf, size);
    else if (strchr (hint, '/')) {
        if (parse_net (hint, &net) < 0)
            return errmsg (err, -EINVAL, "tbon.interface-hint: '%s' is not an IPv4"
                           " network such as 10.0.2.0/24", hint);
        rc = of_interface (NULL, &net, false, buf, size);
    }
    else
        rc = of_interface (hint, NULL, ipv6, buf, size);
    if (rc < 0)
        return errmsg (err, rc, "tbon.interface-hint=%s: no address found", hint);
    return 0;
}
