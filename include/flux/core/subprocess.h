/* subprocess.h - local and remote subprocesses (RFC 42)
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
    FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH = 1,
    FLUX_SUBPROCESS_FLAGS_NO_SETPGRP = 2,
    FLUX_SUBPROCESS_FLAGS_FORK_EXEC = 4,
    FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF = 8,
    FLUX_SUBPROCESS_FLAGS_WAITABLE = 16,
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

typedef struct {
    flux_subprocess_f on_completion;
    flux_subprocess_state_f on_state_change;
    flux_subprocess_output_f on_channel_out;
    flux_subprocess_output_f on_stdout;
    flux_subprocess_output_f on_stderr;
    flux_subprocess_credit_f on_credit;
} flux_subprocess_ops_t;

typedef struct {
    flux_subprocess_hook_f pre_exec;
    void *pre_exec_arg;
    flux_subprocess_hook_f post_fork;
    void *post_fork_arg;
} flux_subprocess_hooks_t;

flux_subprocess_t *flux_local_exec (flux_reactor_t *r,
                                    int flags,
                                    const flux_cmd_t *cmd,
                                    const flux_subprocess_ops_t *ops);

flux_subprocess_t *flux_local_exec_ex (flux_reactor_t *r,
                                       int flags,
                                       const flux_cmd_t *cmd,
                                       const flux_subprocess_ops_t *ops,
                                       const flux_subprocess_hooks_t *hooks,
                                       subprocess_log_f log_fn,
                                       void *log_data);

flux_subprocess_t *flux_rexec (flux_t *h,
                               int rank,
                               int flags,
                               const flux_cmd_t *cmd,
                               const flux_subprocess_ops_t *ops);

flux_subprocess_t *flux_rexec_attach (flux_t *h,
                                      const char *service_name,
                                      int rank,
                                      int flags,
                                      pid_t pid,
                                      const char *label,
                                      const flux_subprocess_ops_t *ops);

flux_future_t *flux_rexec_bg (flux_t *h,
                              const char *service_name,
                              int rank,
                              int flags,
                              const flux_cmd_t *cmd);

flux_subprocess_t *flux_rexec_ex (flux_t *h,
                                  const char *service_name,
                                  int rank,
                                  int flags,
                                  const flux_cmd_t *cmd,
                                  const flux_subprocess_ops_t *ops,
                                  subprocess_log_f log_fn,
                                  void *log_data);

flux_future_t *flux_rexec_wait (flux_t *h,
                                const char *service_name,
                                int rank,
                                pid_t pid,
                                const char *label);

bool flux_subprocess_active (flux_subprocess_t *p);

void *flux_subprocess_aux_get (flux_subprocess_t *p, const char *name);

int flux_subprocess_aux_set (flux_subprocess_t *p,
                             const char *name,
                             void *ctx,
                             flux_free_f free);

void flux_subprocess_channel_decref (flux_subprocess_t *p, const char *name);

void flux_subprocess_channel_incref (flux_subprocess_t *p, const char *name);

int flux_subprocess_close (flux_subprocess_t *p, const char *stream);

void flux_subprocess_destroy (flux_subprocess_t *p);

int flux_subprocess_exit_code (flux_subprocess_t *p);

int flux_subprocess_fail_errno (flux_subprocess_t *p);

const char *flux_subprocess_fail_error (flux_subprocess_t *p);

flux_cmd_t *flux_subprocess_get_cmd (flux_subprocess_t *p);

flux_reactor_t *flux_subprocess_get_reactor (flux_subprocess_t *p);

int flux_subprocess_getline (flux_subprocess_t *p,
                             const char *stream,
                             const char **bufp);

flux_future_t *flux_subprocess_kill (flux_subprocess_t *p, int signum);

pid_t flux_subprocess_pid (flux_subprocess_t *p);

int flux_subprocess_rank (flux_subprocess_t *p);

int flux_subprocess_read (flux_subprocess_t *p,
                          const char *stream,
                          const char **bufp);

int flux_subprocess_read_line (flux_subprocess_t *p,
                               const char *stream,
                               const char **bufp);

bool flux_subprocess_read_stream_closed (flux_subprocess_t *p,
                                         const char *stream);

int flux_subprocess_read_trimmed_line (flux_subprocess_t *p,
                                       const char *stream,
                                       const char **bufp);

int flux_subprocess_signaled (flux_subprocess_t *p);

flux_subprocess_state_t flux_subprocess_state (flux_subprocess_t *p);

const char *flux_subprocess_state_string (flux_subprocess_state_t state);

int flux_subprocess_status (flux_subprocess_t *p);

void flux_subprocess_stream_start (flux_subprocess_t *p, const char *stream);

void flux_subprocess_stream_stop (flux_subprocess_t *p, const char *stream);

int flux_subprocess_write (flux_subprocess_t *p,
                           const char *stream,
                           const char *buf,
                           size_t len);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_SUBPROCESS_H */
