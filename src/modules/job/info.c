/* info.c - the job-info service: look-ups (RFC 41)
 *
 *   lookup {id, keys, flags}
 *      active job:   eventlog, jobspec, R, J from the table where it has them
 *      any job:      annotations, from the table
 *      all else:     kvs.lookup of job.ID.KEY
 *
 * Watches are in watch.c.
 */
#include "modules/job/info_private.h"

#include <errno.h>
#include <inttypes.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "core/builtin.h"
#include "spec/eventlog.h"

/* One lookup request; some of its keys may be with the KVS. */
struct lookup {
    struct list_node node;
    struct info *in;
    const flux_msg_t *msg;
    flux_jobid_t id;
    int flags;
    json_t *result;
    flux_future_t *f;          /* a composite of look-ups by key */
    json_t *keys;              /* of the request */
};

/* ---- answers ---- */

void info_answer (struct info *in, const flux_msg_t *msg, json_t *o)
{
    char *text = o ? json_dumps (o, JSON_COMPACT) : NULL;

    json_decref (o);
    if (!text)
        info_error (in, msg, ENOMEM, NULL);
    else if (in->t->mgr)
        turn_respond (in->t->mgr->turn, in->h, msg, text, NULL);
    else {
        if (flux_respond (in->h, msg, text) < 0)
            flux_log_error (in->h, "job-info");
        free (text);
    }
}

void info_error (struct info *in, const flux_msg_t *msg, int errnum, const char *text)
{
    if (in->t->mgr)
        turn_respond_error (in->t->mgr->turn, in->h, msg, errnum, text);
    else if (flux_respond_error (in->h, msg, errnum, text) < 0)
        flux_log_error (in->h, "job-info");
}

struct job *info_request_job (struct info *in, const flux_msg_t *msg, json_int_t id)
{
    struct job *job = jobtab_get (in->t, id);

    if (!job) {
        info_error (in, msg, ENOENT, NULL);
        return NULL;
    }
    if (!mgr_request_privileged (msg) && flux_msg_authorize (msg, job->st.userid) < 0) {
        info_error (in, msg, EPERM, NULL);
        return NULL;
    }
    return job;
}

/* ---- values of an active job ---- */

static json_t *decode_if (const char *text, int flags)
{
    if (flags & FLUX_JOB_LOOKUP_JSON_DECODE)
        return json_loads (text, 0, NULL);
    return json_string (text);
}

static json_t *active_jobspec (struct active *a, int flags)
{
    struct jobdoc *doc = (flags & FLUX_JOB_LOOKUP_CURRENT) || !a->base ? a->doc : a->base;

    return decode_if (jobdoc_text (doc, NULL), flags);
}

static json_t *active_R (struct job *job, int flags)
{
    char *R;
    json_t *o;

    if (!(flags & FLUX_JOB_LOOKUP_CURRENT))
        return decode_if (job->a->R, flags);
    if (!(R = job_get_R (job)))
        return NULL;
    o = decode_if (R, flags);
    free (R);
    return o;
}

/* Text of an object, of none "{}". */
static json_t *encoded (const json_t *o)
{
    char *s = o ? json_dumps (o, JSON_COMPACT) : strdup ("{}");
    json_t *text = s ? json_string (s) : NULL;

    free (s);
    return text;
}

/* NULL: not here. */
static json_t *table_value (struct job *job, const char *key, int flags)
{
    struct active *a = job->a;

    if (!a)
        return job->annotations && !strcmp (key, "annotations")
            ? json_string (job->annotations) : NULL;
    if (!strcmp (key, "eventlog") && a->log_committed > 0)
        return json_stringn (a->log.data, a->log_committed);
    if (!strcmp (key, "jobspec"))
        return active_jobspec (a, flags);
    if (!strcmp (key, "R") && a->R && !a->put_R)
        return active_R (job, flags);
    if (!strcmp (key, "annotations"))
        return encoded (a->annotations);
    return NULL;
}

/* ---- values from the KVS ---- */

static bool is_document (const char *key)
{
    return !strcmp (key, "R") || !strcmp (key, "jobspec");
}

/* Of an inactive job: the document with the updates in the eventlog. */
static int apply_updates (const char *key, json_t *o, const char *log)
{
    const char *event = !strcmp (key, "R") ? "resource-update" : "jobspec-update";
    json_t *entries = eventlog_decode (log, strlen (log), NULL), *e, *val;
    const json_t *context;
    const char *name, *path;
    double t;
    size_t i;

    json_array_foreach (entries, i, e) {
        if (eventlog_entry_parse (e, &t, &name, &context) < 0 || strcmp (name, event) != 0)
            continue;
        json_object_foreach ((json_t *)context, path, val) {
            if (*event == 'j')
                (void)jobdoc_path_set (o, path, val);
            else if (!strcmp (path, "expiration"))
                (void)json_object_set (json_object_get (o, "execution"), path, val);
        }
    }
    json_decref (entries);
    return 0;
}

