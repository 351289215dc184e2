/* shell.h - job shell plugins (flux-shell-plugins(7), man3 flux_shell_*)
 *
 * A plugin is called by topic while the shell of a job (one process a node) goes
 * through its life: see src/shell/README.md for the order.  Functions return -1 or NULL
 * with errno unless noted; text that is returned in a char ** or as char * is the
 * caller's to free.  The unpack functions take json_unpack() formats; strings and
 * objects they give are borrowed.
 */
#ifndef _FLUX_SHELL_H
#define _FLUX_SHELL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <flux/core.h>

struct hostlist;
struct taskmap;

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FLUX_SHELL_QUIET = -1,
    FLUX_SHELL_FATAL = 0,
    FLUX_SHELL_ERROR = 3,
    FLUX_SHELL_WARN = 4,
    FLUX_SHELL_NOTICE = 5,
    FLUX_SHELL_DEBUG = 6,
    FLUX_SHELL_TRACE = 7,
};

typedef struct flux_shell flux_shell_t;
typedef struct shell_task flux_shell_task_t;
typedef void (*flux_shell_task_io_f) (flux_shell_task_t *task, const char *stream, void *arg);

/* The shell that has loaded the plugin. */
flux_shell_t *flux_plugin_get_shell (flux_plugin_t *p);

/* The shell stays in its reactor while there are references; fmt makes a name.  Returns
 * how many there are of that name. */
int flux_shell_add_completion_ref (flux_shell_t *shell, const char *fmt, ...);

/* Keys for the context of the event "shell.init" or "shell.start", before it is posted.
 * flags is 0. */
int flux_shell_add_event_context (flux_shell_t *shell,
                                  const char *name,
                                  int flags,
                                  const char *fmt,
                                  ...);

/* Handle events named shell-JOBID.SUBTOPIC. */
int flux_shell_add_event_handler (flux_shell_t *shell,
                                  const char *subtopic,
                                  flux_msg_handler_f cb,
                                  void *arg);

/* Items attached to the shell, as flux_aux_get() and flux_aux_set(). */
void *flux_shell_aux_get (flux_shell_t *shell, const char *name);

int flux_shell_aux_set (flux_shell_t *shell,
                        const char *name,
                        void *aux,
                        flux_free_f free_fn);

/* In task.* callbacks; else NULL. */
flux_shell_task_t *flux_shell_current_task (flux_shell_t *shell);

/* Log at level ERROR, with the text of errnum.  Returns -1 with errno = errnum. */
int flux_shell_err (const char *component,
                    const char *file,
                    int line,
                    int errnum,
                    const char *fmt,
                    ...);

/* Log, raise a fatal exception, kill the tasks, exit. */
void flux_shell_fatal (const char *component,
                       const char *file,
                       int line,
                       int errnum,
                       int exit_code,
                       const char *fmt,
                       ...);

/* The environment of the tasks, as a JSON object. */
int flux_shell_get_environ (flux_shell_t *shell, char **json_str);

flux_t *flux_shell_get_flux (flux_shell_t *shell);

const struct hostlist *flux_shell_get_hostlist (flux_shell_t *shell);

/* The topology of this node, kept by the shell.  Asks the local broker the first time. */
int flux_shell_get_hwloc_xml (flux_shell_t *shell, const char **xmlp);

/* {"jobid", "instance_owner", "rank", "size", "ntasks", "service", "options", "jobspec",
 * "R"} */
int flux_shell_get_info (flux_shell_t *shell, char **json_str);

/* What the jobspec asks for, in numbers: see the manual page. */
int flux_shell_get_jobspec_info (flux_shell_t *shell, char **json_str);

/* {"id", "name", "broker_rank", "ntasks", "taskids", "resources"} of a shell; -1 is this one. */
int flux_shell_get_rank_info (flux_shell_t *shell,
                              int shell_rank,
                              char **json_str);

/* Owned by the shell. */
const struct taskmap *flux_shell_get_taskmap (flux_shell_t *shell);

/* The environment that all tasks get (a task's own: flux_shell_task_cmd()). */
const char *flux_shell_getenv (flux_shell_t *shell, const char *name);

/* A shell option as JSON.  1, 0 if it is not set, or -1.  "a.b" looks into objects. */
int flux_shell_getopt (flux_shell_t *shell, const char *name, char **json_str);

int flux_shell_getopt_unpack (flux_shell_t *shell,
                              const char *name,
                              const char *fmt,
                              ...);

int flux_shell_info_unpack (flux_shell_t *shell, const char *fmt, ...);

int flux_shell_jobspec_info_unpack (flux_shell_t *shell, const char *fmt, ...);

/* Signal all tasks that run. */
void flux_shell_killall (flux_shell_t *shell, int sig);

/* Levels are enum values above.  Until shell.init is over messages wait; then they go
 * to the output eventlog. */
__attribute__ ((format (printf, 5, 6)))
void flux_shell_log (const char *component,
                     int level,
                     const char *file,
                     int line,
                     const char *fmt,
                     ...);

/* dest NULL: what is logged at all; "stderr": what also goes there. */
int flux_shell_log_setlevel (int level, const char *dest);

/* Does it render differently by shell or task? */
bool flux_shell_mustache_is_per_rank (flux_shell_t *shell, const char *fmt);

/* Replace {{tags}}; one that is unknown stays. */
char *flux_shell_mustache_render (flux_shell_t *shell, const char *fmt);

