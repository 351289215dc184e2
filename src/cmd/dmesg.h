/* dmesg.h - flux dmesg, flux logger
 */
#ifndef CMD_DMESG_H
#define CMD_DMESG_H

int cmd_dmesg (int argc, char **argv);
int cmd_logger (int argc, char **argv);

#endif /* !CMD_DMESG_H */
