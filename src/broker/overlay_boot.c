/* overlay_boot.c - addresses, keys and names of peers
 *
 * Each broker puts one business card and enters one barrier:
 *   {"host":s "key":s "uri":s}      uri: "" on a leaf
 * (a launcher may put {"host":s} for one that will not come: flux start --test-start-mode)
 * then reads those of its parent and its children; rank 0 reads all, makes the
 * hostlist, and hands it down in the answers to overlay.hello.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <syslog.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "broker/netaddr.h"
#include "broker/overlay_private.h"

/* --- settings: an attribute goes before the [tbon] table --- */

static const char *setting (struct overlay *ov, const char *key, const char *otherwise)
{
    char name[64];
    const char *s;

    snprintf (name, sizeof (name), "tbon.%s", key);
    if ((s = attrs_get (ov->args.attrs, name, NULL)))
        return s;
    if (flux_conf_unpack (ov->args.conf, NULL, "{s?{s?s}}", "tbon", key, &s) == 0 && s)
        return s;
    return otherwise;
}

static const struct {
    const char *key;
    json_type type;
} keys[] = {
    { "topo", JSON_STRING },
    { "torpid_min", JSON_STRING },
    { "torpid_max", JSON_STRING },
    { "tcp_user_timeout", JSON_STRING },
    { "connect_timeout", JSON_STRING },
    { "interface-hint", JSON_STRING },
    { "zmq_io_threads", JSON_INTEGER },
    { "child_rcvhwm", JSON_INTEGER },
    { "zmqdebug", JSON_INTEGER },
};

static int check_key (const char *key, const json_t *val, flux_error_t *err)
{
    size_t n = sizeof (keys) / sizeof (keys[0]), i = 0;

    while (i < n && strcmp (key, keys[i].key) != 0)
        i++;
    if (i == n)
        return errmsg (err, -EINVAL, "tbon.%s: unknown key, see flux-config-tbon(5)", key);
    if (json_typeof (val) != keys[i].type)
        return errmsg (err, -EINVAL, "tbon.%s: is not %s", key, keys[i].type == JSON_STRING
                       ? "a string (a duration is one: \"30s\")" : "an integer");
    return 0;
}

static int check_table (const flux_conf_t *conf, flux_error_t *err)
{
    json_t *table = NULL, *val;
    const char *key;
    int rc;

    if (flux_conf_unpack (conf, err, "{s?o}", "tbon", &table) < 0)
        return -errno;
    if (table && !json_is_object (table))
        return errmsg (err, -EINVAL, "tbon: not a table");
    json_object_foreach (table, key, val)
        if ((rc = check_key (key, val, err)) < 0)
            return rc;
    return 0;
}

/* flux lsattr shows what is in force, wherever it is from. */
static int show (struct overlay *ov, const char *key, const char *text, flux_error_t *err)
{
    char name[64];

    snprintf (name, sizeof (name), "tbon.%s", key);
    return attrs_set (ov->args.attrs, name, text, 0) < 0 ? errmsg (err, -ENOMEM, "out of memory")
                                                         : 0;
}

static int setting_int (struct overlay *ov, const char *key, int min, int otherwise,
                        int *valp, flux_error_t *err)
{
    char name[64], text[16];
    int n = otherwise;
    int rc;

    snprintf (name, sizeof (name), "tbon.%s", key);
    rc = attrs_get_int (ov->args.attrs, name, min, 1000000, valp, err);
    if (rc != -ENOENT)
        return rc;
    if (flux_conf_unpack (ov->args.conf, err, "{s?{s?i}}", "tbon", key, &n) < 0)
        return -EINVAL;
    if (n < min || n > 1000000)
        return errmsg (err, -EINVAL, "tbon.%s: %d is out of range", key, n);
    *valp = n;
    snprintf (text, sizeof (text), "%d", n);
    return show (ov, key, text, err);
}

static int setting_fsd (struct overlay *ov, const char *key, const char *otherwise,
                        double *valp, flux_error_t *err)
{
    const char *s = setting (ov, key, otherwise);

    if (duration_parse (s, valp) < 0)
        return errmsg (err, -EINVAL, "tbon.%s: '%s' is not a duration such as 30s", key,
                       s);
    return show (ov, key, s, err);
}

/* What may change while the instance runs, unless an attribute was set at the start. */
static int setting_live (struct overlay *ov, const char *key, bool fixed, const char *otherwise,
                         double *valp, flux_error_t *err)
{
    const char *s = otherwise;

    if (fixed)
        return setting_fsd (ov, key, otherwise, valp, err);
    (void)flux_conf_unpack (ov->args.conf, NULL, "{s?{s?s}}", "tbon", key, &s);
    if (duration_parse (s, valp) < 0)
        return errmsg (err, -EINVAL, "tbon.%s: '%s' is not a duration such as 30s", key, s);
    return show (ov, key, s, err);
}

