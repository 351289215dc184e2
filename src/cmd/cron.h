/* cron.h - flux cron (flux-cron(1)): commands at times and events
 */
#ifndef CMD_CRON_H
#define CMD_CRON_H

int cmd_cron (int argc, char **argv);

#endif /* !CMD_CRON_H */
