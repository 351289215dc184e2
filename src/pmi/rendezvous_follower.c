/* rendezvous_follower.c - find rank 0 of a rendezvous, and wait for its word
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "pmi/rendezvous.h"

#define FRAME_MAX (1024 * 1024 * 1024)     /* rank 0 has proved who it is, by now */
#define CONNECT_SECONDS 3.

struct rendezvous_follower {
    struct rendezvous_args args;
    struct rendezvous_card card;
    int fd;
    int round;
    struct buf in;
};

/* --- the card --- */

/* Only what the same user wrote, and no other can read. */
static int read_card (struct rendezvous_follower *f, flux_error_t *err)
{
    const char *path = f->args.path;
    char text[RENDEZVOUS_CARD_MAX];
    struct stat sb;
    ssize_t n;
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return errmsg (err, -errno, "%s: %s", path, strerror (errno));
    if (fstat (fd, &sb) < 0 || (n = read (fd, text, sizeof (text))) < 0) {
        int rc = errmsg (err, -errno, "%s: %s", path, strerror (errno));
        close (fd);
        return rc;
    }
    close (fd);
    if (!S_ISREG (sb.st_mode) || sb.st_uid != geteuid () || (sb.st_mode & 077))
        return errmsg (err, -EPERM, "%s is not a file of this user alone", path);
    if (rendezvous_card_decode (text, n, &f->card) < 0)
        return errmsg (err, -EPROTO, "%s is malformed", path);
    return 0;
}

/* --- the connection --- */

