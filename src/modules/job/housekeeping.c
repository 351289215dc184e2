/* housekeeping.c - what an administrator has run on the ranks of a job after it
 */
#include "modules/job/housekeeping.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <syslog.h>
#include <sys/wait.h>

#include <flux/idset.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "base/tablekeys.h"
#include "modules/job/rankrun.h"
#include "spec/rset.h"

struct housekeeping {
    struct mgr *m;
    json_t *command;           /* NULL: not configured */
    double release_after;      /* seconds; INFINITY: when all are done */
    flux_future_t *online;     /* groups.get, while ranks wait to be online */
};

/* Each set is a part of the one before: all of R, given, ended, freed. */
struct hkjob {
    struct list_node node;     /* jobtab.housekeeping */
    struct jobtab *t;
    struct mgr *m;             /* of this run of the service */
    flux_jobid_t id;
    uint32_t userid;
    int64_t priority;
    double t_submit, t_start;
    struct rset *R;
    struct idset *given;
    struct idset *fresh;       /* ... of them, to be started after the commit */
    struct idset *waiting;     /* ... of them, to be started when online */
    struct idset *ended;
    struct idset *freeing;     /* their sched.free waits for the commit */
    struct idset *freed;
    bool final;                /* all of R is given */
    bool over;                 /* the last sched.free waits for the commit */
    bool early;                /* what has ended may be freed */
    json_t *command;           /* NULL: nothing is run any more */
    double release_after;
    struct rankrun *run;
    flux_watcher_t *timer;     /* release-after */
};

static struct hkjob *find (const struct jobtab *t, flux_jobid_t id)
{
    return idhash_get (t->hkjobs, id);
}

bool housekeeping_holds (const struct mgr *m, flux_jobid_t id)
{
    return find (m->t, id) != NULL;
}

/* ---- records ---- */

static void quit_run (struct hkjob *j)
{
    rankrun_free (j->run);
    flux_watcher_destroy (j->timer);
    j->run = NULL;
    j->timer = NULL;
}

static void hkjob_free (struct hkjob *j)
{
    if (!j)
        return;
    if (find (j->t, j->id) == j)
        idhash_del (j->t->hkjobs, j->id);
    list_del (&j->node);
    quit_run (j);
    rset_free (j->R);
    idset_destroy (j->given);
    idset_destroy (j->fresh);
    idset_destroy (j->waiting);
    idset_destroy (j->ended);
    idset_destroy (j->freeing);
    idset_destroy (j->freed);
    json_decref (j->command);
    free (j);
}

static struct hkjob *hkjob_new (struct mgr *m, flux_jobid_t id, const struct rset *R)
{
    struct hkjob *j = calloc (1, sizeof (*j));

