/* rendezvous.h - the two sides of a rendezvous: rank 0, and those who look for it
 *
 * Rank 0 listens on a port and leaves its card in a file, the others read the file and
 * connect:
 *
 *   rank 0   listen, write DIR/.flux-ID             wait for all ...   answer all
 *   rank n   read DIR/.flux-ID until it is there, connect   ── put ──►   ◄── all puts
 *
 * The file has mode 0600 and is removed when all have found it.  A stale one (its
 * writer is dead) is read again until the time is over.  Only for method_rendezvous.c.
 */
#ifndef PMI_RENDEZVOUS_H
#define PMI_RENDEZVOUS_H

#include <poll.h>
#include <signal.h>
#include <flux/core/types.h>
#include <jansson.h>

#include "pmi/rendezvous_wire.h"

struct rendezvous_args {
    const char *path;                         /* of the file */
    const char *first_host;                   /* where rank 0 may be, or NULL */
    int rank;
    int size;
    double timeout;                           /* seconds, may be INFINITY */
    const volatile sig_atomic_t *interrupt;   /* or NULL */
};

struct rendezvous_leader;
struct rendezvous_follower;

/* The strings that 'args' refers to are borrowed for life.  NULL with errno and
 * err->text. */
struct rendezvous_leader *rendezvous_leader_new (const struct rendezvous_args *args,
                                                 flux_error_t *err);
/* Wait for all, and give each what all put.  *allp is a new reference.  On failure,
 * all have been told. */
int rendezvous_leader_barrier (struct rendezvous_leader *l, json_t *put, json_t **allp,
                               flux_error_t *err);
void rendezvous_leader_fail (struct rendezvous_leader *l, const char *text);
void rendezvous_leader_free (struct rendezvous_leader *l);

struct rendezvous_follower *rendezvous_follower_new (const struct rendezvous_args *args,
                                                     flux_error_t *err);
int rendezvous_follower_barrier (struct rendezvous_follower *f, json_t *put, json_t **allp,
                                 flux_error_t *err);
void rendezvous_follower_fail (struct rendezvous_follower *f, const char *text);
void rendezvous_follower_free (struct rendezvous_follower *f);

/* --- what both need --- */

double rendezvous_now (void);
/* poll(2) that looks at *interrupt: > 0, -EINTR, -ETIMEDOUT, another errno. */
int rendezvous_poll (struct pollfd *fds, int n, double deadline,
                     const volatile sig_atomic_t *interrupt);
/* Send all of it, whatever it takes until the deadline. */
int rendezvous_send (int fd, const struct buf *b, double deadline,
                     const volatile sig_atomic_t *interrupt);

#endif /* !PMI_RENDEZVOUS_H */
