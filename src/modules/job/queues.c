/* queues.c - queues and their policy (RFC 33, flux-config-queues(5))
 *
 * Without a [queues] table there is one anonymous queue, whose name is "".
 * State that an administrator set is kept in the KVS (checkpoint.queues) and
 * given to the queues when they are configured again.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "modules/job/mgr.h"
#include "modules/job/policyconf.h"
#include "spec/rset.h"

struct queue {
    char *name;
    char *parent;              /* of a virtual queue, or NULL */
    json_t *conf;              /* its table */
    bool enable, start;
    char *disable_reason;
    char *stop_reason;
};

struct queues {
    struct hash *named;        /* NULL: only the anonymous one */
    struct queue *anon;
    json_t *policy;            /* general policy table, or NULL */
    json_t *saved;             /* state by name, as in the checkpoint */
};

static void queue_free (void *arg)
{
    struct queue *q = arg;

    if (q) {
        free (q->name);
        free (q->parent);
        json_decref (q->conf);
        free (q->disable_reason);
        free (q->stop_reason);
        free (q);
    }
}

static struct queue *queue_new (const char *name, json_t *conf)
{
    struct queue *q = calloc (1, sizeof (*q));

    if (!q || !(q->name = strdup (name))) {
        queue_free (q);
        return NULL;
    }
    q->conf = json_incref (conf);
    q->enable = true;
    q->start = *name == '\0';          /* a named one is started by the administrator */
    return q;
}

struct queues *jobqueues_new (struct mgr *m)
{
    struct queues *q = calloc (1, sizeof (*q));

    if (q && (!(q->anon = queue_new ("", NULL)) || !(q->saved = json_object ()))) {
        jobqueues_free (q);
        q = NULL;
    }
    return q;
}

void jobqueues_free (struct queues *q)
{
    if (q) {
        hash_free (q->named);
        queue_free (q->anon);
        json_decref (q->policy);
        json_decref (q->saved);
        free (q);
    }
}

static struct queue *find (const struct queues *q, const char *name)
{
    if (!q->named)
        return !name || !*name ? q->anon : NULL;
    return name && *name ? hash_get (q->named, name) : NULL;
}

bool queues_named (const struct mgr *m)
{
    return m->queues->named != NULL;
}

/* ---- policy: the queue's, else its parent's, else the general one ---- */

const json_t *queues_policy (struct mgr *m, const char *name, const char *path)
{
    struct queue *q = find (m->queues, name), *parent;
    json_t *val;

    if (q && (val = policyconf_get (json_object_get (q->conf, "policy"), path)))
        return val;
    if (q && q->parent && (parent = find (m->queues, q->parent))
        && (val = policyconf_get (json_object_get (parent->conf, "policy"), path)))
        return val;
    return policyconf_get (m->queues->policy, path);
}

bool queues_any_policy (struct mgr *m, const char *path)
{
    struct queue *q;
    size_t pos = 0;

    if (policyconf_get (m->queues->policy, path))
        return true;
    while (m->queues->named && (q = hash_next (m->queues->named, &pos, NULL))) {
        if (policyconf_get (json_object_get (q->conf, "policy"), path))
            return true;
    }
    return false;
}

const char *queues_default (struct mgr *m)
{
    return json_string_value (policyconf_get (m->queues->policy, "jobspec.defaults.system.queue"));
}

/* Properties that jobs of the queue require; NULL if none.  Borrowed. */
const json_t *queues_constraint (struct mgr *m, const char *name)
{
    struct queue *q = find (m->queues, name), *parent;

    if (q && q->parent && (parent = find (m->queues, q->parent)))
        q = parent;
    return q ? json_object_get (q->conf, "requires") : NULL;
}

/* Is a constraint of {"properties": ["+NAME"]} implied ([queues] hosts)? */
const char *queues_membership (struct mgr *m, const char *name)
{
    struct queue *q = find (m->queues, name), *parent;

    if (q && q->parent && (parent = find (m->queues, q->parent)))
        q = parent;
    return q && json_object_get (q->conf, "hosts") ? q->name : NULL;
}

