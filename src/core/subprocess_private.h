/* subprocess_private.h - the inside of a flux_subprocess_t
 *
 * subprocess.c         state, callbacks, the life of the object
 * subprocess_io.c      streams: buffers, and when the user's callbacks run
 * subprocess_local.c   a child of this process: pipes, pidfd
 * subprocess_fork.c    the slow way to start one, for hooks
 * subprocess_msgchan.c message channels of a local child
 * subprocess_remote.c  one that a server runs for us (RFC 42)
 *
 * A local and a remote process differ in struct sp_method; everything the user
 * sees goes through the same few functions below.
 */
#ifndef CORE_SUBPROCESS_PRIVATE_H
#define CORE_SUBPROCESS_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <flux/core.h>

#include "base/list.h"
#include "core/aux.h"
#include "core/due.h"
#include "core/iobuf.h"

#define SP_BUFSIZE_DEFAULT (4 * 1024 * 1024)

/* Flags beyond the public ones, for callers within core and the broker. */
#define SP_FLAG_STDIN_NULL (1 << 24)    /* local: stdin is /dev/null */
#define SP_FLAG_CHANNEL_OUT (1 << 25)   /* attach: forward auxiliary channels */
#define SP_FLAG_NO_STOPPED (1 << 26)    /* local: do not look for state STOPPED */

/* See sp_local_exec (). */
struct sp_stdio {
    int fd[3];
    bool terminal;
};
#define SP_STDIO_INIT { .fd = { -1, -1, -1 }, .terminal = false }

struct sp_channel {
    struct list_node node;
    flux_subprocess_t *p;
    char *name;
    flux_subprocess_output_f output_f; /* NULL: nothing is read */
    bool aux;             /* not stdin, stdout, stderr */
    bool writable;        /* data may go to the process */

    /* from the process */
    struct iobuf out;
    bool line_buffered;
    bool stopped;         /* flux_subprocess_stream_stop() */
    bool eof;             /* the process's end is closed */
    bool eof_told;        /* ... and the callback has been made for it */
    bool paused;          /* local: buffer full, not reading */
    int refs;             /* flux_subprocess_channel_incref() */
    const char *lent;     /* remote, unbuffered: data of the current message */
    size_t lent_len;

    /* to the process */
    struct iobuf in;
    bool closing;         /* flux_subprocess_close(): EOF once 'in' is empty */
    bool closed;          /* nothing more can be written */
    int credit;           /* to be told to on_credit */

    /* local */
    int fd;
    flux_watcher_t *out_w;
    flux_watcher_t *in_w;
};

struct sp_method {
    /* 0 or a negative errno */
    int (*write) (flux_subprocess_t *p, struct sp_channel *ch,
                  const char *buf, size_t len);
    int (*close) (flux_subprocess_t *p, struct sp_channel *ch);
    flux_future_t *(*kill) (flux_subprocess_t *p, int signum);
    void (*flow) (struct sp_channel *ch);  /* stopped or paused has changed */
    void (*quit) (flux_subprocess_t *p);   /* user destroyed it: no more events */
    void (*free) (flux_subprocess_t *p);
};

struct flux_subprocess {
    int refcount;
    flux_reactor_t *reactor;
    flux_t *h;              /* remote only */
    flux_cmd_t *cmd;
    int flags;
    flux_subprocess_ops_t ops;
    flux_subprocess_hooks_t hooks;
    struct sp_stdio stdio;  /* local */
    subprocess_log_f log_fn;
    void *log_data;
    struct aux_item *aux;
    struct list_node channels;
    const struct sp_method *method;
    void *impl;
    struct due due;         /* callbacks to be made from the reactor */
    flux_subprocess_state_t state;
    bool running_told;      /* on_state_change (RUNNING) has been made */
    bool dead;              /* user destroyed it: no callbacks */
    bool completed;
    pid_t pid;
    int rank;               /* -1: local */
    int status;
    int fail_errno;
    flux_error_t fail_error;
};

