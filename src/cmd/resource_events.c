/* resource_events.c - flux resource eventlog
 *
 *   eventlog ──resource.journal──► resource, rank 0: {"events": [...]} and so on;
 *                                  an empty array ends what is history
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>
#include <flux/hostlist.h>
#include <flux/idset.h>

#include "cmd/cmd.h"
#include "cmd/eventlog_print.h"
#include "cmd/resource.h"
#include "cmd/subs.h"

struct journal {
    optparse_t *p;
    struct eventlog_printer printer;
    const char *wait;            /* event to wait for, or NULL */
    const char *targets;         /* or NULL */
    struct idset *ranks;         /* of targets, if they are that */
    struct hostlist *hosts;      /* else */
    struct hostlist *nodelist;   /* of the last restart event, by rank */
};

static void check_event (const char *name)
{
    static const char *const names[] = { "restart", "resource-define", "resource-update", "online",
                                         "offline", "drain", "undrain", "torpid", "lively",
                                         "truncate", NULL };

    for (int i = 0; names[i]; i++) {
        if (strcmp (names[i], name) == 0)
            return;
    }
    cmd_die (1, "--wait=%s: there are restart, resource-define, online, offline, drain, undrain,"
             " torpid and lively", name);
}

/* Context */

static bool value_matches (const json_t *val, const char *want)
{
    char *end;
    double d;

    if (json_is_string (val))
        return strcmp (json_string_value (val), want) == 0;
    if (json_is_boolean (val))
        return strcmp (json_is_true (val) ? "true" : "false", want) == 0;
    d = strtod (want, &end);
    if (!json_is_number (val) || *end || end == want)
        return false;
    return json_is_integer (val) ? json_number_value (val) == d
                                 : fabs (json_number_value (val) - d) <= 1e-5;
}

static bool context_matches (struct journal *j, json_t *context)
{
    const char *pair;

    optparse_getopt_iterator_reset (j->p, "match-context");
    while ((pair = optparse_getopt_next (j->p, "match-context"))) {
        const char *eq = strchr (pair, '=');
        char *key = eq ? strndup (pair, eq - pair) : NULL;
        bool match;
        if (!key)
            cmd_die (1, "--match-context=%s: want KEY=VAL", pair);
        match = value_matches (json_object_get (context, key), eq + 1);
        free (key);
        if (!match)
            return false;
    }
    return true;
}

/* Targets */

static void note_nodelist (struct journal *j, json_t *context)
{
    const char *s = json_string_value (json_object_get (context, "nodelist"));

    hostlist_destroy (j->nodelist);
    j->nodelist = s ? hostlist_decode (s) : NULL;
}

static bool hosts_apply (struct journal *j, const struct idset *ids)
{
    for (unsigned int r = idset_first (ids); r != IDSET_INVALID_ID; r = idset_next (ids, r)) {
        const char *host = j->nodelist ? hostlist_nth (j->nodelist, r) : NULL;
        if (host && hostlist_find (j->hosts, host) >= 0)
            return true;
    }
    return false;
}

static bool applies (struct journal *j, json_t *context)
{
    const char *s = json_string_value (json_object_get (context, "idset"));
    struct idset *ids;
    bool result;

    if (!j->targets)
        return true;
    if (!s)
        s = json_string_value (json_object_get (context, "ranks"));
    if (!s || !(ids = idset_decode (s)))
        return false;
    result = j->ranks ? idset_has_intersection (ids, j->ranks) : hosts_apply (j, ids);
    idset_destroy (ids);
    return result;
}

/* Returns true if this is the event that was waited for. */
static bool handle_event (struct journal *j, json_t *entry)
{
    const char *name = json_string_value (json_object_get (entry, "name"));
    json_t *context = json_object_get (entry, "context");

    if (!name)
        return false;
    if (strcmp (name, "restart") == 0)
        note_nodelist (j, context);
    if (!applies (j, context)
        || (j->wait && (strcmp (name, j->wait) != 0 || !context_matches (j, context))))
        return false;
    eventlog_print (&j->printer, stdout, NULL, entry);
    fflush (stdout);
    return j->wait != NULL;
}

static bool handle_response (struct journal *j, json_t *events)
{
    json_t *entry;
    size_t i;

    json_array_foreach (events, i, entry) {
        if (handle_event (j, entry))
            return true;
    }
    /* the sentinel: what follows is news */
    return json_array_size (events) == 0 && !j->wait && !optparse_hasopt (j->p, "follow");
}

static void watch (struct journal *j)
{
    double timeout = cmd_timeout (j->p, "timeout", -1);
    flux_t *h = cmd_open ();
    flux_future_t *f = flux_rpc (h, "resource.journal", NULL, 0, FLUX_RPC_STREAMING);
    double t0 = flux_reactor_time ();
    json_t *events;
    bool done = false;

    if (!f)
        cmd_die (1, "resource.journal: %s", flux_strerror (errno));
    while (!done) {
        double left = timeout < 0 ? -1 : fmax (0, timeout - (flux_reactor_time () - t0));
        if (flux_future_wait_for (f, left) < 0 && errno == ETIMEDOUT)
            cmd_die (1, "no event %s within %s", j->wait, optparse_get_str (j->p, "timeout", ""));
        if (flux_rpc_get_unpack (f, "{s:o}", "events", &events) < 0)
            cmd_die (1, "resource.journal: %s", future_strerror (f, errno));
        done = handle_response (j, events);
        flux_future_reset (f);
    }
    flux_future_destroy (f);
    flux_close (h);
}

static void set_format (struct journal *j)
{
    const char *format = optparse_get_str (j->p, "format", "text");
    const char *time = optparse_get_str (j->p, "time-format", "raw");

    if (optparse_hasopt (j->p, "human")) {
        format = "text";
        time = "human";
    }
    if (strcmp (format, "text") != 0 && strcmp (format, "json") != 0)
        cmd_die (1, "--format=%s: there are text and json", format);
    if (eventlog_time_parse (time, &j->printer.time) < 0)
        cmd_die (1, "--time-format=%s: there are raw, iso, offset and human", time);
    j->printer.json = strcmp (format, "json") == 0;
    j->printer.color = optparse_get_color (j->p, "color");
}

static void set_targets (struct journal *j)
{
    if (!(j->targets = optparse_get_str (j->p, "include", NULL)))
        return;
    if (!(j->ranks = idset_decode (j->targets)) && !(j->hosts = hostlist_decode (j->targets)))
        cmd_die (1, "--include=%s: neither an idset of ranks nor a hostlist", j->targets);
}

int resource_eventlog (optparse_t *p, int argc, char **argv)
{
    struct journal j = { .p = p, .wait = optparse_get_str (p, "wait", NULL) };

    if (optparse_option_index (p) != argc)
        return cmd_usage (p);
    if (j.wait)
        check_event (j.wait);
    else if (optparse_hasopt (p, "timeout") || optparse_hasopt (p, "match-context"))
        cmd_die (1, "--timeout and --match-context are for use with --wait");
    set_format (&j);
    set_targets (&j);
    watch (&j);
    idset_destroy (j.ranks);
    hostlist_destroy (j.hosts);
    hostlist_destroy (j.nodelist);
    return 0;
}
