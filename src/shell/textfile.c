/* textfile.c - the small files of /proc and /sys
 */
#include <fcntl.h>
#include <unistd.h>

#include "shell/textfile.h"

int textfile_read (const char *path, char *buf, size_t size)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read (fd, buf, size - 1);

    if (fd >= 0)
        close (fd);
    if (n < 0)
        return -1;
    buf[n] = '\0';
    return 0;
}