/* subprocess.c */
flux_subprocess_t *sp_create (flux_reactor_t *r, int flags,
                              const flux_cmd_t *cmd,
                              const flux_subprocess_ops_t *ops);
flux_subprocess_t *sp_incref (flux_subprocess_t *p);
void sp_decref (flux_subprocess_t *p);
/* Enter a state and tell the user.  RUNNING is told from the reactor, because
 * the user does not have 'p' yet. */
void sp_set_running (flux_subprocess_t *p, pid_t pid);
void sp_set_stopped (flux_subprocess_t *p, bool stopped);
void sp_set_exited (flux_subprocess_t *p, int status);
void sp_set_failed (flux_subprocess_t *p, int errnum, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));
/* Make on_completion if all is done. */
void sp_check_completed (flux_subprocess_t *p);
/* Call sp_run_due() from the reactor. */
void sp_kick (flux_subprocess_t *p);
void sp_log (flux_subprocess_t *p, int level, const char *fmt, ...)
    __attribute__ ((format (printf, 3, 4)));

/* subprocess_io.c */
struct sp_channel *sp_channel_new (flux_subprocess_t *p, const char *name,
                                   flux_subprocess_output_f output_f,
                                   bool writable);
void sp_channel_free (struct sp_channel *ch);
struct sp_channel *sp_channel_find (flux_subprocess_t *p, const char *name);
/* Make the channels that stdio, ops and the command call for.  0 or errno. */
int sp_channels_create (flux_subprocess_t *p, bool with_stdin,
                        bool with_stdout, bool with_stderr);
/* Data or EOF has been added: make output callbacks.  'p' may be dead after. */
void sp_channel_deliver (struct sp_channel *ch);
/* Add credit, to be told from the reactor. */
void sp_channel_credit (struct sp_channel *ch, int bytes);
/* True when no output of any channel is outstanding. */
bool sp_channels_done (flux_subprocess_t *p);
/* Tell credits, and deliver what stream_start released. */
void sp_channels_run_due (flux_subprocess_t *p);

/* subprocess_fork.c: like spawn_child(), with p->hooks.  Env and argv are those
 * of p->cmd after the pre_exec hook. */
struct spawn_args;
pid_t sp_fork_child (flux_subprocess_t *p, const struct spawn_args *args,
                     flux_error_t *err);

/* subprocess_msgchan.c */
struct sp_msgchan;
/* Connect a new socketpair to 'uri'; *child_fd is the process's end.  NULL with
 * errno and err->text. */
struct sp_msgchan *sp_msgchan_new (flux_reactor_t *r, const char *uri,
                                   int *child_fd, flux_error_t *err);
void sp_msgchan_free (struct sp_msgchan *mc);

/* subprocess_local.c: flux_local_exec_ex() for the job shell.  A stdio.fd that is not -1
 * is the process's stdin, stdout or stderr as it is; it stays the caller's, and
 * there is no stream for it.  'terminal': a new session, of which fd[1] is the
 * controlling terminal. */
flux_subprocess_t *sp_local_exec (flux_reactor_t *r, int flags, const flux_cmd_t *cmd,
                                  const flux_subprocess_ops_t *ops,
                                  const flux_subprocess_hooks_t *hooks,
                                  const struct sp_stdio *stdio,
                                  subprocess_log_f log_fn, void *log_data);
bool sp_has_stream (flux_subprocess_t *p, const char *stream);
/* As flux_subprocess_getline(), but all whole lines that there are. */
int sp_read_lines (flux_subprocess_t *p, const char *stream, const char **bufp);

/* subprocess_sigchld.c: children that stop.  'fn' is called from the reactor
 * after some child of this process may have stopped or continued. */
struct sp_stopwatch;
struct sp_stopwatch *sp_stopwatch_new (flux_reactor_t *r, void (*fn) (void *arg),
                                       void *arg);
void sp_stopwatch_free (struct sp_stopwatch *w);

#endif /* !CORE_SUBPROCESS_PRIVATE_H */
