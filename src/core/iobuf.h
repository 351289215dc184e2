/* iobuf.h - the bytes of one stream between a process and its reader
 *
 *      data
 *      |  consumed  |   unread   |  room  |
 *                   ^start       ^start+len
 *
 * A plain value: initialise with iobuf_init().  What iobuf_take() returns is
 * NUL terminated in place (the byte that stood there is put back by the next
 * call) and valid until the next call on the same buffer.
 */
#ifndef CORE_IOBUF_H
#define CORE_IOBUF_H

#include <stdbool.h>
#include <stddef.h>

struct iobuf {
    char *data;
    size_t start;
    size_t len;      /* unread bytes */
    size_t size;     /* allocated, one more than can be filled */
    size_t max;      /* limit of len */
    size_t scanned;  /* unread bytes known to have no newline */
    char *nul;       /* where a NUL stands in for 'saved' */
    char saved;
};

void iobuf_init (struct iobuf *b, size_t max);
void iobuf_release (struct iobuf *b);  /* frees; the limit stays */

static inline size_t iobuf_len (const struct iobuf *b)
{
    return b->len;
}

static inline size_t iobuf_space (const struct iobuf *b)
{
    return b->len < b->max ? b->max - b->len : 0;
}

/* 0, -ENOMEM, or -ENOSPC if it would go beyond the limit (nothing is added). */
int iobuf_add (struct iobuf *b, const void *data, size_t len);
/* Length of the first line with its newline, or 0 if there is none. */
size_t iobuf_line (struct iobuf *b);
/* Unread bytes, at most 'max', without consuming them: for write(2). */
const char *iobuf_peek (struct iobuf *b);
void iobuf_consume (struct iobuf *b, size_t n);
/* Consume n bytes (n <= len) and return them. */
const char *iobuf_take (struct iobuf *b, size_t n);

#endif /* !CORE_IOBUF_H */
