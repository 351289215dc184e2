/* treeobj.c - KVS tree objects (RFC 11) in their JSON form
 */
#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/blobref.h"
#include "spec/treeobj.h"

#define MAX_DEPTH 1024

static json_t *object (const char *type, json_t *data)
{
    return json_pack ("{s:i s:s s:o}", "ver", 1, "type", type, "data", data);
}

json_t *treeobj_val (const void *data, size_t len)
{
    char *s = malloc (base64_encoded_size (len));
    json_t *o = NULL;

    if (s) {
        size_t n = base64_encode (len > 0 ? data : "", len, s);
        o = object ("val", json_stringn_nocheck (s, n));
    }
    free (s);
    return o;
}

static json_t *ref_object (const char *type, const char *blobref)
{
    json_t *o = object (type, json_array ());

    if (o && blobref
        && json_array_append_new (json_object_get (o, "data"),
                                  json_string (blobref)) < 0) {
        json_decref (o);
        return NULL;
    }
    return o;
}

json_t *treeobj_valref (const char *blobref)
{
    return ref_object ("valref", blobref);
}

json_t *treeobj_dir (void)
{
    return object ("dir", json_object ());
}

json_t *treeobj_dirref (const char *blobref)
{
    return ref_object ("dirref", blobref);
}

json_t *treeobj_symlink (const char *ns, const char *target)
{
    return object ("symlink", ns ? json_pack ("{s:s s:s}", "namespace", ns,
                                              "target", target)
                                 : json_pack ("{s:s}", "target", target));
}

const char *treeobj_type (const json_t *o)
{
    return json_string_value (json_object_get (o, "type"));
}

bool treeobj_is (const json_t *o, const char *type)
{
    const char *s = treeobj_type (o);

    return s && strcmp (s, type) == 0;
}

static const json_t *get_data (const json_t *o)
{
    return json_object_get (o, "data");
}

static bool base64_char (char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static int validate_val (const json_t *data)
{
    const char *s = json_string_value (data);
    size_t len = json_string_length (data);

    if (!s || len % 4 != 0)
        return -EINVAL;
    for (int i = 0; i < 2 && len > 0 && s[len - 1] == '='; i++)
        len--;
    while (len > 0 && base64_char (s[len - 1]))
        len--;
    return len == 0 ? 0 : -EINVAL;
}

static int validate_refs (const json_t *data, bool one)
{
    size_t index;
    json_t *ref;

    if (!json_is_array (data) || (one && json_array_size (data) != 1))
        return -EINVAL;
    json_array_foreach ((json_t *)data, index, ref) {
        if (!json_is_string (ref) || !blobref_valid (json_string_value (ref)))
            return -EINVAL;
    }
    return 0;
}

static int validate_symlink (const json_t *data)
{
    const json_t *ns = json_object_get (data, "namespace");

    if (json_string_length (json_object_get (data, "target")) == 0
        || (ns && json_string_length (ns) == 0))
        return -EINVAL;
    return 0;
}

static int validate (const json_t *o, int depth);

static int validate_dir (const json_t *data, int depth)
{
    const char *name;
    json_t *entry;

    if (!json_is_object (data))
        return -EINVAL;
    json_object_foreach ((json_t *)data, name, entry) {
        if (!name[0] || validate (entry, depth + 1) < 0)
            return -EINVAL;
    }
    return 0;
}

static int validate (const json_t *o, int depth)
{
    const json_t *ver = json_object_get (o, "ver");
    const char *type = treeobj_type (o);
    const json_t *data = get_data (o);

    if (!json_is_integer (ver) || json_integer_value (ver) != 1 || !type || !data
        || depth > MAX_DEPTH)
        return -EINVAL;
    if (strcmp (type, "val") == 0)
        return validate_val (data);
    if (strcmp (type, "valref") == 0)
        return validate_refs (data, false);
    if (strcmp (type, "dirref") == 0)
        return validate_refs (data, true);
    if (strcmp (type, "dir") == 0)
        return validate_dir (data, depth);
    if (strcmp (type, "symlink") == 0)
        return validate_symlink (data);
    return -EINVAL;
}

int treeobj_validate (const json_t *o)
{
    return validate (o, 1);
}

int treeobj_val_decode (const json_t *o, void **data, size_t *len)
{
    const json_t *text = get_data (o);
    size_t slen = json_string_length (text), n;
    char *buf;

    if (!treeobj_is (o, "val") || !json_is_string (text))
        return -EINVAL;
    if (!(buf = malloc (base64_decoded_size (slen) + 1)))
        return -ENOMEM;
    if (base64_decode (json_string_value (text), slen, buf, &n) < 0) {
        free (buf);
        return -EINVAL;
    }
    buf[n] = '\0';
    *data = buf;
    *len = n;
    return 0;
}

static bool has_refs (const json_t *o)
{
    return (treeobj_is (o, "valref") || treeobj_is (o, "dirref"))
           && json_is_array (get_data (o));
}

int treeobj_refs (const json_t *o, size_t *count)
{
    if (!has_refs (o))
        return -EINVAL;
    *count = json_array_size (get_data (o));
    return 0;
}

const char *treeobj_ref (const json_t *o, size_t i)
{
    return has_refs (o) ? json_string_value (json_array_get (get_data (o), i)) : NULL;
}

int treeobj_add_ref (json_t *o, const char *blobref)
{
    if (!has_refs (o) || !blobref)
        return -EINVAL;
    if (json_array_append_new ((json_t *)get_data (o), json_string (blobref)) < 0)
        return -ENOMEM;
    return 0;
}

json_t *treeobj_dir_get (json_t *dir, const char *name)
{
    return treeobj_is (dir, "dir") ? json_object_get (get_data (dir), name) : NULL;
}

int treeobj_dir_set (json_t *dir, const char *name, json_t *o)
{
    if (!treeobj_is (dir, "dir") || !name || !name[0] || !json_is_object (o))
        return -EINVAL;
    return json_object_set ((json_t *)get_data (dir), name, o) < 0 ? -ENOMEM : 0;
}

int treeobj_dir_del (json_t *dir, const char *name)
{
    if (!treeobj_is (dir, "dir"))
        return -EINVAL;
    return json_object_del ((json_t *)get_data (dir), name) < 0 ? -ENOENT : 0;
}

int treeobj_symlink_parse (const json_t *o, const char **ns, const char **target)
{
    const json_t *data = get_data (o);
    const char *s = json_string_value (json_object_get (data, "target"));

    if (!treeobj_is (o, "symlink") || !s)
        return -EINVAL;
    if (ns)
        *ns = json_string_value (json_object_get (data, "namespace"));
    if (target)
        *target = s;
    return 0;
}

char *treeobj_encode (const json_t *o)
{
    char *s;

    if (!json_is_object (o)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(s = json_dumps (o, JSON_COMPACT | JSON_SORT_KEYS)))
        errno = ENOMEM;
    return s;
}

json_t *treeobj_decode (const char *s, size_t len)
{
    json_t *o = json_loadb (s, len, 0, NULL);

    if (!o || treeobj_validate (o) < 0) {
        json_decref (o);
        errno = EINVAL;
        return NULL;
    }
    return o;
}
