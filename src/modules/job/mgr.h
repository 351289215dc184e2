/* mgr.h - the job manager: its parts, and how an event moves a job
 *
 *   event_post ──► log + state machine (spec/jobstate.h) ──► plugins
 *                                   │ actions
 *       DEPEND: depend?   PRIORITY: priority?   SCHED: alloc.c
 *       RUN: start.c      CLEANUP: alloc.c/start.c cancel, free, clean
 *
 * The parts know one another only through the functions below; each has its
 * own file of the same name.  "Posting" an event applies it at once if the job
 * is idle, else when the event under way is done with
 * (flux-jobtap-plugins(7), event processing model).
 */
#ifndef JOB_MGR_H
#define JOB_MGR_H

#include <flux/core.h>

#include "core/job_sign.h"
#include "modules/job/turn.h"
#include "modules/job/table.h"

struct alloc;
struct start;
struct tap;
struct waits;
struct queues;
struct journal;
struct purge;
struct drains;
struct restart;
struct records;
struct updates;
struct extensions;
struct housekeeping;
struct idset;

struct mgr {
    flux_t *h;
    struct jobtab *t;
    struct turn *turn;
    struct tap *tap;
    struct alloc *alloc;
    struct start *start;
    struct waits *waits;
    struct queues *queues;
    struct journal *journal;
    struct purge *purge;
    struct drains *drains;
    struct updates *updates;
    struct extensions *extensions;
    struct housekeeping *housekeeping;
    struct records *records;
    uint32_t owner;             /* userid of the instance owner */
    struct job_sign_conf sign;  /* how jobs may be signed */
    flux_msg_handler_t **handlers;
    flux_msg_handler_t **responses;
    struct restart *restart;    /* reading of the KVS under way, or NULL */
    bool ready;                 /* jobs of an earlier run are in the table */
};

/* The request handlers of all parts are in one table (mgr.c). */
typedef void mgr_handler (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg,
                          void *arg);

/* ---- event.c ---- */

/* Post an event; takes 'context' (may be NULL).  0, or a negative errno with
 * err->text if the job cannot take it now (also -ENOMEM). */
int event_post (struct mgr *m, struct job *job, const char *name, json_t *context,
                flux_error_t *err);
/* The same with a jansson format for the context. */
int event_post_pack (struct mgr *m, struct job *job, const char *name,
                     const char *fmt, ...);
int event_post_vpack (struct mgr *m, struct job *job, const char *name,
                      flux_error_t *err, const char *fmt, va_list ap);
/* Replay an entry from the KVS: state only, nothing is done about it. */
int event_replay (struct jobtab *tab, struct job *job, const json_t *entry,
                  flux_error_t *err);
/* Of a job with the flag debug: an event that changes nothing, "debug." and this. */
void event_debug (struct mgr *m, struct job *job, const char *name);
bool event_posted (const struct job *job, const char *name);
/* Do what the job's state calls for (after a restart, or when a plugin or
 * service that was missing is there). */
void event_resume (struct mgr *m, struct job *job);
/* Send the start request of a job that waits for an execution service. */
void event_restart (struct mgr *m, struct job *job);
/* Post clean if nothing keeps the job in CLEANUP. */
void event_check_clean (struct mgr *m, struct job *job);
void event_raise (struct mgr *m, struct job *job, const char *type, int severity,
                  uint32_t userid, const char *fmt, ...)
    __attribute__ ((format (printf, 6, 7)));
/* Compute and post the priority again. */
void event_reprioritize (struct mgr *m, struct job *job);

/* ---- answers, held until what they follow from is recorded ---- */
void mgr_respond (struct mgr *m, const flux_msg_t *msg, json_t *payload); /* takes */
void mgr_respond_text (struct mgr *m, const flux_msg_t *msg, const char *text);
void mgr_respond_error (struct mgr *m, const flux_msg_t *msg, int errnum, const char *fmt, ...)
    __attribute__ ((format (printf, 4, 5)));
