/* overlay_join.c - how brokers come together
 *
 *   child                                parent
 *     | overlay.hello {rank version ...}    |
 *     |------------------------------------>| known key, right rank and version?
 *     |   response {uuid hostlist}          | (held until the parent has joined)
 *     |<------------------------------------|
 *     | then requests, responses, events, control messages, both ways
 */
#include <errno.h>
#include <inttypes.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "broker/overlay_private.h"

#define MAX_HANDSHAKES 5

static void refuse (struct overlay *ov, const char *id, const flux_msg_t *msg,
                    int errnum, const char *text)
{
    flux_msg_t *resp = flux_response_encode_error ("overlay.hello", errnum, text);

    broker_logf (ov->args.log, LOG_ERR, "refused a broker: %s", text);
    if (resp)
        (void)overlay_send_to (ov, id, resp);
    flux_msg_destroy (resp);
}

static void accept_child (struct overlay *ov, struct peer *p, const char *id, int fd,
                          enum subtree status)
{
    flux_msg_t *resp = flux_response_encode ("overlay.hello", NULL);
    double now = overlay_now (ov);

    if (p->connected)
        overlay_drop_child (ov, p, SUBTREE_LOST, "it connected again");
    snprintf (p->uuid, sizeof (p->uuid), "%s", id);
    if (!resp || hash_set (ov->by_uuid, p->uuid, p) < 0
        || flux_msg_pack (resp, "{s:s s:s}", "uuid", router_uuid (ov->args.router),
                          "hostlist", ov->hostlist) < 0) {
        flux_msg_destroy (resp);
        hash_del (ov->by_uuid, id);
        return;
    }
    p->connected = true;
    p->fd = fd;
    p->last_recv = now;
    p->error[0] = '\0';
    (void)overlay_send_to (ov, id, resp);
    flux_msg_destroy (resp);
    broker_logf (ov->args.log, LOG_DEBUG, "%s (rank %" PRIu32 ") has joined%s%s", p->hostname,
                 p->rank, ov->cert_name ? ", certificate " : "",
                 ov->cert_name ? ov->cert_name : "");
    overlay_set_child_status (ov, p, status);
    ov->args.children (ov->args.arg);
}

void overlay_hello (struct overlay *ov, const char *id, int fd, const flux_msg_t *msg)
{
    int rank, status;
    const char *version, *hostlist = "";
    struct peer *p;
    char text[160];

    if (flux_msg_unpack (msg, "{s:i s:i s:s s?s}", "rank", &rank, "status", &status,
                         "version", &version, "hostlist", &hostlist) < 0 || status < 0
        || status > SUBTREE_OFFLINE) {
        refuse (ov, id, msg, EPROTO, "malformed hello");
        return;
    }
    if (*hostlist && ov->hostlist && strcmp (hostlist, ov->hostlist) != 0) {
        snprintf (text, sizeof (text), "rank %d was started with another list of hosts"
                  " (bootstrap.hosts): it must be the same on all hosts", rank);
        refuse (ov, id, msg, EINVAL, text);
    }
    else if (rank < 0 || !(p = overlay_child (ov, rank))) {
        snprintf (text, sizeof (text), "rank %d is no child of rank %" PRIu32, rank,
                  ov->args.rank);
        refuse (ov, id, msg, EINVAL, text);
    }
    else if (strcmp (version, FLUX_CORE_VERSION_STRING) != 0) {
        snprintf (text, sizeof (text), "rank %d runs version %.40s, this broker %s",
                  rank, version, FLUX_CORE_VERSION_STRING);
        refuse (ov, id, msg, EINVAL, text);
    }
    else if (!ov->accepting)
        refuse (ov, id, msg, EHOSTDOWN, "the parent takes no new children");
    else
        accept_child (ov, p, id, fd, status);
}

/* A hello that must wait keeps who it is from in its route stack. */
void overlay_hello_later (struct overlay *ov, const char *id, int fd, flux_msg_t *msg)
{
    char hop[TRANSPORT_ID_SIZE + 16];

    snprintf (hop, sizeof (hop), "%d %s", fd, id);
    flux_msg_route_enable (msg);
    if (flux_msg_route_push (msg, hop) == 0)
        (void)flux_msglist_append (ov->hellos, msg);
}

