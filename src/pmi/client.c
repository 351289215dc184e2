/* client.c - a program's side of the PMI-1 wire protocol
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "pmi/client.h"
#include "pmi/wire.h"

struct pmi_client {
    int fd;
    int rank;
    int size;
    bool debug;
    char kvsname[PMI_WIRE_KVSNAME_MAX];
    int kvsname_max;
    int keylen_max;
    int vallen_max;
    const volatile sig_atomic_t *interrupt;
    double timeout;     /* of a call, in seconds; 0: none */
    char value[PMI_WIRE_VALLEN_MAX];
    char line[PMI_WIRE_LINE_MAX + 1];
};

static int write_all (int fd, const char *buf, size_t len)
{
    while (len > 0) {
        ssize_t n = write (fd, buf, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        buf += n;
        len -= n;
    }
    return 0;
}

static void trace (struct pmi_client *c, char dir, const char *line)
{
    if (c->debug)
        fprintf (stderr, "%d: %c: %.*s\n", c->rank, dir,
                 (int)strcspn (line, "\n"), line);
}

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* The flag may be set just before poll(2) begins, so it waits in short pieces. */
static int wait_readable (struct pmi_client *c, flux_error_t *err)
{
    struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
    double start = now ();

    while (poll (&pfd, 1, c->interrupt || c->timeout > 0. ? 100 : -1) <= 0) {
        if (c->interrupt && *c->interrupt)
            return errmsg (err, -EINTR, "PMI: interrupted");
        if (c->timeout > 0. && now () - start >= c->timeout)
            return errmsg (err, -ETIMEDOUT, "PMI: no answer within %g seconds", c->timeout);
    }
    return 0;
}

/* Lock-step means that nothing follows the answer, so a line ends the buffer. */
static int read_line (struct pmi_client *c, flux_error_t *err)
{
    size_t len = 0;

    for (;;) {
        int rc = wait_readable (c, err);
        if (rc < 0)
            return rc;
        ssize_t n = read (c->fd, c->line + len, sizeof (c->line) - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errmsg (err, -errno, "PMI: read: %s", strerror (errno));
        if (n == 0)
            return errmsg (err, -ECONNRESET,
                           "PMI: the process manager closed the connection");
        len += n;
        c->line[len] = '\0';
        if (c->line[len - 1] == '\n')
            break;
        if (len == sizeof (c->line) - 1)
            return errmsg (err, -EPROTO, "PMI: answer is too long");
    }
    c->line[len - 1] = '\0';
    trace (c, 'S', c->line);
    if (strchr (c->line, '\n'))
        return errmsg (err, -EPROTO, "PMI: more than one line in answer to one");
    return 0;
}

/* What came may be anything, and is shown to a person. */
static const char *printable (struct pmi_client *c)
{
    for (char *p = c->line; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
    return c->line;
}

/* Send a line and read the answer, which must be 'cmd' and carry no error. */
static int call (struct pmi_client *c, const char *cmd, const char *request,
                 flux_error_t *err)
{
    char got[32];
    int code = 0;
    int rc;

    trace (c, 'C', request);
    if ((rc = write_all (c->fd, request, strlen (request))) < 0)
        return errmsg (err, rc, "PMI: write: %s", strerror (-rc));
    if ((rc = read_line (c, err)) < 0)
        return rc;
    if (pmi_wire_get (c->line, "cmd", got, sizeof (got)) < 0 || strcmp (got, cmd))
        return errmsg (err, -EPROTO, "PMI: expected cmd=%s, got '%.60s'", cmd, printable (c));
    rc = pmi_wire_get_int (c->line, "rc", INT_MIN, INT_MAX, &code);
    if (rc < 0 && rc != -ENOENT)
        return errmsg (err, -EPROTO, "PMI: bad rc in '%.60s'", printable (c));
    if (code != 0)
        return errmsg (err, -EIO, "PMI: '%.60s'", printable (c));
    return 0;
}

static int call_int (struct pmi_client *c, const char *cmd, const char *request,
                     const char *key, int *valp, flux_error_t *err)
{
    int rc = call (c, cmd, request, err);

    if (rc == 0 && pmi_wire_get_int (c->line, key, 0, INT_MAX, valp) < 0)
        rc = errmsg (err, -EPROTO, "PMI: no %s in '%.60s'", key, printable (c));
    return rc;
}

static int negotiate (struct pmi_client *c, flux_error_t *err)
{
    int version;
    int rc;

    if ((rc = call_int (c, "response_to_init",
                        "cmd=init pmi_version=1 pmi_subversion=1\n",
                        "pmi_version", &version, err)) < 0)
        return rc;
    if (version != 1)
        return errmsg (err, -EPROTO, "PMI: the server speaks version %d", version);
    if ((rc = call_int (c, "maxes", "cmd=get_maxes\n", "vallen_max",
                        &c->vallen_max, err)) < 0)
        return rc;
    if (pmi_wire_get_int (c->line, "keylen_max", 1, INT_MAX, &c->keylen_max) < 0)
        c->keylen_max = 64;
    if (pmi_wire_get_int (c->line, "kvsname_max", 1, INT_MAX, &c->kvsname_max) < 0)
        c->kvsname_max = PMI_WIRE_KVSNAME_MAX;
    if ((rc = call (c, "my_kvsname", "cmd=get_my_kvsname\n", err)) < 0)
        return rc;
    if (pmi_wire_get (c->line, "kvsname", c->kvsname, sizeof (c->kvsname)) < 0)
        return errmsg (err, -EPROTO, "PMI: no kvsname in '%.60s'", printable (c));
    return 0;
}

struct pmi_client *pmi_client_open (int fd, int rank, int size, bool debug,
                                    const volatile sig_atomic_t *interrupt,
                                    flux_error_t *err)
{
    struct pmi_client *c;
    int rc;

    if (fd < 0 || rank < 0 || size < 1 || rank >= size) {
        errno = -errmsg (err, -EINVAL, "PMI: rank %d of size %d is out of range",
                         rank, size);
        return NULL;
    }
    if (!(c = calloc (1, sizeof (*c)))) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    c->fd = fd;
    c->rank = rank;
    c->size = size;
    c->debug = debug;
    c->interrupt = interrupt;
    if ((rc = negotiate (c, err)) < 0) {
        pmi_client_close (c);
        errno = -rc;
        return NULL;
    }
    return c;
}

static int env_int (const char *name, int min, int *valp, flux_error_t *err)
{
    const char *s = getenv (name);
    char *end;
    long val;

    if (!s)
        return errmsg (err, -EINVAL, "PMI: %s is not set", name);
    errno = 0;
    val = strtol (s, &end, 10);
    if (errno || end == s || *end || val < min || val > INT_MAX)
        return errmsg (err, -EINVAL, "PMI: %s=%s is not a number", name, s);
    *valp = (int)val;
    return 0;
}

struct pmi_client *pmi_client_open_env (bool debug, const volatile sig_atomic_t *interrupt,
                                        flux_error_t *err)
{
    int fd, rank, size;
    int rc;

    if (!getenv ("PMI_FD")) {
        errno = -errmsg (err, -ENOENT, "PMI: PMI_FD is not set");
        return NULL;
    }
    if ((rc = env_int ("PMI_FD", 0, &fd, err)) < 0
        || (rc = env_int ("PMI_RANK", 0, &rank, err)) < 0
        || (rc = env_int ("PMI_SIZE", 1, &size, err)) < 0) {
        errno = -rc;
        return NULL;
    }
    return pmi_client_open (fd, rank, size, debug, interrupt, err);
}

void pmi_client_close (struct pmi_client *c)
{
    if (!c)
        return;
    close (c->fd);
    free (c);
}

void pmi_client_set_timeout (struct pmi_client *c, double seconds)
{
    c->timeout = seconds;
}

int pmi_client_rank (const struct pmi_client *c)
{
    return c->rank;
}

int pmi_client_size (const struct pmi_client *c)
{
    return c->size;
}

size_t pmi_client_vallen_max (const struct pmi_client *c)
{
    return c->vallen_max;
}

size_t pmi_client_keylen_max (const struct pmi_client *c)
{
    return c->keylen_max;
}

size_t pmi_client_kvsname_max (const struct pmi_client *c)
{
    return c->kvsname_max;
}

const char *pmi_client_kvsname (const struct pmi_client *c)
{
    return c->kvsname;
}

int pmi_client_put (struct pmi_client *c, const char *key, const char *value,
                    flux_error_t *err)
{
    struct buf b = BUF_INIT;
    int rc;

    if (!pmi_wire_is_word (key) || !pmi_wire_is_string (value))
        return errmsg (err, -EINVAL, "PMI: key or value has a forbidden character");
    if (strlen (key) >= (size_t)c->keylen_max
        || strlen (value) >= (size_t)c->vallen_max)
        return errmsg (err, -EOVERFLOW, "PMI: the value of %s is too long", key);
    if (buf_addf (&b, "cmd=put kvsname=%s key=%s value=%s\n", c->kvsname, key,
                  value) < 0)
        rc = errmsg (err, -ENOMEM, "out of memory");
    else
        rc = call (c, "put_result", b.data, err);
    buf_release (&b);
    return rc;
}

int pmi_client_get (struct pmi_client *c, const char *key, const char **valuep,
                    flux_error_t *err)
{
    char req[PMI_WIRE_KVSNAME_MAX + PMI_WIRE_KEYLEN_MAX + 32];
    int n;
    int rc;

    if (!pmi_wire_is_word (key))
        return errmsg (err, -EINVAL, "PMI: key has a forbidden character");
    n = snprintf (req, sizeof (req), "cmd=get kvsname=%s key=%s\n", c->kvsname, key);
    if (n < 0 || (size_t)n >= sizeof (req))
        return errmsg (err, -EOVERFLOW, "PMI: key is too long");
    rc = call (c, "get_result", req, err);
    if (rc == -EIO)
        return -ENOENT;
    if (rc < 0)
        return rc;
    if (pmi_wire_get (c->line, "value", c->value, sizeof (c->value)) < 0)
        return errmsg (err, -EPROTO, "PMI: no usable value in '%.60s'", printable (c));
    *valuep = c->value;
    return 0;
}

int pmi_client_barrier (struct pmi_client *c, flux_error_t *err)
{
    return call (c, "barrier_out", "cmd=barrier_in\n", err);
}

int pmi_client_universe_size (struct pmi_client *c, int *sizep, flux_error_t *err)
{
    return call_int (c, "universe_size", "cmd=get_universe_size\n", "size", sizep, err);
}

int pmi_client_appnum (struct pmi_client *c, int *appnump, flux_error_t *err)
{
    return call_int (c, "appnum", "cmd=get_appnum\n", "appnum", appnump, err);
}

int pmi_client_finalize (struct pmi_client *c, flux_error_t *err)
{
    return call (c, "finalize_ack", "cmd=finalize\n", err);
}

void pmi_client_abort (struct pmi_client *c, int exit_code, const char *msg)
{
    char line[512];

    size_t n;

    n = snprintf (line, sizeof (line) - 1, "cmd=abort exitcode=%d error_msg=%.400s", exit_code,
                  msg ? msg : "");
    for (size_t i = 0; i < n; i++) {
        if (line[i] < ' ' || line[i] > '~')
            line[i] = ' ';
    }
    memcpy (line + n, "\n", 2);
    trace (c, 'C', line);
    (void)write_all (c->fd, line, strlen (line));
}
