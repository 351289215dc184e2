/* job_sign.c - the signature around a jobspec (RFC 38, RFC 39)
 *
 * J is HEADER.PAYLOAD.SIGNATURE.  The header is key, NUL, type character,
 * value, NUL, repeated, in base64; the payload is the jobspec in base64.  The
 * signature of mechanism "none" is the word "none", that of "munge" a credential of
 * munged over the hash of HEADER.PAYLOAD.
 */
#include <flux/core.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/blobref.h"
#include "base/dso.h"
#include "base/dso_munge.h"
#include "base/errmsg.h"
#include "core/job_sign.h"

/* HEADER.PAYLOAD. with room for 'extra' bytes more; the end in *endp. */
static char *wrap (const char *mechanism, const void *payload, size_t len, uint32_t userid,
                   size_t extra, char **endp)
{
    char header[96];
    int n = snprintf (header, sizeof (header), "version%ci1%cmechanism%cs%s%cuserid%ci%"
                      PRIu32 "%c", 0, 0, 0, mechanism, 0, 0, userid, 0);
    size_t hsize = base64_encoded_size (n), psize = base64_encoded_size (len);
    char *out = malloc (hsize + psize + extra), *p = out;

    if (!out)
        return NULL;
    p += base64_encode (header, n, p);
    *p++ = '.';
    p += base64_encode (payload, len, p);
    *endp = p;
    return out;
}

char *job_sign_wrap (const void *payload, size_t len, uint32_t userid)
{
    char *end, *out = wrap ("none", payload, len, userid, 6, &end);

    if (out)
        memcpy (end, ".none", 6);
    return out;
}

/* What munged is to vouch for: the type of the hash, and the hash. */
static int digest (const char *s, size_t len, unsigned char out[1 + BLOBREF_MAX_DIGEST])
{
    out[0] = 1;
    return blobref_digest ("sha256", s, len, out + 1);
}

static char *wrap_munge (const void *payload, size_t len, flux_error_t *err)
{
    munge_sign_f sign = (munge_sign_f)dso_symbol ("munge", "munge_sign", err);
    unsigned char sum[1 + BLOBREF_MAX_DIGEST];
    char *end, *cred, *J = NULL, *out;
    char why[120];

    if (!sign)
        return NULL;
    if (!(out = wrap ("munge", payload, len, getuid (), 1, &end))
        || digest (out, end - out, sum) < 0)
        errmsg (err, 0, "munge: the job cannot be signed");
    else if (!(cred = sign (sum, sizeof (sum), why, sizeof (why))))
        errmsg (err, 0, "munge: %s", why);
    else {
        if (asprintf (&J, "%.*s.%s", (int)(end - out), out, cred) < 0) {
            errmsg (err, 0, "out of memory");
            J = NULL;
        }
        free (cred);
    }
    free (out);
    return J;
}

static pthread_once_t site_once = PTHREAD_ONCE_INIT;
static struct job_sign_conf site;
static flux_error_t site_error;
static int site_rc;

static void read_site (void)
{
    site_rc = job_sign_read_conf (&site, &site_error);
}

char *job_sign_wrap_site (const void *payload, size_t len, flux_error_t *err)
{
    char *J;

    pthread_once (&site_once, read_site);
    if (site_rc < 0) {
        errmsg (err, 0, "%s", site_error.text);
        errno = -site_rc;
        return NULL;
    }
    if (site.munge) {
        if (!(J = wrap_munge (payload, len, err)))
            errno = EPERM;
        return J;
    }
    if (!(J = job_sign_wrap (payload, len, getuid ())))
        errmsg (err, 0, "out of memory");
    return J;
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

static int verify_munge (const char *J, const struct job_sign_info *info, int max_ttl,
                         flux_error_t *err)
{
    munge_verify_f verify = (munge_verify_f)dso_symbol ("munge", "munge_verify", err);
    unsigned char sum[1 + BLOBREF_MAX_DIGEST];
    const char *cred = strrchr (J, '.');
    char why[120];
    time_t made = 0;
    uid_t uid = 0;
    int rc;

    if (!verify)
        return -ENOSYS;
    if ((rc = digest (J, cred - J, sum)) < 0)
        return errmsg (err, rc, "J: its hash cannot be computed");
    if ((rc = verify (cred + 1, sum, sizeof (sum), &uid, &made, why, sizeof (why))) < 0)
        return errmsg (err, rc, "J: munge: %s", why);
    if (uid != info->userid)
        return errmsg (err, -EPERM, "J is signed by user %u, but claims to be of user %jd",
                       (unsigned int)uid, (intmax_t)info->userid);
    if (difftime (time (NULL), made) > max_ttl)
        return errmsg (err, -EPERM, "J: the signature is older than sign.max-ttl (%d s)",
                       max_ttl);
    return 0;
}

int job_sign_verify (const char *J, const struct job_sign_info *info, uint32_t none_is,
                     const struct job_sign_conf *conf, flux_error_t *err)
{
    bool none = !strcmp (info->mechanism, "none");

    if (none ? !conf->allow_none : (strcmp (info->mechanism, "munge") || !conf->allow_munge))
        return errmsg (err, -EPERM, "J: signatures of mechanism %s are not accepted here",
                       info->mechanism);
    if (!none)
        return verify_munge (J, info, conf->max_ttl, err);
    if (info->userid != none_is)
        return errmsg (err, -EPERM, "J is of user %jd, but mechanism none is for user %u only",
                       (intmax_t)info->userid, (unsigned int)none_is);
    return 0;
}

char *flux_unwrap_string (const char *in, bool verify, uint32_t *userid,
                          flux_error_t *error)
{
    struct job_sign_conf conf;
    struct job_sign_info info;
    char *payload;
    size_t len;
    int rc;

    if (!in) {
        errno = EINVAL;
        return NULL;
    }
    if (!(payload = job_sign_unwrap (in, &len, &info, error)))
        return NULL;
    if (verify && ((rc = job_sign_read_conf (&conf, error)) < 0
                   || (rc = job_sign_verify (in, &info, getuid (), &conf, error)) < 0)) {
        free (payload);
        errno = -rc;
        return NULL;
    }
    if (userid)
        *userid = info.userid;
    return payload;
}
