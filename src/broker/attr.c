/* attr.c - broker attributes
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>

#include "base/duration.h"
#include "base/errmsg.h"
#include "base/hash.h"
#include "broker/attr.h"

struct entry {
    char *value;
    int flags;
    attr_hook_f hook;
    void *hook_arg;
};

struct attrs {
    struct hash *entries;
};

static const struct {
    const char *name;
    int flags;
} known[] = {
    { "rank", ATTR_READONLY | ATTR_IMMUTABLE },
    { "size", ATTR_READONLY | ATTR_IMMUTABLE },
    { "version", ATTR_READONLY | ATTR_IMMUTABLE },
    { "rundir", ATTR_IMMUTABLE },
    { "rundir-cleanup", 0 },
    { "statedir", ATTR_IMMUTABLE },
    { "statedir-cleanup", ATTR_IMMUTABLE },
    { "security.owner", ATTR_READONLY | ATTR_IMMUTABLE },
    { "local-uri", ATTR_IMMUTABLE },
    { "parent-uri", ATTR_READONLY | ATTR_IMMUTABLE },
    { "instance-level", ATTR_READONLY | ATTR_IMMUTABLE },
    { "jobid", ATTR_READONLY | ATTR_IMMUTABLE },
    { "jobid-path", ATTR_READONLY | ATTR_IMMUTABLE },
    { "parent-kvs-namespace", ATTR_READONLY | ATTR_IMMUTABLE },
    { "hostlist", ATTR_IMMUTABLE },
    { "hostname", ATTR_IMMUTABLE },
    { "broker.mapping", ATTR_READONLY | ATTR_IMMUTABLE },
    { "broker.critical-ranks", ATTR_IMMUTABLE },
    { "broker.boot-method", ATTR_IMMUTABLE },
    { "broker.pid", ATTR_READONLY | ATTR_IMMUTABLE },
    { "broker.quorum", ATTR_IMMUTABLE },
    { "broker.quorum-warn", 0 },
    { "broker.shutdown-warn", 0 },
    { "broker.shutdown-timeout", 0 },
    { "broker.cleanup-timeout", 0 },
    { "broker.unload-builtins-timeout", 0 },
    { "broker.rc1_path", 0 },
    { "broker.rc3_path", 0 },
    { "broker.rc2_none", 0 },
    { "broker.rc2_pgrp", 0 },
    { "broker.exit-restart", ATTR_RUNTIME },
    { "broker.exit-norestart", ATTR_RUNTIME },
    { "broker.module-nopanic", ATTR_RUNTIME },
    { "broker.starttime", ATTR_READONLY | ATTR_IMMUTABLE },
    { "broker.sd-notify", 0 },
    { "broker.sd-stop-timeout", 0 },
    { "broker.recovery-mode", 0 },
    { "broker.uuid", ATTR_READONLY | ATTR_IMMUTABLE },
    { "conf.shell_initrc", ATTR_RUNTIME },
    { "conf.shell_pluginpath", ATTR_RUNTIME },
    { "config.path", 0 },
    { "slurm.jobid", ATTR_READONLY | ATTR_IMMUTABLE },
    { "slurm.conf", ATTR_READONLY | ATTR_IMMUTABLE },
    { "slurm.poll-interval", ATTR_IMMUTABLE },
    { "tbon.topo", ATTR_CONFIG | ATTR_IMMUTABLE },
    { "tbon.descendants", ATTR_READONLY | ATTR_IMMUTABLE },
    { "tbon.level", ATTR_READONLY | ATTR_IMMUTABLE },
    { "tbon.maxlevel", ATTR_READONLY | ATTR_IMMUTABLE },
    { "tbon.endpoint", ATTR_READONLY | ATTR_IMMUTABLE },
    { "tbon.parent-endpoint", ATTR_READONLY | ATTR_IMMUTABLE },
    { "tbon.zmqdebug", ATTR_CONFIG },
    { "tbon.zmq_io_threads", ATTR_CONFIG },
    { "tbon.child_rcvhwm", ATTR_CONFIG },
    { "tbon.prefertcp", 0 },
    { "tbon.interface-hint", ATTR_CONFIG | ATTR_RUNTIME },
    { "tbon.torpid_min", ATTR_CONFIG },
    { "tbon.torpid_max", ATTR_CONFIG },
    { "tbon.tcp_user_timeout", ATTR_CONFIG },
    { "tbon.connect_timeout", ATTR_CONFIG },
    { "log-ring-size", 0 },
    { "log-forward-level", 0 },
    { "log-critical-level", 0 },
    { "log-filename", 0 },
    { "log-syslog-enable", 0 },
    { "log-syslog-level", 0 },
    { "log-stderr-mode", 0 },
    { "log-stderr-level", ATTR_RUNTIME },
    { "log-level", 0 },
    { "content.backing-module", ATTR_RUNTIME },
    { "content.hash", ATTR_IMMUTABLE },
    { "content.dump", ATTR_RUNTIME },
    { "content.restore", ATTR_RUNTIME },
    { "cron.directory", 0 },
};

/* Known, but for what is not there: better refused than without effect.  A value
 * that asks for no more than what is done anyway passes. */