/* Look up the job of a request {"id":...} and check that the sender may act on
 * it (owner, or the user's own job).  NULL: an error was sent. */
struct job *mgr_request_job (struct mgr *m, const flux_msg_t *msg, bool active);
/* Owner or admin? */
bool mgr_request_privileged (const flux_msg_t *msg);

/* ---- mgr.c ---- */
int mgr_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err);
void mgr_stop (void *ctx);
/* All jobs are in the table: start working. */
void mgr_set_ready (struct mgr *m);
/* Take the job out of all parts and the table. */
void mgr_forget_job (struct mgr *m, struct job *job);

/* ---- submit.c: job-ingest ---- */
/* The resources or the scheduler changed: ask again what can be satisfied. */
void feasibility_changed (struct jobtab *t);
/* Requests that came before the table was read can go on. */
void ingest_ready (struct jobtab *t);
int ingest_start (flux_t *h, int argc, char **argv, void **ctxp, flux_error_t *err);
void ingest_stop (void *ctx);

/* ---- restart.c ---- */
int restart_begin (struct mgr *m, flux_error_t *err);
void restart_end (struct mgr *m);

/* ---- alloc.c: the scheduler (RFC 27) ---- */
struct alloc *alloc_new (struct mgr *m);
void alloc_free (struct alloc *a);
void alloc_enqueue (struct mgr *m, struct job *job);   /* state SCHED, committed */
void alloc_cancel (struct mgr *m, struct job *job);    /* not wanted any more */
void alloc_reprioritized (struct mgr *m, struct job *job);
/* Around a change of the priority: off its queue (true if it was on one), and
 * back. */
bool alloc_unlink (struct mgr *m, struct job *job);
void alloc_link (struct mgr *m, struct job *job);
void alloc_send_free (struct mgr *m, struct job *job); /* all that is left of R */
void alloc_send_free_ranks (struct mgr *m, struct job *job, const struct idset *ranks);
void alloc_send_free_rset (struct mgr *m, flux_jobid_t id, const struct rset *r, bool final);
bool alloc_partial (const struct mgr *m);   /* the scheduler takes a part of R back */
/* One answer to sched-hello, when what it tells is in the KVS; freed: ranks, or NULL. */
void alloc_tell_hello (struct mgr *m, const flux_msg_t *msg, flux_jobid_t id, int64_t priority,
                       uint32_t userid, double t_submit, const char *freed);
void alloc_queues_changed (struct mgr *m);
void alloc_disconnect (struct mgr *m, const flux_msg_t *msg);
bool alloc_ready (const struct mgr *m);
int alloc_outstanding (const struct mgr *m);
flux_future_t *alloc_expiration (struct mgr *m, struct job *job, double expiration);
mgr_handler alloc_hello_cb, alloc_ready_cb, alloc_query_cb, alloc_response_cb,
            free_response_cb;

/* ---- start.c: the execution service (RFC 32) ---- */
struct start *start_new (struct mgr *m);
void start_free (struct start *s);
void start_send (struct mgr *m, struct job *job);      /* state RUN */
void start_cancel (struct mgr *m, struct job *job);
void start_disconnect (struct mgr *m, const flux_msg_t *msg);
const char *start_service (const struct mgr *m);        /* or NULL */
mgr_handler start_hello_cb;

/* ---- housekeeping.c (housekeeping.h) ---- */
mgr_handler housekeeping_kill_cb;

/* ---- wait.c ---- */
struct waits *waits_new (struct mgr *m);
void waits_free (struct waits *w);
void waits_inactive (struct mgr *m, struct job *job);
void waits_disconnect (struct mgr *m, const flux_msg_t *msg);
mgr_handler wait_cb;

