/* tablekeys.h - are all keys of a table of the configuration known, and of the right type?
 */
#ifndef BASE_TABLEKEYS_H
#define BASE_TABLEKEYS_H

#include <flux/core/types.h>
#include <jansson.h>

/* 'keys' are the names there are, separated by single spaces, each, if that is to be
 * checked, with its type: "name:s" a string, "i" an integer, "b" a boolean, "a" an array,
 * "t" a table.  'what' is the name of the table.  0, or -EINVAL with an error that names the
 * key and what there is, or what its value is to be; so, too, if it is not a table. */
int tablekeys_check (const json_t *table, const char *what, const char *keys,
                     flux_error_t *err);

#endif /* !BASE_TABLEKEYS_H */
