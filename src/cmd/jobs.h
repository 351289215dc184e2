/* jobs.h - flux jobs
 */
#ifndef CMD_JOBS_H
#define CMD_JOBS_H

int cmd_jobs (int argc, char **argv);

#endif /* !CMD_JOBS_H */
