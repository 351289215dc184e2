/* jobconf.h - the configuration of a new instance, built on the command line
 * (--conf=FILE|KEY=VAL|STRING|NAME of flux batch, alloc and start)
 */
#ifndef CMD_JOBCONF_H
#define CMD_JOBCONF_H

#include <jansson.h>
#include <flux/optparse.h>

/* All --conf options merged in order; exits 1 on a bad one.  New reference, or NULL
 * if the option was not given. */
json_t *jobconf_make (optparse_t *p);

#endif /* !CMD_JOBCONF_H */
