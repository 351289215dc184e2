/* pmi_client.h - a way to join a parallel program, from outside of Flux
 *
 * The brokers of an instance find their rank, their size and one another by a method
 * (flux-pmi(1)).  One that Flux does not have is a shared object NAME.so in a directory of
 * FLUX_PMI_CLIENT_SEARCHPATH, or in that of "flux config builtin upmi_pluginpath", which
 * defines the variable
 *
 *     const struct flux_pmi_client flux_pmi_client = { .version = 1, .open = ..., ... };
 *
 * It is then one of the words of FLUX_PMI_CLIENT_METHODS, broker.boot-method and
 * flux pmi --method: "NAME", or "NAME:PATH", where PATH is for open().
 *
 * Calls give 0, or -1 with errno and a line in err->text.  They come from one thread, may
 * block, and should return with EINTR when a signal comes in meanwhile.  The object stays
 * loaded until the process ends.
 */
#ifndef _FLUX_PMI_CLIENT_H
#define _FLUX_PMI_CLIENT_H

#include <flux/core/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLUX_PMI_CLIENT_VERSION 1

struct flux_pmi_place {
    int rank;
    int size;
    char name[256];            /* of the program, the same in all its processes */
};

struct flux_pmi_client {
    int version;               /* FLUX_PMI_CLIENT_VERSION */
    /* Join, and tell the place.  *datap is passed to all other calls.  'path' may be NULL.
     * ENOENT: this launcher does not offer it, or it does not work: the next method is
     * tried.  Any other error ends the search. */
    int (*open) (const char *path, void **datap, struct flux_pmi_place *place,
                 flux_error_t *err);
    int (*put) (void *data, const char *key, const char *value, flux_error_t *err);
    /* ENOENT: no such key.  *valuep belongs to the plugin, and is left alone until the next
     * call. */
    int (*get) (void *data, const char *key, const char **valuep, flux_error_t *err);
    /* After it, all can get what any has put before it. */
    int (*barrier) (void *data, flux_error_t *err);
    int (*finalize) (void *data, flux_error_t *err);
    /* End the whole program; it may return, if that takes time.  NULL: it cannot. */
    void (*abort) (void *data, int exit_code, const char *msg);
    /* The last call: free *datap. */
    void (*close) (void *data);
};

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_PMI_CLIENT_H */
