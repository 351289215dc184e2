/* update.c - flux update
 *
 *   update ──[duration +1h: job-info.update-lookup jobspec]──► job part
 *          ──job-manager.update {id, updates}──► plugins, scheduler ──► answer
 *          ──[--wait: job-info.eventlog-watch, until jobspec-update]──►
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "cmd/cmd.h"
#include "cmd/jobopts.h"
#include "cmd/subs.h"
#include "cmd/update.h"

#define DURATION "attributes.system.duration"

/* A key of RFC 14, or one below attributes.system, or an alias. */
static char *full_key (const char *key)
{
    static const char *const top[] = { "attributes.", "tasks.", "resources.", NULL };
    char *s;

    for (int i = 0; top[i]; i++) {
        if (strncmp (key, top[i], strlen (top[i])) == 0)
            return strdup (key);
    }
    if (strcmp (key, "name") == 0)
        key = "job.name";
    return asprintf (&s, "attributes.system.%s", key) < 0 ? NULL : s;
}

static double current_duration (flux_t *h, flux_jobid_t id, const char *arg)
{
    flux_future_t *f = flux_rpc_pack (h, "job-info.update-lookup", FLUX_NODEID_ANY, 0,
                                      "{s:I s:s s:i}", "id", (json_int_t)id, "key", "jobspec",
                                      "flags", 0);
    double d = 0;

    if (!f || flux_rpc_get_unpack (f, "{s:{s:{s?{s?F}}}}", "jobspec", "attributes", "system",
                                   "duration", &d) < 0)
        cmd_die (1, "%s", f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
    if (d == 0)
        cmd_die (1, "duration=%s: the job has no limit to adjust: give a duration", arg);
    return d;
}

/* "1h", "+10m", "-60". */
static json_t *duration_value (flux_t *h, flux_jobid_t id, const char *val)
{
    bool relative = *val == '+' || *val == '-';
    double d;

    if (duration_parse (val + relative, &d) < 0 || (relative && isinf (d)))
        cmd_die (1, "duration=%s: want [+-] and a duration like 60, 1m, 1.5h", val);
    if (isinf (d))
        d = 0;
    if (relative) {
        double now = current_duration (h, id, val);
        d = *val == '+' ? now + d : now - d;
        if (d <= 0)
            cmd_die (1, "duration=%s: nothing would be left of %.6gs", val, now);
    }
    return json_real (d);
}

static void add_update (json_t *updates, flux_t *h, flux_jobid_t id, const char *arg)
{
    const char *eq = strchr (arg, '=');
    char *key = eq ? strndup (arg, eq - arg) : NULL;
    char *full = key ? full_key (key) : NULL;
    json_t *val;

    if (!eq || eq == arg)
        cmd_die (2, "'%s': want KEY=VALUE", arg);
    if (!full)
        cmd_die (1, "out of memory");
    val = strcmp (full, DURATION) == 0 ? duration_value (h, id, eq + 1) : jobopts_value (eq + 1);
    if (json_object_set_new (updates, full, val) < 0)
        cmd_die (1, "out of memory");
    free (full);
    free (key);
}

static void send_updates (flux_t *h, const char *word, flux_jobid_t id, json_t *updates)
{
    flux_future_t *f = flux_rpc_pack (h, "job-manager.update", FLUX_NODEID_ANY, 0, "{s:I s:O}",
                                      "id", (json_int_t)id, "updates", updates);

    if (!f || flux_future_get (f, NULL) < 0)
        cmd_die (1, "%s: %s", word, f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
}

/* Does the event set all of the keys? */
static bool has_updates (const char *event, json_t *updates)
{
    json_t *o = json_loads (event, 0, NULL);
    const char *name = json_string_value (json_object_get (o, "name"));
    json_t *context = json_object_get (o, "context");
    bool all = name && strcmp (name, "jobspec-update") == 0;
    const char *key;
    json_t *val;

    json_object_foreach (updates, key, val)
        all = all && json_object_get (context, key);
    json_decref (o);
    return all;
}

static void wait_updates (flux_t *h, flux_jobid_t id, json_t *updates)
{
    flux_future_t *f = flux_job_event_watch (h, id, "eventlog", 0);
    const char *event;

    while (f && flux_job_event_watch_get (f, &event) == 0) {
        if (has_updates (event, updates)) {
            flux_future_destroy (f);
            return;
        }
        flux_future_reset (f);
    }
    cmd_die (1, "--wait: %s", errno == ENODATA ? "the job ended before" : f
             ? future_strerror (f, errno) : flux_strerror (errno));
}

static void print_updates (json_t *updates)
{
    const char *key;
    json_t *val;

    json_object_foreach (updates, key, val) {
        char *s = json_dumps (val, JSON_ENCODE_ANY | JSON_COMPACT);
        printf ("updated %s to %s\n", key, s ? s : "?");
        free (s);
    }
}

static const struct optparse_option update_opts[] = {
    { .name = "dry-run", .key = 'n', .usage = "Do not send the update, print it as JSON" },
    { .name = "verbose", .key = 'v', .usage = "Print updated keys on success" },
    { .name = "wait", .usage = "Wait until the update is in the job's eventlog" },
    OPTPARSE_TABLE_END,
};

int cmd_update (int argc, char **argv)
{
    int n;
    optparse_t *p = cmd_parse_mixed ("[OPTIONS] JOBID KEY=VALUE [KEY=VALUE...]",
                                     "Request update of attributes for an active job",
                                     update_opts, argc, argv, &n);
    json_t *updates = json_object ();
    flux_jobid_t id;
    flux_t *h;

    if (argc - n < 2) {
        cmd_err ("want a job id and KEY=VALUE");
        optparse_print_usage (p);
        return 2;
    }
    id = cmd_parse_id (argv[n]);
    h = cmd_open ();
    for (int i = n + 1; i < argc; i++)
        add_update (updates, h, id, argv[i]);
    if (optparse_hasopt (p, "dry-run")) {
        json_dumpf (updates, stdout, 0);
        putchar ('\n');
    }
    else {
        send_updates (h, argv[n], id, updates);
        if (optparse_hasopt (p, "wait"))
            wait_updates (h, id, updates);
        if (optparse_hasopt (p, "verbose"))
            print_updates (updates);
    }
    json_decref (updates);
    flux_close (h);
    optparse_destroy (p);
    return 0;
}
