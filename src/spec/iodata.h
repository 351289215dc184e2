/* iodata.h - a piece of standard I/O as a JSON object (RFC 24 data event
 * context; RFC 42 I/O object)
 */
#ifndef SPEC_IODATA_H
#define SPEC_IODATA_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

struct iodata {
    const char *stream;
    const char *rank;    /* an idset, or "all" */
    const char *data;    /* NULL if there is none; NUL terminated beyond len */
    size_t len;
    int repeat;          /* number of copies, at least 1 */
    bool eof;
    void *mem;           /* private: iodata_release() frees it */
};

/* Text goes as it is, anything that is not UTF-8 or has a NUL as base64.  With
 * len 0 there is no data key.  New reference, or NULL (no memory, or stream or
 * rank not UTF-8). */
json_t *iodata_encode (const char *stream, const char *rank,
                       const void *data, size_t len, bool eof);

/* Decode; strings are borrowed from 'o' or from io->mem.  'encoding' is what
 * holds if the object does not say ("UTF-8", "base64"; NULL is UTF-8).
 * 0, -EPROTO or -ENOMEM; on error *io needs no release. */
int iodata_decode (const json_t *o, const char *encoding, struct iodata *io);
/* Decode the context of a data event.  'header' is the context of the header event of the
 * same log, which tells each stream's encoding, or NULL. */
int iodata_decode_event (const json_t *context, const json_t *header, struct iodata *io);
void iodata_release (struct iodata *io);

#endif /* !SPEC_IODATA_H */
