/* reload.h - another R, given as R or as the topologies of nodes (flux resource
 * reload)
 */
#ifndef RESOURCE_RELOAD_H
#define RESOURCE_RELOAD_H

#include <flux/core.h>

struct reload;
struct rset;

/* Called once: 'R' is taken; NULL: 'text' says why not. */
typedef void (*reload_f) (struct reload *rl, struct rset *R, int errnum,
                          const char *text, void *arg);

/* "R" or "xml" (array of hwloc XML, of ranks 0, 1, ...) of a request.  'R' must
 * not have ranks from 'size' on, unless 'force' is set in it.  NULL with errno
 * and err->text. */
struct reload *reload_start (flux_t *h, const flux_msg_t *msg, uint32_t size,
                             reload_f cb, void *arg, flux_error_t *err);
/* From the callback or at the end. */
void reload_free (struct reload *rl);
const flux_msg_t *reload_msg (const struct reload *rl);

#endif /* !RESOURCE_RELOAD_H */
