/* kvs_lookup.c - look-ups and watches
 *
 * What was asked hangs on the future (struct lookup); what an answer was parsed
 * into hangs on the answer's message (struct parsed), so that it lives exactly
 * until the future is reset or destroyed.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <flux/core.h>

#include "base/base64.h"
#include "core/kvs_proto.h"
#include "spec/treeobj.h"

struct lookup {
    char *ns;
    char *key;
    char *at;           /* NULL: not lookupat */
    int flags;
};

struct parsed {
    char *treeobj;
    json_t *obj;        /* of a 'j' answer */
    json_t *value;      /* the value decoded as JSON */
    void *data;         /* the value, if it came base64 encoded */
    size_t len;
    flux_kvsdir_t *dir;
};

static const char lookup_name[] = "flux::kvs_lookup";
static const char parsed_name[] = "flux::kvs_parsed";

static void lookup_free (void *arg)
{
    struct lookup *l = arg;
    if (l) {
        int saved_errno = errno;
        free (l->ns);
        free (l->key);
        free (l->at);
        free (l);
        errno = saved_errno;
    }
}

static struct lookup *lookup_new (const char *ns, const char *key,
                                  const char *at, int flags)
{
    struct lookup *l = calloc (1, sizeof (*l));
    if (!l)
        return NULL;
    l->flags = flags;
    if (!(l->ns = strdup (ns)) || !(l->key = strdup (key))
        || (at && !(l->at = strdup (at)))) {
        lookup_free (l);
        errno = ENOMEM;
        return NULL;
    }
    return l;
}

static void parsed_free (void *arg)
{
    struct parsed *p = arg;
    if (p) {
        int saved_errno = errno;
        free (p->treeobj);
        json_decref (p->obj);
        json_decref (p->value);
        free (p->data);
        flux_kvsdir_destroy (p->dir);
        free (p);
        errno = saved_errno;
    }
}

static flux_future_t *send_lookup (flux_t *h, const struct lookup *l)
{
    const int waits = FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE | FLUX_KVS_STREAM;
    const int streams = FLUX_KVS_WATCH | FLUX_KVS_STREAM;
    const char *topic = (l->flags & waits) ? "kvs-watch.lookup" : "kvs.lookup";
    int rpc_flags = (l->flags & streams) ? FLUX_RPC_STREAMING : 0;

    if (l->at)
        return flux_rpc_pack (h, topic, FLUX_NODEID_ANY, rpc_flags,
                              "{s:s s:s s:i s:s}", "key", l->key, "namespace",
                              l->ns, "flags", l->flags, "at", l->at);
    return flux_rpc_pack (h, topic, FLUX_NODEID_ANY, rpc_flags,
                          "{s:s s:s s:i}", "key", l->key, "namespace", l->ns,
                          "flags", l->flags);
}

static flux_future_t *lookup (flux_t *h, const char *ns, int flags,
                              const char *key, const char *at)
{
    ns = kvs_namespace_default (ns);
    if (!h || !key || !*key || kvs_lookup_flags_check (flags) < 0
        || !kvs_namespace_valid (ns)) {
        errno = EINVAL;
        return NULL;
    }
    struct lookup *l = lookup_new (ns, key, at, flags);
    if (!l)
        return NULL;
    flux_future_t *f = send_lookup (h, l);
    if (!f || flux_future_aux_set (f, lookup_name, l, lookup_free) < 0) {
        lookup_free (l);
        flux_future_destroy (f);
        return NULL;
    }
    return f;
}

flux_future_t *flux_kvs_lookup (flux_t *h, const char *ns, int flags,
                                const char *key)
{
    return lookup (h, ns, flags, key, NULL);
}

flux_future_t *flux_kvs_lookupat (flux_t *h, int flags, const char *key,
                                  const char *treeobj)
{
    const int not_at = FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE | FLUX_KVS_STREAM;
    if (flags & not_at) {
        errno = EINVAL;
        return NULL;
    }
    if (treeobj) {
        json_t *o = treeobj_decode (treeobj, strlen (treeobj));
        if (!o) {
            errno = EINVAL;
            return NULL;
        }
        json_decref (o);
    }
    return lookup (h, NULL, flags, key, treeobj);
}

