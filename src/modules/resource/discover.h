/* discover.h - what this machine has
 *
 * R numbers the cores of a node from 0, so their number is all there is to
 * know.  sysfs tells it in microseconds; hwloc, which takes 10 ms and more when
 * it looks for GPUs, is asked in a thread, and only if there may be a GPU, or a
 * topology was given as XML, or somebody wants the XML.
 */
#ifndef RESOURCE_DISCOVER_H
#define RESOURCE_DISCOVER_H

#include <stdbool.h>
#include <flux/core.h>

struct discover;

struct discovered {
    int ncores;
    int ngpus;
    const char *hostname;   /* of the topology, or NULL */
    const char *xml;        /* if it was asked for */
};

/* The machine, or NULL where hwloc must be asked. */
bool discover_quick (bool norestrict, struct discovered *d);

/* The cores that we may run on, as sysfs tells; -1 where it does not. */
int discover_cores (void);

struct discover_args {
    bool norestrict;
    bool want_xml;
    const char *xml;        /* not NULL: this topology (of another system) */
};

/* Called once from the reactor; errnum 0, or why not, with 'text'. */
typedef void (*discover_f) (struct discover *dc, const struct discovered *d,
                            int errnum, const char *text, void *arg);

/* Ask hwloc in a thread.  FLUX_HWLOC_XMLFILE etc. are honoured
 * (flux-environment(7)).  NULL with errno. */
struct discover *discover_start (flux_reactor_t *r, const struct discover_args *args,
                                 discover_f cb, void *arg);
/* Waits for the thread if it is not done yet (some milliseconds).  May be called
 * from the callback. */
void discover_free (struct discover *dc);

#endif /* !RESOURCE_DISCOVER_H */
