/* fuzz_crontab.c - lines of a crontab: what is accepted is due in the future, or never
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "modules/cron/crontab.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *line = strndup ((const char *)data, size);
    struct crontab c;
    flux_error_t err;
    const char *rest;
    time_t t;

    if (line && crontab_parse (line, &c, &rest, &err) == 0) {
        t = crontab_next (&c, 1700000000);
        if (rest < line || rest > line + strlen (line) || (t != -1 && t <= 1700000000))
            abort ();
    }
    free (line);
    return 0;
}
