/* reload.c - another R, given as R or as the topologies of nodes
 */
#include <errno.h>
#include <string.h>

#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/resource/discover.h"
#include "modules/resource/reload.h"
#include "spec/rset.h"

struct reload {
    flux_t *h;
    const flux_msg_t *msg;
    uint32_t size;
    bool force;
    reload_f cb;
    void *arg;
    struct rset *R;
    json_t *xml;                /* array of text, or NULL */
    size_t next;                /* rank whose XML is to be read */
    struct discover *discover;
    flux_watcher_t *timer;      /* R is there: call back from the reactor */
};

static void next_xml (struct reload *rl);

static void finish (struct reload *rl)
{
    struct rset *R = rl->R;
    uint32_t last = idset_last (rset_ranks (R));
    flux_error_t err;

    if (rset_nnodes (R) > 0 && last >= rl->size && !rl->force) {
        errmsg (&err, -EINVAL, "R has rank %u, but the size of the instance is %u; use "
                "--force to load it nevertheless", last, rl->size);
        rl->cb (rl, NULL, EINVAL, err.text, rl->arg);
        return;
    }
    rl->R = NULL;
    rl->cb (rl, R, 0, NULL, rl->arg);
}

static int add_node (struct reload *rl, const struct discovered *d)
{
    char host[64], cores[32], gpus[32];

    snprintf (host, sizeof (host), "node%zu", rl->next);
    snprintf (cores, sizeof (cores), d->ncores > 1 ? "0-%d" : "%d", d->ncores - 1);
    snprintf (gpus, sizeof (gpus), d->ngpus > 1 ? "0-%d" : "%d", d->ngpus - 1);
    return rset_add_rank (rl->R, (uint32_t)rl->next, d->hostname ? d->hostname : host,
                          cores, d->ngpus > 0 ? gpus : NULL);
}

static void xml_read (struct discover *dc, const struct discovered *d, int errnum,
                      const char *text, void *arg)
{
    struct reload *rl = arg;
    flux_error_t err;
    int rc;

    if (errnum != 0 || (rc = add_node (rl, d)) < 0) {
        errnum = errnum ? errnum : -rc;
        errmsg (&err, -1, "XML of rank %zu: %s", rl->next, text ? text : strerror (errnum));
        rl->cb (rl, NULL, errnum, err.text, rl->arg);
        return;
    }
    discover_free (dc);
    rl->discover = NULL;
    rl->next++;
    next_xml (rl);
}

static void next_xml (struct reload *rl)
{
    struct discover_args args = {
        .xml = json_string_value (json_array_get (rl->xml, rl->next)),
    };

    if (rl->next == json_array_size (rl->xml))
        finish (rl);
    else if (!(rl->discover = discover_start (flux_get_reactor (rl->h), &args, xml_read,
                                              rl)))
        rl->cb (rl, NULL, errno, NULL, rl->arg);
}

static void on_timer (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct reload *rl = arg;

    if (rl->xml)
        next_xml (rl);
    else
        finish (rl);
}

static int check_xml (const json_t *xml, flux_error_t *err)
{
    size_t index;
    json_t *o;

    if (json_array_size (xml) == 0)
        return errmsg (err, -EINVAL, "xml: must be an array of hwloc XML");
    json_array_foreach ((json_t *)xml, index, o) {
        if (!json_is_string (o))
            return errmsg (err, -EINVAL, "xml[%zu]: must be a string", index);
    }
    return 0;
}

static int parse (struct reload *rl, flux_error_t *err)
{
    json_t *R = NULL, *xml = NULL;
    int force = 0;

    if (flux_request_unpack (rl->msg, NULL, "{s?o s?o s?b}", "R", &R, "xml", &xml,
                             "force", &force) < 0
        || !R == !xml)
        return errmsg (err, -EPROTO, "malformed request: expected R or xml");
    rl->force = force;
    if (R)
        return (rl->R = rset_from_json (R, err)) ? 0 : -errno;
    if (check_xml (xml, err) < 0)
        return -EINVAL;
    rl->xml = json_incref (xml);
    return (rl->R = rset_new ()) ? 0 : errmsg (err, -ENOMEM, "out of memory");
}

struct reload *reload_start (flux_t *h, const flux_msg_t *msg, uint32_t size,
                             reload_f cb, void *arg, flux_error_t *err)
{
    struct reload *rl = calloc (1, sizeof (*rl));
    int rc;

    if (!rl) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    rl->h = h;
    rl->msg = flux_msg_incref (msg);
    rl->size = size;
    rl->cb = cb;
    rl->arg = arg;
    if ((rc = parse (rl, err)) == 0
        && !(rl->timer = flux_timer_watcher_create (flux_get_reactor (h), 0., 0.,
                                                    on_timer, rl)))
        rc = errmsg (err, -errno, "%s", strerror (errno));
    if (rc < 0) {
        reload_free (rl);
        errno = -rc;
        return NULL;
    }
    flux_watcher_start (rl->timer);
    return rl;
}

void reload_free (struct reload *rl)
{
    if (rl) {
        int saved = errno;

        flux_msg_decref (rl->msg);
        rset_free (rl->R);
        json_decref (rl->xml);
        discover_free (rl->discover);
        flux_watcher_destroy (rl->timer);
        free (rl);
        errno = saved;
    }
}

const flux_msg_t *reload_msg (const struct reload *rl)
{
    return rl->msg;
}
