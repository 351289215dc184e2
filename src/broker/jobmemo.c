/* jobmemo.c - where this instance can be reached, told to the one it is a job of
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "broker/jobmemo.h"

struct jobmemo {
    struct broker_log *log;
    flux_t *parent;
    flux_future_t *f;
};

static void answered (flux_future_t *f, void *arg)
{
    struct jobmemo *m = arg;

    if (flux_rpc_get (f, NULL) < 0)
        broker_logf (m->log, LOG_WARNING, "telling the enclosing instance our URI: %s",
                     future_strerror (f, errno));
    /* the connection has done its work */
    flux_future_destroy (f);
    m->f = NULL;
    flux_close (m->parent);
    m->parent = NULL;
}

/* The enclosing instance may end before this one: nothing waits for it any more. */
static int lost (flux_t *parent, void *arg)
{
    struct jobmemo *m = arg;

    flux_future_destroy (m->f);
    m->f = NULL;
    return -1;
}

/* The host's name, not the attribute: that may be made up (--test-hosts). */
static int send_memo (struct jobmemo *m, flux_jobid_t id, const char *local_uri)
{
    char host[256];
    char uri[1024];

    if (gethostname (host, sizeof (host)) < 0)
        return -1;
    host[sizeof (host) - 1] = '\0';
    if (snprintf (uri, sizeof (uri), "ssh://%s%s", host, local_uri + strlen ("local://"))
        >= (int)sizeof (uri)) {
        errno = EOVERFLOW;
        return -1;
    }
    if (!(m->f = flux_rpc_pack (m->parent, "job-manager.memo", FLUX_NODEID_ANY, 0,
                                "{s:I s:{s:s}}", "id", (json_int_t)id, "memo", "uri", uri)))
        return -1;
    return flux_future_then (m->f, -1, answered, m);
}

struct jobmemo *jobmemo_post (flux_t *h, const struct attrs *attrs, struct broker_log *log)
{
    const char *parent = attrs_get (attrs, "parent-uri", NULL);
    const char *jobid = attrs_get (attrs, "jobid", NULL);
    const char *uri = attrs_get (attrs, "local-uri", NULL);
    struct jobmemo *m;
    flux_error_t err;
    flux_jobid_t id;

    /* Another resource manager's job has an id too, but no Flux around it. */
    if (!parent || !*parent || !jobid || flux_job_id_parse (jobid, &id) < 0
        || !uri || strncmp (uri, "local://", 8) != 0)
        return NULL;
    if (!(m = calloc (1, sizeof (*m))))
        return NULL;
    m->log = log;
    if (!(m->parent = flux_open_ex (parent, 0, &err)))
        broker_logf (log, LOG_WARNING, "telling the enclosing instance our URI: %s", err.text);
    else if (flux_set_reactor (m->parent, flux_get_reactor (h)) < 0
             || send_memo (m, id, uri) < 0)
        broker_logf (log, LOG_WARNING, "telling the enclosing instance our URI: %s",
                     strerror (errno));
    else {
        flux_comms_error_set (m->parent, lost, m);
        return m;
    }
    jobmemo_free (m);
    return NULL;
}

void jobmemo_free (struct jobmemo *m)
{
    if (m) {
        flux_future_destroy (m->f);
        flux_close (m->parent);
        free (m);
    }
}
