/* subprocess.h - local and remote subprocesses (RFC 42)
 *
 * A flux_subprocess_t is a process that this one has started itself
 * (flux_local_exec) or that a subprocess server runs for it (flux_rexec).  All
 * that happens to it is told by callbacks from the reactor, never from within
 * the call that started it:
 *
 *   INIT -> RUNNING <-> STOPPED -> EXITED, then on_completion once every output
 *   stream is at its end; or FAILED: it could not be started, or its server was
 *   lost.  A process that failed does not complete.
 *
 * A process may be destroyed in any of its own callbacks.  Unless noted,
 * functions return 0, or -1 or NULL with errno: EINVAL for a bad argument or a
 * stream the process does not have.
 */
#ifndef _FLUX_CORE_SUBPROCESS_H
#define _FLUX_CORE_SUBPROCESS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core/types.h>
#include <flux/core/command.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* the process inherits stdin, stdout and stderr */
    FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH = 1,
    /* no process group of its own: signals go to the process alone */
    FLUX_SUBPROCESS_FLAGS_NO_SETPGRP = 2,
    /* fork(2), which copies the caller, rather than vfork semantics; implied by
     * hooks */
    FLUX_SUBPROCESS_FLAGS_FORK_EXEC = 4,
    /* remote: output is not kept; what a callback does not read is dropped, and
     * lines are not put together */
    FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF = 8,
    /* remote: flux_rexec_wait() may be used */
    FLUX_SUBPROCESS_FLAGS_WAITABLE = 16,
    /* remote: sign requests (RFC 39); ENOTSUP without flux-security */
    FLUX_SUBPROCESS_FLAGS_SIGN = 32,
};

typedef enum {
    FLUX_SUBPROCESS_INIT = 0,
    FLUX_SUBPROCESS_RUNNING = 1,
    FLUX_SUBPROCESS_EXITED = 2,
    FLUX_SUBPROCESS_FAILED = 3,
    FLUX_SUBPROCESS_STOPPED = 4,
} flux_subprocess_state_t;

typedef struct flux_subprocess flux_subprocess_t;
typedef void (*flux_subprocess_credit_f) (flux_subprocess_t *p, const char *stream, int bytes);
typedef void (*flux_subprocess_f) (flux_subprocess_t *p);
typedef void (*flux_subprocess_hook_f) (flux_subprocess_t *p, void *arg);
typedef void (*flux_subprocess_output_f) (flux_subprocess_t *p, const char *stream);
typedef void (*flux_subprocess_state_f) (flux_subprocess_t *p, flux_subprocess_state_t state);
typedef void (*subprocess_log_f) (void *arg, const char *file, int line, const char *func, const char *subsys, int level, const char *fmt, va_list args);

/* Any may be NULL; a NULL output callback discards that stream. */
typedef struct {
    flux_subprocess_f on_completion;
    flux_subprocess_state_f on_state_change;
    /* Output callbacks run while there is something to read (whole lines, if
     * the stream is line buffered), and once at the end, when a read returns 0
     * and flux_subprocess_read_stream_closed() is true. */
    flux_subprocess_output_f on_channel_out;
    flux_subprocess_output_f on_stdout;
    flux_subprocess_output_f on_stderr;
    /* That many more bytes may be written; first the size of the buffer. */
    flux_subprocess_credit_f on_credit;
} flux_subprocess_ops_t;

/* Local only.  pre_exec runs in the child: it may change
 * flux_subprocess_get_cmd() and must not touch the reactor.  post_fork runs in
 * the parent, with the pid known, before pre_exec. */
typedef struct {
    flux_subprocess_hook_f pre_exec;
    void *pre_exec_arg;
    flux_subprocess_hook_f post_fork;
    void *post_fork_arg;
} flux_subprocess_hooks_t;

/* Start a child.  'cmd' and 'ops' are copied.  Fails with the errno of exec(2)
 * if the program cannot be executed. */
flux_subprocess_t *flux_local_exec (flux_reactor_t *r,
                                    int flags,
                                    const flux_cmd_t *cmd,
                                    const flux_subprocess_ops_t *ops);

/* The same with hooks, and a function (flux_llog with log_data = flux_t *) for
 * what there is to say about errors; both may be NULL. */
flux_subprocess_t *flux_local_exec_ex (flux_reactor_t *r,
                                       int flags,
                                       const flux_cmd_t *cmd,
                                       const flux_subprocess_ops_t *ops,
                                       const flux_subprocess_hooks_t *hooks,
                                       subprocess_log_f log_fn,
                                       void *log_data);

/* Start a process on broker 'rank' (or FLUX_NODEID_ANY) by its rexec service.
 * That it could not be started is told by state FAILED. */
flux_subprocess_t *flux_rexec (flux_t *h,
                               int rank,
                               int flags,
                               const flux_cmd_t *cmd,
                               const flux_subprocess_ops_t *ops);

/* Attach to a background process by pid, or by label if that is not NULL.
 * 'service_name' NULL is "rexec", here and below.  Destroying the result
 * detaches. */