json_t *queues_with_virtual (struct mgr *m, const json_t *names)
{
    json_t *all = json_copy ((json_t *)names), *name;
    struct queue *q;
    size_t pos = 0, i;

    while (all && m->queues->named && (q = hash_next (m->queues->named, &pos, NULL))) {
        json_array_foreach ((json_t *)names, i, name) {
            if (q->parent && !strcmp (q->parent, json_string_value (name))
                && json_array_append_new (all, json_string (q->name)) < 0) {
                json_decref (all);
                return NULL;
            }
        }
    }
    return all;
}

/* ---- constraints ---- */

static int add_property (json_t *sys, const char *name)
{
    json_t *con, *props, *val = json_string (name);
    int rc;

    if (!(con = json_object_get (sys, "constraints"))
        && json_object_set_new (sys, "constraints", (con = json_object ())) < 0) {
        json_decref (val);
        return -ENOMEM;
    }
    /* other operators beside properties: and */
    if (json_object_size (con) > 0 && !json_object_get (con, "properties")) {
        json_t *both = json_pack ("{s:[O {s:[o]}]}", "and", con, "properties", val);
        return both && json_object_set_new (sys, "constraints", both) == 0 ? 0 : -ENOMEM;
    }
    if (!(props = json_object_get (con, "properties"))
        && json_object_set_new (con, "properties", (props = json_array ())) < 0) {
        json_decref (val);
        return -ENOMEM;
    }
    rc = json_array_append_new (props, val);
    return rc < 0 ? -ENOMEM : 0;
}

int queues_add_constraints (struct mgr *m, const char *queue, json_t *sys)
{
    const json_t *requires = queues_constraint (m, queue);
    const char *member = queues_membership (m, queue);
    char name[256];
    size_t i;
    json_t *val;
    int rc;

    json_array_foreach ((json_t *)requires, i, val) {
        if ((rc = add_property (sys, json_string_value (val))) < 0)
            return rc;
    }
    if (!member)
        return 0;
    snprintf (name, sizeof (name), "+%s", member);
    return add_property (sys, name);
}

static bool is_required (struct mgr *m, const char *queue, const char *property)
{
    const json_t *requires = queues_constraint (m, queue);
    const char *member = queues_membership (m, queue);
    size_t i;
    json_t *val;

    json_array_foreach ((json_t *)requires, i, val) {
        if (!strcmp (json_string_value (val), property))
            return true;
    }
    return member && property[0] == '+' && !strcmp (property + 1, member);
}

/* Without the properties that 'queue' required. */
static json_t *without_required (struct mgr *m, const char *queue, const json_t *con)
{
    json_t *new = con ? json_deep_copy (con) : json_object (), *props, *val;
    size_t i = 0;

    props = json_object_get (new, "properties");
    while ((val = json_array_get (props, i))) {
        const char *s = json_string_value (val);
        if (s && is_required (m, queue, s))
            (void)json_array_remove (props, i);
        else
            i++;
    }
    if (props && json_array_size (props) == 0)
        (void)json_object_del (new, "properties");
    return new;
}

int queues_move_constraints (struct mgr *m, const char *from, const char *to,
                             const json_t *constraints, json_t **newp)
{
    json_t *con = without_required (m, from, constraints), *sys;
    int rc = -ENOMEM;

    sys = con ? json_pack ("{s:o}", "constraints", con) : NULL;
    if (!sys || (rc = queues_add_constraints (m, to, sys)) < 0) {
        json_decref (sys);
        return rc;
    }
    con = json_incref (json_object_get (sys, "constraints"));
    json_decref (sys);
    if (json_equal (con, (json_t *)constraints)
        || (!constraints && json_object_size (con) == 0)) {
        json_decref (con);
        con = NULL;
    }
    *newp = con;
    return 0;
}

/* ---- configuration ---- */

static int check_requires (const char *name, const json_t *o, flux_error_t *err)
{
    const char *s;
    json_t *val;
    size_t i;

    if (!json_is_array (o))
        return errmsg (err, -EINVAL, "queues.%s.requires: not an array", name);
    json_array_foreach ((json_t *)o, i, val) {
        if (!(s = json_string_value (val)))
            return errmsg (err, -EINVAL, "queues.%s.requires[%zu]: not a string", name, i);
        if (!rset_property_name_valid (s + (*s == '^')))
            return errmsg (err, -EINVAL, "queues.%s.requires[%zu]: '%s' is not the name of a "
                           "property", name, i, s);
    }
    return 0;
}

