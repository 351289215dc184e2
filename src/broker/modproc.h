/* modproc.h - a module that runs in a process of its own (RFC 5, Standalone Process)
 *
 *   router ─ near ═ far ── messages ── socket ── loader: mod_main ()
 *
 * The loader is a program that is started with the module's path as its argument, and a
 * connected socket: FLUX_MODULE_URI.  It gets the welcome request, and reports the
 * module's status.  All of it happens on the loop.
 */
#ifndef BROKER_MODPROC_H
#define BROKER_MODPROC_H

#include <flux/core.h>

#include "broker/module.h"

struct modproc;

/* The process has ended: m->far is closed, m->errnum and m->error say why.  The last
 * call about it. */
typedef void (*modproc_exited_f) (struct module *m, void *arg);

/* Start m->loader; m->far has the loop's reactor.  NULL with err->text and m->errnum. */
struct modproc *modproc_start (struct module *m, modproc_exited_f exited, void *arg,
                               flux_error_t *err);
void modproc_kill (struct modproc *p);
/* The process is not ended by it. */
void modproc_free (struct modproc *p);

/* The program that loads a path: 'loader', if it is not NULL, else by the suffix of the
 * path.  The caller frees.  NULL with errno and err->text. */
char *modproc_loader (const char *path, const char *loader, flux_error_t *err);

#endif /* !BROKER_MODPROC_H */
