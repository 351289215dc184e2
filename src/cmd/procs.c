/* procs.c - the processes of a running job, from its shells; flux job hostpids
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <flux/idset.h>

#include "base/duration.h"
#include "cmd/cmd.h"
#include "cmd/job.h"
#include "cmd/procs.h"
#include "spec/eventlog.h"

flux_future_t *procs_request (flux_t *h, const char *service, int leader)
{
    char topic[128];

    snprintf (topic, sizeof (topic), "%s.proctable", service);
    return flux_rpc_pack (h, topic, leader, 0, "{}");
}

json_t *procs_get (flux_future_t *f, bool *stoppedp)
{
    json_t *tasks;
    int stopped = 0;

    if (flux_rpc_get_unpack (f, "{s:o s?b}", "tasks", &tasks, "stopped", &stopped) < 0)
        return NULL;
    if (!json_is_array (tasks)) {
        errno = EPROTO;
        return NULL;
    }
    if (stoppedp)
        *stoppedp = stopped;
    return tasks;
}

/* hostpids */

struct waiter {
    const char *idstr;
    double deadline;           /* 0: none */
    char *service;
    int leader;
};

static void wait_ready (struct waiter *w, flux_future_t *f)
{
    double left = w->deadline - flux_reactor_time ();

    if (w->deadline > 0 && (left <= 0 || flux_future_wait_for (f, left) < 0)
        && !flux_future_is_ready (f))
        cmd_die (1, "%s: timeout waiting for the tasks to run", w->idstr);
}

/* True: all tasks have been started. */
static bool take_event (struct waiter *w, const char *event)
{
    json_t *o = eventlog_entry_decode (event, strlen (event), NULL);
    const char *name = "";
    const json_t *context = NULL;
    const char *service;

    if (o && eventlog_entry_parse (o, NULL, &name, &context) == 0 && strcmp (name, "shell.init") == 0
        && json_unpack ((json_t *)context, "{s:s s:i}", "service", &service, "leader-rank",
                        &w->leader) == 0) {
        free (w->service);
        w->service = strdup (service);
    }
    bool started = w->service && strcmp (name, "shell.start") == 0;
    json_decref (o);
    return started;
}

static void wait_for_tasks (struct waiter *w, flux_t *h, flux_jobid_t id)
{
    flux_future_t *f = flux_job_event_watch (h, id, "guest.exec.eventlog",
                                             FLUX_JOB_EVENT_WATCH_WAITCREATE);
    const char *event;

    if (!f)
        cmd_die (1, "%s: %s", w->idstr, flux_strerror (errno));
    for (;;) {
        wait_ready (w, f);
        if (flux_job_event_watch_get (f, &event) < 0) {
            if (errno == ENOENT)
                cmd_die (1, "%s: no such job, or it has ended before its tasks ran", w->idstr);
            cmd_die (1, "%s: %s", w->idstr, errno == ENODATA ? "it has ended before its tasks ran"
                                                             : future_strerror (f, errno));
        }
        if (take_event (w, event))
            break;
        flux_future_reset (f);
    }
    flux_future_destroy (f);
}

static void print_tasks (json_t *tasks, const struct idset *ranks, const char *delim)
{
    size_t i;
    json_t *task;
    bool first = true;

    json_array_foreach (tasks, i, task) {
        const char *host, *exe;
        int rank, pid;
        if (json_unpack (task, "[isis]", &rank, &host, &pid, &exe) < 0
            || (ranks && !idset_test (ranks, rank)))
            continue;
        printf ("%s%s:%d", first ? "" : delim, host, pid);
        first = false;
    }
    if (!first)
        printf ("\n");
}

static struct idset *get_ranks (optparse_t *p)
{
    const char *s = optparse_get_str (p, "ranks", "all");
    struct idset *ids;

    if (strcmp (s, "all") == 0)
        return NULL;
    if (!(ids = idset_decode (s)))
        cmd_die (1, "--ranks=%s: want an idset, like 0-3, or all", s);
    return ids;
}

int job_hostpids (optparse_t *p, int argc, char **argv)
{
    int n = optparse_option_index (p);
    const char *timeout = optparse_get_str (p, "timeout", NULL);
    struct waiter w = { 0 };
    double t = -1;
    flux_future_t *f;
    json_t *tasks;
    flux_t *h;

    if (n != argc - 1) {
        optparse_print_usage (p);
        return 1;
    }
    if (timeout && (duration_parse (timeout, &t) < 0))
        cmd_die (1, "--timeout=%s: want a duration, like 10s", timeout);
    struct idset *ranks = get_ranks (p);
    flux_jobid_t id = cmd_parse_id (w.idstr = argv[n]);
    h = cmd_open ();
    w.deadline = t < 0 ? 0 : flux_reactor_time () + t;
    wait_for_tasks (&w, h, id);
    if (!(f = procs_request (h, w.service, w.leader)))
        cmd_die (1, "%s: %s", w.idstr, flux_strerror (errno));
    wait_ready (&w, f);
    if (!(tasks = procs_get (f, NULL)))
        cmd_die (1, "%s: %s", w.idstr, errno == ENOSYS ? "the job is not running any more"
                                                       : future_strerror (f, errno));
    print_tasks (tasks, ranks, optparse_get_str (p, "delimiter", ","));
    flux_future_destroy (f);
    idset_destroy (ranks);
    free (w.service);
    flux_close (h);
    return 0;
}
