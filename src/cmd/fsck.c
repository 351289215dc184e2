/* fsck.c - flux fsck (flux-fsck(1)): is all that the KVS refers to there?
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "cmd/checkpoint.h"
#include "cmd/cmd.h"
#include "cmd/dump.h"
#include "cmd/kvstree.h"
#include "cmd/kvswalk.h"
#include "core/blob.h"
#include "spec/treeobj.h"

struct fsck {
    flux_t *h;
    bool verbose;
    bool quiet;
    unsigned long keys;
    unsigned long errors;     /* keys with something wrong */
    json_t *damaged;          /* {key: is it a directory}, in the order they were found */
};

static void say (const char *fmt, ...) __attribute__ ((format (printf, 1, 2)));

static void say (const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    if (!isatty (STDERR_FILENO))
        fprintf (stderr, "%s: ", cmd_name ());
    vfprintf (stderr, fmt, ap);
    fputc ('\n', stderr);
    va_end (ap);
}

static void checked (struct fsck *c, const char *key)
{
    c->keys++;
    if (c->verbose)
        say ("%s", key);
}

static void good_value (void *arg, const char *key, const void *data, size_t len)
{
    checked (arg, key);
}

static void good_symlink (void *arg, const char *key, const char *ns, const char *target)
{
    checked (arg, key);
}

static void bad_key (void *arg, const char *key, bool dir, const char *ref, int errnum)
{
    struct fsck *c = arg;

    if (errnum == EINVAL)
        say ("%s: invalid tree object %s", key, ref);
    else
        say ("%s: missing blobref %s", key, ref);
    if (json_object_get (c->damaged, key))
        return;
    if (json_object_set_new (c->damaged, key, json_boolean (dir)) < 0)
        cmd_die (1, "out of memory");
    c->errors++;
    c->keys += !dir;
}

/* Repair */

/* 'o' without the references whose content is missing; a new object. */
static json_t *without_missing (flux_t *h, const json_t *o)
{
    json_t *left = treeobj_valref (NULL);
    size_t count = 0;

    if (!left || treeobj_refs (o, &count) < 0)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < count; i++) {
        flux_future_t *f = blob_validate (h, treeobj_ref (o, i));
        if (f && flux_future_get (f, NULL) == 0 && treeobj_add_ref (left, treeobj_ref (o, i)) < 0)
            cmd_die (1, "out of memory");
        flux_future_destroy (f);
    }
    return left;
}

static void move_to_lost (struct kvstree *t, const char *key, json_t *o)
{
    char *lost;

    if (asprintf (&lost, "lost+found.%s", key) < 0)
        cmd_die (1, "out of memory");
    kvstree_put (t, lost, o);
    say ("%s moved to lost+found", key);
    free (lost);
}

static void repair_key (struct fsck *c, struct kvstree *t, const char *key, bool dir)
{
    json_t *o = kvstree_take (t, key);

    if (!o)
        return;
    if (!dir)
        move_to_lost (t, key, without_missing (c->h, o));
    else
        say ("%s unlinked", key);
    json_decref (o);
}

/* "job.0000.0000.0000.0123" of "job.0000.0000.0000.0123.eventlog": length, or 0. */
static size_t job_dir_len (const char *key)
{
    const char *s = key;

    if (strncmp (key, "job.", 4) != 0)
        return 0;
    for (int i = 0; i < 5 && s; i++)
        s = i == 0 ? strchr (s, '.') : strchr (s + 1, '.');
    return s ? (size_t)(s - key) : 0;
}

static void move_jobs (struct fsck *c, struct kvstree *t)
{
    const char *key;
    json_t *dir;

    json_object_foreach (c->damaged, key, dir) {
        size_t n = job_dir_len (key);
        char *job = n > 0 ? strndup (key, n) : NULL;
        json_t *o = job ? kvstree_take (t, job) : NULL;
        if (o)
            move_to_lost (t, job, o);
        free (job);
    }
}

