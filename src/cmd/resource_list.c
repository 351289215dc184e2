/* resource_list.c - flux resource list, info, R: the scheduler's view
 *
 *   list ──resource.sched-status──► resource, rank 0
 *        ──config.get──► broker, if queues are asked for or shown
 *
 * A line is a set of resources that have the values of the fields of the format in
 * common; counts and lists of a line's own resources are no such values.
 */
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/formats.h"
#include "cmd/queueconf.h"
#include "cmd/resource.h"
#include "cmd/resview.h"
#include "cmd/subs.h"
#include "spec/rset.h"

static const struct named_format builtin_formats[] = {
    { "default", "Default flux-resource list format string",
      "{state:>10} ?:{queue:<10.10+} ?:{propertiesx:<10.10+} {nnodes:>6} {ncores:>8} "
      "?:{ngpus:>8} {nodelist}" },
    { "rlist", "Format including resource list details",
      "{state:>10} ?:{queue:<8.8+} ?:{propertiesx:<10.10+} {nnodes:>6} {ncores:>8} "
      "{ngpus:>8} {rlist}" },
    { NULL, NULL, NULL },
};

static const char *const states[] = { "up", "down", "allocated", "free", "all", NULL };

static const struct {
    const char *name;
    const char *heading;
} fields[] = {
    { "state", "STATE" }, { "queue", "QUEUE" }, { "properties", "PROPERTIES" },
    { "propertiesx", "PROPERTIES" }, { "nnodes", "NNODES" }, { "ncores", "NCORES" },
    { "ngpus", "NGPUS" }, { "ranks", "RANKS" }, { "nodelist", "NODELIST" }, { "rlist", "LIST" },
};

static const char *heading (const char *field, void *arg)
{
    for (size_t i = 0; i < sizeof (fields) / sizeof (fields[0]); i++) {
        if (strcmp (fields[i].name, field) == 0)
            return fields[i].heading;
    }
    return NULL;
}

struct row {
    const char *state;
    char *queue;
    char *properties;
    char *propertiesx;
    struct rset *r;
};

static json_t *value (const void *item, const char *field, void *arg)
{
    const struct row *row = item;

    if (strcmp (field, "state") == 0)
        return json_string (row->state);
    if (strcmp (field, "queue") == 0)
        return json_string (row->queue);
    if (strcmp (field, "properties") == 0)
        return json_string (row->properties);
    if (strcmp (field, "propertiesx") == 0)
        return json_string (row->propertiesx);
    if (strcmp (field, "nnodes") == 0)
        return json_integer (rset_nnodes (row->r));
    if (strcmp (field, "ncores") == 0)
        return json_integer (rset_count (row->r, "core"));
    if (strcmp (field, "ngpus") == 0)
        return json_integer (rset_count (row->r, "gpu"));
    if (strcmp (field, "ranks") == 0)
        return format_take (resview_ranks (row->r));
    if (strcmp (field, "nodelist") == 0)
        return format_take (resview_nodelist (row->r));
    return format_take (rset_dumps (row->r));
}

/* What distinguishes lines */

struct listing {
    struct format *format;
    struct queueconf *qc;      /* NULL if not needed */
    json_t *queues;            /* of --queue, or NULL */
    json_t *hidden;            /* hidden-queues of the configuration, or NULL */
    struct resview view;
    bool by_state, by_queue, by_properties, by_propertiesx;
    bool skip_empty;
    struct row *rows;
    size_t nrows;
};

static bool contains (const json_t *a, const char *s)
{
    json_t *o;
    size_t i;

    json_array_foreach ((json_t *)a, i, o) {
        if (strcmp (json_string_value (o) ? json_string_value (o) : "", s) == 0)
            return true;
    }
    return false;
}

static void add_name (struct buf *b, const char *name)
{
    if (buf_addf (b, "%s%s", b->len ? "," : "", name) < 0)
        cmd_die (1, "out of memory");
}

static bool has_all (const struct rset *r, uint32_t rank, const json_t *properties)
{
    json_t *o;
    size_t i;

    json_array_foreach ((json_t *)properties, i, o) {
        if (!rset_has_property (r, rank, json_string_value (o)))
            return false;
    }
    return true;
}

static bool shows_queue (const struct listing *l, const char *name)
{
    if (queueconf_parent (l->qc, name))
        return false;
    return l->queues ? contains (l->queues, name) : !contains (l->hidden, name);
}

static char *queues_of (const struct listing *l, uint32_t rank)
{
    struct buf b = BUF_INIT;
    const char *name;
    size_t pos = 0;

    while ((name = queueconf_next (l->qc, &pos))) {
        json_t *need;
        if (!shows_queue (l, name))
            continue;
        need = queueconf_properties (l->qc, name);
        if (has_all (l->view.all, rank, need))
            add_name (&b, name);
        json_decref (need);
    }
    return buf_take (&b);
}

static bool names_queue (const struct listing *l, const char *property)
{
    return queueconf_exists (l->qc, property)
           || (property[0] == '+' && queueconf_exists (l->qc, property + 1));
}

