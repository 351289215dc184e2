/* doc.c - jobspec as the job part keeps it
 */
#include "modules/job/doc.h"

#include <errno.h>
#include <string.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "base/list.h"
#include "modules/job/env.h"
#include "spec/jobspec.h"

#define WARM_MAX 1024   /* shapes that keep their decoded tree */

struct docset {
    struct idhash *docs;       /* hash of the text -> jobdoc */
    struct idhash *shapes;     /* hash of the redacted text -> shape */
    struct hash *attrs;        /* key -> jobattrs */
    struct envset *envs;
    struct buf scratch;        /* a text put together */
    struct list_node warm;     /* used last is first */
    int nwarm;
};

struct shape {
    struct docset *set;
    int refs;
    bool hashed;               /* in set->shapes */
    uint64_t hash;
    char *text;                /* without the environment */
    size_t len;
    char *brief;               /* without files, too; NULL: there are none */
    struct jobattrs *attrs;
    uint64_t mark;
    bool simulated;            /* system.exec.test */
    struct jobspec *js;        /* NULL when cold */
    struct list_node warm;
};

struct jobdoc {
    struct docset *set;
    int refs;
    bool hashed;               /* in set->docs */
    uint64_t hash;
    size_t len;
    size_t env_start;          /* where in the text of the shape the environment is */
    struct shape *shape;
    struct env_diff env;       /* its slice */
    char middle[];             /* ... what differs */
};

struct docset *docset_new (void)
{
    struct docset *set = calloc (1, sizeof (*set));

    if (!set)
        return NULL;
    list_init (&set->warm);
    set->docs = idhash_new (NULL);
    set->shapes = idhash_new (NULL);
    set->attrs = hash_new (NULL);
    set->envs = envset_new ();
    set->scratch = (struct buf)BUF_INIT;
    if (!set->docs || !set->shapes || !set->attrs || !set->envs) {
        docset_free (set);
        return NULL;
    }
    return set;
}

void docset_free (struct docset *set)
{
    if (set) {
        idhash_free (set->docs);
        idhash_free (set->shapes);
        hash_free (set->attrs);
        envset_free (set->envs);
        buf_release (&set->scratch);
        free (set);
    }
}

/* ---- shared attributes ---- */

struct jobattrs *jobattrs_ref (struct jobattrs *a)
{
    if (a)
        a->refs++;
    return a;
}

void jobattrs_unref (struct docset *set, struct jobattrs *a)
{
    if (a && --a->refs == 0) {
        hash_del (set->attrs, a->key);
        free (a);
    }
}

static const char *attr_string (const struct jobspec *js, const char *path)
{
    const char *s = json_string_value (jobspec_attr (js, path));

    return s ? s : "";
}

static const char *or_empty (const char *s)
{
    return s ? s : "";
}

/* Tasks and cores that a request of the simple form says. */
static void count_request (const struct jobspec *js, struct jobattrs *a)
{
    const struct jobspec_request *r = jobspec_request (js);
    int ntasks = jobspec_ntasks (js);

    a->ntasks = ntasks > 0 ? ntasks : 0;
    a->duration = r->duration;
    if (r->simple) {
        a->nnodes = r->nnodes;
        if (!r->node_exclusive)
            a->ncores = r->slots_total * r->cores_per_slot;
    }
}

static char *pack (char **p, const char *s)
{
    size_t n = strlen (s) + 1;
    char *start = memcpy (*p, s, n);

    *p += n;
    return start;
}

struct jobattrs *jobattrs_intern (struct docset *set, const struct jobattrs *values)
{
    const struct jobattrs *v = values;
    struct jobattrs *a = NULL;
    char *key = NULL, *p;
    int n;

    n = asprintf (&key, "%d %d %d %.17g\n%s\n%s\n%s\n%s\n%s", v->ntasks, v->nnodes,
                  v->ncores, v->duration, v->name, v->cwd, v->queue, v->project, v->bank);
    if (n < 0)
        return NULL;
    if ((a = hash_get (set->attrs, key))) {
        free (key);
        return jobattrs_ref (a);
    }
    if (!(a = malloc (sizeof (*a) + 2 * n + 8)))
        goto done;
    *a = *v;
    a->refs = 1;
    p = (char *)(a + 1);
    a->name = pack (&p, v->name);
    a->cwd = pack (&p, v->cwd);
    a->queue = pack (&p, v->queue);
    a->project = pack (&p, v->project);
    a->bank = pack (&p, v->bank);
    a->key = pack (&p, key);
    if (hash_set (set->attrs, key, a) < 0) {
        free (a);
        a = NULL;
    }
done:
    free (key);
    return a;
}

