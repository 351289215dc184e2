/* internal.h - the job shell's own view of itself
 *
 * Built-in plugins are ordinary shell plugins: they use <flux/shell.h>.  They
 * include this header only for what the public interface has no call for:
 * the decoded jobspec and R, appending to the job's eventlogs in the KVS, and the
 * table of built-ins.
 *
 * A shell is a process with one thread.  struct flux_shell is made by main.c and
 * handed to every part; the only global is the pointer that the public logging
 * calls need, as they take no handle.
 */
#ifndef SHELL_INTERNAL_H
#define SHELL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <jansson.h>
#include <flux/core.h>
#include <flux/shell.h>

#include "base/list.h"
#include "core/subprocess_private.h"

struct aux_item;
struct hash;
struct hostlist;
struct idset;
struct jobspec;
struct rset;
struct taskmap;
struct kvslog;
struct plugstack;
struct pty;

/* One shell of the job, in order of shell rank (the order of ranks in R). */
struct shell_node {
    uint32_t broker_rank;
    char *host;
    const struct idset *cores;   /* borrowed from R; may be NULL */
    const struct idset *gpus;
    int ncores;
    int ngpus;
    int nslots;
};

struct shell_info {
    flux_jobid_t jobid;
    char idf58[32];              /* "f..." where the job's environment wants that */
    uint32_t userid;
    uint32_t broker_rank;
    int shell_rank;
    int nshells;
    struct jobspec *jobspec;
    struct rset *R;
    json_t *R_json;
    struct shell_node *nodes;    /* nshells of them */
    struct hostlist *hostlist;
    struct taskmap *taskmap;
    int total_ntasks;
    int ntasks;                  /* local */
};

/* From FLUX_SHELL_INFO_FD, or looked up (job-info.lookup).  0 or negative errno
 * with err->text. */
int shell_info_init (struct shell_info *info, flux_t *h, flux_jobid_t id, flux_error_t *err);
/* Deal tasks to nodes: block map from slots, or per-resource.  Called after the
 * options are final.  'scheme' plugins may replace it afterwards. */
int shell_info_map_tasks (struct shell_info *info, const json_t *per_resource,
                          flux_error_t *err);
int shell_info_set_taskmap (struct shell_info *info, struct taskmap *map); /* takes it */
void shell_info_release (struct shell_info *info);

struct shell_task {
    struct list_node node;
    flux_shell_t *shell;
    int rank;                    /* global */
    int localid;
    flux_cmd_t *cmd;
    flux_subprocess_t *proc;
    struct hash *subscribers;    /* channel -> struct task_subscriber */
    bool exited;
    bool done;                   /* exited, and all its output is read */
    int wait_status;             /* -1 until it exited */
    json_t *info;                /* what plugins unpacked last, or NULL */
    struct sp_stdio stdio;       /* descriptors that are closed once it has started */
    void (*credit_cb) (struct shell_task *task, void *arg);   /* stdin has room */
    void *credit_arg;
    struct pty *pty;             /* its terminal, or NULL */
};

/* Requests that fail because a broker was lost (svc.c); zero at first, and after success. */
struct shell_retry {
    double since;                /* time of the first failure */
    double absent;               /* ... of the first of those that found no shell there */
};

