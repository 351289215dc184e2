/* submit.c - job-ingest: what a submission goes through
 *
 *   submit {J, urgency, flags}
 *      J taken apart ─ jobspec decoded ─ defaults and queue constraints set
 *      ─ queue open? ─ could it ever run? (feasibility.check, once a shape)
 *      ─ id ─ plugins: job.create, job.dependency.*, job.validate
 *      ─ events submit, validate, ... ─ one commit ─ answer {id}
 *
 * job-ingest needs job-manager: without it, requests are refused.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <syslog.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "core/builtin.h"
#include "core/job_sign.h"
#include "modules/job/ingestconf.h"
#include "modules/job/mgr.h"
#include "spec/jobspec.h"
#include "modules/job/tap.h"

#define SHAPES_MAX 4096

struct submission {
    struct list_node node;     /* of the shape it waits for, ingest.early or .batch */
    const flux_msg_t *msg;
    char *J;
    char *payload;             /* the jobspec in J */
    struct jobdoc *doc;
    int urgency, flags;
    uint32_t userid, rolemask;
};

/* What is known of whether a shape of request can be satisfied. */
struct shape {
    struct ingest *in;
    char *key;
    flux_future_t *f;          /* the question under way, or NULL */
    bool feasible;
    struct list_node waiting;
};

struct ingest {
    flux_t *h;
    struct jobtab *t;
    flux_msg_handler_t **handlers;
    flux_msg_handler_t **events;
    struct hash *shapes;
    struct list_node early;    /* came before the table was ready */
    struct ingestconf conf;
    struct list_node batch;    /* wait for more, with ingest.batch-count */
    int batched;
    bool feasibility_missing;  /* nobody answers: do not ask each time */
    uint64_t submitted, rejected;
};

static void submission_free (struct submission *s)
{
    if (s) {
        list_del (&s->node);
        flux_msg_decref (s->msg);
        free (s->J);
        free (s->payload);
        jobdoc_unref (s->doc);
        free (s);
    }
}

static void reject (struct ingest *in, struct submission *s, int errnum, const char *text)
{
    in->rejected++;
    if (flux_respond_error (in->h, s->msg, errnum, text) < 0)
        flux_log_error (in->h, "submit");
    submission_free (s);
}

/* ---- defaults and constraints from the configuration ---- */

/* The system object of a copy of the jobspec that may be changed. */
static json_t *system_object (json_t *o)
{
    return json_object_get (json_object_get (o, "attributes"), "system");
}

static int config_duration (const json_t *val, double *d)
{
    if (json_is_number (val)) {
        *d = json_number_value (val);
        return 0;
    }
    return json_is_string (val) ? duration_parse (json_string_value (val), d) : -EINVAL;
}

/* Returns a changed copy of the jobspec in *out, or NULL there if there is
 * nothing to set. */
static int apply_defaults (struct mgr *m, const struct ingestconf *conf,
                           const struct jobspec *js, json_t **out)
{
    const char *queue = jobspec_queue (js), *dflt = NULL;
    const json_t *d = NULL;
    json_t *sys, *o;
    double seconds;
    bool constrain;
    int rc = 0;

    if (conf->defaults && !queue && queues_named (m) && (dflt = queues_default (m)))
        queue = dflt;
    if (conf->defaults && jobspec_request (js)->duration == 0.)
        d = queues_policy (m, queue, "jobspec.defaults.system.duration");
    constrain = conf->constraints && queue && (queues_constraint (m, queue) || queues_membership (m, queue));
    *out = NULL;
    if (!dflt && !d && !constrain)
        return 0;
    if (!(o = json_deep_copy (jobspec_json (js))))
        return -ENOMEM;
    if (!json_is_object ((sys = system_object (o)))) {
        json_decref (o);
        return -EINVAL;
    }
    if (dflt)
        rc |= json_object_set_new (sys, "queue", json_string (dflt));
    if (d && config_duration (d, &seconds) == 0)
        rc |= json_object_set_new (sys, "duration", json_real (seconds));
    if (constrain)
        rc |= queues_add_constraints (m, queue, sys);
    if (rc < 0) {
        json_decref (o);
        return -ENOMEM;
    }
    *out = o;
    return 0;
}

/* ---- taking the request apart ---- */

