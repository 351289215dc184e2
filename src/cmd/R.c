/* R.c - flux R (flux-R(1)): write, read and combine resource sets (RFC 20)
 *
 * A filter: sets come from standard input, one R after the other, and one goes to
 * standard output.  No instance is needed.
 *
 *   encode, parse-config ─► R ─► append, diff, ... ─► R ─► decode, verify
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <jansson.h>

#include "base/dso.h"
#include "base/dso_hwloc.h"
#include "cmd/R.h"
#include "cmd/cmd.h"
#include "cmd/subs.h"
#include "spec/rset.h"
#include "spec/rset_config.h"

/* ---- input and output ---- */

static void *need (void *p)
{
    if (!p)
        cmd_die (1, "out of memory");
    return p;
}

/* The next R of standard input, the 'n'th; NULL at its end. */
static struct rset *read_next (int n)
{
    json_error_t jerr;
    flux_error_t err;
    struct rset *r;
    json_t *o;
    int c;

    while (isspace (c = getchar ()))
        ;
    if (c == EOF)
        return NULL;
    (void)ungetc (c, stdin);
    if (!(o = json_loadf (stdin, JSON_DISABLE_EOF_CHECK, &jerr)))
        cmd_die (1, "R %d of standard input is not JSON: %s", n, jerr.text);
    if (!(r = rset_from_json (o, &err)))
        cmd_die (1, "R %d of standard input: %s", n, err.text);
    json_decref (o);
    return r;
}

static struct rset *read_first (void)
{
    struct rset *r = read_next (1);

    if (!r)
        cmd_die (1, "no R on standard input (flux resource R and flux R encode print one)");
    return r;
}

static struct rset *read_only (void)
{
    struct rset *r = read_first ();

    if (read_next (2))
        cmd_die (1, "more than one R on standard input: flux R append makes one of them");
    return r;
}

/* Print it and give it back. */
static int put_R (struct rset *r)
{
    char *s = need (rset_encode (r));

    puts (s);
    free (s);
    rset_free (r);
    return 0;
}

static struct idset *get_ids (const char *option, const char *s)
{
    idset_error_t err;
    struct idset *ids = idset_decode_ex (s, -1, RSET_MAX_RANKS, IDSET_FLAG_AUTOGROW, &err);

    if (!ids)
        cmd_die (1, "%s=%s: %s", option, s, err.text);
    return ids;
}

static struct hostlist *get_hosts (const char *s)
{
    struct hostlist *hl = hostlist_decode (s);

    if (!hl)
        cmd_die (1, "'%s' is not a host list", s);
    return hl;
}

/* NAME[:RANKS], all ranks if there are none. */
static void set_property (struct rset *r, const char *arg)
{
    char *name = need (strdup (arg));
    char *ranks = strchr (name, ':');
    struct idset *ids = NULL;
    flux_error_t err;

    if (ranks) {
        *ranks++ = '\0';
        ids = get_ids ("property", ranks);
    }
    if (rset_set_property (r, name, ids ? ids : rset_ranks (r), &err) < 0)
        cmd_die (1, "property %s: %s", arg, err.text);
    idset_destroy (ids);
    free (name);
}

/* ---- encode ---- */

/* Ask hwloc: of this machine, or what a file says of another. */
static void discover (const char *xmlfile, struct hwloc_found *found)
{
    struct hwloc_args args = {
        .xmlfile = xmlfile,
        .other_system = xmlfile != NULL,
        .norestrict = xmlfile != NULL,
        .gpus = true,
    };
    flux_error_t err;
    hwloc_discover_f fun = (hwloc_discover_f)dso_symbol (DSO_HWLOC, DSO_HWLOC_DISCOVER,
                                                         &err);

    memset (found, 0, sizeof (*found));
    if (!fun)
        cmd_die (1, "%s", err.text);
    if (fun (&args, found) < 0)
        cmd_die (1, "%s%s%s", xmlfile ? xmlfile : "", xmlfile ? ": " : "", found->error);
}

static char *first_ids (int n)
{
    char buf[32] = "0";

    if (n <= 0)
        return NULL;
    if (n > 1)
        snprintf (buf, sizeof (buf), "0-%d", n - 1);
    return need (strdup (buf));
}

