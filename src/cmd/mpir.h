/* mpir.h - what a parallel debugger finds in the process that starts or follows a job
 *
 * The MPIR interface (MPI Forum, "The MPIR Process Acquisition Interface", 1.1): the
 * debugger runs this process, sets MPIR_being_debugged, and stops in MPIR_Breakpoint(),
 * where MPIR_proctable says which processes there are.  Then they are let go on.
 *
 * With the extension for tools: what MPIR_executable_path and MPIR_server_arguments name
 * then is started on each node of the job.
 */
#ifndef CMD_MPIR_H
#define CMD_MPIR_H

#include <stdbool.h>
#include <jansson.h>
#include <flux/core.h>

/* A debugger runs this process. */
bool mpir_wanted (void);

/* Show the tasks, as procs_get() gives them, and stop.  0 or negative errno; called once
 * a process. */
int mpir_show (json_t *tasks);

/* Start the tool that the debugger has named, if it has, on each node of the job; what is
 * left of it ends with the job.  0 or negative errno. */
int mpir_start_tool (flux_jobid_t id);

#endif /* !CMD_MPIR_H */
