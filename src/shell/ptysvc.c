/* ptysvc.c - the service of an interactive terminal
 *
 *   flux job attach                          leader shell
 *     pty.attach {rows, cols} ────────────►    a client (streaming)
 *        ◄──────────────────── (empty), then raw output ..., ENODATA at the end
 *     pty.ack {bytes} ────────────────────►    no response; so much was shown
 *     pty.write (raw) ────────────────────►    answered when it has been taken
 *     pty.resize {rows, cols} ────────────►    no response
 *     pty.detach {} ──────────────────────►    pty.attach ends with ENODATA
 *
 * The service stops reading the terminal while some client is too far behind.
 * Output that no client was there to see is kept, up to KEEP bytes, for the next; a
 * job waits for its first client once that is full, and at its end for a while.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "shell/pty.h"

#define WINDOW (256 * 1024)
#define KEEP (64 * 1024)
#define WAIT_AT_END 10.

struct client {
    struct list_node node;
    const flux_msg_t *msg;
    size_t unacked;
};

static void client_free (struct client *c)
{
    list_del (&c->node);
    flux_msg_decref (c->msg);
    free (c);
}

static void client_end (struct pty *pty, struct client *c)
{
    if (flux_respond_error (pty->shell->h, c->msg, ENODATA, NULL) < 0)
        shell_log_errno ("flux_respond_error");
    client_free (c);
}

static struct client *find_client (struct pty *pty, const flux_msg_t *msg)
{
    list_foreach (&pty->clients, n) {
        struct client *c = list_entry (n, struct client, node);
        if (flux_disconnect_match (c->msg, msg))
            return c;
    }
    return NULL;
}

static void to_client (struct pty *pty, struct client *c, const char *data, size_t len)
{
    if (flux_respond_raw (pty->shell->h, c->msg, data, len) < 0)
        shell_log_errno ("flux_respond_raw");
    c->unacked += len;
}

static void keep (struct pty *pty, const char *data, size_t len)
{
    if (len > KEEP) {
        data += len - KEEP;
        len = KEEP;
    }
    if (iobuf_space (&pty->kept) < len)
        iobuf_consume (&pty->kept, len - iobuf_space (&pty->kept));
    (void)iobuf_add (&pty->kept, data, len);
}

void ptysvc_output (struct pty *pty, const char *data, size_t len)
{
    if (list_empty (&pty->clients)) {
        keep (pty, data, len);
        return;
    }
    list_foreach (&pty->clients, n)
        to_client (pty, list_entry (n, struct client, node), data, len);
}

bool ptysvc_full (struct pty *pty)
{
    if (!pty->interactive)
        return false;
    if (!pty->had_client && !pty->capture && iobuf_len (&pty->kept) > KEEP / 2)
        return true;
    list_foreach (&pty->clients, n) {
        if (list_entry (n, struct client, node)->unacked > WINDOW)
            return true;
    }
    return false;
}

bool ptysvc_ended (struct pty *pty)
{
    bool wait = !pty->had_client && !pty->capture && iobuf_len (&pty->kept) > 0;

    list_foreach (&pty->clients, n)
        client_end (pty, list_entry (n, struct client, node));
    if (wait) {
        flux_watcher_start (pty->wait_w);
        flux_watcher_start (pty->signal_w);
    }
    return !wait;
}

/* Nobody came, or the job is to end now. */
static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    pty_finish (arg);
}

void ptysvc_written (struct pty *pty)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (pty->writers))) {
        if (flux_respond (pty->shell->h, msg, NULL) < 0)
            shell_log_errno ("flux_respond");
        flux_msg_decref (msg);
    }
}

/* Requests */

static void respond_error (flux_t *h, const flux_msg_t *msg, int errnum, const char *text)
{
    if (flux_respond_error (h, msg, errnum, text) < 0)
        shell_log_errno ("flux_respond_error");
}

