/* subprocess_server.h - runs processes for remote clients (RFC 42)
 *
 * Used by the broker's rexec service and by the job shell.  Everything runs on
 * the reactor of the handle.
 */
#ifndef CORE_SUBPROCESS_SERVER_H
#define CORE_SUBPROCESS_SERVER_H

#include <flux/core.h>

/* "flags" of the exec and attach requests */
enum {
    SUBPROCESS_REXEC_STDOUT = 1,
    SUBPROCESS_REXEC_STDERR = 2,
    SUBPROCESS_REXEC_CHANNEL = 4,
    SUBPROCESS_REXEC_WRITE_CREDIT = 8,
    SUBPROCESS_REXEC_WAITABLE = 16,
};

struct subprocess_server;

/* Register SERVICE.exec, attach, write, kill, wait, list and disconnect, for the
 * instance owner only.  Processes find 'local_uri' as FLUX_URI in their
 * environment unless it is NULL.  Output and exit of background processes are
 * logged with 'log_fn' (flux_llog with log_data h, or NULL).
 * NULL with errno on error. */
struct subprocess_server *subprocess_server_create (flux_t *h,
                                                    const char *service,
                                                    const char *local_uri,
                                                    subprocess_log_f log_fn,
                                                    void *log_data);

/* Kills (SIGKILL) what still runs and answers what is pending with ENOSYS. */
void subprocess_server_destroy (struct subprocess_server *s);

/* Serve one more user than the instance owner: the one whose job this is. */
void subprocess_server_allow_user (struct subprocess_server *s, uint32_t userid);

/* Further test of each request: 0, or a negative errno (e.g. -EPERM) with
 * err->text, which refuses it. */
typedef int (*subprocess_server_auth_f) (const flux_msg_t *msg, void *arg,
                                         flux_error_t *err);
void subprocess_server_set_auth (struct subprocess_server *s,
                                 subprocess_server_auth_f fn, void *arg);

/* Refuse new processes and signal those that run.  The future is fulfilled when
 * none is left (zombies do not count); it may be called again, with another
 * signal, while the first is pending.  NULL with errno on error. */
flux_future_t *subprocess_server_shutdown (struct subprocess_server *s,
                                           int signum);

/* For statistics. */
size_t subprocess_server_count (const struct subprocess_server *s);

#endif /* !CORE_SUBPROCESS_SERVER_H */