static int check_flags (const struct submission *s, flux_error_t *err)
{
    const int known = FLUX_JOB_DEBUG | FLUX_JOB_WAITABLE | FLUX_JOB_NOVALIDATE;
    bool owner = s->rolemask & FLUX_ROLE_OWNER;

    if (s->flags & ~known)
        return errmsg (err, -EPROTO, "unknown submit flags 0x%x", s->flags & ~known);
    if (!owner && (s->flags & FLUX_JOB_WAITABLE))
        return errmsg (err, -EINVAL, "waitable jobs are for the instance owner");
    if (!owner && (s->flags & FLUX_JOB_NOVALIDATE))
        return errmsg (err, -EPERM, "only the instance owner may skip validation");
    if (s->urgency < FLUX_JOB_URGENCY_MIN || s->urgency > FLUX_JOB_URGENCY_MAX)
        return errmsg (err, -EINVAL, "urgency must be from 0 (hold) to 31 (expedite)");
    if (!owner && s->urgency > FLUX_JOB_URGENCY_DEFAULT)
        return errmsg (err, -EINVAL, "urgency above 16 is for the instance owner");
    return 0;
}

static int unwrap (struct mgr *m, struct submission *s, flux_error_t *err)
{
    struct job_sign_info info;
    size_t len;
    int rc;

    if (!(s->payload = job_sign_unwrap (s->J, &len, &info, err)))
        return -errno;
    if ((info.userid == 0 || s->userid == 0) && m->owner != 0)
        return errmsg (err, -EPERM, "root may not submit jobs to an instance of many users: "
                       "submit as the user that the job is to run as");
    if (info.userid != s->userid)
        return errmsg (err, -EPERM, "signer=%jd != requestor=%ju", (intmax_t)info.userid,
                       (uintmax_t)s->userid);
    if (s->userid != m->owner && !strcmp (info.mechanism, "none"))
        return errmsg (err, -EPERM, "only the instance owner can use mechanism none: guests "
                       "need sign.default-type = \"munge\" in security/conf.d");
    if ((rc = job_sign_verify (s->J, &info, m->owner, &m->sign, err)) < 0)
        return rc;
    if (strlen (s->payload) != len)
        return errmsg (err, -EINVAL, "the jobspec contains a NUL character");
    return 0;
}

/* RFC 25: what is required of version 1 once defaults are applied. */
static int check_required (const struct jobspec *js, flux_error_t *err)
{
    if (jobspec_version (js) != 1 || jobspec_attr (js, "system.duration"))
        return 0;
    return errmsg (err, -EINVAL, "attributes.system.duration: required key is missing: "
                   "0 is without limit");
}

/* Does the configuration add to jobspecs like this one? */
static bool is_complete (struct mgr *m, const struct ingestconf *conf, struct jobdoc *doc)
{
    const struct jobattrs *a = jobdoc_attrs (doc);

    if (queues_named (m)
        && ((conf->defaults && !*a->queue)
            || (conf->constraints && *a->queue
                && (queues_constraint (m, a->queue) || queues_membership (m, a->queue)))))
        return false;
    return a->duration > 0. || !conf->defaults
           || !queues_policy (m, a->queue, "jobspec.defaults.system.duration");
}

static int make_doc (struct mgr *m, const struct ingestconf *conf, struct submission *s,
                     flux_error_t *err)
{
    struct jobspec *js;
    json_t *changed;
    int rc;

    /* most jobs are like others */
    if ((s->doc = jobdoc_known (m->t->docs, s->payload)) && is_complete (m, conf, s->doc))
        return 0;
    jobdoc_unref (s->doc);
    s->doc = NULL;
    if (!(js = jobspec_decode (s->payload, strlen (s->payload), err)))
        return -errno;
    if ((rc = apply_defaults (m, conf, js, &changed)) < 0) {
        jobspec_unref (js);
        return errmsg (err, rc, "attributes.system is missing");
    }
    if (changed) {
        jobspec_unref (js);
        js = jobspec_from_json (changed, err);
        json_decref (changed);
        if (!js)
            return -errno;
    }
    if (!(s->flags & FLUX_JOB_NOVALIDATE) && (rc = check_required (js, err)) < 0) {
        jobspec_unref (js);
        return rc;
    }
    s->doc = jobdoc_new (m->t->docs, js, changed ? NULL : s->payload);
    jobspec_unref (js);
    return s->doc ? 0 : errmsg (err, -ENOMEM, "out of memory");
}

