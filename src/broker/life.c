/* life.c - what the broker does in each state
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <syslog.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "base/list.h"
#include "broker/jobmemo.h"
#include "broker/kvsdump.h"
#include "broker/life.h"
#include "broker/lifelimits.h"
#include "broker/proc.h"
#include "broker/rcextra.h"
#include "broker/sdnotify.h"
#include "broker/startlog.h"
#include "broker/stopjobs.h"

#define SAME_SIGNAL 0.3       /* one to us and one to our group are one */
#define JOIN_WARN 30.0        /* how long a parent may be away unnoticed */
#define JOIN_WARN_AGAIN 600.0
#define RC1_PATIENCE 1.0      /* how long start-up may go on after a signal */

struct command {
    struct list_node node;
    char *line;
};

struct life {
    struct life_args args;
    struct statemachine *sm;
    struct proc *proc;             /* the one process of the present state */
    struct jobmemo *jobmemo;
    struct sdnotify *sdnotify;
    struct startlog *startlog;
    const char *proc_name;         /* "rc1", ... */
    struct list_node cleanups;
    struct stopjobs *stopjobs;
    bool jobs_stopped;
    bool force_cleanup;
    bool cleanup_failed;
    bool rc1_begun;
    bool in_runlevel_run;
    bool parent_gone;
    bool shutdown_asked;
    char *restore_path;
    char *dump_path;
    int goodbye_holds;
    bool goodbye_forced;
    struct lifelimits limits;
    int online;
    flux_watcher_t *warn;          /* of the present state */
    flux_watcher_t *timeout;
    int exit_code;
    int final_code;                /* what goes before exit_code, or -1 */
    int signals;                   /* terminating signals so far */
    double signal_time;
};

static void start_cleanup (struct life *l);
static void stop_cleanup (struct life *l);
static void give_up_modules (struct life *l);

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
        stop_cleanup (l);
        break;
    case RUNLEVEL_FINALIZE:
        give_up_modules (l);
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

static void arm (flux_watcher_t *w, double after, double repeat)
{
    flux_watcher_stop (w);
    if (isfinite (after) && after > 0) {
        flux_timer_watcher_reset (w, after, repeat);
        flux_watcher_start (w);
    }
}

/* --- processes --- */

static void on_output (void *arg, bool is_stderr, const char *line)
{
    struct life *l = arg;
    broker_logf (l->args.log, is_stderr ? LOG_ERR : LOG_INFO, "%s.0: %s",
                 l->proc_name, line);
}

/* Run words, which are freed, with their output in the log. */
static int run_words (struct life *l, const char *name, char **argv, proc_exit_f on_exit)
{
    struct proc_args pa = {
        .argv = argv,
        .envp = environment_array (l->args.env),
        .setpgrp = true,
        .on_exit = on_exit,
        .output = on_output,
        .arg = l,
    };
    flux_error_t err;

    l->proc_name = name;
    if (!argv || !pa.envp || !(l->proc = proc_start (flux_get_reactor (l->args.h),
                                                     &pa, &err))) {
        broker_logf (l->args.log, LOG_ERR, "%s: %s", name,
                     argv ? err.text : "out of memory");
        free_argv (argv);
        return -1;
    }
    free_argv (argv);
    return 0;
}

/* The same of a command line. */
static int run_logged (struct life *l, const char *name, const char *command,
                       proc_exit_f on_exit)
{
    broker_logf (l->args.log, LOG_DEBUG, "%s: %s", name, command);
    return run_words (l, name, proc_command_argv (command), on_exit);
}

/* What FLUX_RC_EXTRA adds to rc1, rc3.  False: nothing. */
static bool run_extra (struct life *l, const char *name, const char *sub, bool all,
                       proc_exit_f on_exit)
{
    char *command = rcextra_command (getenv ("FLUX_RC_EXTRA"), sub, all);
    char **argv = command ? calloc (4, sizeof (*argv)) : NULL;

    if (!argv || !(argv[0] = strdup ("/bin/sh")) || !(argv[1] = strdup ("-c"))) {
        free_argv (argv);
        free (command);
        return false;
    }
    argv[2] = command;
    return run_words (l, name, argv, on_exit) == 0;
}

