/* archive.c - flux archive list, extract, remove
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/archive.h"
#include "cmd/cmd.h"
#include "cmd/kvs.h"
#include "cmd/subs.h"
#include "core/unpack.h"

const char *archive_ns (optparse_t *p)
{
    return optparse_hasopt (p, "no-force-primary") ? NULL : KVS_PRIMARY_NAMESPACE;
}

const char *archive_name (optparse_t *p)
{
    const char *name = optparse_get_str (p, "name", "main");

    if (!*name || strchr (name, '.'))
        cmd_die (1, "--name=%s: want a name without a period", name);
    return name;
}

char *archive_key (optparse_t *p, const char *suffix)
{
    char *key;

    if (asprintf (&key, "archive.%s%s", archive_name (p), suffix) < 0)
        cmd_die (1, "out of memory");
    return key;
}

void archive_txn_remove (optparse_t *p, flux_kvs_txn_t *txn)
{
    char *key = archive_key (p, "");
    char *blobs = archive_key (p, "_blobs");

    if (flux_kvs_txn_unlink (txn, 0, key) < 0 || flux_kvs_txn_unlink (txn, 0, blobs) < 0)
        cmd_die (1, "%s: %s", key, flux_strerror (errno));
    free (key);
    free (blobs);
}

void archive_unmap (flux_t *h, const char *name)
{
    flux_future_t *f = flux_rpc_pack (h, "content.mmap-remove", 0, 0, "{s:s}", "tag", name);

    cmd_check (f, "unmap");
    flux_future_destroy (f);
}

/* Look up */

static double timeout_of (optparse_t *p)
{
    return optparse_hasopt (p, "waitcreate") && optparse_get_str (p, "waitcreate", NULL)
        ? cmd_timeout (p, "waitcreate", -1) : -1;
}

/* The future with the value of the archive; exits 1 if there is none. */
static flux_future_t *look_up (flux_t *h, optparse_t *p, bool wait)
{
    char *key = archive_key (p, "");
    flux_future_t *f = flux_kvs_lookup (h, archive_ns (p), wait ? FLUX_KVS_WAITCREATE : 0, key);

    if (!f || flux_future_wait_for (f, wait ? timeout_of (p) : -1) < 0)
        cmd_die (1, "%s: %s", key, errno == ETIMEDOUT ? "it did not appear in time"
                                                      : flux_strerror (errno));
    if (flux_future_get (f, NULL) < 0)
        cmd_die (1, "%s: %s", key, errno == ENOENT ? "no such archive: flux kvs dir archive shows what"
                 " there is" : future_strerror (f, errno));
    free (key);
    return f;
}

struct visit {
    optparse_t *p;
    const char *pattern;
    struct unpack unpack;
    bool list_only;
    bool verbose;
};

static void for_each (flux_t *h, struct visit *v, bool wait, unpack_each_f fun)
{
    flux_future_t *f = look_up (h, v->p, wait);
    const void *data;
    size_t len;
    flux_error_t err;

    if (flux_kvs_lookup_get_raw (f, &data, &len) < 0)
        cmd_die (1, "archive.%s: %s", archive_name (v->p), future_strerror (f, errno));
    if (len > 0 && unpack_each (data, len, fun, v, &err) < 0)
        cmd_die (1, "archive.%s: %s", archive_name (v->p), err.text);
    flux_future_destroy (f);
}

static bool matches (const struct visit *v, const char *path)
{
    return !v->pattern || fnmatch (v->pattern, path, 0) == 0;
}

/* list */

static char type_char (int mode)
{
    return S_ISDIR (mode) ? 'd' : S_ISLNK (mode) ? 'l' : S_ISREG (mode) ? 'f' : '?';
}

static json_int_t size_of (json_t *o)
{
    json_t *data = json_object_get (o, "data");
    json_t *size = json_object_get (o, "size");

    return size ? json_integer_value (size) : (json_int_t)json_string_length (data);
}

static int list_one (void *arg, const char *path, json_t *o)
{
    struct visit *v = arg;
    int mode = json_integer_value (json_object_get (o, "mode"));

    if (!matches (v, path))
        return 0;
    if (optparse_hasopt (v->p, "raw")) {
        json_dumpf (o, stdout, JSON_COMPACT);
        putchar ('\n');
    }
    else if (optparse_hasopt (v->p, "long"))
        printf ("%c %04o %12jd %s\n", type_char (mode), mode & 07777, (intmax_t)size_of (o), path);
    else
        printf ("%s\n", path);
    return 0;
}

static int archive_list (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct visit v = { .p = p, .pattern = n < argc ? argv[n] : NULL };
    flux_t *h;

    if (n < argc - 1)
        return cmd_usage (p);
    h = cmd_open ();
    for_each (h, &v, false, list_one);
    flux_close (h);
    return 0;
}

