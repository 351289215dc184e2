/* arith.h - arithmetic of one variable: "2**int(x)" (flux bulksubmit --define)
 *
 * Python's expressions of numbers: + - * / // % **, parentheses, int(), float(), len(), and
 * x, which is a text.  A result is written as Python writes it: an integer without a point.
 */
#ifndef CMD_ARITH_H
#define CMD_ARITH_H

#include <flux/core/types.h>

/* Evaluate 'code' for the text x.  The caller frees.  NULL with errno EINVAL and
 * err->text: not such an expression, or x is no number where one is needed. */
char *arith_eval (const char *code, const char *x, flux_error_t *err);

#endif /* !CMD_ARITH_H */
