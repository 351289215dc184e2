/* uptime.c - flux uptime (flux-uptime(1))
 *
 *   uptime ──attr.get, state-machine.get──► broker
 *          ──resource.status──► resource, rank 0         all sent at once,
 *          ──job-manager.queue-list──► job-manager       none needed but the first
 *          ──job-manager.queue-status──► (each queue)
 *
 * It is of use most when an instance is not well: what does not answer within
 * half a second is left out.
 */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <flux/idset.h>

#include "cmd/cmd.h"
#include "cmd/subs.h"
#include "cmd/uptime.h"

#define PATIENCE 0.5 /* seconds for services that may not be there yet */

static flux_future_t *ask_attr (flux_t *h, const char *name)
{
    flux_future_t *f = flux_rpc_pack (h, "attr.get", FLUX_NODEID_ANY, 0, "{s:s}", "name", name);

    if (!f)
        cmd_die (1, "%s: %s", name, flux_strerror (errno));
    return f;
}

static const char *attr_value (flux_future_t *f, const char *name)
{
    const char *s;

    if (flux_rpc_get_unpack (f, "{s:s}", "value", &s) < 0)
        cmd_die (1, "attribute %s: %s", name, future_strerror (f, errno));
    return s;
}

static flux_future_t *ask (flux_t *h, const char *topic, uint32_t nodeid)
{
    flux_future_t *f = flux_rpc (h, topic, NULL, nodeid, 0);

    if (!f)
        cmd_die (1, "%s: %s", topic, flux_strerror (errno));
    return f;
}

static double wallclock (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* "2.9s", "1.3m", "2.1d" */
static void print_duration (double s)
{
    static const struct { double len; const char *unit; } units[] = {
        { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" },
    };
    int i = 0;

    while (i < 3 && s < units[i].len)
        i++;
    printf ("%.1f%s", s / units[i].len, units[i].unit);
}

static void print_owner (const char *uid)
{
    struct passwd *pw = getpwuid (strtoul (uid, NULL, 10));

    printf ("owner %s", pw ? pw->pw_name : uid);
}

/* Did the answer come, and in time?  Then its content is there. */
static bool arrived (flux_future_t *f)
{
    return flux_future_wait_for (f, PATIENCE) == 0 && flux_rpc_get (f, NULL) == 0;
}

struct queue_sums {
    int n;
    int disabled;
    int stopped;
};

static void add_queue (struct queue_sums *sums, flux_future_t *f)
{
    int enable = 1;
    int start = 1;

    if (!arrived (f) || flux_rpc_get_unpack (f, "{s:b s:b}", "enable", &enable, "start", &start) < 0)
        return;
    sums->n++;
    sums->disabled += !enable;
    sums->stopped += !start;
}

static flux_future_t *ask_queue (flux_t *h, const char *name)
{
    flux_future_t *f = flux_rpc_pack (h, "job-manager.queue-status", FLUX_NODEID_ANY, 0, "{s:s*}",
                                      "name", name);

    if (!f)
        cmd_die (1, "job-manager.queue-status: %s", flux_strerror (errno));
    return f;
}

static void sum_queues (flux_t *h, flux_future_t *list, struct queue_sums *sums)
{
    json_t *names;
    flux_future_t **f;
    size_t n;

    memset (sums, 0, sizeof (*sums));
    if (!arrived (list) || flux_rpc_get_unpack (list, "{s:o}", "queues", &names) < 0)
        return;
    n = json_array_size (names) ? json_array_size (names) : 1;
    if (!(f = calloc (n, sizeof (*f))))
        cmd_die (1, "out of memory");
    for (size_t i = 0; i < n; i++)
        f[i] = ask_queue (h, json_string_value (json_array_get (names, i)));
    for (size_t i = 0; i < n; i++) {
        add_queue (sums, f[i]);
        flux_future_destroy (f[i]);
    }
    free (f);
}

static void print_notices (const struct queue_sums *sums)
{
    bool disabled = sums->n > 0 && sums->disabled == sums->n;
    bool stopped = sums->n > 0 && sums->stopped == sums->n;

    if (disabled || stopped)
        printf ("  %s%s%s\n", disabled ? "submit disabled" : "", disabled && stopped ? ",  " : "",
                stopped ? "sched stopped" : "");
}

static size_t count_ids (const char *s)
{
    struct idset *ids = s ? idset_decode (s) : NULL;
    size_t n = ids ? idset_count (ids) : 0;

    idset_destroy (ids);
    return n;
}

static void print_nodes (flux_future_t *f)
{
    const char *offline = NULL;
    json_t *drain = NULL;
    json_t *o;
    const char *key;
    size_t drained = 0;

    if (!arrived (f) || flux_rpc_get_unpack (f, "{s?s s?o}", "offline", &offline, "drain", &drain) < 0)
        return;
    json_object_foreach (drain, key, o)
        drained += count_ids (key);
    if (drained > 0)
        printf (",  %zu drained", drained);
    if (count_ids (offline) > 0)
        printf (",  %zu offline", count_ids (offline));
}

static void print_state (flux_future_t *f, double since_start)
{
    const char *state;
    double duration;
    time_t now = time (NULL);
    struct tm tm;
    char clock[16];

    if (flux_rpc_get_unpack (f, "{s:s s:F}", "state", &state, "duration", &duration) < 0)
        cmd_die (1, "state-machine.get: %s", future_strerror (f, errno));
    localtime_r (&now, &tm);
    strftime (clock, sizeof (clock), "%T", &tm);
    printf (" %s %s ", clock, state);
    print_duration (strcmp (state, "run") == 0 ? since_start : duration);
}

int cmd_uptime (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse (NULL, "Tell how long Flux has been running", NULL, argc, argv, &n);
    struct queue_sums sums;
    flux_t *h;

    if (n < argc)
        return cmd_usage (p);
    h = cmd_open ();

    flux_future_t *state = ask (h, "state-machine.get", FLUX_NODEID_ANY);
    flux_future_t *start = ask_attr (h, "broker.starttime");
    flux_future_t *owner = ask_attr (h, "security.owner");
    flux_future_t *level = ask_attr (h, "instance-level");
    flux_future_t *size = ask_attr (h, "size");
    flux_future_t *nodes = ask (h, "resource.status", 0);
    flux_future_t *queues = ask (h, "job-manager.queue-list", FLUX_NODEID_ANY);

    print_state (state, wallclock () - strtod (attr_value (start, "broker.starttime"), NULL));
    printf (",  ");
    print_owner (attr_value (owner, "security.owner"));
    printf (",  depth %s,  size %s", attr_value (level, "instance-level"),
            attr_value (size, "size"));
    print_nodes (nodes);
    sum_queues (h, queues, &sums);
    putchar ('\n');
    print_notices (&sums);

    flux_future_destroy (state);
    flux_future_destroy (start);
    flux_future_destroy (owner);
    flux_future_destroy (level);
    flux_future_destroy (size);
    flux_future_destroy (nodes);
    flux_future_destroy (queues);
    flux_close (h);
    optparse_destroy (p);
    return 0;
}
