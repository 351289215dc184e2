/* kvslog.c - eventlogs of the job in its guest namespace, few commits
 *
 *   append --> [ open: key -> text, ... ] --timer/flush--> commit --> answered
 *
 * One commit is under way at a time; what is appended meanwhile is the next.  If
 * the disk is full it is tried again until there is room: what a task wrote is not
 * lost, and meanwhile those that write much are held back.  So it is while the kvs
 * module is being reloaded: what was answered with ENOSYS has not been done.  What a
 * broker that was lost has not answered may have been done: that is looked up (lines have
 * timestamps, and a commit is in the KVS as a whole or not at all).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "shell/internal.h"

#define NKEYS 3
#define NDRAIN 8
#define RETRY_SECONDS 1.
#define GONE_RETRY_SECONDS 0.05
#define GONE_SECONDS 10.      /* kvs is not coming back */

struct drain {
    size_t bytes;
    void (*cb) (void *arg);
    void *arg;
};

struct kvslog {
    flux_shell_t *shell;
    const char *keys[NKEYS];
    struct buf open[NKEYS];      /* not yet sent */
    size_t sent;                 /* bytes under way */
    flux_kvs_txn_t *txn;         /* of the commit under way */
    flux_future_t *commit;       /* NULL with txn: to be tried again */
    struct buf copy;             /* a part of it, if its answer may be lost */
    const char *copy_key;
    bool doubt;                  /* it was lost */
    struct shell_retry retry_time;
    flux_watcher_t *retry;
    bool full;                   /* that was said */
    double gone;                 /* since when there is no kvs; 0: there is */
    double retry_after;
    flux_watcher_t *timer;
    double due;                  /* reactor time of the timer; 0: not set */
    bool due_on_answer;          /* it came due while a commit was under way */
    int error;                   /* first failure */
    char error_text[160];
    struct drain drains[NDRAIN];
    int ndrains;
};

static size_t open_bytes (const struct kvslog *kl)
{
    size_t n = 0;

    for (int i = 0; i < NKEYS; i++)
        n += kl->open[i].len;
    return n;
}

size_t kvslog_pending (const struct kvslog *kl)
{
    return kl->sent + open_bytes (kl);
}

static void run_drains (struct kvslog *kl)
{
    for (int i = 0; i < kl->ndrains;) {
        struct drain d = kl->drains[i];
        if (kvslog_pending (kl) >= d.bytes) {
            i++;
            continue;
        }
        kl->drains[i] = kl->drains[--kl->ndrains];
        d.cb (d.arg);
    }
}

int kvslog_on_drain (struct kvslog *kl, size_t bytes, void (*cb) (void *arg), void *arg)
{
    if (kl->ndrains == NDRAIN)
        return -ENOSPC;
    kl->drains[kl->ndrains++] = (struct drain){ bytes, cb, arg };
    return 0;
}

/* Sets retry_after. */
static bool try_again (struct kvslog *kl, flux_future_t *f, int errnum)
{
    double now = flux_reactor_time ();

    kl->retry_after = RETRY_SECONDS;
    if (errnum == ENOSPC) {
        if (!kl->full)
            fprintf (stderr, "flux-shell: output waits to be written: %s\n",
                     future_strerror (f, errnum));
        kl->full = true;
        return true;
    }
    kl->full = false;
    if (errnum == ENOSYS) {
        if (kl->gone == 0)
            kl->gone = now;
        kl->retry_after = GONE_RETRY_SECONDS;
        return now - kl->gone < GONE_SECONDS;
    }
    /* our broker was lost, or one on the way to the KVS */
    kl->doubt = shell_may_retry (kl->shell, &kl->retry_time, errnum);
    kl->retry_after = GONE_RETRY_SECONDS;
    return kl->doubt;
}

static void commit_is_done (struct kvslog *kl)
{
    flux_kvs_txn_destroy (kl->txn);
    kl->txn = NULL;
    kl->sent = 0;
    kl->full = kl->doubt = false;
    kl->gone = 0;
    kl->retry_time = (struct shell_retry){ 0 };
}

/* 1: the KVS has it; 0: not; or a negative errno.  It waits for the answer: there is
 * nothing more urgent for a shell that was just taken over. */
static int in_kvs (struct kvslog *kl)
{
    flux_future_t *f = flux_kvs_lookup (kl->shell->h, NULL, 0, kl->copy_key);
    const void *data;
    size_t len;
    int rc;

    if (f && flux_kvs_lookup_get_raw (f, &data, &len) == 0)
        rc = memmem (data, len, kl->copy.data, kl->copy.len) != NULL;
    else
        rc = errno == ENOENT ? 0 : -errno;
    flux_future_destroy (f);
    return rc;
}

/* Is it settled that what was sent is there? */
static bool settle_doubt (struct kvslog *kl)
{
    int rc = kl->doubt ? in_kvs (kl) : 0;

    kl->doubt = rc == -ECONNRESET || rc == -EHOSTUNREACH || rc == -ENOSYS;
    if (rc == 1)
        commit_is_done (kl);
    return rc == 1;
}

/* Take in the answer of a commit (fulfilled or waited for).  False if it is to be
 * tried again. */
static bool answered (struct kvslog *kl, flux_future_t *f)
{
    int errnum = flux_future_get (f, NULL) < 0 ? errno : 0;

    kl->commit = NULL;
    if (errnum && try_again (kl, f, errnum)) {
        flux_future_destroy (f);
        return false;
    }
    if (errnum && kl->error == 0) {
        kl->error = -errnum;
        snprintf (kl->error_text, sizeof (kl->error_text), "%s", future_strerror (f, errnum));
        shell_log_error ("cannot write to the job's eventlogs: %s", kl->error_text);
    }
    flux_future_destroy (f);
    commit_is_done (kl);
    return true;
}

