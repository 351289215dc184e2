/* state.c - what rank 0 remembers of launches, so that no job runs twice
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/hash.h"
#include "base/list.h"
#include "modules/exec/state.h"

#define COOKIE_LEN 32
#define SPARE_LINES 10000    /* of jobs that are done, before the file is written anew */
#define URI_KEY "uri "
#define DONE_SECONDS 30.     /* by then the job manager has committed what it was told */

struct done {
    struct list_node node;
    uint64_t id;
    double t;
};

struct execstate {
    char cookie[COOKIE_LEN + 1];
    char *path;              /* NULL: nothing is kept */
    char *uri;
    bool same_uri;
    int fd;
    struct idhash *earlier;  /* of a broker that is gone; ids only */
    struct idhash *now;
    struct list_node done;   /* struct done, the oldest first */
    size_t lines;
    bool torn;               /* the last line may have no end */
};

static int some_value;       /* what the hashes hold */

static void forget (struct execstate *st, double before);

void execstate_free (struct execstate *st)
{
    if (!st)
        return;
    int saved_errno = errno;
    forget (st, HUGE_VAL);
    if (st->fd >= 0)
        (void)close (st->fd);
    idhash_free (st->earlier);
    idhash_free (st->now);
    free (st->path);
    free (st->uri);
    free (st);
    errno = saved_errno;
}

static int make_cookie (char *cookie)
{
    unsigned char r[COOKIE_LEN / 2];

    if (getrandom (r, sizeof (r), 0) != sizeof (r))
        return -EIO;
    for (size_t i = 0; i < sizeof (r); i++)
        (void)snprintf (cookie + 2 * i, 3, "%02x", r[i]);
    return 0;
}

static void add_ids (struct buf *b, const struct idhash *ids)
{
    size_t pos = 0;
    uint64_t id;

    while (idhash_next (ids, &pos, &id))
        buf_addf (b, "%" PRIu64 "\n", id);
}

