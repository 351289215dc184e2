/* submit.h - flux submit, flux run
 */
#ifndef CMD_SUBMIT_H
#define CMD_SUBMIT_H

#include <flux/core.h>

int cmd_submit (int argc, char **argv);
int cmd_run (int argc, char **argv);

/* Submit one job or exit with the reason why it was not accepted. */
flux_jobid_t submit_and_get_id (flux_t *h, const char *jobspec, int urgency, int flags);

#endif /* !CMD_SUBMIT_H */
