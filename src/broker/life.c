/* life.c - what the broker does in each state
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "broker/jobmemo.h"
#include "broker/life_private.h"
#include "broker/sdnotify.h"
#include "broker/startlog.h"
#include "broker/stopjobs.h"

/* --- timers of a state --- */

static void on_timeout (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct life *l = arg;

    switch (statemachine_get (l->sm)) {
    case RUNLEVEL_INIT:
        statemachine_post (l->sm, "rc1-fail");
        break;
    case RUNLEVEL_CLEANUP:
        broker_logf (l->args.log, LOG_ERR, "cleanup timed out");
        life_stop_cleanup (l);
        break;
    case RUNLEVEL_FINALIZE:
        life_give_up_modules (l);
        break;
    case RUNLEVEL_SHUTDOWN:
        broker_logf (l->args.log, LOG_ERR, "shutdown timed out: giving up on %d"
                     " children", overlay_child_count (l->args.overlay));
        statemachine_post (l->sm, "children-timeout");
        break;
    default:
        break;
    }
}

static void on_warn (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct life *l = arg;
    char *ranks;

    switch (statemachine_get (l->sm)) {
    case RUNLEVEL_JOIN:
        broker_logf (l->args.log, LOG_CRIT, "join delayed: the parent cannot be reached at %s"
                     " yet; trying on", attrs_get (l->args.attrs, "tbon.parent-endpoint", NULL));
        break;
    case RUNLEVEL_QUORUM:
        broker_logf (l->args.log, LOG_ERR, "quorum delayed: %d of %d brokers are"
                     " online", l->online, l->limits.quorum);
        break;
    case RUNLEVEL_SHUTDOWN:
        ranks = overlay_child_ranks (l->args.overlay);
        broker_logf (l->args.log, LOG_ERR, "shutdown delayed: waiting for rank(s) %s",
                     ranks ? ranks : "?");
        free (ranks);
        break;
    default:
        break;
    }
}

void life_arm (flux_watcher_t *w, double after, double repeat)
{
    flux_watcher_stop (w);
    if (isfinite (after) && after > 0) {
        flux_timer_watcher_reset (w, after, repeat);
        flux_watcher_start (w);
    }
}

/* --- states --- */

static void enter_load_builtins (struct life *l)
{
    flux_error_t err;

    if (modhost_start_core (l->args.modhost, &err) < 0) {
        broker_logf (l->args.log, LOG_ERR, "%s", err.text);
        l->exit_code = 1;
        statemachine_post (l->sm, "builtins-fail");
        return;
    }
    statemachine_post (l->sm, "builtins-success");
}

static void enter (void *arg, enum runlevel level)
{
    struct life *l = arg;

    flux_watcher_stop (l->warn);
    flux_watcher_stop (l->timeout);
    sdnotify_state (l->sdnotify, level);
    switch (level) {
    case RUNLEVEL_LOAD_BUILTINS:
        enter_load_builtins (l);
        break;
    case RUNLEVEL_JOIN:
        life_enter_join (l);
        break;
    case RUNLEVEL_CONFIG_SYNC:
        life_enter_config_sync (l);
        break;
    case RUNLEVEL_INIT:
        life_enter_init (l);
        break;
    case RUNLEVEL_QUORUM:
        life_enter_quorum (l);
        break;
    case RUNLEVEL_RUN:
        life_enter_run (l);
        break;
    case RUNLEVEL_CLEANUP:
        life_enter_cleanup (l);
        break;
    case RUNLEVEL_SHUTDOWN:
        life_enter_shutdown (l);
        break;
    case RUNLEVEL_FINALIZE:
        life_enter_finalize (l);
        break;
    case RUNLEVEL_GOODBYE:
        if (l->goodbye_holds == 0 || l->goodbye_forced)
            statemachine_post (l->sm, "goodbye");
        break;
    case RUNLEVEL_UNLOAD_BUILTINS:
        life_enter_unload (l);
        break;
    case RUNLEVEL_EXIT:
        flux_reactor_stop (flux_get_reactor (l->args.h));
        break;
    default:
        break;
    }
}

void life_start (struct life *l)
{
    statemachine_post (l->sm, "start");
}

struct statemachine *life_statemachine (struct life *l)
{
    return l->sm;
}

int life_exit_code (const struct life *l)
{
    return l->final_code >= 0 ? l->final_code : l->exit_code;
}

/* --- set up --- */

static void progress (void *arg, const char *status)
{
    struct life *l = arg;

    sdnotify_status (l->sdnotify, status);
}

struct life *life_new (const struct life_args *args, flux_error_t *err)
{
    struct life *l = calloc (1, sizeof (*l));
    flux_reactor_t *r = flux_get_reactor (args->h);
    int rc;

    if (!l) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    l->args = *args;
    l->final_code = -1;
    list_init (&l->cleanups);
    if ((rc = lifelimits_read (&l->limits, args->attrs, args->size, err)) < 0
        || (rc = sdnotify_new (args->attrs, &l->sdnotify, err)) < 0) {
        life_free (l);
        errno = -rc;
        return NULL;
    }
    if (!(l->warn = flux_timer_watcher_create (r, 0, 0, on_warn, l))
        || !(l->timeout = flux_timer_watcher_create (r, 0, 0, on_timeout, l))
        || !(l->sm = statemachine_new (args->h, args->log, enter, l))) {
        errmsg (err, -errno, "%s", strerror (errno));
        life_free (l);
        return NULL;
    }
    statemachine_on_status (l->sm, progress);
    return l;
}

void life_free (struct life *l)
{
    if (!l)
        return;
    statemachine_free (l->sm);
    jobmemo_free (l->jobmemo);
    free (l->restore_path);
    free (l->dump_path);
    startlog_free (l->startlog);
    sdnotify_free (l->sdnotify);
    stopjobs_free (l->stopjobs);
    flux_watcher_destroy (l->warn);
    flux_watcher_destroy (l->timeout);
    proc_free (l->proc);
    life_clear_cleanups (l);
    free (l);
}
