/* reap.h - the end of processes whose parent cannot end them any more
 *
 * Every process of a job carries in its environment, in FLUX_EXEC_TAG, the words
 * (separated by spaces) "COOKIE/JOBID" of the jobs it is inside of, the outermost
 * first, each followed by "COOKIE/JOBID/RANK" with the rank of the shell's broker.
 * So processes are found however they came about, after a job shell was killed
 * or the broker itself was, and those of nested instances too.  (A process that
 * was given another environment is not found.)
 */
#ifndef EXEC_REAP_H
#define EXEC_REAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <flux/core.h>

#define REAP_ENV "FLUX_EXEC_TAG"

struct reap;

/* 'killed' counts processes. */
typedef void (*reap_f) (struct reap *rp, int killed, void *arg);

/* Kill (SIGKILL) all processes that carry the tag, but not the caller, until there
 * is none; then call fn once, from the reactor: it may free rp.  NULL with errno. */
struct reap *reap_new (flux_reactor_t *r, const char *tag, reap_f fn, void *arg);
/* Processes that are still there stay. */
void reap_free (struct reap *rp);

/* Is there a process named flux-shell that carries the tag? */
bool reap_shell_lives (const char *tag);
/* Does this process carry it? */
bool reap_is_tagged (pid_t pid, const char *tag);

/* "COOKIE/ID" */
void reap_tag (char *buf, size_t size, const char *cookie, uint64_t id);

#endif /* !EXEC_REAP_H */
