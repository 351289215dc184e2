/* discover.c - what this machine has
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <flux/idset.h>

#include "base/dso.h"
#include "modules/resource/discover.h"
#include "modules/resource/dso_hwloc.h"

#define MAX_CPUS 65536

/* -- sysfs -- */

static bool is_set (const char *env)
{
    const char *s = getenv (env);

    return s && *s;
}

/* The device nodes of every driver that hwloc finds GPUs with. */
static bool may_have_gpu (void)
{
    static const char *const nodes[] = { "/dev/nvidiactl", "/dev/kfd", "/dev/dri",
                                         "/dev/dxg" };

    for (size_t i = 0; i < sizeof (nodes) / sizeof (nodes[0]); i++) {
        if (access (nodes[i], F_OK) == 0)
            return true;
    }
    return false;
}

/* The CPUs of the same core, one of which is 'cpu'. */
static struct idset *read_siblings (int cpu)
{
    static const char *const names[] = { "core_cpus_list", "thread_siblings_list" };
    char path[128], text[256];
    struct idset *ids = NULL;

    for (int i = 0; i < 2 && !ids; i++) {
        ssize_t n;
        int fd;

        snprintf (path, sizeof (path), "/sys/devices/system/cpu/cpu%d/topology/%s",
                  cpu, names[i]);
        if ((fd = open (path, O_RDONLY | O_CLOEXEC)) < 0)
            continue;
        if ((n = read (fd, text, sizeof (text) - 1)) > 0) {
            text[n] = '\0';
            text[strcspn (text, "\n")] = '\0';
            ids = idset_decode (text);
        }
        close (fd);
    }
    return ids;
}

/* Cores that have at least one CPU that we may run on. */
static int count_cores (const cpu_set_t *set, size_t size)
{
    struct idset *seen = idset_create (0, IDSET_FLAG_AUTOGROW);
    int count = 0;

    for (int cpu = 0; cpu < MAX_CPUS && count >= 0 && seen; cpu++) {
        struct idset *siblings;

        if (!CPU_ISSET_S (cpu, size, set) || idset_test (seen, (unsigned int)cpu))
            continue;
        if (!(siblings = read_siblings (cpu)) || idset_add (seen, siblings) < 0)
            count = -1;
        else
            count++;
        idset_destroy (siblings);
    }
    idset_destroy (seen);
    return count;
}

int discover_cores (void)
{
    size_t size = CPU_ALLOC_SIZE (MAX_CPUS);
    cpu_set_t *set = CPU_ALLOC (MAX_CPUS);
    int count = -1;

    if (set) {
        CPU_ZERO_S (size, set);
        if (sched_getaffinity (0, size, set) == 0)
            count = count_cores (set, size);
        CPU_FREE (set);
    }
    return count > 0 ? count : -1;
}

bool discover_quick (bool norestrict, struct discovered *d)
{
    int count;

    if (norestrict || is_set ("FLUX_HWLOC_XMLFILE") || may_have_gpu ()
        || (count = discover_cores ()) < 0)
        return false;
    *d = (struct discovered){ .ncores = count };
    return true;
}

/* -- hwloc -- */

struct discover {
    discover_f cb;
    void *arg;
    flux_watcher_t *w;
    pthread_t thread;
    bool joined;
    int fd;                     /* eventfd: the thread is done */
    struct hwloc_args args;
    char *xml;
    char *xmlfile;
    struct hwloc_found found;
    int rc;
};

static void *discover_thread (void *arg)
{
    struct discover *dc = arg;
    flux_error_t err;
    hwloc_discover_f fun = dso_symbol (DSO_HWLOC, DSO_HWLOC_DISCOVER, &err);
    uint64_t one = 1;

    if (fun)
        dc->rc = fun (&dc->args, &dc->found);
    else {
        dc->rc = -ENOSYS;
        snprintf (dc->found.error, sizeof (dc->found.error), "%s", err.text);
    }
    if (write (dc->fd, &one, sizeof (one)) < 0)
        abort ();               /* an eventfd that is at zero takes a one */
    return NULL;
}

static void join (struct discover *dc)
{
    if (!dc->joined)
        pthread_join (dc->thread, NULL);
    dc->joined = true;
}

static void thread_done (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct discover *dc = arg;
    struct discovered d = {0};

    flux_watcher_stop (w);
    join (dc);
    if (dc->rc < 0) {
        dc->cb (dc, NULL, -dc->rc, dc->found.error, dc->arg);
        return;
    }
    d.ncores = dc->found.ncores;
    d.ngpus = dc->found.ngpus;
    d.hostname = dc->found.hostname;
    d.xml = dc->found.xml;
    dc->cb (dc, &d, 0, NULL, dc->arg);
}

static int set_args (struct discover *dc, const struct discover_args *args)
{
    const char *file = getenv ("FLUX_HWLOC_XMLFILE");

    dc->args.norestrict = args->norestrict;
    dc->args.want_xml = args->want_xml;
    dc->args.gpus = args->want_xml || may_have_gpu ();
    dc->args.gpus_no_dedup = is_set ("FLUX_HWLOC_GPU_NO_DEDUP");
    if (args->xml) {
        if (!(dc->xml = strdup (args->xml)))
            return -1;
        dc->args.other_system = true;
    }
    else if (file && *file) {
        if (!(dc->xmlfile = strdup (file)))
            return -1;
        dc->args.other_system = is_set ("FLUX_HWLOC_XMLFILE_NOT_THISSYSTEM");
    }
    dc->args.xml = dc->xml;
    dc->args.xmlfile = dc->xmlfile;
    return 0;
}

struct discover *discover_start (flux_reactor_t *r, const struct discover_args *args,
                                 discover_f cb, void *arg)
{
    struct discover *dc = calloc (1, sizeof (*dc));
    sigset_t all, saved;
    int rc;

    if (!dc)
        return NULL;
    dc->cb = cb;
    dc->arg = arg;
    dc->joined = true;
    if ((dc->fd = eventfd (0, EFD_CLOEXEC)) < 0 || set_args (dc, args) < 0
        || !(dc->w = flux_fd_watcher_create (r, dc->fd, FLUX_POLLIN, thread_done, dc)))
        goto fail;
    flux_watcher_start (dc->w);
    sigfillset (&all);      /* signals are for the other threads */
    pthread_sigmask (SIG_SETMASK, &all, &saved);
    rc = pthread_create (&dc->thread, NULL, discover_thread, dc);
    pthread_sigmask (SIG_SETMASK, &saved, NULL);
    if (rc != 0) {
        errno = rc;
        goto fail;
    }
    dc->joined = false;
    return dc;
fail:
    discover_free (dc);
    return NULL;
}

void discover_free (struct discover *dc)
{
    int saved = errno;

    if (!dc)
        return;
    join (dc);
    flux_watcher_destroy (dc->w);
    if (dc->fd >= 0)
        close (dc->fd);
    free (dc->xml);
    free (dc->xmlfile);
    free (dc->found.hostname);
    free (dc->found.xml);
    free (dc);
    errno = saved;
}
