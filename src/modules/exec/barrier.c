/* barrier.c - the shells of a job wait for one another
 *
 *   shell ── barrier {id, name} ──► its broker
 *        a broker tells the one above when all shells here and below are in
 *        (or, while they are not, now and then which are: for the error message)
 *   rank 0: all in ── barrier-release {id, name} ──► down, no response
 *   shell ◄── response
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "modules/exec/job.h"
#include "modules/exec/jobexec.h"
#include "modules/exec/part.h"

#define NAME_MAX_LEN 64

struct barrier {
    struct list_node node;
    char *name;
    struct idset *entered;      /* here and below */
    const flux_msg_t *waiter;   /* the local shell's request */
};

static void barrier_free (struct barrier *b)
{
    list_del (&b->node);
    flux_msg_decref (b->waiter);
    idset_destroy (b->entered);
    free (b->name);
    free (b);
}

void barriers_free (struct part *part)
{
    struct jobexec *ctx = parts_context (part->parts);

    list_foreach (&part->barriers, n) {
        struct barrier *b = list_entry (n, struct barrier, node);
        if (b->waiter && ctx
            && flux_respond_error (ctx->h, b->waiter, ECANCELED,
                                   "the shells of this job have ended") < 0)
            FLUX_LOG_ERROR (ctx->h);
        barrier_free (b);
    }
}

static struct barrier *barrier_find (struct part *part, const char *name)
{
    list_foreach (&part->barriers, n) {
        struct barrier *b = list_entry (n, struct barrier, node);
        if (!strcmp (b->name, name))
            return b;
    }
    return NULL;
}

static struct barrier *barrier_get (struct part *part, const char *name)
{
    struct barrier *b = barrier_find (part, name);

    if (b)
        return b;
    if (!(b = calloc (1, sizeof (*b))))
        return NULL;
    list_append (&part->barriers, &b->node);
    if (!(b->name = strdup (name))
        || !(b->entered = idset_create (0, IDSET_FLAG_AUTOGROW))) {
        barrier_free (b);
        errno = ENOMEM;
        return NULL;
    }
    return b;
}

static void tell (struct part *part, struct barrier *b)
{
    bool complete = idset_equal (b->entered, part->ranks);

    if (update_barrier (&part->up, b->name, b->entered) < 0)
        flux_log (part->parts ? parts_context (part->parts)->h : NULL, LOG_ERR,
                  "%s: out of memory", part->jobid);
    part_tell (part, complete);
}

void barriers_retell (struct part *part)
{
    list_foreach (&part->barriers, n)
        tell (part, list_entry (n, struct barrier, node));
}

void barriers_merge (struct part *part, json_t *o)
{
    const char *name;
    json_t *val;

    json_object_foreach (o, name, val) {
        struct barrier *b = barrier_get (part, name);
        const char *s = json_string_value (val);
        if (b && s && idset_decode_add (b->entered, s, -1, NULL) == 0)
            tell (part, b);
    }
}

/* It is part of messages that are not otherwise escaped. */
static bool name_ok (const char *name)
{
    size_t len = strlen (name);

    return len > 0 && len <= NAME_MAX_LEN
           && strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "0123456789-_.") == len;
}

/* A shell that was launched by another service: rank 0 counts them itself. */

struct forward {
    struct jobexec *ctx;
    const flux_msg_t *msg;
};

static void forward_cb (flux_future_t *f, void *arg)
{
    struct forward *fw = arg;
    flux_t *h = fw->ctx->h;

    if ((flux_rpc_get (f, NULL) < 0
         ? flux_respond_error (h, fw->msg, errno, flux_future_error_string (f))
         : flux_respond (h, fw->msg, NULL)) < 0)
        FLUX_LOG_ERROR (h);
    flux_msg_decref (fw->msg);
    free (fw);
    flux_future_destroy (f);
}

static int forward (struct jobexec *ctx, const flux_msg_t *msg, json_int_t id,
                    const char *name)
{
    struct forward *fw;
    flux_future_t *f;
    uint32_t userid;

    if (flux_msg_get_userid (msg, &userid) < 0 || !(fw = calloc (1, sizeof (*fw))))
        return -errno;
    f = flux_rpc_pack (ctx->h, "job-exec.barrier", 0, 0, "{s:I s:s s:I s:I}",
                       "id", id, "name", name, "rank", (json_int_t)ctx->rank,
                       "userid", (json_int_t)userid);
    fw->ctx = ctx;
    fw->msg = flux_msg_incref (msg);
    if (!f || flux_future_then (f, -1., forward_cb, fw) < 0) {
        flux_future_destroy (f);
        flux_msg_decref (msg);
        free (fw);
        return -errno;
    }
    return 0;
}

