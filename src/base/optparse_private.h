/* optparse_private.h - what the files of the option parser share
 *
 *   optparse.c          parsers: tables of options, subcommands, settings
 *   optparse_parse.c    the command line
 *   optparse_value.c    what callers ask about an option
 *   optparse_help.c     --help
 */
#ifndef BASE_OPTPARSE_PRIVATE_H
#define BASE_OPTPARSE_PRIVATE_H

#include <flux/optparse.h>

#include "base/buf.h"

#define HELP_GROUP (-0x7fffffff) /* before all others */

struct opt {
    struct optparse_option o;   /* strings are ours */
    int serial;                 /* order of registration */
    int uses;
    char **args;                /* one a use with an argument, or, if split,
                                 * one an item */
    size_t nargs;
    const char *last;           /* argument of the last use, or NULL */
    char **whole;               /* AUTOSPLIT: the arguments before the split */
    size_t nwhole;
    size_t next;                /* optparse_getopt_next() */
};

struct doc {
    char *text;
    int group;
};

struct data {
    char *name;
    void *value;
};

struct opt_parser {
    optparse_t *parent;
    char *name;                 /* "flux-event pub" */
    char *subname;              /* "pub" */
    char *usage;
    char *summary;              /* one line, in the help of the parent */
    optparse_subcmd_f fn;

    struct opt **opts;
    size_t nopts;
    struct doc *docs;
    size_t ndocs;
    struct data *data;
    size_t ndata;
    optparse_t **subs;
    size_t nsubs;
    int serial;

    int index;                  /* of the first free argument; -1: not parsed */
    opt_log_f log_fn;
    opt_fatalerr_f fatalerr_fn;
    void *fatalerr_handle;
    int option_width;
    int left_margin;
    int posix;                  /* -1: as the parent */
    bool whole_names;           /* long options are not abbreviated */
    bool separator;             /* the options ended with "--" */
    bool print_subcmds;
    bool sorted;
    bool no_options;            /* of a subcommand: it parses its own */
    bool hidden;
};

struct opt *optparse_find (optparse_t *p, const char *name);
struct opt *optparse_find_key (optparse_t *p, int key);
/* Has it a short form?  Other keys only identify an option to its table. */
bool optparse_is_short (const struct optparse_option *o);

/* Make room for one more element of an array of pointers or structs. */
void *optparse_grow (void *array, size_t count, size_t elem_size);

void optparse_forget (struct opt *opt); /* its uses */

/* Print "NAME: message" to stderr (or the log function). */
void optparse_error (optparse_t *p, const char *fmt, ...)
    __attribute__ ((format (printf, 2, 3)));
void optparse_verror (optparse_t *p, const char *fmt, va_list ap);
/* Does not return, unless a fatal error function was set and does. */
int optparse_fatal (optparse_t *p, int code);

/* Append the help text to b. */
void optparse_format_help (optparse_t *p, struct buf *b);

#endif /* !BASE_OPTPARSE_PRIVATE_H */
