/* base64.c - the standard variant of base64 (RFC 4648 section 4)
 */
#include "base/base64.h"

#include <errno.h>
#include <stdint.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Value of each character; those that are not of the alphabet lack V. */
#define V 0x40
static const uint8_t values[256] = {
    ['A'] = V | 0, ['B'] = V | 1, ['C'] = V | 2, ['D'] = V | 3, ['E'] = V | 4,
    ['F'] = V | 5, ['G'] = V | 6, ['H'] = V | 7, ['I'] = V | 8, ['J'] = V | 9,
    ['K'] = V | 10, ['L'] = V | 11, ['M'] = V | 12, ['N'] = V | 13, ['O'] = V | 14,
    ['P'] = V | 15, ['Q'] = V | 16, ['R'] = V | 17, ['S'] = V | 18, ['T'] = V | 19,
    ['U'] = V | 20, ['V'] = V | 21, ['W'] = V | 22, ['X'] = V | 23, ['Y'] = V | 24,
    ['Z'] = V | 25, ['a'] = V | 26, ['b'] = V | 27, ['c'] = V | 28, ['d'] = V | 29,
    ['e'] = V | 30, ['f'] = V | 31, ['g'] = V | 32, ['h'] = V | 33, ['i'] = V | 34,
    ['j'] = V | 35, ['k'] = V | 36, ['l'] = V | 37, ['m'] = V | 38, ['n'] = V | 39,
    ['o'] = V | 40, ['p'] = V | 41, ['q'] = V | 42, ['r'] = V | 43, ['s'] = V | 44,
    ['t'] = V | 45, ['u'] = V | 46, ['v'] = V | 47, ['w'] = V | 48, ['x'] = V | 49,
    ['y'] = V | 50, ['z'] = V | 51, ['0'] = V | 52, ['1'] = V | 53, ['2'] = V | 54,
    ['3'] = V | 55, ['4'] = V | 56, ['5'] = V | 57, ['6'] = V | 58, ['7'] = V | 59,
    ['8'] = V | 60, ['9'] = V | 61, ['+'] = V | 62, ['/'] = V | 63,
};

size_t base64_encoded_size (size_t len)
{
    return (len + 2) / 3 * 4 + 1;
}

size_t base64_encode (const void *data, size_t len, char *out)
{
    const uint8_t *p = data;
    char *o = out;
    size_t i;

    for (i = 0; i + 2 < len; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | p[i + 1] << 8 | p[i + 2];
        *o++ = alphabet[v >> 18];
        *o++ = alphabet[v >> 12 & 63];
        *o++ = alphabet[v >> 6 & 63];
        *o++ = alphabet[v & 63];
    }
    if (i < len) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < len ? p[i + 1] << 8 : 0);
        *o++ = alphabet[v >> 18];
        *o++ = alphabet[v >> 12 & 63];
        *o++ = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
        *o++ = '=';
    }
    *o = '\0';
    return o - out;
}

size_t base64_decoded_size (size_t slen)
{
    return slen / 4 * 3;
}

/* The last four characters, which may have padding. */
static int decode_tail (const uint8_t *p, uint8_t *o, size_t *np)
{
    int pad = (p[3] == '=') + (p[3] == '=' && p[2] == '=');
    uint8_t c2 = pad == 2 ? V : values[p[2]], c3 = pad ? V : values[p[3]];

    if (!(values[p[0]] & values[p[1]] & c2 & c3 & V))
        return -EINVAL;
    uint32_t v = (uint32_t)(values[p[0]] & 63) << 18 | (values[p[1]] & 63) << 12
                 | (c2 & 63) << 6 | (c3 & 63);
    /* bits that padding leaves over must be zero: one text for one value */
    if ((pad == 2 && (v & 0xffff)) || (pad == 1 && (v & 0xff)))
        return -EINVAL;
    o[0] = v >> 16;
    if (pad < 2)
        o[1] = v >> 8;
    if (pad < 1)
        o[2] = v;
    *np = 3 - pad;
    return 0;
}

int base64_decode (const char *s, size_t slen, void *out, size_t *lenp)
{
    const uint8_t *p = (const uint8_t *)s;
    uint8_t *o = out;
    size_t i, n = 0;

    if (slen % 4)
        return -EINVAL;
    for (i = 0; i + 4 < slen; i += 4) {
        uint8_t a = values[p[i]], b = values[p[i + 1]];
        uint8_t c = values[p[i + 2]], d = values[p[i + 3]];
        if (!(a & b & c & d & V))
            return -EINVAL;
        *o++ = a << 2 | (b & 63) >> 4;
        *o++ = b << 4 | (c & 63) >> 2;
        *o++ = c << 6 | (d & 63);
    }
    if (slen && decode_tail (p + i, o, &n) < 0)
        return -EINVAL;
    *lenp = o - (uint8_t *)out + n;
    return 0;
}
