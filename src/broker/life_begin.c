/* life_begin.c - join, rc1, quorum, the initial program
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "broker/jobmemo.h"
#include "broker/kvsdump.h"
#include "broker/life_private.h"
#include "broker/startlog.h"

#define JOIN_WARN 30.0        /* how long a parent may be away unnoticed */
#define JOIN_WARN_AGAIN 600.0

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

void life_enter_join (struct life *l)
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
        life_arm (l->warn, JOIN_WARN, JOIN_WARN_AGAIN);
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

void life_enter_config_sync (struct life *l)
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
    rc1_over (arg, life_ended (arg, status), NULL);
}

static void rc1_loaded (void *arg, int rc, const char *text)
{
    if (rc < 0 || !life_run_extra (arg, "rc1", "rc1.d", false, rc1_exited))
        rc1_over (arg, rc, text);
}

static void restored (void *arg, int status)
{
    struct life *l = arg;
    int code = life_ended (l, status);

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
    else if (life_run_words (l, "restore", kvsdump_restore_argv (l->restore_path), restored) < 0)
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

void life_enter_init (struct life *l)
{
    const char *path = attrs_get (l->args.attrs, "broker.rc1_path", NULL);

    l->rc1_begun = true;
    if (!path)
        load_modules (l);
    else if (path[0] == '\0')
        statemachine_post (l->sm, "rc1-none");
    else if (life_run_logged (l, "rc1", path, rc1_exited) < 0)
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

void life_enter_quorum (struct life *l)
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
    life_arm (l->warn, l->limits.quorum_warn, 0);
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

void life_enter_run (struct life *l)
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
