/* strerror.c - texts of error numbers
 *
 * The C library's own, in English whatever the locale, and thread safe.
 */
#include <stdio.h>
#include <string.h>
#include <flux/core.h>

const char *flux_strerror (int errnum)
{
    static __thread char unknown[32];
    const char *s = strerrordesc_np (errnum);

    if (s)
        return s;
    snprintf (unknown, sizeof (unknown), "Unknown error %d", errnum);
    return unknown;
}
