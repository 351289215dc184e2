/* pstree.c - flux pstree
 *
 *   jobs of this instance ─[each that is an instance: connect, its jobs]─► tree ─► lines
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/formats.h"
#include "cmd/jobfields.h"
#include "cmd/jobinstance.h"
#include "cmd/jobquery.h"
#include "cmd/pstree.h"

struct node {
    char *label;
    char *details;         /* NULL: none are shown */
    int copies;            /* equal leaves that this one stands for */
    struct node **children;
    int count;
};

struct connectors {
    const char *fork, *last, *pass, *none;
};

static const struct connectors normal = { "├── ", "└── ", "│   ", "    " };
static const struct connectors compact = { "├─", "└─", "│ ", "  " };
static const struct connectors ascii = { "|-- ", "`-- ", "|   ", "    " };

struct pstree {
    optparse_t *p;
    struct format *label;
    struct format *parent_label;
    struct format *details;       /* or NULL */
    const struct connectors *c;
    int count;
    int level;
    bool ask;                     /* a format has instance.* */
    int width;                    /* 0: no limit */
};

static const struct named_format detail_formats[] = {
    { "default", "Default flux-pstree details format string",
      "{id.f58:>12} {username:<8.8} {status_abbrev:>2.2} {ntasks:>6h} {nnodes:>6h} {runtime!F:>8h}" },
    { "progress", "Show progress and utilization of instances",
      "{id.f58:>12} {ntasks:>6} {instance.stats.total:>6} {instance.progress!P:>5} "
      "{instance.utilization!P:>5} {instance.gpu_utilization!P:>5} {runtime!H:>10}" },
    { "resources", "Show resources of instances",
      "{id.f58:>12} {instance.resources.all.ncores:>6} {instance.resources.up.ncores:>6} "
      "{instance.resources.allocated.ncores:>6} {instance.resources.all.ngpus:>6} {runtime!H:>10}" },
    { "stats", "Show job statistics of instances",
      "{id.f58:>12} {instance.stats:^25} {runtime!F:>8h}" },
    { NULL, NULL, NULL },
};

/* A job in a format, as one line.  The caller frees. */
static char *render (const struct format *f, json_t *job, bool header)
{
    struct format_table *t = format_table_new (f, jobfields_value, NULL);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream (&text, &size);
    flux_error_t err;

    if (!t || !out)
        cmd_die (1, "out of memory");
    if (format_table_add (t, job, &err) < 0)
        cmd_die (1, "%s", err.text);
    format_table_print (t, out, header, 0);
    fclose (out);
    format_table_free (t);
    text[strcspn (text, "\n")] = '\0';
    return text;
}

static struct node *node_new (struct pstree *s, json_t *job, bool parent)
{
    struct node *n = calloc (1, sizeof (*n));

    if (!n)
        cmd_die (1, "out of memory");
    n->label = render (parent ? s->parent_label : s->label, job, false);
    n->details = s->details ? render (s->details, job, false) : NULL;
    n->copies = 1;
    return n;
}

/* Equal leaves become one, where the first was. */
static bool combine (struct pstree *s, struct node *parent, const struct node *n)
{
    if (optparse_hasopt (s->p, "no-combine") || s->details || n->count > 0)
        return false;
    for (int i = 0; i < parent->count; i++) {
        struct node *c = parent->children[i];
        if (c->count == 0 && strcmp (c->label, n->label) == 0) {
            c->copies++;
            return true;
        }
    }
    return false;
}

static void node_free (struct node *n)
{
    for (int i = 0; i < n->count; i++)
        node_free (n->children[i]);
    free (n->children);
    free (n->label);
    free (n->details);
    free (n);
}

static void add_child (struct pstree *s, struct node *parent, struct node *n)
{
    if (combine (s, parent, n)) {
        node_free (n);
        return;
    }
    parent->children = reallocarray (parent->children, parent->count + 1, sizeof (n));
    if (!parent->children)
        cmd_die (1, "out of memory");
    parent->children[parent->count++] = n;
}

/* Jobs */

static json_t *list (struct pstree *s, flux_t *h)
{
    const char *def = optparse_hasopt (s->p, "all") ? "pending,running,inactive" : "running";
    json_t *user, *filter, *all, *jobs;
    flux_error_t err;

    if (jobquery_user (NULL, &user, &err) < 0
        || jobquery_filter (optparse_get_str (s->p, "filter", def), &filter, &err) < 0)
        cmd_die (1, "%s", err.text);
    all = json_array ();
    if (user)
        json_array_append_new (all, user);
    if (filter)
        json_array_append_new (all, filter);
    if (!(jobs = jobquery_list (h, json_pack ("{s:o}", "and", all), "all", s->count, 0, &err)))
        cmd_die (1, "%s", err.text);
    return jobs;
}

