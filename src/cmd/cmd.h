/* cmd.h - what every flux subcommand shares
 *
 * A subcommand is a function int cmd_NAME (int argc, char **argv), listed in
 * table.c, with argv[0] its name ("run") and the rest its arguments.  It returns
 * the exit code of the process.  It parses its options with flux/optparse.h, so
 * that --help and error messages come from one table.
 *
 * Errors are reported once, by cmd_die() or cmd_err(): one line on standard
 * error, "flux-NAME: ERROR: cause and cure".
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>
#include <flux/optparse.h>

struct cmd {
    const char *name;
    int (*run) (int argc, char **argv);
    const char *group;    /* heading in "flux help", or NULL: not listed */
    const char *summary;  /* one line */
};

extern const struct cmd cmd_table[];   /* ends with name == NULL */
const struct cmd *cmd_find (const char *name);

/* Name used in messages: "flux-run".  Set by main(), and by a command with
 * subcommands if it wants another ("flux-job"). */
void cmd_set_name (const char *name);
const char *cmd_name (void);

void cmd_err (const char *fmt, ...) __attribute__ ((format (printf, 1, 2)));
void cmd_die (int code, const char *fmt, ...)
    __attribute__ ((format (printf, 2, 3), noreturn));

/* Open the instance that FLUX_URI names, or the system instance.  Does not
 * return on failure: exits 1 with a message that says which socket and why. */
flux_t *cmd_open (void);

/* Wait for 'f'; on error exit 1 with "WHAT: error text of the response". */
void cmd_check (flux_future_t *f, const char *what);

/* Make a parser for a command without subcommands, add the table, parse, and
 * exit on a usage error (1) or --help (0).  The caller destroys it.  *indexp is
 * the index of the first free argument. */
optparse_t *cmd_parse (const char *usage, const char *doc,
                       const struct optparse_option *opts,
                       int argc, char **argv, int *indexp);

/* Run a command that has subcommands ("flux event pub"): picks argv[1], parses its
 * options, calls it.  Returns the exit code. */
int cmd_run_subcommands (struct optparse_subcommand *table, int argc, char **argv);
/* The same where options may stand before the subcommand, which finds them in
 * optparse_get_parent(). */
int cmd_run_subcommands_of (const struct optparse_option *opts,
                            struct optparse_subcommand *table, int argc, char **argv);

/* A job id in the form people read: F58 with the prefix the locale can show
 * (FLUX_F58_FORCE_ASCII).  Writes to buf (at least 32 bytes), returns buf. */
const char *cmd_f58 (flux_jobid_t id, char *buf, size_t size);
/* Parse a job id in any RFC 19 form or exit 1 saying what is wrong with it. */
flux_jobid_t cmd_parse_id (const char *s);

/* How often --verbose was given, or its level: -vv, -v2 and --verbose=2 are 2.  Its table
 * entry has an optional argument, and OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG. */
int cmd_verbosity (optparse_t *p);

/* Call fun for each part of a comma separated list, which it may write to. */
void cmd_each (const char *list, void (*fun) (char *part, void *arg), void *arg);

/* The words joined by blanks; the caller frees. */
char *cmd_join (int argc, char **argv);

/* The environment that flux gives to what it runs (flux-environment(7),
 * sub-command environment): FLUX_EXEC_PATH, FLUX_MODULE_PATH, PATH, ... */
void cmd_setup_env (void);

/* Directory of a path compiled in or found in tree; never NULL. */
const char *cmd_builtin (const char *key);

#endif /* !CMD_CMD_H */
