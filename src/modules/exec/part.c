/* part.c - what one broker does for a job
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/fluid.h"
#include "base/hash.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part_private.h"
#include "modules/exec/reap.h"
#include "modules/exec/shell.h"
#include "modules/exec/state.h"
#include "spec/rset.h"

#define GATHER_SECONDS 0.1

static void tell_cb (struct due *d);
static void gather_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);

/* Table */

struct parts *parts_new (void)
{
    struct parts *ps = calloc (1, sizeof (*ps));

    if (!ps || !(ps->by_id = idhash_new (NULL))) {
        free (ps);
        return NULL;
    }
    list_init (&ps->announced);
    return ps;
}

int parts_open_state (struct parts *ps, const char *statedir, const char *uri,
                      flux_error_t *err)
{
    if (!ps->state && !(ps->state = execstate_open (statedir, uri, err)))
        return -errno;
    return 0;
}

struct execstate *parts_state (struct parts *ps)
{
    return ps->state;
}

struct jobexec *parts_context (struct parts *ps)
{
    return ps->ctx;
}

struct part *parts_get (struct parts *ps, uint64_t id)
{
    return idhash_get (ps->by_id, id);
}

size_t parts_count (const struct parts *ps)
{
    return idhash_count (ps->by_id);
}

/* Life */

static void part_free (struct part *part)
{
    if (!part)
        return;
    int saved_errno = errno;
    if (idhash_get (part->parts->by_id, part->id) == part)
        idhash_del (part->parts->by_id, part->id);
    due_cancel (&part->due);
    flux_watcher_destroy (part->gather_w);
    list_foreach (&part->branches, n)
        branch_free (list_entry (n, struct branch, node));
    barriers_free (part);
    part_release_shell (part);
    flux_msg_decref (part->req);
    idset_destroy (part->ranks);
    idset_destroy (part->unstarted);
    idset_destroy (part->active);
    update_clear (&part->all);
    update_clear (&part->up);
    free (part->jobid);
    free (part);
    errno = saved_errno;
}

static struct part *part_new (struct parts *ps, uint64_t id, uint32_t userid,
                              const char *cookie)
{
    struct part *part;
    char jobid[32];

    if (parts_get (ps, id)) {
        errno = EEXIST;
        return NULL;
    }
    if (fluid_encode (id, FLUID_F58, jobid, sizeof (jobid)) < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(part = calloc (1, sizeof (*part))))
        return NULL;
    part->parts = ps;
    part->id = id;
    part->userid = userid;
    reap_tag (part->tag, sizeof (part->tag), cookie, id);
    part->rank = ps->ctx->rank;
    (void)snprintf (part->own_tag, sizeof (part->own_tag), "%s/%" PRIu32, part->tag, part->rank);
    list_init (&part->branches);
    list_init (&part->barriers);
    list_init (&part->asks);
    due_init (&part->due, tell_cb);
    if (!(part->jobid = strdup (jobid))
        || !(part->ranks = idset_create (0, IDSET_FLAG_AUTOGROW))
        || idhash_set (ps->by_id, id, part) < 0) {
        part_free (part);
        errno = ENOMEM;
        return NULL;
    }
    return part;
}

void parts_free (struct parts *ps)
{
    struct part *part;
    size_t pos = 0;

    if (!ps)
        return;
    while ((part = idhash_next (ps->by_id, &pos, NULL)))
        part_free (part);
    announced_forget (ps, NULL);
    idhash_free (ps->by_id);
    execstate_free (ps->state);
    free (ps);
}

/* Telling: rank 0 hears at once; on other ranks what can wait waits for more,
 * so that a broker sends few messages however many shells are below it. */

static bool part_done (const struct part *part)
{
    return idset_empty (part->active);
}

static void send_up (struct part *part)
{
    flux_t *h = part->parts->ctx->h;
    char *text;

    if (!update_empty (&part->up)) {
        if (!(text = update_encode (&part->up))
            || flux_respond (h, part->req, text) < 0)
            flux_log_error (h, "%s: cannot report to parent", part->jobid);
        free (text);
    }
    if (part_done (part) && flux_respond_error (h, part->req, ENODATA, NULL) < 0)
        flux_log_error (h, "%s: cannot report to parent", part->jobid);
}