static void grow (struct pstree *s, struct node *parent, json_t *jobs, int level);

static void add_job (struct pstree *s, struct node *parent, json_t *job, int level)
{
    bool instance = jobinstance_uri (job) != NULL;
    json_t *jobs = NULL;
    flux_error_t err;
    struct node *n;
    flux_t *h;

    if (instance && (level < s->level || s->ask)) {
        if (!(h = jobinstance_open (job, &err)))
            cmd_err ("%s", err.text);
        else {
            if (s->ask)
                jobinstance_ask (job, h);
            if (level < s->level)
                jobs = list (s, h);
            flux_close (h);
        }
    }
    n = node_new (s, job, instance);
    if (jobs)
        grow (s, n, jobs, level + 1);
    json_decref (jobs);
    add_child (s, parent, n);
}

static void grow (struct pstree *s, struct node *parent, json_t *jobs, int level)
{
    json_t *job;
    size_t i;

    json_array_foreach (jobs, i, job)
        add_job (s, parent, job, level);
}

/* Lines */

/* Bytes of s in 'width' columns, a column a code point. */
static int fit (const char *s, int width)
{
    int n = 0;

    for (; s[n] && (width > 0 || ((unsigned char)s[n] & 0xc0) == 0x80); n++)
        width -= ((unsigned char)s[n + 1] & 0xc0) != 0x80;
    return n;
}

static void print_line (struct pstree *s, const struct node *n, const char *prefix,
                        const char *connector)
{
    struct buf b = BUF_INIT;

    if (s->details)
        buf_addf (&b, "%s ", n->details ? n->details : "");
    buf_addf (&b, "%s%s", prefix, connector);
    if (n->copies > 1)
        buf_addf (&b, "%d*[%s]", n->copies, n->label);
    else
        buf_adds (&b, n->label);
    printf ("%.*s\n", s->width > 0 ? fit (b.data, s->width) : (int)b.len, b.data);
    buf_release (&b);
}

static void print_children (struct pstree *s, const struct node *n, const char *prefix)
{
    for (int i = 0; i < n->count; i++) {
        bool last = i == n->count - 1;
        char *below;
        print_line (s, n->children[i], prefix, last ? s->c->last : s->c->fork);
        if (asprintf (&below, "%s%s", prefix, last ? s->c->none : s->c->pass) < 0)
            cmd_die (1, "out of memory");
        print_children (s, n->children[i], below);
        free (below);
    }
}

static void print_header (struct pstree *s)
{
    json_t *empty = json_object ();
    char *text = render (s->details, empty, true);

    printf ("%.*s\n", s->width > 0 ? fit (text, s->width) : (int)strlen (text), text);
    free (text);
    json_decref (empty);
}

/* A line for the instance itself has blanks for details. */
static void print_tree (struct pstree *s, struct node *root, bool skip_root)
{
    if (s->details && !optparse_hasopt (s->p, "no-header"))
        print_header (s);
    if (!skip_root) {
        if (s->details) {
            json_t *empty = json_object ();
            root->details = render (s->details, empty, true);
            memset (root->details, ' ', strlen (root->details));
            json_decref (empty);
        }
        print_line (s, root, "", "");
        print_children (s, root, "");
        return;
    }
    for (int i = 0; i < root->count; i++) {
        print_line (s, root->children[i], "", "");
        print_children (s, root->children[i], "");
    }
}

/* Options */

static struct format *parse (const char *option, const char *s)
{
    flux_error_t err;
    struct format *f = format_parse (s, jobfields_heading, NULL, &err);

    if (!f)
        cmd_die (1, "--%s: %s", option, err.text);
    return f;
}

static const char *details_format (optparse_t *p)
{
    const char *s = optparse_get_str (p, "detail-format", NULL);
    const char *name = optparse_get_str (p, "details", optparse_get_str (p, "detail", NULL));

    if (s)
        return s;
    if (!name && !optparse_hasopt (p, "extended"))
        return NULL;
    for (const struct named_format *f = detail_formats; f->name; f++) {
        if (strcmp (f->name, name ? name : "default") == 0)
            return f->format;
    }
    cmd_die (1, "--details=%s: there are default, progress, resources, stats", name);
}

