/* dso_hwloc.h - what private/hwloc.so offers (base/dso.h): the only part that
 * links hwloc
 */
#ifndef BASE_DSO_HWLOC_H
#define BASE_DSO_HWLOC_H

#include <stdbool.h>

#define DSO_HWLOC "hwloc"

struct hwloc_args {
    const char *xml;        /* a topology as text, or NULL */
    const char *xmlfile;    /* or in a file, or NULL: this machine */
    bool other_system;      /* the XML is not of this machine */
    bool norestrict;        /* do not restrict to the CPUs we may run on */
    bool gpus;              /* look for GPUs (costs 10 ms and more) */
    bool gpus_no_dedup;     /* count each device that any back end reports */
    bool want_xml;
};

struct hwloc_found {
    int ncores;
    int ngpus;
    char *hostname;         /* as the topology says, or NULL */
    char *xml;              /* if wanted */
    char error[160];
};

/* Blocks: call it in a thread of its own.  0 or a negative errno with
 * found->error.  The caller releases with hwloc_found_release (free). */
#define DSO_HWLOC_DISCOVER "hwloc_discover"
typedef int (*hwloc_discover_f) (const struct hwloc_args *args,
                                 struct hwloc_found *found);
int hwloc_discover (const struct hwloc_args *args, struct hwloc_found *found);

#endif /* !BASE_DSO_HWLOC_H */
