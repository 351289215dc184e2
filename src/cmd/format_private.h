/* format_private.h - what format.c and format_table.c share
 */
#ifndef CMD_FORMAT_PRIVATE_H
#define CMD_FORMAT_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

struct buf;

struct field {
    char *text;        /* literal text before the field; goes when it goes */
    char *name;
    char *heading;
    char *timefmt;     /* of !d, or NULL */
    char conv;         /* D d F H P, or 0 */
    char fill[8];      /* one UTF-8 character */
    char align;        /* < > ^ =, or 0 */
    int width;
    int precision;     /* -1: none */
    char type;
    bool hyphen;       /* 'h': "-" for nothing */
    bool mark_cut;     /* '+': mark a cut text */
    bool drop_empty;   /* ?: */
    bool grow;         /* +: */
};

struct format {
    struct field *fields;
    size_t count;
    size_t size;
    char *tail;        /* literal text after the last field */
    char *sort;
};

size_t utf8_count (const char *s);                 /* code points */
size_t utf8_offset (const char *s, size_t chars);  /* bytes of that many */

/* The value as text, not yet padded or cut; the caller frees; NULL: ENOMEM. */
char *field_text (const struct field *f, const json_t *v);
/* Cut, align and pad 's' into b (cleared first). */
int field_pad (struct buf *b, const struct field *f, const char *s, bool number,
               size_t width, int precision);

#endif /* !CMD_FORMAT_PRIVATE_H */