static void tell_now (struct part *part)
{
    bool done = part_done (part);

    if (!part->parts->ctx || (!part->req && !part->up_fn))
        return; /* until someone asks again */
    if (update_empty (&part->up) && !(part->req && done))
        return;
    if (part->gather_w)
        flux_watcher_stop (part->gather_w);
    if (part->up_fn) {
        /* the job may release the part in this call */
        struct update u = part->up;
        memset (&part->up, 0, sizeof (part->up));
        part->up_fn (&u, part->up_arg);
        update_clear (&u);
        return;
    }
    send_up (part);
    update_clear (&part->up);
    if (done)
        part_free (part);
}

static void tell_cb (struct due *d)
{
    tell_now (list_entry (d, struct part, due));
}

static void gather_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    tell_now (arg);
}

void part_tell (struct part *part, bool now)
{
    struct jobexec *ctx = part->parts->ctx;

    if (!ctx)
        return;
    if (now || part->up_fn) {
        (void)due_post (ctx->r, &part->due);
        return;
    }
    if (!part->gather_w)
        part->gather_w = flux_timer_watcher_create (ctx->r, GATHER_SECONDS, 0.,
                                                    gather_cb, part);
    if (part->gather_w)
        flux_watcher_start (part->gather_w);
}

static bool first_is_leader (const struct part *part, const struct idset *ranks)
{
    return idset_test (ranks, part->leader);
}

/* Account for news.  'u' is of this broker or of one below. */
void part_update (struct part *part, const struct update *u)
{
    bool now = u->failed || u->lost;
    bool all_started = idset_empty (part->unstarted);
    size_t i;
    json_t *o;

    if (u->started)
        idset_subtract (part->unstarted, u->started);
    if (u->lost)
        idset_subtract (part->active, u->lost);
    for (i = 0; i < u->nexits; i++) {
        idset_subtract (part->active, u->exits[i].ranks);
        if (u->exits[i].status != 0 || first_is_leader (part, u->exits[i].ranks))
            now = true;
    }
    json_array_foreach (u->failed, i, o)
        idset_clear (part->active, json_integer_value (json_object_get (o, "rank")));
    if (update_add (&part->all, u) < 0 || update_add (&part->up, u) < 0)
        flux_log (part->parts->ctx ? part->parts->ctx->h : NULL, LOG_ERR,
                  "%s: out of memory", part->jobid);
    json_decref (part->all.log);   /* told once */
    part->all.log = NULL;
    if (!all_started && idset_empty (part->unstarted))
        now = true;
    part_tell (part, now || part_done (part));
}

static void part_lost (struct part *part, const struct idset *ranks)
{
    struct update u = { 0 };
    struct idset *lost = idset_intersect (ranks, part->active);

    if (lost && !idset_empty (lost) && update_lost (&u, lost) == 0)
        part_update (part, &u);
    idset_destroy (lost);
    update_clear (&u);
}

/* Brokers below first: they work while we start our own shell. */
static int part_start (struct part *part, const struct idset *ranks,
                       const char *text, const json_t *jobspec, const char *J)
{
    struct idset *nowhere = idset_create (0, IDSET_FLAG_AUTOGROW);
    int rc = nowhere ? part_route (part, ranks, nowhere) : -ENOMEM;

    /* those of a job with more are ready when they have met (barrier.c) */
    part->recoverable = part->reconnect > 0. && idset_count (ranks) == 1;
    if (rc == 0) {
        part_launch_branches (part, text);
        if (!idset_empty (nowhere))
            part_lost (part, nowhere);
        if (part->is_local)
            part_start_shell (part, ranks, text, jobspec, J);
    }
    idset_destroy (nowhere);
    return rc;
}

/* The start request with more keys, for the brokers below. */
static char *with_cookie (const char *text, const char *cookie, double reconnect)
{
    struct buf b = BUF_INIT;

    text += strspn (text, " \t\r\n");
    if (*text != '{')
        return NULL;
    buf_addf (&b, "{\"cookie\":\"%s\",\"reconnect\":%g,%s", cookie, reconnect, text + 1);
    return buf_take (&b);
}

struct part *part_launch (struct parts *ps, uint64_t id, uint32_t userid,
                          const struct idset *ranks, const char *text,
                          const json_t *jobspec, const char *J, double reconnect,
                          void (*fn) (struct update *u, void *arg), void *arg)
{
    const char *cookie;
    char *mine = NULL;
    struct part *part;
    int rc;

    cookie = execstate_cookie (ps->state);
    if (!(part = part_new (ps, id, userid, cookie)))
        return NULL;
    part->up_fn = fn;
    part->up_arg = arg;
    part->reconnect = reconnect;
    if (idset_count (ranks) > 1 || !idset_test (ranks, part->rank))
        text = mine = with_cookie (text, cookie, reconnect);
    rc = text ? part_start (part, ranks, text, jobspec, J) : -ENOMEM;
    free (mine);
    if (rc < 0) {
        part_free (part);
        errno = -rc;
        return NULL;
    }
    return part;
}

