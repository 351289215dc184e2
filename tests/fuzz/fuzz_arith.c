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
        char *s = arith_eval (code, inputs[i], &err);
        if (s && strcmp (s, inputs[i]) != 0 && (strstr (s, "nan") || strstr (s, "inf")))
            abort ();
        if (!s && !err.text[0])
            abort ();
        free (s);
    }
    free (code);
    return 0;
}