/* What validators would look at. */
static int validate (const struct ingestconf *conf, struct submission *s, flux_error_t *err)
{
    struct jobspec *js;

    if (!ingestconf_checks (conf) || (s->flags & FLUX_JOB_NOVALIDATE))
        return 0;
    if (!(js = jobdoc_spec (s->doc)))
        return errmsg (err, -ENOMEM, "out of memory");
    return ingestconf_check (conf, js, err);
}

static int prepare (struct mgr *m, const struct ingestconf *conf, struct submission *s,
                    flux_error_t *err)
{
    int rc;

    if (turn_error (m->turn))
        return errmsg (err, -turn_error (m->turn), "the job cannot be recorded: %s%s",
                       flux_strerror (turn_error (m->turn)),
                       turn_error (m->turn) == ENOSPC ? ": free some on the disk that"
                       " holds statedir, then submit again" : "");
    if ((rc = check_flags (s, err)) < 0 || (rc = unwrap (m, s, err)) < 0
        || (rc = make_doc (m, conf, s, err)) < 0 || (rc = validate (conf, s, err)) < 0)
        return rc;
    return queues_check_submit (m, jobdoc_attrs (s->doc)->queue, s->userid, err);
}

/* ---- into the table ---- */

static int next_id (struct jobtab *t, flux_jobid_t *id)
{
    int rc = 0;

    if (!t->gen_ready) {
        /* id 0 is for no job */
        uint64_t start = fluid_timestamp_ms (t->max_id) + 1;
        if ((rc = fluid_gen_init (&t->gen, 0, start)) < 0)
            return rc;
        t->gen_ready = true;
    }
    do {
        rc = fluid_gen_next (&t->gen, id);
    } while (rc == 0 && idhash_get (t->jobs, *id));
    return rc;
}

static int post_first (struct mgr *m, struct job *job, const struct submission *s,
                       flux_error_t *err)
{
    json_t *context = json_pack ("{s:I s:i s:i s:i}", "userid", (json_int_t)s->userid,
                                 "urgency", s->urgency, "flags", s->flags, "version", 1);

    return event_post (m, job, "submit", context, err);
}

/* The events until validate are held back so that plugins can reject the job
 * while it is NEW. */
static int introduce (struct mgr *m, struct job *job, const struct submission *s,
                      flux_error_t *err)
{
    int rc;

    if ((rc = post_first (m, job, s, err)) < 0
        || (rc = tap_create (m, job, err)) < 0
        || (!(s->flags & FLUX_JOB_NOVALIDATE)
            && (rc = tap_validate (m, job, err)) < 0)
        || (rc = tap_dependencies (m, job, err)) < 0)
        return rc;
    tap_notify (m, job, "job.new");
    return event_post (m, job, "validate", NULL, err);
}

static void respond_id (struct mgr *m, struct ingest *in, struct submission *s,
                        struct job *job)
{
    char *text;

    if (asprintf (&text, "{\"id\":%" PRIu64 "}", job->id) < 0)
        text = NULL;
    turn_respond (m->turn, in->h, s->msg, text, job);
}

static void submit (struct ingest *in, struct submission *s)
{
    struct mgr *m = in->t->mgr;
    struct job *job = NULL;
    flux_jobid_t id;
    flux_error_t err;
    int rc;

    if (!m) {
        reject (in, s, ENOSYS, "job-manager is not loaded");
        return;
    }
    if ((rc = next_id (in->t, &id)) < 0
        || !(job = jobtab_add (in->t, id, s->doc))) {
        reject (in, s, rc < 0 ? -rc : ENOMEM, NULL);
        return;
    }
    job->a->J = s->J;
    s->J = NULL;
    job->a->put_J = job->a->put_jobspec = true;
    job_place (in->t, job);
    job_count (in->t, job, 0, job->st.state);
    job_ref (job);
    if ((rc = introduce (m, job, s, &err)) < 0) {
        tap_notify (m, job, "job.destroy");
        mgr_forget_job (m, job);
        reject (in, s, -rc, err.text);
    }
    else {
        in->submitted++;
        respond_id (m, in, s, job);
        submission_free (s);
    }
    job_unref (in->t, job);
}

