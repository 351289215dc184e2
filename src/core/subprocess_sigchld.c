/* subprocess_sigchld.c - hear of children that stop or continue
 *
 * A pidfd tells only of the end of a process, so a stop needs SIGCHLD.  That
 * signal belongs to the process, not to us: it is taken only while its
 * disposition is the default, and its handler does one thing: it writes to the
 * eventfd of each reactor that has subprocesses, and only for a stop.
 *
 * Process-wide state: the table of eventfds.  A slot's eventfd is created once
 * and never closed, because the handler may be about to write to it in another
 * thread.  Per thread: the list of reactors with subprocesses.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <flux/core.h>

#include "core/subprocess_private.h"

#define MAX_REACTORS 64

enum { SLOT_FREE, SLOT_BUSY };

static struct {
    atomic_int fd;     /* plus one; 0 is none */
    atomic_int state;
} slots[MAX_REACTORS];

/* All stopwatches of one reactor. */
struct group {
    struct list_node node;
    flux_reactor_t *reactor;
    int slot;
    int fd;
    flux_watcher_t *w;
    struct list_node watches;
    bool busy;         /* callbacks are being made */
};

struct sp_stopwatch {
    struct list_node node;
    struct group *group;
    void (*fn) (void *arg);
    void *arg;
};

static __thread struct list_node groups;

static void sigchld_handler (int signum, siginfo_t *si, void *ctx)
{
    const uint64_t one = 1;
    int saved_errno = errno;

    if (si->si_code != CLD_STOPPED && si->si_code != CLD_CONTINUED)
        return;
    for (int i = 0; i < MAX_REACTORS; i++) {
        int fd = atomic_load (&slots[i].fd) - 1;
        if (fd >= 0 && atomic_load (&slots[i].state) == SLOT_BUSY)
            (void)!write (fd, &one, sizeof (one));
    }
    errno = saved_errno;
}

static int install_handler (void)
{
    struct sigaction sa;

    if (sigaction (SIGCHLD, NULL, &sa) < 0)
        return -1;
    if ((sa.sa_flags & SA_SIGINFO) && sa.sa_sigaction == sigchld_handler)
        return 0;
    if ((sa.sa_flags & SA_SIGINFO) || sa.sa_handler != SIG_DFL)
        return -1; /* the program uses it: it will not hear of stops from us */
    memset (&sa, 0, sizeof (sa));
    sa.sa_sigaction = sigchld_handler;
    sa.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigemptyset (&sa.sa_mask);
    return sigaction (SIGCHLD, &sa, NULL);
}

static int take_slot (int *fdp)
{
    for (int i = 0; i < MAX_REACTORS; i++) {
        int expect = SLOT_FREE;
        if (!atomic_compare_exchange_strong (&slots[i].state, &expect, SLOT_BUSY))
            continue;
        int fd = atomic_load (&slots[i].fd) - 1;
        if (fd < 0) {
            if ((fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
                atomic_store (&slots[i].state, SLOT_FREE);
                return -1;
            }
            atomic_store (&slots[i].fd, fd + 1);
        }
        *fdp = fd;
        return i;
    }
    return -1;
}

static void group_free (struct group *g)
{
    flux_watcher_destroy (g->w);
    if (g->slot >= 0)
        atomic_store (&slots[g->slot].state, SLOT_FREE);
    list_del (&g->node);
    free (g);
}

/* A callback may free any stopwatch, also the last one: walk a list that
 * survives that. */
static void group_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct group *g = arg;
    struct list_node todo;
    struct list_node *n;
    uint64_t count;

    (void)!read (g->fd, &count, sizeof (count));
    g->busy = true;
    list_init (&todo);
    while ((n = list_first (&g->watches))) {
        list_del (n);
        list_append (&todo, n);
    }
    while ((n = list_first (&todo))) {
        struct sp_stopwatch *sw = list_entry (n, struct sp_stopwatch, node);
        list_del (n);
        list_append (&g->watches, n);
        sw->fn (sw->arg);
    }
    g->busy = false;
    if (list_empty (&g->watches))
        group_free (g);
}

static struct group *group_get (flux_reactor_t *r)
{
    struct group *g;

    if (!groups.next)
        list_init (&groups);
    list_foreach (&groups, n) {
        g = list_entry (n, struct group, node);
        if (g->reactor == r)
            return g;
    }
    if (install_handler () < 0 || !(g = calloc (1, sizeof (*g))))
        return NULL;
    list_init (&g->node);
    list_init (&g->watches);
    g->reactor = r;
    if ((g->slot = take_slot (&g->fd)) < 0
        || !(g->w = flux_fd_watcher_create (r, g->fd, FLUX_POLLIN, group_cb, g))) {
        group_free (g);
        return NULL;
    }
    flux_watcher_start (g->w);
    flux_watcher_unref (g->w);
    list_append (&groups, &g->node);
    return g;
}

struct sp_stopwatch *sp_stopwatch_new (flux_reactor_t *r, void (*fn) (void *arg),
                                       void *arg)
{
    struct sp_stopwatch *sw;
    struct group *g;

    if (!(sw = calloc (1, sizeof (*sw))))
        return NULL;
    if (!(g = group_get (r))) {
        free (sw);
        return NULL;
    }
    sw->group = g;
    sw->fn = fn;
    sw->arg = arg;
    list_append (&g->watches, &sw->node);
    return sw;
}

void sp_stopwatch_free (struct sp_stopwatch *sw)
{
    if (!sw)
        return;
    struct group *g = sw->group;
    list_del (&sw->node);
    free (sw);
    if (list_empty (&g->watches) && !g->busy)
        group_free (g);
}
