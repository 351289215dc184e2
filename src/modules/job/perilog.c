/* perilog.c - perilog.so: a prolog before the tasks of a job, an epilog after them
 * (flux-config-job-manager(5))
 *
 *   job.state.run ─► prolog-start ─► rexec on rank 0, or on each rank of R
 *                                      └ all ended ─► [exception] prolog-finish
 *   finish, or a prolog that failed ─► the same for the epilog
 *
 * A jobtap plugin like any other: it uses the public interface alone.  One that is to
 * end, because its time is over or the job has an exception, gets SIGTERM; ranks where it
 * goes on for kill-timeout are drained, and the job goes on without them.
 */
#include <errno.h>
#include <math.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <sys/wait.h>

#include <flux/core.h>
#include <flux/idset.h>
#include <flux/jobtap.h>

#include "base/duration.h"
#include "modules/job/rankrun.h"

enum { PROLOG, EPILOG };

static const char *const names[] = { "prolog", "epilog" };
static const char *const descriptions[] = { "job-manager.prolog", "job-manager.epilog" };

struct settings {
    json_t *command;         /* array of strings, or NULL: there is none */
    bool per_rank;
    double timeout;          /* INFINITY: none */
    double kill_timeout;
    bool cancel;             /* on an exception */
};

struct perilog {
    flux_plugin_t *p;
    struct settings set[2];
    regex_t *ignore;
    int ignore_count;
};

/* What runs for a job now. */
struct run {
    struct perilog *pl;
    flux_jobid_t id;
    int which;
    struct rankrun *procs;
    int active;
    int status;              /* the worst wait status */
    struct idset *failed;
    const char *canceled;    /* why it was told to end */
    flux_watcher_t *timer;   /* timeout, then kill-timeout */
    bool over;
};

/* ---- configuration ---- */

static void settings_clear (struct settings *s)
{
    json_decref (s->command);
    s->command = NULL;
}

static int read_timeout (const char *s, double *valp)
{
    if (duration_parse (s, valp) < 0)
        return -1;
    if (*valp == 0)
        *valp = INFINITY;
    return 0;
}

/* The IMP runs what it has under that name. */
static json_t *default_command (const flux_conf_t *conf, int which)
{
    const char *imp = NULL;

    (void)flux_conf_unpack (conf, NULL, "{s?{s?s}}", "exec", "imp", &imp);
    return imp ? json_pack ("[sss]", imp, "run", names[which]) : NULL;
}

static int read_table (const flux_conf_t *conf, json_t *o, int which, struct settings *s,
                       char *text, size_t size)
{
    const char *timeout = which == PROLOG ? "30m" : "0";
    json_t *command = NULL;
    int per_rank = 0, cancel = which == PROLOG, first = 0;
    json_error_t err;

    *s = (struct settings){ .kill_timeout = 60 };
    if (json_unpack_ex (o, &err, 0, "{s?o s?b s?s s?F s?b s?b !}", "command", &command,
                        "per-rank", &per_rank, "timeout", &timeout, "kill-timeout",
                        &s->kill_timeout, "cancel-on-exception", &cancel, "exit-on-first-error",
                        &first) < 0) {
        snprintf (text, size, "job-manager.%s: %s", names[which], err.text);
        return -1;
    }
    s->per_rank = per_rank;
    s->cancel = cancel;
    s->command = command ? json_incref (command) : default_command (conf, which);
    if (!s->command || !rankrun_is_command (s->command))
        snprintf (text, size, "job-manager.%s: no command, an array of strings, and no exec.imp",
                  names[which]);
    else if (read_timeout (timeout, &s->timeout) < 0)
        snprintf (text, size, "job-manager.%s.timeout: '%s' is not a duration like 30m",
                  names[which], timeout);
    else if (!(s->kill_timeout > 0))
        snprintf (text, size, "job-manager.%s.kill-timeout: want a number of seconds above 0",
                  names[which]);
    else
        return 0;
    settings_clear (s);
    return -1;
}

