/* verify.h - are the resources of a node what the inventory says?
 */
#ifndef RESOURCE_VERIFY_H
#define RESOURCE_VERIFY_H

#include "modules/resource/rconfig.h"

/* Compare one rank of 'expected' with the same of 'found' (as it was discovered
 * there).  0, or -EINVAL with err->text: what differs, fit for a drain reason.
 * A rank that either does not have is not an error. */
int verify_rank (const struct rconfig *c, const struct rset *expected,
                 const struct rset *found, uint32_t rank, flux_error_t *err);

#endif /* !RESOURCE_VERIFY_H */