static int write_all (int fd, const char *s, size_t len)
{
    while (len > 0) {
        ssize_t n = write (fd, s, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        s += n;
        len -= n;
    }
    return 0;
}

/* A new file takes the place of the old one when it is complete. */
static int rewrite (struct execstate *st)
{
    struct buf b = BUF_INIT;
    char *tmp = NULL;
    int fd = -1, rc = 0;

    buf_addf (&b, "%s\n" URI_KEY "%s\n", st->cookie, st->uri);
    add_ids (&b, st->earlier);
    add_ids (&b, st->now);
    if (b.failed || asprintf (&tmp, "%s.new", st->path) < 0) {
        buf_release (&b);
        return -ENOMEM;
    }
    fd = open (tmp, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        rc = -errno;
    else if ((rc = write_all (fd, b.data, b.len)) == 0 && rename (tmp, st->path) < 0)
        rc = -errno;
    if (rc < 0 && fd >= 0) {
        (void)close (fd);
        (void)unlink (tmp);
    }
    if (rc == 0) {
        if (st->fd >= 0)
            (void)close (st->fd);
        st->fd = fd;
        st->lines = idhash_count (st->earlier) + idhash_count (st->now);
    }
    free (tmp);
    buf_release (&b);
    return rc;
}

/* After the cookie and the URI a line is a number, of a job that was launched; a negative one is done.  A last line
 * that has no end was not written to its end: that job was not launched. */
static int parse (struct execstate *st, char *s)
{
    char *nl = strchr (s, '\n');

    if (!nl || nl - s != COOKIE_LEN || strspn (s, "0123456789abcdef") != COOKIE_LEN)
        return *s ? -EINVAL : 0;
    memcpy (st->cookie, s, COOKIE_LEN);
    for (s = nl + 1; (nl = strchr (s, '\n')); s = nl + 1) {
        char *end;
        bool done = *s == '-';
        uint64_t id = strtoull (done ? s + 1 : s, &end, 10);
        if (!strncmp (s, URI_KEY, strlen (URI_KEY))) {
            s += strlen (URI_KEY);
            st->same_uri = (size_t)(nl - s) == strlen (st->uri)
                           && !strncmp (s, st->uri, nl - s);
            continue;
        }
        if (end == s || end != nl)
            continue;
        if (done)
            idhash_del (st->earlier, id);
        else if (idhash_set (st->earlier, id, &some_value) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int read_file (struct execstate *st)
{
    struct buf b = BUF_INIT;
    char chunk[4096];
    ssize_t n;
    int fd, rc = 0;

    if ((fd = open (st->path, O_RDONLY | O_CLOEXEC)) < 0)
        return errno == ENOENT ? 0 : -errno;
    while (rc == 0 && (n = read (fd, chunk, sizeof (chunk))) != 0)
        rc = n < 0 ? -errno : buf_add (&b, chunk, n) < 0 ? -ENOMEM : 0;
    (void)close (fd);
    if (rc == 0 && b.len > 0)
        rc = parse (st, b.data);
    buf_release (&b);
    return rc;
}

static int open_file (struct execstate *st, const char *statedir, flux_error_t *err)
{
    int rc;

    if (asprintf (&st->path, "%s/job-exec", statedir) < 0) {
        st->path = NULL;
        return errmsg (err, -ENOMEM, "out of memory");
    }
    if ((rc = read_file (st)) < 0)
        return errmsg (err, rc, "%s: %s", st->path,
                       rc == -EINVAL ? "not written by this program: move it away"
                                     : strerror (-rc));
    if (!*st->cookie && (rc = make_cookie (st->cookie)) < 0)
        return errmsg (err, rc, "no random numbers");
    if ((rc = rewrite (st)) == -ENOSPC) {
        /* full: without room for the old lines only, go on with the old file */
        st->fd = open (st->path, O_WRONLY | O_APPEND | O_CLOEXEC);
        rc = st->fd < 0 ? -errno : 0;
    }
    return rc < 0 ? errmsg (err, rc, "%s: %s", st->path, strerror (-rc)) : 0;
}

struct execstate *execstate_open (const char *statedir, const char *uri,
                                  flux_error_t *err)
{
    struct execstate *st = calloc (1, sizeof (*st));
    int rc;

    if (!st) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    st->fd = -1;
    list_init (&st->done);
    if (!(st->earlier = idhash_new (NULL)) || !(st->now = idhash_new (NULL))
        || !(st->uri = strdup (uri)))
        rc = errmsg (err, -ENOMEM, "out of memory");
    else if (statedir)
        rc = open_file (st, statedir, err);
    else if ((rc = make_cookie (st->cookie)) < 0)
        errmsg (err, rc, "no random numbers");
    if (rc < 0) {
        execstate_free (st);
        errno = -rc;
        return NULL;
    }
    return st;
}

const char *execstate_cookie (const struct execstate *st)
{
    return st->cookie;
}

bool execstate_keeps (const struct execstate *st)
{
    return st->path != NULL;
}

bool execstate_same_uri (const struct execstate *st)
{
    return st->same_uri;
}

bool execstate_known (const struct execstate *st, uint64_t id)
{
    return idhash_get (st->earlier, id) != NULL;
}

/* A line that could be written in part only is ended before the next. */
static int append (struct execstate *st, const char *sign, uint64_t id)
{
    char line[40];
    int n = snprintf (line, sizeof (line), "%s%s%" PRIu64 "\n", st->torn ? "\n" : "",
                      sign, id);
    int rc = write_all (st->fd, line, n);

    st->torn = rc < 0;
    st->lines++;
    return rc;
}

static double now (void)
{
    struct timespec ts;

    (void)clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1E-9;
}

/* Drop what was done before that time. */
static void forget (struct execstate *st, double before)
{
    struct list_node *n;

    while ((n = list_first (&st->done))) {
        struct done *d = list_entry (n, struct done, node);
        if (d->t >= before)
            break;
        idhash_del (st->earlier, d->id);
        idhash_del (st->now, d->id);
        (void)append (st, "-", d->id);
        list_del (n);
        free (d);
    }
    if (st->path && st->lines > SPARE_LINES
                    + 4 * (idhash_count (st->earlier) + idhash_count (st->now)))
        (void)rewrite (st);   /* if it fails, the next one tries again */
}

int execstate_launch (struct execstate *st, uint64_t id)
{
    if (!st->path)
        return 0;
    forget (st, now () - DONE_SECONDS);
    if (idhash_set (st->now, id, &some_value) < 0)
        return -ENOMEM;
    return append (st, "", id);
}

void execstate_done (struct execstate *st, uint64_t id)
{
    struct done *d;

    if (!st->path || !(d = malloc (sizeof (*d))))
        return;
    d->id = id;
    d->t = now ();
    list_append (&st->done, &d->node);
    forget (st, d->t - DONE_SECONDS);
}
