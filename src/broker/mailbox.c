/* mailbox.c - run a function in another thread's reactor
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/list.h"
#include "broker/mailbox.h"

struct letter {
    struct list_node node;
    mailbox_f fun;
    void *arg;
};

struct mailbox {
    pthread_mutex_t lock;
    struct list_node letters;
    int fd;
    flux_watcher_t *w;
};

struct mailbox *mailbox_new (void)
{
    struct mailbox *mb = calloc (1, sizeof (*mb));

    if (!mb)
        return NULL;
    pthread_mutex_init (&mb->lock, NULL);
    list_init (&mb->letters);
    if ((mb->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        mailbox_free (mb);
        return NULL;
    }
    return mb;
}

void mailbox_free (struct mailbox *mb)
{
    if (!mb)
        return;
    mailbox_unserve (mb);
    list_foreach (&mb->letters, n)
        free (list_entry (n, struct letter, node));
    if (mb->fd >= 0)
        close (mb->fd);
    pthread_mutex_destroy (&mb->lock);
    free (mb);
}

static struct letter *take (struct mailbox *mb)
{
    struct letter *l = NULL;

    pthread_mutex_lock (&mb->lock);
    if (!list_empty (&mb->letters)) {
        l = list_entry (mb->letters.next, struct letter, node);
        list_del (&l->node);
    }
    pthread_mutex_unlock (&mb->lock);
    return l;
}

static void on_readable (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct mailbox *mb = arg;
    struct letter *l;
    uint64_t count;

    (void)!read (mb->fd, &count, sizeof (count));
    while ((l = take (mb))) {
        l->fun (l->arg);
        free (l);
    }
}

int mailbox_serve (struct mailbox *mb, flux_reactor_t *r)
{
    if (!(mb->w = flux_fd_watcher_create (r, mb->fd, FLUX_POLLIN, on_readable, mb)))
        return -errno;
    flux_watcher_start (mb->w);
    return 0;
}

void mailbox_unserve (struct mailbox *mb)
{
    flux_watcher_destroy (mb->w);
    mb->w = NULL;
}

int mailbox_post (struct mailbox *mb, mailbox_f fun, void *arg)
{
    struct letter *l = malloc (sizeof (*l));
    const uint64_t one = 1;
    bool first;

    if (!l)
        return -ENOMEM;
    list_init (&l->node);
    l->fun = fun;
    l->arg = arg;
    pthread_mutex_lock (&mb->lock);
    first = list_empty (&mb->letters);
    list_append (&mb->letters, &l->node);
    pthread_mutex_unlock (&mb->lock);
    if (first)
        (void)!write (mb->fd, &one, sizeof (one));
    return 0;
}
