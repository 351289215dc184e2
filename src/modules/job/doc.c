/* doc.c - jobspec as the job part keeps it
 */
#include "doc.h"

#include <errno.h>
#include <string.h>

#include "base/errmsg.h"
#include "base/hash.h"
#include "base/list.h"
#include "spec/jobspec.h"

#define WARM_MAX 1024   /* documents that keep their decoded tree */

struct docset {
    struct idhash *docs;       /* hash of the text -> jobdoc */
    struct hash *attrs;        /* key -> jobattrs */
    struct list_node warm;     /* used last is first */
    int nwarm;
};

struct jobdoc {
    struct docset *set;
    int refs;
    bool hashed;               /* in set->docs */
    uint64_t hash;
    char *text;
    size_t len;
    size_t env_start, env_end; /* span to leave out; equal if there is none */
    struct jobattrs *attrs;
    struct jobspec *js;        /* NULL when cold */
    json_t *redacted;
    struct list_node warm;
};

struct docset *docset_new (void)
{
    struct docset *set = calloc (1, sizeof (*set));

    if (!set)
        return NULL;
    list_init (&set->warm);
    set->docs = idhash_new (NULL);
    set->attrs = hash_new (NULL);
    if (!set->docs || !set->attrs) {
        docset_free (set);
        return NULL;
    }
    return set;
}