/* ---- queues.c ---- */
struct queues *jobqueues_new (struct mgr *m);
void jobqueues_free (struct queues *q);
int queues_configure (struct mgr *m, const flux_conf_t *conf, flux_error_t *err);
/* Is scheduling started for the job's queue? */
bool queues_started (struct mgr *m, const struct job *job);
/* 0, or -EINVAL with err->text: no such queue, or submission is disabled. */
int queues_check_submit (struct mgr *m, const char *queue, uint32_t userid,
                         flux_error_t *err);
bool queues_named (const struct mgr *m);
/* The table of a queue in the configuration, merged with its parent's and the
 * general policy by lookup; NULL if it says nothing.  Borrowed. */
const json_t *queues_policy (struct mgr *m, const char *queue, const char *path);
/* Does the general policy or that of any queue have this path? */
bool queues_any_policy (struct mgr *m, const char *path);
/* Properties that its jobs require; and the name of the queue whose membership
 * property ("+NAME") they require; NULL if none. */
const json_t *queues_constraint (struct mgr *m, const char *queue);
const char *queues_membership (struct mgr *m, const char *queue);
const char *queues_default (struct mgr *m);
/* An array of names, and of the virtual queues of those that have some: a new
 * reference, or NULL. */
json_t *queues_with_virtual (struct mgr *m, const json_t *names);
/* The constraints of a job that moves from one queue to another in *newp (a new
 * reference), NULL if they stay as they are.  0 or a negative errno. */
int queues_move_constraints (struct mgr *m, const char *from, const char *to,
                             const json_t *constraints, json_t **newp);
/* Add what the queue requires to attributes.system.  0 or -ENOMEM. */
int queues_add_constraints (struct mgr *m, const char *queue, json_t *sys);
/* Give back what the checkpoint has (may be NULL); stop all if 'stop'. */
int queues_restore (struct mgr *m, const json_t *o, bool stop);
#define QUEUES_CHECKPOINT_KEY "checkpoint.job-manager.queues"
mgr_handler queue_list_cb, queue_status_cb, queue_enable_cb, queue_start_cb;

/* ---- journal.c ---- */
struct journal *journal_new (struct mgr *m);
void journal_free (struct journal *j);
void journal_entries (struct mgr *m, struct job *job, const char *lines, size_t len);
void journal_annotations (struct mgr *m, struct job *job);
bool journal_followed (const struct mgr *m);            /* someone listens */
void journal_disconnect (struct mgr *m, const flux_msg_t *msg);
mgr_handler journal_cb, journal_cancel_cb;

/* ---- purge.c ---- */
struct purge *purge_new (struct mgr *m);
void purge_free (struct purge *p);
int purge_configure (struct mgr *m, const flux_conf_t *conf, flux_error_t *err);
void purge_inactive (struct mgr *m);    /* a job became inactive */
mgr_handler purge_cb;
#define PURGE_CHECKPOINT_KEY "checkpoint.job-manager.max_jobid"

/* ---- drain.c ---- */
struct drains *drains_new (struct mgr *m);
void drains_free (struct drains *d);
void drains_check (struct mgr *m);
void drains_disconnect (struct mgr *m, const flux_msg_t *msg);
mgr_handler drain_cb, idle_cb;

/* ---- requests.c ---- */
mgr_handler raise_cb, raiseall_cb, kill_cb, killall_cb, urgency_cb, memo_cb, getattr_cb,
            getinfo_cb;
int annotations_update (struct job *job, const json_t *update);

/* ---- update.c ---- */
struct updates *updates_new (struct mgr *m);
void updates_free (struct updates *u);
mgr_handler update_cb;
/* Is the update that plugins are being asked about the instance owner's? */
bool update_by_owner (const struct mgr *m);
/* Tell the execution service the new expiration of a job; it enforces the limit. */
void update_exec_expiration (struct mgr *m, struct job *job);

/* ---- extend.c ---- */
struct extensions *extensions_new (struct mgr *m);
void extensions_free (struct extensions *x);

#endif /* !JOB_MGR_H */
