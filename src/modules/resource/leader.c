/* leader.c - the resource service of rank 0
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <syslog.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/errmsg.h"
#include "modules/resource/cached.h"
#include "modules/resource/history.h"
#include "modules/resource/leader_private.h"
#include "spec/rset.h"

/* -- what is up -- */

/* Ranks that are taken for online though no broker says so. */
static int add_fakes (struct leader *l, struct idset *online)
{
    const struct rset *R = inventory_R (l->inventory);
    struct idset *fakes;
    int rc = 0;

    if (!R || (!l->a.force_up && !inventory_fake (l->inventory)))
        return 0;
    if (!(fakes = idset_copy (rset_ranks (R))))
        return -ENOMEM;
    if (!l->a.force_up)
        rc = idset_range_clear (fakes, 0, l->a.size - 1);
    if (rc == 0)
        rc = idset_add (online, fakes);
    idset_destroy (fakes);
    return rc < 0 ? -ENOMEM : 0;
}

static void post_ids (struct leader *l, const char *name, const struct idset *ids)
{
    char *s;

    if (idset_empty (ids))
        return;
    s = idset_encode (ids, IDSET_FLAG_RANGE);
    if (!s || reslog_post (l->log, 0., name, json_pack ("{s:s}", "idset", s), false) < 0)
        flux_log_error (l->h, "posting %s event", name);
    free (s);
}

/* Post what is in one set only. */
static void post_changes (struct leader *l, const struct idset *before,
                          const struct idset *now, const char *added,
                          const char *removed)
{
    struct idset *more = idset_difference (now, before);
    struct idset *less = idset_difference (before, now);

    if (more && less) {
        post_ids (l, added, more);
        post_ids (l, removed, less);
    }
    idset_destroy (more);
    idset_destroy (less);
}

static int compute_online (struct leader *l)
{
    struct idset *online = idset_copy (l->seen[MONITOR_ONLINE]);

    if (!online || add_fakes (l, online) < 0) {
        idset_destroy (online);
        return -ENOMEM;
    }
    post_changes (l, l->online, online, "online", "offline");
    idset_destroy (l->online);
    l->online = online;
    return 0;
}

/* In the inventory, online, and nothing speaks against it. */
static int compute_up (struct leader *l)
{
    const struct rset *R = inventory_R (l->inventory);
    struct idset *up;

    if (!R)
        return 0;
    if (!(up = idset_intersect (rset_ranks (R), l->online)))
        return -ENOMEM;
    if (idset_subtract (up, l->seen[MONITOR_TORPID]) < 0
        || idset_subtract (up, drain_ranks (l->drain)) < 0
        || idset_subtract (up, l->exclude) < 0) {
        idset_destroy (up);
        return -ENOMEM;
    }
    idset_destroy (l->up);
    l->up = up;
    return 0;
}

void leader_update (struct leader *l)
{
    if (compute_online (l) < 0 || compute_up (l) < 0) {
        flux_log (l->h, LOG_ERR, "resource: out of memory");
        return;
    }
    l->view = (struct resource_view){
        .R = inventory_R (l->inventory),
        .online = l->online,
        .torpid = l->seen[MONITOR_TORPID],
        .exclude = l->exclude,
        .lost = l->lost,
        .up = l->up,
        .drain = l->drain,
    };
    status_changed (l->status);
    acquire_update (l->acquire, l->up, l->lost);
}

/* A broker of a job is never started again.  When the instance ends all go, and nobody
 * is told any more (acquire-mute). */
static bool note_lost (struct leader *l, const struct idset *online)
{
    struct idset *gone = idset_difference (l->seen[MONITOR_ONLINE], online);
    bool some = gone && !idset_empty (gone);

    if (!gone || idset_add (l->lost, gone) < 0)
        flux_log_error (l->h, "resource: what is lost");
    idset_destroy (gone);
    return some && !acquire_muted (l->acquire);
}

static void members_changed (enum monitor_group group, const struct idset *members,
                             void *arg)
{
    struct leader *l = arg;
    struct idset *copy = idset_copy (members);
    bool shrunk = false;

    if (!copy) {
        flux_log_error (l->h, "groups.get");
        return;
    }
    if (group == MONITOR_ONLINE && l->shrinks)
        shrunk = note_lost (l, copy);
    if (group == MONITOR_TORPID)
        post_changes (l, l->seen[group], copy, "torpid", "lively");
    idset_destroy (l->seen[group]);
    l->seen[group] = copy;
    leader_update (l);
    /* after the scheduler: an answer of it is worth nothing any more */
    if (shrunk)
        flux_future_destroy (flux_event_publish (l->h, "resource.shrink", 0, NULL));
}