static int connect_to (struct rendezvous_follower *f, const struct addrinfo *ai)
{
    struct pollfd pfd = { .events = POLLOUT };
    int error = 0;
    socklen_t len = sizeof (error);
    int rc = 0;

    pfd.fd = socket (ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (pfd.fd < 0)
        return -errno;
    if (connect (pfd.fd, ai->ai_addr, ai->ai_addrlen) < 0) {
        rc = -errno;
        if (rc == -EINPROGRESS)
            rc = rendezvous_poll (&pfd, 1, rendezvous_now () + CONNECT_SECONDS,
                                  f->args.interrupt);
        if (rc > 0 && getsockopt (pfd.fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0)
            rc = -error;
    }
    if (rc < 0) {
        close (pfd.fd);
        return rc;
    }
    return pfd.fd;
}

static int try_host (struct rendezvous_follower *f, const char *host)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *list;
    char port[16];
    int fd = -ENOENT;

    snprintf (port, sizeof (port), "%d", f->card.port);
    if (getaddrinfo (host, port, &hints, &list) != 0)
        return -ENOENT;
    for (struct addrinfo *ai = list; ai && fd < 0 && fd != -EINTR; ai = ai->ai_next)
        fd = connect_to (f, ai);
    freeaddrinfo (list);
    return fd;
}

static bool is_here (const char *host)
{
    char name[256] = "";
    return gethostname (name, sizeof (name) - 1) == 0 && !strcmp (name, host);
}

static int send_frame (struct rendezvous_follower *f, json_t *o)
{
    struct buf b = BUF_INIT;
    int rc = o ? rendezvous_frame_encode (&b, f->card.key, 'C', o) : -ENOMEM;

    if (rc == 0)
        rc = rendezvous_send (f->fd, &b, rendezvous_now () + f->args.timeout, f->args.interrupt);
    buf_release (&b);
    json_decref (o);
    return rc;
}

static int receive (struct rendezvous_follower *f, json_t **op, double deadline)
{
    struct pollfd pfd = { .fd = f->fd, .events = POLLIN };
    char chunk[65536];

    for (;;) {
        int rc = rendezvous_frame_decode (f->in.data, f->in.len, f->card.key, 'S', FRAME_MAX,
                                          op);
        if (rc >= 0)
            buf_consume (&f->in, rc);
        if (rc != -EAGAIN)
            return rc < 0 ? rc : 0;
        if ((rc = rendezvous_poll (&pfd, 1, deadline, f->args.interrupt)) < 0)
            return rc;
        ssize_t n = recv (f->fd, chunk, sizeof (chunk), 0);
        if (n == 0)
            return -ECONNRESET;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (n > 0 && buf_add (&f->in, chunk, n) < 0)
            return -ENOMEM;
    }
}

/* Whoever answers there must be the one who wrote the card. */
static int greet (struct rendezvous_follower *f, double deadline)
{
    json_t *o = NULL;
    int size;
    int rc = send_frame (f, json_pack ("{s:i}", "rank", f->args.rank));

    buf_clear (&f->in);
    if (rc < 0 || (rc = receive (f, &o, deadline)) < 0)
        return rc;
    if (json_unpack (o, "{s:i}", "size", &size) < 0 || size != f->args.size)
        rc = -EPROTO;
    json_decref (o);
    return rc;
}

static int try_greet (struct rendezvous_follower *f, const char *host, double deadline)
{
    int fd = host ? try_host (f, host) : -ENOENT;
    int rc;

    if (fd < 0)
        return fd;
    f->fd = fd;
    if ((rc = greet (f, deadline)) < 0) {
        close (f->fd);
        f->fd = -1;
    }
    return rc;
}

static int find_leader (struct rendezvous_follower *f, double deadline, flux_error_t *err)
{
    int rc = -ENOENT;

    if (is_here (f->card.host))
        rc = try_greet (f, "127.0.0.1", deadline);
    for (int i = 0; i < f->card.naddrs && rc < 0 && rc != -EINTR; i++)
        rc = try_greet (f, f->card.addrs[i], deadline);
    if (rc < 0 && rc != -EINTR)
        rc = try_greet (f, f->args.first_host, deadline);
    if (rc < 0)
        errmsg (err, rc, "rank 0 on %.60s, port %d, does not answer: %s", f->card.host,
                f->card.port, strerror (-rc));
    return rc;
}

/* --- all together --- */

static void nap (void)
{
    struct timespec ts = { .tv_nsec = 20 * 1000000 };
    nanosleep (&ts, NULL);
}

/* What is there may be stale, or not there yet. */
static int join (struct rendezvous_follower *f, flux_error_t *err)
{
    double deadline = rendezvous_now () + f->args.timeout;
    flux_error_t why;
    int rc;

    for (;;) {
        if ((rc = read_card (f, &why)) == 0 && (rc = find_leader (f, deadline, &why)) == 0)
            return 0;
        if (f->args.interrupt && *f->args.interrupt)
            return errmsg (err, -EINTR, "interrupted");
        if (rc == -ENOSYS || rc == -EPERM)
            return errmsg (err, -ENOENT, "%s", why.text);
        if (rendezvous_now () >= deadline)
            break;
        nap ();
    }
    return errmsg (err, -ENOENT, "rank 0 not found within %g seconds: %s", f->args.timeout,
                   why.text);
}

struct rendezvous_follower *rendezvous_follower_new (const struct rendezvous_args *args,
                                                     flux_error_t *err)
{
    struct rendezvous_follower *f = calloc (1, sizeof (*f));
    int rc;

    if (!f) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    f->args = *args;
    f->in = (struct buf)BUF_INIT;
    f->fd = -1;
    if ((rc = join (f, err)) < 0) {
        rendezvous_follower_free (f);
        errno = -rc;
        return NULL;
    }
    return f;
}

void rendezvous_follower_free (struct rendezvous_follower *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close (f->fd);
    buf_release (&f->in);
    free (f);
}

static int use_answer (struct rendezvous_follower *f, json_t *o, json_t **allp,
                       flux_error_t *err)
{
    const char *text;
    json_t *put;
    int round;

    if (json_unpack (o, "{s:s}", "error", &text) == 0)
        return errmsg (err, -ECANCELED, "rank 0 gave up: %s", text);
    if (json_unpack (o, "{s:i s:o}", "round", &round, "put", &put) < 0 || round != f->round
        || !json_is_object (put))
        return errmsg (err, -EPROTO, "rank 0 is out of step");
    *allp = json_incref (put);
    return 0;
}

int rendezvous_follower_barrier (struct rendezvous_follower *f, json_t *put, json_t **allp,
                                 flux_error_t *err)
{
    json_t *o = NULL;
    int rc = send_frame (f, json_pack ("{s:i s:O}", "round", f->round, "put", put));

    if (rc == 0)    /* rank 0 minds the time, and tells */
        rc = receive (f, &o, rendezvous_now () + 2 * f->args.timeout);
    if (rc < 0)
        return errmsg (err, rc, rc == -ECONNRESET ? "rank 0 is gone" : "rank 0: %s",
                       strerror (-rc));
    rc = use_answer (f, o, allp, err);
    json_decref (o);
    f->round++;
    return rc;
}

void rendezvous_follower_fail (struct rendezvous_follower *f, const char *text)
{
    (void)send_frame (f, json_pack ("{s:s}", "error", text));
}
