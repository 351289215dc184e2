/* inproc.c - a pair of handles within one process
 *
 *    end 0                                              end 1
 *   +--------+   chan 0: lock, queue, eventfd          +--------+
 *   | tx ----|----> [ msg msg msg ] ------------------>| rx: in |
 *   | rx: in |<---------------------- chan 1 ----------|---- tx |
 *   +--------+                                         +--------+
 *
 * The receiver takes the whole queue at once into its private 'in', so that the
 * lock is taken once a batch.  One that is watched by a reactor is woken by the
 * reactor's waker (core/waker.h).  For others there is the eventfd, which is
 * written only for a receiver that said it is about to sleep ('armed') while its
 * queue was empty, and not by a thread for itself.
 */
#include "core/inproc.h"
#include "core/handle_private.h"
#include "core/message_private.h"
#include "core/waker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum armed {
    AWAKE,
    ARMED_OTHERS,   /* wake for a message from another thread than 'sleeper' */
    ARMED_ALL,      /* someone watches the descriptor: wake for any message */
};

struct chan {
    pthread_mutex_t lock;
    struct msgq queue;       /* under the lock */
    pthread_t sleeper;       /* under the lock */
    struct waker *waker;     /* under the lock: of the reactor that watches, or NULL */
    atomic_size_t count;     /* of queue; written under the lock */
    atomic_int armed;        /* written under the lock */
    atomic_bool closed;      /* the sender has gone */
    atomic_bool deaf;        /* the receiver has gone */
    int fd;
};

struct pair {
    atomic_int refs;
    struct chan chan[2];
};

struct end {
    struct pair *pair;
    struct chan *rx;
    struct chan *tx;
    struct msgq in;
    struct waker *waker;     /* that of rx, not counted */
    pthread_t armed_by;      /* the last thread that armed rx */
    bool polled;             /* the descriptor was given out */
    char *name;
};

/* By whichever end goes last.  The receiver's reactor may still have it in its epoll
 * set, which libev cleans up at the next event; the thread sanitizer is told. */
static __attribute__ ((noinline)) void close_wakeup (struct chan *c)
{
    if (c->fd >= 0)
        close (c->fd);
}

static void pair_unref (struct pair *p)
{
    if (atomic_fetch_sub (&p->refs, 1) > 1)
        return;
    for (int i = 0; i < 2; i++) {
        msgq_release (&p->chan[i].queue);
        waker_unref (p->chan[i].waker);
        pthread_mutex_destroy (&p->chan[i].lock);
        close_wakeup (&p->chan[i]);
    }
    free (p);
}

/* Sending */

/* With the lock held: must the receiver be woken to notice what just changed?
 * The caller does it after it gave up the lock, so that who wakes up does not
 * find it taken. */
static bool chan_sleeps (struct chan *c)
{
    int armed = atomic_load_explicit (&c->armed, memory_order_relaxed);

    if (armed == AWAKE
        || (armed == ARMED_OTHERS && pthread_equal (c->sleeper, pthread_self ())))
        return false;
    atomic_store_explicit (&c->armed, AWAKE, memory_order_relaxed);
    return true;
}

/* What is to be done when the lock was given up. */
struct wakeup {
    bool write;              /* the eventfd */
    struct waker *waker;     /* a reference, or NULL */
};

/* With the lock held, after a change. */
static struct wakeup chan_changed (struct chan *c)
{
    struct wakeup wk = { .write = chan_sleeps (c) };

    if (c->waker && waker_claim (c->waker))
        wk.waker = waker_ref (c->waker);
    return wk;
}

static void wake_up (struct chan *c, const struct wakeup *wk)
{
    if (wk->write)
        (void)eventfd_write (c->fd, 1);
    if (wk->waker) {
        waker_wake (wk->waker);
        waker_unref (wk->waker);
    }
}

static int chan_push (struct chan *c, const flux_msg_t *msg)
{
    struct wakeup wk = { 0 };
    int rc = 0;

    pthread_mutex_lock (&c->lock);
    if (atomic_load_explicit (&c->deaf, memory_order_relaxed))
        rc = -ECONNRESET;
    else if ((rc = msgq_append (&c->queue, msg)) == 0) {
        atomic_store (&c->count, c->queue.count);
        wk = chan_changed (c);
    }
    pthread_mutex_unlock (&c->lock);
    wake_up (c, &wk);
    return rc;
}

