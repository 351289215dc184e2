/* fuzz_toml.c - any bytes as a TOML document
 *
 * What is accepted must be a JSON document that survives being written and
 * read; what is refused must come with a message.
 */
#include <stdint.h>

#include "base/toml.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err = {.text = ""};
    json_t *o = toml_parse ((const char *)data, size, &err);

    if (!o) {
        FUZZ_CHECK (err.text[0] != '\0');
        return 0;
    }
    char *s = json_dumps (o, JSON_COMPACT);
    FUZZ_CHECK (s != NULL);
    json_t *back = json_loads (s, JSON_ALLOW_NUL, NULL);
    FUZZ_CHECK (back != NULL && json_equal (o, back));
    json_decref (back);
    free (s);
    json_decref (o);
    return 0;
}
