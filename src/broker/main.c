/* main.c - put a broker together and run it (flux-broker(1))
 *
 * The parts know each other only by what is passed here.
 */
#include <errno.h>
#include <signal.h>
#include <syslog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "base/fluid.h"
#include "broker/access.h"
#include "broker/attr.h"
#include "broker/attr_service.h"
#include "broker/boot.h"
#include "broker/boot_config.h"
#include "broker/brokersvc.h"
#include "broker/config.h"
#include "broker/environment.h"
#include "broker/groups.h"
#include "broker/life.h"
#include "broker/local.h"
#include "broker/log.h"
#include "broker/modhost.h"
#include "broker/modsvc.h"
#include "broker/options.h"
#include "broker/overlay.h"
#include "broker/pubsub.h"
#include "broker/router.h"
#include "broker/rundir.h"
#include "broker/self.h"
#include "core/future_class.h"
#include "core/uuid.h"

struct broker {
    struct options opts;
    struct attrs *attrs;
    struct boot *boot;             /* by a process manager, or */
    struct boot_config *place;     /* by configuration */
    struct boot_info info;
    struct buf boot_error;         /* longer than a flux_error_t */
    flux_conf_t *conf;             /* as read, until config_new() takes it */
    bool remove_rundir;
    bool remove_statedir;
    flux_reactor_t *reactor;
    char uuid[UUID_SIZE];
    struct router *router;
    struct self *self;
    struct broker_log *log;
    struct attr_service *attr_service;
    struct config *config;
    struct pubsub *pubsub;
    struct groups *groups;
    struct environment *env;
    struct modhost *modhost;
    struct modsvc *modsvc;
    struct overlay *overlay;
    struct life *life;
    struct brokersvc *brokersvc;
    struct local *local;
    flux_watcher_t *signals[8];
};

/* The signal that came before there was a loop to handle it. */
static volatile sig_atomic_t early_signal;

/* --- attributes and directories --- */

