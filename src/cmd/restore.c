/* restore.c - flux restore (flux-restore(1)): a KVS snapshot from an archive
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dso.h"
#include "cmd/checkpoint.h"
#include "cmd/cmd.h"
#include "cmd/dso_archive.h"
#include "cmd/dump.h"
#include "cmd/kvstree.h"
#include "cmd/progress.h"
#include "cmd/size.h"
#include "spec/treeobj.h"

struct restore {
    const struct archive_ops *ops;
    struct ar *ar;
    const char *path;
    struct kvstree *tree;
    size_t size_limit;       /* 0: none */
    struct progress progress;
};

/* "./a/b" as "a.b"; the caller frees. */
static char *path_to_key (const char *path)
{
    char *key = strdup (path + (strncmp (path, "./", 2) == 0 ? 2 : 0));

    if (!key)
        cmd_die (1, "out of memory");
    for (char *s = key; *s; s++)
        *s = *s == '/' ? '.' : *s;
    return key;
}

/* "NS::a.b" */
static json_t *symlink_object (const char *link)
{
    const char *sep = strstr (link, "::");
    char *ns = sep ? strndup (link, sep - link) : NULL;
    json_t *o = treeobj_symlink (ns, sep ? sep + 2 : link);

    free (ns);
    return o;
}

static json_t *value_object (struct restore *r, const struct ar_member *m, const char *key)
{
    char *data = malloc (m->size + 1);
    flux_error_t err;
    json_t *o;

    if (!data)
        cmd_die (1, "%s: no memory for a value of %zu bytes", key, m->size);
    if (r->ops->read (r->ar, data, m->size, &err) < 0)
        cmd_die (1, "%s: %s: %s", r->path, key, err.text);
    o = kvstree_value (r->tree, data, m->size);
    free (data);
    return o;
}

static void restore_member (struct restore *r, const struct ar_member *m)
{
    char *key = path_to_key (m->path);

    if (r->size_limit > 0 && m->size > r->size_limit)
        cmd_err ("%s exceeds the size limit of %zu bytes by %zu: skipped", key, r->size_limit,
                 m->size - r->size_limit);
    else {
        kvstree_put (r->tree, key, m->link ? symlink_object (m->link)
                                           : value_object (r, m, key));
        progress_key (&r->progress, key);
    }
    free (key);
}

static void read_archive (struct restore *r, const char *path)
{
    struct ar_member m;
    flux_error_t err;
    int rc;

    r->path = strcmp (path, "-") == 0 ? "standard input" : path;
    if (r->ops->open (&r->ar, path, &err) < 0)
        cmd_die (1, "%s: %s", r->path, err.text);
    while ((rc = r->ops->next (r->ar, &m, &err)) > 0)
        restore_member (r, &m);
    if (rc < 0)
        cmd_die (1, "%s: %s", r->path, err.text);
    r->ops->close (r->ar, &err);
}

static bool kvs_is_loaded (flux_t *h)
{
    flux_future_t *f = flux_kvs_getroot (h, KVS_PRIMARY_NAMESPACE, 0);
    bool yes = f && (flux_future_get (f, NULL) == 0 || errno != ENOSYS);

    flux_future_destroy (f);
    return yes;
}

static void put_key (flux_t *h, const char *key, const char *rootref)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    json_t *o = treeobj_dirref (rootref);
    char *s = o ? treeobj_encode (o) : NULL;
    flux_future_t *f;

    if (!txn || !s || flux_kvs_txn_put_treeobj (txn, 0, key, s) < 0)
        cmd_die (1, "%s: %s", key, flux_strerror (errno));
    f = flux_kvs_commit (h, KVS_PRIMARY_NAMESPACE, 0, txn);
    cmd_check (f, key);
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
    json_decref (o);
    free (s);
}

static const struct optparse_option restore_opts[] = {
    PROGRESS_OPTIONS,
    { .name = "checkpoint", .usage = "Make what is restored the checkpoint to begin with" },
    { .name = "key", .has_arg = 1, .arginfo = "NAME", .usage = "Restore to a directory of the KVS" },
    { .name = "no-cache", .usage = "Bypass the broker content cache" },
    { .name = "size-limit", .has_arg = 1, .arginfo = "SIZE",
      .usage = "Skip keys that exceed SIZE bytes" },
    { .name = "maxreqs", .has_arg = 1, .arginfo = "N",
      .usage = "Number of concurrent content requests (default 256)" },
    { .name = "sd-notify", .usage = "Tell the broker, and so systemd, of progress" },
    OPTPARSE_TABLE_END,
};

static void check_options (optparse_t *p, flux_t *h, int maxreqs)
{
    bool checkpoint = optparse_hasopt (p, "checkpoint");

    if (checkpoint == optparse_hasopt (p, "key"))
        cmd_die (1, "where to? want one of --checkpoint and --key=NAME");
    if (maxreqs < 1)
        cmd_die (1, "--maxreqs=%d: want a positive number", maxreqs);
    if (checkpoint && kvs_is_loaded (h))
        cmd_die (1, "--checkpoint: the kvs module is loaded: unload it first"
                 " (flux module remove kvs)");
}

int cmd_restore (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] INFILE", "Read a KVS snapshot from an archive",
                               restore_opts, argc, argv, &n);
    int maxreqs = optparse_get_int (p, "maxreqs", 256);
    struct restore r = { .size_limit = size_option (p, "size-limit", 0) };
    char root[BLOBREF_MAX_STRING];
    flux_error_t err;
    flux_t *h;

    if (n != argc - 1) {
        optparse_print_usage (p);
        return 1;
    }
    if (!(r.ops = dso_symbol ("archive", "archive_ops", &err)))
        cmd_die (1, "cannot use libarchive: %s", err.text);
    h = cmd_open ();
    check_options (p, h, maxreqs);
    progress_init (&r.progress, p, h, "restored");
    r.tree = kvstree_new (h, maxreqs, optparse_hasopt (p, "no-cache"), NULL);
    read_archive (&r, argv[n]);
    kvstree_store (r.tree, root);
    if (optparse_hasopt (p, "checkpoint"))
        checkpoint_put (h, root);
    else
        put_key (h, optparse_get_str (p, "key", NULL), root);
    progress_end (&r.progress);
    kvstree_free (r.tree);
    flux_close (h);
    optparse_destroy (p);
    return 0;
}
