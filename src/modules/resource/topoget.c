/* topoget.c - resource.topo-get: the local topology as hwloc XML
 */
#include <errno.h>
#include <string.h>

#include "modules/resource/discover.h"
#include "modules/resource/topoget.h"

struct topoget {
    flux_t *h;
    bool norestrict;
    char *xml;
    struct discover *discover;      /* at work */
    struct flux_msglist *waiters;
};

struct topoget *topoget_new (flux_t *h, bool norestrict)
{
    struct topoget *t = calloc (1, sizeof (*t));

    if (!t)
        return NULL;
    t->h = h;
    t->norestrict = norestrict;
    if (!(t->waiters = flux_msglist_create ())) {
        topoget_free (t);
        return NULL;
    }
    return t;
}

static void answer (struct topoget *t, const flux_msg_t *msg, int errnum,
                    const char *text)
{
    int rc = errnum == 0 ? flux_respond (t->h, msg, t->xml)
                         : flux_respond_error (t->h, msg, errnum, text);

    if (rc < 0)
        flux_log_error (t->h, "resource.topo-get: error responding");
}

static void answer_all (struct topoget *t, int errnum, const char *text)
{
    const flux_msg_t *msg;

    while (t->waiters && (msg = flux_msglist_pop (t->waiters))) {
        answer (t, msg, errnum, text);
        flux_msg_decref (msg);
    }
}

void topoget_free (struct topoget *t)
{
    if (t) {
        answer_all (t, ENOSYS, NULL);
        flux_msglist_destroy (t->waiters);
        discover_free (t->discover);
        free (t->xml);
        free (t);
    }
}

static void discovered (struct discover *dc, const struct discovered *d, int errnum,
                        const char *text, void *arg)
{
    struct topoget *t = arg;

    if (errnum == 0 && !(t->xml = strdup (d->xml)))
        errnum = ENOMEM;
    answer_all (t, errnum, text);
    discover_free (dc);
    t->discover = NULL;
}

void topoget_request (struct topoget *t, const flux_msg_t *msg)
{
    struct discover_args args = { .norestrict = t->norestrict, .want_xml = true };

    if (t->xml) {
        answer (t, msg, 0, NULL);
        return;
    }
    if (flux_msglist_append (t->waiters, msg) < 0)
        flux_respond_error (t->h, msg, errno, NULL);
    else if (!t->discover
             && !(t->discover = discover_start (flux_get_reactor (t->h), &args,
                                                discovered, t)))
        answer_all (t, errno, NULL);
}

void topoget_disconnect (struct topoget *t, const flux_msg_t *msg)
{
    flux_msglist_disconnect (t->waiters, msg);
}
