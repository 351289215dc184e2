/* broker.h - flux broker (flux-broker(1))
 */
#ifndef CMD_BROKER_H
#define CMD_BROKER_H

int cmd_broker (int argc, char **argv);

#endif /* !CMD_BROKER_H */