static int end_send_new (void *impl, flux_msg_t **msgp, int flags)
{
    struct end *e = impl;
    int rc;

    msg_detach (*msgp);
    if ((rc = chan_push (e->tx, *msgp)) < 0) {
        errno = -rc;
        return -1;
    }
    *msgp = NULL;
    return 0;
}

static int end_send (void *impl, const flux_msg_t *msg, int flags)
{
    flux_msg_t *copy;

    if (!(copy = flux_msg_copy (msg, true)))
        return -1;
    if (end_send_new (impl, &copy, flags) < 0) {
        flux_msg_destroy (copy);
        return -1;
    }
    return 0;
}

/* Receiving */

static bool chan_ready (struct chan *c)
{
    return atomic_load (&c->count) > 0 || atomic_load (&c->closed);
}

static void end_take_all (struct end *e)
{
    struct msgq empty = e->in;

    pthread_mutex_lock (&e->rx->lock);
    e->in = e->rx->queue;
    e->rx->queue = empty;
    atomic_store_explicit (&e->rx->count, 0, memory_order_relaxed);
    pthread_mutex_unlock (&e->rx->lock);
}

/* Ask to be woken, unless there is something already. */
static void end_arm (struct end *e, enum armed armed)
{
    struct chan *c = e->rx;

    pthread_mutex_lock (&c->lock);
    if (!chan_ready (c)) {
        c->sleeper = e->armed_by = pthread_self ();
        if (atomic_load_explicit (&c->armed, memory_order_relaxed) != ARMED_ALL)
            atomic_store_explicit (&c->armed, armed, memory_order_relaxed);
    }
    pthread_mutex_unlock (&c->lock);
}

static flux_msg_t *end_recv (void *impl, int flags)
{
    struct end *e = impl;
    const flux_msg_t *msg;

    if ((msg = msgq_pop (&e->in)))
        return (flux_msg_t *)msg;
    if (atomic_load_explicit (&e->rx->count, memory_order_acquire) == 0) {
        if (atomic_load_explicit (&e->rx->closed, memory_order_acquire)
            && atomic_load_explicit (&e->rx->count, memory_order_acquire) == 0) {
            errno = ECONNRESET;
            return NULL;
        }
        if (e->polled)
            end_arm (e, ARMED_ALL);
        if (atomic_load_explicit (&e->rx->count, memory_order_acquire) == 0) {
            errno = EAGAIN;
            return NULL;
        }
    }
    end_take_all (e);
    return (flux_msg_t *)msgq_pop (&e->in);
}

static bool end_ready (struct end *e)
{
    return e->in.count > 0 || chan_ready (e->rx);
}

/* Waiting */

static int end_fd (void *impl)
{
    return ((struct end *)impl)->rx->fd;
}

static int end_prepare (void *impl, int *want)
{
    struct end *e = impl;
    struct chan *c = e->rx;

    *want = FLUX_POLLIN;
    if (end_ready (e))
        return FLUX_POLLIN | FLUX_POLLOUT;
    if (atomic_load_explicit (&c->armed, memory_order_relaxed) == AWAKE
        || !pthread_equal (e->armed_by, pthread_self ())) {
        end_arm (e, ARMED_OTHERS);
        if (end_ready (e))
            return FLUX_POLLIN | FLUX_POLLOUT;
    }
    return FLUX_POLLOUT;
}

static int end_check (void *impl, int revents)
{
    struct end *e = impl;
    eventfd_t n;

    if ((revents & FLUX_POLLIN))
        (void)eventfd_read (e->rx->fd, &n);
    return FLUX_POLLOUT | (end_ready (e) ? FLUX_POLLIN : 0);
}

/* Who watches changes seldom: a blocking call may have another reactor meanwhile. */
static int end_attach (void *impl, struct waker *w)
{
    struct end *e = impl;
    struct waker *old;

    if (e->waker != w) {
        pthread_mutex_lock (&e->rx->lock);
        old = e->rx->waker;
        e->rx->waker = e->waker = waker_ref (w);
        pthread_mutex_unlock (&e->rx->lock);
        waker_unref (old);
    }
    return FLUX_POLLOUT | (end_ready (e) ? FLUX_POLLIN : 0);
}

static const struct handle_ext end_ext = {
    .fd = end_fd,
    .prepare = end_prepare,
    .check = end_check,
    .attach = end_attach,
};

