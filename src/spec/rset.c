/* rset.c - R as a value: life, building, asking
 */
#include <errno.h>
#include <string.h>

#include <flux/hostlist.h>
#include <flux/idset.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/hash.h"
#include "spec/rset_impl.h"

/* -- children and host names -- */

static struct idset *not_empty (struct idset *ids)
{
    if (ids && idset_empty (ids)) {
        idset_destroy (ids);
        return NULL;
    }
    return ids;
}

static void kids_destroy (struct kids *k)
{
    for (int i = 0; i < NTYPES; i++) {
        idset_destroy (k->ids[i]);
        free (k->text[i]);
    }
    free (k);
}

int kids_new (struct idset *core, struct idset *gpu, struct kids **kp)
{
    struct kids *k;

    core = not_empty (core);
    gpu = not_empty (gpu);
    if (!core && !gpu) {
        *kp = NULL;
        return 0;
    }
    if (!(k = calloc (1, sizeof (*k)))) {
        idset_destroy (core);
        idset_destroy (gpu);
        return -ENOMEM;
    }
    k->refs = 1;
    k->ids[CORE] = core;
    k->ids[GPU] = gpu;
    for (int i = 0; i < NTYPES; i++) {
        if (k->ids[i]
            && !(k->text[i] = idset_encode (k->ids[i], IDSET_FLAG_RANGE))) {
            kids_destroy (k);
            return -ENOMEM;
        }
    }
    *kp = k;
    return 0;
}

struct kids *kids_ref (struct kids *k)
{
    if (k)
        __atomic_add_fetch (&k->refs, 1, __ATOMIC_RELAXED);
    return k;
}