/* ---- feasibility: one question for each shape of request ---- */

static void shape_free (void *arg)
{
    struct shape *sh = arg;

    list_foreach (&sh->waiting, pos)
        submission_free (list_entry (pos, struct submission, node));
    flux_future_destroy (sh->f);
    free (sh->key);
    free (sh);
}

static char *shape_key (struct jobdoc *doc)
{
    struct jobspec *js = jobdoc_spec (doc);
    const struct jobspec_request *r = js ? jobspec_request (js) : NULL;
    char *con = NULL, *res = NULL, *key = NULL;

    if (!r)
        return NULL;
    if (r->constraints)
        con = json_dumps (r->constraints, JSON_COMPACT | JSON_SORT_KEYS);
    if (!r->simple)
        res = json_dumps (json_object_get (jobspec_json (js), "resources"), JSON_COMPACT);
    if (asprintf (&key, "%d %d %d %d %d %.0f %s %s %s", r->nnodes, r->nslots,
                  r->cores_per_slot, r->gpus_per_slot, r->node_exclusive, r->duration,
                  jobdoc_attrs (doc)->queue, con ? con : "", res ? res : "") < 0)
        key = NULL;
    free (con);
    free (res);
    return key;
}

static void shape_continuation (flux_future_t *f, void *arg)
{
    struct shape *sh = arg;
    struct ingest *in = sh->in;
    struct list_node waiting;
    char text[512] = "";
    bool refused = false;

    if (flux_future_get (f, NULL) < 0) {
        if (errno == ENOSYS)
            in->feasibility_missing = true;
        else if (errno != EHOSTUNREACH && errno != ECONNRESET) {
            refused = true;
            snprintf (text, sizeof (text), "%s", future_strerror (f, errno));
        }
    }
    list_init (&waiting);
    list_foreach (&sh->waiting, pos) {
        list_del (pos);
        list_append (&waiting, pos);
    }
    flux_future_destroy (f);
    sh->f = NULL;
    sh->feasible = !refused;
    /* a refusal is not remembered: resources may be added */
    if (refused || in->feasibility_missing) {
        (void)hash_take (in->shapes, sh->key);
        shape_free (sh);
    }
    list_foreach (&waiting, pos) {
        struct submission *s = list_entry (pos, struct submission, node);
        list_del (pos);
        if (refused)
            reject (in, s, EINVAL, text);
        else
            submit (in, s);
    }
}

/* NULL: could not ask (errno). */
static struct shape *shape_ask (struct ingest *in, char *key, struct jobdoc *doc)
{
    struct shape *sh = calloc (1, sizeof (*sh));

    if (!sh) {
        free (key);
        return NULL;
    }
    sh->in = in;
    sh->key = key;
    list_init (&sh->waiting);
    sh->f = flux_rpc_pack (in->h, "feasibility.check", FLUX_NODEID_ANY, 0, "{s:o}",
                           "jobspec", jobdoc_brief_json (doc));
    if (!sh->f || flux_future_then (sh->f, -1., shape_continuation, sh) < 0
        || hash_set (in->shapes, key, sh) < 0) {
        shape_free (sh);
        return NULL;
    }
    return sh;
}

static void shapes_clear (struct ingest *in)
{
    const char *key;
    size_t pos = 0;
    struct shape *sh;

    in->t->feasible_epoch++;
    while ((sh = hash_next (in->shapes, &pos, &key))) {
        if (!sh->f)
            hash_del (in->shapes, key);
    }
    in->feasibility_missing = false;
}

static void check_and_submit (struct ingest *in, struct submission *s)
{
    struct shape *sh;
    char *key;

    if (!in->conf.feasibility || in->feasibility_missing
        || *jobdoc_mark (s->doc) == in->t->feasible_epoch
        || (s->flags & FLUX_JOB_NOVALIDATE) || !(key = shape_key (s->doc))) {
        submit (in, s);
        return;
    }
    if ((sh = hash_get (in->shapes, key)))
        free (key);
    else {
        if (hash_count (in->shapes) >= SHAPES_MAX)
            shapes_clear (in);
        if (!(sh = shape_ask (in, key, s->doc))) {
            submit (in, s);
            return;
        }
    }
    if (sh->f) {
        list_append (&sh->waiting, &s->node);
        return;
    }
    *jobdoc_mark (s->doc) = in->t->feasible_epoch;
    submit (in, s);
}

