/* gc.c - flux gc (flux-gc(1)): delete blobs that nothing refers to, as the instance runs
 *
 * The steps are those of modules/kvs/gc.h.  The trees in the broker's memory are walked
 * there; what is in blobs is walked here, as flux dump does.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "cmd/cmd.h"
#include "cmd/gc.h"
#include "cmd/kvswalk.h"

enum { MARK_BATCH = 1000, DELETE_CAP = 500, WINDOW = 10000 };

struct gc {
    flux_t *h;
    int verbose;
    json_int_t epoch;       /* the horizon */
    json_int_t high_water;
    json_t *seen;           /* {ref: null}: marked in this run */
    json_t *batch;          /* references to be marked */
    flux_future_t *f;       /* the batch before */
    const char *root;       /* what is being walked */
    bool checkpoint;        /* it is that of a checkpoint */
    uint64_t marked, deleted;
};

static void *must (void *p)
{
    if (!p)
        cmd_die (1, "out of memory");
    return p;
}

static void say (const struct gc *gc, int level, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));

static void say (const struct gc *gc, int level, const char *fmt, ...)
{
    va_list ap;

    if (gc->verbose < level)
        return;
    fprintf (stderr, "%s: ", cmd_name ());
    va_start (ap, fmt);
    vfprintf (stderr, fmt, ap);
    va_end (ap);
    fputc ('\n', stderr);
}

/* The backing store's service, with words if it is not there. */
static flux_future_t *backing (flux_future_t *f, const char *what)
{
    if (!f || flux_future_get (f, NULL) < 0) {
        if (errno == ENOSYS)
            cmd_die (1, "there is no content backing store: load one (flux module load"
                     " content-sqlite)");
        cmd_die (1, "%s: %s", what, f ? future_strerror (f, errno) : flux_strerror (errno));
    }
    return f;
}

/* Mark */

static void finish_batch (struct gc *gc)
{
    if (gc->f)
        flux_future_destroy (backing (gc->f, "mark"));
    gc->f = NULL;
}

static void send_batch (struct gc *gc)
{
    finish_batch (gc);
    if (json_array_size (gc->batch) == 0)
        return;
    gc->f = flux_rpc_pack (gc->h, "content-backing.mark", 0, 0, "{s:I s:O}", "epoch",
                           gc->epoch, "blobrefs", gc->batch);
    json_array_clear (gc->batch);
    say (gc, 2, "%" PRIu64 " blobs marked", gc->marked);
}

/* True: it is new. */
static bool mark (void *arg, const char *ref, bool dir)
{
    struct gc *gc = arg;

    if (json_object_get (gc->seen, ref))
        return false;
    if (json_object_set_new (gc->seen, ref, json_null ()) < 0
        || json_array_append_new (gc->batch, json_string (ref)) < 0)
        cmd_die (1, "out of memory");
    gc->marked++;
    say (gc, 3, "marked %s%s", ref, dir ? " (directory)" : "");
    if (json_array_size (gc->batch) == MARK_BATCH)
        send_batch (gc);
    return true;
}

/* A checkpoint may be of a tree that is not kept any more: nothing of it is lost. */
static void missing (void *arg, const char *key, bool dir, const char *ref, int errnum)
{
    struct gc *gc = arg;

    if (gc->checkpoint) {
        say (gc, 1, "checkpoint %s: %s", ref,
             errnum == ENOENT ? "no such content" : "not a directory object");
        return;
    }
    cmd_die (1, "%s below %s: %s: %s: the KVS is damaged, nothing was deleted (see flux fsck)",
             key, gc->root, ref, errnum == ENOENT ? "no such content" : "not a directory object");
}

static void walk_all (struct gc *gc, struct kvswalk *w, json_t *refs, bool checkpoint)
{
    size_t i;
    json_t *o;

    gc->checkpoint = checkpoint;
    json_array_foreach (refs, i, o) {
        gc->root = json_string_value (o);
        if (mark (gc, gc->root, true))
            kvswalk_run (w, gc->root);
    }
}

