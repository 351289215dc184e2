/* table.c - the subcommands, grouped and in the order of "flux help"
 */
#include "cmd/cmd.h"
#include "cmd/admin.h"
#include "cmd/archive.h"
#include "cmd/attr.h"
#include "cmd/batch.h"
#include "cmd/broker.h"
#include "cmd/bulksubmit.h"
#include "cmd/config.h"
#include "cmd/cron.h"
#include "cmd/dmesg.h"
#include "cmd/content.h"
#include "cmd/dump.h"
#include "cmd/event.h"
#include "cmd/exec.h"
#include "cmd/gc.h"
#include "cmd/hostlist.h"
#include "cmd/housekeeping.h"
#include "cmd/job.h"
#include "cmd/jobs.h"
#include "cmd/keygen.h"
#include "cmd/jobtap.h"
#include "cmd/kvs.h"
#include "cmd/lptest.h"
#include "cmd/multiprog.h"
#include "cmd/modprobe.h"
#include "cmd/module.h"
#include "cmd/ion_resource.h"
#include "cmd/overlay.h"
#include "cmd/pgrep.h"
#include "cmd/ping.h"
#include "cmd/pmi.h"
#include "cmd/proxy.h"
#include "cmd/pstree.h"
#include "cmd/queue.h"
#include "cmd/relay.h"
#include "cmd/R.h"
#include "cmd/resource.h"
#include "cmd/shutdown.h"
#include "cmd/sproc.h"
#include "cmd/start.h"
#include "cmd/startlog.h"
#include "cmd/submit.h"
#include "cmd/top.h"
#include "cmd/update.h"
#include "cmd/uptime.h"
#include "cmd/uri.h"
#include "cmd/version.h"
#include "cmd/watch.h"

#define SUBMIT "Run and submit jobs, allocate resources:"
#define COMMON "Common commands from flux-core:"

const struct cmd cmd_table[] = {
    { "run", cmd_run, SUBMIT, "Run a Flux job interactively" },
    { "submit", cmd_submit, SUBMIT, "Submit a job to a Flux instance" },
    { "bulksubmit", cmd_bulksubmit, SUBMIT, "Submit jobs in bulk to a Flux instance" },
    { "batch", cmd_batch, SUBMIT, "Submit a batch script to Flux" },
    { "alloc", cmd_alloc, SUBMIT, "Allocate a new Flux instance for interactive use" },
    { "cancel", cmd_cancel, COMMON, "Cancel one or more jobs" },
    { "config", cmd_config, COMMON, "Manage/query Flux configuration" },
    { "content", cmd_content, COMMON, "Access content storage" },
    { "cron", cmd_cron, COMMON, "Cron-like utility for Flux" },
    { "dmesg", cmd_dmesg, COMMON, "Print or manipulate broker log ring buffer" },
    { "dump", cmd_dump, COMMON, "Dump KVS snapshot to portable archive" },
    { "env", cmd_env_main, COMMON, "Print or run inside a Flux environment" },
    { "event", cmd_event, COMMON, "Send and receive Flux events" },
    { "exec", cmd_exec, COMMON, "Execute processes across flux ranks" },
    { "fsck", cmd_fsck, COMMON, "Check integrity of the KVS backing store" },
    { "gc", cmd_gc, COMMON, "Collect garbage in the KVS content store" },
    { "getattr", cmd_getattr, COMMON, "Get broker attribute" },
    { "help", cmd_help, COMMON, "Display the manual page of a command" },
    { "hostlist", cmd_hostlist, COMMON, "Fetch, combine, and manipulate hostlists" },
    { "housekeeping", cmd_housekeeping, COMMON, "List and end housekeeping of jobs" },
    { "job", cmd_job, COMMON, "Get job status, info, etc" },
    { "jobs", cmd_jobs, COMMON, "List Flux jobs" },
    { "keygen", cmd_keygen, COMMON, "Generate a certificate for the brokers of a system instance" },
    { "jobtap", cmd_jobtap, COMMON, "List, load and remove job manager plugins" },
    { "kvs", cmd_kvs, COMMON, "Flux key-value store utility" },
    { "logger", cmd_logger, COMMON, "Create a Flux log entry" },
    { "lptest", cmd_lptest, COMMON, "Print lines of a ripple pattern" },
    { "lsattr", cmd_lsattr, COMMON, "List broker attributes" },
    { "modprobe", cmd_modprobe, COMMON, "Load and unload modules as configured" },
    { "module", cmd_module, COMMON, "Manage Flux extension modules" },
    { "multi-prog", cmd_multi_prog, COMMON, "Run a parallel program with a different command for each task" },
    { "ion-resource", cmd_ion_resource, COMMON, "Query resources of the graph scheduler" },
    { "overlay", cmd_overlay, COMMON, "Show flux overlay network status" },
    { "pgrep", cmd_pgrep, COMMON, "List jobs by name or id range" },
    { "ping", cmd_ping, COMMON, "Measure round-trip latency to a Flux service" },
    { "pkill", cmd_pkill, COMMON, "Cancel jobs by name or id range" },
    { "pmi", cmd_pmi, COMMON, "Test the PMI service of a launcher" },
    { "proxy", cmd_proxy, COMMON, "Proxy connections to Flux jobs and instances" },
    { "pstree", cmd_pstree, COMMON, "Display the job hierarchy" },
    { "queue", cmd_queue, COMMON, "List and manipulate Flux queues" },
    { "R", cmd_R, COMMON, "Write, read and combine resource sets" },
    { "resource", cmd_resource, COMMON, "List/manipulate Flux resource status" },
    { "restore", cmd_restore, COMMON, "Restore KVS snapshot from portable archive" },
    { "setattr", cmd_setattr, COMMON, "Set broker attribute" },
    { "shutdown", cmd_shutdown, COMMON, "Shut down a Flux instance" },
    { "sproc", cmd_sproc, COMMON, "Manage subprocesses of brokers" },
    { "start", cmd_start, COMMON, "Bootstrap a local Flux instance" },
    { "startlog", cmd_startlog, COMMON, "List the start and stop times of the instance" },
    { "top", cmd_top, COMMON, "Display running Flux jobs" },
    { "update", cmd_update, COMMON, "Update attributes of an active job" },
    { "uptime", cmd_uptime, COMMON, "Tell how long Flux has been up and running" },
    { "uri", cmd_uri, COMMON, "Resolve Flux URIs" },
    { "version", cmd_version, COMMON, "Display flux version information" },
    { "watch", cmd_watch, COMMON, "Monitor one or more Flux jobs" },
    { "admin", cmd_admin, COMMON, "Flux instance administration" },
    { "archive", cmd_archive, COMMON, "Archive files in the KVS" },
    { "broker", cmd_broker, NULL, "Start a message broker" },
    { "relay", cmd_relay, NULL, "Pass messages on, for ssh:// URIs" },
    { NULL, NULL, NULL, NULL },
};
