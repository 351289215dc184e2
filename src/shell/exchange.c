/* exchange.c - what each shell of a job gives, to all of them
 */
#define FLUX_SHELL_PLUGIN_NAME "pmi"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/taskmap.h>

#include "base/buf.h"
#include "shell/exchange.h"

struct exchange {
    flux_shell_t *shell;
    char *name;                       /* of the methods */
    char *broken;
    int *members;                     /* shells that have tasks */
    int nmembers;
    int place;                        /* of this shell among them: the root has 0 */
    int fanout;
    int nchildren;                    /* shells below this one in the tree */
    exchange_f cb;
    void *arg;
    struct buf gathered;              /* of this round, here and below */
    bool in;                          /* this shell is */
    struct flux_msglist *children;    /* requests that wait for an answer */
    char *why;                        /* it is broken */
    bool told;                        /* ... and the parent knows */
    bool logged;
};

static int parent (const struct exchange *x)
{
    return x->members[(x->place - 1) / x->fanout];
}

/* Rounds */

static void answer_children (struct exchange *x, const char *all)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (x->children))) {
        int rc = x->why ? flux_respond_error (x->shell->h, msg, ECONNABORTED, x->why)
                        : flux_respond (x->shell->h, msg, all);
        if (rc < 0)
            shell_log_errno ("%s: answer", x->name);
        flux_msg_decref (msg);
    }
}

static void finish (struct exchange *x, const char *all)
{
    answer_children (x, all);
    buf_clear (&x->gathered);
    if (x->in) {
        x->in = false;
        x->cb (x->arg, x->why ? NULL : all, x->why);
    }
}

/* At most twice: that it is broken, and that a task has failed for it. */
static void tell_parent (struct exchange *x, bool failed)
{
    if (x->logged || (x->told && !failed))
        return;
    x->told = true;
    x->logged = failed;
    flux_future_destroy (flux_shell_rpc_pack (x->shell, x->broken, parent (x), FLUX_RPC_NORESPONSE,
                                              "{s:s s:b}", "why", x->why, "failed", failed));
}

static void log_at_root (struct exchange *x)
{
    if (!x->logged && !x->shell->killed)
        shell_log_error ("the barrier has failed: %s", x->why);
    x->logged = true;
}

void exchange_break (struct exchange *x, int flags, const char *why)
{
    bool failed = x->in || flux_msglist_count (x->children) > 0 || (flags & EXCHANGE_FAILED);

    if (!x->why && !(x->why = strdup (why)))
        shell_die (1, "out of memory");
    if (x->place > 0 && (failed || (flags & EXCHANGE_TELL)))
        tell_parent (x, failed);
    if (x->place == 0 && failed)
        log_at_root (x);
    finish (x, NULL);
}

/* An answer from above, or none. */
static void answer_cb (flux_future_t *f, void *arg)
{
    struct exchange *x = arg;
    const char *all;

    if (flux_rpc_get (f, &all) < 0) {
        x->told = x->logged = true;       /* it is the parent who says so */
        exchange_break (x, 0, future_strerror (f, errno));
    }
    else
        finish (x, all ? all : "");
    flux_future_destroy (f);
}

static void finish_at_root (struct exchange *x)
{
    char *all = buf_take (&x->gathered);

    if (all)
        finish (x, all);
    else
        exchange_break (x, 0, "out of memory");
    free (all);
}

/* Go on once this shell and all below are in. */
static void try_round (struct exchange *x)
{
    flux_future_t *f;

    if (x->why) {
        exchange_break (x, EXCHANGE_TELL, x->why);
        return;
    }
    if (!x->in || flux_msglist_count (x->children) < x->nchildren)
        return;
    if (x->place == 0) {
        finish_at_root (x);
        return;
    }
    f = shell_rpc (x->shell, x->name, parent (x), x->gathered.data);
    if (!f || shell_then (x->shell, f, answer_cb, x) < 0) {
        flux_future_destroy (f);
        exchange_break (x, 0, strerror (errno));
    }
}

void exchange_enter (struct exchange *x, const char *give)
{
    x->in = true;
    if (buf_adds (&x->gathered, give) < 0)
        exchange_break (x, EXCHANGE_TELL, "out of memory");
    else
        try_round (x);
}

/* Requests from below */

static void request_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exchange *x = arg;
    const char *data;

    if (flux_request_decode (msg, NULL, &data) < 0
        || buf_adds (&x->gathered, data ? data : "") < 0
        || flux_msglist_append (x->children, msg) < 0) {
        if (flux_respond_error (h, msg, errno ? errno : ENOMEM, NULL) < 0)
            shell_log_errno ("flux_respond_error");
        return;
    }
    try_round (x);
}

static void broken_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *why;
    int failed;

    if (flux_request_unpack (msg, NULL, "{s:s s:b}", "why", &why, "failed", &failed) == 0)
        exchange_break (arg, EXCHANGE_TELL | (failed ? EXCHANGE_FAILED : 0), why);
}

/* Life */

static int find_members (struct exchange *x)
{
    const struct shell_info *info = &x->shell->info;

    if (!(x->members = calloc (info->nshells, sizeof (x->members[0]))))
        return -1;
    for (int i = 0; i < info->nshells; i++) {
        if (i == info->shell_rank)
            x->place = x->nmembers;
        if (taskmap_ntasks (info->taskmap, i) > 0)
            x->members[x->nmembers++] = i;
    }
    return 0;
}

static int count_children (struct exchange *x)
{
    long first = (long)x->place * x->fanout + 1;
    long n = x->nmembers - first;

    return n < 0 ? 0 : n < x->fanout ? (int)n : x->fanout;
}

struct exchange *exchange_new (flux_shell_t *shell, const char *name, int fanout, exchange_f cb,
                               void *arg)
{
    struct exchange *x = calloc (1, sizeof (*x));

    if (!x)
        return NULL;
    x->shell = shell;
    x->fanout = fanout;
    x->cb = cb;
    x->arg = arg;
    if (find_members (x) < 0) {
        free (x);
        return NULL;
    }
    x->nchildren = count_children (x);
    x->gathered = (struct buf)BUF_INIT;
    if (!(x->name = strdup (name)) || asprintf (&x->broken, "%s-broken", name) < 0
        || !(x->children = flux_msglist_create ())
        || (shell->info.nshells > 1
            && (flux_shell_service_register (shell, name, request_cb, x) < 0
                || flux_shell_service_register (shell, x->broken, broken_cb, x) < 0))) {
        exchange_free (x);
        return NULL;
    }
    return x;
}

void exchange_free (struct exchange *x)
{
    if (!x)
        return;
    flux_msglist_destroy (x->children);
    buf_release (&x->gathered);
    free (x->members);
    free (x->name);
    free (x->broken);
    free (x->why);
    free (x);
}