/* The answer's kind ('v', 'j', 'd') and body, or -1 with errno. */
static int answer (flux_future_t *f, const char **data, size_t *len)
{
    const void *payload;
    size_t size;
    if (!f || !flux_future_aux_get (f, lookup_name)) {
        errno = EINVAL;
        return -1;
    }
    if (flux_rpc_get_raw (f, &payload, &size) < 0)
        return -1;
    const char *s = payload;
    if (!s || size < 2 || s[size - 1] != '\0' || !memchr ("vjd", s[0], 3)) {
        errno = EPROTO;
        return -1;
    }
    *data = s + 1;
    *len = size - 2;
    return s[0];
}

static struct parsed *parsed_get (flux_future_t *f)
{
    const void *result;
    if (flux_future_get (f, &result) < 0)
        return NULL;
    const flux_msg_t *msg = result;
    struct parsed *p = flux_msg_aux_get (msg, parsed_name);
    if (!p) {
        if (!(p = calloc (1, sizeof (*p))))
            return NULL;
        if (flux_msg_aux_set (msg, parsed_name, p, parsed_free) < 0) {
            parsed_free (p);
            return NULL;
        }
    }
    return p;
}

static json_t *object_get (struct parsed *p, const char *data, size_t len)
{
    if (!p->obj && !(p->obj = treeobj_decode (data, len)))
        errno = EPROTO;
    return p->obj;
}

/* A value that came as a tree object. */
static int value_of_object (flux_future_t *f, const char *s, size_t n,
                            const char **data, size_t *len)
{
    struct parsed *p = parsed_get (f);
    json_t *o = p ? object_get (p, s, n) : NULL;
    if (!o)
        return -1;
    if (!treeobj_is (o, "val")) {
        bool dir = treeobj_is (o, "dir") || treeobj_is (o, "dirref");
        errno = dir ? EISDIR : EINVAL;
        return -1;
    }
    if (!p->data) {
        int rc = treeobj_val_decode (o, &p->data, &p->len);
        if (rc < 0) {
            errno = -rc;
            return -1;
        }
    }
    *data = p->data;
    *len = p->len;
    return 0;
}

/* The value, NUL terminated beyond *len. */
static int value_get (flux_future_t *f, const char **data, size_t *len)
{
    const char *s;
    size_t n;
    int kind = answer (f, &s, &n);
    if (kind < 0)
        return -1;
    if (kind == 'd') {
        errno = EISDIR;
        return -1;
    }
    if (kind == 'j')
        return value_of_object (f, s, n, data, len);
    *data = s;
    *len = n;
    return 0;
}

int flux_kvs_lookup_get_raw (flux_future_t *f, const void **data, size_t *len)
{
    const char *s;
    size_t n;
    if (value_get (f, &s, &n) < 0)
        return -1;
    if (data)
        *data = n > 0 ? s : NULL;
    if (len)
        *len = n;
    return 0;
}

int flux_kvs_lookup_get (flux_future_t *f, const char **value)
{
    const void *data;
    if (flux_kvs_lookup_get_raw (f, &data, NULL) < 0)
        return -1;
    if (value)
        *value = data;
    return 0;
}

int flux_kvs_lookup_get_unpack (flux_future_t *f, const char *fmt, ...)
{
    const char *s;
    size_t n;
    struct parsed *p;
    if (!fmt) {
        errno = EINVAL;
        return -1;
    }
    if (value_get (f, &s, &n) < 0 || !(p = parsed_get (f)))
        return -1;
    if (!p->value
        && !(p->value = json_loadb (s, n, JSON_DECODE_ANY | JSON_ALLOW_NUL,
                                    NULL))) {
        errno = EPROTO;
        return -1;
    }
    va_list ap;
    va_start (ap, fmt);
    int rc = json_vunpack_ex (p->value, NULL, 0, fmt, ap);
    va_end (ap);
    if (rc < 0)
        errno = EPROTO;
    return rc;
}

