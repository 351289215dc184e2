/* kvs_dir.c - a directory as it was at one moment: names and their kinds
 *
 * entries[] is sorted by name and points into 'names'.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <flux/core.h>

#include "core/kvs_proto.h"
#include "spec/treeobj.h"

struct entry {
    char type;          /* 'v', 'd', 'l' */
    const char *name;
};

struct flux_kvsdir {
    int refcount;
    flux_t *h;
    char *rootref;      /* NULL: not a snapshot */
    char *key;
    struct entry *entries;
    size_t count;
    char *names;
};

struct flux_kvsitr {
    const flux_kvsdir_t *dir;
    size_t pos;
};

void flux_kvsdir_incref (flux_kvsdir_t *dir)
{
    if (dir)
        dir->refcount++;
}

void flux_kvsdir_destroy (flux_kvsdir_t *dir)
{
    if (!dir || --dir->refcount > 0)
        return;
    int saved_errno = errno;
    free (dir->rootref);
    free (dir->key);
    free (dir->entries);
    free (dir->names);
    free (dir);
    errno = saved_errno;
}

/* 'size' is the room for names with their NULs. */
static flux_kvsdir_t *dir_alloc (flux_t *h, const char *rootref,
                                 const char *key, size_t count, size_t size)
{
    flux_kvsdir_t *dir = calloc (1, sizeof (*dir));
    if (!dir)
        return NULL;
    dir->refcount = 1;
    dir->h = h;
    dir->key = strdup (key);
    dir->rootref = rootref ? strdup (rootref) : NULL;
    dir->entries = calloc (count + 1, sizeof (*dir->entries));
    dir->names = malloc (size + 1);
    if (!dir->key || (rootref && !dir->rootref) || !dir->entries
        || !dir->names) {
        flux_kvsdir_destroy (dir);
        errno = ENOMEM;
        return NULL;
    }
    return dir;
}

/* Returns the place for the next name. */
static char *dir_add (flux_kvsdir_t *dir, char *p, char type, const char *name,
                      size_t len)
{
    dir->entries[dir->count++] = (struct entry){ type, p };
    memcpy (p, name, len);
    p[len] = '\0';
    return p + len + 1;
}

static int entry_cmp (const void *a, const void *b)
{
    return strcmp (((const struct entry *)a)->name,
                   ((const struct entry *)b)->name);
}

static void dir_sort (flux_kvsdir_t *dir)
{
    qsort (dir->entries, dir->count, sizeof (*dir->entries), entry_cmp);
}

flux_kvsdir_t *kvsdir_from_listing (flux_t *h, const char *rootref,
                                    const char *key, const char *data,
                                    size_t len)
{
    const char *p = data, *end = data + len, *name;
    size_t count = 0, size = 0, n;
    char type;
    int rc;

    while ((rc = kvs_get_dirent (&p, end, &type, &name, &n)) == 1) {
        count++;
        size += n + 1;
    }
    if (rc < 0) {
        errno = EPROTO;
        return NULL;
    }
    flux_kvsdir_t *dir = dir_alloc (h, rootref, key, count, size);
    if (!dir)
        return NULL;
    char *out = dir->names;
    for (p = data; kvs_get_dirent (&p, end, &type, &name, &n) == 1;)
        out = dir_add (dir, out, type, name, n);
    dir_sort (dir);
    return dir;
}

static char kind_of (const json_t *o)
{
    const char *type = treeobj_type (o);
    if (!type)
        return 'v';
    return type[0] == 'd' ? 'd' : type[0] == 's' ? 'l' : 'v';
}

flux_kvsdir_t *flux_kvsdir_create (flux_t *handle, const char *rootref,
                                   const char *key, const char *json_str)
{
    if (!key || !json_str) {
        errno = EINVAL;
        return NULL;
    }
    json_t *o = treeobj_decode (json_str, strlen (json_str));
    if (!o || !treeobj_is (o, "dir")) {
        json_decref (o);
        errno = EINVAL;
        return NULL;
    }
    json_t *data = json_object_get (o, "data");
    json_t *val;
    const char *name;
    size_t size = 0;
    json_object_foreach (data, name, val)
        size += strlen (name) + 1;
    flux_kvsdir_t *dir =
        dir_alloc (handle, rootref, key, json_object_size (data), size);
    if (dir) {
        char *out = dir->names;
        json_object_foreach (data, name, val)
            out = dir_add (dir, out, kind_of (val), name, strlen (name));
        dir_sort (dir);
    }
    json_decref (o);
    return dir;
}

flux_kvsdir_t *flux_kvsdir_copy (const flux_kvsdir_t *dir)
{
    if (!dir) {
        errno = EINVAL;
        return NULL;
    }
    size_t size = 0;
    for (size_t i = 0; i < dir->count; i++)
        size += strlen (dir->entries[i].name) + 1;
    flux_kvsdir_t *cpy =
        dir_alloc (dir->h, dir->rootref, dir->key, dir->count, size);
    if (!cpy)
        return NULL;
    char *out = cpy->names;
    for (size_t i = 0; i < dir->count; i++)
        out = dir_add (cpy, out, dir->entries[i].type, dir->entries[i].name,
                       strlen (dir->entries[i].name));
    return cpy;
}

static const struct entry *find (const flux_kvsdir_t *dir, const char *name)
{
    if (!dir || !name)
        return NULL;
    struct entry key = { .name = name };
    return bsearch (&key, dir->entries, dir->count, sizeof (key), entry_cmp);
}

bool flux_kvsdir_exists (const flux_kvsdir_t *dir, const char *name)
{
    return find (dir, name) != NULL;
}

bool flux_kvsdir_isdir (const flux_kvsdir_t *dir, const char *name)
{
    const struct entry *e = find (dir, name);
    return e && e->type == 'd';
}

bool flux_kvsdir_issymlink (const flux_kvsdir_t *dir, const char *name)
{
    const struct entry *e = find (dir, name);
    return e && e->type == 'l';
}

int flux_kvsdir_get_size (const flux_kvsdir_t *dir)
{
    return dir ? (int)dir->count : 0;
}

const char *flux_kvsdir_key (const flux_kvsdir_t *dir)
{
    return dir ? dir->key : NULL;
}

void *flux_kvsdir_handle (const flux_kvsdir_t *dir)
{
    return dir ? dir->h : NULL;
}

const char *flux_kvsdir_rootref (const flux_kvsdir_t *dir)
{
    return dir ? dir->rootref : NULL;
}

char *flux_kvsdir_key_at (const flux_kvsdir_t *dir, const char *key)
{
    if (!dir || !key) {
        errno = EINVAL;
        return NULL;
    }
    if (!strcmp (dir->key, "."))
        return strdup (key);
    char *s;
    if (asprintf (&s, "%s.%s", dir->key, key) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    return s;
}

flux_kvsitr_t *flux_kvsitr_create (const flux_kvsdir_t *dir)
{
    if (!dir) {
        errno = EINVAL;
        return NULL;
    }
    flux_kvsitr_t *itr = calloc (1, sizeof (*itr));
    if (itr)
        itr->dir = dir;
    return itr;
}

void flux_kvsitr_destroy (flux_kvsitr_t *itr)
{
    free (itr);
}

const char *flux_kvsitr_next (flux_kvsitr_t *itr)
{
    if (!itr || itr->pos >= itr->dir->count)
        return NULL;
    return itr->dir->entries[itr->pos++].name;
}

void flux_kvsitr_rewind (flux_kvsitr_t *itr)
{
    if (itr)
        itr->pos = 0;
}
