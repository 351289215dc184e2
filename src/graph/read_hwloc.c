/* read_hwloc.c - a graph from the XML of hwloc
 *
 * The objects of a topology that have a type of ours (see kinds[]) become vertices below
 * the nearest object above them that did.  The memory of a NUMANode is a pool of its own
 * beside it, in units of MB.  A node has the name of its host, if that is said.
 */
#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errmsg.h"
#include "graph/graph.h"
#include "graph/planner.h"
#include "graph/readers.h"

#define MAX_DEPTH 64

#define NKINDS 11
enum { L1 = 3, GPU = 8, STORAGE = 9, MEMORY = 10 };

struct reader {
    XML_Parser xml;
    struct graph *g;
    const char *allow;
    flux_error_t *err;
    int errnum;
    int depth;
    uint32_t vtx[MAX_DEPTH];    /* of each open <object>, or that above it */
    int64_t next_id[NKINDS];
    bool topology;
};

static const struct {
    const char *hwloc, *type;
} kinds[NKINDS] = {
    { "Machine", "node" }, { "Package", "socket" }, { "NUMANode", "numanode" },
    { "L1Cache", "l1cache" }, { "L2Cache", "l2cache" }, { "L3Cache", "l3cache" },
    { "Core", "core" }, { "PU", "pu" }, { "OSDev", "gpu" }, { "OSDev", "storage" },
    { "", "memory" },
};

static void stop (struct reader *r, int errnum, const char *what)
{
    if (r->errnum)
        return;
    r->errnum = errnum;
    if (r->err)
        errmsg (r->err, 0, "line %lu: %s",
                  r->xml ? XML_GetCurrentLineNumber (r->xml) : 0, what);
    if (r->xml)
        XML_StopParser (r->xml, XML_FALSE);
}

static const char *attr (const char **a, const char *name)
{
    for (; *a; a += 2)
        if (strcmp (a[0], name) == 0)
            return a[1];
    return "";
}

static bool allowed (const struct reader *r, const char *type)
{
    const char *s = r->allow ? r->allow : "node,core,gpu";
    size_t n = strlen (type);

    for (; *s; s += strcspn (s, ","), s += *s == ',')
        if (strcspn (s, ",") == n && strncmp (s, type, n) == 0)
            return true;
    return false;
}

static bool computes (const char *name)
{
    return strncmp (name, "cuda", 4) == 0 || strncmp (name, "rsmi", 4) == 0
           || strncmp (name, "nvml", 4) == 0 || strncmp (name, "ze", 2) == 0;
}

/* Which kind is it?  Of devices only those that compute or store.  hwloc 1 calls all
 * caches Cache, with the level as their depth, and those of instructions have type 2. */
static int kind_of (const char **a)
{
    const char *type = attr (a, "type"), *name = attr (a, "name"), *depth = attr (a, "depth");

    if (strcmp (type, "Cache") == 0)
        return *depth >= '1' && *depth <= '3' && !depth[1]
               && strcmp (attr (a, "cache_type"), "2") != 0 ? L1 + *depth - '1' : -1;
    for (int i = 0; i < MEMORY; i++) {
        if (strcmp (type, kinds[i].hwloc) != 0
            || (i == GPU && !computes (name))
            || (i == STORAGE && strcmp (attr (a, "osdev_type"), "0") != 0))
            continue;
        return i;
    }
    return -1;
}

static uint32_t add (struct reader *r, int kind, uint32_t parent, int64_t size)
{
    struct vtx_spec s = { .parent = parent, .size = size,
                          .unit = graph_intern (r->g, kind == MEMORY ? "MB" : ""), .uniq = -1, .rank = 0,
                          .type = graph_intern (r->g, kinds[kind].type),
                          .id = r->next_id[kind]++ };
    uint32_t v = graph_add (r->g, &s);

    if (v == GRAPH_NONE)
        stop (r, errno, "too many objects");
    return v;
}

/* local_memory of a NUMANode: bytes. */
static void add_memory (struct reader *r, const char **a, uint32_t parent)
{
    const char *s = attr (a, "local_memory");
    unsigned long long bytes;
    char *end;

    if (!*s || strcmp (attr (a, "type"), "NUMANode") != 0 || !allowed (r, "memory"))
        return;
    errno = 0;
    bytes = strtoull (s, &end, 10);
    if (errno || *end || *s < '0' || *s > '9' || bytes >> 20 > PLANNER_END)
        stop (r, EINVAL, "local_memory is not a number of bytes");
    else if (bytes >> 20 > 0)
        add (r, MEMORY, parent, (int64_t)(bytes >> 20));
}

/* The node has the name of the host: that is what R and constraints call it. */
static void name_node (struct reader *r, const char *host)
{
    uint32_t v = r->vtx[r->depth];

    if (*host && strlen (host) < 256 && strcmp (graph_type (r->g, v), "node") == 0)
        graph_set_name (r->g, v, graph_intern (r->g, host));
}

static void XMLCALL start (void *arg, const char *name, const char **a)
{
    struct reader *r = arg;
    uint32_t parent;
    int kind;

    if (strcmp (name, "topology") == 0)
        r->topology = true;
    if (strcmp (name, "info") == 0 && strcmp (attr (a, "name"), "HostName") == 0)
        name_node (r, attr (a, "value"));
    if (strcmp (name, "object") != 0 || r->errnum)
        return;
    if (r->depth + 1 >= MAX_DEPTH) {
        stop (r, EINVAL, "nested too deeply");
        return;
    }
    parent = r->vtx[r->depth++];
    kind = kind_of (a);
    r->vtx[r->depth] = kind >= 0 && allowed (r, kinds[kind].type)
        ? add (r, kind, parent, 1) : parent;
    add_memory (r, a, parent);
}

static void XMLCALL end (void *arg, const char *name)
{
    struct reader *r = arg;

    if (strcmp (name, "object") == 0 && r->depth > 0)
        r->depth--;
}

struct graph *read_hwloc (const char *s, size_t len, const char *allow,
                          flux_error_t *err)
{
    struct reader r = { .allow = allow, .err = err };
    struct vtx_spec root = { .parent = GRAPH_NONE, .size = 1, .uniq = -1, .rank = -1 };
    int rc;

    if (!(r.g = graph_new ()) || !(r.xml = XML_ParserCreate (NULL))) {
        graph_free (r.g);
        errno = ENOMEM;
        return NULL;
    }
    root.type = graph_intern (r.g, "cluster");
    graph_add (r.g, &root);
    XML_SetUserData (r.xml, &r);
    XML_SetElementHandler (r.xml, start, end);
    if (len > INT32_MAX / 2)
        stop (&r, EINVAL, "too long");
    else if (XML_Parse (r.xml, s, (int)len, 1) != XML_STATUS_OK)
        stop (&r, EINVAL, XML_ErrorString (XML_GetErrorCode (r.xml)));
    else if (!r.topology)
        stop (&r, EINVAL, "not a topology of hwloc");
    XML_ParserFree (r.xml);
    r.xml = NULL;
    if (!r.errnum && (rc = graph_finish (r.g, NULL)) < 0)
        stop (&r, -rc, "no objects");
    if (r.errnum) {
        graph_free (r.g);
        errno = r.errnum;
        return NULL;
    }
    return r.g;
}
