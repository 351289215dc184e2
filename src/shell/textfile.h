/* textfile.h - the small files of /proc and /sys
 */
#ifndef SHELL_TEXTFILE_H
#define SHELL_TEXTFILE_H

#include <stddef.h>

/* What is in it, NUL terminated; of a longer one the beginning.  0, or -1 with errno. */
int textfile_read (const char *path, char *buf, size_t size);

#endif /* !SHELL_TEXTFILE_H */
