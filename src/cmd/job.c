/* job.c - the table of flux job subcommands (flux-job(1))
 */
#include "cmd/cmd.h"
#include "cmd/job.h"
#include "cmd/procs.h"

#define OPT(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = (ARG) ? 1 : 0, .arginfo = ARG, .usage = USAGE }
#define OPTIONAL(NAME, KEY, ARG, USAGE) \
    { .name = NAME, .key = KEY, .has_arg = 2, .arginfo = ARG, .usage = USAGE, \
      .flags = OPTPARSE_OPT_SHORTOPT_OPTIONAL_ARG }

static struct optparse_option attach_opts[] = {
    OPT ("label-io", 'l', NULL, "Label output by rank"),
    OPT ("unbuffered", 'u', NULL, "Do not buffer stdin (it never is)"),
    OPT ("stdin-ranks", 'i', "RANKS", "Send standard input to only RANKS (default: all)"),
    OPTIONAL ("tail", 0, "NUM", "Output only the last NUM lines (default 10)"),
    OPT ("read-only", 0, NULL, "Disable reading stdin and capturing signals"),
    OPT ("verbose", 'v', NULL, "Increase verbosity"),
    OPT ("wait-event", 'w', "EVENT", "Wait for event EVENT before detaching (default=finish)"),
    OPT ("show-events", 'E', NULL, "Show job events on stderr"),
    OPT ("show-exec", 'X', NULL, "Show exec events on stderr"),
    OPT ("show-status", 0, NULL, "Show job status line while pending"),
    OPT ("debug", 0, NULL, "Enable parallel debugger to attach to a running job"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option cancel_opts[] = {
    OPT ("message", 'm', "NOTE", "Set optional cancel exception note"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option hostpids_opts[] = {
    OPT ("delimiter", 'd', "STRING", "Set output delimiter (default=\",\")"),
    OPT ("ranks", 'r', "IDSET", "Include only task ranks in IDSET (default: all)"),
    OPT ("timeout", 't', "DURATION", "Timeout after DURATION"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option raise_opts[] = {
    OPT ("severity", 's', "N", "Set exception severity [0-7] (default=0)"),
    OPT ("type", 't', "TYPE", "Set exception type (default=cancel)"),
    OPT ("message", 'm', "NOTE", "Set optional exception note"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option raiseall_opts[] = {
    OPT ("severity", 's', "N", "Set exception severity [0-7] (default=7)"),
    OPT ("user", 'u', "USER", "Set target user or 'all' (instance owner only)"),
    OPT ("states", 'S', "STATES", "Set target job states (default=ACTIVE)"),
    OPT ("force", 'f', NULL, "Confirm the command"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option kill_opts[] = {
    OPT ("signal", 's', "SIG", "Send signal SIG (default SIGTERM)"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option killall_opts[] = {
    OPT ("signal", 's', "SIG", "Send signal SIG (default SIGTERM)"),
    OPT ("user", 'u', "USER", "Set target user or 'all' (instance owner only)"),
    OPT ("force", 'f', NULL, "Confirm the command"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option urgency_opts[] = {
    OPT ("verbose", 'v', NULL, "Output old urgency value on success"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option purge_opts[] = {
    OPT ("age-limit", 0, "FSD", "Purge jobs older than this"),
    OPT ("num-limit", 0, "COUNT", "Purge the oldest until at most COUNT are left"),
    OPT ("force", 'f', NULL, "Perform the irreversible purge"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option status_opts[] = {
    OPT ("verbose", 'v', NULL, "Increase verbosity"),
    OPT ("exception-exit-code", 'e', "N", "Set the exit code for jobs that end in an exception"),
    OPT ("json", 'j', NULL, "Dump job result information"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option wait_opts[] = {
    OPT ("all", 'a', NULL, "Wait for all (waitable) jobs"),
    OPT ("verbose", 'v', NULL, "Emit a line of output for all jobs"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option wait_event_opts[] = {
    OPT ("format", 'f', "FORMAT", "Specify output format: text, json"),
    OPT ("time-format", 'T', "FORMAT", "Specify time format: raw, iso, offset, human"),
    OPT ("match-context", 'm', "KEY=VAL", "match key=val in context"),
    OPT ("count", 'c', "COUNT", "required number of matching events"),
    OPT ("timeout", 't', "DURATION", "timeout after DURATION"),
    OPT ("quiet", 'q', NULL, "Do not output matched event"),
    OPT ("verbose", 'v', NULL, "Output all events before matched event"),
    OPT ("waitcreate", 'W', NULL, "If path does not exist, wait for its creation"),
    OPT ("path", 'p', "PATH", "Specify alternate eventlog path suffix"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option eventlog_opts[] = {
    OPT ("format", 'f', "FORMAT", "Specify output format: text, json"),
    OPT ("time-format", 'T', "FORMAT", "Specify time format: raw, iso, offset, human"),
    OPT ("human", 'H', NULL, "Display human-readable output"),
    OPTIONAL ("color", 'L', "WHEN", "Colorize output: always, never, auto"),
    OPT ("follow", 'F', NULL, "Follow the eventlog until the job is inactive"),
    OPT ("path", 'p', "PATH", "Specify alternate eventlog path suffix"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option info_opts[] = {
    OPT ("original", 'o', NULL, "For key \"jobspec\", return the original submitted jobspec"),
    OPT ("base", 'b', NULL, "For key \"jobspec\" or \"R\", do not apply updates"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option id_opts[] = {
    OPT ("to", 't', "FORM", "Convert jobid to FORM: dec, hex, dothex, kvs, f58, f58plain, emoji"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option taskmap_opts[] = {
    OPT ("taskids", 0, "NODEID", "Print idset of tasks on node NODEID"),
    OPT ("ntasks", 0, "NODEID", "Print number of tasks on node NODEID"),
    OPT ("nodeid", 0, "TASKID", "Print the node of task TASKID"),
    OPT ("hostname", 0, "TASKID", "Print the hostname of the node of task TASKID"),
    OPT ("to", 0, "FORM", "Convert an RFC 34 task map to raw, pmi, multiline or hosts"),
    OPTPARSE_TABLE_END,
};

static struct optparse_option timeleft_opts[] = {
    OPT ("human", 'H', NULL, "Output in Flux Standard Duration instead of seconds"),
    OPTPARSE_TABLE_END,
};

static struct optparse_subcommand subcommands[] = {
    { "attach", job_attach, "[OPTIONS] JOBID", "Interactively attach to job", 0, attach_opts },
    { "cancel", job_cancel, "[OPTIONS] JOBID... [message...]", "Cancel one or more jobs", 0, cancel_opts },
    { "eventlog", job_eventlog, "[OPTIONS] JOBID", "Display eventlog for a job", 0, eventlog_opts },
    { "hostpids", job_hostpids, "[OPTIONS] JOBID", "Print host:pid pairs for tasks of running job", 0, hostpids_opts },
    { "id", job_id, "[OPTIONS] [JOBID...]", "Convert jobid(s) to another form", 0, id_opts },
    { "info", job_info, "[OPTIONS] JOBID KEY", "Display info for a job", 0, info_opts },
    { "kill", job_kill, "[OPTIONS] JOBID...", "Send signal to running job", 0, kill_opts },
    { "killall", job_killall, "[OPTIONS]", "Send signal to multiple running jobs", 0, killall_opts },
    { "last", job_last, "[N|SLICE]", "List my most recently submitted job id(s)", 0, NULL },
    { "purge", job_purge, "[OPTIONS] [JOBID...]", "Purge inactive jobs", 0, purge_opts },
    { "raise", job_raise, "[OPTIONS] JOBID... [message...]", "Raise exception on one or more jobs", 0, raise_opts },
    { "raiseall", job_raiseall, "[OPTIONS] TYPE [NOTE]", "Raise an exception on multiple jobs", 0, raiseall_opts },
    { "status", job_status, "[OPTIONS] JOBID...", "Wait for job(s) to complete and exit with largest exit code", 0, status_opts },
    { "taskmap", job_taskmap, "[OPTIONS] JOBID|TASKMAP", "Utility function for working with job task maps", 0, taskmap_opts },
    { "timeleft", job_timeleft, "[OPTIONS] [JOBID]", "Find remaining runtime for job or enclosing instance", 0, timeleft_opts },
    { "urgency", job_urgency, "[OPTIONS] JOBID URGENCY", "Set job urgency (0-31, HOLD, EXPEDITE, or DEFAULT)", 0, urgency_opts },
    { "wait", job_wait, "[--all] [JOBID]", "Wait for job(s) to complete", 0, wait_opts },
    { "wait-event", job_wait_event, "[OPTIONS] JOBID EVENT", "Wait for an event", 0, wait_event_opts },
    OPTPARSE_SUBCMD_END,
};

int cmd_job (int argc, char **argv)
{
    return cmd_run_subcommands (subcommands, argc, argv);
}
