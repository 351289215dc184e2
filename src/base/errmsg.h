/* errmsg.h - fill a flux_error_t
 */
#ifndef BASE_ERRMSG_H
#define BASE_ERRMSG_H

/* Print into err->text (160 bytes, truncated with '+' if too long) and return
 * the negative errno 'rc', so that "return errmsg (err, -EINVAL, ...)" reads
 * well.  'err' is a flux_error_t or NULL.
 */
#define errmsg(err, rc, ...) \
    errmsg_fill ((err) ? (err)->text : NULL, (rc), __VA_ARGS__)

int errmsg_fill (char *text, int rc, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));

#endif /* !BASE_ERRMSG_H */
