/* resolve.c - from what a person calls an instance to its URI
 *
 *   resolve ──attr.get parent-uri, local-uri──► broker, up to the root for "/"
 *           ──job-list.list-id {annotations, state}──► of each job of the path
 *           ──job-info.eventlog-watch──► with ?wait, until the uri memo is there
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "cmd/cmd.h"
#include "cmd/capture.h"
#include "cmd/resolve.h"

const char resolve_schemes[] =
    "\nURI schemes:\n"
    "  jobid:PATH            A job of this instance, a path of jobs like f1/f2, /, .. or .\n"
    "  pid:PID               FLUX_URI of a process, or of the children of a broker\n"
    "  slurm:JOBID           an instance that runs as a job of Slurm\n"
    "  local://, ssh://      As they are\n";

/* Forms of native URIs */

static void get_host (char *buf, size_t size)
{
    if (gethostname (buf, size) < 0)
        snprintf (buf, size, "localhost");
    buf[size - 1] = '\0';
}

/* Path of ssh://[USER@]HOST[:PORT]/PATH, or NULL. */
static const char *ssh_path (const char *uri)
{
    return strncmp (uri, "ssh://", 6) == 0 ? strchr (uri + 6, '/') : NULL;
}

static char *to_local (const char *uri)
{
    const char *path = ssh_path (uri);
    char *s;

    if (!path)
        return strdup (uri);
    return asprintf (&s, "local://%s", path) < 0 ? NULL : s;
}

static char *to_remote (const char *uri)
{
    char host[256];
    char *s;

    if (strncmp (uri, "local://", 8) != 0)
        return strdup (uri);
    get_host (host, sizeof (host));
    return asprintf (&s, "ssh://%s%s", host, uri + 8) < 0 ? NULL : s;
}

static bool is_here (const char *uri)
{
    const char *path = ssh_path (uri);
    const char *host = uri + 6;
    const char *at;
    char self[256];

    if (!path)
        return false;
    if ((at = memchr (host, '@', path - host)))
        return false;                 /* another user's account: not for us to reach */
    get_host (self, sizeof (self));
    return strlen (self) == (size_t)(path - host) && strncmp (self, host, path - host) == 0
           && access (path, F_OK) == 0;
}

char *resolve_shorten (const char *uri)
{
    return getenv ("FLUX_URI_RESOLVE_LOCAL") || is_here (uri) ? to_local (uri) : strdup (uri);
}

/* Take 'uri' and give it in the form that flags ask for. */
static char *in_form (char *uri, int flags, flux_error_t *err)
{
    char *s = uri;

    if (uri && flags & RESOLVE_LOCAL)
        s = to_local (uri);
    else if (uri && flags & RESOLVE_REMOTE)
        s = to_remote (uri);
    if (s != uri)
        free (uri);
    if (uri && !s)
        errmsg (err, -ENOMEM, "out of memory");
    return s;
}

/* jobid: one job */

static const char *posted_uri (json_t *job)
{
    json_t *user = json_object_get (json_object_get (job, "annotations"), "user");

    return json_string_value (json_object_get (user, "uri"));
}

/* Wait for a memo event with a uri.  0, or -1 with err: the job has ended. */
static char *wait_uri (flux_t *h, flux_jobid_t id, const char *name, flux_error_t *err)
{
    flux_future_t *f = flux_job_event_watch (h, id, "eventlog", 0);
    const char *event;
    char *uri = NULL;

    while (!uri && f && flux_job_event_watch_get (f, &event) == 0) {
        json_t *o = json_loads (event, 0, NULL);
        const char *kind = json_string_value (json_object_get (o, "name"));
        json_t *s = json_object_get (json_object_get (o, "context"), "uri");
        if (kind && strcmp (kind, "memo") == 0 && json_is_string (s))
            uri = strdup (json_string_value (s));
        if (kind && strcmp (kind, "clean") == 0) {
            json_decref (o);
            break;
        }
        json_decref (o);
        flux_future_reset (f);
    }
    if (!uri)
        errmsg (err, -ENOENT, "job %s has ended without posting a URI: it was not a Flux"
                " instance, or did not start", name);
    flux_future_destroy (f);
    return uri;
}

static char *no_uri (json_t *job, const char *name, flux_error_t *err)
{
    int state = json_integer_value (json_object_get (job, "state"));

    if (state == FLUX_JOB_STATE_INACTIVE)
        errmsg (err, -ENOENT, "job %s is not running any more", name);
    else if (state != FLUX_JOB_STATE_RUN && state != FLUX_JOB_STATE_CLEANUP)
        errmsg (err, -EAGAIN, "job %s is not running yet (--wait or ?wait waits for it)", name);
    else
        errmsg (err, -ENOENT, "job %s has no URI: it is not a Flux instance, or has not started"
                " yet (--wait or ?wait waits for it)", name);
    return NULL;
}