static void retry_later (struct kvslog *kl)
{
    flux_timer_watcher_reset (kl->retry, kl->retry_after, 0.);
    flux_watcher_start (kl->retry);
}

static void go_on (struct kvslog *kl)
{
    flux_shell_remove_completion_ref (kl->shell, "kvslog");
    if (kl->due_on_answer)
        kvslog_flush (kl);
    run_drains (kl);
}

static void commit_cb (flux_future_t *f, void *arg)
{
    struct kvslog *kl = arg;

    if (answered (kl, f))
        go_on (kl);
    else
        retry_later (kl);
}

/* Something that only this commit has in it. */
static void keep_copy (struct kvslog *kl)
{
    struct buf old = kl->copy;

    for (int i = 0; i < NKEYS; i++) {
        if (kl->open[i].len > 0) {
            kl->copy_key = kl->keys[i];
            kl->copy = kl->open[i];
            kl->open[i] = old;
            buf_clear (&kl->open[i]);
            return;
        }
    }
}

static flux_kvs_txn_t *take_txn (struct kvslog *kl)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();

    for (int i = 0; txn && i < NKEYS; i++) {
        struct buf *b = &kl->open[i];
        if (b->len == 0)
            continue;
        if (flux_kvs_txn_put_raw (txn, FLUX_KVS_APPEND, kl->keys[i], b->data, b->len) < 0) {
            flux_kvs_txn_destroy (txn);
            return NULL;
        }
    }
    if (txn) {
        kl->sent = open_bytes (kl);
        if (kl->shell->reconnect)
            keep_copy (kl);
        for (int i = 0; i < NKEYS; i++)
            buf_clear (&kl->open[i]);
    }
    return txn;
}

static int send_commit (struct kvslog *kl)
{
    if ((!kl->txn && !(kl->txn = take_txn (kl)))
        || !(kl->commit = flux_kvs_commit (kl->shell->h, NULL, 0, kl->txn)))
        return -errno;
    return 0;
}

static void retry_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct kvslog *kl = arg;

    if (settle_doubt (kl)) {
        go_on (kl);
        return;
    }
    if (kl->doubt) {
        retry_later (kl);
        return;
    }
    if (send_commit (kl) < 0 || flux_future_then (kl->commit, -1., commit_cb, kl) < 0)
        shell_die_errno (1, "cannot write to the job's eventlogs");
}

int kvslog_flush (struct kvslog *kl)
{
    int rc;

    flux_watcher_stop (kl->timer);
    kl->due = 0;
    kl->due_on_answer = false;
    if (open_bytes (kl) == 0)
        return 0;
    if (kl->txn) {
        kl->due_on_answer = true;
        return 0;
    }
    if ((rc = send_commit (kl)) < 0)
        return rc;
    if (flux_future_then (kl->commit, -1., commit_cb, kl) < 0)
        return -errno;
    flux_shell_add_completion_ref (kl->shell, "kvslog");
    return 0;
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    kvslog_flush (arg);
}

static int key_index (const struct kvslog *kl, const char *key)
{
    for (int i = 0; i < NKEYS; i++) {
        if (strcmp (kl->keys[i], key) == 0)
            return i;
    }
    return -1;
}

int kvslog_append (struct kvslog *kl, const char *key, const char *line, double delay)
{
    int i = key_index (kl, key);
    double due = flux_reactor_now (kl->shell->r) + delay;

    if (i < 0 || buf_adds (&kl->open[i], line) < 0)
        return i < 0 ? -EINVAL : -ENOMEM;
    if (kl->due == 0 || due < kl->due) {
        kl->due = due;
        flux_timer_watcher_reset (kl->timer, delay, 0.);
        flux_watcher_start (kl->timer);
    }
    return 0;
}

int kvslog_sync (struct kvslog *kl, flux_error_t *err)
{
    if (kl->commit)
        answered (kl, kl->commit);
    while (kl->txn || open_bytes (kl) > 0) {
        if (settle_doubt (kl))
            continue;
        int rc = kl->doubt ? 0 : send_commit (kl);
        if (rc < 0)
            return errmsg (err, rc, "%s", strerror (-rc));
        if (kl->doubt || !answered (kl, kl->commit))
            (void)usleep ((useconds_t)(kl->retry_after * 1e6));
    }
    if (kl->error)
        return errmsg (err, kl->error, "%s", kl->error_text);
    return 0;
}

struct kvslog *kvslog_new (flux_shell_t *shell)
{
    struct kvslog *kl = calloc (1, sizeof (*kl));

    if (!kl)
        return NULL;
    kl->shell = shell;
    kl->keys[0] = "exec.eventlog";
    kl->keys[1] = "output";
    kl->keys[2] = "input";
    for (int i = 0; i < NKEYS; i++)
        kl->open[i] = (struct buf)BUF_INIT;
    kl->copy = (struct buf)BUF_INIT;
    kl->timer = flux_timer_watcher_create (shell->r, 0., 0., timer_cb, kl);
    kl->retry = flux_timer_watcher_create (shell->r, 0., 0., retry_cb, kl);
    if (!kl->timer || !kl->retry) {
        kvslog_free (kl);
        return NULL;
    }
    return kl;
}

void kvslog_free (struct kvslog *kl)
{
    if (!kl)
        return;
    flux_future_destroy (kl->commit);
    flux_kvs_txn_destroy (kl->txn);
    flux_watcher_destroy (kl->timer);
    flux_watcher_destroy (kl->retry);
    for (int i = 0; i < NKEYS; i++)
        buf_release (&kl->open[i]);
    buf_release (&kl->copy);
    free (kl);
}
