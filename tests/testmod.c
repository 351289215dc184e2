/* testmod.c - a user's module, for tests of the module host
 *
 * NAME.hello answers {"hello": NAME}, NAME.die ends the module with ENOTTY and
 * leaves its request unanswered, NAME.hang never returns.  Arguments: "fail" makes
 * mod_main() fail, "service=S" registers a service, "hello=S" is S in place of NAME.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/core.h>

static const char *greeting;

static void hello_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg)
{
    flux_respond_pack (h, msg, "{s:s}", "hello",
                       greeting ? greeting : (char *)flux_aux_get (h, "flux::name"));
}

static void hang_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    for (;;)
        pause ();
}

static void die_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_reactor_stop_error (flux_get_reactor (h));
    errno = ENOTTY;
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "hello", hello_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "die", die_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "hang", hang_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static int add_service (flux_t *h, const char *name)
{
    flux_future_t *f = flux_service_register (h, name);
    int rc = f ? flux_future_get (f, NULL) : -1;

    flux_future_destroy (f);
    return rc;
}

int mod_main (flux_t *h, int argc, char **argv);

int mod_main (flux_t *h, int argc, char **argv)
{
    flux_msg_handler_t **handlers;
    int rc;

    for (int i = 0; i < argc; i++) {
        if (strcmp (argv[i], "fail") == 0) {
            errno = EXDEV;
            return -1;
        }
        if (strncmp (argv[i], "hello=", 6) == 0)
            greeting = argv[i] + 6;
        if (strncmp (argv[i], "service=", 8) == 0 && add_service (h, argv[i] + 8) < 0)
            return -1;
    }
    if (flux_msg_handler_addvec_ex (h, flux_aux_get (h, "flux::name"), htab, NULL,
                                    &handlers) < 0)
        return -1;
    rc = flux_reactor_run (flux_get_reactor (h), 0);
    flux_msg_handler_delvec (handlers);
    return rc < 0 ? -1 : 0;
}