static char *lookup_job (flux_t *h, const char *name, int flags, flux_error_t *err)
{
    flux_future_t *f;
    flux_jobid_t id;
    json_t *job = NULL;
    int state;
    char *uri = NULL;

    if (flux_job_id_parse (name, &id) < 0) {
        errmsg (err, -EINVAL, "'%s' is not a job id", name);
        return NULL;
    }
    f = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[ss]}",
                       "id", (json_int_t)id, "attrs", "annotations", "state");
    if (!f || flux_rpc_get_unpack (f, "{s:o}", "job", &job) < 0)
        errmsg (err, -errno, "job %s: %s", name,
                errno == ENOENT ? "there is no such job here"
                : f ? future_strerror (f, errno) : strerror (errno));
    else {
        state = json_integer_value (json_object_get (job, "state"));
        if (state != FLUX_JOB_STATE_INACTIVE && posted_uri (job))
            uri = strdup (posted_uri (job));
        else if (flags & RESOLVE_WAIT && state != FLUX_JOB_STATE_INACTIVE)
            uri = wait_uri (h, id, name, err);
        else
            no_uri (job, name, err);
    }
    flux_future_destroy (f);
    return uri;
}

/* jobid: paths */

struct walk {
    flux_t *h;      /* open on 'uri', or NULL: not yet */
    char *uri;      /* of where we are */
    int flags;
};

static void walk_release (struct walk *w)
{
    flux_close (w->h);
    free (w->uri);
}

static int walk_to (struct walk *w, char *uri, flux_error_t *err)
{
    if (!uri)
        return -1;
    walk_release (w);
    w->h = NULL;
    w->uri = uri;
    return 0;
}

static int walk_open (struct walk *w, flux_error_t *err)
{
    flux_error_t why;
    char *uri;

    if (w->h)
        return 0;
    uri = w->flags & RESOLVE_LOCAL ? to_local (w->uri) : resolve_shorten (w->uri);
    if (uri && (w->h = flux_open_ex (uri, 0, &why))) {
        free (uri);
        return 0;
    }
    errmsg (err, -errno, "cannot reach the Flux instance at %s: %s", w->uri,
            uri ? why.text : "out of memory");
    free (uri);
    return -1;
}

static int walk_start (struct walk *w, flux_error_t *err)
{
    const char *s;

    if (!(w->h = flux_open_ex (NULL, 0, err)))
        return -1;
    if (!(s = getenv ("FLUX_URI")) && !(s = flux_attr_get (w->h, "local-uri"))) {
        errmsg (err, -errno, "attribute local-uri: %s", strerror (errno));
        return -1;
    }
    return (w->uri = strdup (s)) ? 0 : errmsg (err, -ENOMEM, "out of memory");
}

/* At the top it stays where it is, as in a file system.  Returns 1 if it moved. */
static int walk_up (struct walk *w, flux_error_t *err)
{
    const char *s;

    if (walk_open (w, err) < 0)
        return -1;
    if (!(s = flux_attr_get (w->h, "parent-uri")))
        return 0;
    return walk_to (w, strdup (s), err) < 0 ? -1 : 1;
}

static int walk_step (struct walk *w, const char *name, flux_error_t *err)
{
    if (strcmp (name, ".") == 0 || !*name)
        return 0;
    if (strcmp (name, "..") == 0)
        return walk_up (w, err);
    if (walk_open (w, err) < 0)
        return -1;
    return walk_to (w, lookup_job (w->h, name, w->flags, err), err);
}

static char *resolve_jobid (const char *path, int flags, flux_error_t *err)
{
    struct walk w = { .flags = flags };
    char *copy = strdup (path);
    char *save = NULL;
    char *uri = NULL;
    int rc;

    if (!copy || !*copy) {
        errmsg (err, -EINVAL, "an empty target: want a job id, a path of them, or a URI");
        free (copy);
        return NULL;
    }
    rc = walk_start (&w, err);
    if (*path == '/')
        while (rc >= 0 && (rc = walk_up (&w, err)) > 0)
            ;
    for (char *s = strtok_r (copy, "/", &save); s && rc >= 0; s = strtok_r (NULL, "/", &save))
        rc = walk_step (&w, s, err);
    if (rc >= 0) {
        uri = w.uri;
        w.uri = NULL;
    }
    walk_release (&w);
    free (copy);
    return uri;
}

