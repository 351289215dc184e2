/* buf.h - a growing byte buffer that is always NUL terminated
 *
 * A struct buf is a plain value: initialise with BUF_INIT, release with
 * buf_release().  'data' is never NULL to a reader: an empty buffer points to
 * "".  Appends that fail for want of memory return -ENOMEM, leave the buffer
 * as it was, and set 'failed', so that a series of appends can be checked once.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;
    size_t len;    /* bytes in use, without the NUL */
    size_t size;   /* bytes allocated, 0 if data is the static "" */
    bool failed;
};

extern char buf_empty[1];

#define BUF_INIT { .data = buf_empty, .len = 0, .size = 0, .failed = false }

void buf_release (struct buf *b);
void buf_clear (struct buf *b);                /* len = 0, keeps the memory */
int buf_reserve (struct buf *b, size_t extra); /* room for extra more bytes */
int buf_add (struct buf *b, const void *data, size_t len);
int buf_adds (struct buf *b, const char *s);
int buf_addc (struct buf *b, char c);
int buf_addf (struct buf *b, const char *fmt, ...)
    __attribute__ ((format (printf, 2, 3)));
int buf_vaddf (struct buf *b, const char *fmt, va_list ap);
/* Text (UTF-8) as a JSON string, in quotes. */
int buf_add_json (struct buf *b, const char *text, size_t len);
/* Text as a word of the shell, in single quotes. */
void buf_add_quoted (struct buf *b, const char *s);
void buf_consume (struct buf *b, size_t n);    /* drop n bytes from the front */
/* Take the string out; the caller frees it.  NULL if 'failed' or no memory. */
char *buf_take (struct buf *b);

#endif /* !BASE_BUF_H */
