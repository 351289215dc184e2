/* kvs.c - flux kvs (flux-kvs(1)): transactions, roots and versions
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/kvs.h"
#include "cmd/subs.h"
#include "core/kvs_proto.h"
#include "spec/treeobj.h"

#define KEY_SHOWN 200

const char *kvs_ns (optparse_t *p)
{
    return optparse_get_str (p, "namespace", NULL);
}

/* What is wrong with a key for all purposes, or NULL. */
static const char *bad_key (const char *key)
{
    char *room = malloc (KVS_KEY_MAX + 1);
    int rc = room ? kvs_key_normalize (key, room) : 0;

    free (room);
    if (rc == -ENAMETOOLONG)
        return "a key has at most 65535 bytes";
    if (rc == -EINVAL)
        return *key ? "a key is UTF-8 text" : "a key is not empty";
    return NULL;
}

static const char *reason (flux_future_t *f, const char *key, int errnum)
{
    const char *text = bad_key (key);

    if (text)
        return text;
    if (f)
        return future_strerror (f, errnum);
    if (errnum == EINVAL && key[strspn (key, ".")] == '\0')
        return "this is the root directory";
    return flux_strerror (errnum);
}

/* The service's own words may begin with the key.  A long one is cut. */
const char *kvs_strerror (flux_future_t *f, const char *key, char *buf, size_t size)
{
    int errnum = errno;
    const char *text = reason (f, key, errnum);
    size_t n = strlen (key);

    if (strncmp (text, key, n) == 0 && text[n] == ':')
        snprintf (buf, size, "%s", text);
    else if (n > KEY_SHOWN)
        snprintf (buf, size, "%.*s...: %s", KEY_SHOWN, key, text);
    else
        snprintf (buf, size, "%s: %s", key, text);
    return buf;
}

void kvs_die (flux_future_t *f, const char *key)
{
    char text[1024];

    cmd_die (1, "%s", kvs_strerror (f, key, text, sizeof (text)));
}

void kvs_check (flux_future_t *f, const char *key)
{
    if (!f || flux_future_get (f, NULL) < 0)
        kvs_die (f, key);
}

char *kvs_read_stdin (size_t *lenp)
{
    struct buf b = BUF_INIT;
    char chunk[65536];
    size_t n;

    while ((n = fread (chunk, 1, sizeof (chunk), stdin)) > 0)
        buf_add (&b, chunk, n);
    if (ferror (stdin) || b.failed)
        cmd_die (1, "cannot read standard input: %s", strerror (errno));
    *lenp = b.len;
    return buf_take (&b);
}

int kvs_width (optparse_t *p)
{
    int width = optparse_get_int (p, "width", -1);
    const char *columns = getenv ("COLUMNS");
    struct winsize ws;

    if (optparse_hasopt (p, "width") && width < 0)
        cmd_die (1, "--width=%d: want zero or more", width);
    if (width >= 0)
        return width;
    if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
        return ws.ws_col;
    return columns && isatty (STDOUT_FILENO) ? strtol (columns, NULL, 10) : 0;
}

/* Commits */

static flux_kvs_txn_t *txn_new (void)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();

    if (!txn)
        cmd_die (1, "out of memory");
    return txn;
}

static void show_commit (optparse_t *p, flux_future_t *f)
{
    const char *s;
    int seq;

    if (optparse_hasopt (p, "treeobj-root")) {
        if (flux_kvs_commit_get_treeobj (f, &s) < 0)
            cmd_die (1, "commit: %s", flux_strerror (errno));
        printf ("%s\n", s);
    }
    else if (optparse_hasopt (p, "blobref")) {
        if (flux_kvs_commit_get_rootref (f, &s) < 0)
            cmd_die (1, "commit: %s", flux_strerror (errno));
        printf ("%s\n", s);
    }
    else if (optparse_hasopt (p, "sequence")) {
        if (flux_kvs_commit_get_sequence (f, &seq) < 0)
            cmd_die (1, "commit: %s", flux_strerror (errno));
        printf ("%d\n", seq);
    }
}

static void commit (optparse_t *p, flux_t *h, flux_kvs_txn_t *txn, int flags, const char *what)
{
    flux_future_t *f = flux_kvs_commit (h, kvs_ns (p), flags, txn);

    kvs_check (f, what);
    show_commit (p, f);
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
}

