/* update.h - flux update (flux-update(1)): change attributes of an active job
 */
#ifndef CMD_UPDATE_H
#define CMD_UPDATE_H

int cmd_update (int argc, char **argv);

#endif /* !CMD_UPDATE_H */