struct shape {              /* of each rank */
    char *cores;
    char *gpus;
    char *host;             /* of hwloc, or NULL */
};

static void shape_get (struct shape *sh, optparse_t *p)
{
    const char *xml = optparse_get_str (p, "xml", NULL);
    const char *cores = optparse_get_str (p, "cores", NULL);
    const char *gpus = optparse_get_str (p, "gpus", NULL);
    struct hwloc_found found = { 0 };

    if (xml || optparse_hasopt (p, "local")) {
        discover (xml, &found);
        sh->cores = first_ids (found.ncores);
        sh->gpus = first_ids (found.ngpus);
        sh->host = found.hostname;
        free (found.xml);
    }
    if (cores) {
        free (sh->cores);
        sh->cores = *cores ? need (strdup (cores)) : NULL;
    }
    if (gpus) {
        free (sh->gpus);
        sh->gpus = *gpus ? need (strdup (gpus)) : NULL;
    }
    if (!sh->cores && !sh->gpus)
        cmd_die (1, "a rank has no resources: give --cores or --gpus, --xml or --local");
}

/* --ranks, or as many as there are hosts, or 0. */
static struct idset *encode_ranks (optparse_t *p, struct hostlist *hl)
{
    const char *s = optparse_get_str (p, "ranks", NULL);
    struct idset *ranks;

    if (s)
        return get_ids ("--ranks", s);
    ranks = need (idset_create (0, IDSET_FLAG_AUTOGROW));
    if (idset_range_set (ranks, 0, hl ? (unsigned int)hostlist_count (hl) - 1 : 0) < 0)
        cmd_die (1, "out of memory");
    return ranks;
}

static struct rset *encode_nodes (const struct idset *ranks, struct hostlist *hl,
                                  const struct shape *sh)
{
    struct rset *r = need (rset_new ());
    const char *host = hl ? hostlist_first (hl) : sh->host;

    if (hl && (size_t)hostlist_count (hl) != idset_count (ranks))
        cmd_die (1, "there are %zu ranks, but %d hosts", idset_count (ranks),
                 hostlist_count (hl));
    for (unsigned int i = idset_first (ranks); i != IDSET_INVALID_ID;
         i = idset_next (ranks, i)) {
        if (rset_add_rank (r, i, host, sh->cores, sh->gpus) < 0)
            cmd_die (1, "rank %u: cores '%s' or gpus '%s' are not idsets", i,
                     sh->cores ? sh->cores : "", sh->gpus ? sh->gpus : "");
        host = hl ? hostlist_next (hl) : host;
    }
    return r;
}

static int cmd_R_encode (optparse_t *p, int argc, char **argv)
{
    const char *hosts = optparse_get_str (p, "hosts", NULL);
    struct hostlist *hl = hosts && *hosts ? get_hosts (hosts) : NULL;
    struct idset *ranks;
    struct shape sh = { 0 };
    struct rset *r;
    const char *arg;

    (void)argv;
    if (optparse_option_index (p) < argc)
        return cmd_usage (p);
    shape_get (&sh, p);
    ranks = encode_ranks (p, hl);
    r = encode_nodes (ranks, hl, &sh);
    while ((arg = optparse_getopt_next (p, "property")))
        set_property (r, arg);
    free (sh.cores);
    free (sh.gpus);
    free (sh.host);
    idset_destroy (ranks);
    hostlist_destroy (hl);
    return put_R (r);
}

/* ---- decode ---- */

static struct rset *keep_ranks (struct rset *r, const char *option, const char *s,
                                bool keep)
{
    struct idset *ids = get_ids (option, s);
    struct rset *kept = r;

    if (keep) {
        kept = need (rset_copy_ranks (r, ids));
        rset_free (r);
    } else if (rset_remove_ranks (r, ids) < 0)
        cmd_die (1, "out of memory");
    idset_destroy (ids);
    return kept;
}

static struct rset *keep_properties (struct rset *r, const char *list)
{
    json_t *names = need (json_array ());
    json_t *constraint = need (json_pack ("{s:o}", "properties", names));
    char *copy = need (strdup (list));
    char *save = NULL;
    struct rset *kept;
    flux_error_t err;

