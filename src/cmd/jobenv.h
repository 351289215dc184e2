/* jobenv.h - which environment and limits a job is submitted with
 * (flux-submit(1): ENV RULES, PROCESS RESOURCE LIMITS)
 */
#ifndef CMD_JOBENV_H
#define CMD_JOBENV_H

#include <jansson.h>
#include <flux/optparse.h>

/* The environment after --env, --env-remove and --env-file, applied in the order
 * they were given.  Exits 1 on a bad rule.  New reference. */
json_t *jobenv_make (optparse_t *p);
/* Record one such option, in order: 'kind' is ' ' for --env, '-' for --env-remove,
 * '^' for --env-file. */
void jobenv_add_rule (char kind, const char *rule);
/* Forget them: a command line is parsed anew. */
void jobenv_reset (void);

/* {"nofile": 1024, ...} after --rlimit.  New reference. */
json_t *jobenv_rlimits (optparse_t *p);

#endif /* !CMD_JOBENV_H */