void feasibility_changed (struct jobtab *t)
{
    if (t->ingest)
        shapes_clear (t->ingest);
}

/* ---- the service ---- */

static void process (struct ingest *in, struct submission *s)
{
    struct mgr *m = in->t->mgr;
    flux_error_t err;
    int rc;

    if (!m)
        reject (in, s, ENOSYS, "job-manager is not loaded");
    else if (!m->ready)
        list_append (&in->early, &s->node);
    else if ((rc = prepare (m, &in->conf, s, &err)) < 0)
        reject (in, s, -rc, err.text);
    else
        check_and_submit (in, s);
}

void ingest_ready (struct jobtab *t)
{
    struct list_node *n;

    while (t->ingest && (n = list_first (&t->ingest->early))) {
        list_del (n);
        process (t->ingest, list_entry (n, struct submission, node));
    }
}

/* The number or the string at *p, if it needs no decoding. */
static bool scan_int (const char **p, int *val)
{
    char *end;
    long n = strtol (*p, &end, 10);

    if (end == *p || n < INT_MIN || n > INT_MAX)
        return false;
    *val = (int)n;
    *p = end;
    return true;
}

static bool scan_string (const char **p, const char **s, size_t *len)
{
    if (*(*p)++ != '"')
        return false;
    *s = *p;
    *len = strspn (*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=.-_");
    *p += *len;
    return *(*p)++ == '"';
}

/* The request in the form in which nearly all come, without a tree of what is
 * mostly one long string. */
static bool scan_request (const char *p, struct submission *s)
{
    const char *key, *J = NULL;
    size_t n, len = 0;
    int found = 0;

    if (!p || *p != '{')
        return false;
    do {
        p++;
        p += strspn (p, " ");
        if (!scan_string (&p, &key, &n) || *p++ != ':')
            return false;
        p += strspn (p, " ");
        if (n == 1 && *key == 'J' && scan_string (&p, &J, &len))
            found |= 1;
        else if (n == 7 && !memcmp (key, "urgency", 7) && scan_int (&p, &s->urgency))
            found |= 2;
        else if (n == 5 && !memcmp (key, "flags", 5) && scan_int (&p, &s->flags))
            found |= 4;
        else
            return false;
    } while (*p == ',');
    return found == 7 && !strcmp (p, "}") && (s->J = strndup (J, len));
}

static int take_request (struct submission *s)
{
    const char *text, *J;

    if (flux_msg_get_userid (s->msg, &s->userid) < 0
        || flux_msg_get_rolemask (s->msg, &s->rolemask) < 0
        || flux_request_decode (s->msg, NULL, &text) < 0)
        return -1;
    if (scan_request (text, s))
        return 0;
    if (flux_request_unpack (s->msg, NULL, "{s:s s:i s:i}", "J", &J,
                             "urgency", &s->urgency, "flags", &s->flags) < 0
        || !(s->J = strdup (J)))
        return -1;
    return 0;
}

static void process_batch (struct ingest *in)
{
    struct list_node *n;

    in->batched = 0;
    while ((n = list_first (&in->batch))) {
        list_del (n);
        process (in, list_entry (n, struct submission, node));
    }
}

static void batch (struct ingest *in, struct submission *s)
{
    list_append (&in->batch, &s->node);
    if (++in->batched >= in->conf.batch_count)
        process_batch (in);
}

static void reject_size (struct ingest *in, struct submission *s)
{
    char text[160];

    (void)snprintf (text, sizeof (text), "the jobspec has %zu bytes, which is more than"
                    " ingest.buffer-size of the configuration (%zu bytes)", strlen (s->J),
                    (size_t)in->conf.buffer_size);
    reject (in, s, EFBIG, text);
}

static void submit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct ingest *in = arg;
    struct submission *s = calloc (1, sizeof (*s));

    if (!s) {
        flux_respond_error (h, msg, ENOMEM, NULL);
        return;
    }
    list_init (&s->node);
    s->msg = flux_msg_incref (msg);
    if (take_request (s) < 0)
        reject (in, s, EPROTO, "malformed request");
    else if (strlen (s->J) > in->conf.buffer_size)
        reject_size (in, s);
    else if (in->conf.batch_count > 1)
        batch (in, s);
    else
        process (in, s);
}