static void attach_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct pty *pty = arg;
    struct client *c;
    int rows;
    int cols;
    size_t len = iobuf_len (&pty->kept);

    if (flux_request_unpack (msg, NULL, "{s:i s:i}", "rows", &rows, "cols", &cols) < 0
        || !flux_msg_is_streaming (msg)) {
        respond_error (h, msg, EPROTO, NULL);
        return;
    }
    if (!(c = calloc (1, sizeof (*c)))) {
        respond_error (h, msg, ENOMEM, NULL);
        return;
    }
    list_init (&c->node);
    c->msg = flux_msg_incref (msg);
    list_append (&pty->clients, &c->node);
    pty->had_client = true;
    pty_resize (pty, rows, cols);
    to_client (pty, c, "", 0);
    if (len > 0)
        to_client (pty, c, iobuf_take (&pty->kept, len), len);
    if (pty->master < 0) {
        client_end (pty, c);
        pty_finish (pty);
    }
    pty_update (pty);
}

static void write_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct pty *pty = arg;
    const void *data;
    size_t len;

    if (flux_request_decode_raw (msg, NULL, &data, &len) < 0
        || (len > 0 && shell_pty_write (pty, data, len) < 0)) {
        respond_error (h, msg, errno, NULL);
        return;
    }
    if (len == 0)
        shell_pty_eof (pty);
    if (flux_msglist_append (pty->writers, msg) < 0)
        respond_error (h, msg, errno, NULL);
    else if (iobuf_len (&pty->in) == 0)
        ptysvc_written (pty);
}

static void ack_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct pty *pty = arg;
    struct client *c = find_client (pty, msg);
    json_int_t bytes;

    if (!c || flux_request_unpack (msg, NULL, "{s:I}", "bytes", &bytes) < 0 || bytes < 0)
        return;
    c->unacked -= (size_t)bytes < c->unacked ? (size_t)bytes : c->unacked;
    pty_update (pty);
}

static void resize_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int rows;
    int cols;

    if (flux_request_unpack (msg, NULL, "{s:i s:i}", "rows", &rows, "cols", &cols) == 0)
        pty_resize (arg, rows, cols);
}

static void detach_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct pty *pty = arg;
    struct client *c = find_client (pty, msg);

    if (c)
        client_end (pty, c);
    if (flux_respond (h, msg, NULL) < 0)
        shell_log_errno ("flux_respond");
    pty_update (pty);
}

/* A client went away without a word. */
static void disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct pty *pty = arg;
    struct client *c;

    while ((c = find_client (pty, msg)))
        client_free (c);
    (void)flux_msglist_disconnect (pty->writers, msg);
    pty_update (pty);
}

int ptysvc_init (struct pty *pty)
{
    static const struct {
        const char *method;
        flux_msg_handler_f cb;
    } methods[] = {
        { "pty.attach", attach_cb }, { "pty.write", write_cb }, { "pty.ack", ack_cb },
        { "pty.resize", resize_cb }, { "pty.detach", detach_cb }, { "disconnect", disconnect_cb },
    };

    iobuf_init (&pty->kept, KEEP);
    if (!(pty->writers = flux_msglist_create ())
        || !(pty->wait_w = flux_timer_watcher_create (pty->shell->r, WAIT_AT_END, 0., timer_cb, pty))
        || !(pty->signal_w = flux_signal_watcher_create (pty->shell->r, SIGTERM, timer_cb, pty)))
        return -1;
    for (size_t i = 0; i < sizeof (methods) / sizeof (methods[0]); i++) {
        if (flux_shell_service_register (pty->shell, methods[i].method, methods[i].cb, pty) < 0)
            return -1;
    }
    return 0;
}

void ptysvc_free (struct pty *pty)
{
    list_foreach (&pty->clients, n)
        client_free (list_entry (n, struct client, node));
    flux_msglist_destroy (pty->writers);
    flux_watcher_destroy (pty->wait_w);
    flux_watcher_destroy (pty->signal_w);
    iobuf_release (&pty->kept);
}
