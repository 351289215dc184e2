/* life_end.c - cleanup, shutdown, rc3, the end
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "broker/kvsdump.h"
#include "broker/life_private.h"
#include "broker/startlog.h"
#include "broker/stopjobs.h"

struct command {
    struct list_node node;
    char *line;
};

static void start_cleanup (struct life *l);

/* --- cleanup --- */

int life_push_cleanup (struct life *l, const char *line)
{
    struct command *c = calloc (1, sizeof (*c));

    if (!c || !(c->line = strdup (line))) {
        free (c);
        return -ENOMEM;
    }
    list_init (&c->node);
    list_prepend (&l->cleanups, &c->node);
    return 0;
}

void life_clear_cleanups (struct life *l)
{
    list_foreach (&l->cleanups, n) {
        struct command *c = list_entry (n, struct command, node);
        free (c->line);
        free (c);
    }
}

static void cleanup_exited (void *arg, int status)
{
    struct life *l = arg;

    if (life_ended (l, status) != 0)
        l->cleanup_failed = true;
    start_cleanup (l);
}

static void jobs_over (void *arg, int rc, const char *text)
{
    struct life *l = arg;

    if (rc < 0) {
        broker_logf (l->args.log, LOG_ERR, "cleanup: ending the jobs: %s",
                     text ? text : strerror (-rc));
        l->cleanup_failed = true;
    }
    start_cleanup (l);
}

/* Last of all, what the commands of cleanup left running; true if that is to be
 * waited for. */
static bool stop_jobs (struct life *l)
{
    if (l->jobs_stopped || !modhost_find (l->args.modhost, "job-manager"))
        return false;
    l->jobs_stopped = true;
    if ((l->stopjobs = stopjobs_begin (l->args.h, jobs_over, l)))
        return true;
    broker_logf (l->args.log, LOG_ERR, "cleanup: ending the jobs: %s", strerror (errno));
    l->cleanup_failed = true;
    return false;
}

static void start_cleanup (struct life *l)
{
    while (!l->force_cleanup && !list_empty (&l->cleanups)) {
        struct command *c = list_entry (l->cleanups.next, struct command, node);
        int rc = life_run_logged (l, "cleanup", c->line, cleanup_exited);
        list_del (&c->node);
        free (c->line);
        free (c);
        if (rc == 0)
            return;
        l->cleanup_failed = true;
    }
    if (!l->force_cleanup && stop_jobs (l))
        return;
    statemachine_post (l->sm, l->cleanup_failed ? "cleanup-fail" : "cleanup-success");
}

void life_stop_cleanup (struct life *l)
{
    l->force_cleanup = l->cleanup_failed = true;
    if (l->proc)
        proc_kill (l->proc, SIGKILL);
    else {
        stopjobs_free (l->stopjobs);
        l->stopjobs = NULL;
        statemachine_post (l->sm, "cleanup-fail");
    }
}

void life_enter_cleanup (struct life *l)
{
    if (l->args.rank > 0
        || (list_empty (&l->cleanups) && !modhost_find (l->args.modhost, "job-manager"))) {
        statemachine_post (l->sm, "cleanup-none");
        return;
    }
    if (l->signals > 0)
        life_arm (l->timeout, l->limits.cleanup_timeout, 0);
    start_cleanup (l);
}

/* --- shutdown --- */

void life_enter_shutdown (struct life *l)
{
    (void)groups_watch (l->args.groups, "broker.online", NULL, NULL);
    (void)groups_leave (l->args.groups, "broker.online");
    overlay_set_accepting (l->args.overlay, false);
    if (overlay_child_count (l->args.overlay) == 0) {
        statemachine_post (l->sm, "children-none");
        return;
    }
    life_arm (l->warn, l->limits.shutdown_warn, l->limits.shutdown_warn);
    life_arm (l->timeout, l->limits.shutdown_timeout, 0);
}

void life_children (struct life *l)
{
    if (statemachine_get (l->sm) == RUNLEVEL_SHUTDOWN
        && overlay_child_count (l->args.overlay) == 0)
        statemachine_post (l->sm, "children-complete");
}

/* --- rc3 --- */

static void rc3_removed (void *arg, int rc, const char *text)
{
    struct life *l = arg;

    if (rc < 0)
        broker_logf (l->args.log, LOG_ERR, "rc3: %s", text);
    statemachine_post (l->sm, rc < 0 ? "rc3-fail" : "rc3-success");
}

static void remove_modules (struct life *l)
{
    life_arm (l->timeout, l->limits.unload_timeout, 0);
    modhost_remove_all (l->args.modhost, rc3_removed, l);
}

void life_give_up_modules (struct life *l)
{
    struct list_node *n = modhost_list (l->args.modhost)->prev;

    if (n != modhost_list (l->args.modhost))
        broker_logf (l->args.log, LOG_CRIT, "rc3: module %s does not end: the broker exits"
                     " without it", list_entry (n, struct module, node)->name);
    l->args.give_up (l->args.arg, l->exit_code ? l->exit_code : 1);
}

static void dumped (void *arg, int status)
{
    struct life *l = arg;
    flux_error_t err;

    if (life_ended (l, status) == 0 && kvsdump_done (l->args.attrs, l->dump_path, &err) < 0)
        broker_logf (l->args.log, LOG_ERR, "%s", err.text);
    remove_modules (l);
}

/* The KVS goes to a file first, if that is wanted. */
static void dump_and_remove (struct life *l)
{
    flux_error_t err;

    if (l->args.rank == 0 && modhost_find (l->args.modhost, "kvs")) {
        if (kvsdump_path (l->args.attrs, &l->dump_path, &err) < 0)
            broker_logf (l->args.log, LOG_ERR, "%s", err.text);
        if (l->dump_path
            && life_run_words (l, "dump", kvsdump_argv (l->dump_path), dumped) == 0)
            return;
    }
    remove_modules (l);
}

/* Whatever a script did, no module outlives this state. */
static void rc3_exited (void *arg, int status)
{
    struct life *l = arg;

    life_ended (l, status);
    dump_and_remove (l);
}

static void start_rc3 (void *arg)
{
    struct life *l = arg;
    const char *path = attrs_get (l->args.attrs, "broker.rc3_path", NULL);

    if (!path && life_run_extra (l, "rc3", "rc3.d", true, rc3_exited))
        return;
    if (!path || path[0] == '\0' || life_run_logged (l, "rc3", path, rc3_exited) < 0)
        dump_and_remove (l);
}

void life_enter_finalize (struct life *l)
{
    if (!l->rc1_begun)
        statemachine_post (l->sm, "rc3-none");
    else if (l->startlog && modhost_find (l->args.modhost, "kvs"))
        startlog_finish (l->startlog, start_rc3, l);
    else
        start_rc3 (l);
}

/* --- the end --- */

void life_hold_goodbye (struct life *l)
{
    l->goodbye_holds++;
}

void life_release_goodbye (struct life *l)
{
    if (--l->goodbye_holds == 0 && statemachine_get (l->sm) == RUNLEVEL_GOODBYE)
        statemachine_post (l->sm, "goodbye");
}

void life_enter_unload (struct life *l)
{
    modhost_stop_core (l->args.modhost);
    if (l->args.rank > 0 && !l->parent_gone)
        overlay_leave (l->args.overlay);
    statemachine_post (l->sm, "builtins-done");
}
