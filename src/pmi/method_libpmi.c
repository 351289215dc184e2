/* method_libpmi.c - PMI-1 by a library of the launcher
 */
#include <errno.h>

#include "base/errmsg.h"
#include "pmi/method_dl.h"

/* RFC 13 has these signatures. */
struct api {
    int (*init) (int *spawned);
    int (*get_size) (int *size);
    int (*get_rank) (int *rank);
    int (*get_name) (char *name, int length);
    int (*value_max) (int *length);
    int (*put) (const char *name, const char *key, const char *value);
    int (*commit) (const char *name);
    int (*barrier) (void);
    int (*get) (const char *name, const char *key, char *value, int length);
    int (*finalize) (void);
    int (*abort) (int exit_code, const char *msg);
};

struct libpmi {
    struct api api;
    char name[256];
    int value_max;
    char *value;
    bool lost;          /* a call was given up and may still run */
    struct pmi_context ctx;
};

static int failed (flux_error_t *err, const char *call, int result)
{
    return errmsg (err, -EIO, "%s failed with %d", call, result);
}

static int load (struct api *api, const char *path, bool noflux, flux_error_t *err)
{
    void *dso = method_dl_open ("libpmi", path, noflux, err);

    if (!dso || !(api->init = method_dl_symbol (dso, "PMI_Init", err))
        || !(api->get_size = method_dl_symbol (dso, "PMI_Get_size", err))
        || !(api->get_rank = method_dl_symbol (dso, "PMI_Get_rank", err))
        || !(api->get_name = method_dl_symbol (dso, "PMI_KVS_Get_my_name", err))
        || !(api->value_max = method_dl_symbol (dso, "PMI_KVS_Get_value_length_max", err))
        || !(api->put = method_dl_symbol (dso, "PMI_KVS_Put", err))
        || !(api->commit = method_dl_symbol (dso, "PMI_KVS_Commit", err))
        || !(api->barrier = method_dl_symbol (dso, "PMI_Barrier", err))
        || !(api->get = method_dl_symbol (dso, "PMI_KVS_Get", err))
        || !(api->finalize = method_dl_symbol (dso, "PMI_Finalize", err))
        || !(api->abort = method_dl_symbol (dso, "PMI_Abort", err)))
        return -ENOENT;
    return 0;
}

static int init (struct libpmi *l, struct pmi_place *place, flux_error_t *err)
{
    int spawned, result;

    if ((result = l->api.init (&spawned)) != 0)
        return failed (err, "PMI_Init", result);
    if ((result = l->api.get_size (&place->size)) != 0)
        return failed (err, "PMI_Get_size", result);
    if ((result = l->api.get_rank (&place->rank)) != 0)
        return failed (err, "PMI_Get_rank", result);
    if ((result = l->api.get_name (l->name, sizeof (l->name))) != 0)
        return failed (err, "PMI_KVS_Get_my_name", result);
    if ((result = l->api.value_max (&l->value_max)) != 0 || l->value_max < 1)
        return failed (err, "PMI_KVS_Get_value_length_max", result);
    l->name[sizeof (l->name) - 1] = '\0';
    snprintf (place->name, sizeof (place->name), "%s", l->name);
    return (l->value = calloc (1, l->value_max + 1)) ? 0
               : errmsg (err, -ENOMEM, "out of memory");
}

static void libpmi_close (void *data)
{
    struct libpmi *l = data;

    if (l->lost)
        return;
    free (l->value);
    free (l);
}

static int libpmi_open (const struct pmi_context *ctx, const char *path, void **datap,
                        struct pmi_place *place, flux_error_t *err)
{
    struct libpmi *l = calloc (1, sizeof (*l));

    if (!l)
        return errmsg (err, -ENOMEM, "out of memory");
    l->ctx = *ctx;
    if (load (&l->api, path, ctx->args->noflux, err) < 0 || init (l, place, err) < 0) {
        libpmi_close (l);
        return -ENOENT;
    }
    *datap = l;
    return 0;
}

static int libpmi_put (void *data, const char *key, const char *value, flux_error_t *err)
{
    struct libpmi *l = data;
    int result;

    if (strlen (value) >= (size_t)l->value_max)
        return errmsg (err, -EOVERFLOW, "PMI: the value of %s is too long: %zu bytes, the"
                       " library takes %d", key, strlen (value), l->value_max - 1);
    if ((result = l->api.put (l->name, key, value)) != 0)
        return failed (err, "PMI_KVS_Put", result);
    return 0;
}

static int libpmi_get (void *data, const char *key, const char **valuep,
                       flux_error_t *err)
{
    struct libpmi *l = data;

    if (l->api.get (l->name, key, l->value, l->value_max) != 0)
        return -ENOENT;
    l->value[l->value_max] = '\0';
    *valuep = l->value;
    return 0;
}

static int commit_and_wait (void *arg)
{
    struct libpmi *l = arg;
    int result = l->api.commit (l->name);

    return result ? result : l->api.barrier ();
}

static int libpmi_barrier (void *data, flux_error_t *err)
{
    struct libpmi *l = data;
    int result;
    int rc = method_dl_wait (&l->ctx, commit_and_wait, l, &result, err);

    if (rc == -EINTR || rc == -ETIMEDOUT)
        l->lost = true;
    return rc < 0 ? rc : result ? failed (err, "PMI_Barrier", result) : 0;
}

static int libpmi_finalize (void *data, flux_error_t *err)
{
    struct libpmi *l = data;
    int result = l->lost ? 0 : l->api.finalize ();

    return result ? failed (err, "PMI_Finalize", result) : 0;
}

static void libpmi_abort (void *data, int exit_code, const char *msg)
{
    struct libpmi *l = data;

    if (!l->lost)
        (void)l->api.abort (exit_code, msg);
}

const struct pmi_method method_libpmi = {
    .scheme = "libpmi",
    .open = libpmi_open,
    .put = libpmi_put,
    .get = libpmi_get,
    .barrier = libpmi_barrier,
    .finalize = libpmi_finalize,
    .abort = libpmi_abort,
    .close = libpmi_close,
};
