/* modproc.c - see modproc.h
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "base/spawn.h"
#include "broker/environment.h"
#include "broker/modproc.h"
#include "core/module_state.h"
#include "core/pidwatch.h"

#define CHANNEL_FD 3
#define MESSAGES_PER_TURN 64   /* so that one module cannot starve the others */

struct modproc {
    struct module *m;
    modproc_exited_f exited;
    void *arg;
    pid_t pid;
    int pidfd;
    flux_watcher_t *pid_w;
    flux_t *socket;
    flux_watcher_t *far_w;
    flux_watcher_t *socket_w;
    int errnum;              /* as the loader reported it */
};

/* --- messages --- */

/* The last report is for us: when it is handled as a request the module is gone. */
static bool is_exit_report (struct modproc *p, const flux_msg_t *msg)
{
    const char *topic;
    int type, status, errnum = 0;

    if (flux_msg_get_type (msg, &type) < 0 || type != FLUX_MSGTYPE_REQUEST
        || flux_request_unpack (msg, &topic, "{s:i s?i}", "status", &status, "errnum",
                                &errnum) < 0
        || strcmp (topic, "module.status") != 0 || status != MODULE_STATE_EXITED)
        return false;
    p->errnum = errnum;
    return true;
}

/* How many were passed on. */
static int pass (struct modproc *p, flux_t *from, flux_t *to, int max)
{
    flux_msg_t *msg;
    int n = 0;

    while (n < max && (msg = flux_recv (from, FLUX_MATCH_ANY, FLUX_O_NONBLOCK))) {
        if ((from == p->socket && is_exit_report (p, msg)) || flux_send_new (to, &msg, 0) < 0)
            flux_msg_decref (msg);
        n++;
    }
    return n;
}

static void to_process (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct modproc *p = arg;

    (void)pass (p, p->m->far, p->socket, MESSAGES_PER_TURN);
}

static void from_process (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct modproc *p = arg;

    if (pass (p, p->socket, p->m->far, MESSAGES_PER_TURN) == 0 && (revents & FLUX_POLLERR))
        flux_watcher_stop (w);
}

static json_t *strings (char *const *argv, int argc)
{
    json_t *a = json_array ();

    for (int i = 0; i < argc; i++)
        if (json_array_append_new (a, json_string (argv[i])) < 0) {
            json_decref (a);
            return NULL;
        }
    return a;
}

static json_t *cached_attrs (flux_t *h)
{
    json_t *o = json_object ();

    for (const char *s = flux_attr_cache_first (h); o && s; s = flux_attr_cache_next (h))
        if (json_object_set_new (o, s, json_string (flux_attr_get (h, s))) < 0)
            return NULL;
    return o;
}

static int welcome (struct modproc *p)
{
    struct module *m = p->m;
    struct flux_msg_cred cred = { .userid = getuid (), .rolemask = FLUX_ROLE_OWNER };
    flux_msg_t *msg = flux_request_encode ("welcome", NULL);
    json_t *conf;
    int rc = -1;

    if (flux_conf_unpack (flux_get_conf (m->far), NULL, "O", &conf) < 0)
        conf = json_object ();
    if (msg
        && flux_msg_pack (msg, "{s:o s:o s:o s:s s:s}", "args", strings (m->argv, m->argc),
                          "attrs", cached_attrs (m->far), "conf", conf, "name", m->name,
                          "uuid", endpoint_uuid (m->ep)) == 0
        && flux_msg_set_cred (msg, cred) == 0)
        rc = flux_msg_set_noresponse (msg) < 0 ? -1 : flux_send_new (p->socket, &msg, 0);
    flux_msg_decref (msg);
    return rc;
}

/* --- the process --- */

static void explain (struct modproc *p, int status)
{
    struct module *m = p->m;

    if (m->errnum)             /* it was told to end in this way */
        return;
    m->errnum = p->errnum;
    if (WIFSIGNALED (status)) {
        m->errnum = m->removing ? 0 : ECONNRESET;
        errmsg (&m->error, -1, "module %s: its process (%d) was ended by signal %d", m->name,
                (int)p->pid, WTERMSIG (status));
    }
    else if (m->errnum == 0 && WEXITSTATUS (status) != 0) {
        m->errnum = ECONNRESET;
        errmsg (&m->error, -1, "module %s: its process (%d) exited with code %d", m->name,
                (int)p->pid, WEXITSTATUS (status));
    }
}

static void process_ended (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct modproc *p = arg;
    struct module *m = p->m;
    int status;
    pid_t pid = waitpid (p->pid, &status, WNOHANG);

    if (pid == 0 || (pid < 0 && errno == EINTR))
        return;
    while (pass (p, p->socket, m->far, MESSAGES_PER_TURN) > 0)
        ;
    explain (p, pid < 0 ? 1 << 8 : status);
    module_refuse_queued (m);
    modproc_exited_f exited = p->exited;
    void *exited_arg = p->arg;
    m->proc = NULL;
    modproc_free (p);
    flux_close (m->far);
    m->far = NULL;
    exited (m, exited_arg);
}

void modproc_kill (struct modproc *p)
{
    (void)kill (p->pid, SIGKILL);
}

