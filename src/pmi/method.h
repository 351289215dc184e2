/* method.h - what a way to join a parallel program has to do
 *
 * Only for pmi.c and the methods.
 */
#ifndef PMI_METHOD_H
#define PMI_METHOD_H

#include "pmi/launcher.h"
#include "pmi/pmi.h"

struct pmi_place {
    int rank;
    int size;
    char name[256];
};

struct pmi_context {
    const struct pmi_args *args;
    const struct launcher *launcher;
    double timeout;        /* to wait for the others, in seconds; 0: for ever */
};

struct pmi_method {
    const char *scheme;
    /* 'path' is what follows "scheme:", or NULL.  -ENOENT: this way is not offered
     * or does not work here, err->text says why, try the next.  Any other error
     * ends the search: the way is there, and broken. */
    int (*open) (const struct pmi_context *ctx, const char *path, void **datap,
                 struct pmi_place *place, flux_error_t *err);
    int (*put) (void *data, const char *key, const char *value, flux_error_t *err);
    int (*get) (void *data, const char *key, const char **valuep, flux_error_t *err);
    int (*barrier) (void *data, flux_error_t *err);
    int (*finalize) (void *data, flux_error_t *err);
    void (*abort) (void *data, int exit_code, const char *msg);
    void (*close) (void *data);
};

extern const struct pmi_method method_simple;
extern const struct pmi_method method_libpmi2;
extern const struct pmi_method method_libpmi;
extern const struct pmi_method method_rendezvous;

#endif /* !PMI_METHOD_H */
