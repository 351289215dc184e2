/* z85.h - ZeroMQ's text form of bytes (rfc.zeromq.org/spec/32)
 *
 * Four bytes are five characters; CURVE keys of 32 bytes have 40.
 */
#ifndef BASE_Z85_H
#define BASE_Z85_H

#include <stddef.h>

/* Encode len bytes, a multiple of 4, into 'out', which has room for
 * len / 4 * 5 + 1 characters. */
void z85_encode (const void *data, size_t len, char *out);

/* Decode slen characters, a multiple of 5, into 'out', which has room for
 * slen / 5 * 4 bytes.  0, or -EINVAL: wrong length, a foreign character, or a group
 * above 32 bits ('out' is undefined then). */
int z85_decode (const char *s, size_t slen, void *out);

#endif /* !BASE_Z85_H */
