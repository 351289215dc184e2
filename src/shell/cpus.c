/* cpus.c - which processors make which core, from sysfs
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <flux/idset.h>

#include "shell/cpus.h"

struct core {
    int package;
    int first;          /* lowest processor */
    int core_id;
    cpu_set_t set;
};

struct cores {
    struct core *v;
    int n;
};

static int read_int (int cpu, const char *name)
{
    char path[96];
    FILE *f;
    int n = -1;

    snprintf (path, sizeof (path), "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, name);
    if (!(f = fopen (path, "re")))
        return -1;
    if (fscanf (f, "%d", &n) != 1)
        n = -1;
    fclose (f);
    return n;
}

static int compare (const void *a, const void *b)
{
    const struct core *x = a;
    const struct core *y = b;

    if (x->package != y->package)
        return x->package - y->package;
    return x->first - y->first;
}

static void add_cpu (struct cores *cs, int cpu)
{
    int package = read_int (cpu, "physical_package_id");
    int core_id = read_int (cpu, "core_id");

    for (int i = 0; i < cs->n; i++) {
        struct core *c = &cs->v[i];
        if (core_id >= 0 && c->core_id == core_id && c->package == package) {
            CPU_SET (cpu, &c->set);
            return;
        }
    }
    cs->v[cs->n] = (struct core){ .package = package, .first = cpu, .core_id = core_id };
    CPU_SET (cpu, &cs->v[cs->n++].set);
}

static int discover (struct cores *cs)
{
    cpu_set_t mine;

    if (sched_getaffinity (0, sizeof (mine), &mine) < 0)
        return -errno;
    cs->n = 0;
    if (!(cs->v = calloc (CPU_COUNT (&mine) + 1, sizeof (cs->v[0]))))
        return -ENOMEM;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET (cpu, &mine))
            add_cpu (cs, cpu);
    }
    qsort (cs->v, cs->n, sizeof (cs->v[0]), compare);
    return 0;
}

/* The cores at places first .. first+count-1 of the set. */
static int take (const struct idset *cores, int first, int count, cpu_set_t *set)
{
    struct cores cs = { 0 };
    int rc = discover (&cs);
    int place = 0;

    CPU_ZERO (set);
    for (unsigned int id = idset_first (cores); rc == 0 && id != IDSET_INVALID_ID;
         id = idset_next (cores, id), place++) {
        if (place < first || place >= first + count)
            continue;
        if (id >= (unsigned int)cs.n)
            rc = -ENOENT;
        else
            CPU_OR (set, set, &cs.v[id].set);
    }
    free (cs.v);
    return rc;
}

int cpus_of_cores (const struct idset *cores, cpu_set_t *set)
{
    return take (cores, 0, idset_count (cores), set);
}

int cpus_of_share (const struct idset *cores, int i, int n, cpu_set_t *set)
{
    int total = idset_count (cores);
    int first = (long)i * total / n;
    int next = (long)(i + 1) * total / n;

    return take (cores, first, next > first ? next - first : 1, set);
}

static int parse_mask (const char *s, cpu_set_t *set)
{
    size_t n = strlen (s);
    int bit = 0;

    CPU_ZERO (set);
    while (n-- > 0) {
        char c = s[n];
        int v;
        if (c == ',')
            continue;
        if ((c == 'x' || c == 'X') && n > 0 && s[n - 1] == '0') {
            n--;
            continue;
        }
        v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (v < 0 || bit + 4 > CPU_SETSIZE)
            return -EINVAL;
        for (int b = 0; b < 4; b++, bit++) {
            if (v & (1 << b))
                CPU_SET (bit, set);
        }
    }
    return CPU_COUNT (set) > 0 ? 0 : -EINVAL;
}

int cpus_parse (const char *s, cpu_set_t *set)
{
    struct idset *ids;

    if (strncmp (s, "0x", 2) == 0 || strncmp (s, "0X", 2) == 0)
        return parse_mask (s, set);
    if (!(ids = idset_decode (s)))
        return -EINVAL;
    CPU_ZERO (set);
    for (unsigned int i = idset_first (ids); i < CPU_SETSIZE; i = idset_next (ids, i))
        CPU_SET (i, set);
    idset_destroy (ids);
    return CPU_COUNT (set) > 0 ? 0 : -EINVAL;
}

const char *cpus_format (const cpu_set_t *set, char *buf, size_t size)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    char *s = NULL;

    for (int i = 0; ids && i < CPU_SETSIZE; i++) {
        if (CPU_ISSET (i, set))
            idset_set (ids, i);
    }
    if (ids)
        s = idset_encode (ids, IDSET_FLAG_RANGE);
    snprintf (buf, size, "%s", s ? s : "");
    free (s);
    idset_destroy (ids);
    return buf;
}
