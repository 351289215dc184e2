/* dso_hwloc.c - private/hwloc.so, the only part that links hwloc
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hwloc.h>

#include "modules/resource/dso_hwloc.h"

static int fail (struct hwloc_found *found, const char *what)
{
    int rc = errno > 0 ? -errno : -EINVAL;

    snprintf (found->error, sizeof (found->error), "hwloc: %s: %s", what,
              strerror (-rc));
    return rc;
}

static int configure (hwloc_topology_t t, const struct hwloc_args *args)
{
    bool from_xml = args->xml || args->xmlfile;
    unsigned long flags = 0;

    if (args->xmlfile && hwloc_topology_set_xml (t, args->xmlfile) < 0)
        return -1;
    if (args->xml
        && hwloc_topology_set_xmlbuffer (t, args->xml, (int)strlen (args->xml) + 1) < 0)
        return -1;
    if (from_xml && !args->other_system)
        flags |= HWLOC_TOPOLOGY_FLAG_IS_THISSYSTEM;
    if (args->gpus || from_xml
        ? hwloc_topology_set_io_types_filter (t, HWLOC_TYPE_FILTER_KEEP_IMPORTANT) < 0
        : 0)
        return -1;
    return hwloc_topology_set_flags (t, flags);
}

/* To the CPUs that we may run on. */
static int restrict_to_binding (hwloc_topology_t t)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc ();
    int rc = -1;

    if (set && hwloc_get_cpubind (t, set, HWLOC_CPUBIND_PROCESS) == 0)
        rc = hwloc_topology_restrict (t, set, 0);
    hwloc_bitmap_free (set);
    return rc;
}

/* -- GPUs -- */

/* Which discovery method found it; NULL if it is no GPU of that kind. */
static const char *gpu_method (hwloc_obj_t o)
{
    static const char *const methods[] = { "CUDA", "NVML", "RSMI", "OpenCL",
                                           "LevelZero", NULL };

    if (o->attr->osdev.type != HWLOC_OBJ_OSDEV_COPROC
        && o->attr->osdev.type != HWLOC_OBJ_OSDEV_GPU)
        return NULL;
    for (int i = 0; o->subtype && methods[i]; i++) {
        if (strcmp (methods[i], o->subtype) == 0)
            return methods[i];
    }
    return NULL;
}

static hwloc_obj_t pci_parent (hwloc_obj_t o)
{
    while (o && o->type != HWLOC_OBJ_PCI_DEVICE)
        o = o->parent;
    return o;
}

/* The devices that one method found at one place. */
static int count_at (hwloc_topology_t t, hwloc_obj_t parent, const char *method)
{
    int n = 0;

    for (hwloc_obj_t o = NULL; (o = hwloc_get_next_osdev (t, o));) {
        if (gpu_method (o) == method && pci_parent (o) == parent)
            n++;
    }
    return n;
}

/* Is o the first GPU of its place? */
static bool first_at (hwloc_topology_t t, hwloc_obj_t o)
{
    hwloc_obj_t i = NULL;

    while ((i = hwloc_get_next_osdev (t, i)) != o) {
        if (gpu_method (i) && pci_parent (i) == pci_parent (o))
            return false;
    }
    return true;
}

/* Several methods may find one device; of the devices at one place we count
 * those of the method that found most, because a device may be partitioned. */
static int count_gpus (hwloc_topology_t t, bool no_dedup)
{
    int total = 0;

    for (hwloc_obj_t o = NULL; (o = hwloc_get_next_osdev (t, o));) {
        int most = 0;

        if (!gpu_method (o))
            continue;
        if (no_dedup) {
            total++;
            continue;
        }
        if (!first_at (t, o))
            continue;
        for (hwloc_obj_t i = NULL; (i = hwloc_get_next_osdev (t, i));) {
            if (gpu_method (i) && pci_parent (i) == pci_parent (o)) {
                int n = count_at (t, pci_parent (o), gpu_method (i));

                most = n > most ? n : most;
            }
        }
        total += most;
    }
    return total;
}

/* -- result -- */

static int export_xml (hwloc_topology_t t, struct hwloc_found *found)
{
    char *buf;
    int len;

    if (hwloc_topology_export_xmlbuffer (t, &buf, &len, 0) < 0)
        return -1;
    found->xml = strndup (buf, (size_t)len);
    hwloc_free_xmlbuffer (t, buf);
    return found->xml ? 0 : -1;
}

static int inspect (hwloc_topology_t t, const struct hwloc_args *args,
                    struct hwloc_found *found)
{
    const char *host = hwloc_obj_get_info_by_name (hwloc_get_root_obj (t), "HostName");

    found->ncores = hwloc_get_nbobjs_by_type (t, HWLOC_OBJ_CORE);
    if (found->ncores <= 0)     /* a machine that tells nothing about cores */
        found->ncores = hwloc_get_nbobjs_by_type (t, HWLOC_OBJ_PU);
    found->ngpus = count_gpus (t, args->gpus_no_dedup);
    if (host && !(found->hostname = strdup (host)))
        return fail (found, "host name");
    if (args->want_xml && export_xml (t, found) < 0)
        return fail (found, "exporting XML");
    return 0;
}

int hwloc_discover (const struct hwloc_args *args, struct hwloc_found *found)
{
    hwloc_topology_t t;
    int rc = 0;

    memset (found, 0, sizeof (*found));
    errno = 0;
    if (hwloc_topology_init (&t) < 0)
        return fail (found, "topology_init");
    if (configure (t, args) < 0)
        rc = fail (found, "reading XML");
    else if (hwloc_topology_load (t) < 0)
        rc = fail (found, "topology_load");
    else if (!args->norestrict && !args->other_system && restrict_to_binding (t) < 0)
        rc = fail (found, "topology_restrict");
    else
        rc = inspect (t, args, found);
    hwloc_topology_destroy (t);
    return rc;
}
