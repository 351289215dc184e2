/* info_private.h - within info.c and watch.c
 */
#ifndef JOB_INFO_PRIVATE_H
#define JOB_INFO_PRIVATE_H

#include "base/hash.h"
#include "modules/job/info.h"
#include "modules/job/mgr.h"

struct info {
    flux_t *h;
    struct jobtab *t;
    flux_msg_handler_t **handlers;
    struct list_node lookups;
    struct list_node watchers;     /* struct watcher: eventlogs */
    struct idhash *by_tag;         /* matchtag -> the first watcher that has it */
    struct list_node updates;      /* struct update_watch: jobspec, R */
    bool no_freeze;                /* the KVS does not know kvs.freeze */
    bool freeze_asked;
    flux_future_t *f_freeze;
};

/* Answers, held as all answers of the job part; info_answer() takes o. */
void info_answer (struct info *in, const flux_msg_t *msg, json_t *o);
void info_error (struct info *in, const flux_msg_t *msg, int errnum, const char *text);
/* The job, if the sender may see it; NULL: an error was sent. */
struct job *info_request_job (struct info *in, const flux_msg_t *msg, json_int_t id);

void eventlog_watch_disconnect (struct info *in, const flux_msg_t *msg);
void eventlog_watch_stop (struct info *in);
mgr_handler eventlog_watch_cb, eventlog_watch_cancel_cb, update_lookup_cb, update_watch_cb,
            update_watch_cancel_cb;

#endif /* !JOB_INFO_PRIVATE_H */
