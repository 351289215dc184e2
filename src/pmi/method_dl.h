/* method_dl.h - what the two methods that load a library share
 */
#ifndef PMI_METHOD_DL_H
#define PMI_METHOD_DL_H

#include "pmi/method.h"

/* Load 'path', or else NAME.so.0 or NAME.so from where the loader looks.  NULL with
 * err->text.  It stays loaded: such libraries leave threads and handlers behind. */
void *method_dl_open (const char *name, const char *path, bool noflux,
                      flux_error_t *err);
/* Look up 'name' of the library: NULL with err->text. */
void *method_dl_symbol (void *dso, const char *name, flux_error_t *err);

/* Run a call that may wait for others in a thread of its own, so that a signal or
 * ctx->timeout can end the wait: then -EINTR or -ETIMEDOUT, the call goes on, and the
 * library and 'arg' must not be touched any more.  Otherwise *resultp is what fn (arg)
 * returned. */
int method_dl_wait (const struct pmi_context *ctx, int (*fn) (void *arg), void *arg,
                    int *resultp, flux_error_t *err);

#endif /* !PMI_METHOD_DL_H */