static int check_queue (json_t *all, const char *name, json_t *conf, flux_error_t *err)
{
    json_t *parent = json_object_get (conf, "parent"), *o;
    char what[160];

    snprintf (what, sizeof (what), "queues.%s", name);
    if (tablekeys_check (conf, what, "requires hosts parent policy", err) < 0)
        return -EINVAL;
    snprintf (what, sizeof (what), "queues.%s.policy", name);
    if (policyconf_check (json_object_get (conf, "policy"), what, err) < 0)
        return -EINVAL;
    if ((o = json_object_get (conf, "requires"))) {
        if (check_requires (name, o, err) < 0)
            return -EINVAL;
        if (json_object_get (conf, "hosts"))
            return errmsg (err, -EINVAL, "queues.%s: both hosts and requires are set", name);
    }
    if (!parent)
        return 0;
    if (!json_is_string (parent)
        || !(o = json_object_get (all, json_string_value (parent))))
        return errmsg (err, -EINVAL, "queues.%s.parent: not a configured queue", name);
    if (json_object_get (o, "parent"))
        return errmsg (err, -EINVAL, "queues.%s.parent: %s is a virtual queue itself",
                       name, json_string_value (parent));
    if (json_object_get (conf, "requires") || json_object_get (conf, "hosts")
        || policyconf_get (conf, "policy.scheduler"))
        return errmsg (err, -EINVAL, "queues.%s: a virtual queue must not set requires, "
                       "hosts or policy.scheduler", name);
    return 0;
}

static json_t *state_to_json (const struct queue *q)
{
    json_t *o = json_pack ("{s:b s:b}", "enable", q->enable, "start", q->start);

    if (o && q->disable_reason)
        (void)json_object_set_new (o, "disable_reason", json_string (q->disable_reason));
    if (o && q->stop_reason)
        (void)json_object_set_new (o, "stop_reason", json_string (q->stop_reason));
    return o;
}

static void set_reason (char **slot, const char *s)
{
    free (*slot);
    *slot = s && *s ? strdup (s) : NULL;
}

static void state_from_json (struct queue *q, const json_t *o)
{
    const char *dis = NULL, *stop = NULL;
    int enable = q->enable, start = q->start;

    if (!o || json_unpack ((json_t *)o, "{s?b s?b s?s s?s}", "enable", &enable, "start",
                           &start, "disable_reason", &dis, "stop_reason", &stop) < 0)
        return;
    q->enable = enable;
    q->start = start;
    set_reason (&q->disable_reason, dis);
    set_reason (&q->stop_reason, stop);
}

static struct hash *make_named (struct queues *qs, json_t *conf)
{
    struct hash *named = hash_new (queue_free);
    const char *name, *parent;
    struct queue *q;
    json_t *val;

    if (!named)
        return NULL;
    json_object_foreach (conf, name, val) {
        struct queue *old = qs->named ? hash_get (qs->named, name) : NULL;
        json_t *state = old ? state_to_json (old) : NULL;
        if (!(q = queue_new (name, val)))
            goto nomem;
        if ((parent = json_string_value (json_object_get (val, "parent")))
            && !(q->parent = strdup (parent))) {
            queue_free (q);
            goto nomem;
        }
        state_from_json (q, state ? state : json_object_get (qs->saved, name));
        json_decref (state);
        if (hash_set (named, name, q) < 0) {
            queue_free (q);
            goto nomem;
        }
    }
    return named;
nomem:
    hash_free (named);
    return NULL;
}

int queues_configure (struct mgr *m, const flux_conf_t *conf, flux_error_t *err)
{
    struct queues *qs = m->queues;
    json_t *all = NULL, *policy = NULL, *val;
    struct hash *named = NULL;
    const char *name;

    if (flux_conf_unpack (conf, err, "{s?o s?o}", "queues", &all, "policy", &policy) < 0)
        return -EINVAL;
    if (policyconf_check (policy, "policy", err) < 0)
        return -EINVAL;
    if (all && !json_is_object (all))
        return errmsg (err, -EINVAL, "queues: not a table");
    json_object_foreach (all, name, val) {
        if (check_queue (all, name, val, err) < 0)
            return -EINVAL;
    }
    name = json_string_value (policyconf_get (policy, "jobspec.defaults.system.queue"));
    if (name && !json_object_get (all, name))
        return errmsg (err, -EINVAL, "policy.jobspec.defaults.system.queue: %s is not a "
                       "configured queue", name);
    if (all && json_object_size (all) > 0 && !(named = make_named (qs, all)))
        return errmsg (err, -ENOMEM, "out of memory");
    hash_free (qs->named);
    qs->named = named;
    json_decref (qs->policy);
    qs->policy = json_incref (policy);
    if (m->ready)
        alloc_queues_changed (m);
    return 0;
}

