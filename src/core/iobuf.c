/* iobuf.c - the bytes of one stream between a process and its reader
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/iobuf.h"

void iobuf_init (struct iobuf *b, size_t max)
{
    memset (b, 0, sizeof (*b));
    b->max = max;
}

void iobuf_release (struct iobuf *b)
{
    free (b->data);
    iobuf_init (b, b->max);
}

static void put_back (struct iobuf *b)
{
    if (b->nul) {
        *b->nul = b->saved;
        b->nul = NULL;
    }
}

/* Make room for extra bytes behind the unread ones, and one for a NUL. */
static int make_room (struct iobuf *b, size_t extra)
{
    size_t need = b->len + extra + 1;
    size_t size = b->size ? b->size : 256;
    char *data;

    if (b->start + need <= b->size)
        return 0;
    if (need <= b->size / 2) {
        memmove (b->data, b->data + b->start, b->len);
        b->start = 0;
        return 0;
    }
    while (size < need + need / 2)
        size *= 2;
    if (!(data = malloc (size)))
        return -ENOMEM;
    if (b->len > 0)
        memcpy (data, b->data + b->start, b->len);
    free (b->data);
    b->data = data;
    b->size = size;
    b->start = 0;
    return 0;
}

int iobuf_add (struct iobuf *b, const void *data, size_t len)
{
    put_back (b);
    if (len > iobuf_space (b))
        return -ENOSPC;
    if (b->len == 0)
        b->start = 0;
    if (make_room (b, len) < 0)
        return -ENOMEM;
    if (len > 0)
        memcpy (b->data + b->start + b->len, data, len);
    b->len += len;
    return 0;
}

size_t iobuf_line (struct iobuf *b)
{
    const char *from, *nl;

    put_back (b);
    if (b->scanned == b->len)
        return 0;
    from = b->data + b->start;
    if (!(nl = memchr (from + b->scanned, '\n', b->len - b->scanned))) {
        b->scanned = b->len;
        return 0;
    }
    b->scanned = nl - from;
    return b->scanned + 1;
}

const char *iobuf_peek (struct iobuf *b)
{
    put_back (b);
    return b->data + b->start;
}

void iobuf_consume (struct iobuf *b, size_t n)
{
    put_back (b);
    b->start += n;
    b->len -= n;
    b->scanned = b->scanned > n ? b->scanned - n : 0;
}

const char *iobuf_take (struct iobuf *b, size_t n)
{
    char *s;

    if (!b->data)
        return "";
    iobuf_consume (b, n);
    s = b->data + b->start - n;
    b->nul = s + n;
    b->saved = *b->nul;
    *b->nul = '\0';
    return s;
}
