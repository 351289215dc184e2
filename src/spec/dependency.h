/* dependency.h - dependencies (RFC 26), text to object and back
 */
#ifndef SPEC_DEPENDENCY_H
#define SPEC_DEPENDENCY_H

#include <jansson.h>
#include <flux/core/types.h>

/* "SCHEME:VALUE[?key=val[&key=val...]]" (with percent decoding in values, and
 * scheme shorthand like "after:JOBID") to {"scheme":, "value":, ...}.  New
 * reference or NULL with err->text. */
json_t *dependency_parse (const char *uri, flux_error_t *err);
/* Validate one RFC 26 object.  0 or -EINVAL with err->text. */
int dependency_validate (const json_t *o, flux_error_t *err);

#endif /* !SPEC_DEPENDENCY_H */
