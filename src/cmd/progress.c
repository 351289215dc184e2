/* progress.c - see progress.h
 */
#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/progress.h"

void progress_init (struct progress *pr, optparse_t *p, flux_t *h, const char *verb)
{
    *pr = (struct progress){
        .verb = verb,
        .quiet = optparse_hasopt (p, "quiet"),
        .verbose = optparse_hasopt (p, "verbose"),
        .notify = optparse_hasopt (p, "sd-notify") ? h : NULL,
    };
}

/* The broker passes it on to systemd, if that listens. */
static void tell_broker (struct progress *pr)
{
    char text[128];

    snprintf (text, sizeof (text), "%s has %s %lu keys", cmd_name (), pr->verb, pr->count);
    flux_future_destroy (flux_rpc_pack (pr->notify, "state-machine.sd-notify", FLUX_NODEID_ANY,
                                        FLUX_RPC_NORESPONSE, "{s:s}", "status", text));
}

static void show (struct progress *pr, bool last)
{
    bool tty = isatty (STDERR_FILENO);

    fprintf (stderr, "%s%s: %s %lu keys%s", tty ? "\r" : "", cmd_name (), pr->verb, pr->count,
             tty && !last ? "" : "\n");
}

void progress_key (struct progress *pr, const char *key)
{
    unsigned long step = isatty (STDERR_FILENO) ? 100 : 100000;

    pr->count++;
    if (pr->verbose)
        fprintf (stderr, "%s\n", key);
    else if (!pr->quiet && pr->count % step == 0)
        show (pr, false);
    if (pr->notify && pr->count % 10000 == 0)
        tell_broker (pr);
}

void progress_end (struct progress *pr)
{
    if (!pr->quiet && !pr->verbose)
        show (pr, true);
    if (pr->notify)
        tell_broker (pr);
}
