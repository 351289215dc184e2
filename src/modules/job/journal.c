/* journal.c - job-manager.events-journal: the events of all jobs as a stream
 *
 * Request {"allow"?:{name:1,...}, "deny"?:{...}} (streaming).  First come the
 * events of the active jobs so far, then an entry with id -1 and no events
 * marks that what follows is new.  Response: {"id":I, "events":[entry,...],
 * "jobspec"?:o, "R"?:o}; jobspec comes with the submit event, R with alloc.
 */
#include <errno.h>
#include <inttypes.h>

#include "modules/job/mgr.h"
#include "spec/eventlog.h"

struct consumer {
    struct list_node node;
    const flux_msg_t *msg;
    json_t *allow, *deny;      /* of the request's payload; or NULL */
};

struct journal {
    struct list_node consumers;
    flux_t *h;
};

struct journal *journal_new (struct mgr *m)
{
    struct journal *j = calloc (1, sizeof (*j));

    if (j) {
        list_init (&j->consumers);
        j->h = m->h;
    }
    return j;
}

static void consumer_free (struct consumer *c)
{
    list_del (&c->node);
    json_decref (c->allow);
    json_decref (c->deny);
    flux_msg_decref (c->msg);
    free (c);
}

void journal_free (struct journal *j)
{
    if (!j)
        return;
    list_foreach (&j->consumers, pos) {
        struct consumer *c = list_entry (pos, struct consumer, node);
        (void)flux_respond_error (j->h, c->msg, ENODATA, NULL);
        consumer_free (c);
    }
    free (j);
}

bool journal_followed (const struct mgr *m)
{
    return !list_empty (&m->journal->consumers);
}

static bool wanted (const struct consumer *c, const char *name)
{
    if (c->allow && !json_object_get (c->allow, name))
        return false;
    return !c->deny || !json_object_get (c->deny, name);
}

/* The entries of 'lines' that c wants; *flags tells if they have submit, alloc. */
static json_t *entries (const struct consumer *c, const char *lines, size_t len,
                        bool *submit, bool *alloc)
{
    json_t *a = json_array (), *e;
    const char *line, *name;
    size_t pos = 0, n;

    *submit = *alloc = false;
    while (a && eventlog_next_line (lines, len, &pos, &line, &n) == 1) {
        if (!(e = eventlog_entry_decode (line, n, NULL)))
            continue;
        if (eventlog_entry_parse (e, NULL, &name, NULL) < 0 || !wanted (c, name)) {
            json_decref (e);
            continue;
        }
        *submit |= !strcmp (name, "submit");
        *alloc |= !strcmp (name, "alloc");
        if (json_array_append_new (a, e) < 0)
            break;
    }
    return a;
}

static void send_entries (struct mgr *m, struct consumer *c, struct job *job,
                          const char *lines, size_t len)
{
    bool submit, alloc;
    json_t *events = entries (c, lines, len, &submit, &alloc), *o;

    if (!events || json_array_size (events) == 0) {
        json_decref (events);
        return;
    }
    o = json_pack ("{s:I s:o}", "id", (json_int_t)job->id, "events", events);
    if (o && submit && job->a)
        (void)json_object_set (o, "jobspec", jobdoc_redacted_json (job->a->doc));
    if (o && alloc && job->a && job->a->R)
        (void)json_object_set_new (o, "R", json_loads (job->a->R, 0, NULL));
    if (!o || flux_respond_pack (m->h, c->msg, "O", o) < 0)
        flux_log_error (m->h, "events-journal");
    json_decref (o);
}

void journal_entries (struct mgr *m, struct job *job, const char *lines, size_t len)
{
    list_foreach (&m->journal->consumers, pos)
        send_entries (m, list_entry (pos, struct consumer, node), job, lines, len);
}

/* Annotations that are not recorded; RFC 27 calls them volatile. */
void journal_annotations (struct mgr *m, struct job *job)
{
    json_t *entry = NULL;

    if (list_empty (&m->journal->consumers))
        return;
    json_t *context = json_pack ("{s:o?}", "annotations",
                                 job->a && job->a->annotations
                                 ? json_deep_copy (job->a->annotations) : NULL);
    if (context && json_object_size (context) == 0)
        (void)json_object_set_new (context, "annotations", json_null ());
    entry = context ? eventlog_entry_create (0., "annotations", context) : NULL;
    list_foreach (&m->journal->consumers, pos) {
        struct consumer *c = list_entry (pos, struct consumer, node);
        if (entry && wanted (c, "annotations")
            && flux_respond_pack (m->h, c->msg, "{s:I s:[O]}", "id",
                                  (json_int_t)job->id, "events", entry) < 0)
            flux_log_error (m->h, "events-journal");
    }
    json_decref (entry);
    json_decref (context);
}

/* ---- what happened before ---- */

static void send_sentinel (struct mgr *m, struct consumer *c)
{
    if (flux_respond_pack (m->h, c->msg, "{s:I s:[]}", "id", (json_int_t)-1,
                           "events") < 0)
        flux_log_error (m->h, "events-journal");
}

static void send_active (struct mgr *m, struct consumer *c)
{
    list_foreach (&m->t->order, pos) {
        struct job *job = list_entry (pos, struct job, order);
        if (job->a)
            send_entries (m, c, job, job->a->log.data, job->a->log_committed);
    }
    send_sentinel (m, c);
}

void journal_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    struct consumer *c;
    json_t *allow = NULL, *deny = NULL;
    int full = 0;

    /* an empty request is one for everything */
    if ((flux_msg_has_payload (msg)
         && flux_request_unpack (msg, NULL, "{s?b s?o s?o}", "full", &full,
                                 "allow", &allow, "deny", &deny) < 0)
        || (allow && !json_is_object (allow)) || (deny && !json_is_object (deny))) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if (!flux_msg_is_streaming (msg)) {
        mgr_respond_error (m, msg, EPROTO, "events-journal is a streaming RPC");
        return;
    }
    if (full) {
        mgr_respond_error (m, msg, ENOSYS, "events of inactive jobs are not in the journal:"
                       " look at their eventlog");
        return;
    }
    if (!(c = calloc (1, sizeof (*c)))) {
        mgr_respond_error (m, msg, ENOMEM, NULL);
        return;
    }
    c->msg = flux_msg_incref (msg);
    c->allow = json_incref (allow);
    c->deny = json_incref (deny);
    turn_flush (m->turn);
    list_append (&m->journal->consumers, &c->node);
    send_active (m, c);
}

void journal_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;

    list_foreach (&m->journal->consumers, pos) {
        struct consumer *c = list_entry (pos, struct consumer, node);
        if (flux_cancel_match (msg, c->msg)) {
            mgr_respond_error (m, c->msg, ENODATA, NULL);
            consumer_free (c);
        }
    }
}

void journal_disconnect (struct mgr *m, const flux_msg_t *msg)
{
    list_foreach (&m->journal->consumers, pos) {
        struct consumer *c = list_entry (pos, struct consumer, node);
        if (flux_disconnect_match (msg, c->msg))
            consumer_free (c);
    }
}