/* extract */

static int extract_one (void *arg, const char *path, json_t *o)
{
    struct visit *v = arg;
    flux_error_t err;

    if (!matches (v, path))
        return 0;
    if (v->list_only)
        printf ("%s\n", path);
    if (v->verbose)
        fprintf (stderr, "%s\n", path);
    if (!v->list_only && unpack_object (&v->unpack, path, o, &err) < 0)
        cmd_die (1, "%s: %s", path, err.text);
    return 0;
}

static int archive_extract (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *dir = optparse_get_str (p, "directory", ".");
    struct visit v = {
        .p = p,
        .pattern = n < argc ? argv[n] : NULL,
        .list_only = optparse_hasopt (p, "list-only"),
        .verbose = cmd_verbosity (p) > 0,
    };
    flux_t *h;
    int fd;

    if (n < argc - 1)
        return cmd_usage (p);
    if ((fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        cmd_die (1, "%s: %s", dir, strerror (errno));
    h = cmd_open ();
    unpack_init (&v.unpack, h, fd, optparse_hasopt (p, "overwrite") ? UNPACK_OVERWRITE : 0);
    for_each (h, &v, optparse_hasopt (p, "waitcreate"), extract_one);
    unpack_finish (&v.unpack);
    close (fd);
    flux_close (h);
    return 0;
}

/* remove */

static int archive_remove (optparse_t *p, int argc, char **argv)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    if (!optparse_hasopt (p, "force"))
        flux_future_destroy (look_up (h, p, false));
    if (!txn)
        cmd_die (1, "out of memory");
    archive_txn_remove (p, txn);
    f = flux_kvs_commit (h, archive_ns (p), 0, txn);
    cmd_check (f, "commit");
    if (!optparse_hasopt (p, "no-force-primary"))
        archive_unmap (h, archive_name (p));
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
    flux_close (h);
    return 0;
}

#define OPT_NAME KVS_OPT ("name", 'n', "NAME", "Name of the archive (default main)")
#define OPT_NS KVS_OPT ("no-force-primary", 0, NULL, "Use the default KVS namespace")
#define OPT_DIR KVS_OPT ("directory", 'C', "DIR", "Change to DIR before anything else")
#define OPT_VERBOSE \
    { .name = "verbose", .key = 'v', .has_arg = 2, .arginfo = "LEVEL", \
      .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG, .usage = "List files on standard error" }

static struct optparse_option create_opts[] = {
    OPT_NAME,
    KVS_OPT ("overwrite", 0, NULL, "Replace the archive if it exists"),
    KVS_OPT ("append", 0, NULL, "Add to the archive if it exists"),
    OPT_DIR,
    OPT_NS,
    KVS_OPT ("preserve", 0, NULL, "Keep the content over a restart with garbage collection"),
    OPT_VERBOSE,
    KVS_OPT ("chunksize", 0, "N", "Limit blobs to N bytes (default 1M, 0: no limit)"),
    KVS_OPT ("small-file-threshold", 0, "N", "Files up to N bytes are in the archive itself"
             " (default 1K)"),
    KVS_OPT ("mmap", 0, NULL, "Leave the content of large files where it is"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option list_opts[] = {
    KVS_OPT ("long", 'l', NULL, "Show type, mode and size"),
    KVS_OPT ("raw", 0, NULL, "Show RFC 37 file objects in JSON"),
    OPT_NAME,
    OPT_NS,
    OPTPARSE_TABLE_END,
};

static struct optparse_option remove_opts[] = {
    OPT_NAME,
    OPT_NS,
    KVS_OPT ("force", 'f', NULL, "Do not fail if there is no such archive"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option extract_opts[] = {
    KVS_OPT ("list-only", 't', NULL, "List files without extracting them"),
    OPT_NAME,
    OPT_DIR,
    OPT_VERBOSE,
    KVS_OPT ("overwrite", 0, NULL, "Overwrite existing files"),
    { .name = "waitcreate", .has_arg = 2, .arginfo = "FSD",
      .usage = "Wait for the archive to appear" },
    OPT_NS,
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "create", archive_create, "[OPTIONS] PATH...", "Create an archive of files", 0, create_opts },
    { "list", archive_list, "[OPTIONS] [PATTERN]", "List the files of an archive", 0, list_opts },
    { "extract", archive_extract, "[OPTIONS] [PATTERN]", "Extract the files of an archive", 0,
      extract_opts },
    { "remove", archive_remove, "[OPTIONS]", "Remove an archive", 0, remove_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_archive (int argc, char **argv)
{
    return cmd_run_subcommands_mixed (subcommands, argc, argv);
}
