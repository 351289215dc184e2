/* start.h - flux start
 */
#ifndef CMD_START_H
#define CMD_START_H

#include <flux/optparse.h>

int cmd_start (int argc, char **argv);

/* start_test.c: run the brokers of a test instance (--test-size) and wait for
 * them.  'argv' is the command line of every broker, with room left for the
 * options that differ; program arguments begin at argv[program]. */
int start_test (optparse_t *p, char **argv, int program, int size, int verbose);

/* start.c: one word after another on standard error, after the rank if it is not
 * negative. */
void start_show (int rank, char *const *argv);

#endif /* !CMD_START_H */
