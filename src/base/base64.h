/* base64.h - the standard variant of base64 (RFC 4648 section 4), with padding
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

/* Bytes base64_encode() writes for len bytes of data, with the final NUL. */
size_t base64_encoded_size (size_t len);
/* Encode into 'out', which has room for base64_encoded_size (len) bytes.
 * Returns the length without the NUL. */
size_t base64_encode (const void *data, size_t len, char *out);

/* Bytes of room base64_decode() needs for slen characters of input. */
size_t base64_decoded_size (size_t slen);
/* Decode slen characters of s into 'out'; *lenp is set to the number of bytes.
 * 0 or -EINVAL: foreign character, wrong padding or length (out is undefined). */
int base64_decode (const char *s, size_t slen, void *out, size_t *lenp);

#endif /* !BASE_BASE64_H */