static const struct {
    const char *name;
    const char *allowed;
    const char *why;
} refused[] = {
    { "content.backing-module", "content-sqlite", "content-sqlite is the only one" },
};

/* Other parts of the system keep their own names here. */
static const char *const open_spaces[] = {
    "test.", "conf.", "content.", "cron.", "kvs.", "job-", "sched", "resource.",
};

static int known_flags (const char *name, int *flagsp)
{
    for (size_t i = 0; i < sizeof (known) / sizeof (known[0]); i++) {
        if (!strcmp (known[i].name, name)) {
            *flagsp = known[i].flags;
            return 0;
        }
    }
    return -ENOENT;
}

static int check_refused (const char *name, const char *value, flux_error_t *err)
{
    for (size_t i = 0; value && i < sizeof (refused) / sizeof (refused[0]); i++)
        if (!strcmp (name, refused[i].name) && strcmp (value, refused[i].allowed) != 0)
            return errmsg (err, -ENOTSUP, "attribute '%s' may not be set to '%s': %s", name,
                           value, refused[i].why);
    return 0;
}

static bool in_open_space (const char *name)
{
    for (size_t i = 0; i < sizeof (open_spaces) / sizeof (open_spaces[0]); i++)
        if (!strncmp (name, open_spaces[i], strlen (open_spaces[i])))
            return true;
    return false;
}

static void entry_free (void *val)
{
    struct entry *e = val;
    if (e) {
        free (e->value);
        free (e);
    }
}

static struct entry *entry_get (struct attrs *a, const char *name)
{
    struct entry *e = hash_get (a->entries, name);

    if (e)
        return e;
    if (!(e = calloc (1, sizeof (*e))))
        return NULL;
    if (known_flags (name, &e->flags) < 0)
        e->flags = ATTR_RUNTIME;
    if (hash_set (a->entries, name, e) < 0) {
        entry_free (e);
        return NULL;
    }
    return e;
}

static int assign (struct attrs *a, const char *name, const char *value, int flags,
                   flux_error_t *err)
{
    struct entry *e;
    char *copy = NULL, *old;
    int rc = 0;

    if (value && !(copy = strdup (value)))
        return errmsg (err, -ENOMEM, "out of memory");
    if (!(e = entry_get (a, name))) {
        free (copy);
        return errmsg (err, -ENOMEM, "out of memory");
    }
    old = e->value;
    e->value = copy;
    if (e->hook && (rc = e->hook (name, e->value, err, e->hook_arg)) < 0) {
        e->value = old;
        old = copy;
    }
    else
        e->flags |= flags;
    free (old);
    return rc;
}

int attrs_set_cmdline (struct attrs *a, const char *name, const char *value,
                       flux_error_t *err)
{
    int flags;

    if (known_flags (name, &flags) < 0) {
        if (!in_open_space (name))
            return errmsg (err, -EINVAL, "setattr: unknown attribute '%s': see"
                           " flux-broker-attributes(7) for the names", name);
        flags = 0;
    }
    if (flags & ATTR_READONLY)
        return errmsg (err, -EPERM, "setattr: attribute '%s' is informational"
                       " and may not be set", name);
    if (check_refused (name, value, err) < 0)
        return -ENOTSUP;
    return assign (a, name, value, 0, err);
}

