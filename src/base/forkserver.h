/* forkserver.h - start copies of a program that is ready to run
 *
 * A process that starts the same program again and again pays each time for
 * exec, the dynamic loader and its setup.  A fork server is that program, started
 * once and stopped at the point from which its runs differ; each request makes a
 * copy of it.  The copies are children of the client, not of the server, so that
 * the client waits for them as for any other child.
 *
 *   client (one thread)                  server
 *     forkserver_spawn ── fds, arg, env ──► forkserver_serve
 *                      ◄── pid ───────────    └─ copy: returns from it
 *
 * The server ends when the client does.
 */
#ifndef BASE_FORKSERVER_H
#define BASE_FORKSERVER_H

#include <stdbool.h>
#include <sys/types.h>
#include <flux/core/types.h>

#include "base/spawn.h"

#define FORKSERVER_FDS 8

struct forkserver;

/* For the program 'path' with environment 'envp'; both must outlive the object.
 * Nothing is started yet.  NULL: out of memory. */
struct forkserver *forkserver_new (const char *path, char *const *envp);
/* Ends the server, not its copies. */
void forkserver_free (struct forkserver *fs);
const char *forkserver_path (const struct forkserver *fs);

/* A copy with 'arg' as its argument, 'env' added to the environment, descriptors
 * as given, in a process group of its own; returns its pid.
 *   -EAGAIN  use spawn_child(): the server is not ready, or there is none.  It is
 *            started by the second call, since a first one is often the only one.
 * Any other negative errno, with err filled, is final: the copy may have been made. */
pid_t forkserver_spawn (struct forkserver *fs, const char *arg, char *const *env,
                        const struct spawn_fd *fds, int nfds, flux_error_t *err);

/* This process is to be a server: what is costly, and the same for all copies, can be
 * done before forkserver_serve(). */
bool forkserver_wanted (void);
/* In the program, at the start of main().  Returns in each copy, with its argument
 * in argv[1]; or at once if this process is not to be a server. */
void forkserver_serve (int argc, char **argv);

#endif /* !BASE_FORKSERVER_H */