/* -- start -- */

static void post_restart (struct leader *l)
{
    const char *hosts = cached_attr (l->h, "hostlist");
    char ranks[32];

    snprintf (ranks, sizeof (ranks), l->a.size > 1 ? "0-%u" : "%u", l->a.size - 1);
    if (reslog_post (l->log, 0., "restart",
                     json_pack ("{s:s s:s s:s}", "ranks", ranks, "online", "",
                                "nodelist", hosts ? hosts : ""), true) < 0)
        flux_log_error (l->h, "posting restart event");
}

static void history_known (const json_t *entries, void *arg)
{
    struct leader *l = arg;

    if (entries) {
        l->history = json_incref ((json_t *)entries);
        if (reslog_load (l->log, entries) < 0)
            flux_log_error (l->h, "resource.eventlog");
    }
    post_restart (l);
    if (!(l->monitor = monitor_new (l->h, members_changed, l)))
        flux_log_error (l->h, "groups.get");
}

/* Drained nodes stay drained; what is too old is dropped from the log. */
static void replay_history (struct leader *l)
{
    double cutoff = flux_reactor_time () - l->a.config->history;
    json_t *shorter = NULL;
    size_t index;
    json_t *entry;

    json_array_foreach (l->history, index, entry) {
        if (drain_replay (l->drain, entry, l->map) < 0)
            flux_log (l->h, LOG_ERR, "resource.eventlog: entry %zu is not usable", index);
    }
    if (l->history && isfinite (cutoff)
        && history_truncate (l->history, cutoff, l->map, &shorter) == 0 && shorter
        && reslog_rewrite (l->log, shorter) < 0)
        flux_log_error (l->h, "resource.eventlog");
    json_decref (shorter);
    json_decref (l->history);
    l->history = NULL;
}

/* A node cannot be both excluded and drained. */
static int apply_exclude (struct leader *l, flux_error_t *err)
{
    struct idset *both, *ranks;
    flux_error_t terr;

    if (!l->a.config->exclude || !l->a.config->exclude[0])
        return 0;
    if (hostmap_targets (l->map, l->a.config->exclude, &ranks, &terr) < 0)
        return errmsg (err, -EINVAL, "resource.exclude: %s", terr.text);
    idset_destroy (l->exclude);
    l->exclude = ranks;
    if ((both = idset_intersect (ranks, drain_ranks (l->drain))))
        (void)leader_undrain (l, both, "excluded by configuration", DRAIN_KEEP);
    idset_destroy (both);
    return 0;
}

static void post_define (struct leader *l)
{
    const struct rset *R = inventory_R (l->inventory);
    const char *method = inventory_method (l->inventory);
    json_t *o = rset_to_json (R);
    char *text = rset_encode (R);

    reslog_set_journal_R (l->log, o);
    if (!text || reslog_put_R (l->log, text) < 0
        || reslog_post (l->log, 0., "resource-define",
                        json_pack ("{s:s}", "method", method), true) < 0)
        flux_log_error (l->h, "posting resource-define event");
    json_decref (o);
    free (text);
}

/* They find their handlers again, which now answer. */
static void release_waiting (struct leader *l)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (l->waiting))) {
        if (flux_requeue (l->h, msg, FLUX_RQ_TAIL) < 0)
            flux_respond_error (l->h, msg, errno, NULL);
        flux_msg_decref (msg);
    }
}

static void ready (const char *text, void *arg)
{
    struct leader *l = arg;
    flux_error_t err = {0};

    if (text)
        errmsg (&err, -1, "%s", text);
    else if (!(l->map = hostmap_new (inventory_R (l->inventory))))
        errmsg (&err, -1, "out of memory");
    else {
        replay_history (l);
        post_define (l);
        (void)apply_exclude (l, &err);
    }
    if (err.text[0]) {
        flux_log (l->h, LOG_ERR, "resource: %s", err.text);
        l->failed = err;
    }
    leader_update (l);
    reslog_open_journal (l->log);
    release_waiting (l);
}

static void expiration_changed (double expiration, void *arg)
{
    struct leader *l = arg;
    const struct rset *R = inventory_R (l->inventory);
    double old = rset_expiration (R);
    json_t *o;
    char *text;

    inventory_set_expiration (l->inventory, expiration);
    o = rset_to_json (R);
    text = rset_encode (R);
    reslog_set_journal_R (l->log, o);
    if (!text || reslog_put_R (l->log, text) < 0
        || reslog_post (l->log, 0., "resource-update",
                        json_pack ("{s:f}", "expiration", expiration), true) < 0)
        flux_log_error (l->h, "posting resource-update event");
    json_decref (o);
    free (text);
    status_changed (l->status);
    acquire_expiration (l->acquire, expiration);
    /* after the scheduler, which is asked about each of them */
    flux_future_destroy (flux_event_publish_pack (l->h, "resource.expiration", 0, "{s:f s:f}",
                                                  "old", old, "expiration", expiration));
}

