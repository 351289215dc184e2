/* job_sign.h - wrapping of a jobspec into J (RFC 39)
 *
 * Mechanism "none" is for instances where owner and submitter are one user; with
 * "munge", the daemon munged vouches for the user.  Which a site uses is told by the
 * table [sign] of the configuration in security/conf.d:
 *
 *   default-type     what jobs are signed with
 *   allowed-types    what is accepted
 *   max-ttl          seconds that a signature is good for
 *
 * Without the files: none, and both are accepted.
 */
#ifndef CORE_JOB_SIGN_H
#define CORE_JOB_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <flux/core/types.h>

struct job_sign_conf {
    bool munge;             /* is the default */
    bool allow_none;
    bool allow_munge;
    int max_ttl;
};

/* The site's.  0 or a negative errno with err->text. */
int job_sign_read_conf (struct job_sign_conf *conf, flux_error_t *err);

/* HEADER.PAYLOAD.none around len bytes; the caller frees.  NULL: no memory. */
char *job_sign_wrap (const void *payload, size_t len, uint32_t userid);
/* Sign as this process's user, with the site's default mechanism (looked up once); the
 * caller frees.  May wait for munged.  NULL and errno with err->text. */
char *job_sign_wrap_site (const void *payload, size_t len, flux_error_t *err);

struct job_sign_info {
    int64_t userid;         /* the claimed one */
    char mechanism[32];
};

/* Take J apart: the payload, NUL terminated beyond *lenp; the caller frees.
 * NULL with errno EINVAL or ENOMEM and err->text.  Verifies nothing. */
char *job_sign_unwrap (const char *J, size_t *lenp, struct job_sign_info *info,
                       flux_error_t *err);
/* Is J, which has been taken apart, from the user it claims?  With mechanism none that
 * must be 'none_is'.  May wait for munged.  0 or a negative errno with err->text. */
int job_sign_verify (const char *J, const struct job_sign_info *info, uint32_t none_is,
                     const struct job_sign_conf *conf, flux_error_t *err);

#endif /* !CORE_JOB_SIGN_H */
