/* count.h - the count of a resource (RFC 14): integer, idset, or range (RFC 45)
 *
 * A struct count is a plain value and allocates nothing; with 'ids' set it
 * borrows the text it was decoded from.
 */
#ifndef SPEC_COUNT_H
#define SPEC_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <flux/core/types.h>

#define COUNT_MAX 2147483647u
#define COUNT_INFINITE 4294967295u   /* 'max' of "at least min" */

struct count {
    unsigned int min;
    unsigned int max;       /* equals min for a fixed count */
    char op;                /* '+', '*' or '^': from one value to the next */
    unsigned int operand;
    bool range;             /* it was a range, even if min equals max */
    const char *ids;        /* not NULL: exactly the values of this idset text
                             * (borrowed; ends at ids_len) */
    size_t ids_len;
};

/* Any of the three JSON forms.  0, or -EINVAL with err->text: what is wrong and
 * what is allowed, without the name of the key; then *c is unchanged. */
int count_decode (const json_t *o, struct count *c, flux_error_t *err);
/* The text forms: an integer, an idset, or an RFC 45 range. */
int count_parse (const char *s, size_t len, struct count *c, flux_error_t *err);
/* What count_decode() reads, in its shortest JSON form: an integer, an idset
 * string, or a range object with only the keys that were given.  New
 * reference or NULL. */
json_t *count_to_json (const struct count *c);
/* The least acceptable value above 'prev' (0 for the first); 0 at the end. */
unsigned int count_next (const struct count *c, unsigned int prev);

#endif /* !SPEC_COUNT_H */
