/* event.h - flux event
 */
#ifndef CMD_EVENT_H
#define CMD_EVENT_H

int cmd_event (int argc, char **argv);

#endif /* !CMD_EVENT_H */
