/* monitor.c - which brokers are online, which of them torpid
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <flux/idset.h>

#include "modules/resource/monitor.h"

static const char *const names[MONITOR_NGROUPS] = { "broker.online", "broker.torpid" };

struct monitor {
    flux_t *h;
    monitor_f cb;
    void *arg;
    flux_future_t *f_mode;
    bool recovery;
    flux_future_t *f[MONITOR_NGROUPS];
};

static struct idset *decode (const struct monitor *m, enum monitor_group group, const char *s)
{
    return idset_decode (m->recovery && group == MONITOR_ONLINE ? "" : s);
}

static void group_changed (flux_future_t *f, void *arg)
{
    struct monitor *m = arg;
    enum monitor_group group = f == m->f[MONITOR_TORPID] ? MONITOR_TORPID
                                                         : MONITOR_ONLINE;
    struct idset *members;
    const char *s;

    if (flux_rpc_get_unpack (f, "{s:s}", "members", &s) < 0
        || !(members = decode (m, group, s))) {
        flux_log_error (m->h, "groups.get %s", names[group]);
        return;
    }
    m->cb (group, members, m->arg);
    idset_destroy (members);
    flux_future_reset (f);
}

static int watch_groups (struct monitor *m)
{
    for (int i = 0; i < MONITOR_NGROUPS; i++) {
        if (!(m->f[i] = flux_rpc_pack (m->h, "groups.get", FLUX_NODEID_ANY,
                                       FLUX_RPC_STREAMING, "{s:s}", "name", names[i]))
            || flux_future_then (m->f[i], -1., group_changed, m) < 0)
            return -1;
    }
    return 0;
}

/* The attribute is there in recovery mode only. */
static void mode_known (flux_future_t *f, void *arg)
{
    struct monitor *m = arg;

    m->recovery = flux_rpc_get (f, NULL) == 0;
    if (watch_groups (m) < 0)
        flux_log_error (m->h, "groups.get");
}

struct monitor *monitor_new (flux_t *h, monitor_f cb, void *arg)
{
    struct monitor *m = calloc (1, sizeof (*m));

    if (!m)
        return NULL;
    m->h = h;
    m->cb = cb;
    m->arg = arg;
    if (!(m->f_mode = flux_rpc_pack (h, "attr.get", FLUX_NODEID_ANY, 0, "{s:s}", "name",
                                     "broker.recovery-mode"))
        || flux_future_then (m->f_mode, -1., mode_known, m) < 0) {
        monitor_free (m);
        return NULL;
    }
    return m;
}

void monitor_free (struct monitor *m)
{
    if (m) {
        int saved = errno;

        flux_future_destroy (m->f_mode);
        for (int i = 0; i < MONITOR_NGROUPS; i++)
            flux_future_destroy (m->f[i]);
        free (m);
        errno = saved;
    }
}
