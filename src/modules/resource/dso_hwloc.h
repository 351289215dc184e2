/* dso_hwloc.h - private/hwloc.so is made here; the shell uses it too
 */
#ifndef RESOURCE_DSO_HWLOC_H
#define RESOURCE_DSO_HWLOC_H

#include "base/dso_hwloc.h"

#endif /* !RESOURCE_DSO_HWLOC_H */
