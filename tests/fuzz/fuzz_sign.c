/* fuzz_sign.c - any bytes as a signed jobspec J
 *
 * What is taken apart says whose it is; what is refused comes with a message; and what
 * is claimed without proof is accepted from nobody else.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/job_sign.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const struct job_sign_conf conf = { .allow_none = true, .max_ttl = 1 };
    struct job_sign_info info;
    flux_error_t err = { .text = "" };
    char *J = strndup ((const char *)data, size);
    size_t len;
    char *payload;

    FUZZ_CHECK (J != NULL);
    if (!(payload = job_sign_unwrap (J, &len, &info, &err)))
        FUZZ_CHECK (err.text[0] != '\0');
    else {
        FUZZ_CHECK (info.userid >= 0 && info.userid <= UINT32_MAX && payload[len] == '\0');
        FUZZ_CHECK (job_sign_verify (J, &info, (uint32_t)info.userid + 1, &conf, &err) < 0);
    }
    free (payload);
    free (J);
    return 0;
}