    for (char *s = strtok_r (copy, ",", &save); s; s = strtok_r (NULL, ",", &save))
        if (json_array_append_new (names, json_string (s)) < 0)
            cmd_die (1, "--properties=%s: not UTF-8", list);
    if (!(kept = rset_copy_constraint (r, constraint, &err)))
        cmd_die (1, "--properties=%s: %s", list, err.text);
    free (copy);
    json_decref (constraint);
    rset_free (r);
    return kept;
}

static void print_count (const struct rset *r, const char *type)
{
    if (strcmp (type, "node") != 0 && strcmp (type, "core") != 0
        && strcmp (type, "gpu") != 0)
        cmd_die (1, "--count=%s: there are node, core and gpu", type);
    printf ("%zu\n", rset_count (r, type));
}

static void print_text (char *s)
{
    puts (need (s));
    free (s);
}

static int cmd_R_decode (optparse_t *p, int argc, char **argv)
{
    static const char *const filters[] = { "include", "exclude", NULL };
    const char *s = optparse_get_str (p, "properties", NULL);
    struct rset *r;
    bool done = false;

    (void)argv;
    if (optparse_option_index (p) < argc)
        return cmd_usage (p);
    r = read_only ();
    if (s)
        r = keep_properties (r, s);
    for (int i = 0; filters[i]; i++)
        if ((s = optparse_get_str (p, filters[i], NULL)))
            r = keep_ranks (r, filters[i], s, i == 0);
    if ((done = optparse_hasopt (p, "short")))
        print_text (rset_dumps (r));
    if (optparse_hasopt (p, "nodelist") && (done = true)) {
        struct hostlist *hl = need (rset_hosts (r));

        print_text (hostlist_encode (hl));
        hostlist_destroy (hl);
    }
    if (optparse_hasopt (p, "ranks") && (done = true))
        print_text (idset_encode (rset_ranks (r), IDSET_FLAG_RANGE));
    if ((s = optparse_get_str (p, "count", NULL)) && (done = true))
        print_count (r, s);
    if (!done)
        return put_R (r);
    rset_free (r);
    return 0;
}

/* ---- combine ---- */

typedef struct rset *(*combine_f) (const struct rset *a, const struct rset *b);

static int combine (optparse_t *p, int argc, combine_f fun)
{
    struct rset *r, *b;

    if (optparse_option_index (p) < argc)
        return cmd_usage (p);
    r = read_first ();
    for (int n = 2; (b = read_next (n)); n++) {
        struct rset *next = need (fun (r, b));

        rset_free (r);
        rset_free (b);
        r = next;
    }
    return put_R (r);
}

static int cmd_R_diff (optparse_t *p, int argc, char **argv)
{
    (void)argv;
    return combine (p, argc, rset_diff);
}

static int cmd_R_intersect (optparse_t *p, int argc, char **argv)
{
    (void)argv;
    return combine (p, argc, rset_intersect);
}

static int cmd_R_append (optparse_t *p, int argc, char **argv)
{
    struct rset *r, *b;

    (void)argv;
    if (optparse_option_index (p) < argc)
        return cmd_usage (p);
    r = read_first ();
    for (int n = 2; (b = read_next (n)); n++) {
        int rc = rset_append (r, b);

        if (rc == -EEXIST)
            cmd_die (1, "R %d of standard input has resources of a rank that are in one "
                     "before it", n);
        if (rc < 0)
            cmd_die (1, "R %d of standard input: %s", n, strerror (-rc));
        rset_free (b);
    }
    return put_R (r);
}

static int cmd_R_remap (optparse_t *p, int argc, char **argv)
{
    struct rset *r;

    (void)argv;
    if (optparse_option_index (p) < argc)
        return cmd_usage (p);
    r = read_only ();
    if (rset_remap_ranks (r) < 0)
        cmd_die (1, "out of memory");
    return put_R (r);
}

static int cmd_R_rerank (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct hostlist *hl;
    struct rset *r;
    int rc;

    if (n != argc - 1)
        return cmd_usage (p);
    hl = get_hosts (argv[n]);
    r = read_only ();
    if ((rc = rset_rerank_hosts (r, hl)) == -ENOENT)
        cmd_die (1, "%s: not all hosts of R are in this list", argv[n]);
    if (rc < 0)
        cmd_die (1, "%s: %s", argv[n], strerror (-rc));
    hostlist_destroy (hl);
    return put_R (r);
}

