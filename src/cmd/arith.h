/* arith.h - arithmetic of one variable: "2**int(x)" (flux bulksubmit --define)
 *
 * Python's expressions of numbers: + - * / // % **, parentheses, int(), float(), len(), and
 * x, which is a text.  A result is written as Python writes it: an integer without a point.
 */
#ifndef CMD_ARITH_H
#define CMD_ARITH_H

#include <jansson.h>
#include <flux/core/types.h>

/* Evaluate 'code' for the text x: a new reference to a string (x itself), integer or real;
 * an integer beyond 63 bits is a string.  NULL with errno EINVAL and err->text: not such an
 * expression, or x is no number where one is needed. */
json_t *arith_eval (const char *code, const char *x, flux_error_t *err);

#endif /* !CMD_ARITH_H */