struct flux_shell {
    flux_t *h;
    flux_reactor_t *r;
    struct shell_info info;
    json_t *options;             /* attributes.system.shell.options, ours to change */
    json_t *unclaimed;           /* those of it that nobody knows yet, or NULL */
    json_t *env;                 /* environment of the tasks, ours to change */
    struct plugstack *plugstack;
    struct kvslog *kvslog;
    struct aux_item *aux;
    struct list_node tasks;
    struct list_node *task_iter;
    struct shell_task *current_task;
    int tasks_running;           /* not yet done */
    struct hash *refs;           /* completion references, name -> count */
    int refcount;
    json_t *event_context;       /* event name -> object */
    char *service;               /* "<userid>-shell-<jobid>" */
    struct list_node methods;
    struct list_node answers;    /* not there yet */
    int rc;                      /* exit code of the shell */
    int verbose;
    bool reconnect;              /* outlive the broker */
    double patience;             /* ... until another takes it over, seconds; 0: any time */
    int reconnects;              /* so far */
    pid_t ppid;                  /* of the broker that has started it */
    struct shell_retry start_retry;
    bool met;                    /* all shells of the job have: see may_reconnect() */
    bool looked_up;              /* the job was: not handed over by the execution service */
    bool started;                /* tasks may be running */
    int signaled;                /* a signal that came before that */
    bool killed;                 /* tasks were told to end */
    bool exception_raised;
    const char *broker_uri;
};

/* Built-in plugins: 'wanted' (NULL: always) says if this job needs it. */
struct shell_builtin {
    const char *name;
    bool (*wanted) (flux_shell_t *shell);
    const struct flux_plugin_handler *handlers;  /* ends with topic NULL */
};
extern const struct shell_builtin *const shell_builtins[];   /* ends with NULL */

/* plugstack.c */
struct plugstack *plugstack_new (flux_shell_t *shell);
void plugstack_free (struct plugstack *ps);
/* Those that the job needs, below what is there; one that a plugin of its name has
 * replaced is left out.  The initrc comes before: it may set options. */
int plugstack_load_builtins (struct plugstack *ps);
/* A plugin without handlers, for this shell. */
flux_plugin_t *plugstack_new_plugin (struct plugstack *ps);
/* Takes the plugin; one of the same name before it goes. */
int plugstack_push (struct plugstack *ps, flux_plugin_t *p);
int plugstack_call (struct plugstack *ps, const char *topic, flux_plugin_arg_t *args);
bool plugstack_has (struct plugstack *ps, const char *name);
bool plugstack_handles (struct plugstack *ps, const char *topic);
/* Load every file that the glob matches along the search path. */
int plugstack_load (struct plugstack *ps, const char *pattern, const char *conf_json,
                    const char *searchpath, flux_error_t *err);

/* task.c */
int shell_tasks_create (flux_shell_t *shell, flux_error_t *err);
int shell_task_prepare (struct shell_task *task);
int shell_task_start (struct shell_task *task, flux_error_t *err);
void shell_task_free (struct shell_task *task);

/* main.c: called as a task's process ends, and when its output has been read */
void shell_task_exited (struct shell_task *task);
void shell_task_done (struct shell_task *task);

/* orphan.c: end with the broker, or not; before tasks are started */
int shell_orphan_init (flux_shell_t *shell);
/* Last of all: a broker that is not the parent is told the exit code. */
void shell_goodbye (flux_shell_t *shell);

/* svc.c */
int shell_svc_init (flux_shell_t *shell);
/* Register it, and subscribe to what there are handlers for: at first, and with a new
 * broker. */
int shell_svc_register (flux_shell_t *shell);
/* A request whose payload is text, not JSON. */
flux_future_t *shell_rpc (flux_shell_t *shell, const char *method, int shell_rank, const char *s);
/* A request has failed: is it to be sent again a little later, as a broker was lost and the
 * job may be taken over? */
bool shell_may_retry (flux_shell_t *shell, struct shell_retry *retry, int errnum);
/* Let another shell know, by a request whose answer matters to nobody; 'args' is taken.
 * In a job that may be taken over it is repeated until it has come, so the method's
 * handler must not mind, and answer (shell_got_told ()). */
void shell_tell (flux_shell_t *shell, const char *method, int shell_rank, json_t *args);
void shell_got_told (flux_t *h, const flux_msg_t *msg);
/* flux_future_then(), for an answer that the shell may end without. */
int shell_then (flux_shell_t *shell, flux_future_t *f, flux_continuation_f cb, void *arg);

