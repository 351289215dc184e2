/* outfile.h - files that task output goes to, opened once however often named
 */
#ifndef SHELL_OUTFILE_H
#define SHELL_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <flux/core/types.h>

struct outfile;
struct outfiles;

struct outfiles *outfiles_new (void);
void outfiles_free (struct outfiles *set);      /* closes all */
/* The same path gives the same file.  NULL with err->text. */
struct outfile *outfiles_open (struct outfiles *set, const char *path, bool append,
                               flux_error_t *err);
/* Write all of it, with the prefix before each line if it is not NULL.
 * 0 or negative errno. */
int outfile_write (struct outfile *f, const char *prefix, const char *data, size_t len);

#endif /* !SHELL_OUTFILE_H */
