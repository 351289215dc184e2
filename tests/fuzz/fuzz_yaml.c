/* fuzz_yaml.c - jobspecs in YAML: what is accepted is the same when read again as JSON */
#include "tests/fuzz/fuzz.h"

#include "graph/read_yaml.h"
#include "graph/request.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err = { "" };
    json_t *o = yaml_to_json ((const char *)data, size, &err), *again;
    struct request *r;
    char *s;

    if (!o)
        return 0;
    if ((s = json_dumps (o, JSON_ENCODE_ANY))) {
        FUZZ_CHECK ((again = json_loads (s, JSON_DECODE_ANY, NULL)));
        FUZZ_CHECK (json_equal (o, again));
        json_decref (again);
        free (s);
    }
    if ((r = request_from_json (o, &err)))
        FUZZ_CHECK (r->ntop > 0);
    request_free (r);
    if ((r = request_from_json_flexible (o, &err)))
        FUZZ_CHECK (r->ntop > 0);
    request_free (r);
    json_decref (o);
    return 0;
}
