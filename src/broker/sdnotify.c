/* sdnotify.c - tell systemd how the broker is
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "broker/sdnotify.h"

struct sdnotify {
    int fd;
    struct sockaddr_un addr;
    socklen_t addrlen;
    double stop_timeout;     /* 0: none */
    bool ready;
};

/* "/path", or "@name" for the abstract namespace. */
static int set_address (struct sdnotify *s, const char *path)
{
    size_t len = strlen (path);

    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof (s->addr.sun_path))
        return -EINVAL;
    s->addr.sun_family = AF_UNIX;
    memcpy (s->addr.sun_path, path, len + 1);
    s->addrlen = offsetof (struct sockaddr_un, sun_path) + len + (path[0] == '/');
    if (path[0] == '@')
        s->addr.sun_path[0] = '\0';
    return 0;
}

static int read_attrs (struct attrs *attrs, int *on, double *timeout, flux_error_t *err)
{
    int rc;

    *on = 0;
    *timeout = 0;
    if (attrs_get (attrs, "broker.sd-notify", NULL)
        && (rc = attrs_get_int (attrs, "broker.sd-notify", 0, 1, on, err)) < 0)
        return rc;
    if (attrs_get (attrs, "broker.sd-stop-timeout", NULL)
        && (rc = attrs_get_fsd (attrs, "broker.sd-stop-timeout", timeout, err)) < 0)
        return rc;
    return 0;
}

int sdnotify_new (struct attrs *attrs, struct sdnotify **sp, flux_error_t *err)
{
    const char *path = getenv ("NOTIFY_SOCKET");
    struct sdnotify *s;
    double timeout;
    int on, rc;

    *sp = NULL;
    if ((rc = read_attrs (attrs, &on, &timeout, err)) < 0)
        return rc;
    if (!on || !path || !*path)
        return 0;
    if (!(s = calloc (1, sizeof (*s))))
        return errmsg (err, -ENOMEM, "out of memory");
    s->stop_timeout = timeout;
    if ((rc = set_address (s, path)) < 0)
        errmsg (err, rc, "NOTIFY_SOCKET: '%.80s' is not the name of a socket", path);
    else if ((s->fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
        rc = errmsg (err, -errno, "socket: %s", strerror (errno));
    if (rc < 0) {
        free (s);
        return rc;
    }
    *sp = s;
    return 0;
}

void sdnotify_free (struct sdnotify *s)
{
    if (s) {
        close (s->fd);
        free (s);
    }
}

static void tell (struct sdnotify *s, const char *text, int n)
{
    (void)sendto (s->fd, text, n, MSG_NOSIGNAL, (struct sockaddr *)&s->addr, s->addrlen);
}

static int more_time (struct sdnotify *s, char *text, size_t size)
{
    if (s->stop_timeout <= 0 || !isfinite (s->stop_timeout))
        return 0;
    return snprintf (text, size, "EXTEND_TIMEOUT_USEC=%.0f\n", s->stop_timeout * 1e6);
}

void sdnotify_status (struct sdnotify *s, const char *status)
{
    char text[256];
    int n;

    if (!s)
        return;
    n = snprintf (text, sizeof (text), "STATUS=%.160s\n", status);
    n += more_time (s, text + n, sizeof (text) - n);
    tell (s, text, n);
}

/* One that does not listen is not told. */
void sdnotify_state (struct sdnotify *s, enum runlevel level)
{
    char text[160];
    int n;

    if (!s)
        return;
    n = snprintf (text, sizeof (text), "STATUS=%s\n", runlevel_name (level));
    if (level == RUNLEVEL_RUN && !s->ready) {
        n += snprintf (text + n, sizeof (text) - n, "READY=1\n");
        s->ready = true;
    }
    if (level == RUNLEVEL_CLEANUP)
        n += snprintf (text + n, sizeof (text) - n, "STOPPING=1\n");
    if (level >= RUNLEVEL_CLEANUP)
        n += more_time (s, text + n, sizeof (text) - n);
    tell (s, text, n);
}
