/* jobs.h - flux jobs
 */
#ifndef CMD_JOBS_H
#define CMD_JOBS_H

int cmd_jobs (int argc, char **argv);

/* A built-in output format of flux jobs by name, or NULL. */
const char *jobs_format (const char *name);

#endif /* !CMD_JOBS_H */
