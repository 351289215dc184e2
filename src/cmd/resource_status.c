/* resource_status.c - flux resource status, and drain without targets: the
 * administrator's view
 *
 *   status ──resource.status──► resource, rank 0
 *          ──resource.sched-status──► only if it matters what is allocated
 *          ──config.get──► broker, with --queue
 *          ──job-manager.stats-get──► job-manager, if housekeeping is shown
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "cmd/cmd.h"
#include "cmd/formats.h"
#include "cmd/housekeeping.h"
#include "cmd/queueconf.h"
#include "cmd/resource.h"
#include "cmd/resview.h"
#include "cmd/subs.h"
#include "spec/rset.h"

static const struct named_format status_formats[] = {
    { "default", "Default flux-resource status format string",
      "+:{state:>10} {up:>2} {nnodes:>6} {nodelist}" },
    { "long", "Long flux-resource status format string",
      "+:{state:>10} {up:>2} {nnodes:>6} {reason:<25.25+} {nodelist}" },
    { NULL, NULL, NULL },
};

static const struct named_format drain_formats[] = {
    { "default", "Default flux-resource drain format string",
      "{timestamp!d:%FT%T::<20} {state:<8.8} {ranks:<8.8+} {reason:<30.30+} {nodelist}" },
    { "long", "Long flux-resource drain format string",
      "{timestamp!d:%FT%T::<20} {state:<10} +:{ranks:<8} +:{reason:<30} {nodelist}" },
    { NULL, NULL, NULL },
};

#define DEFAULT_STATES "avail,exclude,draining,drained,torpid,housekeeping"

static const char *const state_names[] = {
    "avail", "exclude", "draining", "drained", "allocated", "torpid", "housekeeping", "offline",
    "online", NULL,
};

struct row {
    const char *state;
    bool online;
    double timestamp;      /* 0: not drained */
    const char *reason;
    struct idset *ranks;
};

struct status {
    struct format *format;
    struct rset *R;            /* what is shown */
    json_t *answer;            /* keeps the reasons */
    struct idset *online, *offline, *exclude, *torpid;
    struct idset *drain;       /* all that is drained or draining */
    json_t *drain_info;
    struct idset *allocated;   /* NULL until needed */
    struct idset *housekeeping;     /* likewise */
    struct row *rows;
    size_t nrows;
    bool by_state, by_online, by_drain;
};

/* Fields */

static const struct {
    const char *name;
    const char *heading;
} fields[] = {
    { "state", "STATE" }, { "statex", "STATE" }, { "status", "STATUS" }, { "up", "UP" },
    { "up.ascii", "UP" }, { "nnodes", "NNODES" }, { "ranks", "RANKS" },
    { "nodelist", "NODELIST" }, { "timestamp", "TIMESTAMP" }, { "reason", "REASON" },
};

static const char *status_heading (const char *field, void *arg)
{
    for (size_t i = 0; i < sizeof (fields) / sizeof (fields[0]); i++) {
        if (strcmp (fields[i].name, field) == 0)
            return fields[i].heading;
    }
    return NULL;
}

static const char *drain_heading (const char *field, void *arg)
{
    return strcmp (field, "ranks") == 0 ? "RANK" : status_heading (field, arg);
}

static json_t *nodelist (const struct status *s, const struct row *row)
{
    struct rset *r = rset_copy_ranks (s->R, row->ranks);
    json_t *o = r ? format_take (resview_nodelist (r)) : NULL;

    rset_free (r);
    return o;
}

static json_t *value (const void *item, const char *field, void *arg)
{
    const struct row *row = item;

    if (strcmp (field, "state") == 0)
        return json_sprintf ("%s%s", row->state, row->online ? "" : "*");
    if (strcmp (field, "statex") == 0)
        return json_string (row->state);
    if (strcmp (field, "status") == 0)
        return json_string (row->online ? "online" : "offline");
    if (strcmp (field, "up") == 0)
        return json_string (row->online ? "\xe2\x9c\x94" : "\xe2\x9c\x97");
    if (strcmp (field, "up.ascii") == 0)
        return json_string (row->online ? "y" : "n");
    if (strcmp (field, "nnodes") == 0)
        return json_integer (idset_count (row->ranks));
    if (strcmp (field, "ranks") == 0)
        return format_take (idset_encode (row->ranks, IDSET_FLAG_RANGE));
    if (strcmp (field, "nodelist") == 0)
        return nodelist (arg, row);
    if (strcmp (field, "reason") == 0)
        return json_string (row->reason);
    return row->timestamp > 0 ? json_real (row->timestamp) : NULL;
}

/* Data */

static struct idset *need (struct idset *ids)
{
    if (!ids)
        cmd_die (1, "out of memory");
    return ids;
}

static struct idset *get_ids (json_t *o, const char *key)
{
    const char *s = json_string_value (json_object_get (o, key));
    struct idset *ids = idset_decode (s ? s : "");

    if (!ids)
        cmd_die (1, "resource.status: '%s' is '%s', not an idset", key, s);
    return ids;
}

