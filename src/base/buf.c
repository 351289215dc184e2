/* buf.c - a growing byte buffer that is always NUL terminated */
#include "base/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shared by all empty buffers: read, never written. */
char buf_empty[1];

void buf_release (struct buf *b)
{
    if (b) {
        if (b->size > 0)
            free (b->data);
        *b = (struct buf)BUF_INIT;
    }
}

void buf_clear (struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->size > 0)
        b->data[0] = '\0';
}

int buf_reserve (struct buf *b, size_t extra)
{
    if (extra >= SIZE_MAX / 2 - b->len)
        goto nomem;
    size_t need = b->len + extra + 1;
    if (need <= b->size)
        return 0;
    size_t size = b->size + b->size / 2;
    if (size < 64)
        size = 64;
    if (size < need)
        size = need;
    char *data = realloc (b->size > 0 ? b->data : NULL, size);
    if (!data)
        goto nomem;
    data[b->len] = '\0';
    b->data = data;
    b->size = size;
    return 0;
nomem:
    b->failed = true;
    return -ENOMEM;
}

int buf_add (struct buf *b, const void *data, size_t len)
{
    if (buf_reserve (b, len) < 0)
        return -ENOMEM;
    if (len > 0)
        memcpy (b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int buf_adds (struct buf *b, const char *s)
{
    return buf_add (b, s, strlen (s));
}

int buf_addc (struct buf *b, char c)
{
    return buf_add (b, &c, 1);
}

int buf_vaddf (struct buf *b, const char *fmt, va_list ap)
{
    va_list copy;

    va_copy (copy, ap);
    int n = vsnprintf (NULL, 0, fmt, copy);
    va_end (copy);
    if (n < 0) {
        b->failed = true;
        return -EINVAL;
    }
    if (buf_reserve (b, (size_t)n) < 0)
        return -ENOMEM;
    vsnprintf (b->data + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
    return 0;
}

int buf_addf (struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    int rc = buf_vaddf (b, fmt, ap);
    va_end (ap);
    return rc;
}

void buf_consume (struct buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        if (b->size > 0)
            b->data[0] = '\0';
        return;
    }
    memmove (b->data, b->data + n, b->len - n + 1);
    b->len -= n;
}

char *buf_take (struct buf *b)
{
    char *s = NULL;

    if (!b->failed) {
        s = b->size > 0 ? b->data : calloc (1, 1);
        if (s)
            b->size = 0;
    }
    buf_release (b);
    return s;
}
