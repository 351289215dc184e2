/* boot_config.c - the broker's place from the [bootstrap] table
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>
#include <flux/hostlist.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "broker/boot_config.h"

struct boot_config {
    int ipv6;
    int port;                        /* 0: none */
    const char *bind;                /* defaults, or NULL */
    const char *connect;
    json_t *hosts;                   /* borrowed; NULL: none */
    struct hostlist *names;          /* in the order of ranks */
    char *hostlist;
    struct cert *cert;
};

bool boot_config_wanted (const flux_conf_t *conf, const char *method)
{
    json_t *o;

    if (method)
        return !strcmp (method, "config");
    return flux_conf_unpack (conf, NULL, "{s:o}", "bootstrap", &o) == 0;
}

/* --- certificate --- */

static int check_owner (int fd, const char *path, flux_error_t *err)
{
    struct stat sb;

    if (fstat (fd, &sb) < 0)
        return errmsg (err, -errno, "%s: %s", path, strerror (errno));
    if (!S_ISREG (sb.st_mode))
        return errmsg (err, -EINVAL, "%s: not a file", path);
    if (sb.st_uid != geteuid ())
        return errmsg (err, -EPERM, "%s: belongs to user %u, not to %u who runs the"
                       " broker: chown it", path, (unsigned int)sb.st_uid,
                       (unsigned int)geteuid ());
    if (sb.st_mode & (S_IRWXG | S_IRWXO))
        return errmsg (err, -EPERM, "%s: others can use it (mode %04o): make new keys if it"
                       " was read, and chmod 600", path,
                       (unsigned int)(sb.st_mode & 07777));
    return 0;
}

static int read_text (const char *path, char *text, size_t size, flux_error_t *err)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n = 0;
    size_t len = 0;
    int rc;

    if (fd < 0)
        return errmsg (err, -errno, "%s: %s", path, strerror (errno));
    if ((rc = check_owner (fd, path, err)) < 0) {
        close (fd);
        return rc;
    }
    while (len < size && (n = read (fd, text + len, size - len)) > 0)
        len += n;
    rc = n < 0 ? errmsg (err, -errno, "%s: %s", path, strerror (errno)) : (int)len;
    close (fd);
    return rc;
}

static int read_cert (struct boot_config *bc, const char *path, flux_error_t *err)
{
    char text[CERT_SIZE_MAX + 1];
    flux_error_t why;
    int rc = read_text (path, text, sizeof (text), &why);

    if (rc >= 0 && !(bc->cert = cert_decode (text, rc, &why)))
        rc = errmsg (&why, -errno, "%s: %s", path, why.text);
    explicit_bzero (text, sizeof (text));
    return rc < 0 ? errmsg (err, rc, "bootstrap.curve_cert: %s", why.text) : 0;
}

/* --- hosts --- */

static const char *const host_keys[] = { "host", "bind", "connect", "parent" };

/* Every value is a string, and there is no key that we do not know. */
static int check_host (json_t *entry, size_t index, flux_error_t *err)
{
    const char *key;
    json_t *o;

    if (!json_is_object (entry))
        return errmsg (err, -EINVAL, "bootstrap.hosts[%zu] is not a table", index);
    json_object_foreach (entry, key, o) {
        size_t i = 0;
        while (i < 4 && strcmp (key, host_keys[i]) != 0)
            i++;
        if (i == 4)
            return errmsg (err, -EINVAL, "bootstrap.hosts[%zu].%s: unknown key: host, bind,"
                           " connect and parent are known", index, key);
        if (!json_is_string (o))
            return errmsg (err, -EINVAL, "bootstrap.hosts[%zu].%s is not a string", index,
                           key);
    }
    if (!json_object_get (entry, "host"))
        return errmsg (err, -EINVAL, "bootstrap.hosts[%zu] has no key host", index);
    return 0;
}