static struct idset *drained_ids (json_t *info)
{
    struct idset *ids = need (idset_create (0, IDSET_FLAG_AUTOGROW));
    const char *key;
    json_t *o;

    json_object_foreach (info, key, o) {
        if (idset_decode_add (ids, key, -1, NULL) < 0)
            cmd_die (1, "resource.status: drain: '%s' is not an idset", key);
    }
    return ids;
}

static void load (struct status *s, optparse_t *p)
{
    const char *queues = optparse_get_str (p, "queue", NULL);
    flux_t *h = cmd_open ();
    flux_future_t *f = flux_rpc (h, "resource.status", NULL, 0, 0);
    struct queueconf *qc = queues ? queueconf_get (queueconf_ask (h)) : NULL;
    json_t *names = queues ? queueconf_option (qc, queues) : NULL;
    struct rset *all;

    cmd_check (f, "cannot get the resources");
    if (flux_rpc_get_unpack (f, "O", &s->answer) < 0)
        cmd_die (1, "resource.status: %s", flux_strerror (errno));
    flux_future_destroy (f);
    all = resview_decode (json_object_get (s->answer, "R"), "R");
    s->R = resview_filter_rset (all, qc, names, optparse_get_str (p, "include", NULL));
    s->online = get_ids (s->answer, "online");
    s->offline = get_ids (s->answer, "offline");
    s->exclude = get_ids (s->answer, "exclude");
    s->torpid = get_ids (s->answer, "torpid");
    s->drain_info = json_object_get (s->answer, "drain");
    s->drain = drained_ids (s->drain_info);
    rset_free (all);
    json_decref (names);
    queueconf_free (qc);
    flux_close (h);
}

/* Whether a drained node is still in use is for the scheduler to say. */
static const struct idset *allocated (struct status *s)
{
    struct resview v;
    flux_t *h;

    if (s->allocated)
        return s->allocated;
    h = cmd_open ();
    resview_get (&v, resview_ask (h));
    s->allocated = need (idset_copy (rset_ranks (v.allocated)));
    resview_release (&v);
    flux_close (h);
    return s->allocated;
}

static struct idset *avail (const struct status *s)
{
    struct idset *ids = need (idset_copy (rset_ranks (s->R)));

    if (idset_subtract (ids, s->exclude) < 0 || idset_subtract (ids, s->drain) < 0
        || idset_subtract (ids, s->torpid) < 0)
        cmd_die (1, "out of memory");
    return ids;
}

static const struct idset *housekeeping (struct status *s)
{
    json_t *running;
    flux_t *h;

    if (s->housekeeping)
        return s->housekeeping;
    h = cmd_open ();
    running = housekeeping_running (housekeeping_ask (h));
    s->housekeeping = need (housekeeping_ranks (running));
    json_decref (running);
    flux_close (h);
    return s->housekeeping;
}

/* Ranks in a state, whatever is filtered. */
static struct idset *in_state (struct status *s, const char *state)
{
    if (strcmp (state, "avail") == 0)
        return avail (s);
    if (strcmp (state, "exclude") == 0)
        return need (idset_copy (s->exclude));
    if (strcmp (state, "torpid") == 0)
        return need (idset_copy (s->torpid));
    if (strcmp (state, "offline") == 0)
        return need (idset_copy (s->offline));
    if (strcmp (state, "online") == 0)
        return need (idset_copy (s->online));
    if (strcmp (state, "allocated") == 0)
        return need (idset_copy (allocated (s)));
    if (strcmp (state, "housekeeping") == 0)
        return need (idset_copy (housekeeping (s)));
    if (idset_empty (s->drain))
        return need (idset_create (0, IDSET_FLAG_AUTOGROW));
    if (strcmp (state, "draining") == 0)
        return need (idset_intersect (s->drain, allocated (s)));
    return need (idset_difference (s->drain, allocated (s)));
}

/* Rows */

static struct row *find_row (struct status *s, const char *state, bool online, double timestamp,
                             const char *reason)
{
    struct row *row;

    for (size_t i = 0; i < s->nrows; i++) {
        row = &s->rows[i];
        if ((!s->by_state || strcmp (row->state, state) == 0)
            && (!s->by_online || row->online == online)
            && (!s->by_drain
                || (row->timestamp == timestamp && strcmp (row->reason, reason) == 0)))
            return row;
    }
    if (!(row = realloc (s->rows, (s->nrows + 1) * sizeof (*row))))
        cmd_die (1, "out of memory");
    s->rows = row;
    row += s->nrows++;
    *row = (struct row){ state, online, timestamp, reason,
                         need (idset_create (0, IDSET_FLAG_AUTOGROW)) };
    return row;
}

static void drain_facts (const struct status *s, unsigned int rank, double *timestamp,
                         const char **reason)
{
    const char *key;
    json_t *o;

    *timestamp = 0;
    *reason = "";
    json_object_foreach (s->drain_info, key, o) {
        struct idset *ids = idset_decode (key);
        bool found = ids && idset_test (ids, rank);
        idset_destroy (ids);
        if (found) {
            (void)json_unpack (o, "{s?F s?s}", "timestamp", timestamp, "reason", reason);
            return;
        }
    }
}

