/* dso_munge.h - the interface of private/munge.so, the only part that links libmunge
 *
 * Include it for the types; the functions are looked up with dso_symbol().  Both talk to
 * the daemon munged, and wait for it.
 */
#ifndef BASE_DSO_MUNGE_H
#define BASE_DSO_MUNGE_H

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* A credential of this process's user over len bytes, for free().  NULL with the reason
 * in 'why'. */
char *munge_sign (const void *data, size_t len, char *why, size_t whysize);

/* Does the credential stand for exactly these bytes?  Then 0, and who made it when.
 * -EPERM, or -EIO (munged cannot tell), with the reason in 'why'.  That it is old, or
 * was seen before, is no error. */
int munge_verify (const char *cred, const void *data, size_t len, uid_t *uid, time_t *made,
                  char *why, size_t whysize);

typedef char *(*munge_sign_f) (const void *, size_t, char *, size_t);
typedef int (*munge_verify_f) (const char *, const void *, size_t, uid_t *, time_t *, char *,
                               size_t);

#endif /* !BASE_DSO_MUNGE_H */
