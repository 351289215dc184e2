/* uri.c - flux uri (flux-uri(1))
 */
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/resolve.h"
#include "cmd/subs.h"
#include "cmd/uri.h"

static const struct optparse_option opts[] = {
    { .name = "remote", .usage = "Return the remote (ssh://) form of the URI" },
    { .name = "local", .usage = "Return the local (local://) form of the URI" },
    { .name = "wait", .usage = "Wait for the URI to become available, if the scheme can" },
    OPTPARSE_TABLE_END,
};

static int make_flags (optparse_t *p)
{
    int flags = 0;

    if (optparse_hasopt (p, "remote") && optparse_hasopt (p, "local"))
        cmd_die (1, "--remote and --local exclude each other");
    if (optparse_hasopt (p, "remote"))
        flags |= RESOLVE_REMOTE;
    if (optparse_hasopt (p, "local"))
        flags |= RESOLVE_LOCAL;
    if (optparse_hasopt (p, "wait"))
        flags |= RESOLVE_WAIT;
    return flags;
}

int cmd_uri (int argc, char **argv)
{
    optparse_t *p = optparse_create (cmd_name ());
    flux_error_t err;
    char *uri;
    int n;

    if (!p || optparse_set (p, OPTPARSE_USAGE, "[OPTIONS] TARGET") != OPTPARSE_SUCCESS
        || optparse_add_doc (p, "Resolve TARGET to a Flux URI", 0) != OPTPARSE_SUCCESS
        || optparse_add_doc (p, resolve_schemes, -1) != OPTPARSE_SUCCESS
        || optparse_add_option_table (p, opts) != OPTPARSE_SUCCESS)
        cmd_die (1, "out of memory");
    optparse_set (p, OPTPARSE_POSIXLY_CORRECT, 0);
    if ((n = optparse_parse_args (p, argc, argv)) < 0)
        return 1;
    if (n != argc - 1)
        return cmd_usage (p);
    if (!(uri = resolve_uri (argv[n], make_flags (p), &err)))
        cmd_die (1, "%s", err.text);
    printf ("%s\n", uri);
    free (uri);
    optparse_destroy (p);
    return 0;
}