static void ignore_clear (struct perilog *pl)
{
    for (int i = 0; i < pl->ignore_count; i++)
        regfree (&pl->ignore[i]);
    free (pl->ignore);
    pl->ignore = NULL;
    pl->ignore_count = 0;
}

static int read_ignore (struct perilog *pl, json_t *list, char *text, size_t size)
{
    json_t *o;
    size_t i;

    ignore_clear (pl);
    if (list && !json_is_array (list)) {
        snprintf (text, size, "job-manager.perilog.log-ignore: want an array of expressions");
        return -1;
    }
    if (list && !(pl->ignore = calloc (json_array_size (list) + 1, sizeof (*pl->ignore))))
        return -1;
    json_array_foreach (list, i, o) {
        const char *s = json_string_value (o);
        if (!s || regcomp (&pl->ignore[i], s, REG_EXTENDED | REG_NOSUB) != 0) {
            snprintf (text, size, "job-manager.perilog.log-ignore: '%s' is no regular expression",
                      s ? s : "?");
            return -1;
        }
        pl->ignore_count++;
    }
    return 0;
}

static int configure (struct perilog *pl, const flux_conf_t *conf, char *text, size_t size)
{
    struct settings next[2] = { { 0 } };
    json_t *tables[2] = { NULL, NULL }, *ignore = NULL;
    flux_error_t err;

    if (flux_conf_unpack (conf, &err, "{s?{s?o s?o s?{s?o}}}", "job-manager", "prolog",
                          &tables[PROLOG], "epilog", &tables[EPILOG], "perilog", "log-ignore",
                          &ignore) < 0) {
        snprintf (text, size, "job-manager: %s", err.text);
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        if (tables[i] && read_table (conf, tables[i], i, &next[i], text, size) < 0) {
            settings_clear (&next[0]);
            return -1;
        }
    }
    if (read_ignore (pl, ignore, text, size) < 0) {
        settings_clear (&next[0]);
        settings_clear (&next[1]);
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        settings_clear (&pl->set[i]);
        pl->set[i] = next[i];
    }
    return 0;
}

static int conf_update (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct perilog *pl = data;
    char text[200] = "";
    json_t *o = NULL;
    flux_conf_t *conf;
    int rc;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s?o}", "conf", &o) < 0)
        return flux_jobtap_error (p, args, "perilog: malformed configuration");
    if (!(conf = flux_conf_pack ("O", o ? o : json_object ())))
        return flux_jobtap_error (p, args, "perilog: %s", strerror (errno));
    if ((rc = configure (pl, conf, text, sizeof (text))) < 0)
        flux_jobtap_error (p, args, "%s", text[0] ? text : "out of memory");
    flux_conf_decref (conf);
    return rc;
}

/* ---- a run ---- */

static void run_free (void *arg)
{
    struct run *r = arg;

    if (!r)
        return;
    rankrun_free (r->procs);
    idset_destroy (r->failed);
    flux_watcher_destroy (r->timer);
    free (r);
}

static int start_epilog (struct perilog *pl, flux_jobid_t id);

static void raise_failure (struct run *r)
{
    const char *name = names[r->which];
    int severity = r->which == PROLOG ? 0 : 1;    /* after an epilog all is done anyway */
    char *ranks = r->pl->set[r->which].per_rank && r->failed && idset_count (r->failed) > 0
        ? idset_encode (r->failed, IDSET_FLAG_RANGE) : NULL;
    char how[80];

    if (WIFSIGNALED (r->status))
        snprintf (how, sizeof (how), "killed by signal %d", WTERMSIG (r->status));
    else
        snprintf (how, sizeof (how), "exited with exit code=%d", WEXITSTATUS (r->status));
    if (r->canceled)
        flux_jobtap_raise_exception (r->pl->p, r->id, name, severity, "%s %s%s%s", name, r->canceled,
                                     ranks ? " on ranks " : "", ranks ? ranks : "");
    else
        flux_jobtap_raise_exception (r->pl->p, r->id, name, severity, "%s %s%s%s", name, how,
                                     ranks ? " on ranks " : "", ranks ? ranks : "");
    free (ranks);
}

