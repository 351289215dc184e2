/* optparse.h - command line options
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

optparse_err_t optparse_add_doc (optparse_t *p, const char *doc, int group);

optparse_err_t optparse_add_option (optparse_t *p,
                                    const struct optparse_option *o);

optparse_err_t optparse_add_option_table (optparse_t *p,
                                          struct optparse_option const opts[]);

optparse_t *optparse_add_subcommand (optparse_t *p,
                                     const char *name,
                                     optparse_subcmd_f cb);

optparse_t *optparse_create (const char *program_name);

void optparse_destroy (optparse_t *p);

int optparse_fatal_usage (optparse_t *p, int code, const char *fmt, ...);

optparse_err_t optparse_get (optparse_t *p, int item, ...);

int optparse_get_color (optparse_t *p, const char *name);

void *optparse_get_data (optparse_t *p, const char *name);

double optparse_get_double (optparse_t *p,
                            const char *name,
                            double default_value);

double optparse_get_duration (optparse_t *p,
                              const char *name,
                              double default_value);

int optparse_get_int (optparse_t *p, const char *name, int default_value);

optparse_t *optparse_get_parent (optparse_t *p);

uint64_t optparse_get_size (optparse_t *p,
                            const char *name,
                            const char *default_value);

int optparse_get_size_int (optparse_t *p,
                           const char *name,
                           const char *default_value);

const char *optparse_get_str (optparse_t *p,
                              const char *name,
                              const char *default_value);

optparse_t *optparse_get_subcommand (optparse_t *p, const char *name);

int optparse_getopt (optparse_t *p, const char *name, const char **optargp);

int optparse_getopt_iterator_reset (optparse_t *p, const char *name);

const char *optparse_getopt_next (optparse_t *p, const char *name);

bool optparse_hasopt (optparse_t *p, const char *name);

int optparse_option_index (optparse_t *p);

int optparse_parse_args (optparse_t *p, int argc, char *argv[]);

int optparse_print_usage (optparse_t *p);

optparse_err_t optparse_reg_subcommand (optparse_t *p,
                                        const char *name,
                                        optparse_subcmd_f cb,
                                        const char *usage,
                                        const char *doc,
                                        int flags,
                                        struct optparse_option const opts[]);

optparse_err_t optparse_reg_subcommands (optparse_t *p,
                                         struct optparse_subcommand cmds[]);

optparse_err_t optparse_remove_option (optparse_t *p, const char *name);

void optparse_reset (optparse_t *p);

int optparse_run_subcommand (optparse_t *p, int argc, char *argv[]);

optparse_err_t optparse_set (optparse_t *p, int item, ...);

void optparse_set_data (optparse_t *p, const char *name, void *data);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_OPTPARSE_H */