static void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct ingest *in = arg;

    if (flux_respond_pack (h, msg, "{s:I s:I s:i s:i}",
                           "submitted", (json_int_t)in->submitted,
                           "rejected", (json_int_t)in->rejected,
                           "batched", in->batched,
                           "shapes", (int)hash_count (in->shapes)) < 0)
        flux_log_error (h, "stats-get");
}

static void shrink_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    shapes_clear (arg);
}

static void config_reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                              void *arg)
{
    struct ingest *in = arg;
    flux_conf_t *conf;
    flux_error_t err;
    int rc;

    if (flux_module_config_request_decode (msg, &conf) < 0) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    if ((rc = ingestconf_read (&in->conf, conf, &err)) < 0) {
        flux_respond_error (h, msg, -rc, err.text);
        flux_conf_decref (conf);
        return;
    }
    if (flux_set_conf_new (h, conf) < 0)
        flux_conf_decref (conf);
    if (in->batched >= in->conf.batch_count)
        process_batch (in);
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "config-reload");
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "submit", submit_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "config-reload", config_reload_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static const struct flux_msg_handler_spec events[] = {
    { FLUX_MSGTYPE_EVENT, "resource.shrink", shrink_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

/* Agreements of the scheduler are void when there is less. */
static int watch_shrink (struct ingest *in)
{
    flux_future_t *f = flux_event_subscribe_ex (in->h, "resource.shrink", FLUX_RPC_NORESPONSE);

    flux_future_destroy (f);
    return f ? flux_msg_handler_addvec (in->h, events, in, &in->events) : -1;
}

/* Nothing is recorded of them yet: the next job-ingest takes them, or if there is to be
 * none, the module host refuses them. */
static void put_back_all (struct ingest *in, struct list_node *head)
{
    list_foreach (head, pos) {
        struct submission *s = list_entry (pos, struct submission, node);
        if (flux_requeue (in->h, s->msg, FLUX_RQ_TAIL) < 0)
            reject (in, s, ENOSYS, NULL);
        else
            submission_free (s);
    }
}

void ingest_stop (void *ctx)
{
    struct ingest *in = ctx;
    struct shape *sh;
    size_t pos = 0;

    if (!in)
        return;
    flux_msg_handler_delvec (in->handlers);
    flux_msg_handler_delvec (in->events);
    if (in->t->mgr)
        turn_adopt (in->t->mgr->turn, in->h);
    put_back_all (in, &in->early);
    put_back_all (in, &in->batch);
    while ((sh = hash_next (in->shapes, &pos, NULL)))
        put_back_all (in, &sh->waiting);
    hash_free (in->shapes);
    in->t->ingest = NULL;
    free (in);
}

int ingest_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err)
{
    struct jobtab *t = builtin_data (h);
    struct ingest *in;
    int rc = -ENOMEM;

    if (argc > 0)
        return errmsg (err, -EINVAL, "unknown argument %s", argv[0]);
    if (!t || t->ingest)
        return errmsg (err, -EINVAL, "job-ingest has no table of jobs to itself");
    if (!(in = calloc (1, sizeof (*in))))
        return errmsg (err, rc, "out of memory");
    in->h = h;
    in->t = t;
    t->feasible_epoch++;
    list_init (&in->early);
    list_init (&in->batch);
    if (!(in->shapes = hash_new (shape_free))) {
        errmsg (err, rc, "out of memory");
        goto error;
    }
    if ((rc = ingestconf_read (&in->conf, flux_get_conf (h), err)) < 0)
        goto error;
    if (flux_msg_handler_addvec_ex (h, "job-ingest", handlers, in, &in->handlers) < 0
        || watch_shrink (in) < 0) {
        rc = errmsg (err, -errno, "registering handlers: %s", flux_strerror (errno));
        goto error;
    }
    t->ingest = in;
    *ctxp = in;
    return 0;
error:
    flux_msg_handler_delvec (in->handlers);
    hash_free (in->shapes);
    free (in);
    return rc;
}