/* put */

static int put_value (optparse_t *p, flux_kvs_txn_t *txn, const char *key, const char *value)
{
    int flags = optparse_hasopt (p, "append") ? FLUX_KVS_APPEND : 0;
    bool raw = optparse_hasopt (p, "raw");
    bool treeobj = optparse_hasopt (p, "treeobj");
    char *input = NULL;
    size_t len = strlen (value);
    int rc;

    if ((raw || treeobj) && strcmp (value, "-") == 0)
        value = input = kvs_read_stdin (&len);
    if (treeobj)
        rc = flux_kvs_txn_put_treeobj (txn, flags, key, value);
    else if (raw)
        rc = flux_kvs_txn_put_raw (txn, flags, key, value, len);
    else
        rc = flux_kvs_txn_put (txn, flags, key, value);
    free (input);
    return rc;
}

static void put_pair (optparse_t *p, flux_kvs_txn_t *txn, const char *pair)
{
    const char *eq = strchr (pair, '=');
    char *key = eq ? strndup (pair, eq - pair) : NULL;

    if (!eq)
        cmd_die (1, "'%s' has no '=': want key=value", pair);
    if (!key)
        cmd_die (1, "out of memory");
    if (put_value (p, txn, key, eq + 1) < 0) {
        if (errno == EINVAL && optparse_hasopt (p, "treeobj"))
            cmd_die (1, "%s: the value is not a tree object (RFC 11)", key);
        kvs_die (NULL, key);
    }
    free (key);
}

static int kvs_put (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_kvs_txn_t *txn;
    int flags = 0;
    flux_t *h;

    if (n == argc)
        return cmd_usage (p);
    if (optparse_hasopt (p, "no-merge"))
        flags |= FLUX_KVS_NO_MERGE;
    if (optparse_hasopt (p, "sync"))
        flags |= FLUX_KVS_SYNC;
    txn = txn_new ();
    for (int i = n; i < argc; i++)
        put_pair (p, txn, argv[i]);
    h = cmd_open ();
    commit (p, h, txn, flags, "cannot commit");
    flux_close (h);
    return 0;
}

/* unlink */

static bool is_filled_dir (optparse_t *p, flux_t *h, const char *key)
{
    flux_future_t *f = flux_kvs_lookup (h, kvs_ns (p), FLUX_KVS_READDIR, key);
    const flux_kvsdir_t *dir;
    bool filled;

    if (!f || flux_kvs_lookup_get_dir (f, &dir) < 0)
        kvs_die (f, key);
    filled = flux_kvsdir_get_size (dir) > 0;
    flux_future_destroy (f);
    return filled;
}

/* May 'key' be unlinked?  Exits if not; false: it is not there, and need not be. */
static bool may_unlink (optparse_t *p, flux_t *h, const char *key)
{
    flux_future_t *f = flux_kvs_lookup (h, kvs_ns (p), FLUX_KVS_TREEOBJ, key);
    const char *s;
    json_t *o;
    bool is_dir;

    if (f && flux_future_get (f, NULL) < 0 && errno == ENOENT && optparse_hasopt (p, "force")) {
        flux_future_destroy (f);
        return false;
    }
    kvs_check (f, key);
    if (flux_kvs_lookup_get_treeobj (f, &s) < 0 || !(o = treeobj_decode (s, strlen (s))))
        cmd_die (1, "%s: %s", key, flux_strerror (errno));
    is_dir = treeobj_is (o, "dir") || treeobj_is (o, "dirref");
    json_decref (o);
    flux_future_destroy (f);
    if (is_dir && !optparse_hasopt (p, "recursive") && is_filled_dir (p, h, key))
        cmd_die (1, "%s: the directory is not empty (-R removes it with what is in it)", key);
    return true;
}

static int kvs_unlink (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_kvs_txn_t *txn;
    flux_t *h;

    if (n == argc)
        return cmd_usage (p);
    h = cmd_open ();
    txn = txn_new ();
    for (; n < argc; n++) {
        if (may_unlink (p, h, argv[n]) && flux_kvs_txn_unlink (txn, 0, argv[n]) < 0)
            kvs_die (NULL, argv[n]);
    }
    commit (p, h, txn, 0, "cannot commit");
    flux_close (h);
    return 0;
}

