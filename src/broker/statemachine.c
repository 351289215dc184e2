/* statemachine.c - drive the broker through its run levels
 */
#include <errno.h>
#include <syslog.h>

#include "base/list.h"
#include "broker/statemachine.h"

struct event {
    struct list_node node;
    const char *name;
};

struct statemachine {
    flux_t *h;
    struct broker_log *log;
    statemachine_enter_f enter;
    void *arg;
    enum runlevel level;
    double since;
    struct list_node events;
    flux_watcher_t *timer;           /* runs the queue from the loop */
    const char *kept;                /* an event for a later state */
    flux_msg_handler_t **handlers;
    statemachine_status_f on_status;
    struct flux_msglist *monitors;
    struct flux_msglist *waiters;
    flux_future_t *parent;
    statemachine_parent_f parent_fun;
    void *parent_arg;
};

static double now (const struct statemachine *sm)
{
    flux_reactor_t *r = flux_get_reactor (sm->h);

    flux_reactor_now_update (r);
    return flux_reactor_now (r);
}

static void kick (struct statemachine *sm)
{
    flux_timer_watcher_reset (sm->timer, 0, 0);
    flux_watcher_start (sm->timer);
}

static int append (struct statemachine *sm, const char *name)
{
    struct event *e = malloc (sizeof (*e));

    if (!e)
        return -ENOMEM;
    list_init (&e->node);
    e->name = name;
    list_append (&sm->events, &e->node);
    return 0;
}

void statemachine_post (struct statemachine *sm, const char *event)
{
    if (append (sm, event) < 0)
        sm->kept = event;
    kick (sm);
}

static int answer_monitor (struct statemachine *sm, const flux_msg_t *msg)
{
    return flux_respond_pack (sm->h, msg, "{s:s}", "state", runlevel_name (sm->level));
}

static void answer_waiters (struct statemachine *sm)
{
    const flux_msg_t *msg;

    while (sm->level >= RUNLEVEL_RUN && (msg = flux_msglist_pop (sm->waiters))) {
        if (sm->level == RUNLEVEL_RUN)
            flux_respond (sm->h, msg, NULL);
        else
            flux_respond_error (sm->h, msg, ENOENT, "the broker is shutting down");
        flux_msg_decref (msg);
    }
}

static void enter (struct statemachine *sm, enum runlevel level)
{
    const flux_msg_t *msg;

    sm->level = level;
    sm->since = now (sm);
    for (msg = flux_msglist_first (sm->monitors); msg;
         msg = flux_msglist_next (sm->monitors))
        (void)answer_monitor (sm, msg);
    answer_waiters (sm);
    sm->enter (sm->arg, level);
    if (sm->kept && runlevel_next (sm->level, sm->kept) != sm->level) {
        if (append (sm, sm->kept) == 0)
            sm->kept = NULL;
        kick (sm);
    }
}

static bool may_wait (const struct statemachine *sm, const char *event)
{
    return sm->level < RUNLEVEL_CLEANUP
           && (!strcmp (event, "shutdown") || !strcmp (event, "panic")
               || !strcmp (event, "parent-fail"));
}

static void handle (struct statemachine *sm, const char *event)
{
    enum runlevel next = runlevel_next (sm->level, event);

    if (next == sm->level) {
        if (may_wait (sm, event))
            sm->kept = event;
        return;
    }
    broker_logf (sm->log, LOG_INFO, "%s: %s->%s %gs", event,
                 runlevel_name (sm->level), runlevel_name (next),
                 now (sm) - sm->since);
    enter (sm, next);
}

static void run_queue (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct statemachine *sm = arg;

    while (!list_empty (&sm->events)) {
        struct event *e = list_entry (sm->events.next, struct event, node);
        const char *name = e->name;
        list_del (&e->node);
        free (e);
        handle (sm, name);
    }
}

enum runlevel statemachine_get (const struct statemachine *sm)
{
    return sm->level;
}

double statemachine_duration (const struct statemachine *sm)
{
    return now (sm) - sm->since;
}