static int milliseconds (double seconds)
{
    return isfinite (seconds) && seconds < 86400 ? (int)(seconds * 1000) : 0;
}

static int read_torpid (struct overlay *ov, flux_error_t *err)
{
    double min, max;
    int rc;

    if ((rc = setting_live (ov, "torpid_min", ov->torpid_min_fixed, "5s", &min, err)) < 0
        || (rc = setting_live (ov, "torpid_max", ov->torpid_max_fixed, "30s", &max, err)) < 0)
        return rc;
    ov->torpid_min = min;
    ov->torpid_max = max;
    return 0;
}

int overlay_config_changed (struct overlay *ov, const flux_conf_t *conf, flux_error_t *err)
{
    int rc;

    if ((rc = check_table (conf, err)) < 0)
        return rc;
    ov->args.conf = conf;
    if ((rc = read_torpid (ov, err)) == 0)
        overlay_keepalive_start (ov);
    return rc;
}

static void trace_connection (void *arg, const char *sock, const char *event, const char *endpoint)
{
    struct overlay *ov = arg;

    broker_logf (ov->args.log, LOG_DEBUG, "%s socket: %s: %s", sock, event, endpoint);
}

static int read_timeouts (struct overlay *ov, struct transport_args *ta,
                          flux_error_t *err)
{
    const struct boot_config *place = ov->args.place;
    double user, conn;
    int debug;
    int rc;

    ov->torpid_min_fixed = attrs_get (ov->args.attrs, "tbon.torpid_min", NULL) != NULL;
    ov->torpid_max_fixed = attrs_get (ov->args.attrs, "tbon.torpid_max", NULL) != NULL;
    if ((rc = read_torpid (ov, err)) < 0
        || (rc = setting_int (ov, "zmqdebug", 0, 0, &debug, err)) < 0
        || (rc = setting_fsd (ov, "tcp_user_timeout", "20s", &user, err)) < 0
        || (rc = setting_fsd (ov, "connect_timeout", "30s", &conn, err)) < 0
        || (rc = setting_int (ov, "zmq_io_threads", 1, 1, &ta->io_threads, err)) < 0
        || (rc = setting_int (ov, "child_rcvhwm", 0, 0, &ta->child_rcvhwm, err)) < 0)
        return rc;
    if (ta->child_rcvhwm == 1)
        return errmsg (err, -EINVAL, "tbon.child_rcvhwm: must be 0 or at least 2");
    ta->tcp_user_timeout_ms = milliseconds (user);
    ta->connect_timeout_ms = milliseconds (conn);
    ta->trace = debug ? trace_connection : NULL;
    ta->arg = ov;
    ta->ipv6 = place ? boot_config_ipv6 (place) : getenv ("FLUX_IPADDR_V6") != NULL;
    if (ov->args.rank > 0)
        ta->io_threads = 1;
    return 0;
}

static int set_critical_ranks (struct overlay *ov)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    char *s = NULL;
    int rc = -ENOMEM;

    if (!ids || idset_set (ids, 0) < 0)
        goto done;
    for (uint32_t i = 1; i < ov->args.size; i++)
        if (topo_children (ov->topo, i, NULL, 0) > 0 && idset_set (ids, i) < 0)
            goto done;
    if ((s = idset_encode (ids, IDSET_FLAG_RANGE)))
        rc = attrs_default (ov->args.attrs, "broker.critical-ranks", s, 0);
done:
    free (s);
    idset_destroy (ids);
    return rc;
}

/* Instances within this one take it from the attribute. */
static int set_interface_hint (struct overlay *ov)
{
    const char *hint = setting (ov, "interface-hint", NULL);

    if (!hint && !(hint = getenv ("FLUX_IPADDR_INTERFACE")))
        hint = getenv ("FLUX_IPADDR_HOSTNAME") ? "hostname" : ov->args.interface_hint;
    return attrs_set (ov->args.attrs, "tbon.interface-hint", hint ? hint : "default-route",
                      0);
}

