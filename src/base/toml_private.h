/* toml_private.h - what the files of the TOML parser share
 *
 *   toml.c         documents: keys, tables, arrays of tables; who may add to
 *                  which table
 *   toml_value.c   values: arrays, inline tables, booleans, numbers
 *   toml_string.c  the four kinds of string
 *   toml_date.c    dates and times
 *
 * All advance t->p.  A function that fails has filled t->err, once.
 */
#ifndef BASE_TOML_PRIVATE_H
#define BASE_TOML_PRIVATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/toml.h"

/* Nesting of tables and arrays: bounds our recursion and that of any walk over
 * the result. */
#define TOML_MAX_DEPTH 200

struct toml {
    const char *start;
    const char *p;
    const char *end;
    flux_error_t *err;
    int errnum;
    int depth;
    uintptr_t section;     /* changes with each table header */
    struct idhash *state;  /* address of a table or array -> its state */
};

/* Report what is wrong at 'at'; returns -EINVAL. */
int toml_fail (struct toml *t, const char *at, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));
int toml_nomem (struct toml *t);

/* A byte of the text, or -1 at the end */
static inline int toml_peek (const struct toml *t)
{
    return t->p < t->end ? (unsigned char)*t->p : -1;
}

static inline bool toml_is_digit (int c)
{
    return c >= '0' && c <= '9';
}

bool toml_accept (struct toml *t, const char *text); /* skip it, if there */
void toml_skip_blanks (struct toml *t);              /* tabs and spaces */
int toml_skip_comment (struct toml *t);              /* up to its newline */
int toml_skip_lines (struct toml *t); /* blanks, comments and newlines */

/* Parse "key = value" and put it in 'table'. */
int toml_pair (struct toml *t, json_t *table);
/* Nothing may be added to a table or array from now on. */
int toml_freeze (struct toml *t, json_t *value);

json_t *toml_value (struct toml *t);

/* A single-line string in quotes of either kind, for keys */
int toml_quoted (struct toml *t, struct buf *b);
json_t *toml_string (struct toml *t);

/* Does a date or time begin here?  Parse it. */
bool toml_at_date (const struct toml *t);
json_t *toml_date (struct toml *t);

#endif /* !BASE_TOML_PRIVATE_H */
