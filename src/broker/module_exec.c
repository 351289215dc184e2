/* module_exec.c - flux-module-exec: run a broker module in this process (RFC 5, Standalone
 * Process)
 *
 * A program of its own, and no command of flux: it exports the library to the module, as
 * the broker does.
 *
 *   broker ──FLUX_MODULE_URI──► welcome ─► dlopen ─► mod_main () ─► finalize
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>
#include <jansson.h>

#include "core/userlib.h"

typedef int (*mod_main_f) (flux_t *h, int argc, char **argv);

static void complain (const char *fmt, va_list ap)
{
    fprintf (stderr, "flux-module-exec: ERROR: ");
    vfprintf (stderr, fmt, ap);
    fputc ('\n', stderr);
}

static void __attribute__ ((format (printf, 1, 2))) err_msg (const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    complain (fmt, ap);
    va_end (ap);
}

static void __attribute__ ((format (printf, 1, 2), noreturn)) die (const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    complain (fmt, ap);
    va_end (ap);
    exit (1);
}

/* The arguments one by one: flux_module_initialize() would join them. */
static char **welcome_args (flux_t *h, int *argcp)
{
    struct flux_match match = { FLUX_MSGTYPE_REQUEST, FLUX_MATCHTAG_NONE, "welcome" };
    flux_msg_t *msg = flux_recv (h, match, 0);
    char **argv;
    json_t *args, *o;
    size_t i;

    if (!msg || flux_request_unpack (msg, NULL, "{s:o}", "args", &args) < 0)
        die ("the broker's welcome: %s", strerror (errno));
    if (!(argv = calloc (json_array_size (args) + 1, sizeof (*argv))))
        die ("out of memory");
    json_array_foreach (args, i, o)
        if (!json_is_string (o) || !(argv[i] = strdup (json_string_value (o))))
            die ("the broker's welcome: bad arguments");
    *argcp = json_array_size (args);
    if (flux_requeue (h, msg, FLUX_RQ_HEAD) < 0)
        die ("the broker's welcome: %s", strerror (errno));
    flux_msg_decref (msg);
    return argv;
}

static mod_main_f find_main (const char *path)
{
    void *dso = userlib_open (path, RTLD_NOW | RTLD_LOCAL);
    mod_main_f fun = dso ? (mod_main_f)dlsym (dso, "mod_main") : NULL;

    if (!dso)
        err_msg ("%s", dlerror ());
    else if (!fun)
        err_msg ("%s has no mod_main()", path);
    errno = !dso ? ENOEXEC : fun ? 0 : EINVAL;
    return fun;
}

/* 0 or an errno. */
static int run (flux_t *h, const char *path, int argc, char **argv)
{
    mod_main_f fun = find_main (path);
    flux_error_t err;

    if (!fun)
        return errno;
    if (flux_module_register_handlers (h, &err) < 0) {
        int errnum = errno;
        err_msg ("%s", err.text);
        return errnum;
    }
    errno = 0;
    if (fun (h, argc, argv) == 0)
        return 0;
    return errno ? errno : ECONNRESET;
}

int main (int argc, char **argv)
{
    const char *uri = getenv ("FLUX_MODULE_URI");
    flux_error_t err;
    char **margv;
    int margc = 0, errnum;
    flux_t *h;

    if (argc != 2)
        die ("usage: flux-module-exec PATH");
    if (!uri)
        die ("FLUX_MODULE_URI is not set: this is for the broker to run (see flux module load"
             " --exec)");
    if (!(h = flux_open_ex (uri, 0, &err)))
        die ("%s: %s", uri, err.text);
    unsetenv ("FLUX_MODULE_URI");
    margv = welcome_args (h, &margc);
    if (flux_module_initialize (h, NULL, &err) < 0)
        die ("%s", err.text);
    errnum = run (h, argv[1], margc, margv);
    if (flux_module_finalize (h, errnum, &err) < 0)
        die ("%s", err.text);
    for (int i = 0; i < margc; i++)
        free (margv[i]);
    free (margv);
    flux_close (h);
    return errnum ? 1 : 0;
}