static void set_formats (struct pstree *s)
{
    const char *details = details_format (s->p);
    const char *label = optparse_get_str (s->p, "label", optparse_hasopt (s->p, "all")
                                          ? "{name}:{status_abbrev}" : "{name}");
    const char *parent = optparse_get_str (s->p, "parent-label", optparse_get_str (s->p, "label",
                                                                                   "{name}"));
    char *with_id = NULL;

    if (optparse_hasopt (s->p, "parent-ids") && asprintf (&with_id, "{id.f58} %s", parent) < 0)
        cmd_die (1, "out of memory");
    s->label = parse ("label", label);
    s->parent_label = parse ("parent-label", with_id ? with_id : parent);
    s->details = details ? parse ("detail-format", details) : NULL;
    s->ask = strstr (label, "{instance.") || strstr (parent, "{instance.")
             || (details && strstr (details, "{instance."));
    free (with_id);
}

static int get_width (optparse_t *p)
{
    const char *columns = getenv ("COLUMNS");
    struct winsize ws;

    if (optparse_hasopt (p, "long"))
        return 0;
    if (columns && *columns)
        return strtol (columns, NULL, 10);
    return ioctl (STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 ? ws.ws_col : 0;
}

static bool skip_root (struct pstree *s, bool ids)
{
    const char *arg = optparse_get_str (s->p, "skip-root", NULL);

    if (arg && strcmp (arg, "yes") != 0 && strcmp (arg, "no") != 0)
        cmd_die (1, "--skip-root=%s: want yes or no", arg);
    return arg ? *arg == 'y' : s->details || ids;
}

static json_t *jobs_by_id (flux_t *h, int n, char **ids)
{
    json_t *jobs = json_array ();
    json_t *job;

    for (int i = 0; i < n; i++) {
        flux_future_t *f = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[s]}",
                                          "id", (json_int_t)cmd_parse_id (ids[i]), "attrs", "all");
        if (!f || flux_rpc_get_unpack (f, "{s:o}", "job", &job) < 0)
            cmd_die (1, "%s: %s", ids[i], errno == ENOENT ? "no such job" : f
                     ? future_strerror (f, errno) : flux_strerror (errno));
        json_array_append (jobs, job);
        flux_future_destroy (f);
    }
    return jobs;
}

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }

static const struct optparse_option opts[] = {
    OPT ("all", 'a', NULL, "Include jobs in all states"),
    OPT ("count", 'c', "N", "Limit to N jobs per instance (default 1000)"),
    OPT ("filter", 'f', "STATE|RESULT", "Include jobs with specific job state or result"),
    OPT ("long", 'l', NULL, "Do not truncate long lines"),
    OPT ("parent-ids", 'p', NULL, "Include jobids in parent labels"),
    OPT ("level", 'L', "N", "Only descend N levels"),
    OPT ("extended", 'x', NULL, "Show details before the tree, as --details=default"),
    OPT ("details", 'd', "NAME", "Show named details: default, progress, resources, stats"),
    { .name = "detail", .has_arg = 1, .arginfo = "NAME", .flags = OPTPARSE_OPT_HIDDEN,
      .usage = "The same as --details" },
    OPT ("no-header", 'n', NULL, "Do not print a header with details"),
    OPT ("no-combine", 'X', NULL, "Disable combination of like children"),
    OPT ("label", 'o', "FORMAT", "Format of labels"),
    OPT ("parent-label", 0, "FORMAT", "Format of the labels of parents"),
    OPT ("detail-format", 0, "FORMAT", "Format of details"),
    OPT ("skip-root", 0, "yes|no", "Skip or show the enclosing instance"),
    OPT ("compact", 'C', NULL, "Use compact tree connectors"),
    OPT ("ascii", 0, NULL, "Use ascii tree connectors"),
    OPTPARSE_TABLE_END,
};

int cmd_pstree (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse ("[OPTIONS] [JOBID...]", "Display the tree of jobs", opts, argc,
                               argv, &n);
    struct pstree s = {
        .p = p,
        .count = optparse_get_int (p, "count", 1000),
        .level = optparse_get_int (p, "level", 9999),
        .width = get_width (p),
        .c = optparse_hasopt (p, "ascii") ? &ascii : optparse_hasopt (p, "compact") ? &compact
                                                                                    : &normal,
    };
    struct node *root = calloc (1, sizeof (*root));
    json_t *jobs;
    flux_t *h;

    if (s.count < 0 || s.level < 0)
        cmd_die (1, "--count and --level: want zero or more");
    if (!root || !(root->label = strdup (".")))
        cmd_die (1, "out of memory");
    root->copies = 1;
    set_formats (&s);
    h = cmd_open ();
    jobs = n < argc ? jobs_by_id (h, argc - n, argv + n) : list (&s, h);
    grow (&s, root, jobs, 0);
    print_tree (&s, root, skip_root (&s, n < argc));
    json_decref (jobs);
    node_free (root);
    flux_close (h);
    optparse_destroy (p);
    return 0;
}