/* All have ended, or are given up.  The run is freed with its job, or by the next. */
static void run_over (struct run *r)
{
    struct perilog *pl = r->pl;
    flux_jobid_t id = r->id;

    if (r->over)
        return;
    r->over = true;
    flux_watcher_stop (r->timer);
    if (r->status != 0)
        raise_failure (r);
    if (r->which == EPILOG) {
        flux_jobtap_epilog_finish (pl->p, id, descriptions[EPILOG], r->status);
        return;
    }
    if (r->status != 0)
        (void)start_epilog (pl, id);
    flux_jobtap_prolog_finish (pl->p, id, descriptions[PROLOG], r->status);
}

static void on_ended (void *arg, int rank, int status, const char *error)
{
    struct run *r = arg;

    if (error)
        flux_log (flux_jobtap_get_flux (r->pl->p), LOG_ERR, "%s: %s: rank %d: %s",
                  rankrun_id (r->id), names[r->which], rank, error);
    if (status != 0)
        idset_set (r->failed, (unsigned int)rank);
    if (status > r->status || (WIFSIGNALED (status) && r->status == 0))
        r->status = status;
    if (--r->active == 0)
        run_over (r);
}

static bool ignored (struct perilog *pl, const char *line)
{
    for (int i = 0; i < pl->ignore_count; i++) {
        if (regexec (&pl->ignore[i], line, 0, NULL, 0) == 0)
            return true;
    }
    return false;
}

static void on_line (void *arg, int rank, const char *stream, const char *line, int len)
{
    struct run *r = arg;
    bool err = strcmp (stream, "stderr") == 0;

    if (!ignored (r->pl, line))
        flux_log (flux_jobtap_get_flux (r->pl->p), err ? LOG_ERR : LOG_INFO,
                  "%s: %s: %s: rank %d: %.*s", rankrun_id (r->id), names[r->which], stream, rank,
                  len, line);
}

static void drain (struct run *r)
{
    flux_t *h = flux_jobtap_get_flux (r->pl->p);
    struct idset *ids = rankrun_active (r->procs);
    char *s;

    s = ids && idset_count (ids) > 0 ? idset_encode (ids, IDSET_FLAG_RANGE) : NULL;
    if (s) {
        char reason[128];
        snprintf (reason, sizeof (reason), "%s for job %s %s", names[r->which], rankrun_id (r->id),
                  strncmp (r->canceled, "timed out", 9) == 0 ? "timed out"
                                                             : "canceled then timed out");
        flux_future_destroy (flux_rpc_pack (h, "resource.drain", 0, FLUX_RPC_NORESPONSE,
                                            "{s:s s:s s:s}", "targets", s, "reason", reason,
                                            "mode", "update"));
        flux_log (h, LOG_ERR, "%s: ranks %s drained", reason, s);
    }
    free (s);
    idset_destroy (ids);
}

/* SIGTERM; those that do not heed it in time are left behind. */
static void cancel (struct run *r, const char *why)
{
    if (r->canceled || r->over)
        return;
    r->canceled = why;
    (void)rankrun_kill (r->procs, NULL, SIGTERM);
    flux_watcher_stop (r->timer);
    flux_timer_watcher_reset (r->timer, r->pl->set[r->which].kill_timeout, 0);
    flux_watcher_start (r->timer);
}

static void on_timer (flux_reactor_t *reactor, flux_watcher_t *w, int revents, void *arg)
{
    struct run *r = arg;

    if (!r->canceled) {
        cancel (r, "timed out");
        return;
    }
    drain (r);
    if (r->status == 0)
        r->status = SIGTERM;
    run_over (r);
}

/* The ranks of R; the caller destroys. */
static struct idset *ranks_of (flux_plugin_arg_t *args)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    json_t *list = NULL, *o;
    size_t i;

    if (args)
        (void)flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s?{s?{s?o}}}", "R", "execution",
                                      "R_lite", &list);
    json_array_foreach (list, i, o) {
        const char *s = json_string_value (json_object_get (o, "rank"));
        struct idset *more = s ? idset_decode (s) : NULL;
        if (ids && more)
            (void)idset_add (ids, more);
        idset_destroy (more);
    }
    return ids;
}

