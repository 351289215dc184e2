/* self.c - the broker's own handle
 */
#include <errno.h>
#include <unistd.h>

#include "broker/self.h"
#include "core/inproc.h"

struct self {
    struct router *router;
    struct endpoint *ep;
    flux_t *near;           /* the router's end */
    flux_t *far;            /* that of the services */
    flux_watcher_t *w;
};

static int deliver (void *arg, flux_msg_t *msg)
{
    struct self *s = arg;

    if (flux_send_new (s->near, &msg, 0) < 0) {
        flux_msg_destroy (msg);
        return -errno;
    }
    return 0;
}

static void on_readable (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct self *s = arg;
    flux_msg_t *msg;
    int n = 0;

    while (n++ < 256 && (msg = flux_recv (s->near, FLUX_MATCH_ANY, FLUX_O_NONBLOCK)))
        endpoint_recv (s->ep, msg);
}

struct self *self_new (struct router *r, flux_reactor_t *reactor)
{
    struct self *s = calloc (1, sizeof (*s));
    struct endpoint_args args = {
        .cred = { .userid = getuid (), .rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL },
        .trusted = true,
        .send = deliver,
        .arg = s,
    };
    flux_t *pair[2];

    if (!s)
        return NULL;
    s->router = r;
    if (inproc_pair (pair) < 0) {
        free (s);
        return NULL;
    }
    s->near = pair[0];
    s->far = pair[1];
    if (flux_set_reactor (s->near, reactor) < 0 || flux_set_reactor (s->far, reactor) < 0
        || !(s->w = flux_handle_watcher_create (reactor, s->near, FLUX_POLLIN,
                                                on_readable, s))
        || !(s->ep = endpoint_new (r, &args))
        || flux_aux_set (s->far, "flux::uuid", (char *)endpoint_uuid (s->ep), NULL) < 0) {
        self_free (s);
        return NULL;
    }
    flux_watcher_start (s->w);
    return s;
}

void self_free (struct self *s)
{
    if (!s)
        return;
    flux_watcher_destroy (s->w);
    endpoint_free (s->ep);
    flux_close (s->far);
    flux_close (s->near);
    free (s);
}

flux_t *self_handle (struct self *s)
{
    return s->far;
}

struct endpoint *self_endpoint (struct self *s)
{
    return s->ep;
}

int self_add_services (struct self *s, const char *names)
{
    char name[64];
    int rc;

    while (*(names += strspn (names, " "))) {
        size_t len = strcspn (names, " ");
        snprintf (name, sizeof (name), "%.*s", (int)len, names);
        if ((rc = router_service_add (s->router, name, s->ep)) < 0)
            return rc;
        names += len;
    }
    return 0;
}
