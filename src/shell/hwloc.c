/* hwloc.c - the topology of this node as XML: flux_shell_get_hwloc_xml(3), and as a
 * file for the tasks (shell options hwloc.xmlfile, hwloc.restrict)
 *
 * The broker knows it (resource.topo-get); hwloc itself is loaded only to restrict it,
 * or where the broker does not say.
 */
#define FLUX_SHELL_PLUGIN_NAME "hwloc"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dso.h"
#include "base/dso_hwloc.h"
#include "shell/builtins.h"
#include "shell/cpus.h"
#include "shell/internal.h"

#define XML_AUX "flux::hwloc_xml"

/* By hwloc: of this node, or what 'xml' says, restricted to what this process is bound
 * to.  The caller frees; NULL with errno. */
static char *discover (const char *xml)
{
    struct hwloc_args args = { .xml = xml, .norestrict = !xml, .want_xml = true };
    struct hwloc_found found;
    flux_error_t err;
    hwloc_discover_f fun = (hwloc_discover_f)dso_symbol (DSO_HWLOC, DSO_HWLOC_DISCOVER, &err);
    int rc;

    if (!fun) {
        shell_log_error ("%s", err.text);
        errno = ENOENT;
        return NULL;
    }
    if ((rc = fun (&args, &found)) < 0)
        shell_log_error ("%s", found.error);
    free (found.hostname);
    errno = rc < 0 ? -rc : 0;
    return rc < 0 ? NULL : found.xml;
}

static char *ask_broker (flux_shell_t *shell)
{
    flux_future_t *f = flux_rpc (shell->h, "resource.topo-get", NULL, FLUX_NODEID_ANY, 0);
    const char *s;
    char *xml = NULL;

    if (f && flux_rpc_get (f, &s) == 0 && s)
        xml = strdup (s);
    flux_future_destroy (f);
    return xml;
}

int flux_shell_get_hwloc_xml (flux_shell_t *shell, const char **xmlp)
{
    char *xml;

    if (!shell || !shell->h || !xmlp) {
        errno = EINVAL;
        return -1;
    }
    if (!(xml = flux_shell_aux_get (shell, XML_AUX))) {
        if ((!(xml = ask_broker (shell)) && !(xml = discover (NULL))))
            return -1;
        if (flux_shell_aux_set (shell, XML_AUX, xml, free) < 0) {
            free (xml);
            return -1;
        }
    }
    *xmlp = xml;
    return 0;
}

/* To the cores of the job, whether or not the shell is bound to them. */
static char *restrict_xml (flux_shell_t *shell, const char *xml)
{
    const struct shell_node *n = &shell->info.nodes[shell->info.shell_rank];
    cpu_set_t before;
    cpu_set_t set;
    char *s;

    if (!n->cores || sched_getaffinity (0, sizeof (before), &before) < 0
        || cpus_of_cores (n->cores, &set) < 0)
        return discover (xml);
    (void)sched_setaffinity (0, sizeof (set), &set);
    s = discover (xml);
    (void)sched_setaffinity (0, sizeof (before), &before);
    return s;
}

static int write_file (const char *path, const char *s)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = strlen (s);

    while (fd >= 0 && len > 0) {
        ssize_t n = write (fd, s, len);
        if (n < 0 && errno != EINTR)
            break;
        s += n > 0 ? n : 0;
        len -= n > 0 ? n : 0;
    }
    if (fd < 0 || close (fd) < 0 || len > 0) {
        shell_log_errno ("%s", path);
        return -1;
    }
    return 0;
}

static int export_xml (flux_shell_t *shell, const char *xml)
{
    char *path = flux_shell_mustache_render (shell, "{{tmpdir}}/hwloc.xml");
    int rc = -1;

    if (path && write_file (path, xml) == 0
        && flux_shell_setenvf (shell, 1, "HWLOC_XMLFILE", "%s", path) == 0) {
        (void)flux_shell_unsetenv (shell, "HWLOC_COMPONENTS");   /* it would win */
        rc = 0;
    }
    free (path);
    return rc;
}

/* Before this node's binding is changed by the affinity plugin */
static int hwloc_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    bool restricted = shell_option_true (shell, "hwloc.restrict");
    const char *xml;
    char *less = NULL;
    int rc;

    if (flux_shell_get_hwloc_xml (shell, &xml) < 0
        || (restricted && !(less = restrict_xml (shell, xml)))) {
        shell_log_errno ("the topology of this node cannot be had");
        return -1;
    }
    rc = export_xml (shell, less ? less : xml);
    free (less);
    return rc;
}

static bool hwloc_wanted (flux_shell_t *shell)
{
    return shell_option_true (shell, "hwloc.xmlfile");
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", hwloc_init, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin hwloc_builtin = { "hwloc", hwloc_wanted, handlers };
