/* z85.c - ZeroMQ's text form of bytes
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/z85.h"

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             ".-:+=^!/*?&<>()[]{}@%$#";

void z85_encode (const void *data, size_t len, char *out)
{
    const uint8_t *p = data;

    for (size_t i = 0; i + 4 <= len; i += 4) {
        uint32_t n = (uint32_t)p[i] << 24 | p[i + 1] << 16 | p[i + 2] << 8 | p[i + 3];

        for (int k = 4; k >= 0; k--) {
            out[k] = digits[n % 85];
            n /= 85;
        }
        out += 5;
    }
    *out = '\0';
}

int z85_decode (const char *s, size_t slen, void *out)
{
    uint8_t *p = out;

    if (slen % 5 != 0)
        return -EINVAL;
    for (size_t i = 0; i < slen; i += 5) {
        uint64_t n = 0;

        for (int k = 0; k < 5; k++) {
            const char *d = s[i + k] ? strchr (digits, s[i + k]) : NULL;
            if (!d)
                return -EINVAL;
            n = n * 85 + (uint64_t)(d - digits);
        }
        if (n > UINT32_MAX)
            return -EINVAL;
        for (int k = 3; k >= 0; k--)
            *p++ = (uint8_t)(n >> (8 * k));
    }
    return 0;
}
