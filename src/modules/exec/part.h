/* part.h - what one broker does for a job: its shell, and the brokers below
 *
 *                 job (rank 0)
 *                  │ launch, signal, release      ▲ updates
 *                 part on rank 0 ── shell         │ (merged on the way)
 *        launch ┌──┴──┐ one message a child       │
 *              part  part ── shell                │
 *              ...   ...
 *
 * A part lives from the launch until all shells below it have ended and this has
 * been told.  It outlives the service: when job-exec is removed the parts stay,
 * with their shells, and wait for it to come back.
 */
#ifndef EXEC_PART_H
#define EXEC_PART_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

#include "base/list.h"
#include "core/due.h"
#include "modules/exec/update.h"

struct idset;
struct execstate;
struct jobexec;
struct parts;
struct reap;
struct shell;

struct part {
    struct parts *parts;
    uint64_t id;
    uint32_t userid;
    char tag[64];             /* what its processes carry, see reap.h */
    char own_tag[80];         /* of its processes under this broker: others may be on
                               * this host too */
    char *jobid;              /* f58, for messages */
    /* who is told: on rank 0 a function, else the sender of a request */
    void (*up_fn) (struct update *u, void *arg);
    void *up_arg;
    const flux_msg_t *req;

    struct shell *shell;
    double reconnect;         /* seconds that its shells look for a broker that has gone */
    bool recoverable;         /* ... and it can be taken over: all have started */
    bool recovered;           /* it was launched by a broker that is gone */
    bool awaited;             /* ... and the shell here has not announced itself */
    double give_up;           /* the time to stop waiting for it */
    struct list_node asks;    /* requests for it that it has not got yet */
    flux_watcher_t *asks_w;
    flux_watcher_t *await_w;
    struct reap *reap;        /* of what a killed shell has left */
    int wait_status;          /* ... of that shell */
    bool is_local;            /* the job has a shell here */
    uint32_t rank;            /* of this broker */
    size_t logged;            /* bytes the shell has written */
    uint32_t leader;          /* lowest rank of the job */
    struct list_node branches;
    struct idset *ranks;      /* of the job, here and below */
    struct idset *unstarted;
    struct idset *active;     /* not ended, lost or failed */
    struct update all;        /* what has been told, for one who comes later */
    struct update up;         /* what has not */
    struct due due;
    flux_watcher_t *gather_w; /* runs while 'up' waits for more */
    struct list_node barriers;
    bool barrier_passed;      /* all shells have met once */
};

/* The parts of this broker. */
struct parts *parts_new (void);
void parts_free (struct parts *ps);
/* The service has started, or (NULL) is about to stop. */
int parts_attach (struct parts *ps, struct jobexec *ctx);
/* Rank 0: open the state, if it is not open yet; see state.h. */
int parts_open_state (struct parts *ps, const char *statedir, const char *uri,
                      flux_error_t *err);
struct execstate *parts_state (struct parts *ps);
struct jobexec *parts_context (struct parts *ps);
struct part *parts_get (struct parts *ps, uint64_t id);
size_t parts_count (const struct parts *ps);
/* The sender of 'msg' has gone. */
void parts_disconnect (struct parts *ps, const flux_msg_t *msg);

/* Rank 0: launch the shells of a job.  'text' is the start request (JSON; for a
 * guest with key "J"), 'jobspec' that key of it.  'reconnect': seconds that a shell
 * may outlive its broker, or 0.  'fn' is called from the reactor, also for what could
 * not be started.  NULL with errno. */
struct part *part_launch (struct parts *ps, uint64_t id, uint32_t userid,
                          const struct idset *ranks, const char *text,
                          const json_t *jobspec, const char *J, double reconnect,
                          void (*fn) (struct update *u, void *arg), void *arg);
/* Rank 0: the shells on 'ranks' were launched before this broker was started.  Those
 * that are taken over are told as started; one that is dead as failed with ESRCH, when
 * no process of it is left; one whose broker does not return as lost. */
struct part *part_recover (struct parts *ps, uint64_t id, uint32_t userid, uint32_t leader,
                           const struct idset *ranks, double reconnect,
                           void (*fn) (struct update *u, void *arg), void *arg);
/* Rank 0: take over a part whose job is new to us; all that has happened is
 * told again. */
int part_adopt (struct part *part, void (*fn) (struct update *u, void *arg),
                void *arg);
/* Rank 0: nobody listens any more.  With shells that run it stays. */
void part_release (struct part *part);

/* Other ranks: requests from the broker above. */
void part_launch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg);
void part_signal_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                     void *arg);

/* Requests of shells of the instance owner, each to its own broker */
void part_reattach_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg);
void part_goodbye_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                      void *arg);

/* Signal the tasks of all shells, or (kill) the shells themselves. */
void part_signal (struct part *part, int signum, bool kill);

/* Request METHOD of all shells that run; 'args' is JSON text.  No response. */
void part_ask_shells (struct part *part, const char *method, const char *args);
void part_ask_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);

/* For barrier.c: 'up' has something in it. */
void part_tell (struct part *part, bool now);
/* Send to each broker below that still has shells; no response. */
void part_send_down (struct part *part, const char *topic, const char *text);

/* barrier.c */
#define BARRIER_START "start"   /* the last one that shells pass */
void barrier_enter_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                       void *arg);
void barrier_release_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                         void *arg);
/* What a broker below says in the "barrier" object of an update. */
void barriers_merge (struct part *part, json_t *o);
/* Rank 0: let the shells that wait go on, or (errnum) fail. */
void barrier_release (struct part *part, const char *name, int errnum,
                      const char *errstr);
/* Add those that are not complete to part->up, for one who comes later. */
void barriers_retell (struct part *part);
void barriers_disconnect (struct part *part, const flux_msg_t *msg);
void barriers_free (struct part *part);

#endif /* !EXEC_PART_H */
