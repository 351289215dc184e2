/* fluid.h - Flux locally unique ids (RFC 19)
 *
 * A FLUID is a 64-bit integer: 40 bits of milliseconds since an epoch, 14 bits
 * of generator id, 10 bits of sequence.
 */
#ifndef BASE_FLUID_H
#define BASE_FLUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fluid_form {
    FLUID_DEC,
    FLUID_HEX,        /* 0x1a2b */
    FLUID_DOTHEX,     /* 0000.0000.1a2b.0000 */
    FLUID_F58,        /* ƒABC (UTF-8) */
    FLUID_F58_PLAIN,  /* fABC */
    FLUID_WORDS,      /* reform-remote-galileo--heart-package-academy (wordlist.h) */
    FLUID_EMOJI,
};

struct fluid_gen {
    uint16_t id;          /* generator, below 16384 */
    uint16_t seq;         /* sequence number of the next id */
    uint64_t epoch_ms;    /* CLOCK_REALTIME ms that counts as zero */
    uint64_t last;        /* its timestamp at least, ms since the epoch */
};

/* Start a generator whose first id is greater than any made before 'start'
 * (ms of fluid time).  Returns 0 or -EINVAL. */
int fluid_gen_init (struct fluid_gen *g, uint32_t id, uint64_t start_ms);
/* Make the next id: strictly increasing, never blocks: when 1024 ids were made
 * in one millisecond it borrows from the next.  0 or -EOVERFLOW. */
int fluid_gen_next (struct fluid_gen *g, uint64_t *idp);
uint64_t fluid_timestamp_ms (uint64_t id);

/* Encode into buf (size bytes, with NUL).  0 or -EOVERFLOW, -EINVAL,
 * -ENOTSUP (words, and there is no list of them). */
int fluid_encode (uint64_t id, enum fluid_form form, char *buf, size_t size);
/* Parse any form; leading and trailing white space is ignored.  0 or -EINVAL,
 * -ERANGE, -ENOTSUP (words, and there is no list of them). */
int fluid_parse (const char *s, uint64_t *idp);

/* Is F58 to be written with a plain f, by an environment that 'get' (with 'arg') looks
 * variables up in, NULL for one that is not set?  Without 'get', by that of the process.
 * It is if FLUX_F58_FORCE_ASCII is set, and where the locale (LC_ALL, LC_CTYPE, LANG: the
 * first that is not empty) is not of UTF-8. */
bool fluid_plain (const char *(*get) (const void *arg, const char *name), const void *arg);

#endif /* !BASE_FLUID_H */
