/* queue_list.c - flux queue list
 *
 *   list ──config.get──► broker
 *        ──job-manager.queue-status──► of each queue, if states are shown
 *        ──resource.sched-status──► resource, if counts of resources are shown
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>

#include "base/duration.h"
#include "cmd/cmd.h"
#include "cmd/formats.h"
#include "cmd/queue.h"
#include "cmd/queueconf.h"
#include "cmd/resview.h"
#include "cmd/subs.h"
#include "spec/rset.h"

static const struct named_format builtin_formats[] = {
    { "default", "Default flux-queue list format string",
      "?+:{queuem:<8} ?+:{parent:<8} {enabled:>2} {started:>2} {defaults.timelimit:>8} "
      "{limits.timelimit:>8} {limits.range.effective.nnodes:>10} "
      "{limits.range.effective.ncores:>10} {limits.range.effective.ngpus:>10}" },
    { "resources", "Show resource counts by queue",
      "?+:{queuem:<8} ?+:{parent:<8} {resources.all.nnodes:>8} {resources.free.nnodes:>8} "
      "{resources.allocated.nnodes:>8} {resources.down.nnodes:>8} {resources.all.ncores:>8} "
      "{resources.free.ncores:>8} {resources.allocated.ncores:>8} {resources.down.ncores:>8}" },
    { NULL, NULL, NULL },
};

/* Fields */

static const struct {
    const char *name;
    const char *heading;
} fields[] = {
    { "queue", "QUEUE" }, { "queuem", "QUEUE" }, { "parent", "PARENT" },
    { "submission", "SUBMIT" }, { "scheduling", "SCHED" }, { "enabled", "EN" },
    { "started", "ST" }, { "enabled.ascii", "EN" }, { "started.ascii", "ST" },
    { "defaults.timelimit", "TDEFAULT" }, { "limits.timelimit", "TLIMIT" },
    { "limits.range.nnodes", "NNODES" }, { "limits.range.ncores", "NCORES" },
    { "limits.range.ngpus", "NGPUS" }, { "limits.range.effective.nnodes", "NNODES" },
    { "limits.range.effective.ncores", "NCORES" }, { "limits.range.effective.ngpus", "NGPUS" },
    { "limits.min.nnodes", "MINNODES" }, { "limits.max.nnodes", "MAXNODES" },
    { "limits.min.ncores", "MINCORES" }, { "limits.max.ncores", "MAXCORES" },
    { "limits.min.ngpus", "MINGPUS" }, { "limits.max.ngpus", "MAXGPUS" },
};
#define NFIELDS (sizeof (fields) / sizeof (fields[0]))

static const char *const kinds[] = { "nnodes", "ncores", "ngpus" };
static const char *const rset_types[] = { "node", "core", "gpu" };

static int kind_of (const char *s)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp (kinds[i], s) == 0)
            return i;
    }
    return -1;
}

/* Parts of "resources.STATE.KIND": false if it is no such field. */
static bool parse_resources (const char *field, char *state, size_t size, int *kind)
{
    const char *s = field + strlen ("resources.");
    size_t n;

    if (strncmp (field, "resources.", 10) != 0)
        return false;
    n = strcspn (s, ".");
    if (n >= size || s[n] != '.' || (*kind = kind_of (s + n + 1)) < 0)
        return false;
    memcpy (state, s, n);
    state[n] = '\0';
    return strcmp (state, "all") == 0 || strcmp (state, "free") == 0
           || strcmp (state, "allocated") == 0 || strcmp (state, "up") == 0
           || strcmp (state, "down") == 0;
}

static const char *heading (const char *field, void *arg)
{
    static const char *const short_names[] = { "N", "C", "G" };
    static char text[32];
    char state[16];
    int kind;

    for (size_t i = 0; i < NFIELDS; i++) {
        if (strcmp (fields[i].name, field) == 0)
            return fields[i].heading;
    }
    if (!parse_resources (field, state, sizeof (state), &kind))
        return NULL;
    snprintf (text, sizeof (text), "%s:%s", short_names[kind],
              strcmp (state, "allocated") == 0 ? "alloc" : state);
    for (char *s = text; *s; s++)
        *s = *s >= 'a' && *s <= 'z' ? *s - 32 : *s;
    return text;
}

/* Values */

struct queue {
    const char *name;        /* "": the anonymous one */
    json_t *status;          /* as job-manager answered, or NULL */
    struct resview view;     /* of this queue; all NULL if not needed */
};

struct listing {
    struct format *format;
    struct queueconf *qc;
    struct queue *queues;
    size_t n;
    bool need_status;
    bool need_resources;
};

static bool flag (const struct queue *q, const char *key)
{
    return json_is_true (json_object_get (q->status, key));
}

