/* uuid.c - random UUIDs
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

#include "core/uuid.h"

int uuid_generate (char uuid[UUID_SIZE])
{
    uint8_t b[16];

    uuid[0] = '\0';
    if (getrandom (b, sizeof (b), 0) != sizeof (b))
        return -errno;
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    snprintf (uuid, UUID_SIZE,
              "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
              b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7],
              b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return 0;
}