void docset_free (struct docset *set)
{
    if (set) {
        idhash_free (set->docs);
        hash_free (set->attrs);
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

static struct jobattrs *attrs_intern (struct docset *set, const struct jobspec *js)
{
    struct jobattrs tmp = { .refs = 1 }, *a = NULL;
    char *key = NULL, *p;
    int n;

    count_request (js, &tmp);
    tmp.name = or_empty (jobspec_name (js));
    tmp.cwd = or_empty (jobspec_cwd (js));
    tmp.queue = or_empty (jobspec_queue (js));
    tmp.project = attr_string (js, "system.project");
    tmp.bank = attr_string (js, "system.bank");
    n = asprintf (&key, "%d %d %d %.17g\n%s\n%s\n%s\n%s\n%s", tmp.ntasks, tmp.nnodes,
                  tmp.ncores, tmp.duration, tmp.name, tmp.cwd, tmp.queue,
                  tmp.project, tmp.bank);
    if (n < 0)
        return NULL;
    if ((a = hash_get (set->attrs, key))) {
        free (key);
        return jobattrs_ref (a);
    }
    if (!(a = malloc (sizeof (*a) + 2 * n + 8)))
        goto done;
    *a = tmp;
    p = (char *)(a + 1);
    a->name = pack (&p, tmp.name);
    a->cwd = pack (&p, tmp.cwd);
    a->queue = pack (&p, tmp.queue);
    a->project = pack (&p, tmp.project);
    a->bank = pack (&p, tmp.bank);
    a->key = pack (&p, key);
    if (hash_set (set->attrs, key, a) < 0) {
        free (a);
        a = NULL;
    }
done:
    free (key);
    return a;
}

/* ---- finding the environment in the text ---- */

static const char *skip_space (const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
        p++;
    return p;
}

static const char *skip_string (const char *p)
{
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
            p++;
    }
    return *p ? p + 1 : p;
}

/* The text is valid JSON (it was decoded), so brackets need not be matched by
 * kind. */
static const char *skip_value (const char *p)
{
    int depth = 0;

    do {
        p = skip_space (p);
        if (*p == '"')
            p = skip_string (p);
        else if (*p == '{' || *p == '[')
            depth++, p++;
        else if (*p == '}' || *p == ']')
            depth--, p++;
        else if (*p == ',' || *p == ':')
            p++;
        else {
            while (*p && !strchr (",:]} \t\n\r", *p))
                p++;
        }
    } while (depth > 0 && *p);
    return p;
}

struct span {
    const char *key, *val, *end;   /* "key" : val end */
    const char *prev;              /* the comma or brace before */
};

/* Find a member of the object that starts at p. */
static bool find_member (const char *p, const char *name, struct span *s)
{
    size_t n = strlen (name);

    p = skip_space (p);
    if (*p != '{')
        return false;
    while (*p == '{' || *p == ',') {
        s->prev = p;
        s->key = skip_space (p + 1);
        if (*s->key != '"')
            return false;
        p = skip_space (skip_string (s->key));
        s->val = skip_space (p + 1);
        s->end = skip_value (s->val);
        if (!strncmp (s->key + 1, name, n) && s->key[n + 1] == '"')
            return true;
        p = skip_space (s->end);
    }
    return false;
}

static void find_environment (struct jobdoc *doc)
{
    struct span s;
    const char *end;

    if (!find_member (doc->text, "attributes", &s)
        || !find_member (s.val, "system", &s)
        || !find_member (s.val, "environment", &s))
        return;
    if (*s.prev == ',') {           /* ,"environment":{...} */
        doc->env_start = s.prev - doc->text;
        doc->env_end = s.end - doc->text;
    }
    else {                          /* "environment":{...}, */
        end = skip_space (s.end);
        doc->env_start = s.key - doc->text;
        doc->env_end = (*end == ',' ? end + 1 : s.end) - doc->text;
    }
}

/* ---- documents ---- */

/* Eight bytes a step; the text is compared before it is shared. */
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

static void cool (struct jobdoc *doc)
{
    if (!list_empty (&doc->warm)) {
        list_del (&doc->warm);
        doc->set->nwarm--;
    }
    json_decref (doc->redacted);
    doc->redacted = NULL;
    jobspec_unref (doc->js);
    doc->js = NULL;
}

static void warm (struct jobdoc *doc)
{
    struct docset *set = doc->set;

    if (list_empty (&doc->warm))
        set->nwarm++;
    else
        list_del (&doc->warm);
    list_prepend (&set->warm, &doc->warm);
    if (set->nwarm > WARM_MAX)
        cool (list_entry (set->warm.prev, struct jobdoc, warm));
}

struct jobdoc *jobdoc_ref (struct jobdoc *doc)
{
    if (doc)
        doc->refs++;
    return doc;
}

void jobdoc_unref (struct jobdoc *doc)
{
    if (doc && --doc->refs == 0) {
        cool (doc);
        if (doc->hashed)
            idhash_del (doc->set->docs, doc->hash);
        jobattrs_unref (doc->set, doc->attrs);
        free (doc->text);
        free (doc);
    }
}

/* Takes text. */
static struct jobdoc *doc_create (struct docset *set, struct jobspec *js, char *text)
{
    size_t len = strlen (text);
    uint64_t h = text_hash (text, len);
    struct jobdoc *doc = idhash_get (set->docs, h), *other = doc;

    if (doc && doc->len == len && !memcmp (doc->text, text, len)) {
        free (text);
        return jobdoc_ref (doc);
    }
    if (!(doc = calloc (1, sizeof (*doc)))) {
        free (text);
        return NULL;
    }
    *doc = (struct jobdoc){ .set = set, .refs = 1, .hash = h, .text = text, .len = len };
    list_init (&doc->warm);
    if (!(doc->attrs = attrs_intern (set, js))) {
        jobdoc_unref (doc);
        return NULL;
    }
    if (!other)
        doc->hashed = idhash_set (set->docs, h, doc) == 0;
    find_environment (doc);
    doc->js = jobspec_ref (js);
    warm (doc);
    return doc;
}

struct jobdoc *jobdoc_new (struct docset *set, struct jobspec *js, const char *text)
{
    char *cpy = text ? strdup (text) : json_dumps (jobspec_json (js), JSON_COMPACT);

    return cpy ? doc_create (set, js, cpy) : NULL;
}

struct jobdoc *jobdoc_from_text (struct docset *set, const char *text, flux_error_t *err)
{
    struct jobspec *js = jobspec_decode (text, strlen (text), err);
    struct jobdoc *doc;

    if (!js)
        return NULL;
    if (!(doc = jobdoc_new (set, js, text))) {
        errmsg (err, 0, "out of memory");
        errno = ENOMEM;
    }
    jobspec_unref (js);
    return doc;
}

const char *jobdoc_text (const struct jobdoc *doc, size_t *len)
{
    if (len)
        *len = doc->len;
    return doc->text;
}

const char *jobdoc_redacted (const struct jobdoc *doc, size_t *n1, const char **tail)
{
    if (doc->env_start == doc->env_end) {
        *n1 = doc->len;
        *tail = "";
    }
    else {
        *n1 = doc->env_start;
        *tail = doc->text + doc->env_end;
    }
    return doc->text;
}

struct jobattrs *jobdoc_attrs (struct jobdoc *doc)
{
    return doc->attrs;
}

struct jobspec *jobdoc_spec (struct jobdoc *doc)
{
    if (!doc->js)
        doc->js = jobspec_decode (doc->text, doc->len, NULL);
    if (doc->js)
        warm (doc);
    return doc->js;
}

/* Copies of the three objects on the way to the environment; all else is
 * shared with the decoded jobspec. */
static json_t *redact (const json_t *o)
{
    json_t *top = json_copy ((json_t *)o);
    json_t *attr = json_copy (json_object_get (o, "attributes"));
    json_t *sys = json_copy (json_object_get (json_object_get (o, "attributes"), "system"));

    if (!sys || !json_object_get (sys, "environment")) {
        json_decref (attr);
        json_decref (sys);
        return top;
    }
    json_object_del (sys, "environment");
    if (!top || json_object_set_new (attr, "system", sys) < 0) {
        json_decref (attr);
        json_decref (top);
        return NULL;
    }
    if (json_object_set_new (top, "attributes", attr) < 0) {
        json_decref (top);
        return NULL;
    }
    return top;
}

json_t *jobdoc_redacted_json (struct jobdoc *doc)
{
    struct jobspec *js = jobdoc_spec (doc);

    if (js && !doc->redacted)
        doc->redacted = redact (jobspec_json (js));
    return doc->redacted;
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
    struct jobspec *js = jobdoc_spec (doc), *new = NULL;
    json_t *o = js ? json_deep_copy (jobspec_json (js)) : NULL, *val;
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