/* ---- state ---- */

static bool started (const struct mgr *m, const struct queue *q)
{
    struct queue *parent = q && q->parent ? find (m->queues, q->parent) : NULL;

    return q && q->start && (!parent || parent->start);
}

bool queues_started (struct mgr *m, const struct job *job)
{
    struct queue *q = find (m->queues, job->attrs->queue);

    /* a job of a queue that is gone waits */
    return started (m, q);
}

static int check_access (struct mgr *m, const char *name, uint32_t userid,
                         flux_error_t *err);

int queues_check_submit (struct mgr *m, const char *name, uint32_t userid, flux_error_t *err)
{
    struct queue *q = find (m->queues, name);

    if (!q && m->queues->named && (!name || !*name))
        return errmsg (err, -EINVAL, "no queue was named, and there is no default queue: "
                       "use --queue=NAME");
    if (!q && !m->queues->named)
        return errmsg (err, -EINVAL, "queue %s was named, but no queues are configured",
                       name);
    if (!q)
        return errmsg (err, -EINVAL, "there is no queue %s", name);
    if (!q->enable && *q->name)
        return errmsg (err, -EINVAL, "job submission to %s is disabled: %s", q->name,
                       q->disable_reason ? q->disable_reason : "");
    if (!q->enable)
        return errmsg (err, -EINVAL, "job submission is disabled: %s",
                       q->disable_reason ? q->disable_reason : "");
    return check_access (m, name, userid, err);
}

static bool in_list (const json_t *names, const char *s)
{
    size_t i;
    json_t *val;

    json_array_foreach ((json_t *)names, i, val) {
        const char *name = json_string_value (val);
        if (name && !strcmp (name, s))
            return true;
    }
    return false;
}

static bool in_groups (const json_t *names, const struct passwd *pw)
{
    gid_t gids[256];
    int n = 256;
    struct group *gr;

    if (!names || getgrouplist (pw->pw_name, pw->pw_gid, gids, &n) < 0)
        return false;
    for (int i = 0; i < n; i++) {
        if ((gr = getgrgid (gids[i])) && in_list (names, gr->gr_name))
            return true;
    }
    return false;
}

static int check_access (struct mgr *m, const char *name, uint32_t userid, flux_error_t *err)
{
    const json_t *users = queues_policy (m, name, "access.allow-user");
    const json_t *groups = queues_policy (m, name, "access.allow-group");
    struct passwd *pw;

    if (!users && !groups)
        return 0;
    pw = getpwuid (userid);
    if (pw && (in_list (users, pw->pw_name) || in_groups (groups, pw)))
        return 0;
    return errmsg (err, -EPERM, "access of user %s to %s%s is denied by policy",
                   pw ? pw->pw_name : "?", *name ? "queue " : "the queue", name);
}

/* ---- requests ---- */

static int checkpoint (struct mgr *m)
{
    const char *name;
    size_t pos = 0;
    struct queue *q;
    char *s;
    int rc;

    (void)json_object_set_new (m->queues->saved, "", state_to_json (m->queues->anon));
    while (m->queues->named && (q = hash_next (m->queues->named, &pos, &name)))
        (void)json_object_set_new (m->queues->saved, name, state_to_json (q));
    if (!(s = json_dumps (m->queues->saved, JSON_COMPACT)))
        return -ENOMEM;
    rc = turn_put (m->turn, QUEUES_CHECKPOINT_KEY, s);
    free (s);
    return rc;
}

