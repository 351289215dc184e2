/* abandon.h - shells on brokers that are away, of a job that does not wait for them
 *
 *   the job ends      its broker is back
 *   lost ───────────► job-exec.reap {tag}, again and again ──► nothing of it is left
 *                     or it has been away for as long as its shells wait for it
 *
 * They may outlive their broker (shell/orphan.c), and nobody would tell them that the job
 * has ended.
 */
#ifndef EXEC_ABANDON_H
#define EXEC_ABANDON_H

struct idset;
struct jobexec;
struct list_node;

/* Processes of 'tag' (see reap.h) on these ranks, which end by themselves after 'seconds'. */
void abandon_ranks (struct jobexec *ctx, const struct idset *ranks, const char *tag,
                    double seconds);
void abandoned_free (struct list_node *abandoned);

#endif /* !EXEC_ABANDON_H */