static int start_all (struct run *r, flux_plugin_arg_t *args, uint32_t userid)
{
    static const struct rankrun_ops ops = { .ended = on_ended, .line = on_line };
    struct settings *set = &r->pl->set[r->which];
    struct idset *ids = ranks_of (args);
    char *ranks = ids ? idset_encode (ids, IDSET_FLAG_RANGE) : NULL;
    flux_cmd_t *cmd = rankrun_command (set->command, r->id, userid, ranks);
    int rc = -1;

    if (ids && (!set->per_rank || idset_empty (ids))) {
        idset_clear_all (ids);
        idset_set (ids, 0);
    }
    if (ids && cmd
        && (r->procs = rankrun_new (flux_jobtap_get_flux (r->pl->p), &ops, r))) {
        r->active = (int)idset_count (ids);
        rc = rankrun_start (r->procs, cmd, ids);
    }
    free (ranks);
    flux_cmd_destroy (cmd);
    idset_destroy (ids);
    return rc;
}

static int start_timer (struct run *r)
{
    flux_reactor_t *reactor = flux_get_reactor (flux_jobtap_get_flux (r->pl->p));
    double timeout = r->pl->set[r->which].timeout;

    if (!(r->timer = flux_timer_watcher_create (reactor, isfinite (timeout) ? timeout : 1., 0,
                                                on_timer, r)))
        return -1;
    if (isfinite (timeout))
        flux_watcher_start (r->timer);
    return 0;
}

/* Run it for the job; -1: nothing was started. */
static int start (struct perilog *pl, int which, flux_jobid_t id, flux_plugin_arg_t *args)
{
    struct run *r = calloc (1, sizeof (*r));
    json_int_t userid = -1;

    (void)flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I}", "userid", &userid);
    if (!r)
        return -1;
    *r = (struct run){ .pl = pl, .id = id, .which = which };
    if (!(r->failed = idset_create (0, IDSET_FLAG_AUTOGROW)) || start_timer (r) < 0
        || start_all (r, args, (uint32_t)userid) < 0
        || flux_jobtap_job_aux_set (pl->p, id, names[which], r, run_free) < 0) {
        flux_log_error (flux_jobtap_get_flux (pl->p), "%s: %s", rankrun_id (id), names[which]);
        run_free (r);
        return -1;
    }
    return 0;
}

static int start_epilog (struct perilog *pl, flux_jobid_t id)
{
    flux_plugin_arg_t *args;

    if (!pl->set[EPILOG].command || flux_jobtap_job_aux_get (pl->p, id, "epilog")
        || !(args = flux_jobtap_job_lookup (pl->p, id)))
        return 0;
    if (start (pl, EPILOG, id, args) < 0)
        flux_jobtap_raise_exception (pl->p, id, "epilog", 1, "the epilog cannot be started");
    else
        flux_jobtap_event_post_pack (pl->p, id, "epilog-start", "{s:s}", "description",
                                     descriptions[EPILOG]);
    flux_plugin_arg_destroy (args);
    return 0;
}

/* ---- topics ---- */

static flux_jobid_t id_of (flux_plugin_arg_t *args)
{
    json_int_t id = 0;

    (void)flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I}", "id", &id);
    return id;
}

static int state_run (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct perilog *pl = data;
    flux_jobid_t id = id_of (args);

    if (!pl->set[PROLOG].command && !pl->set[EPILOG].command)
        return 0;
    if (flux_jobtap_job_subscribe (p, FLUX_JOBTAP_CURRENT_JOB) < 0)
        return -1;
    if (!pl->set[PROLOG].command || flux_jobtap_job_event_posted (p, id, "prolog-start") == 1)
        return 0;
    if (flux_jobtap_prolog_start (p, descriptions[PROLOG]) < 0)
        return -1;
    if (start (pl, PROLOG, id, args) < 0) {
        flux_jobtap_raise_exception (p, id, "prolog", 0, "the prolog cannot be started");
        flux_jobtap_prolog_finish (p, id, descriptions[PROLOG], 1);
    }
    return 0;
}

