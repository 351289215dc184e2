/* fuzz_scalar.c - job ids, durations and blobrefs */
#include <errno.h>
#include <math.h>
#include <stdint.h>

#include "base/blobref.h"
#include "base/duration.h"
#include "base/fluid.h"
#include "tests/fuzz/fuzz.h"

static void check_fluid (const char *s)
{
    static const enum fluid_form forms[] = {
        FLUID_DEC, FLUID_HEX, FLUID_DOTHEX, FLUID_F58, FLUID_F58_PLAIN,
        FLUID_EMOJI,
    };
    uint64_t id, back;

    if (fluid_parse (s, &id) < 0)
        return;
    for (size_t i = 0; i < sizeof (forms) / sizeof (forms[0]); i++) {
        char text[64];
        FUZZ_CHECK (fluid_encode (id, forms[i], text, sizeof (text)) == 0);
        FUZZ_CHECK (fluid_parse (text, &back) == 0 && back == id);
    }
}

static void check_duration (const char *s)
{
    double t, back;
    char text[64];

    if (duration_parse (s, &t) < 0)
        return;
    FUZZ_CHECK (t >= 0);
    FUZZ_CHECK (duration_format (t, text, sizeof (text)) == 0);
    FUZZ_CHECK (duration_parse (text, &back) == 0);
    /* six digits are kept; a value may be too small for that */
    FUZZ_CHECK (back == t || fabs (back - t) <= 1e-5 * t || t < 1e-300);
}

static void check_blobref (const char *s)
{
    unsigned char digest[BLOBREF_MAX_DIGEST];
    char ref[BLOBREF_MAX_STRING];
    int n = blobref_decode (s, digest);

    FUZZ_CHECK ((n > 0) == blobref_valid (s));
    if (n < 0)
        return;
    FUZZ_CHECK (blobref_encode (n == 20 ? "sha1" : "sha256", digest, (size_t)n,
                                ref) == 0);
    FUZZ_CHECK (strcmp (ref, s) == 0);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *s = strndup ((const char *)data, size);

    FUZZ_CHECK (s != NULL);
    check_fluid (s);
    check_duration (s);
    check_blobref (s);
    free (s);
    return 0;
}
