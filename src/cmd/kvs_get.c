/* kvs_get.c - flux kvs get
 *
 *   get ──kvs.lookup──► each key, all at once       without --watch
 *       ──kvs-watch.lookup──► each key, a stream    with it
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/kvs.h"
#include "cmd/subs.h"

struct get {
    optparse_t *p;
    flux_t *h;
    int flags;
    int count;          /* values of each key to show, 0: no end */
    int open;           /* watches that go on */
    const char *at;
};

struct watch {
    struct get *g;
    const char *key;
    int seen;
};

static int make_flags (optparse_t *p)
{
    static const struct {
        const char *name;
        int flag;
        bool watch;
    } map[] = {
        { "treeobj", FLUX_KVS_TREEOBJ, false }, { "waitcreate", FLUX_KVS_WAITCREATE, false },
        { "watch", FLUX_KVS_WATCH, false }, { "uniq", FLUX_KVS_WATCH_UNIQ, true },
        { "append", FLUX_KVS_WATCH_APPEND, true }, { "full", FLUX_KVS_WATCH_FULL, true },
        { "stream", FLUX_KVS_STREAM, false },
    };
    int flags = 0;

    for (size_t i = 0; i < sizeof (map) / sizeof (map[0]); i++) {
        if (!optparse_hasopt (p, map[i].name))
            continue;
        if (map[i].watch && !optparse_hasopt (p, "watch"))
            cmd_die (1, "--%s is for use with --watch", map[i].name);
        flags |= map[i].flag;
    }
    if (optparse_hasopt (p, "count") && !(flags & FLUX_KVS_WATCH))
        cmd_die (1, "--count is for use with --watch");
    if ((flags & FLUX_KVS_WATCH) && (flags & FLUX_KVS_STREAM))
        cmd_die (1, "--stream and --watch exclude each other");
    return flags;
}

static void print_label (const struct get *g, const char *key)
{
    if (optparse_hasopt (g->p, "label"))
        printf ("%s=", key);
}

static void print_value (const struct get *g, flux_future_t *f, const char *key)
{
    const char *s;
    const void *data;
    size_t len = 0;

    print_label (g, key);
    if (g->flags & FLUX_KVS_TREEOBJ) {
        if (flux_kvs_lookup_get_treeobj (f, &s) < 0)
            kvs_die (f, key);
        printf ("%s\n", s);
        return;
    }
    if (flux_kvs_lookup_get_raw (f, &data, &len) < 0)
        kvs_die (f, key);
    if (len > 0)
        fwrite (data, 1, len, stdout);
    if (!optparse_hasopt (g->p, "raw") && (len > 0 || optparse_hasopt (g->p, "label")))
        putchar ('\n');
}

/* Parts of one value, and a newline at the end. */
static void print_stream (const struct get *g, flux_future_t *f, const char *key)
{
    const void *data;
    size_t len;
    size_t total = 0;

    print_label (g, key);
    while (flux_kvs_lookup_get_raw (f, &data, &len) == 0) {
        fwrite (data, 1, len, stdout);
        total += len;
        flux_future_reset (f);
    }
    if (errno != ENODATA)
        kvs_die (f, key);
    if (!optparse_hasopt (g->p, "raw") && total > 0)
        putchar ('\n');
}

static flux_future_t *lookup (struct get *g, const char *key)
{
    flux_future_t *f = g->at ? flux_kvs_lookupat (g->h, g->flags, key, g->at)
                             : flux_kvs_lookup (g->h, kvs_ns (g->p), g->flags, key);

    if (!f && g->at && errno == EINVAL)
        cmd_die (1, "--at=%s: not a tree object (RFC 11), or not with these options", g->at);
    if (!f)
        cmd_die (1, "%s: %s", key, flux_strerror (errno));
    return f;
}

static void get_all (struct get *g, int n, char **keys)
{
    flux_future_t **f = calloc (n, sizeof (*f));

    if (!f)
        cmd_die (1, "out of memory");
    for (int i = 0; i < n; i++)
        f[i] = lookup (g, keys[i]);
    for (int i = 0; i < n; i++) {
        if (g->flags & FLUX_KVS_STREAM)
            print_stream (g, f[i], keys[i]);
        else {
            kvs_check (f[i], keys[i]);
            print_value (g, f[i], keys[i]);
        }
        fflush (stdout);
        flux_future_destroy (f[i]);
    }
    free (f);
}

/* watch */

static void on_value (flux_future_t *f, void *arg)
{
    struct watch *w = arg;

    kvs_check (f, w->key);
    print_value (w->g, f, w->key);
    fflush (stdout);
    flux_future_reset (f);
    if (w->g->count == 0 || ++w->seen < w->g->count)
        return;
    flux_future_destroy (f);
    if (--w->g->open == 0)
        flux_reactor_stop (flux_get_reactor (w->g->h));
}

static void watch_all (struct get *g, int n, char **keys)
{
    struct watch *w = calloc (n, sizeof (*w));

    if (!w)
        cmd_die (1, "out of memory");
    g->open = n;
    for (int i = 0; i < n; i++) {
        w[i].g = g;
        w[i].key = keys[i];
        if (flux_future_then (lookup (g, keys[i]), -1, on_value, &w[i]) < 0)
            cmd_die (1, "%s: %s", keys[i], flux_strerror (errno));
    }
    if (flux_reactor_run (flux_get_reactor (g->h), 0) < 0)
        cmd_die (1, "event loop: %s", flux_strerror (errno));
    if (g->open > 0)
        cmd_die (1, "lost the connection to the broker");
    free (w);
}

int kvs_get (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct get g = { .p = p, .at = optparse_get_str (p, "at", NULL), .flags = make_flags (p),
                     .count = optparse_get_int (p, "count", 0) };

    if (n == argc)
        return cmd_usage (p);
    if (g.count < 0)
        cmd_die (1, "--count=%d: want a positive number", g.count);
    g.h = cmd_open ();
    if (g.flags & FLUX_KVS_WATCH)
        watch_all (&g, argc - n, argv + n);
    else
        get_all (&g, argc - n, argv + n);
    flux_close (g.h);
    return 0;
}
