/* attr.c - flux getattr, setattr, lsattr (flux-getattr(1))
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/attr.h"
#include "cmd/cmd.h"

int cmd_getattr (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("name", "Get a broker attribute", NULL, argc, argv, &n);
    const char *val;
    flux_t *h;

    if (n != argc - 1) {
        optparse_print_usage (p);
        exit (1);
    }
    h = cmd_open ();
    if (!(val = flux_attr_get (h, argv[n])))
        cmd_die (1, "%s: %s", argv[n],
                 errno == ENOENT ? "no such broker attribute (see 'flux lsattr')"
                                 : flux_strerror (errno));
    printf ("%s\n", val);
    flux_close (h);
    optparse_destroy (p);
    return 0;
}

int cmd_setattr (int argc, char **argv)
{
    static const struct optparse_option opts[] = {
        { .name = "force", .key = 'f', .has_arg = 0,
          .usage = "Set the attribute even if it does not respond to updates" },
        OPTPARSE_TABLE_END,
    };
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] name value", "Set a broker attribute", opts,
                               argc, argv, &n);
    flux_error_t err;
    flux_t *h;

    if (n != argc - 2) {
        optparse_print_usage (p);
        exit (1);
    }
    h = cmd_open ();
    if (flux_attr_set_ex (h, argv[n], argv[n + 1], optparse_hasopt (p, "force"), &err) < 0)
        cmd_die (1, "%s: %s", argv[n], err.text);
    flux_close (h);
    optparse_destroy (p);
    return 0;
}

static int by_name (const void *a, const void *b)
{
    return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static void print_attrs (flux_t *h, json_t *names, bool values)
{
    size_t n = json_array_size (names);
    const char **sorted = calloc (n + 1, sizeof (*sorted));

    if (!sorted)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < n; i++)
        sorted[i] = json_string_value (json_array_get (names, i));
    qsort (sorted, n, sizeof (*sorted), by_name);
    for (size_t i = 0; i < n; i++) {
        if (values) {
            const char *val = flux_attr_get (h, sorted[i]);
            printf ("%-40s%s\n", sorted[i], val ? val : "-");
        }
        else
            printf ("%s\n", sorted[i]);
    }
    free (sorted);
}

int cmd_lsattr (int argc, char **argv)
{
    static const struct optparse_option opts[] = {
        { .name = "values", .key = 'v', .has_arg = 0, .usage = "List values too" },
        OPTPARSE_TABLE_END,
    };
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS]", "List broker attributes", opts, argc, argv, &n);
    flux_t *h = cmd_open ();
    flux_future_t *f = flux_rpc (h, "attr.list", "{}", FLUX_NODEID_ANY, 0);
    json_t *names;

    cmd_check (f, "attr.list");
    if (flux_rpc_get_unpack (f, "{s:o}", "names", &names) < 0)
        cmd_die (1, "attr.list: %s", flux_strerror (errno));
    print_attrs (h, names, optparse_hasopt (p, "values"));
    flux_future_destroy (f);
    flux_close (h);
    optparse_destroy (p);
    return 0;
}
