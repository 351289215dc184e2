/* exception.c - what happens to the job as a whole while it runs
 *
 *   job-exec ──lost {shell_rank, severity}──► each shell: shell.lost
 *   shell ──tasks-done {shell_rank}──► leader: shell.tasks-complete, when all
 *                                      shells have said so or are lost
 *   job-info ──update-watch of R──► shell: shell.resource-update, if a plugin
 *                                   handles it
 */
#define FLUX_SHELL_PLUGIN_NAME "exception"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>

#include "shell/builtins.h"
#include "shell/internal.h"
#include "spec/rset.h"

struct exception {
    flux_shell_t *shell;
    bool *done;                 /* leader: by shell rank */
    int left;                   /* leader: shells with tasks that run */
    struct idset *lost;         /* shell ranks that were told */
    bool awaited;               /* leader: a plugin handles shell.tasks-complete */
    flux_future_t *update;
};

static void exception_free (void *arg)
{
    struct exception *ex = arg;

    flux_future_destroy (ex->update);
    free (ex->done);
    idset_destroy (ex->lost);
    free (ex);
}

/* Completion */

static void shell_done (struct exception *ex, int rank)
{
    if (rank < 0 || rank >= ex->shell->info.nshells || ex->done[rank])
        return;
    ex->done[rank] = true;
    if (--ex->left > 0)
        return;
    if (ex->awaited) {
        plugstack_call (ex->shell->plugstack, "shell.tasks-complete", NULL);
        flux_shell_remove_completion_ref (ex->shell, "tasks-complete");
    }
}

static void tasks_done_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int rank;

    if (flux_request_unpack (msg, NULL, "{s:i}", "shell_rank", &rank) == 0)
        shell_done (arg, rank);
    shell_got_told (h, msg);
}

static int exception_finish (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                             void *data)
{
    struct exception *ex = flux_plugin_aux_get (p, "exception");
    int rank = ex->shell->info.shell_rank;

    if (rank == 0)
        shell_done (ex, 0);
    else
        shell_tell (ex->shell, "tasks-done", 0, json_pack ("{s:i}", "shell_rank", rank));
    return 0;
}

/* Loss */

/* It may be told again when a shell was taken over. */
static bool is_new (struct exception *ex, int rank)
{
    if (rank < 0 || rank >= ex->shell->info.nshells || idset_test (ex->lost, rank))
        return false;
    return idset_set (ex->lost, rank) == 0;
}

static void lost_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exception *ex = arg;
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    int rank;
    int severity;

    if (args
        && flux_request_unpack (msg, NULL, "{s:i s:i}", "shell_rank", &rank, "severity",
                                &severity) == 0
        && is_new (ex, rank)
        && flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:i s:i}", "shell_rank", rank,
                                 "severity", severity) == 0) {
        plugstack_call (ex->shell->plugstack, "shell.lost", args);
        if (ex->shell->info.shell_rank == 0)
            shell_done (ex, rank);
    }
    flux_plugin_arg_destroy (args);
    shell_got_told (h, msg);
}

/* Updates of R */

static void call_update (struct exception *ex, double expiration)
{
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    json_t *execution = json_object_get (ex->shell->info.R_json, "execution");

    rset_set_expiration (ex->shell->info.R, expiration);
    (void)json_object_set_new (execution, "expiration", json_real (expiration));
    if (args && flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:f}", "expiration",
                                      expiration) == 0)
        plugstack_call (ex->shell->plugstack, "shell.resource-update", args);
    flux_plugin_arg_destroy (args);
}

static void update_cb (flux_future_t *f, void *arg)
{
    struct exception *ex = arg;
    double expiration = 0;

    if (flux_rpc_get_unpack (f, "{s:{s:{s?F}}}", "R", "execution", "expiration", &expiration) < 0) {
        if (errno != ENODATA)
            shell_debug ("updates of R cannot be watched: %s", future_strerror (f, errno));
        flux_future_destroy (f);
        ex->update = NULL;
        return;
    }
    if (expiration != rset_expiration (ex->shell->info.R))
        call_update (ex, expiration);
    flux_future_reset (f);
}

static int watch_updates (struct exception *ex)
{
    if (!plugstack_handles (ex->shell->plugstack, "shell.resource-update"))
        return 0;
    ex->update = flux_rpc_pack (ex->shell->h, "job-info.update-watch", FLUX_NODEID_ANY,
                                FLUX_RPC_STREAMING, "{s:I s:s s:i}", "id", ex->shell->info.jobid,
                                "key", "R", "flags", 0);
    return ex->update && flux_future_then (ex->update, -1., update_cb, ex) == 0 ? 0 : -1;
}

/* Set-up */

static int init_leader (struct exception *ex)
{
    struct shell_info *info = &ex->shell->info;

    ex->awaited = plugstack_handles (ex->shell->plugstack, "shell.tasks-complete");
    ex->left = info->nshells;
    if (!(ex->done = calloc (info->nshells, sizeof (ex->done[0])))
        || (ex->awaited && flux_shell_add_completion_ref (ex->shell, "tasks-complete") < 0))
        return -1;
    if (info->nshells == 1)
        return 0;
    return flux_shell_service_register (ex->shell, "tasks-done", tasks_done_cb, ex);
}

static int exception_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct exception *ex = calloc (1, sizeof (*ex));

    if (!ex || flux_plugin_aux_set (p, "exception", ex, exception_free) < 0) {
        free (ex);
        return -1;
    }
    ex->shell = shell;
    if (!(ex->lost = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return -1;
    if (shell->info.shell_rank == 0 && init_leader (ex) < 0)
        return -1;
    if (shell->info.nshells > 1 && flux_shell_service_register (shell, "lost", lost_cb, ex) < 0)
        return -1;
    return watch_updates (ex);
}

static int exception_reconnect (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args,
                                void *data)
{
    struct exception *ex = flux_plugin_aux_get (p, "exception");

    return ex->update ? 0 : watch_updates (ex);
}

/* A job of one shell has nobody to lose, and most have nobody who wants to know. */
static bool exception_wanted (flux_shell_t *shell)
{
    return shell->info.nshells > 1
           || plugstack_handles (shell->plugstack, "shell.tasks-complete")
           || plugstack_handles (shell->plugstack, "shell.resource-update");
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", exception_init, NULL },
    { "shell.finish", exception_finish, NULL },
    { "shell.reconnect", exception_reconnect, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin exception_builtin = { "exception", exception_wanted, handlers };