static void mark_all (struct gc *gc, struct kvswalk *w)
{
    flux_future_t *f = flux_rpc_pack (gc->h, "content-backing.gc-roots", 0, 0, "{s:I}",
                                      "epoch", gc->epoch);
    json_t *dirs, *vals, *checkpoints, *o;
    json_int_t pins;
    size_t i;

    backing (f, "roots");
    if (flux_rpc_get_unpack (f, "{s:o s:o s:o s:I}", "dirrefs", &dirs, "valrefs", &vals,
                             "checkpoints", &checkpoints, "marked", &pins) < 0)
        cmd_die (1, "roots: %s", flux_strerror (errno));
    say (gc, 1, "%zu checkpoints, %zu directories and %zu pieces of values in blobs",
         json_array_size (checkpoints), json_array_size (dirs), json_array_size (vals));
    gc->marked = pins;
    json_array_foreach (vals, i, o)
        mark (gc, json_string_value (o), false);
    walk_all (gc, w, dirs, false);
    walk_all (gc, w, checkpoints, true);
    send_batch (gc);
    finish_batch (gc);
    flux_future_destroy (f);
}

/* Sweep */

static void sweep_all (struct gc *gc)
{
    json_int_t cursor = 0, deleted;

    while (cursor < gc->high_water) {
        flux_future_t *f = flux_rpc_pack (gc->h, "content-backing.sweep", 0, 0,
                                          "{s:I s:I s:I s:i s:i}", "epoch", gc->epoch,
                                          "cursor", cursor, "high_water", gc->high_water,
                                          "delete_cap", DELETE_CAP, "window", WINDOW);
        backing (f, "sweep");
        if (flux_rpc_get_unpack (f, "{s:I s:I}", "cursor", &cursor, "deleted", &deleted) < 0)
            cmd_die (1, "sweep: %s", flux_strerror (errno));
        gc->deleted += deleted;
        flux_future_destroy (f);
        say (gc, 2, "%jd of %jd looked at, %" PRIu64 " blobs deleted", (intmax_t)cursor,
             (intmax_t)gc->high_water, gc->deleted);
    }
}

static void horizon (struct gc *gc)
{
    flux_future_t *f = flux_rpc (gc->h, "content-backing.gc-info", NULL, 0, 0);

    backing (f, "horizon");
    if (flux_rpc_get_unpack (f, "{s:I s:I}", "current_epoch", &gc->epoch, "high_water",
                             &gc->high_water) < 0)
        cmd_die (1, "horizon: %s", flux_strerror (errno));
    say (gc, 1, "horizon: epoch %jd", (intmax_t)gc->epoch);
    flux_future_destroy (f);
}

static const struct optparse_option gc_opts[] = {
    { .name = "verbose", .key = 'v', .usage = "Say more; again for progress, and each blob" },
    { .name = "no-cache", .usage = "Bypass the broker content cache" },
    { .name = "maxreqs", .has_arg = 1, .arginfo = "N",
      .usage = "Number of concurrent content requests (default 2)" },
    OPTPARSE_TABLE_END,
};

int cmd_gc (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS]", "Delete blobs that nothing refers to", gc_opts,
                               argc, argv, &n);
    struct gc gc = { .verbose = optparse_getopt (p, "verbose", NULL) };
    struct kvswalk w = {
        .maxreqs = optparse_get_int (p, "maxreqs", 2),
        .bypass = optparse_hasopt (p, "no-cache"),
        .meet = mark,
        .bad = missing,
        .arg = &gc,
    };

    if (n != argc) {
        optparse_print_usage (p);
        return 1;
    }
    if (w.maxreqs < 1)
        cmd_die (1, "--maxreqs=%d: want a positive number", w.maxreqs);
    gc.seen = must (json_object ());
    gc.batch = must (json_array ());
    w.h = gc.h = cmd_open ();
    horizon (&gc);
    mark_all (&gc, &w);
    sweep_all (&gc);
    printf ("%" PRIu64 " blobs marked, %" PRIu64 " blobs reclaimed\n", gc.marked, gc.deleted);
    json_decref (gc.seen);
    json_decref (gc.batch);
    flux_close (gc.h);
    optparse_destroy (p);
    return 0;
}
