/* optparse.h - command line options
 *
 * A parser is made from tables of options.  It has a --help (-h) that is
 * generated from them, and may have subcommands, which are parsers of their own.
 *
 *   optparse_t *p = optparse_create ("prog");
 *   optparse_add_option_table (p, table);
 *   int n = optparse_parse_args (p, argc, argv);    // first free argument
 *   int count = optparse_get_int (p, "count", 1);
 *   optparse_destroy (p);
 *
 * Mistakes of the user are reported on standard error (or by OPTPARSE_LOG_FN),
 * then the fatal error function is called: exit(), unless OPTPARSE_FATALERR_FN
 * sets another.  If that returns, the function at hand returns -1.
 *
 * Strings of tables are copied.  Only one thread at a time may parse.
 */
#ifndef _FLUX_OPTPARSE_H
#define _FLUX_OPTPARSE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    OPTPARSE_SUCCESS = 0,
    OPTPARSE_FAILURE = 1,
    OPTPARSE_NOMEM = 2,
    OPTPARSE_BAD_ARG = 3,
    OPTPARSE_EEXIST = 4,
    OPTPARSE_NOT_IMPL = 5,
} optparse_err_t;

/* Settings, and what optparse_set() takes for each:
 *   USAGE              const char *: what follows "Usage: PROG " in the help
 *   LOG_FN             opt_log_f: prints errors and help
 *   FATALERR_FN        opt_fatalerr_f: called in place of exit()
 *   FATALERR_HANDLE    void *: its first argument
 *   OPTION_CB          const char *name, optparse_cb_f: see optparse_option
 *   OPTION_WIDTH       int: columns of the help for the options (22)
 *   LEFT_MARGIN        int: columns to the left of them (2)
 *   PRINT_SUBCMDS      int: list subcommands in the help (1)
 *   SUBCMD_NOOPTS      int: of a subcommand: it parses its arguments itself (0)
 *   SUBCMD_HIDE        int: of a subcommand: leave it out of the help (0)
 *   POSIXLY_CORRECT    int: see optparse_parse_args() (1, or as the parent)
 *   SORTED             int: sort options and subcommands in the help (0)
 * Subcommands have the LOG_FN and FATALERR_FN of their parent until they get one
 * of their own. */
typedef enum {
    OPTPARSE_USAGE = 0,
    OPTPARSE_LOG_FN = 1,
    OPTPARSE_FATALERR_FN = 2,
    OPTPARSE_FATALERR_HANDLE = 3,
    OPTPARSE_OPTION_CB = 4,
    OPTPARSE_OPTION_WIDTH = 5,
    OPTPARSE_LEFT_MARGIN = 6,
    OPTPARSE_PRINT_SUBCMDS = 7,
    OPTPARSE_SUBCMD_NOOPTS = 8,
    OPTPARSE_SUBCMD_HIDE = 9,
    OPTPARSE_POSIXLY_CORRECT = 10,
    OPTPARSE_SORTED = 11,
    OPTPARSE_ITEM_END = 12,
} optparse_item_t;

/* Flags of an option: split its arguments at commas; leave it out of the help;
 * its short form, too, takes the optional argument ("-d3") */
#define OPTPARSE_OPT_AUTOSPLIT 0x1
#define OPTPARSE_OPT_HIDDEN 0x2
#define OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG 0x4
#define OPTPARSE_SUBCMD_END { NULL, NULL, NULL, NULL, 0, NULL }
#define OPTPARSE_SUBCMD_HIDDEN 0x2
#define OPTPARSE_SUBCMD_SKIP_OPTS 0x1
#define OPTPARSE_TABLE_END { NULL, 0, 0, 0, 0, NULL, NULL, NULL }

struct optparse_option;
typedef struct opt_parser optparse_t;
typedef int (*opt_fatalerr_f) (void *h, int exit_code);
typedef int (*opt_log_f) (const char *fmt, ...);
typedef int (*optparse_cb_f) (optparse_t *p, struct optparse_option *o, const char *optarg);
typedef int (*optparse_subcmd_f) (optparse_t *p, int ac, char **av);

/* name      long option, required
 * key       short option if it is a printable character
 * has_arg   0 none, 1 required, 2 optional ("--name[=ARG]")
 * arginfo   name of the argument in the help
 * usage     text of the help
 * cb        called for each use while parsing; below 0 ends that with -1 */
struct optparse_option {
    const char *name;
    int key;
    int has_arg;
    int flags;
    int group;
    const char *arginfo;
    const char *usage;
    optparse_cb_f cb;
};

struct optparse_subcommand {
    const char *name;
    optparse_subcmd_f fn;
    const char *usage;
    const char *doc;
    int flags;
    struct optparse_option *opts;
};

/* Show doc in the help above the options of 'group'; that of a negative group
 * comes last. */
optparse_err_t optparse_add_doc (optparse_t *p, const char *doc, int group);

/* OPTPARSE_EEXIST if the name or short option is taken, OPTPARSE_BAD_ARG if the
 * option has no name or an unknown has_arg. */
optparse_err_t optparse_add_option (optparse_t *p,
                                    const struct optparse_option *o);

/* Add all options up to OPTPARSE_TABLE_END, or none. */
optparse_err_t optparse_add_option_table (optparse_t *p,
                                          struct optparse_option const opts[]);