static int recover (struct part *part, uint32_t leader, double reconnect,
                    const struct idset *ranks)
{
    struct idset *nowhere = idset_create (0, IDSET_FLAG_AUTOGROW);
    int rc = nowhere ? part_route (part, ranks, nowhere) : -ENOMEM;

    part->leader = leader;
    part->reconnect = reconnect;
    part->recovered = part->recoverable = part->barrier_passed = true;
    if (rc == 0) {
        part_reattach_branches (part);
        if (!idset_empty (nowhere))
            part_lost (part, nowhere);
        if (part->is_local)
            part_await_shell (part);
    }
    idset_destroy (nowhere);
    return rc;
}

struct part *part_recover (struct parts *ps, uint64_t id, uint32_t userid, uint32_t leader,
                           const struct idset *ranks, double reconnect,
                           void (*fn) (struct update *u, void *arg), void *arg)
{
    struct part *part = part_new (ps, id, userid, execstate_cookie (ps->state));
    int rc;

    if (!part)
        return NULL;
    part->up_fn = fn;
    part->up_arg = arg;
    if ((rc = recover (part, leader, reconnect, ranks)) < 0) {
        part_free (part);
        errno = -rc;
        return NULL;
    }
    return part;
}

void part_release (struct part *part)
{
    if (!part)
        return;
    part->up_fn = NULL;
    if (part_done (part))
        part_free (part);
}

/* Someone asks for all that has happened so far. */
static int part_retell (struct part *part)
{
    update_clear (&part->up);
    if (update_add (&part->up, &part->all) < 0)
        return -ENOMEM;
    barriers_retell (part);
    part_tell (part, true);
    return 0;
}

int part_adopt (struct part *part, void (*fn) (struct update *u, void *arg),
                void *arg)
{
    part->up_fn = fn;
    part->up_arg = arg;
    part_reattach_branches (part);
    return part_retell (part);
}

static void part_detach (struct part *part)
{
    due_cancel (&part->due);
    flux_watcher_destroy (part->gather_w);
    part->gather_w = NULL;
    part->up_fn = NULL;
    part_forget_asks (part);
    flux_watcher_destroy (part->await_w);
    part->await_w = NULL;
    list_foreach (&part->branches, n)
        branch_detach (list_entry (n, struct branch, node));
}

int parts_attach (struct parts *ps, struct jobexec *ctx)
{
    struct part *part;
    size_t pos = 0;

    if (!ctx) {
        while ((part = idhash_next (ps->by_id, &pos, NULL)))
            part_detach (part);
        announced_forget (ps, NULL);
        ps->ctx = NULL;
        return 0;
    }
    ps->ctx = ctx;
    /* rank 0 hears of its jobs from the job manager */
    while ((part = idhash_next (ps->by_id, &pos, NULL))) {
        if (part->awaited)
            part_await_shell (part);
        if (ctx->rank == 0)
            continue;
        part_reattach_branches (part);
        part_tell (part, true);
    }
    return 0;
}

void parts_disconnect (struct parts *ps, const flux_msg_t *msg)
{
    struct part *part;
    size_t pos = 0;

    announced_forget (ps, msg);
    while ((part = idhash_next (ps->by_id, &pos, NULL))) {
        barriers_disconnect (part, msg);
        if (part->req && flux_disconnect_match (part->req, msg)) {
            flux_msg_decref (part->req);
            part->req = NULL;
        }
    }
}

/* Requests of the broker above */

/* This broker was started anew, and the job's shells may be there still. */
static int launch_recover (struct parts *ps, uint64_t id, const flux_msg_t *msg)
{
    json_int_t userid, leader;
    const char *cookie, *s;
    double reconnect;
    struct idset *ranks;
    struct part *part;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:I s:s s:I s:F s:s}", "userid", &userid, "cookie",
                             &cookie, "leader", &leader, "reconnect", &reconnect,
                             "ranks", &s) < 0
        || userid < 0 || userid > UINT32_MAX || leader < 0 || leader > UINT32_MAX)
        return -EPROTO;
    if (reconnect <= 0.)
        return -ENOENT;
    if (!(ranks = idset_decode (s)))
        return -EPROTO;
    if (!(part = part_new (ps, id, userid, cookie)))
        rc = -errno;
    else {
        part->req = flux_msg_incref (msg);
        if ((rc = recover (part, leader, reconnect, ranks)) < 0)
            part_free (part);
    }
    idset_destroy (ranks);
    return rc;
}

