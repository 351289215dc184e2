/* attach_pty.h - this process's terminal as that of a job (shell option
 * pty.interactive; the protocol is in src/shell/README.md)
 */
#ifndef CMD_ATTACH_PTY_H
#define CMD_ATTACH_PTY_H

#include <stdbool.h>
#include <flux/core.h>

struct attach_pty;

/* 'errnum' is 0 at the end of the session, ECANCELED when the user detached, or why
 * the job's terminal cannot be had (ENOSYS: the shell has gone). */
typedef void (*attach_pty_f) (void *arg, int errnum);

/* From here on standard input and output are the job's.  A terminal is put in raw
 * mode once the job's shell has answered, and put back at the end, also if the
 * process exits: so there is one of these at a time.  At the start of a line the
 * user may type ~. to detach, ~^Z to suspend this process, ~~ for a tilde.
 * NULL with errno. */
struct attach_pty *attach_pty_start (flux_t *h, const char *service, int rank,
                                     attach_pty_f done, void *arg);
void attach_pty_free (struct attach_pty *ap);
/* The job's shell has answered. */
bool attach_pty_attached (const struct attach_pty *ap);
/* The terminal is raw: lines end with \r\n. */
bool attach_pty_raw (const struct attach_pty *ap);

#endif /* !CMD_ATTACH_PTY_H */
