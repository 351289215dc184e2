/* startlog.c - see startlog.h
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "broker/startlog.h"
#include "spec/eventlog.h"

#define KEY "admin.eventlog"

struct startlog {
    flux_t *h;
    struct broker_log *log;
    flux_future_t *lookup;
    flux_future_t *start;
    flux_future_t *finish;
    startlog_done_f done;
    void *arg;
    bool waiting;               /* 'done' is called when the start is recorded */
};

/* A commit of one more event. */
static flux_future_t *append (flux_t *h, const char *name, const char *context)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    char *s = eventlog_line (0., name, context);
    flux_future_t *f = NULL;

    if (txn && s && flux_kvs_txn_put (txn, FLUX_KVS_APPEND, KEY, s) == 0)
        f = flux_kvs_commit (h, KVS_PRIMARY_NAMESPACE, 0, txn);
    flux_kvs_txn_destroy (txn);
    free (s);
    return f;
}

static void started (flux_future_t *f, void *arg)
{
    struct startlog *s = arg;

    if (flux_future_get (f, NULL) < 0)
        broker_logf (s->log, LOG_ERR, "%s: %s", KEY, future_strerror (f, errno));
    flux_future_destroy (s->start);
    s->start = NULL;
    if (s->waiting)
        s->done (s->arg);
    s->waiting = false;
}

static void post_start (struct startlog *s)
{
    char context[128];

    snprintf (context, sizeof (context), "{\"core_version\":\"%s\"}", flux_core_version_string ());
    s->start = append (s->h, "start", context);
    if (!s->start || flux_future_then (s->start, -1., started, s) < 0)
        broker_logf (s->log, LOG_ERR, "%s: %s", KEY, strerror (errno));
    else if (s->waiting)
        return;
    s->waiting = false;
    s->done (s->arg);
}

/* Is the last event a start? */
static bool tells_of_crash (const char *text)
{
    json_t *log = eventlog_decode (text, strlen (text), NULL);
    json_t *last = json_array_get (log, json_array_size (log) - 1);
    const char *name = json_string_value (json_object_get (last, "name"));
    bool yes = name && strcmp (name, "start") == 0;

    json_decref (log);
    return yes;
}

static void looked_up (flux_future_t *f, void *arg)
{
    struct startlog *s = arg;
    const char *text;

    if (flux_kvs_lookup_get (f, &text) == 0 && text && tells_of_crash (text))
        broker_logf (s->log, LOG_WARNING, "the instance was not shut down properly: see flux"
                     " startlog");
    post_start (s);
    flux_future_destroy (s->lookup);
    s->lookup = NULL;
}

/* There is a past, and a future, only in a state directory that stays. */
static bool has_past (struct attrs *attrs)
{
    const char *cleanup = attrs_get (attrs, "statedir-cleanup", NULL);

    return attrs_get (attrs, "statedir", NULL) && !(cleanup && strcmp (cleanup, "1") == 0);
}

struct startlog *startlog_start (flux_t *h, struct attrs *attrs, struct broker_log *log,
                                 startlog_done_f sent, void *arg)
{
    struct startlog *s = calloc (1, sizeof (*s));

    if (!s)
        return NULL;
    s->h = h;
    s->log = log;
    s->done = sent;
    s->arg = arg;
    s->waiting = has_past (attrs);
    if (!s->waiting)
        post_start (s);
    else if (!(s->lookup = flux_kvs_lookup (h, KVS_PRIMARY_NAMESPACE, 0, KEY))
             || flux_future_then (s->lookup, -1., looked_up, s) < 0) {
        startlog_free (s);
        return NULL;
    }
    return s;
}

static void finished (flux_future_t *f, void *arg)
{
    struct startlog *s = arg;

    s->done (s->arg);
}

void startlog_finish (struct startlog *s, startlog_done_f fun, void *arg)
{
    s->done = fun;
    s->arg = arg;
    s->finish = append (s->h, "finish", NULL);
    if (!s->finish || flux_future_then (s->finish, -1., finished, s) < 0)
        fun (arg);
}

void startlog_free (struct startlog *s)
{
    if (s) {
        flux_future_destroy (s->lookup);
        flux_future_destroy (s->start);
        flux_future_destroy (s->finish);
        free (s);
    }
}