/* pid */

static bool read_proc (int pid, const char *name, struct buf *b)
{
    char path[64];
    char chunk[4096];
    ssize_t n;
    int fd;

    snprintf (path, sizeof (path), "/proc/%d/%s", pid, name);
    if ((fd = open (path, O_RDONLY | O_CLOEXEC)) < 0)
        return false;
    while ((n = read (fd, chunk, sizeof (chunk))) > 0)
        (void)buf_add (b, chunk, n);
    close (fd);
    return n == 0;
}

static char *environ_uri (int pid)
{
    struct buf b = BUF_INIT;
    char *uri = NULL;

    if (read_proc (pid, "environ", &b)) {
        for (size_t i = 0; i < b.len && !uri; i += strlen (b.data + i) + 1) {
            if (strncmp (b.data + i, "FLUX_URI=", 9) == 0)
                uri = strdup (b.data + i + 9);
        }
    }
    buf_release (&b);
    return uri;
}

/* "PID (COMM) STATE PPID ...": COMM may have blanks and parentheses. */
static int parent_pid (int pid)
{
    struct buf b = BUF_INIT;
    const char *s;
    int ppid = -1;

    if (read_proc (pid, "stat", &b) && (s = strrchr (b.data, ')')) && strlen (s) > 4)
        ppid = strtol (s + 4, NULL, 10);
    buf_release (&b);
    return ppid;
}

static char *child_environ_uri (int parent)
{
    DIR *d = opendir ("/proc");
    struct dirent *e;
    char *uri = NULL;

    while (d && !uri && (e = readdir (d))) {
        int pid = strtol (e->d_name, NULL, 10);
        if (pid > 0 && parent_pid (pid) == parent)
            uri = environ_uri (pid);
    }
    if (d)
        closedir (d);
    return uri;
}

static char *resolve_pid (const char *s, flux_error_t *err)
{
    struct buf comm = BUF_INIT;
    char *end;
    long pid = strtol (s, &end, 10);
    char *uri;

    if (!isdigit ((unsigned char)*s) || *end || pid <= 0 || pid > 0x7fffffff) {
        errmsg (err, -EINVAL, "'%s' is not a process id", s);
        return NULL;
    }
    if (!read_proc (pid, "comm", &comm)) {
        errmsg (err, -ESRCH, "there is no process %ld", pid);
        buf_release (&comm);
        return NULL;
    }
    if (strncmp (comm.data, "flux-broker", 11) == 0)
        uri = child_environ_uri (pid);
    else
        uri = environ_uri (pid);
    if (!uri)
        errmsg (err, -ENOENT, "the environment of process %ld%s has no FLUX_URI, or may not be"
                " read", pid, strncmp (comm.data, "flux-broker", 11) == 0 ? "'s children" : "");
    buf_release (&comm);
    return uri;
}

/* slurm: "srun scontrol listpids" names the processes of the first node; one of them
 * has the URI in its environment, and so must be asked there. */

static char *srun (const char *jobid, char *const words[], int *status)
{
    char id[48];
    char *argv[12] = { (char *)"srun", (char *)"--overlap", (char *)"-N1", (char *)"-n1", id };
    int n = 5;

    snprintf (id, sizeof (id), "--jobid=%s", jobid);
    for (int i = 0; words[i]; i++)
        argv[n++] = words[i];
    return capture (argv, true, status);
}

static char *slurm_uri_of_pid (const char *jobid, const char *pid)
{
    char target[48];
    char *words[] = { (char *)"flux", (char *)"uri", (char *)"--remote", target, NULL };
    int status;
    char *uri;

    snprintf (target, sizeof (target), "pid:%s", pid);
    uri = srun (jobid, words, &status);
    if (uri && (status != 0 || !strstr (uri, "://"))) {
        free (uri);
        uri = NULL;
    }
    if (uri)
        uri[strcspn (uri, "\n")] = '\0';
    return uri;
}

/* Lines "PID JOBID STEPID LOCALID GLOBALID" under a heading. */
static char *slurm_uri_of_list (const char *jobid, char *list)
{
    char *line;
    char *uri = NULL;

    while (!uri && (line = strsep (&list, "\n"))) {
        line += strspn (line, " ");
        line[strcspn (line, " \t")] = '\0';
        if (*line && strspn (line, "0123456789") == strlen (line))
            uri = slurm_uri_of_pid (jobid, line);
    }
    return uri;
}