void modproc_free (struct modproc *p)
{
    if (!p)
        return;
    flux_watcher_destroy (p->pid_w);
    if (p->pidfd >= 0)
        close (p->pidfd);
    flux_watcher_destroy (p->far_w);
    flux_watcher_destroy (p->socket_w);
    flux_close (p->socket);
    free (p);
}

static pid_t spawn (struct module *m, int fd, flux_error_t *err)
{
    char *argv[] = { m->loader, m->path, NULL };
    struct environment *env = environment_new ();
    const char *path = getenv ("FLUX_MODULE_PATH");
    struct spawn_fd fds[] = { { 0, 0 }, { 1, 1 }, { 2, 2 }, { fd, CHANNEL_FD } };
    struct spawn_args sa = {
        .path = m->loader,
        .argv = argv,
        .fds = fds,
        .nfds = 4,
        .ctty_fd = -1,
    };
    char uri[16];
    pid_t pid = -ENOMEM;

    snprintf (uri, sizeof (uri), "fd://%d", CHANNEL_FD);
    if (!env || environment_set (env, "FLUX_MODULE_URI", uri) < 0
        || environment_set (env, "FLUX_MODULE_PATH", path ? path : "") < 0)
        errmsg (err, -ENOMEM, "out of memory");
    else {
        sa.envp = environment_array (env);
        pid = spawn_child (&sa, err);
    }
    environment_free (env);
    return pid;
}

static int open_socket (struct modproc *p, int fd)
{
    flux_reactor_t *r = flux_get_reactor (p->m->far);
    char uri[32];

    snprintf (uri, sizeof (uri), "fd://%d", fd);
    if (!(p->socket = flux_open (uri, 0))) {
        close (fd);
        return -1;
    }
    if (flux_set_reactor (p->socket, r) < 0
        || !(p->socket_w = flux_handle_watcher_create (r, p->socket, FLUX_POLLIN, from_process,
                                                       p))
        || !(p->far_w = flux_handle_watcher_create (r, p->m->far, FLUX_POLLIN, to_process, p)))
        return -1;
    flux_watcher_start (p->socket_w);
    flux_watcher_start (p->far_w);
    return 0;
}

struct modproc *modproc_start (struct module *m, modproc_exited_f exited, void *arg,
                               flux_error_t *err)
{
    struct modproc *p = calloc (1, sizeof (*p));
    flux_error_t why = { 0 };
    int sv[2] = { -1, -1 };
    pid_t pid;

    if (!p)
        goto error;
    *p = (struct modproc){ .m = m, .exited = exited, .arg = arg, .pidfd = -1 };
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0 || open_socket (p, sv[0]) < 0
        || welcome (p) < 0)
        goto error;
    if ((pid = spawn (m, sv[1], &why)) < 0) {
        errno = -pid;
        goto error;
    }
    p->pid = pid;
    if (!(p->pid_w = pidwatch_start (flux_get_reactor (m->far), pid, &p->pidfd, process_ended,
                                     p))) {
        modproc_kill (p);
        (void)waitpid (pid, NULL, 0);
        goto error;
    }
    close (sv[1]);
    return p;
error:
    m->errnum = errno;
    errmsg (err, -1, "module %s: loader %s: %s", m->name, m->loader,
            why.text[0] ? why.text : strerror (errno));
    modproc_free (p);
    if (sv[1] >= 0)
        close (sv[1]);
    return NULL;
}

/* --- which loader --- */

static char *search_in (const char *p, const char *name)
{
    char *file;

    for (; p && *p; p += *p == ':') {
        size_t len = strcspn (p, ":");
        if (asprintf (&file, "%.*s/%s", (int)len, p, name) < 0)
            return NULL;
        if (access (file, X_OK) == 0)
            return file;
        free (file);
        p += len;
    }
    return NULL;
}

static char *search (const char *name)
{
    char *file = search_in (getenv ("FLUX_EXEC_PATH"), name);

    return file ? file : search_in (flux_conf_builtin_get ("exec_path", FLUX_CONF_AUTO), name);
}

char *modproc_loader (const char *path, const char *loader, flux_error_t *err)
{
    const char *base = strrchr (path, '/');
    const char *dot = strrchr (base ? base : path, '.');
    char *found = NULL;

    if (loader) {
        if (access (loader, X_OK) < 0) {
            errno = -errmsg (err, -errno, "loader %s: %s", loader, strerror (errno));
            return NULL;
        }
        found = strdup (loader);
    }
    else if (dot && !strcmp (dot, ".py")) {
        if (!(found = search ("flux-module-python-exec"))) {
            errno = -errmsg (err, -ENOENT, "module %s: there is no flux-module-python-exec in"
                             " FLUX_EXEC_PATH: name a loader with --loader", path);
            return NULL;
        }
    }
    else if (!(found = search ("flux-module-exec"))) {
        errno = -errmsg (err, -ENOENT, "module %s: there is no flux-module-exec in"
                         " FLUX_EXEC_PATH", path);
        return NULL;
    }
    if (!found)
        errno = -errmsg (err, -ENOMEM, "out of memory");
    return found;
}
