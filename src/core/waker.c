/* waker.c - see waker.h */
#include "core/waker.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct waker {
    atomic_int refs;
    atomic_bool armed;
    int fd;
};

struct waker *waker_new (void)
{
    struct waker *w = calloc (1, sizeof (*w));

    if (!w)
        return NULL;
    if ((w->fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0) {
        free (w);
        return NULL;
    }
    atomic_init (&w->refs, 1);
    return w;
}

struct waker *waker_ref (struct waker *w)
{
    atomic_fetch_add_explicit (&w->refs, 1, memory_order_relaxed);
    return w;
}

void waker_unref (struct waker *w)
{
    if (w && atomic_fetch_sub (&w->refs, 1) == 1) {
        close (w->fd);
        free (w);
    }
}

int waker_fd (const struct waker *w)
{
    return w->fd;
}

void waker_arm (struct waker *w)
{
    atomic_store (&w->armed, true);
}

void waker_disarm (struct waker *w)
{
    if (atomic_load_explicit (&w->armed, memory_order_relaxed))
        atomic_store_explicit (&w->armed, false, memory_order_relaxed);
}

void waker_take (struct waker *w)
{
    eventfd_t n;

    (void)eventfd_read (w->fd, &n);
}

bool waker_claim (struct waker *w)
{
    return atomic_load (&w->armed) && atomic_exchange (&w->armed, false);
}

void waker_wake (struct waker *w)
{
    (void)eventfd_write (w->fd, 1);
}