static int cmd_R_set_property (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    struct rset *r;

    if (n >= argc)
        return cmd_usage (p);
    r = read_only ();
    for (; n < argc; n++)
        set_property (r, argv[n]);
    return put_R (r);
}

/* ---- verify ---- */

/* What 'a' has and 'b' has not, as text; or NULL. */
static char *missing (const struct rset *a, const struct rset *b)
{
    struct rset *diff = need (rset_diff (a, b));
    char *s = rset_nnodes (diff) > 0 ? need (rset_dumps (diff)) : NULL;

    rset_free (diff);
    return s;
}

static bool same_hosts (const struct rset *want, const struct rset *have)
{
    const char *host, *other;
    uint32_t rank;
    size_t pos = 0;
    bool same = true;

    while (rset_node_next (want, &pos, &rank, &host, NULL, NULL)) {
        other = rset_host (have, rank);
        if (host && other && strcmp (host, other) != 0) {
            cmd_err ("rank %u is on %s, but %s was expected", rank, other, host);
            same = false;
        }
    }
    return same;
}

/* This host, at its rank in 'want', or at the only one there is.  Only that rank is
 * compared. */
static struct rset *local_set (const struct rset *want)
{
    struct hwloc_found found;
    struct rset *r = need (rset_new ());
    char *cores, *gpus;
    const char *host = NULL;
    uint32_t rank, at = 0;
    size_t pos = 0;
    bool here = false;

    discover (NULL, &found);
    while (rset_node_next (want, &pos, &rank, &host, NULL, NULL) && !here) {
        here = !host || (found.hostname && strcmp (host, found.hostname) == 0);
        at = rank;
    }
    if (!here && rset_nnodes (want) > 1)
        cmd_die (1, "this host, %s, is not in R", found.hostname ? found.hostname : "?");
    cores = first_ids (found.ncores);
    gpus = first_ids (found.ngpus);
    if (rset_add_rank (r, at, found.hostname, cores, gpus) < 0)
        cmd_die (1, "out of memory");
    free (cores);
    free (gpus);
    free (found.hostname);
    free (found.xml);
    return r;
}

static int cmd_R_verify (optparse_t *p, int argc, char **argv)
{
    struct rset *want, *have;
    char *lacks, *extra;
    bool ok;

    (void)argv;
    if (optparse_option_index (p) < argc)
        return cmd_usage (p);
    want = read_first ();
    if (optparse_hasopt (p, "local")) {
        struct rset *all = want;

        have = local_set (all);
        want = need (rset_copy_ranks (all, rset_ranks (have)));
        rset_free (all);
    } else if (!(have = read_next (2)))
        cmd_die (1, "want two R on standard input: what is expected, and what there is");
    ok = same_hosts (want, have);
    if ((lacks = missing (want, have)))
        cmd_err ("missing resources: %s", lacks);
    if ((extra = missing (have, want)))
        fprintf (stderr, "%s: extra resources: %s\n", cmd_name (), extra);
    ok = ok && !lacks;
    free (lacks);
    free (extra);
    rset_free (want);
    rset_free (have);
    return ok ? 0 : 1;
}

/* ---- parse-config ---- */

static json_t *load (const char *key, const char *path)
{
    json_error_t jerr;
    json_t *o = json_load_file (path, 0, &jerr);

    if (!o)
        cmd_die (1, "%s: %s: %s", key, path, jerr.text);
    return o;
}

static struct rset *config_R (const json_t *config, const char *path, const char *from)
{
    flux_error_t err;
    struct rset *r = NULL;
    json_t *o = NULL;

    if (config)
        r = rset_from_config (config, &err);
    else if (path)
        r = rset_from_json (o = load ("resource.path", path), &err);
    else
        cmd_die (1, "%s: there is neither resource.config nor resource.path", from);
    if (!r)
        cmd_die (1, "%s: %s", from, err.text);
    json_decref (o);
    return r;
}