static char *properties_of (const struct listing *l, json_t *all, uint32_t rank, bool x)
{
    struct buf b = BUF_INIT;
    const char *name;
    json_t *o;

    json_object_foreach (all, name, o) {
        if (rset_has_property (l->view.all, rank, name) && !(x && names_queue (l, name)))
            add_name (&b, name);
    }
    return buf_take (&b);
}

/* Rows */

static struct row *find_row (struct listing *l, const char *state, const char *queue,
                             const char *properties, const char *propertiesx)
{
    struct row *row;

    for (size_t i = 0; i < l->nrows; i++) {
        row = &l->rows[i];
        if (strcmp (row->state, state) == 0 && strcmp (row->queue, queue) == 0
            && strcmp (row->properties, properties) == 0
            && strcmp (row->propertiesx, propertiesx) == 0)
            return row;
    }
    if (!(row = realloc (l->rows, (l->nrows + 1) * sizeof (*row))))
        cmd_die (1, "out of memory");
    l->rows = row;
    row += l->nrows++;
    row->state = state;
    row->queue = strdup (queue);
    row->properties = strdup (properties);
    row->propertiesx = strdup (propertiesx);
    row->r = rset_new ();
    if (!row->queue || !row->properties || !row->propertiesx || !row->r)
        cmd_die (1, "out of memory");
    return row;
}

static void add_to_row (struct row *row, const struct rset *r)
{
    struct rset *both = rset_union (row->r, r);

    if (!both)
        cmd_die (1, "out of memory");
    rset_free (row->r);
    row->r = both;
}

/* The ranks of 'all' in sets of equal (queue, properties, propertiesx). */
struct group {
    char *queue, *properties, *propertiesx;
    struct idset *ranks;
};

struct groups {
    struct group *items;
    size_t n;
};

static void add_to_group (struct groups *gs, uint32_t rank, char *q, char *p, char *px)
{
    struct group *g;
    size_t i;

    for (i = 0; i < gs->n; i++) {
        g = &gs->items[i];
        if (strcmp (g->queue, q) == 0 && strcmp (g->properties, p) == 0
            && strcmp (g->propertiesx, px) == 0)
            break;
    }
    if (i == gs->n) {
        if (!(g = realloc (gs->items, (gs->n + 1) * sizeof (*g))))
            cmd_die (1, "out of memory");
        gs->items = g;
        g += gs->n++;
        *g = (struct group){ q, p, px, idset_create (0, IDSET_FLAG_AUTOGROW) };
    }
    else {
        free (q);
        free (p);
        free (px);
    }
    if (idset_set (g->ranks, rank) < 0)
        cmd_die (1, "out of memory");
}

static char *empty (void)
{
    char *s = strdup ("");

    if (!s)
        cmd_die (1, "out of memory");
    return s;
}

static void make_groups (struct listing *l, struct groups *gs)
{
    json_t *all = rset_properties (l->view.all);
    size_t pos = 0;
    uint32_t rank;

    while (rset_node_next (l->view.all, &pos, &rank, NULL, NULL, NULL)) {
        char *q = l->by_queue ? queues_of (l, rank) : empty ();
        char *p = l->by_properties ? properties_of (l, all, rank, false) : empty ();
        char *px = l->by_propertiesx ? properties_of (l, all, rank, true) : empty ();
        if (!q || !p || !px)
            cmd_die (1, "out of memory");
        add_to_group (gs, rank, q, p, px);
    }
    json_decref (all);
}

static void groups_release (struct groups *gs)
{
    for (size_t i = 0; i < gs->n; i++) {
        free (gs->items[i].queue);
        free (gs->items[i].properties);
        free (gs->items[i].propertiesx);
        idset_destroy (gs->items[i].ranks);
    }
    free (gs->items);
}

static void add_state (struct listing *l, const struct groups *gs, const char *state)
{
    struct rset *r = resview_state (&l->view, state);
    const char *shown = l->by_state ? state : "";

    if (rset_nnodes (r) == 0 && !l->skip_empty)
        find_row (l, shown, "", "", "");
    for (size_t i = 0; i < gs->n && rset_nnodes (r) > 0; i++) {
        struct group *g = &gs->items[i];
        struct rset *part = rset_copy_ranks (r, g->ranks);
        if (!part)
            cmd_die (1, "out of memory");
        if (rset_nnodes (part) > 0)
            add_to_row (find_row (l, shown, g->queue, g->properties, g->propertiesx), part);
        rset_free (part);
    }
    rset_free (r);
}

/* Empty lines make sense only beside a state. */
static void drop_empty (struct listing *l)
{
    size_t n = 0;

    if (l->by_state || l->nrows < 2)
        return;
    for (size_t i = 0; i < l->nrows; i++) {
        if (rset_nnodes (l->rows[i].r) > 0)
            l->rows[n++] = l->rows[i];
        else {
            free (l->rows[i].queue);
            free (l->rows[i].properties);
            free (l->rows[i].propertiesx);
            rset_free (l->rows[i].r);
        }
    }
    l->nrows = n;
}

/* Options */

