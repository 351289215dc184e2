/* flog.h - logging to the broker (man3 flux_log)
 *
 * Messages are sent to the local broker as RFC 5424 text and not waited for.
 * levels are those of syslog(3).  Nothing here changes errno on success.
 */
#ifndef _FLUX_CORE_FLOG_H
#define _FLUX_CORE_FLOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLUX_LOG_ERROR(h) \
    (void)flux_log_error ((h), "%s::%d[%s]", __FILE__, __LINE__, __FUNCTION__)

typedef void (*flux_log_f) (const char *buf, int len, void *arg);

/* flux_vlog() in the form that some libraries want; arg is the handle. */
void flux_llog (void *arg,
                const char *file,
                int line,
                const char *func,
                const char *subsys,
                int level,
                const char *fmt,
                va_list ap);

/* Log.  With h NULL, print to stderr.  Trailing white space is dropped. */
int flux_log (flux_t *h, int level, const char *fmt, ...);

/* Log at LOG_ERR, with ": " and the text of errno added. */
void flux_log_error (flux_t *h, const char *fmt, ...);

/* Default: the name of the program. */
void flux_log_set_appname (flux_t *h, const char *s);

/* Default: none; the broker fills in its rank. */
void flux_log_set_hostname (flux_t *h, const char *s);

/* Default: the process id. */
void flux_log_set_procid (flux_t *h, const char *s);

/* Hand the RFC 5424 text (len bytes) to fun instead of sending it.  What fun
 * itself logs is dropped.  NULL undoes it. */
void flux_log_set_redirect (flux_t *h, flux_log_f fun, void *arg);

void flux_log_verror (flux_t *h, const char *fmt, va_list ap);

/* Text of an errno value.  Thread safe. */
const char *flux_strerror (int errnum);

int flux_vlog (flux_t *h, int level, const char *fmt, va_list ap);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_FLOG_H */
