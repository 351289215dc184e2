/* pmi.h - join the parallel program that one's launcher started
 *
 * There are several ways to learn rank and size and to exchange a few words with
 * the other processes; a launcher may offer any of them.  Methods are tried in the
 * order of a list such as "simple libpmi2 libpmi pmix rendezvous single":
 *
 *   simple             the PMI-1 wire protocol over PMI_FD (RFC 13)
 *   libpmi2[:PATH]     a PMI-2 library of the launcher, loaded with dlopen(3)
 *   libpmi[:PATH]      a PMI-1 library of the launcher, likewise
 *   pmix               libpmix, where PMIX_RANK is set
 *   rendezvous[:DIR]   rank and size from the launcher's environment; the processes
 *                      find each other by a file of rank 0 in DIR (default: $HOME)
 *   single             alone: rank 0 of 1
 *   NAME[:PATH]        a plugin (<flux/pmi_client.h>)
 *
 * A process of a program of several is never taken for one that is alone: "single"
 * counts only where it is the first of the list, or where no launcher is seen that
 * started more than one process (pmi/launcher.h).
 *
 * All calls block.  Errors are negative errno values with err->text: -EPROTO for
 * answers that make no sense, -ECONNRESET where the other side is gone, -EIO where
 * it says no, -EINTR if *interrupt was set by a signal handler (that must have been
 * installed without SA_RESTART).
 */
#ifndef PMI_PMI_H
#define PMI_PMI_H

#include <signal.h>
#include <stdbool.h>
#include <flux/core/types.h>

#include "base/buf.h"

#define PMI_DEFAULT_METHODS "simple libpmi2 libpmi pmix rendezvous single"

struct pmi;

struct pmi_args {
    const char *methods;       /* NULL: FLUX_PMI_CLIENT_METHODS, else the default */
    bool debug;                /* trace to standard error */
    bool noflux;               /* Flux's own libpmi.so and libpmi2.so will not do */
    bool cray;                 /* what Cray's libpmi2 needs, also with another */
    const char *plugindirs;    /* where plugins are, after FLUX_PMI_CLIENT_SEARCHPATH; or NULL */
    const volatile sig_atomic_t *interrupt;   /* or NULL */
};

/* NULL with errno, and in 'why' one line: what was tried, why each method would not
 * do, and what to install or to change. */
struct pmi *pmi_open (const struct pmi_args *args, struct buf *why);
/* Accepts NULL.  Does not say goodbye: see pmi_finalize(). */
void pmi_close (struct pmi *p);

const char *pmi_method (const struct pmi *p);    /* the first word of the method */
int pmi_rank (const struct pmi *p);
int pmi_size (const struct pmi *p);
const char *pmi_name (const struct pmi *p);      /* of the program's key space */
/* For one who is alone where a launcher has more: a line that says so, else NULL. */
const char *pmi_note (const struct pmi *p);

int pmi_put (struct pmi *p, const char *key, const char *value, flux_error_t *err);
/* *valuep is borrowed until the next call.  -ENOENT: no such key. */
int pmi_get (struct pmi *p, const char *key, const char **valuep, flux_error_t *err);
/* What any process put before is there for all after. */
int pmi_barrier (struct pmi *p, flux_error_t *err);
int pmi_finalize (struct pmi *p, flux_error_t *err);
/* Have the launcher end the program, where the method has a way to say so.  A
 * library may end this process at once. */
void pmi_abort (struct pmi *p, int exit_code, const char *msg);

#endif /* !PMI_PMI_H */