static const char *check_state (const char *name)
{
    for (int i = 0; states[i]; i++) {
        if (strcmp (states[i], name) == 0)
            return states[i];
    }
    cmd_die (1, "--states=%s: there are up, down, allocated, free and all", name);
}

static void print_states (void)
{
    printf ("valid states: up,down,allocated,free,all\n");
    exit (0);
}

static const char *get_states (optparse_t *p, const char *def)
{
    const char *s = optparse_get_str (p, "states", def);

    if (strcmp (s, "help") == 0)
        print_states ();
    return s;
}

/* Fetch what is needed, and filter it. */
static void load (struct listing *l, optparse_t *p)
{
    const char *queues = optparse_get_str (p, "queue", NULL);
    bool need_conf = queues || l->by_queue || l->by_propertiesx;
    flux_t *h = cmd_open ();
    flux_future_t *f = resview_ask (h);
    flux_future_t *conf = need_conf ? queueconf_ask (h) : NULL;

    if (conf) {
        l->qc = queueconf_get (conf);
        l->queues = queueconf_option (l->qc, queues);
    }
    resview_get (&l->view, f);
    resview_filter (&l->view, l->qc, l->queues, optparse_get_str (p, "include", NULL));
    flux_close (h);
}

static void release (struct listing *l)
{
    for (size_t i = 0; i < l->nrows; i++) {
        free (l->rows[i].queue);
        free (l->rows[i].properties);
        free (l->rows[i].propertiesx);
        rset_free (l->rows[i].r);
    }
    free (l->rows);
    format_free (l->format);
    queueconf_free (l->qc);
    json_decref (l->queues);
    json_decref (l->hidden);
    resview_release (&l->view);
}

static void print_rows (struct listing *l, bool header)
{
    struct format_table *t = format_table_new (l->format, value, NULL);
    flux_error_t err;

    if (!t)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < l->nrows; i++) {
        if (format_table_add (t, &l->rows[i], &err) < 0)
            cmd_die (1, "%s", err.text);
    }
    format_table_print (t, stdout, header, -1);
    format_table_free (t);
}

struct state_arg {
    struct listing *l;
    struct groups *gs;
};

static void one_state (char *name, void *arg)
{
    struct state_arg *sa = arg;

    add_state (sa->l, sa->gs, check_state (name));
}

int resource_list (optparse_t *p, int argc, char **argv)
{
    struct listing l = { 0 };
    struct groups gs = { 0 };
    struct state_arg sa = { &l, &gs };
    const char *list = get_states (p, "free,allocated,down");
    json_t *config;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    l.format = formats_get_table ("flux-resource", "list", builtin_formats,
                                  optparse_get_str (p, "format", NULL),
                                  "FLUX_RESOURCE_LIST_FORMAT_DEFAULT", heading, NULL);
    l.by_state = format_uses (l.format, "state");
    l.by_queue = format_uses (l.format, "queue");
    l.by_properties = format_uses (l.format, "properties");
    l.by_propertiesx = format_uses (l.format, "propertiesx");
    l.skip_empty = optparse_hasopt (p, "skip-empty")
                   || (optparse_hasopt (p, "include") && !optparse_hasopt (p, "no-skip-empty"));
    config = formats_config ("flux-resource", "list");
    l.hidden = json_incref (json_object_get (config, "hidden-queues"));
    json_decref (config);
    load (&l, p);
    make_groups (&l, &gs);
    cmd_each (list, one_state, &sa);
    drop_empty (&l);
    print_rows (&l, !optparse_hasopt (p, "no-header"));
    groups_release (&gs);
    release (&l);
    return 0;
}

/* info, R */

struct sum {
    struct listing *l;
    struct rset *r;
};

static void add_sum (char *name, void *arg)
{
    struct sum *sum = arg;
    struct rset *part = resview_state (&sum->l->view, check_state (name));
    struct rset *both = sum->r ? rset_union (sum->r, part) : rset_copy (part);

    if (!both)
        cmd_die (1, "out of memory");
    rset_free (part);
    rset_free (sum->r);
    sum->r = both;
}

static struct rset *load_sum (struct listing *l, optparse_t *p)
{
    struct sum sum = { .l = l };
    const char *list = get_states (p, "all");

    load (l, p);
    cmd_each (list, add_sum, &sum);
    if (!sum.r)
        cmd_die (1, "--states: no state is named");
    return sum.r;
}

int resource_info (optparse_t *p, int argc, char **argv)
{
    struct listing l = { 0 };
    struct rset *r;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    r = load_sum (&l, p);
    printf ("%zu Nodes, %zu Cores, %zu GPUs\n", rset_nnodes (r), rset_count (r, "core"),
            rset_count (r, "gpu"));
    rset_free (r);
    release (&l);
    return 0;
}

int resource_R (optparse_t *p, int argc, char **argv)
{
    struct listing l = { 0 };
    struct rset *r;
    char *s;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    r = load_sum (&l, p);
    if (!(s = rset_encode (r)))
        cmd_die (1, "out of memory");
    printf ("%s\n", s);
    free (s);
    rset_free (r);
    release (&l);
    return 0;
}
