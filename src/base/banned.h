/* banned.h - functions that no file of ours may call
 *
 * The build includes it before every file of ours (gcc -include).
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <alloca.h>
#include <jansson.h>

#pragma GCC poison strcpy strcat sprintf vsprintf atoi atol atof atoll
#pragma GCC poison strtok gets system
#undef alloca
#pragma GCC poison alloca

#endif /* !BASE_BANNED_H */