/* A new parser for "PROG NAME", owned by p.  NULL with errno set: EEXIST,
 * EINVAL, ENOMEM. */
optparse_t *optparse_add_subcommand (optparse_t *p,
                                     const char *name,
                                     optparse_subcmd_f cb);

/* program_name is used in messages and the help. */
optparse_t *optparse_create (const char *program_name);

/* Its subcommands too.  NULL is ignored; errno is kept. */
void optparse_destroy (optparse_t *p);

/* Print "PROG: message" and the help, and call the fatal error function with
 * code; returns what that returns. */
int optparse_fatal_usage (optparse_t *p, int code, const char *fmt, ...);

/* The present setting, to a pointer of the type that optparse_set() takes.
 * The callback of an option cannot be read: OPTPARSE_NOT_IMPL.  A NULL parser or
 * pointer: OPTPARSE_BAD_ARG. */
optparse_err_t optparse_get (optparse_t *p, int item, ...);

/* For an option "color" with an optional argument WHEN: "always" (also if
 * omitted), "never" or "auto": whether to write colors to standard output.
 * Without the option it is auto, or never if NO_COLOR is set and not empty. */
int optparse_get_color (optparse_t *p, const char *name);

/* The pointer set under this name on p or its nearest parent, or NULL. */
void *optparse_get_data (optparse_t *p, const char *name);

/* The argument of the last use as a number, or default_value if the option was
 * not used or has no argument.  Not a number: fatal.  A NULL parser has no option used:
 * so for each optparse_get_*(). */
double optparse_get_double (optparse_t *p,
                            const char *name,
                            double default_value);

/* The same as seconds, from a Flux standard duration (RFC 23). */
double optparse_get_duration (optparse_t *p,
                              const char *name,
                              double default_value);

/* The same as an int. */
int optparse_get_int (optparse_t *p, const char *name, int default_value);

optparse_t *optparse_get_parent (optparse_t *p);

/* The same as a number of bytes: "64", "4k", "1.5G" with suffix k, M, G, T, P or
 * E in either case, powers of 1024.  So is default_value (NULL: 0). */
uint64_t optparse_get_size (optparse_t *p,
                            const char *name,
                            const char *default_value);

/* The same; 2G and more is fatal. */
int optparse_get_size_int (optparse_t *p,
                           const char *name,
                           const char *default_value);

/* The argument of the last use, or default_value. */
const char *optparse_get_str (optparse_t *p,
                              const char *name,
                              const char *default_value);

optparse_t *optparse_get_subcommand (optparse_t *p, const char *name);

/* How often the option was used, or -1 if there is no such option.  *optargp (may
 * be NULL) is set to the argument of the last use, or NULL. */
int optparse_getopt (optparse_t *p, const char *name, const char **optargp);

/* Make optparse_getopt_next() start again.  Returns the number of arguments it
 * will give, or -1 if there is no such option. */
int optparse_getopt_iterator_reset (optparse_t *p, const char *name);

/* The next argument of the option, in the order of the command line; with
 * OPTPARSE_OPT_AUTOSPLIT each part between commas is one.  NULL at the end. */
const char *optparse_getopt_next (optparse_t *p, const char *name);

/* Was the option used? */
bool optparse_hasopt (optparse_t *p, const char *name);

/* Index of the first argument that is no option, or -1 before parsing. */
int optparse_option_index (optparse_t *p);

/* Parse argv[1] and following, forgetting what was parsed before.  Stops at the
 * first argument that is no option, unless OPTPARSE_POSIXLY_CORRECT is set to 0:
 * then argv is reordered, options first.  Returns the index of the first free
 * argument, or -1. */
int optparse_parse_args (optparse_t *p, int argc, char *argv[]);

/* Print the help to standard output.  Returns 0. */
int optparse_print_usage (optparse_t *p);

/* Add a subcommand with its usage and one-line doc for the help, and its options
 * (may be NULL).  Flags: OPTPARSE_SUBCMD_SKIP_OPTS, OPTPARSE_SUBCMD_HIDDEN. */
optparse_err_t optparse_reg_subcommand (optparse_t *p,
                                        const char *name,
                                        optparse_subcmd_f cb,
                                        const char *usage,
                                        const char *doc,
                                        int flags,
                                        struct optparse_option const opts[]);

/* All of a table that ends with OPTPARSE_SUBCMD_END. */
optparse_err_t optparse_reg_subcommands (optparse_t *p,
                                         struct optparse_subcommand cmds[]);

/* OPTPARSE_FAILURE if there is no such option.  --help can be removed too. */
optparse_err_t optparse_remove_option (optparse_t *p, const char *name);

/* Forget what was parsed, in subcommands too. */
void optparse_reset (optparse_t *p);

/* Parse the options of p, if that was not done, then those of the subcommand
 * that follows, and call it with argv[0] its name.  Returns its result or -1. */
int optparse_run_subcommand (optparse_t *p, int argc, char *argv[]);

/* Settings: see optparse_item_t. */
optparse_err_t optparse_set (optparse_t *p, int item, ...);

/* Keep a pointer under a name; it stays the caller's. */
void optparse_set_data (optparse_t *p, const char *name, void *data);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_OPTPARSE_H */