/* Once: a node that a person undrained is not drained again by the same report. */
static void mismatch (uint32_t rank, const char *text, void *arg)
{
    struct leader *l = arg;
    struct idset *ranks = idset_create (0, IDSET_FLAG_AUTOGROW);

    flux_log (l->h, LOG_ERR, "rank %u: %s", rank, text);
    if (!ranks || idset_set (ranks, rank) < 0
        || (!idset_test (l->exclude, rank)
            && leader_drain (l, ranks, text, DRAIN_KEEP) < 0))
        flux_log_error (l->h, "draining rank %u", rank);
    idset_destroy (ranks);
}

/* -- requests -- */

/* False if the request has to wait, or was refused. */
static bool have_R (struct leader *l, const flux_msg_t *msg)
{
    if (l->failed.text[0]) {
        flux_respond_error (l->h, msg, EINVAL, l->failed.text);
        return false;
    }
    if (l->map)
        return true;
    if (flux_msglist_append (l->waiting, msg) < 0)
        flux_respond_error (l->h, msg, errno, NULL);
    return false;
}

static void acquire_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                        void *arg)
{
    struct leader *l = arg;
    struct idset *ranks;
    struct rset *R = NULL;

    if (!have_R (l, msg))
        return;
    if ((ranks = idset_difference (rset_ranks (l->view.R), l->exclude))
        && idset_subtract (ranks, l->lost) == 0)
        R = rset_copy_ranks (l->view.R, ranks);
    if (!R)
        flux_respond_error (h, msg, ENOMEM, NULL);
    else
        acquire_request (l->acquire, msg, R, l->up);
    rset_free (R);
    idset_destroy (ranks);
}

static void acquire_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                               void *arg)
{
    struct leader *l = arg;

    acquire_cancel (l->acquire, msg);
}

static void acquire_mute_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                             void *arg)
{
    struct leader *l = arg;

    acquire_mute (l->acquire);
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "resource.acquire-mute: error responding");
}

static void status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct leader *l = arg;

    if (have_R (l, msg))
        status_request (l->status, msg);
}

static void sched_status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                             void *arg)
{
    struct leader *l = arg;

    if (have_R (l, msg))
        status_sched_request (l->status, msg);
}

static void drain_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    if (have_R (arg, msg))
        leader_drain_request (arg, msg);
}

static void undrain_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                        void *arg)
{
    if (have_R (arg, msg))
        leader_undrain_request (arg, msg);
}

static void reloaded (struct reload *rl, struct rset *R, int errnum, const char *text,
                      void *arg)
{
    struct leader *l = arg;
    struct hostmap *map;

    if (!R || !(map = hostmap_new (R))) {
        flux_respond_error (l->h, reload_msg (rl), R ? ENOMEM : errnum, text);
        rset_free (R);
    }
    else {
        hostmap_free (l->map);
        l->map = map;
        inventory_replace (l->inventory, R);
        post_define (l);
        leader_update (l);
        reslog_respond (l->log, reload_msg (rl));
    }
    reload_free (rl);
    l->reload = NULL;
}

static void reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct leader *l = arg;
    flux_error_t err;

    if (!have_R (l, msg))
        return;
    if (l->reload)
        flux_respond_error (h, msg, EBUSY, "another reload is in progress");
    else if (!(l->reload = reload_start (h, msg, l->a.size, reloaded, l, &err)))
        flux_respond_error (h, msg, errno, err.text);
}

static void journal_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                        void *arg)
{
    struct leader *l = arg;

    reslog_journal (l->log, msg);
}

static void journal_cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                               void *arg)
{
    struct leader *l = arg;

    reslog_journal_cancel (l->log, msg);
}

static void method_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    struct leader *l = arg;

    inventory_method_request (l->inventory, msg);
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct leader *l = arg;

    acquire_disconnect (l->acquire, msg);
    reslog_disconnect (l->log, msg);
    status_disconnect (l->status, msg);
    flux_msglist_disconnect (l->waiting, msg);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "acquire", acquire_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "acquire-cancel", acquire_cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "acquire-mute", acquire_mute_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "status", status_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "sched-status", sched_status_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "drain", drain_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "undrain", undrain_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "reload", reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "journal", journal_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "journal-cancel", journal_cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "method", method_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "disconnect", disconnect_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