/* link, readlink, mkdir */

static int kvs_link (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_kvs_txn_t *txn;
    flux_t *h;

    if (n != argc - 2)
        return cmd_usage (p);
    txn = txn_new ();
    if (flux_kvs_txn_symlink (txn, 0, argv[n + 1], optparse_get_str (p, "target-namespace", NULL),
                              argv[n]) < 0)
        kvs_die (NULL, argv[n + 1]);
    h = cmd_open ();
    commit (p, h, txn, 0, argv[n + 1]);
    flux_close (h);
    return 0;
}

static void print_link (optparse_t *p, const char *ns, const char *target)
{
    if (optparse_hasopt (p, "namespace-only")) {
        if (ns)
            printf ("%s\n", ns);
    }
    else if (ns && !optparse_hasopt (p, "key-only"))
        printf ("%s::%s\n", ns, target);
    else
        printf ("%s\n", target);
}

static int kvs_readlink (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *at = optparse_get_str (p, "at", NULL);
    const char *ns;
    const char *target;
    flux_t *h;

    if (n == argc)
        return cmd_usage (p);
    if (optparse_hasopt (p, "namespace-only") && optparse_hasopt (p, "key-only"))
        cmd_die (1, "--namespace-only and --key-only exclude each other");
    h = cmd_open ();
    for (; n < argc; n++) {
        flux_future_t *f = at ? flux_kvs_lookupat (h, FLUX_KVS_READLINK, argv[n], at)
                              : flux_kvs_lookup (h, kvs_ns (p), FLUX_KVS_READLINK, argv[n]);
        if (!f && at && errno == EINVAL)
            cmd_die (1, "--at: not a tree object (RFC 11): %s", at);
        if (f && flux_future_get (f, NULL) < 0 && errno == EINVAL)
            cmd_die (1, "%s: not a symbolic link", argv[n]);
        kvs_check (f, argv[n]);
        if (flux_kvs_lookup_get_symlink (f, &ns, &target) < 0)
            cmd_die (1, "%s: %s", argv[n],
                     errno == EINVAL ? "not a symbolic link" : flux_strerror (errno));
        print_link (p, ns, target);
        flux_future_destroy (f);
    }
    flux_close (h);
    return 0;
}

static int kvs_mkdir (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_kvs_txn_t *txn;
    flux_t *h;

    if (n == argc)
        return cmd_usage (p);
    txn = txn_new ();
    for (; n < argc; n++) {
        if (flux_kvs_txn_mkdir (txn, 0, argv[n]) < 0)
            kvs_die (NULL, argv[n]);
    }
    h = cmd_open ();
    commit (p, h, txn, 0, "cannot commit");
    flux_close (h);
    return 0;
}

/* copy, move */

typedef flux_future_t *(*copy_f) (flux_t *h, const char *srcns, const char *srckey,
                                  const char *dstns, const char *dstkey, int commit_flags);

