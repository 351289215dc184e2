/* rcextra.c - see rcextra.h
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "broker/rcextra.h"

static int visible (const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static int is_program (const char *path)
{
    struct stat sb;

    return stat (path, &sb) == 0 && S_ISREG (sb.st_mode) && access (path, X_OK) == 0;
}

static void add_program (struct buf *b, const char *dir, const char *name, int all)
{
    struct buf path = BUF_INIT;

    buf_addf (&path, "%s/%s", dir, name);
    if (is_program (path.data)) {
        if (b->len > 0 && !all)
            buf_adds (b, " && ");
        buf_add_quoted (b, path.data);
        if (all)
            buf_adds (b, " || rc=$?; ");
    }
    b->failed |= path.failed;
    buf_release (&path);
}

static void add_dir (struct buf *b, const char *dir, int all)
{
    struct dirent **names;
    int n = scandir (dir, &names, visible, alphasort);

    for (int i = 0; i < n; i++) {
        add_program (b, dir, names[i]->d_name, all);
        free (names[i]);
    }
    if (n >= 0)
        free (names);
}

char *rcextra_command (const char *dirs, const char *sub, int all)
{
    struct buf b = BUF_INIT, dir = BUF_INIT;

    while (dirs && *dirs) {
        size_t len = strcspn (dirs, ":");
        buf_clear (&dir);
        buf_addf (&dir, "%.*s/%s", (int)len, dirs, sub);
        if (len > 0 && !dir.failed)
            add_dir (&b, dir.data, all);
        dirs += len + (dirs[len] == ':');
    }
    b.failed |= dir.failed;
    buf_release (&dir);
    if (all && b.len > 0)
        buf_adds (&b, "exit ${rc:-0}");
    if (b.len == 0 || b.failed) {
        buf_release (&b);
        return NULL;
    }
    return buf_take (&b);
}
