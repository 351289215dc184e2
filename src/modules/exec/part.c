/* part.c - what one broker does for a job
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/forkserver.h"
#include "base/fluid.h"
#include "base/hash.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part.h"
#include "modules/exec/reap.h"
#include "modules/exec/shell.h"
#include "modules/exec/state.h"
#include "spec/rset.h"
#include "spec/topo.h"

#define GATHER_SECONDS 0.1
#define SHELL_LOG_MAX 65536   /* bytes of a shell's own output that are kept */

struct parts {
    struct jobexec *ctx;      /* NULL while the service is removed */
    struct idhash *by_id;
    struct execstate *state;  /* rank 0 */
};

/* A broker below, and the job's ranks that are reached through it. */
struct branch {
    struct list_node node;
    struct part *part;
    uint32_t rank;
    struct idset *ranks;
    flux_future_t *f;         /* the launch stream; NULL when it has ended */
};

static void tell_cb (struct due *d);
static void gather_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);
static void branch_cb (flux_future_t *f, void *arg);

/* Table */

struct parts *parts_new (void)
{
    struct parts *ps = calloc (1, sizeof (*ps));

    if (!ps || !(ps->by_id = idhash_new (NULL))) {
        free (ps);
        return NULL;
    }
    return ps;
}

int parts_open_state (struct parts *ps, const char *statedir, flux_error_t *err)
{
    if (!ps->state && !(ps->state = execstate_open (statedir, err)))
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

static void branch_free (struct branch *b)
{
    list_del (&b->node);
    flux_future_destroy (b->f);
    idset_destroy (b->ranks);
    free (b);
}

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
    shell_free (part->shell);
    reap_free (part->reap);
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
static void part_update (struct part *part, const struct update *u)
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

static void part_update_one (struct part *part, uint32_t rank,
                             int (*fn) (struct update *u, uint32_t rank, int val,
                                        const char *text),
                             int val, const char *text)
{
    struct update u = { 0 };

    (void)fn (&u, rank, val, text);
    part_update (part, &u);
    update_clear (&u);
}

static struct idset *one_rank (uint32_t rank)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);

    if (ids && idset_set (ids, rank) < 0) {
        idset_destroy (ids);
        return NULL;
    }
    return ids;
}

static int one_started (struct update *u, uint32_t rank, int val, const char *text)
{
    struct idset *ids = one_rank (rank);
    int rc = ids ? update_started (u, ids) : -ENOMEM;

    idset_destroy (ids);
    return rc;
}

static int one_exited (struct update *u, uint32_t rank, int val, const char *text)
{
    struct idset *ids = one_rank (rank);
    int rc = ids ? update_exited (u, val, ids) : -ENOMEM;

    idset_destroy (ids);
    return rc;
}

