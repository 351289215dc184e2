/* jobres.h - the options that say how much a job wants, and the resources of its
 * jobspec
 */
#ifndef CMD_JOBRES_H
#define CMD_JOBRES_H

#include <jansson.h>
#include <flux/optparse.h>
#include "cmd/jobopts.h"

const struct optparse_option *jobres_options (enum jobopts_kind kind);

/* The resources array; *countp is set to tasks[0].count (a new reference); shell
 * options that go with them (per-resource) are set in 'options'.  Exits 1 with a
 * message on bad input. */
json_t *jobres_make (optparse_t *p, enum jobopts_kind kind, json_t **countp, json_t *options);

#endif /* !CMD_JOBRES_H */