static int set_names (struct broker *b, flux_error_t *err)
{
    char name[256];
    struct attrs *a = b->attrs;

    if (gethostname (name, sizeof (name)) < 0)
        return errmsg (err, -errno, "gethostname: %s", strerror (errno));
    name[sizeof (name) - 1] = '\0';
    if (attrs_default (a, "hostname", name, 0) < 0
        || attrs_default (a, "content.hash", "sha1", 0) < 0
        || attrs_default (a, "tbon.prefertcp", "0", 0) < 0
        || attrs_set (a, "version", FLUX_CORE_VERSION_STRING, 0) < 0
        || attrs_set (a, "broker.uuid", b->uuid, 0) < 0
        || attrs_setf (a, "broker.pid", 0, "%d", (int)getpid ()) < 0
        || attrs_setf (a, "security.owner", 0, "%u", (unsigned int)getuid ()) < 0
        || attrs_setf (a, "broker.starttime", 0, "%.6f",
                       flux_reactor_now (b->reactor)) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

/* The process manager names the job in any form; the attribute has F58, as the shell of
 * the job that this broker is a task of writes it. */
static int set_jobid (struct broker *b)
{
    flux_jobid_t id;
    char f58[32];

    if (flux_job_id_parse (b->info.jobid, &id) < 0
        || flux_job_id_encode (id, fluid_plain (NULL, NULL) ? "f58plain" : "f58", f58,
                               sizeof (f58)) < 0)
        return attrs_set (b->attrs, "jobid", b->info.jobid, 0);
    return attrs_set (b->attrs, "jobid", f58, 0);
}

/* "/f1/f2" from what the enclosing broker's own path was, or "/" at the top. */
static int set_jobid_path (struct broker *b)
{
    const char *outer = getenv ("FLUX_JOB_ID_PATH");

    if (b->info.level == 0 || !b->info.jobid)
        return attrs_set (b->attrs, "jobid-path", "/", 0);
    if (outer)
        return attrs_set (b->attrs, "jobid-path", outer, 0);
    return attrs_setf (b->attrs, "jobid-path", 0, "/%s", attrs_get (b->attrs, "jobid", NULL));
}

static int set_place (struct broker *b, flux_error_t *err)
{
    struct attrs *a = b->attrs;
    const char *ns = getenv ("FLUX_KVS_NAMESPACE");
    const char *uri = getenv ("FLUX_URI");

    if (attrs_setf (a, "rank", 0, "%u", (unsigned int)b->info.rank) < 0
        || attrs_setf (a, "size", 0, "%u", (unsigned int)b->info.size) < 0
        || attrs_setf (a, "instance-level", 0, "%d", b->info.level) < 0
        || attrs_set (a, "broker.boot-method", b->info.method, 0) < 0
        || (b->info.mapping
            && attrs_set (a, "broker.mapping", b->info.mapping, 0) < 0)
        || (b->info.level > 0 && b->info.jobid && set_jobid (b) < 0)
        || (b->info.rank == 0
            && attrs_default (a, "content.backing-module", "content-sqlite", 0) < 0)
        || set_jobid_path (b) < 0)
        goto nomem;
    if (b->info.size == 1
        && (attrs_default (a, "broker.mapping", "[[0,1,1,1]]", 0) < 0
            || attrs_default (a, "hostlist", attrs_get (a, "hostname", NULL), 0) < 0))
        goto nomem;
    if (b->place && attrs_setf (a, "broker.mapping", 0, "[[0,%u,1,1]]",
                                (unsigned int)b->info.size) < 0)
        goto nomem;
    if (b->info.level > 0
        && ((uri && attrs_set (a, "parent-uri", uri, 0) < 0)
            || (ns && attrs_set (a, "parent-kvs-namespace", ns, 0) < 0)))
        goto nomem;
    return 0;
nomem:
    return errmsg (err, -ENOMEM, "out of memory");
}

static const char *tmpdir (const char *otherwise)
{
    const char *dir = getenv ("TMPDIR");
    return dir && *dir ? dir : otherwise;
}

static int make_dirs (struct broker *b, flux_error_t *err)
{
    int rc;

    if ((rc = rundir_create (b->attrs, "rundir", tmpdir ("/tmp"), &b->remove_rundir,
                             err)) < 0)
        return rc;
    if (attrs_get (b->attrs, "local-uri", NULL) == NULL
        && attrs_setf (b->attrs, "local-uri", 0, "local://%s/local-%u",
                       attrs_get (b->attrs, "rundir", NULL),
                       (unsigned int)b->info.rank) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    if (b->info.rank > 0)
        return 0;
    if (!attrs_get (b->attrs, "statedir", NULL)
        && attrs_set (b->attrs, "statedir-cleanup", "1", 0) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    return rundir_create (b->attrs, "statedir", tmpdir ("/var/tmp"),
                          &b->remove_statedir, err);
}

static void remove_dirs (struct broker *b)
{
    if (!b->attrs)
        return;
    if (b->remove_rundir)
        rundir_remove (attrs_get (b->attrs, "rundir", NULL));
    if (b->remove_statedir)
        rundir_remove (attrs_get (b->attrs, "statedir", NULL));
}

static int read_config (struct broker *b, flux_error_t *err)
{
    const char *path = b->opts.config_path;

    if (path) {
        if (attrs_set (b->attrs, "config.path", path, 0) < 0)
            return errmsg (err, -ENOMEM, "out of memory");
    }
    else if (!(path = attrs_get (b->attrs, "config.path", NULL))
             && (path = getenv ("FLUX_CONF_DIR")))
        (void)attrs_set (b->attrs, "config.path", path, 0);
    if (path && path[0] == '\0')
        path = NULL;
    if (!(b->conf = config_read (path, b->opts.conf, err)))
        return errno ? -errno : -EINVAL;
    return access_check_conf (b->conf, err);
}

/* What remains of the environment of a Slurm job when that is cleaned: whom to ask for
 * its time limit (modules/resource/slurmlimit.h). */
static int set_slurm (struct broker *b, flux_error_t *err)
{
    const char *jobid = getenv ("SLURM_JOB_ID");
    const char *conf = getenv ("SLURM_CONF");
    double interval;
    int rc = attrs_get_fsd (b->attrs, "slurm.poll-interval", &interval, err);

    if (rc < 0 && rc != -ENOENT)
        return rc;
    if (rc == 0 && interval < 0.01)
        return errmsg (err, -EINVAL, "slurm.poll-interval: must be at least 10ms");
    if (b->info.level > 0 || !jobid)
        return 0;
    if (attrs_set (b->attrs, "slurm.jobid", jobid, 0) < 0
        || (conf && attrs_set (b->attrs, "slurm.conf", conf, 0) < 0))
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

/* Set while a launcher's library may be at work. */
static struct broker *booting;

/* Slurm's ends the process where it cannot read its configuration. */
static void on_exit_of_library (void)
{
    struct broker *b = booting;

    if (!b)
        return;
    booting = NULL;
    fprintf (stderr, "flux-broker: a PMI library ended this process: %s\n",
             "mend what it says above, or leave it out of FLUX_PMI_CLIENT_METHODS");
    remove_dirs (b);
}

/* Configuration tells, if it has the table; else a process manager. */
static int find_place (struct broker *b, flux_error_t *err)
{
    const char *method = attrs_get (b->attrs, "broker.boot-method", NULL);

    if (boot_config_wanted (b->conf, method)) {
        if (!(b->place = boot_config_new (b->conf, attrs_get (b->attrs, "hostname", NULL),
                                          &b->info, err)))
            return errno ? -errno : -EINVAL;
    }
    else {
        booting = b;
        (void)atexit (on_exit_of_library);
        if (!(b->boot = boot_begin (method, &early_signal, &b->info, &b->boot_error)))
            return errno ? -errno : -EINVAL;
    }
    if (b->info.note)
        fprintf (stderr, "flux-broker: %s\n", b->info.note);
    return set_place (b, err);
}

/* The exit program's environment and, so that services that start programs need
 * not know, the broker's own. */
static int set_environment (struct broker *b, flux_error_t *err)
{
    const char *jobid = attrs_get (b->attrs, "jobid", NULL);

    if (setenv ("FLUX_URI", attrs_get (b->attrs, "local-uri", NULL), 1) < 0
        || (jobid ? setenv ("FLUX_ENCLOSING_ID", jobid, 1)
                  : unsetenv ("FLUX_ENCLOSING_ID")) < 0
        || unsetenv ("FLUX_JOB_ID_PATH") < 0
        || !(b->env = environment_new ()))
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

/* --- services --- */

static const flux_conf_t *get_conf (void *arg)
{
    struct broker *b = arg;
    return config_get (b->config);
}

static void on_panic (void *arg, const char *text)
{
    struct broker *b = arg;
    life_panic (b->life, text);
}

static void on_parent (void *arg, int rc, const char *text)
{
    struct broker *b = arg;
    life_parent (b->life, rc, text);
}

static void on_children (void *arg)
{
    struct broker *b = arg;
    if (b->life)
        life_children (b->life);
}

static int failed (flux_error_t *err, const char *what)
{
    return errmsg (err, errno ? -errno : -ENOMEM, "%s: %s", what,
                   strerror (errno ? errno : ENOMEM));
}

static int start_router (struct broker *b, flux_error_t *err)
{
    flux_t *h;
    size_t pos = 0;
    const char *name, *value;
    int flags;

    if (!(b->router = router_new (b->info.rank, b->info.size, b->uuid))
        || !(b->self = self_new (b->router, b->reactor))
        || self_add_services (b->self, "attr event service module log config groups"
                              " overlay state-machine broker shutdown runat"
                              " connector-local") < 0)
        return failed (err, "router");
    h = self_handle (b->self);
    while ((name = attrs_next (b->attrs, &pos, &value, &flags)))
        if (flags & ATTR_IMMUTABLE)
            (void)flux_attr_set_cacheonly (h, name, value);
    return 0;
}

static int start_services (struct broker *b, flux_error_t *err)
{
    flux_t *h = self_handle (b->self);
    flux_conf_t *conf = b->conf;

    if (!(b->log = broker_log_new (h, b->attrs, b->info.rank)))
        return failed (err, "log service");
    b->conf = NULL;
    if (!(b->config = config_new (h, conf, attrs_get (b->attrs, "config.path", NULL),
                                  b->info.rank)))
        return failed (err, "config service");
    if (!(b->attr_service = attr_service_new (h, b->attrs))
        || !(b->pubsub = pubsub_new (b->router, h))
        || !(b->groups = groups_new (h, b->info.rank)))
        return failed (err, "services");
    return 0;
}

static int start_modules (struct broker *b, flux_error_t *err)
{
    struct modhost_args args = {
        .router = b->router,
        .pubsub = b->pubsub,
        .attrs = b->attrs,
        .h = self_handle (b->self),
        .conf = get_conf,
        .conf_arg = b,
        .builtins = builtin_table,
        .data = builtin_data_table,
        .panic = on_panic,
        .arg = b,
    };

    if (!(b->modhost = modhost_new (&args))
        || !(b->modsvc = modsvc_new (args.h, b->modhost)))
        return failed (err, "module host");
    config_set_modhost (b->config, b->modhost);
    return 0;
}

static int on_config (void *arg, const flux_conf_t *conf, flux_error_t *err)
{
    struct broker *b = arg;
    int rc = access_check_conf (conf, err);
    return rc < 0 ? rc : overlay_config_changed (b->overlay, conf, err);
}

static int start_overlay (struct broker *b, flux_error_t *err)
{
    struct overlay_args args = {
        .h = self_handle (b->self),
        .router = b->router,
        .pubsub = b->pubsub,
        .groups = b->groups,
        .attrs = b->attrs,
        .log = b->log,
        .conf = config_get (b->config),
        .rank = b->info.rank,
        .size = b->info.size,
        .hostname = attrs_get (b->attrs, "hostname", NULL),
        .interface_hint = b->info.interface_hint,
        .place = b->place,
        .parent = on_parent,
        .children = on_children,
        .arg = b,
    };

    if (!(b->overlay = overlay_new (&args, err)))
        return errno ? -errno : -EINVAL;
    config_set_hook (b->config, on_config, b);
    if (b->info.size == 1)
        return 0;
    return overlay_bootstrap (b->overlay, b->boot, err);
}

static void on_give_up (void *arg, int code)
{
    remove_dirs (arg);
    _exit (code);
}

static int start_life (struct broker *b, flux_error_t *err)
{
    struct life_args args = {
        .h = self_handle (b->self),
        .rank = b->info.rank,
        .size = b->info.size,
        .attrs = b->attrs,
        .log = b->log,
        .config = b->config,
        .env = b->env,
        .groups = b->groups,
        .modhost = b->modhost,
        .overlay = b->overlay,
        .argc = b->opts.argc,
        .argv = b->opts.argv,
        .give_up = on_give_up,
        .arg = b,
    };

    if (!(b->life = life_new (&args, err)))
        return errno ? -errno : -EINVAL;
    if (!(b->brokersvc = brokersvc_new (args.h, b->life, b->attrs, b->env,
                                        b->info.rank)))
        return failed (err, "services");
    b->local = local_new (args.h, b->router, b->pubsub,
                          attrs_get (b->attrs, "local-uri", NULL), get_conf, b, err);
    return b->local ? 0 : errno ? -errno : -EINVAL;
}

/* --- signals --- */

static const int signums[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2 };

static bool is_for_jobs (int signum)
{
    return signum == SIGUSR1 || signum == SIGUSR2;
}

static void on_signal (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct broker *b = arg;
    int signum = flux_signal_watcher_get_signum (w);

    if (is_for_jobs (signum))
        life_forward_signal (b->life, signum);
    else
        life_signal (b->life, signum);
}

static void on_early_signal (int signum)
{
    if (!is_for_jobs (signum))    /* there are none yet */
        early_signal = signum;
}

/* No SA_RESTART: the boot may be waiting for brokers that never come. */
static void catch_early_signals (void)
{
    struct sigaction sa = { .sa_handler = on_early_signal };

    signal (SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof (signums) / sizeof (signums[0]); i++) {
        sa.sa_flags = is_for_jobs (signums[i]) ? SA_RESTART : 0;
        (void)sigaction (signums[i], &sa, NULL);
    }
}

static int watch_signals (struct broker *b, flux_error_t *err)
{
    for (size_t i = 0; i < sizeof (signums) / sizeof (signums[0]); i++) {
        if (!(b->signals[i] = flux_signal_watcher_create (b->reactor, signums[i],
                                                          on_signal, b)))
            return failed (err, "signals");
        flux_watcher_start (b->signals[i]);
    }
    return 0;
}

/* --- all together --- */

static int set_up (struct broker *b, flux_error_t *err)
{
    int rc;

    if (!(b->reactor = flux_reactor_create (0)))
        return failed (err, "reactor");
    if ((rc = uuid_generate (b->uuid)) < 0)
        return errmsg (err, rc, "uuid: %s", strerror (-rc));
    catch_early_signals ();
    if ((rc = set_names (b, err)) < 0 || (rc = read_config (b, err)) < 0
        || (rc = find_place (b, err)) < 0 || (rc = set_slurm (b, err)) < 0
        || (rc = broker_log_init_attrs (b->attrs, err)) < 0
        || (rc = make_dirs (b, err)) < 0
        || (rc = set_environment (b, err)) < 0 || (rc = start_router (b, err)) < 0
        || (rc = start_services (b, err)) < 0 || (rc = start_modules (b, err)) < 0
        || (rc = start_overlay (b, err)) < 0 || (rc = start_life (b, err)) < 0
        || (rc = watch_signals (b, err)) < 0)
        return rc;
    boot_end (b->boot);
    b->boot = NULL;
    boot_config_free (b->place);
    b->place = NULL;
    booting = NULL;
    environment_clean_process ();      /* not before: a PMI library reads it, too */
    return 0;
}

static void tear_down (struct broker *b)
{
    booting = NULL;
    local_free (b->local);
    brokersvc_free (b->brokersvc);
    life_free (b->life);
    overlay_free (b->overlay);
    modsvc_free (b->modsvc);
    modhost_free (b->modhost);
    groups_free (b->groups);
    pubsub_free (b->pubsub);
    attr_service_free (b->attr_service);
    config_free (b->config);
    flux_conf_decref (b->conf);
    broker_log_free (b->log);
    self_free (b->self);
    router_free (b->router);
    environment_free (b->env);
    boot_config_free (b->place);
    remove_dirs (b);
    boot_end (b->boot);
    buf_release (&b->boot_error);
    /* last: from here on a signal kills */
    for (size_t i = 0; i < sizeof (b->signals) / sizeof (b->signals[0]); i++)
        flux_watcher_destroy (b->signals[i]);
    if (b->reactor)
        flux_reactor_destroy (b->reactor);
    attrs_free (b->attrs);
    options_release (&b->opts);
}

/* A call that waits would stop the whole broker: it is a mistake in the program. */
static void must_not_wait (flux_future_t *f)
{
    fprintf (stderr, "flux-broker: a future was waited for on the event loop\n");
    abort ();
}

static int run (struct broker *b)
{
    const char *endpoint = attrs_get (b->attrs, "tbon.endpoint", NULL);

    if (b->opts.verbose)
        broker_logf (b->log, LOG_CRIT, "boot: rank=%u size=%u method=%s uri=%s endpoint=%s",
                     (unsigned int)b->info.rank, (unsigned int)b->info.size,
                     attrs_get (b->attrs, "broker.boot-method", NULL),
                     attrs_get (b->attrs, "local-uri", NULL), endpoint ? endpoint : "none");
    life_start (b->life);
    if (early_signal)
        life_signal (b->life, early_signal);
    future_set_wait_hook (must_not_wait);
    if (flux_reactor_run (b->reactor, 0) < 0) {
        broker_logf (b->log, LOG_CRIT, "event loop: %s", strerror (errno));
        return 1;
    }
    return life_exit_code (b->life);
}

int main (int argc, char **argv)
{
    struct broker b = { .boot_error = BUF_INIT };
    flux_error_t err = { 0 };
    int code = 1;
    int rc;

    umask (022);
    if (!(b.attrs = attrs_new ()))
        rc = errmsg (&err, -ENOMEM, "out of memory");
    else
        rc = options_parse (&b.opts, argc, argv, b.attrs, &err);
    if (rc == 1)
        code = 0;                          /* --help */
    else if (rc < 0 || (rc = set_up (&b, &err)) < 0) {
        if (!(early_signal && rc == -EINTR))   /* who sent it knows */
            fprintf (stderr, "flux-broker: %s\n",
                     b.boot_error.len ? b.boot_error.data : err.text);
        if (early_signal)
            code = 128 + early_signal;
        if (b.boot)                        /* the others need not wait for this one */
            boot_abort (b.boot, err.text);
    }
    else
        code = run (&b);
    tear_down (&b);
    return code;
}