/* -- life -- */

static void discover (void *arg)
{
    struct leader *l = arg;

    l->a.discover (l->a.arg);
}

static int create_parts (struct leader *l)
{
    struct inventory_args args = {
        .h = l->h,
        .size = l->a.size,
        .config = l->a.config,
        .first = l->a.first,
        .history = history_known,
        .discover = discover,
        .ready = ready,
        .expiration = expiration_changed,
        .mismatch = mismatch,
        .arg = l,
    };

    for (int i = 0; i < MONITOR_NGROUPS; i++) {
        if (!(l->seen[i] = idset_create (0, IDSET_FLAG_AUTOGROW)))
            return -1;
    }
    if (!(l->online = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(l->exclude = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(l->lost = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(l->up = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(l->waiting = flux_msglist_create ())
        || !(l->drain = drain_new ())
        || !(l->log = reslog_new (l->h, l->a.config->journal_max))
        || !(l->acquire = acquire_new (l->h))
        || !(l->status = status_new (l->h, &l->view))
        || !(l->inventory = inventory_new (&args))
        || flux_msg_handler_addvec_ex (l->h, "resource", handlers, l, &l->handlers) < 0)
        return -1;
    return 0;
}

/* The ranks and hosts that there will be, before R is known. */
static struct rset *expected_hosts (const struct leader_args *args)
{
    const struct rconfig *c = args->config;
    const char *s = cached_attr (args->h, "hostlist");
    struct hostlist *hl = s ? hostlist_decode (s) : NULL;
    struct rset *r = NULL;
    uint32_t rank = 0;

    if (c->fake.nnodes > 0)
        r = fake_resources_R (&c->fake, 1, 0);
    else if (c->configured && (r = rset_copy (c->R)) && hl)
        (void)rset_rerank_hosts (r, hl);
    else if (hl && (r = rset_new ())) {
        for (s = hostlist_first (hl); s; s = hostlist_next (hl))
            (void)rset_add_rank (r, rank++, s, "0", NULL);
    }
    hostlist_destroy (hl);
    return r;
}

/* A mistake in the configuration shall stop the start, not the scheduling. */
static int check_exclude (const struct leader_args *args, flux_error_t *err)
{
    struct rset *hosts;
    struct hostmap *map;
    struct idset *ranks = NULL;
    flux_error_t terr;
    int rc = 0;

    if (!args->config->exclude || !args->config->exclude[0]
        || !(hosts = expected_hosts (args)))
        return 0;
    if ((map = hostmap_new (hosts))
        && hostmap_targets (map, args->config->exclude, &ranks, &terr) < 0)
        rc = errmsg (err, -EINVAL, "resource.exclude: %s", terr.text);
    idset_destroy (ranks);
    hostmap_free (map);
    rset_free (hosts);
    return rc;
}

struct leader *leader_new (const struct leader_args *args, flux_error_t *err)
{
    struct leader *l;

    if (check_exclude (args, err) < 0) {
        errno = EINVAL;
        return NULL;
    }
    if ((l = calloc (1, sizeof (*l)))) {
        l->a = *args;
        l->h = args->h;
        l->shrinks = cached_attr (l->h, "jobid") != NULL;
    }
    if (!l || create_parts (l) < 0) {
        int saved = errno;

        errmsg (err, -saved, "resource: %s", strerror (saved));
        leader_free (l);
        errno = saved;
        return NULL;
    }
    return l;
}

void leader_free (struct leader *l)
{
    const flux_msg_t *msg;

    if (!l)
        return;
    flux_msg_handler_delvec (l->handlers);
    while (l->waiting && (msg = flux_msglist_pop (l->waiting))) {
        flux_respond_error (l->h, msg, ENOSYS, NULL);
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (l->waiting);
    if (l->reload)
        flux_respond_error (l->h, reload_msg (l->reload), ENOSYS, NULL);
    reload_free (l->reload);
    monitor_free (l->monitor);
    inventory_free (l->inventory);
    acquire_free (l->acquire);
    status_free (l->status);
    reslog_free (l->log);
    hostmap_free (l->map);
    json_decref (l->history);
    drain_free (l->drain);
    for (int i = 0; i < MONITOR_NGROUPS; i++)
        idset_destroy (l->seen[i]);
    idset_destroy (l->online);
    idset_destroy (l->exclude);
    idset_destroy (l->lost);
    idset_destroy (l->up);
    free (l);
}

void leader_found (struct leader *l, const struct rset *found)
{
    inventory_found (l->inventory, found);
}

void leader_set_journal_max (struct leader *l, int journal_max)
{
    reslog_set_max (l->log, journal_max);
}
