/* directive.h - submission directives in a script (RFC 36)
 */
#ifndef CMD_DIRECTIVE_H
#define CMD_DIRECTIVE_H

#include <stddef.h>
#include <flux/core/types.h>

/* Find the "# flux: ARGS" lines of a script.  *argvp is an array of *countp
 * strings, ended by NULL; free with directive_free().  0, or -EINVAL with
 * err->text that names the line. */
int directive_parse (const char *script, char ***argvp, int *countp, flux_error_t *err);
/* The words of a text alone, split in the same way, but '#' starts a comment only before a
 * word.  0, -EINVAL (a quote is not closed), -ENOMEM. */
int directive_words (const char *text, char ***argvp, int *countp, flux_error_t *err);
void directive_free (char **argv);

#endif /* !CMD_DIRECTIVE_H */
