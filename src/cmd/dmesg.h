/* dmesg.h - flux dmesg, flux logger
 */
#ifndef CMD_DMESG_H
#define CMD_DMESG_H

#include <stdio.h>

int cmd_dmesg (int argc, char **argv);
int cmd_logger (int argc, char **argv);

/* Print a line as log.dmesg has it, if it is of this severity or a worse one. */
void dmesg_print (FILE *f, const char *line, int severity);

#endif /* !CMD_DMESG_H */