static char *resolve_slurm (const char *jobid, flux_error_t *err)
{
    char *words[] = { (char *)"scontrol", (char *)"listpids", (char *)jobid, NULL };
    char *list, *uri;
    int status;

    if (!*jobid || strspn (jobid, "0123456789") != strlen (jobid) || strlen (jobid) > 20) {
        errmsg (err, -EINVAL, "'%s' is not a Slurm job id", jobid);
        return NULL;
    }
    if (!(list = srun (jobid, words, &status))) {
        errmsg (err, -errno, "slurm:%s: cannot run srun: %s", jobid, strerror (errno));
        return NULL;
    }
    if (status != 0)
        errmsg (err, -ENOENT, "slurm:%s: srun scontrol listpids failed: does the job run?", jobid);
    uri = status == 0 ? slurm_uri_of_list (jobid, list) : NULL;
    if (status == 0 && !uri)
        errmsg (err, -ENOENT, "slurm:%s: no process of its first node has a FLUX_URI", jobid);
    free (list);
    return uri;
}

/* All together */

/* Length of "SCHEME" in "SCHEME:REST", or 0. */
static size_t scheme_length (const char *s)
{
    size_t n = strspn (s, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

    return s[n] == ':' ? n : 0;
}

bool resolve_is_jobid (const char *target)
{
    size_t n = scheme_length (target);

    return n == 0 || (n == 5 && strncmp (target, "jobid", 5) == 0);
}

static int parse_query (char *query, int *flags, flux_error_t *err)
{
    char *save = NULL;

    for (char *s = strtok_r (query, "&", &save); s; s = strtok_r (NULL, "&", &save)) {
        if (strcmp (s, "local") == 0)
            *flags |= RESOLVE_LOCAL;
        else if (strcmp (s, "remote") == 0)
            *flags |= RESOLVE_REMOTE;
        else if (strcmp (s, "wait") == 0)
            *flags |= RESOLVE_WAIT;
        else
            return errmsg (err, -EINVAL, "?%s: there are ?local, ?remote and ?wait", s);
    }
    return 0;
}

static char *dispatch (const char *target, int flags, flux_error_t *err)
{
    size_t n = scheme_length (target);

    if (n == 0)
        return resolve_jobid (target, flags, err);
    if (n == 5 && strncmp (target, "jobid", n) == 0)
        return resolve_jobid (target + n + 1, flags, err);
    if (n == 3 && strncmp (target, "pid", n) == 0)
        return resolve_pid (target + n + 1, err);
    if (n == 5 && strncmp (target, "slurm", n) == 0)
        return resolve_slurm (target + n + 1, err);
    if (strncmp (target + n, "://", 3) == 0)
        return strdup (target);
    errmsg (err, -ENOTSUP, "no way to resolve '%.*s:' targets: there are jobid:, pid:, local://"
            " and ssh://", (int)n, target);
    return NULL;
}

static char *resolve (const char *target, int *flags, flux_error_t *err)
{
    char *copy = strdup (target);
    char *query;
    char *uri = NULL;
    int rc = 0;

    if (!copy) {
        errmsg (err, -ENOMEM, "out of memory");
        return NULL;
    }
    if (getenv ("FLUX_URI_RESOLVE_LOCAL"))
        *flags |= RESOLVE_LOCAL;
    if ((query = strchr (copy, '?'))) {
        *query++ = '\0';
        rc = parse_query (query, flags, err);
    }
    if (rc == 0)
        uri = dispatch (copy, *flags, err);
    free (copy);
    return uri;
}

char *resolve_uri (const char *target, int flags, flux_error_t *err)
{
    char *uri = resolve (target, &flags, err);

    return in_form (uri, flags, err);
}

char *resolve_nearest (const char *target, int flags, flux_error_t *err)
{
    char *uri = resolve (target, &flags, err);
    char *s;

    if (!(uri = in_form (uri, flags, err)) || flags & RESOLVE_REMOTE)
        return uri;
    if (!(s = resolve_shorten (uri)))
        errmsg (err, -ENOMEM, "out of memory");
    free (uri);
    return s;
}

flux_t *resolve_open (const char *target)
{
    flux_error_t err;
    char *uri;
    flux_t *h;

    if (!target)
        return cmd_open ();
    if (!(uri = resolve_nearest (target, 0, &err)))
        cmd_die (1, "%s", err.text);
    if (!(h = flux_open_ex (uri, 0, &err)))
        cmd_die (1, "%s: %s", target, err.text);
    free (uri);
    return h;
}
