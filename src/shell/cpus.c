/* cpus.c - which processors make which core, from sysfs
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <flux/idset.h>

#include "shell/cpus.h"
#include "shell/textfile.h"

struct core {
    int package;
    int first;          /* lowest processor */
    cpu_set_t set;
};

struct cores {
    struct core *v;
    int n;
    cpu_set_t mine;      /* of which processors */
};

/* The text of a topology file, without its newline; -1 if there is none. */
static int read_text (int cpu, const char *name, char *buf, size_t size)
{
    char path[96];

    snprintf (path, sizeof (path), "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, name);
    if (textfile_read (path, buf, size) < 0 || !buf[0])
        return -1;
    buf[strcspn (buf, "\n")] = '\0';
    return 0;
}

static int compare (const void *a, const void *b)
{
    const struct core *x = a;
    const struct core *y = b;

    if (x->package != y->package)
        return x->package - y->package;
    return x->first - y->first;
}

/* The core of a processor that no earlier core has; one of its own if that cannot be
 * known. */
static void add_core (struct cores *cs, int cpu, const cpu_set_t *mine)
{
    struct core *c = &cs->v[cs->n++];
    char text[256];

    *c = (struct core){ .first = cpu };
    if (read_text (cpu, "physical_package_id", text, sizeof (text)) == 0)
        c->package = strtol (text, NULL, 10);
    if (read_text (cpu, "thread_siblings_list", text, sizeof (text)) < 0
        || cpus_parse (text, &c->set) < 0 || !CPU_ISSET (cpu, &c->set)) {
        CPU_ZERO (&c->set);
        CPU_SET (cpu, &c->set);
    }
    CPU_AND (&c->set, &c->set, mine);
}

static int discover (struct cores *cs, const cpu_set_t *mine)
{
    cpu_set_t seen;

    CPU_ZERO (&seen);
    if (!(cs->v = calloc (CPU_COUNT (mine) + 1, sizeof (cs->v[0]))))
        return -ENOMEM;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET (cpu, mine) || CPU_ISSET (cpu, &seen))
            continue;
        add_core (cs, cpu, mine);
        CPU_OR (&seen, &seen, &cs->v[cs->n - 1].set);
    }
    qsort (cs->v, cs->n, sizeof (cs->v[0]), compare);
    cs->mine = *mine;
    return 0;
}

static int get_cores (struct cores **csp)
{
    static struct cores known;      /* see cpus_warm_up () */
    cpu_set_t mine;
    int rc = 0;

    if (sched_getaffinity (0, sizeof (mine), &mine) < 0)
        return -errno;
    if (!known.v || !CPU_EQUAL (&known.mine, &mine)) {
        free (known.v);
        memset (&known, 0, sizeof (known));
        rc = discover (&known, &mine);
    }
    *csp = &known;
    return rc;
}

int cpus_warm_up (void)
{
    struct cores *cs;

    return get_cores (&cs);
}

/* The cores at places first .. first+count-1 of the set. */
static int take (const struct idset *cores, int first, int count, cpu_set_t *set)
{
    struct cores *cs;
    int rc = get_cores (&cs);
    int place = 0;

    CPU_ZERO (set);
    for (unsigned int id = idset_first (cores); rc == 0 && id != IDSET_INVALID_ID;
         id = idset_next (cores, id), place++) {
        if (place < first || place >= first + count)
            continue;
        if (id >= (unsigned int)cs->n)
            rc = -ENOENT;
        else
            CPU_OR (set, set, &cs->v[id].set);
    }
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

/* Add to 'set'.  The number of bits that s speaks of: whole words, if there is a comma. */
static int parse_words (const char *s, cpu_set_t *set)
{
    size_t n = strlen (s);
    int word = 0;       /* where the 32-bit word begins that is read */
    int bit = 0;

    while (n-- > 0) {
        char c = s[n];
        int v;
        if (c == ',') {     /* a word may be short, or empty */
            if (bit > word + 32)
                return -EINVAL;
            bit = word += 32;
            continue;
        }
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
    return strchr (s, ',') ? word + 32 : bit;
}

/* "0xf...f" in front: all that is above what follows, too. */
static int parse_mask (const char *s, cpu_set_t *set)
{
    static const char all[] = "0xf...f";
    size_t len = sizeof (all) - 1;
    bool infinite = strncasecmp (s, all, len) == 0;
    int n;

    CPU_ZERO (set);
    if (infinite)
        s += len;
    if ((n = parse_words (s, set)) < 0)
        return n;
    n -= infinite && *s == ',' ? 32 : 0;     /* there is no word before the first comma */
    while (infinite && n < CPU_SETSIZE)
        CPU_SET (n++, set);
    return CPU_COUNT (set) > 0 ? 0 : -EINVAL;
}

int cpus_parse (const char *s, cpu_set_t *set)
{
    struct idset *ids;
    char text[1024];
    size_t n = strlen (s);

    if (strncmp (s, "0x", 2) == 0 || strncmp (s, "0X", 2) == 0)
        return parse_mask (s, set);
    if (n > 0 && s[n - 1] == '-') {
        if (snprintf (text, sizeof (text), "%s%d", s, CPU_SETSIZE - 1) >= (int)sizeof (text))
            return -EINVAL;
        s = text;
    }
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

char *cpus_map_entry (const char *map, int i)
{
    int n = 1;
    const char *s = map;

    for (const char *p = map; *p; p++)
        n += *p == ';';
    for (i %= n; i > 0; i--)
        s = strchr (s, ';') + 1;
    return strndup (s, strcspn (s, ";"));
}