/* Call all plugins that handle the topic, in load order.  -1 if one failed. */
int flux_shell_plugstack_call (flux_shell_t *shell,
                               const char *topic,
                               flux_plugin_arg_t *args);

/* A job exception; severity 0 ends the job. */
void flux_shell_raise (const char *type, int severity, const char *fmt, ...);

/* Fatal; the job exits with the wait status of the task that failed (if >= 0). */
void flux_shell_raise_exit_status (int wait_status, const char *fmt, ...);

int flux_shell_rank_info_unpack (flux_shell_t *shell,
                                 int shell_rank,
                                 const char *fmt,
                                 ...);

char *flux_shell_rank_mustache_render (flux_shell_t *shell,
                                       int shell_rank,
                                       const char *fmt);

int flux_shell_remove_completion_ref (flux_shell_t *shell,
                                      const char *fmt,
                                      ...);

/* A request to the same service of another shell of the job. */
flux_future_t *flux_shell_rpc_pack (flux_shell_t *shell,
                                    const char *method,
                                    int shell_rank,
                                    int flags,
                                    const char *fmt,
                                    ...);

/* Handle requests UID-shell-JOBID.METHOD, of the job's and the instance's owner.  The
 * last to register a method has it. */
int flux_shell_service_register (flux_shell_t *shell,
                                 const char *method,
                                 flux_msg_handler_f cb,
                                 void *arg);

/* EEXIST if it is set and overwrite is 0. */
int flux_shell_setenvf (flux_shell_t *shell,
                        int overwrite,
                        const char *name,
                        const char *fmt,
                        ...);

/* json_str NULL unsets. */
int flux_shell_setopt (flux_shell_t *shell,
                       const char *name,
                       const char *json_str);

int flux_shell_setopt_pack (flux_shell_t *shell,
                            const char *name,
                            const char *fmt,
                            ...);

/* Call cb when the task's "stdout", "stderr" or other channel has data.  In task.init;
 * one subscriber a channel (EEXIST). */
int flux_shell_task_channel_subscribe (flux_shell_task_t *task,
                                       const char *channel,
                                       flux_shell_task_io_f cb,
                                       void *arg);

/* To be changed in task.init. */
flux_cmd_t *flux_shell_task_cmd (flux_shell_task_t *task);

flux_shell_task_t *flux_shell_task_first (flux_shell_t *shell);

/* {"localid", "rank", "state"}, and as far as it has got "pid", "wait_status", "exitcode",
 * "signaled". */
int flux_shell_task_get_info (flux_shell_task_t *task, char **json_str);

int flux_shell_task_info_unpack (flux_shell_task_t *task, const char *fmt, ...);

char *flux_shell_task_mustache_render (flux_shell_t *shell,
                                       flux_shell_task_t *task,
                                       const char *fmt);

flux_shell_task_t *flux_shell_task_next (flux_shell_t *shell);

/* From task.fork on. */
flux_subprocess_t *flux_shell_task_subprocess (flux_shell_task_t *task);

/* ENOENT if it is not set. */
int flux_shell_unsetenv (flux_shell_t *shell, const char *name);

/* Logging of a plugin: define FLUX_SHELL_PLUGIN_NAME before including this
 * header.  (flux_shell_log(3)) */
#ifndef FLUX_SHELL_PLUGIN_NAME
#define FLUX_SHELL_PLUGIN_NAME NULL
#endif

#define shell_trace(...)                                               \
    flux_shell_log (FLUX_SHELL_PLUGIN_NAME, FLUX_SHELL_TRACE, __FILE__, \
                    __LINE__, __VA_ARGS__)
#define shell_debug(...)                                               \
    flux_shell_log (FLUX_SHELL_PLUGIN_NAME, FLUX_SHELL_DEBUG, __FILE__, \
                    __LINE__, __VA_ARGS__)
#define shell_log(...)                                                  \
    flux_shell_log (FLUX_SHELL_PLUGIN_NAME, FLUX_SHELL_NOTICE, __FILE__, \
                    __LINE__, __VA_ARGS__)
#define shell_warn(...)                                               \
    flux_shell_log (FLUX_SHELL_PLUGIN_NAME, FLUX_SHELL_WARN, __FILE__, \
                    __LINE__, __VA_ARGS__)
#define shell_log_error(...)                                           \
    flux_shell_log (FLUX_SHELL_PLUGIN_NAME, FLUX_SHELL_ERROR, __FILE__, \
                    __LINE__, __VA_ARGS__)
#define shell_log_errn(errn, ...) \
    flux_shell_err (FLUX_SHELL_PLUGIN_NAME, __FILE__, __LINE__, errn, __VA_ARGS__)
#define shell_log_errno(...) \
    flux_shell_err (FLUX_SHELL_PLUGIN_NAME, __FILE__, __LINE__, errno, __VA_ARGS__)
#define shell_die(code, ...) \
    flux_shell_fatal (FLUX_SHELL_PLUGIN_NAME, __FILE__, __LINE__, 0, code, __VA_ARGS__)
#define shell_die_errno(code, ...)                                           \
    flux_shell_fatal (FLUX_SHELL_PLUGIN_NAME, __FILE__, __LINE__, errno, code, \
                      __VA_ARGS__)
#define shell_set_verbose(n) flux_shell_log_setlevel (FLUX_SHELL_NOTICE + (n), NULL)
#define shell_set_quiet(n) flux_shell_log_setlevel (FLUX_SHELL_NOTICE - (n), NULL)

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_SHELL_H */