static int one_failed (struct update *u, uint32_t rank, int val, const char *text)
{
    return update_failed (u, rank, val, text);
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

/* The local shell */

static void reaped (struct reap *rp, int killed, void *arg)
{
    struct part *part = arg;

    reap_free (part->reap);
    part->reap = NULL;
    part_update_one (part, part->rank, one_exited, part->wait_status, NULL);
}

/* The tasks of a shell that was killed have nobody to end them but us, and it
 * has not ended here before they have. */
static void shell_exited (struct shell *sh, int status, void *arg)
{
    struct part *part = arg;
    struct jobexec *ctx = part->parts->ctx;

    shell_free (part->shell);
    part->shell = NULL;
    part->wait_status = status;
    if (WIFSIGNALED (status) && ctx
        && (part->reap = reap_new (ctx->r, part->own_tag, reaped, part)))
        return;
    part_update_one (part, part->rank, one_exited, status, NULL);
}

static void shell_output (struct shell *sh, const char *stream, const char *data,
                          size_t len, void *arg)
{
    static const char dropped[] = "(further output of the job shell is dropped)";
    struct part *part = arg;
    struct update u = { 0 };

    if (part->logged > SHELL_LOG_MAX)
        return;
    if ((part->logged += len + 1) > SHELL_LOG_MAX) {
        data = dropped;
        len = sizeof (dropped) - 1;
    }
    if (update_log (&u, part->rank, stream, data, len) == 0)
        part_update (part, &u);
    update_clear (&u);
}

static const struct shell_ops shell_ops = {
    .exited = shell_exited,
    .output = shell_output,
};

static const char *shell_path (const struct jobexec *ctx, const json_t *jobspec)
{
    static const char *keys[] = { "attributes", "system", "exec", "job_shell" };
    const json_t *o = jobspec;

    for (size_t i = 0; o && i < 4; i++)
        o = json_object_get (o, keys[i]);
    return json_is_string (o) ? json_string_value (o) : ctx->conf.job_shell;
}

/* The shell reads the start request, with what is known only here in front. */
static int make_info (struct buf *b, struct part *part, uint32_t rank,
                      const struct idset *ranks, const char *text)
{
    int shell_rank = 0;

    for (unsigned int r = idset_first (ranks); r != rank; r = idset_next (ranks, r))
        shell_rank++;
    text += strspn (text, " \t\r\n");
    if (*text != '{')
        return -EPROTO;
    buf_reserve (b, strlen (text) + 80);
    buf_addf (b, "{\"rank\":%" PRIu32 ",\"shell_rank\":%d,\"nshells\":%zu,",
              rank, shell_rank, idset_count (ranks));
    buf_adds (b, text + 1);
    return b->failed ? -ENOMEM : 0;
}

static void start_shell (struct part *part, const struct idset *ranks,
                         const char *text, const json_t *jobspec, const char *J)
{
    struct jobexec *ctx = part->parts->ctx;
    char tags[sizeof (part->tag) + sizeof (part->own_tag) + 1];
    struct shell_args args = { .h = ctx->h, .id = part->id, .tag = tags,
                               .env = ctx->env };
    struct buf info = BUF_INIT;
    flux_error_t err = { "" };
    char ns[64];
    int rc;

    (void)snprintf (tags, sizeof (tags), "%s %s", part->tag, part->own_tag);
    args.path = shell_path (ctx, jobspec);
    if (ctx->forkserver && strcmp (args.path, forkserver_path (ctx->forkserver)) == 0)
        args.fs = ctx->forkserver;
    if (part->userid != ctx->owner) {
        args.imp = ctx->conf.imp;
        args.J = J;
    }
    if ((rc = make_info (&info, part, ctx->rank, ranks, text)) < 0)
        errmsg (&err, rc, "%s", strerror (-rc));
    else {
        flux_job_kvs_namespace (ns, sizeof (ns), part->id);
        args.ns = ns;
        args.info = info.data;
        args.info_len = info.len;
        if (!(part->shell = shell_start (&args, &shell_ops, part, &err)))
            rc = -errno;
    }
    buf_release (&info);
    if (rc < 0)
        part_update_one (part, ctx->rank, one_failed, -rc, err.text);
    else
        part_update_one (part, ctx->rank, one_started, 0, NULL);
}

/* Brokers below */

static void branch_ended (struct branch *b, int errnum, const char *errstr)
{
    struct part *part = b->part;
    struct idset *left = idset_intersect (b->ranks, part->active);
    struct update u = { 0 };

    flux_future_destroy (b->f);
    b->f = NULL;
    if (left && !idset_empty (left)) {
        if (errnum == EHOSTUNREACH || errnum == ENODATA || errnum == ENOENT)
            (void)update_lost (&u, left);
        else {
            unsigned int r;
            for (r = idset_first (left); r != IDSET_INVALID_ID; r = idset_next (left, r))
                (void)update_failed (&u, r, errnum, errstr);
        }
        part_update (part, &u);
        update_clear (&u);
    }
    idset_destroy (left);
}

static void branch_cb (flux_future_t *f, void *arg)
{
    struct branch *b = arg;
    struct part *part = b->part;
    struct update u = { 0 };
    json_t *o;

    if (flux_rpc_get_unpack (f, "o", &o) < 0) {
        int errnum = errno;
        flux_error_t err;
        errmsg (&err, 0, "%s", flux_future_error_string (f));
        branch_ended (b, errnum, err.text);
        return;
    }
    if (update_merge (&u, o) < 0)
        flux_log (part->parts->ctx->h, LOG_ERR, "%s: malformed update from rank %u",
                  part->jobid, (unsigned)b->rank);
    if (u.barrier)
        barriers_merge (part, u.barrier);
    flux_future_reset (f);
    part_update (part, &u);
    update_clear (&u);
}

static struct branch *branch_get (struct part *part, uint32_t rank)
{
    struct branch *b;

    list_foreach (&part->branches, n) {
        b = list_entry (n, struct branch, node);
        if (b->rank == rank)
            return b;
    }
    if (!(b = calloc (1, sizeof (*b))))
        return NULL;
    b->part = part;
    b->rank = rank;
    list_prepend (&part->branches, &b->node);
    if (!(b->ranks = idset_create (0, IDSET_FLAG_AUTOGROW))) {
        branch_free (b);
        return NULL;
    }
    return b;
}

static int branch_send (struct branch *b, const char *text)
{
    flux_t *h = b->part->parts->ctx->h;

    b->f = flux_rpc (h, "job-exec.launch", text, b->rank, FLUX_RPC_STREAMING);
    if (!b->f || flux_future_then (b->f, -1., branch_cb, b) < 0)
        return -errno;
    return 0;
}

/* Sort the job's ranks into ours, and those behind each broker below.  On rank
 * 0, what is behind none does not exist (such as fake resources). */
static int part_route (struct part *part, const struct idset *ranks,
                       struct idset *nowhere)
{
    struct jobexec *ctx = part->parts->ctx;
    unsigned int r;

    for (r = idset_first (ranks); r != IDSET_INVALID_ID; r = idset_next (ranks, r)) {
        struct branch *b;
        uint32_t child;
        if (r == ctx->rank) {
            part->is_local = true;
            if (idset_set (part->ranks, r) < 0)
                return -ENOMEM;
            continue;
        }
        child = r < ctx->size ? topo_child_route (ctx->topo, ctx->rank, r)
                              : TOPO_NORANK;
        if (child == TOPO_NORANK) {
            if (ctx->rank == 0
                && (idset_set (nowhere, r) < 0 || idset_set (part->ranks, r) < 0))
                return -ENOMEM;
            continue;
        }
        if (!(b = branch_get (part, child))
            || idset_set (b->ranks, r) < 0
            || idset_set (part->ranks, r) < 0)
            return -ENOMEM;
    }
    part->leader = idset_first (ranks);
    if (!(part->unstarted = idset_copy (part->ranks))
        || !(part->active = idset_copy (part->ranks)))
        return -ENOMEM;
    return 0;
}

/* Brokers below first: they work while we start our own shell. */
static int part_start (struct part *part, const struct idset *ranks,
                       const char *text, const json_t *jobspec, const char *J)
{
    struct idset *nowhere = idset_create (0, IDSET_FLAG_AUTOGROW);
    int rc = nowhere ? part_route (part, ranks, nowhere) : -ENOMEM;

    if (rc == 0) {
        list_foreach (&part->branches, n) {
            struct branch *b = list_entry (n, struct branch, node);
            int e = branch_send (b, text);
            if (e < 0)
                branch_ended (b, -e, strerror (-e));
        }
        if (!idset_empty (nowhere))
            part_lost (part, nowhere);
        if (part->is_local)
            start_shell (part, ranks, text, jobspec, J);
    }
    idset_destroy (nowhere);
    return rc;
}

/* The start request with the key "cookie" added, for the brokers below. */
static char *with_cookie (const char *text, const char *cookie)
{
    struct buf b = BUF_INIT;

    text += strspn (text, " \t\r\n");
    if (*text != '{')
        return NULL;
    buf_addf (&b, "{\"cookie\":\"%s\",%s", cookie, text + 1);
    return buf_take (&b);
}

struct part *part_launch (struct parts *ps, uint64_t id, uint32_t userid,
                          const struct idset *ranks, const char *text,
                          const json_t *jobspec, const char *J,
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
    if (idset_count (ranks) > 1 || !idset_test (ranks, part->rank))
        text = mine = with_cookie (text, cookie);
    rc = text ? part_start (part, ranks, text, jobspec, J) : -ENOMEM;
    free (mine);
    if (rc < 0) {
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

static int branch_reattach (struct branch *b)
{
    char text[128];

    (void)snprintf (text, sizeof (text), "{\"id\":%" PRIu64 ",\"reattach\":true}",
                    b->part->id);
    return branch_send (b, text);
}

static void part_reattach_branches (struct part *part)
{
    list_foreach (&part->branches, n) {
        struct branch *b = list_entry (n, struct branch, node);
        if (b->f || !idset_has_intersection (b->ranks, part->active))
            continue;
        int rc = branch_reattach (b);
        if (rc < 0)
            branch_ended (b, -rc, strerror (-rc));
    }
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
    list_foreach (&part->branches, n) {
        struct branch *b = list_entry (n, struct branch, node);
        flux_future_destroy (b->f);
        b->f = NULL;
    }
}

int parts_attach (struct parts *ps, struct jobexec *ctx)
{
    struct part *part;
    size_t pos = 0;

    if (!ctx) {
        while ((part = idhash_next (ps->by_id, &pos, NULL)))
            part_detach (part);
        ps->ctx = NULL;
        return 0;
    }
    ps->ctx = ctx;
    /* rank 0 hears of its jobs from the job manager */
    while (ctx->rank > 0 && (part = idhash_next (ps->by_id, &pos, NULL))) {
        part_reattach_branches (part);
        part_tell (part, true);
    }
    return 0;
}

void parts_disconnect (struct parts *ps, const flux_msg_t *msg)
{
    struct part *part;
    size_t pos = 0;

    while ((part = idhash_next (ps->by_id, &pos, NULL))) {
        barriers_disconnect (part, msg);
        if (part->req && flux_disconnect_match (part->req, msg)) {
            flux_msg_decref (part->req);
            part->req = NULL;
        }
    }
}

/* Requests of the broker above */

static int launch_again (struct parts *ps, uint64_t id, const flux_msg_t *msg)
{
    struct part *part = parts_get (ps, id);

    if (!part)
        return -ENOENT;
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
    struct rset *rset;
    struct part *part = NULL;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:s s:I s:o s:o s?s}", "cookie", &cookie,
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

void part_send_down (struct part *part, const char *topic, const char *text)
{
    list_foreach (&part->branches, n) {
        struct branch *b = list_entry (n, struct branch, node);
        flux_future_t *f;
        if (!b->f || !idset_has_intersection (b->ranks, part->active))
            continue;
        if (!(f = flux_rpc (part->parts->ctx->h, topic, text, b->rank,
                            FLUX_RPC_NORESPONSE)))
            flux_log_error (part->parts->ctx->h, "%s: %s", part->jobid, topic);
        flux_future_destroy (f);
    }
}

static void ask_local_shell (struct part *part, const char *method, const char *args)
{
    struct jobexec *ctx = part->parts->ctx;
    char topic[128], id[32];
    flux_future_t *f;

    (void)fluid_encode (part->id, FLUID_F58_PLAIN, id, sizeof (id));
    (void)snprintf (topic, sizeof (topic), "%" PRIu32 "-shell-%s.%s",
                    part->userid, id, method);
    if (!(f = flux_rpc (ctx->h, topic, args, ctx->rank, FLUX_RPC_NORESPONSE)))
        flux_log_error (ctx->h, "%s", topic);
    flux_future_destroy (f);
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
    if (part->shell)
        ask_local_shell (part, method, args);
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

/* The shell forwards a few signals by itself; any other is asked of it. */
static void signal_tasks (struct part *part, int signum)
{
    char args[32];

    if (signum == SIGINT || signum == SIGTERM || signum == SIGALRM) {
        (void)shell_signal (part->shell, signum);
        return;
    }
    (void)snprintf (args, sizeof (args), "{\"signum\":%d}", signum);
    ask_local_shell (part, "kill", args);
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
        return;
    if (!kill)
        signal_tasks (part, signum);
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
