/* submit.h - flux submit, flux run
 */
#ifndef CMD_SUBMIT_H
#define CMD_SUBMIT_H

#include <flux/core.h>
#include <flux/optparse.h>

#include "cmd/bulk.h"

int cmd_submit (int argc, char **argv);
int cmd_run (int argc, char **argv);

/* Submit one job or exit with the reason why it was not accepted. */
flux_jobid_t submit_and_get_id (flux_t *h, const char *jobspec, int urgency, int flags);

/* For flux bulksubmit: parse the options of flux submit and its own; *np is where the
 * command begins (argc: there is none). */
optparse_t *submit_bulk_parse (int argc, char **argv, int *np);
struct bulk_opts submit_bulk_opts (optparse_t *p);
/* A copy of the words with 'id' in place of each {cc}; it ends with NULL. */
char **submit_fill_cc (int argc, char **argv, const char *id);
void submit_free_words (char **v);
/* Submit the job, or jobs (--cc), of one such command line. */
void submit_words (struct bulk *b, int argc, char **argv);

#endif /* !CMD_SUBMIT_H */
