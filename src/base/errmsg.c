/* errmsg.c - fill a flux_error_t */
#include "base/errmsg.h"

#include <errno.h>
#include <flux/core/types.h>
#include <stdarg.h>
#include <stdio.h>

int errmsg_fill (char *text, int rc, const char *fmt, ...)
{
    const size_t size = sizeof (((flux_error_t *)0)->text);
    int saved_errno = errno;
    va_list ap;

    if (text) {
        va_start (ap, fmt);
        int n = vsnprintf (text, size, fmt, ap);
        va_end (ap);
        if (n < 0)
            text[0] = '\0';
        else if ((size_t)n >= size)
            text[size - 2] = '+';
    }
    errno = saved_errno;
    return rc;
}