/* Started itself, but not scheduled as its parent is stopped. */
static bool paused (const struct queue *q)
{
    const char *s = json_string_value (json_object_get (q->status, "blocked"));

    return !flag (q, "start") && s && strcmp (s, "parent") == 0;
}

static json_t *state_value (const struct queue *q, const char *field)
{
    bool submission = strncmp (field, "enabled", 7) == 0 || strcmp (field, "submission") == 0;
    bool on = flag (q, submission ? "enable" : "start");

    if (strcmp (field, "submission") == 0)
        return json_string (on ? "enabled" : "disabled");
    if (strcmp (field, "scheduling") == 0)
        return json_string (on ? "started" : paused (q) ? "stopped (parent)" : "stopped");
    if (strcmp (field, "started") == 0 && paused (q))
        return json_string ("\xe2\x8f\xb8");
    if (strcmp (field, "started.ascii") == 0 && paused (q))
        return json_string ("p");
    if (strstr (field, ".ascii"))
        return json_string (on ? "y" : "n");
    return json_string (on ? "\xe2\x9c\x94" : "\xe2\x9c\x97");
}

/* A duration of the policy, which may be a number or text; unset is no limit. */
static json_t *time_value (const struct listing *l, const struct queue *q, const char *path)
{
    const json_t *o = queueconf_policy (l->qc, q->name, path);
    double d = json_number_value (o);
    char text[64];

    if (!o || (json_is_string (o) && duration_parse (json_string_value (o), &d) < 0))
        return json_string ("inf");
    if (d == 0 || isinf (d) || duration_format (d, text, sizeof (text)) < 0)
        return json_string ("inf");
    return json_string (text);
}

/* -1: no limit */
static json_int_t limit (const struct listing *l, const struct queue *q, const char *which,
                         int kind)
{
    char path[64];
    const json_t *o;

    snprintf (path, sizeof (path), "limits.job-size.%s.%s", which, kinds[kind]);
    o = queueconf_policy (l->qc, q->name, path);
    if (json_is_integer (o))
        return json_integer_value (o);
    return strcmp (which, "min") == 0 ? 0 : -1;
}

static json_t *limit_json (json_int_t n)
{
    return n < 0 ? json_string ("inf") : json_integer (n);
}

static json_t *range_json (json_int_t min, json_int_t max)
{
    if (max < 0)
        return json_sprintf ("%" JSON_INTEGER_FORMAT "-inf", min);
    return json_sprintf ("%" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT, min, max);
}

static json_int_t count (const struct queue *q, const char *state, int kind)
{
    struct rset *r = resview_state (&q->view, state);
    json_int_t n = rset_count (r, rset_types[kind]);

    rset_free (r);
    return n;
}

static json_t *limits_value (const struct listing *l, const struct queue *q, const char *field)
{
    int kind = kind_of (strrchr (field, '.') + 1);
    json_int_t min = limit (l, q, "min", kind);
    json_int_t max = limit (l, q, "max", kind);

    if (strncmp (field, "limits.min.", 11) == 0)
        return limit_json (min < 0 ? 0 : min);
    if (strncmp (field, "limits.max.", 11) == 0)
        return limit_json (max);
    if (strncmp (field, "limits.range.effective.", 23) == 0) {
        json_int_t total = count (q, "all", kind);
        if (max < 0 || total < max)
            max = total;
    }
    return range_json (min < 0 ? 0 : min, max);
}

static json_t *name_value (const struct listing *l, const struct queue *q, bool mark)
{
    const char *def = queueconf_default (l->qc);

    return json_sprintf ("%s%s", q->name,
                         mark && *q->name && def && strcmp (def, q->name) == 0 ? "*" : "");
}

static json_t *value (const void *item, const char *field, void *arg)
{
    const struct listing *l = arg;
    const struct queue *q = item;
    const char *parent = queueconf_parent (l->qc, q->name);
    char state[16];
    int kind;

    if (strcmp (field, "queue") == 0 || strcmp (field, "queuem") == 0)
        return name_value (l, q, field[5] == 'm');
    if (strcmp (field, "parent") == 0)
        return json_string (parent ? parent : "");
    if (strcmp (field, "defaults.timelimit") == 0)
        return time_value (l, q, "jobspec.defaults.system.duration");
    if (strcmp (field, "limits.timelimit") == 0)
        return time_value (l, q, "limits.duration");
    if (strncmp (field, "limits.", 7) == 0)
        return limits_value (l, q, field);
    if (parse_resources (field, state, sizeof (state), &kind))
        return json_integer (count (q, state, kind));
    return state_value (q, field);
}

/* Loading */

