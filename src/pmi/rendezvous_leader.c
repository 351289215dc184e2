/* rendezvous_leader.c - rank 0 of a rendezvous: be found, collect, answer
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <math.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "pmi/rendezvous.h"

#define FRAME_MAX (64 * 1024)      /* of one process; strangers may send too */
#define LINGER_SECONDS 2.          /* for those who come when it is over already */

struct conn {
    int fd;
    int rank;           /* -1: has not said */
    struct buf in;
    bool arrived;       /* in this round's barrier */
    bool told;          /* that it is over */
};

struct rendezvous_leader {
    struct rendezvous_args args;
    struct rendezvous_card card;
    int listen_fd;
    bool has_file;
    bool over;          /* it has failed, and those who came were told */
    int round;
    int narrived;
    json_t *all;        /* of this round */
    struct conn *conns;
    struct pollfd *pfds;
    int nconns;
};

double rendezvous_now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

int rendezvous_poll (struct pollfd *fds, int n, double deadline,
                     const volatile sig_atomic_t *interrupt)
{
    for (;;) {
        int rc = poll (fds, n, 100);
        if (rc > 0)
            return rc;
        if (rc < 0 && errno != EINTR)
            return -errno;
        if (interrupt && *interrupt)
            return -EINTR;
        if (rendezvous_now () >= deadline)
            return -ETIMEDOUT;
    }
}

int rendezvous_send (int fd, const struct buf *b, double deadline,
                     const volatile sig_atomic_t *interrupt)
{
    struct pollfd pfd = { .fd = fd, .events = POLLOUT };
    size_t done = 0;
    int rc;

    while (done < b->len) {
        ssize_t n = send (fd, b->data + done, b->len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            done += n;
        else if (errno != EAGAIN && errno != EINTR)
            return -errno;
        else if ((rc = rendezvous_poll (&pfd, 1, deadline, interrupt)) < 0)
            return rc;
    }
    return 0;
}

/* --- the card --- */

static bool is_usable (const struct ifaddrs *i)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)i->ifa_addr;

    if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK))
        return false;
    if (i->ifa_addr->sa_family == AF_INET)
        return true;
    return i->ifa_addr->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL (&in6->sin6_addr);
}

static void list_addrs (struct rendezvous_card *card)
{
    struct ifaddrs *list;

    if (getifaddrs (&list) < 0)
        return;
    for (struct ifaddrs *i = list; i && card->naddrs < RENDEZVOUS_ADDRS_MAX; i = i->ifa_next) {
        char *s = card->addrs[card->naddrs];
        if (!is_usable (i))
            continue;
        const void *src = i->ifa_addr->sa_family == AF_INET
                              ? (void *)&((struct sockaddr_in *)i->ifa_addr)->sin_addr
                              : (void *)&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr;
        if (inet_ntop (i->ifa_addr->sa_family, src, s, sizeof (card->addrs[0])))
            card->naddrs++;
    }
    freeifaddrs (list);
}

/* Both families on one socket, or IPv4 where there is no other. */
static int listen_any (int *portp)
{
    struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
    struct sockaddr_in any4 = { .sin_family = AF_INET };
    struct sockaddr_storage bound;
    socklen_t len = sizeof (bound);
    int off = 0;
    int fd = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0
        && (setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof (off)) < 0
            || bind (fd, (struct sockaddr *)&any6, sizeof (any6)) < 0)) {
        close (fd);
        fd = -1;
    }
    if (fd < 0) {
        fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind (fd, (struct sockaddr *)&any4, sizeof (any4)) < 0)
            return -errno;
    }
    if (listen (fd, SOMAXCONN) < 0 || getsockname (fd, (struct sockaddr *)&bound, &len) < 0)
        return -errno;
    *portp = ntohs (bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                : ((struct sockaddr_in *)&bound)->sin_port);
    return fd;
}

