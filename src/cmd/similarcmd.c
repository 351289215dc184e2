/* similarcmd.c - what a person may have meant by a misspelt command
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/similar.h"
#include "cmd/cmd.h"
#include "cmd/similarcmd.h"

#define SHOWN 4

struct found {
    struct {
        char *name;
        int distance;
    } v[SHOWN];
    int n;
};

/* Keep it, in order of distance, if it is new and there is room. */
static void consider (struct found *f, const char *word, const char *name)
{
    int distance, i;
    char *copy;

    if (!similar_is (word, name))
        return;
    distance = similar_distance (word, name);
    for (i = 0; i < f->n; i++)
        if (strcmp (f->v[i].name, name) == 0)
            return;
    for (i = f->n; i > 0 && f->v[i - 1].distance > distance; i--)
        ;
    if (i == SHOWN || !(copy = strdup (name)))
        return;
    if (f->n == SHOWN)
        free (f->v[--f->n].name);
    memmove (&f->v[i + 1], &f->v[i], (size_t)(f->n - i) * sizeof (f->v[0]));
    f->v[i].name = copy;
    f->v[i].distance = distance;
    f->n++;
}

static void consider_dir (struct found *f, const char *word, const char *path)
{
    DIR *dir = opendir (path);
    struct dirent *d;

    while (dir && (d = readdir (dir))) {
        if (strncmp (d->d_name, "flux-", 5) == 0
            && faccessat (dirfd (dir), d->d_name, X_OK, 0) == 0)
            consider (f, word, d->d_name + 5);
    }
    if (dir)
        (void)closedir (dir);
}

static void consider_path (struct found *f, const char *word, const char *path)
{
    char *copy = strdup (path);
    char *save = NULL;

    for (char *dir = copy ? strtok_r (copy, ":", &save) : NULL; dir;
         dir = strtok_r (NULL, ":", &save))
        consider_dir (f, word, dir);
    free (copy);
}

char *similar_commands (const char *word, const char *const *paths)
{
    struct found f = { .n = 0 };
    struct buf b = BUF_INIT;

    for (const struct cmd *c = cmd_table; c->name; c++)
        if (c->group)
            consider (&f, word, c->name);
    for (; *paths; paths++)
        consider_path (&f, word, *paths);
    for (int i = 0; i < f.n; i++) {
        if (i > 0)
            buf_adds (&b, i == f.n - 1 ? " or " : ", ");
        buf_adds (&b, f.v[i].name);
        free (f.v[i].name);
    }
    return f.n > 0 ? buf_take (&b) : NULL;
}