/* Begun, and not over? */
static bool is_open (struct perilog *pl, flux_jobid_t id, int which)
{
    static const char *const begin[] = { "prolog-start", "epilog-start" };
    static const char *const end[] = { "prolog-finish", "epilog-finish" };

    return pl->set[which].command && flux_jobtap_job_event_posted (pl->p, id, begin[which]) == 1
           && flux_jobtap_job_event_posted (pl->p, id, end[which]) != 1
           && !flux_jobtap_job_aux_get (pl->p, id, names[which]);
}

/* A job that was there before the instance, or the plugin, was started: what did not end
 * is run again. */
static int job_new (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct perilog *pl = data;
    flux_jobid_t id = id_of (args);
    int state = 0;

    (void)flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "state", &state);
    if (!(state & (FLUX_JOB_STATE_RUN | FLUX_JOB_STATE_CLEANUP)))
        return 0;
    if (flux_jobtap_job_subscribe (p, FLUX_JOBTAP_CURRENT_JOB) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        if (is_open (pl, id, i) && start (pl, i, id, args) < 0)
            flux_jobtap_raise_exception (p, id, names[i], i == PROLOG ? 0 : 1,
                                         "the %s cannot be started", names[i]);
    }
    return 0;
}

static int event_finish (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct perilog *pl = data;
    flux_jobid_t id = id_of (args);

    if (!pl->set[EPILOG].command || flux_jobtap_job_aux_get (p, id, "epilog"))
        return 0;
    if (flux_jobtap_epilog_start (p, descriptions[EPILOG]) < 0)
        return -1;
    if (start (pl, EPILOG, id, args) < 0) {
        flux_jobtap_raise_exception (p, id, "epilog", 1, "the epilog cannot be started");
        flux_jobtap_epilog_finish (p, id, descriptions[EPILOG], 1);
    }
    return 0;
}

static int event_exception (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                            void *data)
{
    struct perilog *pl = data;
    flux_jobid_t id = id_of (args);
    int severity = -1;

    (void)flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:{s:{s:i}}}", "entry", "context",
                                  "severity", &severity);
    for (int i = 0; i < 2 && severity == 0; i++) {
        struct run *r = flux_jobtap_job_aux_get (p, id, names[i]);
        if (r && pl->set[i].cancel)
            cancel (r, "canceled after an exception");
    }
    return 0;
}

static json_t *settings_json (const struct settings *s)
{
    return json_pack ("{s:O s:b s:f s:f s:b}", "command", s->command, "per-rank", s->per_rank,
                      "timeout", isfinite (s->timeout) ? s->timeout : 0., "kill-timeout",
                      s->kill_timeout, "cancel-on-exception", s->cancel);
}

static int query (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct perilog *pl = data;
    json_t *conf = json_object ();
    int rc;

    for (int i = 0; i < 2; i++) {
        if (conf && pl->set[i].command)
            json_object_set_new (conf, names[i], settings_json (&pl->set[i]));
    }
    rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:o}", "conf", conf);
    return rc;
}

static void perilog_free (void *arg)
{
    struct perilog *pl = arg;

    settings_clear (&pl->set[PROLOG]);
    settings_clear (&pl->set[EPILOG]);
    ignore_clear (pl);
    free (pl);
}

int flux_plugin_init (flux_plugin_t *p);

int flux_plugin_init (flux_plugin_t *p)
{
    static const char *const topics[] = {
        "conf.update", "job.new", "job.state.run", "job.event.finish", "job.event.exception",
        "plugin.query", NULL,
    };
    static const flux_plugin_f calls[] = {
        conf_update, job_new, state_run, event_finish, event_exception, query,
    };
    struct perilog *pl = calloc (1, sizeof (*pl));

    if (!pl || flux_plugin_set_name (p, "perilog") < 0
        || flux_plugin_aux_set (p, "perilog", pl, perilog_free) < 0)
        return -1;
    pl->p = p;
    for (int i = 0; topics[i]; i++) {
        if (flux_plugin_add_handler (p, topics[i], calls[i], pl) < 0)
            return -1;
    }
    return 0;
}