static void repair (struct fsck *c, const char *rootref, bool job_aware)
{
    struct kvstree *t = kvstree_new (c->h, 16, false, rootref);
    char root[BLOBREF_MAX_STRING];
    const char *key;
    json_t *dir;

    json_object_foreach (c->damaged, key, dir)
        repair_key (c, t, key, json_is_true (dir));
    if (job_aware)
        move_jobs (c, t);
    kvstree_store (t, root);
    checkpoint_put (c->h, root);
    say ("Updated primary checkpoint to include lost+found: %s", root);
    kvstree_free (t);
}

/* The command */

static char *default_root (struct fsck *c)
{
    json_t *list = checkpoints_get (c->h);
    const char *ref;
    double timestamp = 0;
    char when[32] = "";
    char *copy;
    time_t t;
    struct tm tm;

    if (json_unpack (list, "[{s:s s?F}]", "rootref", &ref, "timestamp", &timestamp) < 0)
        cmd_die (1, "there is no checkpoint in the backing store");
    t = timestamp;
    if (localtime_r (&t, &tm))
        strftime (when, sizeof (when), "%FT%T", &tm);
    if (!c->quiet)
        say ("Checking integrity of checkpoint from %s", when);
    if (!(copy = strdup (ref)))
        cmd_die (1, "out of memory");
    json_decref (list);
    return copy;
}

static void refuse_live_repair (flux_t *h)
{
    flux_future_t *f = flux_kvs_getroot (h, KVS_PRIMARY_NAMESPACE, 0);

    if (f && (flux_future_get (f, NULL) == 0 || errno != ENOSYS))
        cmd_die (1, "--repair: the kvs module is loaded: unload it first"
                 " (flux module remove kvs)");
    flux_future_destroy (f);
}

static const struct optparse_option fsck_opts[] = {
    { .name = "verbose", .key = 'v', .usage = "List keys as they are validated" },
    { .name = "quiet", .key = 'q', .usage = "Reduce output to essential information" },
    { .name = "rootref", .key = 'r', .has_arg = 1, .arginfo = "BLOBREF",
      .usage = "Check integrity starting with BLOBREF" },
    { .name = "repair", .key = 'R', .usage = "Move what is damaged to lost+found" },
    { .name = "job-aware", .key = 'j', .usage = "With --repair: move the whole of a damaged job" },
    OPTPARSE_TABLE_END,
};

static void check (struct fsck *c, const char *rootref)
{
    struct kvswalk w = {
        .h = c->h, .maxreqs = 64, .check = true, .arg = c,
        .value = good_value, .symlink = good_symlink, .bad = bad_key,
    };

    if (!(c->damaged = json_object ()))
        cmd_die (1, "out of memory");
    kvswalk_run (&w, rootref);
    if (!c->quiet)
        say ("Total keys checked: %lu", c->keys);
    if (!c->quiet || c->errors > 0)
        say ("Total errors: %lu", c->errors);
}

int cmd_fsck (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS]", "Check the integrity of the KVS backing store",
                               fsck_opts, argc, argv, &n);
    const char *ref = optparse_get_str (p, "rootref", NULL);
    struct fsck c = {
        .verbose = optparse_hasopt (p, "verbose"),
        .quiet = optparse_hasopt (p, "quiet"),
    };
    char *root;

    if (n != argc) {
        optparse_print_usage (p);
        return 1;
    }
    if (ref && !blobref_valid (ref))
        cmd_die (1, "--rootref=%.80s: not a blobref", ref);
    if (optparse_hasopt (p, "job-aware") && !optparse_hasopt (p, "repair"))
        cmd_die (1, "--job-aware: only with --repair");
    c.h = cmd_open ();
    if (optparse_hasopt (p, "repair"))
        refuse_live_repair (c.h);
    if (!(root = ref ? strdup (ref) : default_root (&c)))
        cmd_die (1, "out of memory");
    check (&c, root);
    if (c.errors > 0 && optparse_hasopt (p, "repair")) {
        if (json_object_get (c.damaged, "."))
            cmd_die (1, "the root itself is damaged: nothing can be repaired");
        repair (&c, root, optparse_hasopt (p, "job-aware"));
    }
    json_decref (c.damaged);
    free (root);
    flux_close (c.h);
    return c.errors > 0 ? 1 : 0;
}
