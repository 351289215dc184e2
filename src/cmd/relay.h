/* relay.h - flux relay, what ssh:// runs on the other side
 */
#ifndef CMD_RELAY_H
#define CMD_RELAY_H

int cmd_relay (int argc, char **argv);

#endif /* !CMD_RELAY_H */