int queues_restore (struct mgr *m, const json_t *o, bool stop)
{
    const char *name;
    size_t pos = 0;
    struct queue *q;

    if (json_is_object (o)) {
        json_decref (m->queues->saved);
        m->queues->saved = json_deep_copy (o);
        state_from_json (m->queues->anon, json_object_get (o, ""));
        while (m->queues->named && (q = hash_next (m->queues->named, &pos, &name)))
            state_from_json (q, json_object_get (o, name));
    }
    pos = 0;
    q = m->queues->anon;
    do {
        if (stop && q->start) {
            q->start = false;
            set_reason (&q->stop_reason, "Automatically stopped due to restart");
        }
    } while (m->queues->named && (q = hash_next (m->queues->named, &pos, &name)));
    return 0;
}

void queue_list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    json_t *a = json_array ();
    const char *name;
    size_t pos = 0;

    while (a && m->queues->named && hash_next (m->queues->named, &pos, &name))
        (void)json_array_append_new (a, json_string (name));
    mgr_respond (m, msg, json_pack ("{s:o}", "queues", a));
}

static json_t *status (struct mgr *m, const struct queue *q)
{
    json_t *o = state_to_json (q);
    bool parent_stopped = q->start && !started (m, q);
    char text[160];

    if (!o)
        return NULL;
    if (!q->enable && !q->disable_reason)
        (void)json_object_set_new (o, "disable_reason", json_string (""));
    if (q->parent)
        (void)json_object_set_new (o, "parent", json_string (q->parent));
    if (q->start && (parent_stopped || !alloc_ready (m))) {
        snprintf (text, sizeof (text), parent_stopped ? "parent queue '%s' is stopped"
                                                      : "Scheduler is offline", q->parent);
        (void)json_object_set_new (o, "start", json_false ());
        (void)json_object_set_new (o, "blocked", json_string (parent_stopped ? "parent"
                                                                             : "scheduler"));
        (void)json_object_set_new (o, "stop_reason", json_string (text));
    }
    return o;
}

/* The queue of a request with an optional "name". */
static struct queue *request_queue (struct mgr *m, const flux_msg_t *msg, const char *name)
{
    struct queue *q = find (m->queues, name);

    if (!q && name && *name)
        mgr_respond_error (m, msg, ENOENT, "there is no queue %s", name);
    else if (!q)
        mgr_respond_error (m, msg, EINVAL, "queues are configured: name one");
    return q;
}

void queue_status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    const char *name = NULL;
    struct queue *q;

    if (flux_request_unpack (msg, NULL, "{s?s}", "name", &name) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return;
    }
    if ((q = request_queue (m, msg, name)))
        mgr_respond (m, msg, status (m, q));
}

static void set_enable (struct queue *q, int on, const char *reason)
{
    q->enable = on;
    set_reason (&q->disable_reason, on ? NULL : reason);
}

static void set_start (struct queue *q, int on, const char *reason)
{
    q->start = on;
    set_reason (&q->stop_reason, on ? NULL : reason);
}

typedef void (*set_f) (struct queue *q, int on, const char *reason);

/* 0, or -1 if an error was sent. */
static int set_state (struct mgr *m, const flux_msg_t *msg, set_f set, const char *key,
                      bool need_reason)
{
    const char *name = NULL, *reason = NULL;
    int on, all = 0, nocheckpoint = 0;
    struct queue *q;
    size_t pos = 0;

    if (flux_request_unpack (msg, NULL, "{s?s s:b s?s s?b s?b}", "name", &name, key, &on,
                             "reason", &reason, "all", &all,
                             "nocheckpoint", &nocheckpoint) < 0) {
        mgr_respond_error (m, msg, EPROTO, "malformed request");
        return -1;
    }
    if (!on && need_reason && (!reason || !*reason)) {
        mgr_respond_error (m, msg, EINVAL, "a reason is required to disable a queue");
        return -1;
    }
    if (all && m->queues->named) {
        while ((q = hash_next (m->queues->named, &pos, NULL)))
            set (q, on, reason);
    }
    else if ((q = request_queue (m, msg, name)))
        set (q, on, reason);
    else
        return -1;
    if (!nocheckpoint && checkpoint (m) < 0) {
        mgr_respond_error (m, msg, ENOMEM, NULL);
        return -1;
    }
    return 0;
}

void queue_enable_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    if (set_state (arg, msg, set_enable, "enable", true) == 0)
        mgr_respond_text (arg, msg, NULL);
}

void queue_start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    if (set_state (arg, msg, set_start, "start", false) == 0) {
        alloc_queues_changed (arg);
        mgr_respond_text (arg, msg, NULL);
    }
}
