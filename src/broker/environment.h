/* environment.h - what rc1, rc2, cleanup and rc3 get as their environment
 *
 * The broker's own environment, less what belongs to the enclosing job
 * (flux-environment(7)), plus what broker.setenv added.
 */
#ifndef BROKER_ENVIRONMENT_H
#define BROKER_ENVIRONMENT_H

#include <stdbool.h>

struct environment;

/* Is the variable one that the initial program must not inherit? */
bool environment_blocked (const char *name);
/* Remove all such from the process (before there are threads). */
void environment_clean_process (void);

/* Copies that of the process, less what is blocked. */
struct environment *environment_new (void);
void environment_free (struct environment *e);
/* NULL unsets.  0, -EINVAL (empty name or one with '='), -ENOMEM. */
int environment_set (struct environment *e, const char *name, const char *value);
const char *environment_get (struct environment *e, const char *name);
/* For exec: valid until the next call of any function of 'e'. */
char *const *environment_array (struct environment *e);

#endif /* !BROKER_ENVIRONMENT_H */
