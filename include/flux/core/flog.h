/* flog.h - logging to the broker (man3 flux_log)
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

void flux_llog (void *arg,
                const char *file,
                int line,
                const char *func,
                const char *subsys,
                int level,
                const char *fmt,
                va_list ap);

int flux_log (flux_t *h, int level, const char *fmt, ...);

void flux_log_error (flux_t *h, const char *fmt, ...);

void flux_log_set_appname (flux_t *h, const char *s);

void flux_log_set_hostname (flux_t *h, const char *s);

void flux_log_set_procid (flux_t *h, const char *s);

void flux_log_set_redirect (flux_t *h, flux_log_f fun, void *arg);

void flux_log_verror (flux_t *h, const char *fmt, va_list ap);

const char *flux_strerror (int errnum);

int flux_vlog (flux_t *h, int level, const char *fmt, va_list ap);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_FLOG_H */
