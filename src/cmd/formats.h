/* formats.h - named output formats: built in, or from the user's configuration
 * (flux-jobs(1), CONFIGURATION; flux-environment(7))
 */
#ifndef CMD_FORMATS_H
#define CMD_FORMATS_H

#include "cmd/format.h"

struct named_format {
    const char *name;
    const char *description;
    const char *format;
};

/* The format for -o ARG: a name, "help" and "get-config=NAME" (which print and exit),
 * a format string, or, if 'arg' is NULL, what the environment variable 'env' names,
 * or "default".  'command' is the base name of configuration files ("flux-jobs").
 * Exits 1 if it is none of them. */
struct format *formats_get (const char *command, const struct named_format *builtin,
                            const char *arg, const char *env, format_heading_f heading, void *harg);

#endif /* !CMD_FORMATS_H */
