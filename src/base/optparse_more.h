/* optparse_more.h - what our commands want of the option parser beyond the public
 * flux/optparse.h
 */
#ifndef BASE_OPTPARSE_MORE_H
#define BASE_OPTPARSE_MORE_H

#include <stdbool.h>
#include <flux/optparse.h>

/* Refuse "--tim" for "--time-limit" (flux-submit(1)), naming the option that it
 * would stand for.  Implies OPTPARSE_POSIXLY_CORRECT. */
void optparse_set_whole_names (optparse_t *p);

/* Did "--" end the options that were parsed? */
bool optparse_has_separator (optparse_t *p);

#endif /* !BASE_OPTPARSE_MORE_H */
