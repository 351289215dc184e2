/* kvs_proto.c - see kvs_proto.h */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/kvs_proto.h"

/* Length of the UTF-8 sequence at s, or 0.  Refuses overlong forms, surrogates
 * and everything above U+10FFFF, as JSON strings must be able to hold a key. */
static size_t utf8_seq (const unsigned char *s)
{
    if (s[0] < 0x80)
        return s[0] ? 1 : 0;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)
        || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

int kvs_key_normalize (const char *key, char *out)
{
    if (!key || !*key)
        return -EINVAL;
    size_t len = strlen (key);
    if (len > KVS_KEY_MAX)
        return -ENAMETOOLONG;
    size_t o = 0;
    bool sep = false;
    for (size_t i = 0; i < len;) {
        if (key[i] == '.') {
            sep = o > 0;
            i++;
            continue;
        }
        size_t n = utf8_seq ((const unsigned char *)key + i);
        if (n == 0)
            return -EINVAL;
        if (sep)
            out[o++] = '.';
        sep = false;
        memcpy (out + o, key + i, n);
        o += n;
        i += n;
    }
    if (o == 0)
        out[o++] = '.';
    out[o] = '\0';
    return 0;
}

bool kvs_namespace_valid (const char *ns)
{
    if (!ns || !*ns || strlen (ns) > KVS_NAMESPACE_MAX)
        return false;
    for (const unsigned char *s = (const unsigned char *)ns; *s;) {
        size_t n = utf8_seq (s);
        if (n == 0 || *s <= ' ' || *s == 0x7f)
            return false;
        s += n;
    }
    return true;
}

const char *kvs_namespace_default (const char *ns)
{
    if (!ns && !(ns = getenv ("FLUX_KVS_NAMESPACE")))
        ns = KVS_PRIMARY_NAMESPACE;
    return ns;
}

int kvs_lookup_flags_check (int flags)
{
    const int watch_kinds =
        FLUX_KVS_WATCH_FULL | FLUX_KVS_WATCH_UNIQ | FLUX_KVS_WATCH_APPEND;
    const int forms = FLUX_KVS_READDIR | FLUX_KVS_READLINK | FLUX_KVS_TREEOBJ;
    const int known = forms | watch_kinds | FLUX_KVS_WATCH
                      | FLUX_KVS_WAITCREATE | FLUX_KVS_WATCH_INITIAL_SENTINEL
                      | FLUX_KVS_STREAM | KVS_LOOKUP_DIROBJ;
    int form = flags & forms;
    int kind = flags & watch_kinds;

    if ((flags & ~known) || (form & (form - 1)) || (kind & (kind - 1)))
        return -EINVAL;
    if (kind && !(flags & FLUX_KVS_WATCH))
        return -EINVAL;
    if ((flags & FLUX_KVS_WATCH_INITIAL_SENTINEL)
        && kind != FLUX_KVS_WATCH_APPEND)
        return -EINVAL;
    if (kind == FLUX_KVS_WATCH_APPEND && form)
        return -EINVAL;
    if ((flags & FLUX_KVS_STREAM) && (form || (flags & FLUX_KVS_WATCH)))
        return -EINVAL;
    if ((flags & KVS_LOOKUP_DIROBJ) && form != FLUX_KVS_READDIR)
        return -EINVAL;
    return 0;
}

void kvs_put_varint (struct buf *b, uint64_t n)
{
    while (n >= 0x80) {
        buf_addc (b, (char)(n | 0x80));
        n >>= 7;
    }
    buf_addc (b, (char)n);
}

void kvs_put_str (struct buf *b, const void *s, size_t len)
{
    kvs_put_varint (b, len);
    if (len > 0)
        buf_add (b, s, len);
}

void kvs_put_op (struct buf *b, const struct kvs_txnop *op)
{
    buf_addc (b, op->type);
    kvs_put_str (b, op->key, op->keylen);
    if (op->type == 'l' || op->type == 'c')
        kvs_put_str (b, op->ns, op->nslen);
    if (op->type != 'd' && op->type != 'u')
        kvs_put_str (b, op->data, op->len);
}

