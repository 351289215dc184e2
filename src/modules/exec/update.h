/* update.h - what has happened to the shells of a job, on its way to rank 0
 *
 * Updates are merged on the way up the tree of brokers, so that a message says
 * the same of one shell or of a thousand:
 *
 *   {"started":"0-3", "exited":[[0,"0-2"],[256,"3"]], "lost":"7",
 *    "failed":[{"rank":4,"errnum":2,"text":"..."}],
 *    "log":[{"rank":5,"stream":"stderr","data":"..."}],
 *    "barrier":{"init":"0-3"}}
 */
#ifndef EXEC_UPDATE_H
#define EXEC_UPDATE_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

struct idset;

struct exit_bucket {
    int status;              /* wait status */
    struct idset *ranks;
};

struct update {              /* zero-initialised is empty */
    struct idset *started;   /* NULL: none; also lost */
    struct idset *lost;
    struct exit_bucket *exits;
    size_t nexits;
    json_t *failed;
    json_t *log;
    json_t *barrier;         /* name: all ranks so far, also those told before */
};

void update_clear (struct update *u);
bool update_empty (const struct update *u);

/* A set of one, for these; the caller destroys.  NULL: no memory. */
struct idset *update_rank (uint32_t rank);
/* Add.  0 or -ENOMEM. */
int update_started (struct update *u, const struct idset *ranks);
int update_lost (struct update *u, const struct idset *ranks);
int update_exited (struct update *u, int status, const struct idset *ranks);
int update_failed (struct update *u, uint32_t rank, int errnum, const char *text);
int update_log (struct update *u, uint32_t rank, const char *stream,
                const char *data, size_t len);
int update_barrier (struct update *u, const char *name, const struct idset *ranks);
/* All of 'from' but its barriers. */
int update_add (struct update *u, const struct update *from);

/* Text for a message (the caller frees), and back.  update_merge() returns 0,
 * -ENOMEM, or -EPROTO; what was good of a bad object may have been added. */
char *update_encode (const struct update *u);
int update_merge (struct update *u, const json_t *o);

#endif /* !EXEC_UPDATE_H */
