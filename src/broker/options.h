/* options.h - the command line of flux-broker(1)
 */
#ifndef BROKER_OPTIONS_H
#define BROKER_OPTIONS_H

#include <flux/core/types.h>
#include "broker/attr.h"

struct options {
    int verbose;
    const char *config_path;   /* NULL: not given */
    char **conf;               /* --conf values, NULL terminated */
    int argc;                  /* the initial program */
    char **argv;
};

/* Fills 'o' and sets attributes.  0; 1 after --help; or a negative errno with err->text. */
int options_parse (struct options *o, int argc, char **argv, struct attrs *attrs,
                   flux_error_t *err);
void options_release (struct options *o);

#endif /* !BROKER_OPTIONS_H */