/* Log how it ended and remember the first failure as our own. */
static int ended (struct life *l, int status)
{
    int code = proc_exit_code (status);
    int level = code ? LOG_ERR : LOG_INFO;

    l->proc = NULL;
    if (WIFSIGNALED (status))
        broker_logf (l->args.log, level, "%s.0: %s (rc=%d)", l->proc_name,
                     strsignal (WTERMSIG (status)), code);
    else
        broker_logf (l->args.log, level, "%s.0: exited (rc=%d)", l->proc_name, code);
    if (code && l->exit_code == 0)
        l->exit_code = code;
    return code;
}

/* --- join --- */

static void parent_state (void *arg, enum runlevel level)
{
    struct life *l = arg;

    if (level >= RUNLEVEL_SHUTDOWN)
        statemachine_post (l->sm, "shutdown");
    else if (level >= RUNLEVEL_QUORUM) {
        if (statemachine_get (l->sm) == RUNLEVEL_JOIN)
            statemachine_post (l->sm, "parent-ready");
        l->in_runlevel_run = level >= RUNLEVEL_RUN;
        if (l->in_runlevel_run && statemachine_get (l->sm) == RUNLEVEL_QUORUM)
            statemachine_post (l->sm, "quorum-full");
    }
}

static void enter_join (struct life *l)
{
    flux_error_t err;

    if (l->args.rank == 0)
        statemachine_post (l->sm, "parent-none");
    else if (overlay_join (l->args.overlay, &err) < 0) {
        broker_logf (l->args.log, LOG_ERR, "%s", err.text);
        l->exit_code = 1;
        statemachine_post (l->sm, "parent-fail");
    }
    else
        arm (l->warn, JOIN_WARN, JOIN_WARN_AGAIN);
}

void life_parent (struct life *l, int rc, const char *text)
{
    if (rc == 0) {
        modhost_cache_attr (l->args.modhost, "hostlist",
                            attrs_get (l->args.attrs, "hostlist", NULL));
        if (statemachine_follow_parent (l->sm, parent_state, l) < 0)
            statemachine_post (l->sm, "parent-fail");
        return;
    }
    l->parent_gone = true;
    config_unsync (l->args.config);
    if (statemachine_get (l->sm) < RUNLEVEL_SHUTDOWN) {
        broker_logf (l->args.log, LOG_CRIT, "%s", text);
        if (l->exit_code == 0)
            l->exit_code = 1;
        l->final_code = lifelimits_exit_code (l->args.attrs, "broker.exit-restart");
    }
    statemachine_post (l->sm, "parent-fail");
}

static void sync_done (void *arg, int rc, const char *text)
{
    struct life *l = arg;

    if (rc < 0)
        broker_logf (l->args.log, LOG_ERR, "configuration from the parent: %s", text);
    statemachine_post (l->sm, rc < 0 ? "sync-fail" : "sync-success");
}

static void enter_config_sync (struct life *l)
{
    if (l->args.rank == 0)
        statemachine_post (l->sm, "sync-none");
    else if (config_sync (l->args.config, sync_done, l) < 0)
        statemachine_post (l->sm, "sync-fail");
}

/* --- rc1 --- */

static void start_logged (void *arg)
{
    struct life *l = arg;

    statemachine_post (l->sm, "rc1-success");
}

/* rc1 did its work; with the KVS there is a record of it. */
static void rc1_success (struct life *l)
{
    if (l->args.rank == 0 && modhost_find (l->args.modhost, "kvs")
        && (l->startlog = startlog_start (l->args.h, l->args.attrs, l->args.log, start_logged, l)))
        return;
    start_logged (l);
}