static struct jobattrs *attrs_of_jobspec (struct docset *set, const struct jobspec *js)
{
    struct jobattrs a = {
        .name = or_empty (jobspec_name (js)),
        .cwd = or_empty (jobspec_cwd (js)),
        .queue = or_empty (jobspec_queue (js)),
        .project = attr_string (js, "system.project"),
        .bank = attr_string (js, "system.bank"),
    };

    count_request (js, &a);
    return jobattrs_intern (set, &a);
}

/* ---- shapes ---- */

/* Eight bytes a step; texts are compared before they are shared. */
static uint64_t text_hash (uint64_t h, const char *s, size_t len)
{
    uint64_t w;

    h ^= len;
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

static void cool (struct shape *sh)
{
    if (!list_empty (&sh->warm)) {
        list_del (&sh->warm);
        sh->set->nwarm--;
    }
    jobspec_unref (sh->js);
    sh->js = NULL;
}

static void warm (struct shape *sh)
{
    struct docset *set = sh->set;

    if (list_empty (&sh->warm))
        set->nwarm++;
    else
        list_del (&sh->warm);
    list_prepend (&set->warm, &sh->warm);
    if (set->nwarm > WARM_MAX)
        cool (list_entry (set->warm.prev, struct shape, warm));
}

static void shape_unref (struct shape *sh)
{
    if (sh && --sh->refs == 0) {
        cool (sh);
        if (sh->hashed)
            idhash_del (sh->set->shapes, sh->hash);
        jobattrs_unref (sh->set, sh->attrs);
        free (sh->text);
        free (sh->brief);
        free (sh);
    }
}

static uint64_t redacted_hash (const char *text, size_t len, const struct env_span *e)
{
    return text_hash (text_hash (0, text, e->start), text + e->end, len - e->end);
}

static struct shape *shape_find (struct docset *set, uint64_t hash, const char *text,
                                 size_t len, const struct env_span *e)
{
    struct shape *sh = idhash_get (set->shapes, hash);

    if (!sh || sh->len != e->start + len - e->end
        || memcmp (sh->text, text, e->start) != 0
        || memcmp (sh->text + e->start, text + e->end, len - e->end) != 0)
        return NULL;
    sh->refs++;
    return sh;
}

/* Only what was left out may differ between documents of a shape. */
static bool is_redacted (const struct jobspec *js)
{
    return !jobspec_attr (js, "system.environment");
}

/* A copy of the tree without a member of attributes.system; it shares the rest.
 * NULL: it is not there, or no memory. */
static json_t *tree_without (const struct jobspec *js, const char *key)
{
    const json_t *root = jobspec_json (js), *attr = json_object_get (root, "attributes");
    json_t *copy, *attr_copy, *sys;

    if (!json_object_get (json_object_get (attr, "system"), key))
        return NULL;
    copy = json_copy ((json_t *)root);
    attr_copy = json_copy ((json_t *)attr);
    sys = json_copy (json_object_get (attr, "system"));
    if (json_object_del (sys, key) < 0
        || json_object_set_new (attr_copy, "system", json_incref (sys)) < 0
        || json_object_set_new (copy, "attributes", json_incref (attr_copy)) < 0) {
        json_decref (copy);
        copy = NULL;
    }
    json_decref (attr_copy);
    json_decref (sys);
    return copy;
}

/* As if the text without its environment had been decoded.  NULL: it must be. */
static struct jobspec *redact (struct jobspec *js, const struct env_span *e)
{
    json_t *o = js && e->start != e->end ? tree_without (js, "environment") : NULL;
    struct jobspec *redacted = o ? jobspec_from_json (o, NULL) : NULL;

    json_decref (o);
    return redacted;
}

/* 0 or -ENOMEM */
static int make_brief (struct shape *sh)
{
    json_t *o;

    if (!jobspec_attr (sh->js, "system.files"))
        return 0;
    o = tree_without (sh->js, "files");
    sh->brief = o ? json_dumps (o, JSON_COMPACT) : NULL;
    json_decref (o);
    return sh->brief ? 0 : -ENOMEM;
}

/* js: the decoded text if the caller has it, else NULL */
static struct shape *shape_new (struct docset *set, uint64_t hash, const char *text,
                                size_t len, const struct env_span *e, struct jobspec *js)
{
    struct shape *sh = calloc (1, sizeof (*sh));

    if (!sh)
        return NULL;
    sh->set = set;
    sh->refs = 1;
    sh->hash = hash;
    sh->len = e->start + len - e->end;
    list_init (&sh->warm);
    if (!(sh->text = malloc (sh->len + 1)))
        goto error;
    memcpy (sh->text, text, e->start);
    memcpy (sh->text + e->start, text + e->end, len - e->end);
    sh->text[sh->len] = '\0';
    if (!(sh->js = redact (js, e)) && !(sh->js = jobspec_decode (sh->text, sh->len, NULL)))
        goto error;
    if (!(sh->attrs = attrs_of_jobspec (set, sh->js)) || make_brief (sh) < 0)
        goto error;
    sh->simulated = jobspec_attr (sh->js, "system.exec.test") != NULL;
    if (is_redacted (sh->js) && !idhash_get (set->shapes, hash))
        sh->hashed = idhash_set (set->shapes, hash, sh) == 0;
    warm (sh);
    return sh;
error:
    shape_unref (sh);
    return NULL;
}

/* ---- documents ---- */

struct jobdoc *jobdoc_ref (struct jobdoc *doc)
{
    if (doc)
        doc->refs++;
    return doc;
}

void jobdoc_unref (struct jobdoc *doc)
{
    if (doc && --doc->refs == 0) {
        if (doc->hashed)
            idhash_del (doc->set->docs, doc->hash);
        shape_unref (doc->shape);
        env_release (&doc->env);
        free (doc);
    }
}

static bool take (const char **s, const char *piece, size_t n)
{
    bool same = n == 0 || !memcmp (*s, piece, n);

    *s += n;
    return same;
}

static bool is_text (const struct jobdoc *doc, const char *text)
{
    const struct env_diff *d = &doc->env;
    const struct shape *sh = doc->shape;

    return take (&text, sh->text, doc->env_start)
           && take (&text, env_prefix (d), d->prefix)
           && take (&text, doc->middle, d->middle)
           && take (&text, env_suffix (d), d->suffix)
           && take (&text, sh->text + doc->env_start, sh->len - doc->env_start);
}

static struct jobdoc *doc_find (struct docset *set, uint64_t hash, const char *text,
                                size_t len)
{
    struct jobdoc *doc = idhash_get (set->docs, hash);

    return doc && doc->len == len && is_text (doc, text) ? jobdoc_ref (doc) : NULL;
}

/* Takes the reference on the shape, also on failure. */
static struct jobdoc *doc_create (struct docset *set, uint64_t hash, const char *text,
                                  size_t len, const struct env_span *e,
                                  struct env_diff diff, struct shape *sh)
{
    struct jobdoc *doc;

    if (!sh)
        return NULL;
    if (env_hold (set->envs, &diff, text + e->start, e->end - e->start) < 0)
        goto error;
    if (!(doc = malloc (sizeof (*doc) + diff.middle))) {
        env_release (&diff);
        goto error;
    }
    *doc = (struct jobdoc){ .set = set, .refs = 1, .hash = hash, .len = len,
                            .env_start = e->start, .shape = sh, .env = diff };
    memcpy (doc->middle, text + e->start + diff.prefix, diff.middle);
    if (!idhash_get (set->docs, hash))
        doc->hashed = idhash_set (set->docs, hash, doc) == 0;
    return doc;
error:
    shape_unref (sh);
    return NULL;
}

static struct jobdoc *doc_from_valid (struct docset *set, const char *text,
                                      struct jobspec *js)
{
    size_t len = strlen (text);
    uint64_t hash = text_hash (0, text, len), rhash;
    struct jobdoc *doc = doc_find (set, hash, text, len);
    struct shape *sh;
    struct env_span e;

    if (doc)
        return doc;
    e = env_find (text);
    rhash = redacted_hash (text, len, &e);
    if (!(sh = shape_find (set, rhash, text, len, &e)))
        sh = shape_new (set, rhash, text, len, &e, js);
    return doc_create (set, hash, text, len, &e,
                       env_compare (set->envs, text + e.start, e.end - e.start), sh);
}

struct jobdoc *jobdoc_new (struct docset *set, struct jobspec *js, const char *text)
{
    char *dump = text ? NULL : json_dumps (jobspec_json (js), JSON_COMPACT);
    struct jobdoc *doc = text || dump ? doc_from_valid (set, text ? text : dump, js) : NULL;

    free (dump);
    return doc;
}

static bool environment_valid (const char *text, const struct env_span *e)
{
    json_t *o, *val;
    const char *key;
    bool valid;

    if (e->start == e->end)
        return true;
    o = json_loadb (text + e->val, e->val_end - e->val, JSON_REJECT_DUPLICATES, NULL);
    valid = json_is_object (o);
    json_object_foreach (o, key, val)
        valid &= json_is_string (val) || json_is_null (val);
    json_decref (o);
    return valid;
}

struct jobdoc *jobdoc_known (struct docset *set, const char *text)
{
    size_t len = strlen (text);
    uint64_t hash = text_hash (0, text, len);
    struct jobdoc *doc = doc_find (set, hash, text, len);
    struct shape *sh;
    struct env_span e;
    struct env_diff diff;

    if (doc)
        return doc;
    e = env_find (text);
    if (!(sh = shape_find (set, redacted_hash (text, len, &e), text, len, &e)))
        return NULL;
    diff = env_compare (set->envs, text + e.start, e.end - e.start);
    if (!diff.valid && !environment_valid (text, &e)) {
        shape_unref (sh);
        return NULL;
    }
    return doc_create (set, hash, text, len, &e, diff, sh);
}

struct jobdoc *jobdoc_from_text (struct docset *set, const char *text, flux_error_t *err)
{
    struct jobdoc *doc = jobdoc_known (set, text);
    struct jobspec *js;

    if (doc)
        return doc;
    if (!(js = jobspec_decode (text, strlen (text), err)))
        return NULL;
    if (!(doc = jobdoc_new (set, js, text))) {
        errmsg (err, 0, "out of memory");
        errno = ENOMEM;
    }
    jobspec_unref (js);
    return doc;
}

void jobdoc_add_text (const struct jobdoc *doc, struct buf *b)
{
    const struct env_diff *d = &doc->env;
    const struct shape *sh = doc->shape;

    buf_add (b, sh->text, doc->env_start);
    buf_add (b, env_prefix (d), d->prefix);
    buf_add (b, doc->middle, d->middle);
    buf_add (b, env_suffix (d), d->suffix);
    buf_add (b, sh->text + doc->env_start, sh->len - doc->env_start);
}

const char *jobdoc_text (const struct jobdoc *doc, size_t *len)
{
    struct buf *b = &doc->set->scratch;

    if (len)
        *len = doc->len;
    if (env_len (&doc->env) == 0)
        return doc->shape->text;
    buf_clear (b);
    jobdoc_add_text (doc, b);
    if (b->failed) {
        b->failed = false;
        errno = ENOMEM;
        return NULL;
    }
    return b->data;
}

const char *jobdoc_redacted (const struct jobdoc *doc, size_t *len)
{
    *len = doc->shape->len;
    return doc->shape->text;
}

const char *jobdoc_brief (const struct jobdoc *doc, size_t *len)
{
    const struct shape *sh = doc->shape;

    *len = sh->brief ? strlen (sh->brief) : sh->len;
    return sh->brief ? sh->brief : sh->text;
}

json_t *jobdoc_brief_json (struct jobdoc *doc)
{
    struct jobspec *js = jobdoc_spec (doc);

    if (!js)
        return NULL;
    return doc->shape->brief ? tree_without (js, "files")
                             : json_incref ((json_t *)jobspec_json (js));
}

bool jobdoc_is_simulated (const struct jobdoc *doc)
{
    return doc->shape->simulated;
}

struct jobattrs *jobdoc_attrs (struct jobdoc *doc)
{
    return doc->shape->attrs;
}

uint64_t *jobdoc_mark (struct jobdoc *doc)
{
    return &doc->shape->mark;
}

struct jobspec *jobdoc_spec (struct jobdoc *doc)
{
    struct shape *sh = doc->shape;

    if (!sh->js)
        sh->js = jobspec_decode (sh->text, sh->len, NULL);
    if (sh->js)
        warm (sh);
    return sh->js;
}

json_t *jobdoc_redacted_json (struct jobdoc *doc)
{
    struct jobspec *js = jobdoc_spec (doc);

    return js ? (json_t *)jobspec_json (js) : NULL;
}

int jobdoc_path_set (json_t *o, const char *path, json_t *val)
{
    char *cpy = strdup (path), *p = cpy, *dot;
    int rc = -ENOMEM;

    if (!cpy)
        return rc;
    while ((dot = strchr (p, '.'))) {
        json_t *next;
        *dot = '\0';
        if (!(next = json_object_get (o, p))
            && json_object_set_new (o, p, (next = json_object ())) < 0)
            goto done;
        if (!json_is_object (next)) {
            rc = -EINVAL;
            goto done;
        }
        o = next;
        p = dot + 1;
    }
    if (!*p)
        rc = -EINVAL;
    else if (json_object_set (o, p, val) == 0)
        rc = 0;
done:
    free (cpy);
    return rc;
}

struct jobdoc *jobdoc_update (struct jobdoc *doc, const json_t *updates, flux_error_t *err)
{
    const char *text = jobdoc_text (doc, NULL);
    json_t *o = text ? json_loads (text, 0, NULL) : NULL, *val;
    struct jobspec *new = NULL;
    struct jobdoc *result = NULL;
    const char *path;
    int rc = 0;

    if (!o) {
        errno = ENOMEM;
        return NULL;
    }
    json_object_foreach ((json_t *)updates, path, val) {
        if ((rc = jobdoc_path_set (o, path, val)) < 0) {
            errmsg (err, 0, "cannot set %s in the jobspec", path);
            goto done;
        }
    }
    if (!(new = jobspec_from_json (o, err))) {
        rc = -errno;
        goto done;
    }
    if (!(result = jobdoc_new (doc->set, new, NULL)))
        rc = -ENOMEM;
done:
    jobspec_unref (new);
    json_decref (o);
    if (!result)
        errno = -rc;
    return result;
}
