/* fuzz_constraint.c - constraint text and objects, and dependency URIs
 */
#include <stddef.h>
#include <stdint.h>

#include "spec/constraint.h"
#include "spec/dependency.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *s = strndup ((const char *)data, size);
    flux_error_t err;
    json_t *o;

    if (!s)
        return 0;
    json_decref (constraint_parse (s, "name", &err));
    if ((o = constraint_parse_job (s, &err)))
        (void)constraint_validate (o, &err);
    json_decref (o);
    if ((o = json_loads (s, 0, NULL)))
        (void)constraint_validate (o, &err);
    json_decref (o);
    if ((o = dependency_parse (s, &err)))
        (void)dependency_validate (o, &err);
    json_decref (o);
    free (s);
    return 0;
}
