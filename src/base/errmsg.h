/* errmsg.h - fill a flux_error_t
 */
#ifndef BASE_ERRMSG_H
#define BASE_ERRMSG_H

#include <flux/core/types.h>

/* Print into err->text (160 bytes, truncated with '+' if too long) and return
 * the negative errno 'rc', so that "return errmsg (err, -EINVAL, ...)" reads
 * well.  err may be NULL, and err->text may be among the arguments.  errno is
 * left as it was.
 */
int errmsg (flux_error_t *err, int rc, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));

#endif /* !BASE_ERRMSG_H */
