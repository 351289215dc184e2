/* shape.h - resource shapes on the command line (RFC 46)
 *
 *   slot=4{nodelevel}/node{-x}/socket=2+/core=4+
 *
 * is short for the resources of a jobspec (RFC 14):
 *
 *   slot (count 4, label nodelevel)
 *     node (count 1, exclusive false)
 *       socket (count at least 2)
 *         core (count at least 4)
 */
#ifndef SPEC_SHAPE_H
#define SPEC_SHAPE_H

#include <jansson.h>
#include <flux/core/types.h>

/* The resources array that 's' stands for: a new reference, or NULL with errno
 * and err->text naming the column.  A single slot without a label gets the
 * label "default".  Keys in braces are carried over whatever they are;
 * jobspec_decode() says whether RFC 14 knows them. */
json_t *shape_parse (const char *s, flux_error_t *err);

#endif /* !SPEC_SHAPE_H */
