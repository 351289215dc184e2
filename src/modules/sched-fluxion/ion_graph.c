/* ion_graph.c - the requests of flux ion-resource about vertices
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/find.h"
#include "graph/match.h"
#include "modules/sched-fluxion/parts.h"
#include "modules/sched-fluxion/resource_private.h"
#include "spec/rset.h"

/* ---- find ---- */

static int find (struct resource *o, const char *criteria, enum emit_format format,
                 struct buf *b, flux_error_t *err)
{
    struct filters *filters = filters_parse (o->conf.prune_filters, err);
    int rc = filters ? find_show (o->fx->graph, criteria, filters, format, b, err) : -errno;

    filters_free (filters);
    return rc;
}

void ion_find_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    const char *criteria, *name = "rv1_nosched";
    struct buf b = BUF_INIT;
    enum emit_format format;
    flux_error_t err;
    int rc;

    if (!ion_ready (o, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:s s?s}", "criteria", &criteria,
                             "format", &name) < 0)
        rc = errmsg (&err, -EPROTO, "malformed request");
    else if (emit_parse_format (name, &format) < 0)
        rc = errmsg (&err, -EINVAL, "format '%s' is unknown: rv1_nosched, rv1, rlite, jgf,"
                     " simple, pretty_simple, ...", name);
    else
        rc = find (o, criteria, format, &b, &err);
    if (rc < 0)
        flux_respond_error (h, msg, -rc, err.text);
    else if (flux_respond_pack (h, msg, "{s:s}", "R", b.data) < 0)
        flux_log_error (h, "find");
    buf_release (&b);
}

void ion_status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    struct rset *down, *allocated;

    if (!ion_ready (o, msg))
        return;
    down = parts_down (o->fx);
    allocated = parts_allocated (o->fx);
    if (flux_respond_pack (h, msg, "{s:o s:o s:o}", "all", rset_to_json (o->fx->all),
                           "down", down ? rset_to_json (down) : NULL, "allocated",
                           allocated ? rset_to_json (allocated) : NULL) < 0)
        flux_respond_error (h, msg, errno, NULL);
    rset_free (down);
    rset_free (allocated);
}

/* ---- one vertex ---- */

/* The vertex that "resource_path" of a request names; GRAPH_NONE: answered. */
static uint32_t vertex (struct resource *o, const flux_msg_t *msg)
{
    const char *path;
    flux_error_t err;
    uint32_t v;

    if (!ion_ready (o, msg))
        return GRAPH_NONE;
    if (flux_request_unpack (msg, NULL, "{s:s}", "resource_path", &path) < 0) {
        flux_respond_error (o->h, msg, EPROTO, "malformed request");
        return GRAPH_NONE;
    }
    if ((v = graph_by_path (o->fx->graph, path)) == GRAPH_NONE) {
        errmsg (&err, 0, "there is no vertex '%s': flux ion-resource find --format=simple"
                " status=up lists them", path);
        flux_respond_error (o->h, msg, ENOENT, err.text);
    }
    return v;
}

static void done (struct resource *o, const flux_msg_t *msg, int rc)
{
    if (rc < 0)
        flux_respond_error (o->h, msg, -rc, NULL);
    else {
        fluxion_changed (o->fx);
        if (flux_respond (o->h, msg, NULL) < 0)
            flux_log_error (o->h, "sched-fluxion-resource");
    }
}

void ion_get_property_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    uint32_t v = vertex (o, msg);
    const char *key = NULL;
    const json_t *props;
    json_t *val;

    if (v == GRAPH_NONE)
        return;
    props = graph_properties (o->fx->graph, v);
    (void)flux_request_unpack (msg, NULL, "{s?s}", "key", &key);
    if (!key)
        val = props ? json_deep_copy (props) : json_object ();
    else if (!(val = json_incref (json_object_get (props, key)))) {
        flux_respond_error (h, msg, ENOENT, "it has no such property");
        return;
    }
    if (flux_respond_pack (h, msg, "{s:o}", "values", val) < 0)
        flux_log_error (h, "get_property");
}

void ion_set_property_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    uint32_t v = vertex (o, msg);
    const char *key, *val = "";

    if (v == GRAPH_NONE)
        return;
    if (flux_request_unpack (msg, NULL, "{s:s s?s}", "key", &key, "value", &val) < 0 || !*key)
        flux_respond_error (h, msg, EINVAL, "a property is KEY or KEY=VALUE");
    else
        done (o, msg, graph_set_property (o->fx->graph, v, key, val));
}

void ion_remove_property_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    uint32_t v = vertex (o, msg);
    const char *key;
    int rc;

    if (v == GRAPH_NONE)
        return;
    if (flux_request_unpack (msg, NULL, "{s:s}", "key", &key) < 0)
        flux_respond_error (h, msg, EPROTO, "malformed request");
    else if ((rc = graph_remove_property (o->fx->graph, v, key)) == -ENOENT)
        flux_respond_error (h, msg, ENOENT, "it has no such property");
    else
        done (o, msg, rc);
}

void ion_get_status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    uint32_t v = vertex (o, msg);

    if (v != GRAPH_NONE
        && flux_respond_pack (h, msg, "{s:s}", "status",
                              graph_is_up (o->fx->graph, v) ? "up" : "down") < 0)
        flux_log_error (h, "get_status");
}

void ion_set_status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    uint32_t v = vertex (o, msg);
    const char *status;

    if (v == GRAPH_NONE)
        return;
    if (flux_request_unpack (msg, NULL, "{s:s}", "status", &status) < 0
        || (strcmp (status, "up") != 0 && strcmp (status, "down") != 0))
        flux_respond_error (h, msg, EINVAL, "the status is up or down");
    else
        done (o, msg, graph_set_status (o->fx->graph, v, !strcmp (status, "up")));
}

/* The vertex of a type and id below the node of a rank. */
void ion_ns_info_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct resource *o = arg;
    const struct graph *g = o->fx->graph;
    json_int_t rank, id;
    const char *type;
    uint32_t node, v;
    char path[4096];

    if (!ion_ready (o, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:s s:I}", "rank", &rank, "type", &type,
                             "id", &id) < 0) {
        flux_respond_error (h, msg, EPROTO, "malformed request");
        return;
    }
    node = rank < 0 || rank > INT32_MAX ? GRAPH_NONE : graph_by_rank (g, (int32_t)rank);
    for (v = node; node != GRAPH_NONE && v < graph_end (g, node); v++)
        if (graph_id (g, v) == id && !strcmp (graph_type (g, v), type))
            break;
    if (node == GRAPH_NONE || v == graph_end (g, node)) {
        flux_respond_error (h, msg, ENOENT, node == GRAPH_NONE ? "there is no such rank"
                            : "the rank has nothing of this type and id");
        return;
    }
    graph_path (g, v, path, sizeof (path));
    if (flux_respond_pack (h, msg, "{s:I s:s}", "id", id, "path", path) < 0)
        flux_log_error (h, "ns-info");
}
