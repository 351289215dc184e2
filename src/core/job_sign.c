/* job_sign.c - the signature around a jobspec (RFC 38, RFC 39)
 *
 * J is HEADER.PAYLOAD.SIGNATURE.  The header is key, NUL, type character,
 * value, NUL, repeated, in base64; the payload is the jobspec in base64.
 * Mechanism "none" signs with the word "none": it is for instances where
 * owner and submitter are one user.
 */
#include <flux/core.h>

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/errmsg.h"
#include "core/job_sign.h"

char *job_sign_wrap (const void *payload, size_t len, uint32_t userid)
{
    char header[96];
    int n = snprintf (header, sizeof (header), "version%ci1%cmechanism%csnone%cuserid%ci%"
                      PRIu32 "%c", 0, 0, 0, 0, 0, userid, 0);
    size_t hsize = base64_encoded_size (n), psize = base64_encoded_size (len);
    char *out = malloc (hsize + psize + 5), *p = out;

    if (!out)
        return NULL;
    p += base64_encode (header, n, p);
    *p++ = '.';
    p += base64_encode (payload, len, p);
    memcpy (p, ".none", 6);
    return out;
}

static char *decode_part (const char *s, size_t len, size_t *lenp)
{
    char *out = malloc (base64_decoded_size (len) + 1);

    if (!out)
        return NULL;
    if (base64_decode (s, len, out, lenp) < 0) {
        free (out);
        errno = EINVAL;
        return NULL;
    }
    out[*lenp] = '\0';
    return out;
}

/* The value (with its type character) of 'key', or NULL; -1 in *bad if the
 * header is malformed. */
static const char *header_get (const char *h, size_t len, const char *key, int *bad)
{
    const char *end = h + len, *found = NULL;

    while (h < end) {
        const char *k = h, *v = memchr (k, 0, end - k);
        const char *next = v ? memchr (v + 1, 0, end - v - 1) : NULL;
        if (!next || v == k || next == v + 1) {
            *bad = -1;
            return NULL;
        }
        if (!strcmp (k, key))
            found = v + 1;
        h = next + 1;
    }
    return found;
}

static int header_int (const char *h, size_t len, const char *key, int64_t *val, int *bad)
{
    const char *v = header_get (h, len, key, bad);
    char *end;

    if (!v || *v != 'i' || !v[1])
        return -1;
    errno = 0;
    *val = strtoll (v + 1, &end, 10);
    return errno || *end ? -1 : 0;
}

static int header_decode (const char *s, size_t len, struct job_sign_info *info,
                          flux_error_t *err)
{
    size_t hlen;
    int bad = 0, rc = -EINVAL;
    int64_t version;
    const char *mech;
    char *h = decode_part (s, len, &hlen);

    if (!h)
        return errmsg (err, -errno, "J: the header is not base64");
    mech = header_get (h, hlen, "mechanism", &bad);
    if (bad)
        errmsg (err, rc, "J: the header is malformed");
    else if (header_int (h, hlen, "version", &version, &bad) < 0 || version != 1)
        errmsg (err, rc, "J: the header's version is missing or not 1");
    else if (!mech || *mech != 's' || strlen (mech + 1) >= sizeof (info->mechanism))
        errmsg (err, rc, "J: the header has no mechanism");
    else if (header_int (h, hlen, "userid", &info->userid, &bad) < 0
             || info->userid < 0 || info->userid > UINT32_MAX)
        errmsg (err, rc, "J: the header has no valid userid");
    else {
        snprintf (info->mechanism, sizeof (info->mechanism), "%s", mech + 1);
        rc = 0;
    }
    free (h);
    return rc;
}

char *job_sign_unwrap (const char *J, size_t *lenp, struct job_sign_info *info,
                       flux_error_t *err)
{
    const char *p1 = strchr (J, '.'), *p2 = p1 ? strchr (p1 + 1, '.') : NULL;
    char *payload;
    int rc;

    if (!p2 || strchr (p2 + 1, '.')) {
        errmsg (err, 0, "J is not of the form HEADER.PAYLOAD.SIGNATURE");
        errno = EINVAL;
        return NULL;
    }
    if ((rc = header_decode (J, p1 - J, info, err)) < 0) {
        errno = -rc;
        return NULL;
    }
    if (!(payload = decode_part (p1 + 1, p2 - p1 - 1, lenp))) {
        rc = errno;
        errmsg (err, 0, "J: the payload is not base64");
        errno = rc;
        return NULL;
    }
    if (!strcmp (info->mechanism, "none") && strcmp (p2 + 1, "none") != 0) {
        free (payload);
        errmsg (err, 0, "J: the signature of mechanism none is not \"none\"");
        errno = EINVAL;
        return NULL;
    }
    return payload;
}

char *flux_unwrap_string (const char *in, bool verify, uint32_t *userid,
                          flux_error_t *error)
{
    struct job_sign_info info;
    char *payload;
    size_t len;

    if (!in) {
        errno = EINVAL;
        return NULL;
    }
    if (!(payload = job_sign_unwrap (in, &len, &info, error)))
        return NULL;
    if (verify && strcmp (info.mechanism, "none") != 0) {
        errmsg (error, 0, "cannot verify mechanism %s: only none is built in",
                info.mechanism);
        errno = ENOSYS;
        goto error;
    }
    if (verify && info.userid != getuid ()) {
        errmsg (error, 0, "J is of user %jd, not of the caller", (intmax_t)info.userid);
        errno = EPERM;
        goto error;
    }
    if (userid)
        *userid = info.userid;
    return payload;
error:
    free (payload);
    return NULL;
}