/* kvslog.c: lines for eventlogs in the job's guest namespace, gathered into one
 * commit.  'key' is "exec.eventlog", "output" or "input"; 'line' ends with a
 * newline and is copied; it is committed within 'delay' seconds. */
struct kvslog *kvslog_new (flux_shell_t *shell);
void kvslog_free (struct kvslog *kl);
int kvslog_append (struct kvslog *kl, const char *key, const char *line, double delay);
size_t kvslog_pending (const struct kvslog *kl);        /* bytes not yet answered */
/* Call 'cb' once when what is pending falls below 'bytes'. */
int kvslog_on_drain (struct kvslog *kl, size_t bytes, void (*cb) (void *arg), void *arg);
/* Commit what there is now (no wait). */
int kvslog_flush (struct kvslog *kl);
/* Commit and wait; at exit only.  Negative errno if a commit failed. */
int kvslog_sync (struct kvslog *kl, flux_error_t *err);

/* Post "shell.NAME" to exec.eventlog; 'context' is taken, may be NULL. */
int shell_event (flux_shell_t *shell, const char *name, json_t *context);

/* initrc.c: a broker attribute that the execution service passes on in the environment; of a
 * shell that has looked up its job itself it is asked for.  NULL: it has no value. */
const char *shell_broker_attr (flux_shell_t *shell, const char *env, const char *attr);

/* debug.c: the method "proctable" */
int shell_proctable_init (flux_shell_t *shell);

/* oom.c: find the cgroup's counter, once for this process and its copies. */
void shell_oom_warm_up (void);

/* log.c */
/* Messages are kept until shell_log_start (), when there is a plugin to take them. */
void shell_log_init (flux_shell_t *shell);
void shell_log_start (flux_shell_t *shell);
void shell_log_fini (void);
unsigned int shell_log_errors (void);   /* number of error messages so far */

/* pmi.c: a task has asked for the end of the job, with this exit code. */
void shell_raise_abort (int rank, int exit_code, const char *msg);

/* pty.c: type at the terminal; 0, or -1 with errno (ENOSPC: there is a credit_cb call
 * to come).  Hold back its output. */
int shell_pty_write (struct pty *pty, const char *data, size_t len);
void shell_pty_eof (struct pty *pty);
void shell_pty_hold (struct pty *pty, bool hold);

/* output.c: output of a local task that does not come from its pipes. */
void shell_output_put (flux_shell_t *shell, const char *stream, int rank, const char *data,
                       size_t len, bool eof);
/* Leader: the event that ends the output eventlog, after all messages. */
void shell_output_end (flux_shell_t *shell);

/* The option as it is, borrowed; "pty.ranks" walks into objects.  NULL: unset. */
const json_t *shell_option (flux_shell_t *shell, const char *path);
/* It is there, and neither false nor 0. */
bool shell_option_true (flux_shell_t *shell, const char *path);
/* A duration: seconds, or text as 1.5s.  Unset leaves *valp.  0 or -EINVAL. */
int shell_option_duration (flux_shell_t *shell, const char *path, double *valp);

/* options.c: the option pmi lists this name (unset, it is "simple"). */
bool shell_pmi_wanted (flux_shell_t *shell, const char *name);
/* Values that nobody will look at end the shell. */
void shell_options_check (flux_shell_t *shell);
/* Which options are of no built-in plugin?  0 or -ENOMEM.  Then a plugin or script asks for
 * this one, or for all; the leader names those that are left. */
int shell_options_init (flux_shell_t *shell);
void shell_option_claim (flux_shell_t *shell, const char *path);
void shell_options_claim_all (flux_shell_t *shell);
void shell_options_warn (flux_shell_t *shell);

/* A size option: bytes, or a number with k, K, M or G.  0, -EINVAL, or -ERANGE if
 * it is over 'max'. */
int shell_parse_size (const json_t *o, size_t max, size_t *valp);

#endif /* !SHELL_INTERNAL_H */
