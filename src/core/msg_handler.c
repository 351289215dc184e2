/* msg_handler.c - callbacks for messages that match
 */
#include "core/dispatch_private.h"
#include "core/message_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A handler is known by its exact topic only if nothing else is to compare but
 * the type. */
static bool is_exact (const struct flux_match *m)
{
    return m->topic_glob && m->matchtag == FLUX_MATCHTAG_NONE
           && m->topic_glob[strcspn (m->topic_glob, "*?[\\")] == '\0';
}

static int topic_get (struct dispatch *d, const char *topic,
                      struct topic_entry **entryp)
{
    struct topic_entry *e = hash_get (d->topics, topic);

    if (!e) {
        if (!(e = calloc (1, sizeof (*e))))
            return -ENOMEM;
        list_init (&e->handlers);
        if (hash_set (d->topics, topic, e) < 0) {
            free (e);
            return -ENOMEM;
        }
    }
    e->refs++;
    *entryp = e;
    return 0;
}

void msg_handler_unref (flux_msg_handler_t *mh)
{
    if (--mh->refs > 0)
        return;
    if (mh->topic && --mh->topic->refs == 0)
        hash_del (mh->d->topics, mh->match.topic_glob);
    flux_match_free (mh->match);
    dispatch_unref (mh->d);
    free (mh);
}

flux_msg_handler_t *flux_msg_handler_create (flux_t *h,
                                             const struct flux_match match,
                                             flux_msg_handler_f cb, void *arg)
{
    flux_msg_handler_t *mh;
    struct dispatch *d;
    bool any_topic = !match.topic_glob || !*match.topic_glob;

    if (!h || !cb) {
        errno = EINVAL;
        return NULL;
    }
    if (!(d = dispatch_get (h)))
        return NULL;
    if (!(mh = calloc (1, sizeof (*mh))))
        goto nomem;
    list_init (&mh->node);
    mh->d = d;
    d->refs++;
    mh->refs = 1;
    mh->seq = ++d->last_seq;
    mh->rolemask = FLUX_ROLE_OWNER;
    mh->cb = cb;
    mh->arg = arg;
    mh->match = match;
    mh->match.topic_glob = NULL;
    if (!any_topic && !(mh->match.topic_glob = strdup (match.topic_glob)))
        goto nomem;
    if (is_exact (&mh->match)
        && topic_get (d, mh->match.topic_glob, &mh->topic) < 0)
        goto nomem;
    return mh;
nomem:
    if (mh)
        msg_handler_unref (mh);
    errno = ENOMEM;
    return NULL;
}

void flux_msg_handler_destroy (flux_msg_handler_t *mh)
{
    int saved_errno = errno;

    if (!mh)
        return;
    flux_msg_handler_stop (mh);
    msg_handler_unref (mh);
    errno = saved_errno;
}

/* Newest first, by creation. */
void flux_msg_handler_start (flux_msg_handler_t *mh)
{
    struct list_node *head;
    struct list_node *prev;

    if (!mh || mh->running || !mh->d->h)
        return;
    head = mh->topic ? &mh->topic->handlers : &mh->d->globs;
    prev = head;
    list_foreach (head, n)
    {
        if (list_entry (n, flux_msg_handler_t, node)->seq < mh->seq)
            break;
        prev = n;
    }
    list_insert_after (prev, &mh->node);
    mh->running = true;
    dispatch_activate (mh->d);
}

void flux_msg_handler_stop (flux_msg_handler_t *mh)
{
    if (!mh || !mh->running)
        return;
    list_del (&mh->node);
    mh->running = false;
    dispatch_deactivate (mh->d);
}

void flux_msg_handler_allow_rolemask (flux_msg_handler_t *mh, uint32_t rolemask)
{
    if (mh)
        mh->rolemask |= rolemask;
}

/* The owner cannot be denied. */
void flux_msg_handler_deny_rolemask (flux_msg_handler_t *mh, uint32_t rolemask)
{
    if (mh)
        mh->rolemask = (mh->rolemask & ~rolemask) | FLUX_ROLE_OWNER;
}

/* Tables */

static bool is_end (const struct flux_msg_handler_spec *spec)
{
    return !spec->cb && !spec->topic_glob && spec->typemask == 0;
}

static flux_msg_handler_t *create_from_spec (
    flux_t *h, const char *service_name,
    const struct flux_msg_handler_spec *spec, void *arg)
{
    struct flux_match match = { .typemask = spec->typemask,
                                .matchtag = FLUX_MATCHTAG_NONE };
    flux_msg_handler_t *mh;
    char *topic = NULL;

    match.topic_glob = spec->topic_glob;
    if (service_name && (spec->typemask & FLUX_MSGTYPE_REQUEST)) {
        if (asprintf (&topic, "%s.%s", service_name,
                      spec->topic_glob ? spec->topic_glob : "*") < 0) {
            errno = ENOMEM;
            return NULL;
        }
        match.topic_glob = topic;
    }
    mh = flux_msg_handler_create (h, match, spec->cb, arg);
    free (topic);
    if (mh) {
        flux_msg_handler_allow_rolemask (mh, spec->rolemask);
        flux_msg_handler_start (mh);
    }
    return mh;
}

int flux_msg_handler_addvec_ex (flux_t *h, const char *service_name,
                                const struct flux_msg_handler_spec tab[],
                                void *arg, flux_msg_handler_t **hp[])
{
    flux_msg_handler_t **handlers;
    size_t n = 0;

    if (!h || !tab || !hp) {
        errno = EINVAL;
        return -1;
    }
    while (!is_end (&tab[n]))
        n++;
    if (!(handlers = calloc (n + 1, sizeof (*handlers)))) {
        errno = ENOMEM;
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (!(handlers[i] = create_from_spec (h, service_name, &tab[i], arg))) {
            flux_msg_handler_delvec (handlers);
            return -1;
        }
    }
    *hp = handlers;
    return 0;
}

int flux_msg_handler_addvec (flux_t *h,
                             const struct flux_msg_handler_spec tab[],
                             void *arg, flux_msg_handler_t **hp[])
{
    return flux_msg_handler_addvec_ex (h, NULL, tab, arg, hp);
}

void flux_msg_handler_delvec (flux_msg_handler_t *handlers[])
{
    int saved_errno = errno;

    if (!handlers)
        return;
    for (size_t i = 0; handlers[i]; i++)
        flux_msg_handler_destroy (handlers[i]);
    free (handlers);
    errno = saved_errno;
}
