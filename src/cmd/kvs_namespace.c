/* kvs_namespace.c - flux kvs namespace create, remove, list
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/kvs.h"
#include "core/kvs_proto.h"
#include "cmd/subs.h"

static uint32_t get_owner (optparse_t *p)
{
    const char *s = optparse_get_str (p, "owner", NULL);
    unsigned long long n;
    char *end;

    if (!s)
        return FLUX_USERID_UNKNOWN;
    errno = 0;
    n = strtoull (s, &end, 10);
    if (!isdigit ((unsigned char)*s) || *end || errno || n >= FLUX_USERID_UNKNOWN)
        cmd_die (1, "--owner=%s: want a numerical user id", s);
    return n;
}

static int namespace_create (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *rootref = optparse_get_str (p, "rootref", NULL);
    uint32_t owner = get_owner (p);
    flux_t *h;

    if (n == argc)
        return cmd_usage (p);
    h = cmd_open ();
    for (; n < argc; n++) {
        if (!kvs_namespace_valid (argv[n]))
            cmd_die (1, "'%.200s': the name of a namespace has 1 to 255 bytes, and no blanks", argv[n]);
        flux_future_t *f = rootref
            ? flux_kvs_namespace_create_with (h, argv[n], rootref, owner, 0)
            : flux_kvs_namespace_create (h, argv[n], owner, 0);
        kvs_check (f, argv[n]);
        flux_future_destroy (f);
    }
    flux_close (h);
    return 0;
}

static int namespace_remove (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_t *h;

    if (n == argc)
        return cmd_usage (p);
    h = cmd_open ();
    for (; n < argc; n++) {
        flux_future_t *f = flux_kvs_namespace_remove (h, argv[n]);
        kvs_check (f, argv[n]);
        flux_future_destroy (f);
    }
    flux_close (h);
    return 0;
}

static int namespace_list (optparse_t *p, int argc, char **argv)
{
    flux_future_t *f;
    json_t *all;
    json_t *o;
    size_t i;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    f = flux_rpc (h, "kvs.namespace-list", NULL, FLUX_NODEID_ANY, 0);
    kvs_check (f, "cannot list namespaces");
    if (flux_rpc_get_unpack (f, "{s:o}", "namespaces", &all) < 0)
        cmd_die (1, "kvs.namespace-list: %s", flux_strerror (errno));
    printf ("%-36s %10s %10s\n", "NAMESPACE", "OWNER", "FLAGS");
    json_array_foreach (all, i, o) {
        const char *name;
        json_int_t owner;
        int flags;
        if (json_unpack (o, "{s:s s:I s:i}", "namespace", &name, "owner", &owner,
                         "flags", &flags) < 0)
            cmd_die (1, "kvs.namespace-list: malformed answer");
        printf ("%-36s %10lld 0x%08X\n", name, (long long)owner, (unsigned int)flags);
    }
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static struct optparse_option create_opts[] = {
    KVS_OPT ("owner", 'o', "UID", "Set the owner (default: the instance owner)"),
    KVS_OPT ("rootref", 'r', "TREEOBJ", "Initialize with this root directory reference"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "create", namespace_create, "[OPTIONS] name...", "Create a KVS namespace", 0, create_opts },
    { "remove", namespace_remove, "name...", "Remove a KVS namespace", 0, NULL },
    { "list", namespace_list, "", "List namespaces", 0, NULL },
    OPTPARSE_SUBCMD_END,
};

int kvs_namespace (optparse_t *p, int argc, char **argv)
{
    cmd_set_name ("flux-kvs namespace");
    return cmd_run_subcommands (subcommands, argc, argv);
}