static void add_rank (struct status *s, const char *state, unsigned int rank)
{
    bool drained = strcmp (state, "drained") == 0 || strcmp (state, "draining") == 0;
    double timestamp = 0;
    const char *reason = "";
    struct row *row;

    if (drained && s->by_drain)
        drain_facts (s, rank, &timestamp, &reason);
    row = find_row (s, state, idset_test (s->online, rank), timestamp, reason);
    if (idset_set (row->ranks, rank) < 0)
        cmd_die (1, "out of memory");
}

static size_t add_ranks (struct status *s, const char *state, const struct idset *ranks,
                         bool online)
{
    size_t n = 0;

    for (unsigned int r = idset_first (ranks); r != IDSET_INVALID_ID; r = idset_next (ranks, r)) {
        if (idset_test (rset_ranks (s->R), r) && idset_test (s->online, r) == online) {
            add_rank (s, state, r);
            n++;
        }
    }
    return n;
}

static const char *check_state (const char *name)
{
    for (int i = 0; state_names[i]; i++) {
        if (strcmp (state_names[i], name) == 0)
            return state_names[i];
    }
    cmd_die (1, "--states=%s: there are avail, exclude, draining, drained, drain, allocated, torpid,"
             " housekeeping, offline, online and all", name);
}

struct state_arg {
    struct status *s;
    bool keep_empty;
};

static void add_state (char *name, void *arg)
{
    struct state_arg *sa = arg;
    struct idset *ids;
    const char *state;

    if (strcmp (name, "all") == 0) {
        cmd_each (DEFAULT_STATES, add_state, arg);
        return;
    }
    if (strcmp (name, "drain") == 0) {
        cmd_each ("drained,draining", add_state, arg);
        return;
    }
    state = check_state (name);
    ids = in_state (sa->s, state);
    if (add_ranks (sa->s, state, ids, true) + add_ranks (sa->s, state, ids, false) == 0
        && sa->keep_empty)
        find_row (sa->s, state, strcmp (state, "offline") != 0, 0, "");
    idset_destroy (ids);
}

/* Output */

static void get_format (struct status *s, optparse_t *p, const char *table,
                        const struct named_format *builtin, const char *env,
                        format_heading_f heading)
{
    s->format = formats_get_table ("flux-resource", table, builtin,
                                   optparse_get_str (p, "format", NULL), env, heading, NULL);
    s->by_state = format_uses (s->format, "state") || format_uses (s->format, "statex");
    s->by_online = format_uses (s->format, "state") || format_uses (s->format, "status")
                   || format_uses (s->format, "up") || format_uses (s->format, "up.ascii");
    s->by_drain = format_uses (s->format, "timestamp") || format_uses (s->format, "reason");
}

static void print_rows (struct status *s, bool header)
{
    struct format_table *t = format_table_new (s->format, value, s);
    flux_error_t err;

    if (!t)
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < s->nrows; i++) {
        if (format_table_add (t, &s->rows[i], &err) < 0)
            cmd_die (1, "%s", err.text);
    }
    format_table_print (t, stdout, header, -1);
    format_table_free (t);
}

static void release (struct status *s)
{
    for (size_t i = 0; i < s->nrows; i++)
        idset_destroy (s->rows[i].ranks);
    free (s->rows);
    format_free (s->format);
    rset_free (s->R);
    idset_destroy (s->online);
    idset_destroy (s->offline);
    idset_destroy (s->exclude);
    idset_destroy (s->torpid);
    idset_destroy (s->drain);
    idset_destroy (s->allocated);
    idset_destroy (s->housekeeping);
    json_decref (s->answer);
}

int resource_status (optparse_t *p, int argc, char **argv)
{
    const char *states = optparse_get_str (p, "states", NULL);
    struct status s = { 0 };
    struct state_arg sa = { &s, states && !optparse_hasopt (p, "skip-empty") };

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    if (states && strcmp (states, "help") == 0) {
        printf ("valid states: avail,exclude,draining,drained,drain,allocated,torpid,housekeeping,"
                "offline,online,all\n");
        return 0;
    }
    get_format (&s, p, "status", status_formats, "FLUX_RESOURCE_STATUS_FORMAT_DEFAULT",
                status_heading);
    load (&s, p);
    cmd_each (states ? states : DEFAULT_STATES, add_state, &sa);
    print_rows (&s, !optparse_hasopt (p, "no-header"));
    release (&s);
    return 0;
}

int resource_drain_list (optparse_t *p)
{
    struct status s = { 0 };
    unsigned int r;

    get_format (&s, p, "drain", drain_formats, "FLUX_RESOURCE_DRAIN_FORMAT_DEFAULT", drain_heading);
    load (&s, p);
    for (r = idset_first (s.drain); r != IDSET_INVALID_ID; r = idset_next (s.drain, r)) {
        if (idset_test (rset_ranks (s.R), r))
            add_rank (&s, idset_test (allocated (&s), r) ? "draining" : "drained", r);
    }
    print_rows (&s, !optparse_hasopt (p, "no-header"));
    release (&s);
    return 0;
}
