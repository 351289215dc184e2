/* uuid.h - random (version 4) UUIDs as text
 */
#ifndef CORE_UUID_H
#define CORE_UUID_H

#define UUID_SIZE 37 /* with NUL */

/* 0, or the negative errno of getrandom(2); uuid is then empty. */
int uuid_generate (char uuid[UUID_SIZE]);

#endif /* !CORE_UUID_H */