static void rc1_over (struct life *l, int code, const char *text)
{
    if (code == 0)
        rc1_success (l);
    else if (attrs_get (l->args.attrs, "broker.recovery-mode", NULL)) {
        l->exit_code = 0;
        statemachine_post (l->sm, "rc1-ignorefail");
    }
    else {
        if (text)
            broker_logf (l->args.log, LOG_ERR, "rc1: %s", text);
        if (l->exit_code == 0)
            l->exit_code = 1;
        statemachine_post (l->sm, "rc1-fail");
    }
}

static void rc1_exited (void *arg, int status)
{
    rc1_over (arg, ended (arg, status), NULL);
}

static void rc1_loaded (void *arg, int rc, const char *text)
{
    if (rc < 0 || !run_extra (arg, "rc1", "rc1.d", false, rc1_exited))
        rc1_over (arg, rc, text);
}

static void restored (void *arg, int status)
{
    struct life *l = arg;
    int code = ended (l, status);

    if (code != 0) {
        rc1_over (l, code, "content.restore: the KVS cannot be restored");
        return;
    }
    kvsdump_restored (l->args.attrs);
    modhost_load_defaults (l->args.modhost, rc1_loaded, l);
}

/* The content service is there, the KVS is not. */
static void content_loaded (void *arg, int rc, const char *text)
{
    struct life *l = arg;

    if (rc < 0)
        rc1_over (l, rc, text);
    else if (run_words (l, "restore", kvsdump_restore_argv (l->restore_path), restored) < 0)
        rc1_over (l, 1, NULL);
}

/* The first rank may begin with what was dumped. */
static void load_modules (struct life *l)
{
    static const char *const first[] = { "content", "content-sqlite", NULL };
    struct modconf *mc;
    json_t *plan;
    flux_error_t err = { 0 };

    if (l->args.rank > 0) {
        modhost_load_defaults (l->args.modhost, rc1_loaded, l);
        return;
    }
    if (kvsdump_restore_path (l->args.attrs, &l->restore_path, &err) < 0) {
        rc1_over (l, 1, err.text);
        return;
    }
    if (!l->restore_path) {
        modhost_load_defaults (l->args.modhost, rc1_loaded, l);
        return;
    }
    mc = modhost_conf (l->args.modhost, &err);
    plan = mc ? modconf_plan (mc, first, &err) : NULL;
    if (plan)
        modhost_load_plan (l->args.modhost, plan, content_loaded, l);
    else
        rc1_over (l, 1, err.text);
    json_decref (plan);
    modconf_free (mc);
}

static void enter_init (struct life *l)
{
    const char *path = attrs_get (l->args.attrs, "broker.rc1_path", NULL);

    l->rc1_begun = true;
    if (!path)
        load_modules (l);
    else if (path[0] == '\0')
        statemachine_post (l->sm, "rc1-none");
    else if (run_logged (l, "rc1", path, rc1_exited) < 0)
        rc1_over (l, 1, NULL);
}

/* --- quorum --- */

static void online_changes (void *arg, const struct idset *members)
{
    struct life *l = arg;

    l->online = idset_count (members);
    if (l->online >= l->limits.quorum && statemachine_get (l->sm) == RUNLEVEL_QUORUM)
        statemachine_post (l->sm, "quorum-full");
}

static void enter_quorum (struct life *l)
{
    if (groups_join (l->args.groups, "broker.online") < 0) {
        statemachine_post (l->sm, "quorum-fail");
        return;
    }
    if (l->args.rank > 0) {
        if (l->in_runlevel_run)
            statemachine_post (l->sm, "quorum-full");
        return;
    }
    arm (l->warn, l->limits.quorum_warn, 0);
    (void)groups_watch (l->args.groups, "broker.online", online_changes, l);
}

/* --- the initial program --- */

