/* dso_munge.c - private/munge.so, the only part that links libmunge */
#include "base/dso_munge.h"

#include <errno.h>
#include <munge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libmunge itself says is about the socket, if there is a context. */
static void explain (munge_ctx_t ctx, munge_err_t e, char *why, size_t size)
{
    const char *s = ctx ? munge_ctx_strerror (ctx) : NULL;

    snprintf (why, size, "%s%s", s ? s : munge_strerror (e),
              e == EMUNGE_SOCKET ? ": is munged running?" : "");
}

char *munge_sign (const void *data, size_t len, char *why, size_t whysize)
{
    munge_ctx_t ctx = munge_ctx_create ();
    char *cred = NULL;
    munge_err_t e = munge_encode (&cred, ctx, data, (int)len);

    if (e != EMUNGE_SUCCESS) {
        explain (ctx, e, why, whysize);
        free (cred);
        cred = NULL;
    }
    munge_ctx_destroy (ctx);
    return cred;
}

int munge_verify (const char *cred, const void *data, size_t len, uid_t *uid, time_t *made,
                  char *why, size_t whysize)
{
    munge_ctx_t ctx = munge_ctx_create ();
    void *got = NULL;
    int gotlen = 0;
    gid_t gid;
    munge_err_t e = munge_decode (cred, ctx, &got, &gotlen, uid, &gid);
    int rc = 0;

    if (e != EMUNGE_SUCCESS && e != EMUNGE_CRED_REPLAYED && e != EMUNGE_CRED_EXPIRED) {
        explain (ctx, e, why, whysize);
        rc = e == EMUNGE_SOCKET || e == EMUNGE_SNAFU || e == EMUNGE_NO_MEMORY ? -EIO : -EPERM;
    }
    else if (!got || gotlen != (int)len || memcmp (got, data, len) != 0) {
        snprintf (why, whysize, "the credential is of something else");
        rc = -EPERM;
    }
    else if (!ctx || munge_ctx_get (ctx, MUNGE_OPT_ENCODE_TIME, made) != EMUNGE_SUCCESS) {
        snprintf (why, whysize, "the credential has no time");
        rc = -EPERM;
    }
    free (got);
    munge_ctx_destroy (ctx);
    return rc;
}