static int copy_or_move (optparse_t *p, int argc, char **argv, copy_f fun)
{
    int n = optparse_option_index (p);
    flux_future_t *f;
    flux_t *h;

    if (n != argc - 2)
        return cmd_usage (p);
    h = cmd_open ();
    f = fun (h, optparse_get_str (p, "src-namespace", NULL), argv[n],
             optparse_get_str (p, "dst-namespace", NULL), argv[n + 1], 0);
    kvs_check (f, argv[n]);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int kvs_copy (optparse_t *p, int argc, char **argv)
{
    return copy_or_move (p, argc, argv, flux_kvs_copy);
}

static int kvs_move (optparse_t *p, int argc, char **argv)
{
    return copy_or_move (p, argc, argv, flux_kvs_move);
}

/* getroot, version, wait, sync */

static void print_root (optparse_t *p, flux_future_t *f)
{
    const char *s;
    uint32_t owner;
    int rc;
    int seq;

    if (optparse_hasopt (p, "owner")) {
        if ((rc = flux_kvs_getroot_get_owner (f, &owner)) == 0)
            printf ("%u\n", owner);
    }
    else if (optparse_hasopt (p, "sequence")) {
        if ((rc = flux_kvs_getroot_get_sequence (f, &seq)) == 0)
            printf ("%d\n", seq);
    }
    else {
        rc = optparse_hasopt (p, "blobref") ? flux_kvs_getroot_get_blobref (f, &s)
                                            : flux_kvs_getroot_get_treeobj (f, &s);
        if (rc == 0)
            printf ("%s\n", s);
    }
    if (rc < 0)
        cmd_die (1, "getroot: %s", flux_strerror (errno));
}

static int kvs_getroot (optparse_t *p, int argc, char **argv)
{
    flux_future_t *f;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    f = flux_kvs_getroot (h, kvs_ns (p), 0);
    kvs_check (f, kvs_ns (p) ? kvs_ns (p) : "getroot");
    print_root (p, f);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* Why a namespace has no version. */
static void ns_die (optparse_t *p)
{
    const char *ns = kvs_namespace_default (kvs_ns (p));

    if (errno == ENOTSUP)
        cmd_die (1, "namespace %s does not exist", ns);
    cmd_die (1, "namespace %s: %s", ns, flux_strerror (errno));
}

static int kvs_version (optparse_t *p, int argc, char **argv)
{
    int version;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    if (flux_kvs_get_version (h, kvs_ns (p), &version) < 0)
        ns_die (p);
    printf ("%d\n", version);
    flux_close (h);
    return 0;
}

static int kvs_wait (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    char *end;
    long version;
    flux_t *h;

    if (n != argc - 1)
        return cmd_usage (p);
    version = strtol (argv[n], &end, 10);
    if (!isdigit ((unsigned char)argv[n][0]) || *end || version > INT_MAX)
        cmd_die (1, "'%s' is not a version number", argv[n]);
    h = cmd_open ();
    if (flux_kvs_wait_version (h, kvs_ns (p), version) < 0)
        ns_die (p);
    flux_close (h);
    return 0;
}

static int kvs_sync (optparse_t *p, int argc, char **argv)
{
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    commit (p, h, txn_new (), FLUX_KVS_SYNC, "sync");
    flux_close (h);
    return 0;
}

/* Tables */

#define ROOTS \
    KVS_OPT ("treeobj-root", 'O', NULL, "Show the new root as a tree object (RFC 11)"), \
    KVS_OPT ("blobref", 'b', NULL, "Show the new root as a blobref"), \
    KVS_OPT ("sequence", 's', NULL, "Show the new root's sequence number")
#define AT KVS_OPT ("at", 'a', "TREEOBJ", "Look up relative to a directory reference (RFC 11)")
#define WIDTH KVS_OPT ("width", 'w', "N", "Limit output to N columns (0: no limit)")

static struct optparse_option get_opts[] = {
    KVS_OPT_NS,
    KVS_OPT ("raw", 'r', NULL, "Display value without a newline"),
    KVS_OPT ("treeobj", 't', NULL, "Display the tree object (RFC 11)"),
    AT,
    KVS_OPT ("label", 'l', NULL, "Print key= before value"),
    KVS_OPT ("waitcreate", 'W', NULL, "Wait for the key to be created"),
    KVS_OPT ("watch", 'w', NULL, "Monitor changes"),
    KVS_OPT ("count", 'c', "N", "With --watch, display N values then exit"),
    KVS_OPT ("uniq", 'u', NULL, "With --watch, display only values that differ"),
    KVS_OPT ("append", 'A', NULL, "With --watch, display only what was appended"),
    KVS_OPT ("full", 'f', NULL, "With --watch, see indirect changes too"),
    KVS_OPT ("stream", 'S', NULL, "Get a large value in several responses"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option put_opts[] = {
    KVS_OPT_NS, ROOTS,
    KVS_OPT ("raw", 'r', NULL, "Store value(s) as they are, without a NUL; - is standard input"),
    KVS_OPT ("treeobj", 't', NULL, "Store tree object(s) (RFC 11); - is standard input"),
    KVS_OPT ("no-merge", 'n', NULL, "Do not merge with other commits"),
    KVS_OPT ("append", 'A', NULL, "Append value(s) instead of overwriting"),
    KVS_OPT ("sync", 'S', NULL, "Flush to disk after the commit"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option dir_opts[] = {
    KVS_OPT_NS,
    KVS_OPT ("recursive", 'R', NULL, "Recursively display keys under subdirectories"),
    KVS_OPT ("directory", 'd', NULL, "List directory entries and not values"),
    WIDTH, AT,
    OPTPARSE_TABLE_END,
};

static struct optparse_option ls_opts[] = {
    KVS_OPT_NS,
    KVS_OPT ("recursive", 'R', NULL, "List directory recursively"),
    KVS_OPT ("directory", 'd', NULL, "List directory instead of contents"),
    WIDTH,
    KVS_OPT ("1", '1', NULL, "Force one entry per line"),
    KVS_OPT ("classify", 'F', NULL, "Append . to directories, @ to symbolic links"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option unlink_opts[] = {
    KVS_OPT_NS, ROOTS,
    KVS_OPT ("recursive", 'R', NULL, "Remove directory contents recursively"),
    KVS_OPT ("force", 'f', NULL, "Ignore nonexistent keys"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option link_opts[] = {
    KVS_OPT_NS, ROOTS,
    KVS_OPT ("target-namespace", 'T', "NAME", "Namespace of the target"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option readlink_opts[] = {
    KVS_OPT_NS, AT,
    KVS_OPT ("namespace-only", 'o', NULL, "Print only the namespace, if the target has one"),
    KVS_OPT ("key-only", 'k', NULL, "Print only the key"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option mkdir_opts[] = { KVS_OPT_NS, ROOTS, OPTPARSE_TABLE_END };
static struct optparse_option ns_opts[] = { KVS_OPT_NS, OPTPARSE_TABLE_END };

static struct optparse_option copy_opts[] = {
    KVS_OPT ("src-namespace", 'S', "NAME", "Namespace of the source"),
    KVS_OPT ("dst-namespace", 'D', "NAME", "Namespace of the destination"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option getroot_opts[] = {
    KVS_OPT_NS,
    KVS_OPT ("owner", 'o', NULL, "Show the owner"),
    KVS_OPT ("blobref", 'b', NULL, "Show the root as a blobref"),
    KVS_OPT ("sequence", 's', NULL, "Show the sequence number"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "namespace", kvs_namespace, "COMMAND ...", "Manage namespaces: create, remove, list",
      OPTPARSE_SUBCMD_SKIP_OPTS, NULL },
    { "get", kvs_get, "[OPTIONS] key...", "Get value stored under key", 0, get_opts },
    { "put", kvs_put, "[OPTIONS] key=value...", "Store value under key", 0, put_opts },
    { "dir", kvs_dir, "[OPTIONS] [key]", "Display all keys under directory", 0, dir_opts },
    { "ls", kvs_ls, "[OPTIONS] [key...]", "List directory", 0, ls_opts },
    { "unlink", kvs_unlink, "[OPTIONS] key...", "Remove key", 0, unlink_opts },
    { "link", kvs_link, "[OPTIONS] target linkname", "Create a new name for target", 0, link_opts },
    { "readlink", kvs_readlink, "[OPTIONS] key...", "Retrieve the target of a link", 0,
      readlink_opts },
    { "mkdir", kvs_mkdir, "[OPTIONS] key...", "Create a directory", 0, mkdir_opts },
    { "copy", kvs_copy, "[OPTIONS] source destination", "Copy source key to destination key", 0,
      copy_opts },
    { "move", kvs_move, "[OPTIONS] source destination", "Move source key to destination key", 0,
      copy_opts },
    { "getroot", kvs_getroot, "[OPTIONS]", "Get the root of a namespace", 0, getroot_opts },
    { "version", kvs_version, "[OPTIONS]", "Display the current version", 0, ns_opts },
    { "wait", kvs_wait, "[OPTIONS] version", "Block until the version is reached", 0, ns_opts },
    { "sync", kvs_sync, "[OPTIONS]", "Flush pending content to disk", 0, ns_opts },
    { "eventlog", kvs_eventlog, "COMMAND ...", "Manipulate a KVS eventlog: get, append, wait-event",
      OPTPARSE_SUBCMD_SKIP_OPTS, NULL },
    OPTPARSE_SUBCMD_END,
};

int cmd_kvs (int argc, char **argv)
{
    return cmd_run_subcommands (subcommands, argc, argv);
}
