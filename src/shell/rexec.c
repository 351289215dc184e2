/* rexec.c - the subprocess server of the job (RFC 42): UID-shell-JOBID.rexec, for
 * flux exec --jobid and tools that start daemons beside the tasks
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/subprocess_server.h"
#include "shell/builtins.h"
#include "shell/internal.h"

static void server_free (void *arg)
{
    subprocess_server_destroy (arg);
}

static int rexec_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    struct subprocess_server *s;
    char name[128];
    char rank[16];

    // known already: the server need not ask the broker
    snprintf (rank, sizeof (rank), "%u", (unsigned int)shell->info.broker_rank);
    if (flux_attr_set_cacheonly (shell->h, "rank", rank) < 0)
        return -1;
    snprintf (name, sizeof (name), "%s.rexec", shell->service);
    if (!(s = subprocess_server_create (shell->h, name, getenv ("FLUX_URI"), flux_llog, shell->h)))
        return -1;
    if (flux_plugin_aux_set (p, "server", s, server_free) < 0) {
        subprocess_server_destroy (s);
        return -1;
    }
    return 0;
}

/* What still runs ends with the job. */
static int rexec_exit (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    return flux_plugin_aux_set (p, "server", NULL, NULL);
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", rexec_init, NULL },
    { "shell.exit", rexec_exit, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin rexec_builtin = { "rexec", NULL, handlers };
