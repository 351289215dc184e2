/* dso.h - our own shared objects, loaded at first use
 *
 * What needs a heavy library (ZeroMQ, SQLite, hwloc, libcrypto, ...) lives in
 * a shared object of its own in $libdir/flux/private (installed) or
 * build/lib/private (in tree), so that a process that does not need it does not
 * pay for it.
 */
#ifndef BASE_DSO_H
#define BASE_DSO_H

#include <flux/core/types.h>

/* Load NAME.so and look up 'symbol'.  The object stays loaded for the life of
 * the process; calling again is cheap.  Thread safe.  Returns the address or
 * NULL, with err filled. */
void *dso_symbol (const char *name, const char *symbol, flux_error_t *err);

/* The same of an object whose libraries have functions by the names of others that are
 * in the process (libevent's, and libev's of the same names): they get their own.  The
 * address sanitizer does not allow it: then it is as dso_symbol(). */
void *dso_symbol_apart (const char *name, const char *symbol, flux_error_t *err);

#endif /* !BASE_DSO_H */
