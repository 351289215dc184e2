/* mymod.c - a user's own broker module
 *
 * Answers "mymod.hello" with the greeting given as its argument.
 *
 *   cc -shared -fPIC -o mymod.so mymod.c $(pkg-config --cflags --libs flux-core)
 *   flux module load ./mymod.so greeting=hello
 */
#include <stdio.h>
#include <string.h>
#include <flux/core.h>

static void hello_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *greeting = arg;

    if (flux_respond_pack (h, msg, "{s:s}", "greeting", greeting) < 0)
        flux_log_error (h, "mymod.hello");
}

static const struct flux_msg_handler_spec table[] = {
    { FLUX_MSGTYPE_REQUEST, "hello", hello_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

int mod_main (flux_t *h, int argc, char **argv)
{
    const char *greeting = "hi";
    flux_msg_handler_t **handlers = NULL;
    int rc;

    for (int i = 0; i < argc; i++) {
        if (strncmp (argv[i], "greeting=", 9) == 0)
            greeting = argv[i] + 9;
    }
    if (flux_msg_handler_addvec_ex (h, "mymod", table, (void *)greeting, &handlers) < 0)
        return -1;
    rc = flux_reactor_run (flux_get_reactor (h), 0);
    flux_msg_handler_delvec (handlers);
    return rc;
}

MOD_NAME ("mymod");