static void rc2_exited (void *arg, int status)
{
    struct life *l = arg;
    int code = proc_exit_code (status);

    l->proc = NULL;
    if (WIFSIGNALED (status))
        broker_logf (l->args.log, LOG_INFO, "rc2.0: %s (rc=%d)",
                     strsignal (WTERMSIG (status)), code);
    else
        broker_logf (l->args.log, LOG_INFO, "rc2.0: exited (rc=%d)", code);
    l->exit_code = code;
    statemachine_post (l->sm, code ? "rc2-fail" : "rc2-success");
}

static char **rc2_argv (struct life *l, bool *interactive)
{
    const char *shell = getenv ("SHELL");
    char *argv[] = { (char *)(shell && *shell ? shell : "/bin/sh"), NULL };

    *interactive = l->args.argc == 0;
    if (l->args.argc == 0)
        return proc_shell_argv (1, argv);
    return proc_shell_argv (l->args.argc, l->args.argv);
}

static int start_rc2 (struct life *l)
{
    bool interactive;
    char **argv = rc2_argv (l, &interactive);
    struct proc_args pa = {
        .argv = argv,
        .envp = environment_array (l->args.env),
        .on_exit = rc2_exited,
        .arg = l,
    };
    flux_error_t err;

    if (interactive && !isatty (STDIN_FILENO)) {
        broker_logf (l->args.log, LOG_ERR, "rc2: standard input is not a terminal, so"
                     " an interactive shell cannot run: name an initial program");
        free_argv (argv);
        return -1;
    }
    pa.setpgrp = attrs_get (l->args.attrs, "broker.rc2_pgrp", NULL)
                 || getpgrp () != getpid ();
    pa.foreground = pa.setpgrp;
    if (!argv || !pa.envp
        || !(l->proc = proc_start (flux_get_reactor (l->args.h), &pa, &err))) {
        broker_logf (l->args.log, LOG_ERR, "rc2: %s", argv ? err.text : "out of memory");
        free_argv (argv);
        return -1;
    }
    free_argv (argv);
    l->proc_name = "rc2";
    return 0;
}

static void enter_run (struct life *l)
{
    if (l->args.rank == 0)
        l->jobmemo = jobmemo_post (l->args.h, l->args.attrs, l->args.log);
    if (l->args.rank > 0 || attrs_get (l->args.attrs, "broker.rc2_none", NULL)) {
        statemachine_post (l->sm, "rc2-none");
        return;
    }
    if (start_rc2 (l) < 0) {
        l->exit_code = errno == ENOENT ? 127 : 1;
        statemachine_post (l->sm, "rc2-fail");
    }
}

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

static void cleanup_exited (void *arg, int status)
{
    struct life *l = arg;

    if (ended (l, status) != 0)
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
        int rc = run_logged (l, "cleanup", c->line, cleanup_exited);
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

/* Wait no more for what cleanup does. */
static void stop_cleanup (struct life *l)
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

static void enter_cleanup (struct life *l)
{
    if (l->args.rank > 0
        || (list_empty (&l->cleanups) && !modhost_find (l->args.modhost, "job-manager"))) {
        statemachine_post (l->sm, "cleanup-none");
        return;
    }
    if (l->signals > 0)
        arm (l->timeout, l->limits.cleanup_timeout, 0);
    start_cleanup (l);
}

/* --- shutdown --- */

static void enter_shutdown (struct life *l)
{
    (void)groups_watch (l->args.groups, "broker.online", NULL, NULL);
    (void)groups_leave (l->args.groups, "broker.online");
    overlay_set_accepting (l->args.overlay, false);
    if (overlay_child_count (l->args.overlay) == 0) {
        statemachine_post (l->sm, "children-none");
        return;
    }
    arm (l->warn, l->limits.shutdown_warn, l->limits.shutdown_warn);
    arm (l->timeout, l->limits.shutdown_timeout, 0);
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
    arm (l->timeout, l->limits.unload_timeout, 0);
    modhost_remove_all (l->args.modhost, rc3_removed, l);
}

/* A module that runs on cannot be taken apart around it. */
static void give_up_modules (struct life *l)
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

    if (ended (l, status) == 0 && kvsdump_done (l->args.attrs, l->dump_path, &err) < 0)
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
            && run_words (l, "dump", kvsdump_argv (l->dump_path), dumped) == 0)
            return;
    }
    remove_modules (l);
}

