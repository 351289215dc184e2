/* stagein.c - files of archives, put where the tasks find them (shell option stage-in)
 *
 * Archives are in the KVS of the instance (flux-archive(1)); their content comes from the
 * broker of this node.
 */
#define FLUX_SHELL_PLUGIN_NAME "stage-in"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/unpack.h"
#include "shell/builtins.h"
#include "shell/internal.h"

struct stagein {
    flux_shell_t *shell;
    const char *pattern;     /* NULL: all */
    struct unpack unpack;
    const char *name;        /* of the archive at hand */
    int count;
};

static int stage_one (void *arg, const char *path, json_t *o)
{
    struct stagein *s = arg;
    flux_error_t err;
    int rc;

    if (s->pattern && fnmatch (s->pattern, path, 0) != 0)
        return 0;
    if ((rc = unpack_object (&s->unpack, path, o, &err)) < 0) {
        shell_log_error ("stage-in: %s: %s: %s", s->name, path, err.text);
        return rc;
    }
    s->count++;
    return 0;
}

static int stage_archive (struct stagein *s, const char *name)
{
    char key[256];
    flux_error_t err = { { 0 } };
    flux_future_t *f;
    const void *data;
    size_t len;
    int rc = 0;

    s->name = name;
    snprintf (key, sizeof (key), "archive.%s", name);
    f = flux_kvs_lookup (s->shell->h, KVS_PRIMARY_NAMESPACE, 0, key);
    if (!f || flux_kvs_lookup_get_raw (f, &data, &len) < 0) {
        shell_log_error ("stage-in: %s: %s", name, errno == ENOENT
                         ? "no such archive: flux archive create --name makes one"
                         : f ? future_strerror (f, errno) : strerror (errno));
        rc = -1;
    }
    else if (len > 0 && (rc = unpack_each (data, len, stage_one, s, &err)) < 0 && err.text[0])
        shell_log_error ("stage-in: %s: %s", name, err.text);
    flux_future_destroy (f);
    return rc;
}

static int stage_list (struct stagein *s, const char *names)
{
    char *copy = strdup (names);
    char *save = NULL;
    int rc = copy ? 0 : -1;

    for (char *name = copy ? strtok_r (copy, ",", &save) : NULL; name && rc == 0;
         name = strtok_r (NULL, ",", &save))
        rc = stage_archive (s, name);
    free (copy);
    return rc;
}

/* "global:/path" is for the first node only: NULL there means nothing to do. */
static const char *destination (flux_shell_t *shell, const char *dest)
{
    if (!dest)
        return flux_shell_aux_get (shell, "tmpdir");
    if (strncmp (dest, "local:", 6) == 0)
        return dest + 6;
    if (strncmp (dest, "global:", 7) == 0)
        return shell->info.shell_rank == 0 ? dest + 7 : NULL;
    return dest;
}

static int stage (flux_shell_t *shell, const char *names, const char *pattern, const char *dir)
{
    struct stagein s = { .shell = shell, .pattern = pattern };
    int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (fd < 0) {
        shell_log_error ("stage-in: %s: %s", dir, strerror (errno));
        return -1;
    }
    unpack_init (&s.unpack, shell->h, fd, 0);
    rc = stage_list (&s, names);
    unpack_finish (&s.unpack);
    close (fd);
    shell_debug ("stage-in: %d files to %s", s.count, dir);
    return rc < 0 ? -1 : 0;
}

static int stagein_init (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    flux_shell_t *shell = flux_plugin_get_shell (p);
    const json_t *opt = shell_option (shell, "stage-in");
    const char *names = "main";
    const char *pattern = NULL;
    const char *dest = NULL;
    const char *dir;
    json_error_t error;

    if (json_is_object (opt)
        && json_unpack_ex ((json_t *)opt, &error, JSON_STRICT, "{s?s s?s s?s}", "names", &names,
                           "pattern", &pattern, "destination", &dest) < 0) {
        shell_log_error ("stage-in: want names, pattern or destination: %s", error.text);
        return -1;
    }
    dir = destination (shell, dest);
    return dir ? stage (shell, names, pattern, dir) : 0;
}

static bool stagein_wanted (flux_shell_t *shell)
{
    return shell_option (shell, "stage-in") != NULL;
}

static const struct flux_plugin_handler handlers[] = {
    { "shell.init", stagein_init, NULL },
    { NULL, NULL, NULL },
};

const struct shell_builtin stagein_builtin = { "stage-in", stagein_wanted, handlers };
