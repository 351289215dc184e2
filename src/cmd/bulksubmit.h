/* bulksubmit.h - flux bulksubmit (flux-bulksubmit(1)): a job for each input
 */
#ifndef CMD_BULKSUBMIT_H
#define CMD_BULKSUBMIT_H

int cmd_bulksubmit (int argc, char **argv);

#endif /* !CMD_BULKSUBMIT_H */
