/* content.c - flux content load, store, flush, dropcache, checkpoint (flux-content(1))
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/checkpoint.h"
#include "cmd/cmd.h"
#include "cmd/content.h"
#include "cmd/kvs.h"
#include "cmd/subs.h"
#include "core/blob.h"

/* load */

static void load_one (flux_t *h, const char *ref, bool bypass)
{
    flux_future_t *f = blob_load (h, ref, bypass);
    const void *data;
    size_t len;

    if (!f && errno == EINVAL)
        cmd_die (1, "'%.80s' is not a blobref: want a form like sha1- and 40 hexadecimal digits",
                 ref);
    if (!f || blob_load_get (f, &data, &len) < 0)
        cmd_die (1, "load: %s", f ? future_strerror (f, errno) : flux_strerror (errno));
    if (len > 0 && fwrite (data, len, 1, stdout) != 1)
        cmd_die (1, "cannot write standard output: %s", strerror (errno));
    flux_future_destroy (f);
}

static void load_listed (flux_t *h, bool bypass)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    while ((n = getline (&line, &size, stdin)) >= 0) {
        line[strcspn (line, "\r\n")] = '\0';
        load_one (h, line, bypass);
    }
    if (ferror (stdin))
        cmd_die (1, "cannot read standard input: %s", strerror (errno));
    free (line);
}

static int content_load (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    bool bypass = optparse_hasopt (p, "bypass-cache");
    flux_t *h = cmd_open ();

    if (n == argc)
        load_listed (h, bypass);
    for (; n < argc; n++)
        load_one (h, argv[n], bypass);
    if (fflush (stdout) != 0)
        cmd_die (1, "cannot write standard output: %s", strerror (errno));
    flux_close (h);
    return 0;
}

/* store */

static void store_one (flux_t *h, const void *data, size_t len, bool bypass)
{
    flux_future_t *f = blob_store (h, data, len, bypass);
    char ref[BLOBREF_MAX_STRING];

    if (!f || blob_store_get (f, ref) < 0)
        cmd_die (1, "store: %s", f ? future_strerror (f, errno) : flux_strerror (errno));
    printf ("%s\n", ref);
    flux_future_destroy (f);
}

static int content_store (optparse_t *p, int argc, char **argv)
{
    int chunk = optparse_get_int (p, "chunksize", 0);
    bool bypass = optparse_hasopt (p, "bypass-cache");
    size_t len, off = 0;
    char *data;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    if (chunk < 0 || (chunk == 0 && optparse_hasopt (p, "chunksize")))
        cmd_die (1, "--chunksize=%d: want a positive number of bytes", chunk);
    data = kvs_read_stdin (&len);
    h = cmd_open ();
    do {
        size_t n = chunk > 0 && len - off > (size_t)chunk ? (size_t)chunk : len - off;
        store_one (h, data + off, n, bypass);
        off += n;
    } while (off < len);
    flux_close (h);
    free (data);
    return 0;
}

/* flush, dropcache */

static int simple (optparse_t *p, int argc, const char *topic)
{
    flux_future_t *f;
    flux_t *h;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    f = flux_rpc (h, topic, NULL, FLUX_NODEID_ANY, 0);
    cmd_check (f, topic);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int content_flush (optparse_t *p, int argc, char **argv)
{
    return simple (p, argc, "content.flush");
}

static int content_dropcache (optparse_t *p, int argc, char **argv)
{
    return simple (p, argc, "content.dropcache");
}

/* checkpoint */

static void print_time (double timestamp)
{
    time_t t = timestamp;
    struct tm tm;
    char s[32] = "-";

    if (timestamp > 0 && localtime_r (&t, &tm))
        strftime (s, sizeof (s), "%FT%T", &tm);
    printf ("%-20s ", s);
}

static void print_checkpoint (size_t index, json_t *o)
{
    const char *ref = "-";
    json_int_t seq = 0;
    double timestamp = 0;

    json_unpack (o, "{s?s s?I s?F}", "rootref", &ref, "sequence", &seq, "timestamp", &timestamp);
    printf ("%-6zu %-10jd ", index, (intmax_t)seq);
    print_time (timestamp);
    printf ("%s\n", ref);
}

static int checkpoint_list (optparse_t *p, int argc, char **argv)
{
    flux_t *h;
    json_t *list, *o;
    size_t i;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    h = cmd_open ();
    list = checkpoints_get (h);
    if (!optparse_hasopt (p, "json") && !optparse_hasopt (p, "no-header"))
        printf ("%-6s %-10s %-20s %s\n", "INDEX", "SEQUENCE", "TIMESTAMP", "ROOTREF");
    json_array_foreach (list, i, o) {
        if (!optparse_hasopt (p, "json"))
            print_checkpoint (i, o);
        else {
            json_dumpf (o, stdout, JSON_COMPACT);
            putchar ('\n');
        }
    }
    json_decref (list);
    flux_close (h);
    return 0;
}

static int checkpoint_update (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    flux_t *h;

    if (n != argc - 1)
        return cmd_usage (p);
    if (!blobref_valid (argv[n]))
        cmd_die (1, "'%.80s' is not a blobref: want a form like sha1- and 40 hexadecimal digits",
                 argv[n]);
    h = cmd_open ();
    checkpoint_put (h, argv[n]);
    flux_close (h);
    return 0;
}

static struct optparse_option list_opts[] = {
    KVS_OPT ("no-header", 'n', NULL, "Do not output column headers"),
    KVS_OPT ("json", 'j', NULL, "Output raw JSON checkpoint data, one object a line"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand checkpoint_subcommands[] = {
    { "list", checkpoint_list, "[-n] [--json]", "List checkpoints", 0, list_opts },
    { "update", checkpoint_update, "BLOBREF", "Update the current checkpoint", 0, NULL },
    OPTPARSE_SUBCMD_END,
};

static int content_checkpoint (optparse_t *p, int argc, char **argv)
{
    cmd_set_name ("flux-content-checkpoint");
    return cmd_run_subcommands_mixed (checkpoint_subcommands, argc, argv);
}

#define BYPASS KVS_OPT ("bypass-cache", 'b', NULL, "Access the backing store, not the cache")

static struct optparse_option load_opts[] = { BYPASS, OPTPARSE_TABLE_END };

static struct optparse_option store_opts[] = {
    BYPASS,
    KVS_OPT ("chunksize", 0, "N", "Split a blob into chunks of N bytes"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "load", content_load, "[OPTIONS] [BLOBREF...]", "Load blobs, given or from standard input",
      0, load_opts },
    { "store", content_store, "[OPTIONS]", "Store standard input, print its blobrefs", 0,
      store_opts },
    { "flush", content_flush, NULL, "Write what is only in memory to the backing store", 0, NULL },
    { "dropcache", content_dropcache, NULL, "Drop what the cache can do without", 0, NULL },
    { "checkpoint", content_checkpoint, "list|update ...", "List and update checkpoints",
      OPTPARSE_SUBCMD_SKIP_OPTS, NULL },
    OPTPARSE_SUBCMD_END,
};

int cmd_content (int argc, char **argv)
{
    return cmd_run_subcommands_mixed (subcommands, argc, argv);
}
