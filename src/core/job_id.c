/* job_id.c - job ids as text and as KVS names (RFC 19, RFC 16)
 */
#include <flux/core.h>

#include <errno.h>

#include "base/fluid.h"

static const struct {
    const char *name;
    enum fluid_form form;
} forms[] = {
    { "dec", FLUID_DEC },
    { "hex", FLUID_HEX },
    { "dothex", FLUID_DOTHEX },
    { "f58", FLUID_F58 },
    { "f58plain", FLUID_F58_PLAIN },
    { "words", FLUID_WORDS },
    { "emoji", FLUID_EMOJI },
};

int flux_job_id_parse (const char *s, flux_jobid_t *id)
{
    uint64_t val;
    int rc;

    if (!s || !id) {
        errno = EINVAL;
        return -1;
    }
    s += strspn (s, " \t\n\r");
    if (!strncmp (s, "job.", 4))
        s += 4;
    if ((rc = fluid_parse (s, &val)) < 0) {
        errno = -rc;
        return -1;
    }
    *id = val;
    return 0;
}

static int encode_form (flux_jobid_t id, enum fluid_form form, char *buf, size_t size)
{
    int rc;

    if (form == FLUID_F58 && getenv ("FLUX_F58_FORCE_ASCII"))
        form = FLUID_F58_PLAIN;
    if ((rc = fluid_encode (id, form, buf, size)) < 0) {
        errno = -rc;
        return -1;
    }
    return 0;
}

int flux_job_id_encode (flux_jobid_t id, const char *type, char *buf, size_t bufsz)
{
    if (!buf) {
        errno = EINVAL;
        return -1;
    }
    if (!type)
        type = "dec";
    if (!strcmp (type, "kvs"))
        return flux_job_kvs_key (buf, bufsz, id, NULL) < 0 ? -1 : 0;
    for (size_t i = 0; i < sizeof (forms) / sizeof (forms[0]); i++) {
        if (!strcmp (type, forms[i].name))
            return encode_form (id, forms[i].form, buf, bufsz);
    }
    errno = EPROTO;
    return -1;
}

static int check_len (int len, int bufsz)
{
    if (len < 0 || len >= bufsz) {
        errno = EOVERFLOW;
        return -1;
    }
    return len;
}

int flux_job_kvs_key (char *buf, int bufsz, flux_jobid_t id, const char *key)
{
    if (!buf || bufsz <= 0) {
        errno = EINVAL;
        return -1;
    }
    return check_len (snprintf (buf, bufsz, "job.%04x.%04x.%04x.%04x%s%s",
                                (unsigned)(id >> 48 & 0xffff),
                                (unsigned)(id >> 32 & 0xffff),
                                (unsigned)(id >> 16 & 0xffff),
                                (unsigned)(id & 0xffff),
                                key ? "." : "",
                                key ? key : ""),
                      bufsz);
}

int flux_job_kvs_guest_key (char *buf, int bufsz, flux_jobid_t id, const char *key)
{
    char path[1024];

    if (!buf || bufsz <= 0) {
        errno = EINVAL;
        return -1;
    }
    /* Within the job the guest namespace is the default one already. */
    if (getenv ("FLUX_KVS_NAMESPACE"))
        return check_len (snprintf (buf, bufsz, "%s", key ? key : "."), bufsz);
    if (check_len (snprintf (path, sizeof (path), "guest%s%s",
                             key ? "." : "", key ? key : ""), sizeof (path)) < 0)
        return -1;
    return flux_job_kvs_key (buf, bufsz, id, path);
}

int flux_job_kvs_namespace (char *buf, int bufsz, flux_jobid_t id)
{
    if (!buf || bufsz <= 0) {
        errno = EINVAL;
        return -1;
    }
    return check_len (snprintf (buf, bufsz, "job-%ju", (uintmax_t)id), bufsz);
}
