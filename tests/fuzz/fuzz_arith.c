/* fuzz_arith.c - arithmetic of flux bulksubmit --define: a number, or a reason
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cmd/arith.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const char *const inputs[] = { "3", "-1.5", "text", "", NULL };
    char *code = strndup ((const char *)data, size);
    flux_error_t err;

    for (int i = 0; code && inputs[i]; i++) {
        json_t *o = arith_eval (code, inputs[i], &err);
        const char *s = json_string_value (o);
        if (s && strcmp (s, inputs[i]) != 0 && strspn (s, "-0123456789") != strlen (s))
            abort ();
        if (o ? !json_is_string (o) && !json_is_number (o) : !err.text[0])
            abort ();
        json_decref (o);
    }
    free (code);
    return 0;
}
