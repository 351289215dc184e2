/* rendezvous_wire.h - what the processes of a rendezvous say to each other
 *
 * Rank 0 writes its card into a file that only its user can read:
 *
 *   {"key": 64 hex digits, "port": i, "host": s, "addrs": [s, ...]}
 *
 * The others connect and both sides send frames:
 *
 *   length (4 bytes, big endian, of the rest) | HMAC-SHA256 (32 bytes) | JSON object
 *
 * The HMAC is keyed by the card and covers the direction, 'C' (to rank 0) or 'S', and
 * the object: who cannot read the file can neither speak nor change a word.
 *
 *   C {"rank": i}                        first
 *   S {"size": i}
 *   C {"round": i, "put": {k: v, ...}}   this process is in its barrier number 'round'
 *   S {"round": i, "put": {k: v, ...}}   all are, and this is what all of them put
 *   C, S {"error": s}                    it is over
 */
#ifndef PMI_RENDEZVOUS_WIRE_H
#define PMI_RENDEZVOUS_WIRE_H

#include <stddef.h>
#include <flux/core/types.h>
#include <jansson.h>

#include "base/buf.h"

#define RENDEZVOUS_KEY_SIZE 32
#define RENDEZVOUS_MAC_SIZE 32
#define RENDEZVOUS_ADDRS_MAX 16
#define RENDEZVOUS_CARD_MAX 4096

struct rendezvous_card {
    unsigned char key[RENDEZVOUS_KEY_SIZE];
    int port;
    char host[256];
    int naddrs;
    char addrs[RENDEZVOUS_ADDRS_MAX][64];
};

/* For free(), or NULL: no memory. */
char *rendezvous_card_encode (const struct rendezvous_card *card);
/* 0, or -EPROTO. */
int rendezvous_card_decode (const char *s, size_t len, struct rendezvous_card *card);

/* The HMAC of from | text.  0, -ENOMEM, -ENOSYS (libcrypto is missing). */
int rendezvous_hmac (const unsigned char *key, char from, const char *text, size_t len,
                     unsigned char mac[RENDEZVOUS_MAC_SIZE]);
/* Append a frame.  0, -ENOMEM, -ENOSYS (libcrypto is missing). */
int rendezvous_frame_encode (struct buf *b, const unsigned char *key, char from,
                             const json_t *o);
/* Take the first frame of 'len' bytes: its length, with *op a new reference, or
 * -EAGAIN (there is more to come), -EPROTO (longer than max, or no object), -EPERM
 * (another key or direction), -ENOMEM, -ENOSYS. */
int rendezvous_frame_decode (const char *data, size_t len, const unsigned char *key,
                             char from, size_t max, json_t **op);

#endif /* !PMI_RENDEZVOUS_WIRE_H */