/* Whatever a script did, no module outlives this state. */
static void rc3_exited (void *arg, int status)
{
    struct life *l = arg;

    ended (l, status);
    dump_and_remove (l);
}

static void start_rc3 (void *arg)
{
    struct life *l = arg;
    const char *path = attrs_get (l->args.attrs, "broker.rc3_path", NULL);

    if (!path && run_extra (l, "rc3", "rc3.d", true, rc3_exited))
        return;
    if (!path || path[0] == '\0' || run_logged (l, "rc3", path, rc3_exited) < 0)
        dump_and_remove (l);
}

static void enter_finalize (struct life *l)
{
    if (!l->rc1_begun)
        statemachine_post (l->sm, "rc3-none");
    else if (l->startlog && modhost_find (l->args.modhost, "kvs"))
        startlog_finish (l->startlog, start_rc3, l);
    else
        start_rc3 (l);
}

static void progress (void *arg, const char *status)
{
    struct life *l = arg;

    sdnotify_status (l->sdnotify, status);
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

static void enter_unload (struct life *l)
{
    modhost_stop_core (l->args.modhost);
    if (l->args.rank > 0 && !l->parent_gone)
        overlay_leave (l->args.overlay);
    statemachine_post (l->sm, "builtins-done");
}

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
        enter_join (l);
        break;
    case RUNLEVEL_CONFIG_SYNC:
        enter_config_sync (l);
        break;
    case RUNLEVEL_INIT:
        enter_init (l);
        break;
    case RUNLEVEL_QUORUM:
        enter_quorum (l);
        break;
    case RUNLEVEL_RUN:
        enter_run (l);
        break;
    case RUNLEVEL_CLEANUP:
        enter_cleanup (l);
        break;
    case RUNLEVEL_SHUTDOWN:
        enter_shutdown (l);
        break;
    case RUNLEVEL_FINALIZE:
        enter_finalize (l);
        break;
    case RUNLEVEL_GOODBYE:
        if (l->goodbye_holds == 0 || l->goodbye_forced)
            statemachine_post (l->sm, "goodbye");
        break;
    case RUNLEVEL_UNLOAD_BUILTINS:
        enter_unload (l);
        break;
    case RUNLEVEL_EXIT:
        flux_reactor_stop (flux_get_reactor (l->args.h));
        break;
    default:
        break;
    }
}

/* --- from outside --- */

/* While the initial program runs, it is told first, and its end is what takes
 * the broker out of run state. */
static void begin_shutdown (struct life *l)
{
    if (statemachine_get (l->sm) == RUNLEVEL_RUN && l->proc) {
        proc_kill (l->proc, l->shutdown_asked ? SIGKILL : SIGHUP);
        proc_kill (l->proc, SIGCONT);
    }
    else
        statemachine_post (l->sm, "shutdown");
    l->shutdown_asked = true;
}

void life_shutdown (struct life *l)
{
    l->final_code = lifelimits_exit_code (l->args.attrs, "broker.exit-norestart");
    begin_shutdown (l);
}

