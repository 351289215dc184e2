/* dso_pmixclient.c - where the launcher offers PMIx alone
 *
 * In an object of its own, with libpmix, that pmi.c loads.  PMIx keeps values by the rank
 * that put them, which our keys end with ("3", "flux-pmi.0.3"); what has no such end is
 * asked of the launcher.
 */
#include <errno.h>
#include <pmix.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "pmi/method.h"

extern const struct pmi_method method_pmixclient;

struct client {
    struct pmi_context ctx;
    pmix_proc_t proc;
    char *value;
    uint32_t size;
    int done;           /* eventfd: the fence is over */
    pmix_status_t status;
    bool lost;          /* a fence was given up */
};

static int failed (flux_error_t *err, int rc, const char *call, pmix_status_t status)
{
    return errmsg (err, rc, "%s: %s", call, PMIx_Error_string (status));
}

static int get_size (struct client *c, int *sizep, flux_error_t *err)
{
    pmix_proc_t all;
    pmix_value_t *val = NULL;
    pmix_status_t status;

    PMIX_LOAD_PROCID (&all, c->proc.nspace, PMIX_RANK_WILDCARD);
    if ((status = PMIx_Get (&all, PMIX_JOB_SIZE, NULL, 0, &val)) != PMIX_SUCCESS)
        return failed (err, -ENOENT, "PMIx_Get of the size", status);
    c->size = val->type == PMIX_UINT32 ? val->data.uint32 : 0;
    *sizep = (int)c->size;
    PMIX_VALUE_RELEASE (val);
    return 0;
}

static void client_close (void *data)
{
    struct client *c = data;

    if (c->lost)
        return;
    if (c->done >= 0)
        close (c->done);
    free (c->value);
    free (c);
}

static int client_open (const struct pmi_context *ctx, const char *path, void **datap,
                        struct pmi_place *place, flux_error_t *err)
{
    struct client *c;
    pmix_status_t status;
    int rc;

    if (!getenv ("PMIX_NAMESPACE") || !getenv ("PMIX_RANK"))
        return errmsg (err, -ENOENT, "PMIX_NAMESPACE is not set");
    if (!(c = calloc (1, sizeof (*c))))
        return errmsg (err, -ENOMEM, "out of memory");
    c->ctx = *ctx;
    if ((c->done = eventfd (0, EFD_CLOEXEC)) < 0)
        rc = errmsg (err, -ENOENT, "eventfd: %s", strerror (errno));
    else if ((status = PMIx_Init (&c->proc, NULL, 0)) != PMIX_SUCCESS)
        rc = failed (err, -ENOENT, "PMIx_Init", status);
    else
        rc = get_size (c, &place->size, err);
    if (rc < 0) {
        client_close (c);
        return rc;
    }
    place->rank = (int)c->proc.rank;
    snprintf (place->name, sizeof (place->name), "%s", c->proc.nspace);
    *datap = c;
    return 0;
}

static int client_put (void *data, const char *key, const char *value, flux_error_t *err)
{
    pmix_value_t val;
    pmix_status_t status;

    PMIX_VALUE_LOAD (&val, value, PMIX_STRING);
    status = PMIx_Put (PMIX_GLOBAL, key, &val);
    PMIX_VALUE_DESTRUCT (&val);
    return status == PMIX_SUCCESS ? 0 : failed (err, -EIO, "PMIx_Put", status);
}

