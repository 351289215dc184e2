/* tracer.c - streams of message summaries
 */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>

#include "base/list.h"
#include "broker/tracer.h"

struct stream {
    struct list_node node;
    const flux_msg_t *msg;
    json_t *names;
    uint32_t rank;
    int typemask;
    char *glob;
};

struct tracer {
    flux_t *h;
    struct list_node streams;
    bool busy;                 /* its own responses are not traced */
};

static void stream_free (struct stream *s)
{
    list_del (&s->node);
    flux_msg_decref (s->msg);
    json_decref (s->names);
    free (s->glob);
    free (s);
}

struct tracer *tracer_new (flux_t *h)
{
    struct tracer *t = calloc (1, sizeof (*t));

    if (t) {
        t->h = h;
        list_init (&t->streams);
    }
    return t;
}

void tracer_free (struct tracer *t)
{
    if (!t)
        return;
    list_foreach (&t->streams, n) {
        struct stream *s = list_entry (n, struct stream, node);
        flux_respond_error (t->h, s->msg, ENOSYS, NULL);
        stream_free (s);
    }
    free (t);
}

int tracer_add (struct tracer *t, const flux_msg_t *msg, json_t *names,
                uint32_t rank, int typemask, const char *topic_glob)
{
    struct stream *s;

    if (!flux_msg_is_streaming (msg)) {
        errno = EPROTO;
        return -1;
    }
    if (!(s = calloc (1, sizeof (*s))) || !(s->glob = strdup (topic_glob))) {
        free (s);
        errno = ENOMEM;
        return -1;
    }
    list_init (&s->node);
    s->msg = flux_msg_incref (msg);
    s->names = json_incref (names);
    s->rank = rank;
    s->typemask = typemask;
    list_append (&t->streams, &s->node);
    return 0;
}

bool tracer_active (const struct tracer *t)
{
    return !list_empty (&t->streams);
}

static bool name_wanted (const struct stream *s, const char *name)
{
    size_t i;
    json_t *o;

    if (!s->names || json_array_size (s->names) == 0)
        return true;
    json_array_foreach (s->names, i, o)
        if (name && json_is_string (o) && !strcmp (json_string_value (o), name))
            return true;
    return false;
}

static bool wanted (const struct stream *s, const char *name, uint32_t rank,
                    int type, const char *topic)
{
    return (s->typemask & type)
           && (s->rank == FLUX_NODEID_ANY || s->rank == rank)
           && name_wanted (s, name)
           && (s->glob[0] == '\0' || !strcmp (s->glob, "*")
               || (topic && fnmatch (s->glob, topic, 0) == 0));
}

static int set (json_t *o, const char *key, json_t *val)
{
    return json_object_set_new (o, key, val);
}

static json_t *summary (const char *name, uint32_t rank, bool rx, int type,
                        const char *topic, const flux_msg_t *msg)
{
    json_t *o = json_pack ("{s:f s:s s:i}", "timestamp", flux_reactor_time (),
                           "prefix", rx ? "rx" : "tx", "type", type);
    const void *buf;
    size_t size = 0;
    const char *s;
    int errnum;

    if (!o)
        return NULL;
    if (name)
        set (o, "name", json_string (name));
    if (rank != FLUX_NODEID_ANY)
        set (o, "rank", json_integer (rank));
    if (topic)
        set (o, "topic", json_string (topic));
    if (type == FLUX_MSGTYPE_RESPONSE && flux_msg_get_errnum (msg, &errnum) == 0)
        set (o, "errnum", json_integer (errnum));
    if (flux_msg_has_payload (msg) && flux_msg_get_payload (msg, &buf, &size) == 0
        && flux_msg_get_string (msg, &s) == 0 && s) {
        json_t *payload = json_loads (s, 0, NULL);
        if (payload)
            set (o, "payload", payload);
    }
    set (o, "payload_size", json_integer (size));
    return o;
}

void tracer_message (struct tracer *t, const char *name, uint32_t rank, bool rx,
                     const flux_msg_t *msg)
{
    int type;
    const char *topic = NULL;
    json_t *o = NULL;

    if (!tracer_active (t) || t->busy || flux_msg_get_type (msg, &type) < 0)
        return;
    if (flux_msg_get_topic (msg, &topic) < 0)
        topic = NULL;
    t->busy = true;
    list_foreach (&t->streams, n) {
        struct stream *s = list_entry (n, struct stream, node);
        if (wanted (s, name, rank, type, topic)
            && (o || (o = summary (name, rank, rx, type, topic, msg))))
            flux_respond_pack (t->h, s->msg, "O", o);
    }
    t->busy = false;
    json_decref (o);
}

void tracer_disconnect (struct tracer *t, const flux_msg_t *msg)
{
    list_foreach (&t->streams, n) {
        struct stream *s = list_entry (n, struct stream, node);
        if (flux_disconnect_match (msg, s->msg))
            stream_free (s);
    }
}

void tracer_cancel (struct tracer *t, const flux_msg_t *msg)
{
    list_foreach (&t->streams, n) {
        struct stream *s = list_entry (n, struct stream, node);
        if (flux_cancel_match (msg, s->msg)) {
            flux_respond_error (t->h, s->msg, ENODATA, NULL);
            stream_free (s);
        }
    }
}