static int end_pollfd (void *impl)
{
    struct end *e = impl;

    e->polled = true;
    end_arm (e, ARMED_ALL);
    if (end_ready (e))
        (void)eventfd_write (e->rx->fd, 1);
    return e->rx->fd;
}

static int end_pollevents (void *impl)
{
    struct end *e = impl;
    int events = end_check (e, FLUX_POLLIN);

    if (e->polled && !(events & FLUX_POLLIN)) {
        end_arm (e, ARMED_ALL);
        if (end_ready (e))
            events |= FLUX_POLLIN;
    }
    return events;
}

/* Options */

static int end_setopt (void *impl, const char *option, const void *val,
                       size_t len)
{
    struct end *e = impl;
    char *name;

    if (strcmp (option, FLUX_OPT_ROUTER_NAME) != 0 || !val) {
        errno = EINVAL;
        return -1;
    }
    if (!(name = strndup (val, len))) {
        errno = ENOMEM;
        return -1;
    }
    free (e->name);
    e->name = name;
    return 0;
}

static size_t chan_count (struct chan *c)
{
    return atomic_load_explicit (&c->count, memory_order_acquire);
}

static int end_getopt (void *impl, const char *option, void *val, size_t len)
{
    struct end *e = impl;
    size_t count;

    if (!strcmp (option, FLUX_OPT_ROUTER_NAME) && e->name) {
        if (len <= strlen (e->name))
            goto inval;
        memcpy (val, e->name, strlen (e->name) + 1);
        return 0;
    }
    if (!strcmp (option, FLUX_OPT_RECV_QUEUE_COUNT))
        count = e->in.count + chan_count (e->rx);
    else if (!strcmp (option, FLUX_OPT_SEND_QUEUE_COUNT))
        count = chan_count (e->tx);
    else
        goto inval;
    if (len != sizeof (count))
        goto inval;
    memcpy (val, &count, len);
    return 0;
inval:
    errno = EINVAL;
    return -1;
}

/* Life cycle */

static void end_destroy (void *impl)
{
    struct end *e = impl;
    struct wakeup wk = { 0 };

    if (!e)
        return;
    pthread_mutex_lock (&e->rx->lock);
    atomic_store (&e->rx->deaf, true);
    pthread_mutex_unlock (&e->rx->lock);
    pthread_mutex_lock (&e->tx->lock);
    atomic_store (&e->tx->closed, true);
    if (!atomic_load (&e->tx->deaf))
        wk = chan_changed (e->tx);
    pthread_mutex_unlock (&e->tx->lock);
    wake_up (e->tx, &wk);
    msgq_release (&e->in);
    pair_unref (e->pair);
    free (e->name);
    free (e);
}

static const struct flux_handle_ops end_ops = {
    .setopt = end_setopt,
    .getopt = end_getopt,
    .pollfd = end_pollfd,
    .pollevents = end_pollevents,
    .send = end_send,
    .send_new = end_send_new,
    .recv = end_recv,
    .impl_destroy = end_destroy,
};

static struct pair *pair_new (void)
{
    struct pair *p = calloc (1, sizeof (*p));

    if (!p)
        return NULL;
    atomic_init (&p->refs, 1);
    for (int i = 0; i < 2; i++) {
        pthread_mutex_init (&p->chan[i].lock, NULL);
        p->chan[i].fd = -1;
    }
    for (int i = 0; i < 2; i++) {
        p->chan[i].fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (p->chan[i].fd < 0) {
            pair_unref (p);
            return NULL;
        }
    }
    return p;
}

static flux_t *end_new (struct pair *p, int i)
{
    struct end *e = calloc (1, sizeof (*e));
    flux_t *h;

    if (!e) {
        errno = ENOMEM;
        return NULL;
    }
    atomic_fetch_add (&p->refs, 1);
    e->pair = p;
    e->tx = &p->chan[i];
    e->rx = &p->chan[1 - i];
    if (!(h = handle_create_ext (e, &end_ops, &end_ext, 0)))
        end_destroy (e);
    return h;
}

int inproc_pair (flux_t *pair[2])
{
    struct pair *p;
    flux_t *h[2] = { NULL, NULL };
    int rc = 0;

    errno = ENOMEM;
    if (!(p = pair_new ()))
        return -errno;
    if (!(h[0] = end_new (p, 0)) || !(h[1] = end_new (p, 1))) {
        rc = -errno;
        flux_close (h[0]);
    } else
        memcpy (pair, h, sizeof (h));
    pair_unref (p);
    return rc;
}
