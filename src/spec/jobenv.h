/* jobenv.h - where the environment is in the text of a jobspec
 *
 * Nearly all of a jobspec is its environment (attributes.system.environment), and
 * few look at it: who does not, leaves its text out before the rest is decoded.
 */
#ifndef SPEC_JOBENV_H
#define SPEC_JOBENV_H

#include <stddef.h>

/* [start, end) to leave out, [val, val_end) its value.  start == end: there is
 * none. */
struct env_span {
    size_t start, end, val, val_end;
};

/* 'text' is valid JSON, or will be checked with the environment left out; what comes
 * after it is not looked at. */
struct env_span env_find (const char *text);

/* What comes after white space; after the string whose first quote is *p, or the end
 * of a text that has no second. */
const char *jobenv_skip_space (const char *p);
const char *jobenv_skip_string (const char *p);

#endif /* !SPEC_JOBENV_H */
