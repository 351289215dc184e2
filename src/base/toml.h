/* toml.h - TOML 1.0 to JSON
 *
 * Strings, integers (63 bit and sign), floats, booleans, arrays and tables
 * become their JSON kind.  Dates and times become an object
 * {"iso-8601-ts": "..."}.  inf and nan are errors (JSON has neither).
 */
#ifndef BASE_TOML_H
#define BASE_TOML_H

#include <jansson.h>
#include <flux/core/types.h>

/* Parse text (need not be NUL terminated).  Returns a new reference, or NULL
 * with errno set and err->text "LINE:COL: what is wrong". */
json_t *toml_parse (const char *text, size_t len, flux_error_t *err);
/* The same of a file; err->text starts with "PATH:". */
json_t *toml_parse_file (const char *path, flux_error_t *err);

#endif /* !BASE_TOML_H */
