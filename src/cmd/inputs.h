/* inputs.h - the inputs of flux bulksubmit, and templates filled with them
 *
 *   ::: a b      words          :::+ ...     linked with the list before
 *   :::: file    lines of it    ::::+ ...    (cycled through, not combined)
 *
 * Lists that are not linked are combined: the last varies fastest.
 */
#ifndef CMD_INPUTS_H
#define CMD_INPUTS_H

#include <stddef.h>
#include <flux/core/types.h>

struct inputs;

/* Is this word one of the delimiters? */
bool inputs_delimiter (const char *word);
/* Of the words after the command, which begin with a delimiter; none: standard input.
 * 'sep' is the separator in files, "none": whitespace, NULL: newline.  Exits 1 on
 * errors. */
struct inputs *inputs_new (int argc, char **argv, const char *sep);
void inputs_free (struct inputs *in);

size_t inputs_count (const struct inputs *in);    /* of combinations */

/* Fill a template for combination 'seq': {} {0} {.%} {1./} {seq} {seq1} {.NAME}, {{ and }};
 * {cc} stays.  'defines' is NULL or ends with NULL: "NAME=CODE" (arith.h).  The caller
 * frees; NULL with err->text. */
char *inputs_fill (const struct inputs *in, size_t seq, const char *template,
                   const char *const *defines, flux_error_t *err);

#endif /* !CMD_INPUTS_H */
