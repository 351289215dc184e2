/* subs.h - subcommands whose options may stand anywhere on the line
 * ("flux queue stop batch -m reason")
 */
#ifndef CMD_SUBS_H
#define CMD_SUBS_H

#include <flux/optparse.h>

/* As cmd_run_subcommands(), but options may follow free arguments; after "--"
 * everything is free. */
int cmd_run_subcommands_mixed (struct optparse_subcommand *table, int argc, char **argv);

/* As cmd_parse(), in the same way, for commands that exit 2 on a usage error. */
optparse_t *cmd_parse_mixed (const char *usage, const char *doc,
                             const struct optparse_option *opts,
                             int argc, char **argv, int *indexp);

/* Print the help of a command that was used in a wrong way; returns 1. */
int cmd_usage (optparse_t *p);

/* A duration option (RFC 23) in seconds, or 'def'.  0 and infinity are given as -1:
 * no limit.  Exits 1 if it is none. */
double cmd_timeout (optparse_t *p, const char *name, double def);

#endif /* !CMD_SUBS_H */
