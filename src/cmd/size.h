/* size.h - sizes in bytes on the command line: 4096, 4k, 1.5M
 */
#ifndef CMD_SIZE_H
#define CMD_SIZE_H

#include <stddef.h>
#include <flux/optparse.h>

/* A number, also with a fraction, and k, K (1024), M or G; up to INT_MAX bytes.
 * 0 or -EINVAL. */
int size_parse (const char *s, size_t *sizep);

/* The size given with an option, or 'def'.  Exits 1 if it is none. */
size_t size_option (optparse_t *p, const char *name, size_t def);

#endif /* !CMD_SIZE_H */
