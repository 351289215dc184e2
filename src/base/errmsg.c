/* errmsg.c - fill a flux_error_t */
#include "base/errmsg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int errmsg (flux_error_t *err, int rc, const char *fmt, ...)
{
    int saved_errno = errno;
    flux_error_t e;
    va_list ap;

    if (err) {
        va_start (ap, fmt);
        int n = vsnprintf (e.text, sizeof (e.text), fmt, ap);
        va_end (ap);
        if (n < 0)
            e.text[0] = '\0';
        else if ((size_t)n >= sizeof (e.text))
            e.text[sizeof (e.text) - 2] = '+';
        /* by way of a copy, as err->text may be among the arguments */
        memcpy (err->text, e.text, strlen (e.text) + 1);
    }
    errno = saved_errno;
    return rc;
}
