/* overlay_status.c - flux overlay status, errors
 *
 *   status ──overlay.topology──► rank R: the shape of the subtree
 *          ──overlay.health──► each broker of it that is online and has children
 *                              (with -vv each that is online), one by one
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/duration.h"
#include "cmd/cmd.h"
#include "cmd/overlay.h"
#include "cmd/subs.h"

#define WAIT_INTERVAL 0.05     /* seconds between two looks of --wait */

/* What is known of a broker. */
struct node {
    int rank;
    const char *status;        /* "full", ...; of what its parent says, or itself */
    double duration;           /* in that, or -1: a guess */
    double rtt;                /* milliseconds, or -1 */
    const char *error;         /* or NULL */
    json_t *health;            /* keeps what it answered */
};

struct view {
    optparse_t *p;
    flux_t *h;
    double timeout;
    int verbose;
    bool color;
    bool pretty;
    bool ghosts;
    bool down;
    struct idset *highlight;   /* or NULL */
};

static double monotime (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* -1 with errno if it did not answer (in time). */
static int ask_health (struct view *v, int rank, json_t **op, double *rtt)
{
    double t0 = monotime ();
    flux_future_t *f = flux_rpc (v->h, "overlay.health", NULL, rank, 0);
    int rc = -1;

    if (!f)
        cmd_die (1, "overlay.health: %s", flux_strerror (errno));
    if (flux_future_wait_for (f, v->timeout) == 0 && flux_rpc_get_unpack (f, "O", op) == 0)
        rc = 0;
    *rtt = (monotime () - t0) * 1e3;
    flux_future_destroy (f);
    return rc;
}

static json_t *ask_topology (struct view *v, int rank)
{
    flux_future_t *f = flux_rpc_pack (v->h, "overlay.topology", FLUX_NODEID_ANY, 0, "{s:i}",
                                      "rank", rank);
    json_t *o;

    if (f && flux_future_get (f, NULL) < 0 && errno == EINVAL)
        cmd_die (1, "--rank=%d: %s", rank, future_strerror (f, errno));
    cmd_check (f, "overlay.topology");
    if (flux_rpc_get_unpack (f, "O", &o) < 0)
        cmd_die (1, "overlay.topology: %s", flux_strerror (errno));
    flux_future_destroy (f);
    return o;
}

static bool is_gone (const char *status)
{
    return strcmp (status, "offline") == 0 || strcmp (status, "lost") == 0;
}

static bool is_full (const char *status)
{
    return strcmp (status, "full") == 0;
}

/* Output */

static const char *color_of (const char *status)
{
    if (is_full (status))
        return NULL;
    return is_gone (status) ? "\033[31m" : "\033[33m";
}

/* A node is highlighted if it is a target or has one below it. */
static bool is_highlighted (const struct view *v, json_t *topo)
{
    json_t *children = json_object_get (topo, "children");
    json_t *o;
    size_t i;

    if (!v->highlight)
        return false;
    if (idset_test (v->highlight, json_integer_value (json_object_get (topo, "rank"))))
        return true;
    json_array_foreach (children, i, o) {
        if (is_highlighted (v, o))
            return true;
    }
    return false;
}

static void print_node (struct view *v, const char *indent, const struct node *n, bool highlight)
{
    const char *color = v->color ? color_of (n->status) : NULL;
    char since[64];

    printf ("%s", v->pretty ? indent : "");
    if (highlight && v->color)
        printf ("\033[34m%d %s\033[0m: ", n->rank, flux_get_hostbyrank (v->h, n->rank));
    else
        printf ("%d %s%s: ", n->rank, flux_get_hostbyrank (v->h, n->rank), highlight ? "*" : "");
    printf ("%s%s%s", color ? color : "", n->status, color ? "\033[0m" : "");
    if (v->verbose > 0 && n->duration >= 0
        && duration_format (n->duration, since, sizeof (since)) == 0)
        printf (" for %s", since);
    if (v->verbose > 1 && n->rtt >= 0)
        printf (" (%.3f ms)", n->rtt);
    putchar ('\n');
}

/* Walking */

typedef void (*visit_f) (struct view *v, const char *indent, const struct node *n, json_t *topo,
                         void *arg);

static void walk (struct view *v, struct node *n, json_t *topo, const char *indent,
                  const char *below, visit_f visit, void *arg);

static json_t *find_child (json_t *children, json_int_t rank)
{
    json_t *o;
    size_t i;

    json_array_foreach (children, i, o) {
        if (json_integer_value (json_object_get (o, "rank")) == rank)
            return o;
    }
    return NULL;
}

/* What the parent says of a child; if the parent is gone, the child is taken to be
 * in its state.  False: nothing is to be said of it. */
static bool make_child (struct view *v, const struct node *parent, json_t *topo, struct node *n)
{
    json_int_t rank = json_integer_value (json_object_get (topo, "rank"));
    json_t *o = find_child (json_object_get (parent->health, "children"), rank);

    *n = (struct node){ .rank = rank, .duration = -1, .rtt = -1 };
    if (o && json_unpack (o, "{s:s s:F s?s}", "status", &n->status, "duration", &n->duration,
                          "error", &n->error) == 0)
        return true;
    n->status = parent->status;
    n->error = strcmp (n->status, "lost") == 0 ? "lost parent" : NULL;
    return v->ghosts && is_gone (parent->status);
}

static void walk_children (struct view *v, const struct node *n, json_t *topo, const char *below,
                           visit_f visit, void *arg)
{
    json_t *children = json_object_get (topo, "children");
    size_t last = json_array_size (children) - 1;
    json_t *o;
    size_t i;

    json_array_foreach (children, i, o) {
        struct buf indent = BUF_INIT;
        struct buf next = BUF_INIT;
        struct node child;
        if (!make_child (v, n, o, &child))
            continue;
        buf_addf (&indent, "%s%s", below, i == last ? "\u2514\u2500 " : "\u251c\u2500 ");
        buf_addf (&next, "%s%s", below, i == last ? "   " : "\u2502  ");
        walk (v, &child, o, indent.data, next.data, visit, arg);
        buf_release (&indent);
        buf_release (&next);
    }
}

static void walk (struct view *v, struct node *n, json_t *topo, const char *indent,
                  const char *below, visit_f visit, void *arg)
{
    bool inner = json_array_size (json_object_get (topo, "children")) > 0;

    if (!is_gone (n->status) && (inner || v->verbose > 1) && !n->health
        && ask_health (v, n->rank, &n->health, &n->rtt) < 0) {
        cmd_err ("rank %d (%s): %s", n->rank, flux_get_hostbyrank (v->h, n->rank),
                 errno == ETIMEDOUT ? "no answer in time (--timeout)" : flux_strerror (errno));
        n->rtt = -1;
    }
    visit (v, indent, n, topo, arg);
    if (inner)
        walk_children (v, n, topo, below, visit, arg);
    json_decref (n->health);
    n->health = NULL;
}

static void make_root (struct view *v, int rank, struct node *root)
{
    *root = (struct node){ .rank = rank };
    if (ask_health (v, rank, &root->health, &root->rtt) < 0)
        cmd_die (1, "rank %d: %s", rank, errno == ETIMEDOUT ? "no answer in time (--timeout)"
                                                            : flux_strerror (errno));
    if (json_unpack (root->health, "{s:s s:F}", "status", &root->status,
                     "duration", &root->duration) < 0)
        cmd_die (1, "overlay.health: malformed answer");
}

/* status */

static void show (struct view *v, const char *indent, const struct node *n, json_t *topo, void *arg)
{
    if (!v->down || !is_full (n->status))
        print_node (v, indent, n, is_highlighted (v, topo));
}

static void wait_state (struct view *v, int rank, const char *want)
{
    static const char *const states[] = { "full", "partial", "degraded", "lost", "offline", NULL };
    struct timespec pause = { 0, WAIT_INTERVAL * 1e9 };
    bool known = false;

    for (int i = 0; states[i]; i++)
        known |= strcmp (states[i], want) == 0;
    if (!known)
        cmd_die (1, "--wait=%s: there are full, partial, degraded, lost and offline", want);
    for (;;) {
        struct node root;
        bool there;
        make_root (v, rank, &root);
        there = strcmp (root.status, want) == 0;
        json_decref (root.health);
        if (there)
            return;
        nanosleep (&pause, NULL);
    }
}

static struct idset *decode_targets (flux_t *h, const char *targets)
{
    struct idset *ids = idset_decode (targets);
    flux_error_t err;
    uint32_t size;
    char *s;

    if (ids && (flux_get_size (h, &size) < 0 || idset_last (ids) >= size))
        cmd_die (1, "--highlight=%s: there are ranks 0-%u", targets, size - 1);
    if (ids)
        return ids;
    if (!(s = flux_hostmap_lookup (h, targets, &err)) || !(ids = idset_decode (s)))
        cmd_die (1, "--highlight=%s: %s", targets, s ? "not an idset" : err.text);
    free (s);
    return ids;
}

int overlay_status (optparse_t *p, int argc, char **argv)
{
    struct view v = { .p = p, .timeout = cmd_timeout (p, "timeout", 0.5), .verbose = cmd_verbosity (p),
                      .color = optparse_get_color (p, "color"),
                      .pretty = !optparse_hasopt (p, "no-pretty"),
                      .ghosts = !optparse_hasopt (p, "no-ghost"),
                      .down = optparse_hasopt (p, "down") };
    int rank = optparse_get_int (p, "rank", 0);
    const char *highlight = optparse_get_str (p, "highlight", NULL);
    struct node root;
    json_t *topo;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    if (rank < 0)
        cmd_die (1, "--rank=%d: not a rank", rank);
    v.h = cmd_open ();
    topo = ask_topology (&v, rank);
    if (highlight)
        v.highlight = decode_targets (v.h, highlight);
    if (optparse_hasopt (p, "wait"))
        wait_state (&v, rank, optparse_get_str (p, "wait", ""));
    make_root (&v, rank, &root);
    if (optparse_hasopt (p, "summary")) {
        print_node (&v, "", &root, is_highlighted (&v, topo));
        json_decref (root.health);
    }
    else
        walk (&v, &root, topo, "", "", show, NULL);
    json_decref (topo);
    idset_destroy (v.highlight);
    flux_close (v.h);
    return 0;
}

/* errors */

struct error {
    char *text;
    struct hostlist *hosts;
};

struct errors {
    struct error *v;
    size_t n;
};

static void note_error (struct view *v, const char *indent, const struct node *n, json_t *topo,
                        void *arg)
{
    struct errors *es = arg;
    struct error *e;
    size_t i;

    if (!n->error || !is_gone (n->status))
        return;
    for (i = 0; i < es->n && strcmp (es->v[i].text, n->error) != 0; i++)
        ;
    if (i == es->n) {
        if (!(e = realloc (es->v, (es->n + 1) * sizeof (*e))))
            cmd_die (1, "out of memory");
        es->v = e;
        e += es->n++;
        e->text = strdup (n->error);
        if (!e->text || !(e->hosts = hostlist_create ()))
            cmd_die (1, "out of memory");
    }
    if (hostlist_append (es->v[i].hosts, flux_get_hostbyrank (v->h, n->rank)) < 0)
        cmd_die (1, "out of memory");
}

int overlay_errors (optparse_t *p, int argc, char **argv)
{
    struct view v = { .p = p, .timeout = cmd_timeout (p, "timeout", 0.5), .ghosts = true };
    struct errors es = { 0 };
    struct node root;
    json_t *topo;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    v.h = cmd_open ();
    topo = ask_topology (&v, 0);
    make_root (&v, 0, &root);
    walk (&v, &root, topo, "", "", note_error, &es);
    for (size_t i = 0; i < es.n; i++) {
        char *s;
        hostlist_sort (es.v[i].hosts);
        s = hostlist_encode (es.v[i].hosts);
        printf ("%s: %s\n", s ? s : "", es.v[i].text);
        free (s);
        free (es.v[i].text);
        hostlist_destroy (es.v[i].hosts);
    }
    free (es.v);
    json_decref (topo);
    flux_close (v.h);
    return 0;
}