static int enter_elsewhere (struct jobexec *ctx, const flux_msg_t *msg, json_int_t id,
                            const char *name, const char **errstr)
{
    json_int_t rank = ctx->rank, userid = -1;
    struct flux_msg_cred cred;
    struct job *job;

    if (ctx->rank > 0)
        return forward (ctx, msg, id, name);
    if (!(job = idhash_get (ctx->jobs, id)) || !job->perrank) {
        *errstr = "this broker runs no shell of that job";
        return -ENOENT;
    }
    if (flux_msg_get_cred (msg, &cred) < 0
        || flux_request_unpack (msg, NULL, "{s?I s?I}", "rank", &rank,
                                "userid", &userid) < 0)
        return -EPROTO;
    /* a broker that forwards says for whom */
    if ((cred.rolemask & FLUX_ROLE_OWNER) && userid >= 0) {
        cred.userid = userid;
        cred.rolemask = userid == ctx->owner ? FLUX_ROLE_OWNER : FLUX_ROLE_USER;
    }
    if (flux_msg_cred_authorize (cred, job->userid) < 0
        || rank < 0 || rank > UINT32_MAX
        || !idset_test (job->ranks, rank)) {
        *errstr = "not a shell of this job";
        return -EPERM;
    }
    return perrank_enter_barrier (job, name, rank, msg);
}

static int enter (struct jobexec *ctx, const flux_msg_t *msg, const char **errstr)
{
    struct part *part;
    struct barrier *b;
    const char *name;
    json_int_t id;

    if (flux_request_unpack (msg, NULL, "{s:I s:s}", "id", &id, "name", &name) < 0
        || !name_ok (name))
        return -EPROTO;
    if (!(part = parts_get (ctx->parts, id)))
        return enter_elsewhere (ctx, msg, id, name, errstr);
    if (!part->is_local) {
        *errstr = "this broker runs no shell of that job";
        return -ENOENT;
    }
    if (flux_msg_authorize (msg, part->userid) < 0) {
        *errstr = "this job belongs to another user";
        return -EPERM;
    }
    if (!(b = barrier_get (part, name)))
        return -ENOMEM;
    if (b->waiter) {
        *errstr = "the shell is in this barrier already";
        return -EEXIST;
    }
    if (idset_set (b->entered, ctx->rank) < 0)
        return -ENOMEM;
    b->waiter = flux_msg_incref (msg);
    tell (part, b);
    return 0;
}

void barrier_enter_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg)
{
    const char *errstr = NULL;
    int rc = enter (arg, msg, &errstr);

    if (rc < 0 && flux_respond_error (h, msg, -rc, errstr) < 0)
        FLUX_LOG_ERROR (h);
}

void barrier_release (struct part *part, const char *name, int errnum,
                      const char *errstr)
{
    struct jobexec *ctx = parts_context (part->parts);
    struct barrier *b = barrier_find (part, name);
    char text[192];
    int rc = 0;

    if (!ctx)
        return;
    if (errnum == 0) {
        part->barrier_passed = true;
        /* the second one: all of them can go on with another broker */
        if (part->reconnect > 0. && !strcmp (name, BARRIER_START))
            part->recoverable = true;
    }
    (void)snprintf (text, sizeof (text),
                    "{\"id\":%" PRIu64 ",\"name\":\"%s\",\"errnum\":%d}",
                    part->id, name, errnum);
    part_send_down (part, "job-exec.barrier-release", text);
    if (!b)
        return;
    if (b->waiter)
        rc = errnum ? flux_respond_error (ctx->h, b->waiter, errnum, errstr)
                    : flux_respond (ctx->h, b->waiter, NULL);
    if (rc < 0)
        flux_log_error (ctx->h, "%s: barrier response", part->jobid);
    barrier_free (b);
}

void barrier_release_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                         void *arg)
{
    struct jobexec *ctx = arg;
    struct part *part;
    const char *name;
    json_int_t id;
    int errnum;

    if (flux_request_unpack (msg, NULL, "{s:I s:s s:i}", "id", &id, "name", &name,
                             "errnum", &errnum) < 0
        || !name_ok (name))
        flux_log (h, LOG_ERR, "malformed barrier-release request");
    else if ((part = parts_get (ctx->parts, id)))
        barrier_release (part, name, errnum, "a shell of this job has ended");
}

void barriers_disconnect (struct part *part, const flux_msg_t *msg)
{
    list_foreach (&part->barriers, n) {
        struct barrier *b = list_entry (n, struct barrier, node);
        if (b->waiter && flux_disconnect_match (b->waiter, msg)) {
            flux_msg_decref (b->waiter);
            b->waiter = NULL;
        }
    }
}
