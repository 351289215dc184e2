/* duration.h - Flux standard duration (RFC 23)
 */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stddef.h>

/* "90", "1.5m", "2h", "1d", "100ms", "inf", "infinity" -> seconds (INFINITY
 * for inf).  0 or -EINVAL: negative, NaN, unknown suffix, trailing bytes. */
int duration_parse (const char *s, double *secondsp);
/* Shortest FSD text with one unit: "90s", "1.5m", "2h".  0 or -EOVERFLOW. */
int duration_format (double seconds, char *buf, size_t size);

#endif /* !BASE_DURATION_H */
