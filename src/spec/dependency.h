/* dependency.h - dependencies (RFC 26), text to object and back
 */
#ifndef SPEC_DEPENDENCY_H
#define SPEC_DEPENDENCY_H

#include <jansson.h>
#include <flux/core/types.h>

/* "SCHEME:VALUE[?key=val[&key=val...]]" (options divided by & or ;, percent
 * decoding in values) to {"scheme":, "value":, ...}.  A scheme without a value
 * ("singleton") has the value "".  What a scheme requires beside its value is
 * not checked here.  New reference, or NULL with errno and err->text. */
json_t *dependency_parse (const char *uri, flux_error_t *err);
/* Validate one RFC 26 object.  0, or -EINVAL with err->text, which starts with
 * the name of the key. */
int dependency_validate (const json_t *o, flux_error_t *err);

#endif /* !SPEC_DEPENDENCY_H */