static int set_tree_attrs (struct overlay *ov, const char *scheme)
{
    struct attrs *a = ov->args.attrs;
    uint32_t rank = ov->args.rank;

    if (attrs_set (a, "tbon.topo", scheme, 0) < 0
        || attrs_setf (a, "tbon.level", 0, "%" PRIu32, topo_level (ov->topo, rank)) < 0
        || attrs_setf (a, "tbon.maxlevel", 0, "%" PRIu32, topo_maxlevel (ov->topo)) < 0
        || attrs_setf (a, "tbon.descendants", 0, "%" PRIu32,
                       topo_descendants (ov->topo, rank)) < 0
        || set_critical_ranks (ov) < 0 || set_interface_hint (ov) < 0)
        return -ENOMEM;
    return 0;
}

int overlay_read_settings (struct overlay *ov, struct transport_args *ta,
                           flux_error_t *err)
{
    struct boot_config *place = ov->args.place;
    const json_t *hosts = place ? boot_config_hosts (place) : NULL;
    char *scheme;
    int rc = check_table (ov->args.conf, err);

    if (rc < 0)
        return rc;
    scheme = strdup (setting (ov, "topo", place ? "custom" : "kary:32"));
    if (!scheme)
        return errmsg (err, -ENOMEM, "out of memory");
    if (!(ov->topo = topo_new (scheme, ov->args.size, hosts, err)))
        rc = -EINVAL;
    else if ((rc = set_tree_attrs (ov, scheme)) < 0)
        errmsg (err, rc, "out of memory");
    free (scheme);
    return rc < 0 ? rc : read_timeouts (ov, ta, err);
}

/* --- where children find us --- */

/* All brokers on one node, says the map: "[[0,1,N,1]]". */
static bool is_one_node (struct overlay *ov)
{
    const char *map = attrs_get (ov->args.attrs, "broker.mapping", NULL);
    unsigned int node, nnodes, ppn, repeat;

    return map && sscanf (map, "[[%u,%u,%u,%u]]", &node, &nnodes, &ppn, &repeat) == 4
           && nnodes == 1 && strchr (map, ']') == map + strlen (map) - 2;
}

static int make_endpoint (struct overlay *ov, char *uri, size_t size, flux_error_t *err)
{
    int prefertcp = 0;
    char addr[64];
    bool ipv6 = getenv ("FLUX_IPADDR_V6") != NULL;
    int rc;

    rc = attrs_get_int (ov->args.attrs, "tbon.prefertcp", 0, 1000000, &prefertcp, err);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    if (is_one_node (ov) && !prefertcp) {
        int n = snprintf (uri, size, "ipc://%s/tbon-%" PRIu32,
                          attrs_get (ov->args.attrs, "rundir", NULL), ov->args.rank);
        return n < (int)size ? 0 : errmsg (err, -ENAMETOOLONG, "rundir is too long");
    }
    if ((rc = netaddr_find (setting (ov, "interface-hint", NULL), ipv6, addr, sizeof (addr), err)) < 0)
        return rc;
    snprintf (uri, size, strchr (addr, ':') ? "tcp://[%s]:*" : "tcp://%s:*", addr);
    return 0;
}

int overlay_bind (struct overlay *ov, const char *uri, char *bound, size_t size,
                  flux_error_t *err)
{
    int rc = ov->tp->bind (ov->t, uri, bound, size, err);

    if (rc == 0 && attrs_set (ov->args.attrs, "tbon.endpoint", bound, 0) < 0)
        rc = errmsg (err, -ENOMEM, "out of memory");
    return rc;
}

static int bind_endpoint (struct overlay *ov, char *bound, size_t size,
                          flux_error_t *err)
{
    char uri[256];
    int rc;

    bound[0] = '\0';
    if (ov->nchildren == 0)
        return 0;
    if ((rc = make_endpoint (ov, uri, sizeof (uri), err)) < 0)
        return rc;
    return overlay_bind (ov, uri, bound, size, err);
}

/* --- cards --- */

static json_t *get_card (struct boot *boot, uint32_t rank, flux_error_t *err)
{
    char *s = boot_card (boot, rank, err);
    json_t *o = s ? json_loads (s, 0, NULL) : NULL;

    if (s && !o) {
        errmsg (err, -EPROTO, "the business card of rank %" PRIu32 " is malformed", rank);
        errno = EPROTO;
    }
    free (s);
    return o;
}

static int exchange (struct overlay *ov, struct boot *boot, const char *uri,
                     flux_error_t *err)
{
    json_t *o = json_pack ("{s:s s:s s:s}", "host", ov->args.hostname, "key",
                           ov->tp->public_key (ov->t), "uri", uri);
    char *card = o ? json_dumps (o, JSON_COMPACT) : NULL;
    int rc = card ? boot_exchange (boot, card, err)
                  : errmsg (err, -ENOMEM, "out of memory");

    free (card);
    json_decref (o);
    return rc;
}