/* --- the parent's state --- */

static void parent_state (flux_future_t *f, void *arg)
{
    struct statemachine *sm = arg;
    const char *name;
    enum runlevel level;

    if (flux_rpc_get_unpack (f, "{s:s}", "state", &name) < 0)
        return;
    level = runlevel_byname (name);
    flux_future_reset (f);
    if (level != RUNLEVEL_COUNT)
        sm->parent_fun (sm->parent_arg, level);
}

int statemachine_follow_parent (struct statemachine *sm, statemachine_parent_f fun,
                                void *arg)
{
    sm->parent_fun = fun;
    sm->parent_arg = arg;
    if (!(sm->parent = flux_rpc (sm->h, "state-machine.monitor", NULL,
                                 FLUX_NODEID_UPSTREAM, FLUX_RPC_STREAMING))
        || flux_future_then (sm->parent, -1, parent_state, sm) < 0)
        return -errno;
    return 0;
}

/* --- requests --- */

static void monitor_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                        void *arg)
{
    struct statemachine *sm = arg;

    if (!flux_msg_is_streaming (msg))
        flux_respond_error (h, msg, EPROTO, NULL);
    else if (flux_msglist_append (sm->monitors, msg) < 0
             || answer_monitor (sm, msg) < 0)
        flux_respond_error (h, msg, errno, NULL);
}

static void wait_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct statemachine *sm = arg;

    if (flux_msglist_append (sm->waiters, msg) < 0)
        flux_respond_error (h, msg, errno, NULL);
    answer_waiters (sm);
}

static void get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                    void *arg)
{
    struct statemachine *sm = arg;

    flux_respond_pack (h, msg, "{s:s s:f}", "state", runlevel_name (sm->level),
                       "duration", statemachine_duration (sm));
}

static void sd_notify_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                          void *arg)
{
    struct statemachine *sm = arg;
    const char *status;

    if (flux_request_unpack (msg, NULL, "{s:s}", "status", &status) < 0) {
        flux_respond_error (h, msg, errno, NULL);
        return;
    }
    if (sm->on_status)
        sm->on_status (sm->arg, status);
    flux_respond (h, msg, NULL);
}

static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                           void *arg)
{
    struct statemachine *sm = arg;

    (void)flux_msglist_disconnect (sm->monitors, msg);
    (void)flux_msglist_disconnect (sm->waiters, msg);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "state-machine.monitor", monitor_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "state-machine.wait", wait_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "state-machine.get", get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "state-machine.sd-notify", sd_notify_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "state-machine.disconnect", disconnect_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

struct statemachine *statemachine_new (flux_t *h, struct broker_log *log,
                                       statemachine_enter_f enter_fn, void *arg)
{
    struct statemachine *sm = calloc (1, sizeof (*sm));

    if (!sm)
        return NULL;
    sm->h = h;
    sm->log = log;
    sm->enter = enter_fn;
    sm->arg = arg;
    sm->since = now (sm);
    list_init (&sm->events);
    if (!(sm->monitors = flux_msglist_create ())
        || !(sm->waiters = flux_msglist_create ())
        || !(sm->timer = flux_timer_watcher_create (flux_get_reactor (h), 0, 0,
                                                    run_queue, sm))
        || flux_msg_handler_addvec (h, htab, sm, &sm->handlers) < 0) {
        statemachine_free (sm);
        return NULL;
    }
    return sm;
}

void statemachine_on_status (struct statemachine *sm, statemachine_status_f fun)
{
    sm->on_status = fun;
}

void statemachine_free (struct statemachine *sm)
{
    if (!sm)
        return;
    flux_future_destroy (sm->parent);
    flux_msg_handler_delvec (sm->handlers);
    flux_msglist_destroy (sm->monitors);
    flux_msglist_destroy (sm->waiters);
    flux_watcher_destroy (sm->timer);
    list_foreach (&sm->events, n)
        free (list_entry (n, struct event, node));
    free (sm);
}
