/* batch.h - flux batch, flux alloc
 */
#ifndef CMD_BATCH_H
#define CMD_BATCH_H

int cmd_batch (int argc, char **argv);
int cmd_alloc (int argc, char **argv);

#endif /* !CMD_BATCH_H */