static int cmd_R_parse_config (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *path = NULL, *scheduling = NULL;
    json_t *config = NULL, *o;
    flux_conf_t *conf;
    flux_error_t err;
    struct rset *r;

    if (n != argc - 1)
        return cmd_usage (p);
    if (!(conf = flux_conf_parse (argv[n], &err)))
        cmd_die (1, "%s", err.text);
    if (flux_conf_unpack (conf, &err, "{s?{s?o s?s s?s}}", "resource", "config", &config,
                          "path", &path, "scheduling", &scheduling) < 0)
        cmd_die (1, "%s: %s", argv[n], err.text);
    r = config_R (config, path, argv[n]);
    if (scheduling) {
        o = load ("resource.scheduling", scheduling);
        if (rset_set_scheduling (r, o) < 0)
            cmd_die (1, "resource.scheduling: %s: want a JSON object", scheduling);
        json_decref (o);
    }
    flux_conf_decref (conf);
    return put_R (r);
}

/* ---- options ---- */

static struct optparse_option encode_opts[] = {
    { .name = "ranks", .key = 'r', .has_arg = 1, .arginfo = "IDSET",
      .usage = "Ranks (default: one for each host, or 0)" },
    { .name = "cores", .key = 'c', .has_arg = 1, .arginfo = "IDSET",
      .usage = "Core ids of each rank" },
    { .name = "gpus", .key = 'g', .has_arg = 1, .arginfo = "IDSET",
      .usage = "GPU ids of each rank" },
    { .name = "hosts", .key = 'H', .has_arg = 1, .arginfo = "HOSTLIST",
      .usage = "Host names, in the order of the ranks" },
    { .name = "property", .key = 'p', .has_arg = 1, .arginfo = "NAME[:IDSET]",
      .usage = "Property of all or of some ranks" },
    { .name = "xml", .key = 'x', .has_arg = 1, .arginfo = "FILE",
      .usage = "Cores, GPUs and host as an hwloc topology says" },
    { .name = "local", .key = 'l', .usage = "Cores, GPUs and host of this machine" },
    OPTPARSE_TABLE_END,
};

static struct optparse_option decode_opts[] = {
    { .name = "short", .key = 's', .usage = "Print a short form" },
    { .name = "nodelist", .key = 'N', .usage = "Print the host names" },
    { .name = "ranks", .key = 'r', .usage = "Print the ranks" },
    { .name = "count", .key = 'c', .has_arg = 1, .arginfo = "TYPE",
      .usage = "Print how many there are: node, core or gpu" },
    { .name = "include", .key = 'i', .has_arg = 1, .arginfo = "IDSET",
      .usage = "Only these ranks" },
    { .name = "exclude", .key = 'x', .has_arg = 1, .arginfo = "IDSET",
      .usage = "Without these ranks" },
    { .name = "properties", .key = 'p', .has_arg = 1, .arginfo = "NAME,...",
      .usage = "Only ranks with all these properties (^NAME: without)" },
    OPTPARSE_TABLE_END,
};

static struct optparse_option verify_opts[] = {
    { .name = "local", .key = 'l', .usage = "Compare with this machine" },
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "encode", cmd_R_encode, "[OPTIONS]",
      "Write an R", 0, encode_opts },
    { "decode", cmd_R_decode, "[OPTIONS]",
      "Read an R, show it or a part of it", 0, decode_opts },
    { "append", cmd_R_append, "",
      "Put R together", 0, NULL },
    { "diff", cmd_R_diff, "",
      "The first R without those after it", 0, NULL },
    { "intersect", cmd_R_intersect, "",
      "What is in every R", 0, NULL },
    { "remap", cmd_R_remap, "",
      "Number the ranks from 0", 0, NULL },
    { "rerank", cmd_R_rerank, "HOSTLIST",
      "Number the ranks as the hosts of a list", 0, NULL },
    { "set-property", cmd_R_set_property, "NAME[:IDSET]...",
      "Add properties", 0, NULL },
    { "verify", cmd_R_verify, "[OPTIONS]",
      "Compare what is expected with what there is", 0, verify_opts },
    { "parse-config", cmd_R_parse_config, "PATH",
      "Print the R of a configuration", 0, NULL },
    OPTPARSE_SUBCMD_END,
};

int cmd_R (int argc, char **argv)
{
    return cmd_run_subcommands_mixed (subcommands, argc, argv);
}
