/* policyconf.h - is a [policy] table well formed? (RFC 33, flux-config-policy(5))
 */
#ifndef JOB_POLICYCONF_H
#define JOB_POLICYCONF_H

#include <jansson.h>
#include <flux/core/types.h>

/* Follow a path such as "limits.duration" into nested objects: borrowed, or NULL. */
json_t *policyconf_get (json_t *table, const char *path);

/* Check the table (NULL: there is none) that the configuration has at 'what'.  0, or
 * -EINVAL with err->text, which names the key. */
int policyconf_check (json_t *policy, const char *what, flux_error_t *err);

#endif /* !JOB_POLICYCONF_H */
