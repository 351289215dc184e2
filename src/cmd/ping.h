/* ping.h - flux ping
 */
#ifndef CMD_PING_H
#define CMD_PING_H

int cmd_ping (int argc, char **argv);

#endif /* !CMD_PING_H */