int flux_kvs_lookup_get_dir (flux_future_t *f, const flux_kvsdir_t **dirp)
{
    const char *s;
    size_t n;
    struct parsed *p;
    int kind = answer (f, &s, &n);
    if (kind < 0 || !(p = parsed_get (f)))
        return -1;
    if (!p->dir) {
        struct lookup *l = flux_future_aux_get (f, lookup_name);
        flux_t *h = flux_future_get_flux (f);
        if (kind == 'd')
            p->dir = kvsdir_from_listing (h, l->at, l->key, s, n);
        else if (kind == 'j' && object_get (p, s, n)
                 && treeobj_is (p->obj, "dir"))
            p->dir = flux_kvsdir_create (h, l->at, l->key, s);
        else
            errno = ENOTDIR;
        if (!p->dir)
            return -1;
    }
    if (dirp)
        *dirp = p->dir;
    return 0;
}

static char *encode_val (const char *data, size_t len)
{
    static const char head[] = "{\"data\":\"";
    static const char tail[] = "\",\"type\":\"val\",\"ver\":1}";
    const size_t h = sizeof (head) - 1;
    char *s = malloc (h + base64_encoded_size (len) + sizeof (tail));
    if (!s)
        return NULL;
    memcpy (s, head, h);
    size_t n = base64_encode (data, len, s + h);
    memcpy (s + h + n, tail, sizeof (tail));
    return s;
}

/* A listing does not hold the references of what is in the directory: they are
 * computed only for who asks for the object. */
static char *fetch_dir_object (flux_future_t *f)
{
    struct lookup *l = flux_future_aux_get (f, lookup_name);
    struct lookup full = *l;
    full.flags = FLUX_KVS_READDIR | KVS_LOOKUP_DIROBJ;
    flux_future_t *f2 = send_lookup (flux_future_get_flux (f), &full);
    const void *data;
    size_t len;
    char *s = NULL;
    if (f2 && flux_rpc_get_raw (f2, &data, &len) == 0) {
        if (len < 2 || *(const char *)data != 'j')
            errno = EPROTO;
        else
            s = strndup ((const char *)data + 1, len - 1);
    }
    flux_future_destroy (f2);
    return s;
}

int flux_kvs_lookup_get_treeobj (flux_future_t *f, const char **treeobj)
{
    const char *s;
    size_t n;
    struct parsed *p;
    int kind = answer (f, &s, &n);
    if (kind < 0 || !(p = parsed_get (f)))
        return -1;
    if (kind != 'j') {
        if (!p->treeobj)
            p->treeobj = kind == 'v' ? encode_val (s, n) : fetch_dir_object (f);
        if (!p->treeobj)
            return -1;
        s = p->treeobj;
    }
    if (treeobj)
        *treeobj = s;
    return 0;
}

int flux_kvs_lookup_get_symlink (flux_future_t *f, const char **ns,
                                 const char **target)
{
    const char *s;
    size_t n;
    struct parsed *p;
    int kind = answer (f, &s, &n);
    if (kind < 0 || !(p = parsed_get (f)))
        return -1;
    if (kind != 'j') {
        errno = EINVAL;
        return -1;
    }
    const char *lns, *ltarget;
    if (!object_get (p, s, n))
        return -1;
    if (!treeobj_is (p->obj, "symlink")
        || treeobj_symlink_parse (p->obj, &lns, &ltarget) < 0) {
        errno = EINVAL;
        return -1;
    }
    if (ns)
        *ns = lns;
    if (target)
        *target = ltarget;
    return 0;
}

const char *flux_kvs_lookup_get_key (flux_future_t *f)
{
    struct lookup *l = f ? flux_future_aux_get (f, lookup_name) : NULL;
    if (!l) {
        errno = EINVAL;
        return NULL;
    }
    return l->key;
}

int flux_kvs_lookup_cancel (flux_future_t *f)
{
    const int cancelable = FLUX_KVS_WATCH | FLUX_KVS_WAITCREATE;
    struct lookup *l = f ? flux_future_aux_get (f, lookup_name) : NULL;
    if (!l || !(l->flags & cancelable)) {
        errno = EINVAL;
        return -1;
    }
    if (flux_rpc_get_matchtag (f) == FLUX_MATCHTAG_NONE)
        return 0;    /* it has ended, though not all of it may have been read */
    flux_future_t *f2 =
        flux_rpc_pack (flux_future_get_flux (f), "kvs-watch.cancel",
                       FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE, "{s:i}",
                       "matchtag", (int)flux_rpc_get_matchtag (f));
    if (!f2)
        return -1;
    flux_future_destroy (f2);
    return 0;
}