void kids_unref (struct kids *k)
{
    if (k && __atomic_sub_fetch (&k->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kids_destroy (k);
}

struct rhost *rhost_new (const char *name)
{
    size_t len = strlen (name);
    struct rhost *h = malloc (sizeof (*h) + len + 1);

    if (h) {
        h->refs = 1;
        memcpy (h->name, name, len + 1);
    }
    return h;
}

struct rhost *rhost_ref (struct rhost *h)
{
    if (h)
        __atomic_add_fetch (&h->refs, 1, __ATOMIC_RELAXED);
    return h;
}

void rhost_unref (struct rhost *h)
{
    if (h && __atomic_sub_fetch (&h->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free (h);
}

int rset_type (const char *type)
{
    if (strcmp (type, "core") == 0)
        return CORE;
    return strcmp (type, "gpu") == 0 ? GPU : -1;
}

/* -- life -- */

struct rset *rset_new (void)
{
    struct rset *r = calloc (1, sizeof (*r));

    if (r && !(r->ranks = idset_create (0, IDSET_FLAG_AUTOGROW))) {
        free (r);
        r = NULL;
    }
    if (!r)
        errno = ENOMEM;
    return r;
}

static void free_nodes (struct node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kids_unref (nodes[i].kids);
        rhost_unref (nodes[i].host);
    }
    free (nodes);
}

static void free_properties (struct property *props, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free (props[i].name);
        idset_destroy (props[i].ranks);
    }
    free (props);
}

void rset_free (struct rset *r)
{
    if (r) {
        int saved = errno;

        free_nodes (r->nodes, r->count);
        free_properties (r->props, r->nprops);
        idset_destroy (r->ranks);
        json_decref (r->scheduling);
        free (r);
        errno = saved;
    }
}

int rset_push (struct rset *r, uint32_t rank, struct kids *kids, struct rhost *host)
{
    if (r->count == r->size) {
        size_t size = r->size ? r->size * 2 : 4;
        struct node *nodes = realloc (r->nodes, size * sizeof (*nodes));

        if (!nodes)
            return -ENOMEM;
        r->nodes = nodes;
        r->size = size;
    }
    r->nodes[r->count++] = (struct node){ rank, kids_ref (kids), rhost_ref (host) };
    return 0;
}

static int cmp_node (const void *x, const void *y)
{
    const struct node *a = x, *b = y;

    return (a->rank > b->rank) - (a->rank < b->rank);
}

/* The union of two members; 'b' may be NULL. */
static int join_ids (const struct idset *a, const struct idset *b, struct idset **ip)
{
    const struct idset *one = a ? a : b;

    *ip = NULL;
    if (!one)
        return 0;
    *ip = a && b ? idset_union (a, b) : idset_copy (one);
    return *ip ? 0 : -ENOMEM;
}

static int join_kids (struct kids *a, struct kids *b, bool overlap, struct kids **kp)
{
    struct idset *ids[NTYPES] = { NULL };

    for (int i = 0; i < NTYPES; i++) {
        int rc = 0;

        if (!overlap && a->ids[i] && b->ids[i]
            && idset_has_intersection (a->ids[i], b->ids[i]))
            rc = -EEXIST;
        else
            rc = join_ids (a->ids[i], b->ids[i], &ids[i]);
        if (rc < 0) {
            idset_destroy (ids[CORE]);
            return rc;
        }
    }
    return kids_new (ids[CORE], ids[GPU], kp);
}

static int join_node (struct node *a, struct node *b, bool overlap)
{
    struct kids *k;
    int rc;

    if (a->kids == b->kids && overlap)
        k = kids_ref (a->kids);
    else if ((rc = join_kids (a->kids, b->kids, overlap, &k)) < 0)
        return rc;
    kids_unref (a->kids);
    a->kids = k;
    if (!a->host)
        a->host = rhost_ref (b->host);
    return 0;
}

/* Make 'ranks' say what 'nodes' has. */
static int settle_ranks (struct rset *r)
{
    struct idset *ranks = idset_create (0, IDSET_FLAG_AUTOGROW);
    size_t i = 0;

    if (!ranks)
        return -ENOMEM;
    while (i < r->count) {
        uint32_t lo = r->nodes[i].rank, hi = lo;

        while (++i < r->count && r->nodes[i].rank == hi + 1)
            hi++;
        if (idset_range_set (ranks, lo, hi) < 0) {
            idset_destroy (ranks);
            return -ENOMEM;
        }
    }
    idset_destroy (r->ranks);
    r->ranks = ranks;
    return 0;
}

int rset_settle (struct rset *r, bool overlap, uint32_t *dup)
{
    bool sorted = true;
    size_t n = 0, i;
    int rc = 0;

    for (i = 1; i < r->count && sorted; i++)
        sorted = r->nodes[i - 1].rank < r->nodes[i].rank;
    if (sorted)
        return settle_ranks (r);
    qsort (r->nodes, r->count, sizeof (r->nodes[0]), cmp_node);
    for (i = 0; i < r->count; i++) {
        struct node *node = &r->nodes[i];

        if (n == 0 || r->nodes[n - 1].rank != node->rank) {
            r->nodes[n++] = *node;
            continue;
        }
        if (rc == 0 && (rc = join_node (&r->nodes[n - 1], node, overlap)) < 0 && dup)
            *dup = node->rank;
        kids_unref (node->kids);
        rhost_unref (node->host);
    }
    r->count = n;
    return rc < 0 ? rc : settle_ranks (r);
}

struct node *rset_find (const struct rset *r, uint32_t rank)
{
    struct node key = { .rank = rank };

    if (r->count == 0)
        return NULL;
    return bsearch (&key, r->nodes, r->count, sizeof (key), cmp_node);
}

struct rset *rset_copy (const struct rset *r)
{
    struct rset *copy = rset_new ();

    if (!copy)
        return NULL;
    for (size_t i = 0; i < r->count; i++) {
        if (rset_push (copy, r->nodes[i].rank, r->nodes[i].kids, r->nodes[i].host) < 0)
            goto nomem;
    }
    if (rset_settle (copy, false, NULL) < 0 || rset_inherit (copy, r) < 0)
        goto nomem;
    copy->nslots = r->nslots;
    return copy;
nomem:
    rset_free (copy);
    errno = ENOMEM;
    return NULL;
}

/* -- build -- */

static int parse_ids (const char *s, struct idset **ip)
{
    unsigned int max = 0;
    size_t count;

    *ip = NULL;
    if (!s || idset_decode_empty (s, -1))
        return 0;
    if (idset_decode_info (s, -1, &count, &max, NULL) < 0 || max > RSET_MAX_ID)
        return -EINVAL;
    return (*ip = idset_decode (s)) ? 0 : -ENOMEM;
}

static int parse_kids (const char *cores, const char *gpus, struct kids **kp)
{
    struct idset *core, *gpu;
    int rc;

    if ((rc = parse_ids (cores, &core)) < 0)
        return rc;
    if ((rc = parse_ids (gpus, &gpu)) < 0) {
        idset_destroy (core);
        return rc;
    }
    if ((rc = kids_new (core, gpu, kp)) < 0)
        return rc;
    return *kp ? 0 : -EINVAL;
}

static bool host_valid (const char *host)
{
    return host[0] && !strpbrk (host, "[], \t\r\n");
}

/* Children of the neighbours are likely to be the same. */
static struct kids *share_kids (const struct rset *r, struct kids *k)
{
    struct kids *last = r->count > 0 ? r->nodes[r->count - 1].kids : NULL;

    for (int i = 0; i < NTYPES; i++) {
        if (!last || !last->text[i] != !k->text[i]
            || (k->text[i] && strcmp (k->text[i], last->text[i]) != 0))
            return k;
    }
    kids_unref (k);
    return kids_ref (last);
}

int rset_add_rank (struct rset *r, uint32_t rank, const char *host,
                   const char *cores, const char *gpus)
{
    struct rhost *h = NULL;
    struct kids *k;
    int rc;

    if (rank >= IDSET_INVALID_ID || rank > INT32_MAX || (host && !host_valid (host))
        || r->count >= RSET_MAX_RANKS)
        return -EINVAL;
    if (idset_test (r->ranks, rank))
        return -EEXIST;
    if ((rc = parse_kids (cores, gpus, &k)) < 0)
        return rc;
    k = share_kids (r, k);
    if (host && !(h = rhost_new (host)))
        rc = -ENOMEM;
    else if (idset_set (r->ranks, rank) < 0)
        rc = -ENOMEM;
    else if ((rc = rset_push (r, rank, k, h)) < 0)
        idset_clear (r->ranks, rank);
    else if (r->count > 1 && r->nodes[r->count - 2].rank > rank)
        rc = rset_settle (r, false, NULL);
    kids_unref (k);
    rhost_unref (h);
    return rc;
}

bool rset_property_name_valid (const char *name)
{
    return name[0] && !strpbrk (name, "!&'\"^`|()");
}

int rset_add_property (struct rset *r, const char *name, const struct idset *ranks)
{
    struct property *props;

    for (size_t i = 0; i < r->nprops; i++) {
        if (strcmp (r->props[i].name, name) == 0)
            return idset_add (r->props[i].ranks, ranks) < 0 ? -ENOMEM : 0;
    }
    if (!(props = realloc (r->props, (r->nprops + 1) * sizeof (*props))))
        return -ENOMEM;
    r->props = props;
    props[r->nprops].name = strdup (name);
    props[r->nprops].ranks = idset_copy (ranks);
    if (!props[r->nprops].name || !props[r->nprops].ranks) {
        free (props[r->nprops].name);
        idset_destroy (props[r->nprops].ranks);
        return -ENOMEM;
    }
    r->nprops++;
    return 0;
}

int rset_set_property (struct rset *r, const char *name, const struct idset *ranks,
                       flux_error_t *err)
{
    for (uint32_t i = idset_first (ranks); i != IDSET_INVALID_ID;
         i = idset_next (ranks, i)) {
        if (!idset_test (r->ranks, i))
            return errmsg (err, -ENOENT, "property %s: there is no rank %u", name, i);
    }
    if (!rset_property_name_valid (name))
        return errmsg (err, -EINVAL, "property '%s': must not be empty or contain any "
                       "of ! & ' \" ^ ` | ( )", name);
    if (idset_empty (ranks))
        return 0;
    if (rset_add_property (r, name, ranks) < 0)
        return errmsg (err, -ENOMEM, "out of memory");
    return 0;
}

static void drop_property (struct rset *r, size_t i)
{
    free (r->props[i].name);
    idset_destroy (r->props[i].ranks);
    r->props[i] = r->props[--r->nprops];
}

int rset_remove_property (struct rset *r, const char *name, const struct idset *ranks)
{
    for (size_t i = 0; i < r->nprops; i++) {
        if (strcmp (r->props[i].name, name) != 0)
            continue;
        if (idset_subtract (r->props[i].ranks, ranks) < 0)
            return -ENOMEM;
        if (idset_empty (r->props[i].ranks))
            drop_property (r, i);
        return 0;
    }
    return -ENOENT;
}

int rset_remove_ranks (struct rset *r, const struct idset *ranks)
{
    struct idset *left = idset_difference (r->ranks, ranks);
    size_t n = 0;

    if (!left)
        return -ENOMEM;
    for (size_t i = 0; i < r->count; i++) {
        if (idset_test (left, r->nodes[i].rank)) {
            r->nodes[n++] = r->nodes[i];
            continue;
        }
        kids_unref (r->nodes[i].kids);
        rhost_unref (r->nodes[i].host);
    }
    r->count = n;
    idset_destroy (r->ranks);
    r->ranks = left;
    for (size_t i = r->nprops; i-- > 0;) {
        if (idset_subtract (r->props[i].ranks, ranks) < 0)
            return -ENOMEM;
        if (idset_empty (r->props[i].ranks))
            drop_property (r, i);
    }
    return 0;
}

int rset_set_hosts (struct rset *r, const struct hostlist *hl)
{
    struct hostlist *hosts = (struct hostlist *)hl;   /* the cursor moves */
    struct rhost **names;
    const char *name;
    size_t i = 0;

    if (hostlist_count (hosts) < 0 || (size_t)hostlist_count (hosts) != r->count)
        return -EINVAL;
    if (!(names = calloc (r->count + 1, sizeof (*names))))
        return -ENOMEM;
    for (name = hostlist_first (hosts); name && i < r->count; name = hostlist_next (hosts))
        if (!(names[i++] = rhost_new (name)))
            break;
    if (i < r->count || (i > 0 && !names[i - 1])) {
        for (i = 0; i < r->count; i++)
            rhost_unref (names[i]);
        free (names);
        return -ENOMEM;
    }
    for (i = 0; i < r->count; i++) {
        rhost_unref (r->nodes[i].host);
        r->nodes[i].host = names[i];
    }
    free (names);
    return 0;
}

/* -- ask -- */

size_t rset_nnodes (const struct rset *r)
{
    return r->count;
}

size_t rset_count (const struct rset *r, const char *type)
{
    int t = rset_type (type);
    size_t sum = 0;

    if (strcmp (type, "node") == 0)
        return r->count;
    for (size_t i = 0; i < r->count && t >= 0; i++) {
        const struct idset *ids = r->nodes[i].kids->ids[t];

        sum += ids ? idset_count (ids) : 0;
    }
    return sum;
}

const struct idset *rset_ranks (const struct rset *r)
{
    return r->ranks;
}

const struct idset *rset_ids (const struct rset *r, uint32_t rank, const char *type)
{
    const struct node *node = rset_find (r, rank);
    int t = rset_type (type);

    return node && t >= 0 ? node->kids->ids[t] : NULL;
}

const char *rset_host (const struct rset *r, uint32_t rank)
{
    const struct node *node = rset_find (r, rank);

    return node && node->host ? node->host->name : NULL;
}

bool rset_node_next (const struct rset *r, size_t *pos, uint32_t *rank,
                     const char **host, const struct idset **cores,
                     const struct idset **gpus)
{
    const struct node *node;

    if (*pos >= r->count)
        return false;
    node = &r->nodes[(*pos)++];
    if (rank)
        *rank = node->rank;
    if (host)
        *host = node->host ? node->host->name : NULL;
    if (cores)
        *cores = node->kids->ids[CORE];
    if (gpus)
        *gpus = node->kids->ids[GPU];
    return true;
}

struct hostlist *rset_hosts (const struct rset *r)
{
    struct hostlist *hl = hostlist_create ();

    for (size_t i = 0; hl && i < r->count; i++) {
        if (r->nodes[i].host && hostlist_append (hl, r->nodes[i].host->name) < 0) {
            hostlist_destroy (hl);
            return NULL;
        }
    }
    return hl;
}

bool rset_has_property (const struct rset *r, uint32_t rank, const char *name)
{
    for (size_t i = 0; i < r->nprops; i++) {
        if (strcmp (r->props[i].name, name) == 0)
            return idset_test (r->props[i].ranks, rank);
    }
    return false;
}

int rset_nslots (const struct rset *r)
{
    return r->nslots;
}

void rset_set_nslots (struct rset *r, int n)
{
    r->nslots = n > 0 ? n : 0;
}

double rset_starttime (const struct rset *r)
{
    return r->starttime;
}

double rset_expiration (const struct rset *r)
{
    return r->expiration;
}

void rset_set_starttime (struct rset *r, double t)
{
    r->starttime = t;
}

void rset_set_expiration (struct rset *r, double t)
{
    r->expiration = t;
}

const json_t *rset_scheduling (const struct rset *r)
{
    return r->scheduling;
}

int rset_set_scheduling (struct rset *r, json_t *o)
{
    if (o && !json_is_object (o))
        return -EINVAL;
    json_incref (o);
    json_decref (r->scheduling);
    r->scheduling = o;
    return 0;
}
