/* formats.h - named output formats: built in, or from the user's configuration
 * (flux-jobs(1), CONFIGURATION; flux-environment(7))
 */
#ifndef CMD_FORMATS_H
#define CMD_FORMATS_H

#include <jansson.h>

#include "cmd/format.h"

struct named_format {
    const char *name;
    const char *description;
    const char *format;
};

/* The user's and the site's configuration of a command: what DIR/flux/COMMAND.json,
 * .toml and .yaml of each configuration folder set, later ones over earlier ones.  'table'
 * is the table of a subcommand in it, or NULL: all.  A new reference. */
json_t *formats_config (const char *command, const char *table);

/* The format for -o ARG: a name, "help" and "get-config=NAME" (which print and exit),
 * a format string, or, if 'arg' is NULL, what the environment variable 'env' names,
 * or "default".  'command' is the base name of configuration files ("flux-jobs"),
 * 'table' the table of a subcommand in them, or NULL.  Exits 1 if it is none of
 * them. */
struct format *formats_get (const char *command, const struct named_format *builtin,
                            const char *arg, const char *env, format_heading_f heading, void *harg);
struct format *formats_get_table (const char *command, const char *table,
                                  const struct named_format *builtin, const char *arg,
                                  const char *env, format_heading_f heading, void *harg);

/* Exit with this, not 1, if an argument is wrong: some commands tell that apart. */
void formats_set_exit (int code);

#endif /* !CMD_FORMATS_H */