int attrs_set (struct attrs *a, const char *name, const char *value, int flags)
{
    return assign (a, name, value, flags, NULL);
}

int attrs_setf (struct attrs *a, const char *name, int flags, const char *fmt, ...)
{
    char *s;
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = vasprintf (&s, fmt, ap);
    va_end (ap);
    if (rc < 0)
        return -ENOMEM;
    rc = assign (a, name, s, flags, NULL);
    free (s);
    return rc;
}

int attrs_default (struct attrs *a, const char *name, const char *value, int flags)
{
    struct entry *e = hash_get (a->entries, name);

    if (e && e->value) {
        e->flags |= flags;
        return 0;
    }
    return assign (a, name, value, flags, NULL);
}

int attrs_update (struct attrs *a, const char *name, const char *value,
                  bool force, flux_error_t *err)
{
    struct entry *e = hash_get (a->entries, name);
    int flags = ATTR_RUNTIME;

    if (name[0] == '\0')
        return errmsg (err, -EINVAL, "attribute name is empty");
    if (e)
        flags = e->flags;
    else if (known_flags (name, &flags) < 0)
        flags = ATTR_RUNTIME;
    if (!value && (!e || !e->value))
        return errmsg (err, -ENOENT, "attribute '%s' is not set", name);
    if (check_refused (name, value, err) < 0)
        return -ENOTSUP;
    if ((flags & ATTR_IMMUTABLE) && e && e->value)
        return errmsg (err, -EPERM, "attribute '%s' cannot change while the"
                       " broker runs", name);
    if (!force && !(flags & ATTR_RUNTIME))
        return errmsg (err, -EPERM, "attribute '%s' may not be updated at run"
                       " time (--force sets it all the same)", name);
    return assign (a, name, value, 0, err);
}

const char *attrs_get (const struct attrs *a, const char *name, int *flagsp)
{
    struct entry *e = hash_get (a->entries, name);

    if (!e || !e->value)
        return NULL;
    if (flagsp)
        *flagsp = e->flags;
    return e->value;
}

int attrs_get_int (const struct attrs *a, const char *name, int min, int max,
                   int *valp, flux_error_t *err)
{
    const char *s = attrs_get (a, name, NULL);
    char *end;
    long val;

    if (!s)
        return errmsg (err, -ENOENT, "attribute '%s' is not set", name);
    errno = 0;
    val = strtol (s, &end, 10);
    if (errno || end == s || *end)
        return errmsg (err, -EINVAL, "attribute '%s': '%s' is not an integer",
                       name, s);
    if (val < min || val > max)
        return errmsg (err, -EINVAL, "attribute '%s': %ld is not in the range"
                       " %d to %d", name, val, min, max);
    *valp = (int)val;
    return 0;
}

int attrs_get_fsd (const struct attrs *a, const char *name, double *valp,
                   flux_error_t *err)
{
    const char *s = attrs_get (a, name, NULL);

    if (!s)
        return errmsg (err, -ENOENT, "attribute '%s' is not set", name);
    if (!strcmp (s, "none")) {
        *valp = INFINITY;
        return 0;
    }
    if (duration_parse (s, valp) < 0)
        return errmsg (err, -EINVAL, "attribute '%s': '%s' is not a duration"
                       " such as 30s or 5m", name, s);
    return 0;
}

const char *attrs_next (const struct attrs *a, size_t *pos, const char **valuep,
                        int *flagsp)
{
    const char *name;
    struct entry *e;

    while ((e = hash_next (a->entries, pos, &name))) {
        if (!e->value)
            continue;
        if (valuep)
            *valuep = e->value;
        if (flagsp)
            *flagsp = e->flags;
        return name;
    }
    return NULL;
}

int attrs_hook (struct attrs *a, const char *name, attr_hook_f fun, void *arg)
{
    struct entry *e = entry_get (a, name);

    if (!e)
        return -ENOMEM;
    e->hook = fun;
    e->hook_arg = arg;
    return 0;
}

struct attrs *attrs_new (void)
{
    struct attrs *a = calloc (1, sizeof (*a));

    if (a && !(a->entries = hash_new (entry_free))) {
        free (a);
        return NULL;
    }
    return a;
}

void attrs_free (struct attrs *a)
{
    if (a) {
        hash_free (a->entries);
        free (a);
    }
}
