/* dump.c - flux dump (flux-dump(1)): a KVS snapshot as an archive
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/dso.h"
#include "cmd/checkpoint.h"
#include "cmd/cmd.h"
#include "cmd/dso_archive.h"
#include "cmd/dump.h"
#include "cmd/kvswalk.h"
#include "cmd/progress.h"

struct dump {
    const struct archive_ops *ops;
    struct ar *ar;
    const char *path;
    time_t mtime;
    bool go_on;          /* --ignore-failed-read */
    struct progress progress;
};

/* "a.b" as "a/b"; the caller frees. */
static char *key_to_path (const char *key)
{
    char *path = strdup (key);

    if (!path)
        cmd_die (1, "out of memory");
    for (char *s = path; *s; s++)
        *s = *s == '.' ? '/' : *s;
    return path;
}

static void put (struct dump *d, const char *key, struct ar_member *m, const void *data)
{
    flux_error_t err;
    char *path = key_to_path (key);

    m->path = path;
    m->mtime = d->mtime;
    if (d->ops->write (d->ar, m, data, &err) < 0)
        cmd_die (1, "%s: %s: %s", d->path, key, err.text);
    free (path);
    progress_key (&d->progress, key);
}

static void put_value (void *arg, const char *key, const void *data, size_t len)
{
    struct ar_member m = { .size = len };

    put (arg, key, &m, data);
}

static void put_symlink (void *arg, const char *key, const char *ns, const char *target)
{
    struct ar_member m = { 0 };
    char *link;

    if (asprintf (&link, "%s%s%s", ns ? ns : "", ns ? "::" : "", target) < 0)
        cmd_die (1, "out of memory");
    m.link = link;
    put (arg, key, &m, NULL);
    free (link);
}

static void failed_read (void *arg, const char *key, bool dir, const char *ref, int errnum)
{
    struct dump *d = arg;
    const char *what = errnum == ENOENT ? "no such content" : "not a directory object";

    if (!d->go_on)
        cmd_die (1, "%s: %s: %s (--ignore-failed-read skips such a key)", key, ref, what);
    cmd_err ("%s: %s: %s: skipped", key, ref, what);
}

static char *current_root (flux_t *h)
{
    flux_future_t *f = flux_kvs_getroot (h, KVS_PRIMARY_NAMESPACE, 0);
    const char *ref;
    char *copy;

    if (!f || flux_kvs_getroot_get_blobref (f, &ref) < 0)
        cmd_die (1, "cannot get the root of the KVS: %s (--checkpoint does without the KVS service)",
                 f ? future_strerror (f, errno) : flux_strerror (errno));
    if (!(copy = strdup (ref)))
        cmd_die (1, "out of memory");
    flux_future_destroy (f);
    return copy;
}

static char *checkpoint_root (flux_t *h, time_t *when)
{
    json_t *list = checkpoints_get (h);
    const char *ref;
    double timestamp = 0;
    char *copy;

    if (json_unpack (list, "[{s:s s?F}]", "rootref", &ref, "timestamp", &timestamp) < 0)
        cmd_die (1, "there is no checkpoint in the backing store");
    *when = timestamp;
    if (!(copy = strdup (ref)))
        cmd_die (1, "out of memory");
    json_decref (list);
    return copy;
}

static const struct archive_ops *need_archive (void)
{
    flux_error_t err;
    const struct archive_ops *ops = dso_symbol ("archive", "archive_ops", &err);

    if (!ops)
        cmd_die (1, "cannot use libarchive: %s", err.text);
    return ops;
}

static void run (struct dump *d, struct kvswalk *w, optparse_t *p, const char *path)
{
    flux_error_t err;
    char *root;

    d->path = strcmp (path, "-") == 0 ? "standard output" : path;
    d->mtime = time (NULL);
    root = optparse_hasopt (p, "checkpoint") ? checkpoint_root (w->h, &d->mtime)
                                             : current_root (w->h);
    if (d->ops->create (&d->ar, path, &err) < 0)
        cmd_die (1, "%s", err.text);
    kvswalk_run (w, root);
    if (d->ops->close (d->ar, &err) < 0)
        cmd_die (1, "%s: %s", d->path, err.text);
    progress_end (&d->progress);
    free (root);
}

static const struct optparse_option dump_opts[] = {
    PROGRESS_OPTIONS,
    { .name = "checkpoint", .usage = "Dump the latest checkpoint, not the current root" },
    { .name = "no-cache", .usage = "Bypass the broker content cache" },
    { .name = "maxreqs", .has_arg = 1, .arginfo = "N",
      .usage = "Number of concurrent content requests (default 2)" },
    { .name = "ignore-failed-read", .usage = "Skip keys whose content is missing" },
    { .name = "sd-notify", .usage = "Tell the broker, and so systemd, of progress" },
    OPTPARSE_TABLE_END,
};

int cmd_dump (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] OUTFILE", "Write a KVS snapshot to an archive",
                               dump_opts, argc, argv, &n);
    struct dump d = { .go_on = optparse_hasopt (p, "ignore-failed-read") };
    struct kvswalk w = {
        .maxreqs = optparse_get_int (p, "maxreqs", 2),
        .bypass = optparse_hasopt (p, "no-cache"),
        .value = put_value,
        .symlink = put_symlink,
        .bad = failed_read,
        .arg = &d,
    };

    if (n != argc - 1) {
        optparse_print_usage (p);
        return 1;
    }
    if (w.maxreqs < 1)
        cmd_die (1, "--maxreqs=%d: want a positive number", w.maxreqs);
    if (strcmp (argv[n], "-") == 0 && isatty (STDOUT_FILENO))
        cmd_die (1, "an archive is not written to a terminal: redirect standard output");
    d.ops = need_archive ();
    w.h = cmd_open ();
    progress_init (&d.progress, p, w.h, "archived");
    run (&d, &w, p, argv[n]);
    flux_close (w.h);
    optparse_destroy (p);
    return 0;
}
