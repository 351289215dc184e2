/* part_private.h - what the files of a part see of each other
 *
 *   part.c        the table of parts, telling, requests of the broker above
 *   branch.c      the brokers below
 *   part_shell.c  the shell here, started or taken over
 */
#ifndef EXEC_PART_PRIVATE_H
#define EXEC_PART_PRIVATE_H

#include "modules/exec/part.h"

/* A broker that was lost is looked for this much longer than its shells wait for it:
 * then what it had must have ended. */
#define RETURN_MARGIN 3.

struct parts {
    struct jobexec *ctx;      /* NULL while the service is removed */
    struct idhash *by_id;
    struct execstate *state;  /* rank 0 */
    struct list_node announced; /* shells of which rank 0 has not told us yet */
};

/* A broker below, and the job's ranks that are reached through it. */
struct branch {
    struct list_node node;
    struct part *part;
    uint32_t rank;
    struct idset *ranks;
    flux_future_t *f;         /* the launch stream; NULL when it has ended */
    double give_up;           /* it is away: the time to stop looking for it; or 0 */
    flux_watcher_t *retry_w;
};

/* part.c: account for news, of this broker or of one below. */
void part_update (struct part *part, const struct update *u);

/* branch.c */
void branch_free (struct branch *b);
void branch_detach (struct branch *b);
/* Sort the job's ranks into ours, and those behind each broker below.  On rank 0, what
 * is behind none does not exist (such as fake resources). */
int part_route (struct part *part, const struct idset *ranks, struct idset *nowhere);
/* Send 'text', the launch request, to all below. */
void part_launch_branches (struct part *part, const char *text);
/* Ask those below that have shells for all that has happened. */
void part_reattach_branches (struct part *part);

/* part_shell.c: start the shell of this rank; 'text' is the start request. */
void part_start_shell (struct part *part, const struct idset *ranks, const char *text,
                       const json_t *jobspec, const char *J);
/* The shell was started by a broker that is gone: take it over when it announces
 * itself, or find that it is dead. */
void part_await_shell (struct part *part);
void part_release_shell (struct part *part);
/* A request to the shell.  One that is being taken over gets it when it is back. */
void part_ask_local_shell (struct part *part, const char *method, const char *args);
void part_forget_asks (struct part *part);
void part_signal_local_tasks (struct part *part, int signum);
/* Drop announcements: of one sender, or (NULL) all. */
void announced_forget (struct parts *ps, const flux_msg_t *sender);

#endif /* !EXEC_PART_PRIVATE_H */
