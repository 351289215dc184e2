/* similar.c - what a person may have meant by a misspelt command
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/similar.h"

#define WORD_MAX 63
#define SHOWN 4

static int min (int a, int b)
{
    return a < b ? a : b;
}

int similar_distance (const char *a, const char *b)
{
    size_t m = strlen (a), n = strlen (b);
    int d[WORD_MAX + 1][WORD_MAX + 1];

    if (m > WORD_MAX || n > WORD_MAX)
        return (int)(m > n ? m : n);
    for (size_t i = 0; i <= m; i++)
        d[i][0] = (int)i;
    for (size_t j = 0; j <= n; j++)
        d[0][j] = (int)j;
    for (size_t i = 1; i <= m; i++) {
        for (size_t j = 1; j <= n; j++) {
            int replaced = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

            d[i][j] = min (min (d[i - 1][j], d[i][j - 1]) + 1, replaced);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = min (d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[m][n];
}

bool similar_is (const char *word, const char *name)
{
    size_t len = strlen (word);

    if (len >= 2 && strncmp (name, word, len) == 0)
        return true;
    return similar_distance (word, name) <= min (2, (int)(len + 1) / 3);
}

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
