/* method_dl.c - what the two methods that load a library share
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "pmi/method_dl.h"

/* A library's own symbols go before ours: Slurm has a hostlist_create() too.  The
 * sanitizers do not allow it. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FLAGS (RTLD_NOW | RTLD_GLOBAL)
#else
#define FLAGS (RTLD_NOW | RTLD_GLOBAL | RTLD_DEEPBIND)
#endif

static void *try_names (const char *name, const char *path)
{
    char file[64];
    void *dso;

    if (path)
        return dlopen (path, FLAGS);
    snprintf (file, sizeof (file), "%s.so.0", name);
    if ((dso = dlopen (file, FLAGS)))
        return dso;
    snprintf (file, sizeof (file), "%s.so", name);
    return dlopen (file, FLAGS);
}

void *method_dl_open (const char *name, const char *path, bool noflux,
                      flux_error_t *err)
{
    void *dso = try_names (name, path);

    if (!dso && path)
        errmsg (err, -ENOENT, "%s", dlerror ());
    else if (!dso)
        errmsg (err, -ENOENT, "no %s.so.0 and no %s.so is installed", name, name);
    else if (noflux && dlsym (dso, "flux_pmi_library")) {
        errmsg (err, -ENOENT, "the library is Flux's own");
        dso = NULL;
    }
    return dso;
}

void *method_dl_symbol (void *dso, const char *name, flux_error_t *err)
{
    void *sym = dlsym (dso, name);

    if (!sym)
        errmsg (err, -ENOENT, "the library has no %s", name);
    return sym;
}

struct call {
    int (*fn) (void *arg);
    void *arg;
    int result;
    int done;           /* eventfd */
};

static void *run (void *arg)
{
    struct call *c = arg;
    uint64_t one = 1;

    c->result = c->fn (c->arg);
    if (write (c->done, &one, sizeof (one)) != sizeof (one))
        abort ();
    return NULL;
}

/* Signals are for the thread that waits. */
static int start (pthread_t *t, struct call *c)
{
    sigset_t all, old;
    int rc;

    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &old);
    rc = pthread_create (t, NULL, run, c);
    pthread_sigmask (SIG_SETMASK, &old, NULL);
    return -rc;
}

/* In pieces of 100 ms: 0, -EINTR, -ETIMEDOUT. */
static int wait_done (const struct pmi_context *ctx, struct call *c, flux_error_t *err)
{
    const volatile sig_atomic_t *interrupt = ctx->args->interrupt;
    struct pollfd pfd = { .fd = c->done, .events = POLLIN };

    for (int n = 1; poll (&pfd, 1, 100) <= 0; n++) {
        if (interrupt && *interrupt)
            return errmsg (err, -EINTR, "interrupted");
        if (ctx->timeout > 0. && n * 0.1 >= ctx->timeout)
            return errmsg (err, -ETIMEDOUT, "no answer within %g seconds", ctx->timeout);
    }
    return 0;
}

int method_dl_wait (const struct pmi_context *ctx, int (*fn) (void *arg), void *arg,
                    int *resultp, flux_error_t *err)
{
    struct call *c = calloc (1, sizeof (*c));
    pthread_t t;
    int rc;

    if (!c)
        return errmsg (err, -ENOMEM, "out of memory");
    *c = (struct call){ .fn = fn, .arg = arg, .done = eventfd (0, EFD_CLOEXEC) };
    if (c->done < 0 || (rc = start (&t, c)) < 0) {
        rc = c->done < 0 ? -errno : rc;
        if (c->done >= 0)
            close (c->done);
        free (c);
        return errmsg (err, rc, "cannot start a thread: %s", strerror (-rc));
    }
    if ((rc = wait_done (ctx, c, err)) < 0) {
        pthread_detach (t);            /* 'c' is the thread's now */
        return rc;
    }
    pthread_join (t, NULL);
    *resultp = c->result;
    close (c->done);
    free (c);
    return 0;
}
