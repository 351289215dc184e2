/* forward.c - a follower's output on its way to the leader shell
 *
 *   put ─► list ─► write {name, context, shell, seq} ─► leader ─► answered: off the list
 *           ▲                       │
 *           │                       │ the broker of one of them was lost, and the
 *           └─── all of it again ───┘ job may be taken over
 *
 * What goes again may have reached the leader: it knows by 'seq' what it has had.
 */
#define FLUX_SHELL_PLUGIN_NAME "output"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "shell/forward.h"
#include "shell/internal.h"

#define AGAIN_SECONDS 0.1

struct item {
    struct list_node node;
    struct forward *fw;
    const char *name;
    json_t *context;         /* NULL: once sent it is not sent again */
    json_int_t seq;
    flux_future_t *f;        /* NULL: not under way */
};

struct forward {
    flux_shell_t *shell;
    int hwm;
    int lwm;
    void (*flow) (void *arg, bool stop);
    void *arg;
    struct list_node items;  /* without an answer, in order */
    int count;
    int under_way;
    json_int_t seq;
    bool cut_off;
    bool again;              /* nothing is sent until all under way have come back */
    struct shell_retry retry;
    flux_watcher_t *again_w;
};

static void item_free (struct item *it)
{
    list_del (&it->node);
    flux_future_destroy (it->f);
    json_decref (it->context);
    free (it);
}

static void item_done (struct item *it)
{
    struct forward *fw = it->fw;

    item_free (it);
    if (--fw->count == fw->lwm)
        fw->flow (fw->arg, false);
    flux_shell_remove_completion_ref (fw->shell, "output-forward");
}

static void drop_all (struct forward *fw)
{
    list_foreach (&fw->items, n) {
        struct item *it = list_entry (n, struct item, node);
        if (!it->f)
            item_done (it);
    }
}

void forward_cut_off (struct forward *fw)
{
    fw->cut_off = true;
    if (fw->again)
        drop_all (fw);
}

bool forward_is_cut_off (const struct forward *fw)
{
    return fw->cut_off;
}

static void fail (struct forward *fw, const char *why)
{
    if (fw->cut_off)
        return;
    forward_cut_off (fw);       /* first: this message would go the same way */
    shell_log_error ("output lost on its way to the leader shell: %s", why);
}

static void come_again (struct forward *fw)
{
    fw->again = true;
    if (fw->under_way > 0)
        return;
    flux_timer_watcher_reset (fw->again_w, AGAIN_SECONDS, 0.);
    flux_watcher_start (fw->again_w);
}

static void answered_cb (flux_future_t *f, void *arg)
{
    struct item *it = arg;
    struct forward *fw = it->fw;
    int rc = flux_future_get (f, NULL);
    bool again = rc < 0 && !fw->cut_off && shell_may_retry (fw->shell, &fw->retry, errno);

    fw->under_way--;
    if (rc < 0 && !again)
        fail (fw, future_strerror (f, errno));
    if (rc == 0)
        fw->retry = (struct shell_retry){ 0 };
    if (again) {
        flux_future_destroy (f);
        it->f = NULL;
    }
    else
        item_done (it);
    if (again || fw->again)
        come_again (fw);
}

static int send (struct item *it)
{
    struct forward *fw = it->fw;

    if (fw->shell->reconnect)
        it->f = flux_shell_rpc_pack (fw->shell, "write", 0, 0, "{s:s s:O s:i s:I}", "name", it->name,
                                     "context", it->context, "shell", fw->shell->info.shell_rank,
                                     "seq", it->seq);
    else
        it->f = flux_shell_rpc_pack (fw->shell, "write", 0, 0, "{s:s s:o}", "name", it->name,
                                     "context", it->context);
    if (!fw->shell->reconnect)
        it->context = NULL;
    if (!it->f || flux_future_then (it->f, -1., answered_cb, it) < 0)
        return -1;
    fw->under_way++;
    return 0;
}

static void send_or_fail (struct item *it)
{
    struct forward *fw = it->fw;

    if (send (it) < 0) {
        int errnum = errno;
        item_done (it);
        fail (fw, strerror (errnum));
    }
}

static void again_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct forward *fw = arg;

    flux_watcher_stop (w);
    fw->again = false;
    if (fw->cut_off)
        drop_all (fw);
    list_foreach (&fw->items, n)
        send_or_fail (list_entry (n, struct item, node));
}

void forward_put (struct forward *fw, const char *name, json_t *context)
{
    struct item *it = fw->cut_off || !context ? NULL : calloc (1, sizeof (*it));

    if (!it) {
        if (!fw->cut_off)
            fprintf (stderr, "flux-shell: cannot forward output: out of memory\n");
        json_decref (context);
        return;
    }
    it->fw = fw;
    it->name = name;
    it->context = context;
    it->seq = ++fw->seq;
    list_append (&fw->items, &it->node);
    flux_shell_add_completion_ref (fw->shell, "output-forward");
    if (++fw->count == fw->hwm)
        fw->flow (fw->arg, true);
    if (!fw->again)
        send_or_fail (it);
}

struct forward *forward_new (flux_shell_t *shell, int hwm, int lwm,
                             void (*flow) (void *arg, bool stop), void *arg)
{
    struct forward *fw = calloc (1, sizeof (*fw));

    if (!fw)
        return NULL;
    list_init (&fw->items);
    fw->shell = shell;
    fw->hwm = hwm;
    fw->lwm = lwm;
    fw->flow = flow;
    fw->arg = arg;
    if (!(fw->again_w = flux_timer_watcher_create (shell->r, 0., 0., again_cb, fw))) {
        free (fw);
        return NULL;
    }
    return fw;
}

void forward_free (struct forward *fw)
{
    if (!fw)
        return;
    list_foreach (&fw->items, n)
        item_free (list_entry (n, struct item, node));
    flux_watcher_destroy (fw->again_w);
    free (fw);
}