/* A host that was there before keeps its rank. */
static int add_names (struct boot_config *bc, const char *hosts, size_t index,
                      flux_error_t *err)
{
    struct hostlist *hl = hostlist_decode (hosts);
    int rc = 0;

    if (!hl || hostlist_count (hl) == 0) {
        hostlist_destroy (hl);
        return errmsg (err, -EINVAL, "bootstrap.hosts[%zu].host: '%s' is not a host name or"
                       " host list such as node[0-15]", index, hosts);
    }
    for (const char *h = hostlist_first (hl); h && rc == 0; h = hostlist_next (hl))
        if (hostlist_find (bc->names, h) < 0 && hostlist_append (bc->names, h) < 0)
            rc = -ENOMEM;
    hostlist_destroy (hl);
    return rc < 0 ? errmsg (err, rc, "out of memory") : 0;
}

static int read_hosts (struct boot_config *bc, const char *hostname, flux_error_t *err)
{
    size_t index;
    json_t *entry;
    int rc;

    if (bc->hosts && !json_is_array (bc->hosts))
        return errmsg (err, -EINVAL, "bootstrap.hosts is not an array");
    if (json_array_size (bc->hosts) == 0)
        bc->hosts = NULL;
    if (!(bc->names = hostlist_create ()))
        return errmsg (err, -ENOMEM, "out of memory");
    json_array_foreach (bc->hosts, index, entry) {
        if ((rc = check_host (entry, index, err)) < 0
            || (rc = add_names (bc, json_string_value (json_object_get (entry, "host")),
                                index, err)) < 0)
            return rc;
    }
    if (!bc->hosts && hostlist_append (bc->names, hostname) < 0)
        return errmsg (err, -EINVAL, "'%s' is no host name", hostname);
    if (hostlist_count (bc->names) > INT32_MAX)
        return errmsg (err, -EINVAL, "bootstrap.hosts has too many hosts");
    if (!(bc->hostlist = hostlist_encode (bc->names)))
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

/* --- addresses --- */

/* "%h" and "%p" in an address of the table. */
static char *substitute (const struct boot_config *bc, const char *s, const char *host,
                         const char *key, flux_error_t *err)
{
    struct buf b = BUF_INIT;
    char *out;

    for (const char *p = s; *p; p++) {
        if (*p != '%')
            buf_addc (&b, *p);
        else if (*++p == 'h')
            buf_adds (&b, host);
        else if (*p == 'p' && bc->port > 0)
            buf_addf (&b, "%d", bc->port);
        else {
            buf_release (&b);
            errmsg (err, 0, *p == 'p' ? "bootstrap: %s of %s is '%s', and there is no"
                    " default_port" : "bootstrap: %s of %s is '%s': only %%h and %%p may be"
                    " used", key, host, s);
            errno = EINVAL;
            return NULL;
        }
    }
    if (!(out = buf_take (&b)))
        errmsg (err, 0, "out of memory");
    return out;
}

static bool has_host (json_t *entry, const char *host)
{
    struct hostlist *hl = hostlist_decode (json_string_value (json_object_get (entry, "host")));
    bool found = hl && hostlist_find (hl, host) >= 0;

    hostlist_destroy (hl);
    return found;
}

/* The first of its entries that has the key, or the default. */
static char *endpoint (struct boot_config *bc, uint32_t rank, const char *key,
                       const char *otherwise, flux_error_t *err)
{
    const char *host = boot_config_host (bc, rank);
    const char *s = NULL;
    size_t index;
    json_t *entry;

    json_array_foreach (bc->hosts, index, entry) {
        json_t *o = json_object_get (entry, key);
        if (o && has_host (entry, host)) {
            s = json_string_value (o);
            break;
        }
    }
    if (!s && !(s = otherwise)) {
        errmsg (err, 0, "bootstrap: %s (rank %" PRIu32 ") has children but no %s address: set"
                " %s for it, or default_%s", host, rank, key, key, key);
        errno = EINVAL;
        return NULL;
    }
    return substitute (bc, s, host, key, err);
}

char *boot_config_bind (struct boot_config *bc, uint32_t rank, flux_error_t *err)
{
    return endpoint (bc, rank, "bind", bc->bind, err);
}

char *boot_config_connect (struct boot_config *bc, uint32_t rank, flux_error_t *err)
{
    return endpoint (bc, rank, "connect", bc->connect, err);
}

/* --- all together --- */

static int find_rank (struct boot_config *bc, const char *hostname, struct boot_info *info,
                      flux_error_t *err)
{
    int rank = hostlist_find (bc->names, hostname);

    if (rank < 0)
        return errmsg (err, -ENOENT, "this host, %s, is not in bootstrap.hosts (%.60s): add it"
                       " as hostname(1) prints it", hostname, bc->hostlist);
    *info = (struct boot_info){ .rank = rank, .size = hostlist_count (bc->names),
                                .method = "config" };
    return 0;
}

static int check_type (const json_t *table, const char *key, bool (*is) (const json_t *o),
                       const char *what, flux_error_t *err)
{
    const json_t *o = json_object_get (table, key);

    if (!o || is (o))
        return 0;
    return errmsg (err, -EINVAL, "bootstrap.%s is not %s", key, what);
}

static bool is_string (const json_t *o)
{
    return json_is_string (o);
}

static bool is_integer (const json_t *o)
{
    return json_is_integer (o);
}

static bool is_boolean (const json_t *o)
{
    return json_is_boolean (o);
}

static int check_table (const json_t *table, flux_error_t *err)
{
    int rc = tablekeys_check (table, "bootstrap", "enable_ipv6 curve_cert default_port"
                              " default_bind default_connect hosts", err);

    if (rc < 0 || (rc = check_type (table, "enable_ipv6", is_boolean, "true or false", err)) < 0
        || (rc = check_type (table, "default_port", is_integer, "an integer", err)) < 0
        || (rc = check_type (table, "curve_cert", is_string, "a path", err)) < 0
        || (rc = check_type (table, "default_bind", is_string, "a string", err)) < 0)
        return rc;
    return check_type (table, "default_connect", is_string, "a string", err);
}

static int set_up (struct boot_config *bc, const flux_conf_t *conf, const char *hostname,
                   struct boot_info *info, flux_error_t *err)
{
    const char *cert = NULL;
    json_t *table;
    int rc;

    if (flux_conf_unpack (conf, err, "{s:o}", "bootstrap", &table) < 0)
        return errmsg (err, -errno, "bootstrap: there is no such table in the configuration");
    if ((rc = check_table (table, err)) < 0)
        return rc;
    if (flux_conf_unpack (conf, err, "{s:{s?b s?s s?i s?s s?s s?o}}", "bootstrap",
                          "enable_ipv6", &bc->ipv6, "curve_cert", &cert, "default_port",
                          &bc->port, "default_bind", &bc->bind, "default_connect",
                          &bc->connect, "hosts", &bc->hosts) < 0)
        return -errno;
    if (bc->port < 0 || bc->port > 65535)
        return errmsg (err, -EINVAL, "bootstrap.default_port: %d is not a port", bc->port);
    if ((rc = read_hosts (bc, hostname, err)) < 0
        || (rc = find_rank (bc, hostname, info, err)) < 0)
        return rc;
    if (cert)
        return read_cert (bc, cert, err);
    if (info->size > 1)
        return errmsg (err, -EINVAL, "bootstrap.curve_cert is not set: make a certificate with"
                       " flux keygen and copy it to all hosts");
    return 0;
}

struct boot_config *boot_config_new (const flux_conf_t *conf, const char *hostname,
                                     struct boot_info *info, flux_error_t *err)
{
    struct boot_config *bc = calloc (1, sizeof (*bc));
    int rc = bc ? set_up (bc, conf, hostname, info, err)
                : errmsg (err, -ENOMEM, "out of memory");

    if (rc == 0)
        return bc;
    boot_config_free (bc);
    errno = -rc;
    return NULL;
}

void boot_config_free (struct boot_config *bc)
{
    if (!bc)
        return;
    hostlist_destroy (bc->names);
    free (bc->hostlist);
    cert_free (bc->cert);
    free (bc);
}

const json_t *boot_config_hosts (const struct boot_config *bc)
{
    return bc->hosts;
}

const char *boot_config_hostlist (const struct boot_config *bc)
{
    return bc->hostlist;
}

const char *boot_config_host (struct boot_config *bc, uint32_t rank)
{
    return hostlist_nth (bc->names, rank);
}

const struct cert *boot_config_cert (const struct boot_config *bc)
{
    return bc->cert;
}

bool boot_config_ipv6 (const struct boot_config *bc)
{
    return bc->ipv6;
}
