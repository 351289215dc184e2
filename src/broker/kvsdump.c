/* kvsdump.c - see kvsdump.h
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/errmsg.h"
#include "broker/kvsdump.h"

static const char *wanted (struct attrs *attrs, const char *name)
{
    const char *s = attrs_get (attrs, name, NULL);

    return s && *s ? s : NULL;
}

/* The state directory, if it outlives the broker. */
static const char *lasting_dir (struct attrs *attrs)
{
    const char *cleanup = attrs_get (attrs, "statedir-cleanup", NULL);

    if (cleanup && strcmp (cleanup, "1") == 0)
        return NULL;
    return attrs_get (attrs, "statedir", NULL);
}

static int by_date (struct attrs *attrs, char **pathp, flux_error_t *err)
{
    const char *dir = lasting_dir (attrs);
    time_t now = time (NULL);
    struct tm tm;
    char date[32];
    char *sub = NULL;
    int rc = 0;

    if (!localtime_r (&now, &tm) || !strftime (date, sizeof (date), "%Y%m%d_%H%M%S", &tm))
        return errmsg (err, -EINVAL, "content.dump: the time of day is unknown");
    if (!dir)
        return asprintf (pathp, "%s.tgz", date) < 0 ? -ENOMEM : 0;
    if (asprintf (&sub, "%s/dump", dir) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    if (mkdir (sub, 0700) < 0 && errno != EEXIST)
        rc = errmsg (err, -errno, "content.dump: %s: %s", sub, strerror (errno));
    else if (asprintf (pathp, "%s/%s.tgz", sub, date) < 0)
        rc = errmsg (err, -ENOMEM, "out of memory");
    free (sub);
    return rc;
}

static int copy (const char *s, char **pathp, flux_error_t *err)
{
    return (*pathp = strdup (s)) ? 0 : errmsg (err, -ENOMEM, "out of memory");
}

int kvsdump_path (struct attrs *attrs, char **pathp, flux_error_t *err)
{
    const char *s = wanted (attrs, "content.dump");

    *pathp = NULL;
    if (!s)
        return 0;
    return strcmp (s, "auto") == 0 ? by_date (attrs, pathp, err) : copy (s, pathp, err);
}

static char *link_path (struct attrs *attrs)
{
    const char *dir = lasting_dir (attrs);
    char *path;

    return dir && asprintf (&path, "%s/dump/RESTORE", dir) >= 0 ? path : NULL;
}

int kvsdump_restore_path (struct attrs *attrs, char **pathp, flux_error_t *err)
{
    const char *s = wanted (attrs, "content.restore");
    char *link;

    *pathp = NULL;
    if (!s)
        return 0;
    if (strcmp (s, "auto") != 0) {
        if (access (s, R_OK) < 0)
            return errmsg (err, -errno, "content.restore: %s: %s", s, strerror (errno));
        return copy (s, pathp, err);
    }
    link = link_path (attrs);
    if (link && access (link, F_OK) == 0)
        *pathp = link;
    else
        free (link);
    return 0;
}

static bool is_auto (struct attrs *attrs, const char *name)
{
    const char *s = wanted (attrs, name);

    return s && strcmp (s, "auto") == 0;
}

int kvsdump_done (struct attrs *attrs, const char *path, flux_error_t *err)
{
    char *link = is_auto (attrs, "content.dump") ? link_path (attrs) : NULL;
    int rc = 0;

    if (link && ((unlink (link) < 0 && errno != ENOENT)
                 || symlink (strrchr (path, '/') + 1, link) < 0))
        rc = errmsg (err, -errno, "content.dump: %s: %s", link, strerror (errno));
    free (link);
    return rc;
}

void kvsdump_restored (struct attrs *attrs)
{
    char *link = is_auto (attrs, "content.restore") ? link_path (attrs) : NULL;

    if (link)
        (void)unlink (link);
    free (link);
}

static char **words (const char *const *list, const char *path)
{
    char **argv = calloc (8, sizeof (*argv));
    int n = 0;

    for (; argv && list[n]; n++) {
        if (!(argv[n] = strdup (list[n])))
            goto error;
    }
    if (argv && !(argv[n] = strdup (path)))
        goto error;
    return argv;
error:
    while (n > 0)
        free (argv[--n]);
    free (argv);
    return NULL;
}

char **kvsdump_argv (const char *path)
{
    static const char *const list[] = {
        "flux", "dump", "--quiet", "--ignore-failed-read", "--sd-notify", "--maxreqs=16", NULL,
    };

    return words (list, path);
}

char **kvsdump_restore_argv (const char *path)
{
    static const char *const list[] = {
        "flux", "restore", "--quiet", "--checkpoint", "--sd-notify", NULL,
    };

    return words (list, path);
}