static pmix_rank_t rank_of_key (struct client *c, const char *key)
{
    const char *digits = key + strlen (key);
    unsigned long rank;

    while (digits > key && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    if (!*digits || strlen (digits) > 9)
        return PMIX_RANK_WILDCARD;
    rank = strtoul (digits, NULL, 10);
    return rank < c->size ? rank : PMIX_RANK_WILDCARD;
}

/* Immediate: an answer from what the fence brought, never a wait. */
static pmix_status_t find (struct client *c, const char *key, pmix_value_t **valp)
{
    pmix_proc_t whose;
    pmix_info_t info;
    bool yes = true;
    pmix_status_t status;

    PMIX_LOAD_PROCID (&whose, c->proc.nspace, rank_of_key (c, key));
    PMIX_INFO_LOAD (&info, PMIX_IMMEDIATE, &yes, PMIX_BOOL);
    status = PMIx_Get (&whose, key, &info, 1, valp);
    PMIX_INFO_DESTRUCT (&info);
    return status;
}

static int client_get (void *data, const char *key, const char **valuep,
                       flux_error_t *err)
{
    struct client *c = data;
    pmix_value_t *val = NULL;

    if (!strcmp (key, "PMI_process_mapping"))
        key = PMIX_ANL_MAP;
    if (find (c, key, &val) != PMIX_SUCCESS)
        return -ENOENT;
    free (c->value);
    c->value = val->type == PMIX_STRING && val->data.string ? strdup (val->data.string) : NULL;
    PMIX_VALUE_RELEASE (val);
    if (!c->value)
        return -ENOENT;
    *valuep = c->value;
    return 0;
}

static void fence_done (pmix_status_t status, void *arg)
{
    struct client *c = arg;
    uint64_t one = 1;

    c->status = status;
    if (write (c->done, &one, sizeof (one)) != sizeof (one))
        abort ();
}

/* In pieces of 100 ms, so that a signal or the time limit ends it. */
static int wait_done (struct client *c, flux_error_t *err)
{
    const volatile sig_atomic_t *interrupt = c->ctx.args->interrupt;
    struct pollfd pfd = { .fd = c->done, .events = POLLIN };
    uint64_t count;

    for (int n = 1; poll (&pfd, 1, 100) <= 0; n++) {
        c->lost = (interrupt && *interrupt)
                  || (c->ctx.timeout > 0. && n * 0.1 >= c->ctx.timeout);
        if (interrupt && *interrupt)
            return errmsg (err, -EINTR, "interrupted");
        if (c->lost)
            return errmsg (err, -ETIMEDOUT, "no answer within %g seconds", c->ctx.timeout);
    }
    return read (c->done, &count, sizeof (count)) == sizeof (count) ? 0 : -errno;
}

static int client_barrier (void *data, flux_error_t *err)
{
    struct client *c = data;
    pmix_info_t info;
    bool yes = true;
    pmix_status_t status;
    int rc;

    if ((status = PMIx_Commit ()) != PMIX_SUCCESS)
        return failed (err, -EIO, "PMIx_Commit", status);
    PMIX_INFO_LOAD (&info, PMIX_COLLECT_DATA, &yes, PMIX_BOOL);
    if ((status = PMIx_Fence_nb (NULL, 0, &info, 1, fence_done, c)) != PMIX_SUCCESS)
        rc = failed (err, -EIO, "PMIx_Fence", status);
    else if ((rc = wait_done (c, err)) == 0 && c->status != PMIX_SUCCESS)
        rc = failed (err, -EIO, "PMIx_Fence", c->status);
    if (!c->lost)
        PMIX_INFO_DESTRUCT (&info);
    return rc;
}

static int client_finalize (void *data, flux_error_t *err)
{
    struct client *c = data;
    pmix_status_t status = c->lost ? PMIX_SUCCESS : PMIx_Finalize (NULL, 0);

    return status == PMIX_SUCCESS ? 0 : failed (err, -EIO, "PMIx_Finalize", status);
}

static void client_abort (void *data, int exit_code, const char *msg)
{
    struct client *c = data;

    if (!c->lost)
        (void)PMIx_Abort (exit_code, msg, NULL, 0);
}

const struct pmi_method method_pmixclient = {
    .scheme = "pmix",
    .open = client_open,
    .put = client_put,
    .get = client_get,
    .barrier = client_barrier,
    .finalize = client_finalize,
    .abort = client_abort,
    .close = client_close,
};
