/* cron.c - the service: entries, the events they wait for, the sync event
 *
 *   create {"type","command","args",...} -> {"id"}
 *   list                                 -> {"entries":[...]}
 *   start, stop {"id"}, delete {"id","kill"} -> the entry
 *   sync {"topic"?,"sync_epsilon"?,"disable"?} -> {"sync_event"?,"sync_epsilon"}
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "modules/cron/cron.h"
#include "modules/cron/crontab.h"
#include "modules/cron/entry.h"

struct cron {
    flux_t *h;
    int last_id;
    struct idhash *entries;
    char *sync_topic;
    double sync_epsilon;
    double last_sync;
    flux_msg_handler_t **handlers;
    flux_msg_handler_t *events;
};

static double now (struct cron *c)
{
    return flux_reactor_now (flux_get_reactor (c->h));
}

static bool may_run (void *arg)
{
    struct cron *c = arg;

    return !c->sync_topic || now (c) - c->last_sync < c->sync_epsilon;
}

/* A topic may be a glob; what is before the first special character is subscribed to. */
static bool covers (const char *topic, const char *event)
{
    return fnmatch (topic, event, 0) == 0;
}

static int subscribe (struct cron *c, const char *topic, bool on)
{
    char *prefix = strndup (topic, strcspn (topic, "*?[\\"));
    int rc = -1;

    if (prefix)
        rc = on ? flux_event_subscribe (c->h, prefix) : flux_event_unsubscribe (c->h, prefix);
    free (prefix);
    return rc;
}

static void event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct cron *c = arg;
    const char *topic;
    struct entry *e;

    if (flux_msg_get_topic (msg, &topic) < 0)
        return;
    if (c->sync_topic && covers (c->sync_topic, topic)) {
        c->last_sync = now (c);
        for (size_t pos = 0; (e = idhash_next (c->entries, &pos, NULL));)
            entry_run_deferred (e);
    }
    for (size_t pos = 0; (e = idhash_next (c->entries, &pos, NULL));) {
        if (entry_topic (e) && covers (entry_topic (e), topic))
            entry_event (e);
    }
}

/* Subscriptions are counted by the handle. */
static int add_entry (struct cron *c, json_t *request, int *idp, flux_error_t *err)
{
    struct entry *e = entry_new (c->h, c->last_id + 1, request, may_run, c, err);

    if (!e)
        return -errno;
    if ((entry_topic (e) && subscribe (c, entry_topic (e), true) < 0)
        || idhash_set (c->entries, entry_id (e), e) < 0) {
        entry_free (e, false);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    *idp = ++c->last_id;
    return 0;
}

static void create_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct cron *c = arg;
    flux_error_t err;
    json_t *o;
    int id, rc;

    if (flux_request_unpack (msg, NULL, "o", &o) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else if ((rc = add_entry (c, o, &id, &err)) < 0)
        flux_respond_error (h, msg, -rc, err.text);
    else
        flux_respond_pack (h, msg, "{s:i}", "id", id);
}

static struct entry *find (struct cron *c, const flux_msg_t *msg, int *kill)
{
    struct entry *e;
    char text[64];
    int id;

    *kill = 0;
    if (flux_request_unpack (msg, NULL, "{s:i s?b}", "id", &id, "kill", kill) < 0) {
        flux_respond_error (c->h, msg, errno, NULL);
        return NULL;
    }
    if (id < 1 || !(e = idhash_get (c->entries, id))) {
        snprintf (text, sizeof (text), "there is no entry cron-%d", id);
        flux_respond_error (c->h, msg, ENOENT, text);
        return NULL;
    }
    return e;
}

static void answer (struct cron *c, const flux_msg_t *msg, const struct entry *e)
{
    json_t *o = entry_json (e);

    if (!o || flux_respond_pack (c->h, msg, "O", o) < 0)
        flux_respond_error (c->h, msg, ENOMEM, NULL);
    json_decref (o);
}

static void start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct cron *c = arg;
    flux_error_t err;
    int kill, rc;
    struct entry *e = find (c, msg, &kill);

    if (e && !entry_is_stopped (e))
        flux_respond_error (h, msg, EINVAL, "the entry is started already");
    else if (e && (rc = entry_start (e, &err)) < 0)
        flux_respond_error (h, msg, -rc, err.text);
    else if (e)
        answer (c, msg, e);
}

static void stop_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct cron *c = arg;
    int kill;
    struct entry *e = find (c, msg, &kill);

    if (e && entry_is_stopped (e))
        flux_respond_error (h, msg, EINVAL, "the entry is stopped already");
    else if (e) {
        entry_stop (e);
        answer (c, msg, e);
    }
}

static void delete_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct cron *c = arg;
    int kill;
    struct entry *e = find (c, msg, &kill);

    if (!e)
        return;
    answer (c, msg, e);
    if (entry_topic (e))
        (void)subscribe (c, entry_topic (e), false);
    (void)idhash_take (c->entries, entry_id (e));
    entry_free (e, kill);
}

static void list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct cron *c = arg;
    json_t *a = json_array ();

    for (int id = 1; a && id <= c->last_id; id++) {
        struct entry *e = idhash_get (c->entries, id);
        if (e)
            json_array_append_new (a, entry_json (e));
    }
    if (!a || flux_respond_pack (h, msg, "{s:O}", "entries", a) < 0)
        flux_respond_error (h, msg, ENOMEM, NULL);
    json_decref (a);
}

