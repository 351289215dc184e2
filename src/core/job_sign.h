/* job_sign.h - wrapping of a jobspec into J (RFC 39), mechanism "none"
 */
#ifndef CORE_JOB_SIGN_H
#define CORE_JOB_SIGN_H

#include <stddef.h>
#include <stdint.h>
#include <flux/core/types.h>

/* HEADER.PAYLOAD.none around len bytes; the caller frees.  NULL: no memory. */
char *job_sign_wrap (const void *payload, size_t len, uint32_t userid);

struct job_sign_info {
    int64_t userid;         /* the claimed one */
    char mechanism[32];
};

/* Take J apart: the payload, NUL terminated beyond *lenp; the caller frees.
 * NULL with errno EINVAL or ENOMEM and err->text.  Verifies nothing. */
char *job_sign_unwrap (const char *J, size_t *lenp, struct job_sign_info *info,
                       flux_error_t *err);

#endif /* !CORE_JOB_SIGN_H */
