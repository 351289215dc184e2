/* method_plugin.h - methods that are not ours: <flux/pmi_client.h>
 */
#ifndef PMI_METHOD_PLUGIN_H
#define PMI_METHOD_PLUGIN_H

#include "pmi/method.h"

/* Open NAME.so of the directories in FLUX_PMI_CLIENT_SEARCHPATH, and then 'dirs' (NULL:
 * none); both separated by colons.  The calls are those of method_plugin.  -ENOENT without
 * err->text if there is none; the rest as of pmi_method.open(). */
int method_plugin_open (const char *name, const char *path, const char *dirs, void **datap,
                        struct pmi_place *place, flux_error_t *err);

extern const struct pmi_method method_plugin;    /* without open() */

#endif /* !PMI_METHOD_PLUGIN_H */
