/* fuzz_cert.c - any bytes as a certificate: what is accepted survives being written
 * and read; what is refused comes with a message
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spec/cert.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    flux_error_t err = { .text = "" };
    struct cert *c = cert_decode ((const char *)data, size, &err);
    struct cert *back;
    char *s, *again;

    if (!c) {
        FUZZ_CHECK (err.text[0] != '\0');
        return 0;
    }
    FUZZ_CHECK ((s = cert_encode (c, "")) != NULL);
    FUZZ_CHECK ((back = cert_decode (s, strlen (s), &err)) != NULL);
    FUZZ_CHECK ((again = cert_encode (back, "")) != NULL);
    FUZZ_CHECK (!strcmp (s, again));
    free (again);
    free (s);
    cert_free (back);
    cert_free (c);
    return 0;
}
