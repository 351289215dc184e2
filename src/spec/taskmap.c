/* taskmap.c - which task runs on which node (RFC 34)
 *
 *    block:  [ nodeid | nnodes | ppn | repeat ]
 *
 *    tasks are dealt in order: for each block, 'repeat' times, to each node of
 *    nodeid .. nodeid+nnodes-1, 'ppn' tasks.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <flux/idset.h>
#include <flux/taskmap.h>

#include "base/buf.h"
#include "base/errmsg.h"

struct block {
    int nodeid;
    int nnodes;
    int ppn;
    int repeat;
};

struct taskmap {
    struct block *blocks;
    size_t count;
    size_t size;
    int total;               /* tasks */
    int nnodes;              /* highest nodeid + 1 */
    struct idset **taskids;  /* per node; made at first use, dropped on change */
};

struct taskmap *taskmap_create (void)
{
    return calloc (1, sizeof (struct taskmap));
}

static void drop_taskids (struct taskmap *map)
{
    if (!map->taskids)
        return;
    for (int i = 0; i < map->nnodes; i++)
        idset_destroy (map->taskids[i]);
    free (map->taskids);
    map->taskids = NULL;
}

void taskmap_destroy (struct taskmap *map)
{
    if (!map)
        return;
    int saved_errno = errno;
    drop_taskids (map);
    free (map->blocks);
    free (map);
    errno = saved_errno;
}

bool taskmap_unknown (const struct taskmap *map)
{
    return !map || map->count == 0;
}

static bool same_shape (const struct block *a, const struct block *b)
{
    return a->nodeid == b->nodeid && a->nnodes == b->nnodes && a->ppn == b->ppn;
}

/* Can 'b' (repeat 1) be folded into the block 'a' before it?  If so, do. */
static bool fold (struct block *a, const struct block *b)
{
    if (b->repeat != 1)
        return false;
    if (a->repeat == 1 && a->nnodes == 1 && b->nnodes == 1 && a->nodeid == b->nodeid) {
        a->ppn += b->ppn;
        return true;
    }
    if (same_shape (a, b)) {
        a->repeat++;
        return true;
    }
    if (a->repeat == 1 && a->ppn == b->ppn && a->nodeid + a->nnodes == b->nodeid) {
        a->nnodes += b->nnodes;
        return true;
    }
    return false;
}

static int push_block (struct taskmap *map, struct block b)
{
    int64_t tasks = (int64_t)b.nnodes * b.ppn;

    if (b.nodeid < 0 || b.nnodes <= 0 || b.ppn <= 0 || b.repeat <= 0
        || b.nodeid > INT_MAX - b.nnodes
        || tasks > INT_MAX
        || tasks * b.repeat > INT_MAX - map->total) {
        errno = EINVAL;
        return -1;
    }
    if (map->count == map->size) {
        size_t size = map->size ? map->size * 2 : 4;
        struct block *p = realloc (map->blocks, size * sizeof (*p));
        if (!p)
            return -1;
        map->blocks = p;
        map->size = size;
    }
    drop_taskids (map);
    map->blocks[map->count++] = b;
    map->total += tasks * b.repeat;
    if (b.nodeid + b.nnodes > map->nnodes)
        map->nnodes = b.nodeid + b.nnodes;
    return 0;
}

int taskmap_append (struct taskmap *map, int nodeid, int nnodes, int ppn)
{
    struct block b = { nodeid, nnodes, ppn, 1 };

    if (!map) {
        errno = EINVAL;
        return -1;
    }
    if (push_block (map, b) < 0)
        return -1;
    while (map->count > 1
           && fold (&map->blocks[map->count - 2], &map->blocks[map->count - 1]))
        map->count--;
    return 0;
}

int taskmap_nnodes (const struct taskmap *map)
{
    if (taskmap_unknown (map)) {
        errno = EINVAL;
        return -1;
    }
    return map->nnodes;
}

int taskmap_total_ntasks (const struct taskmap *map)
{
    if (taskmap_unknown (map)) {
        errno = EINVAL;
        return -1;
    }
    return map->total;
}

int taskmap_nodeid (const struct taskmap *map, int taskid)
{
    int64_t start = 0;

    if (taskmap_unknown (map) || taskid < 0) {
        errno = EINVAL;
        return -1;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct block *b = &map->blocks[i];
        int64_t round = (int64_t)b->nnodes * b->ppn;
        if (taskid < start + round * b->repeat)
            return b->nodeid + ((taskid - start) % round) / b->ppn;
        start += round * b->repeat;
    }
    errno = ENOENT;
    return -1;
}

static int deal_block (struct taskmap *map, const struct block *b, int *taskid)
{
    for (int r = 0; r < b->repeat; r++) {
        for (int n = b->nodeid; n < b->nodeid + b->nnodes; n++) {
            if (idset_range_set (map->taskids[n], *taskid, *taskid + b->ppn - 1) < 0)
                return -1;
            *taskid += b->ppn;
        }
    }
    return 0;
}

