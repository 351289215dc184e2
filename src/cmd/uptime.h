/* uptime.h - flux uptime (flux-uptime(1))
 */
#ifndef CMD_UPTIME_H
#define CMD_UPTIME_H

int cmd_uptime (int argc, char **argv);

#endif /* !CMD_UPTIME_H */
