/* rset_json.c - R to and from its JSON form (RFC 20)
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/hash.h"
#include "spec/rset_impl.h"

/* A few entries may repeat ranks, but not so many that joining them takes for
 * ever. */
#define MAX_PUSHED (4 * RSET_MAX_RANKS)

/* -- decode -- */

static int decode_ids (const json_t *o, const char *path, size_t index,
                       const char *key, unsigned int limit, struct idset **ip,
                       flux_error_t *err)
{
    const char *s = json_string_value (o);
    idset_error_t iderr;
    unsigned int max = 0;
    size_t count = 0;

    if (!s)
        return errmsg (err, -EINVAL, "%s[%zu].%s: must be an idset string", path,
                       index, key);
    if (idset_decode_info (s, -1, &count, &max, &iderr) < 0)
        return errmsg (err, -EINVAL, "%s[%zu].%s: %s", path, index, key, iderr.text);
    if (count == 0)
        return errmsg (err, -EINVAL, "%s[%zu].%s: is empty", path, index, key);
    if (max > limit || count > RSET_MAX_RANKS)
        return errmsg (err, -EINVAL, "%s[%zu].%s: '%.40s' is beyond what is supported",
                       path, index, key, s);
    if (!(*ip = idset_decode (s)))
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

#define R_LITE "execution.R_lite"

static int decode_children (const json_t *o, size_t index, struct kids **kp,
                            flux_error_t *err)
{
    static const char *const keys[] = { "core", "gpu" };
    static const char *const names[] = { "children.core", "children.gpu" };
    struct idset *ids[NTYPES] = { NULL };
    int rc = 0;

    if (!json_is_object (o))
        return errmsg (err, -EINVAL, R_LITE "[%zu].children: must be an object", index);
    for (int i = 0; i < NTYPES && rc == 0; i++) {
        const json_t *value = json_object_get (o, keys[i]);

        if (value)
            rc = decode_ids (value, R_LITE, index, names[i], RSET_MAX_ID, &ids[i], err);
    }
    if (rc < 0) {
        idset_destroy (ids[CORE]);
        return rc;
    }
    if (kids_new (ids[CORE], ids[GPU], kp) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    if (!*kp)
        return errmsg (err, -EINVAL, R_LITE "[%zu].children: key core is missing",
                       index);
    return 0;
}

static int push_ranks (struct rset *r, const struct idset *ranks, struct kids *kids)
{
    for (uint32_t rank = idset_first (ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (ranks, rank)) {
        if (rset_push (r, rank, kids, NULL) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int decode_entry (struct rset *r, const json_t *o, size_t index,
                         flux_error_t *err)
{
    struct idset *ranks;
    struct kids *kids;
    int rc;

    if (!json_is_object (o))
        return errmsg (err, -EINVAL, R_LITE "[%zu]: must be an object", index);
    if ((rc = decode_ids (json_object_get (o, "rank"), R_LITE, index, "rank",
                          INT32_MAX, &ranks, err)) < 0)
        return rc;
    if (r->count + idset_count (ranks) > MAX_PUSHED)
        rc = errmsg (err, -EINVAL, R_LITE "[%zu].rank: too many ranks", index);
    else if ((rc = decode_children (json_object_get (o, "children"), index, &kids,
                                    err)) == 0) {
        if ((rc = push_ranks (r, ranks, kids)) < 0)
            errmsg (err, rc, "out of memory");
        kids_unref (kids);
    }
    idset_destroy (ranks);
    return rc;
}

static int decode_R_lite (struct rset *r, const json_t *R_lite, flux_error_t *err)
{
    uint32_t dup = 0;
    size_t index;
    json_t *o;
    int rc;

    if (!json_is_array (R_lite))
        return errmsg (err, -EINVAL, R_LITE ": must be an array");
    json_array_foreach ((json_t *)R_lite, index, o) {
        if ((rc = decode_entry (r, o, index, err)) < 0)
            return rc;
    }
    if ((rc = rset_settle (r, false, &dup)) == -EEXIST)
        return errmsg (err, -EINVAL, R_LITE ": rank %u has a resource twice", dup);
    if (rc < 0)
        return errmsg (err, rc, "out of memory");
    if (r->count > RSET_MAX_RANKS)
        return errmsg (err, -EINVAL, R_LITE ": more than %u ranks", RSET_MAX_RANKS);
    return 0;
}

static int decode_nodelist (struct rset *r, const json_t *o, flux_error_t *err)
{
    struct hostlist *hl;
    size_t index;
    json_t *value;
    int rc = 0;

    if (!o)
        return 0;
    if (!json_is_array (o))
        return errmsg (err, -EINVAL, "execution.nodelist: must be an array");
    if (!(hl = hostlist_create ()))
        return errmsg (err, -ENOMEM, "out of memory");
    json_array_foreach ((json_t *)o, index, value) {
        const char *s = json_string_value (value);

        if (rc == 0 && (!s || hostlist_append (hl, s) < 0))
            rc = errmsg (err, -EINVAL, "execution.nodelist[%zu]: must be a host list",
                         index);
    }
    if (rc == 0 && (rc = rset_set_hosts (r, hl)) == -EINVAL)
        errmsg (err, rc, "execution.nodelist: %d hosts for %zu ranks",
                hostlist_count (hl), r->count);
    else if (rc == -ENOMEM)
        errmsg (err, rc, "out of memory");
    hostlist_destroy (hl);
    return rc;
}

/* Ranks that are not in R_lite are passed over. */
static int decode_property (struct rset *r, const char *name, const json_t *o,
                            flux_error_t *err)
{
    const char *s = json_string_value (o);
    struct idset *ranks, *present;
    int rc = 0;

    if (!rset_property_name_valid (name))
        return errmsg (err, -EINVAL, "execution.properties: '%s' contains an illegal "
                       "character", name);
    if (!s || !(ranks = idset_decode (s)))
        return errmsg (err, -EINVAL, "execution.properties.%s: must be an idset string",
                       name);
    if (!(present = idset_intersect (ranks, r->ranks))
        || (!idset_empty (present) && rset_add_property (r, name, present) < 0))
        rc = errmsg (err, -ENOMEM, "out of memory");
    idset_destroy (present);
    idset_destroy (ranks);
    return rc;
}

static int decode_properties (struct rset *r, const json_t *o, flux_error_t *err)
{
    const char *name;
    json_t *value;
    int rc;

    if (o && !json_is_object (o))
        return errmsg (err, -EINVAL, "execution.properties: must be an object");
    json_object_foreach ((json_t *)o, name, value) {
        if ((rc = decode_property (r, name, value, err)) < 0)
            return rc;
    }
    return 0;
}

static int decode_time (const json_t *execution, const char *key, double *tp,
                        flux_error_t *err)
{
    const json_t *o = json_object_get (execution, key);
    double t = json_number_value (o);

    if (o && (!json_is_number (o) || !isfinite (t) || t < 0.))
        return errmsg (err, -EINVAL, "execution.%s: must be a number that is not "
                       "negative", key);
    *tp = t;
    return 0;
}

static int decode_scalars (struct rset *r, const json_t *o, flux_error_t *err)
{
    const json_t *nslots = json_object_get (o, "nslots");

    if (decode_time (o, "starttime", &r->starttime, err) < 0
        || decode_time (o, "expiration", &r->expiration, err) < 0)
        return -EINVAL;
    if (r->starttime > 0. && r->expiration > 0. && r->expiration <= r->starttime)
        return errmsg (err, -EINVAL, "execution.expiration: must be after starttime");
    if (!nslots)
        return 0;
    if (!json_is_integer (nslots) || json_integer_value (nslots) < 1
        || json_integer_value (nslots) > INT32_MAX)
        return errmsg (err, -EINVAL, "execution.nslots: must be an integer above zero");
    r->nslots = (int)json_integer_value (nslots);
    return 0;
}

static int decode_R (struct rset *r, const json_t *o, flux_error_t *err)
{
    const json_t *version = json_object_get (o, "version");
    const json_t *execution = json_object_get (o, "execution");
    const json_t *scheduling = json_object_get (o, "scheduling");
    int rc;

    if (!json_is_object (o))
        return errmsg (err, -EINVAL, "R must be an object");
    if (!json_is_integer (version) || json_integer_value (version) != 1)
        return errmsg (err, -EINVAL, "version: must be 1");
    if (!json_is_object (execution))
        return errmsg (err, -EINVAL, "execution: must be an object");
    if ((rc = decode_R_lite (r, json_object_get (execution, "R_lite"), err)) < 0
        || (rc = decode_nodelist (r, json_object_get (execution, "nodelist"), err)) < 0
        || (rc = decode_properties (r, json_object_get (execution, "properties"),
                                    err)) < 0
        || (rc = decode_scalars (r, execution, err)) < 0)
        return rc;
    if (scheduling && !json_is_null (scheduling)
        && rset_set_scheduling (r, (json_t *)scheduling) < 0)
        return errmsg (err, -EINVAL, "scheduling: must be an object");
    return 0;
}

struct rset *rset_from_json (const json_t *o, flux_error_t *err)
{
    struct rset *r = rset_new ();
    int rc;

    if (!r) {
        errmsg (err, -ENOMEM, "out of memory");
        errno = ENOMEM;
        return NULL;
    }
    if ((rc = decode_R (r, o, err)) < 0) {
        rset_free (r);
        errno = -rc;
        return NULL;
    }
    return r;
}

struct rset *rset_decode (const char *s, size_t len, flux_error_t *err)
{
    json_error_t jerr;
    json_t *o = json_loadb (s, len, 0, &jerr);
    struct rset *r;

    if (!o) {
        errmsg (err, -EINVAL, "R is not JSON: line %d: %s", jerr.line, jerr.text);
        errno = EINVAL;
        return NULL;
    }
    r = rset_from_json (o, err);
    json_decref (o);
    return r;
}

/* -- groups -- */

static const char *text_or_empty (const char *s)
{
    return s ? s : "";
}

static bool same_kids (const struct kids *a, const struct kids *b)
{
    if (a == b)
        return true;
    for (int i = 0; i < NTYPES; i++) {
        if (strcmp (text_or_empty (a->text[i]), text_or_empty (b->text[i])) != 0)
            return false;
    }
    return true;
}

struct grouper {
    struct group *groups;
    size_t count;
    size_t size;
    struct hash *by_text;   /* group number plus one, by "core/gpu" */
    struct buf key;
};

static int new_group (struct grouper *g, const struct kids *kids)
{
    if (g->count == g->size) {
        size_t size = g->size ? g->size * 2 : 4;
        struct group *groups = realloc (g->groups, size * sizeof (*groups));

        if (!groups)
            return -ENOMEM;
        g->groups = groups;
        g->size = size;
    }
    g->groups[g->count].kids = kids;
    if (!(g->groups[g->count].ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return -ENOMEM;
    g->count++;
    return 0;
}

/* The number of the group of 'kids'. */
static int find_group (struct grouper *g, const struct kids *kids, size_t *np)
{
    uintptr_t n;

    if (!g->by_text && !(g->by_text = hash_new (NULL)))
        return -ENOMEM;
    buf_clear (&g->key);
    buf_adds (&g->key, text_or_empty (kids->text[CORE]));
    buf_addc (&g->key, '/');
    buf_adds (&g->key, text_or_empty (kids->text[GPU]));
    if (g->key.failed)
        return -ENOMEM;
    if (!(n = (uintptr_t)hash_get (g->by_text, g->key.data))) {
        if (new_group (g, kids) < 0
            || hash_set (g->by_text, g->key.data, (void *)(n = g->count)) < 0)
            return -ENOMEM;
    }
    *np = n - 1;
    return 0;
}

/* Runs of ranks with the same children are the rule. */
static int group_nodes (struct grouper *g, const struct rset *r)
{
    size_t i = 0, n = 0;

    while (i < r->count) {
        const struct kids *kids = r->nodes[i].kids;
        uint32_t lo = r->nodes[i].rank, hi = lo;

        if ((g->count == 0 || !same_kids (g->groups[n].kids, kids))
            && find_group (g, kids, &n) < 0)
            return -ENOMEM;
        while (++i < r->count && r->nodes[i].rank == hi + 1
               && same_kids (r->nodes[i].kids, kids))
            hi++;
        if (idset_range_set (g->groups[n].ranks, lo, hi) < 0)
            return -ENOMEM;
    }
    return 0;
}

int rset_groups (const struct rset *r, struct group **gp, size_t *countp)
{
    struct grouper g = { .key = BUF_INIT };
    int rc = group_nodes (&g, r);

    hash_free (g.by_text);
    buf_release (&g.key);
    if (rc < 0) {
        rset_groups_free (g.groups, g.count);
        return rc;
    }
    *gp = g.groups;
    *countp = g.count;
    return 0;
}

void rset_groups_free (struct group *g, size_t count)
{
    for (size_t i = 0; i < count; i++)
        idset_destroy (g[i].ranks);
    free (g);
}

/* -- encode -- */

static json_t *idset_json (const struct idset *ids)
{
    char *s = idset_encode (ids, IDSET_FLAG_RANGE);
    json_t *o = s ? json_string (s) : NULL;

    free (s);
    return o;
}

static void add_text (struct buf *b, const char *key, const char *text)
{
    buf_adds (b, key);
    (void)buf_add_json (b, text, strlen (text));
}

static void add_entry (struct buf *b, const struct group *g)
{
    char *ranks = idset_encode (g->ranks, IDSET_FLAG_RANGE);
    const char *core = g->kids->text[CORE], *gpu = g->kids->text[GPU];

    if (!ranks)
        b->failed = true;
    else
        add_text (b, "{\"rank\":", ranks);
    buf_adds (b, ",\"children\":{");
    if (core)
        add_text (b, "\"core\":", core);
    if (gpu)
        add_text (b, core ? ",\"gpu\":" : "\"gpu\":", gpu);
    buf_adds (b, "}}");
    free (ranks);
}

static void add_R_lite (struct buf *b, const struct rset *r)
{
    struct group *groups;
    size_t count;

    if (rset_groups (r, &groups, &count) < 0) {
        b->failed = true;
        return;
    }
    buf_adds (b, "\"R_lite\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_addc (b, ',');
        add_entry (b, &groups[i]);
    }
    buf_addc (b, ']');
    rset_groups_free (groups, count);
}

/* All digits, and a number that stays real: 1.0. */
static void add_time (struct buf *b, const char *key, double t)
{
    size_t at;

    buf_addf (b, ",\"%s\":", key);
    at = b->len;
    if (!isfinite (t) || buf_addf (b, "%.17g", t) < 0)
        b->failed = true;
    else if (!strpbrk (b->data + at, ".e"))
        buf_adds (b, ".0");
}

static bool all_named (const struct rset *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!r->nodes[i].host)
            return false;
    }
    return true;
}

static void add_nodelist (struct buf *b, const struct rset *r)
{
    struct hostlist *hl = r->count > 0 ? rset_hosts (r) : NULL;
    char *s = hl ? hostlist_encode (hl) : NULL;

    buf_adds (b, ",\"nodelist\":[");
    if (s)
        add_text (b, "", s);
    else if (r->count > 0)
        b->failed = true;
    buf_addc (b, ']');
    free (s);
    hostlist_destroy (hl);
}

json_t *rset_properties (const struct rset *r)
{
    json_t *o = json_object ();

    for (size_t i = 0; i < r->nprops && o; i++) {
        if (json_object_set_new (o, r->props[i].name,
                                 idset_json (r->props[i].ranks)) < 0) {
            json_decref (o);
            o = NULL;
        }
    }
    return o;
}

/* Takes the value. */
static void add_value (struct buf *b, const char *key, json_t *value)
{
    char *s = value ? json_dumps (value, JSON_COMPACT) : NULL;

    if (!s)
        b->failed = true;
    else
        buf_addf (b, ",\"%s\":%s", key, s);
    free (s);
    json_decref (value);
}

static void add_execution (struct buf *b, const struct rset *r)
{
    add_R_lite (b, r);
    add_time (b, "starttime", r->starttime);
    add_time (b, "expiration", r->expiration);
    if (all_named (r))
        add_nodelist (b, r);
    if (r->nslots > 0)
        buf_addf (b, ",\"nslots\":%d", r->nslots);
    if (r->nprops > 0)
        add_value (b, "properties", rset_properties (r));
}

/* R is made for each job and is small: the text is written, not a tree of it. */
char *rset_encode (const struct rset *r)
{
    struct buf b = BUF_INIT;
    char *s;

    buf_reserve (&b, 250);
    buf_adds (&b, "{\"version\":1,\"execution\":{");
    add_execution (&b, r);
    buf_addc (&b, '}');
    if (r->scheduling)
        add_value (&b, "scheduling", json_incref (r->scheduling));
    buf_addc (&b, '}');
    if (!(s = buf_take (&b)))
        errno = ENOMEM;
    return s;
}

json_t *rset_to_json (const struct rset *r)
{
    char *s = rset_encode (r);
    json_t *o = s ? json_loads (s, 0, NULL) : NULL;

    free (s);
    if (!o)
        errno = ENOMEM;
    return o;
}

static int add_ids (struct buf *b, const char *name, const struct idset *ids)
{
    char *s = idset_encode (ids, IDSET_FLAG_RANGE | IDSET_FLAG_BRACKETS);
    int rc = s ? buf_addf (b, "%s%s", name, s) : -ENOMEM;

    free (s);
    return rc;
}

static int add_group (struct buf *b, const struct group *g)
{
    const struct idset *core = g->kids->ids[CORE], *gpu = g->kids->ids[GPU];

    if ((b->len > 0 && buf_addc (b, ' ') < 0) || add_ids (b, "rank", g->ranks) < 0
        || (core && (buf_addc (b, '/') < 0 || add_ids (b, "core", core) < 0))
        || (gpu && (buf_addc (b, core ? ',' : '/') < 0 || add_ids (b, "gpu", gpu) < 0)))
        return -ENOMEM;
    return 0;
}

char *rset_dumps (const struct rset *r)
{
    struct buf b = BUF_INIT;
    struct group *groups;
    size_t count;
    int rc;
    char *s;

    if ((rc = rset_groups (r, &groups, &count)) == 0) {
        for (size_t i = 0; i < count && rc == 0; i++)
            rc = add_group (&b, &groups[i]);
        rset_groups_free (groups, count);
    }
    if (rc < 0 || !(s = buf_take (&b))) {
        buf_release (&b);
        errno = ENOMEM;
        return NULL;
    }
    return s;
}
