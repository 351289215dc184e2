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

/* What fits into the room that there is needs to be printed only once. */
int buf_vaddf (struct buf *b, const char *fmt, va_list ap)
{
    size_t room = b->size > 0 ? b->size - b->len : 0;
    va_list copy;

    va_copy (copy, ap);
    int n = vsnprintf (room > 0 ? b->data + b->len : NULL, room, fmt, copy);
    va_end (copy);
    if (n >= 0 && (size_t)n < room) {
        b->len += (size_t)n;
        return 0;
    }
    if (room > 0)
        b->data[b->len] = '\0';
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

static void add_escaped (struct buf *b, unsigned char c)
{
    if (c < 0x20)
        buf_addf (b, "\\u%04x", c);
    else
        buf_addf (b, "\\%c", c);
}

int buf_add_json (struct buf *b, const char *text, size_t len)
{
    size_t before = b->len, from = 0;

    buf_addc (b, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add (b, text + from, i - from);
        add_escaped (b, c);
        from = i + 1;
    }
    buf_add (b, text + from, len - from);
    if (buf_addc (b, '"') == 0 && !b->failed)
        return 0;
    b->len = before;
    if (b->size > 0)
        b->data[before] = '\0';
    return -ENOMEM;
}

void buf_add_quoted (struct buf *b, const char *s)
{
    buf_addc (b, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            buf_adds (b, "'\\''");
        else
            buf_addc (b, *s);
    }
    buf_addc (b, '\'');
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