static int make_taskids (struct taskmap *map)
{
    int taskid = 0;

    if (!(map->taskids = calloc (map->nnodes, sizeof (map->taskids[0]))))
        return -1;
    for (int i = 0; i < map->nnodes; i++) {
        if (!(map->taskids[i] = idset_create (0, IDSET_FLAG_AUTOGROW)))
            goto error;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (deal_block (map, &map->blocks[i], &taskid) < 0)
            goto error;
    }
    return 0;
error:
    drop_taskids (map);
    return -1;
}

const struct idset *taskmap_taskids (const struct taskmap *map, int nodeid)
{
    if (taskmap_unknown (map) || nodeid < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (nodeid >= map->nnodes) {
        errno = ENOENT;
        return NULL;
    }
    /* The cache is not part of the value. */
    if (!map->taskids && make_taskids ((struct taskmap *)map) < 0)
        return NULL;
    return map->taskids[nodeid];
}

int taskmap_ntasks (const struct taskmap *map, int nodeid)
{
    const struct idset *ids = taskmap_taskids (map, nodeid);

    return ids ? (int)idset_count (ids) : -1;
}

/* Decoding */

static int decode_array (struct taskmap *map, json_t *o, flux_error_t *errp)
{
    size_t i;
    json_t *entry;

    if (!json_is_array (o))
        return errmsg (errp, -EINVAL, "taskmap is not an array");
    json_array_foreach (o, i, entry) {
        struct block b;
        if (json_unpack (entry, "[iiii!]", &b.nodeid, &b.nnodes, &b.ppn, &b.repeat) < 0)
            return errmsg (errp, -EINVAL, "taskmap entry %zu is not four integers", i);
        if (push_block (map, b) < 0)
            return errmsg (errp, -EINVAL, "taskmap entry %zu: number out of range", i);
    }
    return 0;
}

static int decode_json (struct taskmap *map, const char *s, flux_error_t *errp)
{
    json_error_t error;
    json_t *o = json_loads (s, 0, &error);
    json_t *a = o;
    int version;
    int rc;

    if (!o)
        return errmsg (errp, -EINVAL, "taskmap: %s", error.text);
    if (json_is_object (o)
        && (json_unpack (o, "{s:i s:o}", "version", &version, "map", &a) < 0
            || version != 1))
        rc = errmsg (errp, -EINVAL, "taskmap object without version 1 and map");
    else
        rc = decode_array (map, a, errp);
    json_decref (o);
    return rc;
}

/* (vector,(nodeid,nnodes,ppn),...) of PMI-1 */
static int decode_pmi (struct taskmap *map, const char *s, flux_error_t *errp)
{
    int n = 0;

    if (sscanf (s, " (vector%n", &n) < 0 || n == 0)
        return errmsg (errp, -EINVAL, "taskmap: want (vector,(nodeid,nnodes,ppn),...)");
    s += n;
    while (*s == ',') {
        int nodeid, nnodes, ppn;
        n = 0;
        if (sscanf (s, ", (%9d,%9d,%9d)%n", &nodeid, &nnodes, &ppn, &n) != 3 || n == 0)
            return errmsg (errp, -EINVAL, "taskmap: bad block at \"%.20s\"", s);
        if (taskmap_append (map, nodeid, nnodes, ppn) < 0)
            return errmsg (errp, -EINVAL, "taskmap: number out of range at \"%.20s\"", s);
        s += n;
    }
    if (strcmp (s, ")") != 0)
        return errmsg (errp, -EINVAL, "taskmap: unexpected \"%.20s\"", s);
    return 0;
}

#define RAW_MAX_TASKS (1 << 24)

/* owner[taskid] = nodeid, from "ids;ids;..." */
static int raw_owners (char *s, int *owner, size_t ntasks, flux_error_t *errp)
{
    int nodeid = 0;

    for (char *next; s; s = next, nodeid++) {
        struct idset *ids;
        if ((next = strchr (s, ';')))
            *next++ = '\0';
        if (!(ids = idset_decode (s)))
            return errmsg (errp, -EINVAL, "taskmap: node %d: '%s' is not an idset", nodeid, s);
        for (unsigned int t = idset_first (ids); t != IDSET_INVALID_ID; t = idset_next (ids, t)) {
            if (t >= ntasks || owner[t] != -1) {
                idset_destroy (ids);
                return errmsg (errp, -EINVAL, "taskmap: task %u %s", t,
                               t >= ntasks ? "leaves a gap" : "is on two nodes");
            }
            owner[t] = nodeid;
        }
        idset_destroy (ids);
    }
    return 0;
}

static size_t raw_count (const char *raw)
{
    char *s = strdup (raw);
    char *save = NULL;
    size_t n = 0;

    for (char *p = s ? strtok_r (s, ";", &save) : NULL; p; p = strtok_r (NULL, ";", &save)) {
        struct idset *ids = idset_decode (p);
        n += ids ? idset_count (ids) : 0;
        idset_destroy (ids);
    }
    free (s);
    return n;
}

static int decode_raw (struct taskmap *map, const char *raw, flux_error_t *errp)
{
    size_t n = raw_count (raw);
    int *owner = NULL;
    char *s = NULL;
    int rc = 0;

    if (n == 0 || n > RAW_MAX_TASKS)
        return errmsg (errp, -EINVAL, "taskmap '%.40s': no tasks or too many", raw);
    if (!(owner = malloc (n * sizeof (*owner))) || !(s = strdup (raw)))
        rc = errmsg (errp, -ENOMEM, "out of memory");
    else {
        for (size_t t = 0; t < n; t++)
            owner[t] = -1;
        rc = raw_owners (s, owner, n, errp);
        for (size_t t = 0, run; rc == 0 && t < n; t += run) {
            for (run = 1; t + run < n && owner[t + run] == owner[t]; run++)
                ;
            if (owner[t] < 0 || taskmap_append (map, owner[t], 1, run) < 0)
                rc = errmsg (errp, -EINVAL, "taskmap: task %zu is on no node", t);
        }
    }
    free (owner);
    free (s);
    return rc;
}

struct taskmap *taskmap_decode (const char *s, flux_error_t *errp)
{
    struct taskmap *map;
    int rc;

    if (!s || !(map = taskmap_create ())) {
        errno = s ? ENOMEM : EINVAL;
        errmsg (errp, -errno, "taskmap: %s", strerror (errno));
        return NULL;
    }
    if (s[0] == '[' || s[0] == '{')
        rc = decode_json (map, s, errp);
    else if (strncmp (s, "(vector", 7) == 0)
        rc = decode_pmi (map, s, errp);
    else
        rc = decode_raw (map, s, errp);
    if (rc < 0) {
        taskmap_destroy (map);
        errno = -rc;
        return NULL;
    }
    return map;
}

/* Encoding */

static char *encode_json (const struct taskmap *map, bool wrapped)
{
    struct buf b = BUF_INIT;

    if (wrapped)
        buf_adds (&b, "{\"version\":1,\"map\":");
    buf_addc (&b, '[');
    for (size_t i = 0; map && i < map->count; i++) {
        const struct block *k = &map->blocks[i];
        buf_addf (&b, "%s[%d,%d,%d,%d]", i ? "," : "", k->nodeid, k->nnodes, k->ppn, k->repeat);
    }
    buf_adds (&b, wrapped ? "]}" : "]");
    return buf_take (&b);
}

static char *encode_pmi (const struct taskmap *map)
{
    struct buf b = BUF_INIT;

    if (taskmap_unknown (map))
        return buf_take (&b);
    buf_adds (&b, "(vector");
    for (size_t i = 0; i < map->count; i++) {
        const struct block *k = &map->blocks[i];
        for (int r = 0; r < k->repeat; r++)
            buf_addf (&b, ",(%d,%d,%d)", k->nodeid, k->nnodes, k->ppn);
    }
    buf_addc (&b, ')');
    return buf_take (&b);
}

static char *encode_raw (const struct taskmap *map, int idset_flags)
{
    struct buf b = BUF_INIT;

    for (int i = 0; i < map->nnodes; i++) {
        const struct idset *ids = taskmap_taskids (map, i);
        char *s = ids ? idset_encode (ids, idset_flags) : NULL;
        if (!s) {
            buf_release (&b);
            return NULL;
        }
        buf_addf (&b, "%s%s", i ? ";" : "", s);
        free (s);
    }
    return buf_take (&b);
}

char *taskmap_encode (const struct taskmap *map, int flags)
{
    char *s;

    if (!map || (flags & (flags - 1))) {
        errno = EINVAL;
        return NULL;
    }
    if (flags == TASKMAP_ENCODE_PMI)
        s = encode_pmi (map);
    else if (flags == TASKMAP_ENCODE_RAW)
        s = encode_raw (map, IDSET_FLAG_RANGE);
    else if (flags == TASKMAP_ENCODE_RAW_DERANGED)
        s = encode_raw (map, 0);
    else
        s = encode_json (map, flags == TASKMAP_ENCODE_WRAPPED);
    if (!s)
        errno = ENOMEM;
    return s;
}

int taskmap_check (const struct taskmap *a, const struct taskmap *b, flux_error_t *errp)
{
    if (taskmap_unknown (a) || taskmap_unknown (b)) {
        errno = EINVAL;
        errmsg (errp, -EINVAL, "taskmap is unknown");
        return -1;
    }
    if (a->nnodes != b->nnodes) {
        errno = EINVAL;
        errmsg (errp, -EINVAL, "got %d nodes, expected %d", b->nnodes, a->nnodes);
        return -1;
    }
    if (taskmap_total_ntasks (a) != taskmap_total_ntasks (b)) {
        errno = EINVAL;
        errmsg (errp, -EINVAL, "got %d tasks, expected %d", taskmap_total_ntasks (b),
                taskmap_total_ntasks (a));
        return -1;
    }
    return 0;
}