/* The first signal ends what the state is about, in good order. */
static void end_state (struct life *l, int signum)
{
    switch (statemachine_get (l->sm)) {
    case RUNLEVEL_INIT:
        if (l->proc)
            proc_kill (l->proc, signum);
        else
            arm (l->timeout, RC1_PATIENCE, 0);
        begin_shutdown (l);
        break;
    case RUNLEVEL_CLEANUP:
        if (l->proc)
            proc_kill (l->proc, signum);
        arm (l->timeout, l->limits.cleanup_timeout, 0);
        break;
    case RUNLEVEL_FINALIZE:
        if (l->proc)
            proc_kill (l->proc, signum);
        break;
    case RUNLEVEL_GOODBYE:
        statemachine_post (l->sm, "goodbye");
        break;
    default:
        begin_shutdown (l);
    }
    l->goodbye_forced = true;
}

/* Each further one ends it by force. */
static void force_state (struct life *l)
{
    switch (statemachine_get (l->sm)) {
    case RUNLEVEL_INIT:
        if (l->proc)
            proc_kill (l->proc, SIGKILL);
        else
            statemachine_post (l->sm, "rc1-fail");
        break;
    case RUNLEVEL_CLEANUP:
        stop_cleanup (l);
        break;
    case RUNLEVEL_SHUTDOWN:
        statemachine_post (l->sm, "children-timeout");
        break;
    case RUNLEVEL_FINALIZE:
        if (l->proc)
            proc_kill (l->proc, SIGKILL);
        else
            give_up_modules (l);
        break;
    case RUNLEVEL_GOODBYE:
        statemachine_post (l->sm, "goodbye");
        break;
    default:
        begin_shutdown (l);
    }
}

/* The exit code of a program that is not going to run must not be 0. */
static void note_no_program (struct life *l, int signum)
{
    if (l->args.rank == 0 && statemachine_get (l->sm) < RUNLEVEL_RUN && l->exit_code == 0
        && !attrs_get (l->args.attrs, "broker.rc2_none", NULL))
        l->exit_code = 128 + signum;
}

void life_signal (struct life *l, int signum)
{
    flux_reactor_t *r = flux_get_reactor (l->args.h);

    broker_logf (l->args.log, LOG_INFO, "signal %d (%s)", signum, strsignal (signum));
    flux_reactor_now_update (r);
    if (l->signals > 0 && flux_reactor_now (r) - l->signal_time < SAME_SIGNAL)
        return;
    l->signal_time = flux_reactor_now (r);
    note_no_program (l, signum);
    if (l->signals++ == 0)
        end_state (l, signum);
    else
        force_state (l);
}

static void forwarded (flux_future_t *f, void *arg)
{
    struct life *l = arg;

    if (flux_future_get (f, NULL) < 0 && errno != ENOSYS)
        broker_logf (l->args.log, LOG_ERR, "a signal was not passed on to jobs: %s",
                     future_strerror (f, errno));
    flux_future_destroy (f);
}

void life_forward_signal (struct life *l, int signum)
{
    flux_future_t *f;

    if (l->args.rank > 0 || statemachine_get (l->sm) != RUNLEVEL_RUN)
        return;
    broker_logf (l->args.log, LOG_INFO, "signal %d (%s): to all jobs", signum, strsignal (signum));
    f = flux_rpc_pack (l->args.h, "job-manager.killall", 0, 0, "{s:b s:i s:i}", "dry_run", 0,
                       "userid", -1, "signum", signum);
    if (!f || flux_future_then (f, -1., forwarded, l) < 0) {
        broker_logf (l->args.log, LOG_ERR, "a signal was not passed on to jobs: %s",
                     flux_strerror (errno));
        flux_future_destroy (f);
    }
}

void life_panic (struct life *l, const char *text)
{
    broker_logf (l->args.log, LOG_CRIT, "%s", text);
    if (l->exit_code == 0)
        l->exit_code = 1;
    if (l->proc && statemachine_get (l->sm) == RUNLEVEL_RUN)
        begin_shutdown (l);
    else
        statemachine_post (l->sm, "panic");
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
    list_foreach (&l->cleanups, n) {
        struct command *c = list_entry (n, struct command, node);
        free (c->line);
        free (c);
    }
    free (l);
}
