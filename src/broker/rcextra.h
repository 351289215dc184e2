/* rcextra.h - programs that FLUX_RC_EXTRA adds to rc1 and rc3 (flux-environment(7))
 */
#ifndef BROKER_RCEXTRA_H
#define BROKER_RCEXTRA_H

/* A command of the shell that runs the programs of 'sub' ("rc1.d") in each directory, in
 * order of their names: until one fails, or ('all') each.  The caller frees.  NULL: there
 * are none, or no memory. */
char *rcextra_command (const char *dirs, const char *sub, int all);

#endif /* !BROKER_RCEXTRA_H */