flux_subprocess_t *flux_rexec_attach (flux_t *h,
                                      const char *service_name,
                                      int rank,
                                      int flags,
                                      pid_t pid,
                                      const char *label,
                                      const flux_subprocess_ops_t *ops);

/* Start a process that goes on without us.  The future is fulfilled when it has
 * started: flux_rpc_get_unpack (f, "{s:i}", "pid", &pid). */
flux_future_t *flux_rexec_bg (flux_t *h,
                              const char *service_name,
                              int rank,
                              int flags,
                              const flux_cmd_t *cmd);

/* As flux_rexec(), by another service. */
flux_subprocess_t *flux_rexec_ex (flux_t *h,
                                  const char *service_name,
                                  int rank,
                                  int flags,
                                  const flux_cmd_t *cmd,
                                  const flux_subprocess_ops_t *ops,
                                  subprocess_log_f log_fn,
                                  void *log_data);

/* Wait for the end of a process that was started as waitable:
 * flux_rpc_get_unpack (f, "{s:i}", "status", &status), and optionally "output",
 * an array of I/O objects. */
flux_future_t *flux_rexec_wait (flux_t *h,
                                const char *service_name,
                                int rank,
                                pid_t pid,
                                const char *label);

/* It has not ended: INIT, RUNNING or STOPPED. */
bool flux_subprocess_active (flux_subprocess_t *p);

void *flux_subprocess_aux_get (flux_subprocess_t *p, const char *name);

int flux_subprocess_aux_set (flux_subprocess_t *p,
                             const char *name,
                             void *ctx,
                             flux_free_f free);

/* While a channel is referenced the process does not complete. */
void flux_subprocess_channel_decref (flux_subprocess_t *p, const char *name);

void flux_subprocess_channel_incref (flux_subprocess_t *p, const char *name);

/* EOF, after what was written. */
int flux_subprocess_close (flux_subprocess_t *p, const char *stream);

/* Free it.  A process that still runs goes on, with its streams closed; no
 * callback is made any more. */
void flux_subprocess_destroy (flux_subprocess_t *p);

/* EINVAL unless the process has exited, by itself. */
int flux_subprocess_exit_code (flux_subprocess_t *p);

/* Of state FAILED. */
int flux_subprocess_fail_errno (flux_subprocess_t *p);

const char *flux_subprocess_fail_error (flux_subprocess_t *p);

/* Our copy of the command, owned by the process. */
flux_cmd_t *flux_subprocess_get_cmd (flux_subprocess_t *p);

flux_reactor_t *flux_subprocess_get_reactor (flux_subprocess_t *p);

/* One line, as flux_subprocess_read_line(); but at the end of the stream also a
 * last line without a newline, and if the stream is not line buffered whatever
 * there is. */
int flux_subprocess_getline (flux_subprocess_t *p,
                             const char *stream,
                             const char **bufp);

/* Signal the process group (or the process, with NO_SETPGRP).  ESRCH if it has
 * ended or, for a remote process, not started yet. */
flux_future_t *flux_subprocess_kill (flux_subprocess_t *p, int signum);

pid_t flux_subprocess_pid (flux_subprocess_t *p);

/* Of a remote process. */
int flux_subprocess_rank (flux_subprocess_t *p);

/* All there is to read.  Returns the length, 0 if there is nothing; *bufp is NUL
 * terminated and valid until the next call for this stream. */
int flux_subprocess_read (flux_subprocess_t *p,
                          const char *stream,
                          const char **bufp);

/* One whole line with its newline, or 0. */
int flux_subprocess_read_line (flux_subprocess_t *p,
                               const char *stream,
                               const char **bufp);

/* The process has closed the stream; there may still be data to read. */
bool flux_subprocess_read_stream_closed (flux_subprocess_t *p,
                                         const char *stream);

/* One whole line without its newline; an empty line and no line both return 0. */
int flux_subprocess_read_trimmed_line (flux_subprocess_t *p,
                                       const char *stream,
                                       const char **bufp);

/* The signal that ended the process; EINVAL if it was none. */
int flux_subprocess_signaled (flux_subprocess_t *p);

flux_subprocess_state_t flux_subprocess_state (flux_subprocess_t *p);

const char *flux_subprocess_state_string (flux_subprocess_state_t state);

/* Wait status, as of waitpid(2); EINVAL unless EXITED. */
int flux_subprocess_status (flux_subprocess_t *p);

/* Output callbacks of a stream that was stopped run again. */
void flux_subprocess_stream_start (flux_subprocess_t *p, const char *stream);

void flux_subprocess_stream_stop (flux_subprocess_t *p, const char *stream);

/* Buffer 'len' bytes for stdin or a channel, all or none.  Returns len, or -1:
 * ENOSPC if there is no room (see on_credit), EPERM if the stream or the process
 * is closed, EPIPE if the process has closed its end. */
int flux_subprocess_write (flux_subprocess_t *p,
                           const char *stream,
                           const char *buf,
                           size_t len);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_SUBPROCESS_H */
