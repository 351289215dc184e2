/* attach_stdin.c - send this process's standard input to a job's shell
 *
 * One request is under way at a time, so that a slow job holds back the reader.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <flux/idset.h>

#include "cmd/attach_stdin.h"
#include "cmd/cmd.h"
#include "spec/iodata.h"

#define CHUNK 65536

struct attach_stdin {
    flux_t *h;
    flux_watcher_t *w;
    char *topic;
    char *ranks;
    int rank;
    flux_future_t *f;
    bool eof;
};

static void sent_cb (flux_future_t *f, void *arg)
{
    struct attach_stdin *in = arg;

    if (flux_future_get (f, NULL) < 0) {
        /* the job ended, or its shell takes no input */
        in->eof = true;
        if (errno != ENOSYS && errno != EPIPE && errno != EHOSTUNREACH)
            cmd_err ("stdin: %s", future_strerror (f, errno));
    }
    flux_future_destroy (f);
    in->f = NULL;
    if (!in->eof)
        flux_watcher_start (in->w);
}

/* Takes the reference; reading goes on when it is answered. */
static void request (struct attach_stdin *in, json_t *o)
{
    in->f = o ? flux_rpc_pack (in->h, in->topic, in->rank, 0, "o", o) : NULL;
    if (!in->f || flux_future_then (in->f, -1., sent_cb, in) < 0)
        cmd_die (1, "stdin: %s", flux_strerror (errno));
    flux_watcher_stop (in->w);
}

static void send (struct attach_stdin *in, const char *data, size_t len, bool eof)
{
    request (in, iodata_encode ("stdin", in->ranks ? in->ranks : "all", data, len, eof));
}

static void read_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct attach_stdin *in = arg;
    char buf[CHUNK];
    ssize_t n = read (STDIN_FILENO, buf, sizeof (buf));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        in->eof = true;
    send (in, buf, n > 0 ? n : 0, n <= 0);
}

/* Regular files cannot be watched by epoll; they are always ready. */
flux_watcher_t *attach_stdin_watcher (flux_reactor_t *r, flux_watcher_f cb, void *arg)
{
    struct stat st;

    if (fstat (STDIN_FILENO, &st) < 0)
        return NULL;
    if (S_ISREG (st.st_mode) || (S_ISCHR (st.st_mode) && !isatty (STDIN_FILENO)))
        return flux_idle_watcher_create (r, cb, arg);
    return flux_fd_watcher_create (r, STDIN_FILENO, FLUX_POLLIN, cb, arg);
}

struct attach_stdin *attach_stdin_start (flux_t *h, const char *service, int rank,
                                         const char *ranks)
{
    struct attach_stdin *in = calloc (1, sizeof (*in));

    if (ranks && strcmp (ranks, "all") == 0)
        ranks = NULL;
    if (!in || asprintf (&in->topic, "%s.stdin", service) < 0
        || (ranks && !(in->ranks = strdup (ranks))))
        cmd_die (1, "out of memory");
    in->h = h;
    in->rank = rank;
    if (!(in->w = attach_stdin_watcher (flux_get_reactor (h), read_cb, in))) {
        attach_stdin_free (in);
        return NULL;
    }
    if (ranks)    /* the others have no input */
        request (in, json_pack ("{s:s}", "except", ranks));
    else
        flux_watcher_start (in->w);
    return in;
}

void attach_stdin_free (struct attach_stdin *in)
{
    if (!in)
        return;
    flux_watcher_destroy (in->w);
    flux_future_destroy (in->f);
    free (in->topic);
    free (in->ranks);
    free (in);
}