    if (!j)
        return NULL;
    list_init (&j->node);
    j->m = m;
    j->t = m->t;
    j->id = id;
    j->t_start = flux_reactor_time ();
    j->release_after = m->housekeeping->release_after;
    j->command = m->housekeeping->command ? json_incref (m->housekeeping->command) : NULL;
    if (!(j->R = rset_copy (R)) || !(j->given = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(j->fresh = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(j->waiting = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(j->ended = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(j->freeing = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(j->freed = idset_create (0, IDSET_FLAG_AUTOGROW))
        || idhash_set (m->t->hkjobs, id, j) < 0) {
        hkjob_free (j);
        return NULL;
    }
    list_append (&m->t->housekeeping, &j->node);
    return j;
}

static const char *make_key (const struct hkjob *j, char *buf, size_t size)
{
    snprintf (buf, size, HOUSEKEEPING_DIR ".%" PRIu64, j->id);
    return buf;
}

static void erase (struct hkjob *j)
{
    char key[80];

    if (turn_put (j->m->turn, make_key (j, key, sizeof (key)), NULL) < 0)
        flux_log (j->m->h, LOG_ERR, "out of memory: the end of housekeeping is not recorded");
}

static char *encode (const struct hkjob *j)
{
    struct idset *both = idset_union (j->freed, j->freeing);
    char *given = idset_encode (j->given, IDSET_FLAG_RANGE);
    char *freed = both ? idset_encode (both, IDSET_FLAG_RANGE) : NULL;
    json_t *R = rset_to_json (j->R), *o;
    char *s;

    o = json_pack ("{s:I s:I s:I s:f s:f s:O? s:s s:s s:b}", "id", (json_int_t)j->id, "userid",
                   (json_int_t)j->userid, "priority", (json_int_t)j->priority, "t_submit",
                   j->t_submit, "t_start", j->t_start, "R", R, "given", given ? given : "",
                   "free", freed ? freed : "", "final", j->final);
    s = o && R && given && freed ? json_dumps (o, JSON_COMPACT) : NULL;
    json_decref (o);
    json_decref (R);
    free (given);
    free (freed);
    idset_destroy (both);
    return s;
}

static void save (struct hkjob *j)
{
    char key[80], *s = encode (j);

    if (!s || turn_put (j->m->turn, make_key (j, key, sizeof (key)), s) < 0)
        flux_log (j->m->h, LOG_ERR, "out of memory: housekeeping is not recorded");
    free (s);
}

/* ---- giving back ---- */

static void hold_final (struct job *unused, void *arg)
{
    struct hkjob *j = arg;
    struct rset *rest = rset_copy (j->R);

    if (rest && rset_remove_ranks (rest, j->freed) == 0)
        alloc_send_free_rset (j->m, j->id, rest, true);
    rset_free (rest);
    hkjob_free (j);
}

/* Hello may have told another scheduler meanwhile that they are taken. */
static void hold_part (struct job *unused, void *arg)
{
    struct hkjob *j = arg;
    struct rset *part;

    if (idset_empty (j->freeing))
        return;
    if ((part = rset_copy_ranks (j->R, j->freeing)))
        alloc_send_free_rset (j->m, j->id, part, false);
    rset_free (part);
    (void)idset_add (j->freed, j->freeing);
    idset_clear_all (j->freeing);
}

static void free_part (struct hkjob *j)
{
    struct idset *more = idset_difference (j->ended, j->freed);

    if (more && idset_subtract (more, j->freeing) == 0 && !idset_empty (more)
        && idset_add (j->freeing, more) == 0) {
        save (j);
        turn_hold (j->m->turn, hold_part, NULL, j);
    }
    idset_destroy (more);
}

static bool all_ended (const struct hkjob *j)
{
    return idset_count (j->ended) == idset_count (j->given);
}

/* Some have ended: is it time to give something back?  j may be gone after this. */
static void check (struct hkjob *j)
{
    if (j->over)
        return;
    if (j->final && all_ended (j)) {
        j->over = true;
        quit_run (j);
        erase (j);
        turn_hold (j->m->turn, hold_final, NULL, j);
    }
    else if (j->early && alloc_partial (j->m))
        free_part (j);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hkjob *j = arg;

    j->early = true;
    check (j);
}

/* The first has ended. */
static void start_timer (struct hkjob *j)
{
    if (j->early || j->timer || isinf (j->release_after))
        return;
    if (j->release_after == 0.)
        j->early = true;
    else if ((j->timer = flux_timer_watcher_create (flux_get_reactor (j->m->h), j->release_after,
                                                    0., timer_cb, j)))
        flux_watcher_start (j->timer);
}

/* ---- running ---- */

static const char *host_of (const struct hkjob *j, int rank)
{
    const char *host = rset_host (j->R, (uint32_t)rank);

    return host ? host : "?";
}

static void log_status (const struct hkjob *j, int rank, int status, const char *error)
{
    char how[160];

    if (error)
        snprintf (how, sizeof (how), "cannot be run: %s", error);
    else if (WIFSIGNALED (status))
        snprintf (how, sizeof (how), "killed by signal %d (%s)", WTERMSIG (status),
                  strsignal (WTERMSIG (status)));
    else
        snprintf (how, sizeof (how), "exited with exit code=%d", WEXITSTATUS (status));
    flux_log (j->m->h, LOG_ERR, "housekeeping: %s (rank %d) %s: %s", host_of (j, rank), rank,
              rankrun_id (j->id), how);
}

static void mark_ended (struct hkjob *j, unsigned int rank)
{
    (void)idset_set (j->ended, rank);
    start_timer (j);
}

static void on_ended (void *arg, int rank, int status, const char *error)
{
    struct hkjob *j = arg;

    if (status != 0)
        log_status (j, rank, status, error);
    mark_ended (j, (unsigned int)rank);
    check (j);
}

static void on_line (void *arg, int rank, const char *stream, const char *line, int len)
{
    struct hkjob *j = arg;

    flux_log (j->m->h, strcmp (stream, "stderr") == 0 ? LOG_ERR : LOG_INFO,
              "housekeeping: %s (rank %d) %s: %s: %.*s", host_of (j, rank), rank,
              rankrun_id (j->id), stream, len, line);
}

static int run (struct hkjob *j, const struct idset *ranks)
{
    static const struct rankrun_ops ops = { .ended = on_ended, .line = on_line };
    char *all = idset_encode (rset_ranks (j->R), IDSET_FLAG_RANGE);
    flux_cmd_t *cmd = rankrun_command (j->command, j->id, j->userid, all);
    int rc = -1;

    if (all && cmd && (j->run || (j->run = rankrun_new (j->m->h, &ops, j))))
        rc = rankrun_start (j->run, cmd, ranks);
    free (all);
    flux_cmd_destroy (cmd);
    return rc;
}

/* What cannot be started is taken as ended: resources are not lost for it. */
static void start (struct hkjob *j, const struct idset *ranks)
{
    struct idset *active;
    unsigned int rank;

    if (j->command && run (j, ranks) == 0)
        return;
    if (j->command)
        flux_log_error (j->m->h, "housekeeping of %s cannot be started", rankrun_id (j->id));
    active = j->run ? rankrun_active (j->run) : NULL;
    for (rank = idset_first (ranks); rank != IDSET_INVALID_ID; rank = idset_next (ranks, rank)) {
        if (!active || !idset_test (active, rank))
            mark_ended (j, rank);
    }
    idset_destroy (active);
}

/* ---- from the job manager ---- */

static void hold_start (struct job *unused, void *arg)
{
    struct hkjob *j = arg;

    if (!idset_empty (j->fresh))
        start (j, j->fresh);
    idset_clear_all (j->fresh);
    check (j);
}

static struct hkjob *take_new (struct mgr *m, struct job *job, const struct idset *ranks)
{
    struct hkjob *j = hkjob_new (m, job->id, job->a->rset);

    if (!j)
        return NULL;
    j->userid = job->st.userid;
    j->priority = job->st.priority;
    j->t_submit = job->st.t_submit;
    /* what the scheduler has already */
    if (job->a->released && alloc_partial (m)) {
        (void)idset_add (j->freed, job->a->released);
        if (ranks)
            (void)idset_subtract (j->freed, ranks);
        (void)idset_add (j->given, j->freed);
        (void)idset_add (j->ended, j->freed);
    }
    return j;
}

bool housekeeping_take (struct mgr *m, struct job *job, const struct idset *ranks)
{
    struct hkjob *j = find (m->t, job->id);
    struct idset *more;

    if (!job->a || !job->a->rset || job->a->alloc_bypass
        || (!j && !m->housekeeping->command))
        return false;
    if (!(more = idset_copy (ranks ? ranks : rset_ranks (job->a->rset)))
        || (!j && !(j = take_new (m, job, ranks)))) {
        idset_destroy (more);
        flux_log (m->h, LOG_ERR, "%ju: out of memory: no housekeeping", (uintmax_t)job->id);
        return false;
    }
    (void)idset_subtract (more, j->given);
    (void)idset_add (j->given, more);
    (void)idset_add (j->fresh, more);
    idset_destroy (more);
    j->final = j->final || !ranks;
    save (j);
    turn_hold (m->turn, hold_start, NULL, j);
    return true;
}

static void hello_one (struct hkjob *j, const flux_msg_t *msg)
{
    char *freed = NULL;

    if (!alloc_partial (j->m)) {
        /* this scheduler gets all at once */
        idset_clear_all (j->freed);
        idset_clear_all (j->freeing);
    }
    else if (!idset_empty (j->freed))
        freed = idset_encode (j->freed, IDSET_FLAG_RANGE);
    alloc_tell_hello (j->m, msg, j->id, j->priority, j->userid, j->t_submit, freed);
    free (freed);
}

/* What ended while there was no scheduler is given back after it was told of it. */
void housekeeping_hello (struct mgr *m, const flux_msg_t *msg)
{
    list_foreach (&m->t->housekeeping, n) {
        struct hkjob *j = list_entry (n, struct hkjob, node);
        hello_one (j, msg);
        check (j);
    }
}

json_t *housekeeping_stats (const struct mgr *m)
{
    json_t *running = json_object ();

    list_foreach (&m->t->housekeeping, n) {
        struct hkjob *j = list_entry (n, struct hkjob, node);
        struct idset *allocated = idset_difference (j->given, j->freed);
        struct idset *pending = idset_difference (j->given, j->ended);
        char *a = allocated ? idset_encode (allocated, IDSET_FLAG_RANGE) : NULL;
        char *p = pending ? idset_encode (pending, IDSET_FLAG_RANGE) : NULL;
        char key[32];
        snprintf (key, sizeof (key), "%" PRIu64, j->id);
        if (running && a && p)
            (void)json_object_set_new (running, key, json_pack ("{s:f s:s s:s}", "t_start",
                                                                j->t_start, "allocated", a,
                                                                "pending", p));
        free (a);
        free (p);
        idset_destroy (allocated);
        idset_destroy (pending);
    }
    return json_pack ("{s:o}", "running", running);
}

/* ---- kill ---- */

/* Where it waits for its rank to be online there is nothing to signal: it is given up. */
static int give_up (struct hkjob *j, const struct idset *ranks)
{
    struct idset *ids = ranks ? idset_intersect (j->waiting, ranks) : idset_copy (j->waiting);
    unsigned int rank;
    int count = ids ? (int)idset_count (ids) : 0;

    for (rank = count > 0 ? idset_first (ids) : IDSET_INVALID_ID; rank != IDSET_INVALID_ID;
         rank = idset_next (ids, rank)) {
        (void)idset_clear (j->waiting, rank);
        mark_ended (j, rank);
    }
    idset_destroy (ids);
    return count;
}

static int kill_job (struct hkjob *j, const struct idset *ranks, int signum)
{
    int count = give_up (j, ranks);

    if (j->run)
        count += rankrun_kill (j->run, ranks, signum);
    check (j);
    return count;
}

static void kill_jobs (struct mgr *m, const flux_msg_t *msg, flux_jobid_t id,
                       const struct idset *ranks, int signum)
{
    int count = 0;

    if (id != FLUX_JOBID_ANY && !find (m->t, id)) {
        mgr_respond_error (m, msg, ENOENT, "%s is not in housekeeping", rankrun_id (id));
        return;
    }
    list_foreach (&m->t->housekeeping, n) {
        struct hkjob *j = list_entry (n, struct hkjob, node);
        if (id == FLUX_JOBID_ANY || j->id == id)
            count += kill_job (j, ranks, signum);
    }
    mgr_respond (m, msg, json_pack ("{s:i}", "count", count));
}

void housekeeping_kill_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct mgr *m = arg;
    json_int_t id = -1;
    const char *s = NULL;
    struct idset *ranks = NULL;
    int signum;

    if (flux_request_unpack (msg, NULL, "{s:i s?I s?s}", "signum", &signum, "jobid", &id,
                             "ranks", &s) < 0)
        mgr_respond_error (m, msg, EPROTO, "malformed request");
    else if (signum < 1 || signum >= NSIG)
        mgr_respond_error (m, msg, EINVAL, "%d is not a signal number", signum);
    else if (s && !(ranks = idset_decode (s)))
        mgr_respond_error (m, msg, EINVAL, "'%s' is not an idset of ranks", s);
    else
        kill_jobs (m, msg, (flux_jobid_t)id, ranks, signum);
    idset_destroy (ranks);
}

/* ---- after a restart ---- */

static int add_ids (struct idset *ids, const char *s)
{
    return idset_decode_add (ids, s, -1, NULL);
}

static struct hkjob *decode (struct mgr *m, const char *text)
{
    json_t *o = json_loads (text, 0, NULL), *R;
    json_int_t id, userid, priority;
    const char *given, *freed;
    struct rset *r = NULL;
    struct hkjob *j = NULL;
    double t_submit, t_start;
    int final;

    if (o && json_unpack (o, "{s:I s:I s:I s:F s:F s:o s:s s:s s:b}", "id", &id, "userid", &userid,
                          "priority", &priority, "t_submit", &t_submit, "t_start", &t_start, "R",
                          &R, "given", &given, "free", &freed, "final", &final) == 0
        && (r = rset_from_json (R, NULL)) && (j = hkjob_new (m, (flux_jobid_t)id, r))) {
        j->userid = (uint32_t)userid;
        j->priority = priority;
        j->t_submit = t_submit;
        j->t_start = t_start;
        j->final = final;
        if (add_ids (j->given, given) < 0 || add_ids (j->freed, freed) < 0) {
            hkjob_free (j);
            j = NULL;
        }
    }
    rset_free (r);
    json_decref (o);
    return j;
}

void housekeeping_restore (struct mgr *m, const char *text)
{
    struct hkjob *j = decode (m, text);

    if (!j)
        flux_log (m->h, LOG_ERR, "housekeeping: a record of the KVS makes no sense: %.60s", text);
    else
        (void)idset_add (j->ended, j->freed);
}

static void start_waiting (struct mgr *m, const struct idset *online)
{
    list_foreach (&m->t->housekeeping, n) {
        struct hkjob *j = list_entry (n, struct hkjob, node);
        struct idset *ids = online ? idset_intersect (j->waiting, online)
                                   : idset_copy (j->waiting);
        if (ids && !idset_empty (ids)) {
            (void)idset_subtract (j->waiting, ids);
            start (j, ids);
            check (j);
        }
        idset_destroy (ids);
    }
}

static bool some_wait (const struct mgr *m)
{
    list_foreach (&m->t->housekeeping, n) {
        if (!idset_empty (list_entry (n, struct hkjob, node)->waiting))
            return true;
    }
    return false;
}

static void online_cb (flux_future_t *f, void *arg)
{
    struct housekeeping *hk = arg;
    struct idset *online = NULL;
    const char *s;

    if (flux_rpc_get_unpack (f, "{s:s}", "members", &s) == 0)
        online = idset_decode (s);
    else
        flux_log_error (hk->m->h, "housekeeping: groups.get");
    start_waiting (hk->m, online);
    if (online && some_wait (hk->m))
        flux_future_reset (f);
    else {
        flux_future_destroy (f);
        hk->online = NULL;
    }
    idset_destroy (online);
}

static void watch_online (struct housekeeping *hk)
{
    if (!(hk->online = flux_rpc_pack (hk->m->h, "groups.get", 0, FLUX_RPC_STREAMING, "{s:s}",
                                      "name", "broker.online"))
        || flux_future_then (hk->online, -1., online_cb, hk) < 0)
        flux_log_error (hk->m->h, "housekeeping: groups.get");
}

/* The processes ended with the service that had started them. */
static void resume (struct mgr *m, struct hkjob *j)
{
    j->m = m;
    (void)idset_add (j->freed, j->freeing);
    idset_clear_all (j->freeing);
    if (j->over) {
        erase (j);
        hkjob_free (j);
        return;
    }
    json_decref (j->command);
    j->command = m->housekeeping->command ? json_incref (m->housekeeping->command) : NULL;
    j->release_after = m->housekeeping->release_after;
    idset_clear_all (j->fresh);
    idset_clear_all (j->waiting);
    (void)idset_add (j->waiting, j->given);
    (void)idset_subtract (j->waiting, j->ended);
    check (j);
}

void housekeeping_resume (struct mgr *m)
{
    list_foreach (&m->t->housekeeping, n)
        resume (m, list_entry (n, struct hkjob, node));
    if (!some_wait (m))
        return;
    if (m->housekeeping->command)
        watch_online (m->housekeeping);
    else
        start_waiting (m, NULL);
}

void housekeeping_drop (struct jobtab *t)
{
    list_foreach (&t->housekeeping, n)
        hkjob_free (list_entry (n, struct hkjob, node));
}

/* ---- configuration ---- */

static json_t *default_command (const flux_conf_t *conf)
{
    const char *imp = NULL;

    (void)flux_conf_unpack (conf, NULL, "{s?{s?s}}", "exec", "imp", &imp);
    return imp ? json_pack ("[sss]", imp, "run", "housekeeping") : NULL;
}

static int read_table (struct mgr *m, const flux_conf_t *conf, json_t *o, json_t **commandp,
                       double *afterp, flux_error_t *err)
{
    json_t *command = NULL;
    const char *after = NULL;
    int unit = -1;
    int rc = tablekeys_check (o, "job-manager.housekeeping", "command release-after:s"
                              " use-systemd-unit:b exit-on-first-error:b", err);

    if (rc < 0)
        return rc;
    (void)json_unpack (o, "{s?o s?s s?b}", "command", &command, "release-after", &after,
                       "use-systemd-unit", &unit);
    if (after && (duration_parse (after, afterp) < 0 || *afterp < 0.))
        return errmsg (err, -EINVAL, "job-manager.housekeeping.release-after: '%s' is not a "
                       "duration like 30s", after);
    if (command && !rankrun_is_command (command))
        return errmsg (err, -EINVAL, "job-manager.housekeeping.command: want an array of strings, "
                       "like [\"/bin/true\"]");
    if (!(*commandp = command ? json_incref (command) : default_command (conf)))
        return errmsg (err, -EINVAL, "job-manager.housekeeping: no command, and no exec.imp for "
                       "the default, imp run housekeeping: set one of them");
    if (unit >= 0)
        flux_log (m->h, LOG_ERR, "job-manager.housekeeping.use-systemd-unit is deprecated and has "
                  "no effect: set command to what starts the unit, or leave it to the IMP");
    return 0;
}

int housekeeping_configure (struct mgr *m, const flux_conf_t *conf, flux_error_t *err)
{
    struct housekeeping *hk = m->housekeeping;
    json_t *table = NULL, *command = NULL;
    double after = INFINITY;
    int rc;

    if (flux_conf_unpack (conf, err, "{s?{s?o}}", "job-manager", "housekeeping", &table) < 0)
        return -EINVAL;
    if (table && (rc = read_table (m, conf, table, &command, &after, err)) < 0)
        return rc;
    json_decref (hk->command);
    hk->command = command;
    hk->release_after = after;
    return 0;
}

struct housekeeping *housekeeping_new (struct mgr *m)
{
    struct housekeeping *hk = calloc (1, sizeof (*hk));

    if (hk) {
        hk->m = m;
        hk->release_after = INFINITY;
    }
    return hk;
}

void housekeeping_free (struct housekeeping *hk)
{
    if (!hk)
        return;
    list_foreach (&hk->m->t->housekeeping, n)
        quit_run (list_entry (n, struct hkjob, node));
    flux_future_destroy (hk->online);
    json_decref (hk->command);
    free (hk);
}
