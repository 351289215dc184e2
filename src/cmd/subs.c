/* subs.c - subcommands whose options may stand anywhere on the line
 */
#include <math.h>
#include <stdlib.h>

#include "base/duration.h"
#include "cmd/cmd.h"
#include "cmd/subs.h"

int cmd_run_subcommands_mixed (struct optparse_subcommand *table, int argc, char **argv)
{
    optparse_t *p = optparse_create (cmd_name ());
    int rc;

    if (!p || optparse_reg_subcommands (p, table) != OPTPARSE_SUCCESS)
        cmd_die (1, "out of memory");
    for (struct optparse_subcommand *s = table; s->name; s++)
        optparse_set (optparse_get_subcommand (p, s->name), OPTPARSE_POSIXLY_CORRECT, 0);
    if ((rc = optparse_parse_args (p, argc, argv)) < 0)
        return 1;
    if (rc == argc) {
        cmd_err ("a subcommand is missing");
        return cmd_usage (p);
    }
    rc = optparse_run_subcommand (p, argc, argv);
    optparse_destroy (p);
    return rc < 0 ? 1 : rc;
}

static int exit_two (void *arg, int code)
{
    exit (code ? 2 : 0);
}

optparse_t *cmd_parse_mixed (const char *usage, const char *doc,
                             const struct optparse_option *opts,
                             int argc, char **argv, int *indexp)
{
    optparse_t *p = optparse_create (cmd_name ());
    int n;

    if (!p
        || (usage && optparse_set (p, OPTPARSE_USAGE, usage) != OPTPARSE_SUCCESS)
        || (doc && optparse_add_doc (p, doc, 0) != OPTPARSE_SUCCESS)
        || (opts && optparse_add_option_table (p, opts) != OPTPARSE_SUCCESS))
        cmd_die (1, "out of memory");
    optparse_set (p, OPTPARSE_POSIXLY_CORRECT, 0);
    optparse_set (p, OPTPARSE_FATALERR_FN, exit_two);
    if ((n = optparse_parse_args (p, argc, argv)) < 0)
        exit (2);
    *indexp = n;
    return p;
}

int cmd_usage (optparse_t *p)
{
    optparse_print_usage (p);
    return 1;
}

double cmd_timeout (optparse_t *p, const char *name, double def)
{
    const char *s = optparse_get_str (p, name, NULL);
    double d = def;

    if (s && duration_parse (s, &d) < 0)
        cmd_die (1, "--%s=%s: want a duration like 30, 500ms, 1.5m or 2h", name, s);
    return d == 0 || isinf (d) ? -1 : d;
}