void kvs_put_commit (struct buf *b, int flags, const char *ns, uint64_t count)
{
    buf_add (b, "K\1", 2);
    kvs_put_varint (b, (unsigned int)flags);
    kvs_put_str (b, ns, strlen (ns));
    kvs_put_varint (b, count);
}

int kvs_get_varint (const char **p, const char *end, uint64_t *np)
{
    uint64_t n = 0;
    const char *s = *p;
    for (int shift = 0; shift < 63; shift += 7) {
        if (s == end)
            return -EPROTO;
        unsigned char c = (unsigned char)*s++;
        n |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *p = s;
            *np = n;
            return 0;
        }
    }
    return -EPROTO;
}

int kvs_get_str (const char **p, const char *end, const char **s, size_t *len)
{
    const char *q = *p;
    uint64_t n;
    if (kvs_get_varint (&q, end, &n) < 0 || n > (uint64_t)(end - q))
        return -EPROTO;
    *s = q;
    *len = n;
    *p = q + n;
    return 0;
}

int kvs_commit_begin (struct kvs_commit *c, const void *data, size_t len)
{
    struct kvs_commit x = { .p = data };
    if (!data || len < 2 || memcmp (data, "K\1", 2) != 0)
        return -EPROTO;
    x.end = x.p + len;
    x.p += 2;
    if (kvs_get_varint (&x.p, x.end, &x.flags) < 0
        || kvs_get_str (&x.p, x.end, &x.ns, &x.nslen) < 0
        || kvs_get_varint (&x.p, x.end, &x.count) < 0)
        return -EPROTO;
    if (x.flags > INT32_MAX || x.nslen > KVS_NAMESPACE_MAX
        || memchr (x.ns, '\0', x.nslen))
        return -EPROTO;
    *c = x;
    return 0;
}

/* A symlink's target is kept as it was written; it is normalized when followed. */
static bool text_is_utf8 (const char *s, size_t len)
{
    if (len == 0 || len > KVS_KEY_MAX)
        return false;
    for (size_t i = 0; i < len;) {
        unsigned char seq[4] = { 0 };
        memcpy (seq, s + i, len - i < 4 ? len - i : 4);
        size_t n = utf8_seq (seq);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

/* A key as it must arrive: what kvs_key_normalize() would leave alone. */
static bool key_is_normal (const char *key, size_t len)
{
    if (!text_is_utf8 (key, len))
        return false;
    if (len == 1 && key[0] == '.')
        return true;
    bool sep = true;
    for (size_t i = 0; i < len; i++) {
        if (key[i] == '.' && sep)
            return false;
        sep = key[i] == '.';
    }
    return !sep;
}

int kvs_commit_next (struct kvs_commit *c, struct kvs_txnop *op)
{
    if (c->count == 0)
        return c->p == c->end ? 0 : -EPROTO;
    if (c->p == c->end)
        return -EPROTO;
    struct kvs_txnop x = { .type = *c->p++ };
    if (!memchr ("padultc", x.type, 7)
        || kvs_get_str (&c->p, c->end, &x.key, &x.keylen) < 0
        || !key_is_normal (x.key, x.keylen))
        return -EPROTO;
    if ((x.type == 'l' || x.type == 'c')
        && (kvs_get_str (&c->p, c->end, &x.ns, &x.nslen) < 0
            || x.nslen > KVS_NAMESPACE_MAX || memchr (x.ns, '\0', x.nslen)))
        return -EPROTO;
    if (x.type != 'd' && x.type != 'u'
        && kvs_get_str (&c->p, c->end, &x.data, &x.len) < 0)
        return -EPROTO;
    if ((x.type == 'l' && !text_is_utf8 (x.data, x.len))
        || (x.type == 'c' && !key_is_normal (x.data, x.len)))
        return -EPROTO;
    c->count--;
    *op = x;
    return 1;
}

int kvs_get_dirent (const char **p, const char *end, char *type,
                    const char **name, size_t *len)
{
    if (*p == end)
        return 0;
    char t = *(*p)++;
    if ((t != 'v' && t != 'd' && t != 'l')
        || kvs_get_str (p, end, name, len) < 0 || *len == 0)
        return -EPROTO;
    *type = t;
    return 1;
}