static void need_what (struct listing *l)
{
    static const char *const states[] = { "submission", "scheduling", "enabled", "started",
                                          "enabled.ascii", "started.ascii", NULL };
    static const char *const of[] = { "all", "free", "allocated", "up", "down" };
    char name[64];

    for (int i = 0; states[i]; i++)
        l->need_status |= format_uses (l->format, states[i]);
    for (int k = 0; k < 3; k++) {
        snprintf (name, sizeof (name), "limits.range.effective.%s", kinds[k]);
        l->need_resources |= format_uses (l->format, name);
        for (int i = 0; i < 5; i++) {
            snprintf (name, sizeof (name), "resources.%s.%s", of[i], kinds[k]);
            l->need_resources |= format_uses (l->format, name);
        }
    }
}

static void choose_queues (struct listing *l, const char *only)
{
    json_t *names = queueconf_option (l->qc, only);
    const char *name;
    size_t size = 1;
    size_t pos = 0;
    json_t *o;

    while (queueconf_next (l->qc, &pos))
        size++;
    if (!(l->queues = calloc (size + json_array_size (names), sizeof (*l->queues))))
        cmd_die (1, "out of memory");
    if (names) {
        size_t i;
        json_array_foreach (names, i, o) {
            const char *s = json_string_value (o);
            for (pos = 0; (name = queueconf_next (l->qc, &pos)) && strcmp (name, s) != 0;)
                ;
            l->queues[l->n++].name = name;
        }
    }
    else if (!queueconf_named (l->qc))
        l->queues[l->n++].name = "";
    else {
        for (pos = 0; (name = queueconf_next (l->qc, &pos));)
            l->queues[l->n++].name = name;
    }
    json_decref (names);
}

static void load_status (struct listing *l, flux_t *h)
{
    flux_future_t **f = calloc (l->n + 1, sizeof (*f));

    if (!f)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < l->n; i++) {
        const char *name = l->queues[i].name;
        f[i] = flux_rpc_pack (h, "job-manager.queue-status", FLUX_NODEID_ANY, 0, "{s:s*}",
                              "name", *name ? name : NULL);
    }
    for (size_t i = 0; i < l->n; i++) {
        cmd_check (f[i], *l->queues[i].name ? l->queues[i].name : "queue status");
        if (flux_rpc_get_unpack (f[i], "O", &l->queues[i].status) < 0)
            cmd_die (1, "job-manager.queue-status: %s", flux_strerror (errno));
        flux_future_destroy (f[i]);
    }
    free (f);
}

static struct rset *copy (const struct rset *r)
{
    struct rset *c = rset_copy (r);

    if (!c)
        cmd_die (1, "out of memory");
    return c;
}

static void spread_resources (struct listing *l, flux_future_t *f)
{
    struct resview all;

    resview_get (&all, f);
    for (size_t i = 0; i < l->n; i++) {
        struct queue *q = &l->queues[i];
        json_t *names = *q->name ? json_pack ("[s]", q->name) : NULL;
        q->view = (struct resview){ copy (all.all), copy (all.down), copy (all.allocated) };
        resview_filter (&q->view, l->qc, names, NULL);
        json_decref (names);
    }
    resview_release (&all);
}

static void load (struct listing *l, const char *only)
{
    flux_t *h = cmd_open ();
    flux_future_t *conf = queueconf_ask (h);
    flux_future_t *res = l->need_resources ? resview_ask (h) : NULL;

    l->qc = queueconf_get (conf);
    choose_queues (l, only);
    if (l->need_status)
        load_status (l, h);
    if (res)
        spread_resources (l, res);
    flux_close (h);
}

static void release (struct listing *l)
{
    for (size_t i = 0; i < l->n; i++) {
        json_decref (l->queues[i].status);
        resview_release (&l->queues[i].view);
    }
    free (l->queues);
    queueconf_free (l->qc);
    format_free (l->format);
}

int queue_list (optparse_t *p, int argc, char **argv)
{
    struct listing l = { 0 };
    struct format_table *t;
    flux_error_t err;

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    l.format = formats_get_table ("flux-queue", "list", builtin_formats,
                                  optparse_get_str (p, "format", NULL),
                                  "FLUX_QUEUE_LIST_FORMAT_DEFAULT", heading, NULL);
    need_what (&l);
    load (&l, optparse_get_str (p, "queue", NULL));
    if (!(t = format_table_new (l.format, value, &l)))
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < l.n; i++) {
        if (format_table_add (t, &l.queues[i], &err) < 0)
            cmd_die (1, "%s", err.text);
    }
    format_table_print (t, stdout, !optparse_hasopt (p, "no-header"), -1);
    format_table_free (t);
    release (&l);
    return 0;
}
