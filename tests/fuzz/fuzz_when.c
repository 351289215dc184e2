/* fuzz_when.c - points in time in words */
#include <errno.h>
#include <math.h>
#include <stdint.h>

#include "base/when.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *s = strndup ((const char *)data, size);
    flux_error_t err = { .text = "" };
    double t = 77;
    int rc;

    FUZZ_CHECK (s != NULL);
    rc = when_parse (s, 1624267805, &t, &err);
    FUZZ_CHECK (rc == 0 ? isfinite (t) : rc == -EINVAL && t == 77 && err.text[0] != '\0');
    free (s);
    return 0;
}
