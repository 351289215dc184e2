/* slurmlimit.c - the time limit of the Slurm job that this instance is in
 */
#include <errno.h>
#include <math.h>
#include <syslog.h>
#include <unistd.h>

#include "base/duration.h"
#include "modules/resource/cached.h"
#include "modules/resource/slurmlimit.h"

struct slurmlimit {
    flux_t *h;
    slurmlimit_f cb;
    void *arg;
    const char *jobid;
    flux_cmd_t *squeue;
    flux_subprocess_t *p;
    flux_watcher_t *timer;
    bool warned;
};

bool slurmlimit_possible (flux_t *h)
{
    return cached_attr (h, "slurm.jobid") != NULL;
}

int slurmlimit_parse (const char *line, size_t len, double *expirationp)
{
    char buf[32];
    char *end;
    long long t;

    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == ' '))
        len--;
    if (len == 0 || len >= sizeof (buf))
        return -EINVAL;
    memcpy (buf, line, len);
    buf[len] = '\0';
    if (!strcmp (buf, "NONE")) {
        *expirationp = 0.;
        return 0;
    }
    if (strspn (buf, "0123456789") != len)
        return -EINVAL;
    errno = 0;
    t = strtoll (buf, &end, 10);
    if (errno || t < 1 || t > 1LL << 40)
        return -EINVAL;
    *expirationp = t;
    return 0;
}

/* Once: it will be so every minute. */
static void warn (struct slurmlimit *sl, const char *what, const char *why)
{
    if (!sl->warned)
        flux_log (sl->h, LOG_WARNING, "the time limit of Slurm job %s is not known: %s%s%s",
                  sl->jobid, what, why ? ": " : "", why ? why : "");
    sl->warned = true;
}

static struct slurmlimit *of (flux_subprocess_t *p)
{
    return flux_subprocess_aux_get (p, "slurmlimit");
}

static void on_stdout (flux_subprocess_t *p, const char *stream)
{
    struct slurmlimit *sl = of (p);
    double expiration;
    const char *line;
    int len = flux_subprocess_read_line (p, stream, &line);

    if (len <= 0)
        return;
    if (slurmlimit_parse (line, len, &expiration) < 0)
        warn (sl, "squeue says what is no time", NULL);
    else {
        sl->warned = false;
        sl->cb (expiration, sl->arg);
    }
}

static void on_stderr (flux_subprocess_t *p, const char *stream)
{
    const char *line;
    int len = flux_subprocess_read_trimmed_line (p, stream, &line);

    if (len > 0)
        warn (of (p), "squeue", line);
}

static void on_state (flux_subprocess_t *p, flux_subprocess_state_t state)
{
    if (state == FLUX_SUBPROCESS_FAILED)
        warn (of (p), "squeue", strerror (flux_subprocess_fail_errno (p)));
}

static void ask (struct slurmlimit *sl)
{
    const flux_subprocess_ops_t ops = { .on_stdout = on_stdout, .on_stderr = on_stderr,
                                        .on_state_change = on_state };

    if (sl->p && flux_subprocess_active (sl->p))
        return;              /* a controller that does not answer */
    flux_subprocess_destroy (sl->p);
    if (!(sl->p = flux_rexec (sl->h, FLUX_NODEID_ANY, 0, sl->squeue, &ops))
        || flux_subprocess_aux_set (sl->p, "slurmlimit", sl, NULL) < 0)
        warn (sl, "squeue", strerror (errno));
}

static void on_timer (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    ask (arg);
}

static double poll_interval (flux_t *h)
{
    const char *s = cached_attr (h, "slurm.poll-interval");
    double seconds;

    return s && duration_parse (s, &seconds) == 0 && seconds >= 0.01 && isfinite (seconds)
               ? seconds : 60.;
}

static flux_cmd_t *make_command (struct slurmlimit *sl)
{
    char *argv[] = { "squeue", "-h", "-o", "%e", "-j", (char *)sl->jobid, NULL };
    flux_cmd_t *cmd = flux_cmd_create (6, argv, environ);
    const char *conf = cached_attr (sl->h, "slurm.conf");

    if (!cmd || flux_cmd_setenvf (cmd, 1, "SLURM_TIME_FORMAT", "%%s") < 0
        || (conf && flux_cmd_setenvf (cmd, 1, "SLURM_CONF", "%s", conf) < 0)
        || flux_cmd_setcwd (cmd, "/") < 0) {
        flux_cmd_destroy (cmd);
        return NULL;
    }
    return cmd;
}

struct slurmlimit *slurmlimit_start (flux_t *h, slurmlimit_f cb, void *arg)
{
    struct slurmlimit *sl = calloc (1, sizeof (*sl));
    double interval = poll_interval (h);

    if (!sl)
        return NULL;
    sl->h = h;
    sl->cb = cb;
    sl->arg = arg;
    sl->jobid = cached_attr (h, "slurm.jobid");
    if (!(sl->squeue = make_command (sl))
        || !(sl->timer = flux_timer_watcher_create (flux_get_reactor (h), interval, interval,
                                                    on_timer, sl))) {
        slurmlimit_free (sl);
        return NULL;
    }
    flux_watcher_start (sl->timer);
    ask (sl);
    return sl;
}

void slurmlimit_free (struct slurmlimit *sl)
{
    if (!sl)
        return;
    flux_subprocess_destroy (sl->p);
    flux_watcher_destroy (sl->timer);
    flux_cmd_destroy (sl->squeue);
    free (sl);
}