static int set_sync (struct cron *c, const char *topic)
{
    char *copy = topic ? strdup (topic) : NULL;

    if ((topic && !copy) || (copy && subscribe (c, copy, true) < 0)) {
        free (copy);
        return -1;
    }
    if (c->sync_topic)
        (void)subscribe (c, c->sync_topic, false);
    free (c->sync_topic);
    c->sync_topic = copy;
    c->sync_epsilon = 0;
    return 0;
}

static void sync_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct cron *c = arg;
    const char *topic = NULL;
    double epsilon = -1;
    int disable = 0;

    if (flux_request_unpack (msg, NULL, "{s?s s?F s?b}", "topic", &topic, "sync_epsilon",
                             &epsilon, "disable", &disable) < 0
        || ((topic || disable) && set_sync (c, disable ? NULL : topic) < 0)) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    if (epsilon >= 0)
        c->sync_epsilon = epsilon;
    flux_respond_pack (h, msg, "{s:s* s:f}", "sync_event", c->sync_topic, "sync_epsilon",
                       c->sync_epsilon);
}

/* ---- cron.directory ---- */

static void load_line (struct cron *c, const char *path, int number, char *line)
{
    struct crontab tab;
    const char *command;
    flux_error_t err;
    json_t *o;
    size_t n;
    int id;

    line += strspn (line, " \t");
    line[strcspn (line, "\n")] = '\0';
    if (!*line || *line == '#')
        return;
    if (crontab_parse (line, &tab, &command, &err) < 0) {
        flux_log (c->h, LOG_ERR, "%s: line %d: %s", path, number, err.text);
        return;
    }
    n = command - line;
    while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
        n--;
    o = json_pack ("{s:s s:s s:{s:s%}}", "type", "datetime", "command", command, "args", "crontab",
                   line, n);
    if (!o || add_entry (c, o, &id, &err) < 0)
        flux_log (c->h, LOG_ERR, "%s: line %d: %s", path, number, o ? err.text : "malformed");
    json_decref (o);
}

static void load_file (struct cron *c, const char *dir, const char *name)
{
    char *path = NULL, *line = NULL;
    size_t size = 0;
    FILE *f = asprintf (&path, "%s/%s", dir, name) < 0 ? NULL : fopen (path, "re");

    for (int number = 1; f && getline (&line, &size, f) >= 0; number++)
        load_line (c, path, number, line);
    if (!f)
        flux_log_error (c->h, "%s", path ? path : name);
    else
        fclose (f);
    free (line);
    free (path);
}

static int load_directory (struct cron *c, flux_error_t *err)
{
    const char *dir = builtin_attr (c->h, "cron.directory");
    struct dirent *d;
    DIR *dp;

    if (!dir || !*dir)
        return 0;
    if (!(dp = opendir (dir)))
        return errmsg (err, -errno, "cron.directory: %s: %s", dir, strerror (errno));
    while ((d = readdir (dp))) {
        if (d->d_name[0] != '.')
            load_file (c, dir, d->d_name);
    }
    closedir (dp);
    return 0;
}

/* ---- life ---- */

static void cron_stop (void *ctx)
{
    struct cron *c = ctx;
    struct entry *e;

    if (!c)
        return;
    for (size_t pos = 0; c->entries && (e = idhash_next (c->entries, &pos, NULL));)
        entry_free (e, true);
    idhash_free (c->entries);
    flux_msg_handler_delvec (c->handlers);
    flux_msg_handler_destroy (c->events);
    free (c->sync_topic);
    free (c);
}

static int read_options (struct cron *c, int argc, char **argv, flux_error_t *err)
{
    for (int i = 0; i < argc; i++) {
        char *end = NULL;
        if (strncmp (argv[i], "sync=", 5) == 0) {
            if (set_sync (c, argv[i] + 5) < 0)
                return -errno;
        }
        else if (strncmp (argv[i], "sync_epsilon=", 13) == 0) {
            c->sync_epsilon = strtod (argv[i] + 13, &end);
            if (end == argv[i] + 13 || *end || c->sync_epsilon < 0)
                return errmsg (err, -EINVAL, "cron: %s: want seconds", argv[i]);
        }
        else
            return errmsg (err, -EINVAL, "cron: unknown option %.60s", argv[i]);
    }
    return 0;
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "cron.create", create_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "cron.delete", delete_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "cron.list", list_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "cron.start", start_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "cron.stop", stop_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "cron.sync", sync_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static int cron_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err)
{
    struct cron *c = calloc (1, sizeof (*c));
    int rc = -ENOMEM;

    errmsg (err, 0, "cron: out of memory");
    if (!c)
        return rc;
    c->h = h;
    if (!(c->entries = idhash_new (NULL))
        || flux_msg_handler_addvec (h, htab, c, &c->handlers) < 0
        || !(c->events = flux_msg_handler_create (h, FLUX_MATCH_EVENT, event_cb, c))
        || (rc = read_options (c, argc, argv, err)) < 0
        || (rc = load_directory (c, err)) < 0) {
        cron_stop (c);
        return rc;
    }
    flux_msg_handler_start (c->events);
    *ctxp = c;
    return 0;
}

const struct builtin cron_builtin = {
    .name = "cron",
    .flags = BUILTIN_RANK0,
    .start = cron_start,
    .stop = cron_stop,
};