static json_t *stored_value (struct lookup *l, const char *key, const char *text,
                             const char *log)
{
    json_t *o, *s;
    char *cpy;

    if (!is_document (key) || (!(l->flags & FLUX_JOB_LOOKUP_JSON_DECODE) && !log))
        return json_string (text ? text : "");
    if (!(o = json_loads (text ? text : "", 0, NULL)))
        return NULL;
    if (log)
        apply_updates (key, o, log);
    if (l->flags & FLUX_JOB_LOOKUP_JSON_DECODE)
        return o;
    cpy = json_dumps (o, JSON_COMPACT);
    json_decref (o);
    s = cpy ? json_string (cpy) : NULL;
    free (cpy);
    return s;
}

static void lookup_free (struct lookup *l)
{
    list_del (&l->node);
    flux_future_destroy (l->f);
    flux_msg_decref (l->msg);
    json_decref (l->result);
    json_decref (l->keys);
    free (l);
}

static void lookup_fail (struct lookup *l, int errnum, const char *text)
{
    info_error (l->in, l->msg, errnum, text);
    lookup_free (l);
}

static void lookup_continuation (flux_future_t *f, void *arg)
{
    struct lookup *l = arg;
    const char *log = NULL, *text;
    flux_future_t *child;
    json_t *name, *val;
    size_t i;

    if ((l->flags & FLUX_JOB_LOOKUP_CURRENT)
        && (child = flux_future_get_child (f, ".eventlog"))
        && flux_kvs_lookup_get (child, &log) < 0)
        log = NULL;
    json_array_foreach (l->keys, i, name) {
        const char *key = json_string_value (name);
        if (!(child = flux_future_get_child (f, key)))
            continue;
        if (flux_kvs_lookup_get (child, &text) < 0) {
            lookup_fail (l, errno, NULL);
            return;
        }
        if (!(val = stored_value (l, key, text, log))
            || json_object_set_new (l->result, key, val) < 0) {
            lookup_fail (l, EPROTO, "the value is not JSON, or not UTF-8");
            return;
        }
    }
    info_answer (l->in, l->msg, json_incref (l->result));
    lookup_free (l);
}

static int push_kvs (struct lookup *l, const char *name, const char *key)
{
    flux_future_t *f;
    char path[1024];

    if (strlen (key) > 900 || flux_job_kvs_key (path, sizeof (path), l->id, key) < 0) {
        errno = EINVAL;
        return -1;
    }
    if (!l->f && !(l->f = flux_future_wait_all_create ()))
        return -1;
    flux_future_set_flux (l->f, l->in->h);
    if (!(f = flux_kvs_lookup (l->in->h, KVS_PRIMARY_NAMESPACE, 0, path)))
        return -1;
    if (flux_future_push (l->f, name, f) < 0) {
        flux_future_destroy (f);
        return -1;
    }
    return 0;
}

static int lookup_keys (struct lookup *l, struct job *job)
{
    bool documents = false;
    json_t *name, *val;
    size_t i;

    json_array_foreach (l->keys, i, name) {
        const char *key = json_string_value (name);
        if (!key || !*key)
            return -EPROTO;
        if ((val = table_value (job, key, l->flags))) {
            if (json_object_set_new (l->result, key, val) < 0)
                return -ENOMEM;
            continue;
        }
        if (push_kvs (l, key, key) < 0)
            return -errno;
        documents |= is_document (key);
    }
    if (documents && (l->flags & FLUX_JOB_LOOKUP_CURRENT)
        && push_kvs (l, ".eventlog", "eventlog") < 0)
        return -errno;
    return 0;
}

static void lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const int known = FLUX_JOB_LOOKUP_JSON_DECODE | FLUX_JOB_LOOKUP_CURRENT;
    struct info *in = arg;
    struct lookup *l;
    struct job *job;
    json_int_t id;
    json_t *keys;
    int flags, rc;

    if (jobtab_defer (in->t, h, msg))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:o s:i}", "id", &id, "keys", &keys,
                             "flags", &flags) < 0
        || !json_is_array (keys) || (flags & ~known)) {
        info_error (in, msg, EPROTO, "malformed request, or unknown flags");
        return;
    }
    if (!(job = info_request_job (in, msg, id)))
        return;
    if (in->t->mgr)
        turn_flush (in->t->mgr->turn);
    if (!(l = calloc (1, sizeof (*l)))) {
        info_error (in, msg, ENOMEM, NULL);
        return;
    }
    *l = (struct lookup){ .in = in, .msg = flux_msg_incref (msg), .id = id, .flags = flags,
                          .keys = json_incref (keys) };
    list_append (&in->lookups, &l->node);
    if (!(l->result = json_pack ("{s:I}", "id", id)))
        lookup_fail (l, ENOMEM, NULL);
    else if ((rc = lookup_keys (l, job)) < 0)
        lookup_fail (l, -rc, NULL);
    else if (!l->f) {
        info_answer (in, msg, json_incref (l->result));
        lookup_free (l);
    }
    else if (flux_future_then (l->f, -1., lookup_continuation, l) < 0)
        lookup_fail (l, errno, NULL);
}