int overlay_set_parent (struct overlay *ov, const char *hostname, const char *uri,
                        const char *key, flux_error_t *err)
{
    if (!(ov->parent_uri = strdup (uri))
        || attrs_set (ov->args.attrs, "tbon.parent-endpoint", uri, 0) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    snprintf (ov->parent_key, sizeof (ov->parent_key), "%s", key);
    snprintf (ov->parent.hostname, sizeof (ov->parent.hostname), "%s", hostname);
    return 0;
}

static int read_parent (struct overlay *ov, struct boot *boot, flux_error_t *err)
{
    const char *host, *key, *uri;
    json_t *o;
    int rc = 0;

    if (!ov->has_parent)
        return 0;
    if (!(o = get_card (boot, ov->parent.rank, err)))
        return -errno;
    if (json_unpack (o, "{s:s s:s s:s}", "host", &host, "key", &key, "uri", &uri) < 0
        || strlen (key) != TRANSPORT_KEY_SIZE - 1)
        rc = errmsg (err, -EPROTO, "the business card of the parent is malformed");
    else
        rc = overlay_set_parent (ov, host, uri, key, err);
    json_decref (o);
    return rc;
}

static int use_child_card (struct overlay *ov, struct peer *p, json_t *o,
                           flux_error_t *err)
{
    const char *host, *key = NULL;

    if (json_unpack (o, "{s:s s?s}", "host", &host, "key", &key) < 0
        || (key && ov->tp->allow (ov->t, key) < 0))
        return errmsg (err, -EPROTO, "the business card of rank %" PRIu32
                       " is malformed", p->rank);
    snprintf (p->hostname, sizeof (p->hostname), "%s", host);
    return 0;
}

static int read_children (struct overlay *ov, struct boot *boot, flux_error_t *err)
{
    for (uint32_t i = 0; i < ov->nchildren; i++) {
        json_t *o = get_card (boot, ov->children[i].rank, err);
        int rc = o ? use_child_card (ov, &ov->children[i], o, err) : -errno;
        json_decref (o);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int add_host (struct hostlist *hl, struct boot *boot, uint32_t rank,
                     flux_error_t *err)
{
    json_t *o = get_card (boot, rank, err);
    const char *host;
    int rc = 0;

    if (!o)
        return -errno;
    if (json_unpack (o, "{s:s}", "host", &host) < 0)
        rc = errmsg (err, -EPROTO, "the card of rank %" PRIu32 " has no host", rank);
    else if (hostlist_append (hl, host) < 0)
        rc = errmsg (err, -EINVAL, "rank %" PRIu32 ": '%s' is no host name", rank, host);
    json_decref (o);
    return rc;
}

static int make_hostlist (struct overlay *ov, struct boot *boot, flux_error_t *err)
{
    struct hostlist *hl;
    int rc = 0;

    if (ov->args.rank > 0)
        return 0;
    if (!(hl = hostlist_create ()))
        return errmsg (err, -ENOMEM, "out of memory");
    if (hostlist_append (hl, ov->args.hostname) < 0)
        rc = errmsg (err, -EINVAL, "'%s' is no host name", ov->args.hostname);
    for (uint32_t i = 1; rc == 0 && i < ov->args.size; i++)
        rc = add_host (hl, boot, i, err);
    if (rc == 0 && !(ov->hostlist = hostlist_encode (hl)))
        rc = errmsg (err, -ENOMEM, "out of memory");
    if (rc == 0
        && attrs_default (ov->args.attrs, "hostlist", ov->hostlist, 0) < 0)
        rc = errmsg (err, -ENOMEM, "out of memory");
    hostlist_destroy (hl);
    return rc;
}

static int exchange_cards (struct overlay *ov, struct boot *boot, flux_error_t *err)
{
    char uri[256];
    int rc;

    if ((rc = bind_endpoint (ov, uri, sizeof (uri), err)) < 0
        || (rc = exchange (ov, boot, uri, err)) < 0
        || (rc = read_parent (ov, boot, err)) < 0
        || (rc = read_children (ov, boot, err)) < 0
        || (rc = make_hostlist (ov, boot, err)) < 0)
        return rc;
    return 0;
}

int overlay_bootstrap (struct overlay *ov, struct boot *boot, flux_error_t *err)
{
    int rc = ov->args.place ? overlay_configure (ov, ov->args.place, err)
                            : exchange_cards (ov, boot, err);

    ov->args.place = NULL;
    if (rc < 0)
        return rc;
    if (ov->nchildren > 0 && (rc = overlay_watch_sockets (ov)) < 0)
        return errmsg (err, rc, "overlay: %s", strerror (-rc));
    return 0;
}
