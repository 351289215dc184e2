/* duration.h - Flux standard duration (RFC 23)
 */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stddef.h>

/* "90", "1.5m", "2h", "1d", "100ms", "inf", "infinity" -> seconds (INFINITY
 * for inf).  0 or -EINVAL: negative, NaN, unknown suffix, trailing bytes. */
int duration_parse (const char *s, double *secondsp);
/* FSD text in the largest unit that makes it 1 or more, with six significant
 * digits: "250ms", "12s", "1.5m", "2h", "infinity".  0 or -EOVERFLOW, -EINVAL
 * (negative or NaN). */
int duration_format (double seconds, char *buf, size_t size);

#endif /* !BASE_DURATION_H */
