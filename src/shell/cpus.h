/* cpus.h - which processors make which core, from sysfs
 *
 * Core N of a resource set is the N-th core this process may use, counted by package
 * and then by its lowest processor number, as hwloc counts them within a cpuset.
 */
#ifndef SHELL_CPUS_H
#define SHELL_CPUS_H

#include <sched.h>

struct idset;

/* Find out now, once for this process and its copies (base/forkserver.h): it is the only
 * state here, and holds while the set of processors that the process may use is the
 * same.  0 or a negative errno. */
int cpus_warm_up (void);

/* Processors of the given cores.  Returns 0, -ENOENT if a core is not there (resources
 * that are faked, or inherited from a larger machine), or another negative errno. */
int cpus_of_cores (const struct idset *cores, cpu_set_t *set);
/* The same of one part of them: part 'i' of 'n' (per-task binding).  With more parts
 * than cores, parts share cores. */
int cpus_of_share (const struct idset *cores, int i, int n, cpu_set_t *set);
/* A list "0-1,4" ("4-" goes to the last), a mask "0x3", or 32-bit words of one, as
 * "0x1,0x0"; "0xf...f" in front of it stands for all above (hwlocality_bitmap(3)).  0 or
 * -EINVAL. */
int cpus_parse (const char *s, cpu_set_t *set);
/* Entry i of "a;b;c" (map:LIST), counted from its start again when there are fewer; the
 * caller frees.  NULL: no memory. */
char *cpus_map_entry (const char *map, int i);
/* "0-3,8" into buf. */
const char *cpus_format (const cpu_set_t *set, char *buf, size_t size);

#endif /* !SHELL_CPUS_H */