static int make_card (struct rendezvous_leader *l, flux_error_t *err)
{
    if ((l->listen_fd = listen_any (&l->card.port)) < 0)
        return errmsg (err, -ENOENT, "cannot listen: %s", strerror (-l->listen_fd));
    if (getrandom (l->card.key, sizeof (l->card.key), 0) != sizeof (l->card.key)
        || gethostname (l->card.host, sizeof (l->card.host) - 1) < 0)
        return errmsg (err, -ENOENT, "cannot make a card: %s", strerror (errno));
    list_addrs (&l->card);
    return 0;
}

/* Written beside and renamed, so that a reader sees all of it or another. */
static int write_card (struct rendezvous_leader *l, flux_error_t *err)
{
    const char *path = l->args.path;
    char *text = rendezvous_card_encode (&l->card);
    char *tmp = NULL;
    int fd = -1;
    int rc = 0;

    if (!text || asprintf (&tmp, "%s.XXXXXX", path) < 0) {
        free (text);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    if ((fd = mkostemp (tmp, O_CLOEXEC)) < 0 || fchmod (fd, 0600) < 0
        || write (fd, text, strlen (text)) != (ssize_t)strlen (text) || fsync (fd) < 0
        || rename (tmp, path) < 0) {
        rc = errmsg (err, -ENOENT, "cannot write %s: %s", path, strerror (errno));
        if (fd >= 0)
            (void)unlink (tmp);
    }
    if (fd >= 0)
        close (fd);
    free (tmp);
    free (text);
    l->has_file = rc == 0;
    return rc;
}

static void remove_card (struct rendezvous_leader *l)
{
    if (l->has_file)
        (void)unlink (l->args.path);
    l->has_file = false;
}

struct rendezvous_leader *rendezvous_leader_new (const struct rendezvous_args *args,
                                                 flux_error_t *err)
{
    struct rendezvous_leader *l = calloc (1, sizeof (*l));
    int rc;

    if (!l) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    l->args = *args;
    l->listen_fd = -1;
    if (!(l->all = json_object ()))
        rc = errmsg (err, -ENOMEM, "out of memory");
    else if ((rc = make_card (l, err)) == 0)
        rc = write_card (l, err);
    if (rc < 0) {
        rendezvous_leader_free (l);
        errno = -rc;
        return NULL;
    }
    return l;
}

void rendezvous_leader_free (struct rendezvous_leader *l)
{
    if (!l)
        return;
    remove_card (l);
    for (int i = 0; i < l->nconns; i++) {
        close (l->conns[i].fd);
        buf_release (&l->conns[i].in);
    }
    if (l->listen_fd >= 0)
        close (l->listen_fd);
    json_decref (l->all);
    free (l->conns);
    free (l->pfds);
    free (l);
}

/* --- those who come --- */

static int add_conn (struct rendezvous_leader *l)
{
    int fd = accept4 (l->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct conn *conns;
    struct pollfd *pfds;

    if (fd < 0)
        return 0;
    if ((conns = reallocarray (l->conns, l->nconns + 1, sizeof (*conns))))
        l->conns = conns;
    if ((pfds = reallocarray (l->pfds, l->nconns + 2, sizeof (*pfds))))
        l->pfds = pfds;
    if (!conns || !pfds) {
        close (fd);
        return -ENOMEM;
    }
    l->conns[l->nconns++] = (struct conn){ .fd = fd, .rank = -1, .in = BUF_INIT };
    return 0;
}

static void drop_conn (struct rendezvous_leader *l, int i)
{
    close (l->conns[i].fd);
    buf_release (&l->conns[i].in);
    l->conns[i] = l->conns[--l->nconns];
}

static bool is_taken (struct rendezvous_leader *l, int rank)
{
    for (int i = 0; i < l->nconns; i++)
        if (l->conns[i].rank == rank)
            return true;
    return false;
}

static int answer (struct rendezvous_leader *l, struct conn *c, json_t *o)
{
    struct buf b = BUF_INIT;
    int rc = o ? rendezvous_frame_encode (&b, l->card.key, 'S', o) : -ENOMEM;

    if (rc == 0)
        rc = rendezvous_send (c->fd, &b, rendezvous_now () + 10., l->args.interrupt);
    buf_release (&b);
    json_decref (o);
    return rc;
}

static int on_hello (struct rendezvous_leader *l, struct conn *c, json_t *o,
                     flux_error_t *err)
{
    int rank;

    if (json_unpack (o, "{s:i}", "rank", &rank) < 0 || rank < 1 || rank >= l->args.size)
        return errmsg (err, -EPROTO, "a process with a rank out of range");
    if (is_taken (l, rank))
        return errmsg (err, -EPROTO, "rank %d came twice", rank);
    c->rank = rank;
    return answer (l, c, json_pack ("{s:i}", "size", l->args.size));
}

static int on_arrival (struct rendezvous_leader *l, struct conn *c, json_t *o,
                       flux_error_t *err)
{
    const char *text;
    json_t *put;
    int round;

    if (json_unpack (o, "{s:s}", "error", &text) == 0)
        return errmsg (err, -ECANCELED, "rank %d gave up: %s", c->rank, text);
    if (json_unpack (o, "{s:i s:o}", "round", &round, "put", &put) < 0 || c->arrived
        || round != l->round || !json_is_object (put))
        return errmsg (err, -EPROTO, "rank %d is out of step", c->rank);
    if (json_object_update (l->all, put) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    c->arrived = true;
    l->narrived++;
    return 0;
}

/* 1: a frame was there; 0: none. */
static int next_frame (struct rendezvous_leader *l, struct conn *c, flux_error_t *err)
{
    json_t *o;
    int n = rendezvous_frame_decode (c->in.data, c->in.len, l->card.key, 'C', FRAME_MAX, &o);
    int rc;

    if (n == -EAGAIN)
        return 0;
    if (n < 0)
        return errmsg (err, n, c->rank < 0 ? "a stranger" : "a malformed frame");
    buf_consume (&c->in, n);
    rc = c->rank < 0 ? on_hello (l, c, o, err) : on_arrival (l, c, o, err);
    json_decref (o);
    return rc < 0 ? rc : 1;
}

/* 1: more may come; 0: end of file. */
static int read_some (struct conn *c)
{
    char chunk[16384];
    ssize_t n = recv (c->fd, chunk, sizeof (chunk), 0);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 1 : -errno;
    if (n == 0)
        return 0;
    return buf_add (&c->in, chunk, n) < 0 ? -ENOMEM : 1;
}

/* One that has no rank may be anybody, and is dropped without a word. */
static int on_readable (struct rendezvous_leader *l, int i, flux_error_t *err)
{
    struct conn *c = &l->conns[i];
    int alive = read_some (c);
    int rc;

    do
        rc = next_frame (l, c, err);
    while (rc > 0);
    if (rc < 0 && c->rank >= 0)
        return rc;
    if (rc < 0 || (alive <= 0 && c->rank < 0))
        drop_conn (l, i);
    else if (alive <= 0)
        return errmsg (err, -ECONNRESET, "rank %d is gone", c->rank);
    return 0;
}

/* --- the barrier --- */

static int timed_out (struct rendezvous_leader *l, flux_error_t *err)
{
    struct idset *ids = idset_create (l->args.size, 0);
    char *s;

    if (ids && l->args.size > 1)
        idset_range_set (ids, 1, l->args.size - 1);
    for (int i = 0; ids && i < l->nconns; i++)
        if (l->conns[i].arrived)
            idset_clear (ids, l->conns[i].rank);
    s = ids ? idset_encode (ids, IDSET_FLAG_RANGE) : NULL;
    errmsg (err, -ETIMEDOUT, "rank %.60s did not come within %g seconds (to %.40s)",
            s ? s : "?", l->args.timeout, l->args.path);
    free (s);
    idset_destroy (ids);
    return -ETIMEDOUT;
}

/* Wait for the next event and handle it.  -ETIMEDOUT, -EINTR, or what one connection
 * failed with. */
static int turn (struct rendezvous_leader *l, double deadline, flux_error_t *err)
{
    struct pollfd first, *pfds = l->pfds ? l->pfds : &first;
    int n = l->nconns;
    int rc, failed = 0;

    pfds[0] = (struct pollfd){ .fd = l->listen_fd, .events = POLLIN };
    for (int i = 0; i < n; i++)
        pfds[i + 1] = (struct pollfd){ .fd = l->conns[i].fd, .events = POLLIN };
    if ((rc = rendezvous_poll (pfds, n + 1, deadline, l->args.interrupt)) < 0)
        return rc;
    /* downwards: one that is dropped makes place for the last */
    for (int i = n - 1; i >= 0 && !failed; i--)
        if (pfds[i + 1].revents && (rc = on_readable (l, i, err)) < 0)
            failed = rc;
    if (pfds[0].revents && (rc = add_conn (l)) < 0)
        return errmsg (err, rc, "out of memory");
    return failed;
}

static int collect (struct rendezvous_leader *l, flux_error_t *err)
{
    double deadline = rendezvous_now () + l->args.timeout;

    while (l->narrived < l->args.size - 1) {
        flux_error_t why = { 0 };
        int rc = turn (l, deadline, &why);
        if (rc == -ETIMEDOUT)
            return timed_out (l, err);
        if (rc < 0)
            return errmsg (err, rc, "%s", why.text[0] ? why.text : strerror (-rc));
    }
    return 0;
}

static int release (struct rendezvous_leader *l, flux_error_t *err)
{
    struct buf b = BUF_INIT;
    json_t *o = json_pack ("{s:i s:O}", "round", l->round, "put", l->all);
    int rc = o ? rendezvous_frame_encode (&b, l->card.key, 'S', o) : -ENOMEM;

    if (rc < 0)
        errmsg (err, rc, "%s", strerror (-rc));
    for (int i = 0; i < l->nconns && rc == 0; i++) {
        struct conn *c = &l->conns[i];
        if (!c->arrived)
            continue;
        c->arrived = false;
        rc = rendezvous_send (c->fd, &b, rendezvous_now () + l->args.timeout, l->args.interrupt);
        if (rc < 0)
            errmsg (err, rc, "rank %d: %s", c->rank, strerror (-rc));
    }
    buf_release (&b);
    json_decref (o);
    return rc;
}

/* How many know, or are gone again. */
static int tell (struct rendezvous_leader *l, const char *text)
{
    int n = 0;

    l->over = true;
    for (int i = l->nconns - 1; i >= 0; i--) {
        struct conn *c = &l->conns[i];
        if (c->rank < 0 || c->told)
            continue;
        (void)answer (l, c, json_pack ("{s:s}", "error", text));
        c->told = true;
        n++;
    }
    return n;
}

int rendezvous_leader_barrier (struct rendezvous_leader *l, json_t *put, json_t **allp,
                               flux_error_t *err)
{
    int rc;

    if (json_object_update (l->all, put) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    if ((rc = collect (l, err)) == -ETIMEDOUT)
        (void)tell (l, err->text);      /* who comes now is too late */
    else if (rc < 0 || (rc = release (l, err)) < 0)
        rendezvous_leader_fail (l, err->text);
    if (rc < 0)
        return rc;
    remove_card (l);
    *allp = l->all;
    l->narrived = 0;
    l->round++;
    return (l->all = json_object ()) ? 0 : errmsg (err, -ENOMEM, "out of memory");
}

void rendezvous_leader_fail (struct rendezvous_leader *l, const char *text)
{
    double deadline = rendezvous_now () + LINGER_SECONDS;
    int ntold;

    if (l->over)
        return;
    ntold = tell (l, text);
    while (l->has_file && ntold < l->args.size - 1) {
        flux_error_t err;
        int rc = turn (l, deadline, &err);
        if (rc == -ETIMEDOUT || rc == -EINTR || rc == -ENOMEM)
            break;
        ntold += tell (l, text);
        for (int i = l->nconns - 1; rc < 0 && i >= 0; i--)
            if (l->conns[i].told)
                drop_conn (l, i);
    }
}