/* ---- freezing ---- */

static void freeze_continuation (flux_future_t *f, void *arg)
{
    struct info *in = arg;

    if (flux_future_get (f, NULL) < 0 && errno == ENOSYS)
        in->no_freeze = true;
    flux_future_destroy (f);
    in->f_freeze = NULL;
}

/* The KVS may keep what does not change any more in less memory.  The answer
 * to the first request tells if it can; the others are not answered. */
void info_freeze (struct jobtab *t, struct job *job)
{
    struct info *in = t->info;
    flux_future_t *f;
    char key[64];

    if (!in || in->no_freeze || job->gone)
        return;
    flux_job_kvs_key (key, sizeof (key), job->id, NULL);
    f = flux_rpc_pack (in->h, "kvs.freeze", FLUX_NODEID_ANY,
                       in->freeze_asked ? FLUX_RPC_NORESPONSE : 0, "{s:s}", "key", key);
    if (!in->freeze_asked && f && flux_future_then (f, -1., freeze_continuation, in) == 0) {
        in->freeze_asked = true;
        in->f_freeze = f;
    }
    else
        flux_future_destroy (f);
}

/* ---- the service ---- */

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct info *in = arg;

    list_foreach (&in->lookups, pos) {
        struct lookup *l = list_entry (pos, struct lookup, node);
        if (flux_disconnect_match (msg, l->msg))
            lookup_free (l);
    }
    eventlog_watch_disconnect (in, msg);
}

static void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct info *in = arg;
    int lookups = 0, watchers = 0, updates = 0;

    list_foreach (&in->lookups, pos)
        lookups++;
    list_foreach (&in->watchers, pos2)
        watchers++;
    list_foreach (&in->updates, pos3)
        updates++;
    info_answer (in, msg, json_pack ("{s:i s:i s:i}", "lookups", lookups,
                                     "watchers", watchers, "update_watchers", updates));
}

#define USER (FLUX_ROLE_USER | FLUX_ROLE_ADMIN)

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "lookup", lookup_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "eventlog-watch", eventlog_watch_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "eventlog-watch-cancel", eventlog_watch_cancel_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "update-lookup", update_lookup_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "update-watch", update_watch_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "update-watch-cancel", update_watch_cancel_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "disconnect", disconnect_cb, USER },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_get_cb, USER },
    FLUX_MSGHANDLER_TABLE_END,
};

void info_stop (void *ctx)
{
    struct info *in = ctx;

    if (!in)
        return;
    flux_msg_handler_delvec (in->handlers);
    if (in->t->mgr)
        turn_adopt (in->t->mgr->turn, in->h);
    jobtab_forget (in->t, in->h);
    list_foreach (&in->lookups, pos) {
        struct lookup *l = list_entry (pos, struct lookup, node);
        flux_respond_error (in->h, l->msg, ENOSYS, NULL);
        lookup_free (l);
    }
    eventlog_watch_stop (in);
    flux_future_destroy (in->f_freeze);
    in->t->info = NULL;
    idhash_free (in->by_tag);
    free (in);
}

int info_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err)
{
    struct jobtab *t = builtin_data (h);
    struct info *in;
    int rc;

    if (argc > 0)
        return errmsg (err, -EINVAL, "unknown argument %s", argv[0]);
    if (!t || t->info)
        return errmsg (err, -EINVAL, "job-info has no table of jobs to itself");
    if (!(in = calloc (1, sizeof (*in))) || !(in->by_tag = idhash_new (NULL))) {
        free (in);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    in->h = h;
    in->t = t;
    list_init (&in->lookups);
    list_init (&in->watchers);
    list_init (&in->updates);
    if (flux_msg_handler_addvec_ex (h, "job-info", handlers, in, &in->handlers) < 0) {
        rc = errmsg (err, -errno, "registering handlers: %s", flux_strerror (errno));
        idhash_free (in->by_tag);
        free (in);
        return rc;
    }
    t->info = in;
    *ctxp = in;
    return 0;
}
