/* method_libpmi2.c - PMI-2 by a library of the launcher
 *
 * Cray's needs two things: values without characters that its own syntax uses, so they
 * travel in base64; and no question for a key that nobody put, which would wait for
 * ever, so those that an enclosing Flux instance sets ("flux.*") are not asked for.
 */
#include <dlfcn.h>
#include <errno.h>

#include "base/base64.h"
#include "base/errmsg.h"
#include "pmi/method_dl.h"

#define VALUE_MAX 1024      /* PMI2_MAX_VALLEN */
#define NO_ID (-1)          /* PMI2_ID_NULL */

struct api {
    int (*init) (int *spawned, int *size, int *rank, int *appnum);
    int (*get_id) (char *id, int size);
    int (*put) (const char *key, const char *value);
    int (*fence) (void);
    int (*get) (const char *id, int src, const char *key, char *value, int max,
                int *lengthp);
    int (*job_attr) (const char *name, char *value, int max, int *found);
    int (*finalize) (void);
    int (*abort) (int flag, const char *msg);
};

struct libpmi2 {
    struct api api;
    char id[256];
    char value[VALUE_MAX + 1];
    bool cray;
    bool lost;          /* a call was given up and may still run */
    struct pmi_context ctx;
};

static int failed (flux_error_t *err, const char *call, int result)
{
    return errmsg (err, -EIO, "%s failed with %d", call, result);
}

static int load (struct libpmi2 *l, const char *path, bool noflux, flux_error_t *err)
{
    struct api *api = &l->api;
    void *dso = method_dl_open ("libpmi2", path, noflux, err);

    if (!dso || !(api->init = method_dl_symbol (dso, "PMI2_Init", err))
        || !(api->get_id = method_dl_symbol (dso, "PMI2_Job_GetId", err))
        || !(api->put = method_dl_symbol (dso, "PMI2_KVS_Put", err))
        || !(api->fence = method_dl_symbol (dso, "PMI2_KVS_Fence", err))
        || !(api->get = method_dl_symbol (dso, "PMI2_KVS_Get", err))
        || !(api->job_attr = method_dl_symbol (dso, "PMI2_Info_GetJobAttr", err))
        || !(api->finalize = method_dl_symbol (dso, "PMI2_Finalize", err))
        || !(api->abort = method_dl_symbol (dso, "PMI2_Abort", err)))
        return -ENOENT;
    if (dlsym (dso, "PMI_CRAY_Get_app_size"))
        l->cray = true;
    return 0;
}

static int init (struct libpmi2 *l, struct pmi_place *place, flux_error_t *err)
{
    int spawned, appnum, result;

    if ((result = l->api.init (&spawned, &place->size, &place->rank, &appnum)) != 0)
        return failed (err, "PMI2_Init", result);
    /* without a server there is no id either */
    if ((result = l->api.get_id (l->id, sizeof (l->id))) != 0 && place->size > 1)
        return failed (err, "PMI2_Job_GetId", result);
    l->id[sizeof (l->id) - 1] = '\0';
    snprintf (place->name, sizeof (place->name), "%s", l->id);
    return 0;
}

static void libpmi2_close (void *data)
{
    struct libpmi2 *l = data;

    if (!l->lost)
        free (l);
}

static int libpmi2_open (const struct pmi_context *ctx, const char *path, void **datap,
                         struct pmi_place *place, flux_error_t *err)
{
    struct libpmi2 *l = calloc (1, sizeof (*l));

    if (!l)
        return errmsg (err, -ENOMEM, "out of memory");
    l->ctx = *ctx;
    l->cray = ctx->args->cray;
    if (load (l, path, ctx->args->noflux, err) < 0 || init (l, place, err) < 0) {
        free (l);
        return -ENOENT;
    }
    *datap = l;
    return 0;
}

static int put_text (struct libpmi2 *l, const char *key, const char *value,
                     flux_error_t *err)
{
    int result;

    if (strlen (value) >= VALUE_MAX)
        return errmsg (err, -EOVERFLOW, "PMI: the value of %s is too long: %zu bytes, the"
                       " library takes %d", key, strlen (value), VALUE_MAX - 1);
    if ((result = l->api.put (key, value)) != 0)
        return failed (err, "PMI2_KVS_Put", result);
    return 0;
}

static int libpmi2_put (void *data, const char *key, const char *value,
                        flux_error_t *err)
{
    struct libpmi2 *l = data;
    char text[2 * VALUE_MAX];

    if (!l->cray)
        return put_text (l, key, value, err);
    if (base64_encoded_size (strlen (value)) > sizeof (text))
        return errmsg (err, -EOVERFLOW, "PMI: the value of %s is too long", key);
    base64_encode (value, strlen (value), text);
    return put_text (l, key, text, err);
}

static int decode_value (struct libpmi2 *l, const char *key, flux_error_t *err)
{
    char bytes[VALUE_MAX + 4];
    size_t len;

    if (base64_decode (l->value, strlen (l->value), bytes, &len) < 0)
        return errmsg (err, -EPROTO, "PMI: the value of %s is not base64", key);
    memcpy (l->value, bytes, len);
    l->value[len] = '\0';
    return 0;
}

static int libpmi2_get (void *data, const char *key, const char **valuep,
                        flux_error_t *err)
{
    struct libpmi2 *l = data;
    int length, found = 0;
    int rc = 0;

    *l->value = '\0';
    if (!strcmp (key, "PMI_process_mapping")) {
        if (l->api.job_attr (key, l->value, VALUE_MAX, &found) != 0 || !found)
            return -ENOENT;
    }
    else if (l->cray && !strncmp (key, "flux.", 5))
        return -ENOENT;
    else if (l->api.get (l->id, NO_ID, key, l->value, VALUE_MAX, &length) != 0)
        return -ENOENT;
    else if (l->cray)
        rc = decode_value (l, key, err);
    l->value[VALUE_MAX] = '\0';
    *valuep = l->value;
    return rc;
}

static int fence (void *arg)
{
    struct libpmi2 *l = arg;
    return l->api.fence ();
}

static int libpmi2_barrier (void *data, flux_error_t *err)
{
    struct libpmi2 *l = data;
    int result;
    int rc = method_dl_wait (&l->ctx, fence, l, &result, err);

    if (rc == -EINTR || rc == -ETIMEDOUT)
        l->lost = true;
    return rc < 0 ? rc : result ? failed (err, "PMI2_KVS_Fence", result) : 0;
}

static int libpmi2_finalize (void *data, flux_error_t *err)
{
    struct libpmi2 *l = data;
    int result = l->lost ? 0 : l->api.finalize ();

    return result ? failed (err, "PMI2_Finalize", result) : 0;
}

static void libpmi2_abort (void *data, int exit_code, const char *msg)
{
    struct libpmi2 *l = data;

    if (!l->lost)
        (void)l->api.abort (1, msg);
}

const struct pmi_method method_libpmi2 = {
    .scheme = "libpmi2",
    .open = libpmi2_open,
    .put = libpmi2_put,
    .get = libpmi2_get,
    .barrier = libpmi2_barrier,
    .finalize = libpmi2_finalize,
    .abort = libpmi2_abort,
    .close = libpmi2_close,
};
