/* job.h - flux job, flux cancel (flux-job(1), flux-cancel(1))
 *
 * The subcommands are spread over job_act.c (change a job), job_wait.c (wait for
 * one), job_show.c (read one); job.c has the table.
 */
#ifndef CMD_JOB_H
#define CMD_JOB_H

#include <flux/optparse.h>

int cmd_job (int argc, char **argv);
int cmd_cancel (int argc, char **argv);

int job_attach (optparse_t *p, int argc, char **argv);
int job_cancel (optparse_t *p, int argc, char **argv);
int job_kill (optparse_t *p, int argc, char **argv);
int job_killall (optparse_t *p, int argc, char **argv);
int job_raise (optparse_t *p, int argc, char **argv);
int job_raiseall (optparse_t *p, int argc, char **argv);
int job_urgency (optparse_t *p, int argc, char **argv);
int job_purge (optparse_t *p, int argc, char **argv);

int job_status (optparse_t *p, int argc, char **argv);
int job_wait (optparse_t *p, int argc, char **argv);
int job_wait_event (optparse_t *p, int argc, char **argv);

int job_eventlog (optparse_t *p, int argc, char **argv);
int job_info (optparse_t *p, int argc, char **argv);
int job_id (optparse_t *p, int argc, char **argv);
int job_last (optparse_t *p, int argc, char **argv);
int job_taskmap (optparse_t *p, int argc, char **argv);
int job_timeleft (optparse_t *p, int argc, char **argv);

/* Signal number of a number or name ("TERM", "SIGTERM"), or -1. */
int job_signal_parse (const char *s);

#endif /* !CMD_JOB_H */