static void answer_hellos (struct overlay *ov)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (ov->hellos))) {
        char id[TRANSPORT_ID_SIZE];
        int fd;
        if (sscanf (flux_msg_route_last (msg), "%d %39s", &fd, id) == 2)
            overlay_hello (ov, id, fd, msg);
        flux_msg_decref (msg);
    }
}

/* A broker that was configured tells by which list of hosts. */
static int send_hello (struct overlay *ov)
{
    flux_msg_t *msg = flux_request_encode ("overlay.hello", NULL);
    int rc;

    if (!msg || flux_msg_pack (msg, "{s:i s:i s:s s:s}", "rank", (int)ov->args.rank,
                               "status", (int)ov->status, "version",
                               FLUX_CORE_VERSION_STRING, "hostlist",
                               ov->hostlist ? ov->hostlist : "") < 0)
        rc = -errno;
    else
        rc = overlay_send_to (ov, NULL, msg);
    flux_msg_destroy (msg);
    return rc;
}

static void set_hostlist (struct overlay *ov, const char *hostlist)
{
    free (ov->hostlist);
    ov->hostlist = strdup (hostlist);
    (void)attrs_default (ov->args.attrs, "hostlist", hostlist, 0);
}

void overlay_hello_answered (struct overlay *ov, const flux_msg_t *msg)
{
    const char *uuid, *hostlist, *errstr;
    char text[200];
    int errnum = 0;

    if (ov->joined)
        return;
    if (flux_msg_get_errnum (msg, &errnum) < 0 || errnum != 0) {
        if (flux_msg_get_string (msg, &errstr) < 0 || !errstr)
            errstr = strerror (errnum);
        snprintf (text, sizeof (text), "the parent refused this broker: %s", errstr);
        ov->args.parent (ov->args.arg, -errnum, text);
        return;
    }
    if (flux_msg_unpack (msg, "{s:s s:s}", "uuid", &uuid, "hostlist", &hostlist) < 0) {
        ov->args.parent (ov->args.arg, -EPROTO, "malformed answer of the parent");
        return;
    }
    snprintf (ov->parent.uuid, sizeof (ov->parent.uuid), "%s", uuid);
    if (hash_set (ov->by_uuid, ov->parent.uuid, &ov->parent) < 0)
        return;
    ov->parent.connected = true;
    ov->joined = true;
    set_hostlist (ov, hostlist);
    overlay_keepalive_start (ov);
    ov->args.parent (ov->args.arg, 0, NULL);
    answer_hellos (ov);
}

int overlay_join (struct overlay *ov, flux_error_t *err)
{
    int rc = ov->tp->connect (ov->t, ov->parent_uri, ov->parent_key, err);

    if (rc < 0)
        return rc;
    if ((rc = overlay_watch_sockets (ov)) < 0)
        return errmsg (err, rc, "overlay: %s", strerror (-rc));
    if ((rc = send_hello (ov)) < 0)
        return errmsg (err, rc, "overlay: hello to the parent: %s", strerror (-rc));
    return 0;
}

/* Of the parent.  What was sent may have been lost with it. */
void overlay_parent_closed (struct overlay *ov)
{
    if (ov->joined)
        overlay_lose_parent (ov, "lost connection");
    else if (ov->failed_handshakes == 0)
        (void)send_hello (ov);
}

/* Once may be a parent that is just ending. */
void overlay_parent_refused (struct overlay *ov)
{
    char text[400];

    if (ov->joined || ++ov->failed_handshakes != MAX_HANDSHAKES)
        return;
    snprintf (text, sizeof (text), "%s (rank %" PRIu32 "): what listens at %s does not accept"
              " the certificate of this broker: %s", ov->parent.hostname, ov->parent.rank,
              ov->parent_uri, ov->cert_name ? "bootstrap.curve_cert must be the same on all"
              " hosts" : "it is no broker of this instance");
    ov->args.parent (ov->args.arg, -EPERM, text);
}
