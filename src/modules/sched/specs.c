/* specs.c - the jobspecs of sched.alloc requests, each decoded once
 */
#include "modules/sched/specs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "base/hash.h"

#define SPECS_MAX 1024

struct specs {
    const struct specs_ops *ops;
    void *arg;
    struct idhash *known;      /* hash of the text -> struct known */
};

struct known {
    const struct specs_ops *ops;
    void *spec;
    size_t len;
    char text[];
};

static void known_free (void *arg)
{
    struct known *k = arg;

    k->ops->unref (k->spec);
    free (k);
}

struct specs *specs_new (const struct specs_ops *ops, void *arg)
{
    struct specs *s = calloc (1, sizeof (*s));

    if (s && !(s->known = idhash_new (known_free))) {
        free (s);
        return NULL;
    }
    if (s) {
        s->ops = ops;
        s->arg = arg;
    }
    return s;
}

void specs_free (struct specs *s)
{
    if (s) {
        idhash_free (s->known);
        free (s);
    }
}

static uint64_t text_hash (const char *s, size_t len)
{
    uint64_t h = 0x9e3779b97f4a7c15ull ^ len, w;

    for (; len >= 8; s += 8, len -= 8) {
        memcpy (&w, s, 8);
        h = (h ^ w) * 0xff51afd7ed558ccdull;
        h ^= h >> 32;
    }
    w = 0;
    memcpy (&w, s, len);
    h = (h ^ w) * 0xc4ceb9fe1a85ec53ull;
    return h ^ h >> 29;
}

void specs_forget (struct specs *s)
{
    uint64_t key;
    size_t pos = 0;

    while (idhash_next (s->known, &pos, &key))
        idhash_del (s->known, key);
}

static void remember (struct specs *s, uint64_t hash, const char *text, size_t len,
                      void *spec)
{
    struct known *k;

    if (idhash_count (s->known) >= SPECS_MAX)
        specs_forget (s);
    if (!(k = malloc (sizeof (*k) + len)))
        return;
    k->ops = s->ops;
    k->len = len;
    k->spec = s->ops->ref (spec);
    memcpy (k->text, text, len);
    if (idhash_set (s->known, hash, k) < 0)
        known_free (k);
}

/* The requests of our job manager have the jobspec last: then its text can be had
 * without decoding.  NULL: another form. */
static const char *spec_text (const char *s, json_int_t *id, json_int_t *priority,
                              size_t *len)
{
    const char *p = s ? strstr (s, ",\"jobspec\":") : NULL;
    size_t n = p ? strlen (p) : 0;

    if (n < 16 || p[n - 1] != '}' || sscanf (s, "{\"id\":%lld,\"priority\":%lld,", id,
                                             priority) != 2)
        return NULL;
    *len = n - 12;
    return p + 11;
}

void *specs_request (struct specs *s, const flux_msg_t *msg, json_int_t *id,
                     json_int_t *priority, flux_error_t *err)
{
    struct known *k;
    const char *payload, *text = NULL;
    uint64_t hash = 0;
    size_t len;
    json_t *o;
    void *spec;

    if (flux_request_decode (msg, NULL, &payload) == 0
        && (text = spec_text (payload, id, priority, &len))) {
        hash = text_hash (text, len);
        if ((k = idhash_get (s->known, hash)) && k->len == len
            && !memcmp (k->text, text, len))
            return s->ops->ref (k->spec);
    }
    if (flux_request_unpack (msg, NULL, "{s:I s:I s:o}", "id", id, "priority", priority,
                             "jobspec", &o) < 0) {
        *id = -1;
        errmsg (err, 0, "malformed request");
        return NULL;
    }
    if ((spec = s->ops->decode (s->arg, o, err)) && text)
        remember (s, hash, text, len, spec);
    return spec;
}
