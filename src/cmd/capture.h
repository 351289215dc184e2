/* capture.h - run a program and take what it prints
 */
#ifndef CMD_CAPTURE_H
#define CMD_CAPTURE_H

#include <stdbool.h>

/* Run argv[0], found in PATH, with its standard error as ours (or dropped, if 'quiet').
 * Its standard output, NUL terminated, for the caller to free, and its wait status; NULL
 * with errno if it could not be run. */
char *capture (char *const argv[], bool quiet, int *status);

#endif /* !CMD_CAPTURE_H */