static int launch_again (struct parts *ps, uint64_t id, const flux_msg_t *msg)
{
    struct part *part = parts_get (ps, id);

    if (!part)
        return launch_recover (ps, id, msg);
    flux_msg_decref (part->req);
    part->req = flux_msg_incref (msg);
    return part_retell (part);
}

static int launch_new (struct parts *ps, uint64_t id, const flux_msg_t *msg,
                       flux_error_t *err)
{
    json_int_t userid;
    json_t *jobspec, *R;
    const char *J = NULL, *text, *cookie;
    double reconnect = 0.;
    struct rset *rset;
    struct part *part = NULL;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:s s?F s:I s:o s:o s?s}", "cookie", &cookie,
                             "reconnect", &reconnect,
                             "userid", &userid, "jobspec", &jobspec, "R", &R,
                             "J", &J) < 0
        || userid < 0 || userid > UINT32_MAX
        || flux_request_decode (msg, NULL, &text) < 0)
        return -EPROTO;
    if (!(rset = rset_from_json (R, err)))
        return -errno;
    if (!(part = part_new (ps, id, userid, cookie)))
        rc = -errno;
    else {
        part->req = flux_msg_incref (msg);
        part->reconnect = reconnect;
        if ((rc = part_start (part, rset_ranks (rset), text, jobspec, J)) < 0)
            part_free (part);
    }
    rset_free (rset);
    return rc;
}

void part_launch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct jobexec *ctx = arg;
    flux_error_t err = { "" };
    json_int_t id;
    int reattach = 0, rc;

    if (!flux_msg_is_streaming (msg)
        || flux_request_unpack (msg, NULL, "{s:I s?b}", "id", &id,
                                "reattach", &reattach) < 0)
        rc = -EPROTO;
    else if (reattach)
        rc = launch_again (ctx->parts, id, msg);
    else
        rc = launch_new (ctx->parts, id, msg, &err);
    if (rc < 0
        && flux_respond_error (h, msg, -rc, err.text[0] ? err.text : NULL) < 0)
        FLUX_LOG_ERROR (h);
}

void part_ask_shells (struct part *part, const char *method, const char *args)
{
    struct buf b = BUF_INIT;

    if (!part->parts->ctx)
        return;
    buf_addf (&b, "{\"id\":%" PRIu64 ",\"method\":\"%s\",\"args\":%s}",
              part->id, method, args);
    if (!b.failed)
        part_send_down (part, "job-exec.ask", b.data);
    buf_release (&b);
    if (part->shell || part->awaited)
        part_ask_local_shell (part, method, args);
}

void part_ask_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct jobexec *ctx = arg;
    struct part *part;
    const char *method;
    json_int_t id;
    json_t *o;
    char *args;

    if (flux_request_unpack (msg, NULL, "{s:I s:s s:o}", "id", &id, "method", &method,
                             "args", &o) < 0
        || strspn (method, "abcdefghijklmnopqrstuvwxyz-") != strlen (method)) {
        flux_log (h, LOG_ERR, "malformed ask request");
        return;
    }
    if ((part = parts_get (ctx->parts, id)) && (args = json_dumps (o, JSON_COMPACT))) {
        part_ask_shells (part, method, args);
        free (args);
    }
}

void part_signal (struct part *part, int signum, bool kill)
{
    char text[128];
    int rc;

    if (!part->parts->ctx)
        return;
    (void)snprintf (text, sizeof (text),
                    "{\"id\":%" PRIu64 ",\"signum\":%d,\"kill\":%s}",
                    part->id, signum, kill ? "true" : "false");
    part_send_down (part, "job-exec.signal", text);
    if (!part->shell)
        return;    /* awaited: rank 0 signals it again when it is there */
    if (!kill)
        part_signal_local_tasks (part, signum);
    else if ((rc = shell_kill (part->shell, signum)) < 0)
        flux_log (part->parts->ctx->h, LOG_ERR, "%s: kill shell: %s", part->jobid,
                  strerror (-rc));
}

void part_signal_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg)
{
    struct jobexec *ctx = arg;
    struct part *part;
    json_int_t id;
    int signum, kill;

    if (flux_request_unpack (msg, NULL, "{s:I s:i s:b}", "id", &id, "signum", &signum,
                             "kill", &kill) < 0
        || signum <= 0 || signum >= NSIG)
        flux_log (h, LOG_ERR, "malformed signal request");
    else if ((part = parts_get (ctx->parts, id)))
        part_signal (part, signum, kill);
}
