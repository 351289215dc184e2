/* tablekeys.h - are all keys of a table of the configuration known?
 */
#ifndef BASE_TABLEKEYS_H
#define BASE_TABLEKEYS_H

#include <flux/core/types.h>
#include <jansson.h>

/* 'keys' are the names there are, separated by single spaces; 'what' is the name of the
 * table.  0, or -EINVAL with an error that names the key and what there is; so, too, if it
 * is not a table. */
int tablekeys_check (const json_t *table, const char *what, const char *keys,
                     flux_error_t *err);

#endif /* !BASE_TABLEKEYS_H */
