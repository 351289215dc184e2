/* exec.h - the execution services
 *
 *   rexec     runs processes for the instance owner, on each broker (RFC 42)
 *   job-exec  launches the shells of jobs (RFC 32)
 *
 * See README.md for what happens on each request.
 */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include "core/builtin.h"

extern const struct builtin rexec_builtin;
extern const struct builtin job_exec_builtin;

/* The running shells of this broker, which outlive job-exec when it is
 * removed. */
extern const struct builtin_data job_exec_data;

#endif /* !EXEC_EXEC_H */
